use burn::Tensor;
use burn::optim::{LambState, LearningRate, Optimizer};
use burn::tensor::Device;

use crate::fused::{self, MomentRule, MomentStep};

/// Adam and what grew from it: moving averages of gradients and of their squares.
///
/// With no largest norm this is AdamW (Loshchilov & Hutter 2019, doi:10.48550/arXiv.1711.05101), with one LAMB (You et al. 2020,
/// doi:10.48550/arXiv.1904.00962), which makes the step of a tensor as long as the tensor. burn has both, as a dozen passes over
/// memory on one thread; on the processor this is one pass for AdamW and two for LAMB, on all threads.
#[derive(Clone)]
pub(crate) struct AdaptiveMoments {
    pub(crate) rule: MomentRule,
    /// Whether the averages are corrected for their start at 0.
    pub(crate) corrected: bool,
}

impl Optimizer for AdaptiveMoments {
    type State<const D: usize> = LambState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let mut state = state.unwrap_or_else(|| LambState {
            time: 0,
            moment_1: tensor.zeros_like(),
            moment_2: tensor.zeros_like(),
        });
        state.time += 1;
        let correction = |beta: f32| {
            if self.corrected {
                let time = i32::try_from(state.time).unwrap_or(i32::MAX);
                (1.0 / (1.0 - f64::from(beta).powi(time))) as f32
            } else {
                1.0
            }
        };
        let step = MomentStep {
            rule: self.rule,
            correction_1: correction(self.rule.beta_1),
            correction_2: correction(self.rule.beta_2),
            rate: learning_rate as f32,
        };
        let (tensor, moment_1, moment_2) =
            fused::moment_step(tensor, grad, state.moment_1, state.moment_2, step);
        let state = LambState {
            time: state.time,
            moment_1,
            moment_2,
        };
        (tensor, Some(state))
    }

    fn to_device<const D: usize>(mut state: Self::State<D>, device: &Device) -> Self::State<D> {
        state.moment_1 = state.moment_1.to_device(device);
        state.moment_2 = state.moment_2.to_device(device);
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::optim::{AdamWConfig, LambConfig};
    use burn::tensor::TensorData;

    fn draw<const D: usize>(purpose: &str, shape: [usize; D]) -> Tensor<D> {
        let mut generator = chromex_core::random::generator(3, purpose);
        let values = crate::weights::normal(&mut generator, 1.0, shape.iter().product());
        Tensor::from_data(TensorData::new(values, shape), &Device::default())
    }

    /// Twenty steps by two optimisers, of a tensor larger than a piece of the kernel's work.
    fn compare<A: Optimizer, B: Optimizer>(ours: &A, theirs: &B, shape: [usize; 2]) {
        let start = draw("weights", shape);
        let (mut a, mut b) = ((start.clone(), None), (start, None));
        for step in 0..20 {
            let grad = draw(&format!("gradient {step}"), shape);
            a = ours.step(1e-2, a.0, grad.clone(), a.1);
            b = theirs.step(1e-2, b.0, grad, b.1);
        }
        let largest: f32 = (a.0 - b.0).abs().max().into_scalar();
        assert!(largest < 1e-5, "{largest}");
    }

    fn rule(largest_norm: Option<f32>) -> AdaptiveMoments {
        AdaptiveMoments {
            rule: MomentRule {
                beta_1: 0.9,
                beta_2: 0.99,
                epsilon: 1e-8,
                weight_decay: 0.1,
                largest_norm,
            },
            corrected: true,
        }
    }

    #[test]
    fn without_trust_it_is_the_adam_of_burn() {
        let theirs = AdamWConfig::new()
            .with_beta_2(0.99)
            .with_epsilon(1e-8)
            .with_weight_decay(0.1)
            .build();
        for shape in [[3, 5], [300, 201]] {
            compare(&rule(None), &theirs, shape);
        }
    }

    #[test]
    fn with_trust_it_is_the_lamb_of_burn() {
        let ours = rule(Some(f32::INFINITY));
        let theirs = LambConfig::new()
            .with_beta_2(0.99)
            .with_epsilon(1e-8)
            .with_weight_decay(0.1)
            .build();
        for shape in [[3, 5], [300, 201]] {
            compare(&ours, &theirs, shape);
        }
    }

    #[test]
    fn tensors_of_zeros_take_their_step_as_it_is() {
        let device = Device::default();
        let mut ours = rule(Some(10.0));
        ours.rule.weight_decay = 0.0;
        let zeros = Tensor::<1>::zeros([4], &device);
        let (moved, state) = ours.step(0.5, zeros.clone(), Tensor::ones([4], &device), None);
        let moved: Vec<f32> = moved.into_data().try_to_vec().unwrap();
        assert!(moved.iter().all(|value| (value + 0.5).abs() < 1e-5));
        // Nor does a gradient of zeros divide by its norm.
        let (still, _) = ours.step(0.5, Tensor::ones([4], &device), zeros, None);
        let still: Vec<f32> = still.into_data().try_to_vec().unwrap();
        assert_eq!(still, [1.0; 4]);
        assert_eq!(state.unwrap().time, 1);
    }
}
