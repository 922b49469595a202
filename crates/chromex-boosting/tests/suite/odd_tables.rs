use chromex_boosting::{
    Error, GradientBoosting, GrowPolicy, MultiStrategy, Objective, Table, TreeMethod,
};
use ndarray::{Array2, array};

const NAN: f32 = f32::NAN;

/// Boosters of every loss, method and way of growing.
fn boosters() -> Vec<GradientBoosting> {
    let mut all = Vec::new();
    for objective in [
        Objective::SquaredError,
        Objective::AbsoluteError,
        Objective::Logistic,
        Objective::Softmax { classes: 2 },
        Objective::Poisson,
    ] {
        for base_score in [Some(0.5), None] {
            let of = |tree_method| GradientBoosting {
                rounds: 3,
                objective,
                base_score,
                tree_method,
                ..GradientBoosting::default()
            };
            let histogram = || of(TreeMethod::Histogram { max_bins: 4 });
            all.extend([
                of(TreeMethod::Exact),
                histogram(),
                GradientBoosting {
                    grow_policy: GrowPolicy::LossGuided,
                    max_depth: 0,
                    max_leaves: 4,
                    ..histogram()
                },
                GradientBoosting {
                    multi_strategy: MultiStrategy::MultiOutputTree,
                    ..histogram()
                },
                GradientBoosting {
                    subsample: 0.3,
                    colsample_bynode: 0.1,
                    reg_lambda: 0.0,
                    min_child_weight: 0.0,
                    ..of(TreeMethod::Histogram { max_bins: 2 })
                },
                GradientBoosting {
                    subsample: 0.3,
                    reg_lambda: 0.0,
                    min_child_weight: 0.0,
                    ..of(TreeMethod::Exact)
                },
            ]);
        }
    }
    all
}

/// Whether targets that are all 0 leave the booster without a rate to begin from.
fn estimates_no_rate(booster: &GradientBoosting) -> bool {
    booster.objective == Objective::Poisson && booster.base_score.is_none()
}

#[test]
fn tables_with_nothing_to_learn_give_the_base_score_and_no_panic() {
    let tables: [Array2<f32>; 6] = [
        array![[1.0, 2.0]],
        array![[NAN, NAN]],
        array![[3.0, NAN], [3.0, NAN], [3.0, NAN]],
        array![[NAN], [NAN], [NAN], [NAN]],
        array![[-0.0], [0.0], [0.0], [-0.0]],
        array![[7.0], [7.0], [7.0]],
    ];
    for inputs in tables {
        let targets = Array2::from_shape_fn((inputs.nrows(), 1), |(row, _)| (row % 2) as f32);
        for booster in boosters() {
            let fitted = booster.fit_table(inputs.view(), targets.view());
            if estimates_no_rate(&booster) && targets.sum() == 0.0 {
                let name = "base_score";
                assert!(matches!(fitted, Err(Error::Setting { name: found, .. }) if found == name));
                continue;
            }
            let model = fitted.unwrap();
            assert!(model.trees().iter().all(|tree| tree.depth() == 0));
            let predicted = model.predict_table(inputs.view()).unwrap();
            assert!(
                predicted.iter().all(|value| value.is_finite()),
                "{booster:?}"
            );
            let rows: Vec<_> = predicted.rows().into_iter().collect();
            assert!(rows.iter().all(|row| *row == rows[0]));
        }
    }
}

#[test]
fn a_column_that_all_rows_miss_and_one_that_some_miss_do_not_stop_a_fit() {
    let inputs = Array2::from_shape_fn((40, 4), |(row, column)| match column {
        0 => NAN,
        1 if row % 3 == 0 => NAN,
        // Whether the value is missing tells all.
        2 if row % 2 == 0 => NAN,
        2 => 5.0,
        _ => (row * 7 % 11) as f32,
    });
    let targets = Array2::from_shape_fn((40, 1), |(row, _)| (row % 2) as f32);
    for booster in boosters() {
        let model = booster.fit_table(inputs.view(), targets.view()).unwrap();
        let predicted = model.predict_table(inputs.view()).unwrap();
        assert!(predicted.iter().all(|value| value.is_finite()));
        if booster.subsample == 1.0 && booster.min_child_weight == 1.0 {
            let last = predicted.ncols() - 1;
            assert!(predicted[[1, last]] > predicted[[0, last]], "{booster:?}");
        }
    }
}

#[test]
fn values_at_the_ends_of_the_range_do_not_stop_a_fit() {
    let inputs = array![
        [f32::MAX, f32::MIN_POSITIVE],
        [f32::MIN, -1e-45],
        [NAN, 1e-45],
        [f32::MAX, f32::MAX],
        [0.0, NAN],
        [f32::MIN, f32::MIN],
    ];
    let targets = array![[0.0], [1.0], [1.0], [0.0], [1.0], [0.0]];
    for booster in boosters() {
        let model = booster.fit_table(inputs.view(), targets.view()).unwrap();
        let predicted = model.predict_table(inputs.view()).unwrap();
        assert!(
            predicted.iter().all(|value| value.is_finite()),
            "{booster:?}"
        );
    }
}

#[test]
fn what_no_model_can_be_fitted_to_is_refused() {
    let (inputs, targets) = (array![[0.0], [1.0]], array![[0.0], [1.0]]);
    for booster in boosters() {
        let refusal = |inputs: &Array2<f32>, targets: &Array2<f32>, weights: Option<&[f32]>| {
            let table = Table::new(inputs.view(), targets.view());
            let table = Table { weights, ..table };
            booster.fit_tables(&table, None, 0).unwrap_err()
        };
        let infinite = array![[0.0], [f32::INFINITY]];
        assert!(matches!(
            refusal(&infinite, &targets, None),
            Error::Value { row: 1, .. }
        ));
        assert!(matches!(
            refusal(&inputs, &array![[NAN], [1.0]], None),
            Error::Value { row: 0, .. }
        ));
        let nothing = Array2::zeros((0, 1));
        assert!(matches!(
            refusal(&nothing, &nothing, None),
            Error::Empty { what: "rows", .. }
        ));
        assert!(matches!(
            refusal(&Array2::zeros((2, 0)), &targets, None),
            Error::Empty { .. }
        ));
        assert!(matches!(
            refusal(&inputs, &Array2::zeros((2, 0)), None),
            Error::Empty { .. } | Error::Targets { .. }
        ));
        assert!(matches!(
            refusal(&inputs, &targets, Some(&[0.0, 0.0])),
            Error::Empty { .. }
        ));
        assert!(matches!(
            refusal(&inputs, &targets, Some(&[1.0])),
            Error::Weights { .. }
        ));
        assert!(matches!(
            refusal(&inputs, &targets, Some(&[1.0, -1.0])),
            Error::Value { row: 1, .. }
        ));
        let wrong = array![[0.0], [-1.5]];
        match booster.objective {
            Objective::SquaredError | Objective::AbsoluteError => {}
            _ => assert!(matches!(
                refusal(&inputs, &wrong, None),
                Error::Value { row: 1, .. }
            )),
        }
    }
}

#[test]
fn a_model_refuses_rows_of_other_columns() {
    let (inputs, targets) = (array![[0.0], [1.0]], array![[0.0], [1.0]]);
    for booster in boosters() {
        let model = booster.fit_table(inputs.view(), targets.view()).unwrap();
        let refusal = model.predict_table(array![[0.0, 1.0]].view()).unwrap_err();
        assert_eq!(
            refusal,
            Error::Columns {
                expected: 1,
                found: 2
            }
        );
    }
}
