use std::path::{Path, PathBuf};

use chromex_core::MarkWindows;
use chromex_core::observe::{Event, Observer, Silent};
use ndarray::Array3;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::bins::BinIndex;
use super::mode::BED_FLAGS;
use super::signal::SignalTally;
use super::tally::{FileTotals, Progress, TASK, Tally};
use super::{CountMode, EmptyBases, Normalisation, ReadFilter, Track, TrackFormat};
use super::{alignments, bam, cram, tag_align};
use crate::compressed::Meter;
use crate::genes::{ChromosomeNames, GeneWindows};
use crate::{Error, Result};

/// The stack of a thread that counts. A CRAM's decoder keeps tables of 768 kilobytes on it, twice that where a stream is
/// striped: with little more, or compiled otherwise, the two megabytes that threads have are over, and the program with
/// them. Memory is taken when touched.
const STACK_BYTES: usize = 16 << 20;

/// Threads that may be asked for: each takes a stack.
const MOST_THREADS: usize = 1024;

/// Counts reads and signal into the bins of windows. By default as `bedtools multicov` does.
///
/// # Examples
///
/// ```
/// use chromex_io::counting::{ReadCounter, Track};
/// use chromex_io::genes::{GeneWindows, Window};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("H3K4me3.tagAlign");
/// # std::fs::write(&path, "chr1\t95\t131\tN\t1000\t+\n").unwrap();
/// let window = Window {
///     id: "ENSG1".into(), symbol: "A".into(), chromosome: "chr1".into(), start: 0, strand: None,
/// };
/// let windows = GeneWindows::new(vec![window], 3, 100, "by hand")?;
/// let counted = ReadCounter::default().count(&windows, &[Track::new("H3K4me3", &path)])?;
/// let counts: Vec<f32> = counted.windows.signal().iter().copied().collect();
/// assert_eq!(counts, [1.0, 1.0, 0.0]);
/// # Ok::<(), chromex_io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadCounter {
    /// What counts as a read in a bin.
    pub mode: CountMode,
    /// Which reads count.
    pub filter: ReadFilter,
    /// What is made of the reads of a bin.
    pub normalisation: Normalisation,
    /// Whether ln(1 + x) is taken at last.
    pub log1p: bool,
    /// Whether what is below 0 without the control may stay below 0.
    pub keep_negative: bool,
    /// What a base is worth that a signal leaves out.
    pub empty_bases: EmptyBases,
    /// When two names of a chromosome mean the same.
    pub chromosomes: ChromosomeNames,
    /// The indexed FASTA that CRAM files were packed against.
    pub reference: Option<PathBuf>,
    /// How many threads read, 1024 at most; as many as there are processors when 0.
    pub threads: usize,
}

/// Windows with what was counted in them.
#[derive(Clone, Debug)]
pub struct CountedWindows {
    /// The counts, `[genes, bins, marks]`, rows as the windows and marks as the tracks.
    pub windows: MarkWindows,
    /// What was found in each file of each track: first its files, then its controls.
    pub totals: Vec<Vec<FileTotals>>,
}

impl ReadCounter {
    /// Where a read's 5' end, moved by 75 bp, lies: what EpiCSeg counts.
    pub fn epicseg() -> Self {
        Self {
            mode: CountMode::FivePrime { shift_bp: 75 },
            filter: ReadFilter::mapped(),
            ..Self::default()
        }
    }

    /// Counts the tracks, a mark each, into the windows.
    ///
    /// Files are read in parallel, each once. The controls of a track are brought to its depth (reads that passed
    /// the filter) and taken off before logarithms; below 0 nothing is left unless
    /// [`keep_negative`](Self::keep_negative) says so. What reaches beyond a chromosome has no reads.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Damaged`], [`Error::CutShort`], [`Error::Unreadable`], [`Error::Record`] and
    /// [`Error::Table`] when a file cannot be read or is not what it should be; [`Error::Chromosomes`] when it
    /// shares no chromosome with the windows; [`Error::NoReads`] when it holds nothing on a chromosome of the windows, or nothing that
    /// passes the filter; [`Error::Index`] when the index of a BAM is that of another; [`Error::NoReference`] when that of a CRAM is
    /// missing; [`Error::Core`] when there is no track, a track has no file, or a
    /// setting cannot be: signals are not normalised by reads, BED and tagAlign know neither pairs nor flags but the
    /// strand, and a track holds reads or signals, not both.
    pub fn count(&self, windows: &GeneWindows, tracks: &[Track]) -> Result<CountedWindows> {
        self.count_observed(windows, tracks, &Silent)
    }

    /// Counts as [`count`](Self::count) does and tells how many bytes were read.
    ///
    /// # Errors
    ///
    /// Those of [`count`](Self::count).
    pub fn count_observed(
        &self,
        windows: &GeneWindows,
        tracks: &[Track],
        observer: &dyn Observer,
    ) -> Result<CountedWindows> {
        if self.threads > MOST_THREADS {
            return Err(chromex_core::Error::Setting {
                name: "threads",
                expected: format!("at most {MOST_THREADS}"),
                found: self.threads.to_string(),
            }
            .into());
        }
        let files = self.files(tracks)?;
        let bins = BinIndex::new(windows, self.chromosomes);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .stack_size(STACK_BYTES)
            .build()
            .map_err(|source| Error::Io {
                action: "start threads for",
                path: tracks[0].files[0].clone(),
                source: std::io::Error::other(source),
            })?;
        let bytes = |path: &Path| path.metadata().map_or(0, |data| data.len());
        let steps = files.iter().flatten().map(|file| bytes(&file.path)).sum();
        let (task, done) = (TASK, 0);
        observer.observe(&Event::Begin { task, steps, done });
        let progress = Progress {
            observer,
            meter: Meter::default(),
        };
        let counted: Result<Vec<(Vec<f32>, Vec<FileTotals>)>> = pool.install(|| {
            let tracks = files.par_iter();
            let counted = tracks.map(|files| self.track(files, &bins, windows, &progress));
            counted.collect()
        });
        observer.observe(&Event::End { task });
        let (columns, totals): (Vec<_>, Vec<_>) = counted?.into_iter().unzip();
        let shape = (windows.windows().len(), windows.bins(), tracks.len());
        let signal = Array3::from_shape_fn(shape, |(row, bin, mark)| {
            let bin = match windows.is_reversed(row) {
                true => windows.bins() - 1 - bin,
                false => bin,
            };
            columns[mark][row * windows.bins() + bin]
        });
        let marks = tracks.iter().map(|track| track.mark.clone()).collect();
        Ok(CountedWindows {
            windows: MarkWindows::new(signal, marks, windows.bin_width_bp())?,
            totals,
        })
    }

    /// Finds out how every file is written, before any work.
    fn files(&self, tracks: &[Track]) -> Result<Vec<Vec<Input>>> {
        self.mode.check()?;
        if tracks.is_empty() {
            return Err(chromex_core::Error::Empty { what: "the tracks" }.into());
        }
        let of_track = |track: &Track| {
            if track.files.is_empty() {
                return Err(chromex_core::Error::Empty {
                    what: "the files of a track",
                }
                .into());
            }
            let files = track.files.iter().map(|path| (path, false));
            let controls = track.controls.iter().map(|path| (path, true));
            let inputs = files.chain(controls).map(|(path, is_control)| {
                let format = match track.format {
                    Some(format) => format,
                    None => TrackFormat::of(path)?,
                };
                self.check_format(path, format)?;
                Ok(Input {
                    path: path.clone(),
                    format,
                    is_control,
                })
            });
            let inputs = inputs.collect::<Result<Vec<Input>>>()?;
            check_mix(&inputs)?;
            Ok(inputs)
        };
        tracks.iter().map(of_track).collect()
    }

    /// Refuses what a format cannot tell: it would count as nothing, and nobody would know.
    fn check_format(&self, path: &Path, format: TrackFormat) -> Result<()> {
        let refuse = |name, expected: &str, found: String| {
            Err(chromex_core::Error::Setting {
                name,
                expected: format!("{expected} {}", path.display()),
                found,
            }
            .into())
        };
        if format.is_signal() && self.normalisation != Normalisation::None {
            let found = format!("{:?}", self.normalisation);
            return refuse("normalisation", "none for the signal of", found);
        }
        if format == TrackFormat::Bed {
            if self.mode == CountMode::PairedFragments {
                let found = format!("{:?}", self.mode);
                return refuse("mode", "one that needs no pairs for the BED", found);
            }
            let flags = self.filter.required_flags & !BED_FLAGS;
            if flags != 0 {
                let expected = format!("none but {BED_FLAGS:#x} for the BED");
                return refuse("required_flags", &expected, format!("{flags:#x}"));
            }
        }
        Ok(())
    }

    /// Counts the files of a track and gives its bins, row by row in the order of the genome.
    fn track(
        &self,
        inputs: &[Input],
        bins: &BinIndex,
        windows: &GeneWindows,
        progress: &Progress<'_>,
    ) -> Result<(Vec<f32>, Vec<FileTotals>)> {
        let has_control = inputs.iter().any(|input| input.is_control);
        let needs_whole = has_control || self.normalisation != Normalisation::None;
        // Those of the files and those of the controls.
        let mut sums = [vec![0.0; bins.cells()], Vec::new()];
        if has_control {
            sums[1].resize(bins.cells(), 0.0);
        }
        let mut reads = [0; 2];
        let mut all_totals = Vec::new();
        for input in inputs {
            let (cells, totals) = self.file(input, bins, windows, needs_whole, progress)?;
            let side = usize::from(input.is_control);
            for (sum, cell) in sums[side].iter_mut().zip(cells) {
                *sum += cell;
            }
            reads[side] += totals.passed;
            all_totals.push(totals);
        }
        let is_signal = inputs.iter().any(|input| input.format.is_signal());
        let factor = self.normalisation.factor(reads[0], windows.bin_width_bp());
        let control_factor = match is_signal {
            true => 1.0,
            false => factor * reads[0] as f64 / reads[1].max(1) as f64,
        };
        let [cells, controls] = sums;
        let value = |(place, cell): (usize, f64)| {
            let control = controls
                .get(place)
                .map_or(0.0, |control| control * control_factor);
            let mut value = cell * factor - control;
            if has_control && !self.keep_negative {
                value = value.max(0.0);
            }
            match self.log1p {
                true => value.signum() * value.abs().ln_1p(),
                false => value,
            }
        };
        let values = cells.into_iter().enumerate().map(value);
        Ok((values.map(|value| value as f32).collect(), all_totals))
    }

    /// Counts one file and gives reads, mean depth or mean signal per bin.
    fn file(
        &self,
        input: &Input,
        bins: &BinIndex,
        windows: &GeneWindows,
        needs_whole: bool,
        progress: &Progress<'_>,
    ) -> Result<(Vec<f64>, FileTotals)> {
        let path = input.path.as_path();
        let width = windows.bin_width_bp();
        if input.format.is_signal() {
            let tally = SignalTally::new(bins);
            let tally = match input.format {
                TrackFormat::BigWig => tally.add_big_wig(path, progress)?,
                _ => tally.add_bed_graph(path, progress)?,
            };
            let mut tally = tally;
            tally.check(path)?;
            let (means, mut totals) = tally.means(path, width, self.empty_bases)?;
            totals.path = input.path.clone();
            return Ok((means, totals));
        }
        let tally = Tally::new(bins, self.mode, &self.filter);
        let mut tally = match input.format {
            TrackFormat::Bam => bam::count(path, tally, needs_whole, progress)?,
            TrackFormat::Cram => {
                cram::count_cram(path, tally, self.reference.as_deref(), progress)?
            }
            TrackFormat::Sam => alignments::count_sam(path, tally, progress)?,
            _ => tag_align::count(path, tally, progress)?,
        };
        tally.check(path)?;
        let mut totals = tally.totals;
        totals.path = input.path.clone();
        let divisor = match self.mode.counts_bases() {
            true => f64::from(width),
            false => 1.0,
        };
        let cells = tally.cells.iter().map(|&cell| cell as f64 / divisor);
        Ok((cells.collect(), totals))
    }
}

/// Refuses a track of reads and signals: their sums would mean nothing.
fn check_mix(inputs: &[Input]) -> Result<()> {
    let first = &inputs[0];
    let is_other = |input: &&Input| input.format.is_signal() != first.format.is_signal();
    let Some(other) = inputs.iter().find(is_other) else {
        return Ok(());
    };
    let kind = |input: &Input| match input.format.is_signal() {
        true => "signal",
        false => "reads",
    };
    Err(chromex_core::Error::Setting {
        name: "files and controls of a track",
        expected: format!("{} as in {}", kind(first), first.path.display()),
        found: format!("{} in {}", kind(other), other.path.display()),
    }
    .into())
}

/// A file of a track.
struct Input {
    path: PathBuf,
    format: TrackFormat,
    is_control: bool,
}
