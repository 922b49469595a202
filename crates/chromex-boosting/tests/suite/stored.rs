use std::error::Error as _;
use std::path::Path;

use chromex_boosting::{BoostedTrees, Format, GradientBoosting, TreeMethod};
use chromex_core::{Dataset, Fit, Keys, Predict, Target, Targets, Transform};
use ndarray::{Array2, array};

fn inputs() -> Array2<f32> {
    array![[0.0, 3.0], [1.0, f32::NAN], [8.0, 2.5], [9.0, 0.1]]
}

fn targets() -> Array2<f32> {
    array![[0.5, 1.0], [0.25, 2.0], [4.5, -1.0], [4.75, 0.3]]
}

fn model() -> BoostedTrees {
    GradientBoosting::default()
        .fit_table(inputs().view(), targets().view())
        .unwrap()
}

#[test]
fn a_saved_model_predicts_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let model = model();
    for name in ["model.json", "model.ubj", "model.UBJ"] {
        let path = folder.path().join(name);
        model.save(&path).unwrap();
        let loaded = BoostedTrees::load(&path).unwrap();
        assert_eq!(loaded, model);
        assert_eq!(
            (loaded.columns(), loaded.outputs(), loaded.trees().len()),
            (2, 2, 200)
        );
        assert_eq!(loaded.rounds(), 100);
    }
    let named = model.with_column_names(["H3K4me3", "H3K27ac"]).unwrap();
    let path = folder.path().join("named.ubj");
    named.save(&path).unwrap();
    assert_eq!(
        BoostedTrees::load(&path).unwrap().column_names(),
        ["H3K4me3", "H3K27ac"]
    );
}

#[test]
fn an_unknown_ending_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["model.model", "model", "model.json.gz"] {
        let error = model().save(&folder.path().join(name)).unwrap_err();
        assert!(
            error.to_string().ends_with(r#"known: ["json", "ubj"]"#),
            "{error}"
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A model of one tree as text, with its nodes changed.
fn stored(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let tree = serde_json::json!({
        "tree_param": {"num_nodes": "3", "size_leaf_vector": "1"},
        "left_children": [1, -1, -1], "right_children": [2, -1, -1], "default_left": [1, 0, 0],
        "split_indices": [1, 0, 0], "split_conditions": [0.5, 1.0, 2.0], "split_type": [0, 0, 0],
        "loss_changes": [1.0, 0.0, 0.0], "sum_hessian": [4.0, 2.0, 2.0],
    });
    let mut model = serde_json::json!({"learner": {
        "learner_model_param": {"num_feature": "2", "base_score": "5E-1", "num_class": "0"},
        "objective": {"name": "reg:squarederror"},
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_trees": "1"}, "tree_info": [0], "trees": [tree],
        }},
    }});
    change(&mut model["learner"]);
    model.to_string()
}

fn tree_of(learner: &mut serde_json::Value) -> &mut serde_json::Value {
    &mut learner["gradient_booster"]["model"]["trees"][0]
}

#[test]
fn a_file_that_is_no_model_is_named_with_what_is_wrong_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    let reason = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let error = BoostedTrees::load(&path).unwrap_err();
        assert!(error.to_string().starts_with("read /"), "{error}");
        assert!(error.to_string().contains("model.json"), "{error}");
        error.source().unwrap().to_string()
    };
    assert_eq!(
        reason("{\"learner\":"),
        "byte 11: expected a value, found the end of the file"
    );
    assert_eq!(reason("{}"), "learner: expected a value, found none");
    assert!(reason("").ends_with("found an empty file"));
    assert!(
        reason("0.5\n[ { \"nodeid\": 0 }").starts_with("byte 0: expected a model of XGBoost's")
    );
    let error = BoostedTrees::load(Path::new("/nowhere/model.json")).unwrap_err();
    assert!(error.to_string().starts_with("read /nowhere"));
}

#[test]
fn a_tree_that_contradicts_itself_is_refused_by_node() {
    let reason = |change: &dyn Fn(&mut serde_json::Value)| {
        let text = stored(|learner| change(tree_of(learner)));
        let error = BoostedTrees::from_bytes(text.as_bytes()).unwrap_err();
        error.to_string()
    };
    assert!(BoostedTrees::from_bytes(stored(|_| {}).as_bytes()).is_ok());
    let cases: [(&str, serde_json::Value, &str); 9] = [
        (
            "left_children",
            serde_json::json!([0, -1, -1]),
            "tree 0, node 0: expected a child that has no other parent, found 0",
        ),
        (
            "left_children",
            serde_json::json!([1, 0, -1]),
            "tree 0, node 1: expected a child that has no other parent, found 0",
        ),
        (
            "right_children",
            serde_json::json!([1, -1, -1]),
            "tree 0, node 0: expected a child that has no other parent, found 1",
        ),
        (
            "right_children",
            serde_json::json!([3, -1, -1]),
            "tree 0, node 0: expected a node of the tree as child, found 3",
        ),
        (
            "right_children",
            serde_json::json!([-2, -1, -1]),
            "tree 0, node 0: expected a node of the tree as child, found -2",
        ),
        (
            "split_indices",
            serde_json::json!([2, 0, 0]),
            "tree 0, node 0: expected a column of the model, found 2",
        ),
        (
            "split_type",
            serde_json::json!([1, 0, 0]),
            "tree 0, node 0: expected a split by a number, found one by categories",
        ),
        (
            "default_left",
            serde_json::json!([true]),
            "learner.gradient_booster.model.trees[0].default_left: expected an element for each of 3 nodes, found 1",
        ),
        (
            "tree_param",
            serde_json::json!({"num_nodes": "2000000000"}),
            "learner.gradient_booster.model.trees[0].left_children: expected an element for each of 2000000000 nodes, found 3",
        ),
    ];
    for (field, value, message) in cases {
        assert_eq!(reason(&|tree| tree[field] = value.clone()), message);
    }
    let text = stored(|_| {}).replace("[0.5,1.0,2.0]", "[NaN,1.0,2.0]");
    let error = BoostedTrees::from_bytes(text.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tree 0, node 0: expected a threshold, found NaN"
    );
    let text = stored(|_| {}).replace("[0.5,1.0,2.0]", "[0.5,1.0,-Infinity]");
    let error = BoostedTrees::from_bytes(text.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tree 0, node 2: expected a finite value, found -inf"
    );
}

#[test]
fn parts_that_do_not_fit_together_are_refused_by_name() {
    let reason = |change: &dyn Fn(&mut serde_json::Value)| {
        let error = BoostedTrees::from_bytes(stored(change).as_bytes()).unwrap_err();
        error.to_string()
    };
    let parameter = |name: &'static str, value: &'static str| {
        reason(&move |learner| learner["learner_model_param"][name] = value.into())
    };
    assert!(parameter("num_class", "2000000000").contains("outputs in a file of this size"));
    assert!(parameter("num_class", "-1").ends_with("expected a count as a string, found `-1`"));
    assert!(parameter("num_feature", "0").ends_with("a column of the model, found 1"));
    let empty = stored(|learner| {
        learner["learner_model_param"]["num_feature"] = "0".into();
        let model = &mut learner["gradient_booster"]["model"];
        model["gbtree_model_param"]["num_trees"] = "0".into();
        model["trees"] = serde_json::json!([]);
        model["tree_info"] = serde_json::json!([]);
    });
    let error = BoostedTrees::from_bytes(empty.as_bytes()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("stored columns: expected 1 to")
    );
    assert!(parameter("base_score", "[1,2]").contains("expected a number for each of 1 outputs"));
    assert!(parameter("base_score", "half").ends_with("numbers in a string, found `half`"));
    assert!(parameter("base_score", "NaN").starts_with("stored base score"));
    let model = |name: &'static str, value: serde_json::Value| {
        reason(&move |learner| learner["gradient_booster"]["model"][name] = value.clone())
    };
    assert!(model("tree_info", serde_json::json!([1])).contains("an output of the model"));
    assert!(model("tree_info", serde_json::json!([0, 0])).contains("for each of 1 trees"));
    assert!(model("tree_info", serde_json::json!([-1])).contains("found -1"));
    assert!(model("iteration_indptr", serde_json::json!([0, 2])).contains("stored rounds"));
    assert!(model("iteration_indptr", serde_json::json!([])).contains("stored rounds"));
    assert!(model("cats", serde_json::json!({"enc": [{}]})).contains("no categorical columns"));
    assert_eq!(
        reason(&|learner| learner["objective"]["name"] = "reg:unheard".into()),
        "learner.objective.name: expected an objective whose predictions are known, found `reg:unheard`"
    );
    assert_eq!(
        reason(&|learner| learner["gradient_booster"]["name"] = "gbforest".into()),
        "learner.gradient_booster.name: expected `gbtree`, `dart` or `gblinear`, found `gbforest`"
    );
    assert!(
        reason(&|learner| learner["feature_names"] = serde_json::json!(["one"]))
            .contains("column names")
    );
    assert!(
        reason(&|learner| learner["attributes"] = serde_json::json!({"best_iteration": "7"}))
            .contains("best round")
    );
}

#[test]
fn of_several_fields_with_one_name_the_last_counts_and_is_written_back() {
    let twice = r#""name":"reg:unheard","name":"reg:squarederror""#;
    let text = stored(|_| {}).replace(r#""name":"reg:squarederror""#, twice);
    assert!(text.contains(twice));
    let model = BoostedTrees::from_bytes(text.as_bytes()).unwrap();
    assert_eq!(model.objective(), "reg:squarederror");
    let back = BoostedTrees::from_bytes(&model.to_bytes(Format::Json)).unwrap();
    assert_eq!(back, model);
}

#[test]
fn children_may_come_before_their_parents() {
    let text = stored(|learner| {
        let tree = tree_of(learner);
        tree["tree_param"]["num_nodes"] = "6".into();
        tree["left_children"] = serde_json::json!([4, -1, -1, -1, 1, -1]);
        tree["right_children"] = serde_json::json!([2, -1, -1, -1, 3, -1]);
        tree["default_left"] = serde_json::json!([1, 0, 0, 0, 0, 0]);
        tree["split_indices"] = serde_json::json!([0, 0, 0, 0, 1, i32::MAX]);
        tree["split_conditions"] = serde_json::json!([0.5, 1.0, 2.0, 3.0, 0.25, f32::MAX]);
        tree["split_type"] = serde_json::json!([0, 0, 0, 0, 0, 0]);
        tree["loss_changes"] = serde_json::json!([1.0, 0.0, 0.0, 0.0, 0.5, 0.0]);
        tree["sum_hessian"] = serde_json::json!([4.0, 1.0, 2.0, 1.0, 2.0, 0.0]);
    });
    let model = BoostedTrees::from_bytes(text.as_bytes()).unwrap();
    let nodes = model.trees()[0].nodes();
    assert_eq!(nodes.len(), 5);
    assert!(matches!(
        nodes[1],
        chromex_boosting::Node::Split {
            left: 3,
            right: 4,
            ..
        }
    ));
    let rows = array![[0.0, 0.0], [0.0, 0.25], [0.5, 0.0], [f32::NAN, 9.0]];
    let predicted = model.predict_table(rows.view()).unwrap();
    assert_eq!(predicted, array![[1.5], [3.5], [2.5], [3.5]]);
}

#[test]
fn tables_that_cannot_be_fitted_or_predicted_are_refused() {
    let booster = GradientBoosting::default();
    let message = |inputs: &Array2<f32>, targets: &Array2<f32>| {
        booster
            .fit_table(inputs.view(), targets.view())
            .unwrap_err()
            .to_string()
    };
    let empty = |rows, columns| Array2::<f32>::zeros((rows, columns));
    assert_eq!(
        message(&empty(0, 2), &empty(0, 1)),
        "the training table has no rows"
    );
    assert_eq!(
        message(&empty(2, 0), &empty(2, 1)),
        "the training table has no columns"
    );
    assert_eq!(
        message(&empty(2, 1), &empty(2, 0)),
        "the training table has no targets"
    );
    let infinite = array![[1.0, f32::INFINITY]];
    assert_eq!(
        message(&infinite, &empty(1, 1)),
        "input in row 0, column 1: expected a finite number or NaN, found inf"
    );
    assert_eq!(
        message(&empty(1, 1), &array![[f32::NAN]]),
        "target in row 0, column 0: expected a finite number, found NaN"
    );
    let error = model().predict_table(empty(1, 3).view()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the rows have 3 columns, the model was fitted on 2"
    );
    assert!(model().predict_table(infinite.view()).is_err());
    assert_eq!(
        model().predict_table(empty(0, 2).view()).unwrap().dim(),
        (0, 2)
    );
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let default = GradientBoosting::default();
    let refused = [
        (
            "rounds",
            GradientBoosting {
                rounds: 0,
                ..default.clone()
            },
        ),
        (
            "eta",
            GradientBoosting {
                eta: f32::NAN,
                ..default.clone()
            },
        ),
        (
            "max_depth",
            GradientBoosting {
                max_depth: 0,
                ..default.clone()
            },
        ),
        (
            "max_depth",
            GradientBoosting {
                max_depth: 31,
                ..default.clone()
            },
        ),
        (
            "reg_lambda",
            GradientBoosting {
                reg_lambda: -1.0,
                ..default.clone()
            },
        ),
        (
            "gamma",
            GradientBoosting {
                gamma: -1.0,
                ..default.clone()
            },
        ),
        (
            "min_child_weight",
            GradientBoosting {
                min_child_weight: f32::INFINITY,
                ..default.clone()
            },
        ),
        (
            "base_score",
            GradientBoosting {
                base_score: Some(f32::INFINITY),
                ..default.clone()
            },
        ),
        (
            "max_bins",
            GradientBoosting {
                tree_method: TreeMethod::Histogram { max_bins: 1 },
                ..default
            },
        ),
    ];
    for (name, booster) in refused {
        let error = booster
            .fit_table(inputs().view(), targets().view())
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("setting `{name}`: expected ")),
            "{error}"
        );
    }
}

#[test]
fn settings_read_from_a_file_may_leave_out_defaults_but_not_misspell() {
    let read = |text: &str| serde_json::from_str::<GradientBoosting>(text);
    let expected = GradientBoosting {
        eta: 0.1,
        tree_method: TreeMethod::Histogram { max_bins: 64 },
        ..GradientBoosting::default()
    };
    assert_eq!(
        read(r#"{"eta":0.1,"tree_method":{"histogram":{"max_bins":64}}}"#).unwrap(),
        expected
    );
    assert_eq!(
        read(r#"{"tree_method":"exact"}"#).unwrap(),
        GradientBoosting::default()
    );
    assert!(read(r#"{"learning_rate":0.1}"#).is_err());
    assert!(read(r#"{"tree_method":{"histogram":{"max_bin":64}}}"#).is_err());
}

#[test]
fn a_dataset_is_fitted_as_its_tables_are() {
    let column = |name: &str| Target {
        name: name.into(),
        unit: "reads".into(),
        transform: Transform::Identity,
    };
    let targets = Targets::new(targets(), vec![column("a"), column("b")]).unwrap();
    let dataset = Dataset::new(inputs(), targets, Keys::numbered(4)).unwrap();
    let fitted = GradientBoosting::default()
        .fit(&dataset, &dataset, 7)
        .unwrap();
    assert_eq!(fitted, model());
    assert_eq!(
        fitted.predict(&inputs()).unwrap(),
        model().predict_table(inputs().view()).unwrap()
    );
}
