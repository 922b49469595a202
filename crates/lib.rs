//! Predict gene expression from chromatin: histone-mark counts and promoter DNA.
//!
//! chromex is a set of libraries that meet in five traits. This crate re-exports them under short names and
//! chooses what networks run on: the features `cpu` (default), `cuda` and `wgpu`.
//!
//! # A tour
//!
//! Draw two cells, turn their marks into words and tokens, boost trees on the tokens, and compare with what a
//! constant and a ridge on ten numbers make of the same rows:
//!
//! ```
//! use chromex::boosting::{GradientBoosting, Ridge};
//! use chromex::core::{Experiment, GivenSplit, LogMeans, Then};
//! use chromex::io::simulate::SimulatedPair;
//! use chromex::metrics::{Bootstrap, Pearson};
//! use chromex::tokens::{Bpe, MarkWords, TokenColumns};
//!
//! let cells = SimulatedPair { genes: 90, ..SimulatedPair::default() }.draw(7)?;
//! let boosting = GradientBoosting { rounds: 10, ..GradientBoosting::default() };
//! let tokens = MarkWords::default().then(Bpe::new(400)).then(TokenColumns::raw_d());
//! let report = Experiment::new(cells.dataset, GivenSplit::default())
//!     .metric(Pearson)
//!     .bootstrap(Bootstrap { resamples: 200, ..Bootstrap::default() })
//!     .floor("ridge", LogMeans::transcription_start().then(Ridge::default()))
//!     .fixed_model("tokens, boosted", tokens.then(boosting))
//!     .run()?;
//! let ridge = report.summary("ridge", "pearson").expect("the ridge was fitted");
//! assert!(ridge.low < ridge.mean && ridge.mean < ridge.high && ridge.n == 30);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[doc(inline)]
pub use chromex_baselines as baselines;
#[doc(inline)]
pub use chromex_boosting as boosting;
#[doc(inline)]
pub use chromex_core as core;
#[doc(inline)]
pub use chromex_io as io;
#[doc(inline)]
pub use chromex_metrics as metrics;
#[doc(inline)]
pub use chromex_nn as nn;
#[doc(inline)]
pub use chromex_report as report;
#[doc(inline)]
pub use chromex_tokens as tokens;
#[doc(inline)]
pub use chromex_transformers as transformers;
