//! A fitted ensemble of trees.

use chromex_core::Predict;
use ndarray::{Array2, ArrayView2};

use crate::forest::Forest;
use crate::xgboost::Remainder;
use crate::{Error, Link, Result, Tree, table};

/// Predicts by the sum of a base score and of trees; what
/// [`GradientBoosting`](crate::GradientBoosting) learns.
///
/// The trees add up to a margin for each output; a [`Link`] turns the margins of a row into its predictions.
/// Files hold it as XGBoost's do, so that either library reads what the other wrote: see [`save`](Self::save) and
/// [`load`](Self::load).
#[derive(Clone, Debug)]
pub struct BoostedTrees {
    ensemble: Ensemble,
    /// Base scores as margins.
    margins: Vec<f32>,
    /// The trees as predictions walk them.
    forest: Box<Forest>,
    /// What the file that it was read from holds beyond that.
    remainder: Remainder,
}

/// The parts of [`BoostedTrees`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ensemble {
    /// Columns of the tables that it was fitted on.
    pub(crate) columns: usize,
    /// The columns' names, in their order; none where they are not known.
    pub(crate) column_names: Vec<String>,
    /// The objective's name, as XGBoost writes it where it has it.
    pub(crate) objective: String,
    pub(crate) link: Link,
    /// The prediction before the first tree, of each output.
    pub(crate) base_scores: Vec<f32>,
    /// The trees of the first round, then those of the second, and so on.
    pub(crate) trees: Vec<Tree>,
    /// The output that each tree adds to; 0 of trees for all outputs.
    pub(crate) outputs: Vec<u32>,
    /// The first tree of each round, and the number of trees.
    pub(crate) rounds: Vec<usize>,
    /// The round, 0-based, whose score on validation rows was best, where fitting stopped early: later ones do not predict.
    pub(crate) best_round: Option<usize>,
}

impl Ensemble {
    /// Checks parts from outside.
    fn check(&self) -> Result<()> {
        let malformed = |what, expected: String, found: String| {
            Err(Error::MalformedModel {
                what,
                expected,
                found,
            })
        };
        let outputs = self.base_scores.len();
        if outputs == 0 {
            return malformed("base scores", "at least 1".into(), "none".into());
        }
        if !(1..=i32::MAX as usize).contains(&self.columns) {
            let expected = format!("1 to {}", i32::MAX);
            return malformed("columns", expected, self.columns.to_string());
        }
        if !self.column_names.is_empty() && self.column_names.len() != self.columns {
            let found = self.column_names.len().to_string();
            return malformed("column names", self.columns.to_string(), found);
        }
        if self.outputs.len() != self.trees.len() {
            let found = self.outputs.len().to_string();
            return malformed("outputs of trees", self.trees.len().to_string(), found);
        }
        let ascends = self.rounds.windows(2).all(|pair| pair[0] <= pair[1]);
        let ends = (self.rounds.first(), self.rounds.last());
        if !ascends || ends != (Some(&0), Some(&self.trees.len())) {
            let expected = format!("ascending numbers from 0 to {}", self.trees.len());
            return malformed("rounds", expected, format!("{:?}", self.rounds));
        }
        if let Some(best) = self.best_round
            && best + 1 >= self.rounds.len()
        {
            let expected = format!("below {}", self.rounds.len() - 1);
            return malformed("best round", expected, best.to_string());
        }
        for (index, (tree, &output)) in self.trees.iter().zip(&self.outputs).enumerate() {
            let flaw = match tree.check(self.columns) {
                Err(flaw) => Err(flaw),
                Ok(()) if tree.outputs() != 1 && tree.outputs() != outputs => Err((
                    0,
                    "a value per output in leaves",
                    tree.outputs().to_string(),
                )),
                Ok(()) if output as usize >= outputs => {
                    Err((0, "an output of the model", output.to_string()))
                }
                Ok(()) => Ok(()),
            };
            flaw.map_err(|(node, expected, found)| Error::MalformedTree {
                tree: index,
                node,
                expected,
                found,
            })?;
        }
        Ok(())
    }
}

impl PartialEq for BoostedTrees {
    fn eq(&self, other: &Self) -> bool {
        self.ensemble == other.ensemble
    }
}

impl BoostedTrees {
    /// Puts a model together, if its parts agree.
    pub(crate) fn new(ensemble: Ensemble) -> Result<Self> {
        ensemble.check()?;
        let margins: Vec<f32> = ensemble
            .base_scores
            .iter()
            .map(|&score| ensemble.link.margin(score))
            .collect();
        if let Some(place) = margins.iter().position(|margin| !margin.is_finite()) {
            return Err(Error::MalformedModel {
                what: "base score",
                expected: format!("a prediction that `{}` can give", ensemble.objective),
                found: ensemble.base_scores[place].to_string(),
            });
        }
        let used = ensemble
            .best_round
            .map_or(ensemble.trees.len(), |best| ensemble.rounds[best + 1]);
        let trees = &ensemble.trees[..used];
        let forest = Box::new(Forest::new(trees, &ensemble.outputs, margins.len()));
        Ok(Self {
            ensemble,
            margins,
            forest,
            remainder: Remainder::default(),
        })
    }

    /// Keeps what a file holds beyond the parts.
    pub(crate) fn keep(&mut self, remainder: Remainder) {
        self.remainder = remainder;
    }

    pub(crate) fn remainder(&self) -> &Remainder {
        &self.remainder
    }

    /// Gives the parts.
    pub(crate) fn ensemble(&self) -> &Ensemble {
        &self.ensemble
    }

    /// Gives the margins before the first tree.
    pub(crate) fn base_margins(&self) -> &[f32] {
        &self.margins
    }

    /// Lists the trees that predict, each with the output that it adds to.
    pub(crate) fn used_trees(&self) -> impl Iterator<Item = (&Tree, usize)> {
        let outputs = self.ensemble.outputs.iter().map(|&output| output as usize);
        let used = self.used_rounds().end;
        self.ensemble.trees[..self.ensemble.rounds[used]]
            .iter()
            .zip(outputs)
    }

    /// Counts the columns that the model was fitted on.
    pub fn columns(&self) -> usize {
        self.ensemble.columns
    }

    /// Lists the names of the columns; none where they are not known.
    pub fn column_names(&self) -> &[String] {
        &self.ensemble.column_names
    }

    /// Names the columns, for dumps, pictures and files.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] when there are not as many names as columns.
    pub fn with_column_names<S: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = S>,
    ) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.len() != self.columns() {
            return Err(Error::Columns {
                expected: self.columns(),
                found: names.len(),
            });
        }
        self.ensemble.column_names = names;
        Ok(self)
    }

    /// Names the objective that was fitted, as XGBoost does where it has it.
    pub fn objective(&self) -> &str {
        &self.ensemble.objective
    }

    /// Tells how margins become predictions.
    pub fn link(&self) -> Link {
        self.ensemble.link
    }

    /// Counts the outputs: sums of trees, one per target, or per class.
    pub fn outputs(&self) -> usize {
        self.margins.len()
    }

    /// Gives the prediction before the first tree, for each output.
    pub fn base_scores(&self) -> &[f32] {
        &self.ensemble.base_scores
    }

    /// Numbers the rounds whose trees predict: all, unless fitting stopped early.
    pub fn used_rounds(&self) -> std::ops::Range<usize> {
        0..self
            .ensemble
            .best_round
            .map_or(self.ensemble.rounds.len() - 1, |best| best + 1)
    }

    /// Counts the rounds that were fitted.
    pub fn rounds(&self) -> usize {
        self.ensemble.rounds.len() - 1
    }

    /// Lists the trees of all rounds, the first round's first.
    pub fn trees(&self) -> &[Tree] {
        &self.ensemble.trees
    }

    /// Gives the output that a tree adds to; none of a tree that adds to all.
    ///
    /// # Panics
    ///
    /// When there is no such tree.
    pub fn output_of(&self, tree: usize) -> Option<usize> {
        let one = self.ensemble.trees[tree].outputs() == 1;
        one.then(|| self.ensemble.outputs[tree] as usize)
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
        let mut margins = self.predict_margins(inputs)?;
        for row in margins.rows_mut() {
            self.link().apply(row);
        }
        let columns = self.link().columns(self.outputs());
        Ok(margins.slice_move(ndarray::s![.., ..columns]))
    }

    /// Sums the base score and the trees of every row, without the link.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`; returns `[rows, outputs]`.
    ///
    /// # Errors
    ///
    /// As [`predict_table`](Self::predict_table).
    pub fn predict_margins(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        table::check_columns(inputs, self.columns())?;
        self.forest.margins(inputs, &self.margins)
    }
}

impl Predict<Array2<f32>> for BoostedTrees {
    fn predict(&self, inputs: &Array2<f32>) -> chromex_core::Result<Array2<f32>> {
        Ok(self.predict_table(inputs.view())?)
    }
}
