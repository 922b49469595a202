//! Cholesky's decomposition, block by block.

use ndarray::linalg::general_mat_mul;
use ndarray::parallel::prelude::*;
use ndarray::{Array2, ArrayViewMut1, Axis, s};

/// Columns that are decomposed before the rest is brought up to date by a product of matrices.
const BLOCK: usize = 64;

/// A symmetric positive definite matrix as the product of a lower triangle with its transpose.
///
/// `linfa-linalg`'s decomposition goes column by column at a billion operations per second; nearly all of
/// this one's are products of matrices.
pub(crate) struct Cholesky {
    lower: Array2<f64>,
}

impl Cholesky {
    /// Decomposes a matrix of which only the lower triangle is read; `None` when it is not positive
    /// definite.
    pub(crate) fn new(mut matrix: Array2<f64>) -> Option<Self> {
        let size = matrix.nrows();
        for first in (0..size).step_by(BLOCK) {
            let last = (first + BLOCK).min(size);
            let (mut block, mut below) = matrix
                .slice_mut(s![first.., ..])
                .split_at(Axis(0), last - first);
            decompose_block(&mut block.slice_mut(s![.., first..last]))?;
            let corner = block.slice(s![.., first..last]).to_owned();
            below
                .axis_iter_mut(Axis(0))
                .into_par_iter()
                .for_each(|mut row| divide(row.slice_mut(s![first..last]), &corner));
            let panel = below.slice(s![.., first..last]).to_owned();
            below
                .axis_chunks_iter_mut(Axis(0), BLOCK)
                .into_par_iter()
                .enumerate()
                .for_each(|(chunk, mut rows)| {
                    let from = chunk * BLOCK;
                    let to = from + rows.nrows();
                    general_mat_mul(
                        -1.0,
                        &panel.slice(s![from..to, ..]),
                        &panel.slice(s![..to, ..]).t(),
                        1.0,
                        &mut rows.slice_mut(s![.., last..last + to]),
                    );
                });
        }
        Some(Self { lower: matrix })
    }

    /// Gives the lower triangle, with zeros above it.
    pub(crate) fn lower(&self) -> Array2<f64> {
        Array2::from_shape_fn(self.lower.dim(), |(row, column)| {
            if row >= column {
                self.lower[[row, column]]
            } else {
                0.0
            }
        })
    }

    /// Gives the least square on the diagonal: of a matrix of correlations, the least part of a column's
    /// variance that the columns before it do not explain.
    pub(crate) fn least_pivot(&self) -> f64 {
        let diagonal = self.lower.diag();
        diagonal.fold(f64::INFINITY, |least, value| least.min(value * value))
    }

    /// Solves for every column of `right`.
    ///
    /// # Shapes
    ///
    /// `right` is `[size, columns]`, and so is what is returned.
    pub(crate) fn solve(&self, mut right: Array2<f64>) -> Array2<f64> {
        let size = self.lower.nrows();
        for row in 0..size {
            let (above, mut rest) = right.view_mut().split_at(Axis(0), row);
            let mut current = rest.row_mut(0);
            current -= &self.lower.slice(s![row, ..row]).dot(&above);
            current /= self.lower[[row, row]];
        }
        self.solve_transposed(right)
    }

    /// Solves against the transposed triangle alone, for every column of `right`.
    pub(crate) fn solve_transposed(&self, mut right: Array2<f64>) -> Array2<f64> {
        for row in (0..self.lower.nrows()).rev() {
            let (mut above, mut rest) = right.view_mut().split_at(Axis(0), row);
            let mut current = rest.row_mut(0);
            current /= self.lower[[row, row]];
            for (mut earlier, &factor) in above
                .rows_mut()
                .into_iter()
                .zip(self.lower.slice(s![row, ..row]))
            {
                earlier.scaled_add(-factor, &current);
            }
        }
        right
    }
}

/// Decomposes a small matrix in place.
fn decompose_block(block: &mut ndarray::ArrayViewMut2<'_, f64>) -> Option<()> {
    for row in 0..block.nrows() {
        for column in 0..=row {
            let known = (0..column).fold(block[[row, column]], |rest, before| {
                rest - block[[row, before]] * block[[column, before]]
            });
            if row > column {
                block[[row, column]] = known / block[[column, column]];
            } else if known.is_finite() && known > 0.0 {
                block[[row, row]] = known.sqrt();
            } else {
                return None;
            }
        }
    }
    Some(())
}

/// Solves one row against the transposed triangle of a block.
fn divide(mut row: ArrayViewMut1<'_, f64>, corner: &Array2<f64>) {
    for column in 0..row.len() {
        let known = (0..column).fold(row[column], |rest, before| {
            rest - row[before] * corner[[column, before]]
        });
        row[column] = known / corner[[column, column]];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classical::gram::{lower_products, mirror};
    use ndarray::{Array2, array};

    #[test]
    fn a_matrix_of_several_blocks_is_solved() {
        for size in [1, 63, 64, 65, 200] {
            let table = Array2::from_shape_fn((size + 5, size), |(row, column)| {
                f64::from((row * 7919 + column * 104_729 + row * column) as u32 % 97) / 97.0
            });
            let mut lower = lower_products(table.view(), None);
            lower.diag_mut().mapv_inplace(|value| value + 1.0);
            let truth =
                Array2::from_shape_fn((size, 2), |(row, column)| (row + column) as f64 / 9.0 - 3.0);
            let right = mirror(lower.clone()).dot(&truth);
            let solved = Cholesky::new(lower).unwrap().solve(right);
            let furthest = (&solved - &truth).fold(0.0_f64, |most, apart| most.max(apart.abs()));
            assert!(furthest < 1e-9, "{size}: {furthest:e}");
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_is_refused() {
        assert!(Cholesky::new(array![[1.0, 0.0], [2.0, 1.0]]).is_none());
        assert!(Cholesky::new(array![[f64::NAN]]).is_none());
    }
}
