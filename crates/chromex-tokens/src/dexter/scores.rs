use super::RegionLattice;
use super::packed::{BinMasks, PackedDna};
use crate::{Error, Result};

/// The most rows for which a histogram's entries and the sums of ranks have room.
const MOST_ROWS: usize = (1 << 20) - 1;

/// Where a histogram's entry counts rows; below lies the sum of their ranks.
const ROW: u32 = 40;

/// Scores k-mers by the rank correlation of their counts with expression.
///
/// Ranks are doubled, so that those of ties are whole numbers, and all sums are of whole numbers: equal counts score
/// equal, bit by bit, which the order of regions rests on.
pub(super) struct RegionScores<'a> {
    dna: &'a PackedDna,
    lattice: &'a RegionLattice,
    masks: BinMasks,
    /// Twice the rank of each row's expression, ranks counted from 1 and shared by ties.
    ranks: Vec<u64>,
    /// The sum of squares of those ranks around their mean.
    spread: i64,
    /// Where each region's histogram begins, and the end of the last.
    histograms: Vec<usize>,
}

impl<'a> RegionScores<'a> {
    /// # Errors
    ///
    /// [`Error::Shape`] when there are more rows than sums have room for.
    pub(super) fn new(
        dna: &'a PackedDna,
        lattice: &'a RegionLattice,
        expression: &[f32],
    ) -> Result<Self> {
        if expression.len() > MOST_ROWS {
            return Err(Error::Shape {
                what: "sequences to learn from",
                expected: format!("at most {MOST_ROWS}"),
                found: expression.len().to_string(),
            });
        }
        let ranks = doubled_ranks(expression);
        let middle = expression.len() as i64 + 1;
        let mut histograms = vec![0];
        for run in lattice.runs() {
            let end = histograms[histograms.len() - 1] + lattice.bases(&run).len() + 1;
            histograms.push(end);
        }
        Ok(Self {
            dna,
            lattice,
            masks: BinMasks::new(lattice),
            spread: ranks
                .iter()
                .map(|&rank| (rank as i64 - middle).pow(2))
                .sum(),
            ranks,
            histograms,
        })
    }

    /// Scores a k-mer in every region, by the regions' numbers: the absolute rank correlation, 0 where all rows have
    /// the same count.
    pub(super) fn of(&self, kmer: &[u8]) -> Vec<f64> {
        let bins = self.lattice.bins();
        let end = self.histograms[self.lattice.regions()];
        let mut entries = vec![0_u64; end];
        let mut starts = self.dna.line();
        let mut before = vec![0_u32; bins + 1];
        for (row, &rank) in self.ranks.iter().enumerate() {
            if !self.dna.starts(row, kmer, &mut starts) {
                continue;
            }
            self.masks.count(&starts, &mut before);
            let entry = (1 << ROW) | rank;
            let mut regions = self.histograms.iter();
            for first in 0..bins {
                let (from, ends) = (before[first], &before[first + 1..]);
                for (&to, &region) in ends.iter().zip(&mut regions) {
                    entries[region + (to - from) as usize] += entry;
                }
            }
        }
        let histograms = self.histograms.windows(2);
        histograms
            .map(|place| self.correlation(&mut entries[place[0]..place[1]]))
            .collect()
    }

    /// Correlates the ranks of counts with those of expression, from the rows of each count.
    fn correlation(&self, entries: &mut [u64]) -> f64 {
        let rows = self.ranks.len() as u64;
        // Rows without any occurrence were passed over: whatever is not counted above has count 0.
        let all = (rows << ROW) | (rows * (rows + 1));
        entries[0] = all - entries[1..].iter().sum::<u64>();
        let middle = rows as i64 + 1;
        let (mut below, mut common, mut spread) = (0, 0, 0);
        for &entry in entries.iter().filter(|&&entry| entry != 0) {
            let (rows, ranks) = ((entry >> ROW) as i64, (entry & ((1 << ROW) - 1)) as i64);
            let place = 2 * below + rows + 1 - middle;
            common += place * (ranks - rows * middle);
            spread += rows * place * place;
            below += rows;
        }
        if spread == 0 || self.spread == 0 {
            return 0.0;
        }
        common.abs() as f64 / (spread as f64 * self.spread as f64).sqrt()
    }
}

/// Twice the ranks of numbers, from 2 upwards; equal numbers share the mean of their ranks.
fn doubled_ranks(values: &[f32]) -> Vec<u64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut below = 0;
    // 0 and -0 differ in total order and are equal all the same.
    for ties in order.chunk_by(|&a, &b| values[a] == values[b]) {
        for &row in ties {
            ranks[row] = (2 * below + ties.len() + 1) as u64;
        }
        below += ties.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use chromex_core::Sequences;

    #[test]
    fn ties_share_their_ranks() {
        assert_eq!(doubled_ranks(&[3.0, 1.0, 3.0, -0.0, 0.0]), [9, 6, 9, 3, 3]);
    }

    #[test]
    fn a_score_is_the_rank_correlation_of_counts() {
        // AA occurs 0, 1, 2 and 2 times; expression ranks 1, 2, 3, 4: ranks 1, 2, 3.5, 3.5 correlate by 0.9487.
        let dna = Sequences::new(&["ACAC", "AACC", "AAAC", "CAAA"]).unwrap();
        let packed = PackedDna::new(&dna).unwrap();
        let lattice = RegionLattice::from_edges(vec![0, 4], 0).unwrap();
        let scores = RegionScores::new(&packed, &lattice, &[1.0, 2.0, 5.0, 9.0]).unwrap();
        let expected = 4.5 / (4.5_f64 * 5.0).sqrt();
        assert!((scores.of(&[0, 0])[0] - expected).abs() < 1e-15);
        // What no row has, or all alike, says nothing.
        assert_eq!(scores.of(&[3, 3]), [0.0]);
        let reversed = RegionScores::new(&packed, &lattice, &[9.0, 5.0, 2.0, 1.0]).unwrap();
        assert_eq!(reversed.of(&[0, 0]), scores.of(&[0, 0]));
        let equal = RegionScores::new(&packed, &lattice, &[1.0; 4]).unwrap();
        assert_eq!(equal.of(&[0, 0]), [0.0]);
    }
}
