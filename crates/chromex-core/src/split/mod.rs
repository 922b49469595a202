//! Dividing rows into train, validation and test without looking at targets.

mod double_hold_out;
mod given;
mod group_shares;
mod groups;
mod k_fold;

pub use double_hold_out::DoubleHoldOut;
pub use given::GivenSplit;
pub use group_shares::GroupShares;
pub use groups::{GroupKFold, GroupSplit};
pub use k_fold::KFold;

use crate::{Keys, Result};

/// Divides rows into train / validation / test without looking at targets.
pub trait Split: Send + Sync {
    /// Draws the folds. The same keys and seed give the same folds.
    ///
    /// # Errors
    ///
    /// When the keys lack a group, or a fold would have no rows to train or to test on.
    fn folds(&self, keys: &Keys, seed: u64) -> Result<Vec<Fold>>;
}

/// One division of the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    /// What a table calls the fold.
    pub name: String,
    /// Rows to learn from.
    pub train: Vec<usize>,
    /// Rows that may choose among settings or epochs. A faithful protocol may repeat training rows here;
    /// every other split keeps the three apart.
    pub valid: Vec<usize>,
    /// Rows that are scored once.
    pub test: Vec<usize>,
    /// Parts of `test` that are also scored on their own, by name.
    pub strata: Vec<(String, Vec<usize>)>,
}

impl Fold {
    fn new(
        name: impl Into<String>,
        train: Vec<usize>,
        valid: Vec<usize>,
        test: Vec<usize>,
    ) -> Self {
        Self {
            name: name.into(),
            train,
            valid,
            test,
            strata: Vec::new(),
        }
    }

    /// Names the part of each row, `train`, `valid` or `test`, as [`GivenSplit`] reads them; nothing for a row in none of them.
    pub fn parts(&self, rows: usize) -> Vec<&'static str> {
        let mut parts = vec![""; rows];
        let lists = [
            (&self.valid, "valid"),
            (&self.train, "train"),
            (&self.test, "test"),
        ];
        for (list, name) in lists {
            for &row in list {
                parts[row] = name;
            }
        }
        parts
    }

    /// Refuses a fold that has nothing to learn from or nothing to score.
    fn checked(self) -> Result<Self> {
        for (what, rows) in [
            (
                "the training rows of a fold: the split left none",
                &self.train,
            ),
            ("the test rows of a fold: the split left none", &self.test),
        ] {
            if rows.is_empty() {
                return Err(crate::Error::Empty { what });
            }
        }
        Ok(self)
    }
}

/// Lists the rows for which a condition holds.
fn rows_where(rows: usize, condition: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..rows).filter(|&row| condition(row)).collect()
}
