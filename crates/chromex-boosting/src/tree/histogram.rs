//! The histogram method: candidates are the ends of bins, as in XGBoost's `hist`.
//!
//! A node with many rows sums its gradients into a histogram of all bins; of two siblings only the smaller
//! is summed, the other is what their parent's histogram has more. A node with few rows, in which most
//! bins are empty, visits only the bins that its rows fall in, and keeps nothing: so a wide table of few
//! rows needs no memory for histograms, and never scans more bins than it has rows.

use std::ops::Range;

use ndarray::{ArrayView2, Axis, s};
use rayon::prelude::*;

use super::bins::{BinNumber, Bins};
use super::grow::{Columns, Level, Open};
use super::split::{Contest, Penalty, Sums};

/// Columns of a block.
const BLOCK: usize = 32;

/// A node has a full histogram from this many rows per bin of the widest column.
const FULL: usize = 2;

/// Columns cut into bins.
pub(crate) struct BinnedColumns<N> {
    rows: usize,
    columns: Vec<Column>,
    /// Bins by row, column after column.
    numbers: Vec<N>,
    /// The most bins of a column.
    widest: usize,
    /// Full histograms of the open nodes of the level before, column after column.
    kept: Vec<Option<Vec<Sums>>>,
}

/// What is known of one column.
struct Column {
    feature: u32,
    bins: Bins,
    /// Its part of a full histogram.
    part: Range<usize>,
}

/// Bins the columns that are not the same in all rows, in blocks.
pub(crate) fn bin_columns<N: BinNumber>(
    inputs: ArrayView2<'_, f32>,
    max_bins: usize,
) -> Vec<BinnedColumns<N>> {
    let starts: Vec<usize> = (0..inputs.ncols()).step_by(BLOCK).collect();
    starts
        .into_par_iter()
        .map(|start| {
            let end = (start + BLOCK).min(inputs.ncols());
            BinnedColumns::new(inputs.slice(s![.., start..end]), start, max_bins)
        })
        .collect()
}

impl<N: BinNumber> BinnedColumns<N> {
    fn new(inputs: ArrayView2<'_, f32>, first: usize, max_bins: usize) -> Self {
        let mut block = Self {
            rows: inputs.nrows(),
            columns: Vec::new(),
            numbers: Vec::new(),
            widest: 0,
            kept: Vec::new(),
        };
        let mut offset = 0;
        for (index, column) in inputs.axis_iter(Axis(1)).enumerate() {
            let Some(bins) = Bins::new(column.iter().copied(), max_bins) else {
                continue;
            };
            block
                .numbers
                .extend(column.iter().map(|&value| N::narrow(bins.find(value))));
            // One more for missing values.
            let width = bins.ends.len() + 1;
            block.widest = block.widest.max(width);
            block.columns.push(Column {
                feature: (first + index) as u32,
                bins,
                part: offset..offset + width,
            });
            offset += width;
        }
        block
    }

    fn full_width(&self) -> usize {
        self.columns.last().map_or(0, |column| column.part.end)
    }

    /// Sums the gradients of rows into a full histogram.
    fn sum_rows(&self, level: &Level<'_>, rows: Range<usize>) -> Vec<Sums> {
        let mut histogram = vec![Sums::default(); self.full_width()];
        let columns = self.numbers.chunks_exact(self.rows);
        for (column, numbers) in self.columns.iter().zip(columns) {
            let bins = &mut histogram[column.part.clone()];
            for &row in &level.rows[rows.clone()] {
                let row = row as usize;
                bins[numbers[row].widen()].take(level.gradients[row]);
            }
        }
        histogram
    }

    /// Makes the full histograms of the nodes that have many rows.
    fn fill(&mut self, level: &Level<'_>) -> Vec<Option<Vec<Sums>>> {
        let mut parents = std::mem::take(&mut self.kept);
        let is_full = |open: &Open| open.range.len() >= FULL * self.widest;
        let is_larger = |open: &Open| {
            let ordered = |range: &Range<usize>| (range.len(), range.start);
            ordered(&open.range) > ordered(&open.sibling)
        };
        let mut by_subtraction = Vec::new();
        let mut full: Vec<Option<Vec<Sums>>> = vec![None; level.open.len()];
        for (place, open) in level.open.iter().enumerate() {
            if !is_full(open) {
                continue;
            }
            match open
                .parent
                .and_then(|parent| parents[parent].take_if(|_| is_larger(open)))
            {
                Some(parent) => by_subtraction.push((place, parent)),
                None => full[place] = Some(self.sum_rows(level, open.range.clone())),
            }
        }
        for (place, mut histogram) in by_subtraction {
            let open = &level.open[place];
            let sibling = level
                .open
                .iter()
                .position(|other| other.range == open.sibling);
            match sibling.and_then(|sibling| full[sibling].as_ref()) {
                Some(sibling) => subtract(&mut histogram, sibling),
                None => subtract(&mut histogram, &self.sum_rows(level, open.sibling.clone())),
            }
            full[place] = Some(histogram);
        }
        full
    }
}

impl Sums {
    #[inline(always)]
    fn take(&mut self, gradient: f64) {
        self.gradient += gradient;
        self.rows += 1;
    }
}

fn subtract(histogram: &mut [Sums], other: &[Sums]) {
    for (bin, other) in histogram.iter_mut().zip(other) {
        *bin = bin.less(*other);
    }
}

/// What a search of few rows works in.
pub(crate) struct Scratch {
    /// One column's histogram of one node; empty between nodes.
    bins: Vec<Sums>,
    /// A bit for each bin that holds rows.
    mask: Vec<u64>,
    /// The bins that hold rows, ascending.
    filled: Vec<(usize, Sums)>,
}

impl<N: BinNumber> Columns for BinnedColumns<N> {
    type Scratch = Scratch;

    fn scratch(_rows: usize) -> Scratch {
        Scratch {
            bins: Vec::new(),
            mask: Vec::new(),
            filled: Vec::new(),
        }
    }

    fn search(&mut self, level: &Level<'_>, scratch: &mut Scratch, nodes: &mut [Contest]) {
        let full = self.fill(level);
        if scratch.bins.len() < self.widest {
            scratch.bins.resize(self.widest, Sums::default());
            scratch.mask.resize(self.widest.div_ceil(64), 0);
        }
        let columns = self.numbers.chunks_exact(self.rows);
        for (column, numbers) in self.columns.iter().zip(columns) {
            for ((open, full), contest) in level.open.iter().zip(&full).zip(nodes.iter_mut()) {
                match full {
                    Some(full) => scratch.read(&full[column.part.clone()]),
                    None => scratch.sum_rows(numbers, level, open),
                }
                column.scan(&scratch.filled, level.penalty, open, contest);
            }
        }
        self.kept = full;
    }
}

impl Scratch {
    /// Lists the filled bins of a full histogram.
    fn read(&mut self, bins: &[Sums]) {
        self.filled.clear();
        let filled = bins.iter().copied().enumerate();
        self.filled.extend(filled.filter(|(_, sums)| sums.rows > 0));
    }

    /// Lists the bins that the rows of a node fill.
    fn sum_rows<N: BinNumber>(&mut self, numbers: &[N], level: &Level<'_>, open: &Open) {
        for &row in &level.rows[open.range.clone()] {
            let row = row as usize;
            let bin = numbers[row].widen();
            self.bins[bin].take(level.gradients[row]);
            self.mask[bin / 64] |= 1 << (bin % 64);
        }
        self.filled.clear();
        for (word, mask) in self.mask.iter_mut().enumerate() {
            while *mask != 0 {
                let bin = word * 64 + mask.trailing_zeros() as usize;
                self.filled.push((bin, std::mem::take(&mut self.bins[bin])));
                *mask &= *mask - 1;
            }
        }
    }
}

impl Column {
    /// Enters the best end of a bin. An end after empty bins divides the rows as the one before them, so
    /// only filled ones are looked at.
    fn scan(
        &self,
        filled: &[(usize, Sums)],
        penalty: &Penalty,
        open: &Open,
        contest: &mut Contest,
    ) {
        let ends = &self.bins.ends;
        let has_missing = filled.last().is_some_and(|&(bin, _)| bin == ends.len());
        let filled = &filled[..filled.len() - usize::from(has_missing)];
        // From the left, with missing values on the right.
        let mut left = Sums::default();
        for &(bin, sums) in filled {
            left.add(sums);
            if contest.may_win(open.screen.score(left)) {
                contest.enter(penalty, self.feature, left, false, || ends[bin]);
            }
        }
        if !has_missing {
            return;
        }
        // From the right, with missing values on the left.
        let mut right = Sums::default();
        for &(bin, sums) in filled.iter().rev() {
            right.add(sums);
            if contest.may_win(open.screen.score(right)) {
                contest.enter(penalty, self.feature, right, true, || match bin {
                    0 => self.bins.below,
                    _ => ends[bin - 1],
                });
            }
        }
    }
}
