use ndarray::ArrayView1;

use crate::{Direction, Metric};

/// Skeleton.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AreaUnderRoc;

impl Metric for AreaUnderRoc {
    fn name(&self) -> &str {
        "auroc"
    }

    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }

    fn score(&self, _truth: ArrayView1<'_, f32>, _predicted: ArrayView1<'_, f32>) -> f64 {
        unimplemented!()
    }
}

/// Skeleton.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AveragePrecision;

impl Metric for AveragePrecision {
    fn name(&self) -> &str {
        "auprc"
    }

    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }

    fn score(&self, _truth: ArrayView1<'_, f32>, _predicted: ArrayView1<'_, f32>) -> f64 {
        unimplemented!()
    }
}
