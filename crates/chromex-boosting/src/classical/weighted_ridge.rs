//! Ridge regression with a weight per row and a free intercept: a step of Newton's method.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::cholesky::Cholesky;
use super::gram::{lower_products, mirror};

/// The table of a weighted ridge regression, solved again and again with other weights.
///
/// Works on a matrix of as many rows as there are rows or columns, whichever is fewer.
pub(crate) struct WeightedRidge<'a> {
    inputs: ArrayView2<'a, f64>,
    penalty: f64,
    /// Products of rows with rows, where rows are fewer than columns.
    row_products: Option<Array2<f64>>,
}

/// The equations for one choice of weights.
pub(crate) struct Factored<'a> {
    inputs: ArrayView2<'a, f64>,
    penalty: f64,
    wide: bool,
    roots: Array1<f64>,
    cholesky: Cholesky,
    /// What a unit of intercept takes off the weights of the columns.
    per_intercept: Array1<f64>,
    /// The curvature along the intercept once the columns follow it.
    curvature: f64,
}

impl<'a> WeightedRidge<'a> {
    pub(crate) fn new(inputs: ArrayView2<'a, f64>, penalty: f64) -> Self {
        let row_products =
            (inputs.nrows() < inputs.ncols()).then(|| mirror(lower_products(inputs.t(), None)));
        Self {
            inputs,
            penalty,
            row_products,
        }
    }

    /// Prepares the equations for weights above 0; `None` when they are beyond 64 bits.
    pub(crate) fn factor(&self, weights: ArrayView1<'_, f64>) -> Option<Factored<'a>> {
        let roots = weights.mapv(f64::sqrt);
        let matrix = match &self.row_products {
            Some(products) => {
                let mut matrix = products * &roots;
                matrix *= &roots.view().insert_axis(Axis(1));
                matrix
            }
            None => lower_products(self.inputs, Some(weights)),
        };
        let largest = matrix.diag().fold(self.penalty, |most, &v| most.max(v));
        // Rows of very different weights cost digits; a diagonal that vanishes beside them costs no step.
        let cholesky = [0.0, 1e-15, 1e-13, 1e-11].iter().find_map(|relative| {
            let mut matrix = matrix.clone();
            matrix
                .diag_mut()
                .mapv_inplace(|value| value + self.penalty + relative * largest);
            Cholesky::new(matrix)
        })?;
        let mut factored = Factored {
            inputs: self.inputs,
            penalty: self.penalty,
            wide: self.row_products.is_some(),
            roots,
            cholesky,
            per_intercept: Array1::zeros(self.inputs.ncols()),
            curvature: 0.0,
        };
        factored.per_intercept = factored.columns(self.inputs.t().dot(&weights));
        let left = 1.0 - self.inputs.dot(&factored.per_intercept);
        factored.curvature = (&left * &left).dot(&weights)
            + self.penalty * factored.per_intercept.dot(&factored.per_intercept);
        (factored.curvature.is_finite() && factored.curvature > 0.0).then_some(factored)
    }
}

impl Factored<'_> {
    /// Solves for the weights of the columns and the intercept whose products with the equations are
    /// `columns` and `intercept`.
    pub(crate) fn solve(&self, columns: &Array1<f64>, intercept: f64) -> (Array1<f64>, f64) {
        let shift = (intercept - self.per_intercept.dot(columns)) / self.curvature;
        let mut weights = self.columns(columns.clone());
        weights.scaled_add(-shift, &self.per_intercept);
        (weights, shift)
    }

    /// Solves without an intercept.
    fn columns(&self, right: Array1<f64>) -> Array1<f64> {
        let solve = |right: Array1<f64>| {
            self.cholesky
                .solve(right.insert_axis(Axis(1)))
                .remove_axis(Axis(1))
        };
        if !self.wide {
            return solve(right);
        }
        // (λ + XᵀWX)⁻¹ = (1 − Xᵀ√W (λ + √W XXᵀ √W)⁻¹ √W X) / λ
        let rows = solve(self.inputs.dot(&right) * &self.roots) * &self.roots;
        (right - self.inputs.t().dot(&rows)) / self.penalty
    }
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
            let ridge = WeightedRidge::new(table.view(), 0.5);
            let right = Array1::from_shape_fn(columns, |column| column as f64 - 1.0);
            let (solved, intercept) = ridge.factor(weights.view()).unwrap().solve(&right, 2.0);
            let residual = (table.dot(&solved) + intercept) * &weights;
            assert!((residual.sum() - 2.0).abs() < 1e-12);
            let products = table.t().dot(&residual) + &solved * 0.5;
            assert!((products - right).iter().all(|apart| apart.abs() < 1e-12));
        }
    }
}
