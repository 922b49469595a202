#![doc = include_str!("../README.md")]

mod bootstrap;
mod correlation;
mod error;
mod holm;
mod metric;
mod order;
mod percentile;
mod ranking;
mod regression;
mod resample;
mod resampled_score;
mod resampled_scores;
mod sum;

pub use bootstrap::Bootstrap;
pub use correlation::{Pearson, Spearman};
pub use error::{Error, Result};
pub use holm::holm;
pub use metric::{Direction, Metric};
pub use ranking::{AreaUnderRoc, AveragePrecision};
pub use regression::{MeanAbsoluteError, MeanSquaredError, RSquared};
pub use resample::ResamplingUnits;
pub use resampled_score::{ResampledScore, Scratch};
pub use resampled_scores::{Interval, PairedDifference, ResampledScores};
