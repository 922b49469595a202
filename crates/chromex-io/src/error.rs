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
        "{path}: no chromosome of the windows ({windows}) is in the file ({file}): choose how names are joined",
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
    fn a_core_error_keeps_its_kind_on_the_way_back() {
        let error =
            chromex_core::Error::from(Error::from(chromex_core::Error::Empty { what: "x" }));
        assert!(matches!(error, chromex_core::Error::Empty { what: "x" }));
    }
}
