use tokenizers::Tokenizer;

use crate::tokenizer::ids_of;
use crate::{MarkAlphabet, Result};

/// The ids of every mark word, at the start of a text and after a space.
#[derive(Clone, Debug)]
pub(crate) struct WordTable {
    alphabet: MarkAlphabet,
    first: Ids,
    spaced: Ids,
}

/// The ids of every word by its code. Most words are one token, which is looked up without a range.
#[derive(Clone, Debug)]
struct Ids {
    single: Vec<u32>,
    ids: Vec<u32>,
    ends: Vec<usize>,
}

/// Stands in `single` for words of several tokens, or none.
const SEVERAL: u32 = u32::MAX;

impl WordTable {
    pub(crate) fn new(tokenizer: &Tokenizer, alphabet: MarkAlphabet) -> Result<Self> {
        let first = Ids::new(tokenizer, &alphabet, "")?;
        let spaced = Ids::new(tokenizer, &alphabet, " ")?;
        Ok(Self {
            alphabet,
            first,
            spaced,
        })
    }

    pub(crate) fn alphabet(&self) -> &MarkAlphabet {
        &self.alphabet
    }

    /// Appends the ids of one word.
    #[inline]
    pub(crate) fn append(&self, code: u16, spaced: bool, ids: &mut Vec<u32>) {
        let words = if spaced { &self.spaced } else { &self.first };
        words.append(usize::from(code), ids);
    }

    /// Appends the ids of a sentence.
    pub(crate) fn append_sentence(&self, codes: &[u16], ids: &mut Vec<u32>) {
        if let [first, others @ ..] = codes {
            self.first.append(usize::from(*first), ids);
            for &code in others {
                self.spaced.append(usize::from(code), ids);
            }
        }
    }
}

impl Ids {
    fn new(tokenizer: &Tokenizer, alphabet: &MarkAlphabet, space: &str) -> Result<Self> {
        let mut table = Self {
            single: Vec::with_capacity(alphabet.words()),
            ids: Vec::new(),
            ends: Vec::with_capacity(alphabet.words()),
        };
        for code in 0..alphabet.words() {
            let ids = ids_of(tokenizer, &format!("{space}{}", alphabet.word(code as u16)))?;
            table.single.push(match ids[..] {
                [id] => id,
                _ => SEVERAL,
            });
            table.ids.extend(ids);
            table.ends.push(table.ids.len());
        }
        Ok(table)
    }

    #[inline]
    fn append(&self, code: usize, ids: &mut Vec<u32>) {
        let id = self.single[code];
        if id != SEVERAL {
            ids.push(id);
        } else {
            let start = code.checked_sub(1).map_or(0, |before| self.ends[before]);
            ids.extend_from_slice(&self.ids[start..self.ends[code]]);
        }
    }
}
