use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};
use memchr::{memchr, memchr_iter};

use crate::error::quoted;
use crate::lines::Lines;
use crate::{Error, Result};

/// The longest line: some hundred thousand samples, or a gene with its promoter.
pub(super) const LONGEST_LINE_BYTES: usize = 1 << 22;
/// The most lines of a row whose quotes hold line ends. A quote that is never closed would hold the whole file.
const MOST_LINES: usize = 64;
/// Stands behind a row that is parsed; within it where a quote is open.
const BEHIND: &[u8] = b"\n\x01";

/// The rows of a delimited text, packed or not, with quotes as spreadsheets and R write them.
pub(super) struct Records {
    lines: Lines,
    separator: u8,
    /// The fields of the row one after the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The line on which the row begins.
    line: u64,
    /// Lines behind the header that are remarks.
    pub(super) remarks: u64,
}

impl Records {
    /// Opens a file behind so many lines.
    pub(super) fn open(path: &Path, separator: u8, skipped: u64) -> Result<Self> {
        let mut lines = Lines::open_metered(path, LONGEST_LINE_BYTES, Default::default())?;
        for _ in 0..skipped {
            lines.advance()?;
        }
        Ok(Self {
            line: lines.number(),
            lines,
            separator,
            bytes: Vec::new(),
            ends: Vec::new(),
            remarks: 0,
        })
    }

    /// Goes to the header, which a `#` may begin.
    pub(super) fn first(&mut self) -> Result<bool> {
        self.step(false)
    }

    /// Goes to the next row that has a field and is no remark; false at the end of the file.
    pub(super) fn advance(&mut self) -> Result<bool> {
        self.step(true)
    }

    fn step(&mut self, may_be_remark: bool) -> Result<bool> {
        loop {
            let more = self.lines.advance()?;
            self.line = self.lines.number();
            if !more {
                return Ok(false);
            }
            if may_be_remark && self.lines.line().starts_with(b"#") {
                self.remarks += 1;
                continue;
            }
            match memchr(b'"', self.lines.line()) {
                None => self.split(),
                Some(_) => self.unquote()?,
            }
            if (0..self.fields()).any(|place| !self.field(place).is_empty()) {
                return Ok(true);
            }
        }
    }

    fn split(&mut self) {
        let line = self.lines.line();
        self.bytes.clear();
        self.ends.clear();
        self.bytes.extend_from_slice(line);
        self.ends.extend(memchr_iter(self.separator, line));
        self.ends.push(line.len());
    }

    fn unquote(&mut self) -> Result<()> {
        let mut text = self.lines.line().to_vec();
        let mut record = ByteRecord::new();
        for _ in 0..MOST_LINES {
            let length = text.len();
            text.extend_from_slice(BEHIND);
            let mut reader = ReaderBuilder::new()
                .delimiter(self.separator)
                .has_headers(false)
                .flexible(true)
                .from_reader(&text[..]);
            let read = reader.read_byte_record(&mut record);
            read.map_err(|error| self.error(None, "a row of a table", error.to_string()))?;
            let is_open = record
                .iter()
                .next_back()
                .is_some_and(|last| last.ends_with(BEHIND));
            if !is_open {
                // Fields are kept as in a line, one byte between two.
                self.bytes.clear();
                self.ends.clear();
                for field in &record {
                    self.bytes.extend_from_slice(field);
                    self.ends.push(self.bytes.len());
                    self.bytes.push(0);
                }
                return Ok(());
            }
            text.truncate(length);
            if text.len() > LONGEST_LINE_BYTES || !self.lines.advance()? {
                break;
            }
            text.push(b'\n');
            text.extend_from_slice(self.lines.line());
        }
        Err(self.error(
            None,
            "quotes that are closed",
            "a quote that opens and does not close",
        ))
    }

    /// Counts the lines up to that on which the row begins; one past the last at the end.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Counts the fields of the row, without empty ones at the end beyond so many.
    pub(super) fn width(&self, known: usize) -> usize {
        let mut width = self.fields();
        while width > known && self.field(width - 1).is_empty() {
            width -= 1;
        }
        width
    }

    /// Counts the fields of the row.
    pub(super) fn fields(&self) -> usize {
        self.ends.len()
    }

    /// Views a field without white space around it; empty where there is none.
    pub(super) fn field(&self, place: usize) -> &[u8] {
        let Some(&end) = self.ends.get(place) else {
            return &[];
        };
        let start = match place {
            0 => 0,
            place => self.ends[place - 1] + 1,
        };
        self.bytes.get(start..end).unwrap_or_default().trim_ascii()
    }

    /// Views a field as text.
    pub(super) fn text(&self, place: usize) -> Result<&str> {
        let field = self.field(place);
        std::str::from_utf8(field).map_err(|_| self.error(Some(place), "UTF-8 text", quoted(field)))
    }

    /// Describes what is wrong with the row, in a column by its place from 0.
    pub(super) fn error(
        &self,
        place: Option<usize>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        self.lines
            .error_at(self.line, place.map(|place| place + 1), expected, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(text: &str) -> Result<Vec<(u64, Vec<String>)>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, text).unwrap();
        let mut records = Records::open(&path, b',', 0)?;
        let mut rows = Vec::new();
        while records.advance()? {
            let fields: Result<Vec<String>> = (0..records.fields())
                .map(|place| records.text(place).map(str::to_owned))
                .collect();
            rows.push((records.line(), fields?));
        }
        Ok(rows)
    }

    #[test]
    fn rows_have_the_lines_on_which_they_begin_whatever_lies_between() {
        let text = "a,b\n\n\"1\n2\", \"x,\"\"y\"\n,\n# no row\nc\"d,5\" e\n";
        for text in [text.to_owned(), text.replace('\n', "\r\n")] {
            let found = rows(&text).unwrap();
            let lines: Vec<u64> = found.iter().map(|(line, _)| *line).collect();
            assert_eq!(lines, [1, 3, 7]);
            assert_eq!(found[2].1, ["c\"d", "5\" e"]);
        }
        assert_eq!(
            rows("\"1\n2\",\"x,\"\"y\"").unwrap()[0].1,
            ["1\n2", "x,\"y"]
        );
    }

    #[test]
    fn a_quote_that_does_not_close_is_named_by_its_line() {
        let text = format!("a,b\n\"c,d\n{}", "e,f\n".repeat(100));
        let message = rows(&text).unwrap_err().to_string();
        assert!(
            message.ends_with("line 2: expected quotes that are closed, found a quote that opens and does not close"),
            "{message}"
        );
    }

    proptest! {
        #[test]
        fn fields_that_are_written_with_quotes_are_read(fields in prop::collection::vec("\\PC{0,8}", 1..6)) {
            let fields: Vec<&str> = fields.iter().map(|field| field.trim_matches(|c: char| c.is_ascii_whitespace())).collect();
            prop_assume!(fields.iter().any(|field| !field.is_empty()));
            let quoted: Vec<String> = fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
            let rows = rows(&format!("{}\n", quoted.join(","))).unwrap();
            prop_assert_eq!(&rows[0].1, &fields);
        }
    }
}
