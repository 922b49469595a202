use ndarray::ArrayView1;

use crate::{Direction, Metric};

/// Skeleton.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MeanSquaredError;

impl Metric for MeanSquaredError {
    fn name(&self) -> &str {
        "mse"
    }

    fn direction(&self) -> Direction {
        Direction::LowerIsBetter
    }

    fn score(&self, _truth: ArrayView1<'_, f32>, _predicted: ArrayView1<'_, f32>) -> f64 {
        unimplemented!()
    }
}

/// Skeleton.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MeanAbsoluteError;

impl Metric for MeanAbsoluteError {
    fn name(&self) -> &str {
        "mae"
    }

    fn direction(&self) -> Direction {
        Direction::LowerIsBetter
    }

    fn score(&self, _truth: ArrayView1<'_, f32>, _predicted: ArrayView1<'_, f32>) -> f64 {
        unimplemented!()
    }
}

/// Skeleton.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RSquared;

impl Metric for RSquared {
    fn name(&self) -> &str {
        "r2"
    }

    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }

    fn score(&self, _truth: ArrayView1<'_, f32>, _predicted: ArrayView1<'_, f32>) -> f64 {
        unimplemented!()
    }
}
