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

use super::cells::{Pair, Totals};
use super::goes_left;
use super::level::{Columns, Level};
use super::split::{Contest, Gradient, Split, Sums};

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
    /// The sorted rows within each node of the level, of the rows that the tree is grown on.
    type State = Vec<R>;

    type Scratch = Vec<R>;

    type Sum = Pair;

    const ORDERED: bool = true;

    fn scratch(rows: usize) -> Vec<R> {
        vec![R::default(); rows]
    }

    fn search(
        &self,
        ordered: &mut Vec<R>,
        level: &Level<'_, Gradient>,
        scratch: &mut Vec<R>,
        contests: &mut [Contest<'_>],
    ) {
        let rows = level.rows.len();
        if level.open[0].parent.is_none() {
            self.order(level, ordered);
        }
        for (index, column) in self.columns.iter().enumerate() {
            let ordered = &mut ordered[index * rows..(index + 1) * rows];
            for division in level.divided {
                divide(&mut ordered[division.clone()], level.left, scratch);
            }
            let scan = Scan {
                column,
                values: &self.values[index * self.rows..(index + 1) * self.rows],
                gradients: level.statistics,
            };
            for (open, contest) in level.open.iter().zip(contests.iter_mut()) {
                let allowed = open.allowed.as_ref();
                if allowed.is_none_or(|allowed| allowed[column.feature as usize]) {
                    scan.node(&ordered[open.range.clone()], contest);
                }
            }
        }
    }

    fn side<'a>(blocks: &'a [Self], split: &Split) -> impl Fn(u32) -> bool + Sync + 'a {
        let block = &blocks[split.feature as usize / BLOCK];
        let index = block
            .columns
            .iter()
            .position(|column| column.feature == split.feature)
            .expect("a split's column is in its block");
        let values = &block.values[index * block.rows..(index + 1) * block.rows];
        let (threshold, missing_left) = (split.threshold, split.missing_left);
        move |row| goes_left(values[row as usize], threshold, missing_left)
    }
}

impl<R: RowNumber> SortedColumns<R> {
    /// Takes the rows that a tree is grown on, sorted, from each column.
    fn order(&self, level: &Level<'_, Gradient>, ordered: &mut Vec<R>) {
        ordered.clear();
        if level.rows.len() == self.rows {
            ordered.extend_from_slice(&self.sorted);
            return;
        }
        let mut serves = vec![false; self.rows];
        for &row in level.rows {
            serves[row as usize] = true;
        }
        ordered.extend(self.sorted.iter().filter(|row| serves[row.widen()]));
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
    gradients: &'a [Gradient],
}

impl Scan<'_> {
    fn node<R: RowNumber>(&self, rows: &[R], contest: &mut Contest<'_>) {
        if !self.column.has_missing {
            self.descend(rows, contest);
            return;
        }
        let present = rows.partition_point(|row| !self.values[row.widen()].is_nan());
        let rows = &rows[..present];
        if self.column.both_ways {
            self.ascend(rows, contest);
        }
        self.descend(rows, contest);
    }

    /// Takes rows from the largest value down to the right; missing values go left.
    fn descend<R: RowNumber>(&self, rows: &[R], contest: &mut Contest<'_>) {
        self.scan(rows.iter(), contest, |contest, taken, right| {
            let last = self.values[rows[taken - 1].widen()];
            let next = rows.get(taken).map(|row| self.values[row.widen()]);
            if next != Some(last) {
                contest.enter(self.column.feature, right, true, || {
                    next.map_or_else(|| below(last), |next| between(next, last))
                });
            }
        });
    }

    /// Takes rows from the smallest value up to the left; missing values go right.
    fn ascend<R: RowNumber>(&self, rows: &[R], contest: &mut Contest<'_>) {
        let from_end = |place: usize| rows.len().checked_sub(place + 1);
        self.scan(rows.iter().rev(), contest, |contest, taken, left| {
            let value = |place| from_end(place).map(|place| self.values[rows[place].widen()]);
            let (last, next) = (value(taken - 1), value(taken));
            let Some(last) = last.filter(|_| last != next) else {
                return;
            };
            contest.enter(self.column.feature, left, false, || {
                next.map_or_else(|| above(last), |next| between(last, next))
            });
        });
    }

    /// Sums derivatives row by row, and calls `candidate` with the number of rows and the sums wherever a
    /// division after that row might win.
    #[inline(always)]
    fn scan<'r, R: RowNumber + 'r>(
        &self,
        rows: impl Iterator<Item = &'r R>,
        contest: &mut Contest<'_>,
        candidate: impl Fn(&mut Contest<'_>, usize, Sums),
    ) {
        let totals = Totals::new(contest);
        let mut sums = Sums::default();
        for (index, row) in rows.enumerate() {
            sums.add_row(self.gradients[row.widen()]);
            if totals.may_win(sums, contest) {
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
