//! Gradient boosting by the `gbdt` crate.

use chromex_core::{Dataset, Fit};
use gbdt::config::{Config, Loss};
use gbdt::decision_tree::Data;
use gbdt::gradient_boost::GBDT;
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::gbdt_model::{GbdtModel, Regressor};
use crate::limits::MOST_TREES;
use crate::{Error, Result, table};

/// The deepest trees that are grown.
const DEEPEST: u32 = 30;

/// Boosts trees by the `gbdt` crate, Friedman's way: leaves without a penalty, each tree on the slopes of the loss.
///
/// A second opinion on [`GradientBoosting`](crate::GradientBoosting), also of absolute errors. Targets are fitted one by one.
///
/// # Differences from the crate
///
/// - A loss is one of [`GbdtLoss`]. The crate takes any name, and fits squared error to one that it does not know.
/// - Rows and columns are not sampled: the crate draws without a seed, so that no fit could be repeated. The
///   seed changes nothing.
/// - Missing values are refused. The crate forgets to predict the training rows that miss the value of a
///   split, and boosts against the lowest number there is from then on.
/// - What was fitted is plain data, checked when it is read back.
///
/// Values of a column that are nearer than 0.00001 are not parted, whatever the column's unit, and targets
/// that near are equal: scale what is small.
///
/// # Citation
///
/// Friedman, Greedy function approximation: a gradient boosting machine, Annals of Statistics 29, 2001,
/// <https://doi.org/10.1214/aos/1013203451>.
///
/// # Examples
///
/// ```
/// use chromex_boosting::{GbdtBoosting, GbdtLoss};
/// use ndarray::{Array2, array};
///
/// let marks: Array2<f32> = array![[0.0], [1.0], [8.0], [9.0]];
/// let expression: Array2<f32> = array![[0.5], [0.5], [4.5], [4.5]];
/// let boosting = GbdtBoosting { loss: GbdtLoss::AbsoluteError, ..GbdtBoosting::default() };
/// let model = boosting.fit_table(marks.view(), expression.view())?;
/// assert!((model.predict_table(marks.view())?[[3, 0]] - 4.5).abs() < 0.01);
/// # Ok::<(), chromex_boosting::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GbdtBoosting {
    /// Trees per target.
    pub rounds: usize,
    /// Learning rate: what each tree is multiplied with.
    pub shrinkage: f32,
    /// Splits between root and leaf at most, from 1 to 30.
    pub max_depth: u32,
    /// Rows of a node at most that is not split any more.
    pub min_leaf_size: usize,
    /// What is lowered.
    pub loss: GbdtLoss,
}

/// Says what the `gbdt` crate lowers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GbdtLoss {
    /// Squared error: leaves predict means.
    SquaredError,
    /// Absolute error: leaves predict medians.
    AbsoluteError,
    /// The logistic loss of targets that are 0 or 1; predictions are probabilities of 1.
    Logistic,
}

impl Default for GbdtBoosting {
    /// Gives a hundred trees of depth 3 at a learning rate of 0.1, as scikit-learn does. (The crate's own
    /// defaults are two trees of depth 2 at a rate of 1.)
    fn default() -> Self {
        Self {
            rounds: 100,
            shrinkage: 0.1,
            max_depth: 3,
            min_leaf_size: 1,
            loss: GbdtLoss::SquaredError,
        }
    }
}

impl GbdtBoosting {
    /// Fits trees to a table of inputs and one of targets.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `targets` `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range; [`Error::Empty`] when there are no rows, columns
    /// or targets; [`Error::Value`] when a number is not finite or an input is the lowest number there is,
    /// which the crate takes for a missing one, or when a class is neither 0 nor 1; [`Error::OneClass`] when a
    /// target has one class only; [`Error::Overflow`] when predictions leave the range of 32-bit numbers.
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub fn fit_table(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
    ) -> Result<GbdtModel> {
        assert_eq!(
            inputs.nrows(),
            targets.nrows(),
            "rows of inputs and targets"
        );
        self.check()?;
        table::check_training(inputs, targets)?;
        table::check_above_lowest(inputs)?;
        let logistic = self.loss == GbdtLoss::Logistic;
        if logistic {
            table::check_classes(targets)?;
        }
        let config = self.config(inputs.ncols());
        let regressors = targets
            .axis_iter(Axis(1))
            .map(|target| {
                let mut rows = inputs
                    .rows()
                    .into_iter()
                    .zip(target)
                    .map(|(row, &truth)| {
                        let label = if logistic { 2.0 * truth - 1.0 } else { truth };
                        Data::new_training_data(row.to_vec(), 1.0, label, None)
                    })
                    .collect();
                let mut boosting = GBDT::new(&config);
                boosting.fit(&mut rows);
                Regressor::from_crate(&boosting)
            })
            .collect::<Result<_>>()?;
        GbdtModel::new(inputs.ncols(), self.shrinkage, logistic, regressors)
    }

    fn config(&self, columns: usize) -> Config {
        let mut config = Config::new();
        config.set_feature_size(columns);
        config.set_iterations(self.rounds);
        config.set_shrinkage(self.shrinkage);
        config.set_max_depth(self.max_depth);
        config.set_min_leaf_size(self.min_leaf_size);
        // The field, not the setter: that takes a name, and guesses.
        config.loss = match self.loss {
            GbdtLoss::SquaredError => Loss::SquaredError,
            GbdtLoss::AbsoluteError => Loss::LAD,
            GbdtLoss::Logistic => Loss::LogLikelyhood,
        };
        config
    }

    fn check(&self) -> Result<()> {
        let settings = [
            (
                "rounds",
                (1..=MOST_TREES).contains(&self.rounds),
                "1 to 1000000",
                self.rounds.to_string(),
            ),
            (
                "shrinkage",
                self.shrinkage.is_finite() && self.shrinkage > 0.0,
                "a finite number above 0",
                self.shrinkage.to_string(),
            ),
            (
                "max_depth",
                (1..=DEEPEST).contains(&self.max_depth),
                "1 to 30",
                self.max_depth.to_string(),
            ),
            (
                "min_leaf_size",
                self.min_leaf_size >= 1,
                "at least 1",
                self.min_leaf_size.to_string(),
            ),
        ];
        for (name, holds, expected, found) in settings {
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

impl Fit<Array2<f32>> for GbdtBoosting {
    type Fitted = GbdtModel;

    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        _valid: &Dataset<Array2<f32>>,
        _seed: u64,
    ) -> chromex_core::Result<GbdtModel> {
        Ok(self.fit_table(train.inputs.view(), train.targets.values.view())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn tables() -> (Array2<f32>, Array2<f32>) {
        let inputs = Array2::from_shape_fn((60, 5), |(row, column)| {
            ((row * 37 + column * 11 + row * column) % 29) as f32
        });
        let targets = Array2::from_shape_fn((60, 2), |(row, target)| {
            (inputs[[row, target]] - inputs[[row, 3]]).abs()
        });
        (inputs, targets)
    }

    #[test]
    fn the_model_predicts_what_the_crate_predicts() {
        let (inputs, targets) = tables();
        for loss in [
            GbdtLoss::SquaredError,
            GbdtLoss::AbsoluteError,
            GbdtLoss::Logistic,
        ] {
            let boosting = GbdtBoosting {
                loss,
                rounds: 10,
                ..GbdtBoosting::default()
            };
            let targets = match loss {
                GbdtLoss::Logistic => targets.mapv(|truth| f32::from(truth > 8.0)),
                _ => targets.clone(),
            };
            let model = boosting.fit_table(inputs.view(), targets.view()).unwrap();
            let predicted = model.predict_table(inputs.view()).unwrap();
            for target in 0..2 {
                let mut rows: Vec<Data> = (0..60)
                    .map(|row| {
                        let truth = targets[[row, target]];
                        let label = match loss {
                            GbdtLoss::Logistic => 2.0 * truth - 1.0,
                            _ => truth,
                        };
                        Data::new_training_data(inputs.row(row).to_vec(), 1.0, label, None)
                    })
                    .collect();
                let mut crates_own = GBDT::new(&boosting.config(5));
                crates_own.fit(&mut rows);
                let expected = crates_own.predict(&rows);
                for (found, expected) in predicted.column(target).iter().zip(expected) {
                    assert!(
                        (found - expected).abs() < 1e-5,
                        "{loss:?}: {found} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_loss_that_is_not_known_is_an_error() {
        let read = |text: &str| serde_json::from_str::<GbdtBoosting>(text);
        assert_eq!(
            read(r#"{"loss":"absolute_error"}"#).unwrap().loss,
            GbdtLoss::AbsoluteError
        );
        assert!(read(r#"{"loss":"huber"}"#).is_err());
        assert!(read(r#"{"data_sample_ratio":0.5}"#).is_err());
    }

    #[test]
    fn numbers_that_the_crate_takes_for_missing_are_refused() {
        let targets = array![[1.0_f32], [2.0]];
        for lowest in [f32::NAN, f32::MIN] {
            let error = GbdtBoosting::default()
                .fit_table(array![[1.0], [lowest]].view(), targets.view())
                .unwrap_err();
            assert!(
                error.to_string().starts_with(
                    "input in row 1, column 0: expected a finite number above the lowest"
                ),
                "{error}"
            );
        }
    }
}
