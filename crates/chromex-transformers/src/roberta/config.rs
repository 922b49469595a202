use std::num::Saturating;
use std::path::Path;

use chromex_nn::blocks::{
    Activation, FeedForwardConfig, NormPlacement, SelfAttentionConfig, TransformerBlockConfig,
};
use chromex_nn::limits;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Error, Result, published_config};

/// The shape of a RoBERTa, or of a BERT, which differs in how positions are counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RobertaConfig {
    /// Rows of the token table; ids of a tokenizer must lie below.
    pub vocabulary: usize,
    /// Rows of the position table. Those up to the padding id are never used: the longest sequence has
    /// `positions - padding_id - 1` tokens.
    pub positions: usize,
    /// Rows of the table of token types; the first is added to every token.
    pub token_types: usize,
    /// Channels of a token.
    pub width: usize,
    /// Transformer blocks.
    pub layers: usize,
    /// Attention heads of a block.
    pub heads: usize,
    /// Channels between the two layers of a feed-forward.
    pub hidden: usize,
    /// Added to the variance of a normalisation before its root.
    pub norm_epsilon: f64,
    /// The token that takes no position. Published CornBERT and FloraBERT checkpoints have 1 here though their tokenizers
    /// pad with 2, so that padding counts as positions.
    pub padding_id: u32,
    /// Part of the embeddings, and of what each block adds, that is dropped in training.
    pub dropout: f64,
    /// How positions are counted.
    #[serde(default)]
    pub counting: PositionCounting,
}

/// How positions are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionCounting {
    /// Past the padding id, over what is not padding: RoBERTa's.
    #[default]
    PastPadding,
    /// From 0 at the first place, whatever stands there: BERT's, and the first DNABERT's.
    Places,
}

/// The part of a published `config.json` that decides what is computed.
#[derive(Deserialize)]
struct Published {
    #[serde(default = "published_model")]
    model_type: String,
    vocab_size: usize,
    max_position_embeddings: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    #[serde(default = "one")]
    type_vocab_size: usize,
    #[serde(default = "published_activation")]
    hidden_act: String,
    #[serde(default = "published_epsilon")]
    layer_norm_eps: f64,
    pad_token_id: Option<u32>,
    #[serde(default = "published_dropout")]
    hidden_dropout_prob: f64,
    #[serde(default = "published_positions")]
    position_embedding_type: String,
}

impl Default for RobertaConfig {
    /// [`RobertaConfig::cornbert`].
    fn default() -> Self {
        Self::cornbert()
    }
}

impl RobertaConfig {
    /// CornBERT: 6 layers of 6 heads, width 768, 5,005 tokens, sequences of 256.
    ///
    /// Padding is the tokenizer's, 2, and takes no position, so that the table of positions has one row more than the published
    /// checkpoint's: 46,572,288 parameters, where [`RobertaConfig::florabert`] has 46,571,520.
    pub fn cornbert() -> Self {
        Self {
            vocabulary: 5005,
            // The two first rows are those of ids below padding; one more lets 256 tokens fit past row 2.
            positions: 259,
            padding_id: 2,
            ..Self::florabert()
        }
    }

    /// The published checkpoints of CornBERT and FloraBERT, whose configuration calls `</s>` the padding; 46,571,520 parameters.
    pub fn florabert() -> Self {
        Self {
            vocabulary: 5005,
            positions: 258,
            token_types: 1,
            width: 768,
            layers: 6,
            heads: 6,
            hidden: 3072,
            norm_epsilon: 1e-12,
            padding_id: 1,
            dropout: 0.1,
            counting: PositionCounting::PastPadding,
        }
    }

    /// GeneBERT's saved configuration: 12 heads, 1,500 rows of tokens, 514 positions.
    pub fn genebert() -> Self {
        Self {
            vocabulary: 1500,
            positions: 514,
            heads: 12,
            ..Self::florabert()
        }
    }

    /// Counts the parameters of the base, without any head.
    pub fn parameter_count(&self) -> usize {
        let [d, h, layers] = [self.width, self.hidden, self.layers].map(Saturating);
        let rows = [self.vocabulary, self.positions, self.token_types].map(Saturating);
        let [two, four] = [2, 4].map(Saturating);
        let attention = four * (d * d + d);
        let feed_forward = two * d * h + h + d;
        let tables = (rows[0] + rows[1] + rows[2]) * d;
        (tables + two * d + layers * (attention + feed_forward + four * d)).0
    }

    /// Counts the tokens of the longest sequence.
    pub fn longest(&self) -> usize {
        match self.counting {
            PositionCounting::PastPadding => {
                self.positions.saturating_sub(self.padding_id as usize + 1)
            }
            PositionCounting::Places => self.positions,
        }
    }

    /// Reads a published `config.json` of a RoBERTa or a BERT.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no such configuration, or asks for another activation or other positions than
    /// RoBERTa's.
    pub fn read(path: &Path) -> Result<Self> {
        let published: Published = published_config::read(path, "a RoBERTa configuration")?;
        let counting = match published.model_type.as_str() {
            "bert" => PositionCounting::Places,
            other => {
                let expected = "roberta or bert";
                let known = if other == "roberta" { expected } else { other };
                published_config::require(path, "model_type", expected, known)?;
                PositionCounting::PastPadding
            }
        };
        for (field, expected, found) in [
            ("hidden_act", "gelu", &published.hidden_act),
            (
                "position_embedding_type",
                "absolute",
                &published.position_embedding_type,
            ),
        ] {
            published_config::require(path, field, expected, found)?;
        }
        let config = Self {
            vocabulary: published.vocab_size,
            positions: published.max_position_embeddings,
            token_types: published.type_vocab_size,
            width: published.hidden_size,
            layers: published.num_hidden_layers,
            heads: published.num_attention_heads,
            hidden: published.intermediate_size,
            norm_epsilon: published.layer_norm_eps,
            padding_id: published.pad_token_id.unwrap_or(match counting {
                PositionCounting::PastPadding => 1,
                PositionCounting::Places => 0,
            }),
            dropout: published.hidden_dropout_prob,
            counting,
        };
        let check = config.check();
        published_config::checked(path, config, check)
    }

    /// Refuses, for the head of masked tokens, a published `config.json` that asks for an output table of its own: the head
    /// here scores with the table of tokens.
    pub(super) fn require_tied(path: &Path) -> Result<()> {
        #[derive(Deserialize)]
        struct Tied {
            tie_word_embeddings: Option<bool>,
        }
        let published: Tied = published_config::read(path, "a RoBERTa configuration")?;
        let tied = published.tie_word_embeddings.unwrap_or(true).to_string();
        published_config::require(path, "tie_word_embeddings", "true", &tied)
    }

    /// Writes a `config.json` that the Python libraries read, for the network that they call `architecture`.
    ///
    /// # Errors
    ///
    /// When positions are counted as BERT's are, whose names files written here do not have, or the file cannot be written.
    pub(super) fn write(&self, path: &Path, architecture: &str) -> Result<()> {
        if self.counting != PositionCounting::PastPadding {
            return Err(Error::Setting {
                name: "counting",
                expected: "past_padding: only RoBERTa's names are written".into(),
                found: "places, BERT's".into(),
            });
        }
        let published = json!({
            "architectures": [architecture],
            "model_type": published_model(),
            "vocab_size": self.vocabulary,
            "max_position_embeddings": self.positions,
            "type_vocab_size": self.token_types,
            "hidden_size": self.width,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.hidden,
            "hidden_act": published_activation(),
            "layer_norm_eps": self.norm_epsilon,
            "position_embedding_type": published_positions(),
            "pad_token_id": self.padding_id,
            "hidden_dropout_prob": self.dropout,
            "attention_probs_dropout_prob": 0.0,
            "tie_word_embeddings": true,
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
                alibi: false,
            },
            feed_forward: FeedForwardConfig {
                width: self.width,
                hidden: self.hidden,
                activation: Activation::Gelu,
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
            ("positions", self.positions, limits::MOST_TABLE_ROWS),
            ("token_types", self.token_types, limits::MOST_TABLE_ROWS),
            ("width", self.width, limits::MOST_CHANNELS),
            ("layers", self.layers, limits::MOST_LAYERS),
            ("heads", self.heads, self.width),
            ("hidden", self.hidden, limits::MOST_CHANNELS),
        ] {
            limits::count(name, value, most)?;
        }
        if self.longest() == 0 {
            return Err(chromex_nn::Error::Setting {
                name: "positions",
                expected: format!("more than the padding id {} and 1", self.padding_id),
                found: self.positions.to_string(),
            });
        }
        limits::share("dropout", self.dropout)?;
        limits::parameters(self.parameter_count())
    }
}

fn one() -> usize {
    1
}

fn published_model() -> String {
    "roberta".into()
}

fn published_activation() -> String {
    "gelu".into()
}

fn published_positions() -> String {
    "absolute".into()
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
    fn published_shapes_have_their_parameter_counts() {
        let published = RobertaConfig::florabert();
        assert_eq!(published.parameter_count(), 46_571_520);
        assert_eq!(published.longest(), 256);
        // One row of positions more, so that 256 tokens fit past the tokenizer's padding.
        let own = RobertaConfig::cornbert();
        assert_eq!(own.parameter_count(), 46_571_520 + 768);
        assert_eq!(own.longest(), 256);
    }

    #[test]
    fn a_configuration_reads_back_and_another_activation_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let config = RobertaConfig::genebert();
        config.write(&path, "RobertaForMaskedLM").unwrap();
        assert_eq!(RobertaConfig::read(&path).unwrap(), config);
        let other = std::fs::read_to_string(&path).unwrap();
        let other = other.replace("\"gelu\"", "\"relu\"");
        std::fs::write(&path, other).unwrap();
        let message = RobertaConfig::read(&path).unwrap_err().to_string();
        assert!(message.ends_with("`hidden_act`: expected gelu, found relu"));
    }
}
