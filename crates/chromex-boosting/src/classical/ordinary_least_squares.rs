//! Linear regression without a penalty.

use chromex_core::{Dataset, Fit};
use linfa_linalg::eigh::EighInto;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::cholesky::Cholesky;
use super::gram::{lower_products, mirror};
use crate::centred::{Centred, centre};
use crate::{Error, LinearModel, Result};

/// The part of a column's variance that the columns before it must leave unexplained for it to count as
/// independent of them.
const INDEPENDENT: f64 = 1e-10;

/// The part of the largest variance of any direction below which a direction counts as empty.
const EMPTY: f64 = 1e-12;

/// Fits a linear model by least squares alone: ‖y − Xw − b‖² per target.
///
/// Where several weights fit equally well (more columns than rows, columns that are sums of others), the
/// smallest of them are chosen, as scikit-learn does: smallest by the sum of their squares, in the units of
/// the columns or, with `standardize`, in standard deviations. No draw is made, so the seed changes
/// nothing.
///
/// Independent columns are solved by Cholesky's decomposition, dependent ones by eigenvectors of the
/// products of columns (or of rows, where those are fewer); either is refined by its own residuals.
///
/// # Examples
///
/// ```
/// use chromex_boosting::OrdinaryLeastSquares;
/// use ndarray::{Array2, array};
///
/// // The second column repeats the first: they share its weight.
/// let marks: Array2<f32> = array![[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]];
/// let expression: Array2<f32> = array![[1.0], [3.0], [5.0]];
/// let model = OrdinaryLeastSquares::default().fit_table(marks.view(), expression.view())?;
/// assert!((model.coefficients()[[0, 0]] - 1.0).abs() < 1e-12);
/// assert!((model.coefficients()[[1, 0]] - 1.0).abs() < 1e-12);
/// assert!((model.intercepts()[0] - 1.0).abs() < 1e-12);
/// # Ok::<(), chromex_boosting::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrdinaryLeastSquares {
    /// Whether the smallest weights are those of columns divided by their standard deviations. Changes
    /// nothing where only one solution exists.
    pub standardize: bool,
}

impl OrdinaryLeastSquares {
    /// Fits weights to a table of inputs and one of targets.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `targets` `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] when there are no rows, columns or targets; [`Error::Value`] when a number is not
    /// finite; [`Error::Overflow`] when the products of columns have no eigenvectors in 64 bits.
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub fn fit_table(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
    ) -> Result<LinearModel> {
        let inputs = Centred::checked(inputs, targets, self.standardize)?;
        let (targets, target_means) = centre(targets);
        let solver = Solver::new(&inputs.values)?;
        let mut weights = solver.solve(&inputs.values, &targets);
        let residuals = &targets - &inputs.values.dot(&weights);
        weights += &solver.solve(&inputs.values, &residuals);
        Ok(LinearModel::from_centred(
            0.0,
            &inputs,
            weights,
            &target_means,
        ))
    }
}

impl Fit<Array2<f32>> for OrdinaryLeastSquares {
    type Fitted = LinearModel;

    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        _valid: &Dataset<Array2<f32>>,
        _seed: u64,
    ) -> chromex_core::Result<LinearModel> {
        Ok(self.fit_table(train.inputs.view(), train.targets.values.view())?)
    }
}

/// A way from targets to weights.
enum Solver {
    /// Independent columns, each divided by its norm.
    Independent {
        norms: Array1<f64>,
        cholesky: Cholesky,
    },
    /// Directions that are not empty, among columns or among rows, and their sums of squares.
    Directions {
        of_rows: bool,
        vectors: Array2<f64>,
        squares: Array1<f64>,
    },
}

impl Solver {
    fn new(inputs: &Array2<f64>) -> Result<Self> {
        let of_rows = inputs.nrows() <= inputs.ncols();
        let products = if of_rows {
            lower_products(inputs.t(), None)
        } else {
            lower_products(inputs.view(), None)
        };
        if !of_rows {
            let norms = products.diag().mapv(f64::sqrt);
            if norms.iter().all(|&norm| norm > 0.0) {
                let mut scaled = &products / &norms;
                scaled /= &norms.view().insert_axis(Axis(1));
                if let Some(cholesky) =
                    Cholesky::new(scaled).filter(|cholesky| cholesky.least_pivot() > INDEPENDENT)
                {
                    return Ok(Self::Independent { norms, cholesky });
                }
            }
        }
        let (squares, vectors) = mirror(products).eigh_into().map_err(|_| Error::Overflow {
            what: "products of columns",
        })?;
        let largest = squares
            .iter()
            .fold(0.0, |most: f64, &square| most.max(square));
        let filled: Vec<usize> = (0..squares.len())
            .filter(|&direction| squares[direction] > EMPTY * largest)
            .collect();
        Ok(Self::Directions {
            of_rows,
            vectors: vectors.select(Axis(1), &filled),
            squares: squares.select(Axis(0), &filled),
        })
    }

    fn solve(&self, inputs: &Array2<f64>, targets: &Array2<f64>) -> Array2<f64> {
        match self {
            Self::Independent { norms, cholesky } => {
                let norms = norms.view().insert_axis(Axis(1));
                cholesky.solve(inputs.t().dot(targets) / norms) / norms
            }
            Self::Directions {
                of_rows,
                vectors,
                squares,
            } => {
                let project = |right: &Array2<f64>| {
                    let along = vectors.t().dot(right) / squares.view().insert_axis(Axis(1));
                    vectors.dot(&along)
                };
                if *of_rows {
                    inputs.t().dot(&project(targets))
                } else {
                    project(&inputs.t().dot(targets))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn columns_of_very_different_units_are_independent_all_the_same() {
        let inputs = array![
            [1e-6_f32, 2e6, 5.0],
            [2e-6, 1e6, 5.0],
            [4e-6, 3e6, 5.0],
            [3e-6, 7e6, 5.0]
        ];
        let truth = inputs.map_axis(Axis(1), |row| 3e6 * row[0] - 2e-6 * row[1] + 4.0);
        let truth = truth.insert_axis(Axis(1));
        for columns in [2, 3] {
            let inputs = inputs.slice(ndarray::s![.., ..columns]);
            let settings = OrdinaryLeastSquares {
                standardize: columns == 3,
            };
            let model = settings.fit_table(inputs, truth.view()).unwrap();
            assert!((model.coefficients()[[0, 0]] / 3e6 - 1.0).abs() < 1e-5);
            assert!((model.coefficients()[[1, 0]] / -2e-6 - 1.0).abs() < 1e-5);
            assert!((model.intercepts()[0] - 4.0).abs() < 1e-4);
        }
    }

    #[test]
    fn one_row_and_columns_of_equal_values_predict_the_mean() {
        let model = OrdinaryLeastSquares::default()
            .fit_table(array![[3.0_f32, 4.0]].view(), array![[7.0_f32]].view())
            .unwrap();
        assert_eq!(model.coefficients().sum(), 0.0);
        assert_eq!(model.intercepts()[0], 7.0);
    }
}
