//! The histogram method: candidates are the ends of bins, as in XGBoost's `hist`.
//!
//! Columns stand in blocks of eight. A block holds the bins of a row side by side, so that one load serves eight
//! updates, and its histogram lies bin by bin with the eight columns side by side, so that a scan compares eight
//! candidates with the same vector instructions. Threads share blocks, not rows: a histogram is built, subtracted and
//! scanned by one thread while it is in that thread's cache.
//!
//! Of two siblings only the smaller is summed; the other is what their parent's histogram has more. A node of few rows,
//! in which most bins are empty, visits only the bins that its rows fall in and keeps nothing: so a wide table of few
//! rows needs no memory for histograms, and never scans more bins than it has rows.

use std::ops::Range;

use ndarray::{ArrayView2, s};
use rayon::prelude::*;

use super::bins::{BinNumber, Bins};
use super::cells::{BLOCK, Cells, Pair, Totals, subtract};
use super::grow::{Columns, Level, Open, part_rows};
use super::split::{Contest, Penalty, Split, Sums};

/// Columns that are sorted into bins together: their floats share lines of the cache.
const STRIPE: usize = 2 * BLOCK;

/// How many bins eight bits number.
const EIGHT_BITS: usize = 1 << 8;

/// Up to eight columns cut into bins.
pub(crate) struct BinnedColumns<N> {
    columns: Vec<Column>,
    /// The bins of each row.
    numbers: Vec<[N; BLOCK]>,
    /// The most bins of a column.
    widest: usize,
    /// Whether any row misses a value; those have the bin after the widest column's.
    has_missing: bool,
    /// Histograms of the open nodes of the level before.
    kept: Vec<Option<Vec<Cells>>>,
}

/// What is known of one column.
struct Column {
    feature: u32,
    bins: Bins,
}

/// Bins the columns that are not the same in all rows, in blocks.
pub(crate) fn bin_columns<N: BinNumber>(
    inputs: ArrayView2<'_, f32>,
    max_bins: usize,
) -> Vec<BinnedColumns<N>> {
    let starts: Vec<usize> = (0..inputs.ncols()).step_by(STRIPE).collect();
    starts
        .into_par_iter()
        .flat_map_iter(|start| {
            let end = (start + STRIPE).min(inputs.ncols());
            let stripe = inputs.slice(s![.., start..end]);
            // Column after column: what follows walks along columns.
            let mut across = vec![0.0; stripe.len()];
            for (row, values) in stripe.rows().into_iter().enumerate() {
                for (column, &value) in values.iter().enumerate() {
                    across[column * inputs.nrows() + row] = value;
                }
            }
            let rows = inputs.nrows();
            let starts = (start..end).step_by(BLOCK);
            starts
                .map(|first| {
                    let columns = (end - first).min(BLOCK);
                    let values = &across[(first - start) * rows..][..columns * rows];
                    BinnedColumns::new(values, rows, first, max_bins)
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

impl<N: BinNumber> BinnedColumns<N> {
    /// Bins columns that lie one after the other.
    fn new(values: &[f32], rows: usize, first: usize, max_bins: usize) -> Self {
        let mut columns = Vec::new();
        let mut present = Vec::new();
        for (index, values) in values.chunks_exact(rows).enumerate() {
            if let Some(bins) = Bins::new(values, None, max_bins) {
                columns.push(Column {
                    feature: (first + index) as u32,
                    bins,
                });
                present.push(values);
            }
        }
        let widest = columns
            .iter()
            .map(|column| column.bins.ends.len())
            .max()
            .unwrap_or(0);
        let mut numbers = vec![[N::narrow(0); BLOCK]; rows];
        let mut has_missing = false;
        for (place, (column, values)) in columns.iter().zip(present).enumerate() {
            for (numbers, &value) in numbers.iter_mut().zip(values) {
                numbers[place] = N::narrow(if value.is_nan() {
                    has_missing = true;
                    widest
                } else {
                    column.bins.find(value)
                });
            }
        }
        Self {
            columns,
            numbers,
            widest,
            has_missing,
            kept: Vec::new(),
        }
    }

    /// How many bins a histogram has.
    fn width(&self) -> usize {
        self.widest + usize::from(self.has_missing)
    }

    /// How many cells rows are summed into: as many as eight bits reach, or as many bins as there are.
    fn room(&self) -> usize {
        if N::COUNT == EIGHT_BITS {
            EIGHT_BITS
        } else {
            self.width()
        }
    }

    /// Whether a node of so many rows has a full histogram.
    fn is_full(&self, rows: usize) -> bool {
        rows >= (self.width() / 4).max(32)
    }

    /// Sums rows into a histogram.
    fn sum_rows(&self, level: &Level<'_>, range: Range<usize>, cells: &mut [Cells]) {
        // Eight bits cannot reach beyond: the compiler leaves the checks of bounds out.
        let cells = if N::COUNT == EIGHT_BITS {
            &mut cells[..EIGHT_BITS]
        } else {
            cells
        };
        let rows = &level.rows[range.clone()];
        for (&row, &gradient) in rows.iter().zip(&level.placed[range]) {
            let numbers = self.numbers[row as usize];
            for (column, number) in numbers.into_iter().enumerate() {
                let Pair(sums) = &mut cells[number.widen()][column];
                sums[0] += gradient;
                sums[1] += 1.0;
            }
        }
    }

    /// Sums rows into a histogram of its own.
    fn histogram(
        &self,
        level: &Level<'_>,
        range: Range<usize>,
        scratch: &mut Scratch,
    ) -> Vec<Cells> {
        if 2 * self.width() > self.room() {
            let mut cells = vec![Cells::default(); self.room()];
            self.sum_rows(level, range, &mut cells);
            return cells;
        }
        // By way of the cleared cells of the scratch: what is kept is no longer than it must be.
        self.sum_rows(level, range, &mut scratch.cells);
        let used = &mut scratch.cells[..self.width()];
        let histogram = used.to_vec();
        used.fill(Cells::default());
        histogram
    }

    /// Looks at every bin of a node.
    fn scan(&self, cells: &[Cells], level: &Level<'_>, open: &Open, contest: &mut Contest) {
        let (bins, missing) = cells[..self.width()].split_at(self.widest);
        let totals = Totals::new(level.penalty, open.sums);
        let mut bin = 0;
        let mut sums = Cells::default();
        // From the left, with missing values on the right.
        while let Some(found) = totals.next::<false>(&mut sums, bins, bin, contest) {
            for (column, pair) in self.columns.iter().zip(&sums) {
                let side = pair.sums();
                if let Some(&end) = column.bins.ends.get(found)
                    && totals.may_win(side, contest)
                {
                    contest.enter(level.penalty, column.feature, side, false, || end);
                }
            }
            bin = found + 1;
        }
        let Some(missing) = missing.first() else {
            return;
        };
        if missing.iter().all(|pair| pair.0[1] == 0.0) {
            return;
        }
        // From the right, with missing values on the left.
        let mut steps = 0;
        let mut sums = Cells::default();
        while let Some(found) = totals.next::<true>(&mut sums, bins, steps, contest) {
            let bin = bins.len() - 1 - found;
            for ((column, pair), missing) in self.columns.iter().zip(&sums).zip(missing) {
                let side = pair.sums();
                let ends = &column.bins.ends;
                if missing.0[1] > 0.0 && bin < ends.len() && totals.may_win(side, contest) {
                    let threshold = match bin {
                        0 => column.bins.below,
                        _ => ends[bin - 1],
                    };
                    contest.enter(level.penalty, column.feature, side, true, || threshold);
                }
            }
            steps = found + 1;
        }
    }

    /// Looks at the bins that a node's few rows fill.
    fn scan_few(
        &self,
        scratch: &mut Scratch,
        level: &Level<'_>,
        open: &Open,
        contest: &mut Contest,
    ) {
        let words = self.width().div_ceil(64);
        let Scratch {
            cells,
            masks,
            filled,
        } = scratch;
        self.sum_rows(level, open.range.clone(), cells);
        for &row in &level.rows[open.range.clone()] {
            for (number, mask) in self.numbers[row as usize].iter().zip(&mut *masks) {
                let bin = number.widen();
                mask[bin / 64] |= 1 << (bin % 64);
            }
        }
        let totals = Totals::new(level.penalty, open.sums);
        for (place, mask) in masks.iter_mut().enumerate() {
            filled.clear();
            for (word, mask) in mask[..words].iter_mut().enumerate() {
                while *mask != 0 {
                    let bin = word * 64 + mask.trailing_zeros() as usize;
                    filled.push((bin, std::mem::take(&mut cells[bin][place]).sums()));
                    *mask &= *mask - 1;
                }
            }
            if let Some(column) = self.columns.get(place) {
                column.scan(filled, self.widest, &totals, level.penalty, contest);
            }
        }
    }
}

/// What a search works in.
pub(crate) struct Scratch {
    /// A histogram; empty between nodes.
    cells: Vec<Cells>,
    /// For each column a bit for each bin that holds rows; empty between nodes.
    masks: [Vec<u64>; BLOCK],
    /// The bins of one column that hold rows, ascending.
    filled: Vec<(usize, Sums)>,
}

impl<N: BinNumber> Columns for BinnedColumns<N> {
    type Scratch = Scratch;

    const SCREENS: bool = false;

    fn scratch(_rows: usize) -> Scratch {
        Scratch {
            cells: Vec::new(),
            masks: Default::default(),
            filled: Vec::new(),
        }
    }

    fn search(&mut self, level: &Level<'_>, scratch: &mut Scratch, nodes: &mut [Contest]) {
        if self.columns.is_empty() {
            return;
        }
        let room = self.room();
        if scratch.cells.len() < room {
            scratch.cells.resize(room, Cells::default());
            for mask in &mut scratch.masks {
                mask.resize(room.div_ceil(64), 0);
            }
        }
        let mut parents = std::mem::take(&mut self.kept);
        let mut kept: Vec<Option<Vec<Cells>>> = vec![None; level.open.len()];
        let mut keep = |place: usize, histogram: Vec<Cells>| {
            if !level.last {
                kept[place] = Some(histogram);
            }
        };
        let mut place = 0;
        while let Some(open) = level.open.get(place) {
            let sibling = level
                .open
                .get(place + 1)
                .filter(|next| next.range == open.sibling);
            let parent = open.parent.and_then(|parent| parents[parent].take());
            let larger = open.range.len().max(open.sibling.len());
            match parent.filter(|_| self.is_full(larger)) {
                Some(mut parent) => {
                    let open_is_larger = open.range.len() > open.sibling.len();
                    let smaller = if open_is_larger {
                        open.sibling.clone()
                    } else {
                        open.range.clone()
                    };
                    let small = self.histogram(level, smaller, scratch);
                    subtract(&mut parent, &small);
                    let (own, others) = if open_is_larger {
                        (parent, small)
                    } else {
                        (small, parent)
                    };
                    self.scan(&own, level, open, &mut nodes[place]);
                    if self.is_full(open.range.len()) {
                        keep(place, own);
                    }
                    if let Some(sibling) = sibling {
                        self.scan(&others, level, sibling, &mut nodes[place + 1]);
                        if self.is_full(sibling.range.len()) {
                            keep(place + 1, others);
                        }
                    }
                }
                None => {
                    for (place, open) in (place..).zip([Some(open), sibling].into_iter().flatten())
                    {
                        if self.is_full(open.range.len()) {
                            let own = self.histogram(level, open.range.clone(), scratch);
                            self.scan(&own, level, open, &mut nodes[place]);
                            keep(place, own);
                        } else {
                            self.scan_few(scratch, level, open, &mut nodes[place]);
                        }
                    }
                }
            }
            place += 1 + usize::from(sibling.is_some());
        }
        self.kept = kept;
    }

    fn part(
        blocks: &[Self],
        _inputs: ArrayView2<'_, f32>,
        split: &Split,
        rows: &mut [u32],
        spare: &mut Vec<u32>,
        _left: &mut [u8],
    ) -> usize {
        let block = &blocks[split.feature as usize / BLOCK];
        let place = block
            .columns
            .iter()
            .position(|column| column.feature == split.feature)
            .expect("the split is of a column of this block");
        let ends = &block.columns[place].bins.ends;
        let cut = ends.partition_point(|&end| end <= split.threshold);
        let missing = block.widest;
        part_rows(rows, spare, |row| {
            let number = block.numbers[row as usize][place].widen();
            if block.has_missing && number == missing {
                split.missing_left
            } else {
                number < cut
            }
        })
    }
}

impl Column {
    /// Enters the best end of a bin. An end after empty bins divides the rows as the one before them, so only filled
    /// ones are looked at. `missing` is the bin of rows without a value.
    fn scan(
        &self,
        filled: &[(usize, Sums)],
        missing: usize,
        totals: &Totals,
        penalty: &Penalty,
        contest: &mut Contest,
    ) {
        let ends = &self.bins.ends;
        let has_missing = filled.last().is_some_and(|&(bin, _)| bin == missing);
        let filled = &filled[..filled.len() - usize::from(has_missing)];
        // From the left, with missing values on the right.
        let mut left = Sums::default();
        for &(bin, sums) in filled {
            left.add(sums);
            if totals.may_win(left, contest) {
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
            if totals.may_win(right, contest) {
                contest.enter(penalty, self.feature, right, true, || match bin {
                    0 => self.bins.below,
                    _ => ends[bin - 1],
                });
            }
        }
    }
}
