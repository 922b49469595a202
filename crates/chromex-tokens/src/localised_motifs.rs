use std::collections::{BTreeMap, HashSet};

use chromex_core::{Dataset, Fit, Rows, Sequences};
use serde::{Deserialize, Serialize};

use crate::{Error, Homology, MotifPresence, Result};

/// Learns motifs from the promoters alone: the k-mers that stand at a certain distance from the gene far more often than
/// elsewhere, after the short sequences of localised distribution of Yamamoto et al. 2007 (doi:10.1186/1471-2164-8-67).
///
/// Expression is not looked at. Of promoters that are alike one counts: any word of a family of copies would seem localised.
///
/// # Differences from the paper
///
/// The paper smooths the distribution of each octamer over aligned promoters of a whole genome and takes peaks by their height
/// and area over the background. A few hundred promoters are too few for that, so that windows are wide and a k-mer's best window
/// is measured against the number that all its occurrences would give there if they lay evenly: the difference in units of that
/// number's root, as counts scatter.
///
/// # Examples
///
/// ```
/// use chromex_core::{Dataset, Fit, Sequences};
/// use chromex_tokens::LocalisedMotifs;
/// let settings = LocalisedMotifs { k: 4, window: 4, least: 2, above: 2.0, most: 1, ..LocalisedMotifs::default() };
/// let promoters = Sequences::new(&["ACCGATTGCCAATTATA", "GGTCAACCTAGTGTATA", "TTGGCGAACACCATATA"])?;
/// let data = Dataset::unlabelled(promoters);
/// assert_eq!(settings.fit(&data, &data, 0)?.motifs(), ["TATA"]);
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalisedMotifs {
    /// Letters of a motif, 2 to 10.
    pub k: usize,
    /// Bases of a window, in halves of which windows begin.
    pub window: usize,
    /// The fewest times that the k-mer must stand in its window, counted once for each promoter and half of the window: a
    /// promoter with the k-mer in both halves counts twice.
    pub least: u32,
    /// How far a window must stand out, in units of the root of what was expected.
    pub above: f64,
    /// The most motifs, those that stand out furthest.
    pub most: usize,
    /// Which promoters are alike.
    pub homology: Homology,
}

/// A k-mer with its best window.
struct Localised {
    kmer: usize,
    score: f64,
}

impl Default for LocalisedMotifs {
    /// Octamers in windows of 50 bases, at least 5 of them and 5 roots above what was expected, 300 at most.
    fn default() -> Self {
        Self {
            k: 8,
            window: 50,
            least: 5,
            above: 5.0,
            most: 300,
            homology: Homology::default(),
        }
    }
}

/// Counts that are kept: 2 GiB.
const MOST_COUNTS: usize = 1 << 29;

impl LocalisedMotifs {
    /// Finds motifs.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range, or no k-mer is localised.
    pub fn learn(&self, promoters: &Sequences) -> Result<MotifPresence> {
        self.check()?;
        let mut found = self.localised(&self.one_of_each(promoters)?)?;
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.kmer.cmp(&b.kmer)));
        found.truncate(self.most);
        if found.is_empty() {
            return Err(Error::Setting {
                name: "least, above",
                expected: "settings that some k-mer of the promoters meets".into(),
                found: format!("{}, {}", self.least, self.above),
            });
        }
        let motifs: Vec<String> = found.iter().map(|one| self.spelt(one.kmer)).collect();
        MotifPresence::new(&motifs)
    }

    /// Takes the first promoter of each cluster.
    fn one_of_each(&self, promoters: &Sequences) -> Result<Sequences> {
        let mut first = BTreeMap::new();
        for (row, cluster) in self.homology.clusters(promoters)?.into_iter().enumerate() {
            first.entry(cluster).or_insert(row);
        }
        let rows: Vec<usize> = first.into_values().collect();
        Ok(promoters.select(&rows))
    }

    fn localised(&self, promoters: &Sequences) -> Result<Vec<Localised>> {
        let half = self.window / 2;
        let longest = promoters.iter().map(<[u8]>::len).max().unwrap_or(0);
        let bins = longest.div_ceil(half).max(1);
        let kmers = 1_usize << (2 * self.k);
        if bins > MOST_COUNTS / kmers {
            return Err(Error::Setting {
                name: "k, window",
                expected: format!(
                    "at most {MOST_COUNTS} counts, of each k-mer in each half window"
                ),
                found: format!("{} letters and {bins} half windows", self.k),
            });
        }
        let mut counts = vec![0_u32; kmers * bins];
        // Places of any k-mer in each bin: short promoters have none far from the gene.
        let mut places = vec![0_u64; bins];
        for promoter in promoters.iter() {
            let mut seen = HashSet::new();
            for (end, kmer) in kmers_of(promoter, self.k) {
                let bin = (promoter.len() - end) / half;
                places[bin] += 1;
                // A repeat is one occurrence.
                if seen.insert((kmer, bin)) {
                    counts[kmer * bins + bin] += 1;
                }
            }
        }
        let all_places: u64 = places.iter().sum();
        let best = |kmer: usize| {
            let own = &counts[kmer * bins..(kmer + 1) * bins];
            let total: u32 = own.iter().sum();
            let windows = (0..bins).map(|bin| bin..bins.min(bin + 2));
            let scores = windows.filter_map(|window| {
                let count: u32 = own[window.clone()].iter().sum();
                let share = places[window].iter().sum::<u64>() as f64 / all_places as f64;
                let expected = f64::from(total) * share;
                let score = (f64::from(count) - expected) / expected.sqrt();
                (count >= self.least && score >= self.above).then_some(score)
            });
            let score = scores.fold(f64::NEG_INFINITY, f64::max);
            score.is_finite().then_some(Localised { kmer, score })
        };
        Ok((0..kmers).filter_map(best).collect())
    }

    fn spelt(&self, kmer: usize) -> String {
        let letters = (0..self.k).rev().map(|place| (kmer >> (2 * place)) & 3);
        letters.map(|code| char::from(b"ACGT"[code])).collect()
    }

    fn check(&self) -> Result<()> {
        let sound = (2..=10).contains(&self.k) && self.window >= 2 && self.most > 0;
        if sound && self.above.is_finite() && self.above > 0.0 {
            return Ok(());
        }
        Err(Error::Setting {
            name: "k, window, most, above",
            expected: "2 to 10 letters, at least 2 bases and 1 motif, and a positive number".into(),
            found: format!("{}, {}, {}, {}", self.k, self.window, self.most, self.above),
        })
    }
}

impl Fit<Sequences> for LocalisedMotifs {
    type Fitted = MotifPresence;

    fn fit(
        &self,
        train: &Dataset<Sequences>,
        _valid: &Dataset<Sequences>,
        _seed: u64,
    ) -> chromex_core::Result<MotifPresence> {
        Ok(self.learn(&train.inputs)?)
    }
}

/// Goes over the k-mers of A, C, G and T: one past the last letter of each, and its number.
fn kmers_of(sequence: &[u8], k: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mask = (1_usize << (2 * k)) - 1;
    let (mut kmer, mut sound) = (0_usize, 0_usize);
    sequence
        .iter()
        .enumerate()
        .filter_map(move |(place, letter)| {
            let code = b"ACGT".iter().position(|known| known == letter);
            sound = if code.is_some() { sound + 1 } else { 0 };
            kmer = (kmer << 2 | code.unwrap_or(0)) & mask;
            (sound >= k).then_some((place + 1, kmer))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64.
    fn below(state: &mut u64, bound: u64) -> usize {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 33) % bound) as usize
    }

    /// Promoters of 500 bases, each with the word at the place that is given for its row.
    fn drawn(state: &mut u64, place: impl Fn(usize, &mut u64) -> Option<usize>) -> Vec<Vec<u8>> {
        let mut promoters = Vec::new();
        for row in 0..200 {
            let mut bases: Vec<u8> = (0..500).map(|_| b"ACGT"[below(state, 4)]).collect();
            if let Some(start) = place(row, state) {
                bases[start..start + 8].copy_from_slice(b"TATAAATA");
            }
            promoters.push(bases);
        }
        promoters
    }

    #[test]
    fn the_planted_word_is_found_and_a_family_of_copies_is_not() {
        let mut promoters = drawn(&mut 11, |row, _| row.is_multiple_of(4).then_some(462));
        let family = promoters[1].clone();
        promoters.extend(vec![family; 60]);
        let promoters = Sequences::new(&promoters).unwrap();
        let motifs = LocalisedMotifs::default().learn(&promoters).unwrap();
        assert_eq!(motifs.motifs()[0], "TATAAATA");
        // 200 promoters of drawn letters have no other but those that begin or end in it.
        let shares = |motif: &String| {
            motif
                .as_bytes()
                .windows(4)
                .any(|part| b"TATAAATA".windows(4).any(|own| own == part))
        };
        assert!(motifs.motifs().iter().all(shares), "{:?}", motifs.motifs());
        let copied = &promoters.sequence(1)[100..108];
        let copied = std::str::from_utf8(copied).unwrap();
        assert!(motifs.motifs().iter().all(|motif| motif != copied));
    }

    #[test]
    fn a_promoter_counts_once_for_each_half_of_a_window() {
        let settings = LocalisedMotifs {
            k: 4,
            window: 16,
            least: 2,
            above: 0.5,
            ..LocalisedMotifs::default()
        };
        let localised = |promoter: &str| {
            let promoters = Sequences::new(&[promoter]).unwrap();
            let found = settings.localised(&promoters).unwrap();
            found.iter().any(|one| settings.spelt(one.kmer) == "TATA")
        };
        let rest = "CCGGCACGGACCGGAACCAGGCCAGACCGGAACC";
        // In the last eight bases and the eight before; twice in the last eight.
        assert!(localised(&format!("{rest}CTATACCCCCTATACC")));
        assert!(!localised(&format!("{rest}CCCCCCCCCTATATAC")));
    }

    #[test]
    fn a_word_that_lies_anywhere_is_not_localised_and_settings_are_checked() {
        let promoters = drawn(&mut 12, |_, state| Some(below(state, 492)));
        let promoters = Sequences::new(&promoters).unwrap();
        match LocalisedMotifs::default().learn(&promoters) {
            Ok(motifs) => assert!(!motifs.motifs().contains(&"TATAAATA".to_owned())),
            Err(error) => assert!(error.to_string().contains("some k-mer")),
        }
        let wrong = LocalisedMotifs {
            k: 11,
            ..LocalisedMotifs::default()
        };
        assert!(wrong.learn(&promoters).is_err());
    }
}
