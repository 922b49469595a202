//! Ridge regression with a weight per row and a free intercept: a step of Newton's method.

use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::cholesky::Cholesky;
use super::gram::lower_products;

/// The table of a weighted ridge regression, solved again and again with other weights.
pub(crate) struct WeightedRidge<'a> {
    inputs: &'a Array2<f64>,
    penalty: f64,
}

/// The equations for one choice of weights.
pub(crate) struct Factored {
    cholesky: Cholesky,
    /// What a unit of intercept takes off the weights of the columns.
    per_intercept: Array1<f64>,
    /// The curvature along the intercept once the columns follow it.
    curvature: f64,
}

impl<'a> WeightedRidge<'a> {
    pub(crate) fn new(inputs: &'a Array2<f64>, penalty: f64) -> Self {
        Self { inputs, penalty }
    }

    /// Prepares the equations for weights above 0; `None` when they are beyond 64 bits.
    pub(crate) fn factor(&self, weights: ArrayView1<'_, f64>) -> Option<Factored> {
        let mut matrix = lower_products(self.inputs.view(), Some(weights));
        let largest = matrix
            .diag()
            .fold(self.penalty, |most, &value| most.max(value));
        matrix.diag_mut().mapv_inplace(|value| value + self.penalty);
        // Rows of very different weights cost digits; what then vanishes beside the largest costs no step.
        let cholesky = [0.0, 1e-15, 1e-13, 1e-11].iter().find_map(|relative| {
            let mut matrix = matrix.clone();
            matrix
                .diag_mut()
                .mapv_inplace(|value| value + relative * largest);
            Cholesky::new(matrix)
        })?;
        let per_intercept = solve(&cholesky, self.inputs.t().dot(&weights));
        let left = 1.0 - self.inputs.dot(&per_intercept);
        let curvature =
            (&left * &left).dot(&weights) + self.penalty * per_intercept.dot(&per_intercept);
        (curvature.is_finite() && curvature > 0.0).then_some(Factored {
            cholesky,
            per_intercept,
            curvature,
        })
    }
}

impl Factored {
    /// Solves for the weights of the columns and the intercept whose products with the equations are
    /// `columns` and `intercept`.
    pub(crate) fn solve(&self, columns: &Array1<f64>, intercept: f64) -> (Array1<f64>, f64) {
        let shift = (intercept - self.per_intercept.dot(columns)) / self.curvature;
        let mut weights = solve(&self.cholesky, columns.clone());
        weights.scaled_add(-shift, &self.per_intercept);
        (weights, shift)
    }
}

fn solve(cholesky: &Cholesky, right: Array1<f64>) -> Array1<f64> {
    cholesky
        .solve(right.insert_axis(Axis(1)))
        .remove_axis(Axis(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_tall_tables_fulfil_the_equations() {
        for (rows, columns) in [(7, 3), (3, 7)] {
            let table = Array2::from_shape_fn((rows, columns), |(row, column)| {
                ((row * 5 + column * 3 + row * column) % 7) as f64 - 3.0
            });
            let weights = Array1::from_shape_fn(rows, |row| 0.1 + row as f64);
            let ridge = WeightedRidge::new(&table, 0.5);
            let right = Array1::from_shape_fn(columns, |column| column as f64 - 1.0);
            let (solved, intercept) = ridge.factor(weights.view()).unwrap().solve(&right, 2.0);
            let residual = (table.dot(&solved) + intercept) * &weights;
            assert!((residual.sum() - 2.0).abs() < 1e-12);
            let products = table.t().dot(&residual) + &solved * 0.5;
            assert!((products - right).iter().all(|apart| apart.abs() < 1e-12));
        }
    }
}
