use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use chromex_core::{DnaWindows, Encode, Rows, TokenIds, View};

use crate::{Error, Result};

/// The most bytes that are read of a vocabulary; that of 8-mers has half a million.
const MOST_BYTES: u64 = 4 << 20;

/// Encodes DNA as overlapping k-mers, a token from every base on, with the ids of a published vocabulary.
///
/// The first DNABERT reads such tokens. A vocabulary is a text of a token per line; the k-mers are its tokens of letters
/// A, C, G and T alone. What is not in it, a k-mer with an unknown base among them, is `[UNK]`.
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
}

impl KmerVocabulary {
    /// Reads a `vocab.txt`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be read; [`Error::File`] when it is larger than 4 MiB or no vocabulary of k-mers of one
    /// length.
    pub fn load(path: &Path) -> Result<Self> {
        let mut text = String::new();
        let read =
            File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text));
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
        let windows = sequence.as_bytes().windows(self.length);
        windows
            .map(|kmer| {
                let known = std::str::from_utf8(kmer)
                    .ok()
                    .and_then(|kmer| self.id(kmer));
                known.unwrap_or(self.unknown)
            })
            .collect()
    }
}

impl Encode<DnaWindows> for KmerVocabulary {
    type Output = TokenIds;

    fn encode(&self, inputs: &DnaWindows) -> chromex_core::Result<TokenIds> {
        let (mut ids, mut ends) = (Vec::new(), vec![0]);
        for row in 0..inputs.len() {
            ids.extend(self.encode_text(&letters(inputs, row)));
            ends.push(ids.len());
        }
        TokenIds::new(ids, ends, vec![View::Whole], self.tokens.len(), None)
    }
}

chromex_core::fit_by_copy!(KmerVocabulary: DnaWindows);

/// Spells a row, its unknown bases as N.
pub(crate) fn letters(dna: &DnaWindows, row: usize) -> String {
    let letter = |&code: &u8| {
        DnaWindows::BASES
            .get(usize::from(code))
            .copied()
            .unwrap_or(b'N')
    };
    let codes = dna.codes().row(row);
    codes.iter().map(|code| char::from(letter(code))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_encoded_as_their_letters() {
        let vocabulary = KmerVocabulary::parse("[UNK]\nACT\nCTG\nTGN\n").unwrap();
        let dna = DnaWindows::new(&["actg", "NACT"]).unwrap();
        let tokens = vocabulary.encode(&dna).unwrap();
        assert_eq!(
            (tokens.sentence(0, 0), tokens.sentence(1, 0)),
            (&[1, 2][..], &[0, 1][..])
        );
        assert_eq!(vocabulary.encode_text("AC"), [0_u32; 0]);
        assert_eq!(vocabulary.token(3), Some("TGN"));
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
