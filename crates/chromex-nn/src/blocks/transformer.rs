use burn::Tensor;
use burn::module::Module;
use serde::{Deserialize, Serialize};

use super::{
    Dropout, FeedForward, FeedForwardConfig, LayerNorm, LayerNormConfig, SelfAttention,
    SelfAttentionConfig,
};
use crate::fused::Spans;
use crate::{Device, Result, limits};

/// The one transformer block: attention and feed-forward, each with a residual and a normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerBlockConfig {
    /// How positions see one another.
    pub attention: SelfAttentionConfig,
    /// What each position does on its own.
    pub feed_forward: FeedForwardConfig,
    /// Where the normalisations stand.
    pub norm: NormPlacement,
    /// Added to the variance before its root.
    pub norm_epsilon: f64,
    /// Part of what attention and feed-forward add that is dropped in training.
    pub dropout: f64,
}

/// Where the normalisations of a block stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormPlacement {
    /// Before attention and feed-forward, inside the residual, as GPT-2 has it.
    Pre,
    /// After each residual sum, as RoBERTa has it.
    Post,
}

/// A transformer block. See [`TransformerBlockConfig`].
#[derive(Module, Debug)]
pub struct TransformerBlock {
    /// The normalisation of the attention.
    pub attention_norm: LayerNorm,
    /// Positions see one another.
    pub attention: SelfAttention,
    /// The normalisation of the feed-forward.
    pub feed_forward_norm: LayerNorm,
    /// Each position on its own.
    pub feed_forward: FeedForward,
    dropout: Dropout,
    #[module(skip)]
    norm: NormPlacement,
}

impl TransformerBlockConfig {
    /// Builds the block; fill its weights before use.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) when there are no channels or too many, the heads do not divide the width, the
    /// dropout is not below 1, or the ε of the normalisations not above 0.
    pub fn init(self, device: &Device) -> Result<TransformerBlock> {
        limits::share("dropout", self.dropout)?;
        limits::positive("norm_epsilon", self.norm_epsilon)?;
        limits::count("width", self.attention.width, limits::MOST_CHANNELS)?;
        let norm = LayerNormConfig {
            width: self.attention.width,
            epsilon: self.norm_epsilon,
        };
        Ok(TransformerBlock {
            attention_norm: norm.init(device),
            attention: self.attention.init(device)?,
            feed_forward_norm: norm.init(device),
            feed_forward: self.feed_forward.init(device)?,
            dropout: Dropout::new(self.dropout),
            norm: self.norm,
        })
    }
}

impl TransformerBlock {
    /// Passes a batch through; positions outside their row's span are not seen.
    ///
    /// # Shapes
    ///
    /// `[rows, length, width]` to the same.
    ///
    /// # Panics
    ///
    /// When there are spans, but not one per row.
    pub fn forward(&self, inputs: Tensor<3>, spans: Option<&Spans>) -> Tensor<3> {
        match self.norm {
            NormPlacement::Pre => {
                let normal = self.attention_norm.forward(inputs.clone());
                let middle = inputs + self.attend(normal, spans);
                let normal = self.feed_forward_norm.forward(middle.clone());
                middle + self.map(normal)
            }
            NormPlacement::Post => {
                let attended = self.attend(inputs.clone(), spans);
                let middle = self.attention_norm.forward(inputs + attended);
                let mapped = self.map(middle.clone());
                self.feed_forward_norm.forward(middle + mapped)
            }
        }
    }

    fn attend(&self, inputs: Tensor<3>, spans: Option<&Spans>) -> Tensor<3> {
        self.dropout.forward(self.attention.forward(inputs, spans))
    }

    fn map(&self, inputs: Tensor<3>) -> Tensor<3> {
        self.dropout.forward(self.feed_forward.forward(inputs))
    }
}
