use chromex_core::{Dataset, Fit, Predict};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Fits a logistic regression by Newton's method, as ShallowChrome does on [`WindowMaxima`](chromex_core::WindowMaxima)
/// (Frasca et al. 2022, doi:10.1186/s12859-022-04687-x). It draws nothing: the seed changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegression {
    /// How much half the squares of weights cost; 0 is not penalised, as published.
    pub penalty: f64,
}

/// Weights of a logistic regression.
#[derive(Clone, Debug, PartialEq)]
pub struct LogisticModel {
    /// One per column, in the units of the inputs.
    pub weights: Array1<f64>,
    /// What a row of zeros scores.
    pub intercept: f64,
}

/// Steps after which a fit that goes on growing is taken for one without an end.
const STEPS: usize = 100;

impl LogisticRegression {
    /// Fits a table to classes 0 and 1.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a class is neither, or the penalty is negative; [`Error::Separable`] when the weights grow
    /// without end; [`Error::Dependent`] when a column is constant or made of others, and not penalised.
    pub fn fit_table(&self, inputs: ArrayView2<'_, f32>, classes: &[f32]) -> Result<LogisticModel> {
        if let Some(class) = classes.iter().find(|&&c| c != 0.0 && c != 1.0) {
            return Err(setting("classes", "0 or 1", class.to_string()));
        }
        if self.penalty < 0.0 || !self.penalty.is_finite() || classes.len() != inputs.nrows() {
            let found = format!("{} classes, penalty {}", classes.len(), self.penalty);
            return Err(setting(
                "classes, penalty",
                "one class per row, a penalty of 0 or more",
                found,
            ));
        }
        let ones = Array2::ones((inputs.nrows(), 1));
        let inputs = concatenate![Axis(1), inputs.mapv(f64::from), ones];
        let columns = inputs.ncols();
        let mut weights = Array1::<f64>::zeros(columns);
        for step in 0..STEPS {
            let mut gradient = Array1::<f64>::zeros(columns);
            let mut curvature = Array2::<f64>::zeros((columns, columns));
            for (row, &class) in inputs.outer_iter().zip(classes) {
                let probability = 1.0 / (1.0 + (-row.dot(&weights)).exp());
                gradient.scaled_add(f64::from(class) - probability, &row);
                let spread = probability * (1.0 - probability);
                for i in 0..columns {
                    let factor = spread * row[i];
                    for j in 0..=i {
                        curvature[[i, j]] += factor * row[j];
                    }
                }
            }
            for i in 0..columns {
                for j in 0..i {
                    curvature[[j, i]] = curvature[[i, j]];
                }
                if i + 1 < columns {
                    gradient[i] -= self.penalty * weights[i];
                    curvature[[i, i]] += self.penalty;
                }
            }
            // At first every row counts alike; later those that are told apart count nothing.
            let change = solve(curvature, gradient).ok_or(match step {
                0 => Error::Dependent,
                _ => Error::Separable,
            })?;
            weights += &change;
            if change
                .iter()
                .zip(&weights)
                .all(|(s, w)| s.abs() <= 1e-9 * (1.0 + w.abs()))
            {
                let intercept = weights[columns - 1];
                let weights = weights.slice(ndarray::s![..columns - 1]).to_owned();
                return Ok(LogisticModel { weights, intercept });
            }
        }
        Err(Error::Separable)
    }
}

/// Solves a small system by elimination with row exchange; none when it is singular.
fn solve(mut matrix: Array2<f64>, mut right: Array1<f64>) -> Option<Array1<f64>> {
    let count = right.len();
    // What is left of a column that others make is rounding, a part of what was there.
    let none: Vec<f64> = matrix.diag().iter().map(|d| 1e-12 * d.max(1.0)).collect();
    for column in 0..count {
        let larger = |a: &usize, b: &usize| {
            matrix[[*a, column]]
                .abs()
                .total_cmp(&matrix[[*b, column]].abs())
        };
        let pivot = (column..count).max_by(larger)?;
        if matrix[[pivot, column]].abs() <= none[column] || matrix[[pivot, column]].is_nan() {
            return None;
        }
        for other in 0..count {
            matrix.swap([pivot, other], [column, other]);
        }
        right.swap(pivot, column);
        for row in column + 1..count {
            let factor = matrix[[row, column]] / matrix[[column, column]];
            for other in column..count {
                let value = matrix[[column, other]];
                matrix[[row, other]] -= factor * value;
            }
            right[row] -= factor * right[column];
        }
    }
    for row in (0..count).rev() {
        let known: f64 = (row + 1..count).map(|c| matrix[[row, c]] * right[c]).sum();
        right[row] = (right[row] - known) / matrix[[row, row]];
    }
    Some(right)
}

fn setting(name: &'static str, expected: &str, found: String) -> Error {
    Error::Setting {
        name,
        expected: expected.to_owned(),
        found,
    }
}

impl Fit<Array2<f32>> for LogisticRegression {
    type Fitted = LogisticModel;

    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        _valid: &Dataset<Array2<f32>>,
        _seed: u64,
    ) -> chromex_core::Result<LogisticModel> {
        if train.is_empty() || train.targets.columns.len() != 1 {
            return Err(chromex_core::Error::Empty {
                what: "the training set of a logistic regression of one target",
            });
        }
        Ok(self.fit_table(train.inputs.view(), &train.targets.column(0).to_vec())?)
    }
}

impl Predict<Array2<f32>> for LogisticModel {
    /// Gives the probability of class 1.
    fn predict(&self, inputs: &Array2<f32>) -> chromex_core::Result<Array2<f32>> {
        if inputs.ncols() != self.weights.len() {
            return Err(chromex_core::Error::Shape {
                what: "columns",
                expected: self.weights.len().to_string(),
                found: inputs.ncols().to_string(),
            });
        }
        let scores = inputs.mapv(f64::from).dot(&self.weights) + self.intercept;
        let probabilities = scores.mapv(|score| (1.0 / (1.0 + (-score).exp())) as f32);
        Ok(probabilities.insert_axis(Axis(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn two_groups_have_the_log_odds_of_their_shares() {
        // Of rows at 0 one in four is of class 1, of rows at 1 three in four: ln(1/3), and ln 3 - ln(1/3) more.
        let inputs = array![[0.0], [0.0], [0.0], [0.0], [1.0], [1.0], [1.0], [1.0]];
        let classes = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0];
        let model = LogisticRegression::default()
            .fit_table(inputs.view(), &classes)
            .unwrap();
        assert!((model.intercept + 3.0_f64.ln()).abs() < 1e-9);
        assert!((model.weights[0] - 2.0 * 3.0_f64.ln()).abs() < 1e-9);
        let predicted = model.predict(&array![[0.0], [1.0]]).unwrap();
        assert!((predicted[[0, 0]] - 0.25).abs() < 1e-6 && (predicted[[1, 0]] - 0.75).abs() < 1e-6);
    }

    #[test]
    fn classes_that_are_told_apart_without_error_need_a_penalty() {
        let inputs = array![[0.0], [1.0], [2.0], [3.0]];
        let classes = [0.0, 0.0, 1.0, 1.0];
        let fit = |penalty| LogisticRegression { penalty }.fit_table(inputs.view(), &classes);
        assert!(matches!(fit(0.0), Err(Error::Separable)));
        assert!(fit(0.1).unwrap().weights[0] > 0.0);
        let strange = LogisticRegression::default().fit_table(inputs.view(), &[0.0, 1.0, 2.0, 0.0]);
        assert!(strange.unwrap_err().to_string().contains("found 2"));
    }

    #[test]
    fn a_column_that_is_constant_or_made_of_others_is_told() {
        let classes = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        let table = |second: fn(f32) -> f32| {
            Array2::from_shape_fn((8, 2), |(row, column)| {
                let first = 100.0 * (row as f32 + 0.1).sin();
                if column == 0 { first } else { second(first) }
            })
        };
        let fit = |inputs: &Array2<f32>, penalty| {
            LogisticRegression { penalty }.fit_table(inputs.view(), &classes)
        };
        for second in [|_| 0.0, |_| 37.3, |first| first, |first| 2.0 * first] as [fn(f32) -> f32; 4]
        {
            let found = fit(&table(second), 0.0);
            assert!(matches!(found, Err(Error::Dependent)), "{found:?}");
            assert!(fit(&table(second), 0.1).is_ok());
        }
        assert!(fit(&table(|first| first * first), 0.0).is_ok());
    }
}
