//! Tables cut into bins.

use ndarray::{ArrayView2, s};
use rayon::prelude::*;

use super::bins::{BinNumber, Bins};
use super::cells::BLOCK;
use crate::{Error, Result, table};

/// Columns that are sorted into bins together: their floats share lines of the cache.
const STRIPE: usize = 2 * BLOCK;

/// A table of which only the bins of its values are left: a quarter of the size of its floats, or half where a column
/// needs more than 256 bins.
///
/// Several fits share one, and [`Self::read`] makes one of blocks of rows that were never in memory together.
#[derive(Debug)]
pub struct BinnedTable {
    rows: usize,
    columns: usize,
    blocks: Vec<BinnedColumns>,
}

impl BinnedTable {
    /// Cuts the columns of a table into bins, as [`TreeMethod::Histogram`](crate::TreeMethod::Histogram) does.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `weights` has an entry per row.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`](crate::Error::Empty) when there are no rows or columns; [`Error::Value`](crate::Error::Value)
    /// when an input is infinite or a weight below 0; [`Error::Weights`](crate::Error::Weights) when there are not as
    /// many weights as rows; [`Error::Setting`](crate::Error::Setting) when `max_bins` is not from 2 to 65535.
    pub fn new(
        inputs: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
        max_bins: usize,
    ) -> Result<Self> {
        check_max_bins(max_bins)?;
        table::check_extent("rows", inputs.nrows())?;
        table::check_extent("columns", inputs.ncols())?;
        table::check_not_infinite(inputs)?;
        table::check_weights(weights, inputs.nrows())?;
        Ok(Self {
            rows: inputs.nrows(),
            columns: inputs.ncols(),
            blocks: bin_columns(inputs, weights, max_bins),
        })
    }

    /// Counts the rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Counts the columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    pub(crate) fn blocks(&self) -> &[BinnedColumns] {
        &self.blocks
    }
}

/// Checks how many bins are asked for.
pub(crate) fn check_max_bins(max_bins: usize) -> Result<()> {
    if (2..=usize::from(u16::MAX)).contains(&max_bins) {
        Ok(())
    } else {
        Err(Error::Setting {
            name: "max_bins",
            expected: "2 to 65535",
            found: max_bins.to_string(),
        })
    }
}

/// Up to eight columns cut into bins.
#[derive(Debug)]
pub(crate) struct BinnedColumns {
    pub(super) columns: Vec<Column>,
    pub(super) numbers: Numbers,
    /// The most bins of a column.
    pub(super) widest: usize,
    /// Whether any row misses a value; those have the bin after the widest column's.
    pub(super) has_missing: bool,
}

/// What is known of one column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) feature: u32,
    pub(super) bins: Bins,
}

/// The bins of each row, in the width that the block needs.
#[derive(Debug)]
pub(super) enum Numbers {
    Narrow(Vec<[u8; BLOCK]>),
    Wide(Vec<[u16; BLOCK]>),
}

impl Numbers {
    /// Gives the bin of a row in a column.
    #[inline(always)]
    pub(super) fn get(&self, row: usize, place: usize) -> usize {
        match self {
            Self::Narrow(numbers) => numbers[row][place].widen(),
            Self::Wide(numbers) => numbers[row][place].widen(),
        }
    }
}

/// Bins the columns that are not the same in all rows, in blocks.
pub(crate) fn bin_columns(
    inputs: ArrayView2<'_, f32>,
    weights: Option<&[f32]>,
    max_bins: usize,
) -> Vec<BinnedColumns> {
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
                    BinnedColumns::new(values, weights, rows, first, max_bins)
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

impl BinnedColumns {
    /// Bins columns that lie one after the other.
    fn new(
        values: &[f32],
        weights: Option<&[f32]>,
        rows: usize,
        first: usize,
        max_bins: usize,
    ) -> Self {
        let mut columns = Vec::new();
        let mut present = Vec::new();
        for (index, values) in values.chunks_exact(rows).enumerate() {
            if let Some(bins) = Bins::new(values, weights, max_bins) {
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
        let has_missing = present
            .iter()
            .any(|values| values.iter().any(|value| value.is_nan()));
        let numbers = if widest + usize::from(has_missing) <= u8::COUNT {
            Numbers::Narrow(number(&columns, &present, widest, rows))
        } else {
            Numbers::Wide(number(&columns, &present, widest, rows))
        };
        Self {
            columns,
            numbers,
            widest,
            has_missing,
        }
    }
}

/// Finds the bins of every row.
fn number<N: BinNumber>(
    columns: &[Column],
    present: &[&[f32]],
    widest: usize,
    rows: usize,
) -> Vec<[N; BLOCK]> {
    let mut numbers = vec![[N::narrow(0); BLOCK]; rows];
    for (place, (column, values)) in columns.iter().zip(present).enumerate() {
        for (numbers, &value) in numbers.iter_mut().zip(*values) {
            numbers[place] = N::narrow(if value.is_nan() {
                widest
            } else {
                column.bins.find(value)
            });
        }
    }
    numbers
}
