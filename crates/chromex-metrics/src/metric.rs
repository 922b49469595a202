//! The one trait of the crate.

use ndarray::ArrayView1;

/// Scores the predictions of one target with one number.
///
/// A score that is not defined for its rows (one constant side of a correlation, one class of a ranking, a NaN on either
/// side, sides of unequal lengths) is NaN, never a panic and never a made-up zero.
pub trait Metric: Send + Sync {
    /// Names the score, as tables and files print it.
    fn name(&self) -> &str;

    /// Says which way is better.
    fn direction(&self) -> Direction;

    /// Scores `predicted` against `truth`; NaN where the score is not defined.
    ///
    /// # Shapes
    ///
    /// Both sides are `[rows]`.
    fn score(&self, truth: ArrayView1<'_, f32>, predicted: ArrayView1<'_, f32>) -> f64;
}

/// Says which of two values of a score is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// A larger score is better, as for a correlation.
    HigherIsBetter,
    /// A smaller score is better, as for an error.
    LowerIsBetter,
}
