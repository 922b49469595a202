//! What can go wrong.

/// Says why an interval or a test could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two inputs that share their rows differ in length.
    #[error("{what} has {found} rows, the truth has {expected}")]
    UnequalLengths {
        /// The input that differs, as `predictions[1]` or `groups`.
        what: String,
        /// Rows of the truth.
        expected: usize,
        /// Rows of the input.
        found: usize,
    },
    /// There is nothing to resample.
    #[error("{what} is empty")]
    Empty {
        /// The input that is empty.
        what: &'static str,
    },
    /// The confidence level is not between 0 and 1.
    #[error("the confidence level must lie strictly between 0 and 1, found {found}")]
    Level {
        /// The level asked for.
        found: f64,
    },
    /// No resamples were asked for.
    #[error("the number of resamples must be at least 1")]
    NoResamples,
}

/// The result of a fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
