use std::collections::HashMap;

use chromex_core::{Dataset, Fit, Rows, Sequences, View};
use serde::{Deserialize, Serialize};
use tokenizers::models::bpe::{BPE, BpeTrainer, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{
    AddedToken, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, Tokenizer,
};

use crate::chunks::chunk_end;
use crate::long_words;
use crate::{BpeTokenizer, Error, MarkSentences, Result};

/// Ids of a vocabulary; the tokenizer library makes room for all of them before it learns.
const MOST_TOKENS: usize = 1 << 22;

/// Learns byte-level BPE: starts from the 256 bytes and merges the pair of neighbours that is most
/// frequent until the vocabulary is full or no pair is frequent enough.
///
/// The same lines give the same vocabulary, merges and ids as `ByteLevelBPETokenizer` of the Python
/// library `tokenizers`. Mark sentences are learned from the counts of their words, without making
/// text.
///
/// # Errors
///
/// Learning refuses a vocabulary below the bytes and special tokens or above 4,194,304 ids, special tokens that are empty,
/// repeated or contain white space, a suffix that does not begin with a space, and sentences
/// without any of [`views`](Self::views).
///
/// # Examples
///
/// ```
/// use chromex_core::{CellPair, Dataset, Encode, Fit, MarkWindows, Then};
/// use chromex_tokens::{Bpe, MarkWords};
/// # let windows = |count| {
/// #     MarkWindows::new(ndarray::Array3::from_elem((2, 3, 5), count), ["a", "b", "c", "d", "e"].map(String::from).to_vec(), 100)
/// # };
/// # let train = Dataset::unlabelled(CellPair::new(windows(0.0)?, windows(2.0)?)?);
/// let fitted = MarkWords::default().then(Bpe::new(1000)).fit(&train, &train, 7)?;
/// let tokens = fitted.encode(&train.inputs)?;
/// let text = fitted.second.decode(tokens.sentence(0, 0))?;
/// assert_eq!(text, "lllll lllll lllll <mask>");
/// # Ok::<(), chromex_core::Error>(())
/// ```
///
/// # Differences from the paper
///
/// None in the default. [`rigorous`](Self::rigorous) leaves out two accidents: the literal
/// ` <mask>` that every published prompt ends in, and the first word's missing space, which splits it
/// where others are whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bpe {
    /// The number of ids at which merging ends, special tokens and bytes included.
    pub vocabulary: usize,
    /// The fewest times that a pair must stand to be merged.
    pub min_frequency: u64,
    /// Tokens that text is never broken within; they have the first ids.
    pub special_tokens: Vec<String>,
    /// Which sentences of a row are learned from, as far as the rows have them.
    pub views: Vec<View>,
    /// Whether a text's first word is read as if a space stood before it.
    pub leading_space: bool,
    /// What follows the last word when mark sentences are encoded. It is not learned from, and
    /// plain text is encoded without it.
    pub suffix: String,
}

/// The published tokenizer of GeneGPT-2, learned from both cells' sentences.
impl Default for Bpe {
    fn default() -> Self {
        Self {
            vocabulary: 1000,
            min_frequency: 2,
            special_tokens: vec!["<|endoftext|>".into()],
            views: vec![View::Whole, View::First, View::Second],
            leading_space: false,
            suffix: " <mask>".into(),
        }
    }
}

/// How often each piece of text stands in a corpus; merges never cross pieces.
pub(crate) type PieceCounts = HashMap<String, u64>;

impl Bpe {
    /// Asks for another size of vocabulary.
    pub fn new(vocabulary: usize) -> Self {
        Self {
            vocabulary,
            ..Self::default()
        }
    }

    /// Reads the first word like every other and adds no suffix.
    pub fn rigorous() -> Self {
        Self {
            leading_space: true,
            suffix: String::new(),
            ..Self::default()
        }
    }

    /// Learns from plain text, each line on its own.
    ///
    /// A line break is learned from where the lines carry it, as [`str::split_inclusive`] leaves
    /// it.
    ///
    /// # Errors
    ///
    /// As for mark sentences, [`Error::Setting`]; [`Error::Corpus`] when a pair stands more than
    /// 2^31 - 1 times.
    ///
    /// # Examples
    ///
    /// ```
    /// let tokenizer = chromex_tokens::Bpe::new(300).learn(["TATA TATA TATAAA"])?;
    /// assert_eq!(tokenizer.decode(&tokenizer.encode_text("TATA")?)?, "TATA");
    /// # Ok::<(), chromex_tokens::Error>(())
    /// ```
    pub fn learn<S: AsRef<str>>(&self, lines: impl IntoIterator<Item = S>) -> Result<BpeTokenizer> {
        self.check()?;
        let mut chunks: HashMap<Box<str>, u64> = HashMap::new();
        for line in lines {
            let line = line.as_ref();
            let mut start = 0;
            while start < line.len() {
                let end = chunk_end(line.as_bytes(), start, false);
                match chunks.get_mut(&line[start..end]) {
                    Some(count) => *count += 1,
                    None => drop(chunks.insert(line[start..end].into(), 1)),
                }
                start = end;
            }
        }
        self.learn_chunks(chunks)
    }

    fn learn_sentences(&self, sentences: &MarkSentences) -> Result<BpeTokenizer> {
        self.check()?;
        let (views, alphabet) = (sentences.views(), sentences.alphabet());
        let learned = |view: &usize| self.views.contains(&views[*view]);
        let learned: Vec<usize> = (0..views.len()).filter(learned).collect();
        if learned.is_empty() {
            return Err(Error::View {
                expected: self.views.clone(),
                found: views.to_vec(),
            });
        }
        let mut first_words = vec![0_u64; alphabet.words()];
        let mut spaced_words = vec![0_u64; alphabet.words()];
        for row in 0..sentences.len() {
            for &view in &learned {
                if let [first, others @ ..] = sentences.sentence(row, view) {
                    first_words[usize::from(*first)] += 1;
                    for &other in others {
                        spaced_words[usize::from(other)] += 1;
                    }
                }
            }
        }
        let mut chunks = HashMap::new();
        for (space, words) in [("", first_words), (" ", spaced_words)] {
            for (code, count) in words
                .into_iter()
                .enumerate()
                .filter(|(_, count)| *count > 0)
            {
                let word = format!("{space}{}", alphabet.word(code as u16));
                chunks.insert(word.into_boxed_str(), count);
            }
        }
        self.learn_chunks(chunks)?.with_alphabet(alphabet.clone())
    }

    fn learn_chunks(&self, chunks: HashMap<Box<str>, u64>) -> Result<BpeTokenizer> {
        let splitter = ByteLevel::new(self.leading_space, true, true);
        let mut pieces = PieceCounts::new();
        for (chunk, count) in chunks {
            let mut split = PreTokenizedString::from(&*chunk);
            let result = splitter.pre_tokenize(&mut split);
            result.map_err(|source| refused("split text into words", source))?;
            for (piece, _, _) in split.get_splits(OffsetReferential::Original, OffsetType::Byte) {
                *pieces.entry(piece.to_owned()).or_default() += count;
            }
        }
        check_pairs(&pieces)?;
        self.merge(pieces)
    }

    fn merge(&self, pieces: PieceCounts) -> Result<BpeTokenizer> {
        let trainer = BpeTrainer::builder()
            .vocab_size(self.vocabulary)
            .min_frequency(self.min_frequency)
            .show_progress(false)
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .special_tokens(self.added_tokens())
            .build();
        let mut model = BPE::default();
        let pieces = pieces.iter();
        let pieces = pieces
            .map(|(piece, &count)| (piece.as_str().into(), count))
            .collect();
        let result = trainer.do_train(&pieces, &mut model);
        result.map_err(|source| refused("learn merges", source))?;
        self.tokenizer(model)
    }

    /// Learns from words of letters, with how often each stands, by places instead of words.
    pub(crate) fn learn_long_words(&self, words: &[(&[u8], u64)]) -> Result<BpeTokenizer> {
        self.check()?;
        let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
        alphabet.sort_unstable();
        let mut tokens = self.special_tokens.clone();
        let first = tokens.len() as u32;
        tokens.extend(alphabet.iter().map(char::to_string));
        let id = |letter: u8| {
            let place = alphabet.iter().position(|&known| known == letter as char);
            first + place.expect("every printable letter is in the alphabet") as u32
        };
        let ids: HashMap<u8, u32> = Sequences::LETTERS.iter().map(|&l| (l, id(l))).collect();
        let words: Vec<(Vec<u32>, u64)> = words
            .iter()
            .map(|(word, count)| (word.iter().map(|letter| ids[letter]).collect(), *count))
            .collect();
        let places: usize = words.iter().map(|(word, _)| word.len()).sum();
        if u32::try_from(places).is_err() {
            let (limit, found) = (u64::from(u32::MAX), places as u64);
            return Err(Error::Corpus { limit, found });
        }
        let merges = long_words::learn(&words, &mut tokens, self.vocabulary, self.min_frequency);
        let spelt = |id: u32| tokens[id as usize].clone();
        let merges = merges
            .iter()
            .map(|merge| (spelt(merge.pair.0), spelt(merge.pair.1)));
        let merges = merges.collect();
        let vocabulary: Vocab = tokens.iter().cloned().zip(0..).collect();
        let model = BPE::builder().vocab_and_merges(vocabulary, merges).build();
        self.tokenizer(model.map_err(|source| refused("keep merges", source))?)
    }

    fn added_tokens(&self) -> Vec<AddedToken> {
        let special = self.special_tokens.iter();
        special.map(|token| AddedToken::from(token, true)).collect()
    }

    fn tokenizer(&self, model: BPE) -> Result<BpeTokenizer> {
        let mut tokenizer = Tokenizer::new(model);
        tokenizer
            .with_pre_tokenizer(Some(ByteLevel::new(self.leading_space, true, true)))
            .with_post_processor(Some(ByteLevel::default().trim_offsets(false)))
            .with_decoder(Some(ByteLevel::default()))
            .add_special_tokens(self.added_tokens())
            .map_err(|source| refused("add special tokens", source))?;
        BpeTokenizer::new(tokenizer)?.with_suffix(&self.suffix)
    }

    fn check(&self) -> Result<()> {
        let setting = |name, expected: String, found: String| Error::Setting {
            name,
            expected,
            found,
        };
        let least = 256 + self.special_tokens.len();
        if !(least..=MOST_TOKENS).contains(&self.vocabulary) {
            let expected = format!("{least} (bytes and special tokens) to {MOST_TOKENS} ids");
            return Err(setting("vocabulary", expected, self.vocabulary.to_string()));
        }
        let tokens = &self.special_tokens;
        let unsound = |&place: &usize| {
            let token = &tokens[place];
            token.is_empty()
                || token.contains(char::is_whitespace)
                || tokens[..place].contains(token)
        };
        if let Some(place) = (0..tokens.len()).find(unsound) {
            let expected = "different tokens without white space".to_owned();
            return Err(setting(
                "special_tokens",
                expected,
                format!("`{}`", tokens[place]),
            ));
        }
        Ok(())
    }
}

impl Fit<MarkSentences> for Bpe {
    type Fitted = BpeTokenizer;

    fn fit(
        &self,
        train: &Dataset<MarkSentences>,
        _valid: &Dataset<MarkSentences>,
        _seed: u64,
    ) -> chromex_core::Result<BpeTokenizer> {
        Ok(self.learn_sentences(&train.inputs)?)
    }
}

impl Fit<Vec<String>> for Bpe {
    type Fitted = BpeTokenizer;

    fn fit(
        &self,
        train: &Dataset<Vec<String>>,
        _valid: &Dataset<Vec<String>>,
        _seed: u64,
    ) -> chromex_core::Result<BpeTokenizer> {
        Ok(self.learn(&train.inputs)?)
    }
}

/// Refuses corpora whose pairs the trainer would count wrongly: it counts in `i32`.
fn check_pairs(pieces: &PieceCounts) -> Result<()> {
    let limit = i32::MAX as u64;
    let mut pairs: HashMap<(char, char), u64> = HashMap::new();
    for (piece, &count) in pieces {
        for pair in piece.chars().zip(piece.chars().skip(1)) {
            let total = pairs.entry(pair).or_default();
            *total = total.saturating_add(count);
            if *total > limit {
                let found = *total;
                return Err(Error::Corpus { limit, found });
            }
        }
    }
    Ok(())
}

fn refused(action: &'static str, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Tokenizer { action, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MarkAlphabet;
    use ndarray::Array3;

    fn sentences(views: Vec<View>) -> MarkSentences {
        let draw = |(row, view, word)| (((row * 7 + view * 3 + word * word) % 40) * 6) as u16;
        let codes = Array3::from_shape_fn((9, views.len(), 11), draw);
        MarkSentences::new(codes, views, MarkAlphabet::default()).unwrap()
    }

    fn json(tokenizer: &BpeTokenizer) -> String {
        tokenizer.to_json().unwrap()
    }

    #[test]
    fn the_most_frequent_pair_is_merged_first() {
        let bpe = Bpe {
            special_tokens: vec![],
            vocabulary: 258,
            ..Bpe::default()
        };
        let tokenizer = bpe.learn(["TATA", "TATA", "GC"]).unwrap();
        assert_eq!(tokenizer.token(256).as_deref(), Some("TA"));
        assert_eq!(tokenizer.token(257).as_deref(), Some("TATA"));
        assert_eq!(tokenizer.encode_text("TATATA").unwrap(), [257, 256]);
    }

    #[test]
    fn sentences_and_their_text_teach_the_same() {
        for leading_space in [false, true] {
            let bpe = Bpe {
                leading_space,
                ..Bpe::default()
            };
            let sentences = sentences(vec![View::First, View::Difference, View::Second]);
            let learned = [0, 2].into_iter();
            let lines = learned.flat_map(|view| (0..9).map(move |row| (row, view)));
            let lines = lines.map(|(row, view)| sentences.text(row, view) + "\n");
            let from_text = bpe.learn(lines).unwrap();
            let train = Dataset::unlabelled(sentences.clone());
            let from_codes = bpe.fit(&train, &train, 0).unwrap();
            assert_eq!(json(&from_codes), json(&from_text));
        }
    }

    #[test]
    fn learning_again_gives_the_same_merges() {
        let sentences = sentences(vec![View::Whole]);
        let first = Bpe::default().learn_sentences(&sentences).unwrap();
        for _ in 0..5 {
            let again = Bpe::default().learn_sentences(&sentences).unwrap();
            assert_eq!(json(&again), json(&first));
        }
    }

    #[test]
    fn unsound_settings_are_refused() {
        let token = |tokens: &[&str]| Bpe {
            special_tokens: tokens.iter().map(|&token| token.to_owned()).collect(),
            ..Bpe::default()
        };
        let suffix = "<mask>".to_owned();
        let refused = [
            Bpe::new(256),
            Bpe::new(usize::MAX),
            token(&[""]),
            token(&["<s>", "<s>"]),
            token(&["a b"]),
            Bpe {
                suffix,
                ..Bpe::default()
            },
        ];
        for bpe in refused {
            assert!(bpe.learn(["lllll"]).is_err(), "{bpe:?}");
        }
        let differences = Dataset::unlabelled(sentences(vec![View::Difference]));
        assert!(Bpe::default().fit(&differences, &differences, 0).is_err());
    }

    #[test]
    fn pairs_that_a_merge_cannot_count_are_refused() {
        let pieces = |count| PieceCounts::from([("ab".to_owned(), count), ("xab".to_owned(), 1)]);
        assert!(check_pairs(&pieces(i32::MAX as u64 - 1)).is_ok());
        assert!(check_pairs(&pieces(i32::MAX as u64)).is_err());
        assert!(check_pairs(&pieces(u64::MAX)).is_err());
    }

    #[test]
    fn settings_read_back_and_unknown_ones_are_refused() {
        let json = serde_json::to_string(&Bpe::rigorous()).unwrap();
        assert_eq!(serde_json::from_str::<Bpe>(&json).unwrap(), Bpe::rigorous());
        assert!(serde_json::from_str::<Bpe>("{\"vocab\": 1000}").is_err());
    }
}
