//! Text in chunks that a byte-level tokenizer encodes independently of each other.
//!
//! A byte-level tokenizer splits text by one regular expression before it merges:
//!
//! ```text
//! 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//! ```
//!
//! No match holds white space after something else, so that one always begins where a space follows
//! a visible character, and what comes before cannot change it: the expression looks ahead only. It
//! looks ahead of white space only, and a run of it never ends where such a chunk ends. Each chunk
//! is thus encoded as it would be in its place, and as chunks repeat, their ids can be kept. The
//! same holds around a line break that stands alone between visible characters.

use std::collections::HashMap;

use tokenizers::Tokenizer;

use crate::Result;
use crate::tokenizer::ids_of;
use crate::word_table::WordTable;

/// Finds where the chunk that begins at `start` ends.
///
/// With `at_line_breaks`, a line break ends a chunk as well. That is wrong for tokenizers that put
/// a space before a text's first word, since they would put one before the line break.
pub(crate) fn chunk_end(text: &[u8], start: usize, at_line_breaks: bool) -> usize {
    let ends = |pair: &[u8]| {
        pair[0].is_ascii_graphic() && (pair[1] == b' ' || (at_line_breaks && pair[1] == b'\n'))
    };
    let found = text[start..].windows(2).position(ends);
    found.map_or(text.len(), |position| start + position + 1)
}

/// Encodes text chunk by chunk: mark words by a table, others by the tokenizer, whose answers are
/// kept.
pub(crate) struct ChunkEncoder<'a> {
    tokenizer: &'a Tokenizer,
    table: &'a WordTable,
    at_line_breaks: bool,
    known: HashMap<Box<str>, Box<[u32]>>,
}

/// Bounds what a text without repetitions makes an encoder keep.
const MOST_KNOWN: usize = 4096;
const LONGEST_KNOWN: usize = 64;

impl<'a> ChunkEncoder<'a> {
    pub(crate) fn new(
        tokenizer: &'a Tokenizer,
        table: &'a WordTable,
        at_line_breaks: bool,
    ) -> Self {
        Self {
            tokenizer,
            table,
            at_line_breaks,
            known: HashMap::new(),
        }
    }

    /// Appends the ids of a text.
    pub(crate) fn encode(&mut self, text: &str, ids: &mut Vec<u32>) -> Result<()> {
        let bytes = text.as_bytes();
        let marks = self.table.alphabet().marks();
        let mut start = 0;
        while start < bytes.len() {
            let spaced = bytes[start] == b' ';
            let word = start + usize::from(spaced);
            let end = word + marks;
            if self.ends_word(bytes, end)
                && let Some(code) = self.table.alphabet().code_of_bytes(&bytes[word..end])
            {
                self.table.append(code, spaced, ids);
                start = end;
                continue;
            }
            let end = self.other_end(bytes, start);
            self.encode_other(&text[start..end], ids)?;
            start = end;
        }
        Ok(())
    }

    /// Tells whether a chunk ends at `end`, if a visible character stands before it.
    #[inline]
    fn ends_word(&self, text: &[u8], end: usize) -> bool {
        match text.get(end) {
            Some(b' ') => true,
            Some(b'\n') => self.at_line_breaks,
            Some(_) => false,
            None => text.len() == end,
        }
    }

    fn other_end(&self, text: &[u8], start: usize) -> usize {
        let alone = self.at_line_breaks
            && text[start] == b'\n'
            && text.get(start + 1).is_none_or(u8::is_ascii_graphic);
        match alone {
            true => start + 1,
            false => chunk_end(text, start, self.at_line_breaks),
        }
    }

    fn encode_other(&mut self, chunk: &str, ids: &mut Vec<u32>) -> Result<()> {
        if let Some(known) = self.known.get(chunk) {
            ids.extend_from_slice(known);
            return Ok(());
        }
        let encoded = ids_of(self.tokenizer, chunk)?;
        ids.extend_from_slice(&encoded);
        if chunk.len() <= LONGEST_KNOWN && self.known.len() < MOST_KNOWN {
            self.known.insert(chunk.into(), encoded.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(text: &str, at_line_breaks: bool) -> Vec<&str> {
        let mut chunks = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let end = chunk_end(text.as_bytes(), start, at_line_breaks);
            chunks.push(&text[start..end]);
            start = end;
        }
        chunks
    }

    #[test]
    fn a_chunk_begins_at_a_space_after_a_visible_character() {
        assert_eq!(chunks("lll mm <mask>", false), ["lll", " mm", " <mask>"]);
        assert_eq!(chunks("  a  b ", false), ["  a", "  b", " "]);
        assert_eq!(chunks("a\t b", false), ["a\t b"]);
        assert_eq!(chunks("é b\u{a0} c", false), ["é b\u{a0} c"]);
        assert_eq!(chunks("a\nb c", false), ["a\nb", " c"]);
        assert_eq!(chunks("a\nb c", true), ["a", "\nb", " c"]);
        assert_eq!(chunks("", true), [""; 0]);
    }
}
