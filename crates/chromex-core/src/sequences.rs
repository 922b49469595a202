use crate::{Error, Result, Rows, reverse_complement};

/// Sequences of DNA of any lengths, such as promoters, in upper case.
///
/// All letters lie in one vector; sequence `row` spans two neighbouring offsets. The last letter is the one next to the gene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequences {
    letters: Vec<u8>,
    offsets: Vec<usize>,
}

/// Which letters a sequence may hold.
const KNOWN: [bool; 256] = {
    let mut known = [false; 256];
    let mut place = 0;
    while place < Sequences::LETTERS.len() {
        known[Sequences::LETTERS[place] as usize] = true;
        place += 1;
    }
    known
};

impl Sequences {
    /// The letters that a sequence may hold: bases, the ambiguity codes of IUPAC, and `X` for what was masked.
    pub const LETTERS: [u8; 17] = *b"ACGTUNRYSWKMBDHVX";

    /// Takes sequences, upper and lower case alike.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] at the first letter that is not one of the IUPAC code.
    ///
    /// # Examples
    ///
    /// ```
    /// let sequences = chromex_core::Sequences::new(&["acgt", "", "TN"]).unwrap();
    /// assert_eq!(sequences.sequence(0), b"ACGT");
    /// assert!(chromex_core::Sequences::new(&["AC-"]).is_err());
    /// ```
    pub fn new<S: AsRef<[u8]>>(sequences: &[S]) -> Result<Self> {
        let mut letters = Vec::with_capacity(sequences.iter().map(|s| s.as_ref().len()).sum());
        let mut offsets = vec![0];
        for (row, sequence) in sequences.iter().enumerate() {
            for letter in sequence.as_ref() {
                let upper = letter.to_ascii_uppercase();
                if !Self::is_letter(upper) {
                    return Err(Error::Value {
                        row,
                        what: "base",
                        expected: "a letter of the IUPAC code",
                        found: (*letter as char).escape_debug().to_string(),
                    });
                }
                letters.push(upper);
            }
            offsets.push(letters.len());
        }
        Ok(Self { letters, offsets })
    }

    /// Tells whether a sequence may hold a letter, an upper one.
    pub fn is_letter(letter: u8) -> bool {
        KNOWN[usize::from(letter)]
    }

    /// Views one sequence.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    pub fn sequence(&self, row: usize) -> &[u8] {
        &self.letters[self.offsets[row]..self.offsets[row + 1]]
    }

    /// Reads every sequence from the other strand.
    pub fn reverse_complement(&self) -> Self {
        let letters = self.iter().flat_map(reverse_complement);
        Self {
            letters: letters.collect(),
            offsets: self.offsets.clone(),
        }
    }

    /// Tells how many letters each sequence has, where all have as many; 0 where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when a sequence is empty or has another length than the first.
    pub fn length(&self) -> Result<usize> {
        let length = self.iter().next().map_or(0, <[u8]>::len);
        match self
            .iter()
            .position(|other| other.len() != length || length == 0)
        {
            None => Ok(length),
            Some(row) => Err(Error::Shape {
                what: "bases of a sequence",
                expected: format!("{length} as in row 0, and at least 1"),
                found: format!("{} in row {row}", self.sequence(row).len()),
            }),
        }
    }

    /// Goes over all sequences.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.offsets.len() - 1).map(|row| self.sequence(row))
    }
}

impl Rows for Sequences {
    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn select(&self, rows: &[usize]) -> Self {
        let mut letters = Vec::new();
        let mut offsets = Vec::with_capacity(rows.len() + 1);
        offsets.push(0);
        for &row in rows {
            letters.extend_from_slice(self.sequence(row));
            offsets.push(letters.len());
        }
        Self { letters, offsets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_lengths_and_a_letter_that_is_none_is_named() {
        let sequences = Sequences::new(&["acgt", "", "NxU"]).unwrap();
        let swapped = sequences.select(&[2, 1, 0]);
        assert_eq!(swapped.sequence(0), b"NXU");
        assert_eq!((swapped.sequence(1), swapped.len()), (&b""[..], 3));
        assert_eq!(swapped.iter().last(), Some(&b"ACGT"[..]));
        assert_eq!(sequences.select(&[0]).length().unwrap(), 4);
        assert_eq!(sequences.select(&[]).length().unwrap(), 0);
        assert!(
            sequences
                .length()
                .unwrap_err()
                .to_string()
                .contains("row 1")
        );
        assert!(sequences.select(&[1]).length().is_err());
        let message = Sequences::new(&["A", "C>"]).unwrap_err().to_string();
        assert!(
            message.contains("row 1") && message.contains('>'),
            "{message}"
        );
    }
}
