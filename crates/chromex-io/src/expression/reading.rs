use std::collections::HashMap;
use std::path::Path;

use ndarray::Array2;

use super::programs::{Program, is_no_gene};
use super::{ExpressionMatrix, MatrixLayout};
use crate::error::{listed, quoted};
use crate::tables::{ColumnKind, Table, Wanted};
use crate::{Error, Result};

/// What a gene takes in memory beside its name and its numbers: the name again with its place, and their lengths.
const GENE_BYTES: usize = 192;

/// Reads a table of genes x samples: TSV, CSV (commas, semicolons, spaces, quotes), GCT or Parquet, text packed or not.
///
/// Which column names the genes: that of [`MatrixLayout::gene_column`]; or the one that a Parquet file's own notes of pandas call its index; or
/// `Name` of a GCT; or the first of text. Which columns are samples: those of [`MatrixLayout::samples`], and no other is
/// parsed; or all of numbers but for those that the program that wrote the table is known to put beside them. What a table of one sample by RSEM, Salmon,
/// kallisto, StringTie or Cufflinks holds in [`MatrixLayout::unit`] is taken for the one sample that is asked for.
///
/// Text may have remarks (`#`) before and between its rows, a header without a name for the genes, as R writes, and separators at the end of
/// its rows. Of GCT, version 1.2 is read, and must have the rows and samples that it promises. Of Parquet, whole numbers,
/// floats and decimals are numbers; other types are refused by name where they are asked for.
///
/// # Errors
///
/// [`Error::Table`] at the first line whose columns are not those of the header, with a gene that stands
/// twice, or with a field that is no number or below 0 in a column that is read, when a column that is asked for is not there or stands twice,
/// and when a GCT has another version or extent; [`Error::Cell`] and [`Error::Column`] for the same of Parquet; [`Error::Unreadable`]
/// when a Parquet file is none; [`Error::TooLarge`] and [`Error::Unpacks`] when a small file holds too much;
/// [`Error::Io`] and [`Error::Damaged`] when the file cannot be read.
///
/// # Examples
///
/// ```
/// use chromex_io::expression::{ExpressionUnit, MatrixLayout, read_expression_matrix};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("57epigenomes.RPKM.pc");
/// # std::fs::write(&path, "gene_id\tE000\tE003\nENSG00000000003\t23.265\t43.985\t\n").unwrap();
/// let matrix = read_expression_matrix(&path, &MatrixLayout::of(ExpressionUnit::Rpkm))?;
/// assert_eq!(matrix.get("ENSG00000000003", "E003"), Some(43.985));
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn read_expression_matrix(path: &Path, layout: &MatrixLayout) -> Result<ExpressionMatrix> {
    let table = Table::open(path, layout.header)?;
    let mut notes = Vec::new();
    let gene = gene_column(&table, layout, &mut notes)?;
    let samples = sample_columns(&table, layout, gene, &mut notes)?;
    let wanted = Wanted {
        texts: vec![gene],
        numbers: samples.iter().map(|(place, _)| *place).collect(),
        expected: layout.allowed(),
        passes_over: is_no_gene,
    };
    let mut rows = Rows {
        table: &table,
        layout,
        budget: table.budget(path),
        genes: Vec::new(),
        places: HashMap::new(),
        values: Vec::new(),
        incomplete: Vec::new(),
        no_genes: Vec::new(),
    };
    let end = table.read(&wanted, |row| {
        let Some(gene) = row.texts.first() else {
            return Ok(());
        };
        match row.numbers.is_empty() {
            true => {
                rows.budget.hold(GENE_BYTES as u64)?;
                rows.no_genes.push((*gene).to_owned());
            }
            false => rows.push(row.place, gene, row.numbers, &wanted)?,
        }
        Ok(())
    })?;
    rows.check(end, &samples)?;
    rows.note(&mut notes);
    let shape = (rows.genes.len(), samples.len());
    let values =
        Array2::from_shape_vec(shape, rows.values).expect("every row gave a value per sample");
    let names = samples.into_iter().map(|(_, name)| name).collect();
    Ok(ExpressionMatrix::new(rows.genes, names, values, layout)?.noting(notes))
}

/// Rows so far.
struct Rows<'a> {
    table: &'a Table,
    layout: &'a MatrixLayout,
    budget: crate::budget::Budget,
    genes: Vec<String>,
    /// Where each gene stands, as it will be known.
    places: HashMap<String, u64>,
    values: Vec<f64>,
    /// Genes that lack a number, and where.
    incomplete: Vec<(String, u64)>,
    /// Rows that are no genes.
    no_genes: Vec<String>,
}

impl Rows<'_> {
    fn push(
        &mut self,
        place: u64,
        gene: &str,
        numbers: &[Option<f64>],
        wanted: &Wanted<'_>,
    ) -> Result<()> {
        let column = wanted.texts[0];
        if gene.is_empty() {
            return Err(self.table.refuse_value(place, column, "a gene", "nothing"));
        }
        let bytes = GENE_BYTES + 2 * gene.len() + size_of_val(numbers);
        self.budget.hold(bytes as u64)?;
        let known = match self.layout.cut_versions {
            true => crate::genes::without_version(gene),
            false => gene.to_owned(),
        };
        if let Some(first) = self.places.insert(known, place) {
            let first = self.table.place_name(first);
            let expected = format!(
                "genes that stand once, and {} stands in {first}",
                quoted(gene.as_bytes())
            );
            let found = quoted(gene.as_bytes());
            return Err(self.table.refuse_value(place, column, &expected, found));
        }
        let filled = |number: &Option<f64>| number.or(self.layout.missing);
        if numbers.iter().any(|number| filled(number).is_none()) {
            self.incomplete.push((gene.to_owned(), place));
            return Ok(());
        }
        for (number, &column) in numbers.iter().zip(&wanted.numbers) {
            let value = filled(number).unwrap_or_default();
            if !self.layout.allows(value) {
                let found = quoted(value.to_string().as_bytes());
                let expected = self.layout.allowed();
                return Err(self.table.refuse_value(place, column, expected, found));
            }
            self.values.push(value);
        }
        self.genes.push(gene.to_owned());
        Ok(())
    }

    /// Refuses a table without genes, one that was cut, or another one.
    fn check(&self, end: u64, samples: &[(usize, String)]) -> Result<()> {
        let rows = self.genes.len() + self.incomplete.len() + self.no_genes.len();
        let error = |expected: String, found: String| Error::Table {
            path: self.budget.path().to_owned(),
            line: end,
            column: None,
            expected,
            found,
        };
        if let Some(extent) = self.table.extent() {
            if rows != extent.rows {
                let expected = format!("{} rows as the second line says", extent.rows);
                return Err(error(expected, rows.to_string()));
            }
            // All behind the names and their descriptions; some tables number their rows before them.
            let names = self.table.names();
            let before = names
                .iter()
                .position(|name| *name == "Description")
                .unwrap_or(1);
            let columns = names[before + 1..]
                .iter()
                .filter(|name| !name.is_empty())
                .count();
            if ![samples.len(), columns].contains(&extent.samples) {
                let expected = format!("{} samples as the second line says", extent.samples);
                return Err(error(expected, columns.to_string()));
            }
        }
        if self.genes.is_empty() {
            let found = match self.incomplete.first() {
                Some((gene, place)) => format!(
                    "{} that lack a number in a column that was asked for (as {} in {})",
                    self.incomplete.len(),
                    quoted(gene.as_bytes()),
                    self.table.place_name(*place)
                ),
                None => "none".into(),
            };
            return Err(error("at least one gene".into(), found));
        }
        Ok(())
    }

    fn note(&self, notes: &mut Vec<String>) {
        if !self.incomplete.is_empty() {
            let genes = self.incomplete.iter().map(|(gene, _)| gene);
            notes.push(format!(
                "Genes left out, which lack a number in a column that was read: {} ({})",
                self.incomplete.len(),
                listed(genes)
            ));
        }
        if !self.no_genes.is_empty() {
            notes.push(format!(
                "Rows passed over, which are no genes: {} ({})",
                self.no_genes.len(),
                listed(&self.no_genes)
            ));
        }
        if self.table.remarks() > 0 {
            notes.push(format!(
                "Lines of remarks passed over: {}",
                self.table.remarks()
            ));
        }
    }
}

fn gene_column(table: &Table, layout: &MatrixLayout, notes: &mut Vec<String>) -> Result<usize> {
    let names = table.names();
    if let Some(name) = &layout.gene_column {
        let place = table.find(name, "the genes")?;
        return match (table, table.kind(place)) {
            (Table::Parquet(_), ColumnKind::Number | ColumnKind::Other(_)) => {
                Err(table.refuse_column(place, "text that names the genes"))
            }
            _ => Ok(place),
        };
    }
    let index = table.index();
    let is_text = |place: &usize| matches!(table.kind(*place), ColumnKind::Text);
    let of_index = index.iter().copied().find(|place| is_text(place));
    let free = |place: &usize| {
        !index.contains(place)
            && !layout
                .other_columns
                .iter()
                .any(|other| other == names[*place])
    };
    let place = match table {
        Table::Parquet(_) => of_index.or_else(|| (0..names.len()).filter(free).find(is_text)),
        Table::Text(_) if table.extent().is_some() => {
            let named = names
                .iter()
                .position(|name| name.eq_ignore_ascii_case("name"));
            Some(named.unwrap_or(0))
        }
        // Genes may be numbers.
        Table::Text(_) => (0..names.len()).find(|place| !index.contains(place)),
    };
    let left_aside = index.iter().filter(|&&column| Some(column) != place);
    let left_aside: Vec<&str> = left_aside.map(|&column| names[column]).collect();
    if !left_aside.is_empty() {
        notes.push(format!(
            "Columns that are the index of the rows and no data: {} ({})",
            left_aside.len(),
            listed(left_aside)
        ));
    }
    place.ok_or_else(|| {
        let found = format!("the columns {}", listed(&names));
        table.refuse_header(None, "a column of text that names the genes", found)
    })
}

/// The columns that are read, and the names of their samples.
fn sample_columns(
    table: &Table,
    layout: &MatrixLayout,
    gene: usize,
    notes: &mut Vec<String>,
) -> Result<Vec<(usize, String)>> {
    let names = table.names();
    let program = Program::of(&names);
    if !table.has_names() {
        notes.push("The table has no header: its columns are named by their places".into());
    }
    if layout.samples.is_empty() {
        return all_columns(table, layout, gene, program, notes);
    }
    let mut samples: Vec<(usize, String)> = Vec::new();
    for sample in &layout.samples {
        if samples.iter().any(|(_, known)| known == sample) {
            return Err(Error::Core(chromex_core::Error::Setting {
                name: "samples",
                expected: "samples that are named once".into(),
                found: quoted(sample.as_bytes()),
            }));
        }
        let place = match instead(table, layout, gene, program, sample) {
            Some(place) => {
                notes.push(format!(
                    "Column {} is taken for the sample {}",
                    quoted(names[place].as_bytes()),
                    quoted(sample.as_bytes())
                ));
                place
            }
            None => table.find(sample, "a sample")?,
        };
        // What a text holds is seen when it is read.
        if let (Table::Parquet(_), ColumnKind::Text | ColumnKind::Other(_)) =
            (table, table.kind(place))
        {
            return Err(table.refuse_column(place, "numbers"));
        }
        samples.push((place, sample.clone()));
    }
    Ok(samples)
}

/// Finds the column of the only sample of a table that does not name it.
fn instead(
    table: &Table,
    layout: &MatrixLayout,
    gene: usize,
    program: Option<&Program>,
    sample: &str,
) -> Option<usize> {
    let names = table.names();
    if layout.samples.len() > 1 || names.contains(&sample) {
        return None;
    }
    if !table.has_names() {
        let of_numbers =
            |&place: &usize| place != gene && matches!(table.kind(place), ColumnKind::Number);
        let mut places = (0..names.len()).filter(of_numbers);
        return places.next().filter(|_| places.next().is_none());
    }
    let program = program.filter(|_| layout.sample_names_file)?;
    let name = program.column(&layout.unit)?;
    table.find(name, "a sample").ok()
}

fn all_columns(
    table: &Table,
    layout: &MatrixLayout,
    gene: usize,
    program: Option<&Program>,
    notes: &mut Vec<String>,
) -> Result<Vec<(usize, String)>> {
    let names = table.names();
    let index = table.index();
    let single = program.filter(|program| !program.columns.is_empty());
    let is_other = |name: &str| {
        let known = match (single, program) {
            (Some(program), _) => program.column(&layout.unit) != Some(name),
            (None, program) => program.is_some_and(|program| program.others.contains(&name)),
        };
        known || layout.other_columns.iter().any(|other| other == name)
    };
    // Those of a GCT lie behind its descriptions.
    let described = names.iter().position(|name| *name == "Description");
    let described = described.filter(|_| table.extent().is_some());
    let (mut samples, mut aside) = (Vec::new(), Vec::new());
    for (place, &name) in names.iter().enumerate() {
        if place == gene || index.contains(&place) {
            continue;
        }
        let is_before = described.is_some_and(|described| place <= described);
        match table.kind(place) {
            ColumnKind::Number if !is_other(name) && !is_before && !name.is_empty() => {
                table.find(name, "a sample")?;
                samples.push((place, name.to_owned()));
            }
            ColumnKind::Other("nothing in the first rows") if name.is_empty() => {}
            ColumnKind::Number => aside.push(format!("{name} (no expression)")),
            ColumnKind::Text => aside.push(format!("{name} (text)")),
            ColumnKind::Other(kind) => aside.push(format!("{name} ({kind})")),
        }
    }
    if let Some(program) = program {
        notes.push(format!("The table is one of {}", program.name));
    }
    if !aside.is_empty() {
        notes.push(format!(
            "Columns left aside: {} ({})",
            aside.len(),
            listed(&aside)
        ));
    }
    if samples.is_empty() {
        let found = format!("the columns {}", listed(&names));
        let expected = match single {
            Some(program) => format!("a column of {} of {}", layout.unit, program.name),
            None => "a column of numbers beside the genes".to_owned(),
        };
        return Err(table.refuse_header(None, expected, found));
    }
    Ok(samples)
}
