//! Settings that validation rows choose.

use chromex_core::{Dataset, Fit, Predict};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::{Error, table};

/// Fits several learners of a kind and keeps the one that the validation rows prefer.
///
/// Each is fitted to the training rows alone: validation rows choose, they are not fitted to. "Prefer" is the
/// least loss over all targets; of equal ones the earlier in the list.
///
/// # Examples
///
/// ```
/// use chromex_boosting::{LogisticRegression, Tuned, ValidationLoss};
///
/// let costs = [0.01, 0.1, 1.0, 10.0];
/// let learner = Tuned {
///     candidates: costs.map(|c| LogisticRegression { c, ..LogisticRegression::default() }).to_vec(),
///     loss: ValidationLoss::Logistic,
/// };
/// # let _ = learner;
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuned<L> {
    /// The learners to choose from.
    pub candidates: Vec<L>,
    /// What the validation rows compare them by.
    pub loss: ValidationLoss,
}

/// Says what validation rows compare learners by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ValidationLoss {
    /// The mean of squared errors.
    SquaredError,
    /// The mean of absolute errors.
    AbsoluteError,
    /// The mean of −ln p of the true class, for learners that predict probabilities.
    Logistic,
    /// The mean of max(0, 1 ∓ f), for learners whose sign is the class.
    Hinge,
}

/// What was chosen, and the losses that chose it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen<M> {
    /// The fitted model.
    pub model: M,
    /// Which of the candidates it is.
    pub candidate: usize,
    /// The loss of each candidate on the validation rows.
    pub losses: Vec<f64>,
}

impl ValidationLoss {
    /// Gives the mean loss over all rows and targets.
    fn of(self, predicted: &Array2<f32>, truth: ArrayView2<'_, f32>) -> f64 {
        let pairs = predicted.iter().zip(truth);
        let sum: f64 = pairs
            .map(|(&predicted, &truth)| {
                let (predicted, truth) = (f64::from(predicted), f64::from(truth));
                match self {
                    Self::SquaredError => (predicted - truth).powi(2),
                    Self::AbsoluteError => (predicted - truth).abs(),
                    Self::Logistic => {
                        let right = if truth > 0.5 {
                            predicted
                        } else {
                            1.0 - predicted
                        };
                        // Certainty that is wrong costs much, but not more than all other rows together.
                        -right.max(f64::from(f32::EPSILON)).ln()
                    }
                    Self::Hinge => {
                        (1.0 + if truth > 0.5 { -predicted } else { predicted }).max(0.0)
                    }
                }
            })
            .sum();
        sum / predicted.len() as f64
    }
}

impl<L> Fit<Array2<f32>> for Tuned<L>
where
    L: Fit<Array2<f32>>,
    L::Fitted: Predict<Array2<f32>>,
{
    type Fitted = Chosen<L::Fitted>;

    /// Fits every candidate.
    ///
    /// # Errors
    ///
    /// Those of the candidates; further [`Error::Setting`] when there are none, [`Error::Empty`] when there
    /// are no validation rows, and [`Error::Targets`] when they differ from the training rows in targets.
    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        valid: &Dataset<Array2<f32>>,
        seed: u64,
    ) -> chromex_core::Result<Self::Fitted> {
        let truth = valid.targets.values.view();
        table::check_validation((valid.inputs.view(), truth), train.targets.values.ncols())?;
        let mut losses = Vec::with_capacity(self.candidates.len());
        let mut best: Option<(usize, L::Fitted)> = None;
        for (candidate, learner) in self.candidates.iter().enumerate() {
            let model = learner.fit(train, valid, seed)?;
            let loss = self.loss.of(&model.predict(&valid.inputs)?, truth);
            losses.push(loss);
            if best.as_ref().is_none_or(|(best, _)| loss < losses[*best]) {
                best = Some((candidate, model));
            }
        }
        let (candidate, model) = best.ok_or(Error::Setting {
            name: "candidates",
            expected: "at least one",
            found: "none".into(),
        })?;
        Ok(Chosen {
            model,
            candidate,
            losses,
        })
    }
}

impl<M: Predict<Array2<f32>>> Predict<Array2<f32>> for Chosen<M> {
    fn predict(&self, inputs: &Array2<f32>) -> chromex_core::Result<Array2<f32>> {
        self.model.predict(inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn losses_are_those_of_their_names() {
        let predicted = array![[0.25_f32], [0.5]];
        let truth = array![[1.0_f32], [0.0]];
        let loss = |loss: ValidationLoss| loss.of(&predicted, truth.view());
        assert!((loss(ValidationLoss::SquaredError) - (0.5625 + 0.25) / 2.0).abs() < 1e-12);
        assert!((loss(ValidationLoss::AbsoluteError) - (0.75 + 0.5) / 2.0).abs() < 1e-12);
        assert!(
            (loss(ValidationLoss::Logistic) - (4.0_f64.ln() + 2.0_f64.ln()) / 2.0).abs() < 1e-12
        );
        assert!((loss(ValidationLoss::Hinge) - (0.75 + 1.5) / 2.0).abs() < 1e-12);
    }
}
