use std::collections::HashMap;
use std::fmt;

use chromex_core::Transform;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::tables::TableHeader;

/// What the numbers of a table of expression count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExpressionUnit {
    /// Reads or fragments of each gene; with decimals where a tool shares them among genes.
    #[default]
    Reads,
    /// Reads per kilobase of transcript and million reads.
    Rpkm,
    /// Fragments per kilobase of transcript and million fragments.
    Fpkm,
    /// Transcripts per million.
    Tpm,
    /// Reads per million.
    Cpm,
    /// Another unit, by its name.
    Other(String),
}

/// What a table of expression holds; what cannot be told from the file is said here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatrixLayout {
    /// What the numbers count.
    pub unit: ExpressionUnit,
    /// What they went through before they were written. Without one, numbers below 0 are refused.
    pub transform: Transform,
    /// Columns beside the genes that are no samples: lengths, fold changes. Columns of text need not be named.
    pub other_columns: Vec<String>,
    /// What missing numbers stand for: `NA`, `NaN`, `-`, null, empty fields. When nothing is said, genes that lack one in a column that is
    /// read are left out, and [`ExpressionMatrix::notes`] says so.
    pub missing: Option<f64>,
    /// The column that names the genes; that of the file's index, or the first, when nothing is said.
    pub gene_column: Option<String>,
    /// The columns that are read; all columns of numbers when none is named.
    pub samples: Vec<String>,
    /// Whether the one sample names the file and no column of it, where a program writes a file per sample: the column of the unit, as
    /// `TPM`, is then the sample's. Without it a sample that is no column is refused.
    pub sample_names_file: bool,
    /// Whether the first row of a text names the columns.
    pub header: TableHeader,
    /// Whether versions are cut off the genes' ids.
    pub cut_versions: bool,
}

/// Expression of genes in samples.
///
/// # Examples
///
/// ```
/// use chromex_io::expression::{ExpressionMatrix, MatrixLayout};
/// let values = ndarray::array![[1.5], [0.0]];
/// let genes = vec!["ENSG1".to_owned(), "ENSG2".to_owned()];
/// let matrix = ExpressionMatrix::new(genes, vec!["E003".into()], values, &MatrixLayout::default())?;
/// assert_eq!(matrix.get("ENSG1", "E003"), Some(1.5));
/// # Ok::<(), chromex_io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ExpressionMatrix {
    genes: Vec<String>,
    samples: Vec<String>,
    values: Array2<f64>,
    unit: ExpressionUnit,
    transform: Transform,
    rows: HashMap<String, usize>,
    notes: Vec<String>,
}

impl fmt::Display for ExpressionUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Reads => "reads",
            Self::Rpkm => "RPKM",
            Self::Fpkm => "FPKM",
            Self::Tpm => "TPM",
            Self::Cpm => "CPM",
            Self::Other(name) => name,
        })
    }
}

impl Default for MatrixLayout {
    fn default() -> Self {
        Self {
            unit: ExpressionUnit::default(),
            transform: Transform::Identity,
            other_columns: Vec::new(),
            missing: None,
            gene_column: None,
            sample_names_file: false,
            samples: Vec::new(),
            header: TableHeader::Guessed,
            cut_versions: false,
        }
    }
}

impl MatrixLayout {
    /// A table of a unit, and nothing else to say.
    pub fn of(unit: ExpressionUnit) -> Self {
        Self {
            unit,
            ..Self::default()
        }
    }

    /// Tells whether a number may stand in the table.
    pub(super) fn allows(&self, value: f64) -> bool {
        value.is_finite() && (value >= 0.0 || self.transform != Transform::Identity)
    }

    /// Names what may stand in the table.
    pub(super) fn allowed(&self) -> &'static str {
        match self.transform {
            Transform::Identity => "a number of at least 0",
            _ => "a number",
        }
    }
}

impl ExpressionMatrix {
    /// Puts genes, samples and numbers together.
    ///
    /// # Shapes
    ///
    /// `values` is `[genes, samples]`.
    ///
    /// # Errors
    ///
    /// [`Error::Core`](crate::Error::Core) when the names and the shape differ, a gene or sample stands twice, or a
    /// number cannot be.
    pub fn new(
        genes: Vec<String>,
        samples: Vec<String>,
        values: Array2<f64>,
        layout: &MatrixLayout,
    ) -> Result<Self> {
        if values.dim() != (genes.len(), samples.len()) {
            return Err(chromex_core::Error::Shape {
                what: "expression",
                expected: format!("{} genes x {} samples", genes.len(), samples.len()),
                found: format!("{:?}", values.dim()),
            }
            .into());
        }
        let wrong = values
            .indexed_iter()
            .find(|(_, value)| !layout.allows(**value));
        if let Some(((row, _), value)) = wrong {
            return Err(chromex_core::Error::Value {
                row,
                what: "expression",
                expected: layout.allowed(),
                found: value.to_string(),
            }
            .into());
        }
        let genes: Vec<String> = match layout.cut_versions {
            true => genes
                .iter()
                .map(|id| crate::genes::without_version(id))
                .collect(),
            false => genes,
        };
        let rows = unique(&genes)?;
        unique(&samples)?;
        Ok(Self {
            genes,
            samples,
            values,
            unit: layout.unit.clone(),
            transform: layout.transform,
            rows,
            notes: Vec::new(),
        })
    }

    /// Lists what was left aside, left out or passed over when the table was read, a sentence each, to be shown with every result.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(super) fn noting(mut self, notes: Vec<String>) -> Self {
        self.notes = notes;
        self
    }

    /// Lists the genes, one per row.
    pub fn genes(&self) -> &[String] {
        &self.genes
    }

    /// Lists the samples, one per column.
    pub fn samples(&self) -> &[String] {
        &self.samples
    }

    /// Views the numbers, `[genes, samples]`.
    pub fn values(&self) -> &Array2<f64> {
        &self.values
    }

    /// Tells what the numbers count.
    pub fn unit(&self) -> &ExpressionUnit {
        &self.unit
    }

    /// Tells what the numbers went through.
    pub fn transform(&self) -> Transform {
        self.transform
    }

    /// Finds the number of a gene in a sample.
    pub fn get(&self, gene: &str, sample: &str) -> Option<f64> {
        let column = self.samples.iter().position(|name| name == sample)?;
        Some(self.values[[self.row(gene)?, column]])
    }

    pub(super) fn row(&self, gene: &str) -> Option<usize> {
        self.rows.get(gene).copied()
    }

    pub(super) fn column(&self, sample: &str) -> Result<usize> {
        let found = self.samples.iter().position(|name| name == sample);
        found.ok_or_else(|| {
            chromex_core::Error::UnknownName {
                what: "sample",
                name: sample.to_owned(),
                known: self.samples.clone(),
            }
            .into()
        })
    }
}

/// Finds the place of each name, or the name that stands twice.
fn unique(names: &[String]) -> Result<HashMap<String, usize>> {
    let mut places = HashMap::with_capacity(names.len());
    for (second, id) in names.iter().enumerate() {
        if let Some(first) = places.insert(id.clone(), second) {
            let id = id.clone();
            return Err(chromex_core::Error::DuplicateId { id, first, second }.into());
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn matrix(values: Array2<f64>, layout: &MatrixLayout) -> Result<ExpressionMatrix> {
        let genes = vec!["E1.1".into(), "E2.7".into()];
        ExpressionMatrix::new(genes, vec!["a".into()], values, layout)
    }

    #[test]
    fn numbers_below_zero_need_a_transform() {
        assert!(matrix(array![[1.0], [-1.0]], &MatrixLayout::default()).is_err());
        let logarithms = MatrixLayout {
            transform: Transform::NaturalLog { offset: 0.001 },
            ..MatrixLayout::default()
        };
        assert!(matrix(array![[1.0], [-1.0]], &logarithms).is_ok());
        assert!(matrix(array![[1.0], [f64::NAN]], &logarithms).is_err());
    }

    #[test]
    fn versions_are_cut_when_asked() {
        let layout = MatrixLayout {
            cut_versions: true,
            ..MatrixLayout::of(ExpressionUnit::Tpm)
        };
        let matrix = matrix(array![[1.0], [2.0]], &layout).unwrap();
        assert_eq!(
            (matrix.genes()[1].as_str(), matrix.get("E2", "a")),
            ("E2", Some(2.0))
        );
        assert_eq!(matrix.unit().to_string(), "TPM");
        assert!(
            matrix
                .column("b")
                .unwrap_err()
                .to_string()
                .contains("unknown sample `b`")
        );
    }
}
