use rand::seq::SliceRandom;

use super::{Fold, Split, rows_where};
use crate::keys::Group;
use crate::{Error, Keys, Result, random};

/// Holds out genes and cells at once and scores the three ways of being unseen apart.
///
/// Training rows have a training gene and a training cell, validation rows a validation gene and a
/// validation cell. Tested are training genes in test cells, test genes in training cells, and test
/// genes in test cells. Rows of any other mixture are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct DoubleHoldOut {
    /// The group that names a row's gene (or its homology cluster).
    pub genes: String,
    /// The group that names a row's cell.
    pub cells: String,
    /// The part of the genes, and of the cells, that is tested.
    pub test_fraction: f64,
    /// The part of the genes, and of the cells, that validates.
    pub valid_fraction: f64,
}

impl Default for DoubleHoldOut {
    /// Groups `gene` and `cell`, a fifth of each tested and a tenth validating.
    fn default() -> Self {
        Self {
            genes: "gene".into(),
            cells: "cell".into(),
            test_fraction: 0.2,
            valid_fraction: 0.1,
        }
    }
}

/// The side that a gene or a cell is on.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Train,
    Valid,
    Test,
}

impl Split for DoubleHoldOut {
    fn folds(&self, keys: &Keys, seed: u64) -> Result<Vec<Fold>> {
        for (name, fraction) in [
            ("test_fraction", self.test_fraction),
            ("valid_fraction", self.valid_fraction),
        ] {
            if !(fraction > 0.0 && fraction < 0.5) {
                return Err(Error::Setting {
                    name,
                    expected: "above 0 and below 0.5".into(),
                    found: fraction.to_string(),
                });
            }
        }
        let (genes, cells) = (keys.group(&self.genes)?, keys.group(&self.cells)?);
        let gene_sides = self.sides(genes, seed, "double hold-out genes");
        let cell_sides = self.sides(cells, seed, "double hold-out cells");
        let rows = |gene: Side, cell: Side| {
            rows_where(keys.len(), |row| {
                gene_sides[genes.codes()[row] as usize] == gene
                    && cell_sides[cells.codes()[row] as usize] == cell
            })
        };
        let strata = vec![
            (
                "seen gene, unseen cell".to_owned(),
                rows(Side::Train, Side::Test),
            ),
            (
                "unseen gene, seen cell".to_owned(),
                rows(Side::Test, Side::Train),
            ),
            (
                "unseen gene, unseen cell".to_owned(),
                rows(Side::Test, Side::Test),
            ),
        ];
        let mut test: Vec<usize> = strata.iter().flat_map(|(_, rows)| rows.clone()).collect();
        test.sort_unstable();
        let mut fold = Fold::new(
            "double hold-out",
            rows(Side::Train, Side::Train),
            rows(Side::Valid, Side::Valid),
            test,
        )
        .checked()?;
        fold.strata = strata;
        Ok(vec![fold])
    }
}

impl DoubleHoldOut {
    fn sides(&self, group: &Group, seed: u64, purpose: &str) -> Vec<Side> {
        let count = group.labels().len();
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut random::generator(seed, purpose));
        // At least one of each side, so that few cells still leave something to test.
        let of = |fraction: f64| ((count as f64 * fraction).round() as usize).max(1);
        let (test, valid) = (of(self.test_fraction), of(self.valid_fraction));
        let mut sides = vec![Side::Train; count];
        for (position, label) in order.into_iter().enumerate() {
            if position < test {
                sides[label] = Side::Test;
            } else if position < test + valid {
                sides[label] = Side::Valid;
            }
        }
        sides
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn strata_are_what_their_names_say() {
        let rows = 30 * 10;
        let genes: Vec<String> = (0..rows).map(|row| format!("g{}", row % 30)).collect();
        let cells: Vec<String> = (0..rows).map(|row| format!("c{}", row / 30)).collect();
        let keys = Keys::numbered(rows)
            .with_group("gene", &genes)
            .unwrap()
            .with_group("cell", &cells)
            .unwrap();
        let fold = &DoubleHoldOut::default().folds(&keys, 9).unwrap()[0];
        let of = |rows: &[usize], labels: &[String]| -> BTreeSet<String> {
            rows.iter().map(|&row| labels[row].clone()).collect()
        };
        let (train_genes, train_cells) = (of(&fold.train, &genes), of(&fold.train, &cells));
        for (name, rows) in &fold.strata {
            assert!(!rows.is_empty());
            let seen_gene = !train_genes.is_disjoint(&of(rows, &genes));
            let seen_cell = !train_cells.is_disjoint(&of(rows, &cells));
            assert_eq!(seen_gene, name.starts_with("seen gene"), "{name}");
            assert_eq!(
                seen_cell,
                name.ends_with("seen cell") && !name.ends_with("unseen cell")
            );
        }
        let strata_rows: usize = fold.strata.iter().map(|(_, rows)| rows.len()).sum();
        assert_eq!(strata_rows, fold.test.len());
        assert!(train_genes.is_disjoint(&of(&fold.valid, &genes)));
    }
}
