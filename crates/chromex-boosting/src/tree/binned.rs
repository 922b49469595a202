//! Tables cut into bins.

use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::bins::Bins;
use super::cells::BLOCK;
use super::numbers::{Numbers, RowBins, with_numbers};
use super::quantiles::Sketch;
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

    /// Cuts a table into bins that comes in blocks of rows, so that it need not be in memory as a whole.
    ///
    /// `blocks` is called twice and must give the same rows both times: first the bins are found, then filled. They are
    /// those of [`Self::new`] for columns of at most `2 * max_bins` distinct values; other columns are cut at quantiles
    /// that are less than a bin off. While bins are found, a column takes up to 41 kilobytes with 256 bins and 20,000
    /// rows, and hardly more with more rows.
    ///
    /// # Shapes
    ///
    /// Each block is `[rows, columns]`; `weights` has an entry per row of all blocks.
    ///
    /// # Errors
    ///
    /// As [`Self::new`]; further [`Error::Columns`] when a block has another number of columns,
    /// [`Error::Rows`](crate::Error::Rows) when the second time gives another number of rows, and what `blocks` gives.
    ///
    /// # Examples
    ///
    /// ```
    /// use chromex_boosting::{BinnedTable, Error};
    /// use ndarray::Array2;
    ///
    /// // As a file would be read: a thousand rows at a time.
    /// let blocks = || (0..3).map(|block| {
    ///     Ok::<_, Error>(Array2::from_shape_fn((1000, 5), |(row, column)| (block * row + column) as f32))
    /// });
    /// let table = BinnedTable::read(5, None, 256, blocks)?;
    /// assert_eq!((table.rows(), table.columns()), (3000, 5));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn read<I, E>(
        columns: usize,
        weights: Option<&[f32]>,
        max_bins: usize,
        mut blocks: impl FnMut() -> I,
    ) -> Result<Self, E>
    where
        I: Iterator<Item = Result<Array2<f32>, E>>,
        E: From<Error>,
    {
        check_max_bins(max_bins)?;
        table::check_extent("columns", columns)?;
        let mut sketches: Vec<(Sketch, bool)> = (0..columns)
            .map(|_| (Sketch::coarse(max_bins), false))
            .collect();
        let mut rows = 0;
        for block in blocks() {
            let block = block?;
            check_block(&block, columns)?;
            let weights = weights.map(|weights| &weights[rows.min(weights.len())..]);
            sketches
                .par_iter_mut()
                .zip(block.axis_iter(Axis(1)))
                .for_each(|((sketch, has_missing), values)| {
                    for (row, &value) in values.iter().enumerate() {
                        if value.is_nan() {
                            *has_missing = true;
                        } else {
                            let weight =
                                weights.map_or(1.0, |weights| *weights.get(row).unwrap_or(&0.0));
                            sketch.push(value, weight);
                        }
                    }
                });
            rows += block.nrows();
        }
        table::check_extent("rows", rows)?;
        table::check_weights(weights, rows)?;
        let mut found = sketches.into_iter().enumerate();
        let mut parts: Vec<BinnedColumns> = (0..columns.div_ceil(BLOCK))
            .map(|_| {
                let part = found.by_ref().take(BLOCK);
                BinnedColumns::to_fill(
                    part.filter_map(|(feature, (sketch, has_missing))| {
                        let bins = sketch.finish(max_bins)?;
                        let varies = bins.ends.len() > 1 || has_missing;
                        let feature = feature as u32;
                        varies.then_some((Column { feature, bins }, has_missing))
                    }),
                    rows,
                )
            })
            .collect();
        let mut filled = 0;
        for block in blocks() {
            let block = block?;
            check_block(&block, columns)?;
            filled += block.nrows();
            if filled <= rows {
                parts.par_iter_mut().for_each(|part| part.fill(&block));
            }
        }
        if filled != rows {
            return Err(Error::Rows {
                expected: rows,
                found: filled,
            }
            .into());
        }
        Ok(Self {
            rows,
            columns,
            blocks: parts,
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

/// Checks a block of rows.
fn check_block(block: &Array2<f32>, columns: usize) -> Result<()> {
    table::check_columns(block.view(), columns)?;
    table::check_not_infinite(block.view())
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
        let widest = widest(&columns);
        let has_missing = present
            .iter()
            .any(|values| values.iter().any(|value| value.is_nan()));
        let mut numbers = Numbers::with_capacity(widest + usize::from(has_missing), rows);
        with_numbers!(&mut numbers, numbers => number(numbers, &columns, &present, widest, rows));
        Self {
            columns,
            numbers,
            widest,
            has_missing,
        }
    }
}

impl BinnedColumns {
    /// Makes room for rows to come. Each column comes with whether rows miss its value.
    fn to_fill(columns: impl Iterator<Item = (Column, bool)>, rows: usize) -> Self {
        let (columns, missing): (Vec<Column>, Vec<bool>) = columns.unzip();
        let widest = widest(&columns);
        let has_missing = missing.contains(&true);
        Self {
            columns,
            numbers: Numbers::with_capacity(widest + usize::from(has_missing), rows),
            widest,
            has_missing,
        }
    }

    /// Adds rows of the whole table.
    fn fill(&mut self, block: &Array2<f32>) {
        let (columns, widest) = (&self.columns, self.widest);
        with_numbers!(&mut self.numbers, numbers => {
            add_bins(numbers, columns, widest, block);
        });
    }
}

/// Counts the bins of the column that has most.
fn widest(columns: &[Column]) -> usize {
    let bins = columns.iter().map(|column| column.bins.ends.len());
    bins.max().unwrap_or(0)
}

/// Adds the bins of rows of the whole table.
fn add_bins<R: RowBins>(
    numbers: &mut Vec<R>,
    columns: &[Column],
    widest: usize,
    block: &Array2<f32>,
) {
    numbers.extend(block.rows().into_iter().map(|row| {
        let mut bins = R::default();
        for (place, column) in columns.iter().enumerate() {
            let value = row[column.feature as usize];
            bins.set(place, column.bins.number(value, widest));
        }
        bins
    }));
}

/// Finds the bins of every row.
fn number<R: RowBins>(
    numbers: &mut Vec<R>,
    columns: &[Column],
    present: &[&[f32]],
    widest: usize,
    rows: usize,
) {
    numbers.resize(rows, R::default());
    for (place, (column, values)) in columns.iter().zip(present).enumerate() {
        for (numbers, &value) in numbers.iter_mut().zip(*values) {
            numbers.set(place, column.bins.number(value, widest));
        }
    }
}
