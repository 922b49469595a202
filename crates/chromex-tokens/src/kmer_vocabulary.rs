use std::collections::HashMap;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::Path;

use chromex_core::{Encode, Sequences, TokenIds, View, input};

use crate::{Error, Result};

/// The most bytes that are read of a vocabulary; that of 8-mers has half a million.
const MOST_BYTES: u64 = 4 << 20;

/// Encodes DNA as k-mers with the ids of a vocabulary: `[CLS]` and `[SEP]`, where it has them, around the k-mers of a sequence.
///
/// The first DNABERT reads such tokens (Ji et al. 2021, doi:10.1093/bioinformatics/btab083). A vocabulary is a text of a token
/// per line; the k-mers are its tokens of letters A, C, G and T alone. What is not in it, a k-mer with an unknown base among
/// them, is `[UNK]`.
///
/// # Examples
///
/// ```
/// let vocabulary = chromex_tokens::KmerVocabulary::parse("[PAD]\n[UNK]\nAA\nAC\nCA\n")?;
/// assert_eq!(vocabulary.length(), 2);
/// assert_eq!(vocabulary.encode_text("AACANA"), [2, 3, 4, 1, 1]);
/// # Ok::<(), chromex_tokens::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmerVocabulary {
    tokens: Vec<String>,
    ids: HashMap<String, u32>,
    length: usize,
    unknown: u32,
    /// Letters from one k-mer to the next: 1 for all that overlap, as published, the k-mer's length for those side by side.
    /// Letters at the end that fill no k-mer are left out.
    pub stride: NonZeroUsize,
}

/// The letters in the order of DNABERT's vocabulary.
const LETTERS: [char; 4] = ['A', 'T', 'C', 'G'];

impl KmerVocabulary {
    /// Makes DNABERT's vocabulary of k-mers: five special tokens, then all k-mers in the order of the letters A, T, C, G.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when k is not from 1 to 8.
    pub fn dnabert(k: usize) -> Result<Self> {
        if !(1..=8).contains(&k) {
            return Err(Error::Setting {
                name: "k",
                expected: "1 to 8 letters".into(),
                found: k.to_string(),
            });
        }
        let mut kmers = vec![String::new()];
        for _ in 0..k {
            let longer = |kmer: &String| LETTERS.map(|letter| format!("{kmer}{letter}"));
            kmers = kmers.iter().flat_map(longer).collect();
        }
        Self::parse(&format!(
            "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n{}",
            kmers.join("\n")
        ))
    }

    /// Reads a `vocab.txt`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be read; [`Error::File`] when it is larger than 4 MiB or no vocabulary of k-mers of one
    /// length.
    pub fn load(path: &Path) -> Result<Self> {
        let mut text = String::new();
        let read =
            input::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text));
        read.map_err(|source| Error::Io {
            action: "read",
            path: path.into(),
            source,
        })?;
        Self::parse(&text).map_err(|error| Error::File {
            path: path.into(),
            source: Box::new(error),
        })
    }

    /// Reads what [`load`](Self::load) reads from memory.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), without the file's name.
    pub fn parse(text: &str) -> Result<Self> {
        let found = text.len() as u64;
        if found > MOST_BYTES {
            let limit = MOST_BYTES;
            return Err(Error::TooLarge { limit, found });
        }
        let tokens: Vec<String> = text
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        let kmer =
            |token: &&String| !token.is_empty() && token.bytes().all(|b| b"ACGT".contains(&b));
        let wrong = |expected: &str, found: String| Error::Shape {
            what: "vocabulary",
            expected: expected.into(),
            found,
        };
        let length = tokens.iter().find(kmer).map_or(0, String::len);
        if let Some(other) = tokens
            .iter()
            .filter(kmer)
            .find(|token| token.len() != length)
        {
            return Err(wrong(
                "k-mers of one length",
                format!("{length} and {}", other.len()),
            ));
        }
        let mut ids = HashMap::with_capacity(tokens.len());
        for (id, token) in tokens.iter().enumerate() {
            if ids.insert(token.clone(), id as u32).is_some() {
                return Err(wrong(
                    "every token once",
                    format!("`{token}` again in line {}", id + 1),
                ));
            }
        }
        let unknown = ids.get("[UNK]").copied();
        match (length, unknown) {
            (1.., Some(unknown)) => Ok(Self {
                tokens,
                ids,
                length,
                unknown,
                stride: NonZeroUsize::MIN,
            }),
            _ => Err(wrong(
                "k-mers and `[UNK]`",
                format!("{} other tokens", tokens.len()),
            )),
        }
    }

    /// Counts the letters of a k-mer.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Counts the tokens.
    pub fn vocabulary_size(&self) -> usize {
        self.tokens.len()
    }

    /// Finds the id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.ids.get(token).copied()
    }

    /// Spells the token of an id.
    pub fn token(&self, id: u32) -> Option<&str> {
        self.tokens.get(id as usize).map(String::as_str)
    }

    /// Encodes a sequence; one that is shorter than a k-mer has no token. Nothing is added to it.
    pub fn encode_text(&self, sequence: &str) -> Vec<u32> {
        self.ids(sequence.as_bytes()).collect()
    }

    fn ids<'a>(&'a self, sequence: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
        let windows = sequence.windows(self.length).step_by(self.stride.get());
        windows.map(|kmer| {
            let known = std::str::from_utf8(kmer)
                .ok()
                .and_then(|kmer| self.id(kmer));
            known.unwrap_or(self.unknown)
        })
    }
}

impl Encode<Sequences> for KmerVocabulary {
    type Output = TokenIds;

    fn encode(&self, inputs: &Sequences) -> chromex_core::Result<TokenIds> {
        let (start, end) = (self.id("[CLS]"), self.id("[SEP]"));
        let (mut ids, mut ends) = (Vec::new(), vec![0]);
        for sequence in inputs.iter() {
            ids.extend(start);
            ids.extend(self.ids(sequence));
            ids.extend(end);
            ends.push(ids.len());
        }
        TokenIds::new(ids, ends, vec![View::Whole], self.tokens.len(), None)
    }
}

chromex_core::fit_by_copy!(KmerVocabulary: Sequences);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_encoded_as_their_letters() {
        let vocabulary = KmerVocabulary::parse("[UNK]\nACT\nCTG\nTGN\n").unwrap();
        let dna = Sequences::new(&["actg", "NACT"]).unwrap();
        let tokens = vocabulary.encode(&dna).unwrap();
        assert_eq!(
            (tokens.sentence(0, 0), tokens.sentence(1, 0)),
            (&[1, 2][..], &[0, 1][..])
        );
        assert_eq!(vocabulary.encode_text("AC"), [0_u32; 0]);
        assert_eq!(vocabulary.token(3), Some("TGN"));
    }

    #[test]
    fn k_mers_overlap_or_lie_side_by_side() {
        let sequences = Sequences::new(&["AAAAAC", "ANAAG", "", "AC"]).unwrap();
        let mut vocabulary = KmerVocabulary::dnabert(2).unwrap();
        let overlapping = vocabulary.encode(&sequences).unwrap();
        // AA is the first of the vocabulary, AC the third.
        assert_eq!(overlapping.sentence(0, 0), [2, 5, 5, 5, 5, 7, 3]);
        assert_eq!(overlapping.sentence(1, 0), [2, 1, 1, 5, 8, 3]);
        assert_eq!(overlapping.sentence(2, 0), [2, 3]);
        vocabulary.stride = NonZeroUsize::new(2).unwrap();
        let beside = vocabulary.encode(&sequences).unwrap();
        assert_eq!(beside.sentence(0, 0), [2, 5, 5, 7, 3]);
        assert!(KmerVocabulary::dnabert(0).is_err() && KmerVocabulary::dnabert(9).is_err());
    }

    #[test]
    fn texts_that_are_no_vocabulary_are_refused() {
        for text in [
            "",
            "[UNK]\n",
            "AA\nAC\n",
            "[UNK]\nAA\nAAA\n",
            "[UNK]\nAA\nAA\n",
        ] {
            assert!(KmerVocabulary::parse(text).is_err(), "{text:?}");
        }
    }
}
