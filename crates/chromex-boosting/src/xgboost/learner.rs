//! A model as all formats hold it, before its parts have been brought together.

use std::collections::BTreeMap;

use super::nodes::StoredTree;
use super::value::{Value, malformed};
use super::{Remainder, XgboostModel};
use crate::boosted_trees::Ensemble;
use crate::{BoostedLinear, BoostedTrees, Link, Result, Tree};

/// The margin that XGBoost predicts before the first round.
const UNFITTED: f32 = 0.5;

/// What the formats hold.
pub(super) struct Learner {
    pub(super) columns: usize,
    /// As files have it: 0 for no classes.
    pub(super) classes: usize,
    pub(super) targets: usize,
    /// One for all outputs, or one for each.
    pub(super) base_scores: Vec<f32>,
    /// Whether XGBoost has yet to estimate base scores: then it predicts from [`UNFITTED`] on.
    pub(super) unfitted: bool,
    pub(super) objective: String,
    pub(super) booster: Booster,
    pub(super) column_names: Vec<String>,
    pub(super) attributes: BTreeMap<String, String>,
    /// Fields of the objective beside its name.
    pub(super) objective_fields: Vec<(String, Value)>,
    pub(super) column_types: Vec<String>,
    /// Which XGBoost wrote the file, where it says so.
    pub(super) version: Option<[u32; 3]>,
}

/// The newest XGBoost whose models' predictions were compared with this crate's.
const TESTED: [u32; 3] = [3, 4, 1];

/// The first XGBoost that predicts several quantiles in ascending order, whichever its trees add up to.
const ASCENDING: [u32; 3] = [3, 4, 0];

/// Spells a version.
pub(super) fn spelt(version: [u32; 3]) -> String {
    version.map(|number| number.to_string()).join(".")
}

/// Refuses versions that nobody compared predictions with, unless they are asked for.
pub(super) fn check_version(version: [u32; 3], untested: bool) -> Result<[u32; 3]> {
    if version <= TESTED || untested {
        return Ok(version);
    }
    let expected = format!(
        "{} or older, whose predictions are known to be met; compare predictions, and read it by `XgboostModel::load_untested`",
        spelt(TESTED)
    );
    Err(malformed("version", expected, spelt(version)))
}

pub(super) enum Booster {
    Trees(Trees),
    /// The weights, the intercepts last.
    Linear(Vec<f32>),
}

pub(super) struct Trees {
    pub(super) trees: Vec<StoredTree>,
    /// The output of each tree.
    pub(super) outputs: Vec<i64>,
    /// The first tree of each round and the number of trees, where the file tells.
    pub(super) rounds: Option<Vec<i64>>,
    /// Trees of a round for one output, where the file tells.
    pub(super) parallel: Option<usize>,
    /// What each tree is multiplied with.
    pub(super) weights: Option<Vec<f32>>,
}

impl Learner {
    /// Brings the parts together. `most_outputs` is how many there may be.
    pub(super) fn into_model(mut self, most_outputs: usize) -> Result<XgboostModel> {
        let outputs = self.classes.max(self.targets).max(1);
        let link = self.link(outputs)?;
        if self.classes > 1 && self.targets > 1 {
            let found = format!("{} classes and {} targets", self.classes, self.targets);
            return Err(malformed(PARAMETERS, "classes or targets", found));
        }
        if outputs > most_outputs {
            let expected = format!("at most {most_outputs} outputs in a file of this size");
            return Err(malformed(PARAMETERS, expected, outputs.to_string()));
        }
        if self.unfitted {
            let mut score = ndarray::arr1(&[UNFITTED]);
            if matches!(link, Link::Logistic | Link::Exponential) {
                link.apply(score.view_mut());
            }
            self.base_scores = vec![score[0]];
        }
        if self.base_scores.len() == 1 {
            self.base_scores.resize(outputs, self.base_scores[0]);
        }
        if self.base_scores.len() != outputs {
            let place = format!("{PARAMETERS}.base_score");
            let expected = format!("a number for each of {outputs} outputs");
            return Err(malformed(
                place,
                expected,
                self.base_scores.len().to_string(),
            ));
        }
        let objective = self.custom_objective(link);
        let parallel = self.parallel();
        let best_round = self.best_round()?;
        let remainder = Remainder {
            attributes: self.attributes,
            objective: self.objective_fields,
            column_types: self.column_types,
            version: self.version,
        };
        match self.booster {
            Booster::Linear(weights) => Ok(XgboostModel::Linear(BoostedLinear::new(
                self.columns,
                self.column_names,
                objective,
                link,
                self.base_scores,
                weights,
                remainder,
            )?)),
            Booster::Trees(trees) => {
                let outputs_of = trees.outputs_of(outputs)?;
                let rounds = trees.rounds(parallel)?;
                let trees = trees.into_trees(self.columns)?;
                let mut model = BoostedTrees::new(Ensemble {
                    columns: self.columns,
                    column_names: self.column_names,
                    objective,
                    link,
                    base_scores: self.base_scores,
                    trees,
                    outputs: outputs_of,
                    rounds,
                    best_round,
                })?;
                model.keep(remainder);
                Ok(XgboostModel::Trees(model))
            }
        }
    }

    /// Finds how margins become predictions, which for quantiles depends on the version.
    fn link(&self, outputs: usize) -> Result<Link> {
        let link = Link::of_objective(&self.objective).ok_or_else(|| {
            let expected = "an objective whose predictions are known";
            let found = format!("`{}`", self.objective);
            malformed("learner.objective.name", expected, found)
        })?;
        if self.objective != Link::Ascending.objective() {
            return Ok(link);
        }
        match self.version {
            Some(version) if version >= ASCENDING => Ok(Link::Ascending),
            None if outputs > 1 => {
                let expected =
                    "the version of XGBoost, by which several quantiles are sorted or are not";
                Err(malformed("version", expected, "none"))
            }
            _ => Ok(link),
        }
    }

    /// Takes out the name of an objective that XGBoost does not have, which [`super::schema`] put aside.
    fn custom_objective(&mut self, link: Link) -> String {
        if self.objective == link.objective()
            && let Some(name) = self.attributes.remove(super::CUSTOM_OBJECTIVE)
        {
            return name;
        }
        std::mem::take(&mut self.objective)
    }

    /// Counts the trees of a round for one output. Versions before 1.6 do not store it, but note the best round as a
    /// number of such trees, too.
    fn parallel(&self) -> usize {
        let Booster::Trees(trees) = &self.booster else {
            return 1;
        };
        let number = |key: &str| {
            let attribute = self.attributes.get(key);
            attribute.and_then(|text| text.parse::<u32>().ok())
        };
        let noted = number("best_ntree_limit")
            .zip(number(super::BEST_ROUND))
            .map(|(trees, round)| trees as usize / (round as usize + 1));
        trees.parallel.or(noted).unwrap_or(1).max(1)
    }

    fn best_round(&mut self) -> Result<Option<usize>> {
        // A linear model predicts by all its rounds.
        if matches!(self.booster, Booster::Linear(_)) {
            return Ok(None);
        }
        let Some(text) = self.attributes.remove(super::BEST_ROUND) else {
            return Ok(None);
        };
        let round = text.trim().parse().map_err(|_| {
            let place = format!("learner.attributes.{}", super::BEST_ROUND);
            malformed(place, "the number of a round", format!("`{text}`"))
        })?;
        Ok(Some(round))
    }
}

/// Where a document tells the number of outputs.
const PARAMETERS: &str = "learner.learner_model_param";

impl Trees {
    /// Finds the first tree of each round, as XGBoost does in files that do not say it.
    fn rounds(&self, parallel: usize) -> Result<Vec<usize>> {
        let trees = self.trees.len();
        let place = "learner.gradient_booster.model.iteration_indptr";
        if let Some(rounds) = &self.rounds {
            let rounds: Option<Vec<usize>> =
                rounds.iter().map(|&first| first.try_into().ok()).collect();
            return rounds.ok_or_else(|| malformed(place, "numbers of trees", "one below 0"));
        }
        let outputs = self.outputs.iter().copied().max().unwrap_or(0);
        let width = usize::try_from(outputs)
            .ok()
            .and_then(|outputs| outputs.checked_add(1)?.checked_mul(parallel))
            .filter(|&width| width > 0 && trees.is_multiple_of(width));
        match width {
            Some(width) => Ok((0..=trees).step_by(width).collect()),
            None => {
                let expected = "as many trees in each round";
                Err(malformed(place, expected, format!("{trees} trees")))
            }
        }
    }

    /// Checks the output of each tree.
    fn outputs_of(&self, outputs: usize) -> Result<Vec<u32>> {
        self.check_length("tree_info", self.outputs.len())?;
        let outputs_of = self.outputs.iter().enumerate().map(|(tree, &output)| {
            let number = u32::try_from(output).ok();
            number
                .filter(|&output| (output as usize) < outputs)
                .ok_or_else(|| {
                    let place = format!("learner.gradient_booster.model.tree_info[{tree}]");
                    malformed(place, "an output of the model", output.to_string())
                })
        });
        outputs_of.collect()
    }

    fn into_trees(mut self, columns: usize) -> Result<Vec<Tree>> {
        let weights = self.weights.take();
        let weights = weights.unwrap_or_else(|| vec![1.0; self.trees.len()]);
        self.check_length("weight_drop", weights.len())?;
        let trees = self.trees.into_iter().zip(weights).enumerate();
        let trees = trees.map(|(index, (tree, weight))| tree.into_tree(index, columns, weight));
        trees.collect()
    }

    fn check_length(&self, what: &str, found: usize) -> Result<()> {
        if found == self.trees.len() {
            return Ok(());
        }
        let place = format!("learner.gradient_booster.model.{what}");
        let expected = format!("an element for each of {} trees", self.trees.len());
        Err(malformed(place, expected, found.to_string()))
    }
}
