use std::io::BufRead;
use std::sync::Arc;

use chromex_core::{Encode, Rows, TokenIds, View};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{ModelWrapper, PreTokenizerWrapper, Tokenizer};

use crate::chunks::ChunkEncoder;
use crate::long_words::{Merge, Merges};
use crate::word_table::WordTable;
use crate::{Error, MarkAlphabet, MarkSentences, Result};

/// Encodes mark sentences and plain text with a learned or loaded BPE vocabulary.
///
/// Made by fitting [`Bpe`](crate::Bpe) or by [`load`](Self::load). Every id is the one that the
/// Python library `tokenizers` gives for the same text, without adding special tokens; but a
/// byte-level tokenizer encodes text in chunks that do not depend on each other, so the ids of mark
/// words lie in a table, and mark sentences are encoded from their codes without making text.
///
/// Truncation and padding are left to who reads the ids, and dropped from tokenizers that are
/// loaded.
///
/// # Examples
///
/// ```
/// let tokenizer = chromex_tokens::Bpe::new(1000).learn(["lllmm lllmm"])?;
/// let ids = tokenizer.encode_text("lllmm lllmm lllmm")?;
/// assert_eq!(tokenizer.decode(&ids)?, "lllmm lllmm lllmm");
/// # Ok::<(), chromex_tokens::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BpeTokenizer {
    pub(crate) tokenizer: Arc<Tokenizer>,
    /// The ids of mark words, where the tokenizer encodes words independently of each other.
    table: Option<Arc<WordTable>>,
    line_break: Option<u32>,
    suffix: String,
}

impl BpeTokenizer {
    /// Takes a tokenizer whose ids are sound.
    pub(crate) fn new(mut tokenizer: Tokenizer) -> Result<Self> {
        let table = match encodes_chunks_apart(&tokenizer) {
            true => {
                forget_words(&mut tokenizer);
                Some(WordTable::new(&tokenizer, MarkAlphabet::default())?.into())
            }
            false => None,
        };
        Ok(Self {
            line_break: table.as_ref().and_then(|_| tokenizer.token_to_id("Ċ")),
            tokenizer: Arc::new(tokenizer),
            table,
            suffix: String::new(),
        })
    }

    /// Sets what follows the last word when mark sentences are encoded: ` <mask>` in the published
    /// prompts.
    ///
    /// A tokenizer file does not keep it.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when it is not empty and does not begin with a space.
    pub fn with_suffix(mut self, suffix: &str) -> Result<Self> {
        if !suffix.is_empty() && !suffix.starts_with(' ') {
            return Err(Error::Setting {
                name: "suffix",
                expected: "nothing, or text that begins with a space".into(),
                found: format!("`{suffix}`"),
            });
        }
        self.suffix = suffix.into();
        Ok(self)
    }

    /// Prepares for words of other marks or levels than the five and three of GeneGPT-2.
    ///
    /// Words of every alphabet have the same ids without this, only more slowly.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the tokenizer cannot encode a word.
    pub fn with_alphabet(mut self, alphabet: MarkAlphabet) -> Result<Self> {
        if let Some(table) = &self.table
            && *table.alphabet() != alphabet
        {
            self.table = Some(WordTable::new(&self.tokenizer, alphabet)?.into());
        }
        Ok(self)
    }

    /// Counts the ids that this can give.
    pub fn vocabulary_size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// Finds the id of a token, as spelt in the vocabulary: `Ġ` is a space and `Ċ` a line break.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// Spells the token of an id.
    pub fn token(&self, id: u32) -> Option<String> {
        self.tokenizer.id_to_token(id)
    }

    /// Tells which id a line break has; only a byte-level vocabulary has one.
    pub fn line_break(&self) -> Option<u32> {
        self.line_break
    }

    /// Encodes a text as one, line breaks included.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the tokenizer lacks a token that the text needs.
    pub fn encode_text(&self, text: &str) -> Result<Vec<u32>> {
        let mut ids = Vec::with_capacity(text.len() / 6 + 8);
        self.encoder().encode(text, &mut ids)?;
        Ok(ids)
    }

    /// Encodes every line of a text on its own, without its line break. Nothing is added to it.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the tokenizer lacks a token that a line needs.
    ///
    /// # Examples
    ///
    /// ```
    /// # use chromex_core::Rows;
    /// # let tokenizer = chromex_tokens::Bpe::new(1000).learn(["lllmm lllmm"])?;
    /// let tokens = tokenizer.encode_lines("lllmm lllmm\nlllll\n")?;
    /// assert_eq!(tokens.len(), 2);
    /// # Ok::<(), chromex_tokens::Error>(())
    /// ```
    pub fn encode_lines(&self, text: &str) -> Result<TokenIds> {
        let mut encoder = self.encoder();
        let mut ids = Vec::with_capacity(text.len() / 6 + 8);
        let mut ends = vec![0];
        let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        for line in lines.filter(|_| !text.is_empty()) {
            encoder.encode(line, &mut ids)?;
            ends.push(ids.len());
        }
        self.token_ids(ids, ends, vec![View::Whole])
    }

    /// Encodes every line that a reader gives, as [`encode_lines`](Self::encode_lines), while
    /// holding one.
    ///
    /// # Errors
    ///
    /// [`Error::Line`] when reading fails or a line is not UTF-8; [`Error::Tokenizer`] as before.
    pub fn encode_reader(&self, mut reader: impl BufRead) -> Result<TokenIds> {
        let mut encoder = self.encoder();
        let (mut ids, mut ends, mut line) = (Vec::new(), vec![0], String::new());
        loop {
            line.clear();
            let read = reader.read_line(&mut line);
            let read = read.map_err(|source| Error::Line {
                line: ends.len(),
                source,
            })?;
            if read == 0 {
                return self.token_ids(ids, ends, vec![View::Whole]);
            }
            encoder.encode(line.strip_suffix('\n').unwrap_or(&line), &mut ids)?;
            ends.push(ids.len());
        }
    }

    /// Puts tokens together to text. Special tokens are written out.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the tokenizer cannot decode. Ids that it lacks are left out.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let text = self.tokenizer.decode(ids, false);
        text.map_err(|source| Error::Tokenizer {
            action: "decode tokens",
            source,
        })
    }

    /// Takes the merges out, for encoding words of letters; none where the tokenizer is no BPE, makes something else than
    /// one word of them, or where more than the merges decides the tokens.
    pub(crate) fn merges(&self) -> Result<Option<Merges>> {
        let whole = match self.tokenizer.get_pre_tokenizer() {
            None | Some(PreTokenizerWrapper::Whitespace(_)) => true,
            Some(PreTokenizerWrapper::ByteLevel(_)) => !adds_leading_space(&self.tokenizer),
            Some(_) => false,
        };
        let model = match self.tokenizer.get_model() {
            ModelWrapper::BPE(model) if model.dropout.is_none() => model,
            _ => return Ok(None),
        };
        // Pieces that are spelt with something before or behind them, and words that are taken whole, the library knows.
        let is_spelt = |part: &Option<String>| part.as_ref().is_some_and(|part| !part.is_empty());
        let is_plain = !model.ignore_merges
            && !is_spelt(&model.continuing_subword_prefix)
            && !is_spelt(&model.end_of_word_suffix);
        if !whole || !is_plain || self.tokenizer.get_normalizer().is_some() {
            return Ok(None);
        }
        let vocabulary = model.get_vocab();
        let letters = (0..=u8::MAX).map(|letter| {
            let token = (letter as char).to_string();
            vocabulary
                .get(&token)
                .filter(|_| letter.is_ascii_graphic())
                .copied()
        });
        // The library shows merges only where it writes them.
        let written = serde_json::to_value(model).map_err(|source| Error::Tokenizer {
            action: "read the merges",
            source: source.into(),
        })?;
        let pairs = written["merges"].as_array().cloned().unwrap_or_default();
        let merges = pairs.iter().map(|pair| {
            let (left, right) = (pair[0].as_str()?, pair[1].as_str()?);
            Some(Merge {
                pair: (*vocabulary.get(left)?, *vocabulary.get(right)?),
                id: *vocabulary.get(&format!("{left}{right}"))?,
            })
        });
        // A merge that cannot be resolved is the library's to encode with.
        let merges: Option<Vec<Merge>> = merges.collect();
        Ok(merges.map(|merges| Merges::new(&merges, letters.collect())))
    }

    fn encode_sentences(&self, sentences: &MarkSentences) -> Result<TokenIds> {
        let views = sentences.views().len();
        let mut ids = Vec::with_capacity(sentences.codes().len());
        let mut ends = Vec::with_capacity(sentences.len() * views + 1);
        ends.push(0);
        let table = self.table.as_ref().map(|table| match sentences.alphabet() {
            alphabet if alphabet == table.alphabet() => Ok(table.clone()),
            other => WordTable::new(&self.tokenizer, other.clone()).map(Arc::new),
        });
        let table = table.transpose()?;
        let suffix = ids_of(&self.tokenizer, &self.suffix)?;
        for row in 0..sentences.len() {
            for view in 0..views {
                match &table {
                    Some(table) => {
                        table.append_sentence(sentences.sentence(row, view), &mut ids);
                        ids.extend_from_slice(&suffix);
                    }
                    None => {
                        let text = sentences.text(row, view) + &self.suffix;
                        ids.extend(ids_of(&self.tokenizer, &text)?);
                    }
                }
                ends.push(ids.len());
            }
        }
        self.token_ids(ids, ends, sentences.views().to_vec())
    }

    fn encoder(&self) -> TextEncoder<'_> {
        match &self.table {
            None => TextEncoder::Whole(&self.tokenizer),
            Some(table) => {
                let at_line_breaks = !adds_leading_space(&self.tokenizer);
                let encoder = ChunkEncoder::new(&self.tokenizer, table, at_line_breaks);
                TextEncoder::Chunks(encoder)
            }
        }
    }

    fn token_ids(&self, ids: Vec<u32>, ends: Vec<usize>, views: Vec<View>) -> Result<TokenIds> {
        let (vocabulary, line_break) = (self.vocabulary_size(), self.line_break);
        Ok(TokenIds::new(ids, ends, views, vocabulary, line_break)?)
    }
}

impl Encode<MarkSentences> for BpeTokenizer {
    type Output = TokenIds;

    fn encode(&self, inputs: &MarkSentences) -> chromex_core::Result<TokenIds> {
        Ok(self.encode_sentences(inputs)?)
    }
}

/// Encodes every text as one, with no suffix.
impl Encode<Vec<String>> for BpeTokenizer {
    type Output = TokenIds;

    fn encode(&self, inputs: &Vec<String>) -> chromex_core::Result<TokenIds> {
        let mut encoder = self.encoder();
        let (mut ids, mut ends) = (Vec::new(), vec![0]);
        for text in inputs {
            encoder.encode(text, &mut ids)?;
            ends.push(ids.len());
        }
        Ok(self.token_ids(ids, ends, vec![View::Whole])?)
    }
}

enum TextEncoder<'a> {
    Chunks(ChunkEncoder<'a>),
    Whole(&'a Tokenizer),
}

impl TextEncoder<'_> {
    fn encode(&mut self, text: &str, ids: &mut Vec<u32>) -> Result<()> {
        match self {
            Self::Chunks(encoder) => encoder.encode(text, ids),
            Self::Whole(tokenizer) => {
                ids.extend(ids_of(tokenizer, text)?);
                Ok(())
            }
        }
    }
}

/// Encodes a text with the tokenizer library alone.
pub(crate) fn ids_of(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>> {
    let encoding = tokenizer.encode_fast(text, false);
    let encoding = encoding.map_err(|source| Error::Tokenizer {
        action: "encode text",
        source,
    })?;
    Ok(encoding.get_ids().to_vec())
}

/// Stops the library from keeping the words that it encodes, which the chunks make needless: it keeps
/// them for every thread, and longer than the tokenizer.
fn forget_words(tokenizer: &mut Tokenizer) {
    if let ModelWrapper::BPE(model) = tokenizer.get_model() {
        let mut model = model.clone();
        model.resize_cache(0);
        tokenizer.with_model(model);
    }
}

fn byte_level(tokenizer: &Tokenizer) -> Option<&ByteLevel> {
    match tokenizer.get_pre_tokenizer() {
        Some(PreTokenizerWrapper::ByteLevel(byte_level)) => Some(byte_level),
        _ => None,
    }
}

fn adds_leading_space(tokenizer: &Tokenizer) -> bool {
    byte_level(tokenizer).is_some_and(|byte_level| byte_level.add_prefix_space)
}

/// Tells whether the chunks of a text can be encoded one by one: words are split by the byte-level
/// expression, nothing rewrites the text, merges are not dropped at random, and no added token
/// reaches over a space.
fn encodes_chunks_apart(tokenizer: &Tokenizer) -> bool {
    let splits = byte_level(tokenizer).is_some_and(|byte_level| byte_level.use_regex);
    let sure = match tokenizer.get_model() {
        ModelWrapper::BPE(model) => model.dropout.is_none(),
        _ => false,
    };
    let added = tokenizer.get_added_tokens_decoder();
    let apart = added.values().all(|token| {
        !token.lstrip
            && !token.rstrip
            && !token.single_word
            && !token.content.contains(char::is_whitespace)
    });
    splits && sure && apart && tokenizer.get_normalizer().is_none()
}
