use std::num::Saturating;
use std::path::Path;

use chromex_nn::blocks::{
    Activation, FeedForwardConfig, NormPlacement, SelfAttentionConfig, TransformerBlockConfig,
};
use chromex_nn::limits;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Result, published_config};

/// The shape of a GPT-2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gpt2Config {
    /// Rows of the token table; ids of a tokenizer must lie below.
    pub vocabulary: usize,
    /// The longest sequence.
    pub positions: usize,
    /// Channels of a token.
    pub width: usize,
    /// Transformer blocks.
    pub layers: usize,
    /// Attention heads of a block.
    pub heads: usize,
    /// Channels between the two layers of a feed-forward; four times the width in every published model.
    pub hidden: usize,
    /// Added to the variance of a normalisation before its root.
    pub norm_epsilon: f64,
}

/// The part of a published `config.json` that decides what is computed.
#[derive(Deserialize)]
struct Published {
    vocab_size: usize,
    n_positions: usize,
    n_embd: usize,
    n_layer: usize,
    n_head: usize,
    n_inner: Option<usize>,
    #[serde(default = "published_activation")]
    activation_function: String,
    #[serde(default = "published_epsilon")]
    layer_norm_epsilon: f64,
    #[serde(default)]
    scale_attn_by_inverse_layer_idx: bool,
    #[serde(default = "yes")]
    scale_attn_weights: bool,
    #[serde(default = "yes")]
    tie_word_embeddings: bool,
}

impl Default for Gpt2Config {
    /// [`Gpt2Config::genegpt2`].
    fn default() -> Self {
        Self::genegpt2()
    }
}

impl Gpt2Config {
    /// GeneGPT-2's base configuration: 8 layers, 8 heads, width 32, context 64; 135,744 parameters.
    pub fn genegpt2() -> Self {
        Self {
            vocabulary: 1000,
            positions: 64,
            width: 32,
            layers: 8,
            heads: 8,
            hidden: 128,
            norm_epsilon: 1e-5,
        }
    }

    /// GeneGPT-2 with another embedding size, as in its first sweep: 32, 128 or 256.
    pub fn genegpt2_wide(width: usize) -> Self {
        Self {
            width,
            hidden: width.saturating_mul(4),
            ..Self::genegpt2()
        }
    }

    /// GeneGPT-2 with another context, as in its second sweep: 32, 64 or 128.
    pub fn genegpt2_context(positions: usize) -> Self {
        Self {
            positions,
            ..Self::genegpt2()
        }
    }

    /// Counts the parameters: V d + P d + L (12 d² + 13 d) + 2 d where the hidden width is 4 d.
    pub fn parameter_count(&self) -> usize {
        let [d, h, layers] = [self.width, self.hidden, self.layers].map(Saturating);
        let [vocabulary, positions] = [self.vocabulary, self.positions].map(Saturating);
        let [two, four] = [2, 4].map(Saturating);
        let attention = four * (d * d + d);
        let feed_forward = two * d * h + h + d;
        let block = attention + feed_forward + four * d;
        ((vocabulary + positions) * d + layers * block + two * d).0
    }

    /// Reads a published `config.json`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no GPT-2 configuration, or asks for another activation or attention
    /// scale than GPT-2's, or for an output table of its own.
    pub fn read(path: &Path) -> Result<Self> {
        let published: Published = published_config::read(path, "a GPT-2 configuration")?;
        // The same function under its later name.
        let activation = match published.activation_function.as_str() {
            "gelu_pytorch_tanh" => "gelu_new",
            other => other,
        };
        let scales_by_layer = published.scale_attn_by_inverse_layer_idx.to_string();
        let scales = published.scale_attn_weights.to_string();
        let tied = published.tie_word_embeddings.to_string();
        for (field, expected, found) in [
            ("activation_function", "gelu_new", activation),
            ("scale_attn_by_inverse_layer_idx", "false", &scales_by_layer),
            ("scale_attn_weights", "true", &scales),
            ("tie_word_embeddings", "true", &tied),
        ] {
            published_config::require(path, field, expected, found)?;
        }
        let config = Self {
            vocabulary: published.vocab_size,
            positions: published.n_positions,
            width: published.n_embd,
            layers: published.n_layer,
            heads: published.n_head,
            hidden: published
                .n_inner
                .unwrap_or(published.n_embd.saturating_mul(4)),
            norm_epsilon: published.layer_norm_epsilon,
        };
        let check = config.check();
        published_config::checked(path, config, check)
    }

    /// Writes a `config.json` that the Python libraries read.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let published = json!({
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "vocab_size": self.vocabulary,
            "n_positions": self.positions,
            "n_ctx": self.positions,
            "n_embd": self.width,
            "n_layer": self.layers,
            "n_head": self.heads,
            "n_inner": self.hidden,
            "activation_function": published_activation(),
            "layer_norm_epsilon": self.norm_epsilon,
            "resid_pdrop": 0.0,
            "embd_pdrop": 0.0,
            "attn_pdrop": 0.0,
            "tie_word_embeddings": true,
            "bos_token_id": 0,
            "eos_token_id": 0,
        });
        published_config::write(path, &published)
    }

    /// The block that every layer is.
    pub(crate) fn block(&self) -> TransformerBlockConfig {
        TransformerBlockConfig {
            attention: SelfAttentionConfig {
                width: self.width,
                heads: self.heads,
                causal: true,
                alibi: false,
            },
            feed_forward: FeedForwardConfig {
                width: self.width,
                hidden: self.hidden,
                activation: Activation::GeluTanh,
            },
            norm: NormPlacement::Pre,
            norm_epsilon: self.norm_epsilon,
            dropout: 0.0,
        }
    }

    /// Refuses shapes that no network can have.
    pub(crate) fn check(&self) -> chromex_nn::Result<()> {
        for (name, value, most) in [
            ("vocabulary", self.vocabulary, limits::MOST_TABLE_ROWS),
            ("positions", self.positions, limits::MOST_TABLE_ROWS),
            ("width", self.width, limits::MOST_CHANNELS),
            ("layers", self.layers, limits::MOST_LAYERS),
            ("heads", self.heads, self.width),
            ("hidden", self.hidden, limits::MOST_CHANNELS),
        ] {
            limits::count(name, value, most)?;
        }
        limits::parameters(self.parameter_count())
    }
}

fn published_activation() -> String {
    "gelu_new".into()
}

fn published_epsilon() -> f64 {
    1e-5
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_shapes_have_their_parameter_counts() {
        assert_eq!(Gpt2Config::genegpt2().parameter_count(), 135_744);
        assert_eq!(Gpt2Config::genegpt2_wide(128).parameter_count(), 1_722_624);
        assert_eq!(Gpt2Config::genegpt2_wide(256).parameter_count(), 6_590_976);
        assert_eq!(Gpt2Config::genegpt2_context(32).parameter_count(), 134_720);
        assert_eq!(Gpt2Config::genegpt2_context(128).parameter_count(), 137_792);
    }

    #[test]
    fn a_configuration_reads_back_and_another_activation_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let config = Gpt2Config::genegpt2_wide(128);
        config.write(&path).unwrap();
        assert_eq!(Gpt2Config::read(&path).unwrap(), config);
        let other = std::fs::read_to_string(&path)
            .unwrap()
            .replace("gelu_new", "relu");
        std::fs::write(&path, other).unwrap();
        let message = Gpt2Config::read(&path).unwrap_err().to_string();
        assert!(message.ends_with("`activation_function`: expected gelu_new, found relu"));
    }

    #[test]
    fn an_unscaled_attention_and_an_output_table_of_its_own_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        Gpt2Config::genegpt2().write(&path).unwrap();
        let written = std::fs::read(&path).unwrap();
        let with = |field: &str, value: Option<bool>| {
            let mut config: serde_json::Value = serde_json::from_slice(&written).unwrap();
            let fields = config.as_object_mut().unwrap();
            fields.remove(field);
            fields.extend(value.map(|value| (field.to_owned(), value.into())));
            std::fs::write(&path, config.to_string()).unwrap();
            Gpt2Config::read(&path)
        };
        for field in ["scale_attn_weights", "tie_word_embeddings"] {
            assert!(with(field, None).is_ok() && with(field, Some(true)).is_ok());
            let message = with(field, Some(false)).unwrap_err().to_string();
            let expected = format!("`{field}`: expected true, found false");
            assert!(message.ends_with(&expected), "{message}");
        }
    }
}
