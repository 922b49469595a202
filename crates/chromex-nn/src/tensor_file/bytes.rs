//! Bytes of a pickle, read one after the other.

use super::pickle::{Step, Value};

/// The bytes of a pickle and how far they are read.
pub(super) struct Bytes<'a> {
    pub(super) all: &'a [u8],
    pub(super) at: usize,
}

/// The most digits of a number that is written as text.
pub(super) const LONGEST_NUMBER: usize = 40;

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, count: usize) -> Step<&'a [u8]> {
        let left = &self.all[self.at..];
        match left.get(..count) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => Err((
                "bytes that the pickle says it has",
                format!("{} of {count}", left.len()),
            )),
        }
    }

    pub(super) fn byte(&mut self) -> Step<u8> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn unsigned(&mut self, count: usize) -> Step<u64> {
        let mut all = [0; 8];
        all[..count].copy_from_slice(self.take(count)?);
        Ok(u64::from_le_bytes(all))
    }

    /// Passes over bytes whose length comes first.
    pub(super) fn skip(&mut self, length: usize) -> Step<Value> {
        let length = self.unsigned(length)?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        Ok(Value::Other)
    }

    /// A line of text, shortened to what tells that it is too long.
    pub(super) fn line(&mut self, longest: usize) -> Step<String> {
        let line = String::from_utf8_lossy(self.raw_line()?);
        Ok(line.chars().take(longest + 1).collect())
    }

    pub(super) fn raw_line(&mut self) -> Step<&'a [u8]> {
        let left = &self.all[self.at..];
        let end = left.iter().position(|&byte| byte == b'\n');
        let line = self.take(end.ok_or(("a line", "the end".to_owned()))?)?;
        self.at += 1;
        // As a system of other line ends wrote it.
        Ok(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// A line of decimal digits.
    pub(super) fn number(&mut self) -> Step<u32> {
        let line = self.line(LONGEST_NUMBER)?;
        line.parse().map_err(|_| ("a number", format!("`{line}`")))
    }
}
