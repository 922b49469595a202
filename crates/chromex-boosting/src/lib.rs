//! Gradient boosting with XGBoost's algorithm, and linear floors.

mod boosted_trees;
mod error;
mod gradient_boosting;
mod table;
mod tree;

pub use boosted_trees::BoostedTrees;
pub use error::{Error, Result};
pub use gradient_boosting::{GradientBoosting, TreeMethod};
pub use tree::{Node, Tree};
