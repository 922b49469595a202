//! The exact method: every value between two neighbours is a candidate, as in XGBoost's `ColMaker`.
//!
//! Each column keeps the rows sorted by its value, and after a division every column's order is divided
//! too, so a node's rows lie side by side and are scanned without a search. Sums run along the sorted
//! values in 64 bits, as XGBoost's do.
//!
//! Histograms over all distinct values would give the same sums at the same price only where values
//! repeat: with 400 rows a node soon has fewer rows than a column has values, and clearing and scanning
//! the bins outweighs the sums. Subtracting the sibling's histogram changes last bits, hence ties.

use ndarray::{ArrayView2, Axis, s};
use rayon::prelude::*;

use super::goes_left;
use super::grow::{Columns, Level, Open, part_rows};
use super::split::{Contest, Penalty, Split, Sums, scores};

/// Columns of a block: enough that a thread does not starve for work, few enough to spread evenly.
const BLOCK: usize = 32;

/// A row number of the width that a table needs: half the width is half the memory traffic.
pub(crate) trait RowNumber: Copy + Default + Send + Sync {
    /// Narrows a row number that is known to fit.
    fn narrow(row: usize) -> Self;
    /// Widens it.
    fn widen(self) -> usize;
}

macro_rules! row_number {
    ($($width:ty),+) => {$(
        impl RowNumber for $width {
            #[inline(always)]
            fn narrow(row: usize) -> Self {
                row as $width
            }

            #[inline(always)]
            fn widen(self) -> usize {
                self as usize
            }
        }
    )+};
}
row_number!(u16, u32);

/// Columns whose rows are sorted by value.
pub(crate) struct SortedColumns<R> {
    rows: usize,
    columns: Vec<Column>,
    /// Values by row, column after column.
    values: Vec<f32>,
    /// Rows from the largest value to the smallest, then those without a value, column after column.
    sorted: Vec<R>,
    /// The same within each node of the level.
    ordered: Vec<R>,
}

/// What is known of one column.
struct Column {
    feature: u32,
    /// Whether a row misses the value.
    has_missing: bool,
    /// Whether missing values may also be sent right: XGBoost tries that only for columns that have some
    /// and whose other values differ.
    both_ways: bool,
}

/// Sorts the columns that are not the same in all rows, in blocks.
pub(crate) fn sort_columns<R: RowNumber>(inputs: ArrayView2<'_, f32>) -> Vec<SortedColumns<R>> {
    let starts: Vec<usize> = (0..inputs.ncols()).step_by(BLOCK).collect();
    starts
        .into_par_iter()
        .map(|start| {
            let end = (start + BLOCK).min(inputs.ncols());
            SortedColumns::new(inputs.slice(s![.., start..end]), start)
        })
        .collect()
}

impl<R: RowNumber> SortedColumns<R> {
    fn new(inputs: ArrayView2<'_, f32>, first: usize) -> Self {
        let rows = inputs.nrows();
        let mut block = Self {
            rows,
            columns: Vec::new(),
            values: Vec::new(),
            sorted: Vec::new(),
            ordered: Vec::new(),
        };
        let mut keys = Vec::with_capacity(rows);
        for (index, column) in inputs.axis_iter(Axis(1)).enumerate() {
            keys.clear();
            keys.extend(
                column
                    .iter()
                    .enumerate()
                    .map(|(row, &value)| u64::from(descending(value)) << 32 | row as u64),
            );
            keys.sort_unstable();
            let row_at = |place: usize| keys[place] as u32 as usize;
            let present = keys.partition_point(|&key| !column[key as u32 as usize].is_nan());
            let varies = present > 0 && column[row_at(0)] != column[row_at(present - 1)];
            let has_missing = present < rows;
            if present == 0 || !(varies || has_missing) {
                continue;
            }
            block.columns.push(Column {
                feature: (first + index) as u32,
                has_missing,
                both_ways: has_missing && varies,
            });
            block.values.extend(column);
            block
                .sorted
                .extend((0..rows).map(|place| R::narrow(row_at(place))));
        }
        block.ordered = vec![R::default(); block.sorted.len()];
        block
    }
}

/// A key that sorts values from the largest to the smallest and missing ones last.
fn descending(value: f32) -> u32 {
    if value.is_nan() {
        return u32::MAX;
    }
    let bits = value.to_bits();
    let ascending = if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    };
    !ascending
}

impl<R: RowNumber> Columns for SortedColumns<R> {
    type Scratch = Vec<R>;

    const SCREENS: bool = true;

    fn scratch(rows: usize) -> Vec<R> {
        vec![R::default(); rows]
    }

    fn search(&mut self, level: &Level<'_>, scratch: &mut Vec<R>, nodes: &mut [Contest]) {
        let rows = self.rows;
        for (index, column) in self.columns.iter().enumerate() {
            let part = index * rows..(index + 1) * rows;
            let ordered = &mut self.ordered[part.clone()];
            if level.open[0].parent.is_none() {
                ordered.copy_from_slice(&self.sorted[part.clone()]);
            }
            for division in level.divided {
                divide(&mut ordered[division.range.clone()], level.left, scratch);
            }
            let scan = Scan {
                column,
                values: &self.values[part],
                gradients: level.gradients,
                penalty: level.penalty,
            };
            for (open, contest) in level.open.iter().zip(nodes.iter_mut()) {
                scan.node(&ordered[open.range.clone()], open, contest);
            }
        }
    }

    fn part(
        _blocks: &[Self],
        inputs: ArrayView2<'_, f32>,
        split: &Split,
        rows: &mut [u32],
        spare: &mut Vec<u32>,
        left: &mut [u8],
    ) -> usize {
        let column = inputs.column(split.feature as usize);
        part_rows(rows, spare, |row| {
            let goes_left = goes_left(column[row as usize], split.threshold, split.missing_left);
            left[row as usize] = u8::from(goes_left);
            goes_left
        })
    }
}

/// Moves the rows that go left to the front, keeping the order on both sides.
fn divide<R: RowNumber>(rows: &mut [R], goes_left: &[u8], scratch: &mut [R]) {
    let scratch = &mut scratch[..rows.len()];
    let mut left = 0;
    // Without a branch, which would be mispredicted every second time: what is written to the wrong side
    // is overwritten by the next row.
    for place in 0..rows.len() {
        let row = rows[place];
        let goes_left = usize::from(goes_left[row.widen()]);
        scratch[place - left] = row;
        rows[left] = row;
        left += goes_left;
    }
    let right = rows.len() - left;
    rows[left..].copy_from_slice(&scratch[..right]);
}

/// A pass over the rows of nodes along one column.
struct Scan<'a> {
    column: &'a Column,
    values: &'a [f32],
    gradients: &'a [f64],
    penalty: &'a Penalty,
}

impl Scan<'_> {
    fn node<R: RowNumber>(&self, rows: &[R], open: &Open, contest: &mut Contest) {
        if !self.column.has_missing {
            self.descend(rows, open, contest);
            return;
        }
        let present = rows.partition_point(|row| !self.values[row.widen()].is_nan());
        let rows = &rows[..present];
        if self.column.both_ways {
            self.ascend(rows, open, contest);
        }
        self.descend(rows, open, contest);
    }

    /// Takes rows from the largest value down to the right; missing values go left.
    fn descend<R: RowNumber>(&self, rows: &[R], open: &Open, contest: &mut Contest) {
        self.scan(rows.iter(), open, contest, |contest, taken, right| {
            let last = self.values[rows[taken - 1].widen()];
            let next = rows.get(taken).map(|row| self.values[row.widen()]);
            if next != Some(last) {
                contest.enter(self.penalty, self.column.feature, right, true, || {
                    next.map_or_else(|| below(last), |next| between(next, last))
                });
            }
        });
    }

    /// Takes rows from the smallest value up to the left; missing values go right.
    fn ascend<R: RowNumber>(&self, rows: &[R], open: &Open, contest: &mut Contest) {
        let from_end = |place: usize| rows.len().checked_sub(place + 1);
        self.scan(rows.iter().rev(), open, contest, |contest, taken, left| {
            let value = |place| from_end(place).map(|place| self.values[rows[place].widen()]);
            let (last, next) = (value(taken - 1), value(taken));
            let Some(last) = last.filter(|_| last != next) else {
                return;
            };
            contest.enter(self.penalty, self.column.feature, left, false, || {
                next.map_or_else(|| above(last), |next| between(last, next))
            });
        });
    }

    /// Sums gradients row by row, and calls `candidate` with the number of rows and the sums wherever a
    /// division after that row might win.
    #[inline(always)]
    fn scan<'r, R: RowNumber + 'r>(
        &self,
        rows: impl ExactSizeIterator<Item = &'r R>,
        open: &Open,
        contest: &mut Contest,
        candidate: impl Fn(&mut Contest, usize, Sums),
    ) {
        let mut sum = 0.0;
        let places = rows.zip(open.screen.of_one_row_on()).enumerate();
        for (index, (row, coefficients)) in places {
            sum += self.gradients[row.widen()];
            if contest.may_win(scores(*coefficients, sum)) {
                let sums = Sums {
                    gradient: sum,
                    rows: index as u32 + 1,
                };
                candidate(contest, index + 1, sums);
            }
        }
    }
}

/// A threshold that parts two neighbouring values: their mean, or the upper one where 32 bits hold
/// nothing between them.
fn between(lower: f32, upper: f32) -> f32 {
    let mean = (lower + upper) * 0.5;
    let mean = if mean.is_finite() {
        mean
    } else {
        lower * 0.5 + upper * 0.5
    };
    if mean > lower { mean } else { upper }
}

/// XGBoost's threshold below all values, when those that miss one are parted from the others.
fn below(smallest: f32) -> f32 {
    (smallest - (smallest.abs() + 1e-6)).max(f32::MIN)
}

/// XGBoost's threshold above all values.
fn above(largest: f32) -> f32 {
    (largest + (largest.abs() + 1e-6)).min(f32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_are_sorted_down_with_missing_ones_last_and_constant_columns_left_out() {
        let inputs = array![
            [1.0, 7.0, -0.0, f32::NAN],
            [f32::NAN, 7.0, 0.0, f32::NAN],
            [3.0, 7.0, -2.0, f32::NAN],
            [-1.0, 7.0, 5.0, f32::NAN],
        ];
        let blocks = sort_columns::<u16>(inputs.view());
        assert_eq!(blocks.len(), 1);
        let features: Vec<u32> = blocks[0].columns.iter().map(|c| c.feature).collect();
        assert_eq!(features, [0, 2]);
        assert_eq!(blocks[0].sorted, [2, 0, 3, 1, 3, 1, 0, 2]);
        assert!(blocks[0].columns[0].both_ways && !blocks[0].columns[1].has_missing);
    }

    #[test]
    fn dividing_keeps_the_order_on_both_sides() {
        let mut rows: [u32; 6] = [5, 0, 3, 1, 4, 2];
        divide(&mut rows, &[1, 0, 0, 1, 1, 0], &mut [0; 6]);
        assert_eq!(rows, [0, 3, 4, 5, 1, 2]);
    }

    #[test]
    fn a_threshold_parts_even_values_without_a_number_between_them() {
        assert_eq!(between(1.0, 2.0), 1.5);
        let next = 1.0_f32.next_up();
        assert_eq!(between(1.0, next), next);
        assert_eq!(between(2e38, 3e38), 2.5e38);
        assert_eq!(between(f32::MIN, f32::MAX), 0.0);
        assert!(below(f32::MIN) <= f32::MIN && above(3e38) > 3e38);
        assert!(below(0.0) < 0.0 && above(0.0) > 0.0);
    }
}
