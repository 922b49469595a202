use chromex_core::{DnaWindows, Encode, Rows, TokenIds, View};

use crate::kmer_vocabulary::letters;
use crate::{BpeTokenizer, Error, Result};

/// Encodes sequences of DNA with a BPE vocabulary, between the special tokens that published models read.
///
/// # Examples
///
/// ```
/// use chromex_core::{DnaWindows, Encode};
/// use chromex_tokens::{Bpe, DnaTokens};
///
/// let tokenizer = Bpe::new(300).learn(["ACGTACGTACGT"])?;
/// let tokens = DnaTokens {
///     longest: 8,
///     ..DnaTokens::new(tokenizer)
/// };
/// let ids = tokens.encode(&DnaWindows::new(&["ACGTTTTTTTTTTTT"])?)?;
/// assert_eq!(ids.sentence(0, 0).len(), 8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DnaTokens {
    /// What encodes the letters; unknown bases are spelt N.
    pub tokenizer: BpeTokenizer,
    /// The id before every sequence, where there is one.
    pub start: Option<u32>,
    /// The id behind every sequence.
    pub end: Option<u32>,
    /// The most tokens of a sequence, special ones included.
    pub longest: usize,
    /// Which side of a longer sequence is left out.
    pub cut: Cut,
}

/// A side of a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// The first tokens are left out, so that what lies next to a gene behind them stays.
    First,
    /// The last tokens are left out, as published.
    #[default]
    Last,
}

impl DnaTokens {
    /// Encodes with a tokenizer and the `[CLS]` and `[SEP]` of its vocabulary, where it has them, up to 1,000 tokens.
    pub fn new(tokenizer: BpeTokenizer) -> Self {
        Self {
            start: tokenizer.id("[CLS]"),
            end: tokenizer.id("[SEP]"),
            tokenizer,
            longest: 1000,
            cut: Cut::default(),
        }
    }

    /// Encodes one sequence.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when no token fits between the special ones; [`Error::Tokenizer`] when the tokenizer lacks a
    /// token that the letters need.
    pub fn encode_text(&self, sequence: &str) -> Result<Vec<u32>> {
        let special = self.start.iter().count() + self.end.iter().count();
        let room = self.longest.checked_sub(special + 1).map(|room| room + 1);
        let Some(room) = room else {
            return Err(Error::Setting {
                name: "longest",
                expected: format!("more than the {special} special tokens"),
                found: self.longest.to_string(),
            });
        };
        let mut ids = self.tokenizer.encode_text(sequence)?;
        let over = ids.len().saturating_sub(room);
        match self.cut {
            Cut::First => drop(ids.drain(..over)),
            Cut::Last => ids.truncate(room),
        }
        let (start, end) = (self.start.into_iter(), self.end);
        Ok(start.chain(ids).chain(end).collect())
    }
}

impl Encode<DnaWindows> for DnaTokens {
    type Output = TokenIds;

    fn encode(&self, inputs: &DnaWindows) -> chromex_core::Result<TokenIds> {
        let (mut ids, mut ends) = (Vec::new(), vec![0]);
        for row in 0..inputs.len() {
            ids.extend(self.encode_text(&letters(inputs, row))?);
            ends.push(ids.len());
        }
        let vocabulary = self.tokenizer.vocabulary_size();
        TokenIds::new(ids, ends, vec![View::Whole], vocabulary, None)
    }
}

chromex_core::fit_by_copy!(DnaTokens: DnaWindows);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bpe;

    #[test]
    fn special_tokens_frame_what_fits() {
        let tokenizer = Bpe::new(257).learn(["ACGT"]).unwrap();
        let letter = |letter: &str| tokenizer.id(letter).unwrap();
        let mut tokens = DnaTokens::new(tokenizer.clone());
        assert_eq!((tokens.start, tokens.end), (None, None));
        (tokens.start, tokens.end, tokens.longest) = (Some(1), Some(2), 5);
        let (a, c, g) = (letter("A"), letter("C"), letter("G"));
        assert_eq!(tokens.encode_text("AC").unwrap(), [1, a, c, 2]);
        assert_eq!(tokens.encode_text("ACGAA").unwrap(), [1, a, c, g, 2]);
        tokens.cut = Cut::First;
        assert_eq!(tokens.encode_text("ACGAA").unwrap(), [1, g, a, a, 2]);
        tokens.longest = 2;
        assert!(tokens.encode_text("A").is_err());
    }
}
