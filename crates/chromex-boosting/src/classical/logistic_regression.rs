//! Classification by a linear model of the log odds.

use chromex_core::{Dataset, Fit};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::logistic_model::{LogisticModel, probability};
use super::narrowed::Narrowed;
use super::weighted_ridge::WeightedRidge;
use crate::centred::Centred;
use crate::{Error, LinearModel, Result, table};

/// The part of the starting loss that another step may still bring when it is the last.
const TOLERANCE: f64 = 1e-14;

/// Newton steps after which to give up; ten are usual.
const MOST_STEPS: usize = 200;

/// Fits the probability that a target is 1: the logistic function of a weighted sum of the columns.
///
/// Minimises ½ ‖w‖² + `c` Σ ln(1 + exp(∓(xw + b))) per target, so `c` means what it means in scikit-learn and
/// liblinear; the intercept b is not penalised. Targets are 0 or 1; predictions are probabilities of 1.
///
/// The loss is lowered by Newton's method with step halving until rounding stops it: there is no tolerance to
/// choose. A step decomposes a matrix of as many rows as there are rows or columns, whichever is fewer. No
/// draw is made, so the seed changes nothing.
///
/// # Examples
///
/// ```
/// use chromex_boosting::LogisticRegression;
/// use ndarray::{Array2, array};
///
/// let marks: Array2<f32> = array![[0.0], [1.0], [2.0], [3.0]];
/// let expressed: Array2<f32> = array![[0.0], [0.0], [1.0], [1.0]];
/// let regression = LogisticRegression { c: 10.0, ..LogisticRegression::default() };
/// let probabilities = regression.fit_table(marks.view(), expressed.view())?.predict_table(marks.view())?;
/// assert!(probabilities[[0, 0]] < 0.1 && probabilities[[3, 0]] > 0.9);
/// # Ok::<(), chromex_boosting::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegression {
    /// How much errors cost, beside weights: the inverse of a penalty, above 0.
    pub c: f64,
    /// Whether each column is first divided by its standard deviation, so that the penalty treats columns
    /// of different units alike. Weights are given in the units of the inputs all the same.
    pub standardize: bool,
}

impl Default for LogisticRegression {
    /// Gives scikit-learn's cost, on standardised columns.
    fn default() -> Self {
        Self {
            c: 1.0,
            standardize: true,
        }
    }
}

impl LogisticRegression {
    /// Fits weights to a table of inputs and one of classes.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `targets` `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when `c` is not above 0; [`Error::Empty`] when there are no rows, columns or
    /// targets; [`Error::Value`] when an input is not finite or a target neither 0 nor 1;
    /// [`Error::OneClass`] when a target has one class only; [`Error::Overflow`] or
    /// [`Error::NotConverged`] when `c` is so large that rounding hides the penalty.
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub fn fit_table(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
    ) -> Result<LogisticModel> {
        if !(self.c.is_finite() && self.c > 0.0) {
            return Err(Error::Setting {
                name: "c",
                expected: "a finite number above 0",
                found: self.c.to_string(),
            });
        }
        let inputs = Centred::checked(inputs, targets, self.standardize)?;
        table::check_classes(targets)?;
        let narrowed = Narrowed::new(&inputs.values);
        let mut weights = Array2::zeros((inputs.values.ncols(), targets.ncols()));
        let mut intercepts = Array1::zeros(targets.ncols());
        for (target, classes) in targets.axis_iter(Axis(1)).enumerate() {
            let (fitted, intercept) = self.descend(narrowed.table(), classes, target)?;
            weights.column_mut(target).assign(&narrowed.widen(fitted));
            intercepts[target] = intercept;
        }
        let alpha = 1.0 / self.c;
        Ok(LogisticModel::new(LinearModel::from_centred(
            alpha,
            &inputs,
            weights,
            &intercepts,
        )))
    }

    fn descend(
        &self,
        inputs: &Array2<f64>,
        classes: ArrayView1<'_, f32>,
        target: usize,
    ) -> Result<(Array1<f64>, f64)> {
        let penalty = 1.0 / self.c;
        let ridge = WeightedRidge::new(inputs, penalty);
        let classes = classes.mapv(f64::from);
        let share = classes.mean().unwrap_or(0.5);
        let mut weights = Array1::<f64>::zeros(inputs.ncols());
        let mut intercept = (share / (1.0 - share)).ln();
        let mut odds = Array1::from_elem(classes.len(), intercept);
        let loss = |odds: &Array1<f64>, weights: &Array1<f64>| {
            let errors: f64 = odds
                .iter()
                .zip(&classes)
                .map(|(odds, class)| odds.max(0.0) - odds * class + (-odds.abs()).exp().ln_1p())
                .sum();
            errors + 0.5 * penalty * weights.dot(weights)
        };
        let start = loss(&odds, &weights);
        let mut current = start;
        let mut left = f64::INFINITY;
        for _ in 0..MOST_STEPS {
            let probabilities = odds.mapv(probability);
            let errors = &classes - &probabilities;
            let mut slope = inputs.t().dot(&errors);
            slope.scaled_add(-penalty, &weights);
            // Rows that are decided keep a trace of curvature, so that its square root can be divided by.
            let curvature = probabilities.mapv(|p| (p * (1.0 - p)).max(f64::EPSILON));
            let (step, intercept_step) = ridge
                .factor(curvature.view())
                .ok_or(Error::Overflow {
                    what: "curvature of the loss",
                })?
                .solve(&slope, errors.sum());
            let promised = slope.dot(&step) + errors.sum() * intercept_step;
            left = promised / start;
            if left <= TOLERANCE {
                return Ok((weights, intercept));
            }
            let odds_step = inputs.dot(&step) + intercept_step;
            let mut length = 1.0;
            loop {
                let new_weights = &weights + &(&step * length);
                let new_odds = &odds + &(&odds_step * length);
                let new = loss(&new_odds, &new_weights);
                if new <= current - 1e-4 * length * promised {
                    (weights, odds, current) = (new_weights, new_odds, new);
                    intercept += length * intercept_step;
                    break;
                }
                length *= 0.5;
                if length < 1e-10 {
                    // Rounding hides what is left to gain.
                    return if left < 1e-9 {
                        Ok((weights, intercept))
                    } else {
                        Err(not_converged(target, left))
                    };
                }
            }
        }
        Err(not_converged(target, left))
    }
}

impl Fit<Array2<f32>> for LogisticRegression {
    type Fitted = LogisticModel;

    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        _valid: &Dataset<Array2<f32>>,
        _seed: u64,
    ) -> chromex_core::Result<LogisticModel> {
        Ok(self.fit_table(train.inputs.view(), train.targets.values.view())?)
    }
}

fn not_converged(target: usize, gap: f64) -> Error {
    Error::NotConverged {
        target,
        steps: MOST_STEPS,
        gap,
        tolerance: TOLERANCE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_column_that_separates_the_classes_gets_a_finite_weight() {
        let inputs = Array2::from_shape_fn((40, 60), |(row, column)| {
            ((row * 13 + column * 7 + row * column) % 11) as f32 + if row < 20 { 0.0 } else { 20.0 }
        });
        let targets = Array2::from_shape_fn((40, 1), |(row, _)| f32::from(row >= 20));
        for c in [1e-3, 1.0, 1e6] {
            let settings = LogisticRegression {
                c,
                ..LogisticRegression::default()
            };
            let model = settings.fit_table(inputs.view(), targets.view()).unwrap();
            let predicted = model.predict_table(inputs.view()).unwrap();
            assert!(predicted.iter().all(|p| (0.0..=1.0).contains(p)));
            let right = predicted
                .iter()
                .zip(&targets)
                .filter(|(p, class)| (**p > 0.5) == (**class > 0.5));
            assert_eq!(right.count(), 40);
        }
    }

    #[test]
    fn classes_that_cannot_be_fitted_are_refused() {
        let inputs = array![[1.0_f32], [2.0]];
        let message = |targets: Array2<f32>| {
            LogisticRegression::default()
                .fit_table(inputs.view(), targets.view())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            message(array![[0.0], [2.0]]),
            "target in row 1, column 0: expected 0 or 1, found 2"
        );
        assert_eq!(
            message(array![[0.0, 1.0], [1.0, 1.0]]),
            "target 1 is 1 in all training rows, a classifier needs both 0 and 1"
        );
    }
}
