//! Rows drawn with replacement, one by one or in whole groups.

use std::collections::HashMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws resamples of the same rows.
pub(crate) struct Resampler {
    units: Units,
    random: ChaCha8Rng,
}

/// What is drawn together.
enum Units {
    /// Each of so many rows alone.
    Rows(usize),
    /// The rows of group `g` are `rows[starts[g]..starts[g + 1]]`.
    Groups {
        starts: Vec<usize>,
        rows: Vec<usize>,
    },
}

impl Resampler {
    /// Prepares to draw among `rows` rows, those of equal code in `groups` together.
    pub(crate) fn new(rows: usize, groups: Option<&[u32]>, seed: u64) -> Self {
        let units = groups.map_or(Units::Rows(rows), Units::grouped);
        Self {
            units,
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Fills `drawn` with the rows of one resample: as many units as there are, so the number of rows differs between resamples
    /// where groups differ in size.
    pub(crate) fn draw(&self, resample: usize, drawn: &mut Vec<usize>) {
        drawn.clear();
        // A stream per resample: which thread draws it, and when, changes nothing.
        let mut random = self.random.clone();
        random.set_stream(resample as u64);
        match &self.units {
            Units::Rows(rows) => drawn.extend((0..*rows).map(|_| random.random_range(0..*rows))),
            Units::Groups { starts, rows } => {
                let groups = starts.len() - 1;
                for _ in 0..groups {
                    let group = random.random_range(0..groups);
                    drawn.extend_from_slice(&rows[starts[group]..starts[group + 1]]);
                }
            }
        }
    }
}

impl Units {
    /// Gathers the rows of each group, groups in the order of their first rows: the draws do not depend on the codes' values.
    fn grouped(codes: &[u32]) -> Self {
        let mut numbers = HashMap::new();
        let numbered: Vec<usize> = codes
            .iter()
            .map(|code| {
                let next = numbers.len();
                *numbers.entry(*code).or_insert(next)
            })
            .collect();
        let mut starts = vec![0; numbers.len() + 1];
        for &group in &numbered {
            starts[group + 1] += 1;
        }
        for group in 0..numbers.len() {
            starts[group + 1] += starts[group];
        }
        let mut next = starts.clone();
        let mut rows = vec![0; codes.len()];
        for (row, &group) in numbered.iter().enumerate() {
            rows[next[group]] = row;
            next[group] += 1;
        }
        Self::Groups { starts, rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(resampler: &Resampler, resample: usize) -> Vec<usize> {
        let mut drawn = vec![7; 3]; // what an earlier resample left
        resampler.draw(resample, &mut drawn);
        drawn
    }

    #[test]
    fn every_row_is_drawn_about_once_per_resample() {
        let resampler = Resampler::new(5, None, 3);
        let mut counts = [0; 5];
        for resample in 0..20_000 {
            let drawn = draw(&resampler, resample);
            assert_eq!(drawn.len(), 5);
            drawn.iter().for_each(|&row| counts[row] += 1);
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
    fn a_group_comes_whole_and_in_row_order() {
        let resampler = Resampler::new(6, Some(&[9, 4_000_000_000, 9, 0, 9, 0]), 1);
        let groups: [&[usize]; 3] = [&[0, 2, 4], &[1], &[3, 5]];
        let mut seen = [false; 3];
        for resample in 0..50 {
            let drawn = draw(&resampler, resample);
            let (mut rest, mut units) = (&drawn[..], 0);
            while let Some(first) = rest.first() {
                let group = groups.iter().position(|rows| rows[0] == *first).unwrap();
                rest = rest.strip_prefix(groups[group]).unwrap();
                seen[group] = true;
                units += 1;
            }
            assert_eq!(units, 3);
        }
        assert_eq!(seen, [true; 3]);
    }

    #[test]
    fn groups_of_one_row_draw_as_rows_and_codes_are_only_names() {
        let rows = Resampler::new(4, None, 11);
        let alone = Resampler::new(4, Some(&[3, 2, 1, 0]), 11);
        let (named, renamed) = ([5, 5, 0, 8], [0, 0, 9, 2]);
        let named = Resampler::new(4, Some(&named), 11);
        let renamed = Resampler::new(4, Some(&renamed), 11);
        for resample in 0..20 {
            assert_eq!(draw(&rows, resample), draw(&alone, resample));
            assert_eq!(draw(&named, resample), draw(&renamed, resample));
        }
    }

    #[test]
    fn resamples_and_seeds_draw_apart_and_repeat() {
        let (first, again) = (Resampler::new(50, None, 1), Resampler::new(50, None, 1));
        let other = Resampler::new(50, None, 2);
        assert_eq!(draw(&first, 8), draw(&again, 8));
        assert_ne!(draw(&first, 8), draw(&first, 9));
        assert_ne!(draw(&first, 8), draw(&other, 8));
    }
}
