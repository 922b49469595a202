//! The booster as an algorithm of linfa.
//!
//! `linfa::traits::Fit` and `Predict` take `linfa::Dataset`s of `f32` or `f64`, so that the booster stands wherever
//! linfa's own algorithms do: in its metrics, its cross-validation, its composed models.

use ::linfa::dataset::{AsTargets, DatasetBase};
use ::linfa::traits::{Fit, PredictInplace};
use ndarray::{Array2, ArrayBase, ArrayView2, Data, Ix2};

use crate::{BoostedTrees, Error, GradientBoosting, Result};

/// Fits trees to a dataset of one target or of several. Numbers of 64 bits are rounded to 32.
///
/// # Errors
///
/// As [`GradientBoosting::fit_table`]; further [`Error::Linfa`] when the dataset has other numbers of inputs and
/// targets, or weights, which these traits do not hand on.
impl<F, D, T> Fit<ArrayBase<D, Ix2>, T, Error> for GradientBoosting
where
    F: ::linfa::Float,
    D: Data<Elem = F>,
    T: AsTargets<Elem = F>,
{
    type Object = BoostedTrees;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<BoostedTrees> {
        let inputs = narrow(dataset.records().view());
        let targets = dataset.targets().as_targets().into_dyn();
        if targets.shape()[0] != inputs.nrows() {
            return Err(
                ::linfa::Error::MismatchedShapes(inputs.nrows(), targets.shape()[0]).into(),
            );
        }
        if dataset.weights().is_some() {
            return Err(::linfa::Error::Parameters("weights: expected none".into()).into());
        }
        // linfa's targets are an array of rows, or of rows and targets.
        let columns = targets.shape().get(1).copied().unwrap_or(1);
        let targets = targets
            .to_shape((inputs.nrows(), columns))
            .map_err(::linfa::Error::NdShape)?;
        let targets = narrow(targets.view());
        self.fit_table(inputs.view(), targets.view())
    }
}

/// Predicts `[rows, targets]`.
///
/// # Panics
///
/// When the columns are not those of the fit, an input is infinite, or the array to fill has another shape:
/// linfa's trait has no errors. [`BoostedTrees::predict_table`] has.
impl<F, D> PredictInplace<ArrayBase<D, Ix2>, Array2<F>> for BoostedTrees
where
    F: ::linfa::Float,
    D: Data<Elem = F>,
{
    fn predict_inplace<'a>(&'a self, inputs: &'a ArrayBase<D, Ix2>, predictions: &mut Array2<F>) {
        let found = self
            .predict_table(narrow(inputs.view()).view())
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            predictions.dim(),
            found.dim(),
            "rows and targets to predict"
        );
        predictions.zip_mut_with(&found, |out, value| *out = F::cast(*value));
    }

    fn default_target(&self, inputs: &ArrayBase<D, Ix2>) -> Array2<F> {
        Array2::zeros((inputs.nrows(), self.link().columns(self.outputs())))
    }
}

impl From<::linfa::Error> for Error {
    fn from(error: ::linfa::Error) -> Self {
        Self::Linfa {
            reason: error.to_string(),
        }
    }
}

fn narrow<F: ::linfa::Float>(table: ArrayView2<'_, F>) -> Array2<f32> {
    // What is beyond 32 bits becomes infinite, which a fit refuses by row and column.
    table.mapv(|value| value.to_f32().unwrap_or(f32::NAN))
}
