//! Percentile bootstrap of a score and of the difference between two models.

use ndarray::ArrayView1;
use rayon::prelude::*;

use crate::resample::Resampler;
use crate::{
    Error, Interval, Metric, PairedDifference, ResampledScore, ResampledScores, ResamplingUnits,
    Result, Scratch,
};

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
        let scores = self.resample(&[metric], truth, predictions, groups)?;
        let all: Vec<usize> = (0..predictions.len()).collect();
        Ok(scores.interval(0, &all))
    }

    /// Scores predictions of the same rows by several metrics, on all rows and on every resample of them. Whatever follows, of
    /// one prediction or of two models, is read from the result, so that nothing is drawn or scored twice.
    ///
    /// # Shapes
    ///
    /// `truth`, each prediction and `groups` are `[rows]`.
    ///
    /// # Errors
    ///
    /// As [`Bootstrap::interval`], and [`Error::Empty`] for no predictions.
    pub fn resample(
        &self,
        metrics: &[&dyn Metric],
        truth: ArrayView1<'_, f32>,
        predictions: &[ArrayView1<'_, f32>],
        groups: Option<&[u32]>,
    ) -> Result<ResampledScores> {
        self.check(truth, groups)?;
        check_columns(
            truth.len(),
            predictions,
            "the list of predictions",
            "prediction",
        )?;
        let units = ResamplingUnits::new(truth.len(), groups);
        let columns: Vec<(&dyn Metric, ArrayView1<'_, f32>)> = metrics
            .iter()
            .flat_map(|&metric| predictions.iter().map(move |&column| (metric, column)))
            .collect();
        let prepared: Vec<Box<dyn ResampledScore + '_>> = columns
            .par_iter()
            .map(|&(metric, column)| metric.resampled(truth, column, &units))
            .collect();
        let scores = columns
            .par_iter()
            .map(|(metric, column)| metric.score(truth, *column))
            .collect();
        let resampler = Resampler::new(units.len(), self.seed);
        let mut resampled = vec![0.0; self.resamples * prepared.len()];
        resampled
            .par_chunks_exact_mut(prepared.len().max(1))
            .enumerate()
            .with_min_len(16) // resamples that share their buffers
            .for_each_init(
                || (Vec::new(), Scratch::default()),
                |(draws, scratch), (resample, scores)| {
                    resampler.draw(resample, draws);
                    for (score, prepared) in scores.iter_mut().zip(&prepared) {
                        *score = prepared.score(draws, scratch);
                    }
                },
            );
        Ok(ResampledScores {
            scores,
            resampled,
            predictions: predictions.len(),
            level: self.level,
        })
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
        let views = first.iter().map(ArrayView1::view);
        let columns: Vec<ArrayView1<'_, f32>> =
            views.chain(second.iter().map(ArrayView1::view)).collect();
        let scores = self.resample(&[metric], truth, &columns, groups)?;
        let first: Vec<usize> = (0..first.len()).collect();
        let second: Vec<usize> = (first.len()..columns.len()).collect();
        Ok(scores.paired(0, &first, &second))
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
    fn resamples_without_a_score_leave_no_interval() {
        let bootstrap = Bootstrap {
            resamples: 5,
            ..Bootstrap::default()
        };
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
