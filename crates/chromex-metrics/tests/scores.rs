//! Scores against those of scipy and scikit-learn.

use std::collections::BTreeMap;

use chromex_metrics::{
    AreaUnderRoc, AveragePrecision, MeanAbsoluteError, MeanSquaredError, Metric, Pearson, RSquared,
    Spearman,
};
use ndarray::aview1;
use serde::Deserialize;

const METRICS: [&dyn Metric; 7] = [
    &Pearson,
    &Spearman,
    &MeanSquaredError,
    &MeanAbsoluteError,
    &RSquared,
    &AreaUnderRoc,
    &AveragePrecision,
];

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    truth: Vec<f32>,
    predicted: Vec<f32>,
    /// By metric name; null where the reference defines none.
    scores: BTreeMap<String, Option<f64>>,
}

#[test]
fn scores_agree_with_scipy_and_scikit_learn_to_twelve_digits() {
    let golden: Golden = serde_json::from_str(include_str!("golden/scores.json")).unwrap();
    let mut compared = BTreeMap::new();
    for case in golden.cases {
        for (name, expected) in case.scores {
            let metric = METRICS.iter().find(|metric| metric.name() == name).unwrap();
            let found = metric.score(aview1(&case.truth), aview1(&case.predicted));
            let place = format!(
                "{name} of {:?}: {found:e}, expected {expected:?}",
                case.name
            );
            match expected {
                None => assert!(found.is_nan(), "{place}"),
                // Correlations and areas near zero are differences of numbers near one; errors are not, whatever their size.
                Some(expected) if matches!(name.as_str(), "mse" | "mae") => {
                    assert!((found - expected).abs() <= 1e-12 * expected, "{place}");
                }
                Some(expected) => {
                    let scale = expected.abs().max(1.0);
                    assert!((found - expected).abs() <= 1e-12 * scale, "{place}");
                }
            }
            *compared.entry(name).or_insert(0) += 1;
        }
    }
    // Every metric was met, the rankings by the labelled cases alone.
    assert!(
        METRICS.iter().all(|metric| compared[metric.name()] >= 12),
        "{compared:?}"
    );
}
