use serde::{Deserialize, Serialize};

use crate::limits::{at_least_zero, count, positive, share};
use crate::{Adaptation, Error, Precision, Result, Schedule};

/// Batches of a training: what a number of progress can still tell apart.
const MOST_STEPS: u64 = 1 << 53;
/// Batches that one step may average.
const MOST_ACCUMULATED: usize = 1_000_000;

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// How gradients move weights.
    pub optimizer: Optimizer,
    /// The peak learning rate.
    pub learning_rate: f64,
    /// How the learning rate moves.
    pub schedule: Schedule,
    /// Rows of a batch.
    pub batch_rows: usize,
    /// Batches whose gradients are averaged into one step.
    pub accumulate: usize,
    /// How long training goes on.
    pub length: Length,
    /// How gradients are limited.
    pub clip: Clip,
    /// Which weights training moves.
    #[serde(default, skip_serializing_if = "Adaptation::is_all")]
    pub adaptation: Adaptation,
    /// In what numbers it multiplies.
    #[serde(default, skip_serializing_if = "Precision::is_single")]
    pub precision: Precision,
    /// Parameters with a learning rate or a start of their own. A parameter belongs to the last group that
    /// names it; those of no group follow the recipe itself.
    pub groups: Vec<Group>,
    /// Steps between two looks at the validation rows; none looks after the step that ends each epoch.
    pub validate_every: Option<u64>,
    /// Which weights are kept.
    pub keep: Keep,
    /// By what they are chosen, and patience is measured.
    #[serde(default)]
    pub selection: Selection,
    /// Looks at the validation rows without a better one after which training stops.
    pub patience: Option<u32>,
    /// Steps between two reports of the training loss.
    pub report_every: u64,
}

/// How gradients move weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Optimizer {
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    AdamW {
        /// Decay of the first moment.
        beta_1: f32,
        /// Decay of the second moment.
        beta_2: f32,
        /// Added to the root of the second moment.
        epsilon: f32,
        /// Part of a weight that is taken away per unit of learning rate.
        weight_decay: f32,
        /// Which weights decay.
        decay: Decay,
    },
    /// Plain gradient descent, with momentum where it is not 0.
    Sgd {
        /// Part of the last step that is taken again.
        momentum: f64,
    },
    /// Layer-wise adaptive moments with bias correction (You et al. 2020), as NVIDIA's Apex has it where gradients are clipped
    /// to the joint norm 1. A layer is a tensor: queries, keys and values, which lie in one here, are one layer.
    Lamb {
        /// Decay of the first moment.
        beta_1: f32,
        /// Decay of the second moment.
        beta_2: f32,
        /// Added to the root of the second moment.
        epsilon: f32,
        /// Part of a weight that is added to its update.
        weight_decay: f32,
    },
    /// Layer-wise adaptive moments without bias correction, as in the paper's first version and the code that CornBERT used.
    LambUncorrected {
        /// Decay of the first moment.
        beta_1: f32,
        /// Decay of the second moment.
        beta_2: f32,
        /// Added to the root of the second moment.
        epsilon: f32,
        /// Part of a weight that is added to its update.
        weight_decay: f32,
        /// The norm that a tensor's weights count as at most; published 10.
        largest_norm: f32,
    },
}

/// Which weights decay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// All of them.
    All,
    /// All but biases, those of normalisations included.
    ExceptBiases,
}

/// How long training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// A number of optimiser steps.
    Steps(u64),
    /// A number of times through the training rows.
    Epochs(u64),
}

/// How gradients are limited.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clip {
    /// They are not.
    None,
    /// All gradients are scaled together so that their joint Euclidean norm is at most this.
    GlobalNorm(f64),
    /// Each number is cut to plus or minus this.
    Value(f64),
}

/// Parameters with a learning rate or a start of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What progress calls the group: its rate is reported as `learning_rate` and this name.
    pub name: String,
    /// Beginnings of parameter paths, such as `blocks.5.`.
    pub prefixes: Vec<String>,
    /// The group's peak learning rate.
    pub learning_rate: f64,
    /// The step at which the group thaws. Until then its gradients are dropped, so that no moments
    /// accumulate and no joint norm counts them; its schedule starts there.
    pub from_step: u64,
}

/// Which weights are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Those of the last step.
    Last,
    /// Those that the validation rows prefer by [`Recipe::selection`].
    BestValidation,
}

/// By what validation rows choose among the weights of a training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Selection {
    /// The lowest loss.
    #[default]
    Loss,
    /// The highest Pearson correlation of the first target.
    Pearson,
    /// The largest area under the receiver operating characteristic of the first target.
    AreaUnderRoc,
}

impl Default for Optimizer {
    /// AdamW as PyTorch has it: β 0.9 and 0.999, ε 1e-8, decay 0.01 of every weight.
    fn default() -> Self {
        Self::AdamW {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
            decay: Decay::All,
        }
    }
}

impl Optimizer {
    /// Refuses settings with which a step is no number.
    fn check(&self) -> Result<()> {
        match *self {
            Self::Sgd { momentum } => share("momentum", momentum),
            Self::AdamW {
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
                ..
            }
            | Self::Lamb {
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
            }
            | Self::LambUncorrected {
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
                ..
            } => {
                share("beta_1", f64::from(beta_1))?;
                share("beta_2", f64::from(beta_2))?;
                at_least_zero("epsilon", f64::from(epsilon))?;
                at_least_zero("weight_decay", f64::from(weight_decay))?;
                match *self {
                    Self::LambUncorrected { largest_norm, .. } => {
                        positive("largest_norm", f64::from(largest_norm))
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

impl Default for Recipe {
    /// AdamW at 1e-3, batches of 64 rows, 10 epochs, last weights.
    fn default() -> Self {
        Self {
            optimizer: Optimizer::default(),
            learning_rate: 1e-3,
            schedule: Schedule::Constant,
            batch_rows: 64,
            accumulate: 1,
            length: Length::Epochs(10),
            clip: Clip::None,
            adaptation: Adaptation::All,
            precision: Precision::Single,
            groups: Vec::new(),
            validate_every: None,
            keep: Keep::Last,
            selection: Selection::Loss,
            patience: None,
            report_every: 10,
        }
    }
}

impl Recipe {
    /// Refuses settings that cannot train.
    pub(crate) fn check(&self) -> Result<()> {
        positive("learning_rate", self.learning_rate)?;
        count("batch_rows", self.batch_rows, usize::MAX)?;
        count("accumulate", self.accumulate, MOST_ACCUMULATED)?;
        let steps = |name, found: u64| match found {
            0 => Err(Error::Setting {
                name,
                expected: "at least 1".into(),
                found: "0".into(),
            }),
            _ => Ok(()),
        };
        steps("report_every", self.report_every)?;
        match self.length {
            Length::Steps(count) | Length::Epochs(count) => steps("length", count)?,
        }
        steps("validate_every", self.validate_every.unwrap_or(1))?;
        match self.clip {
            Clip::None => {}
            Clip::GlobalNorm(limit) | Clip::Value(limit) => positive("clip", limit)?,
        }
        for group in &self.groups {
            positive("learning_rate of a group", group.learning_rate)?;
        }
        if let Schedule::InverseTime { decay } = self.schedule {
            at_least_zero("decay of the schedule", decay)?;
        }
        if let Adaptation::LowRank(low) = &self.adaptation {
            positive("alpha of the adaptation", low.alpha)?;
        }
        self.optimizer.check()
    }

    /// Counts the steps of a training on so many rows, at least one.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there are more than [`MOST_STEPS`], or as many batches.
    pub(crate) fn total_steps(&self, rows: usize) -> Result<u64> {
        let batches = rows.div_ceil(self.batch_rows.max(1)) as u64;
        let accumulate = self.accumulate.max(1) as u64;
        let (asked, steps) = match self.length {
            Length::Steps(steps) => (steps, Some(steps)),
            // Batches run on from one time through to the next.
            Length::Epochs(epochs) => {
                let all = epochs.checked_mul(batches);
                (epochs, all.map(|all| all.div_ceil(accumulate)))
            }
        };
        let fits = |steps: &u64| {
            let all = steps.checked_mul(accumulate);
            all.is_some_and(|all| all <= MOST_STEPS)
        };
        steps.filter(fits).ok_or_else(|| Error::Setting {
            name: "length",
            expected: format!("at most {MOST_STEPS} batches in all, {batches} in an epoch"),
            found: match self.length {
                Length::Steps(_) => format!("{asked} steps"),
                Length::Epochs(_) => format!("{asked} epochs"),
            },
        })
    }

    /// Gives the learning rates of a step, 0-based, of `total`: of the parameters of no group, then of each group; none while a
    /// group is frozen.
    ///
    /// # Examples
    ///
    /// ```
    /// use chromex_nn::{Group, Recipe};
    /// let group = Group {
    ///     name: "lower layers".into(),
    ///     prefixes: vec!["blocks.".into()],
    ///     learning_rate: 0.5,
    ///     from_step: 400,
    /// };
    /// let recipe = Recipe { learning_rate: 2.0, groups: vec![group], ..Recipe::default() };
    /// assert_eq!(recipe.learning_rates(399, 1000), [Some(2.0), None]);
    /// assert_eq!(recipe.learning_rates(400, 1000), [Some(2.0), Some(0.5)]);
    /// ```
    pub fn learning_rates(&self, step: u64, total: u64) -> Vec<Option<f64>> {
        let own = [(self.learning_rate, 0)].into_iter();
        let groups = self.groups.iter();
        own.chain(groups.map(|group| (group.learning_rate, group.from_step)))
            .map(|(peak, from)| {
                let left = total.saturating_sub(from);
                let since = step.checked_sub(from)?;
                Some(peak * self.schedule.factor(since, left))
            })
            .collect()
    }

    /// Names the learning rates of a step for those who listen; a group that is frozen has none.
    pub(crate) fn named_rates(&self, step: u64, total: u64) -> Vec<(String, f64)> {
        let groups = self
            .groups
            .iter()
            .map(|group| format!("learning_rate {}", group.name));
        let names = std::iter::once("learning_rate".to_owned()).chain(groups);
        let rates = self.learning_rates(step, total);
        names
            .zip(rates)
            .filter_map(|(name, rate)| Some((name, rate?)))
            .collect()
    }

    /// Tells to which group a parameter belongs, if to any.
    pub(crate) fn group_of(&self, path: &str) -> Option<usize> {
        let named = |group: &Group| group.prefixes.iter().any(|prefix| path.starts_with(prefix));
        self.groups.iter().rposition(named)
    }

    /// Tells whether training needs validation rows.
    pub(crate) fn needs_validation(&self) -> bool {
        self.keep == Keep::BestValidation || self.patience.is_some()
    }
}
