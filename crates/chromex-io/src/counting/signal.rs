use std::path::Path;

use super::bins::BinIndex;
use super::normalise::EmptyBases;
use super::tally::{FileTotals, Names, Progress};
use crate::genes::is_remark;
use crate::lines::{LONGEST_LINE_BYTES, Lines};
use crate::tracks::{BigWigReader, parse_bed_graph};
use crate::{Error, Result};

/// The signal of one file under way.
pub(super) struct SignalTally<'a> {
    bins: &'a BinIndex,
    /// Values times bases, per row and bin in the order of the genome.
    sums: Vec<f64>,
    covered: Vec<u32>,
    pub(super) totals: FileTotals,
    pub(super) names: Names,
    /// On which chromosomes of the windows the file has values.
    has_values: Vec<bool>,
}

impl<'a> SignalTally<'a> {
    pub(super) fn new(bins: &'a BinIndex) -> Self {
        Self {
            bins,
            sums: vec![0.0; bins.cells()],
            covered: vec![0; bins.cells()],
            totals: FileTotals::default(),
            names: Names::default(),
            has_values: vec![false; bins.names().count()],
        }
    }

    /// Refuses a signal without a value on any chromosome of the windows.
    pub(super) fn check(&mut self, path: &Path) -> Result<()> {
        let is_empty = self.totals.read == 0 && self.totals.is_whole;
        let (names, bins) = (&self.names, self.bins);
        let without = names.without(path, bins, &self.has_values, ("value", is_empty))?;
        self.totals.without_reads = without;
        Ok(())
    }

    /// Adds the signal of a bedGraph, sorted or not. Intervals that overlap are refused where one follows the other; where
    /// the file is not sorted, only when a bin gets more bases than it has.
    pub(super) fn add_bed_graph(mut self, path: &Path, progress: &Progress<'_>) -> Result<Self> {
        let mut lines = Lines::open_metered(path, LONGEST_LINE_BYTES, progress.meter.clone())?;
        // Chromosome, start and end of the interval before, where it holds a base.
        let mut before: Option<(Vec<u8>, i64, i64)> = None;
        while lines.advance()? {
            if is_remark(lines.line()) {
                continue;
            }
            let interval = parse_bed_graph(&lines)?;
            if interval.start < interval.end {
                let (start, end) = (interval.start, interval.end);
                match &mut before {
                    Some((name, first, past)) if name == interval.chromosome => {
                        if *first <= start && start < *past {
                            let expected =
                                format!("intervals apart: the one before ends at {past}");
                            return Err(lines.error(Some(2), expected, start.to_string()));
                        }
                        (*first, *past) = (start, end);
                    }
                    _ => before = Some((interval.chromosome.to_vec(), start, end)),
                }
            }
            let chromosome = self.bins.chromosome(interval.chromosome);
            self.names.note(interval.chromosome, chromosome.is_some());
            self.add(chromosome, (interval.start, interval.end), interval.value);
            progress.report(self.totals.read);
        }
        self.totals.is_whole = true;
        Ok(self)
    }

    /// Adds the signal of a bigWig, of which only what windows cover is read.
    pub(super) fn add_big_wig(mut self, path: &Path, progress: &Progress<'_>) -> Result<Self> {
        let mut reader = BigWigReader::open_metered(path, progress.meter.clone())?;
        for (name, length) in reader.chromosomes().to_vec() {
            let chromosome = self.bins.chromosome(name.as_bytes());
            self.names.note(name.as_bytes(), chromosome.is_some());
            let Some(chromosome) = chromosome else {
                continue;
            };
            self.has_values[chromosome] |= reader.has_values(&name, length)?;
            for (start, end) in self.bins.covered(chromosome, 0) {
                let span = (start, end.min(i64::from(length)));
                if span.0 >= span.1 {
                    continue;
                }
                reader.each(
                    &name,
                    (span.0 as u32, span.1 as u32),
                    |start, end, value| {
                        self.add(Some(chromosome), (start.into(), end.into()), value);
                        progress.report(self.totals.read);
                    },
                )?;
            }
        }
        Ok(self)
    }

    fn add(&mut self, chromosome: Option<usize>, span: (i64, i64), value: f32) {
        self.totals.read += 1;
        // What other programs write for bases without a value.
        if value.is_nan() {
            return;
        }
        self.totals.passed += 1;
        let Some(chromosome) = chromosome else {
            self.totals.elsewhere += 1;
            return;
        };
        self.has_values[chromosome] |= span.0 < span.1;
        let mut is_counted = false;
        let (sums, covered) = (&mut self.sums, &mut self.covered);
        self.bins.overlaps(chromosome, span, |cell, bases| {
            sums[cell] += f64::from(value) * bases as f64;
            covered[cell] = covered[cell].saturating_add(bases as u32);
            is_counted = true;
        });
        self.totals.counted += u64::from(is_counted);
    }

    /// Gives the mean of each bin.
    pub(super) fn means(
        self,
        path: &Path,
        bin_width_bp: u32,
        empty: EmptyBases,
    ) -> Result<(Vec<f64>, FileTotals)> {
        if let Some(cell) = self.covered.iter().position(|&bases| bases > bin_width_bp) {
            let source = format!("intervals overlap: {} bases in a bin", self.covered[cell]);
            return Err(Error::Unreadable {
                path: path.to_owned(),
                format: "a signal of one value per base",
                source: source.into(),
            });
        }
        let mean = |(sum, covered): (&f64, &u32)| match empty {
            EmptyBases::Zero => sum / f64::from(bin_width_bp),
            EmptyBases::LeftOut => sum / f64::from((*covered).max(1)),
        };
        let means = self.sums.iter().zip(&self.covered).map(mean).collect();
        Ok((means, self.totals))
    }
}
