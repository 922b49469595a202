//! Tables around the means of their columns.

use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};

use crate::{Result, table};

/// Inputs around their means, divided by their scales: what linear models are solved on.
pub(crate) struct Centred {
    /// `[rows, columns]`
    pub(crate) values: Array2<f64>,
    pub(crate) means: Array1<f64>,
    /// Standard deviations where columns are standardised, else 1; also 1 for columns of equal values.
    pub(crate) scales: Array1<f64>,
}

impl Centred {
    /// Checks a table to fit on and centres its inputs.
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub(crate) fn checked(
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
        standardize: bool,
    ) -> Result<Self> {
        assert_eq!(
            inputs.nrows(),
            targets.nrows(),
            "rows of inputs and targets"
        );
        table::check_training(inputs, targets)?;
        table::check_finite("input", inputs)?;
        let (mut values, means) = centre(inputs);
        let rows = values.nrows() as f64;
        let mut variances = Array1::<f64>::zeros(values.ncols());
        for row in values.rows() {
            Zip::from(&mut variances)
                .and(row)
                .for_each(|sum, value| *sum += value * value / rows);
        }
        let mut scales = Array1::ones(values.ncols());
        for (column, (&variance, mean)) in variances.iter().zip(&means).enumerate() {
            // What rounding alone makes of a column of equal values is no spread.
            let rounding = rows * f64::EPSILON * mean;
            if variance <= rounding * rounding {
                values.column_mut(column).fill(0.0);
            } else if standardize {
                scales[column] = variance.sqrt();
            }
        }
        if standardize {
            values /= &scales;
        }
        Ok(Self {
            values,
            means,
            scales,
        })
    }
}

/// Takes the mean off each column.
pub(crate) fn centre(table: ArrayView2<'_, f32>) -> (Array2<f64>, Array1<f64>) {
    let table = table.mapv(f64::from);
    let means = table.sum_axis(Axis(0)) / table.nrows() as f64;
    (table - &means, means)
}
