use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use chromex_core::observe::{Event, Observer};
use serde::{Deserialize, Serialize};

use super::bins::BinIndex;
use super::mode::{CountMode, Read, ReadFilter};
use crate::compressed::Meter;
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
}

/// Which chromosomes a file names.
#[derive(Debug, Default)]
pub(super) struct Names {
    is_any_known: bool,
    /// A few of those that no window names.
    unknown: Vec<String>,
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
        self.is_any_known |= is_known;
        if !is_known && !self.is_any_known && self.unknown.len() < 3 {
            let name = String::from_utf8_lossy(&name[..name.len().min(40)]).into_owned();
            if !self.unknown.contains(&name) {
                self.unknown.push(name);
            }
        }
    }

    /// Refuses a file none of whose chromosomes a window names: that is a misunderstanding and not a file of zeros.
    pub(super) fn check(&self, path: &Path, bins: &BinIndex) -> Result<()> {
        if self.is_any_known || self.unknown.is_empty() {
            return Ok(());
        }
        let windows: Vec<&str> = bins.names().take(3).collect();
        Err(Error::Chromosomes {
            path: path.to_owned(),
            windows: windows.join(", "),
            file: self.unknown.join(", "),
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
        }
    }

    /// Counts a read; its chromosome is nothing where no window names it.
    #[inline]
    pub(super) fn add(&mut self, chromosome: Option<usize>, read: &Read) {
        self.totals.read += 1;
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
        self
    }
}
