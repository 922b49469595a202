use std::path::{Path, PathBuf};

use chromex_boosting::{BoostedTrees, Format, Node, XgboostModel};
use ndarray::Array2;
use serde_json::Value;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/xgboost_models")
}

fn table(rows: &Value) -> Array2<f32> {
    let rows = rows.as_array().unwrap();
    let columns = rows[0].as_array().unwrap().len();
    let values = rows.iter().flat_map(|row| row.as_array().unwrap());
    let values = values.map(|value| value.as_f64().map_or(f32::NAN, |value| value as f32));
    Array2::from_shape_vec((rows.len(), columns), values.collect()).unwrap()
}

fn furthest(one: &Array2<f32>, other: &Array2<f32>) -> f32 {
    assert_eq!(one.dim(), other.dim());
    (one - other).fold(0.0, |most: f32, difference| {
        assert!(!difference.is_nan());
        most.max(difference.abs())
    })
}

/// A file that Python's XGBoost wrote, and what it predicts with it.
struct Case {
    name: String,
    path: PathBuf,
    inputs: Array2<f32>,
    margins: Array2<f32>,
    predicted: Array2<f32>,
}

fn cases(version: &str) -> Vec<Case> {
    let folder = golden().join(version);
    let text = std::fs::read_to_string(folder.join("cases.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    let files = cases.iter().flat_map(|case| {
        let files = case["files"].as_array().unwrap();
        files.iter().map(move |file| (case, file.as_str().unwrap()))
    });
    files
        .map(|(case, file)| Case {
            name: format!("{version}/{file}"),
            path: folder.join(file),
            inputs: table(&golden[case["columns"].as_str().unwrap()]),
            margins: table(&case["margins"]),
            predicted: table(&case["predicted"]),
        })
        .collect()
}

const VERSIONS: [&str; 6] = ["0.90", "1.0.2", "1.5.1", "1.7.6", "2.1.4", "3.2.0"];

fn every_case() -> Vec<Case> {
    VERSIONS.iter().flat_map(|version| cases(version)).collect()
}

fn case(name: &str) -> Case {
    let mut cases = every_case();
    let place = cases.iter().position(|case| case.name == name).unwrap();
    cases.swap_remove(place)
}

fn trees(case: &Case) -> BoostedTrees {
    BoostedTrees::load(&case.path).unwrap()
}

fn bytes(model: &XgboostModel, format: Format) -> Vec<u8> {
    match model {
        XgboostModel::Trees(model) => model.to_bytes(format),
        XgboostModel::Linear(model) => model.to_bytes(format),
        _ => unreachable!(),
    }
}

#[test]
fn models_of_six_versions_of_xgboost_predict_what_they_do_there() {
    for case in every_case() {
        let model = XgboostModel::load(&case.path).unwrap();
        let predicted = model.predict_table(case.inputs.view()).unwrap();
        let difference = furthest(&predicted, &case.predicted);
        assert!(difference < 1e-6, "{}: {difference:e}", case.name);
        if let XgboostModel::Trees(model) = model {
            let margins = model.predict_margins(case.inputs.view()).unwrap();
            let difference = furthest(&margins, &case.margins);
            assert!(difference < 1e-6, "{}: {difference:e}", case.name);
        }
    }
}

#[test]
fn both_formats_bring_every_bit_back() {
    for case in every_case() {
        let model = XgboostModel::load(&case.path).unwrap();
        let text = bytes(&model, Format::Json);
        let binary = bytes(&model, Format::Ubj);
        for stored in [&text, &binary] {
            let back = XgboostModel::from_bytes(stored).unwrap();
            assert!(bytes(&back, Format::Json) == text, "{}", case.name);
            assert!(bytes(&back, Format::Ubj) == binary, "{}", case.name);
            if let (XgboostModel::Trees(model), XgboostModel::Trees(back)) = (&model, &back) {
                assert_eq!(back, model);
            }
        }
    }
}

#[test]
fn what_xgboost_wrote_is_written_back() {
    // Weights of splits predict nothing and are computed anew; base scores and `boost_from_average` are spelt otherwise;
    // pruned nodes and dart's weights are gone, and so is that base scores were yet to be estimated.
    fn comparable(mut model: Value) -> Value {
        let learner = &mut model["learner"];
        let parameters = learner["learner_model_param"].as_object_mut().unwrap();
        parameters.remove("boost_from_average");
        let score = parameters["base_score"].as_str().unwrap();
        let score = score.trim_matches(['[', ']']).to_owned();
        let scores: Vec<&str> = score.split(',').collect();
        let same = scores.iter().all(|one| *one == scores[0]);
        parameters["base_score"] = if same { scores[0] } else { &score }.into();
        let trees = &mut learner["gradient_booster"]["model"]["trees"];
        for tree in trees.as_array_mut().unwrap() {
            tree.as_object_mut().unwrap().remove("base_weights");
        }
        model
    }
    let mut compared = 0;
    for case in cases("3.2.0") {
        let unlike = ["dart", "linear", "pruned", "no_round_nor"];
        if case.path.extension().unwrap() != "json"
            || unlike.iter().any(|name| case.name.contains(name))
        {
            continue;
        }
        let theirs = std::fs::read(&case.path).unwrap();
        let ours = trees(&case).to_bytes(Format::Json);
        let [theirs, ours] =
            [theirs, ours].map(|text| comparable(serde_json::from_slice(&text).unwrap()));
        assert_eq!(ours, theirs, "{}", case.name);
        compared += 1;
    }
    assert!(compared > 15, "{compared}");
}

#[test]
fn names_attributes_and_parameters_stay() {
    let model = trees(&case("3.2.0/names.ubj"));
    assert_eq!(
        model.column_names(),
        ["H3K4me3 'é'", "H3K27ac", "a\\b", "x_3", "_"]
    );
    let early = case("3.2.0/early_stopping.json");
    let model = trees(&early);
    assert!(model.used_rounds().end < model.rounds());
    let text = String::from_utf8(model.to_bytes(Format::Json)).unwrap();
    let best = format!("\"best_iteration\":\"{}\"", model.used_rounds().end - 1);
    assert!(text.contains(&best) && text.contains("\"best_score\":\"1.68"));
    let tweedie = trees(&case("3.2.0/tweedie.ubj")).to_bytes(Format::Json);
    let text = String::from_utf8(tweedie).unwrap();
    assert!(text.contains("\"tweedie_variance_power\":\"1.29"));
}

#[test]
fn several_outputs_share_trees_or_have_their_own() {
    let shared = trees(&case("3.2.0/multi_output_tree.json"));
    assert_eq!((shared.outputs(), shared.trees()[0].outputs()), (2, 2));
    assert_eq!(shared.output_of(0), None);
    let own = trees(&case("3.2.0/two_targets.ubj"));
    assert_eq!((own.outputs(), own.rounds(), own.trees().len()), (2, 2, 4));
    assert_eq!((own.output_of(2), own.output_of(3)), (Some(0), Some(1)));
    let forest = trees(&case("3.2.0/forest.ubj"));
    assert_eq!(
        (forest.outputs(), forest.rounds(), forest.trees().len()),
        (3, 2, 12)
    );
    // XGBoost 1.5 says where rounds begin only by the best of them.
    let forest = trees(&case("1.5.1/forest.json"));
    assert_eq!((forest.rounds(), forest.used_rounds()), (2, 0..2));
}

#[test]
fn pruned_nodes_are_left_out_and_weights_of_dart_multiplied_in() {
    let pruned = trees(&case("3.2.0/pruned.json"));
    let text = std::fs::read_to_string(case("3.2.0/pruned.json").path).unwrap();
    assert!(!text.contains("\"num_deleted\":\"0\""));
    let nodes = pruned.trees()[0].nodes();
    let leaves = nodes
        .iter()
        .filter(|node| matches!(node, Node::Leaf { .. }))
        .count();
    assert_eq!(nodes.len(), 2 * leaves - 1);
    let dart = trees(&case("3.2.0/dart.json"));
    let text = String::from_utf8(dart.to_bytes(Format::Json)).unwrap();
    assert!(text.contains("\"name\":\"gbtree\"") && !text.contains("weight_drop"));
}

#[test]
fn a_linear_model_is_no_model_of_trees() {
    let path = case("3.2.0/linear_pair.ubj").path;
    let XgboostModel::Linear(model) = XgboostModel::load(&path).unwrap() else {
        panic!("trees")
    };
    assert_eq!(model.weights().dim(), (5, 2));
    assert_eq!(model.intercepts().len(), 2);
    let error = BoostedTrees::load(&path).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "stored booster: expected trees, found `gblinear`");
}
