//! Correlations of predictions with the truth.

use ndarray::ArrayView1;

use crate::metric::{is_constant, score_slices};
use crate::order::doubled_ranks;
use crate::sum::sums;
use crate::{Direction, Metric};

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
