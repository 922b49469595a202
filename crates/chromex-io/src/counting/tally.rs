use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use chromex_core::observe::{Event, Observer};
use serde::{Deserialize, Serialize};

use super::bins::BinIndex;
use super::mode::{CountMode, Read, ReadFilter};
use crate::compressed::Meter;
use crate::genes::first_of;
use crate::{Error, Result};

/// What was found in one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileTotals {
    /// The file.
    pub path: PathBuf,
    /// Reads, or intervals of a signal, that were looked at. A BAM with an index is read only near the windows.
    pub read: u64,
    /// Those that passed the filter.
    pub passed: u64,
    /// Those that counted in at least one bin.
    pub counted: u64,
    /// Those that passed and lie on a chromosome that no window names.
    pub elsewhere: u64,
    /// Whether the whole file was read.
    pub is_whole: bool,
    /// Chromosomes of the windows on which the file has nothing, as the windows name them.
    #[serde(default)]
    pub without_reads: Vec<String>,
    /// What else is to be known of how the file was read; empty where nothing is.
    #[serde(default)]
    pub remark: String,
}

/// Counts under way.
pub(super) struct Tally<'a> {
    pub(super) bins: &'a BinIndex,
    pub(super) mode: CountMode,
    pub(super) filter: &'a ReadFilter,
    /// Reads or bases, per row and bin in the order of the genome.
    pub(super) cells: Vec<u64>,
    pub(super) totals: FileTotals,
    pub(super) names: Names,
    /// On which chromosomes of the windows the file has reads, whether they pass or not.
    pub(super) has_reads: Vec<bool>,
    /// Reads that passed, lie on a chromosome of the windows and have bases that could count.
    spanned: u64,
}

/// Which chromosomes a file names.
#[derive(Debug, Default)]
pub(super) struct Names {
    is_any_known: bool,
    /// A few of those that no window names.
    unknown: Vec<String>,
    /// The last that was noted, of which the next is mostly another line.
    last: Vec<u8>,
}

/// Tells an observer how many bytes of all files have been read.
pub(super) struct Progress<'a> {
    pub(super) observer: &'a dyn Observer,
    pub(super) meter: Meter,
}

/// What progress is reported as.
pub(super) const TASK: &str = "count reads";

impl Progress<'_> {
    /// Reports how far the files were read, once in a while.
    #[inline]
    pub(super) fn report(&self, reads: u64) {
        if reads.is_multiple_of(1 << 18) {
            let done = self.meter.0.load(Ordering::Relaxed);
            let (task, values) = (TASK, &[][..]);
            self.observer.observe(&Event::Step { task, done, values });
        }
    }
}

impl Names {
    /// Takes note of a chromosome of the file.
    pub(super) fn note(&mut self, name: &[u8], is_known: bool) {
        const NOTED: usize = 10;
        self.is_any_known |= is_known;
        if is_known || self.unknown.len() == NOTED || self.last == name {
            return;
        }
        self.last.clear();
        self.last.extend_from_slice(name);
        let name = String::from_utf8_lossy(&name[..name.len().min(40)]).into_owned();
        if !self.unknown.contains(&name) {
            self.unknown.push(name);
        }
    }

    /// Refuses a file none of whose chromosomes a window names: that is a misunderstanding and not a file of zeros.
    pub(super) fn check(&self, path: &Path, bins: &BinIndex) -> Result<()> {
        if self.is_any_known || self.unknown.is_empty() {
            return Ok(());
        }
        Err(Error::Chromosomes {
            path: path.to_owned(),
            windows: first_of(&bins.names().collect::<Vec<_>>()),
            file: self.unknown.join(", "),
        })
    }

    /// Refuses a file that has nothing on any chromosome of the windows, though its header may name them, and lists the
    /// chromosomes on which it has nothing otherwise.
    pub(super) fn without(
        &self,
        path: &Path,
        bins: &BinIndex,
        has_any: &[bool],
        (what, is_empty): (&str, bool),
    ) -> Result<Vec<String>> {
        self.check(path, bins)?;
        let windows: Vec<&str> = bins.names().collect();
        if has_any.iter().any(|has| *has) {
            let without = windows.iter().zip(has_any).filter(|(_, has)| !**has);
            return Ok(without.map(|(name, _)| (*name).to_owned()).collect());
        }
        let advice = match (is_empty, self.unknown.as_slice()) {
            (true, _) => {
                "it is empty, or was cut to its header: take it out, or make it again".to_owned()
            }
            (false, []) => {
                "those that it has lie on no chromosome at all, or are no numbers".to_owned()
            }
            (false, unknown) => format!(
                "the windows are on {}, the file also names {}: take the windows and the file of one assembly",
                first_of(&windows),
                first_of(unknown)
            ),
        };
        Err(Error::NoReads {
            path: path.to_owned(),
            what: format!("no {what} of it lies on a chromosome of the windows"),
            advice,
        })
    }
}

impl<'a> Tally<'a> {
    pub(super) fn new(bins: &'a BinIndex, mode: CountMode, filter: &'a ReadFilter) -> Self {
        Self {
            bins,
            mode,
            filter,
            cells: vec![0; bins.cells()],
            totals: FileTotals::default(),
            names: Names::default(),
            has_reads: vec![false; bins.names().count()],
            spanned: 0,
        }
    }

    /// Refuses a file of which nothing can count: zeros would say that there is no signal where there is no file.
    pub(super) fn check(&mut self, path: &Path) -> Result<()> {
        let is_empty = self.totals.read == 0 && self.totals.is_whole;
        let (names, bins) = (&self.names, self.bins);
        let without = names.without(path, bins, &self.has_reads, ("read", is_empty))?;
        self.totals.without_reads = without;
        let refused = |what: String, advice: &str| {
            Err(Error::NoReads {
                path: path.to_owned(),
                what,
                advice: advice.to_owned(),
            })
        };
        let totals = &self.totals;
        let whole = if totals.is_whole {
            ""
        } else {
            " near the windows"
        };
        if totals.read > 0 && totals.passed == 0 {
            return refused(
                format!("none of its {} reads{whole} passes the filter", totals.read),
                "ask for less quality (--quality) or other flags (--reads)",
            );
        }
        if totals.passed > totals.elsewhere && self.spanned == 0 {
            return refused(
                format!(
                    "none of its {} reads{whole} has bases that count as {:?}",
                    totals.passed, self.mode
                ),
                "reads that are no proper pairs need another mode (--mode)",
            );
        }
        Ok(())
    }

    /// Counts a read; its chromosome is nothing where no window names it.
    #[inline]
    pub(super) fn add(&mut self, chromosome: Option<usize>, read: &Read) {
        self.totals.read += 1;
        if let Some(chromosome) = chromosome {
            self.has_reads[chromosome] = true;
        }
        if !self.filter.passes(read) {
            return;
        }
        self.totals.passed += 1;
        let Some(chromosome) = chromosome else {
            self.totals.elsewhere += 1;
            return;
        };
        let Some(span) = self.mode.span(read) else {
            return;
        };
        self.spanned += 1;
        let counts_bases = self.mode.counts_bases();
        let cells = &mut self.cells;
        let mut is_counted = false;
        self.bins.overlaps(chromosome, span, |cell, bases| {
            cells[cell] += if counts_bases { bases } else { 1 };
            is_counted = true;
        });
        self.totals.counted += u64::from(is_counted);
    }

    /// Adds what another thread counted.
    pub(super) fn join(mut self, other: &Self) -> Self {
        for (cell, more) in self.cells.iter_mut().zip(&other.cells) {
            *cell += more;
        }
        self.totals.read += other.totals.read;
        self.totals.passed += other.totals.passed;
        self.totals.counted += other.totals.counted;
        self.totals.elsewhere += other.totals.elsewhere;
        self.spanned += other.spanned;
        for (own, more) in self.has_reads.iter_mut().zip(&other.has_reads) {
            *own |= more;
        }
        self
    }
}
