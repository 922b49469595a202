//! Scores of predictions that should rank positives above negatives.

use ndarray::ArrayView1;

use crate::metric::score_slices;
use crate::order::{SortedUnits, key, payload, sort_keys, sorted, tied};
use crate::resampled_score::Repeated;
use crate::{Direction, Metric, ResampledScore, ResamplingUnits, Scratch};

/// Measures the area under the receiver operating characteristic: the chance that a positive is predicted above a negative,
/// a tie counting half. Named `auroc`.
///
/// A row is positive where its truth is at least 0.5. NaN where either class is missing.
///
/// # Examples
///
/// ```
/// use chromex_metrics::{AreaUnderRoc, Metric};
/// use ndarray::array;
/// let (truth, predicted) = (array![0.0, 0.0, 1.0, 1.0], array![0.1, 0.4, 0.35, 0.8]);
/// assert_eq!(AreaUnderRoc.score(truth.view(), predicted.view()), 0.75);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AreaUnderRoc;

/// Averages the precision over the recall it adds, threshold by threshold, without interpolation (the step rule of
/// scikit-learn's `average_precision_score`). Named `auprc`.
///
/// A row is positive where its truth is at least 0.5; rows predicted alike pass a threshold together. Random predictions score
/// the share of positives, not a half. NaN where no row is positive.
///
/// # Examples
///
/// ```
/// use chromex_metrics::{AveragePrecision, Metric};
/// use ndarray::array;
/// let (truth, predicted) = (array![0.0, 0.0, 1.0, 1.0], array![0.1, 0.4, 0.35, 0.8]);
/// let score = AveragePrecision.score(truth.view(), predicted.view());
/// assert!((score - 5.0 / 6.0).abs() < 1e-12); // half the recall at precision 1, half at 2/3
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AveragePrecision;

impl Metric for AreaUnderRoc {
    fn name(&self) -> &str {
        "auroc"
    }

    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }

    fn score(&self, truth: ArrayView1<'_, f32>, predicted: ArrayView1<'_, f32>) -> f64 {
        score_slices(&truth, &predicted, |truth, predicted| {
            let Some(keys) = ascending(truth, predicted) else {
                return f64::NAN;
            };
            area_under_roc(thresholds(&keys))
        })
    }

    fn resampled<'a>(
        &'a self,
        truth: ArrayView1<'_, f32>,
        predicted: ArrayView1<'_, f32>,
        units: &'a ResamplingUnits,
    ) -> Box<dyn ResampledScore + 'a> {
        Classes::boxed(self, Curve::Roc, truth, predicted, units)
    }
}

impl Metric for AveragePrecision {
    fn name(&self) -> &str {
        "auprc"
    }

    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }

    fn score(&self, truth: ArrayView1<'_, f32>, predicted: ArrayView1<'_, f32>) -> f64 {
        score_slices(&truth, &predicted, |truth, predicted| {
            let Some(keys) = ascending(truth, predicted) else {
                return f64::NAN;
            };
            average_precision(thresholds(&keys))
        })
    }

    fn resampled<'a>(
        &'a self,
        truth: ArrayView1<'_, f32>,
        predicted: ArrayView1<'_, f32>,
        units: &'a ResamplingUnits,
    ) -> Box<dyn ResampledScore + 'a> {
        Classes::boxed(self, Curve::PrecisionRecall, truth, predicted, units)
    }
}

/// Counts pairs in the right order, from the positives and negatives that share a prediction, lowest first.
fn area_under_roc(thresholds: impl DoubleEndedIterator<Item = (u64, u64)>) -> f64 {
    // Whole numbers keep the count exact: pairs in the right order twice, ties once.
    let (mut doubled_wins, mut positives, mut below) = (0_u128, 0, 0);
    for (tied_positives, tied_negatives) in thresholds {
        let beaten = 2 * below + tied_negatives;
        doubled_wins += u128::from(tied_positives) * u128::from(beaten);
        positives += tied_positives;
        below += tied_negatives;
    }
    // Without one of the classes this is 0 / 0.
    doubled_wins as f64 / (2.0 * positives as f64 * below as f64)
}

/// Averages the precision over the recall, from the same counts.
fn average_precision(thresholds: impl DoubleEndedIterator<Item = (u64, u64)>) -> f64 {
    let (mut found, mut passed, mut area) = (0, 0, 0.0);
    for (tied_positives, tied_negatives) in thresholds.rev() {
        found += tied_positives;
        passed += tied_positives + tied_negatives;
        // Nothing drawn at a threshold adds nothing, and nothing may have passed yet.
        if tied_positives > 0 {
            area += tied_positives as f64 * (found as f64 / passed as f64);
        }
    }
    // Without positives this is 0 / 0.
    area / found as f64
}

/// Sorts the rows by prediction, each as a key whose payload is 1 for a positive and 0 for a negative; `None` if a value is NaN.
fn ascending(truth: &[f32], predicted: &[f32]) -> Option<Vec<u64>> {
    if truth.iter().chain(predicted).any(|value| value.is_nan()) {
        return None;
    }
    let rows = truth.iter().zip(predicted);
    let mut keys: Vec<u64> = rows.map(|(&t, &p)| key(p, u32::from(t >= 0.5))).collect();
    sort_keys(&mut keys);
    Some(keys)
}

fn count_positives(keys: &[u64]) -> u64 {
    keys.iter().map(|&key| u64::from(payload(key))).sum()
}

/// Counts the positives and negatives that share a prediction, from the lowest prediction to the highest.
fn thresholds(keys: &[u64]) -> impl DoubleEndedIterator<Item = (u64, u64)> {
    keys.chunk_by(tied).map(|tied| {
        let positives = count_positives(tied);
        (positives, tied.len() as u64 - positives)
    })
}

/// What is measured along the thresholds.
#[derive(Clone, Copy)]
enum Curve {
    Roc,
    PrecisionRecall,
}

/// Rankings of resamples: the order of the rows is that of all resamples, and their counts run along it.
struct Classes {
    curve: Curve,
    order: SortedUnits,
    /// Whether the row at each place is positive.
    positive: Vec<bool>,
}

impl Classes {
    fn boxed<'a, M: Metric>(
        metric: &'a M,
        curve: Curve,
        truth: ArrayView1<'_, f32>,
        predicted: ArrayView1<'_, f32>,
        units: &'a ResamplingUnits,
    ) -> Box<dyn ResampledScore + 'a> {
        let rows = Repeated::new(metric, truth, predicted, units);
        let known = !rows.truth().iter().any(|truth| truth.is_nan());
        match sorted(rows.predicted()).filter(|_| known) {
            Some(keys) => {
                let truth = keys.iter().map(|&key| rows.truth()[payload(key) as usize]);
                Box::new(Self {
                    curve,
                    order: SortedUnits::new(&keys, units),
                    positive: truth.map(|truth| truth >= 0.5).collect(),
                })
            }
            None => Box::new(rows),
        }
    }
}

impl ResampledScore for Classes {
    fn score(&self, draws: &[u32], _: &mut Scratch) -> f64 {
        let thresholds = self.order.ties().map(|places| {
            let rows = self.order.units[places.clone()].iter();
            rows.zip(&self.positive[places]).fold(
                (0, 0),
                |(positives, negatives), (&unit, &positive)| {
                    let count = u64::from(draws[unit as usize]);
                    let positive = u64::from(positive) * count;
                    (positives + positive, negatives + count - positive)
                },
            )
        });
        match self.curve {
            Curve::Roc => area_under_roc(thresholds),
            Curve::PrecisionRecall => average_precision(thresholds),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_perfect_ranking_scores_one_and_a_reversed_one_zero() {
        let truth = array![0.0, 1.0, 0.0, 1.0];
        let perfect = array![-2.0, 5.0, -1.0, 3.0];
        assert_eq!(AreaUnderRoc.score(truth.view(), perfect.view()), 1.0);
        assert_eq!(AveragePrecision.score(truth.view(), perfect.view()), 1.0);
        let reversed = -perfect;
        assert_eq!(AreaUnderRoc.score(truth.view(), reversed.view()), 0.0);
        // Positives pass third and fourth: (1/3 + 2/4) / 2.
        let score = AveragePrecision.score(truth.view(), reversed.view());
        assert!((score - 5.0 / 12.0).abs() < 1e-15);
    }

    #[test]
    fn equal_predictions_score_a_half_and_the_share_of_positives() {
        let (truth, predicted) = (array![0.0, 1.0, 0.0, 0.0], Array1::from_elem(4, 0.3));
        assert_eq!(AreaUnderRoc.score(truth.view(), predicted.view()), 0.5);
        assert_eq!(AveragePrecision.score(truth.view(), predicted.view()), 0.25);
    }

    #[test]
    fn zeros_of_either_sign_tie() {
        let (truth, predicted) = (array![0.0, 1.0], array![0.0, -0.0]);
        assert_eq!(AreaUnderRoc.score(truth.view(), predicted.view()), 0.5);
    }

    #[test]
    fn a_missing_class_leaves_nothing_to_rank() {
        let predicted = array![0.2, 0.1, 0.9];
        let (none, all) = (Array1::zeros(3), Array1::ones(3));
        assert!(AreaUnderRoc.score(none.view(), predicted.view()).is_nan());
        assert!(AreaUnderRoc.score(all.view(), predicted.view()).is_nan());
        assert!(
            AveragePrecision
                .score(none.view(), predicted.view())
                .is_nan()
        );
        assert_eq!(AveragePrecision.score(all.view(), predicted.view()), 1.0);
    }

    #[test]
    fn a_half_is_positive_and_just_below_is_not() {
        let (truth, predicted) = (array![0.499_999_97, 0.5], array![0.0, 1.0]);
        assert_eq!(AreaUnderRoc.score(truth.view(), predicted.view()), 1.0);
    }

    proptest! {
        #[test]
        fn the_area_is_the_share_of_pairs_in_the_right_order(
            rows in prop::collection::vec((any::<bool>(), -4_i8..4), 2..60),
        ) {
            let truth = Array1::from_iter(rows.iter().map(|row| f32::from(u8::from(row.0))));
            let predicted = Array1::from_iter(rows.iter().map(|row| f32::from(row.1)));
            let (mut pairs, mut doubled_wins) = (0, 0);
            for positive in rows.iter().filter(|row| row.0) {
                for negative in rows.iter().filter(|row| !row.0) {
                    pairs += 1;
                    doubled_wins += 1 + (positive.1.cmp(&negative.1) as i32);
                }
            }
            let score = AreaUnderRoc.score(truth.view(), predicted.view());
            let expected = f64::from(doubled_wins) / f64::from(2 * pairs);
            prop_assert!(score == expected || score.is_nan() && pairs == 0);
        }

        #[test]
        fn scores_do_not_depend_on_the_order_of_rows(
            rows in prop::collection::vec((any::<bool>(), -4_i8..4), 2..60),
        ) {
            let score = |rows: &[(bool, i8)], metric: &dyn Metric| {
                let truth = Array1::from_iter(rows.iter().map(|row| f32::from(u8::from(row.0))));
                let predicted = Array1::from_iter(rows.iter().map(|row| f32::from(row.1)));
                metric.score(truth.view(), predicted.view()).to_bits()
            };
            let reversed: Vec<_> = rows.iter().rev().copied().collect();
            for metric in [&AreaUnderRoc as &dyn Metric, &AveragePrecision] {
                prop_assert_eq!(score(&rows, metric), score(&reversed, metric));
            }
        }
    }
}
