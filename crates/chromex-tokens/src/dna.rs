use std::collections::HashMap;

use chromex_core::{Dataset, Encode, Fit, Sequences, TokenIds, View};
use serde::{Deserialize, Serialize};

use crate::long_words::{Merges, Room};
use crate::{Bpe, BpeTokenizer, Error, Result};

/// Learns byte-level BPE from sequences of DNA, and encodes each as `<s>`, its tokens, `</s>`; or encodes with a published
/// vocabulary.
///
/// A promoter is one word, which the general trainer and encoder go through again for every merge; here both follow the places
/// of pairs, with the same vocabulary, merges and ids.
///
/// # Examples
///
/// ```
/// use chromex_core::{Dataset, Encode, Fit, Sequences};
/// use chromex_tokens::DnaBpe;
/// let data = Dataset::unlabelled(Sequences::new(&["TATATA", "TATAAA", "GC"])?);
/// let learner = DnaBpe::new(264);
/// let tokens = learner.fit(&data, &data, 0)?.encode(&data.inputs)?;
/// assert_eq!(tokens.sentence(2, 0).len(), 4);
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DnaBpe {
    /// The number of ids at which merging ends, special tokens and bytes included.
    pub vocabulary: usize,
    /// The fewest times that a pair must stand to be merged.
    pub min_frequency: u64,
    /// The most tokens of a sequence, `<s>` and `</s>` included; none keeps all.
    pub length: Option<usize>,
    /// Which end of a longer sequence is kept.
    pub kept: KeptEnd,
}

/// Which end of a sequence is kept where it is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptEnd {
    /// The last tokens, next to the gene.
    Last,
    /// The first tokens, as in the published code, which cuts off what lies next to the gene.
    First,
}

/// Encodes sequences of DNA. Learned by [`DnaBpe`].
#[derive(Clone, Debug)]
pub struct DnaTokenizer {
    /// The tokenizer, to be saved for the Python library.
    pub tokenizer: BpeTokenizer,
    length: Option<usize>,
    kept: KeptEnd,
    /// The merges, where they alone decide the tokens.
    merges: Option<Merges>,
    /// The ids before and behind every sequence.
    ends: [u32; 2],
}

/// The special tokens in the order of their ids.
const SPECIAL: [&str; 5] = ["<s>", "</s>", "<pad>", "<unk>", "<mask>"];

impl Default for DnaBpe {
    /// CornBERT's: 5,000 and five special tokens, 256 of a sequence; of longer ones the end next to the gene.
    fn default() -> Self {
        Self {
            vocabulary: 5005,
            min_frequency: 2,
            length: Some(256),
            kept: KeptEnd::Last,
        }
    }
}

impl DnaBpe {
    /// Asks for another size of vocabulary.
    pub fn new(vocabulary: usize) -> Self {
        Self {
            vocabulary,
            ..Self::default()
        }
    }

    /// DNABERT-2's: 4,096 ids, 1,000 tokens of a sequence; of longer ones the beginning.
    pub fn dnabert2() -> Self {
        Self {
            vocabulary: 4096,
            length: Some(1000),
            kept: KeptEnd::First,
            ..Self::default()
        }
    }

    /// Cuts long sequences as the published code does, at the end next to the gene.
    pub fn faithful() -> Self {
        Self {
            kept: KeptEnd::First,
            ..Self::default()
        }
    }

    /// Learns a vocabulary.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when the vocabulary does not hold the bytes and special tokens, or the length not `<s>`, a token and
    /// `</s>`.
    pub fn learn(&self, sequences: &Sequences) -> Result<DnaTokenizer> {
        let mut counts: HashMap<&[u8], u64> = HashMap::new();
        for sequence in sequences.iter() {
            *counts.entry(sequence).or_default() += 1;
        }
        let mut words: Vec<(&[u8], u64)> = counts.into_iter().collect();
        words.sort_unstable();
        let bpe = Bpe {
            vocabulary: self.vocabulary,
            min_frequency: self.min_frequency,
            special_tokens: SPECIAL.map(str::to_owned).to_vec(),
            suffix: String::new(),
            ..Bpe::default()
        };
        self.with(bpe.learn_long_words(&words)?)
    }

    /// Encodes with a tokenizer that was learned before, such as a published one: `<s>` and `</s>` stand around a sequence, or
    /// `[CLS]` and `[SEP]` where the vocabulary has these.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when it has neither, or the length is too short.
    pub fn with(&self, tokenizer: BpeTokenizer) -> Result<DnaTokenizer> {
        let setting = |name, expected: &str, found: String| Error::Setting {
            name,
            expected: expected.into(),
            found,
        };
        if let Some(length) = self.length.filter(|&length| length < 3) {
            return Err(setting("length", "at least 3 tokens", length.to_string()));
        }
        let pairs = [[SPECIAL[0], SPECIAL[1]], ["[CLS]", "[SEP]"]];
        let ends = pairs
            .into_iter()
            .find_map(|[start, end]| Some([tokenizer.id(start)?, tokenizer.id(end)?]));
        let expected = "<s> and </s>, or [CLS] and [SEP]";
        Ok(DnaTokenizer {
            ends: ends.ok_or_else(|| setting("special_tokens", expected, "none".into()))?,
            merges: tokenizer.merges()?,
            tokenizer,
            length: self.length,
            kept: self.kept,
        })
    }
}

impl Fit<Sequences> for DnaBpe {
    type Fitted = DnaTokenizer;

    fn fit(
        &self,
        train: &Dataset<Sequences>,
        _valid: &Dataset<Sequences>,
        _seed: u64,
    ) -> chromex_core::Result<DnaTokenizer> {
        Ok(self.learn(&train.inputs)?)
    }
}

impl DnaTokenizer {
    /// Encodes sequences.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when the vocabulary lacks a letter and has no token for what it does not know.
    pub fn tokens(&self, sequences: &Sequences) -> Result<TokenIds> {
        let (mut ids, mut ends) = (Vec::new(), vec![0]);
        let (mut room, mut words) = (Room::default(), Vec::new());
        for sequence in sequences.iter() {
            words.clear();
            let merges = self.merges.as_ref();
            let known = merges.is_some_and(|m| m.encode(sequence, &mut room, &mut words));
            if !known {
                // What becomes of a letter that the vocabulary lacks, the library knows.
                let text: String = sequence.iter().copied().map(char::from).collect();
                words = self.tokenizer.encode_text(&text)?;
                if words.is_empty() && !text.is_empty() {
                    return Err(Error::Setting {
                        name: "vocabulary",
                        expected: "a token of every letter, or one of the unknown".into(),
                        found: "none".into(),
                    });
                }
            }
            let most = self.length.map_or(words.len(), |length| length - 2);
            let cut = words.len().saturating_sub(most);
            ids.push(self.ends[0]);
            ids.extend_from_slice(match self.kept {
                KeptEnd::Last => &words[cut..],
                KeptEnd::First => &words[..words.len() - cut],
            });
            ids.push(self.ends[1]);
            ends.push(ids.len());
        }
        let vocabulary = self.tokenizer.vocabulary_size();
        Ok(TokenIds::new(
            ids,
            ends,
            vec![View::Whole],
            vocabulary,
            None,
        )?)
    }
}

impl Encode<Sequences> for DnaTokenizer {
    type Output = TokenIds;

    fn encode(&self, inputs: &Sequences) -> chromex_core::Result<TokenIds> {
        Ok(self.tokens(inputs)?)
    }
}

chromex_core::fit_by_copy!(DnaTokenizer: Sequences);

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(sequences: &[&str], learner: &DnaBpe) -> DnaTokenizer {
        learner.learn(&Sequences::new(sequences).unwrap()).unwrap()
    }

    #[test]
    fn the_end_next_to_the_gene_is_kept_unless_the_published_fault_is_asked_for() {
        let learner = DnaBpe {
            vocabulary: 261,
            length: Some(4),
            ..DnaBpe::default()
        };
        let long = Sequences::new(&["ACGT", "", "A"]).unwrap();
        let rigorous = learned(&["ACGT"], &learner).tokens(&long).unwrap();
        let spelt = |tokens: &TokenIds, row: usize| {
            let tokenizer = learned(&["ACGT"], &learner).tokenizer;
            tokenizer.decode(tokens.sentence(row, 0)).unwrap()
        };
        assert_eq!(spelt(&rigorous, 0), "<s>GT</s>");
        assert_eq!(
            (spelt(&rigorous, 1), spelt(&rigorous, 2)),
            ("<s></s>".into(), "<s>A</s>".into())
        );
        let faithful = DnaBpe {
            kept: KeptEnd::First,
            ..learner.clone()
        };
        let faithful = learned(&["ACGT"], &faithful).tokens(&long).unwrap();
        assert_eq!(spelt(&faithful, 0), "<s>AC</s>");
        assert_eq!(rigorous.sentence(0, 0)[0], 0);
    }

    #[test]
    fn vocabularies_of_which_more_than_the_merges_decides_encode_as_the_library_does() {
        let tokenizer = |model: &str| {
            let json = format!(
                r#"{{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,
                "pre_tokenizer":null,"post_processor":null,"decoder":null,"model":{{"type":"BPE","dropout":null,
                "unk_token":null,"fuse_unk":false,"byte_fallback":false,{model}}}}}"#
            );
            BpeTokenizer::from_json(json.as_bytes()).unwrap()
        };
        let special = r###""<s>":0,"</s>":1,"A":2,"C":3"###;
        for (own, is_fast) in [
            (
                format!(r#""vocab":{{{special},"AC":4}},"merges":["A C"]"#),
                true,
            ),
            (
                format!(
                    r#""continuing_subword_prefix":"","end_of_word_suffix":"","vocab":{{{special},"AC":4}},"merges":["A C"]"#
                ),
                true,
            ),
            (
                format!(
                    r###""continuing_subword_prefix":"##","vocab":{{{special},"##A":4,"##C":5,"AC":6}},"merges":["A ##C"]"###
                ),
                false,
            ),
            (
                format!(
                    r#""end_of_word_suffix":"/w","vocab":{{{special},"A/w":4,"C/w":5,"AC/w":6}},"merges":["A C/w"]"#
                ),
                false,
            ),
            (
                format!(
                    r#""ignore_merges":true,"vocab":{{{special},"AC":4,"CA":5}},"merges":["A C"]"#
                ),
                false,
            ),
        ] {
            let encoder = DnaBpe::default().with(tokenizer(&own)).unwrap();
            assert_eq!(encoder.merges.is_some(), is_fast, "{own}");
            for word in ["AC", "CA", "A", "CACAC"] {
                let tokens = encoder.tokens(&Sequences::new(&[word]).unwrap()).unwrap();
                let ids = tokens.sentence(0, 0);
                let expected = encoder.tokenizer.encode_text(word).unwrap();
                assert_eq!(ids[1..ids.len() - 1], expected, "{word} with {own}");
            }
        }
    }

    #[test]
    fn settings_that_cannot_be_are_refused() {
        let sequences = Sequences::new(&["ACGT"]).unwrap();
        assert!(DnaBpe::new(260).learn(&sequences).is_err());
        let short = DnaBpe {
            length: Some(2),
            ..DnaBpe::default()
        };
        assert!(short.learn(&sequences).is_err());
        let other = Bpe::default().learn(["ACGT"]).unwrap();
        let message = DnaBpe::default().with(other).unwrap_err().to_string();
        assert!(message.contains("<s>"), "{message}");
    }
}
