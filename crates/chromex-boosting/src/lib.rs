//! Gradient boosting with XGBoost's algorithm, and classical floors.
//!
//! Learners of tables of numbers, `Array2<f32>`, as counts of histone marks, embeddings of tokens or
//! k-mer counts give them:
//!
//! - [`GradientBoosting`] grows the trees that XGBoost's `tree_method="exact"` grows, to the bit, or its
//!   histogram method's, and learns [`BoostedTrees`];
//! - [`Ridge`] solves for a [`LinearModel`], the floor of every table; [`Ridge::tuned`] lets validation rows
//!   choose its penalty. [`OrdinaryLeastSquares`] has no penalty, [`ElasticNet`] one that leaves columns out
//!   ([`TunedElasticNet`] chooses it);
//! - [`LogisticRegression`] fits probabilities of classes;
//! - [`SupportVectorRegression`] and [`SupportVectorClassification`] are linear in the columns or in the Gaussian
//!   kernel;
//! - [`DecisionTree`] grows one tree to be read; [`GbdtBoosting`] asks the `gbdt` crate for a second opinion;
//! - [`Tuned`] lets validation rows choose among settings of any of them.
//!
//! All are plain configurations that implement [`chromex_core::Fit`], so they end a pipeline, and have a
//! method that fits bare tables. They are deterministic: no seed and no number of threads changes a bit.

mod boosted_trees;
mod centred;
mod classical;
mod error;
mod gradient_boosting;
mod linear_model;
mod linfa;
mod model_file;
mod ridge;
mod table;
mod tree;

pub use boosted_trees::BoostedTrees;
pub use classical::{
    Chosen, DecisionTree, ElasticNet, Gamma, GbdtBoosting, GbdtLoss, GbdtModel, Kernel,
    LogisticModel, LogisticRegression, OrdinaryLeastSquares, RadialModel,
    SupportVectorClassification, SupportVectorModel, SupportVectorRegression, Tuned,
    TunedElasticNet, ValidationLoss,
};
pub use error::{Error, Result};
pub use gradient_boosting::{GradientBoosting, TreeMethod};
pub use linear_model::LinearModel;
pub use ridge::{Ridge, TunedRidge};
pub use tree::{Node, Tree};
