//! Scores of resamples that are not laid out row by row.

use ndarray::{ArrayView1, aview1};

use crate::{Metric, ResamplingUnits};

/// Scores resamples of the rows that it was made of; [`Metric::resampled`] makes it.
///
/// A resample is how often each unit of rows was drawn, so whatever a metric needs of the rows (their sums, their order) is
/// made once and not once per resample.
pub trait ResampledScore: Send + Sync {
    /// Scores the rows of each unit, each as often as `draws` says; NaN where the score is not defined.
    ///
    /// # Shapes
    ///
    /// `draws` is `[units]`.
    fn score(&self, draws: &[u32], scratch: &mut Scratch) -> f64;
}

/// Memory that scoring a resample leaves to the next. What is in it means nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Room for the truth of a resample.
    pub truth: Vec<f32>,
    /// Room for its predictions.
    pub predicted: Vec<f32>,
    /// Room for its ranks.
    pub ranks: Vec<f64>,
}

/// Lays a resample out row by row and scores that: right for every metric, and the slowest way.
pub(crate) struct Repeated<'a, M: ?Sized> {
    metric: &'a M,
    units: &'a ResamplingUnits,
    truth: Vec<f32>,
    predicted: Vec<f32>,
}

impl<'a, M: Metric + ?Sized> Repeated<'a, M> {
    pub(crate) fn new(
        metric: &'a M,
        truth: ArrayView1<'_, f32>,
        predicted: ArrayView1<'_, f32>,
        units: &'a ResamplingUnits,
    ) -> Self {
        Self {
            metric,
            units,
            truth: truth.to_vec(),
            predicted: predicted.to_vec(),
        }
    }

    /// Says whether sums over all rows are numbers, whichever of them are drawn.
    pub(crate) fn is_finite(&self) -> bool {
        let mut numbers = self.truth.iter().chain(&self.predicted);
        numbers.all(|number| number.is_finite())
    }

    pub(crate) fn units(&self) -> &'a ResamplingUnits {
        self.units
    }

    pub(crate) fn truth(&self) -> &[f32] {
        &self.truth
    }

    pub(crate) fn predicted(&self) -> &[f32] {
        &self.predicted
    }
}

impl<M: Metric + ?Sized> ResampledScore for Repeated<'_, M> {
    fn score(&self, draws: &[u32], scratch: &mut Scratch) -> f64 {
        scratch.truth.clear();
        scratch.predicted.clear();
        for (rows, &draws) in self.units.iter().zip(draws) {
            for _ in 0..draws {
                scratch
                    .truth
                    .extend(rows.iter().map(|&row| self.truth[row]));
                let predicted = rows.iter().map(|&row| self.predicted[row]);
                scratch.predicted.extend(predicted);
            }
        }
        self.metric
            .score(aview1(&scratch.truth), aview1(&scratch.predicted))
    }
}

/// Terms of every row, summed per unit.
pub(crate) struct UnitSums<const K: usize>(Vec<[f64; K]>);

/// Units whose sums are added in a plain loop before they join the others: the rounding error of a running sum grows with its
/// length.
const BLOCK: usize = 256;

impl<const K: usize> UnitSums<K> {
    /// Sums the terms of each unit's rows.
    pub(crate) fn new(
        units: &ResamplingUnits,
        truth: &[f32],
        predicted: &[f32],
        terms: impl Fn(f64, f64) -> [f64; K],
    ) -> Self {
        let of_unit = |rows: &[usize]| {
            let mut sums = [0.0; K];
            for &row in rows {
                let terms = terms(truth[row].into(), predicted[row].into());
                for (sum, term) in sums.iter_mut().zip(terms) {
                    *sum += term;
                }
            }
            sums
        };
        Self(units.iter().map(of_unit).collect())
    }

    /// Sums the terms of a resample.
    pub(crate) fn of(&self, draws: &[u32]) -> [f64; K] {
        let mut totals = [0.0; K];
        for (units, draws) in self.0.chunks(BLOCK).zip(draws.chunks(BLOCK)) {
            let mut block = [0.0; K];
            for (sums, &draws) in units.iter().zip(draws) {
                let draws = f64::from(draws);
                for (total, sum) in block.iter_mut().zip(sums) {
                    *total += draws * sum;
                }
            }
            for (total, block) in totals.iter_mut().zip(block) {
                *total += block;
            }
        }
        totals
    }
}

/// Says whether a sum of squared deviations is too small against what it was subtracted from to be told from rounding: all
/// values of the resample may be equal, and only the values themselves can say.
pub(crate) fn may_be_constant(deviations: f64, squares: f64) -> bool {
    deviations.is_nan() || deviations <= 1e-9 * squares
}

/// The mean of numbers, zero for none: what sums are taken around, so that squares do not cancel.
pub(crate) fn centre(numbers: &[f32]) -> f64 {
    let sum: f64 = numbers.iter().map(|&number| f64::from(number)).sum();
    sum / numbers.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use ndarray::Array1;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        AreaUnderRoc, AveragePrecision, MeanAbsoluteError, MeanSquaredError, Pearson, RSquared,
        Spearman,
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

    /// Scores draws both ways: by the metric's own, and row by row.
    fn both_ways(
        metric: &dyn Metric,
        rows: &[(f32, f32)],
        groups: Option<&[u32]>,
        draws: &[u32],
    ) -> (f64, f64) {
        let truth = Array1::from_iter(rows.iter().map(|row| row.0));
        let predicted = Array1::from_iter(rows.iter().map(|row| row.1));
        let units = ResamplingUnits::new(rows.len(), groups);
        let mut scratch = Scratch::default();
        let own = metric.resampled(truth.view(), predicted.view(), &units);
        let repeated = Repeated::new(metric, truth.view(), predicted.view(), &units);
        (
            own.score(&draws[..units.len()], &mut scratch),
            repeated.score(&draws[..units.len()], &mut scratch),
        )
    }

    fn agree((own, repeated): (f64, f64)) -> bool {
        own.is_nan() && repeated.is_nan()
            || own == repeated
            || (own - repeated).abs() <= 1e-9 * repeated.abs().max(1.0)
    }

    #[test]
    fn infinite_and_missing_values_count_only_where_they_are_drawn() {
        for odd in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            for rows in [
                [(0.0, 1.0), (1.0, odd), (0.5, 0.0), (2.0, 2.0)],
                [(0.0, 1.0), (odd, 1.0), (0.5, 0.0), (2.0, 2.0)],
            ] {
                for draws in [[1, 0, 2, 1], [1, 1, 1, 1], [0, 4, 0, 0]] {
                    for metric in METRICS {
                        let scores = both_ways(metric, &rows, None, &draws);
                        // Of ranks, a value that is not drawn may still be unknown: then all are laid out.
                        assert!(agree(scores), "{}: {odd} {scores:?}", metric.name());
                    }
                }
            }
        }
    }

    #[test]
    fn a_resample_of_equal_values_is_told_from_one_of_nearly_equal_ones() {
        let (low, high) = (16_777_214.0_f32, 16_777_215.0_f32);
        let rows = [(low, 0.0), (high, 1.0), (low, 0.0), (-1e9, 3.0)];
        for draws in [[2, 0, 2, 0], [1, 2, 1, 0], [0, 0, 4, 0], [1, 1, 1, 1]] {
            for metric in METRICS {
                let scores = both_ways(metric, &rows, None, &draws);
                assert!(agree(scores), "{}: {draws:?} {scores:?}", metric.name());
            }
        }
    }

    proptest! {
        #[test]
        fn counted_draws_score_as_the_rows_laid_out(
            rows in prop::collection::vec((-4_i8..4, -4_i8..4, 0_u32..9, 0_u32..4), 1..400),
            scale in prop::sample::select(vec![1.0_f32, 1e-20, 3e15]),
            offset in prop::sample::select(vec![0.0_f32, 0.1, -1e4]),
            grouped in any::<bool>(),
        ) {
            let values: Vec<(f32, f32)> = rows
                .iter()
                .map(|row| (f32::from(row.0) * 0.3, (f32::from(row.1) + offset) * scale))
                .collect();
            let groups: Vec<u32> = rows.iter().map(|row| row.2).collect();
            let draws: Vec<u32> = rows.iter().map(|row| row.3).collect();
            let groups = grouped.then_some(&groups[..]);
            for metric in METRICS {
                let scores = both_ways(metric, &values, groups, &draws);
                prop_assert!(agree(scores), "{}: {scores:?}", metric.name());
            }
        }
    }
}
