use std::sync::Arc;

use ndarray::Array2;

use crate::{Dataset, Pipeline, Result, Rows};

/// Turns rows into other rows; learns nothing.
pub trait Encode<X> {
    /// What the rows become.
    type Output: Rows;

    /// Encodes every row.
    ///
    /// # Errors
    ///
    /// When a row has a value or a shape that the encoder cannot take.
    fn encode(&self, inputs: &X) -> Result<Self::Output>;
}

/// Predicts a number per row and target.
pub trait Predict<X> {
    /// Predicts every row.
    ///
    /// # Shapes
    ///
    /// Returns `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// When the rows do not have the shape that the model was fitted on.
    fn predict(&self, inputs: &X) -> Result<Array2<f32>>;
}

/// Learns from rows. What is fitted implements [`Encode`] or [`Predict`].
///
/// An encoder that learns nothing becomes a learner through [`fit_by_copy!`](crate::fit_by_copy), so that
/// fixed and learned steps chain alike.
pub trait Fit<X> {
    /// What has learned.
    type Fitted;

    /// Learns from `train`; `valid` may choose among settings or epochs, never more. Every random draw
    /// comes from `seed`.
    ///
    /// # Errors
    ///
    /// When a setting is out of range or the rows cannot be learned from.
    fn fit(&self, train: &Dataset<X>, valid: &Dataset<X>, seed: u64) -> Result<Self::Fitted>;
}

/// Makes an encoder that learns nothing a learner as well: its fit is a copy of itself.
///
/// A blanket implementation would say this once for all, but it would forbid [`Fit`] for every generic
/// learner, since a crate downstream might make that an encoder too.
///
/// # Examples
///
/// ```
/// # use chromex_core::{Encode, Result};
/// # use ndarray::Array2;
/// #[derive(Clone)]
/// struct Doubled;
///
/// impl Encode<Array2<f32>> for Doubled {
///     type Output = Array2<f32>;
///     fn encode(&self, inputs: &Array2<f32>) -> Result<Array2<f32>> {
///         Ok(inputs * 2.0)
///     }
/// }
/// chromex_core::fit_by_copy!(Doubled: Array2<f32>);
/// ```
#[macro_export]
macro_rules! fit_by_copy {
    ($encoder:ty: $($inputs:ty),+) => {$(
        impl $crate::Fit<$inputs> for $encoder {
            type Fitted = $encoder;

            fn fit(
                &self,
                _train: &$crate::Dataset<$inputs>,
                _valid: &$crate::Dataset<$inputs>,
                _seed: u64,
            ) -> $crate::Result<$encoder> {
                Ok(self.clone())
            }
        }
    )+};
}

/// Chains a step with the next one.
///
/// This is a trait of its own, not a method of [`Fit`], because a step that learns from several batch
/// types (mark words of one cell or of two) would leave the batch type of `then` undetermined.
pub trait Then: Sized {
    /// Makes a learner that fits this step, encodes with it, and fits `next` on what comes out.
    fn then<L>(self, next: L) -> Pipeline<Self, L> {
        Pipeline::new(self, next)
    }
}

impl<T> Then for T {}

impl<X, E: Encode<X>> Encode<X> for Arc<E> {
    type Output = E::Output;

    fn encode(&self, inputs: &X) -> Result<Self::Output> {
        E::encode(self, inputs)
    }
}

impl<X, P: Predict<X>> Predict<X> for Arc<P> {
    fn predict(&self, inputs: &X) -> Result<Array2<f32>> {
        P::predict(self, inputs)
    }
}
