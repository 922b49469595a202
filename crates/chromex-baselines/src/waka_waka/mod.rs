//! WakaWaka's network of marks and DNA.

mod config;
mod network;
mod staged;

pub use config::WakaWakaConfig;
pub use network::{Modalities, WakaWaka};
pub use staged::{StagedWakaWaka, WakaWakaStage};
