//! A fitted ensemble of trees.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use chromex_core::{Predict, atomic};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::tree::Tree;
use crate::{Error, Result, table};

/// Predicts by the sum of a base score and the values of trees; what
/// [`GradientBoosting`](crate::GradientBoosting) learns.
///
/// It is plain data: [`save`](Self::save) writes it as JSON, and what [`load`](Self::load) reads predicts
/// the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct BoostedTrees {
    columns: usize,
    base_score: f32,
    /// Trees in the order of their rounds, target by target.
    targets: Vec<Vec<Tree>>,
}

/// A model as a file holds it, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    columns: usize,
    base_score: f32,
    targets: Vec<Vec<Tree>>,
}

impl TryFrom<Stored> for BoostedTrees {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        Self::new(stored.columns, stored.base_score, stored.targets)
    }
}

impl BoostedTrees {
    pub(crate) fn new(columns: usize, base_score: f32, targets: Vec<Vec<Tree>>) -> Result<Self> {
        if !base_score.is_finite() {
            return Err(Error::MalformedModel {
                what: "base score",
                expected: "a finite number".into(),
                found: base_score.to_string(),
            });
        }
        if targets.is_empty() {
            return Err(Error::MalformedModel {
                what: "targets",
                expected: "at least 1".into(),
                found: "none".into(),
            });
        }
        for (target, trees) in targets.iter().enumerate() {
            for (tree, nodes) in trees.iter().enumerate() {
                nodes
                    .check(columns)
                    .map_err(|(node, expected, found)| Error::MalformedTree {
                        target,
                        tree,
                        node,
                        expected,
                        found,
                    })?;
            }
        }
        Ok(Self {
            columns,
            base_score,
            targets,
        })
    }

    /// Counts the columns that the model was fitted on.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Counts the targets.
    pub fn targets(&self) -> usize {
        self.targets.len()
    }

    /// Gives the prediction before the first tree.
    pub fn base_score(&self) -> f32 {
        self.base_score
    }

    /// Lists the trees of a target in the order of their rounds.
    ///
    /// # Panics
    ///
    /// When there is no such target.
    pub fn trees(&self, target: usize) -> &[Tree] {
        &self.targets[target]
    }

    /// Predicts every row.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`; returns `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] when the columns are not those of the fit; [`Error::Value`] when an input is
    /// infinite.
    pub fn predict_table(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        table::check_columns(inputs, self.columns)?;
        table::check_not_infinite(inputs)?;
        let mut predictions = Array2::zeros((inputs.nrows(), self.targets.len()));
        predictions
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(inputs.axis_iter(Axis(0)))
            .for_each(|(mut predictions, row)| {
                for (prediction, trees) in predictions.iter_mut().zip(&self.targets) {
                    *prediction = trees.iter().fold(self.base_score, |sum, tree| {
                        sum + tree.value(|column| row[column])
                    });
                }
            });
        Ok(predictions)
    }

    /// Writes the model as JSON.
    ///
    /// # Errors
    ///
    /// [`chromex_core::Error::Io`] when the file cannot be written; what stood there before still stands
    /// then.
    pub fn save(&self, path: &Path) -> chromex_core::Result<()> {
        atomic::write(path, |file| Ok(serde_json::to_writer(file, self)?))
    }

    /// Reads a model that [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// [`chromex_core::Error::Io`] when the file cannot be read; [`chromex_core::Error::Malformed`] when it
    /// holds no model, or one whose trees cannot be walked.
    pub fn load(path: &Path) -> chromex_core::Result<Self> {
        let file =
            File::open(path).map_err(|source| chromex_core::Error::io("read", path, source))?;
        serde_json::from_reader(BufReader::new(file)).map_err(|source| {
            chromex_core::Error::Malformed {
                path: path.to_owned(),
                expected: "boosted trees",
                source,
            }
        })
    }
}

impl Predict<Array2<f32>> for BoostedTrees {
    fn predict(&self, inputs: &Array2<f32>) -> chromex_core::Result<Array2<f32>> {
        Ok(self.predict_table(inputs.view())?)
    }
}
