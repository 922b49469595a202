use chromex_boosting::{BoostedTrees, GradientBoosting, Node, Ridge, TreeMethod};
use ndarray::{Array2, ArrayView2, s};
use serde_json::Value;

pub(crate) fn cases(golden: &str) -> Vec<Value> {
    let golden: Value = serde_json::from_str(golden).unwrap();
    golden["cases"].as_array().unwrap().clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

pub(crate) fn table(rows: &Value) -> Array2<f64> {
    let rows = rows.as_array().unwrap();
    let columns = rows[0].as_array().unwrap().len();
    let values = rows
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(number);
    Array2::from_shape_vec((rows.len(), columns), values.collect()).unwrap()
}

pub(crate) fn narrow(table: &Array2<f64>) -> Array2<f32> {
    table.mapv(|value| value as f32)
}

fn settings(case: &Value) -> GradientBoosting {
    let settings = &case["settings"];
    let real = |name: &str| number(&settings[name]) as f32;
    let whole = |name: &str| settings[name].as_u64().unwrap() as usize;
    GradientBoosting {
        rounds: whole("rounds"),
        eta: real("eta"),
        max_depth: whole("max_depth"),
        reg_lambda: real("reg_lambda"),
        gamma: real("gamma"),
        min_child_weight: real("min_child_weight"),
        base_score: Some(real("base_score")),
        tree_method: match settings["tree_method"].as_str().unwrap() {
            "exact" => TreeMethod::Exact,
            _ => TreeMethod::Histogram {
                max_bins: whole("max_bin"),
            },
        },
        ..GradientBoosting::default()
    }
}

fn fit(case: &Value) -> (BoostedTrees, Array2<f32>) {
    let inputs = narrow(&table(&case["inputs"]));
    let rows = case["training_rows"].as_u64().unwrap() as usize;
    let targets = narrow(&table(&case["targets"]));
    let model = settings(case)
        .fit_table(inputs.slice(s![..rows, ..]), targets.view())
        .unwrap();
    (model, inputs)
}

fn furthest(one: ArrayView2<'_, f64>, other: ArrayView2<'_, f64>) -> f64 {
    assert_eq!(one.dim(), other.dim());
    (&one - &other).fold(0.0, |most, difference| difference.abs().max(most))
}

#[test]
fn boosted_trees_predict_what_xgboost_predicts() {
    for case in cases(include_str!("../golden/boosted_trees.json")) {
        let (model, inputs) = fit(&case);
        let predicted = model.predict_table(inputs.view()).unwrap().mapv(f64::from);
        let difference = furthest(predicted.view(), table(&case["predicted"]).view());
        assert!(difference < 1e-6, "{}: {difference:e}", case["name"]);
    }
}

#[test]
fn the_first_tree_is_xgboosts() {
    for case in cases(include_str!("../golden/boosted_trees.json")) {
        let name = &case["name"];
        let (model, _) = fit(&case);
        let tree = &model.trees()[0];
        let nodes = tree.nodes();
        let expected = case["first_tree"].as_array().unwrap();
        assert_eq!(nodes.len(), expected.len(), "{name}");
        for (node, expected) in nodes.iter().zip(expected) {
            // XGBoost 3 divides scores in 32 bits, 1.5.1 and this crate in 64: losses differ by a last bit of
            // the scores that they are the difference of.
            let near = |found: f32, name: &str| {
                let expected = number(&expected[name]);
                (f64::from(found) - expected).abs() <= 5e-6 * expected.abs().max(1.0)
            };
            let same = match *node {
                Node::Leaf { leaf, cover } => {
                    near(tree.leaf(leaf)[0], "value")
                        && number(&expected["rows"]) == f64::from(cover)
                }
                Node::Split {
                    column,
                    threshold,
                    missing_left,
                    loss_change,
                    cover,
                    ..
                } => {
                    expected["column"] == column
                        && near(threshold, "threshold")
                        && expected["missing_left"] == missing_left
                        && near(loss_change, "loss_change")
                        && number(&expected["rows"]) == f64::from(cover)
                }
            };
            assert!(same, "{name}: {node:?} is not {expected}");
        }
    }
}

#[test]
fn ridge_gives_the_weights_that_scikit_learn_gives() {
    for case in cases(include_str!("../golden/ridge.json")) {
        let inputs = narrow(&table(&case["inputs"]));
        let targets = narrow(&table(&case["targets"]));
        let rows = case["training_rows"].as_u64().unwrap() as usize;
        let train = (inputs.slice(s![..rows, ..]), targets.slice(s![..rows, ..]));
        let ridge = Ridge {
            alpha: number(&case["alpha"]),
            standardize: case["standardize"].as_bool().unwrap(),
        };
        let model = ridge.fit_table(train.0, train.1).unwrap();
        let coefficients = table(&case["coefficients"]);
        let largest = coefficients.fold(1.0, |most: f64, weight| most.max(weight.abs()));
        let difference = furthest(model.coefficients(), coefficients.view());
        assert!(
            difference < 1e-6 * largest,
            "{}: {difference:e}",
            case["name"]
        );
        for (found, expected) in model
            .intercepts()
            .iter()
            .zip(case["intercepts"].as_array().unwrap())
        {
            let expected = number(expected);
            assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0));
        }

        let mut tuned = Ridge::tuned(
            table(&Value::Array(vec![case["alphas"].clone()]))
                .into_raw_vec_and_offset()
                .0,
        );
        tuned.standardize = ridge.standardize;
        let valid = (inputs.slice(s![rows.., ..]), targets.slice(s![rows.., ..]));
        let chosen = tuned.fit_tables(train, valid).unwrap().alpha();
        assert_eq!(chosen, number(&case["chosen_alpha"]), "{}", case["name"]);
    }
}
