use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use crate::budget::Budget;
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
    budget: Budget,
    /// What is taken to be kept of each line.
    kept: u64,
    /// Whether the line goes on behind what is viewed.
    continues: bool,
    /// Whether it began before what is viewed.
    went_on: bool,
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
        let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
        Ok(Self {
            path: path.to_owned(),
            reader,
            compression,
            line: Vec::new(),
            number: 0,
            longest,
            budget: Budget::new(path, bytes),
            kept: 0,
            continues: false,
            went_on: false,
        })
    }

    /// Takes room for so many bytes of each line from now on, for readers that keep something of all.
    pub(crate) fn keeping(mut self, bytes: usize) -> Self {
        self.kept = bytes as u64;
        self
    }

    /// Takes room for so many bytes that are kept of the file; every reader that keeps rows does so before.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<()> {
        self.budget.hold(bytes as u64)
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
        self.budget.hold(self.kept)?;
        self.cut_end();
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

    /// Goes to the next piece of a line, which has at most the longest length, or to the next line; false at the end of the file. Tells
    /// by [`is_start`](Self::is_start) whether a line begins with it.
    ///
    /// Lines that hold a chromosome need no memory of their own then.
    pub(crate) fn advance_piece(&mut self) -> Result<bool> {
        let went_on = self.continues;
        self.line.clear();
        let read = self
            .reader
            .by_ref()
            .take(self.longest as u64)
            .read_until(b'\n', &mut self.line)
            .map_err(|source| self.unreadable(source))?;
        // Both bytes of a line end belong to one piece.
        if self.line.last() == Some(&b'\r') {
            let next = self
                .reader
                .fill_buf()
                .map(|next| next.first() == Some(&b'\n'));
            if next.map_err(|source| self.unreadable(source))? {
                self.reader.consume(1);
                self.line.push(b'\n');
            }
        }
        self.continues = read > 0 && self.line.last() != Some(&b'\n');
        if !went_on || read == 0 {
            self.number += 1;
        }
        self.went_on = went_on && read > 0;
        self.cut_end();
        if self.number == 1 && !went_on && self.line.starts_with(b"\xef\xbb\xbf") {
            self.line.drain(..3);
        }
        Ok(read > 0)
    }

    /// Tells whether the piece is the first of its line.
    pub(crate) fn is_start(&self) -> bool {
        !self.went_on
    }

    fn cut_end(&mut self) {
        if self.line.pop_if(|byte| *byte == b'\n').is_some() {
            self.line.pop_if(|byte| *byte == b'\r');
        }
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
        self.error_at(self.number, column, expected, found)
    }

    /// Describes what is wrong with another line.
    pub(crate) fn error_at(
        &self,
        line: u64,
        column: Option<usize>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        Error::Table {
            path: self.path.clone(),
            line,
            column,
            expected: expected.into(),
            found: found.into(),
        }
    }

    fn unreadable(&self, source: std::io::Error) -> Error {
        if source.kind() == std::io::ErrorKind::FileTooLarge && source.raw_os_error().is_none() {
            let bytes = std::fs::metadata(&self.path).map_or(0, |file| file.len());
            return Error::Unpacks {
                path: self.path.clone(),
                limit: Budget::unpacked_limit(bytes),
                bytes,
            };
        }
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
    fn pieces_of_long_lines_are_the_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fa");
        std::fs::write(&path, ">a\nACGTACGTAC\r\nGGA\r\n\n>b\nTTTTTTTT").unwrap();
        let mut lines = Lines::open_metered(&path, 4, Meter::default()).unwrap();
        let mut whole: Vec<Vec<u8>> = Vec::new();
        while lines.advance_piece().unwrap() {
            assert!(lines.line().len() <= 4);
            match lines.is_start() {
                true => whole.push(lines.line().to_vec()),
                false => whole.last_mut().unwrap().extend_from_slice(lines.line()),
            }
        }
        let expected = [&b">a"[..], b"ACGTACGTAC", b"GGA", b"", b">b", b"TTTTTTTT"];
        assert_eq!(whole, expected);
        assert_eq!(lines.number(), 7);
    }

    #[test]
    fn a_file_that_unpacks_without_end_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zst");
        let line = [&[b'a'; 1 << 15][..], b"\n"].concat();
        compressed::write(&path, |file| {
            (0..10_000).try_for_each(|_| file.write_all(&line))
        })
        .unwrap();
        let bytes = std::fs::metadata(&path).unwrap().len();
        assert!(bytes < 1 << 17);
        let mut lines = Lines::open(&path).unwrap();
        let error = loop {
            match lines.advance() {
                Ok(more) => assert!(more, "the file has an end"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Unpacks { .. }), "{error:?}");
        assert!(lines.hold(256 << 20).is_ok());
        assert!(lines.hold(256 << 20).is_err());
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
