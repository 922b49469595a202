//! Turns chromatin and DNA into tokens and features: mark words, byte-level BPE, k-mers in regions.
//!
//! [`MarkWords`] turns histone-mark windows into [`MarkSentences`], one word per bin and one letter
//! per mark; [`MarkWordsQuantiles`] learns where the letters change. [`Bpe`] learns a vocabulary
//! from sentences or plain text, and the [`BpeTokenizer`] that comes of it encodes both with the
//! ids of the Python library `tokenizers`. [`TokenColumns`] lays ids out as features. [`Dexter`] finds k-mers and
//! regions of promoters whose counts go with expression.
//!
//! [`DnaBpe`] does the same for promoters, each one long word, by a faster way to the same ids;
//! [`KmerCounts`], [`KmerVocabulary`] and [`OneHot`] turn them into counts, tokens and channels, and
//! [`Homology`] clusters those that are alike. [`MotifPresence`] tells which motifs stand in them, [`LocalisedMotifs`] learns such
//! motifs.
//!
//! # Examples
//!
//! ```
//! use chromex_core::{CellPair, Dataset, Encode, Fit, MarkWindows, Then};
//! use chromex_tokens::{Bpe, MarkWords, TokenColumns};
//! # let windows = |count| {
//! #     MarkWindows::new(ndarray::Array3::from_elem((2, 3, 5), count), ["a", "b", "c", "d", "e"].map(String::from).to_vec(), 100)
//! # };
//! # let pairs = Dataset::unlabelled(CellPair::new(windows(0.0)?, windows(2.0)?)?);
//! let columns = TokenColumns { length: 3, ..TokenColumns::raw_c() };
//! let learner = MarkWords::default().then(Bpe::rigorous()).then(columns);
//! let features = learner.fit(&pairs, &pairs, 7)?.encode(&pairs.inputs)?;
//! assert_eq!(features.dim(), (2, 2 * 3));
//! # Ok::<(), chromex_core::Error>(())
//! ```

mod alphabet;
mod bpe;
mod chunks;
mod dexter;
mod dna;
mod error;
mod homology;
mod kmer_counts;
mod kmer_vocabulary;
mod localised_motifs;
mod long_words;
mod mark_words;
mod motifs;
mod one_hot;
mod quantiles;
mod sentence_text;
mod sentences;
mod token_columns;
mod tokenizer;
mod tokenizer_file;
mod word_table;

pub use alphabet::MarkAlphabet;
pub use bpe::Bpe;
pub use dexter::{Dexter, Domain, DomainCounts, Exploration, Link, LinkKind, Node, RegionLattice};
pub use dna::{DnaBpe, DnaTokenizer, KeptEnd};
pub use error::{Error, Result};
pub use homology::Homology;
pub use kmer_counts::{CountedKmers, KmerCounts};
pub use kmer_vocabulary::KmerVocabulary;
pub use localised_motifs::LocalisedMotifs;
pub use mark_words::{MarkWords, Thresholds};
pub use motifs::MotifPresence;
pub use one_hot::OneHot;
pub use quantiles::MarkWordsQuantiles;
pub use sentence_text::SentenceText;
pub use sentences::MarkSentences;
pub use token_columns::TokenColumns;
pub use tokenizer::BpeTokenizer;
