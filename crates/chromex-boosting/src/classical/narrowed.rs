//! Tables of more columns than rows, with as many columns as rows.

use ndarray::{Array1, Array2, Axis};

use super::cholesky::Cholesky;
use super::gram::lower_products;

/// The part of the mean square of a row that is added to each, so that rows that depend on each other have a
/// decomposition as well.
const NUDGE: f64 = 1e-13;

/// A table for learners that penalise squared weights: where columns outnumber rows, the columns are turned
/// until all but as many as there are rows are 0, and those are left out. Products of rows, and so
/// predictions and sums of squared weights, stay what they were.
pub(crate) struct Narrowed<'a> {
    inputs: &'a Array2<f64>,
    turned: Option<(Array2<f64>, Cholesky)>,
}

impl<'a> Narrowed<'a> {
    pub(crate) fn new(inputs: &'a Array2<f64>) -> Self {
        let turned = (inputs.nrows() < inputs.ncols()).then(|| {
            let mut products = lower_products(inputs.t(), None);
            let mean = products.diag().sum() / products.nrows() as f64;
            // Rows without any spread are told apart by nothing, and any nudge will do.
            let nudge = if mean > 0.0 { NUDGE * mean } else { 1.0 };
            products.diag_mut().mapv_inplace(|value| value + nudge);
            let cholesky = [1.0, 1e2, 1e4]
                .iter()
                .find_map(|times| {
                    let mut products = products.clone();
                    products
                        .diag_mut()
                        .mapv_inplace(|value| value + times * nudge);
                    Cholesky::new(products)
                })
                .expect("products of rows with a nudge are positive definite");
            (cholesky.lower(), cholesky)
        });
        Self { inputs, turned }
    }

    /// Gives the table to learn from.
    pub(crate) fn table(&self) -> &Array2<f64> {
        match &self.turned {
            Some((table, _)) => table,
            None => self.inputs,
        }
    }

    /// Gives the weights of the columns as they were, from those of [`table`](Self::table).
    pub(crate) fn widen(&self, weights: Array1<f64>) -> Array1<f64> {
        match &self.turned {
            Some((_, cholesky)) => {
                let rows = cholesky.solve_transposed(weights.insert_axis(Axis(1)));
                self.inputs.t().dot(&rows.remove_axis(Axis(1)))
            }
            None => weights,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_table_and_its_narrowed_one_predict_alike() {
        let wide = Array2::from_shape_fn((5, 9), |(row, column)| {
            // The last row repeats the first.
            ((row % 4 * 7 + column * 3 + row % 4 * column) % 11) as f64 - 5.0
        });
        let narrowed = Narrowed::new(&wide);
        assert_eq!(narrowed.table().dim(), (5, 5));
        // What a learner finds: a sum of rows.
        let weights = narrowed
            .table()
            .t()
            .dot(&Array1::from(vec![1.0, -2.0, 0.5, 3.0, 1.0]));
        let predicted = narrowed.table().dot(&weights);
        let widened = narrowed.widen(weights.clone());
        let apart = wide.dot(&widened) - predicted;
        assert!(apart.iter().all(|apart| apart.abs() < 1e-6), "{apart}");
        assert!((widened.dot(&widened) / weights.dot(&weights) - 1.0).abs() < 1e-9);
    }
}
