//! A fitted linear model.

use chromex_core::Predict;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::{Result, table};

/// Predicts by a weighted sum of the columns; what [`Ridge`](crate::Ridge) learns.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearModel {
    alpha: f64,
    coefficients: Array2<f64>,
    intercepts: Array1<f64>,
}

impl LinearModel {
    pub(crate) fn new(alpha: f64, coefficients: Array2<f64>, intercepts: Array1<f64>) -> Self {
        Self {
            alpha,
            coefficients,
            intercepts,
        }
    }

    /// Gives the penalty that the model was fitted with: the chosen one, where it was tuned.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Views the weight of each column for each target, in the units of the inputs.
    ///
    /// # Shapes
    ///
    /// `[columns, targets]`
    pub fn coefficients(&self) -> ArrayView2<'_, f64> {
        self.coefficients.view()
    }

    /// Views what is predicted where all columns are 0.
    ///
    /// # Shapes
    ///
    /// `[targets]`
    pub fn intercepts(&self) -> ArrayView1<'_, f64> {
        self.intercepts.view()
    }

    /// Predicts every row.
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
        table::check_columns(inputs, self.coefficients.nrows())?;
        table::check_finite("input", inputs)?;
        let predictions = inputs.mapv(f64::from).dot(&self.coefficients) + &self.intercepts;
        Ok(predictions.mapv(|value| value as f32))
    }
}

impl Predict<Array2<f32>> for LinearModel {
    fn predict(&self, inputs: &Array2<f32>) -> chromex_core::Result<Array2<f32>> {
        Ok(self.predict_table(inputs.view())?)
    }
}
