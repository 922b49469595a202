use std::path::PathBuf;

/// Says what is wrong with a file or a setting, with the place and the values needed to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened or read.
    #[error("{action} {path}", path = path.display())]
    Io {
        /// What was being done, as a verb: "open", "read".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A compressed file is cut or was changed after it was packed.
    #[error("{path}: damaged {format} stream after line {line}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How the file is packed: "gzip" or "zstandard".
        format: &'static str,
        /// The last line that could be read whole, 1-based; 0 when there was none.
        line: u64,
        /// What the unpacker found.
        source: std::io::Error,
    },
    /// A table departs from its layout.
    #[error("{path}: line {line}{at}: expected {expected}, found {found}",
        path = path.display(), at = column.map(|c| format!(", column {c}")).unwrap_or_default())]
    Table {
        /// The file.
        path: PathBuf,
        /// The line, 1-based; one past the last when the table ends too early.
        line: u64,
        /// The field of the line, 1-based, when one field is at fault.
        column: Option<usize>,
        /// What the layout asks for.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A binary file is not what it should be.
    #[error("{path}: read as {format}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The format it should have: "BAM", "bigWig".
        format: &'static str,
        /// Where it departs from that.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A record of a binary file is not what it should be.
    #[error("{path}: record {record}: expected {expected}, found {found}", path = path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The record, from 1; counted from where a thread began where several read one file.
        record: u64,
        /// What would have been allowed.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A BAM or CRAM ends before the block that its writer puts at the end.
    #[error("{path}: cut short: the block that marks the end of the file is missing", path = path.display())]
    CutShort {
        /// The file.
        path: PathBuf,
    },
    /// A base of a genome is no letter of the IUPAC code.
    #[error("{path}: {contig}:{position}: expected a letter of the IUPAC code, found {found}", path = path.display())]
    Base {
        /// The file.
        path: PathBuf,
        /// The contig.
        contig: String,
        /// The base, from 1.
        position: u64,
        /// What stands there.
        found: String,
    },
    /// No chromosome of a file is one of the windows'.
    #[error(
        "{path}: no chromosome of the windows ({windows}) is in the file ({file}): choose how names are joined (--ignore-chr takes chr1 and 1 for the same), or take both of one assembly",
        path = path.display()
    )]
    Chromosomes {
        /// The file.
        path: PathBuf,
        /// Some chromosomes as the windows name them.
        windows: String,
        /// Some chromosomes as the file names them.
        file: String,
    },
    /// No gene of an annotation can have a window.
    #[error("{path}: no gene is left to lay windows around: {reasons}", path = path.display())]
    NoGenes {
        /// The annotation.
        path: PathBuf,
        /// Why each was left out.
        reasons: String,
    },
    /// A file of reads or signal holds nothing that could count.
    #[error("{path}: {what}; {advice}", path = path.display())]
    NoReads {
        /// The file.
        path: PathBuf,
        /// What is not there.
        what: String,
        /// What the two sides name, and what to do.
        advice: String,
    },
    /// An index does not belong to the file beside which it lies.
    #[error(
        "{path}: not the index of {alignments}: {found}; make it again (samtools index) or take it away, and all of the file is read",
        path = path.display(), alignments = alignments.display()
    )]
    Index {
        /// The index.
        path: PathBuf,
        /// The file that it should be of.
        alignments: PathBuf,
        /// Where the two differ.
        found: String,
    },
    /// A CRAM was packed against a reference that is not given, or not there.
    #[error("{path}: {found}; give the indexed FASTA that it was packed against (--reference FILE.fa, with FILE.fa.fai)", path = path.display())]
    NoReference {
        /// The CRAM.
        path: PathBuf,
        /// What is missing.
        found: String,
    },
    /// No gene that has a window has expression.
    #[error(
        "no gene of the windows is in the table of expression: the windows have {windows}, the table has {expression}; {advice}"
    )]
    NoJoin {
        /// Some ids of the windows.
        windows: String,
        /// Some ids of the table.
        expression: String,
        /// What to try.
        advice: String,
    },
    /// A gene that has windows has no expression.
    #[error("{path}: no count for gene `{gene}`", path = path.display())]
    MissingGene {
        /// The expression table.
        path: PathBuf,
        /// The gene.
        gene: String,
    },
    /// A gene has no part in a table of parts.
    #[error("{path}: no part for gene `{gene}`", path = path.display())]
    NoPart {
        /// The table.
        path: PathBuf,
        /// The gene.
        gene: String,
    },
    /// A cell lists other genes than the cells before it.
    #[error("{path}: cell {cell}, row {row}: expected {expected}, found {found}", path = path.display())]
    Genes {
        /// The file.
        path: PathBuf,
        /// The cell.
        cell: String,
        /// The row of the cell, 0-based.
        row: usize,
        /// The gene of the cells before.
        expected: String,
        /// The gene that stands there.
        found: String,
    },
    /// The side file of a table names other marks or bins than those that are asked for, or is that of another table.
    #[error("{path}: {why}", path = path.display())]
    Marks {
        /// The side file.
        path: PathBuf,
        /// What was expected and found, and what to do.
        why: String,
    },
    /// A folder lacks a table of the layout.
    #[error("{folder}{kind}: no file `{name}`, `{name}.gz` or `{name}.zst`", folder = folder.display(),
        kind = if folder.is_file() { " is a file where a folder is needed" } else { "" })]
    MissingTable {
        /// The folder that was searched.
        folder: PathBuf,
        /// The name of the table when it is not compressed.
        name: String,
    },
    /// A file could not be downloaded.
    #[error("download {url}")]
    Download {
        /// Where it should come from.
        url: String,
        /// Why it did not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was downloaded is not the file that was asked for.
    #[error("{what}: expected SHA-256 {expected}, found {found}")]
    Checksum {
        /// Where it came from.
        what: String,
        /// The checksum of the file.
        expected: String,
        /// The checksum of what came.
        found: String,
    },
    /// A file is not in the cache, and the network may not be used.
    #[error("{path} is not there with its checksum, and the network may not be used", path = path.display())]
    Offline {
        /// The file's place in the cache.
        path: PathBuf,
    },
    /// A column of a table is not what was asked for.
    #[error("{path}: column `{column}`: expected {expected}, found {found}", path = path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column, by its name.
        column: String,
        /// What would have been read.
        expected: String,
        /// What the column holds.
        found: String,
    },
    /// A value of a binary table is not what was asked for.
    #[error("{path}: row {row}, column `{column}`: expected {expected}, found {found}", path = path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// The row, from 1.
        row: u64,
        /// The column, by its name.
        column: String,
        /// What would have been allowed.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A file takes more memory than a file of its size may.
    #[error(
        "{path}: takes more than {limit} bytes of memory, the most for a file of {bytes} bytes: unpack or divide the file",
        path = path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes of memory.
        limit: u64,
        /// The bytes of the file on the disk.
        bytes: u64,
    },
    /// A packed file unpacks to more than real ones do.
    #[error(
        "{path}: unpacks to more than {limit} bytes, the most for {bytes} packed ones: unpack it with the program that packed it",
        path = path.display()
    )]
    Unpacks {
        /// The file.
        path: PathBuf,
        /// The most unpacked bytes.
        limit: u64,
        /// The bytes of the file on the disk.
        bytes: u64,
    },
    /// Rows, keys or settings do not fit together.
    #[error(transparent)]
    Core(#[from] chromex_core::Error),
}

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Error> for chromex_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Core(error) => error,
            error => Self::stage("data", error),
        }
    }
}

/// Lists names for a message: ten of them, and how many more there are.
pub(crate) fn listed(names: impl IntoIterator<Item: AsRef<str>>) -> String {
    const SHOWN: usize = 10;
    let mut names = names.into_iter();
    let shown: Vec<String> = names
        .by_ref()
        .take(SHOWN)
        .map(|name| quoted(name.as_ref().as_bytes()))
        .collect();
    match names.count() {
        0 if shown.is_empty() => "none".into(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Quotes what stands in a file: one line, printable, and short however long the field is.
pub(crate) fn quoted(field: &[u8]) -> String {
    const SHOWN: usize = 40;
    let start = &field[..field.len().min(SHOWN)];
    let text = String::from_utf8_lossy(start);
    let rest = if field.len() > SHOWN { "..." } else { "" };
    format!("`{}{rest}`", text.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_error_names_path_line_column_expected_and_found() {
        let mut error = Error::Table {
            path: "a.csv".into(),
            line: 7,
            column: Some(3),
            expected: "a number".into(),
            found: quoted(b"x\ty"),
        };
        assert_eq!(
            error.to_string(),
            "a.csv: line 7, column 3: expected a number, found `x\\ty`"
        );
        if let Error::Table { column, .. } = &mut error {
            *column = None;
        }
        assert!(error.to_string().starts_with("a.csv: line 7: expected"));
    }

    #[test]
    fn a_quoted_field_is_short_and_printable() {
        assert_eq!(quoted(&[b'a'; 100]).len(), 40 + 5);
        assert_eq!(quoted(b"\xff\n"), "`\u{fffd}\\n`");
    }

    #[test]
    fn of_many_names_ten_are_listed() {
        let names: Vec<String> = (0..17_382).map(|name| name.to_string()).collect();
        let text = listed(&names);
        assert!(text.starts_with("`0`, `1`, "), "{text}");
        assert!(text.ends_with("`9` and 17372 more"), "{text}");
        assert_eq!(listed(&names[..2]), "`0`, `1`");
        assert_eq!(listed(&names[..0]), "none");
    }

    #[test]
    fn a_core_error_keeps_its_kind_on_the_way_back() {
        let error =
            chromex_core::Error::from(Error::from(chromex_core::Error::Empty { what: "x" }));
        assert!(matches!(error, chromex_core::Error::Empty { what: "x" }));
    }
}
