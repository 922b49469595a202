//! A model as all formats hold it, before its parts have been brought together.

use super::nodes::StoredTree;
use super::value::{Value, malformed};
use super::{Remainder, XgboostModel};
use crate::boosted_trees::Ensemble;
use crate::{BoostedLinear, BoostedTrees, Link, Result};

/// What the formats hold.
pub(super) struct Learner {
    pub(super) columns: usize,
    /// As files have it: 0 for no classes.
    pub(super) classes: usize,
    pub(super) targets: usize,
    /// One for all outputs, or one for each.
    pub(super) base_scores: Vec<f32>,
    pub(super) objective: String,
    pub(super) booster: Booster,
    pub(super) column_names: Vec<String>,
    pub(super) attributes: Vec<(String, String)>,
    /// Fields of the objective beside its name.
    pub(super) objective_fields: Vec<(String, Value)>,
    pub(super) column_types: Vec<String>,
}

pub(super) enum Booster {
    Trees(Trees),
    Linear(Vec<f32>),
}

pub(super) struct Trees {
    pub(super) trees: Vec<StoredTree>,
    /// The output of each tree.
    pub(super) outputs: Vec<i64>,
    /// The first tree of each round and the number of trees, where the file tells.
    pub(super) rounds: Option<Vec<i64>>,
    /// Trees of a round for one output, where it does not.
    pub(super) parallel: usize,
    /// What each tree is multiplied with.
    pub(super) weights: Option<Vec<f32>>,
}

impl Learner {
    /// Brings the parts together. `most_outputs` is how many there may be.
    pub(super) fn into_model(mut self, most_outputs: usize) -> Result<XgboostModel> {
        let link = Link::of_objective(&self.objective).ok_or_else(|| {
            let found = format!("`{}`", self.objective);
            malformed("learner.objective.name", "an objective of XGBoost's", found)
        })?;
        let outputs = self.classes.max(self.targets).max(1);
        if self.classes > 1 && self.targets > 1 {
            let found = format!("{} classes and {} targets", self.classes, self.targets);
            return Err(malformed(PARAMETERS, "classes or targets", found));
        }
        if outputs > most_outputs {
            let expected = format!("at most {most_outputs} outputs in a file of this size");
            return Err(malformed(PARAMETERS, expected, outputs.to_string()));
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
        let best_round = self.best_round()?;
        let remainder = Remainder {
            attributes: self.attributes,
            objective: self.objective_fields,
            column_types: self.column_types,
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
                let rounds = trees.rounds()?;
                let (trees, outputs_of) = trees.into_trees(self.columns, outputs)?;
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

    /// Takes out the name of an objective that XGBoost does not have, which [`super::schema`] put aside.
    fn custom_objective(&mut self, link: Link) -> String {
        let place = self
            .attributes
            .iter()
            .position(|(key, _)| key == super::CUSTOM_OBJECTIVE);
        match place {
            Some(place) if self.objective == link.objective() => self.attributes.remove(place).1,
            _ => std::mem::take(&mut self.objective),
        }
    }

    fn best_round(&mut self) -> Result<Option<usize>> {
        let place = self
            .attributes
            .iter()
            .position(|(key, _)| key == super::BEST_ROUND);
        // A linear model predicts by all its rounds.
        let Some(place) = place.filter(|_| matches!(self.booster, Booster::Trees(_))) else {
            return Ok(None);
        };
        let text = self.attributes.remove(place).1;
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
    fn rounds(&self) -> Result<Vec<usize>> {
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
            .and_then(|outputs| outputs.checked_add(1)?.checked_mul(self.parallel))
            .filter(|&width| width > 0 && trees.is_multiple_of(width));
        match width {
            Some(width) => Ok((0..=trees).step_by(width).collect()),
            None => {
                let expected = "as many trees in each round";
                Err(malformed(place, expected, format!("{trees} trees")))
            }
        }
    }

    fn into_trees(self, columns: usize, outputs: usize) -> Result<(Vec<crate::Tree>, Vec<u32>)> {
        let weights = self.weights.unwrap_or_else(|| vec![1.0; self.trees.len()]);
        for (what, found) in [
            ("tree_info", self.outputs.len()),
            ("weight_drop", weights.len()),
        ] {
            if found != self.trees.len() {
                let place = format!("learner.gradient_booster.model.{what}");
                let expected = format!("an element for each of {} trees", self.trees.len());
                return Err(malformed(place, expected, found.to_string()));
            }
        }
        let outputs_of = self.outputs.iter().enumerate().map(|(tree, &output)| {
            let number = u32::try_from(output).ok();
            number
                .filter(|&output| (output as usize) < outputs)
                .ok_or_else(|| {
                    let place = format!("learner.gradient_booster.model.tree_info[{tree}]");
                    malformed(place, "an output of the model", output.to_string())
                })
        });
        let outputs_of = outputs_of.collect::<Result<Vec<u32>>>()?;
        let trees = self.trees.into_iter().zip(weights).enumerate();
        let trees = trees.map(|(index, (tree, weight))| tree.into_tree(index, columns, weight));
        Ok((trees.collect::<Result<_>>()?, outputs_of))
    }
}
