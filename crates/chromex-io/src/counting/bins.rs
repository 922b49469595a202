use std::collections::HashMap;

use crate::genes::{ChromosomeNames, GeneWindows};

/// Windows whose first candidates a cell of the coarse grid remembers: as wide as this.
const GRID_BP: i64 = 1 << 12;

/// Finds the bins that a stretch of a chromosome overlaps.
///
/// Windows are as wide as each other, so that sorted by start they are sorted by end; a coarse grid tells where to
/// begin, whatever the order of the reads.
#[derive(Debug)]
pub(super) struct BinIndex {
    chromosomes: Vec<Chromosome>,
    places: HashMap<String, usize>,
    names: ChromosomeNames,
    bins: usize,
    bin_bp: i64,
}

/// The windows of one chromosome, sorted by start.
#[derive(Debug)]
struct Chromosome {
    name: String,
    starts: Vec<i64>,
    rows: Vec<usize>,
    /// For each stretch of the grid from the first window on, the first window that ends behind its begin.
    grid: Vec<u32>,
}

impl BinIndex {
    pub(super) fn new(windows: &GeneWindows, names: ChromosomeNames) -> Self {
        let mut chromosomes: Vec<(String, Vec<(i64, usize)>)> = Vec::new();
        let mut places = HashMap::new();
        for (row, window) in windows.windows().iter().enumerate() {
            let key = names.key(&window.chromosome);
            let place = *places.entry(key.to_owned()).or_insert_with(|| {
                chromosomes.push((window.chromosome.clone(), Vec::new()));
                chromosomes.len() - 1
            });
            chromosomes[place].1.push((window.start, row));
        }
        let width = windows.width_bp();
        let chromosomes = chromosomes.into_iter().map(|(name, mut sorted)| {
            sorted.sort_unstable();
            Chromosome::new(name, &sorted, width)
        });
        Self {
            chromosomes: chromosomes.collect(),
            places,
            names,
            bins: windows.bins(),
            bin_bp: i64::from(windows.bin_width_bp()),
        }
    }

    /// Finds a chromosome by a file's name for it.
    pub(super) fn chromosome(&self, name: &[u8]) -> Option<usize> {
        self.places.get(self.names.key_of_bytes(name)?).copied()
    }

    /// Names the chromosomes as the windows do.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.chromosomes.iter().map(|chromosome| &*chromosome.name)
    }

    /// Counts the bins of all windows.
    pub(super) fn cells(&self) -> usize {
        let windows: usize = self.chromosomes.iter().map(|one| one.rows.len()).sum();
        windows * self.bins
    }

    /// Gives each bin that a stretch overlaps, as row x bins + bin, and by how many bases.
    #[inline]
    pub(super) fn overlaps(
        &self,
        chromosome: usize,
        (start, end): (i64, i64),
        mut found: impl FnMut(usize, u64),
    ) {
        let chromosome = &self.chromosomes[chromosome];
        let width = self.bins as i64 * self.bin_bp;
        let mut window = chromosome.first(start);
        while let Some(&begin) = chromosome.starts.get(window) {
            if begin >= end {
                break;
            }
            let (from, to) = (start.max(begin) - begin, end.min(begin + width) - begin);
            if from < to {
                let cell = chromosome.rows[window] * self.bins;
                for bin in from / self.bin_bp..=(to - 1) / self.bin_bp {
                    let low = from.max(bin * self.bin_bp);
                    let high = to.min((bin + 1) * self.bin_bp);
                    found(cell + bin as usize, (high - low) as u64);
                }
            }
            window += 1;
        }
    }

    /// Lists the stretches of a chromosome that windows cover, `reach_bp` added to either side, from left to right
    /// and apart from each other; parts before the chromosome's begin are cut.
    pub(super) fn covered(&self, chromosome: usize, reach_bp: i64) -> Vec<(i64, i64)> {
        let width = self.bins as i64 * self.bin_bp;
        let mut covered: Vec<(i64, i64)> = Vec::new();
        for begin in &self.chromosomes[chromosome].starts {
            let (start, end) = ((begin - reach_bp).max(0), begin + width + reach_bp);
            match covered.last_mut() {
                _ if end <= start => {}
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => covered.push((start, end)),
            }
        }
        covered
    }
}

impl Chromosome {
    fn new(name: String, sorted: &[(i64, usize)], width: i64) -> Self {
        let starts: Vec<i64> = sorted.iter().map(|(start, _)| *start).collect();
        let first = starts.first().copied().unwrap_or(0);
        let last = starts.last().copied().unwrap_or(0) + width;
        let mut grid = Vec::new();
        let mut window = 0;
        let mut begin = first;
        while begin < last {
            while starts[window] + width <= begin {
                window += 1;
            }
            grid.push(window as u32);
            begin += GRID_BP;
        }
        Self {
            name,
            rows: sorted.iter().map(|(_, row)| *row).collect(),
            starts,
            grid,
        }
    }

    /// Finds a window at or before the first that ends behind a place.
    #[inline]
    fn first(&self, place: i64) -> usize {
        let from = place - self.starts[0];
        if from < 0 {
            return 0;
        }
        match self.grid.get((from / GRID_BP) as usize) {
            Some(&window) => window as usize,
            None => self.starts.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genes::Window;
    use proptest::prelude::*;

    fn index(starts: &[i64], bins: usize, width: u32) -> BinIndex {
        let window = |start: &i64| Window {
            id: start.to_string(),
            symbol: String::new(),
            chromosome: "chr1".into(),
            start: *start,
            strand: None,
        };
        let windows = starts.iter().map(window).collect();
        let windows = GeneWindows::new(windows, bins, width, "").unwrap();
        BinIndex::new(&windows, ChromosomeNames::Exact)
    }

    proptest! {
        #[test]
        fn the_same_bins_are_found_as_by_looking_at_each(
            starts in prop::collection::vec(-500_i64..30_000, 1..40),
            (bins, width) in (1_usize..30, 1_u32..300),
            (start, length) in (-600_i64..40_000, 1_i64..9_000),
        ) {
            let index = index(&starts, bins, width);
            let mut expected = Vec::new();
            for (row, begin) in starts.iter().enumerate() {
                for bin in 0..bins {
                    let from = begin + bin as i64 * i64::from(width);
                    let overlap = (start + length).min(from + i64::from(width)) - start.max(from);
                    if overlap > 0 {
                        expected.push((row * bins + bin, overlap as u64));
                    }
                }
            }
            let mut found = Vec::new();
            index.overlaps(0, (start, start + length), |cell, bases| found.push((cell, bases)));
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn covered_stretches_are_joined_and_begin_on_the_chromosome() {
        let index = index(&[500, -30, 105, 700], 10, 10);
        assert_eq!(
            index.covered(0, 0),
            [(0, 70), (105, 205), (500, 600), (700, 800)]
        );
        assert_eq!(index.covered(0, 20), [(0, 225), (480, 620), (680, 820)]);
        assert_eq!(
            (index.chromosome(b"chr1"), index.chromosome(b"1")),
            (Some(0), None)
        );
    }
}
