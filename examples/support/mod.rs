//! What every example shares: its flags, its output folder and its progress.

mod options;
mod progress;
mod run;

pub use options::Options;
pub use progress::Progress;
pub use run::{Run, report_errors};
