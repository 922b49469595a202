use std::path::Path;

use ndarray::Array2;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::{Error, Predict, Result, Rows, Sequences, atomic, random};

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

/// A place that matters. See [`LocationImportances::peaks`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImportancePeak {
    /// Bases from the gene: 1 is the base next to it.
    pub distance: usize,
    /// The importance, as [`LocationImportances::profile`] has it.
    pub importance: f64,
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
        const MOST: usize = 1_000_000;
        let sound = !self.lengths.is_empty() && !self.lengths.contains(&0);
        if !sound || !(1..=MOST).contains(&self.passes) {
            return Err(Error::Setting {
                name: "lengths, passes",
                expected: format!("lengths of at least 1 base, and 1 to {MOST} passes"),
                found: format!("{:?}, {}", self.lengths, self.passes),
            });
        }
        let positions = sequences.iter().map(<[u8]>::len).max().unwrap_or(0);
        if positions == 0 {
            return Err(Error::Empty {
                what: "the sequences whose locations are to be weighed",
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

impl LocationImportances {
    /// Averages over the lengths, each as a multiple of its own mean over the positions, so that long replacements, which change
    /// more, do not count for more. Where there was no draw of a length it does not count; NaN where there was none at all.
    pub fn profile(&self) -> Vec<f64> {
        let mean = |numbers: &mut dyn Iterator<Item = f64>| {
            let (count, sum) =
                numbers.fold((0_u64, 0.0), |(count, sum), one| (count + 1, sum + one));
            sum / count as f64
        };
        let finite = |one: &f64| one.is_finite();
        let scales: Vec<f64> = self
            .changes
            .rows()
            .into_iter()
            .map(|row| mean(&mut row.iter().copied().filter(finite)))
            .collect();
        let columns = self.changes.columns().into_iter();
        let scaled = columns.map(|column| {
            let pairs = column.into_iter().zip(&scales);
            mean(&mut pairs.map(|(one, scale)| one / scale).filter(finite))
        });
        scaled.collect()
    }

    /// Finds the places of the highest importance, each further than `apart` bases from those before it, highest first.
    pub fn peaks(&self, count: usize, apart: usize) -> Vec<ImportancePeak> {
        let profile = self.profile();
        let mut order: Vec<usize> = (0..profile.len()).collect();
        order.retain(|&place| profile[place].is_finite());
        order.sort_by(|&a, &b| profile[b].total_cmp(&profile[a]).then(a.cmp(&b)));
        let mut found: Vec<usize> = Vec::new();
        for place in order {
            if found.len() < count && found.iter().all(|other| other.abs_diff(place) > apart) {
                found.push(place);
            }
        }
        let peak = |place: usize| ImportancePeak {
            distance: profile.len() - place,
            importance: profile[place],
        };
        found.into_iter().map(peak).collect()
    }

    /// Writes a table: a line per position, the base furthest from the gene first, with its distance, its importance over all
    /// lengths, and change and draws of each length; empty where there was no draw.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let profile = self.profile();
        let number = |one: f64| {
            if one.is_finite() {
                one.to_string()
            } else {
                String::new()
            }
        };
        atomic::write(path, |file| {
            write!(file, "distance_bp\timportance")?;
            for length in &self.lengths {
                write!(file, "\tchange_{length}\tdraws_{length}")?;
            }
            for (place, &importance) in profile.iter().enumerate() {
                write!(file, "\n{}\t{}", profile.len() - place, number(importance))?;
                for (change, draws) in self
                    .changes
                    .column(place)
                    .iter()
                    .zip(self.draws.column(place))
                {
                    write!(file, "\t{}\t{draws}", number(*change))?;
                }
            }
            writeln!(file)
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
    fn peaks_lie_in_the_motif_and_the_table_has_a_line_per_base() {
        let found = LocationImportance::default()
            .measure(&Motif, &promoters(), 3)
            .unwrap();
        let peaks = found.peaks(2, 30);
        // The motif ends 20 bases before the gene; replacements reach five bases past it.
        assert!((16..=26).contains(&peaks[0].distance), "{peaks:?}");
        assert!(peaks[1].importance <= peaks[0].importance && peaks.len() == 2);
        assert!(peaks[1].distance.abs_diff(peaks[0].distance) > 30);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("importance.tsv");
        found.write(&path).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split('\t').collect())
            .collect();
        assert_eq!((lines.len(), lines[80][0], lines[1].len()), (81, "1", 14));
        // Without a draw there is no number.
        let mut none = found.clone();
        none.changes.column_mut(4).fill(f64::NAN);
        assert!(none.profile()[4].is_nan());
        assert!(none.peaks(80, 0).iter().all(|peak| peak.distance != 76));
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
