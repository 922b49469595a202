use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use crate::compressed::{self, Compression, Meter};
use crate::{Error, Result};

/// The longest line that is read: a thousand times that of any table, and little enough to hold.
pub(crate) const LONGEST_LINE_BYTES: usize = 1 << 16;

/// The lines of a plain or compressed text file, one at a time, in memory that does not grow with it.
pub(crate) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    compression: Compression,
    line: Vec<u8>,
    number: u64,
    longest: usize,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::open_metered(path, LONGEST_LINE_BYTES, Meter::default())
    }

    /// Opens a file whose lines may have so many bytes, and tells a meter how far it was read.
    pub(crate) fn open_metered(path: &Path, longest: usize, meter: Meter) -> Result<Self> {
        let opened = compressed::open_metered(path, meter);
        let (reader, compression) = opened.map_err(|source| Error::Io {
            action: "open",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            reader,
            compression,
            line: Vec::new(),
            number: 0,
            longest,
        })
    }

    /// Goes to the next line; false at the end of the file. The number is then one past the last line.
    ///
    /// Both line ends of text files are taken, and a last line without one.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        self.line.clear();
        let read = self
            .reader
            .by_ref()
            .take(self.longest as u64 + 2)
            .read_until(b'\n', &mut self.line)
            .map_err(|source| self.unreadable(source))?;
        self.number += 1;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
        }
        if self.number == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
            self.line.drain(..3);
        }
        if self.line.len() > self.longest {
            return Err(self.error(
                None,
                format!("a line of at most {} bytes", self.longest),
                "a longer one",
            ));
        }
        Ok(read > 0)
    }

    /// Views the line without its end.
    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Counts the lines up to this one.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Describes what is wrong with this line.
    pub(crate) fn error(
        &self,
        column: Option<usize>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        Error::Table {
            path: self.path.clone(),
            line: self.number,
            column,
            expected: expected.into(),
            found: found.into(),
        }
    }

    fn unreadable(&self, source: std::io::Error) -> Error {
        // What the system says about the disk is no fault of the stream.
        if self.compression == Compression::None || source.raw_os_error().is_some() {
            Error::Io {
                action: "read",
                path: self.path.clone(),
                source,
            }
        } else {
            Error::Damaged {
                path: self.path.clone(),
                format: self.compression.name(),
                line: self.number,
                source,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(content: &[u8]) -> Result<Vec<Vec<u8>>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, content).unwrap();
        let mut lines = Lines::open(&path)?;
        let mut all = Vec::new();
        while lines.advance()? {
            all.push(lines.line().to_vec());
        }
        assert_eq!(lines.number() as usize, all.len() + 1);
        Ok(all)
    }

    #[test]
    fn line_ends_of_all_systems_are_taken() {
        for content in ["a\nb\n", "a\nb", "a\r\nb\r\n", "\u{feff}a\nb\n"] {
            assert_eq!(lines(content.as_bytes()).unwrap(), [b"a", b"b"]);
        }
        assert_eq!(lines(b"\n").unwrap(), [b""]);
        assert!(lines(b"").unwrap().is_empty());
    }

    #[test]
    fn a_line_may_have_the_longest_length_and_no_more() {
        let mut content = vec![b'a'; LONGEST_LINE_BYTES];
        content.push(b'\n');
        assert_eq!(lines(&content).unwrap()[0].len(), LONGEST_LINE_BYTES);
        content.insert(0, b'a');
        let message = lines(&content).unwrap_err().to_string();
        assert!(
            message.ends_with("line 1: expected a line of at most 65536 bytes, found a longer one")
        );
    }
}
