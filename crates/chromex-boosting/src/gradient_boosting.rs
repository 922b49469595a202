//! Gradient boosting with XGBoost's algorithm.

use chromex_core::observe::{Observer, Silent};
use chromex_core::{Dataset, Fit};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::limits::MOST_TREES;
use crate::sampling::Sampling;
use crate::training::{Labels, Training};
use crate::tree::{self, Growth, Penalty};
use crate::{BinnedTable, BoostedTrees, Error, Loss, Objective, Result, Table, table};

/// The deepest trees that are grown level by level: each level may double the nodes.
const DEEPEST: usize = 30;

/// Boosts regression trees with XGBoost's algorithm.
///
/// The fields have XGBoost's names, and [`Default`] its defaults of version 1.5.1, which the published
/// GeneGPT-2 and GeneBERT scores were computed with. Inputs may miss values, as NaN: each split learns
/// which way they go. Samples of rows and columns come from the seed; without sampling nothing is drawn at random. The
/// trees are the same for every number of threads.
///
/// With [`TreeMethod::Exact`] the trees are those of XGBoost's `tree_method="exact"`: the same rounding,
/// and of equally good splits the same choice. With [`TreeMethod::Histogram`] they are those of XGBoost 3's `"hist"`:
/// columns of more values than bins are cut where its quantile sketch cuts them.
///
/// # Differences from XGBoost
///
/// - Samples of rows and columns are as large as XGBoost's, but others.
/// - Early stopping keeps the rounds up to the best, by 64-bit losses; XGBoost's 32-bit ones may stop changing sooner.
/// - A row's weight is never below 0, and inputs are never infinite.
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
    /// Rounds: trees per output, or trees where one serves all outputs.
    pub rounds: usize,
    /// What is minimised.
    pub objective: Objective,
    /// How several outputs share trees.
    pub multi_strategy: MultiStrategy,
    /// Learning rate: what each leaf's weight is multiplied with.
    pub eta: f32,
    /// Splits between root and leaf at most, up to 30; 0 sets no limit, by the histogram method only.
    pub max_depth: usize,
    /// Leaves of a tree at most; 0 sets no limit. Histogram method only.
    pub max_leaves: usize,
    /// Which split comes next. Histogram method only.
    pub grow_policy: GrowPolicy,
    /// Penalty on the squares of leaf weights.
    pub reg_lambda: f32,
    /// Penalty on the sizes of leaf weights.
    pub reg_alpha: f32,
    /// The least change of loss that a split must bring.
    pub gamma: f32,
    /// The least sum of second derivatives in a child; under squared error, its rows.
    pub min_child_weight: f32,
    /// The largest weight of a leaf; 0 sets no limit, and none is the objective's own.
    pub max_delta_step: Option<f32>,
    /// The fraction of the rows that each tree is grown on.
    pub subsample: f32,
    /// The fraction of the columns that each tree may divide rows by.
    pub colsample_bytree: f32,
    /// The fraction of those that each level may.
    pub colsample_bylevel: f32,
    /// The fraction of those that each node may.
    pub colsample_bynode: f32,
    /// For each column 1 where predictions may only rise with it, -1 where they may only fall, else 0. Empty binds none.
    /// Not with trees for several outputs.
    pub monotone_constraints: Vec<i8>,
    /// The prediction before the first tree; estimated from the targets where none, as XGBoost does from version 2 on.
    pub base_score: Option<f32>,
    /// Rounds after which boosting stops if none of them lowered the loss of the validation rows; what came after the best
    /// round is dropped. All rounds are boosted where none.
    pub early_stopping_rounds: Option<usize>,
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

/// Says which split is made next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrowPolicy {
    /// All of a level before any of the next.
    #[default]
    DepthWise,
    /// The one that lowers the loss most.
    LossGuided,
}

/// Says how several outputs share trees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MultiStrategy {
    /// Each tree adds to one output.
    #[default]
    OneOutputPerTree,
    /// Each tree adds to all: its leaves hold a weight for each, and its splits serve all together. Histogram method only.
    MultiOutputTree,
}

impl Default for GradientBoosting {
    fn default() -> Self {
        Self {
            rounds: 100,
            objective: Objective::SquaredError,
            multi_strategy: MultiStrategy::OneOutputPerTree,
            eta: 0.3,
            max_depth: 6,
            max_leaves: 0,
            grow_policy: GrowPolicy::DepthWise,
            reg_lambda: 1.0,
            reg_alpha: 0.0,
            gamma: 0.0,
            min_child_weight: 1.0,
            max_delta_step: None,
            subsample: 1.0,
            colsample_bytree: 1.0,
            colsample_bylevel: 1.0,
            colsample_bynode: 1.0,
            monotone_constraints: Vec::new(),
            base_score: Some(0.5),
            early_stopping_rounds: None,
            tree_method: TreeMethod::Exact,
        }
    }
}

impl GradientBoosting {
    /// Gives the defaults of XGBoost before 1.0 (`eta` 0.1, `max_depth` 3), which GeneGPT-2's notebook ran
    /// with, whose scores are others than the published ones.
    pub fn xgboost_0_90() -> Self {
        Self {
            eta: 0.1,
            max_depth: 3,
            ..Self::default()
        }
    }

    /// Gives the defaults of XGBoost 3: the histogram method with 256 bins, and an estimated base score.
    pub fn xgboost_3() -> Self {
        Self {
            base_score: None,
            tree_method: TreeMethod::Histogram { max_bins: 256 },
            ..Self::default()
        }
    }

    /// Fits trees to a table of inputs and one of targets. Draws, where there are any, are those of seed 0.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `targets` `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// As [`fit_tables`](Self::fit_tables).
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub fn fit_table(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
    ) -> Result<BoostedTrees> {
        self.fit_tables(&Table::new(inputs, targets), None, 0)
    }

    /// Fits trees to training rows; validation rows tell when to stop, where `early_stopping_rounds` asks for it.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range, or does not go with another; [`Error::Empty`] when there are no
    /// rows, columns or targets, or no validation rows to stop by; [`Error::Columns`] or [`Error::Targets`] when those
    /// differ from the training rows in columns; [`Error::Value`] when an input is infinite, a target not finite or not
    /// of the objective's range, or a weight below 0; [`Error::Weights`] when there are not as many weights as rows;
    /// [`Error::Overflow`] when predictions leave the range of 32-bit numbers.
    ///
    /// # Panics
    ///
    /// When inputs and targets differ in rows.
    pub fn fit_tables(
        &self,
        train: &Table<'_>,
        valid: Option<&Table<'_>>,
        seed: u64,
    ) -> Result<BoostedTrees> {
        self.fit_loss(&self.objective, train, valid, seed)
    }

    /// Fits trees to a loss of your own; `objective` is left aside.
    ///
    /// # Errors
    ///
    /// As [`fit_tables`](Self::fit_tables), and what the loss says of the targets.
    ///
    /// # Panics
    ///
    /// When inputs and targets differ in rows.
    pub fn fit_loss(
        &self,
        loss: &dyn Loss,
        train: &Table<'_>,
        valid: Option<&Table<'_>>,
        seed: u64,
    ) -> Result<BoostedTrees> {
        self.fit_observed(loss, train, valid, seed, &Silent)
    }

    /// Fits trees as [`fit_loss`](Self::fit_loss) does, and tells an observer of every round.
    ///
    /// # Errors
    ///
    /// As [`fit_loss`](Self::fit_loss).
    ///
    /// # Panics
    ///
    /// When inputs and targets differ in rows.
    pub fn fit_observed(
        &self,
        loss: &dyn Loss,
        train: &Table<'_>,
        valid: Option<&Table<'_>>,
        seed: u64,
        observer: &dyn Observer,
    ) -> Result<BoostedTrees> {
        assert_eq!(
            train.inputs.nrows(),
            train.targets.nrows(),
            "rows of inputs and targets"
        );
        let inputs = train.inputs;
        self.check(inputs.ncols())?;
        table::check_training(inputs, train.targets)?;
        table::check_weights(train.weights, inputs.nrows())?;
        let few_rows = inputs.nrows() <= usize::from(u16::MAX) + 1;
        let labels = Labels {
            columns: inputs.ncols(),
            targets: train.targets.reborrow(),
            weights: train.weights,
        };
        let training = self.training(loss, &labels, valid.map(Table::reborrow), seed, observer)?;
        match self.tree_method {
            TreeMethod::Exact if few_rows => {
                training.run(&tree::sort_columns::<u16>(inputs), &labels)
            }
            TreeMethod::Exact => training.run(&tree::sort_columns::<u32>(inputs), &labels),
            TreeMethod::Histogram { max_bins } => {
                let blocks = tree::bin_columns(inputs, train.weights, max_bins);
                training.run_binned(&blocks, &labels)
            }
        }
    }

    /// Fits trees to a table that is cut into bins already, by the histogram method; `max_bins` is left aside.
    ///
    /// # Shapes
    ///
    /// `targets` is `[rows, targets]`, `weights` has an entry per row.
    ///
    /// # Errors
    ///
    /// As [`fit_loss`](Self::fit_loss); further [`Error::Setting`] when the settings ask for the exact method.
    ///
    /// # Panics
    ///
    /// When the table and `targets` differ in rows.
    pub fn fit_binned(
        &self,
        table: &BinnedTable,
        targets: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
        valid: Option<&Table<'_>>,
        seed: u64,
        observer: &dyn Observer,
    ) -> Result<BoostedTrees> {
        assert_eq!(table.rows(), targets.nrows(), "rows of table and targets");
        self.check(table.columns())?;
        if self.tree_method == TreeMethod::Exact {
            return Err(Error::Setting {
                name: "tree_method",
                expected: "the histogram method, for a table of bins",
                found: "exact".into(),
            });
        }
        table::check_targets(targets)?;
        table::check_weights(weights, targets.nrows())?;
        let labels = Labels {
            columns: table.columns(),
            targets: targets.reborrow(),
            weights,
        };
        self.training(
            &self.objective,
            &labels,
            valid.map(Table::reborrow),
            seed,
            observer,
        )?
        .run_binned(table.blocks(), &labels)
    }

    fn training<'a>(
        &self,
        loss: &'a dyn Loss,
        labels: &Labels<'_>,
        valid: Option<Table<'a>>,
        seed: u64,
        observer: &'a dyn Observer,
    ) -> Result<Training<'a>> {
        loss.check(labels.targets)?;
        let stopping = match (self.early_stopping_rounds, valid) {
            (None, _) => None,
            (Some(_), None) => {
                return Err(Error::Empty {
                    part: "validation",
                    what: "rows",
                });
            }
            (Some(patience), Some(valid)) => {
                table::check_columns(valid.inputs, labels.columns)?;
                table::check_validation((valid.inputs, valid.targets), labels.targets.ncols())?;
                table::check_weights(valid.weights, valid.inputs.nrows())?;
                loss.check(valid.targets)?;
                Some((patience, valid))
            }
        };
        Ok(Training {
            loss,
            growth: self.growth(loss),
            sampling: Sampling {
                subsample: f64::from(self.subsample),
                colsample_bytree: f64::from(self.colsample_bytree),
                colsample_bylevel: f64::from(self.colsample_bylevel),
                colsample_bynode: f64::from(self.colsample_bynode),
            },
            rounds: self.rounds,
            one_tree: self.multi_strategy == MultiStrategy::MultiOutputTree,
            base_score: self.base_score,
            stopping,
            seed,
            observer,
        })
    }

    fn growth(&self, loss: &dyn Loss) -> Growth {
        let step = self.max_delta_step.unwrap_or(loss.max_delta_step());
        let bound = self.monotone_constraints.iter().any(|&way| way != 0);
        Growth {
            eta: self.eta,
            max_depth: self.max_depth,
            max_leaves: self.max_leaves,
            best_first: self.grow_policy == GrowPolicy::LossGuided,
            gamma: self.gamma,
            prune_afterwards: self.tree_method == TreeMethod::Exact,
            penalty: Penalty {
                reg_lambda: f64::from(self.reg_lambda),
                reg_alpha: f64::from(self.reg_alpha),
                min_child_weight: f64::from(self.min_child_weight),
                max_delta_step: f64::from(step),
                monotone: match bound {
                    true => self.monotone_constraints.clone(),
                    false => Vec::new(),
                },
            },
        }
    }

    /// Checks the settings, for a table of so many columns.
    fn check(&self, columns: usize) -> Result<()> {
        let refuse = |name, expected, found: String| {
            Err(Error::Setting {
                name,
                expected,
                found,
            })
        };
        if !(1..=MOST_TREES).contains(&self.rounds) {
            return refuse("rounds", "1 to 1000000", self.rounds.to_string());
        }
        for (name, value) in [
            ("eta", self.eta),
            ("reg_lambda", self.reg_lambda),
            ("reg_alpha", self.reg_alpha),
            ("gamma", self.gamma),
            ("min_child_weight", self.min_child_weight),
            ("max_delta_step", self.max_delta_step.unwrap_or(0.0)),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return refuse(name, "a finite number, 0 or above", value.to_string());
            }
        }
        for (name, value) in [
            ("subsample", self.subsample),
            ("colsample_bytree", self.colsample_bytree),
            ("colsample_bylevel", self.colsample_bylevel),
            ("colsample_bynode", self.colsample_bynode),
        ] {
            if !(value > 0.0 && value <= 1.0) {
                return refuse(name, "above 0, at most 1", value.to_string());
            }
        }
        if let Some(score) = self.base_score
            && !score.is_finite()
        {
            return refuse("base_score", "a finite number", score.to_string());
        }
        if self.max_depth > DEEPEST {
            return refuse("max_depth", "at most 30", self.max_depth.to_string());
        }
        let directions = &self.monotone_constraints;
        if !directions.is_empty() && directions.len() != columns {
            let found = format!("{} for {columns} columns", directions.len());
            return refuse("monotone_constraints", "one for each column", found);
        }
        if let Some(way) = directions.iter().find(|way| !(-1..=1).contains(*way)) {
            return refuse("monotone_constraints", "-1, 0 or 1", way.to_string());
        }
        let together = self.multi_strategy == MultiStrategy::MultiOutputTree;
        if together && directions.iter().any(|&way| way != 0) {
            let expected = "one tree per output, with constraints";
            return refuse("multi_strategy", expected, "multi_output_tree".into());
        }
        match self.tree_method {
            TreeMethod::Exact if self.max_depth == 0 => {
                refuse("max_depth", "1 to 30, by the exact method", "0".into())
            }
            TreeMethod::Exact if self.max_leaves > 0 => {
                let found = self.max_leaves.to_string();
                refuse("max_leaves", "0, by the exact method", found)
            }
            TreeMethod::Exact if self.grow_policy == GrowPolicy::LossGuided => refuse(
                "grow_policy",
                "depth wise, by the exact method",
                "loss guided".into(),
            ),
            TreeMethod::Exact if together => {
                let expected = "one tree per output, by the exact method";
                refuse("multi_strategy", expected, "multi_output_tree".into())
            }
            TreeMethod::Exact => Ok(()),
            TreeMethod::Histogram { max_bins } => tree::check_max_bins(max_bins),
        }
    }
}

impl Fit<Array2<f32>> for GradientBoosting {
    type Fitted = BoostedTrees;

    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        valid: &Dataset<Array2<f32>>,
        seed: u64,
    ) -> chromex_core::Result<BoostedTrees> {
        let table = |data| -> Table<'_> {
            let data: &Dataset<Array2<f32>> = data;
            Table::new(data.inputs.view(), data.targets.values.view())
        };
        Ok(self.fit_tables(&table(train), Some(&table(valid)), seed)?)
    }
}
