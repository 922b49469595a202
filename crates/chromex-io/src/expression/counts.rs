use std::collections::HashMap;
use std::path::Path;

use crate::error::quoted;
use crate::lines::Lines;
use crate::{Result, compressed};

/// What a gene takes in memory with its name.
const GENE_BYTES: usize = 192;

/// Reads of each gene's transcripts, found by gene.
///
/// # Examples
///
/// ```
/// let genes = vec!["ENSG00000000003".to_owned(), "ENSG00000000005".to_owned()];
/// let table = chromex_io::ExpressionTable::new(genes, vec![153.0, 2.0])?;
/// assert_eq!(table.get("ENSG00000000005"), Some(2.0));
/// # Ok::<(), chromex_io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpressionTable {
    genes: Vec<String>,
    counts: Vec<f64>,
    rows: HashMap<String, usize>,
}

impl ExpressionTable {
    /// Puts genes and their counts together.
    ///
    /// # Errors
    ///
    /// [`Error::Core`](crate::Error::Core) when there is not one count per gene, a gene stands twice, or a
    /// count is negative or not finite.
    pub fn new(genes: Vec<String>, counts: Vec<f64>) -> Result<Self> {
        if genes.len() != counts.len() {
            return Err(chromex_core::Error::RowCount {
                what: "expression counts",
                expected: genes.len(),
                found: counts.len(),
            }
            .into());
        }
        let mut table = Self::default();
        for (row, (gene, count)) in genes.into_iter().zip(counts).enumerate() {
            if !allowed(count) {
                return Err(chromex_core::Error::Value {
                    row,
                    what: "expression count",
                    expected: "a number of reads of at least 0",
                    found: count.to_string(),
                }
                .into());
            }
            if let Err((id, first)) = table.push(gene, count) {
                let second = row;
                return Err(chromex_core::Error::DuplicateId { id, first, second }.into());
            }
        }
        Ok(table)
    }

    /// Finds the count of a gene.
    pub fn get(&self, gene: &str) -> Option<f64> {
        self.rows.get(gene).map(|&row| self.counts[row])
    }

    /// Lists the genes in the order of the table.
    pub fn genes(&self) -> &[String] {
        &self.genes
    }

    /// Lists the counts in the order of the table.
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// Counts the genes.
    pub fn len(&self) -> usize {
        self.genes.len()
    }

    /// Tells whether there are no genes.
    pub fn is_empty(&self) -> bool {
        self.genes.is_empty()
    }

    /// Adds a gene, or gives it back with the row in which it stands.
    fn push(&mut self, gene: String, count: f64) -> Result<(), (String, usize)> {
        if let Some(&row) = self.rows.get(&gene) {
            return Err((gene, row));
        }
        self.rows.insert(gene.clone(), self.len());
        self.genes.push(gene);
        self.counts.push(count);
        Ok(())
    }
}

/// Reads a table of lines `GENE,COUNT`, packed with gzip or zstandard or not. Counts may have decimals, as
/// those of tools that share a read among genes.
///
/// # Errors
///
/// [`Error::Table`](crate::Error::Table) at the first line that has not two columns, whose gene stands
/// twice, or whose count is not a number of at least 0, and when the file is empty;
/// [`Error::Io`](crate::Error::Io) and [`Error::Damaged`](crate::Error::Damaged) when it cannot be read;
/// [`Error::TooLarge`](crate::Error::TooLarge) when a small file holds too much.
///
/// # Examples
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("Cell1.expr.csv");
/// # std::fs::write(&path, "ENSG00000000003,153\n").unwrap();
/// let table = chromex_io::read_expression(&path)?;
/// assert_eq!(table.get("ENSG00000000003"), Some(153.0));
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn read_expression(path: &Path) -> Result<ExpressionTable> {
    let mut lines = Lines::open(path)?.keeping(GENE_BYTES);
    let mut table = ExpressionTable::default();
    while lines.advance()? {
        let (gene, count) = parse(&lines)?;
        if let Err((gene, row)) = table.push(gene, count) {
            let expected = format!("genes that stand once, as `{gene}` in line {}", row + 1);
            return Err(lines.error(Some(1), expected, quoted(gene.as_bytes())));
        }
    }
    if table.is_empty() {
        return Err(lines.error(None, "at least one gene", "an empty file"));
    }
    Ok(table)
}

/// Writes a table that [`read_expression`] reads back equal; packed when the name ends in `.gz` or `.zst`,
/// and whole or not at all.
///
/// # Errors
///
/// [`Error::Table`](crate::Error::Table) when a gene's name is empty or holds a comma or a line end;
/// [`Error::Core`](crate::Error::Core) when there is no gene or the file cannot be written.
///
/// # Examples
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("Cell1.expr.csv.gz");
/// let table = chromex_io::ExpressionTable::new(vec!["ENSG00000000003".into()], vec![153.0])?;
/// chromex_io::write_expression(&path, &table)?;
/// assert_eq!(chromex_io::read_expression(&path)?, table);
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn write_expression(path: &Path, table: &ExpressionTable) -> Result<()> {
    if table.is_empty() {
        return Err(chromex_core::Error::Empty { what: "the table" }.into());
    }
    let breaks = |character: char| character == ',' || character.is_control();
    let broken = |gene: &String| gene.is_empty() || gene.contains(breaks);
    if let Some(row) = table.genes.iter().position(broken) {
        return Err(crate::Error::Table {
            path: path.to_owned(),
            line: row as u64 + 1,
            column: Some(1),
            expected: "a gene without `,` or line end".into(),
            found: quoted(table.genes[row].as_bytes()),
        });
    }
    compressed::write(path, |file| {
        for (gene, count) in table.genes.iter().zip(&table.counts) {
            writeln!(file, "{gene},{count}")?;
        }
        Ok(())
    })
}

fn parse(lines: &Lines) -> Result<(String, f64)> {
    let line = std::str::from_utf8(lines.line())
        .map_err(|_| lines.error(None, "UTF-8 text", quoted(lines.line())))?;
    let columns = line.split(',').count();
    let Some((gene, field)) = line.split_once(',').filter(|_| columns == 2) else {
        return Err(lines.error(None, "2 columns", columns.to_string()));
    };
    let (gene, field) = (unquoted(gene), unquoted(field));
    if gene.is_empty() {
        return Err(lines.error(Some(1), "a gene", quoted(b"")));
    }
    // The parser of the standard library also takes "inf" and "+1", which no table of counts holds.
    let count = field
        .starts_with(|first: char| first.is_ascii_digit())
        .then(|| field.parse().ok())
        .flatten()
        .filter(|&count| allowed(count));
    match count {
        Some(count) => Ok((gene.to_owned(), count)),
        None => {
            let expected = "a number of reads of at least 0";
            Err(lines.error(Some(2), expected, quoted(field.as_bytes())))
        }
    }
}

/// Takes the quotes of a spreadsheet off.
fn unquoted(field: &str) -> &str {
    let inside = field.strip_prefix('"');
    inside
        .and_then(|field| field.strip_suffix('"'))
        .unwrap_or(field)
}

fn allowed(count: f64) -> bool {
    count.is_finite() && count >= 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<ExpressionTable> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.expr.csv");
        std::fs::write(&path, content).unwrap();
        read_expression(&path)
    }

    #[test]
    fn counts_are_found_by_gene() {
        let table = read(b"E1,153\nE2,0.5\n").unwrap();
        assert_eq!((table.get("E1"), table.get("E2")), (Some(153.0), Some(0.5)));
        assert_eq!(table.get("E3"), None);
        assert_eq!(table.genes(), ["E1", "E2"]);
        assert_eq!(read(b"\"E1\",153\n\"E2\",\"0.5\"\n").unwrap(), table);
    }

    #[test]
    fn a_line_that_departs_from_the_layout_is_named() {
        fn t(content: &[u8], expected: &str) {
            let message = read(content).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        t(
            b"",
            "line 1: expected at least one gene, found an empty file",
        );
        t(
            b"gene,count\n",
            "line 1, column 2: expected a number of reads of at least 0, found `count`",
        );
        t(
            b"E1,1\nE2,-1\n",
            "line 2, column 2: expected a number of reads of at least 0, found `-1`",
        );
        t(b"E1,inf\n", "found `inf`");
        t(b"E1,1e999\n", "found `1e999`");
        t(b"E1,\n", "found ``");
        t(b"E1,1\n\n", "line 2: expected 2 columns, found 1");
        t(b"E1,1,2\n", "line 1: expected 2 columns, found 3");
        t(b",1\n", "line 1, column 1: expected a gene");
        t(
            b"E1,1\nE2,1\nE1,1\n",
            "line 3, column 1: expected genes that stand once, as `E1` in line 1",
        );
        t(b"E\xff,1\n", "line 1: expected UTF-8 text");
    }

    #[test]
    fn a_table_is_checked_when_it_is_made() {
        let genes = || vec!["E1".to_owned(), "E2".to_owned()];
        assert!(ExpressionTable::new(genes(), vec![1.0]).is_err());
        assert!(ExpressionTable::new(genes(), vec![1.0, f64::NAN]).is_err());
        assert!(ExpressionTable::new(vec!["E1".into(), "E1".into()], vec![1.0, 1.0]).is_err());
    }

    #[test]
    fn a_gene_that_would_not_read_back_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let table = ExpressionTable::new(vec!["E,1".into()], vec![1.0]).unwrap();
        assert!(write_expression(&path, &table).is_err());
        assert!(!path.exists());
    }
}
