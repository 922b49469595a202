use burn::Tensor;
use burn::optim::{LambState, LearningRate, Optimizer};
use burn::tensor::Device;

/// Layer-wise adaptive moments as in the first version of the paper (You et al. 2020, doi:10.48550/arXiv.1904.00962v1) and the
/// code that CornBERT used: moments are not corrected for their start at 0, and a tensor's norm counts as at most
/// `largest_norm`.
#[derive(Clone)]
pub(crate) struct UncorrectedLamb {
    pub(crate) beta_1: f32,
    pub(crate) beta_2: f32,
    pub(crate) epsilon: f32,
    pub(crate) weight_decay: f32,
    pub(crate) largest_norm: f32,
}

impl Optimizer for UncorrectedLamb {
    type State<const D: usize> = LambState<D>;

    fn step<const D: usize>(
        &self,
        learning_rate: LearningRate,
        tensor: Tensor<D>,
        grad: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let fresh_1 = grad.clone() * (1.0 - self.beta_1);
        let fresh_2 = grad.square() * (1.0 - self.beta_2);
        let state = match state {
            None => LambState {
                time: 1,
                moment_1: fresh_1,
                moment_2: fresh_2,
            },
            Some(state) => LambState {
                time: state.time + 1,
                moment_1: state.moment_1 * self.beta_1 + fresh_1,
                moment_2: state.moment_2 * self.beta_2 + fresh_2,
            },
        };
        let mut update = state.moment_1.clone() / (state.moment_2.clone().sqrt() + self.epsilon);
        if self.weight_decay != 0.0 {
            update = update + tensor.clone() * self.weight_decay;
        }
        let norm = |tensor: Tensor<D>| tensor.square().sum().sqrt();
        let own = norm(tensor.clone()).clamp_max(self.largest_norm);
        let step = norm(update.clone());
        // Tensors that are all 0, as fresh biases, and steps of nothing are taken as they are.
        let usual = own
            .clone()
            .greater_scalar(0.0)
            .bool_and(step.clone().greater_scalar(0.0));
        let ratio = own / step.clamp_min(f32::MIN_POSITIVE);
        let ratio = ratio.ones_like().mask_where(usual, ratio);
        let tensor = tensor - update * (ratio * learning_rate).unsqueeze();
        (tensor, Some(state))
    }

    fn to_device<const D: usize>(mut state: Self::State<D>, device: &Device) -> Self::State<D> {
        state.moment_1 = state.moment_1.to_device(device);
        state.moment_2 = state.moment_2.to_device(device);
        state
    }
}
