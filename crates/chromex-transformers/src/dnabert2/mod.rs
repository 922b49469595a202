//! DNABERT-2 (Zhou et al. 2024, doi:10.48550/arXiv.2306.15006): bidirectional, gated, without a table of positions;
//! attention loses with distance instead.

mod config;
mod features;
mod network;
mod regression;
mod weights;

pub use config::Dnabert2Config;
pub use features::{Dnabert2Features, FittedDnabert2Features};
pub use network::Dnabert2;
pub use regression::{Dnabert2Regression, Dnabert2Regressor, PooledHead, Pooling};
