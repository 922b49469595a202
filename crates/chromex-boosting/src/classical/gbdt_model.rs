//! Trees that the `gbdt` crate grew.

use std::path::Path;

use chromex_core::Predict;
use gbdt::gradient_boost::GBDT;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::logistic_model::probability;
use crate::{Error, Result, model_file, table};

/// Predicts by a level and the sum of trees; what [`GbdtBoosting`](crate::GbdtBoosting) learns.
///
/// It is plain data: [`save`](Self::save) writes it as JSON, and what [`load`](Self::load) reads predicts
/// the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct GbdtModel {
    columns: usize,
    shrinkage: f32,
    /// Whether sums are half the log odds of 1.
    logistic: bool,
    targets: Vec<Regressor>,
}

/// A model as a file holds it, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    columns: usize,
    shrinkage: f32,
    logistic: bool,
    targets: Vec<Regressor>,
}

/// The trees of one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Regressor {
    level: f32,
    trees: Vec<Vec<Node>>,
}

/// A node of a tree whose first node is its root; children come after their parents.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Node {
    Leaf {
        value: f32,
    },
    Split {
        column: usize,
        threshold: f32,
        left: usize,
        right: usize,
    },
}

impl TryFrom<Stored> for GbdtModel {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        Self::new(
            stored.columns,
            stored.shrinkage,
            stored.logistic,
            stored.targets,
        )
    }
}

impl GbdtModel {
    pub(crate) fn new(
        columns: usize,
        shrinkage: f32,
        logistic: bool,
        targets: Vec<Regressor>,
    ) -> Result<Self> {
        let trees = targets.iter().flat_map(|regressor| &regressor.trees);
        for (tree, nodes) in trees.enumerate() {
            check(nodes, columns).map_err(|(node, expected, found)| Error::MalformedTree {
                tree,
                node,
                expected,
                found,
            })?;
        }
        Ok(Self {
            columns,
            shrinkage,
            logistic,
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

    /// Predicts every row: the target, or the probability that it is 1.
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
        table::check_columns(inputs, self.columns)?;
        table::check_finite("input", inputs)?;
        let mut predictions = Array2::zeros((inputs.nrows(), self.targets.len()));
        predictions
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(inputs.axis_iter(Axis(0)))
            .for_each(|(mut predictions, row)| {
                for (prediction, regressor) in predictions.iter_mut().zip(&self.targets) {
                    let sum = regressor.trees.iter().fold(regressor.level, |sum, nodes| {
                        sum + self.shrinkage * value(nodes, |column| row[column])
                    });
                    *prediction = if self.logistic {
                        probability(2.0 * f64::from(sum)) as f32
                    } else {
                        sum
                    };
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
        model_file::save(path, self)
    }

    /// Reads a model that [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// [`chromex_core::Error::Io`] when the file cannot be read; [`chromex_core::Error::Malformed`] when it
    /// holds no model, or one whose trees cannot be walked.
    pub fn load(path: &Path) -> chromex_core::Result<Self> {
        model_file::load(path, "trees of the gbdt crate")
    }
}

impl Predict<Array2<f32>> for GbdtModel {
    fn predict(&self, inputs: &Array2<f32>) -> chromex_core::Result<Array2<f32>> {
        Ok(self.predict_table(inputs.view())?)
    }
}

impl Regressor {
    /// Reads the trees of the crate, which shows them as JSON alone.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when a number of the model is not finite, which JSON cannot hold.
    pub(crate) fn from_crate(boosting: &GBDT) -> Result<Self> {
        let shown = serde_json::to_value(boosting).map_err(|_| beyond())?;
        let trees = shown["trees"].as_array().ok_or_else(beyond)?;
        Ok(Self {
            level: number(&shown["bias"])?,
            trees: trees.iter().map(nodes).collect::<Result<_>>()?,
        })
    }
}

fn beyond() -> Error {
    Error::Overflow { what: "prediction" }
}

fn number(value: &Value) -> Result<f32> {
    let number = value.as_f64().ok_or_else(beyond)? as f32;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(beyond())
    }
}

fn nodes(tree: &Value) -> Result<Vec<Node>> {
    let index = |value: &Value| {
        value
            .as_u64()
            .map(|index| index as usize)
            .ok_or_else(beyond)
    };
    let nodes = tree["tree"]["tree"].as_array().ok_or_else(beyond)?;
    nodes
        .iter()
        .map(|node| {
            let value = &node["value"];
            if value["is_leaf"].as_bool().ok_or_else(beyond)? {
                return Ok(Node::Leaf {
                    value: number(&value["pred"])?,
                });
            }
            Ok(Node::Split {
                column: index(&value["feature_index"])?,
                threshold: number(&value["feature_value"])?,
                left: index(&node["left"])?,
                right: index(&node["right"])?,
            })
        })
        .collect()
}

/// Checks that a walk from the root ends, and reads columns that are there; else names the node, what it
/// should hold and what it holds.
fn check(nodes: &[Node], columns: usize) -> std::result::Result<(), (usize, &'static str, String)> {
    if nodes.is_empty() {
        return Err((0, "a root", "nothing".into()));
    }
    for (at, node) in nodes.iter().enumerate() {
        if let Node::Split {
            column,
            left,
            right,
            ..
        } = *node
        {
            if column >= columns {
                return Err((at, "a column of the table", column.to_string()));
            }
            for child in [left, right] {
                if child <= at || child >= nodes.len() {
                    return Err((at, "a later node as child", child.to_string()));
                }
            }
        }
    }
    Ok(())
}

fn value(nodes: &[Node], input: impl Fn(usize) -> f32) -> f32 {
    let mut at = 0;
    loop {
        match nodes[at] {
            Node::Leaf { value } => return value,
            Node::Split {
                column,
                threshold,
                left,
                right,
            } => {
                at = if input(column) < threshold {
                    left
                } else {
                    right
                }
            }
        }
    }
}
