//! Tables, plots and run folders for chromex experiments.

mod error;
pub mod html;
pub mod plots;
pub mod predictions;
mod published;
mod run_folder;
pub mod tables;

pub use error::{Error, Result};
pub use published::PublishedScores;
pub use run_folder::RunFolder;
