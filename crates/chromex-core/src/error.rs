use std::path::PathBuf;

/// Says what went wrong in a chromex experiment, with the values a reader needs to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two batches that must have the same number of rows do not.
    #[error("{what}: expected {expected} rows, found {found}")]
    RowCount {
        /// Which batch is off.
        what: &'static str,
        /// Rows of the batch it must match.
        expected: usize,
        /// Rows that it has.
        found: usize,
    },
    /// An array has the wrong extent along an axis.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// Which array and axis is off.
        what: &'static str,
        /// The shape that was needed.
        expected: String,
        /// The shape that was found.
        found: String,
    },
    /// A batch has no rows where at least one is needed.
    #[error("{what} has no rows")]
    Empty {
        /// Which batch is empty.
        what: &'static str,
    },
    /// Two rows carry the same identifier.
    #[error("row id `{id}` stands twice, in rows {first} and {second}")]
    DuplicateId {
        /// The identifier.
        id: String,
        /// The earlier row, 0-based.
        first: usize,
        /// The later row, 0-based.
        second: usize,
    },
    /// A split or a bootstrap asks for a group that the keys do not have.
    #[error("no group named `{name}`; the keys have {known:?}")]
    UnknownGroup {
        /// The group that was asked for.
        name: String,
        /// The groups that exist.
        known: Vec<String>,
    },
    /// A name that must be one of a list is not.
    #[error("unknown {what} `{name}`; known: {known:?}")]
    UnknownName {
        /// What kind of thing is named.
        what: &'static str,
        /// The name that was given.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// A setting is outside its range.
    #[error("setting `{name}`: expected {expected}, found {found}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The range that is allowed.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// A row has a value that the step cannot take.
    #[error("row {row}: {what}: expected {expected}, found {found}")]
    Value {
        /// The row, 0-based.
        row: usize,
        /// Which value is off.
        what: &'static str,
        /// What would have been allowed.
        expected: &'static str,
        /// The value that was found.
        found: String,
    },
    /// A file or folder could not be read or written.
    #[error("{action} {path}", path = path.display())]
    Io {
        /// What was being done, as a verb: "read", "write", "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A text was to be a file's name, and cannot.
    #[error("{text:?} cannot name a file: expected {expected}")]
    FileName {
        /// The text.
        text: String,
        /// What a name is made of.
        expected: &'static str,
    },
    /// Something else than a file stands where one is to be written.
    #[error("{path} is {found}, and nothing is written through it: move it away or write elsewhere", path = path.display())]
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What stands there.
        found: &'static str,
    },
    /// A file that chromex wrote earlier does not read back.
    #[error("{path}: expected {expected}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// Where it departs from that.
        source: serde_json::Error,
    },
    /// The metric could not be scored or resampled.
    #[error("score `{metric}`")]
    Metric {
        /// The metric's name.
        metric: String,
        /// Why it failed.
        source: chromex_metrics::Error,
    },
    /// A step of a pipeline failed.
    #[error("{stage}")]
    Stage {
        /// The step, as a reader of the pipeline knows it.
        stage: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Wraps the error of a model or encoder crate, naming the step that failed.
    pub fn stage(
        stage: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Stage {
            stage: stage.into(),
            source: source.into(),
        }
    }

    /// Names the file or folder and the action of an I/O error.
    pub fn io(action: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io {
            action,
            path: path.into(),
            source,
        }
    }
}
