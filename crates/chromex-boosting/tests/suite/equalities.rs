use chromex_boosting::{
    BoostedTrees, GradientBoosting, GrowPolicy, Link, Loss, MultiStrategy, Node, Objective, Table,
    TreeMethod,
};
use ndarray::{Array2, Axis, Zip, concatenate};
use proptest::prelude::*;

const METHODS: [TreeMethod; 3] = [
    TreeMethod::Exact,
    TreeMethod::Histogram { max_bins: 256 },
    TreeMethod::Histogram { max_bins: 5 },
];

/// Squared errors as a caller would write them.
struct Squares;

impl Loss for Squares {
    fn name(&self) -> &str {
        "squares"
    }
    fn link(&self) -> Link {
        Link::Identity
    }
    fn derivatives(&self, margins: &[f32], targets: &[f32], derivatives: &mut [[f32; 2]]) {
        for ((margin, target), derivatives) in margins.iter().zip(targets).zip(derivatives) {
            *derivatives = [margin - target, 1.0];
        }
    }
    fn loss(&self, margins: &[f32], targets: &[f32]) -> f64 {
        let pairs = margins.iter().zip(targets);
        pairs
            .map(|(margin, target)| f64::from(margin - target).powi(2))
            .sum()
    }
}

/// Inputs of few values, some missing, and targets that no two sets of rows sum up to alike.
fn tables(targets: usize) -> impl Strategy<Value = (Array2<f32>, Array2<f32>)> {
    (8_usize..70, 1_usize..6, 2_i32..12).prop_flat_map(move |(rows, columns, distinct)| {
        let value = prop_oneof![
            9 => (0..distinct).prop_map(|value| value as f32 / 4.0),
            1 => Just(f32::NAN),
        ];
        let inputs = proptest::collection::vec(value, rows * columns);
        let noise = proptest::collection::vec(-1.0_f32..1.0, rows * targets);
        (inputs, noise).prop_map(move |(inputs, noise)| {
            let inputs = Array2::from_shape_vec((rows, columns), inputs).unwrap();
            let targets = Array2::from_shape_fn((rows, targets), |(row, target)| {
                let value = inputs[[row, target % columns]];
                let signal = if value.is_nan() { 2.0 } else { value };
                signal + noise[row * targets + target]
            });
            (inputs, targets)
        })
    })
}

fn boosting(tree_method: TreeMethod) -> GradientBoosting {
    GradientBoosting {
        rounds: 6,
        max_depth: 4,
        tree_method,
        ..GradientBoosting::default()
    }
}

fn furthest(one: &Array2<f32>, other: &Array2<f32>) -> f32 {
    Zip::from(one)
        .and(other)
        .fold(0.0, |most, one, other| most.max((one - other).abs()))
}

/// The leaves of each tree in ascending order: what they add, and their cover.
fn leaves(model: &BoostedTrees) -> Vec<Vec<(f32, f32)>> {
    let of_tree = |tree: &chromex_boosting::Tree| {
        let nodes = tree.nodes().iter();
        let mut leaves: Vec<(f32, f32)> = nodes
            .filter_map(|node| match *node {
                Node::Leaf { leaf, cover } => Some((tree.leaf(leaf)[0], cover)),
                Node::Split { .. } => None,
            })
            .collect();
        leaves.sort_by(|one, other| one.partial_cmp(other).unwrap());
        leaves
    };
    model.trees().iter().map(of_tree).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_row_that_weighs_two_is_a_row_given_twice((inputs, targets) in tables(1), twice in 2_usize..5) {
        let weights: Vec<f32> = (0..inputs.nrows()).map(|row| if row % twice == 0 { 2.0 } else { 1.0 }).collect();
        let again: Vec<usize> = (0..inputs.nrows()).step_by(twice).collect();
        let repeated = [&inputs, &targets].map(|table| concatenate![Axis(0), *table, table.select(Axis(0), &again)]);
        for method in &METHODS[..2] {
            let booster = GradientBoosting { base_score: None, ..boosting(*method) };
            let weighted = Table::new(inputs.view(), targets.view()).weighted(&weights);
            let weighted = booster.fit_tables(&weighted, None, 0).unwrap();
            let twice = booster.fit_table(repeated[0].view(), repeated[1].view()).unwrap();
            let [one, two] = [weighted, twice].map(|model| model.predict_table(inputs.view()).unwrap());
            prop_assert!(furthest(&one, &two) < 1e-4, "{:?}: {}", method, furthest(&one, &two));
        }
    }

    #[test]
    fn a_row_without_weight_is_a_row_left_out((inputs, targets) in tables(1), every in 2_usize..5) {
        let weights: Vec<f32> = (0..inputs.nrows()).map(|row| if row % every == 0 { 0.0 } else { 1.0 }).collect();
        let left: Vec<usize> = (0..inputs.nrows()).filter(|row| row % every != 0).collect();
        let [fewer, fewer_targets] = [&inputs, &targets].map(|table| table.select(Axis(0), &left));
        for method in METHODS {
            let booster = GradientBoosting { base_score: None, ..boosting(method) };
            let weighted = Table::new(inputs.view(), targets.view()).weighted(&weights);
            let weighted = booster.fit_tables(&weighted, None, 0).unwrap();
            let without = booster.fit_table(fewer.view(), fewer_targets.view()).unwrap();
            let [one, two] = [weighted, without].map(|model| model.predict_table(fewer.view()).unwrap());
            prop_assert!(furthest(&one, &two) < 1e-4, "{:?}: {}", method, furthest(&one, &two));
        }
    }

    #[test]
    fn a_tree_of_four_outputs_of_half_the_target_is_the_tree_of_one((inputs, targets) in tables(1)) {
        // Halves make the gain of the four that of the one: splits stop at an absolute gain of 1e-6.
        let half = &targets / 2.0;
        let halves = concatenate![Axis(1), half, half, half, half];
        for method in &METHODS[1..] {
            let single = GradientBoosting { base_score: None, ..boosting(*method) };
            let together = GradientBoosting { multi_strategy: MultiStrategy::MultiOutputTree, ..single.clone() };
            let model = together.fit_table(inputs.view(), halves.view()).unwrap();
            prop_assert_eq!(model.trees().len(), 6);
            let found = model.predict_table(inputs.view()).unwrap();
            let one = single.fit_table(inputs.view(), targets.view()).unwrap();
            let one = one.predict_table(inputs.view()).unwrap();
            for output in found.axis_iter(Axis(1)) {
                let output = output.insert_axis(Axis(1)).mapv(|half| 2.0 * half);
                prop_assert!(furthest(&output, &one) < 1e-5, "{}", furthest(&output, &one));
            }
        }
    }

    #[test]
    fn best_first_without_a_limit_of_leaves_grows_the_trees_of_levels((inputs, targets) in tables(2)) {
        for method in &METHODS[1..] {
            let [by_level, best_first] = [GrowPolicy::DepthWise, GrowPolicy::LossGuided].map(|grow_policy| {
                let booster = GradientBoosting { grow_policy, ..boosting(*method) };
                booster.fit_table(inputs.view(), targets.view()).unwrap()
            });
            prop_assert_eq!(leaves(&by_level), leaves(&best_first));
            let [one, two] = [by_level, best_first].map(|model| model.predict_table(inputs.view()).unwrap());
            prop_assert_eq!(one, two);
        }
    }

    #[test]
    fn a_loss_of_ones_own_fits_what_the_built_in_one_fits((inputs, targets) in tables(2)) {
        for method in METHODS {
            let booster = boosting(method);
            let own = booster.fit_loss(&Squares, &Table::new(inputs.view(), targets.view()), None, 0).unwrap();
            let built_in = booster.fit_table(inputs.view(), targets.view()).unwrap();
            let [own, built_in] = [own, built_in].map(|model| model.predict_table(inputs.view()).unwrap());
            match method {
                TreeMethod::Exact => prop_assert_eq!(own, built_in),
                // The built-in one's histograms are sums of whole numbers.
                TreeMethod::Histogram { .. } => prop_assert!(furthest(&own, &built_in) < 1e-5),
            }
        }
    }

    #[test]
    fn predictions_keep_the_directions_that_columns_are_bound_to(
        (inputs, targets) in tables(1),
        ways in proptest::collection::vec(-1_i8..=1, 6),
        queries in proptest::collection::vec((0_usize..70, 0_usize..6, -1.0_f32..4.0, 0.0_f32..3.0), 40),
        leaves in prop_oneof![Just(0_usize), 3_usize..9],
    ) {
        let columns = inputs.ncols();
        for method in METHODS {
            let guided = leaves > 0 && method != TreeMethod::Exact;
            for (objective, targets) in [
                (Objective::SquaredError, targets.clone()),
                (Objective::Logistic, targets.mapv(|target| f32::from(target > 1.0))),
                (Objective::Poisson, targets.mapv(|target| target.abs().floor())),
            ] {
                let booster = GradientBoosting {
                    objective,
                    monotone_constraints: ways[..columns].to_vec(),
                    max_leaves: if guided { leaves } else { 0 },
                    grow_policy: if guided { GrowPolicy::LossGuided } else { GrowPolicy::DepthWise },
                    min_child_weight: 0.1,
                    ..boosting(method)
                };
                let model = booster.fit_table(inputs.view(), targets.view()).unwrap();
                for &(row, column, value, step) in &queries {
                    let column = column % columns;
                    let mut pair = inputs.select(Axis(0), &[row % inputs.nrows(); 2]);
                    (pair[[0, column]], pair[[1, column]]) = (value, value + step);
                    let margins = model.predict_margins(pair.view()).unwrap();
                    let rise = margins[[1, 0]] - margins[[0, 0]];
                    prop_assert!(rise * f32::from(ways[column]) >= -1e-6, "{:?}: column {} by {}", method, column, rise);
                }
            }
        }
    }
}

/// A table of enough columns for several blocks, and three targets.
fn wide() -> (Array2<f32>, Array2<f32>) {
    let inputs = Array2::from_shape_fn((300, 90), |(row, column)| {
        let mixed = (row * 7919 + column * 104_729 + row * column) % 97;
        if mixed == 0 { f32::NAN } else { mixed as f32 }
    });
    let targets = Array2::from_shape_fn((300, 3), |(row, target)| {
        ((row * (target + 3)) % 17) as f32 - inputs[[row, 5]].max(3.0) / 8.0
    });
    (inputs, targets)
}

/// Boosters that sample rows and columns in every way.
fn sampling() -> Vec<GradientBoosting> {
    let sampled = |method| GradientBoosting {
        subsample: 0.6,
        colsample_bytree: 0.7,
        colsample_bylevel: 0.6,
        colsample_bynode: 0.5,
        ..boosting(method)
    };
    let guided = GradientBoosting {
        grow_policy: GrowPolicy::LossGuided,
        max_leaves: 9,
        ..sampled(METHODS[1])
    };
    let together = GradientBoosting {
        multi_strategy: MultiStrategy::MultiOutputTree,
        ..sampled(METHODS[1])
    };
    METHODS
        .into_iter()
        .map(sampled)
        .chain([guided, together])
        .collect()
}

#[test]
fn samples_do_not_depend_on_the_number_of_threads() {
    let (inputs, targets) = wide();
    let weights: Vec<f32> = (0..300).map(|row| 0.3 + (row % 7) as f32).collect();
    let plain = Table::new(inputs.view(), targets.view());
    for table in [plain, plain.weighted(&weights)] {
        for booster in sampling() {
            let [one, three] = [1, 3].map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                let fit = || booster.fit_tables(&table, None, 11).unwrap();
                pool.build().unwrap().install(fit)
            });
            assert_eq!(one, three, "{booster:?}");
        }
    }
}

#[test]
fn each_sample_and_each_seed_gives_another_model() {
    let (inputs, targets) = wide();
    let table = Table::new(inputs.view(), targets.view());
    let plain = boosting(METHODS[1]);
    for booster in [
        GradientBoosting {
            subsample: 0.6,
            ..plain.clone()
        },
        GradientBoosting {
            colsample_bytree: 0.5,
            ..plain.clone()
        },
        GradientBoosting {
            colsample_bylevel: 0.5,
            ..plain.clone()
        },
        GradientBoosting {
            colsample_bynode: 0.5,
            ..plain.clone()
        },
    ] {
        let fit = |seed| booster.fit_tables(&table, None, seed).unwrap();
        assert_eq!(fit(1), fit(1));
        assert_ne!(fit(1), fit(2), "{booster:?}");
        assert_ne!(fit(1), plain.fit_tables(&table, None, 1).unwrap());
    }
    assert_eq!(
        plain.fit_tables(&table, None, 1).unwrap(),
        plain.fit_tables(&table, None, 2).unwrap()
    );
}
