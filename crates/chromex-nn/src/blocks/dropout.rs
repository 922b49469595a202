use burn::Tensor;
use burn::module::{Flag, Module, Param};

use crate::fused::{drop_and_rectify, drop_out};

/// Leaves numbers out at random while its network is trained. A network that predicts or is explained ([`Module::valid`]), and a
/// part of it that is frozen, leaves nothing out.
#[derive(Module, Debug)]
pub struct Dropout {
    #[module(skip)]
    probability: f64,
    training: Param<Flag>,
}

impl Dropout {
    /// Leaves each number out with a probability, at least 0 and below 1.
    pub fn new(probability: f64) -> Self {
        Self {
            probability,
            training: Param::from_bool(true),
        }
    }

    /// Leaves numbers out. What is left grows by what was left out.
    ///
    /// # Panics
    ///
    /// When the probability is not from 0 to below 1.
    pub fn forward<const D: usize>(&self, inputs: Tensor<D>) -> Tensor<D> {
        drop_out(inputs, self.now())
    }

    /// Leaves numbers out and multiplies what is below 0 with `slope`, in one pass over memory.
    ///
    /// # Panics
    ///
    /// When the probability is not from 0 to below 1.
    pub fn forward_rectified<const D: usize>(&self, inputs: Tensor<D>, slope: f64) -> Tensor<D> {
        drop_and_rectify(inputs, self.now(), slope)
    }

    fn now(&self) -> f64 {
        match self.training.is_enabled() {
            true => self.probability,
            false => 0.0,
        }
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::fused::tests::{draw, numbers};

    #[test]
    fn numbers_are_left_out_in_training_alone() {
        let dropout = Dropout::new(0.5);
        let inputs = draw("inputs", [30, 30], 1.0);
        let whole = numbers(inputs.clone());
        let zeros = |dropout: &Dropout| {
            let left = numbers(dropout.forward(inputs.clone()));
            assert_eq!(
                numbers(dropout.forward_rectified(inputs.clone(), 1.0)) == whole,
                left == whole
            );
            left.iter().filter(|&&number| number == 0.0).count()
        };
        assert!(zeros(&dropout) > 300);
        // The inputs still ask for gradients.
        assert_eq!(zeros(&dropout.valid()), 0);
        assert_eq!(zeros(&dropout.clone().freeze()), 0);
        assert!(zeros(&dropout.freeze().unfreeze()) > 300);
    }
}
