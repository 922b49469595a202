//! Products of the columns of a table with each other.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

/// Multiplies every column with every other and sums over the rows, each row times its weight.
///
/// Only the lower triangle and the diagonal are filled, which is what
/// [`Cholesky`](super::cholesky::Cholesky) reads. Columns are shared out among threads by blocks whose
/// width depends on the table alone, so that sums have the same bits for every number of threads.
pub(crate) fn lower_products(
    table: ArrayView2<'_, f64>,
    weights: Option<ArrayView1<'_, f64>>,
) -> Array2<f64> {
    let columns = table.ncols();
    let width = (columns / 4).clamp(32, 256);
    let mut products = Array2::zeros((columns, columns));
    products
        .axis_chunks_iter_mut(Axis(1), width)
        .into_par_iter()
        .enumerate()
        .for_each(|(block, mut products)| {
            let first = block * width;
            let last = first + products.ncols();
            let mut weighted = table.slice(s![.., first..last]).to_owned();
            if let Some(weights) = weights {
                weighted *= &weights.insert_axis(Axis(1));
            }
            let below = table.slice(s![.., first..]);
            ndarray::linalg::general_mat_mul(
                1.0,
                &below.t(),
                &weighted,
                0.0,
                &mut products.slice_mut(s![first.., ..]),
            );
        });
    products
}

/// Copies the lower triangle over the upper one.
pub(crate) fn mirror(mut lower: Array2<f64>) -> Array2<f64> {
    for row in 0..lower.nrows() {
        for column in row + 1..lower.ncols() {
            lower[[row, column]] = lower[[column, row]];
        }
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2};

    #[test]
    fn blocks_of_columns_give_the_products_of_the_whole_table() {
        let table = Array2::from_shape_fn((37, 75), |(row, column)| {
            ((row * 31 + column * 17 + row * column) % 23) as f64 - 11.0
        });
        let weights = Array1::from_shape_fn(37, |row| row as f64 / 8.0);
        let expected = table
            .t()
            .dot(&(&table * &weights.view().insert_axis(Axis(1))));
        let products = mirror(lower_products(table.view(), Some(weights.view())));
        assert_eq!(products, expected);
        let unweighted = mirror(lower_products(table.view(), None));
        assert_eq!(unweighted, table.t().dot(&table));
    }
}
