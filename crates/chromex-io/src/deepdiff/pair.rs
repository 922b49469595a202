use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chromex_core::{CellPair, Dataset, Keys, MarkWindows, Rows, Target, Targets, Transform};
use ndarray::{Array2, Axis, concatenate};
use serde::{Deserialize, Serialize};

use super::{DeepDiffLayout, WindowTable, read_windows};
use crate::table_marks::{TableMarks, counted_alike, order_notes};
use crate::{Error, ExpressionTable, Result, read_expression};

/// The parts of the layout, in the order of the rows.
pub(crate) const PARTS: [&str; 3] = ["train", "valid", "test"];

/// The tables of two cells in one folder: `CELL.train.csv`, `CELL.valid.csv`, `CELL.test.csv` and
/// `CELL.expr.csv`, each also with `.gz` or `.zst` at the end.
///
/// # Examples
///
/// ```no_run
/// let data = chromex_io::deepdiff::DeepDiffPair::new("toy", "Cell1", "Cell2").load()?;
/// assert_eq!(data.targets.columns[0].name, "Cell1 against Cell2");
/// # Ok::<(), chromex_io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeepDiffPair {
    /// The folder of the tables.
    pub folder: PathBuf,
    /// The first cell: what its tables' names begin with.
    pub first: String,
    /// The second cell.
    pub second: String,
    /// The marks and bins of the tables.
    #[serde(default)]
    pub layout: DeepDiffLayout,
    /// How two counts become the number to predict: a ratio of the two cells.
    #[serde(default = "natural_log_ratio")]
    pub transform: Transform,
}

impl DeepDiffPair {
    /// Names the folder and two cells, with the published marks and bins, and ln(c1+1) − ln(c2+1) as the
    /// number to predict.
    pub fn new(
        folder: impl Into<PathBuf>,
        first: impl Into<String>,
        second: impl Into<String>,
    ) -> Self {
        Self {
            folder: folder.into(),
            first: first.into(),
            second: second.into(),
            layout: DeepDiffLayout::default(),
            transform: natural_log_ratio(),
        }
    }

    /// Reads the three parts of both cells and what is to be predicted from them. Marks stand in the order of the layout, whatever
    /// the order of the columns of each table is: [`notes`](Self::notes) says what was put right and what was assumed.
    ///
    /// Rows are the genes of train, valid and test in the order of the tables. The keys' ids are the
    /// genes, and so is the group `gene`; the group `part` says which table a gene stood in.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTable`] and those of [`read_windows`] and [`read_expression`]; [`Error::Marks`] when side files say that
    /// tables were counted in different ways; [`Error::Table`] when
    /// the cells do not list the same genes in the same order, or two parts share a gene;
    /// [`Error::MissingGene`] when a gene has no expression.
    pub fn load(&self) -> Result<Dataset<CellPair>> {
        check_transform(self.transform)?;
        counted_alike(&self.tables()?)?;
        let mut genes = Vec::new();
        let mut parts = Vec::new();
        let mut cells = [Vec::new(), Vec::new()];
        let mut seen = HashMap::new();
        for part in PARTS {
            let paths = [
                self.windows_path(&self.first, part)?,
                self.windows_path(&self.second, part)?,
            ];
            let first = read_windows(&paths[0], &self.layout)?;
            let second = read_windows(&paths[1], &self.layout)?;
            same_genes(&paths, [&first, &second])?;
            for (row, gene) in first.ids.iter().enumerate() {
                if let Some(other) = seen.insert(gene.clone(), part) {
                    return Err(self.shared_gene(&paths[0], row, gene, other));
                }
            }
            parts.resize(parts.len() + first.ids.len(), part);
            genes.extend(first.ids);
            cells[0].push(first.windows);
            cells[1].push(second.windows);
        }
        let labels: Vec<f32> = self
            .labels(&genes)?
            .iter()
            .map(|&label| label as f32)
            .collect();
        let values = Array2::from_shape_vec((labels.len(), 1), labels).expect("a label per gene");
        let targets = Targets::new(
            values,
            vec![target(&self.first, &self.second, self.transform)],
        )?;
        let keys = Keys::new(genes.clone())?
            .with_group("gene", &genes)?
            .with_group("part", &parts)?;
        let [first, second] = cells.map(|windows| join(&windows));
        Ok(Dataset::new(
            CellPair::new(first?, second?)?,
            targets,
            keys,
        )?)
    }

    /// Computes what is to be predicted for the given genes from the expression tables alone, in the
    /// precision in which it was published; the dataset holds it as f32.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTable`], those of [`read_expression`], and [`Error::MissingGene`].
    pub fn labels(&self, genes: &[String]) -> Result<Vec<f64>> {
        check_transform(self.transform)?;
        let first = self.counts(&self.first, genes)?;
        let second = self.counts(&self.second, genes)?;
        let pairs = first.iter().zip(&second);
        Ok(pairs
            .map(|(&first, &second)| self.transform.apply(first, second))
            .collect())
    }

    /// Says how it is known which column of the tables is which mark, where it is not as the layout has it.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTable`], and those of [`order_notes`].
    pub fn notes(&self) -> Result<Vec<String>> {
        order_notes(&self.tables()?, &self.layout.marks_and_bins())
    }

    fn tables(&self) -> Result<Vec<PathBuf>> {
        let cells = [&self.first, &self.second].into_iter();
        let tables = cells.flat_map(|cell| PARTS.map(|part| self.windows_path(cell, part)));
        tables.collect()
    }

    /// Lists the files that [`load`](Self::load) reads, as they are found, the side files of tables among them.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTable`].
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for cell in [&self.first, &self.second] {
            for part in PARTS {
                let table = self.windows_path(cell, part)?;
                let side = TableMarks::path_of(&table);
                files.push(table);
                files.extend(Some(side).filter(|side| side.exists()));
            }
            files.push(find(&self.folder, format!("{cell}.expr.csv"))?);
        }
        Ok(files)
    }

    fn counts(&self, cell: &str, genes: &[String]) -> Result<Vec<f64>> {
        let path = find(&self.folder, format!("{cell}.expr.csv"))?;
        let table: ExpressionTable = read_expression(&path)?;
        let count = |gene: &String| {
            table.get(gene).ok_or_else(|| Error::MissingGene {
                path: path.clone(),
                gene: gene.clone(),
            })
        };
        genes.iter().map(count).collect()
    }

    fn windows_path(&self, cell: &str, part: &str) -> Result<PathBuf> {
        find(&self.folder, format!("{cell}.{part}.csv"))
    }

    fn shared_gene(&self, path: &Path, row: usize, gene: &str, part: &str) -> Error {
        Error::Table {
            path: path.to_owned(),
            line: (row * self.layout.bins + 1) as u64,
            column: Some(1),
            expected: "a gene of no other part".into(),
            found: format!("`{gene}`, which is also in {part}"),
        }
    }
}

/// Describes the number to predict of a pair of cells.
pub(crate) fn target(first: &str, second: &str, transform: Transform) -> Target {
    Target {
        name: format!("{first} against {second}"),
        unit: "reads".into(),
        transform,
    }
}

/// Refuses a transform that would not read the second cell.
pub(crate) fn check_transform(transform: Transform) -> Result<()> {
    match transform {
        Transform::NaturalLogRatio { offset } | Transform::Log2FoldChange { offset }
            if offset > 0.0 && offset.is_finite() =>
        {
            Ok(())
        }
        other => Err(Error::Core(chromex_core::Error::Setting {
            name: "transform",
            expected: "a ratio of two cells with an offset above 0".into(),
            found: format!("{other:?}"),
        })),
    }
}

fn natural_log_ratio() -> Transform {
    Transform::NaturalLogRatio { offset: 1.0 }
}

/// Finds a table by the name it has when it is not packed. A plain one comes before a packed one.
fn find(folder: &Path, name: String) -> Result<PathBuf> {
    ["", ".gz", ".zst"]
        .iter()
        .map(|end| folder.join(format!("{name}{end}")))
        .find(|path| path.exists())
        .ok_or_else(|| Error::MissingTable {
            folder: folder.to_owned(),
            name,
        })
}

fn same_genes(paths: &[PathBuf; 2], [first, second]: [&WindowTable; 2]) -> Result<()> {
    let rows = first.ids.len().max(second.ids.len());
    let gene = |table: &WindowTable, row: usize| match table.ids.get(row) {
        Some(id) => format!("gene `{id}`"),
        None => "the end of the file".into(),
    };
    match (0..rows).find(|&row| first.ids.get(row) != second.ids.get(row)) {
        None => Ok(()),
        Some(row) => Err(Error::Table {
            path: paths[1].clone(),
            line: (row * first.windows.bins() + 1) as u64,
            column: Some(1),
            expected: format!("{} as in {}", gene(first, row), paths[0].display()),
            found: gene(second, row),
        }),
    }
}

fn join(parts: &[MarkWindows]) -> Result<MarkWindows> {
    let signals: Vec<_> = parts.iter().map(|part| part.signal().view()).collect();
    let signal = concatenate(Axis(0), &signals).expect("every part was read in one layout");
    let (marks, bin_width_bp) = (parts[0].marks().to_vec(), parts[0].bin_width_bp());
    debug_assert_eq!(
        signal.shape()[0],
        parts.iter().map(Rows::len).sum::<usize>()
    );
    Ok(MarkWindows::new(signal, marks, bin_width_bp)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Two cells of three genes, one per part, in windows of one bin and one mark.
    fn toy() -> (tempfile::TempDir, DeepDiffPair) {
        let folder = tempfile::tempdir().unwrap();
        for (cell, count) in [("Cell1", 7), ("Cell2", 3)] {
            for (gene, part) in PARTS.iter().enumerate() {
                let path = folder.path().join(format!("{cell}.{part}.csv"));
                fs::write(path, format!("E{gene}_A_1,{count}\n")).unwrap();
            }
            let expression = format!("E2,{count}\nE1,0\nE0,{count}\nE9,1\n");
            fs::write(folder.path().join(format!("{cell}.expr.csv")), expression).unwrap();
        }
        let mut pair = DeepDiffPair::new(folder.path(), "Cell1", "Cell2");
        pair.layout = DeepDiffLayout {
            marks: vec!["H3K4me3".into()],
            bins: 1,
            bin_width_bp: 100,
        };
        (folder, pair)
    }

    #[test]
    fn cells_and_expression_are_joined_by_gene() {
        let (_folder, pair) = toy();
        let data = pair.load().unwrap();
        assert_eq!(data.keys.ids(), ["E0", "E1", "E2"]);
        assert_eq!(
            data.keys.group("gene").unwrap().labels(),
            ["E0", "E1", "E2"]
        );
        assert_eq!(data.keys.group("part").unwrap().labels(), PARTS);
        assert_eq!(data.keys.group("part").unwrap().codes(), [0, 1, 2]);
        assert_eq!(data.targets.columns[0].name, "Cell1 against Cell2");
        assert_eq!(data.targets.columns[0].unit, "reads");
        let ln_2 = 2.0_f32.ln();
        assert_eq!(data.targets.column(0).to_vec(), [ln_2, 0.0, ln_2]);
        assert_eq!(pair.labels(data.keys.ids()).unwrap()[1], 0.0);
        assert!(
            data.inputs
                .difference()
                .signal()
                .iter()
                .all(|&value| value == 4.0)
        );
    }

    #[test]
    fn the_files_of_a_pair_are_listed_as_they_are_packed() {
        let (folder, pair) = toy();
        let packed = folder.path().join("Cell1.expr.csv.gz");
        fs::rename(folder.path().join("Cell1.expr.csv"), &packed).unwrap();
        let files = pair.files().unwrap();
        assert_eq!((files.len(), &files[3]), (8, &packed));
        assert!(files[4].ends_with("Cell2.train.csv"));
        fs::remove_file(&files[7]).unwrap();
        assert!(matches!(pair.files(), Err(Error::MissingTable { .. })));
    }

    #[test]
    fn the_published_fold_change_has_the_other_sign_and_base_two() {
        let (_folder, mut pair) = toy();
        pair.transform = Transform::Log2FoldChange { offset: 1.0 };
        assert_eq!(
            pair.load().unwrap().targets.column(0).to_vec(),
            [-1.0, 0.0, -1.0]
        );
        pair.transform = Transform::Identity;
        let message = pair.load().unwrap_err().to_string();
        assert!(message.starts_with("setting `transform`: expected a ratio of two cells"));
    }

    #[test]
    fn cells_of_other_genes_are_refused_by_gene_and_line() {
        let (folder, pair) = toy();
        let path = folder.path().join("Cell2.valid.csv");
        let refused = |content: &str, expected: &str| {
            fs::write(&path, content).unwrap();
            let message = pair.load().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        };
        refused(
            "E5_A_1,3\n",
            "Cell2.valid.csv: line 1, column 1: expected gene `E1` as in ",
        );
        refused("E5_A_1,3\n", "Cell1.valid.csv, found gene `E5`");
        refused(
            "E1_A_1,3\nE5_A_1,3\n",
            "line 2, column 1: expected the end of the file as in ",
        );
    }

    #[test]
    fn a_gene_of_two_parts_is_refused() {
        let (folder, pair) = toy();
        for cell in ["Cell1", "Cell2"] {
            fs::write(folder.path().join(format!("{cell}.test.csv")), "E0_A_1,3\n").unwrap();
        }
        let message = pair.load().unwrap_err().to_string();
        assert!(
            message
                .ends_with("expected a gene of no other part, found `E0`, which is also in train")
        );
    }

    #[test]
    fn a_missing_gene_and_a_missing_table_are_named() {
        let (folder, pair) = toy();
        let path = folder.path().join("Cell2.expr.csv");
        fs::write(&path, "E0,1\nE2,1\n").unwrap();
        let message = pair.load().unwrap_err().to_string();
        assert!(message.ends_with("Cell2.expr.csv: no count for gene `E1`"));
        fs::remove_file(&path).unwrap();
        let message = pair.load().unwrap_err().to_string();
        assert!(
            message
                .ends_with("no file `Cell2.expr.csv`, `Cell2.expr.csv.gz` or `Cell2.expr.csv.zst`")
        );
    }
}
