//! Gradient boosting with XGBoost's algorithm, and linear floors.
//!
//! Two learners of tables of numbers, `Array2<f32>`, as counts of histone marks, embeddings of tokens or
//! k-mer counts give them:
//!
//! - [`GradientBoosting`] grows the trees that XGBoost's `tree_method="exact"` grows, to the bit, or its
//!   histogram method's, and learns [`BoostedTrees`];
//! - [`Ridge`] solves for a [`LinearModel`], the floor of every table; [`Ridge::tuned`] lets validation rows
//!   choose its penalty.
//!
//! Both are plain configurations that implement [`chromex_core::Fit`], so they end a pipeline, and have a
//! method that fits bare tables. They are deterministic: no seed and no number of threads changes a bit.

mod boosted_trees;
mod error;
mod forest;
mod gradient_boosting;
mod intercept;
mod linear_model;
mod link;
mod objective;
mod ridge;
mod sampling;
mod table;
mod training;
mod tree;

pub use boosted_trees::BoostedTrees;
pub use error::{Error, Result};
pub use gradient_boosting::{GradientBoosting, GrowPolicy, MultiStrategy, TreeMethod};
pub use linear_model::LinearModel;
pub use link::Link;
pub use objective::{Loss, Objective};
pub use ridge::{Ridge, TunedRidge};
pub use table::Table;
pub use tree::{BinnedTable, Node, Tree};
