use std::collections::{BTreeMap, HashMap, HashSet};

use chromex_core::{Rows, Sequences};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Finds sequences that are alike, so that a split can keep them on one side.
///
/// The identity of two sequences is estimated from the k-mers that they share: of a sequence whose bases each stayed with the
/// chance p, p^k of the k-mers did (Mash, Ondov et al. 2016, doi:10.1186/s13059-016-0997-x), counted against the shorter one, so
/// that a piece is found in the whole. Clusters are single linkage, so no pair above the estimated identity is ever parted; both
/// strands are not compared, since promoters are read from their gene's strand.
///
/// Equal sequences are always one cluster. K-mers of repeats, which stand in more than [`most_rows`](Self::most_rows) different
/// sequences, are not shared by any two but remain in the number that is divided by: sequences that consist of repeats are
/// estimated less alike than they are. Sequences without any k-mer stand alone.
///
/// # Examples
///
/// ```
/// use chromex_core::Sequences;
/// use chromex_tokens::Homology;
/// let one = "ACGGTCATTGCAAGCTTACGGATCCATTGACCTGA";
/// let sequences = Sequences::new(&[one, "GGGTTTAAACCCATATATGCGCGTACTACGT", &one[3..]])?;
/// assert_eq!(Homology::default().clusters(&sequences)?, [0, 1, 0]);
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Homology {
    /// Letters of a k-mer, 8 to 31.
    pub k: usize,
    /// The identity from which on sequences are one cluster, above 0 and at most 1.
    pub identity: f64,
    /// The most different sequences that a k-mer may stand in to count: those of repeats say little, and cost the square of it.
    pub most_rows: usize,
}

impl Default for Homology {
    /// 12-mers and 80 in 100, FloraBERT's threshold.
    fn default() -> Self {
        Self {
            k: 12,
            identity: 0.8,
            most_rows: 2000,
        }
    }
}

impl Homology {
    /// Gives the cluster of each sequence, numbered in the order in which they begin.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range.
    pub fn clusters(&self, sequences: &Sequences) -> Result<Vec<usize>> {
        self.check()?;
        let own: Vec<Vec<u64>> = sequences.iter().map(|one| self.kmers(one)).collect();
        let firsts = first_of_equals(sequences, &own);
        let mut places: Vec<(u64, u32)> = Vec::new();
        for (row, kmers) in own.iter().enumerate() {
            if firsts[row] != row {
                continue;
            }
            places.extend(kmers.iter().map(|&kmer| (kmer, row as u32)));
        }
        places.sort_unstable();
        let mut shared: HashMap<(u32, u32), u32> = HashMap::new();
        for same in places.chunk_by(|a, b| a.0 == b.0) {
            if same.len() > self.most_rows {
                continue;
            }
            for (place, &(_, one)) in same.iter().enumerate() {
                for &(_, other) in &same[place + 1..] {
                    *shared.entry((one, other)).or_default() += 1;
                }
            }
        }
        let mut parents = firsts;
        for ((one, other), count) in shared {
            let (one, other) = (one as usize, other as usize);
            let shorter = own[one].len().min(own[other].len());
            if self.identity_of(count, shorter) >= self.identity {
                let (one, other) = (root(&mut parents, one), root(&mut parents, other));
                // The earlier row is the root, whatever the order of the pairs.
                parents[one.max(other)] = one.min(other);
            }
        }
        let mut numbers = BTreeMap::new();
        Ok((0..own.len())
            .map(|row| {
                let next = numbers.len();
                *numbers.entry(root(&mut parents, row)).or_insert(next)
            })
            .collect())
    }

    /// Estimates, for each of `tested`, the identity to the most alike of `trained`; 0 where nothing is shared, and 1 where an
    /// equal one is. High numbers are leaks of a split.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range.
    pub fn nearest(&self, tested: &Sequences, trained: &Sequences) -> Result<Vec<f64>> {
        self.check()?;
        let own: Vec<Vec<u64>> = trained.iter().map(|one| self.kmers(one)).collect();
        let firsts = first_of_equals(trained, &own);
        let known: HashSet<&[u8]> = trained.iter().collect();
        let mut rows_of: HashMap<u64, Vec<u32>> = HashMap::new();
        for (row, kmers) in own.iter().enumerate() {
            if firsts[row] != row {
                continue;
            }
            for &kmer in kmers {
                rows_of.entry(kmer).or_default().push(row as u32);
            }
        }
        let mut shared = vec![0_u32; trained.len()];
        let nearest = tested.iter().map(|sequence| {
            shared.fill(0);
            let kmers = self.kmers(sequence);
            if !kmers.is_empty() && known.contains(sequence) {
                return 1.0;
            }
            let known = kmers.iter().filter_map(|kmer| rows_of.get(kmer));
            for rows in known.filter(|rows| rows.len() <= self.most_rows) {
                for &row in rows {
                    shared[row as usize] += 1;
                }
            }
            let identities = shared.iter().zip(&own).filter(|(count, _)| **count > 0);
            let identities = identities
                .map(|(&count, other)| self.identity_of(count, kmers.len().min(other.len())));
            identities.fold(0.0, f64::max)
        });
        Ok(nearest.collect())
    }

    fn identity_of(&self, shared: u32, of: usize) -> f64 {
        let share = f64::from(shared) / of.max(1) as f64;
        share.min(1.0).powf(1.0 / self.k as f64)
    }

    /// The different k-mers of a sequence, in order; those with another letter than A, C, G and T are left out.
    fn kmers(&self, sequence: &[u8]) -> Vec<u64> {
        let mask = (1_u64 << (2 * self.k)) - 1;
        let (mut kmer, mut sound) = (0_u64, 0);
        let mut kmers = Vec::with_capacity(sequence.len());
        for letter in sequence {
            let code = b"ACGT".iter().position(|known| known == letter);
            sound = if code.is_some() { sound + 1 } else { 0 };
            kmer = (kmer << 2 | code.unwrap_or(0) as u64) & mask;
            if sound >= self.k {
                kmers.push(kmer);
            }
        }
        kmers.sort_unstable();
        kmers.dedup();
        kmers
    }

    fn check(&self) -> Result<()> {
        let sound = (8..=31).contains(&self.k) && self.identity > 0.0 && self.identity <= 1.0;
        if sound && self.most_rows > 0 {
            return Ok(());
        }
        Err(Error::Setting {
            name: "k, identity, most_rows",
            expected: "8 to 31 letters, an identity above 0 and at most 1, and at least 1 row"
                .into(),
            found: format!("{}, {}, {}", self.k, self.identity, self.most_rows),
        })
    }
}

/// Finds for each row the first of the same letters; a row without k-mers stands for itself.
fn first_of_equals(sequences: &Sequences, kmers: &[Vec<u64>]) -> Vec<usize> {
    let mut firsts: HashMap<&[u8], usize> = HashMap::new();
    let rows = sequences.iter().zip(kmers).enumerate();
    rows.map(|(row, (sequence, kmers))| match kmers.is_empty() {
        true => row,
        false => *firsts.entry(sequence).or_insert(row),
    })
    .collect()
}

/// Finds the row that stands for a cluster, and shortens the way to it.
fn root(parents: &mut [usize], row: usize) -> usize {
    let mut root = row;
    while parents[root] != root {
        parents[root] = parents[parents[root]];
        root = parents[root];
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64.
    fn below(state: &mut u64, bound: u64) -> u64 {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 33) % bound
    }

    fn drawn(state: &mut u64, length: usize) -> Vec<u8> {
        (0..length)
            .map(|_| b"ACGT"[below(state, 4) as usize])
            .collect()
    }

    /// A copy in which each base is another one with the chance of `per_mille` in 1,000.
    fn changed(state: &mut u64, sequence: &[u8], per_mille: u64) -> Vec<u8> {
        let mut copy = sequence.to_vec();
        for base in &mut copy {
            if below(state, 1000) < per_mille {
                let others: Vec<u8> = b"ACGT"
                    .iter()
                    .copied()
                    .filter(|other| other != base)
                    .collect();
                *base = others[below(state, 3) as usize];
            }
        }
        copy
    }

    #[test]
    fn families_of_copies_are_clusters_and_strangers_are_not() {
        let state = &mut 3;
        let mut sequences = Vec::new();
        for _ in 0..20 {
            let parent = drawn(state, 1000);
            // Piece, close copy, and one that is below the threshold.
            sequences.push(parent[300..].to_vec());
            sequences.push(changed(state, &parent, 100));
            sequences.push(changed(state, &parent, 320));
            sequences.push(parent);
        }
        let sequences = Sequences::new(&sequences).unwrap();
        let clusters = Homology::default().clusters(&sequences).unwrap();
        for family in 0..20 {
            let own = &clusters[4 * family..4 * family + 4];
            assert_eq!(own, [2 * family, 2 * family, 2 * family + 1, 2 * family]);
        }
    }

    #[test]
    fn the_estimated_identity_is_that_of_the_copy() {
        let state = &mut 5;
        for per_mille in [0, 50, 100, 200] {
            let trained: Vec<Vec<u8>> = (0..30).map(|_| drawn(state, 1000)).collect();
            let tested: Vec<Vec<u8>> = trained
                .iter()
                .map(|one| changed(state, one, per_mille))
                .collect();
            let (tested, trained) = (Sequences::new(&tested), Sequences::new(&trained));
            let nearest = Homology::default()
                .nearest(&tested.unwrap(), &trained.unwrap())
                .unwrap();
            let mean: f64 = nearest.iter().sum::<f64>() / 30.0;
            let expected = 1.0 - per_mille as f64 / 1000.0;
            assert!((mean - expected).abs() < 0.01, "{mean} for {expected}");
        }
    }

    #[test]
    fn equal_sequences_are_never_parted_and_count_once_for_the_most_rows() {
        let state = &mut 9;
        let (copied, alone) = (drawn(state, 200), drawn(state, 200));
        let close = changed(state, &copied, 20);
        let rows = [&copied, &alone, &copied, &close, &copied].map(Vec::clone);
        let sequences = Sequences::new(&rows).unwrap();
        let clusters = |most_rows: usize| {
            let homology = Homology {
                most_rows,
                ..Homology::default()
            };
            let nearest = homology
                .nearest(&sequences, &sequences.select(&[0, 2, 4]))
                .unwrap();
            assert_eq!((nearest[0], nearest[2]), (1.0, 1.0));
            assert!(nearest[1] < 0.5 && nearest[3] > 0.9, "{nearest:?}");
            homology.clusters(&sequences).unwrap()
        };
        // Only the copies, whose k-mers are all left out; then both spellings.
        assert_eq!(clusters(1), [0, 1, 0, 2, 0]);
        assert_eq!(clusters(2), [0, 1, 0, 0, 0]);
    }

    #[test]
    fn sequences_without_k_mers_stand_alone_and_bad_settings_are_refused() {
        let sequences = Sequences::new(&["", "ACGT", "NNNNNNNNNNNNNNNN", ""]).unwrap();
        assert_eq!(
            Homology::default().clusters(&sequences).unwrap(),
            [0, 1, 2, 3]
        );
        let nearest = Homology::default().nearest(&sequences, &sequences).unwrap();
        assert_eq!(nearest, [0.0; 4]);
        let wrong = Homology {
            k: 40,
            ..Homology::default()
        };
        assert!(wrong.clusters(&sequences).is_err());
    }
}
