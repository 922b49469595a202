use chromex_core::{Encode, Rows, Sequences};
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

/// The largest k: a table of 5^8 counts has 390,625 columns.
const LARGEST: usize = 8;
/// Numbers of a table.
const MOST_NUMBERS: usize = 1 << 32;

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

    /// Names the columns.
    pub fn names(self) -> Vec<String> {
        let letters = self.letters();
        let columns = letters.len().pow(self.k.min(LARGEST) as u32);
        let name = |mut column: usize| {
            let mut name = vec![0; self.k.min(LARGEST)];
            for letter in name.iter_mut().rev() {
                *letter = letters[column % letters.len()];
                column /= letters.len();
            }
            name.into_iter().map(char::from).collect()
        };
        (0..columns).map(name).collect()
    }

    fn check(self) -> Result<()> {
        if self.k == 0 || self.k > LARGEST {
            return Err(Error::Setting {
                name: "k",
                expected: format!("1 to {LARGEST} letters"),
                found: self.k.to_string(),
            });
        }
        Ok(())
    }

    fn letters(self) -> &'static [u8] {
        match self.counted {
            CountedKmers::All => b"ACGT",
            CountedKmers::Apart => b"ACGNT",
        }
    }

    fn table(self, sequences: &Sequences) -> Result<Array2<f32>> {
        self.check()?;
        let letters = self.letters();
        let columns = letters.len().pow(self.k as u32);
        if sequences.len() > MOST_NUMBERS / columns {
            return Err(Error::Setting {
                name: "k",
                expected: format!("at most {MOST_NUMBERS} numbers in all, {columns} of a row"),
                found: format!("{}, for {} rows", self.k, sequences.len()),
            });
        }
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

impl Encode<Sequences> for KmerCounts {
    type Output = Array2<f32>;

    fn encode(&self, inputs: &Sequences) -> chromex_core::Result<Array2<f32>> {
        Ok(self.table(inputs)?)
    }
}

chromex_core::fit_by_copy!(KmerCounts: Sequences);

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
        assert!(KmerCounts::new(0).encode(&sequences()).is_err());
    }

    #[test]
    fn names_follow_the_alphabet_and_columns_their_names() {
        let sequence = "GATTACAGATTNACAGAGG";
        let counts = KmerCounts::new(3);
        let names = counts.names();
        assert!(names.is_sorted() && names.len() == 64 && names[1] == "AAC");
        let table = counts
            .encode(&Sequences::new(&[sequence]).unwrap())
            .unwrap();
        for (name, &value) in names.iter().zip(table.row(0)) {
            let starts = (0..sequence.len()).filter(|&at| sequence[at..].starts_with(name));
            assert_eq!(value, starts.count() as f32, "{name}");
        }
    }
}
