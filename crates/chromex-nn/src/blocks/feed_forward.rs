use burn::Tensor;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use serde::{Deserialize, Serialize};

use crate::fused::{geglu, gelu, gelu_tanh, linear};
use crate::limits::{MOST_CHANNELS, count};
use crate::{Device, Result};

/// Two linear layers with an activation between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedForwardConfig {
    /// Channels in and out.
    pub width: usize,
    /// Channels between.
    pub hidden: usize,
    /// What bends the line.
    pub activation: Activation,
}

/// The forms of the Gaussian error linear unit. Checkpoints of one are wrong under the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x Φ(x), as RoBERTa has it.
    Gelu,
    /// Its tanh approximation, as GPT-2 has it ("gelu_new").
    GeluTanh,
    /// A gate: x Φ(x) of one half of the expanded channels times the other half, as DNABERT-2 has it. The first layer then
    /// has twice the channels and no bias.
    GeGlu,
}

/// Maps each position on its own. See [`FeedForwardConfig`].
#[derive(Module, Debug)]
pub struct FeedForward {
    /// `[width, hidden]`, or `[width, 2 hidden]` where there is a gate: the gate's channels, then what it gates.
    pub expand: Linear,
    /// `[hidden, width]`.
    pub contract: Linear,
    #[module(skip)]
    activation: Activation,
}

impl FeedForwardConfig {
    /// Builds the block; fill its weights before use.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) when there are no channels or too many.
    pub fn init(self, device: &Device) -> Result<FeedForward> {
        count("width", self.width, MOST_CHANNELS)?;
        count("hidden", self.hidden, MOST_CHANNELS)?;
        let expand = match self.activation {
            Activation::GeGlu => LinearConfig::new(self.width, 2 * self.hidden).with_bias(false),
            Activation::Gelu | Activation::GeluTanh => LinearConfig::new(self.width, self.hidden),
        };
        Ok(FeedForward {
            expand: expand.init(device),
            contract: LinearConfig::new(self.hidden, self.width).init(device),
            activation: self.activation,
        })
    }
}

impl FeedForward {
    /// Maps every position.
    ///
    /// # Shapes
    ///
    /// `[rows, length, width]` to the same.
    pub fn forward(&self, inputs: Tensor<3>) -> Tensor<3> {
        let hidden = linear(&self.expand, inputs);
        let bent = match self.activation {
            Activation::Gelu => gelu(hidden),
            Activation::GeluTanh => gelu_tanh(hidden),
            Activation::GeGlu => geglu(hidden),
        };
        linear(&self.contract, bent)
    }
}
