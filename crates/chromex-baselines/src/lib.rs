//! The published convolutional and recurrent networks of histone marks.
//!
//! Every network is a configuration ([`chromex_nn::Architecture`]) whose defaults are the paper's, and has a recipe that
//! trains it as the paper did. `Trainer::new(config, recipe)` makes it a learner. [`interpretation`] says what a trained
//! network leans on.
//!
//! A network knows its marks by name, and the width of their bins: every row goes through its `read`, which puts marks in another
//! order into the network's and refuses anything else. [`save_network`] writes the names beside the weights.

mod attentive_chrome;
mod deep_chrome;
mod deep_diff;
mod error;
mod fcn;
mod initial;
pub mod interpretation;
mod linear_network;
mod logistic;
mod saved;
mod signal;
mod waka_waka;

pub use attentive_chrome::{Attention, AttentiveChrome, AttentiveChromeConfig};
pub use chromex_nn::Objective;
pub use deep_chrome::{DeepChrome, DeepChromeConfig};
pub use deep_diff::{DeepDiff, DeepDiffConfig, RawInputs};
pub use error::{Error, Result};
pub use fcn::{Fcn, FcnConfig, FcnOutput};
pub use linear_network::{LinearNetwork, LinearNetworkConfig};
pub use logistic::{LogisticModel, LogisticRegression};
pub use saved::{KnowsMarks, load_network, save_network, saved_marks};
pub use signal::SignalNetwork;
pub use waka_waka::{Modalities, StagedWakaWaka, WakaWaka, WakaWakaConfig, WakaWakaStage};
