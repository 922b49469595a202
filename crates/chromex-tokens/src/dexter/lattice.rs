use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The bins around the base that sequences are aligned at, and the regions that they make.
///
/// Widths grow with the distance from that base, which is a bin of its own: (k + 1)³, (k + 2)³, … bases to
/// either side, with the smallest k of at least 1 that gives no more bins than asked for. A region is a run of
/// neighbouring bins, so that 13 bins make 91.
///
/// # Examples
///
/// ```
/// let lattice = chromex_tokens::RegionLattice::new(4001, 2000, 13)?;
/// assert_eq!(lattice.regions(), 91);
/// // Edges at 0, ±125, ±341, ±684, ±1196, ±1925 and ±2000.
/// assert_eq!(lattice.edges(), [0, 75, 804, 1316, 1659, 1875, 2000, 2001, 2126, 2342, 2685, 3197, 3926, 4001]);
/// # Ok::<(), chromex_tokens::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct RegionLattice {
    alignment: usize,
    edges: Vec<usize>,
}

/// A lattice as a file holds it, before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    alignment: usize,
    edges: Vec<usize>,
}

/// Bases of a sequence: more than any chromosome has.
const MOST_BASES: usize = 1 << 32;

impl RegionLattice {
    /// Divides sequences of `length` bases, aligned at the base `alignment` (0-based), into at most `most_bins`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there is no such base, there are more than 2^32, or not 3 to 256 bins are asked for.
    pub fn new(length: usize, alignment: usize, most_bins: usize) -> Result<Self> {
        if alignment >= length {
            return Err(Error::Setting {
                name: "alignment",
                expected: format!("a base below {length}"),
                found: alignment.to_string(),
            });
        }
        if length > MOST_BASES {
            return Err(Error::Setting {
                name: "length",
                expected: format!("at most {MOST_BASES} bases"),
                found: length.to_string(),
            });
        }
        if !(3..=256).contains(&most_bins) {
            return Err(Error::Setting {
                name: "most_bins",
                expected: "3 to 256".into(),
                found: most_bins.to_string(),
            });
        }
        let (left, right) = (alignment, length - alignment - 1);
        let mut smallest = 1;
        loop {
            let (before, after) = (widths(left, smallest), widths(right, smallest));
            if before.len() + after.len() < most_bins {
                let mut edges = vec![0];
                let widths = before.into_iter().rev().chain([1]).chain(after);
                edges.extend(widths.scan(0, |end, width| {
                    *end += width;
                    Some(*end)
                }));
                return Ok(Self { alignment, edges });
            }
            smallest += 1;
        }
    }

    /// Divides sequences at chosen positions.
    ///
    /// `edges` ascend from 0 to the length of the sequences; neighbouring ones enclose a bin.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when they do not, when there are more than 256 bins, or no base `alignment`.
    pub fn from_edges(edges: Vec<usize>, alignment: usize) -> Result<Self> {
        let ascending = edges.windows(2).all(|pair| pair[0] < pair[1]);
        if !(2..=257).contains(&edges.len()) || edges[0] != 0 || !ascending {
            return Err(Error::Setting {
                name: "edges",
                expected: "1 to 256 bins between positions that ascend from 0".into(),
                found: format!("{} positions from {:?}", edges.len(), edges.first()),
            });
        }
        let lattice = Self { alignment, edges };
        match lattice.alignment < lattice.length() {
            true => Ok(lattice),
            false => Err(Error::Setting {
                name: "alignment",
                expected: format!("a base below {}", lattice.length()),
                found: alignment.to_string(),
            }),
        }
    }

    /// Gives the base that sequences are aligned at, 0-based.
    pub fn alignment(&self) -> usize {
        self.alignment
    }

    /// Lists the first base of each bin, and the length of the sequences.
    pub fn edges(&self) -> &[usize] {
        &self.edges
    }

    /// Counts the bases of a sequence.
    pub fn length(&self) -> usize {
        self.edges.last().copied().unwrap_or(0)
    }

    /// Counts the bins.
    pub fn bins(&self) -> usize {
        self.edges.len() - 1
    }

    /// Counts the regions: all runs of neighbouring bins.
    pub fn regions(&self) -> usize {
        self.bins() * (self.bins() + 1) / 2
    }

    /// Numbers the region of a run of bins: those of the first bin come first, the shorter before the longer.
    pub(super) fn region(&self, bins: &Range<usize>) -> usize {
        let before = bins.start * self.bins() - bins.start * bins.start.saturating_sub(1) / 2;
        before + bins.len() - 1
    }

    /// Lists every region's run of bins, in the order of their numbers.
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let bins = self.bins();
        (0..bins).flat_map(move |start| (start + 1..=bins).map(move |end| start..end))
    }

    /// Gives the bases of a run of bins, 0-based and half-open.
    ///
    /// # Panics
    ///
    /// When there are no such bins.
    pub fn bases(&self, bins: &Range<usize>) -> Range<usize> {
        self.edges[bins.start]..self.edges[bins.end]
    }

    /// Gives the first and the last base of a run of bins, counted from the base of alignment, as DExTER's files
    /// name regions.
    ///
    /// # Panics
    ///
    /// When there are no such bins.
    pub fn bounds(&self, bins: &Range<usize>) -> (i64, i64) {
        let bases = self.bases(bins);
        let place = |base: usize| base as i64 - self.alignment as i64;
        (place(bases.start), place(bases.end - 1))
    }
}

impl From<RegionLattice> for Stored {
    fn from(lattice: RegionLattice) -> Self {
        Self {
            alignment: lattice.alignment,
            edges: lattice.edges,
        }
    }
}

impl TryFrom<Stored> for RegionLattice {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        Self::from_edges(stored.edges, stored.alignment)
    }
}

/// The widths of the bins of one side, from the base of alignment outwards; the last is what is left.
fn widths(bases: usize, smallest: usize) -> Vec<usize> {
    let mut widths = Vec::new();
    let mut left = bases;
    for side in smallest + 1.. {
        if left == 0 {
            break;
        }
        let width = side.saturating_pow(3).min(left);
        widths.push(width);
        left -= width;
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_promoters_have_the_published_edges() {
        let lattice = RegionLattice::new(4001, 2000, 13).unwrap();
        let bounds: Vec<(i64, i64)> = (0..13).map(|bin| lattice.bounds(&(bin..bin + 1))).collect();
        assert_eq!(bounds[0], (-2000, -1926));
        assert_eq!(bounds[5], (-125, -1));
        assert_eq!(bounds[6], (0, 0));
        assert_eq!(bounds[7..9], [(1, 125), (126, 341)]);
        assert_eq!(bounds[12], (1926, 2000));
        assert_eq!(lattice.bounds(&(0..13)), (-2000, 2000));
    }

    #[test]
    fn regions_are_numbered_in_the_order_of_their_runs() {
        let lattice = RegionLattice::new(110, 55, 13).unwrap();
        // 8, 27 and what is left of 64 to either side.
        assert_eq!(lattice.edges(), [0, 20, 47, 55, 56, 64, 91, 110]);
        let runs: Vec<_> = lattice.runs().collect();
        assert_eq!(runs.len(), lattice.regions());
        for (number, run) in runs.iter().enumerate() {
            assert_eq!(lattice.region(run), number);
        }
    }

    #[test]
    fn sequences_may_lie_on_one_side_of_their_alignment() {
        let lattice = RegionLattice::new(1001, 1000, 13).unwrap();
        assert_eq!(lattice.edges().last(), Some(&1001));
        assert_eq!(lattice.bounds(&(0..lattice.bins())), (-1000, 0));
        assert_eq!(RegionLattice::new(1, 0, 3).unwrap().edges(), [0, 1]);
    }

    #[test]
    fn divisions_that_are_none_are_refused() {
        assert!(RegionLattice::new(10, 10, 13).is_err());
        assert!(RegionLattice::new(10, 5, 2).is_err());
        assert!(RegionLattice::from_edges(vec![0, 5, 5], 2).is_err());
        assert!(RegionLattice::from_edges(vec![0, 5, 9], 9).is_err());
        let json = r#"{"alignment":2,"edges":[1,5]}"#;
        assert!(serde_json::from_str::<RegionLattice>(json).is_err());
    }
}
