//! What every example shares: its flags, its output folder and its progress.

#![allow(dead_code, unused_imports, reason = "each example uses a part")]

mod comma_text;
mod errors;
mod named;
mod options;
mod output;
mod progress;
mod run;
mod versions;

/// A training step allocates and frees a few hundred megabytes. The allocator of glibc hands them back to the kernel after
/// each step and takes them anew, which costs a fifth of a narrow network's step; this one keeps them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub(crate) use comma_text::comma_text;
pub(crate) use errors::{Anything, report_errors};
pub(crate) use named::of;
pub(crate) use options::{Options, not_negative};
pub(crate) use output::say;
pub(crate) use progress::Progress;
pub(crate) use run::{Run, save_model};
