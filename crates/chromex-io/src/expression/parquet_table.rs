use std::fs::File;
use std::io::Read;
use std::path::Path;

use ndarray::Array2;

use super::{ExpressionMatrix, MatrixLayout};
use crate::storage::{Kind, TableReader};
use crate::{Error, Result};

/// Tells a Parquet file by its first bytes.
pub(super) fn is_parquet(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4).read_to_end(&mut start));
    read.map_err(|source| Error::Io {
        action: "open",
        path: path.to_owned(),
        source,
    })?;
    Ok(start == b"PAR1")
}

/// Reads a table whose first column of text names the genes and whose columns of numbers are samples.
pub(super) fn read(path: &Path, layout: &MatrixLayout) -> Result<ExpressionMatrix> {
    let table = TableReader::open(path)?;
    let columns = table.columns().to_vec();
    let named = |kind: &Kind, name: &str| {
        *kind == Kind::Text && !layout.other_columns.iter().any(|other| other == name)
    };
    let gene = columns.iter().position(|(name, kind)| named(kind, name));
    let gene = gene.ok_or_else(|| table.refuse("a column of text that names the genes", "none"))?;
    let is_sample = |place: &usize| {
        columns[*place].1 == Kind::Number && !layout.other_columns.contains(&columns[*place].0)
    };
    let places: Vec<usize> = (0..columns.len()).filter(is_sample).collect();
    let mut genes = Vec::new();
    let mut rows: Vec<Vec<f64>> = vec![Vec::new(); places.len()];
    for group in 0..table.groups() {
        let ids = table.texts(group, gene)?;
        for id in ids {
            genes.push(id.ok_or_else(|| table.refuse("a gene in every row", "null"))?);
        }
        for (values, &place) in rows.iter_mut().zip(&places) {
            for value in table.numbers(group, place)? {
                let value = value.filter(|value| !value.is_nan()).or(layout.missing);
                let value = value.ok_or_else(|| table.refuse("a number in every row", "null"))?;
                values.push(value);
            }
        }
    }
    let values = Array2::from_shape_fn((genes.len(), places.len()), |(row, column)| {
        rows[column][row]
    });
    let samples = places
        .iter()
        .map(|&place| columns[place].0.clone())
        .collect();
    ExpressionMatrix::new(genes, samples, values, layout)
}
