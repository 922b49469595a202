use chromex_core::{Encode, Rows, Sequences};
use ndarray::{Array3, s};
use serde::{Deserialize, Serialize};

use crate::{Error, KeptEnd, Result};

/// Lays sequences out as `[rows, length, 4]`, a channel each for A, C, G and T.
///
/// A letter that stands for several bases shares 1 among them: R is half A and half G, N a quarter of each. Shorter sequences
/// are filled up with 0 on the side that is cut off in longer ones, so that the kept ends stand together.
///
/// # Examples
///
/// ```
/// use chromex_core::{Encode, Sequences};
/// use chromex_tokens::{KeptEnd, OneHot};
/// let layout = OneHot { length: 2, kept: KeptEnd::Last };
/// let hot = layout.encode(&Sequences::new(&["GAC", "R"])?)?;
/// assert_eq!(hot.dim(), (2, 2, 4));
/// assert_eq!((hot[[0, 0, 0]], hot[[0, 1, 1]], hot[[1, 0, 0]], hot[[1, 1, 2]]), (1.0, 1.0, 0.0, 0.5));
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneHot {
    /// Bases of a row.
    pub length: usize,
    /// Which end of a sequence is kept and stands at the row's own end: the last bases lie next to the gene.
    pub kept: KeptEnd,
}

impl OneHot {
    fn table(self, sequences: &Sequences) -> Result<Array3<f32>> {
        const MOST: usize = 1 << 32;
        let numbers = self
            .length
            .saturating_mul(4)
            .saturating_mul(sequences.len());
        if self.length == 0 || numbers > MOST {
            return Err(Error::Setting {
                name: "length",
                expected: format!("at least 1 base, and at most {MOST} numbers in all"),
                found: self.length.to_string(),
            });
        }
        let mut table = Array3::zeros((sequences.len(), self.length, 4));
        for (row, sequence) in sequences.iter().enumerate() {
            let count = sequence.len().min(self.length);
            let (from, to) = match self.kept {
                KeptEnd::Last => (sequence.len() - count, self.length - count),
                KeptEnd::First => (0, 0),
            };
            let mut own = table.slice_mut(s![row, to..to + count, ..]);
            for (mut channels, &letter) in own.outer_iter_mut().zip(&sequence[from..]) {
                let bases = bases(letter);
                let share = 1.0 / bases.len().max(1) as f32;
                for &base in bases {
                    channels[base] = share;
                }
            }
        }
        Ok(table)
    }
}

impl Encode<Sequences> for OneHot {
    type Output = Array3<f32>;

    fn encode(&self, inputs: &Sequences) -> chromex_core::Result<Array3<f32>> {
        Ok(self.table(inputs)?)
    }
}

chromex_core::fit_by_copy!(OneHot: Sequences);

/// The channels of the bases that a letter stands for.
fn bases(letter: u8) -> &'static [usize] {
    match letter {
        b'A' => &[0],
        b'C' => &[1],
        b'G' => &[2],
        b'T' | b'U' => &[3],
        b'R' => &[0, 2],
        b'Y' => &[1, 3],
        b'S' => &[1, 2],
        b'W' => &[0, 3],
        b'K' => &[2, 3],
        b'M' => &[0, 1],
        b'B' => &[1, 2, 3],
        b'D' => &[0, 2, 3],
        b'H' => &[0, 1, 3],
        b'V' => &[0, 1, 2],
        b'N' => &[0, 1, 2, 3],
        // Masked: nothing is known to stand there.
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_shares_one_and_the_kept_ends_stand_together() {
        let letters = std::str::from_utf8(&Sequences::LETTERS).unwrap();
        let sequences = Sequences::new(&[letters, "AC"]).unwrap();
        let layout = OneHot {
            length: 17,
            kept: KeptEnd::Last,
        };
        let hot = layout.encode(&sequences).unwrap();
        for (place, &letter) in Sequences::LETTERS.iter().enumerate() {
            let sum: f32 = hot.slice(s![0, place, ..]).sum();
            let expected = if letter == b'X' { 0.0 } else { 1.0 };
            assert!((sum - expected).abs() < 1e-6, "{}", letter as char);
        }
        assert_eq!(
            (
                hot[[1, 15, 0]],
                hot[[1, 16, 1]],
                hot.slice(s![1, .., ..]).sum()
            ),
            (1.0, 1.0, 2.0)
        );
        let first = OneHot {
            length: 1,
            kept: KeptEnd::First,
        };
        assert_eq!(first.encode(&sequences).unwrap()[[1, 0, 0]], 1.0);
        assert!(OneHot { length: 0, ..first }.encode(&sequences).is_err());
    }
}
