use serde::{Deserialize, Serialize};

/// What is made of the reads of a bin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Normalisation {
    /// The reads, or the mean depth, themselves.
    #[default]
    None,
    /// Per million reads of the file that passed the filter.
    Cpm,
    /// Per million reads that passed and thousand base pairs of a bin.
    Rpkm,
}

/// What a base is worth that a signal leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyBases {
    /// Nothing: the mean is over all bases of a bin (`mean0` of bigWigAverageOverBed).
    #[default]
    Zero,
    /// It is not part of the mean (`mean` of bigWigAverageOverBed); a bin of none but such is 0.
    LeftOut,
}

impl Normalisation {
    /// Gives what a read is worth among `reads` of a file.
    pub(super) fn factor(self, reads: u64, bin_width_bp: u32) -> f64 {
        let millions = reads.max(1) as f64 / 1e6;
        match self {
            Self::None => 1.0,
            Self::Cpm => 1.0 / millions,
            Self::Rpkm => 1000.0 / millions / f64::from(bin_width_bp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_among_two_million_is_half_a_cpm_and_five_rpkm_in_a_tenth_of_a_kilobase() {
        assert_eq!(Normalisation::None.factor(2_000_000, 100), 1.0);
        assert_eq!(Normalisation::Cpm.factor(2_000_000, 100), 0.5);
        assert_eq!(Normalisation::Rpkm.factor(2_000_000, 100), 5.0);
        assert!(Normalisation::Cpm.factor(0, 100).is_finite());
    }
}
