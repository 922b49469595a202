//! Transformers for chromatin: published networks as a configuration, a mapping onto the shared block of
//! `chromex-nn`, and a list of names under which their weights are published.
//!
//! [`LanguageModel`] trains a GPT-2 on token streams; [`TokenEmbedding`] encodes tokens by what it learned.
//! [`MaskedLanguage`] trains a RoBERTa by hiding tokens, [`MaskedEmbedding`] encodes sentences by what it learned; [`RobertaRegression`] predicts numbers with it, and
//! [`Dnabert2Regression`] with a DNABERT-2.

mod dnabert2;
mod error;
mod gpt2;
mod language_model;
mod masked_embedding;
mod padded_tokens;
mod published_config;
mod roberta;
mod token_embedding;
mod token_regression;
mod token_windows;

pub use dnabert2::{
    Dnabert2, Dnabert2Config, Dnabert2Features, Dnabert2Regression, Dnabert2Regressor,
    FittedDnabert2Features, PooledHead, Pooling,
};
pub use error::{Error, Result};
pub use gpt2::{Gpt2, Gpt2Config};
pub use language_model::{LanguageModel, TrainedLanguageModel};
pub use masked_embedding::{
    FittedMaskedEmbedding, MaskedEmbedding, MaskedFeature, MaskedFeatures, MaskedLanguageModel,
};
pub use padded_tokens::{PaddingSide, SpecialTokens, TokenLayout};
pub use roberta::{
    MaskedLanguage, MaskedTokenHead, Masking, PositionCounting, RegressionHead, Replacement,
    Roberta, RobertaConfig, RobertaMaskedLanguage, RobertaRegression, RobertaRegressor,
};
pub use token_embedding::{EmbeddingKind, FittedTokenEmbedding, TokenEmbedding, TokenFeatures};
pub use token_windows::TokenWindows;
