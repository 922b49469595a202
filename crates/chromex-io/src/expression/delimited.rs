use std::path::Path;

use ndarray::Array2;

use super::{ExpressionMatrix, MatrixLayout, parquet_table};
use crate::Result;
use crate::error::quoted;
use crate::lines::Lines;

/// The longest line: some tens of thousands of samples.
const LONGEST_LINE_BYTES: usize = 1 << 22;

/// Reads a table of genes x samples: TSV, CSV, GCT or Parquet, text packed or not.
///
/// The first column names the genes. Three layouts of text are known and told apart by the first row: a name in the
/// header for each column; none for the genes, as R writes; and one separator more at the end of each row than in the
/// header, as Roadmap's tables have. Of GCT, version 1.2 is read, and must have the rows and samples that it promises.
///
/// # Errors
///
/// [`Error::Table`](crate::Error::Table) at the first line whose columns are not those of the header, or with a field that is no number or
/// below 0, and when a GCT has another version or extent; [`Error::Unreadable`](crate::Error::Unreadable) when a Parquet file is none; [`Error::Core`](crate::Error::Core) when a gene or sample stands twice;
/// [`Error::Io`](crate::Error::Io) and [`Error::Damaged`](crate::Error::Damaged) when the file cannot be read.
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
    if parquet_table::is_parquet(path)? {
        return parquet_table::read(path, layout);
    }
    let mut lines = Lines::open_metered(path, LONGEST_LINE_BYTES, Default::default())?;
    if !lines.advance()? {
        return Err(lines.error(None, "a header", "an empty file"));
    }
    let mut layout = layout.clone();
    if lines.line().starts_with(b"#1.3") {
        let found = "`#1.3`, whose rows and columns are described further";
        return Err(lines.error(None, "version 1.2 of GCT", found));
    }
    let mut extent = None;
    if lines.line().starts_with(b"#1.2") {
        lines.advance()?;
        extent = Some(Extent::of(&lines)?);
        lines.advance()?;
        layout.other_columns.push("Description".into());
    }
    let mut header = Header::of(&lines)?;
    let mut table = Table::default();
    while lines.advance()? {
        let text = text(&lines)?;
        if table.genes.is_empty() {
            header.settle(text, &layout);
        }
        table.push(&lines, text, &header, &layout)?;
    }
    if table.genes.is_empty() {
        return Err(lines.error(None, "at least one gene", "none"));
    }
    if header.samples.is_empty() {
        return Err(lines.error(None, "at least one sample", "none"));
    }
    if let Some(extent) = extent {
        extent.check(&lines, table.genes.len(), &header)?;
    }
    let shape = (table.genes.len(), header.samples.len());
    let values =
        Array2::from_shape_vec(shape, table.values).expect("every row gave a value per sample");
    ExpressionMatrix::new(table.genes, header.samples, values, &layout)
}

/// How many rows and samples the second line of a GCT promises.
struct Extent {
    rows: usize,
    samples: usize,
}

/// What the columns of a table are.
struct Header {
    separator: char,
    names: Vec<String>,
    /// Columns of a row, the empty one behind a last separator included.
    columns: usize,
    /// The columns that hold samples, and their names.
    places: Vec<usize>,
    samples: Vec<String>,
}

/// Rows so far.
#[derive(Default)]
struct Table {
    genes: Vec<String>,
    values: Vec<f64>,
}

impl Extent {
    fn of(lines: &Lines) -> Result<Self> {
        let text = text(lines)?;
        let numbers: Option<Vec<usize>> = text
            .split_whitespace()
            .map(|field| field.parse().ok())
            .collect();
        match numbers.as_deref() {
            Some(&[rows, samples]) => Ok(Self { rows, samples }),
            _ => {
                let found = quoted(lines.line());
                Err(lines.error(None, "the numbers of rows and samples", found))
            }
        }
    }

    /// Refuses a table that was cut, or is another one. Columns that the layout leaves aside may be samples.
    fn check(&self, lines: &Lines, rows: usize, header: &Header) -> Result<()> {
        if rows != self.rows {
            let expected = format!("{} rows as the second line says", self.rows);
            return Err(lines.error(None, expected, rows.to_string()));
        }
        // All but those of the names and their descriptions.
        let columns = header.names.len().saturating_sub(2);
        if ![header.samples.len(), columns].contains(&self.samples) {
            let expected = format!("{} samples as the second line says", self.samples);
            return Err(lines.error(None, expected, header.samples.len().to_string()));
        }
        Ok(())
    }
}

impl Header {
    fn of(lines: &Lines) -> Result<Self> {
        let text = text(lines)?;
        let separator = match text.contains('\t') || !text.contains(',') {
            true => '\t',
            false => ',',
        };
        let unquoted = |name: &str| name.trim_matches('"').to_owned();
        Ok(Self {
            separator,
            names: text.split(separator).map(unquoted).collect(),
            columns: 0,
            places: Vec::new(),
            samples: Vec::new(),
        })
    }

    /// Decides by the first row which columns the header names.
    fn settle(&mut self, row: &str, layout: &MatrixLayout) {
        let fields: Vec<&str> = row.split(self.separator).collect();
        let one_more = fields.len() == self.names.len() + 1;
        let ends_empty = fields.last().is_some_and(|last| last.is_empty());
        self.columns = match one_more {
            true => fields.len(),
            false => self.names.len(),
        };
        // R names no column of genes.
        let shift = usize::from(one_more && !ends_empty);
        for (place, name) in self.names.iter().enumerate() {
            let place = place + shift;
            if place > 0 && !layout.other_columns.contains(name) {
                self.places.push(place);
                self.samples.push(name.clone());
            }
        }
    }
}

impl Table {
    fn push(
        &mut self,
        lines: &Lines,
        text: &str,
        header: &Header,
        layout: &MatrixLayout,
    ) -> Result<()> {
        let fields: Vec<&str> = text.split(header.separator).collect();
        if fields.len() != header.columns {
            let expected = format!("{} columns", header.columns);
            return Err(lines.error(None, expected, fields.len().to_string()));
        }
        let gene = fields[0].trim_matches('"');
        if gene.is_empty() {
            return Err(lines.error(Some(1), "a gene", quoted(b"")));
        }
        self.genes.push(gene.to_owned());
        for (&place, name) in header.places.iter().zip(&header.samples) {
            let field = fields[place].trim();
            let is_missing = ["", "NA", "NaN", "nan"].contains(&field);
            let value = match (is_missing, layout.missing) {
                (true, Some(value)) => Some(value),
                (true, None) => None,
                // The parser of the standard library also takes "inf".
                (false, _) => field.parse().ok().filter(|&value| layout.allows(value)),
            };
            let value = value.ok_or_else(|| {
                let expected = format!("{} ({name})", layout.allowed());
                lines.error(Some(place + 1), expected, quoted(field.as_bytes()))
            })?;
            self.values.push(value);
        }
        Ok(())
    }
}

fn text(lines: &Lines) -> Result<&str> {
    std::str::from_utf8(lines.line())
        .map_err(|_| lines.error(None, "UTF-8 text", quoted(lines.line())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::ExpressionUnit;

    fn read(name: &str, content: &str, layout: &MatrixLayout) -> Result<ExpressionMatrix> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        read_expression_matrix(&path, layout)
    }

    #[test]
    fn the_three_layouts_of_text_are_told_apart() {
        let layout = MatrixLayout::of(ExpressionUnit::Tpm);
        for content in [
            "gene\ta\tb\nE1\t1\t2\n",
            "gene,a,b\nE1,1,2\n",
            "a\tb\nE1\t1\t2\n",
            "gene\ta\tb\nE1\t1\t2\t\n",
            "\"a\",\"b\"\n\"E1\",1,2\n",
            "#1.2\n1\t2\nName\tDescription\ta\tb\nE1\tthe first\t1\t2\n",
        ] {
            let matrix = read("a", content, &layout).unwrap();
            assert_eq!(matrix.samples(), ["a", "b"], "{content}");
            assert_eq!(
                (matrix.get("E1", "a"), matrix.get("E1", "b")),
                (Some(1.0), Some(2.0))
            );
        }
    }

    #[test]
    fn what_is_no_number_is_named_by_line_column_and_sample() {
        fn t(content: &str, expected: &str) {
            let message = read("a", content, &MatrixLayout::default())
                .unwrap_err()
                .to_string();
            assert!(message.contains(expected), "{message}");
        }
        t("", "line 1: expected a header, found an empty file");
        t("gene\ta\n", "expected at least one gene");
        t(
            "gene\ta\nE1\tx\n",
            "line 2, column 2: expected a number of at least 0 (a), found `x`",
        );
        t(
            "a\tb\nE1\t1\tx\n",
            "line 2, column 3: expected a number of at least 0 (b), found `x`",
        );
        t("gene\ta\nE1\t-1\n", "found `-1`");
        t("gene\ta\nE1\tinf\n", "found `inf`");
        t("gene\ta\nE1\tNA\n", "found `NA`");
        t(
            "gene\ta\nE1\t1\nE2\t1\t2\n",
            "line 3: expected 2 columns, found 3",
        );
        t(
            "gene\ta\nE1\t1\nE1\t2\n",
            "row id `E1` stands twice, in rows 0 and 1",
        );
        t("gene\ta\ta\nE1\t1\t1\n", "row id `a` stands twice");
    }

    #[test]
    fn a_gct_has_the_version_and_extent_that_it_says() {
        fn t(start: &str, expected: Option<&str>) {
            let content = format!("{start}\nName\tDescription\ta\tb\nE1\tx\t1\t2\nE2\ty\t3\t4\n");
            let found = read("a.gct", &content, &MatrixLayout::default());
            match expected {
                None => assert_eq!(found.unwrap().genes().len(), 2),
                Some(expected) => {
                    let message = found.unwrap_err().to_string();
                    assert!(message.contains(expected), "{message}");
                }
            }
        }
        t("#1.2\n2\t2", None);
        // As spreadsheets write it.
        t("#1.2\t\t\n2\t2\t\t", None);
        t(
            "#1.2\n3\t2",
            Some("line 6: expected 3 rows as the second line says, found 2"),
        );
        t(
            "#1.2\n2\t3",
            Some("expected 3 samples as the second line says, found 2"),
        );
        t(
            "#1.2\n2",
            Some("line 2: expected the numbers of rows and samples, found `2`"),
        );
        t(
            "#1.3\n2\t2\t0\t0",
            Some("line 1: expected version 1.2 of GCT, found `#1.3`"),
        );
        let aside = MatrixLayout {
            other_columns: vec!["b".into()],
            ..MatrixLayout::default()
        };
        let content = "#1.2\n1\t2\nName\tDescription\ta\tb\nE1\tx\t1\t2\n";
        assert_eq!(read("a.gct", content, &aside).unwrap().samples(), ["a"]);
    }

    #[test]
    fn other_columns_and_missing_numbers_are_taken_when_said() {
        let layout = MatrixLayout {
            other_columns: vec!["symbol".into()],
            missing: Some(0.0),
            ..MatrixLayout::default()
        };
        let matrix = read("a", "gene\tsymbol\ta\nE1\tTP53\tNA\n", &layout).unwrap();
        assert_eq!(
            (matrix.samples(), matrix.get("E1", "a")),
            (&["a".to_owned()][..], Some(0.0))
        );
    }
}
