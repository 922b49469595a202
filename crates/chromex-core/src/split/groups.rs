use rand::seq::SliceRandom;

use super::k_fold::{check_k, rotate};
use super::{Fold, Split, rows_where};
use crate::{Error, Keys, Result, random};

/// Holds named groups out, such as whole chromosomes or cells.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSplit {
    /// The group, such as `chromosome`.
    pub group: String,
    /// Labels whose rows validate.
    pub valid: Vec<String>,
    /// Labels whose rows are tested.
    pub test: Vec<String>,
}

/// Divides whole groups (homology clusters, genes, chromosomes) into `k` parts of nearly equal rows; each
/// part is tested once, the next one validates, the rest train.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupKFold {
    /// The group whose rows stay together.
    pub group: String,
    /// The number of parts, at least 3.
    pub k: usize,
}

impl Split for GroupSplit {
    fn folds(&self, keys: &Keys, _seed: u64) -> Result<Vec<Fold>> {
        let group = keys.group(&self.group)?;
        for label in self.valid.iter().chain(&self.test) {
            if !group.labels().contains(label) {
                return Err(Error::UnknownName {
                    what: "label of the group",
                    name: label.clone(),
                    known: group.labels().to_vec(),
                });
            }
        }
        if let Some(label) = self.valid.iter().find(|label| self.test.contains(label)) {
            return Err(Error::Setting {
                name: "valid",
                expected: "labels that are not tested".into(),
                found: label.clone(),
            });
        }
        let among = |row: usize, labels: &[String]| labels.iter().any(|l| l == group.label(row));
        let fold = Fold::new(
            self.test.join("+"),
            rows_where(keys.len(), |row| {
                !among(row, &self.valid) && !among(row, &self.test)
            }),
            rows_where(keys.len(), |row| among(row, &self.valid)),
            rows_where(keys.len(), |row| among(row, &self.test)),
        );
        Ok(vec![fold.checked()?])
    }
}

impl Split for GroupKFold {
    fn folds(&self, keys: &Keys, seed: u64) -> Result<Vec<Fold>> {
        let group = keys.group(&self.group)?;
        let mut members = vec![Vec::new(); group.labels().len()];
        for (row, &code) in group.codes().iter().enumerate() {
            members[code as usize].push(row);
        }
        members.retain(|rows| !rows.is_empty());
        check_k(self.k, keys.len(), members.len(), "groups")?;
        // Large groups first, each into the emptiest part: nearly equal parts; the shuffle breaks ties.
        members.shuffle(&mut random::generator(seed, "group k-fold"));
        members.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
        let mut parts: Vec<Vec<usize>> = vec![Vec::new(); self.k];
        for rows in members {
            let emptiest = (0..self.k)
                .min_by_key(|&part| parts[part].len())
                .expect("k is at least 3");
            parts[emptiest].extend(rows);
        }
        rotate(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let chromosomes: Vec<String> = (0..60).map(|row| format!("chr{}", row % 7)).collect();
        Keys::numbered(60)
            .with_group("chromosome", &chromosomes)
            .unwrap()
    }

    #[test]
    fn no_group_stands_on_two_sides() {
        let split = GroupKFold {
            group: "chromosome".into(),
            k: 3,
        };
        let keys = keys();
        let group = keys.group("chromosome").unwrap();
        for fold in split.folds(&keys, 5).unwrap() {
            let labels = |rows: &[usize]| -> std::collections::BTreeSet<u32> {
                rows.iter().map(|&row| group.codes()[row]).collect()
            };
            let (train, valid, test) =
                (labels(&fold.train), labels(&fold.valid), labels(&fold.test));
            assert!(train.is_disjoint(&test) && train.is_disjoint(&valid));
            assert!(valid.is_disjoint(&test));
            assert!(fold.test.len().abs_diff(20) <= 9);
        }
    }

    #[test]
    fn named_chromosomes_are_held_out() {
        let split = GroupSplit {
            group: "chromosome".into(),
            valid: vec!["chr1".into()],
            test: vec!["chr0".into()],
        };
        let fold = &split.folds(&keys(), 0).unwrap()[0];
        assert!(fold.test.iter().all(|row| row % 7 == 0));
        assert!(fold.valid.iter().all(|row| row % 7 == 1));
        assert_eq!(fold.train.len() + fold.valid.len() + fold.test.len(), 60);
        let both = GroupSplit {
            valid: vec!["chr0".into()],
            ..split
        };
        assert!(both.folds(&keys(), 0).is_err());
    }
}
