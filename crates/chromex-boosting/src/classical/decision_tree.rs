//! One tree of splits.

use chromex_core::{Dataset, Fit};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::{BoostedTrees, Error, GradientBoosting, Result};

/// Grows one regression tree per target, as CART does: each split lowers the squared error most, each leaf
/// predicts the mean of its rows.
///
/// On targets of 0 and 1 a leaf predicts the share of class 1, a probability; and since the squared error of
/// a share is half its Gini impurity, the tree is also CART's classification tree.
///
/// A tree is a boosting of one round: learning rate 1, no penalty, from 0. So inputs may miss values, as NaN,
/// and the fitted tree is seen, saved and predicted from as any [`BoostedTrees`]. No draw is made, so the seed
/// changes nothing.
///
/// # Differences from scikit-learn
///
/// - Of equally good splits the one of the earlier column is chosen, not a random one.
/// - Thresholds and means have 32 bits.
///
/// # Citation
///
/// Breiman, Friedman, Olshen and Stone, Classification and regression trees, 1984,
/// <https://doi.org/10.1201/9781315139470>.
///
/// # Examples
///
/// ```
/// use chromex_boosting::DecisionTree;
/// use ndarray::{Array2, array};
///
/// let marks: Array2<f32> = array![[0.0], [1.0], [8.0], [9.0]];
/// let expressed: Array2<f32> = array![[0.0], [1.0], [1.0], [1.0]];
/// let stump = DecisionTree { max_depth: 1, min_rows_per_leaf: 2, ..DecisionTree::default() };
/// let model = stump.fit_table(marks.view(), expressed.view())?;
/// assert_eq!(model.predict_table(marks.view())?, array![[0.5], [0.5], [1.0], [1.0]]);
/// # Ok::<(), chromex_boosting::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionTree {
    /// Splits between root and leaf at most, from 1 to 30.
    pub max_depth: usize,
    /// Training rows of a leaf at least.
    pub min_rows_per_leaf: u32,
    /// The least sum of squared errors that a split must save.
    pub min_error_decrease: f32,
}

impl Default for DecisionTree {
    /// Gives trees that a reader can follow: of at most six splits from root to leaf.
    fn default() -> Self {
        Self {
            max_depth: 6,
            min_rows_per_leaf: 1,
            min_error_decrease: 0.0,
        }
    }
}

impl DecisionTree {
    /// Grows a tree for each target of a table.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `targets` `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range; [`Error::Empty`] when there are no rows, columns
    /// or targets; [`Error::Value`] when an input is infinite or a target is not finite;
    /// [`Error::Overflow`] when sums of targets leave the range of 32-bit numbers.
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub fn fit_table(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
    ) -> Result<BoostedTrees> {
        if !(self.min_error_decrease.is_finite() && self.min_error_decrease >= 0.0) {
            return Err(Error::Setting {
                name: "min_error_decrease",
                expected: "a finite number, 0 or above",
                found: self.min_error_decrease.to_string(),
            });
        }
        GradientBoosting {
            rounds: 1,
            eta: 1.0,
            max_depth: self.max_depth,
            reg_lambda: 0.0,
            gamma: self.min_error_decrease,
            min_child_weight: self.min_rows_per_leaf as f32,
            base_score: Some(0.0),
            ..GradientBoosting::default()
        }
        .fit_table(inputs, targets)
    }
}

impl Fit<Array2<f32>> for DecisionTree {
    type Fitted = BoostedTrees;

    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        _valid: &Dataset<Array2<f32>>,
        _seed: u64,
    ) -> chromex_core::Result<BoostedTrees> {
        Ok(self.fit_table(train.inputs.view(), train.targets.values.view())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_split_that_saves_too_little_is_not_made() {
        let inputs = array![[0.0_f32], [1.0], [2.0], [3.0]];
        let targets = array![[1.0_f32], [1.0], [3.0], [3.0]];
        // One split saves 4 of the squared errors, all there are.
        for (least, leaves) in [(0.0, 2), (3.5, 2), (4.5, 1)] {
            let tree = DecisionTree {
                min_error_decrease: least,
                ..DecisionTree::default()
            };
            let model = tree.fit_table(inputs.view(), targets.view()).unwrap();
            assert_eq!(model.trees()[0].nodes().len(), 2 * leaves - 1);
        }
    }
}
