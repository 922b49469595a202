//! Random forests on the trees of the histogram method.

use chromex_core::{Dataset, Fit, random};
use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::boosted_trees::Ensemble;
use crate::limits::MOST_TREES;
use crate::sampling::{Draws, Sampling};
use crate::tree::{self, Columns, Grower, Growth, Histograms, Packed, Pair, Penalty, Tree};
use crate::{BoostedTrees, Error, Link, Result, table};

/// Averages deep regression trees, each grown on rows drawn with putting back and on few columns at each node.
///
/// A tree serves all targets together. Targets of 0 and 1 give the share of rows that are 1: a probability. Inputs may miss
/// values, as NaN. Splits lie between bins of values, at most 256 unless told otherwise, which costs hardly any accuracy
/// and lets forests of wide tables grow in seconds.
///
/// # Citation
///
/// Breiman, Random forests, Machine Learning 45, 2001, <https://doi.org/10.1023/A:1010933404324>.
///
/// # Examples
///
/// ```
/// use chromex_boosting::RandomForest;
/// use ndarray::{Array2, array};
///
/// let marks: Array2<f32> = array![[0.0, 3.0], [1.0, 2.0], [8.0, 2.0], [9.0, 3.0]];
/// let expression: Array2<f32> = array![[0.5], [0.5], [4.5], [4.5]];
/// let forest = RandomForest { min_samples_leaf: 1, ..RandomForest::default() };
/// let model = forest.fit_table(marks.view(), expression.view(), 7)?;
/// let predicted = model.predict_table(marks.view())?;
/// assert!(predicted[[3, 0]] > predicted[[0, 0]] + 2.0);
/// # Ok::<(), chromex_boosting::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomForest {
    /// How many trees there are.
    pub trees: usize,
    /// Splits between root and leaf at most; 0 sets no limit.
    pub max_depth: usize,
    /// The fewest drawn rows of a leaf.
    pub min_samples_leaf: usize,
    /// The fraction of the columns that each node may divide rows by.
    pub max_features: f32,
    /// Whether each tree has rows of its own, drawn with putting back; else all trees have all rows.
    pub bootstrap: bool,
    /// Bins per column at most, from 2 to 65535.
    pub max_bins: usize,
}

impl Default for RandomForest {
    fn default() -> Self {
        Self {
            trees: 500,
            max_depth: 0,
            min_samples_leaf: 5,
            max_features: 1.0 / 3.0,
            bootstrap: true,
            max_bins: 256,
        }
    }
}

impl RandomForest {
    /// Fits a forest to a table of inputs and one of targets.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `targets` `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range; [`Error::Empty`] when there are no rows, columns
    /// or targets; [`Error::Value`] when an input is infinite or a target is not finite.
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub fn fit_table(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
        seed: u64,
    ) -> Result<BoostedTrees> {
        assert_eq!(
            inputs.nrows(),
            targets.nrows(),
            "rows of inputs and targets"
        );
        self.check()?;
        table::check_training(inputs, targets)?;
        let blocks = tree::bin_columns(inputs, None, self.max_bins);
        let trees = if Packed::counts_to(inputs.nrows()) {
            self.grow(
                &Histograms::<Packed>::of(&blocks),
                inputs.ncols(),
                targets,
                seed,
            )
        } else {
            self.grow(
                &Histograms::<Pair>::of(&blocks),
                inputs.ncols(),
                targets,
                seed,
            )
        };
        BoostedTrees::new(Ensemble {
            columns: inputs.ncols(),
            column_names: Vec::new(),
            objective: "reg:squarederror".into(),
            link: Link::Identity,
            base_scores: vec![0.0; targets.ncols()],
            outputs: vec![0; trees.len()],
            rounds: vec![0, trees.len()],
            trees,
            best_round: None,
        })
    }

    fn grow<B: Columns>(
        &self,
        blocks: &[B],
        columns: usize,
        targets: ArrayView2<'_, f32>,
        seed: u64,
    ) -> Vec<Tree> {
        let sampling = Sampling {
            subsample: 1.0,
            colsample_bytree: 1.0,
            colsample_bylevel: 1.0,
            colsample_bynode: f64::from(self.max_features),
        };
        let growth = Growth {
            eta: 1.0 / self.trees as f32,
            max_depth: self.max_depth,
            max_leaves: 0,
            best_first: false,
            gamma: 0.0,
            prune_afterwards: false,
            penalty: Penalty {
                reg_lambda: 0.0,
                reg_alpha: 0.0,
                min_child_weight: self.min_samples_leaf as f64,
                max_delta_step: 0.0,
                monotone: Vec::new(),
            },
        };
        let rows = targets.nrows();
        let outputs = targets.ncols();
        (0..self.trees)
            .into_par_iter()
            .map(|tree| {
                let counts = self.counts(rows, seed, tree);
                // From a prediction of 0, the derivatives of half the squared error, as often as a row was drawn.
                let derivatives: Vec<[f32; 2]> = targets
                    .rows()
                    .into_iter()
                    .zip(&counts)
                    .flat_map(|(row, &count)| {
                        row.into_iter().map(move |target| [-target * count, count])
                    })
                    .collect();
                let drawn = (0..rows as u32).filter(|&row| counts[row as usize] > 0.0);
                let mut draws = Draws::new(sampling, columns, seed, tree);
                let mut grower = Grower::new(growth.clone(), blocks, rows, outputs);
                grower
                    .grow(&derivatives, (drawn.collect(), Vec::new()), &mut draws)
                    .tree
            })
            .collect()
    }

    /// Draws how often each row takes part in a tree.
    fn counts(&self, rows: usize, seed: u64, tree: usize) -> Vec<f32> {
        if !self.bootstrap {
            return vec![1.0; rows];
        }
        let mut counts = vec![0.0; rows];
        let mut generator = random::generator(seed, &format!("rows of tree {tree}"));
        for _ in 0..rows {
            counts[generator.random_range(0..rows)] += 1.0;
        }
        counts
    }

    fn check(&self) -> Result<()> {
        for (name, holds, expected, found) in [
            (
                "trees",
                (1..=MOST_TREES).contains(&self.trees),
                "1 to 1000000",
                self.trees,
            ),
            (
                "min_samples_leaf",
                self.min_samples_leaf > 0,
                "at least 1",
                self.min_samples_leaf,
            ),
        ] {
            if !holds {
                return Err(Error::Setting {
                    name,
                    expected,
                    found: found.to_string(),
                });
            }
        }
        if !(self.max_features > 0.0 && self.max_features <= 1.0) {
            return Err(Error::Setting {
                name: "max_features",
                expected: "above 0, at most 1",
                found: self.max_features.to_string(),
            });
        }
        tree::check_max_bins(self.max_bins)
    }
}

impl Fit<Array2<f32>> for RandomForest {
    type Fitted = BoostedTrees;

    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        _valid: &Dataset<Array2<f32>>,
        seed: u64,
    ) -> chromex_core::Result<BoostedTrees> {
        Ok(self.fit_table(train.inputs.view(), train.targets.values.view(), seed)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tree_draws_as_many_rows_as_there_are_and_leaves_out_a_third() {
        let forest = RandomForest::default();
        let counts = forest.counts(10_000, 3, 0);
        assert_eq!(counts.iter().sum::<f32>(), 10_000.0);
        let left_out = counts.iter().filter(|&&count| count == 0.0).count();
        assert!((3_500..3_850).contains(&left_out), "{left_out}");
        assert_ne!(counts, forest.counts(10_000, 3, 1));
        let all = RandomForest {
            bootstrap: false,
            ..forest
        };
        assert_eq!(all.counts(2, 3, 0), [1.0, 1.0]);
    }
}
