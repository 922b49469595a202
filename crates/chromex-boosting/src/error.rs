//! What can go wrong.

/// Says why a model could not be fitted, used or read back.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is outside its range.
    #[error("setting `{name}`: expected {expected}, found {found}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The range that is allowed.
        expected: &'static str,
        /// The value that was found.
        found: String,
    },
    /// A table has no rows, no columns or no targets.
    #[error("the {part} table has no {what}")]
    Empty {
        /// Which part of the data: `training`, `validation` or `background`.
        part: &'static str,
        /// What is missing: `rows`, `columns` or `targets`.
        what: &'static str,
    },
    /// A table has more rows or columns than 32-bit indices can number.
    #[error("the table has {found} {what}, at most {most} are possible")]
    TooLarge {
        /// What there is too much of: `rows` or `columns`.
        what: &'static str,
        /// How many there may be.
        most: usize,
        /// How many there are.
        found: usize,
    },
    /// A table that is read twice has other rows the second time.
    #[error("the table had {expected} rows when it was first read, and then {found}")]
    Rows {
        /// Rows at first.
        expected: usize,
        /// Rows the second time.
        found: usize,
    },
    /// Rows have another number of columns than the model was fitted on.
    #[error("the rows have {found} columns, the model was fitted on {expected}")]
    Columns {
        /// Columns that the model was fitted on.
        expected: usize,
        /// Columns of the rows.
        found: usize,
    },
    /// Validation rows have another number of targets than training rows.
    #[error("the validation rows have {found} targets, the training rows {expected}")]
    Targets {
        /// Targets of the training rows.
        expected: usize,
        /// Targets of the validation rows.
        found: usize,
    },
    /// There are not as many weights as rows.
    #[error("the table has {expected} rows, but {found} weights")]
    Weights {
        /// Rows of the table.
        expected: usize,
        /// How many weights there are.
        found: usize,
    },
    /// An input or a target is a number that the model cannot take.
    #[error("{what} in row {row}, column {column}: expected {expected}, found {found}")]
    Value {
        /// Which table: `input` or `target`.
        what: &'static str,
        /// The row, 0-based.
        row: usize,
        /// The column, 0-based.
        column: usize,
        /// What would have been allowed.
        expected: &'static str,
        /// The number that was found.
        found: f32,
    },
    /// Numbers grew beyond 32 bits while fitting.
    #[error("the {what} grew beyond the range of 32-bit numbers")]
    Overflow {
        /// What overflowed.
        what: &'static str,
    },
    /// A column was asked for that the model does not have.
    #[error("column {column} was asked for, the model has {columns} columns")]
    NoColumn {
        /// The column, 0-based.
        column: usize,
        /// Columns of the model.
        columns: usize,
    },
    /// A result would take more memory than was allowed.
    #[error("the {what} need {needed} bytes, at most {limit} are allowed")]
    Memory {
        /// What would take it.
        what: &'static str,
        /// How many bytes it would take.
        needed: u128,
        /// How many bytes are allowed.
        limit: usize,
    },
    /// A model file departs from the format that its first bytes announce.
    #[error("{place}: expected {expected}, found {found}")]
    MalformedFile {
        /// Where: a byte, or the way through the document.
        place: String,
        /// What should stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A model file is of none of the formats that its first bytes leave possible.
    #[error("no model of XGBoost's, but {begins}{}", reasons(tried))]
    NoFormat {
        /// What the file begins with.
        begins: String,
        /// The formats that were tried, and why it is not of them.
        tried: Vec<(&'static str, Error)>,
    },
    /// A target to classify has one class only.
    #[error("target {target} is {found} in all training rows, a classifier needs both 0 and 1")]
    OneClass {
        /// The target, 0-based.
        target: usize,
        /// The class of all rows.
        found: f32,
    },
    /// An iterative fit used up its steps.
    #[error(
        "target {target}: a relative gap of {gap:e} is left after {steps} steps, {tolerance:e} was asked for"
    )]
    NotConverged {
        /// The target, 0-based.
        target: usize,
        /// The steps that were made.
        steps: usize,
        /// How far from solved the fit still is, in the unit of `tolerance`.
        gap: f64,
        /// At what it would have stopped.
        tolerance: f64,
    },
    /// linfa, or a dataset of it, is at odds with the booster.
    #[error("linfa: {reason}")]
    Linfa {
        /// What linfa says.
        reason: String,
    },
    /// A stored model contradicts itself.
    #[error("tree {tree}, node {node}: expected {expected}, found {found}")]
    MalformedTree {
        /// The tree, 0-based.
        tree: usize,
        /// The node of that tree, 0-based.
        node: usize,
        /// What the node should hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
    /// A stored model has parts that do not fit together.
    #[error("stored {what}: expected {expected}, found {found}")]
    MalformedModel {
        /// Which part is off.
        what: &'static str,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
}

/// Says of each format why a file is not of it.
fn reasons(tried: &[(&'static str, Error)]) -> String {
    let reasons = tried.iter();
    reasons
        .map(|(format, error)| format!("; as {format}: {error}"))
        .collect()
}

/// The result of a fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Counts the row of a value from the beginning of a table of which a part was looked at.
    pub(crate) fn in_later_row(mut self, rows_before: usize) -> Self {
        if let Self::Value { row, .. } = &mut self {
            *row += rows_before;
        }
        self
    }
}

impl From<Error> for chromex_core::Error {
    fn from(error: Error) -> Self {
        Self::stage("boosting", error)
    }
}
