//! The one trait of the crate.

use std::borrow::Cow;

use ndarray::ArrayView1;

use crate::resampled_score::Repeated;
use crate::{ResampledScore, ResamplingUnits};

/// Scores the predictions of one target with one number.
///
/// A score that is not defined for its rows is NaN, never a panic and never a made-up zero: no rows, a constant side of a
/// correlation, one class of a ranking, a NaN on either side, sides of unequal lengths. Every metric says which of these
/// apply to it.
///
/// # Examples
///
/// ```
/// use chromex_metrics::{Metric, Pearson};
/// use ndarray::array;
/// let (truth, predicted) = (array![1.0, 2.0, 3.0], array![2.0, 4.0, 6.0]);
/// assert_eq!(Pearson.score(truth.view(), predicted.view()), 1.0);
/// ```
pub trait Metric: Send + Sync {
    /// Names the score, as tables and files print it.
    fn name(&self) -> &str;

    /// Says which way is better.
    fn direction(&self) -> Direction;

    /// Scores `predicted` against `truth`; NaN where the score is not defined.
    ///
    /// # Shapes
    ///
    /// Both sides are `[rows]`.
    fn score(&self, truth: ArrayView1<'_, f32>, predicted: ArrayView1<'_, f32>) -> f64;

    /// Prepares to score thousands of resamples of the same rows. A metric that can score how often rows were drawn, instead of the
    /// rows themselves, says how; any other lays each resample out and scores that.
    ///
    /// # Shapes
    ///
    /// Both sides are `[rows]`, and `units` are of as many rows.
    fn resampled<'a>(
        &'a self,
        truth: ArrayView1<'_, f32>,
        predicted: ArrayView1<'_, f32>,
        units: &'a ResamplingUnits,
    ) -> Box<dyn ResampledScore + 'a> {
        Box::new(Repeated::new(self, truth, predicted, units))
    }
}

/// Says which of two values of a score is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// A larger score is better, as for a correlation.
    HigherIsBetter,
    /// A smaller score is better, as for an error.
    LowerIsBetter,
}

/// Scores the rows as slices; NaN where there are none or the sides differ in length.
pub(crate) fn score_slices(
    truth: &ArrayView1<'_, f32>,
    predicted: &ArrayView1<'_, f32>,
    score: impl FnOnce(&[f32], &[f32]) -> f64,
) -> f64 {
    if truth.is_empty() || truth.len() != predicted.len() {
        return f64::NAN;
    }
    score(&contiguous(truth), &contiguous(predicted))
}

/// Borrows the rows, or copies them where they are a column of a wider array.
pub(crate) fn contiguous<'a>(rows: &'a ArrayView1<'_, f32>) -> Cow<'a, [f32]> {
    match rows.as_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(rows.to_vec()),
    }
}

/// Says whether all rows hold the same value.
pub(crate) fn is_constant<T: PartialEq>(rows: &[T]) -> bool {
    rows.iter().all(|row| *row == rows[0])
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array, s};

    use crate::{
        AreaUnderRoc, AveragePrecision, Direction, MeanAbsoluteError, MeanSquaredError, Metric,
        Pearson, RSquared, Spearman,
    };

    const METRICS: [&dyn Metric; 7] = [
        &Pearson,
        &Spearman,
        &MeanSquaredError,
        &MeanAbsoluteError,
        &RSquared,
        &AreaUnderRoc,
        &AveragePrecision,
    ];

    #[test]
    fn every_metric_has_its_own_name_and_only_errors_are_better_when_lower() {
        let names = METRICS.map(Metric::name);
        assert_eq!(
            names,
            ["pearson", "spearman", "mse", "mae", "r2", "auroc", "auprc"]
        );
        for metric in METRICS {
            let lower = metric.direction() == Direction::LowerIsBetter;
            assert_eq!(
                lower,
                matches!(metric.name(), "mse" | "mae"),
                "{}",
                metric.name()
            );
        }
    }

    #[test]
    fn no_rows_unequal_sides_and_nan_have_no_score() {
        let (empty, three) = (array![], array![0.0, 1.0, 0.5]);
        for metric in METRICS {
            let name = metric.name();
            assert!(metric.score(empty.view(), empty.view()).is_nan(), "{name}");
            assert!(
                metric.score(three.view(), three.slice(s![..2])).is_nan(),
                "{name}"
            );
            for row in 0..3 {
                let mut broken = three.clone();
                broken[row] = f32::NAN;
                assert!(metric.score(three.view(), broken.view()).is_nan(), "{name}");
                assert!(metric.score(broken.view(), three.view()).is_nan(), "{name}");
            }
            assert!(!metric.score(three.view(), three.view()).is_nan(), "{name}");
        }
    }

    #[test]
    fn a_column_of_a_table_scores_as_its_copy() {
        let table = Array2::from_shape_fn((9, 2), |(row, column)| {
            if column == 0 {
                (row % 2) as f32
            } else {
                ((row * 5) % 9) as f32
            }
        });
        let (truth, predicted) = (table.column(0), table.column(1));
        assert!(truth.as_slice().is_none());
        for metric in METRICS {
            let copied = metric.score(truth.to_owned().view(), predicted.to_owned().view());
            assert_eq!(metric.score(truth, predicted), copied, "{}", metric.name());
        }
    }
}
