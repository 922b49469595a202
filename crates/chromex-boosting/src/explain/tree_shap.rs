//! Shapley values of the columns.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use ndarray::{Array3, Array4, ArrayView2, Axis};
use rayon::prelude::*;

use super::kernel::{self, LANES, Sums};
use super::pairs::Pairs;
use super::quadrature::Quadrature;
use super::walk::Walk;
use crate::tree::Node;
use crate::{BoostedTrees, Error, Result, table};

/// Bytes of sums that a thread works on at once.
const BLOCKS_BYTES: usize = 1 << 24;

/// Parts that rows are cut into at least, where there are as many blocks of them, so that every thread has several.
const PARTS: usize = 16;

/// Blocks of rows that a tree is walked with before the next one is, at most.
const MOST_BLOCKS: usize = 32;

/// Explains margins as sums of what the columns contribute: exact Shapley values of trees.
///
/// What is known of a row without some of its columns is what the trees say on average over the training rows that go the
/// same ways at all other columns, by the covers of their nodes (path-dependent TreeSHAP, XGBoost's `pred_contribs`);
/// [`contributions_against`](Self::contributions_against) takes the missing columns from background rows instead. Both
/// explain [margins](BoostedTrees::predict_margins), before the link. Where a model's covers contradict
/// each other or are 0, both ways count as half.
///
/// Shapley values are integrals of polynomials over the probability that a column is known. They are computed at as many
/// points of Gauss and Legendre's rule as make the integrals exact (three for trees of depth 6), in 64 bits, for eight rows
/// side by side. Rows are shared by threads; no number of threads changes a bit.
///
/// # Citation
///
/// - Lundberg et al., From local explanations to global understanding with explainable AI for trees, Nature Machine
///   Intelligence 2020, <https://doi.org/10.1038/s42256-019-0138-9>.
/// - Yu et al., Linear TreeShap, NeurIPS 2022, <https://doi.org/10.48550/arXiv.2209.08192>.
/// - Wettenstein, Mitchell and Yu, Quadrature-TreeSHAP, 2026, <https://doi.org/10.48550/arXiv.2605.04497>.
///
/// # Examples
///
/// ```
/// use chromex_boosting::GradientBoosting;
/// use ndarray::array;
///
/// let marks = array![[0.0_f32, 3.0], [1.0, 2.0], [8.0, 2.0], [9.0, 3.0]];
/// let expression = array![[0.5_f32], [0.5], [4.5], [4.5]];
/// let model = GradientBoosting::default().fit_table(marks.view(), expression.view())?;
/// let contributions = model.explain().contributions(marks.view())?;
/// // The first mark raises the prediction of the last row; the second does nothing; the last number is the average.
/// assert!(contributions[[3, 0, 0]] > 1.9 && contributions[[3, 0, 1]] == 0.0);
/// assert!((contributions[[3, 0, 2]] - 2.5).abs() < 0.01);
/// # Ok::<(), chromex_boosting::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TreeShap<'a> {
    pub(super) model: &'a BoostedTrees,
    pub(super) walks: Vec<Walk>,
    /// By the number of factors.
    rules: BTreeMap<usize, Quadrature>,
    /// Columns that trees ask for, in ascending order.
    pub(super) columns: Vec<usize>,
    expected: Vec<f64>,
    pub(super) limit: usize,
    pairs: OnceLock<Pairs>,
}

impl BoostedTrees {
    /// Prepares explanations of predictions by the trees that predict.
    pub fn explain(&self) -> TreeShap<'_> {
        TreeShap::new(self)
    }
}

impl<'a> TreeShap<'a> {
    fn new(model: &'a BoostedTrees) -> Self {
        let splits = model.used_trees().flat_map(|(tree, _)| tree.nodes());
        let mut columns: Vec<usize> = splits
            .filter_map(|node| match *node {
                Node::Split { column, .. } => Some(column as usize),
                Node::Leaf { .. } => None,
            })
            .collect();
        columns.sort_unstable();
        columns.dedup();
        let slots = columns.iter().enumerate();
        let slot_of: HashMap<u32, u32> = slots
            .map(|(slot, &column)| (column as u32, slot as u32))
            .collect();
        let walks: Vec<Walk> = model
            .used_trees()
            .map(|(tree, output)| Walk::new(tree, output, &slot_of))
            .collect();
        let mut expected: Vec<f64> = model.base_margins().iter().map(|&m| m.into()).collect();
        for walk in &walks {
            for (sum, value) in expected[walk.output..].iter_mut().zip(&walk.expected) {
                *sum += value;
            }
        }
        let rules = walks.iter().map(|walk| walk.factors);
        let rules: std::collections::BTreeSet<usize> = rules.collect();
        Self {
            model,
            walks,
            rules: rules
                .into_iter()
                .map(|factors| (factors, Quadrature::of_product(factors)))
                .collect(),
            columns,
            expected,
            limit: 1 << 32,
            pairs: OnceLock::new(),
        }
    }

    /// Sets how many bytes a result, or what it takes to compute it, may have; 4 GiB unless set.
    pub fn with_memory_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Lists the columns that the trees ask for, in ascending order. All others contribute nothing.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Gives the margins on average over the training rows, for each output: what contributions begin from.
    pub fn expected_margins(&self) -> &[f64] {
        &self.expected
    }

    /// Divides the margins of every row among the columns.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`; returns `[rows, outputs, columns + 1]`, the last of which is the
    /// [expected margin](Self::expected_margins). The numbers of a row and output add up to its margin.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] when the columns are not those of the fit; [`Error::Value`] when an input is infinite;
    /// [`Error::Memory`] when the result would have more bytes than [allowed](Self::with_memory_limit):
    /// [`compact_contributions`](Self::compact_contributions) are smaller.
    pub fn contributions(&self, inputs: ArrayView2<'_, f32>) -> Result<Array3<f32>> {
        let width = self.model.columns() + 1;
        let values = self.fill(inputs, None, width, |row, result| {
            for (slot, &column) in self.columns.iter().enumerate() {
                result[column] = row.column(slot) as f32;
            }
            result[width - 1] = self.expected[row.output] as f32;
        })?;
        Ok(self.shaped(inputs, values, width))
    }

    /// Gives the contributions of the columns that the trees ask for.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`; returns `[rows, outputs, used]` for [these columns](Self::columns).
    ///
    /// # Errors
    ///
    /// As [`contributions`](Self::contributions).
    pub fn compact_contributions(&self, inputs: ArrayView2<'_, f32>) -> Result<Array3<f32>> {
        let width = self.columns.len();
        let values = self.fill(inputs, None, width, |row, result| {
            for (slot, result) in result.iter_mut().enumerate() {
                *result = row.column(slot) as f32;
            }
        })?;
        Ok(self.shaped(inputs, values, width))
    }

    /// Divides the contributions of every row further, among pairs of columns.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`; returns `[rows, outputs, columns + 1, columns + 1]`. On the diagonal stands what a
    /// column contributes alone, beside it half of what it does together with another, in the last corner the expected
    /// margin. Lines add up to the [`contributions`](Self::contributions).
    ///
    /// # Errors
    ///
    /// As [`contributions`](Self::contributions). The result grows with the square of the columns:
    /// [`interactions_among`](Self::interactions_among) some, or of the [`pairs`](Self::pairs) that interact, are smaller.
    pub fn interactions(&self, inputs: ArrayView2<'_, f32>) -> Result<Array4<f32>> {
        let side = self.model.columns() + 1;
        let places: Vec<Vec<usize>> = self.columns.iter().map(|&column| vec![column]).collect();
        self.matrices(inputs, side, &places, true)
    }

    /// Gives the interactions among some columns.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`; returns `[rows, outputs, chosen, chosen]`: those lines and columns of the
    /// [`interactions`](Self::interactions).
    ///
    /// # Errors
    ///
    /// As [`interactions`](Self::interactions); [`Error::NoColumn`] when a chosen column does not exist.
    pub fn interactions_among(
        &self,
        inputs: ArrayView2<'_, f32>,
        chosen: &[usize],
    ) -> Result<Array4<f32>> {
        let mut places = vec![Vec::new(); self.columns.len()];
        for (place, &column) in chosen.iter().enumerate() {
            if column >= self.model.columns() {
                return Err(Error::NoColumn {
                    column,
                    columns: self.model.columns(),
                });
            }
            if let Ok(slot) = self.columns.binary_search(&column) {
                places[slot].push(place);
            }
        }
        self.matrices(inputs, chosen.len(), &places, false)
    }

    /// Lists the pairs of columns that some tree asks for on one way, in ascending order. No others interact.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`] when there are more than the [memory allowed](Self::with_memory_limit) can hold.
    pub fn pairs(&self) -> Result<Vec<[usize; 2]>> {
        let pairs = self.find_pairs()?.list.iter();
        Ok(pairs
            .map(|pair| pair.map(|slot| self.columns[slot as usize]))
            .collect())
    }

    /// Gives the interactions of the pairs that interact.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`; returns `[rows, outputs, pairs]` for [these pairs](Self::pairs): each number stands
    /// twice in [`interactions`](Self::interactions), on either side of the diagonal.
    ///
    /// # Errors
    ///
    /// As [`interactions`](Self::interactions).
    pub fn compact_interactions(&self, inputs: ArrayView2<'_, f32>) -> Result<Array3<f32>> {
        let pairs = self.find_pairs()?;
        let width = pairs.list.len();
        let values = self.fill(inputs, Some(pairs), width, |row, result| {
            for (pair, result) in result.iter_mut().enumerate() {
                *result = row.pair(pair) as f32;
            }
        })?;
        Ok(self.shaped(inputs, values, width))
    }

    /// Computes matrices of interactions. `places` tells where each column in use stands in them.
    fn matrices(
        &self,
        inputs: ArrayView2<'_, f32>,
        side: usize,
        places: &[Vec<usize>],
        with_expected: bool,
    ) -> Result<Array4<f32>> {
        let outputs = self.model.outputs();
        let width = side.checked_mul(side);
        let width = width.ok_or_else(|| self.too_large(u128::MAX))?;
        self.check_result(inputs.nrows(), width)?;
        let pairs = self.find_pairs()?;
        let values = self.fill(inputs, Some(pairs), width, |row, result| {
            let mut alone: Vec<f64> = (0..places.len()).map(|slot| row.column(slot)).collect();
            for (pair, &[one, other]) in pairs.list.iter().enumerate() {
                let value = row.pair(pair);
                let (one, other) = (one as usize, other as usize);
                alone[one] -= value;
                alone[other] -= value;
                for &place in &places[one] {
                    for &beside in &places[other] {
                        result[place * side + beside] = value as f32;
                        result[beside * side + place] = value as f32;
                    }
                }
            }
            for (places, alone) in places.iter().zip(alone) {
                for &place in places {
                    for &beside in places {
                        result[place * side + beside] = alone as f32;
                    }
                }
            }
            if with_expected {
                result[width - 1] = self.expected[row.output] as f32;
            }
        })?;
        let shape = (inputs.nrows(), outputs, side, side);
        Ok(Array4::from_shape_vec(shape, values).expect("a number for each place"))
    }

    fn shaped(&self, inputs: ArrayView2<'_, f32>, values: Vec<f32>, width: usize) -> Array3<f32> {
        let shape = (inputs.nrows(), self.model.outputs(), width);
        Array3::from_shape_vec(shape, values).expect("a number for each place")
    }

    fn find_pairs(&self) -> Result<&Pairs> {
        if let Some(pairs) = self.pairs.get() {
            return Ok(pairs);
        }
        let found = Pairs::find(&self.walks, self.limit)?;
        Ok(self.pairs.get_or_init(|| found))
    }

    fn too_large(&self, needed: u128) -> Error {
        Error::Memory {
            what: "explanations",
            needed,
            limit: self.limit,
        }
    }

    /// Checks that so many numbers for each row and output do not take more memory than allowed.
    pub(super) fn check_result(&self, rows: usize, width: usize) -> Result<()> {
        let numbers = rows as u128 * self.model.outputs() as u128 * width as u128;
        let needed = numbers.saturating_mul(size_of::<f32>() as u128);
        match needed <= self.limit as u128 {
            true => Ok(()),
            false => Err(self.too_large(needed)),
        }
    }

    /// Computes the sums of every row, and has `write` make `width` numbers of those of each output.
    fn fill(
        &self,
        inputs: ArrayView2<'_, f32>,
        pairs: Option<&Pairs>,
        width: usize,
        write: impl Fn(RowSums<'_>, &mut [f32]) + Sync,
    ) -> Result<Vec<f32>> {
        table::check_columns(inputs, self.model.columns())?;
        let (rows, outputs) = (inputs.nrows(), self.model.outputs());
        self.check_result(rows, width)?;
        let slots = self.columns.len();
        let pair_count = pairs.map_or(0, |pairs| pairs.list.len());
        let block_bytes = (slots + pair_count) * outputs * size_of::<[f64; LANES]>();
        let scratch = self.walks.iter().map(kernel::scratch).max().unwrap_or(0);
        let needed = block_bytes as u128 + scratch as u128;
        if needed > self.limit as u128 {
            return Err(self.too_large(needed));
        }
        let blocks = (BLOCKS_BYTES / block_bytes.max(1))
            .min(rows.div_ceil(PARTS * LANES))
            .clamp(1, MOST_BLOCKS);
        let rows_at_once = blocks * LANES;
        // As many parts at a time as there is memory for, if that is fewer than there are threads.
        let parts_at_once = (self.limit / (blocks * block_bytes + scratch).max(1)).max(1);
        let mut result = vec![0.0_f32; rows * outputs * width];
        let row_width = outputs * width;
        let explain = |(part, rows, result): (usize, ArrayView2<'_, f32>, &mut [f32])| {
            table::check_not_infinite(rows)
                .map_err(|error| error.in_later_row(part * rows_at_once))?;
            let sums = self.sums(rows, pairs);
            for (row, result) in result.chunks_mut(row_width.max(1)).enumerate() {
                for (output, result) in result.chunks_mut(width).enumerate() {
                    let sums = RowSums {
                        columns: &sums[row / LANES].columns[output * slots..],
                        pairs: &sums[row / LANES].pairs[output * pair_count..],
                        lane: row % LANES,
                        output,
                    };
                    write(sums, result);
                }
            }
            Ok::<(), Error>(())
        };
        if rows <= rows_at_once {
            explain((0, inputs, &mut result))?;
            return Ok(result);
        }
        if row_width == 0 {
            table::check_not_infinite(inputs)?;
            return Ok(result);
        }
        let together = parts_at_once.min(rows.div_ceil(rows_at_once));
        let groups = inputs
            .axis_chunks_iter(Axis(0), together * rows_at_once)
            .zip(result.chunks_mut(together * rows_at_once * row_width));
        for (group, (rows, result)) in groups.enumerate() {
            rows.axis_chunks_iter(Axis(0), rows_at_once)
                .into_par_iter()
                .zip(result.par_chunks_mut(rows_at_once * row_width))
                .enumerate()
                .try_for_each(|(part, (rows, result))| {
                    explain((group * together + part, rows, result))
                })
                // That of the first row, whichever part was the first to fail.
                .map_err(|error| table::check_not_infinite(inputs).err().unwrap_or(error))?;
        }
        Ok(result)
    }

    /// Gives the contributions and interactions of each row and output before they are rounded to 32 bits.
    #[cfg(test)]
    pub(super) fn sums_of(&self, rows: ArrayView2<'_, f32>) -> Vec<(Vec<f64>, Vec<f64>)> {
        let pairs = self.find_pairs().expect("there is memory for pairs");
        let sums = self.sums(rows, Some(pairs));
        let outputs = self.model.outputs();
        let places = (0..rows.nrows() * outputs).map(|place| (place / outputs, place % outputs));
        places
            .map(|(row, output)| {
                let sums = &sums[row / LANES];
                let lane = |lanes: &[f64; LANES]| lanes[row % LANES];
                let columns = sums.columns[output * self.columns.len()..].iter().map(lane);
                let together = sums.pairs[output * pairs.list.len()..].iter().map(lane);
                (
                    columns.take(self.columns.len()).collect(),
                    together.take(pairs.list.len()).collect(),
                )
            })
            .collect()
    }

    /// Walks all trees with some rows.
    fn sums(&self, rows: ArrayView2<'_, f32>, pairs: Option<&Pairs>) -> Vec<Sums> {
        let blocks = rows.nrows().div_ceil(LANES);
        let mut inputs = vec![vec![[0.0_f32; LANES]; self.columns.len()]; blocks];
        for (place, row) in rows.rows().into_iter().enumerate() {
            for (lanes, &column) in inputs[place / LANES].iter_mut().zip(&self.columns) {
                lanes[place % LANES] = row[column];
            }
        }
        let outputs = self.model.outputs();
        let blank = Sums {
            columns: vec![[0.0; LANES]; self.columns.len() * outputs],
            pairs: vec![[0.0; LANES]; pairs.map_or(0, |pairs| pairs.list.len() * outputs)],
        };
        let mut sums = vec![blank; blocks];
        for (tree, walk) in self.walks.iter().enumerate() {
            let partners = pairs.map(|pairs| &pairs.partners[tree]);
            let rule = &self.rules[&walk.factors];
            kernel::add_tree(walk, partners, rule, &inputs, &mut sums);
        }
        sums
    }
}

/// The sums of a row and output.
struct RowSums<'a> {
    columns: &'a [[f64; LANES]],
    pairs: &'a [[f64; LANES]],
    lane: usize,
    output: usize,
}

impl RowSums<'_> {
    fn column(&self, slot: usize) -> f64 {
        self.columns[slot][self.lane]
    }

    fn pair(&self, pair: usize) -> f64 {
        self.pairs[pair][self.lane]
    }
}
