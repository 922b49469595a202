//! Leaving numbers out at random and bending the rest at 0, in one pass over memory each way.

#[cfg(feature = "cpu")]
mod extension;
#[cfg(feature = "cpu")]
mod kernel;

use burn::Tensor;
use burn::tensor::Distribution;
use burn::tensor::activation::leaky_relu;

#[cfg(feature = "cpu")]
use super::flex::can_take;

/// Leaves each number out with a probability, if it is a training that asks, and multiplies what is below 0 with `slope`. What
/// is left grows by what was left out.
///
/// Which numbers are left out is drawn by the device's generator of random numbers.
///
/// # Panics
///
/// When the probability is not from 0 to below 1.
pub fn drop_and_rectify<const D: usize>(
    inputs: Tensor<D>,
    probability: f64,
    slope: f64,
) -> Tensor<D> {
    assert!((0.0..1.0).contains(&probability), "a probability below 1");
    let probability = match inputs.device().is_autodiff() {
        true => probability,
        false => 0.0,
    };
    #[cfg(feature = "cpu")]
    if can_take(&inputs) {
        let seed = (probability > 0.0).then(|| {
            let drawn = Tensor::<1>::random([2], Distribution::Uniform(0.0, 1.0), &inputs.device());
            let drawn = drawn
                .into_data()
                .iter::<f32>()
                .map(f32::to_bits)
                .collect::<Vec<u32>>();
            [drawn[0], drawn[1]]
        });
        return seeded(inputs, seed, probability, slope);
    }
    let left = if probability > 0.0 {
        let kept = inputs.random_like(Distribution::Bernoulli(1.0 - probability));
        inputs * kept / (1.0 - probability)
    } else {
        inputs
    };
    leaky_relu(left, slope)
}

/// Does so by a seed; without one nothing is left out.
#[cfg(feature = "cpu")]
pub(super) fn seeded<const D: usize>(
    inputs: Tensor<D>,
    seed: Option<[u32; 2]>,
    probability: f64,
    slope: f64,
) -> Tensor<D> {
    extension::drop_and_rectify(inputs, kernel::Shape::new(seed, probability, slope))
}

/// Leaves each number out with a probability, if it is a training that asks. What is left grows by what was left out.
///
/// # Panics
///
/// When the probability is not from 0 to below 1.
pub fn drop_out<const D: usize>(inputs: Tensor<D>, probability: f64) -> Tensor<D> {
    if probability == 0.0 || !inputs.device().is_autodiff() {
        return inputs;
    }
    drop_and_rectify(inputs, probability, 1.0)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::fused::tests::{compare, draw, numbers};

    #[test]
    fn rectifiers_equal_the_composed_form_in_value_and_gradient() {
        for slope in [0.0, 0.05, 0.2] {
            compare(
                draw("inputs", [7, 33], 1.0),
                1e-6,
                |inputs| drop_and_rectify(inputs, 0.0, slope),
                |inputs| leaky_relu(inputs, slope),
            );
        }
    }

    #[test]
    fn numbers_that_are_left_out_have_no_gradient_and_the_rest_keep_the_mean() {
        let (probability, slope) = (0.2, 0.1);
        let inputs = draw("inputs", [100, 1000], 1.0);
        let outputs = drop_and_rectify(inputs.clone(), probability, slope);
        let grads = outputs.clone().sum().backward();
        let grads = numbers(inputs.grad(&grads).unwrap());
        let (inputs, outputs) = (numbers(inputs), numbers(outputs));
        let mut left_out = 0;
        for ((input, output), grad) in inputs.iter().zip(&outputs).zip(&grads) {
            if *output == 0.0 {
                left_out += 1;
                assert_eq!(*grad, 0.0);
            } else {
                let factor = if *input > 0.0 { 1.25 } else { 0.125 };
                assert!((output - input * factor).abs() < 1e-6 * input.abs());
                assert!((grad - factor).abs() < 1e-6);
            }
        }
        // Five standard deviations of 100,000 draws.
        assert!(
            (left_out as f64 / 1e5 - probability).abs() < 0.0064,
            "{left_out}"
        );
    }

    #[test]
    fn a_zero_that_is_kept_has_a_gradient() {
        let zeros = (draw("inputs", [10, 1000], 1.0) * 0.0)
            .detach()
            .require_grad();
        let grads = drop_out(zeros.clone(), 0.2).sum().backward();
        let grads = numbers(zeros.grad(&grads).unwrap());
        let kept = grads.iter().filter(|&&grad| (grad - 1.25).abs() < 1e-6);
        assert!((kept.count() as f64 / 1e4 - 0.8).abs() < 0.02);
        let still = zeros.inner();
        assert_eq!(numbers(drop_out(still.clone(), 0.2)), numbers(still));
    }

    #[test]
    fn every_call_leaves_others_out_and_nothing_is_left_out_of_predictions() {
        let inputs = draw("inputs", [10, 100], 1.0);
        let drop = |inputs: &Tensor<2>| numbers(drop_and_rectify(inputs.clone(), 0.5, 0.0));
        assert_ne!(drop(&inputs), drop(&inputs));
        let still = inputs.inner();
        assert_eq!(drop(&still), numbers(leaky_relu(still, 0.0)));
    }
}
