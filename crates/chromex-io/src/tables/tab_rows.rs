use std::path::Path;

use super::fields;
use crate::error::quoted;
use crate::lines::Lines;
use crate::{Error, Result};

/// The longest line: a gene with its promoter and the signal of its marks.
const LONGEST_LINE_BYTES: usize = 1 << 20;

/// A text of lines whose fields are parted by tabs, packed or not, in which columns are known by their places.
///
/// # Examples
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("levels.tsv");
/// # std::fs::write(&path, "E1\t3.5\nE2\n").unwrap();
/// let mut rows = chromex_io::TabRows::open(&path)?;
/// assert!(rows.advance()?);
/// assert_eq!((rows.text(0)?, rows.number(1)?), ("E1", 3.5));
/// assert!(rows.advance()?);
/// assert!(rows.number(1).unwrap_err().to_string().ends_with("levels.tsv: line 2: expected 2 columns or more, found 1"));
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub struct TabRows {
    lines: Lines,
}

impl std::fmt::Debug for TabRows {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TabRows").finish_non_exhaustive()
    }
}

impl TabRows {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let lines = Lines::open_metered(path, LONGEST_LINE_BYTES, Default::default())?;
        Ok(Self { lines })
    }

    /// Goes to the next line; false at the end of the file. Every line is taken to be kept.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Damaged`] when the file cannot be read, [`Error::Table`] at a line that is too long,
    /// [`Error::TooLarge`] and [`Error::Unpacks`] when a small file holds too much.
    pub fn advance(&mut self) -> Result<bool> {
        let more = self.lines.advance()?;
        self.lines.hold(self.lines.line().len() + 64)?;
        Ok(more)
    }

    /// Counts the lines up to this one.
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    /// Counts the fields of the line.
    pub fn columns(&self) -> usize {
        self.lines.line().split(|&byte| byte == b'\t').count()
    }

    /// Views a field, by its place from 0.
    ///
    /// # Errors
    ///
    /// [`Error::Table`] when the line has not so many, or the field is not UTF-8.
    pub fn text(&self, column: usize) -> Result<&str> {
        let field = self.lines.line().split(|&byte| byte == b'\t').nth(column);
        let field = field.ok_or_else(|| {
            let expected = format!("{} columns or more", column + 1);
            self.lines.error(None, expected, self.columns().to_string())
        })?;
        std::str::from_utf8(field).map_err(|_| self.refuse(column, "UTF-8 text", field))
    }

    /// Reads a field as a number, by its place from 0.
    ///
    /// # Errors
    ///
    /// Those of [`text`](Self::text), and when it is no number.
    pub fn number(&self, column: usize) -> Result<f64> {
        let field = self.text(column)?;
        fields::number(field.trim())
            .ok_or_else(|| self.refuse(column, "a number", field.as_bytes()))
    }

    /// Reads a field as bases of the IUPAC code, by its place from 0.
    ///
    /// # Errors
    ///
    /// Those of [`text`](Self::text), and at another letter.
    pub fn bases(&self, column: usize) -> Result<&str> {
        let field = self.text(column)?;
        match field.chars().all(crate::promoters::is_base) {
            true => Ok(field),
            false => Err(self.refuse(column, "letters of the IUPAC code", field.as_bytes())),
        }
    }

    /// Says what is wrong with a field, by its place from 0.
    pub fn refuse(&self, column: usize, expected: &str, found: &[u8]) -> Error {
        self.lines.error(Some(column + 1), expected, quoted(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_line_is_read_or_refused(text in "(\\PC|[\t\n]){0,60}", column in 0_usize..5) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.tsv");
            std::fs::write(&path, text).unwrap();
            let mut rows = TabRows::open(&path).unwrap();
            while rows.advance().unwrap() {
                let _ = (rows.text(column), rows.number(column));
                if let Ok(bases) = rows.bases(column) {
                    prop_assert!(bases.is_ascii());
                }
            }
        }
    }
}
