//! Classical learners: the floors that every deep model must beat.

pub(crate) mod cholesky;
mod coordinate_descent;
mod cross_validated;
mod decision_tree;
mod elastic_net;
mod gbdt_boosting;
mod gbdt_model;
pub(crate) mod gram;
mod interior_point;
mod kernel_rows;
mod logistic_model;
mod logistic_regression;
mod narrowed;
mod ordinary_least_squares;
mod radial_model;
mod sequential_minimal_optimization;
mod support_vector_model;
mod support_vectors;
mod tuned;
mod weighted_ridge;

pub use cross_validated::{CrossValidatedElasticNet, FoldOrder};
pub use decision_tree::DecisionTree;
pub use elastic_net::{ElasticNet, TunedElasticNet};
pub use gbdt_boosting::{GbdtBoosting, GbdtLoss};
pub use gbdt_model::GbdtModel;
pub use logistic_model::LogisticModel;
pub use logistic_regression::LogisticRegression;
pub use ordinary_least_squares::OrdinaryLeastSquares;
pub use radial_model::RadialModel;
pub use support_vector_model::SupportVectorModel;
pub use support_vectors::{Gamma, Kernel, SupportVectorClassification, SupportVectorRegression};
pub use tuned::{Chosen, Tuned, ValidationLoss};
