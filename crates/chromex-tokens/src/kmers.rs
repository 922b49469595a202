use chromex_core::{Encode, Rows, Sequences, TokenIds, View};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Counts the k-mers of each sequence: `[rows, letters^k]`, the k-mers in alphabetical order.
///
/// # Examples
///
/// ```
/// use chromex_core::{Encode, Sequences};
/// use chromex_tokens::KmerCounts;
/// let counts = KmerCounts::new(2).encode(&Sequences::new(&["AAAC"])?)?;
/// assert_eq!((counts[[0, 0]], counts[[0, 1]], counts.sum()), (2.0, 1.0, 3.0));
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KmerCounts {
    /// Letters of a k-mer, 1 to 8.
    pub k: usize,
    /// Which occurrences count.
    pub counted: CountedKmers,
}

/// Which occurrences of k-mers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedKmers {
    /// All of A, C, G and T; a k-mer that holds another letter is none.
    All,
    /// Those of A, C, G, N and T that do not overlap an earlier one of the same k-mer: Python's `str.count`, as in CornBERT's
    /// published baseline.
    Apart,
}

/// Cuts each sequence into k-mers with the ids of DNABERT's vocabulary (Ji et al. 2021, doi:10.1093/bioinformatics/btab083):
/// five special tokens, then the k-mers in the order of the letters A, T, C, G.
///
/// A sequence is `[CLS]`, its k-mers, `[SEP]`; a k-mer with any other letter is `[UNK]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kmers {
    /// Letters of a k-mer, 1 to 8.
    pub k: usize,
    /// Letters from one k-mer to the next: 1 for all that overlap, k for those side by side. Letters at the end that fill no
    /// k-mer are left out.
    pub stride: usize,
}

/// The largest k: a table of 5^8 counts has 390,625 columns.
const LARGEST: usize = 8;

impl KmerCounts {
    /// Counts all occurrences.
    pub fn new(k: usize) -> Self {
        Self {
            k,
            counted: CountedKmers::All,
        }
    }

    /// Counts 5-mers as CornBERT's published baseline does.
    pub fn cornbert() -> Self {
        Self {
            k: 5,
            counted: CountedKmers::Apart,
        }
    }

    fn letters(self) -> &'static [u8] {
        match self.counted {
            CountedKmers::All => b"ACGT",
            CountedKmers::Apart => b"ACGNT",
        }
    }

    fn table(self, sequences: &Sequences) -> Result<Array2<f32>> {
        check(self.k, 1)?;
        let letters = self.letters();
        let columns = letters.len().pow(self.k as u32);
        let mut counts = Array2::zeros((sequences.len(), columns));
        let mut free_from = vec![0; columns];
        for (row, sequence) in sequences.iter().enumerate() {
            free_from.fill(0);
            for (start, kmer) in kmers(sequence, self.k, letters) {
                let Some(kmer) = kmer else { continue };
                if self.counted == CountedKmers::Apart {
                    if start < free_from[kmer] {
                        continue;
                    }
                    free_from[kmer] = start + self.k;
                }
                counts[[row, kmer]] += 1.0;
            }
        }
        Ok(counts)
    }
}

impl Kmers {
    /// DNABERT's: k-mers that overlap in all letters but one.
    pub fn dnabert(k: usize) -> Self {
        Self { k, stride: 1 }
    }

    /// Counts the ids of the vocabulary.
    pub fn vocabulary_size(self) -> usize {
        5 + 4_usize.pow(self.k.min(LARGEST) as u32)
    }

    fn tokens(self, sequences: &Sequences) -> Result<TokenIds> {
        const UNKNOWN: u32 = 1;
        const START: u32 = 2;
        const END: u32 = 3;
        const FIRST: u32 = 5;
        check(self.k, self.stride)?;
        let (mut ids, mut ends) = (Vec::new(), vec![0]);
        for sequence in sequences.iter() {
            ids.push(START);
            let kmers = kmers(sequence, self.k, b"ATCG").step_by(self.stride);
            ids.extend(kmers.map(|(_, kmer)| kmer.map_or(UNKNOWN, |kmer| FIRST + kmer as u32)));
            ids.push(END);
            ends.push(ids.len());
        }
        let vocabulary = self.vocabulary_size();
        Ok(TokenIds::new(
            ids,
            ends,
            vec![View::Whole],
            vocabulary,
            None,
        )?)
    }
}

impl Encode<Sequences> for KmerCounts {
    type Output = Array2<f32>;

    fn encode(&self, inputs: &Sequences) -> chromex_core::Result<Array2<f32>> {
        Ok(self.table(inputs)?)
    }
}

impl Encode<Sequences> for Kmers {
    type Output = TokenIds;

    fn encode(&self, inputs: &Sequences) -> chromex_core::Result<TokenIds> {
        Ok(self.tokens(inputs)?)
    }
}

chromex_core::fit_by_copy!(KmerCounts: Sequences);
chromex_core::fit_by_copy!(Kmers: Sequences);

fn check(k: usize, stride: usize) -> Result<()> {
    if k == 0 || k > LARGEST || stride == 0 {
        return Err(Error::Setting {
            name: "k, stride",
            expected: format!("1 to {LARGEST} letters, and a stride of at least 1"),
            found: format!("{k}, {stride}"),
        });
    }
    Ok(())
}

/// Goes over all k-mers: where each begins and its number, none where it holds another letter.
fn kmers<'a>(
    sequence: &'a [u8],
    k: usize,
    letters: &'a [u8],
) -> impl Iterator<Item = (usize, Option<usize>)> + 'a {
    let mut codes = [None; 256];
    for (code, &letter) in letters.iter().enumerate() {
        codes[letter as usize] = Some(code);
    }
    sequence.windows(k).enumerate().map(move |(start, kmer)| {
        let number = kmer.iter().try_fold(0, |number, &letter| {
            codes[letter as usize].map(|code| number * letters.len() + code)
        });
        (start, number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequences() -> Sequences {
        Sequences::new(&["AAAAAC", "ANAAG", "", "AC"]).unwrap()
    }

    #[test]
    fn all_occurrences_count_or_only_those_apart() {
        let all = KmerCounts::new(2).encode(&sequences()).unwrap();
        assert_eq!(all.dim(), (4, 16));
        // AA, AC; then AA, AG, and nothing with N.
        assert_eq!((all[[0, 0]], all[[0, 1]]), (4.0, 1.0));
        assert_eq!(
            (all[[1, 0]], all[[1, 2]], all.row(1).sum()),
            (1.0, 1.0, 2.0)
        );
        assert_eq!(all.row(2).sum(), 0.0);
        let apart = KmerCounts {
            counted: CountedKmers::Apart,
            ..KmerCounts::new(2)
        };
        let apart = apart.encode(&sequences()).unwrap();
        // "AAAAAC".count("AA") is 2; AN is the fourth of ACGNT.
        assert_eq!(
            (apart.ncols(), apart[[0, 0]], apart[[1, 3]]),
            (25, 2.0, 1.0)
        );
        assert_eq!(
            KmerCounts::cornbert().encode(&sequences()).unwrap().ncols(),
            3125
        );
        assert!(KmerCounts::new(9).encode(&sequences()).is_err());
    }

    #[test]
    fn k_mers_overlap_or_lie_side_by_side() {
        let overlapping = Kmers::dnabert(2).encode(&sequences()).unwrap();
        // AA is the first of the vocabulary, AC the third.
        assert_eq!(overlapping.sentence(0, 0), [2, 5, 5, 5, 5, 7, 3]);
        assert_eq!(overlapping.sentence(1, 0), [2, 1, 1, 5, 8, 3]);
        assert_eq!(overlapping.sentence(2, 0), [2, 3]);
        let beside = Kmers { k: 2, stride: 2 };
        assert_eq!(
            beside.encode(&sequences()).unwrap().sentence(0, 0),
            [2, 5, 5, 7, 3]
        );
        assert!(Kmers { k: 2, stride: 0 }.encode(&sequences()).is_err());
    }

    #[test]
    fn ids_are_those_of_the_published_vocabulary() {
        let Some(data) = std::env::var_os("CHROMEX_DATA").map(std::path::PathBuf::from) else {
            #[allow(clippy::print_stderr)]
            {
                eprintln!("skipped: CHROMEX_DATA is not set");
            }
            return;
        };
        let path = data.join("dna_tokenizers/DNABERT-6/vocab.txt");
        let text = std::fs::read_to_string(path).unwrap();
        let words: Vec<&str> = text.lines().collect();
        assert_eq!(words.len(), Kmers::dnabert(6).vocabulary_size());
        let sequences = Sequences::new(&words[5..]).unwrap();
        let tokens = Kmers::dnabert(6).encode(&sequences).unwrap();
        for row in 0..words.len() - 5 {
            assert_eq!(tokens.sentence(row, 0), [2, row as u32 + 5, 3]);
        }
    }
}
