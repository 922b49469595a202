use std::error::Error as _;
use std::path::Path;

use chromex_boosting::{BoostedTrees, GradientBoosting, TreeMethod};
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
    let path = folder.path().join("model.json");
    let model = model();
    model.save(&path).unwrap();
    let loaded = BoostedTrees::load(&path).unwrap();
    assert_eq!(loaded, model);
    assert_eq!(
        (loaded.columns(), loaded.targets(), loaded.trees(1).len()),
        (2, 2, 100)
    );
}

#[test]
fn a_file_that_is_no_model_is_named_with_what_is_wrong_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    let reason = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let error = BoostedTrees::load(&path).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("model.json: expected boosted trees")
        );
        error.source().unwrap().to_string()
    };
    let leaf = r#"{"leaf":{"value":1.0,"rows":2}}"#;
    let split = |child: u32, column: u32| {
        format!(
            r#"{{"split":{{"column":{column},"threshold":0.5,"missing_left":true,"left":{child},"right":2,"loss_change":1.0,"rows":4}}}}"#
        )
    };
    let stored = |root: &str| {
        format!(r#"{{"columns":2,"base_score":0.5,"targets":[[[{root},{leaf},{leaf}]]]}}"#)
    };
    std::fs::write(&path, stored(&split(1, 1))).unwrap();
    assert!(BoostedTrees::load(&path).is_ok());
    assert!(reason("{").contains("EOF"));
    assert!(
        reason(&stored(&split(0, 1)))
            .contains("tree 0 of target 0, node 0: expected a later node as child, found 0")
    );
    assert!(reason(&stored(&split(7, 1))).contains("expected a later node as child, found 7"));
    assert!(reason(&stored(&split(1, 2))).contains("expected a column of the table, found 2"));
    assert!(reason(&stored(leaf).replace("0.5", "1e300")).contains("number out of range"));
    assert!(reason(&stored(leaf).replace("columns", "rows")).contains("unknown field"));
    assert!(
        reason(r#"{"columns":2,"base_score":0.5,"targets":[[[]]]}"#).contains("expected a root")
    );
    assert!(reason(r#"{"columns":2,"base_score":0.5,"targets":[]}"#).contains("stored targets"));
    assert!(BoostedTrees::load(Path::new("/nowhere/model.json")).is_err());
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
                base_score: f32::INFINITY,
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
