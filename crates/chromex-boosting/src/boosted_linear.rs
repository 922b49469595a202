//! A linear model that XGBoost fitted.

use chromex_core::Predict;
use ndarray::{Array2, ArrayView2, s};

use crate::xgboost::Remainder;
use crate::{Error, Link, Result, table};

/// Predicts by a weighted sum of the columns; what XGBoost's `gblinear` learns.
///
/// This crate reads, uses and writes such models, but fits [`LinearModel`](crate::LinearModel)s. A missing value counts
/// as 0, as in XGBoost.
#[derive(Clone, Debug)]
pub struct BoostedLinear {
    column_names: Vec<String>,
    objective: String,
    link: Link,
    base_scores: Vec<f32>,
    /// The first base score as a margin: XGBoost adds it to every output.
    margin: f32,
    /// The weights of a column for each output, column after column, and the intercepts as a last row.
    weights: Array2<f32>,
    remainder: Remainder,
}

impl BoostedLinear {
    /// Puts a model together, if its parts agree. `weights` are as in [`Self::weights`], the intercepts last.
    pub(crate) fn new(
        columns: usize,
        column_names: Vec<String>,
        objective: String,
        link: Link,
        base_scores: Vec<f32>,
        weights: Vec<f32>,
        remainder: Remainder,
    ) -> Result<Self> {
        let malformed = |what, expected: String, found: String| Error::MalformedModel {
            what,
            expected,
            found,
        };
        if columns == 0 {
            return Err(malformed("columns", "at least 1".into(), "none".into()));
        }
        if !column_names.is_empty() && column_names.len() != columns {
            let found = column_names.len().to_string();
            return Err(malformed("column names", columns.to_string(), found));
        }
        let outputs = base_scores.len();
        let needed = (columns + 1).saturating_mul(outputs);
        if weights.len() != needed {
            let found = weights.len().to_string();
            return Err(malformed("weights", needed.to_string(), found));
        }
        if let Some(weight) = weights.iter().find(|weight| !weight.is_finite()) {
            let expected = "finite numbers".into();
            return Err(malformed("weights", expected, weight.to_string()));
        }
        let margin = link.margin(base_scores[0]);
        if !margin.is_finite() {
            let expected = format!("a prediction that `{objective}` can give");
            let found = base_scores[0].to_string();
            return Err(malformed("base score", expected, found));
        }
        let weights = Array2::from_shape_vec((columns + 1, outputs), weights);
        Ok(Self {
            column_names,
            objective,
            link,
            base_scores,
            margin,
            weights: weights.expect("as many as there are columns and outputs"),
            remainder,
        })
    }

    pub(crate) fn remainder(&self) -> &Remainder {
        &self.remainder
    }

    /// Gives the weights as files hold them.
    pub(crate) fn stored_weights(&self) -> Vec<f32> {
        self.weights.iter().copied().collect()
    }

    /// Counts the columns that the model was fitted on.
    pub fn columns(&self) -> usize {
        self.weights.nrows() - 1
    }

    /// Lists the names of the columns; none where they are not known.
    pub fn column_names(&self) -> &[String] {
        &self.column_names
    }

    /// Names the objective that was fitted.
    pub fn objective(&self) -> &str {
        &self.objective
    }

    /// Tells how margins become predictions.
    pub fn link(&self) -> Link {
        self.link
    }

    /// Counts the outputs: one per target, or per class.
    pub fn outputs(&self) -> usize {
        self.weights.ncols()
    }

    /// Gives the base scores, one for each output, of which the first is added to every output.
    pub fn base_scores(&self) -> &[f32] {
        &self.base_scores
    }

    /// Views the weight of each column for each output.
    ///
    /// # Shapes
    ///
    /// `[columns, outputs]`
    pub fn weights(&self) -> ArrayView2<'_, f32> {
        self.weights.slice(s![..self.columns(), ..])
    }

    /// Views what is added to each output beside the base score.
    ///
    /// # Shapes
    ///
    /// `[outputs]`
    pub fn intercepts(&self) -> ndarray::ArrayView1<'_, f32> {
        self.weights.row(self.columns())
    }

    /// Predicts every row.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`; returns `[rows, outputs]`, or `[rows, 1]` for [`Link::LargestClass`].
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] when the columns are not those of the fit; [`Error::Value`] when an input is
    /// infinite.
    pub fn predict_table(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        table::check_columns(inputs, self.columns())?;
        table::check_not_infinite(inputs)?;
        let start = self.intercepts().mapv(|intercept| intercept + self.margin);
        let mut margins = Array2::zeros((inputs.nrows(), self.outputs()));
        for (row, mut margins) in inputs.rows().into_iter().zip(margins.rows_mut()) {
            margins.assign(&start);
            for (&value, weights) in row.iter().zip(self.weights.rows()) {
                if !value.is_nan() {
                    margins.scaled_add(value, &weights);
                }
            }
            self.link.apply(margins);
        }
        let columns = self.link.columns(self.outputs());
        Ok(margins.slice_move(s![.., ..columns]))
    }
}

impl Predict<Array2<f32>> for BoostedLinear {
    fn predict(&self, inputs: &Array2<f32>) -> chromex_core::Result<Array2<f32>> {
        Ok(self.predict_table(inputs.view())?)
    }
}
