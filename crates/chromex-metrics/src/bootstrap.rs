use ndarray::ArrayView1;

use crate::{Metric, Result};

/// Resamples rows, or whole groups of rows, with replacement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// Number of resamples; 10 000 unless told.
    pub resamples: usize,
    /// Confidence level of the intervals; 0.95 unless told.
    pub level: f64,
    /// Seed of every draw.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 10_000, level: 0.95, seed: 0 }
    }
}

/// Bounds of a percentile interval; both NaN where fewer than half of the resamples have a score.
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
    /// Score of the first minus score of the second, on all rows.
    pub difference: f64,
    /// Lower bound of the difference.
    pub low: f64,
    /// Upper bound of the difference.
    pub high: f64,
    /// Two-sided p-value of no difference.
    pub p_value: f64,
}

impl Bootstrap {
    /// Bounds the score of one prediction.
    pub fn interval(
        &self,
        _metric: &dyn Metric,
        _truth: ArrayView1<'_, f32>,
        _predicted: ArrayView1<'_, f32>,
        _groups: Option<&[u32]>,
    ) -> Result<Interval> {
        unimplemented!()
    }

    /// Bounds the mean score of several predictions of the same rows.
    pub fn interval_of_mean(
        &self,
        _metric: &dyn Metric,
        _truth: ArrayView1<'_, f32>,
        _predictions: &[ArrayView1<'_, f32>],
        _groups: Option<&[u32]>,
    ) -> Result<Interval> {
        unimplemented!()
    }

    /// Compares the mean score of `first` with the mean score of `second`.
    pub fn paired(
        &self,
        _metric: &dyn Metric,
        _truth: ArrayView1<'_, f32>,
        _first: &[ArrayView1<'_, f32>],
        _second: &[ArrayView1<'_, f32>],
        _groups: Option<&[u32]>,
    ) -> Result<PairedDifference> {
        unimplemented!()
    }
}
