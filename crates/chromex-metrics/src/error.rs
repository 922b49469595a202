//! What can go wrong.

/// Says why an interval or a test could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An input that shares its rows with the truth differs from it in length.
    #[error("{input} has {found} rows, the truth has {expected}")]
    UnequalLengths {
        /// The input that differs, as `prediction 1`.
        input: String,
        /// Rows of the truth.
        expected: usize,
        /// Rows of the input.
        found: usize,
    },
    /// There is nothing to resample or to score.
    #[error("{input} is empty")]
    Empty {
        /// The input that is empty, as `the truth`.
        input: &'static str,
    },
    /// The confidence level is no share of the resamples.
    #[error("the confidence level must lie between 0 and 1, both excluded, found {found}")]
    Level {
        /// The level asked for.
        found: f64,
    },
    /// No resamples were asked for.
    #[error("the number of resamples must be at least 1, found 0")]
    NoResamples,
    /// More resamples were asked for than their scores are kept for.
    #[error("the number of resamples must be at most {most}, found {found}")]
    TooManyResamples {
        /// The most that may be asked for.
        most: usize,
        /// How many were asked for.
        found: usize,
    },
}

/// The result of a fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
