use chromex_boosting::{
    DecisionTree, ElasticNet, Gamma, GbdtBoosting, GbdtLoss, GbdtModel, Kernel, LinearModel,
    LogisticModel, LogisticRegression, OrdinaryLeastSquares, Ridge, SupportVectorClassification,
    SupportVectorModel, SupportVectorRegression, Tuned, TunedElasticNet, ValidationLoss,
};
use chromex_core::{Dataset, Fit, Keys, Predict, Target, Targets, Transform};
use ndarray::{Array2, Axis, s};
use serde_json::Value;

struct Case {
    name: String,
    rows: usize,
    inputs: Array2<f32>,
    targets: Array2<f32>,
    classes: Array2<f32>,
    results: Vec<Value>,
    chosen_alpha: f64,
}

fn numbers(list: &Value) -> Vec<f64> {
    let list = list.as_array().unwrap().iter();
    list.map(|value| value.as_f64().unwrap()).collect()
}

fn column(list: &Value) -> Array2<f32> {
    let values: Vec<f32> = numbers(list).iter().map(|&value| value as f32).collect();
    Array2::from_shape_vec((values.len(), 1), values).unwrap()
}

fn cases() -> Vec<Case> {
    let golden: Value = serde_json::from_str(include_str!("../golden/classical.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap().iter();
    cases
        .map(|case| {
            let rows: Vec<Vec<f64>> = case["inputs"]
                .as_array()
                .unwrap()
                .iter()
                .map(numbers)
                .collect();
            Case {
                name: case["name"].as_str().unwrap().into(),
                rows: case["training_rows"].as_u64().unwrap() as usize,
                inputs: Array2::from_shape_fn((rows.len(), rows[0].len()), |(row, column)| {
                    rows[row][column] as f32
                }),
                targets: column(&case["targets"]),
                classes: column(&case["classes"]),
                results: case["results"].as_array().unwrap().clone(),
                chosen_alpha: case["chosen_alpha"].as_f64().unwrap(),
            }
        })
        .collect()
}

/// What the learner of a result predicts for all rows, fitted to the training rows.
fn predict(case: &Case, result: &Value) -> Array2<f32> {
    let settings = &result["settings"];
    let number = |name: &str| settings[name].as_f64().unwrap();
    let standardize = settings["standardize"].as_bool().unwrap();
    let train = case.inputs.slice(s![..case.rows, ..]);
    let targets = case.targets.slice(s![..case.rows, ..]);
    let classes = case.classes.slice(s![..case.rows, ..]);
    let all = case.inputs.view();
    let kernel = || match settings["kernel"].as_str().unwrap() {
        "linear" => Kernel::Linear,
        _ => Kernel::Radial {
            gamma: Gamma::Scale,
        },
    };
    let tree = || DecisionTree {
        max_depth: number("max_depth") as usize,
        min_rows_per_leaf: number("min_rows_per_leaf") as u32,
        ..DecisionTree::default()
    };
    let predicted = match result["learner"].as_str().unwrap() {
        "least squares" => OrdinaryLeastSquares { standardize }
            .fit_table(train, targets)
            .and_then(|model| model.predict_table(all)),
        "elastic net" => ElasticNet {
            alpha: number("alpha"),
            l1_ratio: number("l1_ratio"),
            standardize,
            tolerance: 1e-13,
            ..ElasticNet::default()
        }
        .fit_table(train, targets)
        .and_then(|model| model.predict_table(all)),
        "logistic" => LogisticRegression {
            c: number("c"),
            standardize,
        }
        .fit_table(train, classes)
        .and_then(|model| model.predict_table(all)),
        "support vectors" => SupportVectorRegression {
            c: number("c"),
            epsilon: number("epsilon"),
            kernel: kernel(),
            standardize,
            tolerance: 1e-10,
            ..SupportVectorRegression::default()
        }
        .fit_table(train, targets)
        .and_then(|model| model.predict_table(all)),
        "support vector classes" => SupportVectorClassification {
            c: number("c"),
            kernel: kernel(),
            standardize,
            tolerance: 1e-10,
            ..SupportVectorClassification::default()
        }
        .fit_table(train, classes)
        .and_then(|model| model.predict_table(all)),
        "tree" => tree()
            .fit_table(train, targets)
            .and_then(|model| model.predict_table(all)),
        "tree classes" => tree()
            .fit_table(train, classes)
            .and_then(|model| model.predict_table(all)),
        other => panic!("no learner is called {other}"),
    };
    predicted.unwrap()
}

#[test]
fn classical_learners_predict_what_scikit_learn_predicts() {
    for case in cases() {
        for result in &case.results {
            let expected = numbers(&result["predicted"]);
            let spread = expected
                .iter()
                .fold(1.0, |most: f64, value| most.max(value.abs()));
            let found = predict(&case, result);
            for (row, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let apart = (f64::from(*found) - expected).abs() / spread;
                let (name, learner, settings) =
                    (&case.name, &result["learner"], &result["settings"]);
                assert!(
                    apart < 1e-6,
                    "{name}, {learner}, {settings}, row {row}: {found} is not {expected}"
                );
            }
        }
    }
}

#[test]
fn validation_rows_choose_the_penalty_of_the_path_that_scikit_learn_chooses() {
    for case in cases() {
        let parts = [s![..case.rows, ..], s![case.rows.., ..]];
        let [train, valid] = parts.map(|part| (case.inputs.slice(part), case.targets.slice(part)));
        let path = TunedElasticNet {
            alphas: 20,
            last: 1e-2,
            tolerance: 1e-10,
            ..TunedElasticNet::default()
        };
        let chosen = path.fit_tables(train, valid).unwrap().alpha();
        assert!(
            (chosen / case.chosen_alpha - 1.0).abs() < 1e-6,
            "{}: {chosen} is not {}",
            case.name,
            case.chosen_alpha
        );
    }
}

fn datasets() -> [Dataset<Array2<f32>>; 2] {
    let case = cases().remove(0);
    let column = |name: &str| Target {
        name: name.into(),
        unit: "reads".into(),
        transform: Transform::Identity,
    };
    let truth = ndarray::concatenate![
        Axis(1),
        case.classes,
        case.classes.mapv(|class| 1.0 - class)
    ];
    let targets = Targets::new(truth, vec![column("a"), column("b")]).unwrap();
    let keys = Keys::numbered(case.inputs.nrows());
    let all = Dataset::new(case.inputs, targets, keys).unwrap();
    let rows: Vec<usize> = (0..all.len()).collect();
    [
        all.select(&rows[..case.rows]),
        all.select(&rows[case.rows..]),
    ]
}

#[test]
fn the_better_candidate_is_kept_with_all_losses() {
    let [train, valid] = datasets();
    let tuned = Tuned {
        candidates: [1e-4, 1.0, 1e-4]
            .map(|c| LogisticRegression {
                c,
                ..LogisticRegression::default()
            })
            .to_vec(),
        loss: ValidationLoss::Logistic,
    };
    let chosen = tuned.fit(&train, &valid, 0).unwrap();
    assert_eq!(chosen.candidate, 1);
    assert!(chosen.losses[1] < chosen.losses[0]);
    assert_eq!(chosen.losses[0], chosen.losses[2]);
    assert_eq!(
        chosen.predict(&valid.inputs).unwrap(),
        chosen.model.predict(&valid.inputs).unwrap()
    );
    let none: Tuned<Ridge> = Tuned {
        candidates: Vec::new(),
        loss: ValidationLoss::SquaredError,
    };
    assert!(none.fit(&train, &valid, 0).is_err());
}

#[test]
fn saved_models_predict_the_same_bits_for_every_target() {
    let [train, valid] = datasets();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    macro_rules! round_trip {
        ($learner:expr, $model:ty, $expected:literal) => {
            let model = $learner.fit(&train, &valid, 0).unwrap();
            model.save(&path).unwrap();
            let loaded = <$model>::load(&path).unwrap();
            assert_eq!(loaded, model);
            let predicted = loaded.predict(&valid.inputs).unwrap();
            assert_eq!(predicted, model.predict(&valid.inputs).unwrap());
            assert_eq!(predicted.dim(), (10, 2));
            std::fs::write(&path, "{\"columns\":3}").unwrap();
            let error = <$model>::load(&path).unwrap_err().to_string();
            let reason = concat!("model.json: expected ", $expected);
            assert!(error.contains(reason), "{error}");
            assert!(error.contains("; fit and save it again"), "{error}");
            // What is whole, and no such model.
            std::fs::write(&path, chromex_core::seal::json(b"{\"columns\":3}")).unwrap();
            let error = <$model>::load(&path).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
            model.save(&path).unwrap();
            let whole = std::fs::read(&path).unwrap();
            for bit in (0..8 * whole.len()).step_by(whole.len() / 25) {
                let mut flipped = whole.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                std::fs::write(&path, flipped).unwrap();
                assert!(<$model>::load(&path).is_err(), "bit {bit}");
            }
        };
    }
    round_trip!(Ridge::default(), LinearModel, "a linear model");
    round_trip!(ElasticNet::lasso(0.1), LinearModel, "a linear model");
    round_trip!(
        LogisticRegression::default(),
        LogisticModel,
        "a logistic regression"
    );
    round_trip!(
        SupportVectorClassification::default(),
        SupportVectorModel,
        "support vectors"
    );
    round_trip!(
        SupportVectorRegression::linear(),
        SupportVectorModel,
        "support vectors"
    );
    let boosting = GbdtBoosting {
        loss: GbdtLoss::Logistic,
        rounds: 5,
        ..GbdtBoosting::default()
    };
    round_trip!(boosting, GbdtModel, "trees of the gbdt crate");
}

#[test]
fn files_whose_parts_do_not_fit_are_refused() {
    let linear = |text: &str| serde_json::from_str::<LinearModel>(text).map_err(|e| e.to_string());
    let good = r#"{"alpha":1.0,"columns":2,"coefficients":[[1.0,2.0]],"intercepts":[0.5]}"#;
    assert!(linear(good).is_ok());
    let refused = linear(&good.replace("[0.5]", "[0.5,1.0]")).unwrap_err();
    assert!(
        refused.contains("stored targets: expected 2, found 1"),
        "{refused}"
    );
    let refused = linear(&good.replace("2.0]", "2.0,3.0]")).unwrap_err();
    assert!(
        refused.contains("stored coefficients: expected 2, found 3"),
        "{refused}"
    );
    assert!(linear(&good.replace(":2,", ":99999999999,")).is_err());

    let radial =
        |text: &str| serde_json::from_str::<SupportVectorModel>(text).map_err(|e| e.to_string());
    let good = r#"{"radial":{"gamma":1.0,"means":[0.0],"scales":[1.0],"vectors":[[1.0]],"coefficients":[[2.0]],"intercepts":[0.5]}}"#;
    assert!(radial(good).is_ok());
    assert!(radial(&good.replace("[[1.0]]", "[[1.0,2.0]]")).is_err());
    assert!(radial(&good.replace("[[2.0]]", "[[2.0],[3.0]]")).is_err());
    assert!(radial(&good.replace("\"scales\":[1.0]", "\"scales\":[0.0]")).is_err());

    let trees = |text: &str| serde_json::from_str::<GbdtModel>(text).map_err(|e| e.to_string());
    let stored = |left: u32, column: u32| {
        format!(
            r#"{{"columns":2,"shrinkage":0.1,"logistic":false,"targets":[{{"level":0.0,"trees":[[{{"split":{{"column":{column},"threshold":0.5,"left":{left},"right":2}}}},{{"leaf":{{"value":1.0}}}},{{"leaf":{{"value":2.0}}}}]]}}]}}"#
        )
    };
    assert!(trees(&stored(1, 1)).is_ok());
    assert!(
        trees(&stored(0, 1))
            .unwrap_err()
            .contains("expected a later node as child, found 0")
    );
    assert!(
        trees(&stored(3, 1))
            .unwrap_err()
            .contains("expected a later node as child, found 3")
    );
    assert!(
        trees(&stored(1, 2))
            .unwrap_err()
            .contains("expected a column of the table, found 2")
    );
}

#[test]
fn steps_that_do_not_suffice_are_an_error_with_what_is_left() {
    let case = cases().remove(1);
    let error = ElasticNet {
        alpha: 1e-3,
        tolerance: 1e-12,
        max_sweeps: 3,
        ..ElasticNet::default()
    }
    .fit_table(case.inputs.view(), case.targets.view())
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("target 0: a relative gap of "),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .ends_with("is left after 3 steps, 1e-12 was asked for"),
        "{error}"
    );
}
