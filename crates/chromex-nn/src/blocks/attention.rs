use burn::Tensor;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use serde::{Deserialize, Serialize};

use crate::fused::{Spans, alibi_attention, linear, self_attention};
use crate::limits::{MOST_CHANNELS, count};
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
    /// Whether scores fall with distance, as DNABERT-2 has it instead of positions; all positions are then seen.
    pub alibi: bool,
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
    /// [`Error::Setting`] when there are no channels or too many, the heads do not divide the width, or attention is causal and falls with distance.
    pub fn init(self, device: &Device) -> Result<SelfAttention> {
        count("width", self.width, MOST_CHANNELS)?;
        if self.heads == 0 || !self.width.is_multiple_of(self.heads) {
            return Err(Error::Setting {
                name: "heads",
                expected: format!("a divisor of the width {}", self.width),
                found: self.heads.to_string(),
            });
        }
        if self.causal && self.alibi {
            return Err(Error::Setting {
                name: "causal",
                expected: "false where scores fall with distance".into(),
                found: "true".into(),
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
    /// Attends to the positions within the spans, to all where there are none.
    ///
    /// # Shapes
    ///
    /// `[rows, length, width]` to the same.
    ///
    /// # Panics
    ///
    /// When there are spans, but not one per row.
    pub fn forward(&self, inputs: Tensor<3>, spans: Option<&Spans>) -> Tensor<3> {
        let joint = linear(&self.queries_keys_values, inputs);
        let SelfAttentionConfig { heads, causal, .. } = self.config;
        let attended = match self.config.alibi {
            true => alibi_attention(joint, heads, spans),
            false => self_attention(joint, heads, causal, spans),
        };
        linear(&self.output, attended)
    }
}
