//! What boosting minimises.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::intercept::{class_margins, means, medians};
use crate::link::logistic;
use crate::{Error, Link, Result};

/// The smallest second derivative of a probability, as XGBoost sets it.
const LEAST_HESSIAN: f32 = 1e-16;

/// A loss to boost trees on: how far margins, sums of trees, are from the targets of a row.
///
/// [`Objective`] has the usual ones; implement this for others, and fit with
/// [`GradientBoosting::fit_loss`](crate::GradientBoosting::fit_loss).
///
/// # Examples
///
/// ```
/// use chromex_boosting::{GradientBoosting, Link, Loss, Table};
/// use ndarray::{Array2, ArrayView2, array};
///
/// /// The logarithm of the hyperbolic cosine of the error: squared near 0, absolute far from it.
/// struct LogCosh;
///
/// impl Loss for LogCosh {
///     fn name(&self) -> &str {
///         "log cosh"
///     }
///     fn link(&self) -> Link {
///         Link::Identity
///     }
///     fn derivatives(&self, margins: &[f32], targets: &[f32], derivatives: &mut [[f32; 2]]) {
///         for ((margin, target), derivatives) in margins.iter().zip(targets).zip(derivatives) {
///             let slope = (margin - target).tanh();
///             *derivatives = [slope, 1.0 - slope * slope];
///         }
///     }
///     fn loss(&self, margins: &[f32], targets: &[f32]) -> f64 {
///         margins.iter().zip(targets).map(|(margin, target)| f64::from(margin - target).cosh().ln()).sum()
///     }
/// }
///
/// let marks: Array2<f32> = array![[0.0], [1.0], [8.0], [9.0]];
/// let expression: Array2<f32> = array![[0.5], [0.5], [2.5], [2.5]];
/// let boosting = GradientBoosting { min_child_weight: 0.1, ..GradientBoosting::default() };
/// let model = boosting.fit_loss(&LogCosh, &Table::new(marks.view(), expression.view()), None, 0)?;
/// assert!((model.predict_table(marks.view())?[[3, 0]] - 2.5).abs() < 0.1);
/// # Ok::<(), chromex_boosting::Error>(())
/// ```
pub trait Loss: Sync {
    /// Names the loss. Files hold it where XGBoost knows an objective of that name.
    fn name(&self) -> &str;

    /// Tells how margins become predictions.
    fn link(&self) -> Link;

    /// Counts the margins of a row that has so many targets.
    fn outputs(&self, targets: usize) -> usize {
        targets
    }

    /// Checks the targets of a fit.
    ///
    /// # Errors
    ///
    /// When the loss is not defined for one of them.
    fn check(&self, _targets: ArrayView2<'_, f32>) -> Result<()> {
        Ok(())
    }

    /// Estimates the prediction that serves all rows best, for each output: the targets' mean, unless told otherwise.
    fn base_scores(&self, targets: ArrayView2<'_, f32>, weights: Option<&[f32]>) -> Vec<f32> {
        means(targets, weights)
    }

    /// Finds the first and second derivative of the loss of a row by each of its margins.
    ///
    /// # Shapes
    ///
    /// `margins` and `derivatives` have an entry per output.
    fn derivatives(&self, margins: &[f32], targets: &[f32], derivatives: &mut [[f32; 2]]);

    /// The same for rows that lie one after the other.
    fn derivatives_of_rows(
        &self,
        [outputs, columns]: [usize; 2],
        margins: &[f32],
        targets: &[f32],
        derivatives: &mut [[f32; 2]],
    ) {
        let rows = margins
            .chunks_exact(outputs)
            .zip(targets.chunks_exact(columns));
        for ((margins, targets), derivatives) in rows.zip(derivatives.chunks_exact_mut(outputs)) {
            self.derivatives(margins, targets, derivatives);
        }
    }

    /// The loss of a row, which early stopping watches the mean of.
    fn loss(&self, margins: &[f32], targets: &[f32]) -> f64;

    /// The largest weight of a leaf where the settings name none; 0 sets no limit.
    fn max_delta_step(&self) -> f32 {
        0.0
    }

    /// The loss where the settings name another largest weight, if its derivatives depend on that.
    fn with_max_delta_step(&self, _max_delta_step: f32) -> Option<Box<dyn Loss>> {
        None
    }

    /// Whether the second derivative of every row is 1, which halves the cost of a fit.
    fn second_derivatives_are_one(&self) -> bool {
        false
    }

    /// Whether leaves take the median of what is left of their rows' targets, as no second derivative guides them. By the
    /// exact method they do not, as in XGBoost.
    fn leaves_are_medians(&self) -> bool {
        false
    }
}

/// The usual losses, under XGBoost's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Objective {
    /// Half the squared error: XGBoost's `reg:squarederror`.
    #[default]
    SquaredError,
    /// The absolute error: `reg:absoluteerror`. The histogram method makes leaves medians; the exact method takes steps of
    /// at most `eta`, as XGBoost's does.
    AbsoluteError,
    /// The log loss of a probability, whose targets lie from 0 to 1: `binary:logistic`.
    Logistic,
    /// The log loss over classes, whose one target is the number of the class, from 0: `multi:softprob`. Predicts a
    /// probability for each class.
    Softmax {
        /// How many classes there are.
        classes: usize,
    },
    /// The negative log likelihood of counts: `count:poisson`. Predicts rates. Leaves are kept from weights above 0.7,
    /// as XGBoost keeps them, unless `max_delta_step` says otherwise.
    Poisson,
}

/// Classes that may be told apart.
const MOST_CLASSES: usize = 1 << 16;

impl Loss for Objective {
    fn name(&self) -> &str {
        match self {
            Self::SquaredError => "reg:squarederror",
            Self::AbsoluteError => "reg:absoluteerror",
            Self::Logistic => "binary:logistic",
            Self::Softmax { .. } => "multi:softprob",
            Self::Poisson => "count:poisson",
        }
    }

    fn link(&self) -> Link {
        match self {
            Self::SquaredError | Self::AbsoluteError => Link::Identity,
            Self::Logistic => Link::Logistic,
            Self::Softmax { .. } => Link::Softmax,
            Self::Poisson => Link::Exponential,
        }
    }

    fn outputs(&self, targets: usize) -> usize {
        match *self {
            Self::Softmax { classes } => classes,
            _ => targets,
        }
    }

    fn check(&self, targets: ArrayView2<'_, f32>) -> Result<()> {
        let (expected, allowed): (_, &dyn Fn(f32) -> bool) = match *self {
            Self::SquaredError | Self::AbsoluteError => return Ok(()),
            Self::Logistic => ("a probability", &|target| (0.0..=1.0).contains(&target)),
            Self::Poisson => ("a count, 0 or above", &|target| target >= 0.0),
            Self::Softmax { classes } => {
                if !(2..=MOST_CLASSES).contains(&classes) {
                    return Err(Error::Setting {
                        name: "classes",
                        expected: "2 to 65536",
                        found: classes.to_string(),
                    });
                }
                if targets.ncols() != 1 {
                    return Err(Error::Targets {
                        expected: 1,
                        found: targets.ncols(),
                    });
                }
                ("the number of a class", &move |target| {
                    target >= 0.0 && target < classes as f32 && target.fract() == 0.0
                })
            }
        };
        match targets.indexed_iter().find(|(_, value)| !allowed(**value)) {
            None => Ok(()),
            Some(((row, column), &found)) => Err(Error::Value {
                what: "target",
                row,
                column,
                expected,
                found,
            }),
        }
    }

    fn base_scores(&self, targets: ArrayView2<'_, f32>, weights: Option<&[f32]>) -> Vec<f32> {
        match *self {
            Self::SquaredError | Self::Logistic | Self::Poisson => means(targets, weights),
            Self::AbsoluteError => medians(targets, weights),
            Self::Softmax { classes } => class_margins(targets.column(0), weights, classes),
        }
    }

    #[inline]
    fn derivatives(&self, margins: &[f32], targets: &[f32], derivatives: &mut [[f32; 2]]) {
        let pairs = || margins.iter().zip(targets);
        match self {
            Self::SquaredError => {
                for (derivatives, (margin, target)) in derivatives.iter_mut().zip(pairs()) {
                    *derivatives = [margin - target, 1.0];
                }
            }
            Self::AbsoluteError => {
                for (derivatives, (margin, target)) in derivatives.iter_mut().zip(pairs()) {
                    let sign = f32::from(margin > target) - f32::from(margin < target);
                    *derivatives = [sign, 1.0];
                }
            }
            Self::Logistic => {
                for (derivatives, (margin, target)) in derivatives.iter_mut().zip(pairs()) {
                    let probability = logistic(*margin);
                    let hessian = (probability * (1.0 - probability)).max(LEAST_HESSIAN);
                    *derivatives = [probability - target, hessian];
                }
            }
            Self::Poisson => {
                let max_delta_step = self.max_delta_step();
                Rates { max_delta_step }.derivatives(margins, targets, derivatives);
            }
            Self::Softmax { .. } => {
                // XGBoost begins from the smallest positive number, so that margins below 0 are not shifted.
                let most = margins
                    .iter()
                    .fold(f32::MIN_POSITIVE, |most, &margin| most.max(margin));
                let sum: f64 = margins
                    .iter()
                    .map(|&margin| f64::from((margin - most).exp()))
                    .sum();
                for (class, (derivatives, margin)) in
                    derivatives.iter_mut().zip(margins).enumerate()
                {
                    let probability = (margin - most).exp() / sum as f32;
                    let truth = f32::from(class == targets[0] as usize);
                    let hessian = (2.0 * probability * (1.0 - probability)).max(LEAST_HESSIAN);
                    *derivatives = [probability - truth, hessian];
                }
            }
        }
    }

    fn loss(&self, margins: &[f32], targets: &[f32]) -> f64 {
        let pairs = margins.iter().zip(targets);
        let pairs = pairs.map(|(&margin, &target)| (f64::from(margin), f64::from(target)));
        match self {
            Self::SquaredError => pairs
                .map(|(margin, target)| (margin - target).powi(2))
                .sum(),
            Self::AbsoluteError => pairs.map(|(margin, target)| (margin - target).abs()).sum(),
            // ln(1 + exp(-m)) without overflow.
            Self::Logistic => pairs
                .map(|(margin, target)| {
                    margin.max(0.0) - margin * target + (-margin.abs()).exp().ln_1p()
                })
                .sum(),
            Self::Poisson => pairs
                .map(|(margin, target)| margin.exp() - margin * target)
                .sum(),
            Self::Softmax { .. } => {
                let most = margins
                    .iter()
                    .fold(f32::MIN, |most, &margin| most.max(margin));
                let sum: f64 = margins
                    .iter()
                    .map(|&margin| f64::from(margin - most).exp())
                    .sum();
                sum.ln() - f64::from(margins[targets[0] as usize] - most)
            }
        }
    }

    fn max_delta_step(&self) -> f32 {
        match self {
            Self::Poisson => 0.7,
            _ => 0.0,
        }
    }

    fn with_max_delta_step(&self, max_delta_step: f32) -> Option<Box<dyn Loss>> {
        match self {
            Self::Poisson => Some(Box::new(Rates { max_delta_step })),
            _ => None,
        }
    }

    fn second_derivatives_are_one(&self) -> bool {
        matches!(self, Self::SquaredError | Self::AbsoluteError)
    }

    fn leaves_are_medians(&self) -> bool {
        matches!(self, Self::AbsoluteError)
    }
}

/// [`Objective::Poisson`] where leaves have another largest weight.
struct Rates {
    max_delta_step: f32,
}

impl Loss for Rates {
    fn name(&self) -> &str {
        Objective::Poisson.name()
    }

    fn link(&self) -> Link {
        Objective::Poisson.link()
    }

    fn check(&self, targets: ArrayView2<'_, f32>) -> Result<()> {
        Objective::Poisson.check(targets)
    }

    fn base_scores(&self, targets: ArrayView2<'_, f32>, weights: Option<&[f32]>) -> Vec<f32> {
        Objective::Poisson.base_scores(targets, weights)
    }

    #[inline]
    fn derivatives(&self, margins: &[f32], targets: &[f32], derivatives: &mut [[f32; 2]]) {
        let pairs = margins.iter().zip(targets);
        for (derivatives, (margin, target)) in derivatives.iter_mut().zip(pairs) {
            // XGBoost's second derivative is that at the end of the largest step.
            let hessian = (margin + self.max_delta_step).exp();
            *derivatives = [margin.exp() - target, hessian];
        }
    }

    fn loss(&self, margins: &[f32], targets: &[f32]) -> f64 {
        Objective::Poisson.loss(margins, targets)
    }

    fn max_delta_step(&self) -> f32 {
        self.max_delta_step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    const ALL: [Objective; 5] = [
        Objective::SquaredError,
        Objective::AbsoluteError,
        Objective::Logistic,
        Objective::Softmax { classes: 3 },
        Objective::Poisson,
    ];

    #[test]
    fn derivatives_are_those_of_the_loss() {
        for objective in ALL {
            let outputs = objective.outputs(1);
            let margins: Vec<f32> = (0..outputs).map(|place| 0.7 - place as f32).collect();
            let mut derivatives = vec![[0.0; 2]; outputs];
            objective.derivatives(&margins, &[1.0], &mut derivatives);
            for output in 0..outputs {
                let at = |step: f32| {
                    let mut margins = margins.clone();
                    margins[output] += step;
                    objective.loss(&margins, &[1.0])
                };
                let slope = (at(0.01) - at(-0.01)) / 0.02;
                // Squared error is halved.
                let slope = slope
                    / if objective == Objective::SquaredError {
                        2.0
                    } else {
                        1.0
                    };
                let found = f64::from(derivatives[output][0]);
                assert!(
                    (slope - found).abs() < 1e-4,
                    "{objective:?}: {slope} {found}"
                );
                assert!(derivatives[output][1] > 0.0);
            }
        }
    }

    #[test]
    fn base_scores_leave_no_slope_on_the_whole() {
        let targets = array![[0.0], [1.0], [1.0], [0.0], [1.0]];
        for objective in [
            Objective::SquaredError,
            Objective::Logistic,
            Objective::Poisson,
        ] {
            let score = objective.base_scores(targets.view(), None);
            assert_eq!(score, [0.6]);
            let margin = [objective.link().margin(score[0])];
            let slope: f32 = targets
                .iter()
                .map(|&target| {
                    let mut derivatives = [[0.0; 2]];
                    objective.derivatives(&margin, &[target], &mut derivatives);
                    derivatives[0][0]
                })
                .sum();
            assert!(slope.abs() < 1e-5, "{objective:?}");
        }
        let scores = Objective::Softmax { classes: 2 }.base_scores(targets.view(), None);
        assert!((scores[1] - scores[0] - 1.5_f32.ln()).abs() < 1e-5);
    }

    #[test]
    fn targets_that_a_loss_is_not_defined_for_are_refused() {
        let refused = |objective: Objective, target: f32| {
            objective.check(array![[0.0], [target]].view()).is_err()
        };
        assert!(refused(Objective::Logistic, 1.1));
        assert!(refused(Objective::Poisson, -1.0));
        assert!(refused(Objective::Softmax { classes: 2 }, 2.0));
        assert!(refused(Objective::Softmax { classes: 2 }, 0.5));
        assert!(refused(Objective::Softmax { classes: 1 }, 0.0));
        assert!(!refused(Objective::AbsoluteError, -1e9));
        assert!(
            Objective::Softmax { classes: 2 }
                .check(array![[0.0, 1.0]].view())
                .is_err()
        );
    }
}
