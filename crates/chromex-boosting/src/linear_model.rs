//! A fitted linear model.

use std::path::Path;

use chromex_core::Predict;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::centred::{Centred, centre};
use crate::{Error, Result, model_file, table};

/// Predicts by a weighted sum of the columns; what [`OrdinaryLeastSquares`](crate::OrdinaryLeastSquares),
/// [`Ridge`](crate::Ridge), [`ElasticNet`](crate::ElasticNet) and support vectors without a kernel learn.
///
/// It is plain data: [`save`](Self::save) writes it as JSON, and what [`load`](Self::load) reads predicts
/// the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct LinearModel {
    alpha: f64,
    coefficients: Array2<f64>,
    intercepts: Array1<f64>,
}

/// A model as a file holds it, before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    alpha: f64,
    columns: usize,
    /// The weights of each target.
    coefficients: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
}

impl From<LinearModel> for Stored {
    fn from(model: LinearModel) -> Self {
        Self {
            alpha: model.alpha,
            columns: model.coefficients.nrows(),
            coefficients: model
                .coefficients
                .columns()
                .into_iter()
                .map(|weights| weights.to_vec())
                .collect(),
            intercepts: model.intercepts.to_vec(),
        }
    }
}

impl TryFrom<Stored> for LinearModel {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let malformed = |what, expected: usize, found: usize| Error::MalformedModel {
            what,
            expected: expected.to_string(),
            found: found.to_string(),
        };
        let targets = stored.intercepts.len();
        if targets == 0 {
            return Err(Error::MalformedModel {
                what: "targets",
                expected: "at least 1".into(),
                found: "none".into(),
            });
        }
        if stored.coefficients.len() != targets {
            return Err(malformed("targets", targets, stored.coefficients.len()));
        }
        for weights in &stored.coefficients {
            if weights.len() != stored.columns {
                return Err(malformed("coefficients", stored.columns, weights.len()));
            }
        }
        Ok(Self {
            alpha: stored.alpha,
            coefficients: Array2::from_shape_fn((stored.columns, targets), |(column, target)| {
                stored.coefficients[target][column]
            }),
            intercepts: stored.intercepts.into(),
        })
    }
}

impl LinearModel {
    /// Makes a model of weights of centred and scaled columns, target by target, in the columns' own units.
    pub(crate) fn from_centred(
        alpha: f64,
        inputs: &Centred,
        weights: Array2<f64>,
        centre_predictions: &Array1<f64>,
    ) -> Self {
        let coefficients = weights / inputs.scales.view().insert_axis(Axis(1));
        let intercepts = centre_predictions - &inputs.means.dot(&coefficients);
        Self {
            alpha,
            coefficients,
            intercepts,
        }
    }

    /// Gives the penalty that the model was fitted with: the chosen one, where it was tuned; 0 where there
    /// is none.
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
    /// [`Error::Columns`] when the columns are not those of the fit; [`Error::Value`] when an input is not
    /// finite.
    pub fn predict_table(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        Ok(self.weigh(inputs)?.mapv(|value| value as f32))
    }

    /// Says how much of the targets each column explains: by how much R² falls when its weight is set to 0 and all
    /// else stays as it is.
    ///
    /// R² is the explained part of the sum of squares around the mean of these rows. A column that works against
    /// another can have a value below 0; where a target has no spread, all are 0.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `targets` `[rows, targets]`; returns `[columns, targets]`.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] or [`Error::Targets`] when these are not those of the fit; [`Error::Value`] when an input is
    /// not finite.
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub fn importances(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
    ) -> Result<Array2<f64>> {
        assert_eq!(
            inputs.nrows(),
            targets.nrows(),
            "rows of inputs and targets"
        );
        let (columns, outputs) = self.coefficients.dim();
        if targets.ncols() != outputs {
            return Err(Error::Targets {
                expected: outputs,
                found: targets.ncols(),
            });
        }
        let residuals = targets.mapv(f64::from) - self.weigh(inputs)?;
        let (around_means, _) = centre(targets);
        let spreads = (&around_means * &around_means).sum_axis(Axis(0));
        let inputs = inputs.mapv(f64::from);
        // Without w x the residual e is e + w x, and its square grows by 2 w (e x) + w² x².
        let products = inputs.t().dot(&residuals);
        let squares = (&inputs * &inputs).sum_axis(Axis(0));
        Ok(Array2::from_shape_fn(
            (columns, outputs),
            |(column, target)| {
                let (weight, spread) = (self.coefficients[[column, target]], spreads[target]);
                let growth =
                    2.0 * weight * products[[column, target]] + weight * weight * squares[column];
                if spread > 0.0 { growth / spread } else { 0.0 }
            },
        ))
    }

    /// Gives the predictions before they are rounded to 32 bits.
    pub(crate) fn weigh(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        table::check_columns(inputs, self.coefficients.nrows())?;
        table::check_finite("input", inputs)?;
        Ok(inputs.mapv(f64::from).dot(&self.coefficients) + &self.intercepts)
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
        model_file::load(path, "a linear model")
    }
}

impl Predict<Array2<f32>> for LinearModel {
    fn predict(&self, inputs: &Array2<f32>) -> chromex_core::Result<Array2<f32>> {
        Ok(self.predict_table(inputs.view())?)
    }
}
