//! Explanations are those that XGBoost gives of the same models.

use chromex_boosting::{BoostedTrees, Importance};
use ndarray::Axis;
use serde_json::Value;

use crate::golden::{cases, narrow, table};

fn model(case: &Value) -> BoostedTrees {
    BoostedTrees::from_bytes(case["model"].to_string().as_bytes()).unwrap()
}

fn explained() -> Vec<Value> {
    cases(include_str!("../golden/explanations.json"))
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(parts) => parts.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().unwrap_or(f64::NAN)],
    }
}

fn furthest<'a>(found: impl ExactSizeIterator<Item = &'a f32>, expected: &Value) -> f64 {
    let expected = flat(expected);
    assert_eq!(found.len(), expected.len());
    found
        .zip(expected)
        .fold(0.0, |most: f64, (found, expected)| {
            let difference = (f64::from(*found) - expected).abs();
            assert!(!difference.is_nan());
            most.max(difference)
        })
}

#[test]
fn contributions_and_interactions_are_xgboosts_and_add_up_to_its_margins() {
    let mut compared = 0;
    for case in explained() {
        let name = &case["name"];
        let model = model(&case);
        let inputs = narrow(&table(&case["inputs"]));
        let explain = model.explain();
        let contributions = explain.contributions(inputs.view()).unwrap();
        let sums = contributions.sum_axis(Axis(2));
        let difference = furthest(sums.iter(), &case["margins"]);
        assert!(difference < 1e-5, "{name}: {difference:e}");
        if case.get("contributions").is_none() {
            continue;
        }
        compared += 1;
        let difference = furthest(contributions.iter(), &case["contributions"]);
        assert!(difference < 1e-5, "{name}: {difference:e}");
        let interactions = explain.interactions(inputs.view()).unwrap();
        let difference = furthest(interactions.iter(), &case["interactions"]);
        assert!(difference < 1e-5, "{name}: {difference:e}");
    }
    // All but the trees of several outputs, which XGBoost 3.2 does not explain.
    assert_eq!(compared, 8);
}

#[test]
fn importances_are_xgboosts() {
    let kinds = [
        ("weight", Importance::Weight),
        ("gain", Importance::Gain),
        ("total_gain", Importance::TotalGain),
        ("cover", Importance::Cover),
        ("total_cover", Importance::TotalCover),
    ];
    for case in explained() {
        let model = model(&case);
        for (name, kind) in kinds {
            let expected = case["scores"][name].as_object().unwrap();
            let ranked = model.ranked_columns(kind);
            assert_eq!(ranked.len(), expected.len(), "{} {name}", case["name"]);
            for found in &ranked {
                let expected = expected[&found.name].as_f64().unwrap();
                let difference = (found.value - expected).abs();
                assert!(difference <= 1e-6 * expected.abs(), "{name} {found:?}");
                assert_eq!(model.importances(kind)[found.column], found.value);
            }
            assert!(ranked.is_sorted_by(|one, other| one.value >= other.value));
        }
    }
}

#[test]
fn names_of_columns_are_the_models_own() {
    let model = model(&explained()[0]);
    let model = model.with_column_names(["a", "b", "c", "d", "e"]).unwrap();
    let ranked = model.ranked_columns(Importance::Gain);
    assert_eq!((ranked[0].column, ranked[0].name.as_str()), (1, "b"));
    assert!(model.dump().to_string().contains("[b<"));
}

/// The parts of a line of a dump: its depth, its names and its numbers.
fn parts(line: &str) -> (usize, String, Vec<f32>) {
    let depth = line.bytes().take_while(|&byte| byte == b'\t').count();
    let words = line.trim().split([':', '[', ']', '<', '=', ',', ' ']);
    let (numbers, names): (Vec<_>, Vec<_>) = words
        .filter(|word| !word.is_empty())
        .partition(|word| word.parse::<f32>().is_ok());
    let numbers = numbers.into_iter().map(|n| n.parse().unwrap()).collect();
    (depth, names.join(" "), numbers)
}

#[test]
fn a_dump_has_the_lines_and_fields_of_xgboosts() {
    for case in explained() {
        let Some(expected) = case.get("dump") else {
            continue;
        };
        let model = model(&case);
        let expected = expected.as_array().unwrap();
        for (tree, expected) in expected.iter().enumerate() {
            let found = model.dump_tree(tree).to_string();
            let (heading, found) = found.split_once('\n').unwrap();
            assert_eq!(heading, format!("booster[{tree}]:"));
            let expected: Vec<_> = expected.as_str().unwrap().lines().map(parts).collect();
            let found: Vec<_> = found.lines().map(parts).collect();
            assert_eq!(found, expected, "{}", case["name"]);
        }
        let trees = (0..expected.len()).map(|tree| model.dump_tree(tree).to_string());
        assert_eq!(model.dump().to_string(), trees.collect::<String>());
    }
}
