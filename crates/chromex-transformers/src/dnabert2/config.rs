use std::num::Saturating;
use std::path::Path;

use chromex_nn::blocks::{
    Activation, FeedForwardConfig, NormPlacement, SelfAttentionConfig, TransformerBlockConfig,
};
use chromex_nn::limits;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Result, published_config};

/// The shape of a DNABERT-2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dnabert2Config {
    /// Rows of the token table; ids of a tokenizer must lie below.
    pub vocabulary: usize,
    /// Rows of the table of token types; the first is added to every token.
    pub token_types: usize,
    /// Channels of a token.
    pub width: usize,
    /// Transformer blocks.
    pub layers: usize,
    /// Attention heads of a block.
    pub heads: usize,
    /// Channels of the gate and of what it gates.
    pub hidden: usize,
    /// Added to the variance of a normalisation before its root.
    pub norm_epsilon: f64,
    /// Part of the embeddings, and of what each block adds, that is dropped in training.
    pub dropout: f64,
}

/// The part of a published `config.json` that decides what is computed.
#[derive(Deserialize)]
struct Published {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    /// Only DNABERT-2's configuration has it: other ones of the same model type have a table of positions.
    alibi_starting_size: usize,
    #[serde(default = "published_types")]
    type_vocab_size: usize,
    #[serde(default = "published_activation")]
    hidden_act: String,
    #[serde(default = "published_epsilon")]
    layer_norm_eps: f64,
    #[serde(default = "published_dropout")]
    hidden_dropout_prob: f64,
    #[serde(default)]
    attention_probs_dropout_prob: f64,
}

impl Default for Dnabert2Config {
    /// [`Dnabert2Config::published`].
    fn default() -> Self {
        Self::published()
    }
}

impl Dnabert2Config {
    /// DNABERT-2-117M: 12 layers of 12 heads, width 768, 4,096 tokens; 116,477,952 parameters without a head.
    pub fn published() -> Self {
        Self {
            vocabulary: 4096,
            token_types: 2,
            width: 768,
            layers: 12,
            heads: 12,
            hidden: 3072,
            norm_epsilon: published_epsilon(),
            dropout: published_dropout(),
        }
    }

    /// Counts the parameters of the base, without any head.
    pub fn parameter_count(&self) -> usize {
        let [d, h, layers] = [self.width, self.hidden, self.layers].map(Saturating);
        let [vocabulary, types] = [self.vocabulary, self.token_types].map(Saturating);
        let [two, three, four] = [2, 3, 4].map(Saturating);
        let attention = four * (d * d + d);
        let feed_forward = three * d * h + d;
        let tables = (vocabulary + types) * d;
        (tables + two * d + layers * (attention + feed_forward + four * d)).0
    }

    /// Reads a published `config.json`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no DNABERT-2 configuration, or asks for another activation or for dropout of
    /// attention weights.
    pub fn read(path: &Path) -> Result<Self> {
        let published: Published = published_config::read(path, "a DNABERT-2 configuration")?;
        let dropout = published.attention_probs_dropout_prob.to_string();
        for (field, expected, found) in [
            ("hidden_act", "gelu", &published.hidden_act),
            ("attention_probs_dropout_prob", "0", &dropout),
        ] {
            published_config::require(path, field, expected, found)?;
        }
        // The table of distances is built at run-time lengths, whatever its first size.
        let _ = published.alibi_starting_size;
        let config = Self {
            vocabulary: published.vocab_size,
            token_types: published.type_vocab_size,
            width: published.hidden_size,
            layers: published.num_hidden_layers,
            heads: published.num_attention_heads,
            hidden: published.intermediate_size,
            norm_epsilon: published.layer_norm_eps,
            dropout: published.hidden_dropout_prob,
        };
        let check = config.check();
        published_config::checked(path, config, check)
    }

    /// Writes a `config.json` that the published code reads, for a number of targets.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(super) fn write(&self, path: &Path, targets: usize) -> Result<()> {
        let published = json!({
            "architectures": ["BertForSequenceClassification"],
            "model_type": "bert",
            "vocab_size": self.vocabulary,
            "type_vocab_size": self.token_types,
            "hidden_size": self.width,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.hidden,
            "hidden_act": published_activation(),
            "layer_norm_eps": self.norm_epsilon,
            "hidden_dropout_prob": self.dropout,
            "attention_probs_dropout_prob": 0.0,
            "alibi_starting_size": 512,
            "max_position_embeddings": 512,
            "num_labels": targets,
            "problem_type": "regression",
        });
        published_config::write(path, &published)
    }

    /// The block that every layer is.
    pub(super) fn block(&self) -> TransformerBlockConfig {
        TransformerBlockConfig {
            attention: SelfAttentionConfig {
                width: self.width,
                heads: self.heads,
                causal: false,
                alibi: true,
            },
            feed_forward: FeedForwardConfig {
                width: self.width,
                hidden: self.hidden,
                activation: Activation::GeGlu,
            },
            norm: NormPlacement::Post,
            norm_epsilon: self.norm_epsilon,
            dropout: self.dropout,
        }
    }

    /// Refuses shapes that no network can have.
    pub(super) fn check(&self) -> chromex_nn::Result<()> {
        for (name, value, most) in [
            ("vocabulary", self.vocabulary, limits::MOST_TABLE_ROWS),
            ("token_types", self.token_types, limits::MOST_TABLE_ROWS),
            ("width", self.width, limits::MOST_CHANNELS),
            ("layers", self.layers, limits::MOST_LAYERS),
            ("heads", self.heads, self.width),
            ("hidden", self.hidden, limits::MOST_CHANNELS),
        ] {
            limits::count(name, value, most)?;
        }
        limits::share("dropout", self.dropout)?;
        limits::parameters(self.parameter_count())
    }
}

fn published_types() -> usize {
    2
}

fn published_activation() -> String {
    "gelu".into()
}

fn published_epsilon() -> f64 {
    1e-12
}

fn published_dropout() -> f64 {
    0.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_shape_has_its_parameter_count() {
        let config = Dnabert2Config::published();
        assert_eq!(config.parameter_count(), 116_477_952);
        let (pooler, output) = (768 * 768 + 768, 768 + 1);
        assert_eq!(config.parameter_count() + pooler + output, 117_069_313);
    }

    #[test]
    fn a_configuration_reads_back_and_one_with_positions_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let config = Dnabert2Config::published();
        config.write(&path, 3).unwrap();
        assert_eq!(Dnabert2Config::read(&path).unwrap(), config);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("alibi_starting_size", "positions")).unwrap();
        let message = Dnabert2Config::read(&path).unwrap_err().to_string();
        assert!(
            message.ends_with("expected a DNABERT-2 configuration"),
            "{message}"
        );
        std::fs::write(&path, text.replace("\"gelu\"", "\"silu\"")).unwrap();
        assert!(Dnabert2Config::read(&path).is_err());
    }
}
