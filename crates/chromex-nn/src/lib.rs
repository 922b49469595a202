//! One trainer for every network of chromex, and the blocks that networks share.
//!
//! An [`Architecture`] is a configuration that builds a [`Network`]; a [`Trainer`] makes any architecture a
//! learner ([`chromex_core::Fit`]) by a [`Recipe`]: optimiser, schedule, clipping, parameter groups, how long
//! and what to keep. Every random draw comes from the seed of the fit, and training that was killed at any
//! moment goes on to the same bits ([`Checkpoints`]).
//!
//! Networks run on a burn [`Device`]; this crate enables no backend of its own.

mod adaptation;
mod adaptive_moments;
pub mod attribution;
pub mod blocks;
mod checkpoint;
mod clip;
mod error;
pub mod fused;
pub mod limits;
mod log_file;
mod mean;
mod network;
mod objective;
mod observers;
mod optimizer;
mod precision;
mod recipe;
mod schedule;
pub mod tensor_file;
mod trained;
mod trainer;
pub mod weights;

pub use adaptation::{Adaptation, LowRank};
pub use burn::tensor::Device;
pub use checkpoint::Checkpoints;
pub use error::{Error, Result};
pub use log_file::SetAside;
pub use mean::mean;
pub use network::{Architecture, Network};
pub use objective::Objective;
pub use observers::{CsvLog, JsonLinesLog, Perplexity};
pub use precision::Precision;
pub use recipe::{Clip, Decay, Group, Keep, Length, Optimizer, Recipe, Selection};
pub use schedule::Schedule;
pub use trained::Trained;
pub use trainer::Trainer;
