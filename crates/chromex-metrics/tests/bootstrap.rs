//! Bootstrap intervals against those of scipy and against what an interval promises.

use chromex_metrics::{
    AreaUnderRoc, Bootstrap, Interval, MeanAbsoluteError, MeanSquaredError, Metric, Pearson,
    RSquared, Spearman,
};
use ndarray::{Array1, ArrayView1, aview1};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    truth: Vec<f32>,
    labels: Vec<f32>,
    first: Vec<Vec<f32>>,
    second: Vec<Vec<f32>>,
    groups: Vec<u32>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    metric: String,
    level: f64,
    target: String,
    first: usize,
    second: usize,
    grouped: bool,
    statistic: f64,
    low: f64,
    high: f64,
    low_spread: f64,
    high_spread: f64,
    p_value: Option<f64>,
    p_value_spread: Option<f64>,
}

fn metric(name: &str) -> &'static dyn Metric {
    let metrics: [&dyn Metric; 6] = [
        &Pearson,
        &Spearman,
        &MeanSquaredError,
        &MeanAbsoluteError,
        &RSquared,
        &AreaUnderRoc,
    ];
    metrics
        .into_iter()
        .find(|metric| metric.name() == name)
        .unwrap()
}

#[test]
fn intervals_and_p_values_agree_with_scipy_within_the_error_of_drawing() {
    let golden: Golden = serde_json::from_str(include_str!("golden/bootstrap.json")).unwrap();
    let first: Vec<ArrayView1<'_, f32>> = golden.first.iter().map(|seed| aview1(seed)).collect();
    let second: Vec<ArrayView1<'_, f32>> = golden.second.iter().map(|seed| aview1(seed)).collect();
    assert!(golden.cases.len() > 10);
    for case in golden.cases {
        let truth = if case.target == "labels" {
            &golden.labels
        } else {
            &golden.truth
        };
        let groups = case.grouped.then_some(&golden.groups[..]);
        let bootstrap = Bootstrap {
            level: case.level,
            seed: 5,
            ..Bootstrap::default()
        };
        let (metric, truth) = (metric(&case.metric), aview1(truth));
        let first = &first[..case.first];
        let (low, high) = if case.second == 0 {
            let interval = bootstrap
                .interval_of_mean(metric, truth, first, groups)
                .unwrap();
            (interval.low, interval.high)
        } else {
            let second = &second[..case.second];
            let paired = bootstrap
                .paired(metric, truth, first, second, groups)
                .unwrap();
            assert!((paired.difference - case.statistic).abs() < 1e-12);
            let (expected, spread) = (case.p_value.unwrap(), case.p_value_spread.unwrap());
            assert!(
                (paired.p_value - expected).abs() < 4.0 * spread,
                "{}: {paired:?}",
                case.metric
            );
            (paired.low, paired.high)
        };
        // Both runs drew at random: four standard deviations of the difference between two right ones.
        let place = format!("{} {}: {low} to {high}", case.metric, case.level);
        assert!(
            (low - case.low).abs() < 4.0 * case.low_spread,
            "{place}, {} low",
            case.low
        );
        assert!(
            (high - case.high).abs() < 4.0 * case.high_spread,
            "{place}, {} high",
            case.high
        );
    }
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (radius, angle): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

#[test]
fn ninety_five_of_a_hundred_intervals_hold_the_true_score() {
    const STUDIES: u32 = 1000;
    const ROWS: usize = 150;
    let mut random = ChaCha8Rng::seed_from_u64(2);
    // Truth and error are standard normal: the mean absolute error is sqrt(2 / pi), the correlation of truth and truth + error
    // is sqrt(1 / 2).
    let scores: [(&dyn Metric, f64); 2] = [
        (&MeanAbsoluteError, std::f64::consts::FRAC_2_PI.sqrt()),
        (&Pearson, std::f64::consts::FRAC_1_SQRT_2),
    ];
    let mut held = [0_u32; 2];
    for study in 0..STUDIES {
        let truth = Array1::from_shape_simple_fn(ROWS, || normal(&mut random) as f32);
        let predicted = truth.mapv(|truth| truth + normal(&mut random) as f32);
        let bootstrap = Bootstrap {
            resamples: 400,
            level: 0.95,
            seed: u64::from(study),
        };
        for ((metric, score), held) in scores.iter().zip(&mut held) {
            let interval = bootstrap.interval(*metric, truth.view(), predicted.view(), None);
            let Interval { low, high } = interval.unwrap();
            *held += u32::from(low <= *score && *score <= high);
        }
    }
    // The share of a thousand has a standard deviation of 0.7 %, and the percentile interval itself holds a little less than
    // its level on so few rows.
    for held in held.map(|held| f64::from(held) / f64::from(STUDIES)) {
        assert!((0.925..=0.97).contains(&held), "{held}");
    }
}

#[test]
fn p_values_of_equal_models_are_small_as_often_as_they_say() {
    const STUDIES: u32 = 600;
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let bootstrap = Bootstrap {
        resamples: 400,
        ..Bootstrap::default()
    };
    let mut below_a_tenth = 0;
    for _ in 0..STUDIES {
        let truth = Array1::from_shape_simple_fn(100, || normal(&mut random) as f32);
        let mut model = || truth.mapv(|truth| truth + normal(&mut random) as f32);
        let (first, second) = (model(), model());
        let (first, second) = ([first.view()], [second.view()]);
        let metric = MeanAbsoluteError;
        let paired = bootstrap
            .paired(&metric, truth.view(), &first, &second, None)
            .unwrap();
        below_a_tenth += u32::from(paired.p_value < 0.1);
    }
    // 60 are expected, with a standard deviation of 7.
    assert!((40..=85).contains(&below_a_tenth), "{below_a_tenth}");
}

#[test]
fn one_and_two_threads_give_the_same_numbers() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let truth = Array1::from_shape_simple_fn(200, || normal(&mut random) as f32);
    let first = truth.mapv(|truth| truth + normal(&mut random) as f32);
    let second = truth.mapv(|truth| truth + normal(&mut random) as f32);
    let groups: Vec<u32> = (0..200).map(|row| row % 37).collect();
    let bootstrap = Bootstrap {
        resamples: 999,
        level: 0.9,
        seed: 17,
    };
    for metric in [
        &Pearson as &dyn Metric,
        &Spearman,
        &MeanSquaredError,
        &RSquared,
    ] {
        for groups in [None, Some(&groups[..])] {
            let [one, two, seven] = [1, 2, 7].map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .unwrap();
                pool.install(|| {
                    let (first, second) = ([first.view(), second.view()], [second.view()]);
                    let interval = bootstrap.interval_of_mean(metric, truth.view(), &first, groups);
                    let paired = bootstrap.paired(metric, truth.view(), &first, &second, groups);
                    (interval.unwrap(), paired.unwrap())
                })
            });
            assert_eq!(one, two);
            assert_eq!(one, seven);
            let other = Bootstrap {
                seed: 18,
                ..bootstrap
            };
            let other = other
                .interval(metric, truth.view(), first.view(), groups)
                .unwrap();
            let same = bootstrap
                .interval(metric, truth.view(), first.view(), groups)
                .unwrap();
            assert_ne!(other, same);
        }
    }
}

#[test]
fn copies_within_a_gene_widen_the_interval_only_when_the_gene_is_drawn_whole() {
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let (genes, copies) = (60, 9);
    let truth = Array1::from_shape_simple_fn(genes, || normal(&mut random) as f32);
    let predicted = truth.mapv(|truth| truth + normal(&mut random) as f32);
    let copied =
        |side: &Array1<f32>| Array1::from_shape_fn(genes * copies, |row| side[row / copies]);
    let (truths, predictions) = (copied(&truth), copied(&predicted));
    let groups: Vec<u32> = (0..genes * copies)
        .map(|row| (row / copies) as u32)
        .collect();
    let bootstrap = Bootstrap::default();
    for metric in [&Pearson as &dyn Metric, &MeanAbsoluteError] {
        let width = |interval: Interval| interval.high - interval.low;
        let rows = bootstrap
            .interval(metric, truths.view(), predictions.view(), None)
            .unwrap();
        let whole = bootstrap.interval(metric, truths.view(), predictions.view(), Some(&groups));
        let genes = bootstrap
            .interval(metric, truth.view(), predicted.view(), None)
            .unwrap();
        // Nine copies of each row divide the width by three; genes drawn whole are the genes themselves.
        let whole = whole.unwrap();
        let ratio = width(whole) / width(rows);
        assert!((2.6..3.4).contains(&ratio), "{}: {ratio}", metric.name());
        assert!((whole.low - genes.low).abs() < 1e-9 && (whole.high - genes.high).abs() < 1e-9);
    }
}

proptest! {
    #[test]
    fn bounds_are_ordered_and_widen_with_the_level(
        rows in prop::collection::vec((-9_i8..9, -9_i8..9), 3..30),
        seed in any::<u64>(),
    ) {
        let truth = Array1::from_iter(rows.iter().map(|row| f32::from(row.0)));
        let predicted = Array1::from_iter(rows.iter().map(|row| f32::from(row.1)));
        let interval = |level| {
            let bootstrap = Bootstrap { resamples: 50, level, seed };
            bootstrap.interval(&MeanSquaredError, truth.view(), predicted.view(), None).unwrap()
        };
        let (narrow, wide) = (interval(0.5), interval(0.95));
        prop_assert!(wide.low <= narrow.low && narrow.low <= narrow.high && narrow.high <= wide.high);
    }

    #[test]
    fn swapping_the_models_turns_the_sign_and_keeps_the_p_value(
        rows in prop::collection::vec((-9_i8..9, -9_i8..9, -9_i8..9), 3..30),
        seed in any::<u64>(),
    ) {
        let side = |pick: fn(&(i8, i8, i8)) -> i8| Array1::from_iter(rows.iter().map(|row| f32::from(pick(row))));
        let (truth, first, second) = (side(|row| row.0), side(|row| row.1), side(|row| row.2));
        let bootstrap = Bootstrap { resamples: 50, seed, ..Bootstrap::default() };
        let paired = |first: &Array1<f32>, second: &Array1<f32>| {
            let (first, second) = ([first.view()], [second.view()]);
            bootstrap.paired(&MeanAbsoluteError, truth.view(), &first, &second, None).unwrap()
        };
        let (forward, backward) = (paired(&first, &second), paired(&second, &first));
        prop_assert_eq!(forward.difference, -backward.difference);
        prop_assert!((forward.low + backward.high).abs() < 1e-9);
        prop_assert!((forward.high + backward.low).abs() < 1e-9);
        prop_assert_eq!(forward.p_value, backward.p_value);
    }
}
