//! A sum of Gaussian kernels.

use ndarray::parallel::prelude::*;
use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};
use serde::{Deserialize, Serialize};

use crate::centred::Centred;
use crate::{Error, Result, table};

/// Rows that are predicted together.
const TOGETHER: usize = 64;

/// Predicts by a weighted sum of exp(−γ ‖x − v‖²) over support vectors v.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct RadialModel {
    gamma: f64,
    /// What is taken off each column, and what it is then divided by.
    means: Array1<f64>,
    scales: Array1<f64>,
    /// As the training rows had them: `[vectors, columns]`.
    vectors: Array2<f32>,
    /// `[vectors, targets]`
    coefficients: Array2<f64>,
    intercepts: Array1<f64>,
}

/// A model as a file holds it, before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    gamma: f64,
    means: Vec<f64>,
    scales: Vec<f64>,
    vectors: Vec<Vec<f32>>,
    coefficients: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
}

impl From<RadialModel> for Stored {
    fn from(model: RadialModel) -> Self {
        Self {
            gamma: model.gamma,
            means: model.means.to_vec(),
            scales: model.scales.to_vec(),
            vectors: lists(&model.vectors),
            coefficients: lists(&model.coefficients),
            intercepts: model.intercepts.to_vec(),
        }
    }
}

impl TryFrom<Stored> for RadialModel {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let columns = stored.means.len();
        let numbers = [
            ("scales", columns, stored.scales.len()),
            (
                "coefficients",
                stored.vectors.len(),
                stored.coefficients.len(),
            ),
        ];
        for (what, expected, found) in numbers {
            if expected != found {
                return Err(Error::MalformedModel {
                    what,
                    expected: expected.to_string(),
                    found: found.to_string(),
                });
            }
        }
        if !stored.scales.iter().all(|scale| *scale > 0.0) {
            return Err(Error::MalformedModel {
                what: "scales",
                expected: "numbers above 0".into(),
                found: format!("{:?}", stored.scales),
            });
        }
        Ok(Self {
            gamma: stored.gamma,
            means: stored.means.into(),
            scales: stored.scales.into(),
            coefficients: rows("coefficients", stored.coefficients, stored.intercepts.len())?,
            vectors: rows("vectors", stored.vectors, columns)?,
            intercepts: stored.intercepts.into(),
        })
    }
}

impl RadialModel {
    /// Keeps the training rows whose kernels have a weight.
    pub(crate) fn new(
        inputs: ArrayView2<'_, f32>,
        centred: &Centred,
        gamma: f64,
        coefficients: Array2<f64>,
        intercepts: Array1<f64>,
    ) -> Self {
        let support: Vec<usize> = (0..inputs.nrows())
            .filter(|&row| coefficients.row(row).iter().any(|weight| *weight != 0.0))
            .collect();
        Self {
            gamma,
            means: centred.means.clone(),
            scales: centred.scales.clone(),
            vectors: inputs.select(Axis(0), &support),
            coefficients: coefficients.select(Axis(0), &support),
            intercepts,
        }
    }

    /// Gives how fast rows stop to be alike.
    pub fn gamma(&self) -> f64 {
        self.gamma
    }

    /// Views the support vectors of all targets, as the training rows had them.
    ///
    /// # Shapes
    ///
    /// `[vectors, columns]`
    pub fn vectors(&self) -> ArrayView2<'_, f32> {
        self.vectors.view()
    }

    /// Views the weight of each support vector for each target.
    ///
    /// # Shapes
    ///
    /// `[vectors, targets]`
    pub fn coefficients(&self) -> ArrayView2<'_, f64> {
        self.coefficients.view()
    }

    pub(crate) fn predict_table(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        table::check_columns(inputs, self.means.len())?;
        table::check_finite("input", inputs)?;
        let vectors = self.scale(self.vectors.view());
        let squares = vectors.map_axis(Axis(1), |row| row.dot(&row));
        let mut predictions = Array2::zeros((inputs.nrows(), self.intercepts.len()));
        predictions
            .axis_chunks_iter_mut(Axis(0), TOGETHER)
            .into_par_iter()
            .zip(inputs.axis_chunks_iter(Axis(0), TOGETHER))
            .for_each(|(mut out, rows)| {
                let rows = self.scale(rows);
                let mut kernel = rows.dot(&vectors.t());
                for (mut kernel, row) in kernel.rows_mut().into_iter().zip(rows.rows()) {
                    let square = row.dot(&row);
                    Zip::from(&mut kernel)
                        .and(&squares)
                        .for_each(|value, other| {
                            let distance = (square + other - 2.0 * *value).max(0.0);
                            *value = (-self.gamma * distance).exp();
                        });
                }
                let sums = kernel.dot(&self.coefficients) + &self.intercepts;
                out.assign(&sums.mapv(|value| value as f32));
            });
        Ok(predictions)
    }

    fn scale(&self, rows: ArrayView2<'_, f32>) -> Array2<f64> {
        (rows.mapv(f64::from) - &self.means) / &self.scales
    }
}

fn lists<T: Copy>(table: &Array2<T>) -> Vec<Vec<T>> {
    table.rows().into_iter().map(|row| row.to_vec()).collect()
}

fn rows<T>(what: &'static str, lists: Vec<Vec<T>>, columns: usize) -> Result<Array2<T>> {
    let shape = (lists.len(), columns);
    if let Some(list) = lists.iter().find(|list| list.len() != columns) {
        return Err(Error::MalformedModel {
            what,
            expected: format!("{columns} numbers a row"),
            found: list.len().to_string(),
        });
    }
    let values = lists.into_iter().flatten().collect();
    Ok(Array2::from_shape_vec(shape, values).expect("every row has that many columns"))
}
