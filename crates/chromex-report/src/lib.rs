//! Tables, plots and run folders for chromex experiments.

mod error;
mod folder_lock;
mod former_run;
pub mod html;
pub mod markdown;
mod note;
pub mod plots;
pub mod predictions;
mod published;
mod run_folder;
pub mod tables;

pub use error::{Error, Result};
pub use note::Note;
pub use published::PublishedScores;
pub use run_folder::{Place, RunFolder};
