use ndarray::ArrayView1;

use crate::{Direction, Metric};

/// Skeleton.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pearson;

impl Metric for Pearson {
    fn name(&self) -> &str {
        "pearson"
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
pub struct Spearman;

impl Metric for Spearman {
    fn name(&self) -> &str {
        "spearman"
    }

    fn direction(&self) -> Direction {
        Direction::HigherIsBetter
    }

    fn score(&self, _truth: ArrayView1<'_, f32>, _predicted: ArrayView1<'_, f32>) -> f64 {
        unimplemented!()
    }
}
