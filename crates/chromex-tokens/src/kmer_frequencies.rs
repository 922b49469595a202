use chromex_core::{DnaWindows, Encode, Rows, fit_by_copy};
use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Counts every k-mer of a sequence, wherever it lies: the features of the simplest model of DNA.
///
/// A column is the number of a k-mer's starts divided by the number of bases; occurrences may overlap, and an unknown
/// base is in none. Columns follow the alphabet: AA, AC, AG, AT, CA, …
///
/// # Examples
///
/// ```
/// use chromex_core::{DnaWindows, Encode};
/// use chromex_tokens::KmerFrequencies;
///
/// let dna = DnaWindows::new(&["AACA", "ANAA"])?;
/// let frequencies = KmerFrequencies::new(2)?.encode(&dna)?;
/// assert_eq!(frequencies.dim(), (2, 16));
/// assert_eq!(frequencies.row(0).to_vec()[..5], [0.25, 0.25, 0.0, 0.0, 0.25]);
/// assert_eq!(frequencies[[1, 0]], 0.25);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KmerFrequencies {
    /// Letters of a k-mer, 1 to 8.
    pub length: usize,
}

/// The places of A, C, T and G, by code, in the alphabet.
const PLACES: [usize; 4] = [0, 1, 3, 2];

impl KmerFrequencies {
    /// Counts k-mers of a length.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when it is not from 1 to 8.
    pub fn new(length: usize) -> Result<Self> {
        let frequencies = Self { length };
        frequencies.check()?;
        Ok(frequencies)
    }

    /// Names the columns.
    pub fn names(&self) -> Vec<String> {
        let letter = |kmer: usize, place: usize| char::from(b"ACGT"[kmer >> (2 * place) & 3]);
        (0..1_usize << (2 * self.length))
            .map(|kmer| {
                (0..self.length)
                    .rev()
                    .map(|place| letter(kmer, place))
                    .collect()
            })
            .collect()
    }

    fn check(&self) -> Result<()> {
        match self.length {
            1..=8 => Ok(()),
            found => Err(Error::Setting {
                name: "length",
                expected: "1 to 8 letters".into(),
                found: found.to_string(),
            }),
        }
    }
}

impl Encode<DnaWindows> for KmerFrequencies {
    type Output = Array2<f32>;

    fn encode(&self, inputs: &DnaWindows) -> chromex_core::Result<Array2<f32>> {
        self.check()?;
        let columns = 1 << (2 * self.length);
        let mut table = Array2::zeros((inputs.len(), columns));
        let part = 1.0 / inputs.length().max(1) as f32;
        table
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(inputs.codes().axis_iter(Axis(0)))
            .for_each(|(mut row, codes)| {
                let (mut kmer, mut known) = (0, 0);
                for &code in codes {
                    match PLACES.get(usize::from(code)) {
                        Some(place) => {
                            kmer = (kmer << 2 | place) & (columns - 1);
                            known += 1;
                        }
                        None => known = 0,
                    }
                    if known >= self.length {
                        row[kmer] += 1.0;
                    }
                }
                row *= part;
            });
        Ok(table)
    }
}

fit_by_copy!(KmerFrequencies: DnaWindows);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_alphabet_and_columns_their_names() {
        let kmers = KmerFrequencies::new(3).unwrap();
        let names = kmers.names();
        assert_eq!(names.len(), 64);
        assert!(names.is_sorted() && names[1] == "AAC" && names[63] == "TTT");
        let sequence = "GATTACAGATTNACAGAGG";
        let table = kmers
            .encode(&DnaWindows::new(&[sequence]).unwrap())
            .unwrap();
        for (name, value) in names.iter().zip(table.row(0)) {
            let starts = (0..sequence.len()).filter(|&at| sequence[at..].starts_with(name));
            assert!(
                (value - starts.count() as f32 / 19.0).abs() < 1e-7,
                "{name}"
            );
        }
    }

    #[test]
    fn lengths_out_of_range_are_refused() {
        assert!(KmerFrequencies::new(0).is_err() && KmerFrequencies::new(9).is_err());
        let dna = DnaWindows::new(&["ACGT"]).unwrap();
        assert!(KmerFrequencies { length: 40 }.encode(&dna).is_err());
    }
}
