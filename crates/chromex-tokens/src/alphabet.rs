use std::fmt;
use std::sync::Arc;

use crate::{Error, Result};

/// Spells a bin's marks as a word: one letter per mark, in the marks' order, by the level of its
/// signal.
///
/// Three levels are `l`, `m`, `h` (and two are `l`, `m`); more are `a`, `b`, `c` and so on. A
/// word's code counts in the base of the levels, the first mark being the highest digit, so that
/// five marks of three levels have the 243 codes from `lllll` = 0 to `hhhhh` = 242.
///
/// # Examples
///
/// ```
/// let alphabet = chromex_tokens::MarkAlphabet::new(5, 3)?;
/// assert_eq!(alphabet.words(), 243);
/// assert_eq!(alphabet.word(5), "lllmh");
/// assert_eq!(alphabet.code("lllmh"), Some(5));
/// # Ok::<(), chromex_tokens::Error>(())
/// ```
#[derive(Clone)]
pub struct MarkAlphabet {
    marks: usize,
    levels: usize,
    /// Every word, one after the other.
    spelled: Arc<str>,
    /// What each byte adds to the code when it stands at each mark.
    places: Arc<[[u32; 256]]>,
}

/// More than every code: a letter that the alphabet lacks adds this.
const NO_LETTER: u32 = 1 << 20;

impl MarkAlphabet {
    /// Describes the words of `marks` marks with `levels` levels each.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there is no mark, when the levels are not 2 to 26, or when there are
    /// more than 65,536 words.
    pub fn new(marks: usize, levels: usize) -> Result<Self> {
        let setting = |name, expected: &str, found: String| Error::Setting {
            name,
            expected: expected.to_owned(),
            found,
        };
        if !(2..=26).contains(&levels) {
            return Err(setting("levels", "2 to 26 levels", levels.to_string()));
        }
        let words = u32::try_from(marks)
            .ok()
            .filter(|&marks| marks > 0)
            .and_then(|marks| levels.checked_pow(marks))
            .filter(|&words| words <= 1 << 16)
            .ok_or_else(|| {
                let found = format!("{marks} marks of {levels} levels");
                setting("marks", "1 mark or more and at most 65536 words", found)
            })?;
        let letters = letters(levels).as_bytes();
        let mut places = vec![[NO_LETTER; 256]; marks];
        let mut worth = words;
        for place in &mut places {
            worth /= levels;
            for (level, &letter) in letters.iter().enumerate() {
                place[usize::from(letter)] = (level * worth) as u32;
            }
        }
        let mut spelled = String::with_capacity(words * marks);
        for code in 0..words {
            let mut worth = words;
            for _ in 0..marks {
                worth /= levels;
                spelled.push(char::from(letters[code / worth % levels]));
            }
        }
        Ok(Self {
            marks,
            levels,
            spelled: spelled.into(),
            places: places.into(),
        })
    }

    /// Counts the marks, which is the number of letters of a word.
    pub fn marks(&self) -> usize {
        self.marks
    }

    /// Counts the levels of a mark.
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// Counts the words that can be spelt.
    pub fn words(&self) -> usize {
        self.spelled.len() / self.marks
    }

    /// Lists the letters, lowest level first.
    pub fn letters(&self) -> &'static str {
        letters(self.levels)
    }

    /// Spells a word.
    ///
    /// # Panics
    ///
    /// When the code is not below [`words`](Self::words).
    pub fn word(&self, code: u16) -> &str {
        let start = usize::from(code) * self.marks;
        &self.spelled[start..start + self.marks]
    }

    /// Reads a word; gives nothing when its length or one of its letters is off.
    pub fn code(&self, word: &str) -> Option<u16> {
        self.code_of_bytes(word.as_bytes())
    }

    /// Puts the levels of a bin's marks together, first mark first.
    ///
    /// # Panics
    ///
    /// When a level is not below [`levels`](Self::levels).
    pub fn code_of_levels(&self, levels: impl IntoIterator<Item = u8>) -> u16 {
        levels.into_iter().fold(0, |code, level| {
            let level = usize::from(level);
            assert!(level < self.levels, "level {level} of {}", self.levels);
            code * self.levels as u16 + level as u16
        })
    }

    /// Takes a word apart into its marks' levels, first mark first.
    pub fn levels_of(&self, code: u16) -> impl Iterator<Item = u8> + use<> {
        let levels = self.levels;
        let mut worth = self.words();
        (0..self.marks).map(move |_| {
            worth /= levels;
            (usize::from(code) / worth % levels) as u8
        })
    }

    #[inline]
    pub(crate) fn code_of_bytes(&self, word: &[u8]) -> Option<u16> {
        if word.len() != self.marks {
            return None;
        }
        let code: u32 = word
            .iter()
            .zip(self.places.iter())
            .map(|(&letter, place)| place[usize::from(letter)])
            .sum();
        (code < NO_LETTER).then_some(code as u16)
    }
}

/// Five marks of three levels, as in GeneGPT-2.
impl Default for MarkAlphabet {
    fn default() -> Self {
        Self::new(5, 3).expect("243 words are few enough")
    }
}

impl PartialEq for MarkAlphabet {
    fn eq(&self, other: &Self) -> bool {
        (self.marks, self.levels) == (other.marks, other.levels)
    }
}

impl Eq for MarkAlphabet {}

impl fmt::Debug for MarkAlphabet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MarkAlphabet")
            .field("marks", &self.marks)
            .field("letters", &self.letters())
            .finish_non_exhaustive()
    }
}

fn letters(levels: usize) -> &'static str {
    match levels {
        ..=3 => &"lmh"[..levels],
        _ => &"abcdefghijklmnopqrstuvwxyz"[..levels],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for (marks, levels) in [(1, 2), (5, 3), (7, 4), (10, 3), (16, 2), (3, 26)] {
            let alphabet = MarkAlphabet::new(marks, levels).unwrap();
            assert_eq!(alphabet.words(), levels.pow(marks as u32));
            for code in 0..alphabet.words() {
                let code = code as u16;
                assert_eq!(alphabet.code(alphabet.word(code)), Some(code));
                assert_eq!(alphabet.code_of_levels(alphabet.levels_of(code)), code);
            }
        }
    }

    #[test]
    fn the_first_mark_is_the_highest_digit() {
        let alphabet = MarkAlphabet::default();
        assert_eq!(alphabet.word(0), "lllll");
        assert_eq!(alphabet.word(2 * 81 + 1), "hlllm");
        assert_eq!(alphabet.code_of_levels([2, 0, 0, 0, 1]), 163);
        assert_eq!(alphabet.levels_of(163).collect::<Vec<_>>(), [2, 0, 0, 0, 1]);
    }

    #[test]
    fn other_letters_and_lengths_have_no_code() {
        let alphabet = MarkAlphabet::default();
        for word in [
            "", "llll", "llllll", "lllla", "LLLLL", "llll ", "lllé", "xxxxx",
        ] {
            assert_eq!(alphabet.code(word), None, "{word:?}");
        }
    }

    #[test]
    fn alphabets_without_marks_or_with_too_many_words_are_refused() {
        for (marks, levels) in [(0, 3), (11, 3), (5, 1), (5, 27), (17, 2), (usize::MAX, 3)] {
            assert!(
                MarkAlphabet::new(marks, levels).is_err(),
                "{marks} {levels}"
            );
        }
    }
}
