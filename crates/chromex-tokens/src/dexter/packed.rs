use chromex_core::{Result, Rows, Sequences};

use super::RegionLattice;

const WORD: usize = u64::BITS as usize;

/// The letters of k-mers, each at the place of its code.
pub(super) const BASES: [u8; 4] = *b"ACTG";

/// Sequences of one length, a bit per base and letter.
///
/// Bit `i` of a sequence's plane for A says whether its base `i` is an A. A base that is unknown has no bit in any
/// plane, so that no k-mer spans it.
pub(super) struct PackedDna {
    rows: usize,
    words: usize,
    /// `[rows, 4, words]`, letters in the order of [`BASES`].
    planes: Vec<u64>,
}

/// For each bin the words that it spans, with the bits of them that are its own.
pub(super) struct BinMasks {
    bins: Vec<Vec<(usize, u64)>>,
}

impl PackedDna {
    /// Packs sequences; fails where they have not one length.
    pub(super) fn new(dna: &Sequences) -> Result<Self> {
        let rows = dna.len();
        let words = dna.length()?.div_ceil(WORD);
        let mut places = [None; 256];
        for (place, &letter) in BASES.iter().enumerate() {
            places[usize::from(letter)] = Some(place);
        }
        let mut planes = vec![0; rows * 4 * words];
        for (sequence, planes) in dna.iter().zip(planes.chunks_exact_mut((4 * words).max(1))) {
            for (base, &letter) in sequence.iter().enumerate() {
                if let Some(place) = places[usize::from(letter)] {
                    planes[place * words + base / WORD] |= 1 << (base % WORD);
                }
            }
        }
        Ok(Self {
            rows,
            words,
            planes,
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// A row of bits, one per base.
    pub(super) fn line(&self) -> Vec<u64> {
        vec![0; self.words]
    }

    /// Sets the bits of the bases where a k-mer starts, occurrences that overlap included; tells whether there are
    /// any.
    ///
    /// `kmer` are codes of letters, at least one.
    pub(super) fn starts(&self, row: usize, kmer: &[u8], starts: &mut [u64]) -> bool {
        let planes = &self.planes[row * 4 * self.words..][..4 * self.words];
        let plane = |code: u8| &planes[usize::from(code) * self.words..][..self.words];
        starts.copy_from_slice(plane(kmer[0]));
        for (distance, &code) in kmer.iter().enumerate().skip(1) {
            let (skipped, shift) = (distance / WORD, distance % WORD);
            let plane = &plane(code)[skipped.min(self.words)..];
            // Past the end there is no base.
            let (kept, beyond) = starts.split_at_mut(plane.len());
            beyond.fill(0);
            if shift == 0 {
                for (start, &word) in kept.iter_mut().zip(plane) {
                    *start &= word;
                }
            } else if let Some((&last, _)) = plane.split_last() {
                for (start, pair) in kept.iter_mut().zip(plane.windows(2)) {
                    *start &= (pair[0] >> shift) | (pair[1] << (WORD - shift));
                }
                kept[plane.len() - 1] &= last >> shift;
            }
        }
        starts.iter().any(|&word| word != 0)
    }
}

impl BinMasks {
    pub(super) fn new(lattice: &RegionLattice) -> Self {
        let bins = lattice.edges().windows(2).map(|edges| {
            let (start, end) = (edges[0], edges[1]);
            let words = start / WORD..end.div_ceil(WORD);
            let mask = |word: usize| {
                let from = start.saturating_sub(word * WORD);
                let to = (end - word * WORD).min(WORD);
                (u64::MAX >> (WORD - to)) & (u64::MAX << from)
            };
            words.map(|word| (word, mask(word))).collect()
        });
        Self {
            bins: bins.collect(),
        }
    }

    /// Counts the bits before each edge: the first number is 0, each further one is that of a bin more.
    pub(super) fn count(&self, starts: &[u64], before: &mut [u32]) {
        let mut sum = 0;
        before[0] = 0;
        for (bin, before) in self.bins.iter().zip(&mut before[1..]) {
            for &(word, mask) in bin {
                sum += (starts[word] & mask).count_ones();
            }
            *before = sum;
        }
    }
}

/// Gives the codes of a k-mer's letters, where all of them are bases.
pub(super) fn codes(kmer: &str) -> Option<Vec<u8>> {
    let code = |letter: u8| BASES.iter().position(|&base| base == letter);
    let codes = kmer.bytes().map(|letter| Some(code(letter)? as u8));
    codes.collect::<Option<Vec<u8>>>().filter(|c| !c.is_empty())
}

/// Spells a k-mer.
pub(super) fn letters(kmer: &[u8]) -> String {
    let letter = |&code: &u8| char::from(BASES[usize::from(code)]);
    kmer.iter().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(sequence: &str, kmer: &str, edges: &[usize]) -> Vec<u32> {
        let dna = PackedDna::new(&Sequences::new(&[sequence]).unwrap()).unwrap();
        let lattice = RegionLattice::from_edges(edges.to_vec(), 0).unwrap();
        let mut starts = dna.line();
        let some = dna.starts(0, &codes(kmer).unwrap(), &mut starts);
        let mut before = vec![0; edges.len()];
        BinMasks::new(&lattice).count(&starts, &mut before);
        assert_eq!(some, before.last() != Some(&0));
        before.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn occurrences_overlap_and_unknown_bases_break_them() {
        assert_eq!(counts("AAAAT", "AA", &[0, 5]), [3]);
        assert_eq!(counts("AANAA", "AA", &[0, 2, 3, 5]), [1, 0, 1]);
        assert_eq!(counts("AANAA", "AAA", &[0, 5]), [0]);
        // A start counts where it lies, also when the k-mer ends in the next bin, and so does the last one.
        assert_eq!(counts("ACGT", "GT", &[0, 3, 4]), [1, 0]);
    }

    #[test]
    fn counts_are_those_of_a_search_letter_by_letter() {
        let sequence: String = (0..300_u64)
            .map(|i| char::from(b"ACGT"[((i * i * 2_654_435_761) >> 13) as usize % 4]))
            .collect();
        let edges = [0, 1, 63, 64, 65, 128, 200, 300];
        let long = &sequence[70..220];
        let longer = &sequence[5..134];
        for kmer in [
            "A",
            "CG",
            "ACG",
            "TTT",
            "GATC",
            &sequence[100..116],
            &sequence[60..124],
            long,
            longer,
        ] {
            let expected: Vec<u32> = edges
                .windows(2)
                .map(|bin| {
                    let starts = bin[0]..bin[1];
                    starts
                        .filter(|&at| sequence[at..].starts_with(kmer))
                        .count() as u32
                })
                .collect();
            assert_eq!(counts(&sequence, kmer, &edges), expected, "{kmer}");
        }
    }

    #[test]
    fn letters_and_codes_name_each_other() {
        assert_eq!(letters(&codes("GATTACA").unwrap()), "GATTACA");
        assert_eq!(codes("ACN"), None);
        assert_eq!(codes(""), None);
    }
}
