//! The schema of XGBoost's JSON and UBJSON models.

use std::collections::BTreeMap;

use chromex_core::seal;

use super::json;
use super::learner::{self, Booster, Learner, Trees};
use super::nodes::{self, StoredTree};
use super::value::{Fields, Value, malformed};
use super::{BEST_ROUND, CUSTOM_OBJECTIVE, Remainder};
use crate::{BoostedLinear, BoostedTrees, Link, Result};

/// The version of XGBoost whose schema is written: it reads quantiles as they are, a newer one in ascending order.
const VERSION: [u32; 3] = [3, 2, 0];
const VERSION_OF_ASCENDING: [u32; 3] = [3, 4, 1];

/// Understands a document. `sealed` says that it carries the checksum of its content, and that it is right.
pub(super) fn read(document: Value, sealed: bool, untested: bool) -> Result<Learner> {
    let mut document = Fields::new("", document)?;
    if sealed {
        document.skip(&[seal::KEY]);
    } else if document.has(seal::KEY) {
        let expected = "the checksum where chromex writes it; remove the field if another program wrote the rest anew";
        return Err(malformed(seal::KEY, expected, "it elsewhere"));
    }
    let mut learner = document.fields("learner")?;
    let version = version(&mut document, untested)?;
    document.done()?;
    let mut parameters = learner.fields("learner_model_param")?;
    let columns = parameters.count("num_feature")?.unwrap_or(0);
    let base_scores = base_scores(&mut parameters)?;
    let mut objective = learner.fields("objective")?;
    let estimates = parameters.count("boost_from_average")?.unwrap_or(0) != 0;
    let (booster, fitted) = booster(learner.fields("gradient_booster")?)?;
    let read = Learner {
        columns,
        classes: parameters.count("num_class")?.unwrap_or(0),
        targets: parameters.count("num_target")?.unwrap_or(1),
        base_scores,
        unfitted: estimates && !fitted,
        objective: objective.text("name")?,
        booster,
        column_names: learner.texts("feature_names")?,
        attributes: attributes(&mut learner)?,
        objective_fields: objective.rest(),
        column_types: learner.texts("feature_types")?,
        version,
    };
    parameters.done()?;
    learner.done()?;
    Ok(read)
}

/// Reads which XGBoost wrote the document.
fn version(document: &mut Fields, untested: bool) -> Result<Option<[u32; 3]>> {
    if !document.has("version") {
        return Ok(None);
    }
    let numbers = document.longs("version")?;
    let version: Option<Vec<u32>> = numbers.iter().map(|&n| n.try_into().ok()).collect();
    match version.and_then(|version| version.try_into().ok()) {
        Some(version) => learner::check_version(version, untested).map(Some),
        None => {
            let found = format!("{} others", numbers.len());
            Err(malformed("version", "three numbers of 0 or above", found))
        }
    }
}

/// Reads what XGBoost writes as a string: a number before version 3.1, then a list of numbers.
fn base_scores(parameters: &mut Fields) -> Result<Vec<f32>> {
    let text = parameters.text("base_score")?;
    let scores = match json::read(text.as_bytes()) {
        Ok(Value::Numbers(scores)) => scores,
        Ok(Value::Longs(scores)) => scores.into_iter().map(|score| score as f32).collect(),
        Ok(Value::Number(score)) => vec![score],
        Ok(Value::Integer(score)) => vec![score as f32],
        _ => Vec::new(),
    };
    if scores.is_empty() {
        let text: String = text.chars().take(40).collect();
        let place = parameters.place("base_score");
        return Err(malformed(place, "numbers in a string", format!("`{text}`")));
    }
    Ok(scores)
}

fn attributes(learner: &mut Fields) -> Result<BTreeMap<String, String>> {
    if !learner.has("attributes") {
        return Ok(BTreeMap::new());
    }
    let attributes = learner.fields("attributes")?;
    let place = attributes.place("");
    let attributes = attributes
        .rest()
        .into_iter()
        .map(|(key, value)| match value {
            Value::Text(text) => Ok((key, text)),
            other => Err(malformed(format!("{place}{key}"), "a string", other.kind())),
        });
    attributes.collect()
}

/// Reads the booster and whether a round of it was fitted.
fn booster(mut booster: Fields) -> Result<(Booster, bool)> {
    let trees = match booster.text("name")?.as_str() {
        // XGBoost 3.3 writes what trees are weighed by beside the model of a booster that is no dart any more, 3.4 within it.
        "gbtree" => {
            let beside = weights(&mut booster)?;
            let mut trees = trees(booster.fields("model")?)?;
            weigh(&mut trees, beside, &booster)?;
            trees
        }
        "dart" => {
            let beside = booster.numbers("weight_drop")?;
            let mut inner = booster.fields("gbtree")?;
            inner.skip(&["name"]);
            let mut trees = trees(inner.fields("model")?)?;
            inner.done()?;
            weigh(&mut trees, Some(beside), &booster)?;
            trees
        }
        "gblinear" => {
            let mut model = booster.fields("model")?;
            let rounds = model.take("boosted_rounds");
            let fitted = !matches!(rounds, None | Some(Value::Integer(0)));
            let weights = model.numbers("weights")?;
            model.done()?;
            booster.done()?;
            return Ok((Booster::Linear(weights), fitted));
        }
        other => {
            return Err(malformed(
                booster.place("name"),
                "`gbtree`, `dart` or `gblinear`",
                format!("`{other}`"),
            ));
        }
    };
    booster.done()?;
    let fitted = !trees.trees.is_empty();
    Ok((Booster::Trees(trees), fitted))
}

/// Reads what trees are multiplied with, where dropout left weights.
fn weights(fields: &mut Fields) -> Result<Option<Vec<f32>>> {
    match fields.has("weight_drop") {
        true => fields.numbers("weight_drop").map(Some),
        false => Ok(None),
    }
}

/// Gives trees the weights that stand beside their model; there can be none within it then.
fn weigh(trees: &mut Trees, beside: Option<Vec<f32>>, booster: &Fields) -> Result<()> {
    if beside.is_some() && trees.weights.is_some() {
        let place = booster.place("weight_drop");
        return Err(malformed(place, "weights of trees in one place", "two"));
    }
    trees.weights = beside.or(trees.weights.take());
    Ok(())
}

fn trees(mut model: Fields) -> Result<Trees> {
    let mut parameters = model.fields("gbtree_model_param")?;
    if model.has("cats") {
        let mut categories = model.fields("cats")?;
        if categories.has("enc") && !categories.list("enc")?.is_empty() {
            let place = categories.place("enc");
            return Err(malformed(place, "no categorical columns", "some"));
        }
        categories.skip(&["feature_segments", "sorted_idx"]);
        categories.done()?;
    }
    let weights = weights(&mut model)?;
    let listed = model.list("trees")?;
    if let Some(stated) = parameters.count("num_trees")?
        && stated != listed.len()
    {
        let place = model.place("trees");
        return Err(malformed(
            place,
            format!("{stated} trees"),
            listed.len().to_string(),
        ));
    }
    let count = listed.len();
    let mut trees: Vec<Option<StoredTree>> = std::iter::repeat_with(|| None).take(count).collect();
    for (index, tree) in listed.into_iter().enumerate() {
        let mut tree = Fields::new(format!("{}[{index}]", model.place("trees")), tree)?;
        // XGBoost reads trees in any order.
        let place = match tree.take("id") {
            None => index,
            Some(Value::Integer(id)) if (0..count as i64).contains(&id) => id as usize,
            Some(other) => {
                let found = match other {
                    Value::Integer(id) => id.to_string(),
                    other => other.kind().into(),
                };
                return Err(malformed(tree.place("id"), "the number of a tree", found));
            }
        };
        if trees[place].is_some() {
            let expected = "a number that no other tree has";
            return Err(malformed(tree.place("id"), expected, place.to_string()));
        }
        trees[place] = Some(StoredTree::read(tree)?);
    }
    let trees = Trees {
        trees: trees.into_iter().flatten().collect(),
        outputs: model.longs("tree_info")?,
        rounds: if model.has("iteration_indptr") {
            Some(model.longs("iteration_indptr")?)
        } else {
            None
        },
        parallel: parameters.count("num_parallel_tree")?,
        weights,
    };
    parameters.skip(&["size_leaf_vector"]);
    parameters.done()?;
    model.done()?;
    Ok(trees)
}

/// Writes trees as a document.
pub(super) fn of_trees(model: &BoostedTrees) -> Value {
    let ensemble = model.ensemble();
    let trees = ensemble.trees.iter().enumerate();
    let trees = trees.map(|(id, tree)| nodes::write(tree, id, ensemble.columns));
    // XGBoost counts the trees that a round grows for one output.
    let groups = ensemble
        .outputs
        .iter()
        .max()
        .map_or(1, |most| *most as usize + 1);
    let first = ensemble.rounds.get(1).copied().unwrap_or(0);
    let parameters = Value::map([
        ("num_parallel_tree", Value::text((first / groups).max(1))),
        ("num_trees", Value::text(ensemble.trees.len())),
    ]);
    let categories = Value::map([
        ("enc", Value::List(Vec::new())),
        ("feature_segments", Value::Integers(Vec::new())),
        ("sorted_idx", Value::Integers(Vec::new())),
    ]);
    let outputs = ensemble.outputs.iter().map(|&output| output as usize);
    let booster = Value::map([
        ("cats", categories),
        ("gbtree_model_param", parameters),
        (
            "iteration_indptr",
            Value::list_of(ensemble.rounds.iter().copied()),
        ),
        ("tree_info", Value::list_of(outputs)),
        ("trees", Value::List(trees.collect())),
    ]);
    let best = ensemble
        .best_round
        .map(|best| (BEST_ROUND, best.to_string()));
    let parts = Parts {
        columns: ensemble.columns,
        column_names: &ensemble.column_names,
        objective: &ensemble.objective,
        link: ensemble.link,
        base_scores: &ensemble.base_scores,
        remainder: model.remainder(),
    };
    document(&parts, "gbtree", booster, best)
}

/// Writes a linear model as a document.
pub(super) fn of_linear(model: &BoostedLinear) -> Value {
    let booster = Value::map([
        // XGBoost counts the rounds only to go on with them.
        ("boosted_rounds", Value::Integer(0)),
        ("weights", Value::Numbers(model.stored_weights())),
    ]);
    let parts = Parts {
        columns: model.columns(),
        column_names: model.column_names(),
        objective: model.objective(),
        link: model.link(),
        base_scores: model.base_scores(),
        remainder: model.remainder(),
    };
    document(&parts, "gblinear", booster, None)
}

/// What both kinds of models have.
struct Parts<'a> {
    columns: usize,
    column_names: &'a [String],
    objective: &'a str,
    link: Link,
    base_scores: &'a [f32],
    remainder: &'a Remainder,
}

fn document(
    parts: &Parts<'_>,
    name: &str,
    model: Value,
    attribute: Option<(&str, String)>,
) -> Value {
    let ascending = parts.link == Link::Ascending;
    let known = match parts.link {
        Link::Ascending => parts.objective == parts.link.objective(),
        link => Link::of_objective(parts.objective) == Some(link),
    };
    let objective = if known {
        parts.objective
    } else {
        parts.link.objective()
    };
    let custom = (!known).then(|| (CUSTOM_OBJECTIVE, parts.objective.to_owned()));
    let kept = &parts.remainder.attributes;
    let mut attributes: Vec<(&str, Value)> = kept
        .iter()
        .map(|(key, text)| (key.as_str(), Value::text(text)))
        .chain(
            attribute
                .into_iter()
                .chain(custom)
                .map(|(key, text)| (key, Value::Text(text))),
        )
        .collect();
    attributes.sort_by_key(|(key, _)| *key);

    let outputs = parts.base_scores.len();
    let classes = objective.starts_with("multi:");
    let parameters = Value::map([
        ("base_score", Value::Text(base_score(parts.base_scores))),
        // Else XGBoost takes one of its own where there are no trees.
        ("boost_from_average", Value::text(0)),
        ("num_class", Value::text(if classes { outputs } else { 0 })),
        ("num_feature", Value::text(parts.columns)),
        ("num_target", Value::text(if classes { 1 } else { outputs })),
    ]);
    let mut fields = vec![("name".to_owned(), Value::text(objective))];
    fields.extend(parts.remainder.objective.iter().cloned());
    if let Some((key, default)) = objective_parameters(objective, outputs)
        && fields.iter().all(|(name, _)| name != key)
    {
        fields.push((key.into(), default));
    }
    let texts = |texts: &[String]| Value::List(texts.iter().map(Value::text).collect());
    let learner = Value::map([
        ("attributes", Value::map(attributes)),
        ("feature_names", texts(parts.column_names)),
        ("feature_types", texts(&parts.remainder.column_types)),
        (
            "gradient_booster",
            Value::map([("model", model), ("name", Value::text(name))]),
        ),
        ("learner_model_param", parameters),
        ("objective", Value::Map(fields)),
    ]);
    let version = if ascending {
        VERSION_OF_ASCENDING
    } else {
        VERSION
    };
    Value::map([
        // XGBoost passes over it, and so does not write it anew with another content.
        (seal::KEY, Value::text("0".repeat(seal::DIGITS))),
        ("learner", learner),
        (
            "version",
            Value::list_of(version.map(|number| number as usize)),
        ),
    ])
}

/// How documents begin that carry the checksum of their content: its digits come next.
pub(super) const START_OF_JSON: &[u8] = b"{\"chromex_sha256\":\"";
pub(super) const START_OF_UBJ: &[u8] = b"{L\0\0\0\0\0\0\0\x0echromex_sha256SL\0\0\0\0\0\0\0\x40";

/// Puts the checksum into a document that was written with zeros for it.
pub(super) fn seal(bytes: &mut [u8], start: &[u8]) {
    debug_assert!(bytes.starts_with(start));
    seal::stamp(bytes, start.len());
}

/// Tells whether a document carries the checksum of its content.
///
/// # Errors
///
/// Where it does and the content is another.
pub(super) fn check_seal(bytes: &[u8], start: &[u8]) -> Result<bool> {
    if !bytes.starts_with(start) {
        return Ok(false);
    }
    if seal::holds(bytes, start.len()) {
        return Ok(true);
    }
    let found = "another: the file was damaged, or changed after it was written";
    Err(malformed(seal::KEY, "the checksum of the content", found))
}

/// Spells base scores so that as many versions as possible read them: before 3.1 there was one for all outputs.
fn base_score(scores: &[f32]) -> String {
    let same = scores
        .iter()
        .all(|score| score.to_bits() == scores[0].to_bits());
    if same {
        return json::number(scores[0]);
    }
    let scores: Vec<String> = scores.iter().map(|&score| json::number(score)).collect();
    format!("[{}]", scores.join(","))
}

/// Gives the parameters without which XGBoost does not read an objective, at XGBoost's defaults.
fn objective_parameters(objective: &str, outputs: usize) -> Option<(&'static str, Value)> {
    let (field, parameters) = match objective {
        "reg:squarederror" | "reg:linear" | "reg:logistic" | "reg:gamma" | "binary:logistic"
        | "binary:logitraw" => ("reg_loss_param", vec![("scale_pos_weight", Value::text(1))]),
        "reg:pseudohubererror" => ("pseudo_huber_param", vec![("huber_slope", Value::text(1))]),
        "reg:quantileerror" => {
            let alpha = |output: usize| json::number((output + 1) as f32 / (outputs + 1) as f32);
            let alphas: Vec<String> = (0..outputs).map(alpha).collect();
            let alphas = format!("[{}]", alphas.join(","));
            (
                "quantile_loss_param",
                vec![("quantile_alpha", Value::Text(alphas))],
            )
        }
        "reg:tweedie" => (
            "tweedie_regression_param",
            vec![("tweedie_variance_power", Value::text("1.5"))],
        ),
        "count:poisson" => (
            "poisson_regression_param",
            vec![("max_delta_step", Value::text("0.7"))],
        ),
        "multi:softmax" | "multi:softprob" => (
            "softmax_multiclass_param",
            vec![("num_class", Value::text(outputs))],
        ),
        "survival:aft" => (
            "aft_loss_param",
            vec![
                ("aft_loss_distribution", Value::text("normal")),
                ("aft_loss_distribution_scale", Value::text(1)),
            ],
        ),
        _ => return None,
    };
    Some((field, Value::map(parameters)))
}
