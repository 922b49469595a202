//! Explanations are those that XGBoost gives of the same trees.

use ndarray::{Array2, Array3};
use serde_json::Value;

use crate::boosted_trees::Ensemble;
use crate::tree::{Node, Tree};
use crate::{BoostedTrees, Link};

pub(super) fn cases() -> Vec<Value> {
    let golden = include_str!("../../tests/golden/explanations.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    golden["cases"].as_array().unwrap().clone()
}

fn flat(value: &Value, into: &mut Vec<f32>) {
    match value {
        Value::Array(parts) => parts.iter().for_each(|part| flat(part, into)),
        number => into.push(number.as_f64().map_or(f32::NAN, |number| number as f32)),
    }
}

fn numbers(value: &Value) -> Vec<f32> {
    let mut into = Vec::new();
    flat(value, &mut into);
    into
}

fn tree(stored: &Value, outputs: usize) -> Tree {
    let list = |name: &str| numbers(&stored[name]);
    let (left, right) = (list("left_children"), list("right_children"));
    let (columns, thresholds) = (list("split_indices"), list("split_conditions"));
    let (missing, gains) = (list("default_left"), list("loss_changes"));
    let (covers, weights) = (list("sum_hessian"), list("leaf_weights"));
    let mut values = Vec::new();
    let mut leaves = 0;
    let nodes = (0..left.len()).map(|node| {
        if left[node] < 0.0 {
            match outputs {
                1 => values.push(thresholds[node]),
                // The right child is the place of the leaf's values.
                _ => {
                    let place = right[node] as usize * outputs;
                    values.extend_from_slice(&weights[place..place + outputs]);
                }
            }
            leaves += 1;
            return Node::Leaf {
                leaf: leaves - 1,
                cover: covers[node],
            };
        }
        Node::Split {
            column: columns[node] as u32,
            threshold: thresholds[node],
            missing_left: missing[node] != 0.0,
            left: left[node] as u32,
            right: right[node] as u32,
            loss_change: gains[node],
            cover: covers[node],
        }
    });
    let nodes = nodes.collect();
    Tree::new(nodes, outputs, values)
}

pub(super) fn model(case: &Value) -> BoostedTrees {
    let base_scores = numbers(&case["base_score"]);
    let stored = case["trees"].as_array().unwrap();
    let outputs = numbers(&case["tree_info"]).into_iter().map(|o| o as u32);
    let of_leaves = |stored: &Value| match stored.get("leaf_weights") {
        None => 1,
        Some(_) => base_scores.len(),
    };
    let trees: Vec<Tree> = stored.iter().map(|one| tree(one, of_leaves(one))).collect();
    BoostedTrees::new(Ensemble {
        columns: case["columns"].as_u64().unwrap() as usize,
        column_names: Vec::new(),
        objective: case["link"].as_str().unwrap().into(),
        link: Link::of_objective(case["link"].as_str().unwrap()).unwrap(),
        base_scores,
        rounds: vec![0, trees.len()],
        trees,
        outputs: outputs.collect(),
        best_round: None,
    })
    .unwrap()
}

fn inputs(case: &Value) -> Array2<f32> {
    let rows = case["inputs"].as_array().unwrap().len();
    let columns = case["columns"].as_u64().unwrap() as usize;
    Array2::from_shape_vec((rows, columns), numbers(&case["inputs"])).unwrap()
}

fn furthest(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(expected);
    differences.fold(0.0, |most: f64, (found, expected)| {
        let difference = (f64::from(*found) - f64::from(*expected)).abs();
        assert!(!difference.is_nan());
        most.max(difference)
    })
}

#[test]
fn contributions_and_interactions_are_xgboosts() {
    let mut explained = 0;
    for case in cases() {
        let (model, inputs) = (model(&case), inputs(&case));
        let margins = model.predict_margins(inputs.view()).unwrap();
        let difference = furthest(margins.as_slice().unwrap(), &numbers(&case["margins"]));
        assert!(difference < 2e-6, "{}: {difference:e}", case["name"]);
        if case.get("contributions").is_none() {
            continue;
        }
        explained += 1;
        let explain = model.explain();
        let found = explain.contributions(inputs.view()).unwrap();
        let expected = numbers(&case["contributions"]);
        let difference = furthest(found.as_slice().unwrap(), &expected);
        assert!(difference < 1e-5, "{}: {difference:e}", case["name"]);
        let found = explain.interactions(inputs.view()).unwrap();
        let expected = numbers(&case["interactions"]);
        let difference = furthest(found.as_slice().unwrap(), &expected);
        assert!(difference < 1e-5, "{}: {difference:e}", case["name"]);
    }
    assert_eq!(explained, 8);
}

#[test]
fn trees_for_all_outputs_are_explained_as_a_tree_for_each() {
    let cases = cases();
    let case = cases.last().unwrap();
    let (whole, inputs) = (model(case), inputs(case));
    let outputs = whole.outputs();
    let found = whole.explain().contributions(inputs.view()).unwrap();
    let together = whole.explain().interactions(inputs.view()).unwrap();
    for output in 0..outputs {
        let mut ensemble = whole.ensemble().clone();
        ensemble.base_scores = vec![whole.base_scores()[output]];
        let single = |tree: &Tree| {
            let leaves = tree.nodes().len().div_ceil(2) as u32;
            let values = (0..leaves).map(|leaf| tree.leaf(leaf)[output]);
            Tree::new(tree.nodes().to_vec(), 1, values.collect())
        };
        ensemble.trees = whole.trees().iter().map(single).collect();
        let single = BoostedTrees::new(ensemble).unwrap();
        let expected: Array3<f32> = single.explain().contributions(inputs.view()).unwrap();
        let part = found.index_axis(ndarray::Axis(1), output);
        assert_eq!(part, expected.index_axis(ndarray::Axis(1), 0));
        let expected = single.explain().interactions(inputs.view()).unwrap();
        let part = together.index_axis(ndarray::Axis(1), output);
        assert_eq!(part, expected.index_axis(ndarray::Axis(1), 0));
    }
}
