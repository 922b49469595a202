use rand::seq::SliceRandom;

use super::{Fold, Split};
use crate::{Error, Keys, Result, random};

/// Shuffles the rows into `k` parts; each is tested once, the next one validates, the rest train.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KFold {
    /// The number of parts, at least 3.
    pub k: usize,
}

impl Split for KFold {
    fn folds(&self, keys: &Keys, seed: u64) -> Result<Vec<Fold>> {
        check_k(self.k, keys.len(), keys.len(), "rows")?;
        let mut rows: Vec<usize> = (0..keys.len()).collect();
        rows.shuffle(&mut random::generator(seed, "k-fold"));
        let mut parts = vec![Vec::new(); self.k];
        for (position, row) in rows.into_iter().enumerate() {
            parts[position % self.k].push(row);
        }
        rotate(parts)
    }
}

/// Makes a fold per part: it is tested, the next validates, the others train. Rows are put in order.
pub(super) fn rotate(mut parts: Vec<Vec<usize>>) -> Result<Vec<Fold>> {
    for part in &mut parts {
        part.sort_unstable();
    }
    let k = parts.len();
    (0..k)
        .map(|test| {
            let valid = (test + 1) % k;
            let mut train: Vec<usize> = (0..k)
                .filter(|&part| part != test && part != valid)
                .flat_map(|part| parts[part].iter().copied())
                .collect();
            train.sort_unstable();
            let (valid, tested) = (parts[valid].clone(), parts[test].clone());
            Fold::new(test.to_string(), train, valid, tested).checked()
        })
        .collect()
}

/// Row numbers that all folds together may list: 2 GiB.
const MOST_LISTED: usize = 1 << 28;

pub(super) fn check_k(k: usize, rows: usize, available: usize, what: &str) -> Result<()> {
    // Every fold lists the rows of all parts.
    let most = available.min(MOST_LISTED / rows.max(1));
    if k < 3 || k > most {
        return Err(Error::Setting {
            name: "k",
            expected: match most == available {
                true => format!("3 to {available} ({what})"),
                false => format!("3 to {most}: each fold lists all {rows} rows"),
            },
            found: k.to_string(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_tested_once_and_never_trained_on_in_that_fold() {
        let folds = KFold { k: 4 }.folds(&Keys::numbered(10), 3).unwrap();
        let mut tested: Vec<usize> = folds.iter().flat_map(|fold| fold.test.clone()).collect();
        tested.sort_unstable();
        assert_eq!(tested, (0..10).collect::<Vec<_>>());
        for fold in &folds {
            let mut all = [&fold.train[..], &fold.valid, &fold.test].concat();
            all.sort_unstable();
            assert_eq!(all, (0..10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_seed_decides_the_folds() {
        let folds = |seed| KFold { k: 3 }.folds(&Keys::numbered(50), seed).unwrap();
        assert_eq!(folds(1), folds(1));
        assert_ne!(folds(1), folds(2));
    }

    #[test]
    fn fewer_than_three_parts_are_refused() {
        assert!(KFold { k: 2 }.folds(&Keys::numbered(10), 0).is_err());
    }
}
