//! What every example shares: its flags, its output folder and its progress.

mod options;
mod progress;
mod run;

pub(crate) use options::Options;
pub(crate) use progress::Progress;
pub(crate) use run::{Anything, Run, report_errors, save_model};
