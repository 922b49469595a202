use burn::Tensor;
use burn::tensor::activation::sigmoid;
use serde::{Deserialize, Serialize};

use crate::mean;

/// What a network is trained to predict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The probability that the target is 1 and not 0.
    #[default]
    Binary,
    /// The target itself, by least squares.
    Regression,
}

impl Objective {
    /// Makes predictions of scores, `[rows, targets]`.
    pub fn predict(self, scores: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Binary => sigmoid(scores),
            Self::Regression => scores,
        }
    }

    /// Measures the loss of scores, `[rows, targets]`, as a mean over rows and targets.
    pub fn loss(self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        match self {
            // ln(1 + e^x) - x y without the exponential of a large number.
            Self::Binary => {
                let spread = scores.clone().abs().neg().exp().log1p();
                mean(scores.clone().clamp_min(0.0) - scores * targets + spread)
            }
            Self::Regression => mean((scores - targets).square()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_of_a_class_is_the_surprise_at_it() {
        let device = crate::Device::default();
        let scores = Tensor::<2>::from_data([[0.0_f32, 100.0]], &device);
        let targets = Tensor::<2>::from_data([[1.0_f32, 0.0]], &device);
        let loss = Objective::Binary.loss(scores.clone(), targets.clone());
        let expected = (std::f32::consts::LN_2 + 100.0) / 2.0;
        assert!((loss.into_scalar::<f32>() - expected).abs() < 1e-5);
        let loss = Objective::Regression.loss(scores.clone(), targets);
        assert_eq!(loss.into_scalar::<f32>(), 5000.5);
        let predicted = Objective::Binary.predict(scores).into_data();
        assert_eq!(predicted.try_to_vec::<f32>().unwrap(), [0.5, 1.0]);
    }
}
