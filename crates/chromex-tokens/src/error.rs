use std::path::PathBuf;

use chromex_core::View;

/// Says what kept chromatin from becoming tokens, with the values a reader needs to mend it.
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
    /// A batch has other extents than the step was made for.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// Which extent is off.
        what: &'static str,
        /// What was needed.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A window holds a number that is no count.
    #[error("row {row}, bin {bin}, {mark}: expected {expected}, found {found}")]
    Count {
        /// The row, 0-based.
        row: usize,
        /// The bin of the window, 0-based.
        bin: usize,
        /// The mark's name.
        mark: String,
        /// What would have been allowed.
        expected: &'static str,
        /// The number that was found.
        found: f32,
    },
    /// A sentence of a text does not consist of mark words.
    #[error("line {line}, column {column}: expected {expected}, found {found}")]
    Sentence {
        /// The line, 1-based.
        line: usize,
        /// The character of the line, 1-based.
        column: usize,
        /// What would have been allowed.
        expected: String,
        /// What was found.
        found: String,
    },
    /// Sentences lack a view that a step reads.
    #[error("no view of {expected:?} among {found:?}")]
    View {
        /// The views that were asked for.
        expected: Vec<View>,
        /// The views that the rows have.
        found: Vec<View>,
    },
    /// A file could not be read.
    #[error("{action} {path}", path = path.display())]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A line of a list of motifs has none.
    #[error("{path}: line {line}: expected a motif of the IUPAC code, of at most 64 letters, found `{found}`", path = path.display())]
    Motif {
        /// The file.
        path: PathBuf,
        /// The line, 1-based.
        line: usize,
        /// What stands there.
        found: String,
    },
    /// A line of a text could not be read.
    #[error("read line {line}")]
    Line {
        /// The line, 1-based.
        line: usize,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file was read but does not hold what it should.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// A tokenizer file is too large to be one.
    #[error("expected a tokenizer of at most {limit} bytes, found {found}")]
    TooLarge {
        /// The most bytes that are read.
        limit: u64,
        /// The bytes that the file has at least.
        found: u64,
    },
    /// A tokenizer file is not the JSON that it should be.
    #[error("not a BPE tokenizer")]
    Json {
        /// Where it departs from that.
        source: serde_json::Error,
    },
    /// A tokenizer file holds a tokenizer of another kind.
    #[error("expected a tokenizer of kind `BPE`, found `{found}`")]
    Kind {
        /// The kind that was found.
        found: String,
    },
    /// A token of a tokenizer file has an id that it cannot have.
    #[error("token `{token}`: expected an id of its own below {vocabulary}, found {found}")]
    TokenId {
        /// The token.
        token: String,
        /// How many tokens there are.
        vocabulary: usize,
        /// The id that was found.
        found: u32,
    },
    /// A merge of a tokenizer file names a token that does not exist.
    #[error("merge {merge}: expected tokens of the vocabulary, found `{found}`")]
    Merge {
        /// The merge, 0-based.
        merge: usize,
        /// What is not in the vocabulary.
        found: String,
    },
    /// A tokenizer file has a step that could bring the tokenizer library down.
    #[error("`{part}`: expected one of {expected:?}, found `{found}`")]
    Part {
        /// Which part of the file.
        part: &'static str,
        /// The kinds that are allowed.
        expected: &'static [&'static str],
        /// The kind that was found.
        found: String,
    },
    /// The tokenizer library refused.
    #[error("{action}")]
    Tokenizer {
        /// What was being done, as a verb.
        action: &'static str,
        /// Why it refused.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A corpus has more repetitions than a merge can count.
    #[error("expected at most {limit} repetitions of a pair of symbols, found {found}")]
    Corpus {
        /// The most that can be counted.
        limit: u64,
        /// How many there are.
        found: u64,
    },
    /// A type of `chromex-core` refused what was made, or its file could not be written.
    #[error(transparent)]
    Core(#[from] chromex_core::Error),
}

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Error> for chromex_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Core(error) => error,
            error => chromex_core::Error::stage("tokens", error),
        }
    }
}
