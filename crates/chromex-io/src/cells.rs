use std::path::{Path, PathBuf};

use chromex_core::{CellByGene, Dataset, Keys, MarkWindows, Target, Targets, Transform};
use ndarray::{Array2, s};

use crate::deepchrome::{DeepChromeLayout, read_deepchrome};
use crate::storage::Archive;
use crate::{Error, Result};

/// Reads the cells of an `.npz` file, one array `[genes, bins, 1 + marks + 1]` of float64, float32 or int64 per cell: the gene's
/// number, the counts, and the expression, both of which stand at every bin.
///
/// The format names no marks: columns are taken in the order of the layout, whose names models then check.
///
/// Rows are cell after cell, named `CELL:GENE`; the groups are `cell` and `gene`. Counts are held a byte each.
///
/// # Errors
///
/// [`Error::Unreadable`] when the file is no such archive, or an array has another shape, numbers of genes that are none, or an
/// expression that differs between the bins of a gene;
/// [`Error::Genes`] when cells list other genes; [`Error::Core`] when a count is none.
pub fn read_cells_npz(
    path: &Path,
    layout: &DeepChromeLayout,
    unit: &str,
) -> Result<Dataset<CellByGene>> {
    let mut archive = Archive::open(path)?;
    let last = layout.marks.len() + 1;
    let mut cells = Cells::new(layout, path);
    for name in archive.names() {
        let array = archive.numbers(&name)?;
        let (rows, bins, columns) = array.dim();
        if (bins, columns) != (layout.bins, last + 1) || bins == 0 {
            return Err(archive.refuse(format!(
                "{name}: expected [genes, {}, {}], found {:?}",
                layout.bins,
                last + 1,
                array.shape()
            )));
        }
        let mut genes = Vec::with_capacity(rows);
        for gene in array.slice(s![.., .., 0]).rows() {
            let number = gene[0];
            if number.fract() != 0.0 || number.abs() > 1e15 || gene.iter().any(|&own| own != number)
            {
                return Err(archive.refuse(format!(
                    "{name}, row {}: expected the number of one gene, found {number}",
                    genes.len()
                )));
            }
            genes.push(format!("{number:.0}"));
        }
        let expression = array.slice(s![.., .., last]);
        for (row, own) in expression.rows().into_iter().enumerate() {
            if let Some(other) = own.iter().find(|&&other| other != own[0]) {
                return Err(archive.refuse(format!(
                    "{name}, row {row}: expected one expression at all bins, found {} and {other}",
                    own[0]
                )));
            }
        }
        let labels = expression.column(0).mapv(|value| value as f32);
        let signal = array.slice(s![.., .., 1..last]).mapv(|value| value as f32);
        let windows = MarkWindows::new(signal, layout.marks.clone(), layout.bin_width_bp)?;
        cells.add(&name, genes, &windows, labels.to_vec())?;
    }
    cells.finish(unit)
}

/// Reads one DeepChrome table per cell, `(cell, path)`, into one set, marks in the order of the layout whatever that of each
/// table's columns is ([`order_notes`](crate::table_marks::order_notes) tells). See [`read_cells_npz`].
///
/// # Errors
///
/// Those of [`read_deepchrome`], and when cells list other genes or a count is none.
pub fn read_cells_deepchrome(
    tables: &[(String, PathBuf)],
    layout: &DeepChromeLayout,
) -> Result<Dataset<CellByGene>> {
    let first = tables.first().map_or(Path::new(""), |(_, path)| path);
    let mut cells = Cells::new(layout, first);
    for (cell, path) in tables {
        let table = read_deepchrome(path, layout)?;
        path.clone_into(&mut cells.path);
        cells.add(cell, table.ids, &table.windows, table.labels)?;
    }
    cells.finish("class")
}

/// Cells that are being put together.
struct Cells<'a> {
    layout: &'a DeepChromeLayout,
    path: PathBuf,
    genes: Vec<String>,
    builder: Option<chromex_core::CellByGeneBuilder>,
    names: Vec<String>,
    labels: Vec<f32>,
}

impl<'a> Cells<'a> {
    fn new(layout: &'a DeepChromeLayout, path: &Path) -> Self {
        Self {
            layout,
            path: path.to_owned(),
            genes: Vec::new(),
            builder: None,
            names: Vec::new(),
            labels: Vec::new(),
        }
    }

    fn add(
        &mut self,
        cell: &str,
        genes: Vec<String>,
        windows: &MarkWindows,
        labels: Vec<f32>,
    ) -> Result<()> {
        let builder = self.builder.get_or_insert_with(|| {
            self.genes.clone_from(&genes);
            let marks = self.layout.marks.clone();
            CellByGene::builder(
                genes.clone(),
                marks,
                self.layout.bins,
                self.layout.bin_width_bp,
            )
        });
        let rows = self.genes.len().max(genes.len());
        if let Some(row) = (0..rows).find(|&row| self.genes.get(row) != genes.get(row)) {
            let name = |genes: &[String]| match genes.get(row) {
                Some(gene) => format!("gene `{gene}`"),
                None => "no further gene".into(),
            };
            return Err(Error::Genes {
                path: self.path.clone(),
                cell: cell.to_owned(),
                row,
                expected: name(&self.genes),
                found: name(&genes),
            });
        }
        builder.cell(cell, windows)?;
        self.names.push(cell.to_owned());
        self.labels.extend(labels);
        Ok(())
    }

    fn finish(self, unit: &str) -> Result<Dataset<CellByGene>> {
        let Some(builder) = self.builder else {
            return Err(Error::Core(chromex_core::Error::Empty {
                what: "the set of cells",
            }));
        };
        let rows = self.names.len() * self.genes.len();
        let pairs = || {
            self.names
                .iter()
                .flat_map(|cell| self.genes.iter().map(move |gene| (cell, gene)))
        };
        let ids: Vec<String> = pairs()
            .map(|(cell, gene)| format!("{cell}:{gene}"))
            .collect();
        let cells: Vec<&String> = pairs().map(|(cell, _)| cell).collect();
        let genes: Vec<&String> = pairs().map(|(_, gene)| gene).collect();
        let keys = Keys::new(ids)?
            .with_group("cell", &cells)?
            .with_group("gene", &genes)?;
        let values = Array2::from_shape_vec((rows, 1), self.labels).expect("a label per row");
        let column = Target {
            name: "expression".into(),
            unit: unit.to_owned(),
            transform: Transform::Identity,
        };
        Ok(Dataset::new(
            builder.finish(),
            Targets::new(values, vec![column])?,
            keys,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    use chromex_core::{MarkSignal, Rows};

    fn layout() -> DeepChromeLayout {
        DeepChromeLayout {
            marks: vec!["H3K4me3".into()],
            bins: 2,
            bin_width_bp: 100,
        }
    }

    /// An archive of f64 arrays `[2, 2, 3]`.
    fn archive(path: &Path, arrays: &[(&str, [f64; 12])]) {
        let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
        for (name, values) in arrays {
            let options = zip::write::SimpleFileOptions::default();
            zip.start_file(format!("{name}.npy"), options).unwrap();
            let dictionary = "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2, 3), }\n";
            zip.write_all(b"\x93NUMPY\x01\x00").unwrap();
            zip.write_all(&(dictionary.len() as u16).to_le_bytes())
                .unwrap();
            zip.write_all(dictionary.as_bytes()).unwrap();
            for value in values {
                zip.write_all(&value.to_le_bytes()).unwrap();
            }
        }
        zip.finish().unwrap();
    }

    const FIRST: [f64; 12] = [
        7.0, 1.0, 0.5, 7.0, 300.0, 0.5, 9.0, 2.0, -1.5, 9.0, 3.0, -1.5,
    ];

    #[test]
    fn cells_of_an_archive_become_rows_with_their_expression() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.npz");
        archive(
            &path,
            &[
                ("E003", FIRST),
                ("E004", FIRST.map(|v| if v == 2.0 { 5.0 } else { v })),
            ],
        );
        let data = read_cells_npz(&path, &layout(), "unstated").unwrap();
        assert_eq!(data.keys.ids(), ["E003:7", "E003:9", "E004:7", "E004:9"]);
        assert_eq!(data.targets.column(0).to_vec(), [0.5, -1.5, 0.5, -1.5]);
        let picked = data.inputs.select(&[3, 0]);
        let flat: Vec<f32> = picked.windows().signal().iter().copied().collect();
        assert_eq!(flat, [5.0, 3.0, 1.0, 300.0]);
    }

    #[test]
    fn archives_that_do_not_fit_are_refused_with_their_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train.npz");
        let message = |layout: &DeepChromeLayout| {
            let mut error: &dyn std::error::Error = &read_cells_npz(&path, layout, "").unwrap_err();
            let mut text = error.to_string();
            while let Some(source) = error.source() {
                text.push_str(&format!(": {source}"));
                error = source;
            }
            text
        };
        std::fs::write(&path, b"PK no archive").unwrap();
        assert!(message(&layout()).contains("train.npz: read as npy: "));
        archive(&path, &[("E003", FIRST)]);
        let three = DeepChromeLayout {
            bins: 3,
            ..layout()
        };
        assert!(message(&three).contains("expected [genes, 3, 3], found [2, 2, 3]"));
        let whole = std::fs::read(&path).unwrap();
        for cut in [10, 60, whole.len() / 2] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(message(&layout()).contains("train.npz"));
        }
        archive(
            &path,
            &[
                ("E003", FIRST),
                ("E004", FIRST.map(|v| if v == 9.0 { 8.0 } else { v })),
            ],
        );
        assert!(message(&layout()).contains("cell E004, row 1: expected gene `9`, found gene `8`"));
        archive(
            &path,
            &[("E003", {
                let mut values = FIRST;
                values[3] = 8.0;
                values
            })],
        );
        assert!(
            message(&layout()).contains("E003, row 0: expected the number of one gene, found 7")
        );
        let mut two = FIRST;
        two[11] = 1.5;
        archive(&path, &[("E003", two)]);
        assert!(
            message(&layout())
                .contains("E003, row 1: expected one expression at all bins, found -1.5 and 1.5")
        );
        archive(
            &path,
            &[("E003", FIRST.map(|v| if v == 2.0 { 2.5 } else { v }))],
        );
        assert!(message(&layout()).contains("a whole number of reads"));
    }

    #[test]
    fn tables_of_cells_are_joined() {
        let folder = tempfile::tempdir().unwrap();
        let table = |cell: &str, text: &str| {
            let path = folder.path().join(format!("{cell}.csv"));
            std::fs::write(&path, text).unwrap();
            (cell.to_owned(), path)
        };
        let tables = [
            table("E003", "a,1,1,1\na,2,2,1\n"),
            table("E004", "a,1,3,0\na,2,4,0\n"),
        ];
        let data = read_cells_deepchrome(&tables, &layout()).unwrap();
        assert_eq!(data.targets.column(0).to_vec(), [1.0, 0.0]);
        assert_eq!(data.inputs.cells(), ["E003", "E004"]);
        assert!(read_cells_deepchrome(&[], &layout()).is_err());
    }
}
