use ndarray::{Array2, Axis};

use crate::{Error, Result, Rows};

/// DNA around each gene, all of one length, a code per base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnaWindows {
    codes: Array2<u8>,
}

impl DnaWindows {
    /// The bases by code; any other base is coded as their number.
    pub const BASES: [u8; 4] = *b"ACTG";

    /// Codes sequences, upper and lower case alike. Bases other than A, C, T and G are unknown.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when lengths differ or there is no base; [`Error::Value`] when a letter is no base of the IUPAC code.
    pub fn new<S: AsRef<[u8]>>(sequences: &[S]) -> Result<Self> {
        let length = sequences.first().map_or(0, |first| first.as_ref().len());
        let mut codes = Vec::with_capacity(sequences.len() * length);
        for (row, sequence) in sequences.iter().enumerate() {
            let sequence = sequence.as_ref();
            if sequence.len() != length || length == 0 {
                return Err(Error::Shape {
                    what: "bases of a sequence",
                    expected: format!("{} as in row 0, and at least 1", length),
                    found: format!("{} in row {row}", sequence.len()),
                });
            }
            for &letter in sequence {
                let letter = letter.to_ascii_uppercase();
                let code = Self::BASES.iter().position(|&base| base == letter);
                if code.is_none() && !b"NRYSWKMBDHVU-".contains(&letter) {
                    return Err(Error::Value {
                        row,
                        what: "base",
                        expected: "a letter of the IUPAC code",
                        found: (letter as char).escape_debug().to_string(),
                    });
                }
                codes.push(code.unwrap_or(Self::BASES.len()) as u8);
            }
        }
        let codes = Array2::from_shape_vec((sequences.len(), length), codes)
            .expect("sequences have one length");
        Ok(Self { codes })
    }

    /// Views the codes, `[genes, bases]`: the index in [`BASES`](Self::BASES), or 4 where the base is unknown.
    pub fn codes(&self) -> &Array2<u8> {
        &self.codes
    }

    /// Counts the bases of a sequence.
    pub fn length(&self) -> usize {
        self.codes.ncols()
    }
}

impl Rows for DnaWindows {
    fn len(&self) -> usize {
        self.codes.nrows()
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self {
            codes: self.codes.select(Axis(0), rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn bases_have_codes_and_what_is_no_base_is_refused() {
        let dna = DnaWindows::new(&["ACTG", "ngtA"]).unwrap();
        assert_eq!(dna.codes(), &array![[0, 1, 2, 3], [4, 3, 2, 0]]);
        assert_eq!(dna.select(&[1]).codes(), &array![[4, 3, 2, 0]]);
        assert!(DnaWindows::new(&["AC", "A"]).is_err());
        let message = DnaWindows::new(&["AZ"]).unwrap_err().to_string();
        assert!(message.contains("IUPAC") && message.contains('Z'));
    }
}
