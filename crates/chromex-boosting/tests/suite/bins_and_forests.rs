use chromex_boosting::{
    BinnedTable, BoostedTrees, DecisionTree, Error, GradientBoosting, RandomForest, Table,
    TreeMethod,
};
use chromex_core::observe::Silent;
use ndarray::{Array2, Axis, s};

/// A table of few values, some missing, and two targets that depend on it.
fn table(rows: usize) -> (Array2<f32>, Array2<f32>) {
    let inputs = Array2::from_shape_fn((rows, 19), |(row, column)| {
        match (row * 31 + column * 17 + row * column) % 13 {
            0 if column % 4 == 1 => f32::NAN,
            value => value as f32,
        }
    });
    let value = |row: usize, column: usize| inputs[[row, column]].max(0.0);
    let targets = Array2::from_shape_fn((rows, 2), |(row, target)| {
        value(row, 3) + value(row, 5 + target) * value(row, 12) / 5.0
    });
    (inputs, targets)
}

fn boosting() -> GradientBoosting {
    GradientBoosting {
        rounds: 5,
        tree_method: TreeMethod::Histogram { max_bins: 64 },
        ..GradientBoosting::default()
    }
}

#[test]
fn a_table_read_in_blocks_gives_the_model_of_the_whole_table() {
    let (inputs, targets) = table(700);
    let whole = boosting().fit_table(inputs.view(), targets.view()).unwrap();
    let blocks = || {
        let chunks = inputs.axis_chunks_iter(Axis(0), 123);
        chunks.map(|block| Ok::<_, Error>(block.to_owned()))
    };
    for table in [
        BinnedTable::read(19, None, 64, blocks).unwrap(),
        BinnedTable::new(inputs.view(), None, 64).unwrap(),
    ] {
        assert_eq!((table.rows(), table.columns()), (700, 19));
        let model = boosting()
            .fit_binned(&table, targets.view(), None, None, 0, &Silent)
            .unwrap();
        assert_eq!(model, whole);
    }
}

#[test]
fn columns_of_many_values_are_read_in_blocks_with_bins_nearly_as_even() {
    let rows = 20_000;
    let inputs = Array2::from_shape_fn((rows, 3), |(row, column)| {
        ((row * (7919 + column)) % 20_011) as f32
    });
    let targets = inputs.slice(s![.., ..1]).mapv(|value| value / 1000.0);
    let blocks = || {
        let chunks = inputs.axis_chunks_iter(Axis(0), 1_000);
        chunks.map(|block| Ok::<_, Error>(block.to_owned()))
    };
    let table = BinnedTable::read(3, None, 256, blocks).unwrap();
    let booster = GradientBoosting {
        max_depth: 8,
        eta: 1.0,
        reg_lambda: 0.0,
        rounds: 1,
        ..boosting()
    };
    let model = booster
        .fit_binned(&table, targets.view(), None, None, 0, &Silent)
        .unwrap();
    let predicted = model.predict_table(inputs.view()).unwrap();
    let furthest = (&predicted - &targets).fold(0.0_f32, |most, error| error.abs().max(most));
    // 256 even bins of 20 hold values at most 0.04 from their mean; a bin may be twice as wide.
    assert!(furthest < 0.16, "{furthest}");
}

#[test]
fn blocks_that_do_not_fit_are_refused() {
    let good = || Ok::<_, Error>(Array2::<f32>::zeros((4, 2)));
    let message = |error: Error| error.to_string();
    let wider = BinnedTable::read(3, None, 8, || std::iter::once(good()));
    assert_eq!(
        message(wider.unwrap_err()),
        "the rows have 2 columns, the model was fitted on 3"
    );
    let none = BinnedTable::read(2, None, 8, std::iter::empty::<Result<Array2<f32>, Error>>);
    assert_eq!(message(none.unwrap_err()), "the training table has no rows");
    let mut times = 0;
    let shrinking = BinnedTable::read(2, None, 8, || {
        times += 1;
        (times..3).map(|_| good()).collect::<Vec<_>>().into_iter()
    });
    assert_eq!(
        message(shrinking.unwrap_err()),
        "the table had 8 rows when it was first read, and then 4"
    );
    let exact = GradientBoosting::default();
    let table = BinnedTable::read(2, None, 8, || std::iter::once(good())).unwrap();
    let targets = Array2::zeros((4, 1));
    let refused = exact.fit_binned(&table, targets.view(), None, None, 0, &Silent);
    assert!(message(refused.unwrap_err()).starts_with("setting `tree_method`"));
}

#[test]
fn one_tree_on_all_rows_is_a_decision_tree() {
    let (inputs, targets) = table(300);
    let target = targets.slice(s![.., ..1]);
    // Without missing values, whose way the two methods may choose apart where it makes no difference.
    let inputs = inputs.mapv(|value| if value.is_nan() { 0.0 } else { value });
    let forest = RandomForest {
        trees: 1,
        max_depth: 4,
        min_samples_leaf: 3,
        max_features: 1.0,
        bootstrap: false,
        max_bins: 256,
    };
    let tree = DecisionTree {
        max_depth: 4,
        min_rows_per_leaf: 3,
        ..DecisionTree::default()
    };
    let one = forest.fit_table(inputs.view(), target, 0).unwrap();
    let other = tree.fit_table(inputs.view(), target).unwrap();
    let one = one.predict_table(inputs.view()).unwrap();
    let other = other.predict_table(inputs.view()).unwrap();
    let furthest = (&one - &other).fold(0.0_f32, |most, error| error.abs().max(most));
    assert!(furthest < 1e-4, "{furthest}");
}

#[test]
fn a_saved_forest_predicts_the_same_bits() {
    let (inputs, targets) = table(200);
    let forest = RandomForest {
        trees: 7,
        ..RandomForest::default()
    };
    let model = forest.fit_table(inputs.view(), targets.view(), 3).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["forest.json", "forest.ubj"] {
        let path = folder.path().join(name);
        model.save(&path).unwrap();
        let loaded = BoostedTrees::load(&path).unwrap();
        assert_eq!(loaded, model);
        let predicted = loaded.predict_table(inputs.view()).unwrap();
        assert_eq!(predicted, model.predict_table(inputs.view()).unwrap());
    }
}

#[test]
fn a_forest_predicts_rows_it_has_not_seen_and_depends_on_its_seed_alone() {
    let (inputs, targets) = table(1_200);
    let (train, test) = (s![..900, ..], s![900.., ..]);
    let forest = RandomForest {
        trees: 60,
        ..RandomForest::default()
    };
    let fit = |seed| {
        forest
            .fit_table(inputs.slice(train), targets.slice(train), seed)
            .unwrap()
    };
    let model = fit(1);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .unwrap();
    assert_eq!(pool.install(|| fit(1)), model);
    assert_ne!(fit(2), model);
    let predicted = model.predict_table(inputs.slice(test)).unwrap();
    let truth = targets.slice(test);
    let mean = targets.slice(train).mean_axis(Axis(0)).unwrap();
    let squares = |errors: Array2<f32>| errors.mapv(|error| error * error).sum();
    let (found, floor) = (squares(&predicted - &truth), squares(&truth - &mean));
    assert!(found < 0.5 * floor, "{found} of {floor}");
}

#[test]
fn settings_of_a_forest_out_of_range_are_refused_by_name() {
    let (inputs, targets) = table(10);
    let default = RandomForest::default();
    for (name, forest) in [
        (
            "trees",
            RandomForest {
                trees: 0,
                ..default
            },
        ),
        (
            "min_samples_leaf",
            RandomForest {
                min_samples_leaf: 0,
                ..default
            },
        ),
        (
            "max_features",
            RandomForest {
                max_features: 0.0,
                ..default
            },
        ),
        (
            "max_bins",
            RandomForest {
                max_bins: 1,
                ..default
            },
        ),
    ] {
        let error = forest
            .fit_table(inputs.view(), targets.view(), 0)
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("setting `{name}`: "))
        );
    }
}

#[test]
fn rows_without_weight_change_neither_bins_nor_trees() {
    let (inputs, targets) = table(200);
    let weights: Vec<f32> = (0..200).map(|row| f32::from(row < 120)).collect();
    let weighted = Table::new(inputs.view(), targets.view()).weighted(&weights);
    let all = boosting().fit_tables(&weighted, None, 0).unwrap();
    let part = s![..120, ..];
    let some = boosting()
        .fit_table(inputs.slice(part), targets.slice(part))
        .unwrap();
    let (one, other) = (
        all.predict_table(inputs.view()).unwrap(),
        some.predict_table(inputs.view()).unwrap(),
    );
    let furthest = (&one - &other).fold(0.0_f32, |most, error| error.abs().max(most));
    assert!(furthest < 1e-4, "{furthest}");
}
