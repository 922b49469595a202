use std::fmt::Display;
use std::path::{Path, PathBuf};

use chromex_core::{MarkWindows, Targets};
use ndarray::{Array2, Array3, Axis, concatenate};

use super::windows_write::{DESCRIPTION, Metadata, TARGET};
use super::{StoredWindows, TableReader, WindowsDescription};
use crate::budget::Budget;
use crate::genes::{Orientation, Strand, Window};
use crate::{Error, Result};

/// A file of windows, read group by group of genes.
pub struct WindowsFile {
    path: PathBuf,
    table: TableReader,
    metadata: Metadata,
}

impl std::fmt::Debug for WindowsFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("WindowsFile");
        shown.field("path", &self.path).finish_non_exhaustive()
    }
}

impl WindowsFile {
    /// Opens a file and reads what it holds, but no counts yet.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be opened, [`Error::Unreadable`] when it is not a file of windows.
    pub fn open(path: &Path) -> Result<Self> {
        let table = TableReader::open(path)?;
        let description = table.metadata(DESCRIPTION);
        let description =
            description.ok_or_else(|| table.refuse("windows with their description", "none"))?;
        let metadata: Metadata =
            serde_json::from_str(description).map_err(|source| Error::Unreadable {
                path: path.to_owned(),
                format: "the description of windows",
                source: source.into(),
            })?;
        if metadata.version != 1 {
            let found = format!("version {}", metadata.version);
            return Err(table.refuse("version 1 of a file of windows", &found));
        }
        let rows =
            (0..table.groups()).try_fold(0_usize, |all, group| all.checked_add(table.rows(group)));
        let rows = rows.unwrap_or(usize::MAX);
        if metadata.bins == 0 || metadata.genes.checked_mul(metadata.bins) != Some(rows) {
            let found = format!(
                "{rows} rows for {} genes of {} bins",
                metadata.genes, metadata.bins
            );
            return Err(table.refuse("a row per gene and bin", &found));
        }
        Ok(Self {
            path: path.to_owned(),
            table,
            metadata,
        })
    }

    /// Says how the counts came to be.
    pub fn description(&self) -> &WindowsDescription {
        &self.metadata.description
    }

    /// Names the marks.
    pub fn marks(&self) -> &[String] {
        &self.metadata.marks
    }

    /// Counts the genes.
    pub fn genes(&self) -> usize {
        self.metadata.genes
    }

    /// Counts the groups that the file is read in.
    pub fn groups(&self) -> usize {
        self.table.groups()
    }

    /// Reads one group of genes.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] when a column is missing or damaged, or the rows of a gene do not stand together;
    /// [`Error::Core`] when a number is not finite or there is no such group.
    pub fn read_group(&self, group: usize) -> Result<StoredWindows> {
        if group >= self.groups() {
            return Err(Error::Core(chromex_core::Error::Setting {
                name: "group",
                expected: format!("below {}", self.groups()),
                found: group.to_string(),
            }));
        }
        let (table, metadata) = (&self.table, &self.metadata);
        let bins = metadata.bins;
        let rows = table.rows(group);
        if !rows.is_multiple_of(bins) {
            return Err(table.refuse("whole genes in a group", &rows.to_string()));
        }
        let count = rows / bins;
        let mut budget = table.budget();
        budget.hold(self.kept_bytes(rows))?;
        let read = |name: &str, budget: &mut Budget| -> Result<Vec<f64>> {
            let values = table.numbers(group, table.number_column(name)?, budget)?;
            let whole: Option<Vec<f64>> = values.into_iter().collect();
            whole.ok_or_else(|| table.refuse("a value in every row", "null"))
        };
        let starts = read("start", &mut budget)?;
        let genes = self.read_genes(group, count, &starts, &budget)?;
        drop(starts);
        let mut numbers = |name: &str| {
            // Those before are gone by now.
            budget.release((rows * size_of::<Option<f64>>()) as u64);
            read(name, &mut budget)
        };
        let bin_numbers = numbers("bin")?;
        if let Some(row) = (0..rows).find(|&row| bin_numbers[row] != (row % bins) as f64) {
            let found = format!("bin {} in row {row}", bin_numbers[row]);
            return Err(table.refuse("the bins of a gene in order", &found));
        }
        let mut signal = Array3::zeros((count, bins, metadata.marks.len()));
        for (place, mark) in metadata.marks.iter().enumerate() {
            for (row, value) in numbers(mark)?.into_iter().enumerate() {
                signal[[row / bins, row % bins, place]] = value as f32;
            }
        }
        let mut targets = Array2::zeros((count, metadata.targets.len()));
        for (place, target) in metadata.targets.iter().enumerate() {
            let values = numbers(&format!("{TARGET}{}", target.name))?;
            for (gene, own) in values.chunks(bins).enumerate() {
                targets[[gene, place]] = self.one_of(&target.name, own)? as f32;
            }
        }
        Ok(StoredWindows {
            windows: MarkWindows::new(signal, metadata.marks.clone(), metadata.bin_width_bp)?,
            genes,
            targets: Targets::new(targets, metadata.targets.clone())?,
            description: metadata.description.clone(),
        })
    }

    /// Reads all genes.
    ///
    /// # Errors
    ///
    /// Those of [`read_group`](Self::read_group), and [`Error::Core`] when there is no gene.
    pub fn read(&self) -> Result<StoredWindows> {
        // The groups and, for a moment, what they are put together to.
        let rows = self.metadata.genes.saturating_mul(self.metadata.bins);
        let mut budget = self.table.budget();
        budget.hold(self.kept_bytes(rows).saturating_mul(2))?;
        let parts: Result<Vec<StoredWindows>> = (0..self.groups())
            .map(|group| self.read_group(group))
            .collect();
        let parts = parts?;
        let Some(first) = parts.first() else {
            return Err(Error::Core(chromex_core::Error::Empty {
                what: "the file of windows",
            }));
        };
        let signals: Vec<_> = parts
            .iter()
            .map(|part| part.windows.signal().view())
            .collect();
        let signal =
            concatenate(Axis(0), &signals).expect("every group has the bins and marks of the file");
        let targets: Vec<_> = parts
            .iter()
            .map(|part| part.targets.values.view())
            .collect();
        let values =
            concatenate(Axis(0), &targets).expect("every group has the targets of the file");
        Ok(StoredWindows {
            windows: MarkWindows::new(
                signal,
                first.windows.marks().to_vec(),
                first.windows.bin_width_bp(),
            )?,
            targets: Targets::new(values, first.targets.columns.clone())?,
            description: first.description.clone(),
            genes: parts.into_iter().flat_map(|part| part.genes).collect(),
        })
    }

    /// What the numbers and genes of so many rows take.
    fn kept_bytes(&self, rows: usize) -> u64 {
        const GENE_BYTES: u64 = 256;
        let (marks, targets) = (self.metadata.marks.len(), self.metadata.targets.len());
        let of_rows = (rows as u64).saturating_mul((marks * size_of::<f32>()) as u64);
        let genes = (rows / self.metadata.bins.max(1)) as u64;
        let of_genes = GENE_BYTES + (targets * size_of::<f32>()) as u64;
        of_rows.saturating_add(genes.saturating_mul(of_genes))
    }

    /// Takes what all rows of a gene have in common.
    fn one_of<T: Clone + PartialEq + Display>(&self, column: &str, rows: &[T]) -> Result<T> {
        let first = &rows[0];
        match rows.iter().find(|row| *row != first) {
            None => Ok(first.clone()),
            Some(other) => {
                let found = format!("{column} {first} and {other} among the bins of one");
                Err(self.table.refuse("the rows of a gene together", &found))
            }
        }
    }

    fn read_genes(
        &self,
        group: usize,
        count: usize,
        starts: &[f64],
        budget: &Budget,
    ) -> Result<Vec<Window>> {
        let bins = self.metadata.bins;
        let texts = |name: &str| -> Result<Vec<String>> {
            let column = self.table.text_column(name)?;
            // Of each column of texts only those of the genes stay.
            let mut budget = budget.clone();
            let values = self.table.texts(group, column, &mut budget)?;
            let values: Option<Vec<String>> = values.into_iter().collect();
            let values = values.ok_or_else(|| self.table.refuse("a value in every row", "null"))?;
            let genes = values.chunks(bins);
            genes.map(|own| self.one_of(name, own)).collect()
        };
        let (ids, symbols) = (texts("gene")?, texts("symbol")?);
        let (chromosomes, strands) = (texts("chromosome")?, texts("strand")?);
        let reverses = self.metadata.description.orientation == Orientation::Transcription;
        let window = |gene: usize| {
            let strand = Strand::parse(strands[gene].as_bytes());
            let place = match reverses && strand == Some(Strand::Minus) {
                true => gene * bins + bins - 1,
                false => gene * bins,
            };
            Window {
                id: ids[gene].clone(),
                symbol: symbols[gene].clone(),
                chromosome: chromosomes[gene].clone(),
                start: starts[place] as i64,
                strand,
            }
        };
        Ok((0..count).map(window).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::write_windows_file;
    use chromex_core::{Target, Transform};

    fn stored() -> StoredWindows {
        let gene = |id: &str| Window {
            id: id.into(),
            symbol: String::new(),
            chromosome: "chr1".into(),
            start: 5,
            strand: None,
        };
        let target = Target {
            name: "level".into(),
            unit: String::new(),
            transform: Transform::Identity,
        };
        StoredWindows {
            windows: MarkWindows::new(Array3::zeros((2, 2, 1)), vec!["a".into()], 100).unwrap(),
            genes: vec![gene("E1"), gene("E2")],
            targets: Targets::new(Array2::zeros((2, 1)), vec![target]).unwrap(),
            description: Default::default(),
        }
    }

    #[test]
    fn rows_of_a_gene_that_do_not_stand_together_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write_windows_file(&path, &stored()).unwrap();
        let mut file = WindowsFile::open(&path).unwrap();
        assert_eq!(file.read().unwrap(), stored());
        let one = file.one_of("gene", &["E1", "E1"]).unwrap();
        assert_eq!(one, "E1");
        // As if both genes were one of four bins: what its rows say differs.
        (file.metadata.genes, file.metadata.bins) = (1, 4);
        let error = file.read_group(0).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(
            cause,
            "expected the rows of a gene together, found gene E1 and E2 among the bins of one"
        );
    }
}
