use std::path::{Path, PathBuf};

use chromex_core::{CellByGene, Dataset, Keys, Target, Targets, Transform};
use ndarray::{Array2, Array3};

use crate::deepchrome::{DeepChromeLayout, read_deepchrome};
use crate::{Error, Result};

/// Stand-in.
pub fn read_cells_npz(
    path: &Path,
    layout: &DeepChromeLayout,
    unit: &str,
) -> Result<Dataset<CellByGene>> {
    let _ = unit;
    read_cells_deepchrome(&[("x".into(), path.to_owned())], layout)
}

/// Reads one DeepChrome table per cell, `(cell, path)`, into one set. See [`read_cells_npz`].
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
        cells.add(cell, table.ids, table.windows.signal(), table.labels)?;
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
        signal: &Array3<f32>,
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
        builder.cell(cell, signal.view())?;
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
