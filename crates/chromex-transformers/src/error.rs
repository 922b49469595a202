use std::path::PathBuf;

/// Says what went wrong in a transformer or its files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
    /// A sentence has fewer tokens than features are made of.
    #[error("row {row}, view {view}: expected at least {expected} tokens, found {found}")]
    ShortSentence {
        /// The row, 0-based.
        row: usize,
        /// The view, 0-based.
        view: usize,
        /// Tokens that are needed.
        expected: usize,
        /// Tokens that there are.
        found: usize,
    },
    /// The tokens lack a view that a language model should learn from.
    #[error("no view {view}; the tokens have {known}")]
    MissingView {
        /// The view that was asked for.
        view: String,
        /// The views that exist.
        known: String,
    },
    /// The stream of tokens is shorter than one window.
    #[error("the training tokens: expected more than {expected}, found {found}")]
    ShortStream {
        /// Tokens of a window.
        expected: usize,
        /// Tokens that there are.
        found: usize,
    },
    /// A configuration file could not be read.
    #[error("read {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A configuration file is not what it should be.
    #[error("{path}: expected {expected}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// Where it departs from that.
        source: serde_json::Error,
    },
    /// A configuration asks for a computation that the network does not have.
    #[error("{path}: `{field}`: expected {expected}, found {found}", path = path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The field of the file.
        field: &'static str,
        /// What the network can do.
        expected: &'static str,
        /// What the file asks for.
        found: String,
    },
    /// A configuration file describes a shape that no network can have.
    #[error("{path}: {source}", path = path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Which number is out of range.
        source: Box<chromex_nn::Error>,
    },
    /// The network could not be built, trained, read or written.
    #[error(transparent)]
    Network(#[from] chromex_nn::Error),
}

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Error> for chromex_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Network(error) => error.into(),
            error => Self::stage("transformer", error),
        }
    }
}
