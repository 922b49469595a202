use std::path::PathBuf;

use parquet::errors::ParquetError;

/// Says what kept a run from being written down or read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that chromex-core writes or reads failed.
    #[error(transparent)]
    Core(#[from] chromex_core::Error),
    /// A file or folder could not be read or written.
    #[error("{action} {path}", path = path.display())]
    Io {
        /// What was being done, as a verb: "read", "create", "write into".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The folder of a new run holds something already.
    #[error("{path} is not empty: go on with the run in it by --resume, or name another folder by --out", path = path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// Another process writes into the folder.
    #[error("{path} is in use by another process: wait for it to end, or name another folder by --out", path = path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A link stands where a run has a file or a folder.
    #[error("{path} is a symbolic link, and a run writes through none: put the folder itself there, or name another", path = path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A file is not a Parquet file, or a damaged one.
    #[error("read {path} as parquet", path = path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Where it departs from the format.
        source: ParquetError,
    },
    /// A column of a table of predictions is missing or of another type.
    #[error("{path}, column `{column}`: expected {expected}, found {found}", path = path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column's name.
        column: &'static str,
        /// The type it should have.
        expected: &'static str,
        /// The type it has.
        found: String,
    },
    /// A value of a table of predictions contradicts the rows before it.
    #[error("{path}, row {row}, column `{column}`: expected {expected}, found {found}", path = path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The row, 0-based.
        row: u64,
        /// The column's name.
        column: &'static str,
        /// What would have been allowed.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// A small file unfolds to more than any table of predictions of its size would.
    #[error("{path} unfolds to more than {limit} bytes", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many bytes a file of this size may unfold to.
        limit: u64,
    },
    /// A record of predictions cannot be told apart from another, or its parts disagree in length.
    #[error(
        "predictions of `{model}`, fold `{fold}`, seed {seed}: expected {expected}, found {found}"
    )]
    Record {
        /// The model's name.
        model: String,
        /// The fold's name.
        fold: String,
        /// The seed of the fit.
        seed: u64,
        /// What a record must have.
        expected: &'static str,
        /// What it has.
        found: String,
    },
    /// A plot could not be drawn.
    #[error("draw {plot}")]
    Draw {
        /// Which plot.
        plot: &'static str,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Error> for chromex_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Core(error) => error,
            other => Self::stage("report", other),
        }
    }
}
