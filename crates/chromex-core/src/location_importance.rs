use ndarray::Array2;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::{Error, Predict, Result, Rows, Sequences, random};

/// Measures where predictions come from: how much they change when a few bases are replaced by random ones, by the distance
/// from the gene.
///
/// It works on whatever predicts from sequences. In each pass, each sequence gets one replacement of each length at a random
/// start; sequences are changed and predicted a batch at a time.
///
/// # Differences from the paper
///
/// FloraBERT's authors average over all draws, of which one in 4^L leaves the sequence as it was, so that importance rises with
/// the length by construction; here such draws do not count, unless [`LocationImportance::faithful`] is asked for. Positions
/// are counted from the gene, so that promoters of different lengths lie over one another, and those that a short promoter lacks
/// are not counted for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocationImportance {
    /// The lengths of replacements, in bases.
    pub lengths: Vec<usize>,
    /// How often each sequence is changed for each length.
    pub passes: usize,
    /// Sequences that are predicted at once.
    pub batch_rows: usize,
    /// Whether draws that leave the sequence unchanged count, as in the published code.
    pub counts_unchanged: bool,
}

/// The importance of every place. Measured by [`LocationImportance`].
#[derive(Clone, Debug, PartialEq)]
pub struct LocationImportances {
    /// The lengths of replacements, a row each of the tables.
    pub lengths: Vec<usize>,
    /// The mean absolute change, `[lengths, positions]`, averaged over the targets; NaN where there was no draw. The last
    /// position is the base next to the gene; a replacement counts for every base that it covers.
    pub changes: Array2<f64>,
    /// How many draws each mean is of, `[lengths, positions]`.
    pub draws: Array2<u64>,
}

impl Default for LocationImportance {
    /// Lengths 1 to 6, 20 passes, draws that change nothing left out.
    fn default() -> Self {
        Self {
            lengths: (1..=6).collect(),
            passes: 20,
            batch_rows: 256,
            counts_unchanged: false,
        }
    }
}

impl LocationImportance {
    /// Counts every draw, as the published code does.
    pub fn faithful() -> Self {
        Self {
            counts_unchanged: true,
            ..Self::default()
        }
    }

    /// Measures.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there is no length or no pass; [`Error::Empty`] when there is no base; what predicting gives.
    pub fn measure(
        &self,
        model: &impl Predict<Sequences>,
        sequences: &Sequences,
        seed: u64,
    ) -> Result<LocationImportances> {
        if self.lengths.is_empty() || self.lengths.contains(&0) || self.passes == 0 {
            return Err(Error::Setting {
                name: "lengths, passes",
                expected: "lengths of at least 1 base, and at least 1 pass".into(),
                found: format!("{:?}, {}", self.lengths, self.passes),
            });
        }
        let positions = sequences.iter().map(<[u8]>::len).max().unwrap_or(0);
        if positions == 0 {
            return Err(Error::Empty {
                what: "the sequences of an importance",
            });
        }
        let mut changes = Array2::zeros((self.lengths.len(), positions));
        let mut draws = Array2::zeros((self.lengths.len(), positions));
        let rows: Vec<usize> = (0..sequences.len()).collect();
        for (batch, rows) in rows.chunks(self.batch_rows.max(1)).enumerate() {
            let batch_sequences = sequences.select(rows);
            let before = model.predict(&batch_sequences)?;
            for pass in 0..self.passes {
                for (line, &length) in self.lengths.iter().enumerate() {
                    let purpose = format!("replacements of {length} in batch {batch}, pass {pass}");
                    let mut generator = random::generator(seed, &purpose);
                    // The place of each change from the gene, and whether it is one.
                    let mut places = Vec::with_capacity(rows.len());
                    let changed: Vec<Vec<u8>> = batch_sequences
                        .iter()
                        .map(|sequence| {
                            let mut copy = sequence.to_vec();
                            if copy.len() < length {
                                places.push(None);
                                return copy;
                            }
                            let start = generator.random_range(0..=copy.len() - length);
                            for base in &mut copy[start..start + length] {
                                *base = b"ACGT"[generator.random_range(0..4)];
                            }
                            let counts = self.counts_unchanged || copy != sequence;
                            places.push(counts.then(|| positions - copy.len() + start));
                            copy
                        })
                        .collect();
                    let after = model.predict(&Sequences::new(&changed)?)?;
                    for (row, place) in places.into_iter().enumerate() {
                        let Some(place) = place else { continue };
                        let pairs = before.row(row).into_iter().zip(after.row(row));
                        let sum: f64 = pairs.map(|(a, b)| f64::from((a - b).abs())).sum();
                        let change = sum / before.ncols().max(1) as f64;
                        for covered in place..place + length {
                            changes[[line, covered]] += change;
                            draws[[line, covered]] += 1;
                        }
                    }
                }
            }
        }
        changes.zip_mut_with(&draws, |change, &draws: &u64| *change /= draws as f64);
        Ok(LocationImportances {
            lengths: self.lengths.clone(),
            changes,
            draws,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the matches with a motif that ends 20 bases before the gene.
    struct Motif;

    impl Predict<Sequences> for Motif {
        fn predict(&self, inputs: &Sequences) -> Result<Array2<f32>> {
            let scores = inputs.iter().map(|sequence| {
                let Some(start) = sequence.len().checked_sub(26) else {
                    return 0.0;
                };
                let pairs = sequence[start..].iter().zip(b"TATAAA");
                pairs.filter(|(base, motif)| base == motif).count() as f32
            });
            let scores: Vec<f32> = scores.collect();
            Ok(Array2::from_shape_vec((scores.len(), 1), scores).expect("one score each"))
        }
    }

    fn promoters() -> Sequences {
        let mut generator = random::generator(1, "promoters");
        let rows = (0..60).map(|row| {
            let length = if row % 3 == 0 { 50 } else { 80 };
            let mut bases: Vec<u8> = (0..length)
                .map(|_| b"ACGT"[generator.random_range(0..4)])
                .collect();
            bases[length - 26..length - 20].copy_from_slice(b"TATAAA");
            bases
        });
        Sequences::new(&rows.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn bases_of_the_motif_matter_whatever_the_promoters_length() {
        let found = LocationImportance::default()
            .measure(&Motif, &promoters(), 3)
            .unwrap();
        assert_eq!(found.changes.dim(), (6, 80));
        for (line, changes) in found.changes.outer_iter().enumerate() {
            // Replacements of L reach L - 1 bases further.
            for (place, &change) in changes.iter().enumerate() {
                let reached = place + line >= 54 && place < 60 + line;
                assert!((change > 0.0) == reached, "{line} {place}: {change}");
            }
        }
        // A single base that changed is one match less, always.
        assert!(
            found
                .changes
                .row(0)
                .iter()
                .skip(54)
                .take(6)
                .all(|&change| change == 1.0)
        );
        assert_eq!(
            LocationImportance::default()
                .measure(&Motif, &promoters(), 3)
                .unwrap(),
            found
        );
    }

    #[test]
    fn counting_draws_that_change_nothing_lowers_single_bases_by_a_quarter() {
        let settings = LocationImportance {
            passes: 400,
            lengths: vec![1],
            ..LocationImportance::faithful()
        };
        let found = settings.measure(&Motif, &promoters(), 3).unwrap();
        let mean = found.changes.row(0).iter().skip(54).take(6).sum::<f64>() / 6.0;
        assert!((mean - 0.75).abs() < 0.05, "{mean}");
        assert!(found.draws[[0, 0]] < found.draws[[0, 70]]);
    }

    #[test]
    fn settings_and_sequences_of_nothing_are_refused() {
        let none = LocationImportance {
            lengths: vec![],
            ..LocationImportance::default()
        };
        assert!(none.measure(&Motif, &promoters(), 0).is_err());
        let empty = Sequences::new(&[""]).unwrap();
        assert!(
            LocationImportance::default()
                .measure(&Motif, &empty, 0)
                .is_err()
        );
    }
}
