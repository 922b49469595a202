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

use std::collections::HashMap;
use std::marker::PhantomData;
use std::ops::Range;

use super::binned::{BinnedColumns, Column};
use super::cells::{BLOCK, Cells, Statistic, Totals, subtract};
use super::level::{Columns, Level, Open};
use super::numbers::{Bytes, RowBins, with_numbers};
use super::split::{Contest, Split, Sums};

/// Histograms of nodes whose children may be searched, by the nodes' places in the tree.
pub(crate) struct Kept<C: Statistic>(HashMap<usize, Vec<Cells<C>>>);

impl<C: Statistic> Default for Kept<C> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// A search over the columns of a block.
struct Search<'a, R, C> {
    block: &'a BinnedColumns,
    /// The bins of each row.
    numbers: &'a [R],
    cell: PhantomData<C>,
}

impl<R: RowBins, C: Statistic> Search<'_, R, C> {
    /// How many bins a histogram has.
    fn width(&self) -> usize {
        self.block.widest + usize::from(self.block.has_missing)
    }

    /// How many cells rows are summed into: as many as a byte or its half reaches, or as many bins as there are.
    fn room(&self) -> usize {
        if R::COUNT <= Bytes::COUNT {
            R::COUNT
        } else {
            self.width()
        }
    }

    /// How many cells a histogram that is kept has for each output.
    fn stride(&self) -> usize {
        if 2 * self.width() > self.room() {
            self.room()
        } else {
            self.width()
        }
    }

    /// Whether a node of so many rows has a full histogram.
    fn is_full(&self, rows: usize) -> bool {
        rows >= (self.width() / 4).max(32)
    }

    /// Which columns may divide a node.
    fn allowed(&self, open: &Open) -> [bool; BLOCK] {
        std::array::from_fn(|place| {
            self.block.columns.get(place).is_some_and(|column| {
                let allowed = open.allowed.as_ref();
                allowed.is_none_or(|allowed| allowed[column.feature as usize])
            })
        })
    }

    /// Sums rows into histograms, one for each output.
    fn sum_rows(&self, level: &Level<'_, C::Row>, range: Range<usize>, cells: &mut [Cells<C>]) {
        let outputs = level.outputs;
        let rows = &level.rows[range.clone()];
        let placed = &level.placed[range.start * outputs..range.end * outputs];
        if outputs == 1 {
            R::sum::<C>(self.numbers, rows, placed, cells);
            return;
        }
        let room = self.room();
        for (&row, gradients) in rows.iter().zip(placed.chunks_exact(outputs)) {
            let bins = self.numbers[row as usize].bins();
            for (cells, &gradient) in cells.chunks_exact_mut(room).zip(gradients) {
                for (column, bin) in bins.into_iter().enumerate() {
                    cells[bin][column].add_row(gradient);
                }
            }
        }
    }

    /// Sums rows into histograms of their own.
    fn histogram(
        &self,
        level: &Level<'_, C::Row>,
        range: Range<usize>,
        scratch: &mut Scratch<C>,
    ) -> Vec<Cells<C>> {
        let (room, stride) = (self.room(), self.stride());
        if stride == room {
            let mut cells = vec![[C::default(); BLOCK]; room * level.outputs];
            self.sum_rows(level, range, &mut cells);
            return cells;
        }
        // By way of the cleared cells of the scratch: what is kept is no longer than it must be.
        let cells = &mut scratch.cells[..room * level.outputs];
        self.sum_rows(level, range, cells);
        let mut histogram = Vec::with_capacity(stride * level.outputs);
        for cells in cells.chunks_exact_mut(room) {
            histogram.extend_from_slice(&cells[..stride]);
            cells[..stride].fill([C::default(); BLOCK]);
        }
        histogram
    }

    /// Looks at every bin of a node.
    fn scan(&self, cells: &[Cells<C>], scales: &[f64], open: &Open, contest: &mut Contest<'_>) {
        let allowed = self.allowed(open);
        if contest.sums.len() > 1 {
            self.scan_outputs(cells, scales, allowed, contest);
            return;
        }
        let scale = scales[0];
        let (bins, missing) = cells[..self.width()].split_at(self.block.widest);
        let totals = Totals::new(contest);
        let mut bin = 0;
        let mut sums = [C::default(); BLOCK];
        let columns = || self.block.columns.iter().zip(allowed);
        // From the left, with missing values on the right.
        while let Some(found) =
            totals.next::<C, false>(&mut sums, bins, bin, allowed, contest, scale)
        {
            for ((column, allowed), sum) in columns().zip(&sums) {
                let side = sum.sums(scale);
                if allowed
                    && let Some(&end) = column.bins.ends.get(found)
                    && totals.may_win(side, contest)
                {
                    contest.enter(column.feature, side, false, || end);
                }
            }
            bin = found + 1;
        }
        let Some(missing) = missing.first() else {
            return;
        };
        if missing.iter().all(|missing| is_empty(&missing.sums(scale))) {
            return;
        }
        // From the right, with missing values on the left.
        let mut steps = 0;
        let mut sums = [C::default(); BLOCK];
        while let Some(found) =
            totals.next::<C, true>(&mut sums, bins, steps, allowed, contest, scale)
        {
            let bin = bins.len() - 1 - found;
            for (((column, allowed), sum), missing) in columns().zip(&sums).zip(missing) {
                let side = sum.sums(scale);
                let may_miss = !is_empty(&missing.sums(scale)) && bin < column.bins.ends.len();
                if allowed && may_miss && totals.may_win(side, contest) {
                    contest.enter(column.feature, side, true, || column.bins.start(bin));
                }
            }
            steps = found + 1;
        }
    }

    /// Looks at every bin of a node of several outputs.
    fn scan_outputs(
        &self,
        cells: &[Cells<C>],
        scales: &[f64],
        allowed: [bool; BLOCK],
        contest: &mut Contest<'_>,
    ) {
        let outputs: Vec<&[Cells<C>]> = cells.chunks_exact(self.stride()).collect();
        let mut filled = Vec::new();
        for (place, (column, allowed)) in self.block.columns.iter().zip(allowed).enumerate() {
            if !allowed {
                continue;
            }
            filled.clear();
            let bins = (0..column.bins.ends.len()).chain(self.block.widest..self.width());
            filled.extend(bins.map(|bin| {
                Filled {
                    bin,
                    sums: outputs
                        .iter()
                        .zip(scales)
                        .map(|(cells, &scale)| cells[bin][place].sums(scale))
                        .collect(),
                }
            }));
            if filled
                .last()
                .is_some_and(|last| last.bin == self.block.widest && last.sums.iter().all(is_empty))
            {
                filled.pop();
            }
            column.scan_outputs(&filled, self.block.widest, contest);
        }
    }

    /// Looks at the bins that a node's few rows fill.
    fn scan_few(
        &self,
        scratch: &mut Scratch<C>,
        level: &Level<'_, C::Row>,
        open: &Open,
        contest: &mut Contest<'_>,
    ) {
        let (words, room) = (self.width().div_ceil(64), self.room());
        let allowed = self.allowed(open);
        let Scratch {
            cells,
            masks,
            filled,
        } = scratch;
        let cells = &mut cells[..room * level.outputs];
        self.sum_rows(level, open.range.clone(), cells);
        for &row in &level.rows[open.range.clone()] {
            let bins = self.numbers[row as usize].bins();
            for (bin, mask) in bins.into_iter().zip(&mut *masks) {
                mask[bin / 64] |= 1 << (bin % 64);
            }
        }
        for (place, mask) in masks.iter_mut().enumerate() {
            filled.clear();
            let mut several = Vec::new();
            for (word, mask) in mask[..words].iter_mut().enumerate() {
                while *mask != 0 {
                    let bin = word * 64 + mask.trailing_zeros() as usize;
                    *mask &= *mask - 1;
                    if level.outputs == 1 {
                        let sum = std::mem::take(&mut cells[bin][place]);
                        filled.push((bin, sum.sums(level.scales[0])));
                    } else {
                        let cells = cells.chunks_exact_mut(room).zip(level.scales);
                        let sums = cells.map(|(cells, &scale)| {
                            std::mem::take(&mut cells[bin][place]).sums(scale)
                        });
                        several.push(Filled {
                            bin,
                            sums: sums.collect(),
                        });
                    }
                }
            }
            match self.block.columns.get(place) {
                Some(column) if allowed[place] && level.outputs == 1 => {
                    column.scan(filled, self.block.widest, contest);
                }
                Some(column) if allowed[place] => {
                    column.scan_outputs(&several, self.block.widest, contest);
                }
                _ => {}
            }
        }
    }

    /// See [`Columns::search`].
    fn search(
        &self,
        kept: &mut Kept<C>,
        level: &Level<'_, C::Row>,
        scratch: &mut Scratch<C>,
        contests: &mut [Contest<'_>],
    ) {
        scratch.make_room(self.room(), level.outputs);
        let keep = |open: &Open, histogram: Vec<Cells<C>>, kept: &mut Kept<C>| {
            if open.keeps && self.is_full(open.range.len()) {
                kept.0.insert(open.node, histogram);
            }
        };
        let mut place = 0;
        while let Some(open) = level.open.get(place) {
            let sibling = level
                .open
                .get(place + 1)
                .filter(|next| next.parent == open.parent);
            let parent = open.parent.and_then(|parent| kept.0.remove(&parent));
            let larger = open.range.len().max(open.sibling.len());
            let pair = [Some(open), sibling];
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
                    let mut histograms = [small, parent];
                    if open_is_larger {
                        histograms.reverse();
                    }
                    for (place, (open, histogram)) in
                        (place..).zip(pair.into_iter().zip(histograms))
                    {
                        if let Some(open) = open {
                            self.scan(&histogram, level.scales, open, &mut contests[place]);
                            keep(open, histogram, kept);
                        }
                    }
                }
                None => {
                    for (place, open) in (place..).zip(pair.into_iter().flatten()) {
                        if self.is_full(open.range.len()) {
                            let histogram = self.histogram(level, open.range.clone(), scratch);
                            self.scan(&histogram, level.scales, open, &mut contests[place]);
                            keep(open, histogram, kept);
                        } else {
                            self.scan_few(scratch, level, open, &mut contests[place]);
                        }
                    }
                }
            }
            place += 1 + usize::from(sibling.is_some());
        }
    }
}

fn is_empty(sums: &Sums) -> bool {
    sums.hessian == 0.0
}

/// A bin and the sums of its rows for each output.
struct Filled {
    bin: usize,
    sums: Vec<Sums>,
}

/// What a search works in.
pub(crate) struct Scratch<C> {
    /// Histograms of each output; empty between nodes.
    cells: Vec<Cells<C>>,
    /// For each column a bit for each bin that holds rows; empty between nodes.
    masks: [Vec<u64>; BLOCK],
    /// The bins of one column that hold rows, ascending.
    filled: Vec<(usize, Sums)>,
}

impl<C: Statistic> Scratch<C> {
    fn make_room(&mut self, room: usize, outputs: usize) {
        if self.cells.len() < room * outputs {
            self.cells.resize(room * outputs, [C::default(); BLOCK]);
        }
        let words = room.div_ceil(64);
        for mask in &mut self.masks {
            if mask.len() < words {
                mask.resize(words, 0);
            }
        }
    }
}

/// Blocks of bins, to be summed in cells of a kind.
pub(crate) struct Histograms<'a, C> {
    block: &'a BinnedColumns,
    cell: PhantomData<C>,
}

impl<'a, C> Histograms<'a, C> {
    pub(crate) fn of(blocks: &'a [BinnedColumns]) -> Vec<Self> {
        let cell = PhantomData;
        blocks.iter().map(|block| Self { block, cell }).collect()
    }
}

impl<C: Statistic> Columns for Histograms<'_, C> {
    type Sum = C;

    type State = Kept<C>;

    type Scratch = Scratch<C>;

    const ORDERED: bool = false;

    fn scratch(_rows: usize) -> Scratch<C> {
        Scratch {
            cells: Vec::new(),
            masks: Default::default(),
            filled: Vec::new(),
        }
    }

    fn search(
        &self,
        kept: &mut Kept<C>,
        level: &Level<'_, C::Row>,
        scratch: &mut Scratch<C>,
        contests: &mut [Contest<'_>],
    ) {
        let (block, cell) = (self.block, PhantomData);
        if level.open[0].parent.is_none() {
            kept.0.clear();
        }
        if block.columns.is_empty() {
            return;
        }
        with_numbers!(&block.numbers, numbers => Search {
            block,
            numbers,
            cell,
        }
        .search(kept, level, scratch, contests));
    }

    fn side<'b>(blocks: &'b [Self], split: &Split) -> impl Fn(u32) -> bool + Sync + 'b {
        let block = blocks[split.feature as usize / BLOCK].block;
        let place = block
            .columns
            .iter()
            .position(|column| column.feature == split.feature)
            .expect("a split's column is in its block");
        let ends = &block.columns[place].bins.ends;
        let (missing, missing_left) = (block.widest, split.missing_left);
        // Bins below this one end at the threshold or below it.
        let first_right = ends.partition_point(|&end| end <= split.threshold);
        move |row| {
            let bin = block.numbers.get(row as usize, place);
            if bin == missing {
                missing_left
            } else {
                bin < first_right
            }
        }
    }
}

impl Column {
    /// Enters the best end of a bin. An end after empty bins divides the rows as the one before them, so only filled
    /// ones are looked at. `missing` is the bin of rows without a value.
    fn scan(&self, filled: &[(usize, Sums)], missing: usize, contest: &mut Contest<'_>) {
        let totals = Totals::new(contest);
        let ends = &self.bins.ends;
        let has_missing = filled.last().is_some_and(|&(bin, _)| bin == missing);
        let filled = &filled[..filled.len() - usize::from(has_missing)];
        // From the left, with missing values on the right.
        let mut left = Sums::default();
        for &(bin, sums) in filled {
            left.add(sums);
            if totals.may_win(left, contest) {
                contest.enter(self.feature, left, false, || ends[bin]);
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
                contest.enter(self.feature, right, true, || self.bins.start(bin));
            }
        }
    }

    /// As [`Self::scan`], of a node of several outputs.
    fn scan_outputs(&self, filled: &[Filled], missing: usize, contest: &mut Contest<'_>) {
        let has_missing = filled.last().is_some_and(|last| last.bin == missing);
        let filled = &filled[..filled.len() - usize::from(has_missing)];
        let total = contest.sums;
        let mut side = vec![Sums::default(); total.len()];
        let mut rest = side.clone();
        let mut enter = |filled: &Filled, missing_left: bool, side: &mut [Sums]| {
            for (((side, rest), &total), &sums) in
                side.iter_mut().zip(&mut rest).zip(total).zip(&filled.sums)
            {
                side.add(sums);
                *rest = total.less(*side);
            }
            contest.enter_many(self.feature, side, &rest, missing_left, || {
                if missing_left {
                    self.bins.start(filled.bin)
                } else {
                    self.bins.ends[filled.bin]
                }
            });
        };
        for filled in filled {
            enter(filled, false, &mut side);
        }
        if has_missing {
            side.fill(Sums::default());
            for filled in filled.iter().rev() {
                enter(filled, true, &mut side);
            }
        }
    }
}
