use chromex_metrics::{Direction, Metric, ResampledScore, ResamplingUnits};
use ndarray::{Array1, ArrayView1};

use crate::{Error, Result, Target, Transform};

/// Scores in the unit of the quantity that was measured: truth and predictions go back through the target's transform first.
///
/// # Examples
///
/// ```
/// use chromex_core::{InUnits, Metric, Target, Transform};
/// use chromex_metrics::MeanAbsoluteError;
/// let transform = Transform::Log2 { offset: 1.0 };
/// let leaf = Target { name: "leaf".into(), unit: "TPM".into(), transform };
/// let error = InUnits::new(MeanAbsoluteError, &leaf)?;
/// // log2 of 3 + 1 and of 15 + 1.
/// let (truth, predicted) = (ndarray::array![2.0], ndarray::array![4.0]);
/// assert_eq!((error.name(), error.score(truth.view(), predicted.view())), ("mae TPM", 12.0));
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct InUnits<M> {
    metric: M,
    transform: Transform,
    name: String,
}

impl<M: Metric> InUnits<M> {
    /// Scores by a metric in the unit of a target; it is named by both, as `mae TPM`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when the target's transform cannot be undone.
    pub fn new(metric: M, target: &Target) -> Result<Self> {
        if target.transform.invert(0.0).is_none() {
            return Err(Error::Setting {
                name: "transform",
                expected: "one that can be undone".into(),
                found: format!("{:?}", target.transform),
            });
        }
        Ok(Self {
            name: format!("{} {}", metric.name(), target.unit),
            metric,
            transform: target.transform,
        })
    }

    fn back(&self, numbers: ArrayView1<'_, f32>) -> Array1<f32> {
        numbers.mapv(|number| {
            let quantity = self.transform.invert(f64::from(number));
            quantity.map_or(f32::NAN, |quantity| quantity as f32)
        })
    }
}

impl<M: Metric> Metric for InUnits<M> {
    fn name(&self) -> &str {
        &self.name
    }

    fn direction(&self) -> Direction {
        self.metric.direction()
    }

    fn score(&self, truth: ArrayView1<'_, f32>, predicted: ArrayView1<'_, f32>) -> f64 {
        let (truth, predicted) = (self.back(truth), self.back(predicted));
        self.metric.score(truth.view(), predicted.view())
    }

    fn resampled<'a>(
        &'a self,
        truth: ArrayView1<'_, f32>,
        predicted: ArrayView1<'_, f32>,
        units: &'a ResamplingUnits,
    ) -> Box<dyn ResampledScore + 'a> {
        let (truth, predicted) = (self.back(truth), self.back(predicted));
        self.metric.resampled(truth.view(), predicted.view(), units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chromex_metrics::Bootstrap;
    use chromex_metrics::MeanAbsoluteError;
    use ndarray::array;

    #[test]
    fn the_error_is_that_of_the_quantities_and_a_ratio_has_none() {
        let target = |transform| Target {
            name: "leaf".into(),
            unit: "TPM".into(),
            transform,
        };
        let log = target(Transform::NaturalLog { offset: 1.0 });
        let metric = InUnits::new(MeanAbsoluteError, &log).unwrap();
        let truth = array![0.0_f32, 3.0_f32.ln()];
        let predicted = array![2.0_f32.ln(), 0.0];
        // |0 − 1| and |2 − 0|.
        let error = metric.score(truth.view(), predicted.view());
        assert!((error - 1.5).abs() < 1e-6, "{error}");
        assert_eq!(metric.direction(), Direction::LowerIsBetter);
        let ratio = target(Transform::NaturalLogRatio { offset: 1.0 });
        assert!(InUnits::new(MeanAbsoluteError, &ratio).is_err());
    }

    #[test]
    fn the_interval_is_that_of_the_quantities() {
        let target = Target {
            name: "leaf".into(),
            unit: "TPM".into(),
            transform: Transform::Log2 { offset: 1.0 },
        };
        let truth = Array1::from_iter((0..50).map(|row| (row % 7) as f32));
        let predicted = truth.mapv(|value| 6.0 - value);
        let quantities = |logs: &Array1<f32>| logs.mapv(|log| log.exp2() - 1.0);
        let bootstrap = Bootstrap {
            resamples: 100,
            ..Bootstrap::default()
        };
        let metric = InUnits::new(MeanAbsoluteError, &target).unwrap();
        let found = bootstrap.interval(&metric, truth.view(), predicted.view(), None);
        let (truth, predicted) = (quantities(&truth), quantities(&predicted));
        let expected = bootstrap.interval(&MeanAbsoluteError, truth.view(), predicted.view(), None);
        assert_eq!(found.unwrap(), expected.unwrap());
    }
}
