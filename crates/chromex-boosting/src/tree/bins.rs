//! Bins: the few intervals of each column that the histogram method looks at.

/// The number of a bin, of the width that a table needs.
pub(crate) trait BinNumber: Copy + Send + Sync {
    /// How many bins can be numbered.
    const COUNT: usize;

    /// Narrows a bin number that is known to fit.
    fn narrow(bin: usize) -> Self;
    /// Widens it.
    fn widen(self) -> usize;
}

macro_rules! bin_number {
    ($($width:ty),+) => {$(
        impl BinNumber for $width {
            const COUNT: usize = <$width>::MAX as usize + 1;

            #[inline(always)]
            fn narrow(bin: usize) -> Self {
                bin as $width
            }

            #[inline(always)]
            fn widen(self) -> usize {
                self as usize
            }
        }
    )+};
}
bin_number!(u8, u16);

/// The bins of one column.
#[derive(Debug, PartialEq)]
pub(super) struct Bins {
    /// Below all values, for a split that parts them from rows that miss one.
    pub(super) below: f32,
    /// Where each bin ends; its own values lie below. Missing values have one more bin, without an end.
    pub(super) ends: Vec<f32>,
}

impl Bins {
    /// Finds the bins of a column; none when all rows are the same in it.
    ///
    /// As in XGBoost, each distinct value has a bin of its own if there are at most `max_bins`, and bins
    /// end at values. A column of more values is cut at quantiles.
    pub(super) fn new(column: &[f32], _weights: Option<&[f32]>, max_bins: usize) -> Option<Self> {
        let rows = column.len();
        let mut sorted: Vec<f32> = column
            .iter()
            .copied()
            .filter(|value| !value.is_nan())
            .collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let (&smallest, &largest) = (sorted.first()?, sorted.last()?);
        if smallest == largest && sorted.len() == rows {
            return None;
        }
        let mut ends = inner_ends(&sorted, max_bins);
        ends.push((largest + (largest.abs() + 1e-5)).min(f32::MAX));
        Some(Self {
            below: (smallest - smallest.abs() - 1e-5).max(f32::MIN),
            ends,
        })
    }

    /// Gives where a bin starts.
    pub(super) fn start(&self, bin: usize) -> f32 {
        match bin {
            0 => self.below,
            _ => self.ends[bin - 1],
        }
    }

    /// Finds the bin of a value.
    pub(super) fn find(&self, value: f32) -> usize {
        if value.is_nan() {
            self.ends.len()
        } else {
            let inner = &self.ends[..self.ends.len() - 1];
            inner.partition_point(|&end| end <= value)
        }
    }
}

/// Chooses where all bins but the last end.
fn inner_ends(sorted: &[f32], max_bins: usize) -> Vec<f32> {
    // Each place where a new value begins, with the number of values before it.
    let steps = || {
        (1..sorted.len())
            .filter(|&before| sorted[before - 1] != sorted[before])
            .map(|before| (before, sorted[before]))
    };
    if steps().count() < max_bins {
        return steps().map(|(_, value)| value).collect();
    }
    let mut quantile = 1;
    steps()
        .filter(|(before, _)| {
            let reached = before * max_bins >= quantile * sorted.len();
            if reached {
                quantile = before * max_bins / sorted.len() + 1;
            }
            reached
        })
        .map(|(_, value)| value)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(values: &[f32], max_bins: usize) -> Option<Bins> {
        Bins::new(values, None, max_bins)
    }

    #[test]
    fn few_distinct_values_have_a_bin_each() {
        let column = [3.0, 1.0, 3.0, f32::NAN, 2.0, -0.0, 0.0];
        let bins = bins(&column, 4).unwrap();
        assert_eq!(bins.ends, [1.0, 2.0, 3.0, 6.00001]);
        let found: Vec<usize> = column.iter().map(|&value| bins.find(value)).collect();
        assert_eq!(found, [3, 1, 3, 4, 2, 0, 0]);
        assert!(bins.below < 0.0);
    }

    #[test]
    fn many_distinct_values_are_cut_into_bins_of_equal_rows() {
        let column: Vec<f32> = (0..100).map(|value| value as f32).collect();
        let bins = bins(&column, 4).unwrap();
        assert_eq!(bins.ends[..3], [25.0, 50.0, 75.0]);
        // Half of the rows share one value: their bin is full at once, the others share what is left.
        let column: Vec<f32> = (0..100).map(|row| (row - 50).max(0) as f32).collect();
        let bins = super::Bins::new(&column, None, 4).unwrap();
        assert_eq!(bins.ends[..2], [1.0, 25.0]);
        assert_eq!(bins.ends.len(), 3);
    }

    #[test]
    fn a_column_that_is_the_same_in_all_rows_has_no_bins() {
        assert_eq!(bins(&[2.0, 2.0], 4), None);
        assert_eq!(bins(&[f32::NAN, f32::NAN], 4), None);
        assert!(bins(&[2.0, f32::NAN], 4).is_some());
    }
}
