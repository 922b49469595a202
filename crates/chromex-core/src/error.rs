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
    #[error("{what}: expected at least one row, found none")]
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
    #[error(
        "no group named `{name}`{}; the keys have {}",
        nearest(name, known),
        listed(known)
    )]
    UnknownGroup {
        /// The group that was asked for.
        name: String,
        /// The groups that exist.
        known: Vec<String>,
    },
    /// A name that must be one of a list is not.
    #[error(
        "unknown {what} `{name}`{}; known: {}",
        nearest(name, known),
        listed(known)
    )]
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
    /// A step of a pipeline failed. Its message holds the causes as well, for the name of a step says nothing without them.
    #[error("{stage}: {}", chain(&**source))]
    Stage {
        /// The step, as a reader of the pipeline knows it.
        stage: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Names that a message lists; the others are counted.
const LISTED: usize = 10;
/// Letters of a name that a message shows.
const SHOWN: usize = 120;
/// How alike a name must be to be proposed for another, of 1.
const ALIKE: f64 = 0.85;

/// Tells an error with all its causes, in one line. What a cause says is left out where the error above it has said so already.
///
/// Programs print errors by it, and so does whatever keeps an error as text: no cause is lost on the way.
///
/// # Examples
///
/// ```
/// let inner = std::io::Error::other("the disk is full");
/// let error = chromex_core::Error::io("write", "fits.json", inner);
/// assert_eq!(chromex_core::chain(&error), "write fits.json: the disk is full");
/// ```
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !(message.ends_with(&text) || message.contains(&format!("{text}: "))) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = inner.source();
    }
    message
}

/// Lists names for a message: the first ten, each cut where it is long, and how many more there are.
///
/// # Examples
///
/// ```
/// let names: Vec<String> = (1..=12).map(|place| format!("s{place}")).collect();
/// let text = chromex_core::listed(&names);
/// assert_eq!(text, r#"["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", and 2 more]"#);
/// ```
pub fn listed<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> String {
    let mut names = names.into_iter();
    let mut shown: Vec<String> = names
        .by_ref()
        .take(LISTED)
        .map(|name| {
            let name = name.as_ref();
            match name.char_indices().nth(SHOWN) {
                None => format!("{name:?}"),
                Some((end, _)) => format!("{:?}", format!("{}...", &name[..end])),
            }
        })
        .collect();
    match names.count() {
        0 => {}
        more => shown.push(format!("and {more} more")),
    }
    format!("[{}]", shown.join(", "))
}

/// Proposes the known name that is most like an unknown one, where one is, as what an error ends in.
pub fn nearest(name: &str, known: &[impl AsRef<str>]) -> String {
    let alike = |other: &str| strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
    known
        .iter()
        .map(AsRef::as_ref)
        .filter(|other| other.len() <= 2 * SHOWN)
        .map(|other| (alike(other), other))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(share, _)| *share >= ALIKE && name.len() <= 2 * SHOWN)
        .map(|(_, other)| format!(" (did you mean `{other}`?)"))
        .unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_tells_every_cause_once() {
        let inner = Error::io("read", "a.json", std::io::Error::other("gone"));
        assert_eq!(chain(&inner), "read a.json: gone");
        let outer = Error::stage("fit `ridge`", inner);
        assert_eq!(outer.to_string(), "fit `ridge`: read a.json: gone");
        assert_eq!(chain(&outer), outer.to_string());
        let outermost = Error::stage("run", outer);
        assert_eq!(chain(&outermost), "run: fit `ridge`: read a.json: gone");
    }

    #[test]
    fn lists_end_after_ten_names_with_a_count_of_the_rest() {
        let known: Vec<String> = (0..17_382).map(|place| format!("GTEX-{place}")).collect();
        let error = Error::UnknownName {
            what: "sample",
            name: "GTEX-17l".into(),
            known: known.clone(),
        };
        let text = error.to_string();
        assert!(text.contains("did you mean `GTEX-17"), "{text}");
        assert!(
            text.ends_with("\"GTEX-9\", and 17372 more]") && text.len() < 300,
            "{text}"
        );
        let group = Error::UnknownGroup {
            name: "x".into(),
            known,
        };
        assert!(group.to_string().ends_with("and 17372 more]"));
        assert_eq!(listed(["a", "b"]), r#"["a", "b"]"#);
        assert_eq!(listed::<&str>([]), "[]");
        let long = "é".repeat(1000);
        assert_eq!(listed([long.as_str()]).chars().count(), 120 + 3 + 4);
    }
}
