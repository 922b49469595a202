//! Tables of promoters: a gene, its sequence, and its expression in the tissues.

use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::support::Anything;

/// What the columns of a table are.
pub(crate) struct Columns {
    pub(crate) gene: &'static str,
    pub(crate) sequence: &'static str,
    /// The column that names each row's part of a split.
    pub(crate) part: Option<&'static str>,
    /// Columns that are passed over.
    pub(crate) others: &'static [&'static str],
    /// Whether numbers are logarithms, which may be negative.
    pub(crate) are_logarithms: bool,
}

/// A table as it stands in the file, without rows that have no base.
#[derive(Default)]
pub(crate) struct PromoterTable {
    pub(crate) genes: Vec<String>,
    pub(crate) sequences: Vec<String>,
    pub(crate) parts: Vec<String>,
    pub(crate) tissues: Vec<String>,
    /// Row after row.
    pub(crate) values: Vec<f64>,
    /// Genes without a base.
    pub(crate) empty: usize,
}

impl PromoterTable {
    /// Reads tab- or comma-separated text, plain or gzip.
    pub(crate) fn read(path: &Path, columns: &Columns) -> Result<Self, Anything> {
        let wrong = |line: u64, message: String| -> Anything {
            format!("{}: line {line}: {message}", path.display()).into()
        };
        let mut start = [0; 2];
        let mut file = std::fs::File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let packed = file.read(&mut start)? == 2 && start == [0x1f, 0x8b];
        let file = std::fs::File::open(path)?;
        let mut text = String::new();
        let read = match packed {
            true => MultiGzDecoder::new(file).read_to_string(&mut text),
            false => std::io::BufReader::new(file).read_to_string(&mut text),
        };
        read.map_err(|error| format!("{}: {error}", path.display()))?;
        let header = text.lines().next().unwrap_or_default();
        let separator = if header.contains('\t') { b'\t' } else { b',' };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .from_reader(text.as_bytes());
        let names: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
        let place = |name: &str| {
            let found = names.iter().position(|known| known == name);
            found.ok_or_else(|| {
                wrong(
                    1,
                    format!("expected a column `{name}`, found {}", names.join(", ")),
                )
            })
        };
        let (gene, sequence) = (place(columns.gene)?, place(columns.sequence)?);
        let part = columns.part.map(place).transpose()?;
        let is_tissue = |&column: &usize| {
            ![Some(gene), Some(sequence), part].contains(&Some(column))
                && !columns.others.contains(&names[column].as_str())
        };
        let tissues: Vec<usize> = (0..names.len()).filter(is_tissue).collect();
        if tissues.is_empty() {
            return Err(wrong(1, "expected a column per tissue, found none".into()));
        }
        let mut table = Self {
            tissues: tissues
                .iter()
                .map(|&column| names[column].clone())
                .collect(),
            ..Self::default()
        };
        for record in reader.records() {
            let record = record.map_err(|error| format!("{}: {error}", path.display()))?;
            let line = record.position().map_or(0, csv::Position::line);
            if record[sequence].is_empty() {
                table.empty += 1;
                continue;
            }
            for &column in &tissues {
                let field = record[column].trim();
                let number = field
                    .parse::<f64>()
                    .ok()
                    .filter(|number| number.is_finite());
                let number = number.filter(|number| columns.are_logarithms || *number >= 0.0);
                table.values.push(number.ok_or_else(|| {
                    let allowed = if columns.are_logarithms {
                        "a number"
                    } else {
                        "a number of at least 0"
                    };
                    let (column, name) = (column + 1, &names[column]);
                    wrong(
                        line,
                        format!("column {column}: expected {allowed} ({name}), found `{field}`"),
                    )
                })?);
            }
            table.genes.push(record[gene].to_owned());
            table.sequences.push(record[sequence].to_owned());
            table.parts.extend(part.map(|part| record[part].to_owned()));
        }
        if table.genes.is_empty() {
            return Err(wrong(
                2,
                "expected a gene with a promoter, found none".into(),
            ));
        }
        Ok(table)
    }
}
