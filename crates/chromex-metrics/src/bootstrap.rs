//! Percentile bootstrap of a score and of the difference between two models.

use ndarray::{ArrayView1, aview1};
use rayon::prelude::*;

use crate::percentile::{p_value, quantile};
use crate::resample::Resampler;
use crate::{Error, Metric, Result};

/// Resamples that may be asked for: each keeps a score.
const MOST_RESAMPLES: usize = 10_000_000;

/// Measures how far a score would move had other rows been measured: scores resamples of the rows, drawn with replacement.
///
/// Rows that are not independent (the same gene in several cells, paralogues) are drawn together when `groups` names their
/// group; drawn alone they make every interval too narrow. Each resample draws from its own random stream, so one seed gives
/// the same numbers on any number of threads.
///
/// Efron, B. & Tibshirani, R. J. (1993). An Introduction to the Bootstrap. Chapman & Hall.
///
/// # Examples
///
/// ```
/// use chromex_metrics::{Bootstrap, MeanAbsoluteError};
/// use ndarray::array;
/// let (truth, predicted) = (array![1.0, 2.0, 3.0, 4.0], array![1.5, 2.0, 2.0, 4.0]);
/// let interval = Bootstrap::default().interval(&MeanAbsoluteError, truth.view(), predicted.view(), None)?;
/// assert!(interval.low <= 0.375 && 0.375 <= interval.high);
/// # Ok::<(), chromex_metrics::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// Number of resamples; 10 000 unless told.
    pub resamples: usize,
    /// Share of the resamples an interval holds, between 0 and 1; 0.95 unless told.
    pub level: f64,
    /// Seed of every draw; 0 unless told.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            resamples: 10_000,
            level: 0.95,
            seed: 0,
        }
    }
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

impl Bootstrap {
    /// Bounds the score of one prediction.
    ///
    /// `groups[row]` is the code of the group that the row is drawn with; without groups every row is drawn alone.
    ///
    /// # Shapes
    ///
    /// `truth`, `predicted` and `groups` are `[rows]`.
    ///
    /// # Errors
    ///
    /// [`Error::UnequalLengths`], [`Error::Empty`] for no rows, [`Error::Level`], [`Error::NoResamples`] and [`Error::TooManyResamples`].
    pub fn interval(
        &self,
        metric: &dyn Metric,
        truth: ArrayView1<'_, f32>,
        predicted: ArrayView1<'_, f32>,
        groups: Option<&[u32]>,
    ) -> Result<Interval> {
        self.interval_of_mean(metric, truth, &[predicted], groups)
    }

    /// Bounds the mean score of several predictions of the same rows, such as those of several seeds.
    ///
    /// All predictions are scored on the rows of one resample, so the interval holds the spread of rows around this set of
    /// seeds, not the spread of seeds.
    ///
    /// # Shapes
    ///
    /// `truth`, each prediction and `groups` are `[rows]`.
    ///
    /// # Errors
    ///
    /// As [`Bootstrap::interval`], and [`Error::Empty`] for no predictions.
    ///
    /// # Examples
    ///
    /// ```
    /// use chromex_metrics::{Bootstrap, Pearson};
    /// use ndarray::array;
    /// let truth = array![1.0, 2.0, 3.0, 4.0];
    /// let seeds = [array![1.5, 2.0, 2.5, 4.0], array![1.0, 1.5, 3.5, 3.0]];
    /// let seeds = seeds.each_ref().map(|seed| seed.view());
    /// let interval = Bootstrap::default().interval_of_mean(&Pearson, truth.view(), &seeds, None)?;
    /// assert!(interval.low < interval.high);
    /// # Ok::<(), chromex_metrics::Error>(())
    /// ```
    pub fn interval_of_mean(
        &self,
        metric: &dyn Metric,
        truth: ArrayView1<'_, f32>,
        predictions: &[ArrayView1<'_, f32>],
        groups: Option<&[u32]>,
    ) -> Result<Interval> {
        self.check(truth, groups)?;
        check_columns(
            truth.len(),
            predictions,
            "the list of predictions",
            "prediction",
        )?;
        let predictions = prepared(metric, predictions);
        let scores = self.resampled(&metric.prepare_truth(truth).to_vec(), groups, |sample| {
            sample.mean_score(metric, &predictions)
        });
        Ok(self.bounds(&self.defined(scores)))
    }

    /// Compares two models: the mean score over the seeds of `first` minus that over the seeds of `second`, both on the rows of
    /// the same resamples.
    ///
    /// The sign is that of the scores: for an error, a negative difference favours the first model.
    ///
    /// # Shapes
    ///
    /// `truth`, each prediction and `groups` are `[rows]`. The sides may differ in their number of seeds.
    ///
    /// # Errors
    ///
    /// As [`Bootstrap::interval_of_mean`], for either side.
    ///
    /// # Examples
    ///
    /// ```
    /// use chromex_metrics::{Bootstrap, MeanSquaredError};
    /// use ndarray::array;
    /// let (truth, near, far) = (array![1.0, 2.0, 3.0], array![1.0, 2.1, 3.0], array![4.0, 5.0, 9.0]);
    /// let paired = Bootstrap::default().paired(&MeanSquaredError, truth.view(), &[near.view()], &[far.view()], None)?;
    /// assert!(paired.high < 0.0 && paired.p_value < 0.01);
    /// # Ok::<(), chromex_metrics::Error>(())
    /// ```
    pub fn paired(
        &self,
        metric: &dyn Metric,
        truth: ArrayView1<'_, f32>,
        first: &[ArrayView1<'_, f32>],
        second: &[ArrayView1<'_, f32>],
        groups: Option<&[u32]>,
    ) -> Result<PairedDifference> {
        self.check(truth, groups)?;
        let rows = truth.len();
        check_columns(
            rows,
            first,
            "the list of first predictions",
            "first prediction",
        )?;
        check_columns(
            rows,
            second,
            "the list of second predictions",
            "second prediction",
        )?;
        let mean = |side: &[ArrayView1<'_, f32>]| {
            let scores = side.iter().map(|seed| metric.score(truth, *seed));
            scores.sum::<f64>() / side.len() as f64
        };
        let difference = mean(first) - mean(second);
        let (first, second) = (prepared(metric, first), prepared(metric, second));
        let truth = metric.prepare_truth(truth).to_vec();
        let differences = self.defined(self.resampled(&truth, groups, |sample| {
            sample.mean_score(metric, &first) - sample.mean_score(metric, &second)
        }));
        let Interval { low, high } = self.bounds(&differences);
        Ok(PairedDifference {
            difference,
            low,
            high,
            p_value: p_value(&differences),
        })
    }

    fn check(&self, truth: ArrayView1<'_, f32>, groups: Option<&[u32]>) -> Result<()> {
        if self.resamples == 0 {
            return Err(Error::NoResamples);
        }
        if self.resamples > MOST_RESAMPLES {
            return Err(Error::TooManyResamples {
                most: MOST_RESAMPLES,
                found: self.resamples,
            });
        }
        // Written so that NaN fails.
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(Error::Level { found: self.level });
        }
        if truth.is_empty() {
            return Err(Error::Empty { input: "the truth" });
        }
        match groups {
            Some(groups) if groups.len() != truth.len() => Err(Error::UnequalLengths {
                input: "the list of groups".into(),
                expected: truth.len(),
                found: groups.len(),
            }),
            _ => Ok(()),
        }
    }

    /// Computes the statistic of every resample, in the order of resamples.
    fn resampled(
        &self,
        truth: &[f32],
        groups: Option<&[u32]>,
        statistic: impl Fn(&mut Sample) -> f64 + Sync,
    ) -> Vec<f64> {
        let resampler = Resampler::new(truth.len(), groups, self.seed);
        (0..self.resamples)
            .into_par_iter()
            .with_min_len(16) // resamples that share their buffers
            .map_init(Sample::default, |sample, resample| {
                resampler.draw(resample, &mut sample.rows);
                gather(truth, &sample.rows, &mut sample.truth);
                statistic(sample)
            })
            .collect()
    }

    /// Sorts the statistics of the resamples that have one; empty where too few have.
    fn defined(&self, mut statistics: Vec<f64>) -> Vec<f64> {
        statistics.retain(|statistic| !statistic.is_nan());
        if statistics.len() < self.resamples.div_ceil(2) {
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

/// One resample and the buffers that the next one reuses.
#[derive(Default)]
struct Sample {
    rows: Vec<usize>,
    truth: Vec<f32>,
    predicted: Vec<f32>,
}

impl Sample {
    fn mean_score(&mut self, metric: &dyn Metric, prepared: &[Vec<f32>]) -> f64 {
        let mut total = 0.0;
        for prediction in prepared {
            gather(prediction, &self.rows, &mut self.predicted);
            total += metric.score_prepared(aview1(&self.truth), aview1(&self.predicted));
        }
        total / prepared.len() as f64
    }
}

fn gather(column: &[f32], rows: &[usize], into: &mut Vec<f32>) {
    into.clear();
    into.extend(rows.iter().map(|&row| column[row]));
}

/// Makes of each prediction what resamples are scored from.
fn prepared(metric: &dyn Metric, predictions: &[ArrayView1<'_, f32>]) -> Vec<Vec<f32>> {
    let predictions = predictions.iter();
    predictions
        .map(|prediction| metric.prepare_predicted(*prediction).to_vec())
        .collect()
}

/// Checks that each prediction has the truth's rows.
fn check_columns(
    rows: usize,
    predictions: &[ArrayView1<'_, f32>],
    list: &'static str,
    each: &str,
) -> Result<()> {
    if predictions.is_empty() {
        return Err(Error::Empty { input: list });
    }
    if let Some(index) = predictions
        .iter()
        .position(|prediction| prediction.len() != rows)
    {
        return Err(Error::UnequalLengths {
            input: format!("{each} {index}"),
            expected: rows,
            found: predictions[index].len(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;
    use crate::{AreaUnderRoc, MeanAbsoluteError, Pearson};

    #[test]
    fn an_interval_is_nan_where_fewer_than_half_of_the_resamples_have_a_score() {
        let bootstrap = Bootstrap {
            resamples: 5,
            ..Bootstrap::default()
        };
        let half = bootstrap.defined(vec![f64::NAN, 3.0, f64::NAN, 1.0, 2.0]);
        assert_eq!(half, [1.0, 2.0, 3.0]);
        assert!(
            bootstrap
                .defined(vec![f64::NAN, 3.0, f64::NAN, 1.0, f64::NAN])
                .is_empty()
        );

        // No resample of one class has the other.
        let (truth, predicted) = (Array1::zeros(500), Array1::linspace(0.0, 1.0, 500));
        let interval = bootstrap.interval(&AreaUnderRoc, truth.view(), predicted.view(), None);
        let Interval { low, high } = interval.unwrap();
        assert!(low.is_nan() && high.is_nan());
        let (first, second) = (&[predicted.view()], &[predicted.view()]);
        let paired = bootstrap
            .paired(&AreaUnderRoc, truth.view(), first, second, None)
            .unwrap();
        assert!(paired.difference.is_nan() && paired.low.is_nan() && paired.p_value.is_nan());
    }

    #[test]
    fn undefined_resamples_are_left_out() {
        // A quarter of the resamples holds one class only; every other one ranks perfectly.
        let (truth, predicted) = (array![0.0, 0.0, 1.0], array![0.1, 0.2, 0.3]);
        let bootstrap = Bootstrap::default();
        let interval = bootstrap.interval(&AreaUnderRoc, truth.view(), predicted.view(), None);
        assert_eq!(
            interval,
            Ok(Interval {
                low: 1.0,
                high: 1.0
            })
        );
    }

    #[test]
    fn a_model_does_not_differ_from_itself() {
        let truth = Array1::linspace(0.0, 1.0, 20);
        let predicted = truth.mapv(|value: f32| value * value);
        let side = [predicted.view()];
        let paired = Bootstrap::default().paired(&Pearson, truth.view(), &side, &side, None);
        let expected = PairedDifference {
            difference: 0.0,
            low: 0.0,
            high: 0.0,
            p_value: 1.0,
        };
        assert_eq!(paired, Ok(expected));
    }

    #[test]
    fn a_difference_of_means_over_unequal_numbers_of_seeds_is_taken_by_hand() {
        let truth = array![0.0, 0.0];
        let (one, two, six) = (array![1.0, 1.0], array![2.0, 2.0], array![-6.0, -6.0]);
        let (first, second) = ([one.view(), two.view()], [six.view()]);
        let bootstrap = Bootstrap {
            resamples: 199,
            ..Bootstrap::default()
        };
        let metric = MeanAbsoluteError;
        let paired = bootstrap
            .paired(&metric, truth.view(), &first, &second, None)
            .unwrap();
        let expected = PairedDifference {
            difference: -4.5,
            low: -4.5,
            high: -4.5,
            p_value: 0.01,
        };
        assert_eq!(paired, expected);
        let swapped = bootstrap
            .paired(&metric, truth.view(), &second, &first, None)
            .unwrap();
        assert_eq!((swapped.difference, swapped.p_value), (4.5, 0.01));
    }

    #[test]
    fn what_a_caller_gets_wrong_is_an_error_that_names_it() {
        let (two, three, empty) = (array![0.0, 1.0], array![0.0, 1.0, 2.0], array![]);
        let (two, three, empty) = (two.view(), three.view(), empty.view());
        let good = Bootstrap::default();
        let interval = |truth, predictions: &[_], groups| {
            let result = good.interval_of_mean(&Pearson, truth, predictions, groups);
            result.unwrap_err().to_string()
        };
        let paired = |first: &[_], second: &[_]| {
            let result = good.paired(&Pearson, two, first, second, None);
            result.unwrap_err().to_string()
        };
        for (found, expected) in [
            (
                interval(two, &[three], None),
                "prediction 0 has 3 rows, the truth has 2",
            ),
            (
                interval(two, &[two], Some(&[1])),
                "the list of groups has 1 rows, the truth has 2",
            ),
            (interval(empty, &[empty], None), "the truth is empty"),
            (interval(two, &[], None), "the list of predictions is empty"),
            (
                paired(&[two, three], &[two]),
                "first prediction 1 has 3 rows, the truth has 2",
            ),
            (
                paired(&[two], &[three]),
                "second prediction 0 has 3 rows, the truth has 2",
            ),
            (
                paired(&[two], &[]),
                "the list of second predictions is empty",
            ),
        ] {
            assert_eq!(found, expected);
        }
        for level in [0.0, 1.0, -0.5, 95.0, f64::NAN] {
            let bootstrap = Bootstrap { level, ..good };
            let result = bootstrap.interval(&Pearson, two, two, None);
            assert!(matches!(result, Err(Error::Level { .. })), "{level}");
        }
        let none = Bootstrap {
            resamples: 0,
            ..good
        };
        assert_eq!(
            none.interval(&Pearson, two, two, None),
            Err(Error::NoResamples)
        );
    }
}
