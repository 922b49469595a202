//! Fitted support vectors.

use std::path::Path;

use chromex_core::Predict;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::radial_model::RadialModel;
use crate::{LinearModel, Result, model_file};

/// Predicts by a weighted sum of the columns, or of kernels with support vectors; what
/// [`SupportVectorRegression`](crate::SupportVectorRegression) and
/// [`SupportVectorClassification`](crate::SupportVectorClassification) learn.
///
/// It is plain data: [`save`](Self::save) writes it as JSON, and what [`load`](Self::load) reads predicts
/// the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SupportVectorModel {
    /// Linear in the columns; its penalty `alpha` is 1 / `c`.
    Linear(LinearModel),
    /// Linear in the Gaussian kernel with the support vectors.
    Radial(RadialModel),
}

impl SupportVectorModel {
    /// Predicts every row: the target, or the value whose sign is the class.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`; returns `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`](crate::Error::Columns) when the columns are not those of the fit;
    /// [`Error::Value`](crate::Error::Value) when an input is not finite.
    pub fn predict_table(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        match self {
            Self::Linear(model) => model.predict_table(inputs),
            Self::Radial(model) => model.predict_table(inputs),
        }
    }

    /// Writes the model as JSON.
    ///
    /// # Errors
    ///
    /// [`chromex_core::Error::Io`] when the file cannot be written; what stood there before still stands
    /// then.
    pub fn save(&self, path: &Path) -> chromex_core::Result<()> {
        model_file::save(path, self)
    }

    /// Reads a model that [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// [`chromex_core::Error::Io`] when the file cannot be read; [`chromex_core::Error::Malformed`] when it
    /// holds no model, or one whose parts do not fit together.
    pub fn load(path: &Path) -> chromex_core::Result<Self> {
        model_file::load(path, "support vectors")
    }
}

impl Predict<Array2<f32>> for SupportVectorModel {
    fn predict(&self, inputs: &Array2<f32>) -> chromex_core::Result<Array2<f32>> {
        Ok(self.predict_table(inputs.view())?)
    }
}
