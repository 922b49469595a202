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
mod sum;

pub use bootstrap::{Bootstrap, Interval, PairedDifference};
pub use correlation::{Pearson, Spearman};
pub use error::{Error, Result};
pub use holm::holm;
pub use metric::{Direction, Metric};
pub use ranking::{AreaUnderRoc, AveragePrecision};
pub use regression::{MeanAbsoluteError, MeanSquaredError, RSquared};
