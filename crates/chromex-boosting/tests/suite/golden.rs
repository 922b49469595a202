use chromex_boosting::{
    BoostedTrees, GradientBoosting, GrowPolicy, MultiStrategy, Node, Objective, Ridge, Table, Tree,
    TreeMethod,
};
use ndarray::{Array2, ArrayView2, s};
use serde_json::Value;

pub(crate) fn cases(golden: &str) -> Vec<Value> {
    let golden: Value = serde_json::from_str(golden).unwrap();
    golden["cases"].as_array().unwrap().clone()
}

pub(crate) fn number(value: &Value) -> f64 {
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

pub(crate) fn settings(case: &Value) -> GradientBoosting {
    let settings = &case["settings"];
    let real = |name: &str| settings[name].as_f64().map(|value| value as f32);
    let whole = |name: &str| settings[name].as_u64().unwrap_or(0) as usize;
    let is = |name: &str, value: &str| settings[name].as_str() == Some(value);
    GradientBoosting {
        rounds: whole("rounds"),
        objective: match case["objective"].as_str().unwrap() {
            "reg:absoluteerror" => Objective::AbsoluteError,
            "binary:logistic" => Objective::Logistic,
            "multi:softprob" => Objective::Softmax {
                classes: whole("num_class"),
            },
            "count:poisson" => Objective::Poisson,
            _ => Objective::SquaredError,
        },
        multi_strategy: match is("multi_strategy", "multi_output_tree") {
            true => MultiStrategy::MultiOutputTree,
            false => MultiStrategy::OneOutputPerTree,
        },
        eta: real("eta").unwrap(),
        max_depth: whole("max_depth"),
        max_leaves: whole("max_leaves"),
        grow_policy: match is("grow_policy", "lossguide") {
            true => GrowPolicy::LossGuided,
            false => GrowPolicy::DepthWise,
        },
        reg_lambda: real("reg_lambda").unwrap(),
        reg_alpha: real("reg_alpha").unwrap_or(0.0),
        gamma: real("gamma").unwrap(),
        min_child_weight: real("min_child_weight").unwrap(),
        max_delta_step: real("max_delta_step"),
        monotone_constraints: match settings["monotone_constraints"].as_array() {
            Some(ways) => ways.iter().map(|way| way.as_i64().unwrap() as i8).collect(),
            None => Vec::new(),
        },
        base_score: real("base_score"),
        early_stopping_rounds: settings["early_stopping_rounds"]
            .as_u64()
            .map(|rounds| rounds as usize),
        tree_method: match is("tree_method", "exact") {
            true => TreeMethod::Exact,
            false => TreeMethod::Histogram {
                max_bins: whole("max_bin"),
            },
        },
        ..GradientBoosting::default()
    }
}

/// Whole numbers that look random, as the script draws them.
fn mixed(seed: u64, row: usize, column: usize) -> i64 {
    let wrap = (1 << 32) - 1;
    let mut value = (row as u64 * 2_654_435_761 + column as u64 * 40_503 + seed * 97) & wrap;
    for (shift, factor) in [(15, 2_246_822_519), (13, 3_266_489_917)] {
        value ^= value >> shift;
        value = (value * factor) & wrap;
    }
    (value ^ value >> 16) as i64
}

/// The inputs of a case, with those of the rows that are not trained on.
fn inputs(case: &Value) -> Array2<f32> {
    let table = &case["table"];
    let (kind, seed) = (
        table["kind"].as_str().unwrap(),
        table["seed"].as_u64().unwrap(),
    );
    let rows = table["rows"].as_u64().unwrap() as usize;
    Array2::from_shape_fn((rows, 6), |(row, column)| {
        let draw = |column| mixed(seed, row, column);
        let continuous = (draw(column) % 1_000_003) as f64 / 1_000_003.0 * 4.0 - 2.0;
        let value = match (kind, column) {
            ("ties", 2) => (draw(0) % 4) as f64,
            ("ties", _) => (draw(column) % 4) as f64,
            ("counts", _) => (draw(column) % 9 * (draw(column) / 16 % 2)) as f64,
            ("constant", 0) => 3.0,
            ("constant", 3) => f64::NAN,
            ("constant", _) => (continuous * 10.0).floor(),
            ("missing", _) if draw(column + 100) % 4 == 0 => f64::NAN,
            ("missing", 1) => 7.0,
            ("missing", 4..) => (draw(column) % 3) as f64,
            _ => continuous,
        };
        value as f32
    })
}

/// The targets of a case.
fn targets(case: &Value, inputs: ArrayView2<'_, f32>) -> Array2<f32> {
    let seed = case["table"]["seed"].as_u64().unwrap();
    let targets = case["targets"].as_u64().unwrap() as usize;
    Array2::from_shape_fn((inputs.nrows(), targets), |(row, target)| {
        let value = |step: usize| match inputs[[row, (target + step) % 6]] {
            value if value.is_nan() => -1.0,
            value => f64::from(value),
        };
        let noise = (mixed(seed, row, 200 + target) % 1001) as f64 / 1000.0 - 0.5;
        let signal = value(0) + value(4) * value(5) + noise;
        let count = (signal.abs() * 2.0).floor();
        let value = match case["objective"].as_str().unwrap() {
            "binary:logistic" => f64::from(signal > number(&case["middle"])),
            "multi:softprob" => count % 3.0,
            "count:poisson" => count,
            _ => signal,
        };
        value as f32
    })
}

/// Fits the trees of a case; gives also the rows that the script predicted.
fn fit(case: &Value) -> (BoostedTrees, Array2<f32>) {
    let table = &case["table"];
    let rows = table["training_rows"].as_u64().unwrap() as usize;
    let inputs = inputs(case);
    let targets = targets(case, inputs.view());
    let seed = table["seed"].as_u64().unwrap();
    let weights: Vec<f32> = (0..inputs.nrows())
        .map(|row| ((mixed(seed, row, 300) % 1000) as f64 / 1000.0 + 0.3) as f32)
        .collect();
    let (train, unseen) = (s![..rows, ..], s![rows.., ..]);
    let mut train = Table::new(inputs.slice(train), targets.slice(train));
    let mut valid = Table::new(inputs.slice(unseen), targets.slice(unseen));
    if case["weighted"].as_bool().unwrap() {
        train = train.weighted(&weights[..rows]);
        valid = valid.weighted(&weights[rows..]);
    }
    let settings = settings(case);
    let valid = settings.early_stopping_rounds.map(|_| &valid);
    let model = settings
        .fit_tables(&train, valid, 0)
        .unwrap_or_else(|error| panic!("{}: {error}", case["name"]));
    let predicted = case["predicted"].as_array().unwrap().len();
    let asked = inputs
        .slice(s![inputs.nrows() - predicted.., ..])
        .to_owned();
    (model, asked)
}

/// How far two numbers are apart, as a share of the larger one where that is above 1.
fn apart(found: f32, expected: f64) -> f64 {
    (f64::from(found) - expected).abs() / expected.abs().max(1.0)
}

fn furthest(one: ArrayView2<'_, f64>, other: ArrayView2<'_, f64>) -> f64 {
    assert_eq!(one.dim(), other.dim());
    (&one - &other).fold(0.0, |most, difference| difference.abs().max(most))
}

/// Fails with all that was found wrong.
fn assert_none(flaws: Vec<String>) {
    assert!(
        flaws.is_empty(),
        "{} flaws:\n{}",
        flaws.len(),
        flaws.join("\n")
    );
}

#[test]
fn boosted_trees_predict_what_xgboost_predicts() {
    let mut flaws = Vec::new();
    for case in cases(include_str!("../golden/boosted_trees.json")) {
        let name = &case["name"];
        let (model, inputs) = fit(&case);
        let best = case["best_round"].as_u64().unwrap() as usize;
        if model.used_rounds() != (0..best + 1) {
            flaws.push(format!(
                "{name}: rounds {:?}, not {best}",
                model.used_rounds()
            ));
        }
        let predicted = model.predict_table(inputs.view()).unwrap();
        let expected = narrow(&table(&case["predicted"]));
        assert_eq!(predicted.dim(), expected.dim(), "{name}");
        let pairs = predicted.iter().zip(&expected);
        let furthest = pairs.fold(0.0, |most: f64, (&found, &expected)| {
            most.max(apart(found, f64::from(expected)))
        });
        if furthest > 1e-6 {
            flaws.push(format!("{name}: predictions {furthest:e} apart"));
        }
    }
    assert_none(flaws);
}

#[test]
fn the_first_tree_is_xgboosts() {
    let mut flaws = Vec::new();
    for case in cases(include_str!("../golden/boosted_trees.json")) {
        let (model, _) = fit(&case);
        flaws.extend(differs(&case, &model.trees()[0]));
    }
    assert_none(flaws);
}

/// Tells where a tree differs from the first of a case: in shape, columns, thresholds and directions to the bit, in the
/// rest more than roundings make it.
pub(crate) fn differs(case: &Value, tree: &Tree) -> Option<String> {
    let name = &case["name"];
    let expected = case["first_tree"].as_array().unwrap();
    let near = |found, expected: &Value| apart(found, number(expected)) < 2e-6;
    for (node, expected) in tree.nodes().iter().zip(expected) {
        let same = match *node {
            Node::Leaf { leaf, cover } => {
                let values = expected[0].as_array();
                values.is_some_and(|values| {
                    let mut pairs = tree.leaf(leaf).iter().zip(values);
                    tree.outputs() == values.len()
                        && pairs.all(|(&found, value)| near(found, value))
                }) && near(cover, &expected[1])
            }
            Node::Split {
                column,
                threshold,
                missing_left,
                loss_change,
                cover,
                ..
            } => {
                expected[0] == column
                    && number(&expected[1]) as f32 == threshold
                    && expected[2] == missing_left
                    && near(loss_change, &expected[3])
                    && near(cover, &expected[4])
            }
        };
        if !same {
            return Some(format!("{name}: {node:?} is not {expected}"));
        }
    }
    let counts = (tree.nodes().len(), expected.len());
    (counts.0 != counts.1).then(|| format!("{name}: {} nodes, not {}", counts.0, counts.1))
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
