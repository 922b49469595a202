use burn::Tensor;
use burn::module::Module;
use chromex_core::{Dataset, Rows};

use crate::{Device, Result};

/// A network that reads rows of `X`.
pub trait Network<X>: Module + Sync + 'static {
    /// Predicts from rows.
    ///
    /// # Shapes
    ///
    /// Returns `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// When the rows do not have the shape that the network reads.
    fn forward(&self, inputs: &X, device: &Device) -> Result<Tensor<2>>;

    /// Measures what training lowers: the mean over the rows of the batch.
    ///
    /// # Shapes
    ///
    /// Returns one number.
    ///
    /// # Errors
    ///
    /// When the rows do not have the shape that the network reads.
    fn loss(&self, batch: &Dataset<X>, device: &Device) -> Result<Tensor<1>>;
}

/// A configuration that builds a network.
pub trait Architecture<X: Rows>: Clone + Send + Sync + serde::Serialize {
    /// What it builds.
    type Network: Network<X>;

    /// Checks the configuration against the rows and builds the network with its initial weights, all
    /// drawn from `seed`.
    ///
    /// # Errors
    ///
    /// When a setting is out of range or does not fit the rows.
    fn build(&self, train: &Dataset<X>, seed: u64, device: &Device) -> Result<Self::Network>;
}
