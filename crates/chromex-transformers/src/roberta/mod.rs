//! RoBERTa (Liu et al. 2019, doi:10.48550/arXiv.1907.11692) as CornBERT has it: bidirectional, normalised after each
//! residual, with positions that are learned.

mod config;
mod masked_language;
mod network;
mod regression;
mod weights;

pub use config::{PositionCounting, RobertaConfig};
pub use masked_language::{
    MaskedLanguage, MaskedTokenHead, Masking, Replacement, RobertaMaskedLanguage,
};
pub use network::Roberta;
pub use regression::{RegressionHead, RobertaRegression, RobertaRegressor};
