//! What optimisers do to whole tensors.

#[cfg(feature = "cpu")]
mod flex;

use burn::Tensor;

#[cfg(feature = "cpu")]
use super::flex::can_take;

/// How moving averages of gradients and of their squares move weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MomentRule {
    /// Part of the average of gradients that is kept.
    pub(crate) beta_1: f32,
    /// Part of the average of squares that is kept.
    pub(crate) beta_2: f32,
    /// Added to the root of the average of squares.
    pub(crate) epsilon: f32,
    /// Part of a weight that is added to its update.
    pub(crate) weight_decay: f32,
    /// Where it is given, the step becomes as long as the tensor times the rate, whose norm counts as at most this.
    pub(crate) largest_norm: Option<f32>,
}

/// One step by a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MomentStep {
    pub(crate) rule: MomentRule,
    /// What the average of gradients is multiplied by for its start at 0.
    pub(crate) correction_1: f32,
    /// What the average of squares is multiplied by for its start at 0.
    pub(crate) correction_2: f32,
    /// The learning rate.
    pub(crate) rate: f32,
}

/// Takes a step: the weights and both averages after it.
pub(crate) fn moment_step<const D: usize>(
    weights: Tensor<D>,
    grads: Tensor<D>,
    moment_1: Tensor<D>,
    moment_2: Tensor<D>,
    step: MomentStep,
) -> (Tensor<D>, Tensor<D>, Tensor<D>) {
    #[cfg(feature = "cpu")]
    if can_take(&weights) {
        let tensors = [weights, grads, moment_1, moment_2].map(Tensor::into_dispatch);
        let (weights, moment_1, moment_2) = flex::step(tensors, step);
        return (
            Tensor::from_dispatch(weights),
            Tensor::from_dispatch(moment_1),
            Tensor::from_dispatch(moment_2),
        );
    }
    plain_step(weights, grads, moment_1, moment_2, step)
}

/// The sum of the squares of all numbers, `[1]`.
pub(crate) fn square_sum<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    #[cfg(feature = "cpu")]
    if can_take(&tensor) {
        return Tensor::from_dispatch(flex::square_sum(tensor.into_dispatch()));
    }
    tensor.square().sum()
}

/// Multiplies all numbers.
pub(crate) fn scale<const D: usize>(tensor: Tensor<D>, factor: f64) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if can_take(&tensor) {
        return Tensor::from_dispatch(flex::scale(tensor.into_dispatch(), factor as f32));
    }
    tensor.mul_scalar(factor)
}

fn plain_step<const D: usize>(
    weights: Tensor<D>,
    grads: Tensor<D>,
    moment_1: Tensor<D>,
    moment_2: Tensor<D>,
    step: MomentStep,
) -> (Tensor<D>, Tensor<D>, Tensor<D>) {
    let moment_1 = moment_1 * step.rule.beta_1 + grads.clone() * (1.0 - step.rule.beta_1);
    let moment_2 = moment_2 * step.rule.beta_2 + grads.square() * (1.0 - step.rule.beta_2);
    let root = (moment_2.clone() * step.correction_2).sqrt();
    let mut update = moment_1.clone() * step.correction_1 / (root + step.rule.epsilon);
    if step.rule.weight_decay != 0.0 {
        update = update + weights.clone() * step.rule.weight_decay;
    }
    let update = match step.rule.largest_norm {
        None => update * step.rate,
        Some(largest_norm) => {
            let norm = |tensor: Tensor<D>| tensor.square().sum().sqrt();
            let own = norm(weights.clone()).clamp_max(largest_norm);
            let length = norm(update.clone());
            // Tensors that are all 0, as fresh biases, and steps of nothing are taken as they are.
            let usual = own
                .clone()
                .greater_scalar(0.0)
                .bool_and(length.clone().greater_scalar(0.0));
            let ratio = own / length.clamp_min(f32::MIN_POSITIVE);
            let ratio = ratio.ones_like().mask_where(usual, ratio);
            update * (ratio * step.rate).unsqueeze()
        }
    };
    (weights - update, moment_1, moment_2)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::fused::tests::{close, draw, numbers};

    fn rule(largest_norm: Option<f32>) -> MomentRule {
        MomentRule {
            beta_1: 0.9,
            beta_2: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.01,
            largest_norm,
        }
    }

    #[test]
    fn a_step_equals_the_composed_form() {
        // Numbers that fill no lane, some lanes, and more than one piece of the work.
        for shape in [[1, 3], [5, 37], [130, 257]] {
            for largest_norm in [None, Some(10.0), Some(f32::INFINITY)] {
                let step = MomentStep {
                    rule: rule(largest_norm),
                    correction_1: 1.5,
                    correction_2: 7.0,
                    rate: 0.1,
                };
                let tensor = |purpose: &str| draw(purpose, shape, 1.0).inner();
                let run = |take: &dyn Fn(_, _, _, _, _) -> (Tensor<2>, Tensor<2>, Tensor<2>)| {
                    let (weights, grads) = (tensor("weights"), tensor("grads"));
                    let moments = (tensor("one") * 0.1, tensor("two").abs());
                    let (a, b, c) = take(weights, grads, moments.0, moments.1, step);
                    [a, b, c].map(numbers)
                };
                let (fused, plain) = (run(&moment_step), run(&plain_step));
                for (fused, plain) in fused.iter().zip(&plain) {
                    close(fused, plain, 2e-6);
                }
            }
        }
    }

    #[test]
    fn what_others_hold_does_not_change() {
        let tensor = draw("tensor", [5, 7], 1.0).inner();
        let before = numbers(tensor.clone());
        let scaled = numbers(scale(tensor.clone(), 3.0));
        assert_eq!(numbers(tensor.clone()), before);
        let expected: Vec<f32> = before.iter().map(|value| value * 3.0).collect();
        assert_eq!(scaled, expected);
        // A part of a tensor, and its axes the other way round.
        let part = tensor.clone().narrow(0, 1, 2).swap_dims(0, 1);
        let sum: f32 = before[7..21].iter().map(|value| value * value).sum();
        close(&numbers(square_sum(part)), &[sum], 1e-6);
    }
}
