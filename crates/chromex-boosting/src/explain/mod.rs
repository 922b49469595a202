//! What a model learned: importances, contributions, dumps and pictures.

mod background;
mod dump;
mod importance;
mod kernel;
mod layout;
mod pairs;
mod picture;
mod quadrature;
mod tree_shap;
mod walk;

pub use importance::{ColumnImportance, Importance};
pub use tree_shap::TreeShap;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod shapley;
