use serde::{Deserialize, Serialize};

/// The flags that a BED tells: the strand.
pub(super) const BED_FLAGS: u16 = REVERSED;
const UNMAPPED: u16 = 0x4;
const REVERSED: u16 = 0x10;
const PROPER_PAIR: u16 = 0x2;
const SECONDARY: u16 = 0x100;
const FAILED_QUALITY: u16 = 0x200;
const DUPLICATE: u16 = 0x400;
const SUPPLEMENTARY: u16 = 0x800;

/// What counts as a read in a bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum CountMode {
    /// Every read that overlaps the bin by a base counts once in it, introns and deletions included, clipped ends
    /// not: what `bedtools multicov` counts. A read over the border of two bins counts in both. A read that is placed
    /// but not mapped, or has no CIGAR, stands for one base, and one whose CIGAR spans no base for none, as there.
    #[default]
    Overlap,
    /// The read counts in the bin of its 5' end, moved by so many base pairs towards its 3' end; 75 in EpiCSeg.
    FivePrime {
        /// How far the end is moved; against the 3' end when negative.
        shift_bp: i32,
    },
    /// Mean depth over the bin's bases of fragments of a length, each from a read's 5' end: what `macs3 pileup
    /// --extsize` piles up.
    Fragments {
        /// The length of a fragment.
        length_bp: u32,
    },
    /// Mean depth over the bin's bases of the fragments of properly paired reads, each counted once. BED and tagAlign, which
    /// know no pairs, are refused.
    PairedFragments,
}

/// Which reads count. The names of the flags are those of the SAM specification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadFilter {
    /// The least mapping quality. Reads of BED and tagAlign have none and pass.
    pub minimum_mapping_quality: u8,
    /// Flags of which a read may have none.
    pub excluded_flags: u16,
    /// Flags of which a read must have all. Reads of BED and tagAlign have none but that of the strand (0x10); others are
    /// refused for them.
    pub required_flags: u16,
}

/// One read as any format gives it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    /// The first base, 0-based.
    pub(super) start: i64,
    /// One past the last base; the start where the read spans none.
    pub(super) end: i64,
    pub(super) flags: u16,
    pub(super) mapping_quality: u8,
    /// From the first base of a pair to its last, by the first of the two reads; negative by the other.
    pub(super) template_bp: i64,
}

impl Default for ReadFilter {
    fn default() -> Self {
        Self::multicov()
    }
}

impl ReadFilter {
    /// What `bedtools multicov` counts: all but duplicates and reads that failed quality checks.
    pub fn multicov() -> Self {
        Self {
            minimum_mapping_quality: 0,
            excluded_flags: DUPLICATE | FAILED_QUALITY,
            required_flags: 0,
        }
    }

    /// Mapped reads, each once: neither secondary nor supplementary alignments, no duplicates, none that failed
    /// quality checks.
    pub fn primary() -> Self {
        Self {
            excluded_flags: UNMAPPED | SECONDARY | FAILED_QUALITY | DUPLICATE | SUPPLEMENTARY,
            ..Self::multicov()
        }
    }

    /// Every mapped read.
    pub fn mapped() -> Self {
        Self {
            excluded_flags: UNMAPPED,
            ..Self::multicov()
        }
    }

    pub(super) fn passes(&self, read: &Read) -> bool {
        read.mapping_quality >= self.minimum_mapping_quality
            && read.flags & self.excluded_flags == 0
            && read.flags & self.required_flags == self.required_flags
    }
}

impl CountMode {
    /// Tells how far beyond a window a read may lie that counts in it; nothing where there is no limit.
    pub(super) fn reach_bp(self) -> Option<i64> {
        match self {
            Self::Overlap => Some(0),
            Self::FivePrime { shift_bp } => Some(i64::from(shift_bp).abs()),
            Self::Fragments { length_bp } => Some(i64::from(length_bp)),
            Self::PairedFragments => None,
        }
    }

    /// Refuses a fragment of no bases, which would count as nothing.
    pub(super) fn check(self) -> crate::Result<()> {
        match self {
            Self::Fragments { length_bp } if !(1..=i32::MAX as u32).contains(&length_bp) => {
                Err(chromex_core::Error::Setting {
                    name: "length_bp",
                    expected: format!("a fragment of 1 to {} base pairs (--fragment)", i32::MAX),
                    found: length_bp.to_string(),
                }
                .into())
            }
            _ => Ok(()),
        }
    }

    /// Tells whether bins hold bases, which are divided by the bin's width at last.
    pub(super) fn counts_bases(self) -> bool {
        matches!(self, Self::Fragments { .. } | Self::PairedFragments)
    }

    /// Gives the bases that count for a read, if any.
    pub(super) fn span(self, read: &Read) -> Option<(i64, i64)> {
        if read.end <= read.start {
            return None;
        }
        let is_reversed = read.flags & REVERSED != 0;
        match self {
            Self::Overlap => Some((read.start, read.end)),
            Self::FivePrime { shift_bp } => {
                let place = match is_reversed {
                    false => read.start + i64::from(shift_bp),
                    true => read.end - 1 - i64::from(shift_bp),
                };
                Some((place, place + 1))
            }
            Self::Fragments { length_bp } => {
                let length = i64::from(length_bp);
                Some(match is_reversed {
                    false => (read.start, read.start + length),
                    true => (read.end - length, read.end),
                })
            }
            Self::PairedFragments => {
                let is_first = read.flags & PROPER_PAIR != 0 && read.template_bp > 0;
                is_first.then(|| (read.start, read.start + read.template_bp))
            }
        }
    }
}

impl Read {
    /// Describes a line of a BED: nothing is known but place and strand.
    pub(super) fn of_bed(start: u64, end: u64, is_reversed: bool) -> Self {
        Self {
            start: start as i64,
            end: end as i64,
            flags: if is_reversed { REVERSED } else { 0 },
            mapping_quality: u8::MAX,
            template_bp: 0,
        }
    }

    /// Describes an alignment; `span_bp` is nothing where there is no CIGAR.
    pub(super) fn of_alignment(
        start: i64,
        span_bp: Option<u64>,
        flags: u16,
        mapping_quality: u8,
        template_bp: i64,
    ) -> Self {
        let span = match span_bp {
            Some(span) if flags & UNMAPPED == 0 => span as i64,
            _ => 1,
        };
        Self {
            start,
            end: start + span,
            flags,
            mapping_quality,
            template_bp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: u16) -> Read {
        Read::of_alignment(100, Some(36), flags, 30, 0)
    }

    #[test]
    fn each_mode_places_reads_of_both_strands() {
        fn t(mode: CountMode, plus: (i64, i64), minus: (i64, i64)) {
            assert_eq!(mode.span(&read(0)), Some(plus), "{mode:?}");
            assert_eq!(mode.span(&read(REVERSED)), Some(minus), "{mode:?}");
        }
        t(CountMode::Overlap, (100, 136), (100, 136));
        t(CountMode::FivePrime { shift_bp: 0 }, (100, 101), (135, 136));
        t(CountMode::FivePrime { shift_bp: 75 }, (175, 176), (60, 61));
        t(
            CountMode::Fragments { length_bp: 200 },
            (100, 300),
            (-64, 136),
        );
        assert_eq!(CountMode::PairedFragments.span(&read(PROPER_PAIR)), None);
    }

    #[test]
    fn a_pair_is_one_fragment() {
        let mut first = read(PROPER_PAIR);
        first.template_bp = 180;
        let mode = CountMode::PairedFragments;
        assert_eq!(mode.span(&first), Some((100, 280)));
        first.template_bp = -180;
        assert_eq!(mode.span(&first), None);
        first.flags = 0;
        first.template_bp = 180;
        assert_eq!(mode.span(&first), None);
    }

    #[test]
    fn reads_of_no_span_are_nowhere_and_unmapped_ones_are_one_base() {
        let spanless = Read::of_alignment(100, Some(0), 0, 30, 0);
        assert_eq!(CountMode::Overlap.span(&spanless), None);
        for unmapped in [
            Read::of_alignment(100, None, 0, 30, 0),
            Read::of_alignment(100, Some(36), UNMAPPED, 30, 0),
        ] {
            assert_eq!(CountMode::Overlap.span(&unmapped), Some((100, 101)));
        }
    }

    #[test]
    fn filters_ask_for_quality_and_flags() {
        let multicov = ReadFilter::multicov();
        assert!(multicov.passes(&read(SECONDARY)) && !multicov.passes(&read(DUPLICATE)));
        assert!(!ReadFilter::primary().passes(&read(SUPPLEMENTARY)));
        assert!(ReadFilter::mapped().passes(&read(DUPLICATE)));
        let strict = ReadFilter {
            minimum_mapping_quality: 31,
            ..ReadFilter::mapped()
        };
        assert!(!strict.passes(&read(0)));
        let paired = ReadFilter {
            required_flags: PROPER_PAIR | 1,
            ..ReadFilter::mapped()
        };
        assert!(paired.passes(&read(3)) && !paired.passes(&read(1)));
    }
}
