//! What the resamples of a bootstrap scored, and what follows from it.

use crate::percentile::{p_value, quantile};

/// The scores of predictions on all rows and on every resample of them.
///
/// All predictions and metrics share the resamples, so that any of them can be compared: [`Bootstrap::resample`] scores once what
/// intervals of single predictions, of means over seeds and of differences between models are all read from.
///
/// [`Bootstrap::resample`]: crate::Bootstrap::resample
///
/// # Examples
///
/// ```
/// use chromex_metrics::{Bootstrap, MeanAbsoluteError, Pearson};
/// use ndarray::array;
/// let truth = array![1.0, 2.0, 3.0, 4.0];
/// let (model, floor) = (array![1.5, 2.0, 2.5, 4.0], array![4.0, 1.0, 2.0, 3.0]);
/// let scores = Bootstrap::default().resample(
///     &[&Pearson, &MeanAbsoluteError],
///     truth.view(),
///     &[model.view(), floor.view()],
///     None,
/// )?;
/// let (pearson, mae) = (0, 1);
/// assert!(scores.score(pearson, 0) > 0.9);
/// assert!(scores.interval(mae, &[0]).high < scores.interval(mae, &[1]).high);
/// assert!(scores.paired(mae, &[0], &[1]).difference < 0.0);
/// # Ok::<(), chromex_metrics::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ResampledScores {
    /// `[metrics, predictions]`, on all rows.
    pub(crate) scores: Vec<f64>,
    /// `[resamples, metrics, predictions]`.
    pub(crate) resampled: Vec<f64>,
    pub(crate) predictions: usize,
    /// Share of the resamples that an interval holds.
    pub(crate) level: f64,
}

/// Bounds a score by two percentiles of its resamples, interpolated linearly.
///
/// Resamples without a score (NaN) are left out; where they are more than half, both bounds are NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// Compares two models on the same rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedDifference {
    /// Score of the first model minus score of the second on all rows.
    pub difference: f64,
    /// Lower bound of the difference, as of an [`Interval`].
    pub low: f64,
    /// Upper bound of the difference.
    pub high: f64,
    /// Two-sided p-value of no difference: twice the share of resamples that do not favour the side that most of them favour,
    /// with one resample added to both counts, and at most 1. NaN where the bounds are.
    pub p_value: f64,
}

impl ResampledScores {
    /// Gives the score of a prediction on all rows; NaN where it is not defined.
    ///
    /// # Panics
    ///
    /// When `metric` or `prediction` is past those that were scored, as in every method here.
    pub fn score(&self, metric: usize, prediction: usize) -> f64 {
        assert!(prediction < self.predictions, "prediction {prediction}");
        self.scores[metric * self.predictions + prediction]
    }

    /// Bounds the mean score of predictions, such as those of a model's seeds.
    pub fn interval(&self, metric: usize, predictions: &[usize]) -> Interval {
        self.bounds(&self.defined(|resample| mean(resample, metric, predictions)))
    }

    /// Compares two models: the mean score of the first's predictions minus that of the second's.
    ///
    /// The sign is that of the scores: for an error, a negative difference favours the first model.
    pub fn paired(&self, metric: usize, first: &[usize], second: &[usize]) -> PairedDifference {
        let all = self.row(&self.scores);
        let differences =
            self.defined(|resample| mean(resample, metric, first) - mean(resample, metric, second));
        let Interval { low, high } = self.bounds(&differences);
        PairedDifference {
            difference: mean(all, metric, first) - mean(all, metric, second),
            low,
            high,
            p_value: p_value(&differences),
        }
    }

    fn row<'a>(&self, scores: &'a [f64]) -> Row<'a> {
        Row {
            scores,
            predictions: self.predictions,
        }
    }

    /// Sorts a statistic of the resamples that have one; empty where fewer than half have.
    fn defined(&self, statistic: impl Fn(Row<'_>) -> f64) -> Vec<f64> {
        let resamples = self.resampled.chunks_exact(self.scores.len());
        let count = resamples.len();
        let mut statistics: Vec<f64> = resamples
            .map(|resample| statistic(self.row(resample)))
            .filter(|statistic| !statistic.is_nan())
            .collect();
        if statistics.len() < count.div_ceil(2) {
            statistics.clear();
        }
        statistics.sort_unstable_by(f64::total_cmp);
        statistics
    }

    fn bounds(&self, sorted: &[f64]) -> Interval {
        let tail = (1.0 - self.level) / 2.0;
        Interval {
            low: quantile(sorted, tail),
            high: quantile(sorted, 1.0 - tail),
        }
    }
}

/// The scores of one set of rows, `[metrics, predictions]`.
#[derive(Clone, Copy)]
struct Row<'a> {
    scores: &'a [f64],
    predictions: usize,
}

fn mean(row: Row<'_>, metric: usize, predictions: &[usize]) -> f64 {
    let scores = &row.scores[metric * row.predictions..][..row.predictions];
    let total: f64 = predictions
        .iter()
        .map(|&prediction| scores[prediction])
        .sum();
    total / predictions.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_nan_where_fewer_than_half_of_the_resamples_have_a_score() {
        let of = |resampled: [f64; 5]| {
            let scores = ResampledScores {
                scores: vec![2.0],
                resampled: resampled.to_vec(),
                predictions: 1,
                level: 0.5,
            };
            scores.defined(|resample| mean(resample, 0, &[0]))
        };
        let nan = f64::NAN;
        assert_eq!(of([nan, 3.0, nan, 1.0, 2.0]), [1.0, 2.0, 3.0]);
        assert!(of([nan, 3.0, nan, 1.0, nan]).is_empty());
    }

    #[test]
    fn means_and_differences_are_those_of_the_named_predictions() {
        // Two metrics, three predictions; one resample that scores as all rows do.
        let scores: Vec<f64> = vec![1.0, 2.0, 6.0, 10.0, 20.0, 60.0];
        let scores = ResampledScores {
            resampled: scores.clone(),
            scores,
            predictions: 3,
            level: 0.95,
        };
        assert_eq!(scores.score(1, 2), 60.0);
        assert_eq!(scores.interval(0, &[0, 1]).low, 1.5);
        let paired = scores.paired(1, &[2], &[0, 1]);
        assert_eq!(
            (paired.difference, paired.low, paired.high),
            (45.0, 45.0, 45.0)
        );
        assert_eq!(paired.p_value, 1.0);
    }
}
