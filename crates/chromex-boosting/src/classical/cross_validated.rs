//! Penalties that cross-validation chooses.

use chromex_core::{Dataset, Fit, random};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::coordinate_descent::{CoordinateDescent, NotConverged, Penalty, State};
use crate::centred::{Centred, centre};
use crate::limits::MOST_PENALTIES;
use crate::{Error, LinearModel, Result};

/// Fits [`ElasticNet`](crate::ElasticNet) with the penalty of a path that cross-validation of the training rows
/// prefers.
///
/// The path is that of all rows: it starts at the least penalty under which all weights are 0, and falls by equal
/// factors. Each fold is predicted by the path fitted to the other folds; the penalty of the least mean squared error,
/// averaged over the folds, is that of the model, which is fitted to all rows. Of equal ones the larger penalty is
/// taken. As in scikit-learn, columns are standardised once, over all rows.
///
/// It reads no validation rows, so that they are free to choose among models.
///
/// # Examples
///
/// ```
/// use chromex_boosting::CrossValidatedElasticNet;
/// use ndarray::Array2;
///
/// let marks = Array2::from_shape_fn((40, 3), |(row, column)| ((row * (column + 3)) % 7) as f32);
/// let expression = Array2::from_shape_fn((40, 1), |(row, _)| 2.0 * marks[[row, 1]]);
/// let model = CrossValidatedElasticNet::lasso().fit_table(marks.view(), expression.view(), 0)?;
/// assert!(model.coefficients()[[1, 0]] > 1.9);
/// # Ok::<(), chromex_boosting::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossValidatedElasticNet {
    /// Parts that rows are divided into, at least 2.
    pub folds: usize,
    /// How they are divided.
    pub order: FoldOrder,
    /// Penalties on the path.
    pub alphas: usize,
    /// The last penalty as a part of the first, above 0 and below 1.
    pub last: f64,
    /// As [`ElasticNet::l1_ratio`](crate::ElasticNet::l1_ratio).
    pub l1_ratio: f64,
    /// As [`ElasticNet::standardize`](crate::ElasticNet::standardize).
    pub standardize: bool,
    /// As [`ElasticNet::tolerance`](crate::ElasticNet::tolerance).
    pub tolerance: f64,
    /// As [`ElasticNet::max_sweeps`](crate::ElasticNet::max_sweeps), for each penalty.
    pub max_sweeps: usize,
}

/// Says which rows make a fold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FoldOrder {
    /// Rows that follow each other, as scikit-learn has it: for rows in no order.
    Following,
    /// Rows drawn by the seed.
    #[default]
    Drawn,
}

impl Default for CrossValidatedElasticNet {
    /// Gives [`lasso`](Self::lasso).
    fn default() -> Self {
        Self::lasso()
    }
}

impl CrossValidatedElasticNet {
    /// Penalises absolute weights alone, by ten folds that are drawn and scikit-learn's path of 100 penalties.
    pub fn lasso() -> Self {
        Self {
            folds: 10,
            order: FoldOrder::Drawn,
            alphas: 100,
            last: 1e-3,
            l1_ratio: 1.0,
            standardize: true,
            tolerance: 1e-4,
            max_sweeps: 100_000,
        }
    }

    /// Fits weights to a table of inputs and one of targets.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `targets` `[rows, targets]`; all targets have one penalty.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range or there are more folds than rows; [`Error::Empty`] when there
    /// are no rows, columns or targets; [`Error::Value`] when a number is not finite; [`Error::NotConverged`] when
    /// `max_sweeps` do not reach `tolerance`.
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub fn fit_table(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
        seed: u64,
    ) -> Result<LinearModel> {
        self.check(inputs.nrows())?;
        let inputs = Centred::checked(inputs, targets, self.standardize)?;
        let (targets, target_means) = centre(targets);
        let descent = CoordinateDescent::new(inputs.values.view());
        let mut states = starts(&descent, inputs.values.view(), &targets);
        let first = states
            .iter()
            .map(|state| state.largest_useful_penalty() / self.l1_ratio)
            .fold(f64::MIN_POSITIVE, f64::max);
        let steps = self.alphas.max(2) - 1;
        let path: Vec<f64> = (0..self.alphas)
            .map(|step| first * self.last.powf(step as f64 / steps as f64))
            .collect();
        let folds = self.folds_of(inputs.values.nrows(), seed);
        let errors: Vec<Vec<f64>> = folds
            .par_iter()
            .map(|fold| self.errors(&inputs.values, &targets, fold, &path))
            .collect::<Result<_>>()?;
        let error = |step: usize| errors.iter().map(|fold| fold[step]).sum::<f64>();
        let mut best = 0;
        for step in 1..path.len() {
            if error(step) < error(best) {
                best = step;
            }
        }
        for &alpha in &path[..=best] {
            self.descend(&mut states, alpha)?;
        }
        let weights = weights(&states);
        Ok(LinearModel::from_centred(
            path[best],
            &inputs,
            weights,
            &target_means,
        ))
    }

    /// The rows of each fold, ascending.
    fn folds_of(&self, rows: usize, seed: u64) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..rows).collect();
        if self.order == FoldOrder::Drawn {
            let mut generator = random::generator(seed, "folds of cross-validation");
            for last in (1..rows).rev() {
                order.swap(last, generator.random_range(0..=last));
            }
        }
        let start = |fold: usize| fold * (rows / self.folds) + fold.min(rows % self.folds);
        (0..self.folds)
            .map(|fold| {
                let mut rows = order[start(fold)..start(fold + 1)].to_vec();
                rows.sort_unstable();
                rows
            })
            .collect()
    }

    /// The mean squared error of a fold under each penalty, fitted to the other rows.
    fn errors(
        &self,
        inputs: &Array2<f64>,
        targets: &Array2<f64>,
        fold: &[usize],
        path: &[f64],
    ) -> Result<Vec<f64>> {
        let mut rest = fold.iter().copied().peekable();
        let others: Vec<usize> = (0..inputs.nrows())
            .filter(|&row| rest.next_if_eq(&row).is_none())
            .collect();
        let part = |table: &Array2<f64>| {
            let mut kept = table.select(Axis(0), &others);
            let means = kept.sum_axis(Axis(0)) / others.len() as f64;
            kept -= &means;
            (kept, table.select(Axis(0), fold) - &means)
        };
        let (kept, held) = part(inputs);
        let (kept_targets, held_targets) = part(targets);
        let descent = CoordinateDescent::new(kept.view());
        let mut states = starts(&descent, kept.view(), &kept_targets);
        let mut errors = Vec::with_capacity(path.len());
        for &alpha in path {
            self.descend(&mut states, alpha)?;
            let residuals = &held_targets - &held.dot(&weights(&states));
            errors.push(residuals.iter().map(|r| r * r).sum::<f64>() / residuals.len() as f64);
        }
        Ok(errors)
    }

    fn descend(&self, states: &mut [State<'_>], alpha: f64) -> Result<()> {
        let penalty = Penalty {
            absolute: alpha * self.l1_ratio,
            squared: alpha * (1.0 - self.l1_ratio),
        };
        for (target, state) in states.iter_mut().enumerate() {
            let descended = state.descend(penalty, self.tolerance, self.max_sweeps);
            descended.map_err(|NotConverged(gap)| Error::NotConverged {
                target,
                steps: self.max_sweeps,
                gap,
                tolerance: self.tolerance,
            })?;
        }
        Ok(())
    }

    fn check(&self, rows: usize) -> Result<()> {
        let above_zero = |value: f64| value.is_finite() && value > 0.0;
        for (name, holds, expected, found) in [
            (
                "folds",
                (2..=rows).contains(&self.folds),
                "from 2 to the number of rows",
                self.folds.to_string(),
            ),
            (
                "alphas",
                (1..=MOST_PENALTIES).contains(&self.alphas),
                "1 to 100000",
                self.alphas.to_string(),
            ),
            (
                "last",
                self.last > 0.0 && self.last < 1.0,
                "a number between 0 and 1",
                self.last.to_string(),
            ),
            (
                "l1_ratio",
                above_zero(self.l1_ratio) && self.l1_ratio <= 1.0,
                "a number above 0 and at most 1",
                self.l1_ratio.to_string(),
            ),
            (
                "tolerance",
                above_zero(self.tolerance),
                "a finite number above 0",
                self.tolerance.to_string(),
            ),
            (
                "max_sweeps",
                self.max_sweeps > 0,
                "at least 1",
                self.max_sweeps.to_string(),
            ),
        ] {
            if !holds {
                return Err(Error::Setting {
                    name,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }
}

impl Fit<Array2<f32>> for CrossValidatedElasticNet {
    type Fitted = LinearModel;

    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        _valid: &Dataset<Array2<f32>>,
        seed: u64,
    ) -> chromex_core::Result<LinearModel> {
        let targets = train.targets.values.view();
        Ok(self.fit_table(train.inputs.view(), targets, seed)?)
    }
}

fn starts<'a>(
    descent: &'a CoordinateDescent,
    inputs: ArrayView2<'_, f64>,
    targets: &Array2<f64>,
) -> Vec<State<'a>> {
    let targets = targets.axis_iter(Axis(1));
    targets
        .map(|target| descent.start(inputs, target))
        .collect()
}

/// `[columns, targets]`
fn weights(states: &[State<'_>]) -> Array2<f64> {
    let columns = states.first().map_or(0, |state| state.weights.len());
    let mut weights = Array2::zeros((columns, 0));
    for state in states {
        let column: &Array1<f64> = &state.weights;
        weights
            .push_column(column.view())
            .expect("every target has a weight per column");
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn folds_are_neighbours_or_drawn_and_cover_every_row_once() {
        let net = |order| CrossValidatedElasticNet {
            folds: 3,
            order,
            ..CrossValidatedElasticNet::lasso()
        };
        let following = net(FoldOrder::Following).folds_of(8, 1);
        assert_eq!(following, [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7]]);
        let drawn = net(FoldOrder::Drawn).folds_of(8, 1);
        assert_eq!(drawn, net(FoldOrder::Drawn).folds_of(8, 1));
        assert_ne!(drawn, following);
        let mut rows = drawn.concat();
        rows.sort_unstable();
        assert_eq!(rows, [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn settings_that_divide_no_rows_are_refused() {
        let table: Array2<f32> = array![[0.0], [1.0], [2.0]];
        let fit = |net: CrossValidatedElasticNet| net.fit_table(table.view(), table.view(), 0);
        let message = fit(CrossValidatedElasticNet::lasso()).unwrap_err();
        assert_eq!(
            message.to_string(),
            "setting `folds`: expected from 2 to the number of rows, found 10"
        );
        let three = CrossValidatedElasticNet {
            folds: 3,
            ..CrossValidatedElasticNet::lasso()
        };
        assert!(fit(three).is_ok());
        let none = CrossValidatedElasticNet { alphas: 0, ..three };
        assert!(fit(none).is_err());
    }
}
