use std::collections::HashMap;
use std::fmt;

use chromex_core::{Dataset, Keys, Rows, Target, Targets, Transform};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::{ExpressionMatrix, advice};
use crate::Result;
use crate::genes::{first_of, without_known_version, without_source, without_version};

/// When two ids mean the same gene.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GeneIds {
    /// When they are written the same.
    #[default]
    Exact,
    /// When they are written the same; else when they are the same without what sources write before ids (`gene:`) and
    /// without the versions of ids that have them (`ENSG..`, `NM_..`). What then has several partners joins none.
    IgnoreVersion,
    /// As [`IgnoreVersion`](Self::IgnoreVersion), and then without what follows the last dot of any id: where that is known
    /// to be a version.
    IgnoreLastDot,
}

/// One column to predict: a sample, or a ratio of two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetColumn {
    /// The sample, or the first of two.
    pub sample: String,
    /// The second sample, for transforms that take two.
    pub second: Option<String>,
    /// How the table's numbers become what is predicted.
    pub transform: Transform,
}

/// What a join brought together and what it did not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinReport {
    /// Genes that both sides have.
    pub joined: usize,
    /// Genes that have windows and no expression.
    pub without_expression: Vec<String>,
    /// Genes that have expression and no windows.
    pub without_windows: Vec<String>,
    /// Ids that mean several genes of the other side.
    pub ambiguous: Vec<String>,
}

impl fmt::Display for JoinReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |ids: &[String]| match ids {
            [] => String::new(),
            ids => format!(" ({})", first_of(ids)),
        };
        write!(
            formatter,
            "{} genes joined; {} without expression{}, {} without windows{}, {} ambiguous{}",
            self.joined,
            self.without_expression.len(),
            part(&self.without_expression),
            self.without_windows.len(),
            part(&self.without_windows),
            self.ambiguous.len(),
            part(&self.ambiguous),
        )
    }
}

impl TargetColumn {
    /// A sample as it stands in the table.
    pub fn of(sample: impl Into<String>) -> Self {
        Self {
            sample: sample.into(),
            second: None,
            transform: Transform::Identity,
        }
    }

    /// A sample under a transform.
    pub fn transformed(sample: impl Into<String>, transform: Transform) -> Self {
        Self {
            transform,
            ..Self::of(sample)
        }
    }
}

impl ExpressionMatrix {
    /// Joins genes with this table: gives the rows of the genes that have expression, and what did not join. An id that is
    /// written the same on both sides joins before any other.
    ///
    /// The first list has rows of `genes`, the second their rows here.
    pub fn join(&self, genes: &[String], ids: GeneIds) -> (Vec<usize>, Vec<usize>, JoinReport) {
        let mut side = Side {
            genes,
            partners: vec![None; genes.len()],
            is_ambiguous: vec![false; genes.len()],
        };
        let mut is_used = vec![false; self.genes().len()];
        let keys: [fn(&str) -> String; 3] = [
            str::to_owned,
            |id| without_known_version(without_source(id)),
            |id| without_version(without_source(id)),
        ];
        let stages = match ids {
            GeneIds::Exact => 1,
            GeneIds::IgnoreVersion => 2,
            GeneIds::IgnoreLastDot => 3,
        };
        for key in &keys[..stages] {
            side.pair(self.genes(), &mut is_used, key);
        }
        let Side {
            partners,
            is_ambiguous,
            ..
        } = side;
        let mut report = JoinReport::default();
        let (mut rows, mut found) = (Vec::new(), Vec::new());
        for (row, gene) in genes.iter().enumerate() {
            match partners[row] {
                Some(partner) => {
                    rows.push(row);
                    found.push(partner);
                }
                None if is_ambiguous[row] => report.ambiguous.push(gene.clone()),
                None => report.without_expression.push(gene.clone()),
            }
        }
        let rest = self.genes().iter().zip(&is_used);
        let rest = rest.filter(|(_, is_used)| !**is_used);
        report.without_windows = rest.map(|(gene, _)| gene.clone()).collect();
        report.joined = rows.len();
        (rows, found, report)
    }

    /// Finds what is to be predicted of genes before their inputs are there: the rows of the genes that have expression, in
    /// order, their targets, and what did not join.
    ///
    /// # Errors
    ///
    /// [`Error::NoJoin`](crate::Error::NoJoin) when no gene joins, with ids of either side and what to try;
    /// [`Error::Core`](crate::Error::Core) when a sample is not in the table, a transform takes two samples and has one or the
    /// other way round, the table's numbers went through a transform already and shall through another, or what comes out is
    /// not a number.
    pub fn targets(
        &self,
        genes: &[String],
        ids: GeneIds,
        columns: &[TargetColumn],
    ) -> Result<(Vec<usize>, Targets, JoinReport)> {
        let samples: Result<Vec<(usize, usize)>> = columns
            .iter()
            .map(|column| self.samples_of(column))
            .collect();
        let samples = samples?;
        let (rows, partners, report) = self.join(genes, ids);
        if rows.is_empty() {
            return Err(advice::unjoined(genes, self.genes(), &report));
        }
        let mut values = Array2::zeros((rows.len(), columns.len()));
        let mut described = Vec::new();
        for (place, column) in columns.iter().enumerate() {
            let (first, second) = samples[place];
            for (row, &partner) in partners.iter().enumerate() {
                let number = |sample: usize| self.values()[[partner, sample]];
                let transformed = column.transform.apply(number(first), number(second));
                values[[row, place]] = transformed as f32;
            }
            described.push(self.describe(column));
        }
        Ok((rows, Targets::new(values, described)?, report))
    }

    /// Joins inputs of genes with what is to be predicted of them, and says what did not join. The keys' ids are the
    /// genes, and so is the group `gene`.
    ///
    /// # Errors
    ///
    /// Those of [`targets`](Self::targets), and [`Error::Core`](crate::Error::Core) when there is not one input per gene.
    pub fn dataset<X: Rows>(
        &self,
        inputs: &X,
        genes: &[String],
        ids: GeneIds,
        columns: &[TargetColumn],
    ) -> Result<(Dataset<X>, JoinReport)> {
        if inputs.len() != genes.len() {
            return Err(chromex_core::Error::RowCount {
                what: "inputs",
                expected: genes.len(),
                found: inputs.len(),
            }
            .into());
        }
        let (rows, targets, report) = self.targets(genes, ids, columns)?;
        let kept: Vec<String> = rows.iter().map(|&row| genes[row].clone()).collect();
        let keys = Keys::new(kept.clone())?.with_group("gene", &kept)?;
        Ok((Dataset::new(inputs.select(&rows), targets, keys)?, report))
    }

    fn samples_of(&self, column: &TargetColumn) -> Result<(usize, usize)> {
        let takes_two = matches!(
            column.transform,
            Transform::NaturalLogRatio { .. } | Transform::Log2FoldChange { .. }
        );
        let is_again =
            column.transform != Transform::Identity && self.transform() != Transform::Identity;
        let wrong = match (&column.second, takes_two) {
            (None, true) => Some("a transform of one sample, or a second sample"),
            (Some(_), false) => Some("a transform of two samples, or one sample"),
            _ if is_again => Some("none, for the table's numbers were transformed already"),
            _ => None,
        };
        if let Some(expected) = wrong {
            return Err(chromex_core::Error::Setting {
                name: "transform",
                expected: expected.into(),
                found: format!("{:?}", column.transform),
            }
            .into());
        }
        let first = self.column(&column.sample)?;
        let second = match &column.second {
            Some(second) => self.column(second)?,
            None => first,
        };
        Ok((first, second))
    }

    fn describe(&self, column: &TargetColumn) -> Target {
        Target {
            name: match &column.second {
                Some(second) => format!("{} against {second}", column.sample),
                None => column.sample.clone(),
            },
            unit: self.unit().to_string(),
            transform: match self.transform() {
                Transform::Identity => column.transform,
                before => before,
            },
        }
    }
}

/// The genes of the windows while they find their partners.
struct Side<'a> {
    genes: &'a [String],
    partners: Vec<Option<usize>>,
    is_ambiguous: Vec<bool>,
}

impl Side<'_> {
    /// Pairs what has one partner under a key and is the partner's only one, among what has none yet.
    fn pair(&mut self, table: &[String], is_used: &mut [bool], key: impl Fn(&str) -> String) {
        let mut known: HashMap<String, Vec<usize>> = HashMap::new();
        for (row, gene) in table.iter().enumerate() {
            if !is_used[row] {
                known.entry(key(gene)).or_default().push(row);
            }
        }
        let is_open = |row: &usize| self.partners[*row].is_none() && !self.is_ambiguous[*row];
        let open: Vec<usize> = (0..self.genes.len()).filter(is_open).collect();
        let mut asked: HashMap<String, usize> = HashMap::new();
        for &row in &open {
            *asked.entry(key(&self.genes[row])).or_default() += 1;
        }
        for row in open {
            let key = key(&self.genes[row]);
            match known.get(&key).map(Vec::as_slice) {
                None => {}
                Some([partner]) if asked[&key] == 1 => {
                    self.partners[row] = Some(*partner);
                    is_used[*partner] = true;
                }
                Some(several) => {
                    self.is_ambiguous[row] = true;
                    for &partner in several {
                        is_used[partner] = true;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{ExpressionUnit, MatrixLayout};
    use ndarray::array;

    fn matrix() -> ExpressionMatrix {
        let genes = ["ENSG1.1", "ENSG2.1", "ENSG3.1", "ENSG3.2"]
            .map(str::to_owned)
            .to_vec();
        let samples = vec!["a".to_owned(), "b".to_owned()];
        let values = array![[7.0, 3.0], [0.0, 0.0], [1.0, 1.0], [2.0, 2.0]];
        ExpressionMatrix::new(
            genes,
            samples,
            values,
            &MatrixLayout::of(ExpressionUnit::Rpkm),
        )
        .unwrap()
    }

    fn ids(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn what_does_not_join_is_reported() {
        let genes = ids(&["ENSG9.1", "ENSG1.4", "ENSG3.1"]);
        let (rows, partners, report) = matrix().join(&genes, GeneIds::Exact);
        assert_eq!((rows, partners), (vec![2], vec![2]));
        assert_eq!(report.without_expression, ["ENSG9.1", "ENSG1.4"]);
        assert_eq!(report.without_windows, ["ENSG1.1", "ENSG2.1", "ENSG3.2"]);
        // An exact id wins, and what then has one partner joins.
        let genes = ids(&["ENSG9.1", "ENSG1.4", "ENSG3.1", "ENSG3.7"]);
        let (rows, partners, report) = matrix().join(&genes, GeneIds::IgnoreVersion);
        assert_eq!((rows, partners), (vec![1, 2, 3], vec![0, 2, 3]));
        assert!(report.ambiguous.is_empty());
        let genes = ids(&["ENSG9.1", "ENSG1.4", "ENSG3.5"]);
        let (rows, partners, report) = matrix().join(&genes, GeneIds::IgnoreVersion);
        assert_eq!((rows, partners), (vec![1], vec![0]));
        assert_eq!(report.ambiguous, ["ENSG3.5"]);
        assert_eq!(report.without_windows, ["ENSG2.1"]);
        assert_eq!(
            report.to_string(),
            "1 genes joined; 1 without expression (ENSG9.1), 1 without windows (ENSG2.1), 1 ambiguous (ENSG3.5)"
        );
    }

    #[test]
    fn a_dot_is_no_version_and_a_source_is_no_name() {
        let names = ids(&[
            "SPBC1604.12",
            "SPBC1604.14",
            "gene:ENSG1",
            "Y74C9A.3",
            "gene-TP53",
        ]);
        let values = Array2::ones((5, 1));
        let layout = MatrixLayout::of(ExpressionUnit::Tpm);
        let matrix = ExpressionMatrix::new(names, vec!["a".into()], values, &layout).unwrap();
        let genes = ids(&["SPBC1604.14", "SPBC1604.12", "ENSG1.5", "Y74C9A.4", "TP53"]);
        let (rows, partners, report) = matrix.join(&genes, GeneIds::IgnoreVersion);
        assert_eq!((rows, partners), (vec![0, 1, 2, 4], vec![1, 0, 2, 4]));
        assert_eq!(report.without_expression, ["Y74C9A.4"]);
        let (rows, _, report) = matrix.join(&genes, GeneIds::IgnoreLastDot);
        assert_eq!((rows.len(), report.without_expression.len()), (5, 0));
    }

    #[test]
    fn targets_carry_unit_and_transform() {
        let genes = ids(&["ENSG2.1", "ENSG1.1"]);
        let ratio = TargetColumn {
            second: Some("b".into()),
            ..TargetColumn::transformed("a", Transform::Log2FoldChange { offset: 1.0 })
        };
        let inputs = array![[0.0_f32], [1.0]];
        let (data, report) = matrix()
            .dataset(
                &inputs,
                &genes,
                GeneIds::Exact,
                &[ratio, TargetColumn::of("a")],
            )
            .unwrap();
        assert_eq!((report.joined, data.targets.column(0)[1]), (2, -1.0));
        assert_eq!(data.targets.columns[0].unit, "RPKM");
        assert_eq!(data.targets.columns[0].name, "a against b");
        let wrong = TargetColumn::transformed("a", Transform::Log2FoldChange { offset: 1.0 });
        assert!(
            matrix()
                .dataset(&inputs, &genes, GeneIds::Exact, &[wrong])
                .is_err()
        );
    }
}
