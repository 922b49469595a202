//! A fitted logistic regression.

use std::path::Path;

use chromex_core::Predict;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::{LinearModel, Result, model_file};

/// Predicts the probability that a target is 1; what
/// [`LogisticRegression`](crate::LogisticRegression) learns.
///
/// It is plain data: [`save`](Self::save) writes it as JSON, and what [`load`](Self::load) reads predicts
/// the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogisticModel {
    log_odds: LinearModel,
}

impl LogisticModel {
    pub(crate) fn new(log_odds: LinearModel) -> Self {
        Self { log_odds }
    }

    /// Views the model of the log odds, whose penalty `alpha` is 1 / `c`.
    pub fn log_odds(&self) -> &LinearModel {
        &self.log_odds
    }

    /// Predicts the probability of 1 for every row.
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
        let log_odds = self.log_odds.weigh(inputs)?;
        Ok(log_odds.mapv(|odds| probability(odds) as f32))
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
        model_file::load(path, "a logistic regression")
    }
}

impl Predict<Array2<f32>> for LogisticModel {
    fn predict(&self, inputs: &Array2<f32>) -> chromex_core::Result<Array2<f32>> {
        Ok(self.predict_table(inputs.view())?)
    }
}

/// The logistic function.
pub(crate) fn probability(log_odds: f64) -> f64 {
    if log_odds < 0.0 {
        let odds = log_odds.exp();
        odds / (1.0 + odds)
    } else {
        1.0 / (1.0 + (-log_odds).exp())
    }
}
