use std::collections::{HashMap, HashSet};
use std::fmt;

use chromex_core::{Dataset, Keys, Rows, Target, Targets, Transform};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::ExpressionMatrix;
use crate::Result;
use crate::genes::without_version;

/// When two ids mean the same gene.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GeneIds {
    /// When they are written the same.
    #[default]
    Exact,
    /// When they are the same without their versions; what then has several partners joins none.
    IgnoreVersion,
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
            [first, ..] => format!(" (as {first})"),
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
    /// Joins genes with this table: gives the rows of the genes that have expression, and what did not join.
    ///
    /// The first list has rows of `genes`, the second their rows here.
    pub fn join(&self, genes: &[String], ids: GeneIds) -> (Vec<usize>, Vec<usize>, JoinReport) {
        let key = |id: &str| match ids {
            GeneIds::Exact => id.to_owned(),
            GeneIds::IgnoreVersion => without_version(id),
        };
        let mut known: HashMap<String, Vec<usize>> = HashMap::new();
        for (row, gene) in self.genes().iter().enumerate() {
            known.entry(key(gene)).or_default().push(row);
        }
        let mut asked: HashMap<String, usize> = HashMap::new();
        for gene in genes {
            *asked.entry(key(gene)).or_default() += 1;
        }
        let mut report = JoinReport::default();
        let (mut rows, mut partners) = (Vec::new(), Vec::new());
        let mut used = HashSet::new();
        for (row, gene) in genes.iter().enumerate() {
            let key = key(gene);
            match known.get(&key).map(Vec::as_slice) {
                None => report.without_expression.push(gene.clone()),
                Some([partner]) if asked[&key] == 1 => {
                    rows.push(row);
                    partners.push(*partner);
                    used.insert(*partner);
                }
                Some(several) => {
                    report.ambiguous.push(gene.clone());
                    used.extend(several);
                }
            }
        }
        let rest = self.genes().iter().enumerate();
        let rest = rest.filter(|(row, _)| !used.contains(row));
        report.without_windows = rest.map(|(_, gene)| gene.clone()).collect();
        report.joined = rows.len();
        (rows, partners, report)
    }

    /// Joins inputs of genes with what is to be predicted of them, and says what did not join. The keys' ids are the
    /// genes, and so is the group `gene`.
    ///
    /// # Errors
    ///
    /// [`Error::Core`](crate::Error::Core) when there is not one input per gene, a sample is not in the table, a
    /// transform takes two samples and has one or the other way round, the table's numbers went through a transform
    /// already and shall through another, no gene joins, or what comes out is not a number.
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
        let (rows, partners, report) = self.join(genes, ids);
        if rows.is_empty() {
            return Err(chromex_core::Error::Empty {
                what: "the join of windows and expression",
            }
            .into());
        }
        let mut values = Array2::zeros((rows.len(), columns.len()));
        let mut described = Vec::new();
        for (place, column) in columns.iter().enumerate() {
            let (first, second) = self.samples_of(column)?;
            for (row, &partner) in partners.iter().enumerate() {
                let number = |sample: usize| self.values()[[partner, sample]];
                let transformed = column.transform.apply(number(first), number(second));
                values[[row, place]] = transformed as f32;
            }
            described.push(self.describe(column));
        }
        let kept: Vec<String> = rows.iter().map(|&row| genes[row].clone()).collect();
        let keys = Keys::new(kept.clone())?.with_group("gene", &kept)?;
        let targets = Targets::new(values, described)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{ExpressionUnit, MatrixLayout};
    use ndarray::array;

    fn matrix() -> ExpressionMatrix {
        let genes = ["E1.1", "E2.1", "E3.1", "E3.2"].map(str::to_owned).to_vec();
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
        let genes = ids(&["E9.1", "E1.4", "E3.1"]);
        let (rows, partners, report) = matrix().join(&genes, GeneIds::Exact);
        assert_eq!((rows, partners), (vec![2], vec![2]));
        assert_eq!(report.without_expression, ["E9.1", "E1.4"]);
        assert_eq!(report.without_windows, ["E1.1", "E2.1", "E3.2"]);
        let (rows, partners, report) = matrix().join(&genes, GeneIds::IgnoreVersion);
        assert_eq!((rows, partners), (vec![1], vec![0]));
        assert_eq!(report.ambiguous, ["E3.1"]);
        assert_eq!(report.without_windows, ["E2.1"]);
        assert_eq!(
            report.to_string(),
            "1 genes joined; 1 without expression (as E9.1), 1 without windows (as E2.1), 1 ambiguous (as E3.1)"
        );
    }

    #[test]
    fn targets_carry_unit_and_transform() {
        let genes = ids(&["E2.1", "E1.1"]);
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
