//! Errors of predictions in the unit of the target.

use ndarray::ArrayView1;

use crate::metric::{is_constant, score_slices};
use crate::resampled_score::{Repeated, UnitSums, centre, may_be_constant};
use crate::sum::sums;
use crate::{Direction, Metric, ResampledScore, ResamplingUnits, Scratch};

/// Averages the squared errors; NaN for no rows. Named `mse`.
///
/// # Examples
///
/// ```
/// use chromex_metrics::{MeanSquaredError, Metric};
/// use ndarray::array;
/// let (truth, predicted) = (array![1.0, 2.0], array![1.0, 5.0]);
/// assert_eq!(MeanSquaredError.score(truth.view(), predicted.view()), 4.5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MeanSquaredError;

/// Averages the absolute errors; NaN for no rows. Named `mae`.
///
/// # Examples
///
/// ```
/// use chromex_metrics::{MeanAbsoluteError, Metric};
/// use ndarray::array;
/// let (truth, predicted) = (array![1.0, 2.0], array![1.0, 5.0]);
/// assert_eq!(MeanAbsoluteError.score(truth.view(), predicted.view()), 1.5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MeanAbsoluteError;

/// Tells which share of the truth's variance the predictions explain: one minus the squared errors over the squared
/// deviations of the truth from its own mean. Named `r2`.
///
/// Predicting that mean scores 0, and worse predictions score below 0; this is not the square of a correlation. NaN for a
/// constant truth, and so for fewer than two rows.
///
/// # Examples
///
/// ```
/// use chromex_metrics::{Metric, RSquared};
/// use ndarray::array;
/// let (truth, predicted) = (array![1.0, 3.0], array![2.0, 2.0]);
/// assert_eq!(RSquared.score(truth.view(), predicted.view()), 0.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RSquared;

impl Metric for MeanSquaredError {
    fn name(&self) -> &str {
        "mse"
    }

    fn direction(&self) -> Direction {
        Direction::LowerIsBetter
    }

    fn score(&self, truth: ArrayView1<'_, f32>, predicted: ArrayView1<'_, f32>) -> f64 {
        score_slices(&truth, &predicted, |truth, predicted| {
            let [squares] = sums(truth, predicted, |t, p| [(t - p) * (t - p)]);
            squares / truth.len() as f64
        })
    }

    fn resampled<'a>(
        &'a self,
        truth: ArrayView1<'_, f32>,
        predicted: ArrayView1<'_, f32>,
        units: &'a ResamplingUnits,
    ) -> Box<dyn ResampledScore + 'a> {
        mean_of(Repeated::new(self, truth, predicted, units), |t, p| {
            [1.0, (t - p) * (t - p)]
        })
    }
}

impl Metric for MeanAbsoluteError {
    fn name(&self) -> &str {
        "mae"
    }

    fn direction(&self) -> Direction {
        Direction::LowerIsBetter
    }

    fn score(&self, truth: ArrayView1<'_, f32>, predicted: ArrayView1<'_, f32>) -> f64 {
        score_slices(&truth, &predicted, |truth, predicted| {
            let [errors] = sums(truth, predicted, |t, p| [(t - p).abs()]);
            errors / truth.len() as f64
        })
    }

    fn resampled<'a>(
        &'a self,
        truth: ArrayView1<'_, f32>,
        predicted: ArrayView1<'_, f32>,
        units: &'a ResamplingUnits,
    ) -> Box<dyn ResampledScore + 'a> {
        mean_of(Repeated::new(self, truth, predicted, units), |t, p| {
            [1.0, (t - p).abs()]
        })
    }
}

impl Metric for RSquared {
    fn name(&self) -> &str {
        "r2"
    }

    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }

    fn score(&self, truth: ArrayView1<'_, f32>, predicted: ArrayView1<'_, f32>) -> f64 {
        score_slices(&truth, &predicted, |truth, predicted| {
            // Compared, not computed: the rounded mean of a constant may differ from it.
            if is_constant(truth) {
                return f64::NAN;
            }
            let [total, squares] = sums(truth, predicted, |t, p| [t, (t - p) * (t - p)]);
            let mean = total / truth.len() as f64;
            let [deviations] = sums(truth, truth, |t, _| [(t - mean) * (t - mean)]);
            1.0 - squares / deviations
        })
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
        let centre = centre(rows.truth());
        let sums = UnitSums::new(units, rows.truth(), rows.predicted(), |t, p| {
            let (error, deviation) = (t - p, t - centre);
            [1.0, error * error, deviation, deviation * deviation]
        });
        Box::new(Explained { sums, rows })
    }
}

/// Mean errors of resamples from sums of their units.
struct MeanOf(UnitSums<2>);

/// Averages the second term of every row; the first counts rows.
fn mean_of<'a, M: Metric>(
    rows: Repeated<'a, M>,
    terms: impl Fn(f64, f64) -> [f64; 2],
) -> Box<dyn ResampledScore + 'a> {
    // An error that is no number would reach resamples without its row: none times infinity.
    if !rows.is_finite() {
        return Box::new(rows);
    }
    let (truth, predicted) = (rows.truth(), rows.predicted());
    Box::new(MeanOf(UnitSums::new(rows.units(), truth, predicted, terms)))
}

impl ResampledScore for MeanOf {
    fn score(&self, draws: &[u32], _: &mut Scratch) -> f64 {
        let [rows, errors] = self.0.of(draws);
        errors / rows
    }
}

/// Shares of explained variance of resamples from sums of their units.
struct Explained<'a> {
    /// Rows, squared errors, and deviations from the truth's mean and their squares.
    sums: UnitSums<4>,
    rows: Repeated<'a, RSquared>,
}

impl ResampledScore for Explained<'_> {
    fn score(&self, draws: &[u32], scratch: &mut Scratch) -> f64 {
        let [rows, errors, total, squares] = self.sums.of(draws);
        let deviations = squares - total * total / rows;
        if may_be_constant(deviations, squares) {
            return self.rows.score(draws, scratch);
        }
        1.0 - errors / deviations
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;

    #[test]
    fn errors_of_three_and_four_average_by_hand() {
        let (truth, predicted) = (array![1.0, -1.0], array![-2.0, 3.0]);
        assert_eq!(MeanSquaredError.score(truth.view(), predicted.view()), 12.5);
        assert_eq!(MeanAbsoluteError.score(truth.view(), predicted.view()), 3.5);
        // Deviations of the truth: 1 + 1; errors: 9 + 16.
        assert_eq!(RSquared.score(truth.view(), predicted.view()), -11.5);
    }

    #[test]
    fn one_row_has_errors_but_no_explained_variance() {
        let (truth, predicted) = (array![2.0], array![5.0]);
        assert_eq!(MeanSquaredError.score(truth.view(), predicted.view()), 9.0);
        assert_eq!(MeanAbsoluteError.score(truth.view(), predicted.view()), 3.0);
        assert!(RSquared.score(truth.view(), predicted.view()).is_nan());
    }

    #[test]
    fn a_constant_truth_has_no_explained_variance_at_any_length_or_offset() {
        for rows in [2, 3, 7, 1000, 4097] {
            for value in [0.1_f32, -3.3e7, 1e-30, 3e38] {
                let truth = Array1::from_elem(rows, value);
                let predicted = Array1::from_elem(rows, value * 0.5);
                let score = RSquared.score(truth.view(), predicted.view());
                assert!(score.is_nan(), "{rows} rows of {value}: {score}");
            }
        }
    }

    #[test]
    fn errors_near_the_largest_f32_stay_finite() {
        let (truth, predicted) = (array![f32::MAX, f32::MIN], array![f32::MIN, f32::MAX]);
        let largest = 2.0 * f64::from(f32::MAX);
        assert_eq!(
            MeanAbsoluteError.score(truth.view(), predicted.view()),
            largest
        );
        assert_eq!(
            MeanSquaredError.score(truth.view(), predicted.view()),
            largest * largest
        );
        assert_eq!(RSquared.score(truth.view(), predicted.view()), -3.0);
    }
}
