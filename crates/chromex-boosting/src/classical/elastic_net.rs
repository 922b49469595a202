//! Linear regression with absolute and squared penalties.

use chromex_core::{Dataset, Fit};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::coordinate_descent::{CoordinateDescent, NotConverged, Penalty, State};
use crate::centred::{Centred, centre};
use crate::limits::MOST_PENALTIES;
use crate::{Error, LinearModel, Result, table};

/// Fits a linear model of few columns: a penalty on absolute weights sets the weights of the others to 0.
///
/// Minimises ‖y − Xw − b‖² / 2n + `alpha` (`l1_ratio` ‖w‖₁ + (1 − `l1_ratio`) ‖w‖² / 2) per target, as
/// scikit-learn does; the intercept b is not penalised. With `l1_ratio` 1 it is the lasso
/// ([`lasso`](Self::lasso)); for 0 there is [`Ridge`](crate::Ridge).
///
/// Coordinate descent goes on until the duality gap proves that the loss is at most `tolerance` times the
/// targets' mean square above the least one. No draw is made, so the seed changes nothing.
///
/// # Citation
///
/// Friedman, Hastie and Tibshirani, Regularization paths for generalized linear models via coordinate descent,
/// Journal of Statistical Software 33, 2010, <https://doi.org/10.18637/jss.v033.i01>.
///
/// # Examples
///
/// ```
/// use chromex_boosting::ElasticNet;
/// use ndarray::{Array2, array};
///
/// let marks: Array2<f32> = array![[-1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]];
/// let expression: Array2<f32> = array![[0.1], [4.1], [-0.1], [3.9]];
/// let lasso = ElasticNet { standardize: false, ..ElasticNet::lasso(0.5) };
/// let model = lasso.fit_table(marks.view(), expression.view())?;
/// // The mean products are 2 and 0.1: the penalty takes 0.5 off the first and all of the second.
/// assert!((model.coefficients()[[0, 0]] - 1.5).abs() < 1e-7);
/// assert_eq!(model.coefficients()[[1, 0]], 0.0);
/// # Ok::<(), chromex_boosting::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElasticNet {
    /// How much weights cost, above 0.
    pub alpha: f64,
    /// The part of the penalty that is on absolute weights, above 0 and at most 1.
    pub l1_ratio: f64,
    /// Whether each column is first divided by its standard deviation, so that the penalty treats columns
    /// of different units alike. Weights are given in the units of the inputs all the same.
    pub standardize: bool,
    /// The duality gap at which to stop, relative to the mean square of the target around its mean.
    pub tolerance: f64,
    /// Passes over the columns after which to give up.
    pub max_sweeps: usize,
}

/// Fits [`ElasticNet`] along a path of falling penalties and keeps the one that the validation rows prefer.
///
/// The path starts at the least penalty under which all weights of all targets are 0, and falls by equal
/// factors; each fit starts from the one before. "Prefer" is the least mean squared error over all targets;
/// of equal ones the larger penalty. The model is that of the training rows: validation rows choose, they
/// are not fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TunedElasticNet {
    /// Penalties on the path.
    pub alphas: usize,
    /// The last penalty as a part of the first, above 0 and below 1.
    pub last: f64,
    /// As [`ElasticNet::l1_ratio`].
    pub l1_ratio: f64,
    /// As [`ElasticNet::standardize`].
    pub standardize: bool,
    /// As [`ElasticNet::tolerance`].
    pub tolerance: f64,
    /// As [`ElasticNet::max_sweeps`], for each penalty.
    pub max_sweeps: usize,
}

impl Default for ElasticNet {
    /// Gives scikit-learn's penalties, on standardised columns.
    fn default() -> Self {
        Self {
            alpha: 1.0,
            l1_ratio: 0.5,
            standardize: true,
            tolerance: 1e-8,
            max_sweeps: 100_000,
        }
    }
}

impl Default for TunedElasticNet {
    /// Gives scikit-learn's path and tolerance, on standardised columns.
    fn default() -> Self {
        let net = ElasticNet::default();
        Self {
            alphas: 100,
            last: 1e-3,
            l1_ratio: net.l1_ratio,
            standardize: net.standardize,
            tolerance: 1e-4,
            max_sweeps: net.max_sweeps,
        }
    }
}

impl ElasticNet {
    /// Penalises absolute weights alone.
    pub fn lasso(alpha: f64) -> Self {
        Self {
            alpha,
            l1_ratio: 1.0,
            ..Self::default()
        }
    }

    /// Fits weights to a table of inputs and one of targets.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `targets` `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range; [`Error::Empty`] when there are no rows, columns
    /// or targets; [`Error::Value`] when a number is not finite; [`Error::NotConverged`] when `max_sweeps`
    /// do not reach `tolerance`.
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub fn fit_table(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
    ) -> Result<LinearModel> {
        self.check()?;
        let problem = Problem::new(inputs, targets, self.standardize)?;
        let mut states = problem.states();
        self.descend(&mut states)?;
        Ok(problem.model(self.alpha, &states))
    }

    fn descend(&self, states: &mut [State<'_>]) -> Result<()> {
        let penalty = Penalty {
            absolute: self.alpha * self.l1_ratio,
            squared: self.alpha * (1.0 - self.l1_ratio),
        };
        for (target, state) in states.iter_mut().enumerate() {
            state
                .descend(penalty, self.tolerance, self.max_sweeps)
                .map_err(|NotConverged(gap)| Error::NotConverged {
                    target,
                    steps: self.max_sweeps,
                    gap,
                    tolerance: self.tolerance,
                })?;
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let above_zero = |value: f64| value.is_finite() && value > 0.0;
        let setting = |name, holds, expected, found| {
            if holds {
                Ok(())
            } else {
                Err(Error::Setting {
                    name,
                    expected,
                    found,
                })
            }
        };
        setting(
            "alpha",
            above_zero(self.alpha),
            "a finite number above 0",
            self.alpha.to_string(),
        )?;
        setting(
            "l1_ratio",
            above_zero(self.l1_ratio) && self.l1_ratio <= 1.0,
            "a number above 0 and at most 1",
            self.l1_ratio.to_string(),
        )?;
        setting(
            "tolerance",
            above_zero(self.tolerance),
            "a finite number above 0",
            self.tolerance.to_string(),
        )?;
        setting(
            "max_sweeps",
            self.max_sweeps >= 1,
            "at least 1",
            self.max_sweeps.to_string(),
        )
    }
}

impl TunedElasticNet {
    /// Fits weights to training rows, with the penalty of the path that the validation rows prefer.
    ///
    /// # Errors
    ///
    /// As [`ElasticNet::fit_table`]; further [`Error::Empty`] when there are no validation rows, and
    /// [`Error::Columns`] or [`Error::Targets`] when they differ from the training rows in columns.
    ///
    /// # Panics
    ///
    /// When inputs and targets differ in rows.
    pub fn fit_tables(
        &self,
        train: (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
        valid: (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
    ) -> Result<LinearModel> {
        let mut net = ElasticNet {
            alpha: 1.0,
            l1_ratio: self.l1_ratio,
            standardize: self.standardize,
            tolerance: self.tolerance,
            max_sweeps: self.max_sweeps,
        };
        net.check()?;
        if !(1..=MOST_PENALTIES).contains(&self.alphas) {
            return Err(Error::Setting {
                name: "alphas",
                expected: "1 to 100000",
                found: self.alphas.to_string(),
            });
        }
        if !(self.last > 0.0 && self.last < 1.0) {
            return Err(Error::Setting {
                name: "last",
                expected: "a number between 0 and 1",
                found: self.last.to_string(),
            });
        }
        let problem = Problem::new(train.0, train.1, self.standardize)?;
        table::check_validation(valid, train.1.ncols())?;
        let mut states = problem.states();
        let first = states
            .iter()
            .map(|state| state.largest_useful_penalty() / self.l1_ratio)
            .fold(f64::MIN_POSITIVE, f64::max);
        let steps = self.alphas.max(2) - 1;
        let mut best: Option<(f64, LinearModel)> = None;
        for step in 0..self.alphas {
            net.alpha = first * self.last.powf(step as f64 / steps as f64);
            net.descend(&mut states)?;
            let model = problem.model(net.alpha, &states);
            let error = table::squared_error(model.predict_table(valid.0)?, valid.1);
            if best.as_ref().is_none_or(|(least, _)| error < *least) {
                best = Some((error, model));
            }
        }
        let (_, model) = best.expect("a path has a first penalty");
        Ok(model)
    }
}

impl Fit<Array2<f32>> for ElasticNet {
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

impl Fit<Array2<f32>> for TunedElasticNet {
    type Fitted = LinearModel;

    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        valid: &Dataset<Array2<f32>>,
        _seed: u64,
    ) -> chromex_core::Result<LinearModel> {
        Ok(self.fit_tables(
            (train.inputs.view(), train.targets.values.view()),
            (valid.inputs.view(), valid.targets.values.view()),
        )?)
    }
}

/// Centred tables, and what their columns have in common for every target and penalty.
struct Problem {
    inputs: Centred,
    targets: Array2<f64>,
    target_means: Array1<f64>,
    descent: CoordinateDescent,
}

impl Problem {
    fn new(
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
        standardize: bool,
    ) -> Result<Self> {
        let inputs = Centred::checked(inputs, targets, standardize)?;
        let (targets, target_means) = centre(targets);
        Ok(Self {
            descent: CoordinateDescent::new(inputs.values.view()),
            inputs,
            targets,
            target_means,
        })
    }

    fn states(&self) -> Vec<State<'_>> {
        self.targets
            .axis_iter(Axis(1))
            .map(|target| self.descent.start(self.inputs.values.view(), target))
            .collect()
    }

    fn model(&self, alpha: f64, states: &[State<'_>]) -> LinearModel {
        let shape = (self.inputs.values.ncols(), states.len());
        let weights =
            Array2::from_shape_fn(shape, |(column, target)| states[target].weights[column]);
        LinearModel::from_centred(alpha, &self.inputs, weights, &self.target_means)
    }
}
