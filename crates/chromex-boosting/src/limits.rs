//! The most that settings may ask for; they are checked before anything is fitted or allocated.

/// Trees of a forest, and rounds of boosting.
pub(crate) const MOST_TREES: usize = 1_000_000;
/// Penalties of a path.
pub(crate) const MOST_PENALTIES: usize = 100_000;
