use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use tokenizers::Tokenizer;

use crate::{BpeTokenizer, Error, Result};

/// The most bytes that are read of a tokenizer file; published ones have less than half of it.
const MOST_BYTES: u64 = 32 << 20;

impl BpeTokenizer {
    /// Writes a `tokenizer.json` that the Python library `tokenizers` opens and encodes identically
    /// with.
    ///
    /// # Errors
    ///
    /// [`Error::Core`] when the file cannot be written; what stood there before still stands then.
    pub fn save(&self, path: &Path) -> Result<()> {
        let json = self.to_json()?;
        Ok(chromex_core::atomic::write(path, |file| {
            file.write_all(json.as_bytes())
        })?)
    }

    /// Reads the `tokenizer.json` of any BPE tokenizer.
    ///
    /// One that is not byte-level encodes as well, only not by [chunks](BpeTokenizer).
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the file cannot be read; [`Error::File`] when it is larger than 32 MiB,
    /// is not a tokenizer or one of another kind than BPE, has ids beyond its vocabulary, or has a
    /// step that is known to panic.
    pub fn load(path: &Path) -> Result<Self> {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            chromex_core::input::open(path)?
                .take(MOST_BYTES + 1)
                .read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|source| Error::Io {
            action: "read",
            path: path.into(),
            source,
        })?;
        Self::from_json(&bytes).map_err(|error| Error::File {
            path: path.into(),
            source: Box::new(error),
        })
    }

    /// Writes what [`save`](Self::save) writes into a string.
    ///
    /// # Errors
    ///
    /// [`Error::Tokenizer`] when the tokenizer library cannot write it.
    pub fn to_json(&self) -> Result<String> {
        let json = self.tokenizer.to_string(true);
        json.map_err(|source| Error::Tokenizer {
            action: "write the tokenizer",
            source,
        })
    }

    /// Reads what [`load`](Self::load) reads from memory.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), without the file's name.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let found = json.len() as u64;
        if found > MOST_BYTES {
            let limit = MOST_BYTES;
            return Err(Error::TooLarge { limit, found });
        }
        let unreadable = |source| Error::Json { source };
        // Every string is decoded once here: parts that are passed over below are not, and the library panics
        // where a decoder's text is not UTF-8.
        serde_json::from_slice::<serde_json::Value>(json).map_err(unreadable)?;
        let kind: KindFile = serde_json::from_slice(json).map_err(unreadable)?;
        if let Some(found) = kind.model.kind.filter(|kind| kind != "BPE") {
            return Err(Error::Kind { found });
        }
        let file: TokenizerFile = serde_json::from_slice(json).map_err(unreadable)?;
        file.check()?;
        let tokenizer = Tokenizer::from_bytes(json);
        let mut tokenizer = tokenizer.map_err(|source| Error::Tokenizer {
            action: "read the tokenizer",
            source,
        })?;
        tokenizer.with_padding(None);
        let without = tokenizer.with_truncation(None);
        without.map_err(|source| Error::Tokenizer {
            action: "leave truncation out",
            source,
        })?;
        Self::new(tokenizer)
    }
}

#[derive(Deserialize)]
struct KindFile {
    model: Kind,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// What is checked of a file before the tokenizer library sees it, since that panics where some of
/// it is off.
#[derive(Deserialize)]
struct TokenizerFile {
    model: Model,
    #[serde(default)]
    added_tokens: Vec<Added>,
    normalizer: Option<Part>,
    pre_tokenizer: Option<Part>,
}

/// A step before merging. A step of kind `Sequence` consists of others.
#[derive(Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, alias = "normalizers", alias = "pretokenizers")]
    parts: Vec<Part>,
    #[serde(default)]
    pattern: Option<serde_json::Value>,
}

/// Normalizers that cannot bring the library down, whatever their settings; `Prepend`, `Precompiled` and all but the
/// [simplest](Part::replaces_runs) `Replace` can.
const NORMALIZERS: [&str; 9] = [
    "BertNormalizer",
    "ByteLevel",
    "Lowercase",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Strip",
    "StripAccents",
];

/// Splitters that cannot bring the library down, whatever their settings; `FixedLength` can.
const PRE_TOKENIZERS: [&str; 8] = [
    "BertPreTokenizer",
    "ByteLevel",
    "Digits",
    "Metaspace",
    "Punctuation",
    "Split",
    "Whitespace",
    "WhitespaceSplit",
];

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<String, u32>,
    merges: Vec<Merge>,
    continuing_subword_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Pair(String, String),
    Line(String),
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
}

impl TokenizerFile {
    fn check(&self) -> Result<()> {
        let mut ids = self.model.vocab.clone();
        for added in &self.added_tokens {
            let id = *ids.entry(added.content.clone()).or_insert(added.id);
            if id != added.id {
                return Err(token_id(&added.content, ids.len(), added.id));
            }
        }
        let mut seen = HashSet::with_capacity(ids.len());
        for (token, &id) in &ids {
            if id as usize >= ids.len() || !seen.insert(id) {
                return Err(token_id(token, ids.len(), id));
            }
        }
        if let Some(normalizer) = &self.normalizer {
            normalizer.check("normalizer", &NORMALIZERS)?;
        }
        if let Some(pre_tokenizer) = &self.pre_tokenizer {
            pre_tokenizer.check("pre_tokenizer", &PRE_TOKENIZERS)?;
        }
        self.model.check_merges()
    }
}

impl Part {
    /// Whether it replaces long runs of one letter, as vocabularies of DNA do with unknown bases (`N{10,}`): a pattern
    /// that cannot be empty and takes no longer than the text.
    fn replaces_runs(&self) -> bool {
        let pattern = self
            .pattern
            .as_ref()
            .and_then(|pattern| pattern.get("Regex"));
        let pattern = pattern.and_then(serde_json::Value::as_str);
        let count = pattern
            .and_then(|pattern| pattern.strip_prefix(|letter: char| letter.is_ascii_alphabetic()))
            .and_then(|pattern| pattern.strip_prefix('{')?.strip_suffix(",}"))
            .and_then(|count| count.parse::<u16>().ok());
        self.kind == "Replace" && count.is_some_and(|count| (1..=1000).contains(&count))
    }

    fn check(&self, part: &'static str, known: &'static [&'static str]) -> Result<()> {
        let harmless = known.contains(&self.kind.as_str()) || self.replaces_runs();
        if self.kind != "Sequence" && !harmless {
            return Err(Error::Part {
                part,
                expected: known,
                found: self.kind.clone(),
            });
        }
        let mut parts = self.parts.iter();
        parts.try_for_each(|step| step.check(part, known))
    }
}

impl Model {
    fn check_merges(&self) -> Result<()> {
        let prefix = self.continuing_subword_prefix.as_deref().unwrap_or("");
        for (merge, parts) in self.merges.iter().enumerate() {
            let unknown = |found: &str| Error::Merge {
                merge,
                found: found.into(),
            };
            let (left, right) = match parts {
                Merge::Pair(left, right) => (left.as_str(), right.as_str()),
                Merge::Line(line) if line.starts_with("#version") => continue,
                Merge::Line(line) => line.split_once(' ').ok_or_else(|| unknown(line))?,
            };
            let rest = right.strip_prefix(prefix).ok_or_else(|| unknown(right))?;
            let merged = format!("{left}{rest}");
            let tokens = [left, right, &merged];
            if let Some(token) = tokens
                .iter()
                .find(|token| !self.vocab.contains_key(**token))
            {
                return Err(unknown(token));
            }
        }
        Ok(())
    }
}

fn token_id(token: &str, vocabulary: usize, found: u32) -> Error {
    Error::TokenId {
        token: token.into(),
        vocabulary,
        found,
    }
}
