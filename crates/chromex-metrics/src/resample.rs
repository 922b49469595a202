//! Rows drawn with replacement, one by one or in whole groups.

use std::collections::HashMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Which rows are drawn together: every row alone, or those of a group.
///
/// A resample is a number of draws per unit, and its rows are those of each unit as often as the unit was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResamplingUnits {
    /// The rows of unit `u` are `rows[starts[u]..starts[u + 1]]`.
    starts: Vec<usize>,
    rows: Vec<usize>,
    /// The unit of each row.
    unit_of_row: Vec<u32>,
}

impl ResamplingUnits {
    /// Draws each of so many rows alone, or those of equal code in `groups` together.
    ///
    /// Units stand in the order of their first rows: draws do not depend on the codes' values.
    pub(crate) fn new(rows: usize, groups: Option<&[u32]>) -> Self {
        let Some(codes) = groups else {
            return Self {
                starts: (0..=rows).collect(),
                rows: (0..rows).collect(),
                unit_of_row: (0..rows as u32).collect(),
            };
        };
        let mut numbers = HashMap::new();
        let unit_of_row: Vec<u32> = codes
            .iter()
            .map(|code| {
                let next = numbers.len() as u32;
                *numbers.entry(*code).or_insert(next)
            })
            .collect();
        let mut starts = vec![0; numbers.len() + 1];
        for &unit in &unit_of_row {
            starts[unit as usize + 1] += 1;
        }
        for unit in 0..numbers.len() {
            starts[unit + 1] += starts[unit];
        }
        let mut next = starts.clone();
        let mut rows = vec![0; codes.len()];
        for (row, &unit) in unit_of_row.iter().enumerate() {
            rows[next[unit as usize]] = row;
            next[unit as usize] += 1;
        }
        Self {
            starts,
            rows,
            unit_of_row,
        }
    }

    /// Counts the units.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Says whether there are no units, because there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lists the rows of each unit, ascending.
    pub fn iter(&self) -> impl Iterator<Item = &[usize]> {
        let bounds = self.starts.windows(2);
        bounds.map(|bounds| &self.rows[bounds[0]..bounds[1]])
    }

    /// Finds the unit that a row is drawn with.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    pub fn unit_of_row(&self, row: usize) -> u32 {
        self.unit_of_row[row]
    }
}

/// Draws resamples of the same units.
pub(crate) struct Resampler {
    units: usize,
    random: ChaCha8Rng,
}

impl Resampler {
    pub(crate) fn new(units: usize, seed: u64) -> Self {
        Self {
            units,
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Counts in `draws` how often each unit is in one resample: as many are drawn as there are, so the number of rows differs
    /// between resamples where groups differ in size.
    pub(crate) fn draw(&self, resample: usize, draws: &mut Vec<u32>) {
        draws.clear();
        draws.resize(self.units, 0);
        // A stream per resample: which thread draws it, and when, changes nothing.
        let mut random = self.random.clone();
        random.set_stream(resample as u64);
        for _ in 0..self.units {
            draws[random.random_range(0..self.units)] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(resampler: &Resampler, resample: usize) -> Vec<u32> {
        let mut draws = vec![7; 3]; // what an earlier resample left
        resampler.draw(resample, &mut draws);
        draws
    }

    #[test]
    fn every_unit_is_drawn_about_once_per_resample() {
        let resampler = Resampler::new(5, 3);
        let mut counts = [0; 5];
        for resample in 0..20_000 {
            let draws = draw(&resampler, resample);
            assert_eq!(draws.iter().sum::<u32>(), 5);
            for (count, draws) in counts.iter_mut().zip(draws) {
                *count += draws as i32;
            }
        }
        // A binomial count of 100 000 draws at 1/5 has a standard deviation of 126.
        assert!(
            counts
                .iter()
                .all(|&count: &i32| (count - 20_000).abs() < 5 * 126),
            "{counts:?}"
        );
    }

    #[test]
    fn units_hold_the_rows_of_their_groups_in_order() {
        let units = ResamplingUnits::new(6, Some(&[9, 4_000_000_000, 9, 0, 9, 0]));
        let rows: Vec<&[usize]> = units.iter().collect();
        assert_eq!(rows, [&[0, 2, 4][..], &[1], &[3, 5]]);
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|row| units.unit_of_row(row)),
            [0, 1, 0, 2, 0, 2]
        );
        assert_eq!((units.len(), units.is_empty()), (3, false));
        assert!(ResamplingUnits::new(0, None).is_empty());
    }

    #[test]
    fn groups_of_one_row_are_rows_and_codes_are_only_names() {
        let rows = ResamplingUnits::new(4, None);
        assert_eq!(rows, ResamplingUnits::new(4, Some(&[3, 2, 1, 0])));
        let renamed = ResamplingUnits::new(4, Some(&[0, 0, 9, 2]));
        assert_eq!(ResamplingUnits::new(4, Some(&[5, 5, 0, 8])), renamed);
    }

    #[test]
    fn resamples_and_seeds_draw_apart_and_repeat() {
        let (first, again) = (Resampler::new(50, 1), Resampler::new(50, 1));
        let other = Resampler::new(50, 2);
        assert_eq!(draw(&first, 8), draw(&again, 8));
        assert_ne!(draw(&first, 8), draw(&first, 9));
        assert_ne!(draw(&first, 8), draw(&other, 8));
    }
}
