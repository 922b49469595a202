//! Correlations of predictions with the truth.

use ndarray::ArrayView1;

use crate::metric::{is_constant, score_slices};
use crate::order::{SortedUnits, doubled_ranks, payload, sorted};
use crate::resampled_score::{Repeated, UnitSums, centre, may_be_constant};
use crate::sum::sums;
use crate::{Direction, Metric, ResampledScore, ResamplingUnits, Scratch};

/// Correlates predictions with the truth linearly. Named `pearson`.
///
/// NaN for a constant side, and so for fewer than two rows.
///
/// # Examples
///
/// ```
/// use chromex_metrics::{Metric, Pearson};
/// use ndarray::array;
/// let (truth, predicted) = (array![1.0, 2.0, 3.0], array![0.1, 0.0, -0.1]);
/// assert!((Pearson.score(truth.view(), predicted.view()) + 1.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pearson;

/// Correlates the ranks of predictions and truth, tied rows sharing their average rank. Named `spearman`.
///
/// NaN for a constant side, and so for fewer than two rows.
///
/// # Examples
///
/// ```
/// use chromex_metrics::{Metric, Spearman};
/// use ndarray::array;
/// let (truth, predicted) = (array![1.0, 2.0, 3.0], array![-5.0, 0.0, 900.0]);
/// assert_eq!(Spearman.score(truth.view(), predicted.view()), 1.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Spearman;

impl Metric for Pearson {
    fn name(&self) -> &str {
        "pearson"
    }

    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }

    fn score(&self, truth: ArrayView1<'_, f32>, predicted: ArrayView1<'_, f32>) -> f64 {
        score_slices(&truth, &predicted, correlation)
    }

    fn resampled<'a>(
        &'a self,
        truth: ArrayView1<'_, f32>,
        predicted: ArrayView1<'_, f32>,
        units: &'a ResamplingUnits,
    ) -> Box<dyn ResampledScore + 'a> {
        let rows = Repeated::new(self, truth, predicted, units);
        if !rows.is_finite() {
            return Box::new(rows);
        }
        let (truth, predicted) = (centre(rows.truth()), centre(rows.predicted()));
        let sums = UnitSums::new(units, rows.truth(), rows.predicted(), |t, p| {
            let (t, p) = (t - truth, p - predicted);
            [1.0, t, p, t * t, t * p, p * p]
        });
        Box::new(Moments { sums, rows })
    }
}

impl Metric for Spearman {
    fn name(&self) -> &str {
        "spearman"
    }

    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }

    fn score(&self, truth: ArrayView1<'_, f32>, predicted: ArrayView1<'_, f32>) -> f64 {
        score_slices(&truth, &predicted, |truth, predicted| {
            match (doubled_ranks(truth), doubled_ranks(predicted)) {
                (Some(truth), Some(predicted)) => correlation(&truth, &predicted),
                _ => f64::NAN,
            }
        })
    }

    fn resampled<'a>(
        &'a self,
        truth: ArrayView1<'_, f32>,
        predicted: ArrayView1<'_, f32>,
        units: &'a ResamplingUnits,
    ) -> Box<dyn ResampledScore + 'a> {
        let rows = Repeated::new(self, truth, predicted, units);
        match RankOrders::new(rows.truth(), rows.predicted(), units) {
            Some(orders) => Box::new(orders),
            None => Box::new(rows),
        }
    }
}

/// Linear correlations of resamples from sums of their units.
struct Moments<'a> {
    /// Rows, deviations of both sides from their means, and the products of those.
    sums: UnitSums<6>,
    rows: Repeated<'a, Pearson>,
}

impl ResampledScore for Moments<'_> {
    fn score(&self, draws: &[u32], scratch: &mut Scratch) -> f64 {
        let [
            rows,
            truth,
            predicted,
            truth_squares,
            products,
            predicted_squares,
        ] = self.sums.of(draws);
        let truth_deviations = truth_squares - truth * truth / rows;
        let predicted_deviations = predicted_squares - predicted * predicted / rows;
        if may_be_constant(truth_deviations, truth_squares)
            || may_be_constant(predicted_deviations, predicted_squares)
        {
            return self.rows.score(draws, scratch);
        }
        let products = products - truth * predicted / rows;
        (products / (truth_deviations * predicted_deviations).sqrt()).clamp(-1.0, 1.0)
    }
}

/// Correlations of ranks of resamples: the order of the rows is that of all resamples, and ranks are running counts along it.
struct RankOrders {
    truth: SortedUnits,
    predicted: SortedUnits,
    /// For each place of the predictions' order, the place of the same row in the truth's.
    truth_places: Vec<u32>,
}

impl RankOrders {
    /// Sorts both sides; `None` if a value is NaN.
    fn new(truth: &[f32], predicted: &[f32], units: &ResamplingUnits) -> Option<Self> {
        let (truth_order, predicted_order) = (sorted(truth)?, sorted(predicted)?);
        let mut places = vec![0; truth.len()];
        for (place, &key) in (0..).zip(&truth_order) {
            places[payload(key) as usize] = place;
        }
        let predicted_places = predicted_order.iter();
        Some(Self {
            truth_places: predicted_places
                .map(|&key| places[payload(key) as usize])
                .collect(),
            truth: SortedUnits::new(&truth_order, units),
            predicted: SortedUnits::new(&predicted_order, units),
        })
    }
}

impl ResampledScore for RankOrders {
    fn score(&self, draws: &[u32], scratch: &mut Scratch) -> f64 {
        let drawn = self.truth.units.iter();
        let rows: u64 = drawn.map(|&unit| u64::from(draws[unit as usize])).sum();
        // Doubled ranks are whole numbers around this mean.
        let mean = (rows + 1) as f64;
        scratch.ranks.clear();
        scratch.ranks.resize(self.truth.units.len(), 0.0);
        let ranks = &mut scratch.ranks;
        let mut truth_squares = 0.0;
        self.truth.ranked(draws, |place, count, rank| {
            let deviation = rank - mean;
            ranks[place] = deviation;
            truth_squares += count * (deviation * deviation);
        });
        let (mut products, mut predicted_squares) = (0.0, 0.0);
        self.predicted.ranked(draws, |place, count, rank| {
            let deviation = rank - mean;
            let truth = ranks[self.truth_places[place] as usize];
            products += count * (deviation * truth);
            predicted_squares += count * (deviation * deviation);
        });
        // A constant side has no deviations, exactly: 0 / 0.
        (products / (truth_squares * predicted_squares).sqrt()).clamp(-1.0, 1.0)
    }
}

/// Correlates in two passes: the sums of squares of a single pass would cancel where the mean is far from zero.
fn correlation<T: Copy + Into<f64> + PartialEq>(first: &[T], second: &[T]) -> f64 {
    // Compared, not computed: the rounded mean of a constant may differ from it.
    if is_constant(first) || is_constant(second) {
        return f64::NAN;
    }
    let rows = first.len() as f64;
    let means = sums(first, second, |a, b| [a, b]).map(|total| total / rows);
    let [first_squares, products, second_squares] = sums(first, second, |a, b| {
        let (a, b) = (a - means[0], b - means[1]);
        [a * a, a * b, b * b]
    });
    // One root of the product, which is exact where the sides agree; squares of f32 and of ranks leave it room in f64.
    // Rounding may still carry a near perfect correlation past one.
    (products / (first_squares * second_squares).sqrt()).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_swapped_neighbour_of_three_halves_both_correlations() {
        let (truth, predicted) = (array![1.0, 2.0, 3.0], array![2.0, 1.0, 3.0]);
        for metric in [&Pearson as &dyn Metric, &Spearman] {
            let score = metric.score(truth.view(), predicted.view());
            assert!((score - 0.5).abs() < 1e-15, "{}: {score}", metric.name());
        }
    }

    #[test]
    fn an_outlier_moves_pearson_and_not_spearman() {
        let (truth, predicted) = (array![1.0, 2.0, 3.0, 4.0], array![1.0, 2.0, 3.0, 1e6]);
        assert!(Pearson.score(truth.view(), predicted.view()) < 0.8);
        assert_eq!(Spearman.score(truth.view(), predicted.view()), 1.0);
    }

    #[test]
    fn a_constant_side_has_no_correlation_at_any_length_or_offset() {
        for rows in [1, 2, 3, 7, 1000, 4097] {
            let ascending = Array1::from_iter((0..rows).map(|row| row as f32));
            for value in [0.0, 0.1_f32, -3.3e7, 1e-30, 3e38] {
                let constant = Array1::from_elem(rows, value);
                for metric in [&Pearson as &dyn Metric, &Spearman] {
                    let (left, right) = (constant.view(), ascending.view());
                    assert!(metric.score(left, right).is_nan(), "{rows} rows of {value}");
                    assert!(metric.score(right, left).is_nan(), "{rows} rows of {value}");
                }
            }
        }
    }

    #[test]
    fn a_last_bit_far_from_zero_still_correlates() {
        let (low, high) = (16_777_214.0_f32, 16_777_215.0_f32);
        let truth = array![low, high, low, high];
        assert_eq!(
            Pearson.score(truth.view(), array![0.0, 1.0, 0.0, 1.0].view()),
            1.0
        );
        assert_eq!(
            Pearson.score(truth.view(), array![0.0, 1.0, 1.0, 0.0].view()),
            0.0
        );
    }

    #[test]
    fn infinite_predictions_have_ranks_but_no_linear_correlation() {
        let (truth, predicted) = (
            array![1.0, 2.0, 3.0],
            array![f32::NEG_INFINITY, 0.0, f32::INFINITY],
        );
        assert!(Pearson.score(truth.view(), predicted.view()).is_nan());
        assert_eq!(Spearman.score(truth.view(), predicted.view()), 1.0);
    }

    proptest! {
        #[test]
        fn correlations_are_symmetric_bounded_and_blind_to_powers_of_two(
            rows in prop::collection::vec((-100_i16..100, -5_i16..5), 2..200),
        ) {
            let truth = Array1::from_iter(rows.iter().map(|row| f32::from(row.0)));
            let predicted = Array1::from_iter(rows.iter().map(|row| f32::from(row.1)));
            for metric in [&Pearson as &dyn Metric, &Spearman] {
                let score = metric.score(truth.view(), predicted.view());
                let swapped = metric.score(predicted.view(), truth.view());
                let scaled = metric.score(truth.view(), (&predicted * 8.0).view());
                let negated = metric.score(truth.view(), (-&predicted).view());
                prop_assert_eq!(score.to_bits(), swapped.to_bits());
                prop_assert_eq!(score.to_bits(), scaled.to_bits());
                prop_assert!(score.is_nan() || (-1.0..=1.0).contains(&score));
                prop_assert!(score.is_nan() && negated.is_nan() || (score + negated).abs() < 1e-12);
            }
            // Cubes keep the order of these whole numbers and are exact in f32.
            let cubed = predicted.mapv(|value| value * value * value);
            let (plain, cubed) = (
                Spearman.score(truth.view(), predicted.view()),
                Spearman.score(truth.view(), cubed.view()),
            );
            prop_assert_eq!(plain.to_bits(), cubed.to_bits());
        }
    }
}
