//! GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners").

mod config;
mod network;
mod weights;

pub use config::Gpt2Config;
pub use network::Gpt2;
pub(crate) use network::ids;
