use chromex_boosting::{GradientBoosting, TreeMethod};
use hessboost::prelude as hessboost;
use ndarray::{Array2, ArrayView2, Axis, Zip};
use proptest::prelude::*;

/// A table with ties, and some values missing, and a target that depends on it.
fn tables() -> impl Strategy<Value = (Array2<f32>, Array2<f32>)> {
    (8_usize..60, 1_usize..7, 2_i32..40).prop_flat_map(|(rows, columns, distinct)| {
        let value = prop_oneof![
            9 => (0..distinct).prop_map(|value| value as f32 / 4.0),
            1 => Just(f32::NAN),
        ];
        let inputs = proptest::collection::vec(value, rows * columns);
        let noise = proptest::collection::vec(-1.0_f32..1.0, rows);
        (inputs, noise).prop_map(move |(inputs, noise)| {
            let inputs = Array2::from_shape_vec((rows, columns), inputs).unwrap();
            let sum = |row: ndarray::ArrayView1<'_, f32>| -> f32 {
                row.iter().filter(|value| !value.is_nan()).sum()
            };
            let targets = inputs
                .axis_iter(Axis(0))
                .zip(noise)
                .map(|(row, noise)| sum(row) + noise);
            let targets = Array2::from_shape_vec((rows, 1), targets.collect()).unwrap();
            (inputs, targets)
        })
    })
}

fn both_methods() -> [GradientBoosting; 2] {
    [TreeMethod::Exact, TreeMethod::Histogram { max_bins: 32 }].map(|tree_method| {
        GradientBoosting {
            rounds: 10,
            tree_method,
            ..GradientBoosting::default()
        }
    })
}

fn furthest(one: &Array2<f32>, other: &Array2<f32>) -> f32 {
    Zip::from(one)
        .and(other)
        .fold(0.0, |most, one, other| most.max((one - other).abs()))
}

/// What another implementation of XGBoost's exact method predicts.
fn peer(
    settings: &GradientBoosting,
    inputs: ArrayView2<'_, f32>,
    targets: &Array2<f32>,
) -> Array2<f32> {
    let table = || {
        let values: Vec<f32> = inputs.iter().copied().collect();
        hessboost::DMatrix::from_dense(&values, inputs.nrows(), inputs.ncols()).unwrap()
    };
    let labels: Vec<f32> = targets.iter().copied().collect();
    let parameters = hessboost::TrainingParams::builder()
        .objective(hessboost::Objective::SquaredError(Default::default()))
        .tree_method(hessboost::TreeMethod::Exact)
        .base_score(f64::from(settings.base_score.unwrap()))
        .build()
        .unwrap();
    let train = table().with_labels(&labels).unwrap();
    let model = hessboost::train(&parameters, &train, settings.rounds).unwrap();
    let predicted = model
        .predict(&table(), hessboost::Iterations::Best)
        .unwrap()
        .into_vec();
    Array2::from_shape_vec(targets.dim(), predicted).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn exact_trees_predict_what_another_booster_predicts((inputs, targets) in tables()) {
        let [exact, _] = both_methods();
        let model = exact.fit_table(inputs.view(), targets.view()).unwrap();
        let predicted = model.predict_table(inputs.view()).unwrap();
        prop_assert!(furthest(&predicted, &peer(&exact, inputs.view(), &targets)) < 1e-5);
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter((inputs, targets) in tables(), turn in 1_usize..8) {
        let order: Vec<usize> = (0..inputs.nrows()).map(|row| (row + turn) % inputs.nrows()).rev().collect();
        for booster in both_methods() {
            let model = booster.fit_table(inputs.view(), targets.view()).unwrap();
            let other = booster
                .fit_table(inputs.select(Axis(0), &order).view(), targets.select(Axis(0), &order).view())
                .unwrap();
            let [one, two] = [&model, &other].map(|model| model.predict_table(inputs.view()).unwrap());
            prop_assert!(furthest(&one, &two) < 1e-5);
        }
    }

    #[test]
    fn a_monotone_transform_of_the_inputs_changes_no_training_prediction((inputs, targets) in tables()) {
        let [exact, _] = both_methods();
        let cubes = inputs.mapv(|value| value.powi(3) * 8.0 + 1.0);
        let [one, two] = [&inputs, &cubes].map(|inputs| {
            let model = exact.fit_table(inputs.view(), targets.view()).unwrap();
            model.predict_table(inputs.view()).unwrap()
        });
        prop_assert_eq!(one, two);
    }

    #[test]
    fn every_round_brings_the_training_rows_nearer((inputs, targets) in tables()) {
        for booster in both_methods() {
            let error = |rounds| {
                let booster = GradientBoosting { rounds, ..booster.clone() };
                let model = booster.fit_table(inputs.view(), targets.view()).unwrap();
                let errors = model.predict_table(inputs.view()).unwrap() - &targets;
                errors.iter().map(|error| error * error).sum::<f32>()
            };
            let [few, more] = [error(2), error(6)];
            prop_assert!(more <= few * 1.0001, "{} after 6 rounds, {} after 2", more, few);
        }
    }
}

#[test]
fn one_thread_and_several_give_the_same_bits() {
    // Enough columns for several blocks, and enough rows for full histograms.
    let inputs = Array2::from_shape_fn((300, 150), |(row, column)| {
        let mixed = (row * 7919 + column * 104_729 + row * column) % 97;
        if mixed == 0 { f32::NAN } else { mixed as f32 }
    });
    let targets = Array2::from_shape_fn((300, 2), |(row, target)| {
        ((row * (target + 3)) % 17) as f32 - inputs[[row, 5]].max(3.0) / 8.0
    });
    for booster in both_methods() {
        let [one, two, five] = [1, 2, 5].map(|threads| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap()
                .install(|| booster.fit_table(inputs.view(), targets.view()).unwrap())
        });
        assert_eq!(one, two);
        assert_eq!(one, five);
    }
}

#[test]
fn rows_that_miss_a_value_go_where_they_lower_the_loss() {
    // Rows without a value behave like those with large ones in the first table, small ones in the second.
    for (missing_like, expected_left) in [(3.0, false), (-3.0, true)] {
        let inputs = Array2::from_shape_fn((40, 1), |(row, _)| match row % 4 {
            0 => f32::NAN,
            1 | 2 => row as f32,
            _ => -(row as f32),
        });
        let targets = inputs.mapv(|value| match value {
            value if value.is_nan() => missing_like,
            value if value > 0.0 => 3.0,
            _ => -3.0,
        });
        for booster in both_methods() {
            let model = booster.fit_table(inputs.view(), targets.view()).unwrap();
            let chromex_boosting::Node::Split {
                missing_left,
                threshold,
                ..
            } = model.trees()[0].nodes()[0]
            else {
                panic!("the root was not split");
            };
            assert_eq!(missing_left, expected_left);
            assert!((-3.0..=2.0).contains(&threshold), "{threshold}");
            let predicted = model.predict_table(inputs.view()).unwrap();
            assert!(furthest(&predicted, &targets) < 0.2);
        }
    }
}

/// Many rows in several blocks: histograms are full, kept and subtracted, in eight bits and in sixteen, with missing
/// values and with a whole block of columns that are the same in all rows.
#[test]
fn a_bin_for_every_value_grows_the_trees_of_the_exact_method() {
    for (distinct, max_bins) in [(40, 64), (700, 1000)] {
        for missing in [false, true] {
            let mut state = 7_u64;
            let mut draw = |below: u64| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 33) % below
            };
            let inputs = Array2::from_shape_fn((900, 21), |(_, column)| {
                let value = draw(distinct) as f32;
                match column {
                    8..16 => 3.0,
                    2 | 18 if missing && draw(5) == 0 => f32::NAN,
                    _ => value / distinct as f32,
                }
            });
            let targets = Array2::from_shape_fn((900, 1), |(row, _)| {
                let value = |column: usize| match inputs[[row, column]] {
                    value if value.is_nan() => 1.7,
                    value => value,
                };
                let noise = draw(1000) as f32 / 5000.0;
                2.0 * value(2) - value(5) * value(18) + value(20) + noise
            });
            let fit = |tree_method| {
                let settings = GradientBoosting {
                    rounds: 6,
                    max_depth: 4,
                    tree_method,
                    ..GradientBoosting::default()
                };
                let model = settings.fit_table(inputs.view(), targets.view()).unwrap();
                model.predict_table(inputs.view()).unwrap()
            };
            let (exact, binned) = (
                fit(TreeMethod::Exact),
                fit(TreeMethod::Histogram { max_bins }),
            );
            let apart = furthest(&exact, &binned);
            assert!(
                apart < 1e-4,
                "{distinct} values, missing {missing}: {apart}"
            );
        }
    }
}
