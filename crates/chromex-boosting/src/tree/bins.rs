//! Bins: the few intervals of each column that the histogram method looks at.

use super::quantiles::Sketch;

/// The bins of one column.
#[derive(Debug, PartialEq)]
pub(super) struct Bins {
    /// Below all values, for a split that parts them from rows that miss one.
    pub(super) below: f32,
    /// Where each bin ends; its own values lie below. Missing values have one more bin, without an end.
    pub(super) ends: Vec<f32>,
}

impl Bins {
    /// Finds the bins of a column, as XGBoost's `hist` does; none when all rows are the same in it.
    ///
    /// Each distinct value has a bin of its own if there are at most `max_bins`, and bins end at values. A column of
    /// more values is cut at quantiles of its weight. `weights` has one for every row, also for those that miss the
    /// value; without it all rows weigh the same.
    pub(super) fn new(values: &[f32], weights: Option<&[f32]>, max_bins: usize) -> Option<Self> {
        let present = values.iter().filter(|value| !value.is_nan()).count();
        let mut sketch = Sketch::new(present, max_bins);
        for (row, &value) in values.iter().enumerate() {
            if !value.is_nan() {
                sketch.push(value, weights.map_or(1.0, |weights| weights[row]));
            }
        }
        let bins = sketch.finish(max_bins)?;
        (bins.ends.len() > 1 || present < values.len()).then_some(bins)
    }

    /// Gives where a bin starts.
    pub(super) fn start(&self, bin: usize) -> f32 {
        match bin {
            0 => self.below,
            _ => self.ends[bin - 1],
        }
    }

    /// Numbers the bin of a value; `missing` is that of none.
    pub(super) fn number(&self, value: f32, missing: usize) -> usize {
        if value.is_nan() {
            missing
        } else {
            self.find(value)
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
    fn many_distinct_values_are_cut_where_xgboost_cuts_them() {
        let column: Vec<f32> = (0..100).map(|value| value as f32).collect();
        let even = bins(&column, 4).unwrap();
        assert_eq!(even.ends, [25.0, 51.0, 74.0, 198.00002]);
        // Half of the rows share one value.
        let column: Vec<f32> = (0..100).map(|row| (row - 50).max(0) as f32).collect();
        let uneven = bins(&column, 4).unwrap();
        assert_eq!(uneven.ends, [13.0, 25.0, 36.0, 98.00001]);
    }

    #[test]
    fn bins_are_of_equal_weight_and_rows_without_weight_have_no_part() {
        let column: Vec<f32> = (0..100).map(|value| value as f32).collect();
        let weights: Vec<f32> = column.iter().map(|value| value.min(50.0)).collect();
        let weighted = Bins::new(&column, Some(&weights), 4).unwrap();
        // The cuts of XGBoost.
        assert_eq!(weighted.ends, [44.0, 61.0, 80.0, 198.00002]);
        let column = [1.0, 2.0, f32::NAN];
        let one = Bins::new(&column, Some(&[1.0, 0.0, 1.0]), 4).unwrap();
        assert_eq!(one.ends.len(), 1);
        assert_eq!(Bins::new(&column[..2], Some(&[1.0, 0.0]), 4), None);
    }

    #[test]
    fn a_column_that_is_the_same_in_all_rows_has_no_bins() {
        assert_eq!(bins(&[2.0, 2.0], 4), None);
        assert_eq!(bins(&[f32::NAN, f32::NAN], 4), None);
        assert!(bins(&[2.0, f32::NAN], 4).is_some());
    }
}
