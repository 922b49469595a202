use burn::Tensor;
use burn::module::{Module, Param};
use serde::{Deserialize, Serialize};

use crate::{Device, fused};

/// Normalisation over channels (Ba, Kiros and Hinton 2016, doi:10.48550/arXiv.1607.06450).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNormConfig {
    /// Channels in and out.
    pub width: usize,
    /// Added to the variance before its root.
    pub epsilon: f64,
}

/// Normalises each position over its channels. See [`LayerNormConfig`].
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// The scale of each channel.
    pub gamma: Param<Tensor<1>>,
    /// The shift of each channel.
    pub beta: Param<Tensor<1>>,
    #[module(skip)]
    epsilon: f64,
}

impl LayerNormConfig {
    /// Builds the block with scale 1 and shift 0.
    pub fn init(self, device: &Device) -> LayerNorm {
        LayerNorm {
            gamma: Param::from_tensor(Tensor::ones([self.width], device)),
            beta: Param::from_tensor(Tensor::zeros([self.width], device)),
            epsilon: self.epsilon,
        }
    }
}

impl LayerNorm {
    /// Normalises.
    ///
    /// # Shapes
    ///
    /// `[..., width]` to the same.
    pub fn forward<const D: usize>(&self, inputs: Tensor<D>) -> Tensor<D> {
        fused::layer_norm(inputs, self.gamma.val(), self.beta.val(), self.epsilon)
    }
}
