use rand::seq::SliceRandom;

use super::{Fold, Split};
use crate::{Error, Keys, Result, random};

/// Holds whole groups, drawn by the seed, out until they have a share of the rows, such as homology clusters of promoters.
///
/// # Examples
///
/// ```
/// use chromex_core::{GroupShares, Keys, Split};
/// let keys = Keys::numbered(6).with_group("cluster", &["a", "a", "b", "c", "d", "e"])?;
/// let split = GroupShares { group: "cluster".into(), test: 0.3, valid: 0.2 };
/// let fold = &split.folds(&keys, 47)?[0];
/// assert_eq!(fold.test.contains(&0), fold.test.contains(&1));
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GroupShares {
    /// The group whose rows stay together.
    pub group: String,
    /// The share of the rows that are tested, above 0.
    pub test: f64,
    /// The share of the rows that validate.
    pub valid: f64,
}

impl GroupShares {
    /// FloraBERT's: of the clusters of alike promoters those of 30 rows in 100 are tested, and a fifth of the rest validates.
    pub fn florabert() -> Self {
        Self {
            group: "cluster".into(),
            test: 0.3,
            valid: 0.14,
        }
    }
}

impl Split for GroupShares {
    fn folds(&self, keys: &Keys, seed: u64) -> Result<Vec<Fold>> {
        let (test, valid) = (self.test, self.valid);
        if !(test > 0.0 && valid >= 0.0 && test + valid < 1.0) {
            return Err(Error::Setting {
                name: "test, valid",
                expected: "shares of which the first is above 0, together below 1".into(),
                found: format!("{test}, {valid}"),
            });
        }
        let group = keys.group(&self.group)?;
        let mut members = vec![Vec::new(); group.labels().len()];
        for (row, &code) in group.codes().iter().enumerate() {
            members[code as usize].push(row);
        }
        members.shuffle(&mut random::generator(seed, "shares of groups"));
        let wanted = |share: f64| (share * keys.len() as f64).round() as usize;
        let mut parts = [Vec::new(), Vec::new(), Vec::new()];
        for rows in members {
            // A group that is larger than all that is missing would change the shares by more than it fills.
            let fits = |part: &Vec<usize>, share: f64| {
                let missing = wanted(share).saturating_sub(part.len());
                missing * 2 >= rows.len() && missing > 0
            };
            let part = match &parts {
                [tested, _, _] if fits(tested, test) => 0,
                [_, validating, _] if fits(validating, valid) => 1,
                _ => 2,
            };
            parts[part].extend(rows);
        }
        parts.iter_mut().for_each(|part| part.sort_unstable());
        let [test, valid, train] = parts;
        Ok(vec![Fold::new("shares", train, valid, test).checked()?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn keys() -> Keys {
        // One large cluster, some of two, many of one.
        let labels: Vec<String> = (0..200)
            .map(|row| match row {
                0..70 => "large".to_owned(),
                70..130 => format!("pair {}", row / 2),
                _ => format!("own {row}"),
            })
            .collect();
        Keys::numbered(200).with_group("cluster", &labels).unwrap()
    }

    #[test]
    fn shares_are_kept_and_no_cluster_stands_on_two_sides() {
        let keys = keys();
        let group = keys.group("cluster").unwrap();
        for seed in 0..20 {
            let folds = GroupShares::florabert().folds(&keys, seed).unwrap();
            let Fold {
                train, valid, test, ..
            } = &folds[0];
            assert_eq!(train.len() + valid.len() + test.len(), 200);
            let labels = |rows: &[usize]| -> HashSet<u32> {
                rows.iter().map(|&row| group.codes()[row]).collect()
            };
            assert!(labels(train).is_disjoint(&labels(test)));
            assert!(labels(train).is_disjoint(&labels(valid)));
            assert!(labels(valid).is_disjoint(&labels(test)));
            // Half of the largest cluster at most beside the share.
            assert!(test.len().abs_diff(60) <= 35, "{}", test.len());
            assert!(valid.len().abs_diff(28) <= 35, "{}", valid.len());
        }
        let again = GroupShares::florabert().folds(&keys, 3).unwrap();
        assert_eq!(again, GroupShares::florabert().folds(&keys, 3).unwrap());
        assert_ne!(again, GroupShares::florabert().folds(&keys, 4).unwrap());
    }

    #[test]
    fn a_fold_names_its_parts_as_a_given_split_reads_them() {
        let fold = &GroupShares::florabert().folds(&keys(), 47).unwrap()[0];
        let named = keys().with_group("part", &fold.parts(200)).unwrap();
        let given = &crate::GivenSplit::default().folds(&named, 0).unwrap()[0];
        assert_eq!((&given.train, &given.test), (&fold.train, &fold.test));
        assert_eq!(given.valid, fold.valid);
    }

    #[test]
    fn shares_that_leave_nothing_to_learn_from_are_refused() {
        let split = GroupShares {
            test: 0.9,
            valid: 0.1,
            ..GroupShares::florabert()
        };
        assert!(split.folds(&keys(), 0).is_err());
    }
}
