//! Gradient boosting with XGBoost's algorithm.

use chromex_core::{Dataset, Fit};
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::boosted_trees::Ensemble;
use crate::tree::{self, Columns, Grower, Growth};
use crate::{BoostedTrees, Error, Link, Result, table};

/// The deepest trees that are grown: each level may double the nodes.
const DEEPEST: usize = 30;

/// Boosts regression trees on squared error, one tree per round and target, with XGBoost's algorithm.
///
/// The fields have XGBoost's names, and [`Default`] its defaults of version 1.5.1, which the published
/// GeneGPT-2 and GeneBERT scores were computed with. Inputs may miss values, as NaN: each split learns
/// which way they go. Nothing is drawn at random, so the seed changes nothing, and the trees are the same
/// for every number of threads.
///
/// With [`TreeMethod::Exact`] the trees are those of XGBoost 1.5.1's `tree_method="exact"`: the same rounding,
/// and of equally good splits the same choice. With [`TreeMethod::Histogram`] they are those of XGBoost 3's
/// `"hist"` as long as no column has more distinct values than bins.
///
/// # Differences from XGBoost
///
/// - Rows and columns are not sampled, and rows have no weights.
/// - The base score is given, not estimated from the targets (as XGBoost does from version 2 on).
/// - Columns of more values than bins are cut at exact quantiles; XGBoost sketches them.
/// - XGBoost 3 divides scores in 32 bits, 1.5.1 and this crate in 64. That may turn a tie.
///
/// # Citation
///
/// Chen and Guestrin, XGBoost: a scalable tree boosting system, KDD 2016,
/// <https://doi.org/10.1145/2939672.2939785>.
///
/// # Examples
///
/// ```
/// use chromex_boosting::GradientBoosting;
/// use ndarray::{Array2, array};
///
/// let marks: Array2<f32> = array![[0.0, 3.0], [1.0, 2.0], [8.0, 2.0], [9.0, 3.0]];
/// let expression: Array2<f32> = array![[0.5], [0.5], [4.5], [4.5]];
/// let model = GradientBoosting::default().fit_table(marks.view(), expression.view())?;
/// let predicted = model.predict_table(marks.view())?;
/// assert!((predicted[[3, 0]] - 4.5).abs() < 0.01);
/// # Ok::<(), chromex_boosting::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientBoosting {
    /// Trees per target.
    pub rounds: usize,
    /// Learning rate: what each leaf's weight is multiplied with.
    pub eta: f32,
    /// Splits between root and leaf at most, from 1 to 30.
    pub max_depth: usize,
    /// Penalty on the squares of leaf weights.
    pub reg_lambda: f32,
    /// The least change of loss that a split must bring.
    pub gamma: f32,
    /// The least sum of second derivatives in a child; under squared error, its rows.
    pub min_child_weight: f32,
    /// The prediction before the first tree.
    pub base_score: f32,
    /// How splits are found.
    pub tree_method: TreeMethod,
}

/// Says where splits are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TreeMethod {
    /// Between all neighbouring values. Time grows with rows times columns times depth.
    Exact,
    /// Between bins of values: faster for many rows, nearly as good.
    Histogram {
        /// Bins per column at most, from 2 to 65535; XGBoost's default is 256.
        max_bins: usize,
    },
}

impl Default for GradientBoosting {
    fn default() -> Self {
        Self {
            rounds: 100,
            eta: 0.3,
            max_depth: 6,
            reg_lambda: 1.0,
            gamma: 0.0,
            min_child_weight: 1.0,
            base_score: 0.5,
            tree_method: TreeMethod::Exact,
        }
    }
}

impl GradientBoosting {
    /// Gives the defaults of XGBoost before 1.0 (`eta` 0.1, `max_depth` 3), which GeneGPT-2's published
    /// notebook ran with.
    pub fn xgboost_0_90() -> Self {
        Self {
            eta: 0.1,
            max_depth: 3,
            ..Self::default()
        }
    }

    /// Fits trees to a table of inputs and one of targets.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `targets` `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range; [`Error::Empty`] when there are no rows, columns
    /// or targets; [`Error::Value`] when an input is infinite or a target is not finite;
    /// [`Error::Overflow`] when predictions leave the range of 32-bit numbers.
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub fn fit_table(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
    ) -> Result<BoostedTrees> {
        assert_eq!(
            inputs.nrows(),
            targets.nrows(),
            "rows of inputs and targets"
        );
        self.check()?;
        table::check_training(inputs, targets)?;
        let few_rows = inputs.nrows() <= usize::from(u16::MAX) + 1;
        match self.tree_method {
            TreeMethod::Exact if few_rows => {
                self.boost(inputs, targets, tree::sort_columns::<u16>(inputs))
            }
            TreeMethod::Exact => self.boost(inputs, targets, tree::sort_columns::<u32>(inputs)),
            TreeMethod::Histogram { max_bins } => {
                // Missing values have a bin of their own.
                let most = max_bins + usize::from(tree::has_missing(inputs));
                if most <= usize::from(u8::MAX) + 1 {
                    self.boost(inputs, targets, tree::bin_columns::<u8>(inputs, max_bins))
                } else {
                    self.boost(inputs, targets, tree::bin_columns::<u16>(inputs, max_bins))
                }
            }
        }
    }

    fn boost<B: Columns>(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
        blocks: Vec<B>,
    ) -> Result<BoostedTrees> {
        let mut grower = Grower::new(self.growth(), inputs, blocks);
        let mut gradients = vec![0.0; inputs.nrows()];
        let outputs = targets.ncols();
        let mut predictions = vec![vec![self.base_score; inputs.nrows()]; outputs];
        let mut trees = Vec::with_capacity(self.rounds * outputs);
        for _ in 0..self.rounds {
            for (target, predictions) in targets.axis_iter(Axis(1)).zip(&mut predictions) {
                let pairs = predictions.iter().zip(target);
                for (gradient, (prediction, truth)) in gradients.iter_mut().zip(pairs) {
                    // XGBoost's gradients have 32 bits; sums of them have 64.
                    *gradient = f64::from(prediction - truth);
                    if !gradient.is_finite() {
                        return Err(Error::Overflow { what: "gradient" });
                    }
                }
                trees.push(grower.grow(&gradients, predictions));
            }
        }
        BoostedTrees::new(Ensemble {
            columns: inputs.ncols(),
            column_names: Vec::new(),
            objective: "reg:squarederror".into(),
            link: Link::Identity,
            base_scores: vec![self.base_score; outputs],
            outputs: (0..trees.len())
                .map(|tree| (tree % outputs) as u32)
                .collect(),
            rounds: (0..=self.rounds).map(|round| round * outputs).collect(),
            trees,
            best_round: None,
        })
    }

    fn growth(&self) -> Growth {
        Growth {
            eta: self.eta,
            max_depth: self.max_depth,
            gamma: self.gamma,
            reg_lambda: self.reg_lambda,
            min_child_weight: self.min_child_weight,
            prune_afterwards: self.tree_method == TreeMethod::Exact,
        }
    }

    fn check(&self) -> Result<()> {
        let not_negative = |value: f32| value.is_finite() && value >= 0.0;
        let settings = [
            (
                "rounds",
                self.rounds >= 1,
                "at least 1",
                self.rounds.to_string(),
            ),
            (
                "eta",
                not_negative(self.eta),
                "a finite number, 0 or above",
                self.eta.to_string(),
            ),
            (
                "max_depth",
                (1..=DEEPEST).contains(&self.max_depth),
                "1 to 30",
                self.max_depth.to_string(),
            ),
            (
                "reg_lambda",
                not_negative(self.reg_lambda),
                "a finite number, 0 or above",
                self.reg_lambda.to_string(),
            ),
            (
                "gamma",
                not_negative(self.gamma),
                "a finite number, 0 or above",
                self.gamma.to_string(),
            ),
            (
                "min_child_weight",
                not_negative(self.min_child_weight),
                "a finite number, 0 or above",
                self.min_child_weight.to_string(),
            ),
            (
                "base_score",
                self.base_score.is_finite(),
                "a finite number",
                self.base_score.to_string(),
            ),
        ];
        for (name, holds, expected, found) in settings {
            if !holds {
                return Err(Error::Setting {
                    name,
                    expected,
                    found,
                });
            }
        }
        match self.tree_method {
            TreeMethod::Histogram { max_bins }
                if !(2..=usize::from(u16::MAX)).contains(&max_bins) =>
            {
                Err(Error::Setting {
                    name: "max_bins",
                    expected: "2 to 65535",
                    found: max_bins.to_string(),
                })
            }
            _ => Ok(()),
        }
    }
}

impl Fit<Array2<f32>> for GradientBoosting {
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
