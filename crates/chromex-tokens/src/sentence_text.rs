use std::io::{BufRead, BufReader};
use std::path::Path;

use chromex_core::View;

use crate::{Error, MarkAlphabet, MarkSentences, Result};

/// Tells how a text of mark sentences is laid out. The published format names no marks: which letter of a word is of which mark is
/// the order of the windows that it was made of, and whoever reads it must know that.
///
/// # Examples
///
/// ```
/// # use chromex_tokens::{MarkAlphabet, MarkSentences, SentenceText};
/// let published = SentenceText { suffix: " <mask>".into(), ..SentenceText::default() };
/// let sentences = MarkSentences::parse("lllll mmmmm <mask>\n", &MarkAlphabet::default(), &published)?;
/// assert_eq!(sentences.text(0, 0), "lllll mmmmm");
/// # Ok::<(), chromex_tokens::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentenceText {
    /// Which part of a row the text describes.
    pub view: View,
    /// What every line ends in after its last word: ` <mask>` in the published prompts.
    pub suffix: String,
}

/// The only part of a row, without a suffix.
impl Default for SentenceText {
    fn default() -> Self {
        Self {
            view: View::Whole,
            suffix: String::new(),
        }
    }
}

impl MarkSentences {
    /// Reads a text of one sentence per line, all of the same number of words.
    ///
    /// # Errors
    ///
    /// [`Error::Sentence`] with line and column when a word has other letters or another length,
    /// when words are not parted by single spaces, when a line has more or fewer words than the
    /// first, or when it lacks the suffix.
    pub fn parse(text: &str, alphabet: &MarkAlphabet, layout: &SentenceText) -> Result<Self> {
        let mut parser = Parser::new(alphabet, &layout.suffix);
        for line in text.lines() {
            parser.line(line)?;
        }
        Ok(parser.finish(layout.view))
    }

    /// Reads a file of one sentence per line, without holding its text in memory.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the file cannot be opened; [`Error::File`] when it cannot be read through
    /// or does not [`parse`](Self::parse).
    pub fn read(path: &Path, alphabet: &MarkAlphabet, layout: &SentenceText) -> Result<Self> {
        let file = chromex_core::input::open(path).map_err(|source| Error::Io {
            action: "open",
            path: path.into(),
            source,
        })?;
        Self::read_lines(BufReader::new(file), alphabet, layout).map_err(|error| Error::File {
            path: path.into(),
            source: Box::new(error),
        })
    }

    fn read_lines(
        reader: impl BufRead,
        alphabet: &MarkAlphabet,
        layout: &SentenceText,
    ) -> Result<Self> {
        let mut parser = Parser::new(alphabet, &layout.suffix);
        for line in reader.lines() {
            let line = line.map_err(|source| Error::Line {
                line: parser.rows + 1,
                source,
            })?;
            parser.line(&line)?;
        }
        Ok(parser.finish(layout.view))
    }
}

struct Parser<'a> {
    alphabet: &'a MarkAlphabet,
    suffix: &'a str,
    codes: Vec<u16>,
    rows: usize,
    words: usize,
}

impl<'a> Parser<'a> {
    fn new(alphabet: &'a MarkAlphabet, suffix: &'a str) -> Self {
        Self {
            alphabet,
            suffix,
            codes: Vec::new(),
            rows: 0,
            words: 0,
        }
    }

    fn line(&mut self, line: &str) -> Result<()> {
        let number = self.rows + 1;
        let error = |at: usize, expected: String, found: &str| Error::Sentence {
            line: number,
            column: line[..at].chars().count() + 1,
            expected,
            found: shown(found),
        };
        let Some(words) = line.strip_suffix(self.suffix) else {
            let at = line.rfind(' ').unwrap_or(0);
            let expected = format!("the line to end in `{}`", self.suffix);
            return Err(error(at, expected, &line[at..]));
        };
        let before = self.codes.len();
        let mut at = 0;
        for word in words.split(' ') {
            let code = self.alphabet.code(word).ok_or_else(|| {
                let (marks, letters) = (self.alphabet.marks(), self.alphabet.letters());
                error(
                    at,
                    format!("a word of {marks} letters of `{letters}`"),
                    word,
                )
            })?;
            self.codes.push(code);
            at += word.len() + 1;
        }
        let found = self.codes.len() - before;
        if self.rows == 0 {
            self.words = found;
        } else if found != self.words {
            let expected = format!("{} words, as in line 1", self.words);
            return Err(error(words.len(), expected, &format!("{found} words")));
        }
        self.rows += 1;
        Ok(())
    }

    fn finish(self, view: View) -> MarkSentences {
        let (views, alphabet) = (vec![view], self.alphabet.clone());
        MarkSentences::from_codes(self.codes, self.rows, self.words, views, alphabet)
    }
}

/// Quotes what was found, cut short where it is long.
fn shown(found: &str) -> String {
    match found.char_indices().nth(40) {
        Some((end, _)) => format!("`{}...`", &found[..end]),
        None => format!("`{found}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, suffix: &str) -> Result<MarkSentences> {
        let suffix = suffix.to_owned();
        let view = View::First;
        MarkSentences::parse(
            text,
            &MarkAlphabet::default(),
            &SentenceText { view, suffix },
        )
    }

    #[test]
    fn a_text_reads_back_as_it_was_written() {
        let sentences = parse("lllll hhhhh <mask>\r\nmmmmm lmhml <mask>", " <mask>").unwrap();
        assert_eq!(sentences.codes().dim(), (2, 1, 2));
        assert_eq!(sentences.views(), [View::First]);
        assert_eq!(sentences.text(1, 0), "mmmmm lmhml");
        assert_eq!(parse("", "").unwrap().codes().dim(), (0, 1, 0));
    }

    #[test]
    fn a_fault_is_named_by_line_and_column() {
        let message = |text, suffix| parse(text, suffix).unwrap_err().to_string();
        assert_eq!(
            message("lllll mmmmm\nlllll mmmmx\n", ""),
            "line 2, column 7: expected a word of 5 letters of `lmh`, found `mmmmx`"
        );
        assert_eq!(
            message("lllll  mmmmm\n", ""),
            "line 1, column 7: expected a word of 5 letters of `lmh`, found ``"
        );
        assert_eq!(
            message("lllll mmmmm\nlllll\n", ""),
            "line 2, column 6: expected 2 words, as in line 1, found `1 words`"
        );
        assert_eq!(
            message("lllll mmmmm\n", " <mask>"),
            "line 1, column 6: expected the line to end in ` <mask>`, found ` mmmmm`"
        );
        assert_eq!(
            message("ééééé lllll", ""),
            "line 1, column 1: expected a word of 5 letters of `lmh`, found `ééééé`"
        );
    }

    #[test]
    fn a_file_is_named_with_its_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("C1Train.csv");
        let read =
            || MarkSentences::read(&path, &MarkAlphabet::default(), &SentenceText::default());
        assert!(matches!(read(), Err(Error::Io { .. })));
        std::fs::write(&path, b"lllll\nlllll\n").unwrap();
        assert_eq!(read().unwrap().codes().dim(), (2, 1, 1));
        std::fs::write(&path, b"lllll\n\xff\n").unwrap();
        let error = read().unwrap_err();
        assert!(error.to_string().ends_with("C1Train.csv: read line 2"));
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "read line 2");
    }
}
