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

/// How far predictions are from others, in units of their size where that is above 1.
fn relatively_furthest(one: &Array2<f32>, other: &Array2<f32>) -> f32 {
    let scale = other.mapv(|value| value.abs().max(1.0));
    furthest(&(one / &scale), &(other / &scale))
}

/// Reads a file, unpacked where it was packed to be small.
pub(crate) fn stored(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_none_or(|ending| ending != "gz") {
        return bytes;
    }
    let mut unpacked = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(&bytes[..]);
    std::io::Read::read_to_end(&mut reader, &mut unpacked).unwrap();
    unpacked
}

/// A file that Python's XGBoost wrote, and what it predicts with it.
struct Case {
    name: String,
    path: PathBuf,
    bytes: Vec<u8>,
    inputs: Array2<f32>,
    margins: Array2<f32>,
    predicted: Array2<f32>,
}

/// What a script wrote down of its models.
fn written_down(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("cases.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn cases(version: &str) -> Vec<Case> {
    cases_of(version, &golden().join(version))
}

fn cases_of(version: &str, folder: &Path) -> Vec<Case> {
    let golden = written_down(folder);
    let cases = golden["cases"].as_array().unwrap();
    let predict = cases.iter().filter(|case| case["refused"].is_null());
    let files = predict.flat_map(|case| {
        let files = case["files"].as_array().unwrap();
        files.iter().map(move |file| (case, file.as_str().unwrap()))
    });
    files
        .map(|(case, file)| Case {
            name: format!("{version}/{file}"),
            path: folder.join(file),
            bytes: stored(&folder.join(file)),
            inputs: table(&golden[case["columns"].as_str().unwrap()]),
            margins: table(&case["margins"]),
            predicted: table(&case["predicted"]),
        })
        .collect()
}

const VERSIONS: [&str; 7] = ["0.90", "1.0.2", "1.5.1", "1.7.6", "2.1.4", "3.2.0", "3.4.1"];

fn every_case() -> Vec<Case> {
    VERSIONS.iter().flat_map(|version| cases(version)).collect()
}

fn case(name: &str) -> Case {
    let mut cases = every_case();
    let place = cases.iter().position(|case| case.name == name).unwrap();
    cases.swap_remove(place)
}

fn trees(case: &Case) -> BoostedTrees {
    BoostedTrees::from_bytes(&case.bytes).unwrap()
}

fn bytes(model: &XgboostModel, format: Format) -> Vec<u8> {
    match model {
        XgboostModel::Trees(model) => model.to_bytes(format),
        XgboostModel::Linear(model) => model.to_bytes(format),
        _ => unreachable!(),
    }
}

/// Checks predictions and margins; gives the greatest difference.
fn check(case: &Case) -> f32 {
    let model = XgboostModel::from_bytes(&case.bytes)
        .unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let predicted = model.predict_table(case.inputs.view()).unwrap();
    let mut difference = relatively_furthest(&predicted, &case.predicted);
    if let XgboostModel::Trees(model) = model {
        let margins = model.predict_margins(case.inputs.view()).unwrap();
        difference = difference.max(relatively_furthest(&margins, &case.margins));
    }
    assert!(difference < 1e-6, "{}: {difference:e}", case.name);
    difference
}

#[test]
fn models_of_seven_versions_of_xgboost_predict_what_they_do_there() {
    for case in every_case() {
        check(&case);
    }
}

#[test]
fn of_the_newest_version_every_objective_predicts_or_is_refused_by_name() {
    let golden = golden().join("3.4.1");
    let written = written_down(&golden);
    let listed = written["cases"].as_array().unwrap();
    assert!(listed.len() >= 65);
    let mut refused = 0;
    for case in listed.iter().filter(|case| !case["refused"].is_null()) {
        let reason = case["refused"].as_str().unwrap();
        for file in case["files"].as_array().unwrap() {
            let bytes = stored(&golden.join(file.as_str().unwrap()));
            let error = XgboostModel::from_bytes(&bytes).unwrap_err().to_string();
            assert!(error.contains(reason), "{file}: {error}");
            refused += 1;
        }
    }
    assert_eq!(refused, 10);
    let model = XgboostModel::from_bytes(&case("3.4.1/names.ubj.gz").bytes).unwrap();
    assert_eq!(model.version(), Some([3, 4, 1]));
}

/// `XGBOOST_MODELS` names a folder that `tests/golden/xgboost_objectives.py FOLDER SEEDS` wrote.
#[allow(clippy::print_stderr)]
#[test]
fn many_more_models_predict_what_they_do_there() {
    let Some(folder) = std::env::var_os("XGBOOST_MODELS") else {
        return;
    };
    let cases = cases_of("drawn", Path::new(&folder));
    let most = cases.iter().map(check).fold(0.0, f32::max);
    eprintln!("{} files, greatest difference {most:e}", cases.len());
    assert!(cases.len() > 65);
}

#[test]
fn several_quantiles_ascend_where_the_version_that_wrote_them_sorts_them() {
    let newest = case("3.4.1/quantiles.json.gz");
    let ascends = |table: &Array2<f32>| {
        let mut rows = table.rows().into_iter();
        rows.all(|row| row.to_vec().is_sorted())
    };
    // Else the case would tell nothing.
    assert!(ascends(&newest.predicted) && !ascends(&newest.margins));
    let model = trees(&newest);
    for format in [Format::Json, Format::Ubj] {
        let back = BoostedTrees::from_bytes(&model.to_bytes(format)).unwrap();
        let predicted = back.predict_table(newest.inputs.view()).unwrap();
        assert!(furthest(&predicted, &newest.predicted) < 1e-6);
    }
    // As version 3.3 stored the same, and predicted from it.
    let text = String::from_utf8(newest.bytes.clone()).unwrap();
    let older = text.replace("\"version\":[3,4,1]", "\"version\":[3,3,0]");
    assert_ne!(older, text);
    let model = BoostedTrees::from_bytes(older.as_bytes()).unwrap();
    let predicted = model.predict_table(newest.inputs.view()).unwrap();
    assert!(furthest(&predicted, &newest.margins) < 1e-6);
    let unknown = text.replace(",\"version\":[3,4,1]", "");
    let error = BoostedTrees::from_bytes(unknown.as_bytes()).unwrap_err();
    assert!(error.to_string().starts_with("version: "), "{error}");
}

#[test]
fn versions_that_were_not_tested_are_read_only_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let case = case("3.4.1/dropout.json.gz");
    let text = String::from_utf8(case.bytes.clone()).unwrap();
    for version in [[3, 4, 2], [3, 5, 0], [4, 0, 0], [3, 10, 1]] {
        let newer = text.replace(
            "[3,4,1]",
            &format!("[{},{},{}]", version[0], version[1], version[2]),
        );
        let path = folder.path().join("newer.json");
        std::fs::write(&path, &newer).unwrap();
        let error = XgboostModel::from_bytes(newer.as_bytes())
            .unwrap_err()
            .to_string();
        let spelt = format!("found {}.{}.{}", version[0], version[1], version[2]);
        assert!(
            error.starts_with("version: expected 3.4.1 or older"),
            "{error}"
        );
        assert!(
            error.ends_with(&spelt) && error.contains("load_untested"),
            "{error}"
        );
        assert!(XgboostModel::load(&path).is_err() && BoostedTrees::load(&path).is_err());
        let model = XgboostModel::load_untested(&path).unwrap();
        assert_eq!(model.version(), Some(version));
        let predicted = model.predict_table(case.inputs.view()).unwrap();
        assert!(furthest(&predicted, &case.predicted) < 1e-6);
    }
    for version in [
        "[3,4]",
        "[]",
        "[3,-4,1]",
        "\"3.4.1\"",
        "[3,4,1,0]",
        "[99999999999,0,0]",
    ] {
        let broken = text.replace("[3,4,1]", version);
        let error = XgboostModel::from_bytes(broken.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with("version: "), "{error}");
    }
}

#[test]
fn weights_of_dropout_count_wherever_a_version_wrote_them() {
    let newest = case("3.4.1/dropout.json.gz");
    let document: Value = serde_json::from_slice(&newest.bytes).unwrap();
    let weights = document["learner"]["gradient_booster"]["model"]["weight_drop"].clone();
    assert!(
        weights
            .as_array()
            .unwrap()
            .iter()
            .any(|weight| weight != 1.0)
    );
    // As version 3.3 wrote them beside the model, and those before within a booster of its own.
    let mut beside = document.clone();
    let booster = &mut beside["learner"]["gradient_booster"];
    booster["model"]
        .as_object_mut()
        .unwrap()
        .remove("weight_drop");
    booster["weight_drop"] = weights.clone();
    let mut around = beside.clone();
    let booster = &mut around["learner"]["gradient_booster"];
    *booster = serde_json::json!({
        "name": "dart",
        "weight_drop": weights,
        "gbtree": {"name": "gbtree", "model": booster["model"]},
    });
    for document in [&beside, &around] {
        let model = XgboostModel::from_bytes(document.to_string().as_bytes()).unwrap();
        let predicted = model.predict_table(newest.inputs.view()).unwrap();
        assert!(furthest(&predicted, &newest.predicted) < 1e-6);
    }
    // Two lists, too few weights, and a place that no version has: nothing is passed over.
    let mut twice = document.clone();
    twice["learner"]["gradient_booster"]["weight_drop"] = weights.clone();
    let mut short = document.clone();
    short["learner"]["gradient_booster"]["model"]["weight_drop"] = serde_json::json!([1.0]);
    let mut elsewhere = beside.clone();
    elsewhere["learner"]["weight_drop"] = weights.clone();
    let mut renamed = document.clone();
    renamed["learner"]["gradient_booster"]["model"]["tree_weights"] = weights;
    for (document, place) in [
        (twice, "weight_drop: expected weights of trees in one place"),
        (short, "weight_drop: expected an element for each"),
        (elsewhere, "learner.weight_drop: expected no field"),
        (renamed, "model.tree_weights: expected no field"),
    ] {
        let error = XgboostModel::from_bytes(document.to_string().as_bytes()).unwrap_err();
        assert!(error.to_string().contains(place), "{error}");
    }
}

#[test]
fn no_byte_alone_decides_the_format() {
    let faults = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/xgb_brace");
    let read = |name: &str, columns: usize| {
        let text = std::fs::read_to_string(faults.join(name)).unwrap();
        let rows = text.lines().filter(|line| !line.is_empty());
        let values: Vec<f32> = rows
            .flat_map(|line| line.split(','))
            .map(|value| value.trim().parse().unwrap())
            .collect();
        Array2::from_shape_vec((values.len() / columns, columns), values).unwrap()
    };
    let path = faults.join("old_brace.model");
    let model = BoostedTrees::load(&path).unwrap();
    let predicted = model
        .predict_table(read("X.csv", model.columns()).view())
        .unwrap();
    let expected = read("old_brace.pred.csv", 1);
    assert!(relatively_furthest(&predicted, &expected) < 1e-6);

    // Base scores that begin as other formats do change no more than the base score.
    let old = std::fs::read(&path).unwrap();
    let margin_of = |bytes: &[u8]| f32::from_le_bytes(bytes[..4].try_into().unwrap());
    let rows = read("X.csv", model.columns());
    for start in [
        *b"{\"a:",
        *b"{}\0?",
        *b"{L\0?",
        *b"{i\x01?",
        *b"{ \"?",
        *b"bs64",
        *b"\x1f\x8b\x08?",
        *b"PK\x03\x3f",
        *b"\x80\x04\x95?",
        *b"\xef\xbb\xbf?",
        *b"  {?",
        *b"\x28\xb5\x2f\x3f",
    ] {
        let mut bytes = old.clone();
        bytes[..4].copy_from_slice(&start);
        let moved =
            BoostedTrees::from_bytes(&bytes).unwrap_or_else(|error| panic!("{start:?}: {error}"));
        assert_eq!(moved.base_scores(), [margin_of(&bytes)]);
        assert_eq!(moved.trees(), model.trees());
    }
    // The mark, before a model and as the base score of one that has none.
    let marked = [&b"binf"[..], &old].concat();
    assert_eq!(BoostedTrees::from_bytes(&marked).unwrap(), model);
    let mut unmarked = old.clone();
    unmarked[..4].copy_from_slice(b"binf");
    let moved = BoostedTrees::from_bytes(&unmarked).unwrap();
    assert_eq!(moved.base_scores(), [margin_of(b"binf")]);

    // Text with a mark or space before it, and what only looks like text.
    let json = case("3.4.1/dropout.json.gz");
    for before in [&b"\xef\xbb\xbf"[..], b" \n\t", b"\xef\xbb\xbf\r\n "] {
        let bytes = [before, &json.bytes].concat();
        let predicted = XgboostModel::from_bytes(&bytes)
            .unwrap()
            .predict_table(json.inputs.view())
            .unwrap();
        assert!(furthest(&predicted, &json.predicted) < 1e-6);
    }
    let packed = XgboostModel::load(&json.path).unwrap_err();
    let packed = std::error::Error::source(&packed).unwrap().to_string();
    assert!(
        packed.contains("gzip") && packed.contains("unpack"),
        "{packed}"
    );
    assert!(rows.nrows() > 100);
}

#[test]
fn a_file_that_ends_early_is_no_model_of_any_format() {
    for name in [
        "3.4.1/dropout.json.gz",
        "3.4.1/dropout.ubj.gz",
        "1.7.6/dart.model",
    ] {
        let bytes = case(name).bytes;
        // Old models may end behind what predictions need.
        let needed = if name.ends_with("model") {
            bytes.len() - 600
        } else {
            bytes.len()
        };
        for end in (0..needed).step_by(7) {
            assert!(
                XgboostModel::from_bytes(&bytes[..end]).is_err(),
                "{name} up to {end}"
            );
        }
    }
}

#[test]
fn no_bit_of_a_model_that_was_saved_can_change() {
    for name in ["3.4.1/softprob_of_one.json.gz", "3.4.1/linear.json.gz"] {
        let model = XgboostModel::from_bytes(&case(name).bytes).unwrap();
        for format in [Format::Json, Format::Ubj] {
            let whole = bytes(&model, format);
            assert!(XgboostModel::from_bytes(&whole).is_ok());
            for bit in 0..8 * whole.len() {
                let mut flipped = whole.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let read = XgboostModel::from_bytes(&flipped);
                assert!(read.is_err(), "{name}, {format:?}, bit {bit}");
            }
        }
        // A number that reads as well as the one before it.
        let text = String::from_utf8(bytes(&model, Format::Json)).unwrap();
        let changed = text.replacen("E-1", "E-2", 1);
        assert_ne!(changed, text);
        let error = XgboostModel::from_bytes(changed.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("chromex_sha256: "), "{error}");
        // As another program writes it anew.
        let document: Value = serde_json::from_str(&text).unwrap();
        let spaced = serde_json::to_string_pretty(&document).unwrap();
        let error = XgboostModel::from_bytes(spaced.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains("remove the field"), "{error}");
    }
}

#[test]
fn both_formats_bring_every_bit_back() {
    for case in every_case() {
        let model = XgboostModel::from_bytes(&case.bytes).unwrap();
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
        model.as_object_mut().unwrap().remove("chromex_sha256");
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
        let theirs = case.bytes.clone();
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
