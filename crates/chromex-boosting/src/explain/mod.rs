//! What a model learned: importances, contributions, dumps and pictures.

mod kernel;
mod pairs;
mod quadrature;
mod tree_shap;
mod walk;

pub use tree_shap::TreeShap;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod shapley;
