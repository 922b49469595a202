use burn::Tensor;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use serde::{Deserialize, Serialize};

use crate::{Device, Error, Result};

/// Self-attention of several heads over one projection to queries, keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfAttentionConfig {
    /// Channels in and out.
    pub width: usize,
    /// Heads; they divide the width.
    pub heads: usize,
    /// Whether a position sees only itself and what comes before.
    pub causal: bool,
}

/// Attends over positions. See [`SelfAttentionConfig`].
#[derive(Module, Debug)]
pub struct SelfAttention {
    /// Queries, keys and values side by side, `[width, 3 width]`.
    pub queries_keys_values: Linear,
    /// Joins the heads, `[width, width]`.
    pub output: Linear,
    #[module(skip)]
    config: SelfAttentionConfig,
}

impl SelfAttentionConfig {
    /// Builds the block; fill its weights before use.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when the heads do not divide the width.
    pub fn init(self, device: &Device) -> Result<SelfAttention> {
        if self.heads == 0 || !self.width.is_multiple_of(self.heads) {
            return Err(Error::Setting {
                name: "heads",
                expected: format!("a divisor of the width {}", self.width),
                found: self.heads.to_string(),
            });
        }
        Ok(SelfAttention {
            queries_keys_values: LinearConfig::new(self.width, 3 * self.width).init(device),
            output: LinearConfig::new(self.width, self.width).init(device),
            config: self,
        })
    }
}

impl SelfAttention {
    /// Attends.
    ///
    /// # Shapes
    ///
    /// `[rows, length, width]` to the same.
    pub fn forward(&self, inputs: Tensor<3>) -> Tensor<3> {
        let [rows, length, width] = inputs.dims();
        let heads = self.config.heads;
        let joint = self
            .queries_keys_values
            .forward(inputs)
            .reshape([rows, length, 3 * heads, width / heads])
            .swap_dims(1, 2);
        let part = |index: usize| joint.clone().narrow(1, index * heads, heads);
        let options = AttentionModuleOptions {
            is_causal: self.config.causal,
            ..AttentionModuleOptions::default()
        };
        let attended = attention(part(0), part(1), part(2), None, None, options);
        self.output
            .forward(attended.swap_dims(1, 2).reshape([rows, length, width]))
    }
}
