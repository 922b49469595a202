//! Gradient boosting with XGBoost's algorithm, and classical floors.
//!
//! Learners of tables of numbers, `Array2<f32>`, as counts of histone marks, embeddings of tokens or
//! k-mer counts give them:
//!
//! - [`GradientBoosting`] grows the trees that XGBoost's `tree_method="exact"` grows, to the bit, or its
//!   histogram method's, and learns [`BoostedTrees`];
//! - [`BoostedTrees::explain`] divides predictions among columns and pairs of columns ([`TreeShap`]);
//!   [importances](BoostedTrees::ranked_columns), [dumps](BoostedTrees::dump) and
//!   [pictures](BoostedTrees::picture) show what a model learned;
//! - [`Ridge`] solves for a [`LinearModel`], the floor of every table; [`Ridge::tuned`] lets validation rows
//!   choose its penalty. [`OrdinaryLeastSquares`] has no penalty, [`ElasticNet`] one that leaves columns out
//!   ([`TunedElasticNet`] chooses it by validation rows, [`CrossValidatedElasticNet`] by training rows);
//! - [`LogisticRegression`] fits probabilities of classes;
//! - [`SupportVectorRegression`] and [`SupportVectorClassification`] are linear in the columns or in the Gaussian
//!   kernel;
//! - [`RandomForest`] averages deep trees on the booster's histograms; [`DecisionTree`] grows one tree to be read; [`GbdtBoosting`] asks the `gbdt` crate for a second opinion;
//! - [`Tuned`] lets validation rows choose among settings of any of them.
//!
//! Trees are stored as XGBoost stores them, so that Python's XGBoost opens what this crate fits, and the other way
//! round: [`BoostedTrees::save`], [`BoostedTrees::load`], and [`XgboostModel`] for XGBoost's linear models, too.
//!
//! All are plain configurations that implement [`chromex_core::Fit`], so they end a pipeline, and have a
//! method that fits bare tables. Draws come from the seed; the number of threads never changes a bit.

mod boosted_linear;
mod boosted_trees;
mod centred;
mod classical;
mod error;
mod explain;
mod forest;
mod gradient_boosting;
mod intercept;
mod limits;
mod linear_model;
mod linfa;
mod link;
mod model_file;
mod objective;
mod random_forest;
mod ridge;
mod sampling;
mod table;
mod training;
mod tree;
mod xgboost;

pub use boosted_linear::BoostedLinear;
pub use boosted_trees::BoostedTrees;
pub use classical::{
    Chosen, CrossValidatedElasticNet, DecisionTree, ElasticNet, FoldOrder, Gamma, GbdtBoosting,
    GbdtLoss, GbdtModel, Kernel, LogisticModel, LogisticRegression, OrdinaryLeastSquares,
    RadialModel, SupportVectorClassification, SupportVectorModel, SupportVectorRegression, Tuned,
    TunedElasticNet, ValidationLoss,
};
pub use error::{Error, Result};
pub use explain::{ColumnImportance, Importance, TreeShap};
pub use gradient_boosting::{GradientBoosting, GrowPolicy, MultiStrategy, TreeMethod};
pub use linear_model::LinearModel;
pub use link::Link;
pub use objective::{Loss, Objective};
pub use random_forest::RandomForest;
pub use ridge::{Ridge, TunedRidge};
pub use table::Table;
pub use tree::{BinnedTable, Node, Tree};
pub use xgboost::{Format, XgboostModel};
