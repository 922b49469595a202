use std::collections::{HashMap, HashSet};
use std::path::Path;

use chromex_core::{Fingerprint, MarkLayout, MarkWindows};
use ndarray::Array3;
use serde::{Deserialize, Serialize};

use super::labels::{UNPARTED, id_and_symbol, reads_back};
use crate::error::quoted;
use crate::lines::Lines;
use crate::table_marks::{Columns, CountSettings, MarkOrder, TableMarks};
use crate::{Error, Result, compressed};

/// The largest count up to which every whole number has a place among the f32.
const LARGEST_COUNT: u32 = 1 << 24;

/// Which marks and bins the lines of a table hold.
///
/// # Examples
///
/// ```
/// let layout = chromex_io::deepdiff::DeepDiffLayout::default();
/// assert_eq!(layout.marks[1], "H3K4me3");
/// assert_eq!(layout.bins as u32 * layout.bin_width_bp, 20_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeepDiffLayout {
    /// The marks, in the order of the columns.
    pub marks: Vec<String>,
    /// The bins of each gene's window.
    pub bins: usize,
    /// The base pairs that a bin spans.
    pub bin_width_bp: u32,
}

/// Genes and their windows, as one table holds them. Tables are equal where genes and counts are, however it is known which
/// column is which mark.
#[derive(Clone, Debug)]
pub struct WindowTable {
    /// The genes' Ensembl ids, one per row of the windows.
    pub ids: Vec<String>,
    /// The genes' symbols.
    pub symbols: Vec<String>,
    /// The counts, `[genes, bins, marks]`.
    pub windows: MarkWindows,
    /// How it is known which column is which mark.
    pub order: MarkOrder,
}

impl PartialEq for WindowTable {
    fn eq(&self, other: &Self) -> bool {
        (&self.ids, &self.symbols, &self.windows) == (&other.ids, &other.symbols, &other.windows)
    }
}

impl Default for DeepDiffLayout {
    fn default() -> Self {
        Self {
            marks: ["H3K4me1", "H3K4me3", "H3K9me3", "H3K27me3", "H3K36me3"]
                .map(str::to_owned)
                .to_vec(),
            bins: 200,
            bin_width_bp: 100,
        }
    }
}

/// Reads the windows of a table, packed or not. Marks stand in the order of the layout: where the table's side file names another
/// order, the columns are put right, and [`WindowTable::order`] says so.
///
/// # Errors
///
/// [`Error::Marks`] when the side file names other marks or bins than the layout, or the table was changed since.
/// [`Error::Table`] at the first line that departs from the layout: bins out of order, a gene that is cut
/// short or stands twice, a missing or further column, or a count that is not a whole number from 0 to
/// 2^24. [`Error::Io`] and [`Error::Damaged`] when the file cannot be read, [`Error::Core`] when the
/// layout has no bins or no marks.
///
/// # Examples
///
/// ```
/// use chromex_io::deepdiff::{DeepDiffLayout, read_windows};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("Cell1.train.csv");
/// # std::fs::write(&path, "ENSG1_A_1,4\nENSG1_A_2,0\n").unwrap();
/// let layout = DeepDiffLayout { marks: vec!["H3K4me3".into()], bins: 2, bin_width_bp: 100 };
/// let table = read_windows(&path, &layout)?;
/// assert_eq!(table.windows.signal()[[0, 0, 0]], 4.0);
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn read_windows(path: &Path, layout: &DeepDiffLayout) -> Result<WindowTable> {
    layout.check()?;
    let mut columns = Columns::of(path, layout.marks_and_bins())?;
    let mut lines = Lines::open(path)?.keeping(size_of::<f32>() * layout.marks.len());
    let mut genes = Genes::default();
    let mut counts = Vec::new();
    let mut bin = layout.bins;
    while lines.advance()? {
        if bin == layout.bins {
            lines.hold(256)?;
        }
        columns.line(lines.line());
        let (label, number, fields) = name_and_counts(&lines, layout.marks.len())?;
        if bin == layout.bins {
            genes.begin(&lines, label)?;
            bin = 0;
        }
        if genes.label != label || number != Some(bin + 1) {
            let expected = expected_bin(bin, layout.bins, &genes.label);
            return Err(lines.error(Some(1), expected, quoted(name_of(lines.line()))));
        }
        parse_counts(&lines, fields, layout.marks.len(), &mut counts)?;
        bin += 1;
    }
    if genes.ids.is_empty() {
        return Err(lines.error(None, "windows of at least one gene", "an empty file"));
    }
    if bin < layout.bins {
        let expected = expected_bin(bin, layout.bins, &genes.label);
        return Err(lines.error(None, expected, "the end of the file"));
    }
    counts.shrink_to_fit();
    let shape = (genes.ids.len(), layout.bins, layout.marks.len());
    let signal = Array3::from_shape_vec(shape, counts).expect("every line gave a count per mark");
    let (windows, order) = columns.finish(signal)?;
    Ok(WindowTable {
        windows,
        order,
        ids: genes.ids,
        symbols: genes.symbols,
    })
}

/// Writes windows as a table that [`read_windows`] reads back equal; packed when the name ends in `.gz`
/// or `.zst`, and whole or not at all; and its side file, which names the marks ([`TableMarks`]).
///
/// # Errors
///
/// [`Error::Table`] at the first line that the layout cannot hold: a count that is not a whole number from
/// 0 to 2^24, an id that stands twice, or an id or a symbol that the reader would take apart otherwise. [`Error::Core`] when ids and
/// symbols are not one per row, there is no gene, or the file cannot be written.
///
/// # Examples
///
/// ```
/// use chromex_core::MarkWindows;
/// use chromex_io::deepdiff::{DeepDiffLayout, WindowTable, read_windows, write_windows};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("Cell1.train.csv.zst");
/// let layout = DeepDiffLayout::default();
/// let signal = ndarray::Array3::zeros((1, layout.bins, layout.marks.len()));
/// let windows = MarkWindows::new(signal, layout.marks.clone(), layout.bin_width_bp)?;
/// let table = WindowTable::new(vec!["ENSG00000130749".into()], vec!["ZC3H4".into()], windows);
/// write_windows(&path, &table)?;
/// assert_eq!(read_windows(&path, &layout)?, table);
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn write_windows(path: &Path, table: &WindowTable) -> Result<()> {
    write_counted_windows(path, table, &CountSettings::default())
}

/// Writes windows as [`write_windows`] does, and notes in the side file how the counts came to be.
///
/// # Errors
///
/// Those of [`write_windows`].
pub fn write_counted_windows(
    path: &Path,
    table: &WindowTable,
    counted: &CountSettings,
) -> Result<()> {
    table.check(path)?;
    let mut print = Fingerprint::default();
    compressed::write(path, |file| {
        let mut line = Vec::new();
        for (gene, window) in table.windows.signal().outer_iter().enumerate() {
            let label = format!("{}_{}_", table.ids[gene], table.symbols[gene]);
            for (bin, counts) in window.outer_iter().enumerate() {
                line.clear();
                line.extend_from_slice(label.as_bytes());
                push_whole(&mut line, bin + 1);
                for &count in counts {
                    line.push(b',');
                    push_whole(&mut line, count as usize);
                }
                line.push(b'\n');
                file.write_all(&line)?;
                print.text(&String::from_utf8_lossy(&line[..line.len() - 1]));
            }
        }
        Ok(())
    })?;
    TableMarks::write(path, &table.windows, counted, print.finish())
}

impl DeepDiffLayout {
    /// Tells marks, bins and width as all windows do.
    pub fn marks_and_bins(&self) -> MarkLayout {
        MarkLayout {
            marks: self.marks.clone(),
            bins: self.bins,
            bin_width_bp: self.bin_width_bp,
        }
    }

    fn check(&self) -> Result<()> {
        for (name, found) in [("marks", self.marks.len()), ("bins", self.bins)] {
            if found == 0 {
                return Err(Error::Core(chromex_core::Error::Setting {
                    name,
                    expected: "at least 1".into(),
                    found: "0".into(),
                }));
            }
        }
        Ok(())
    }
}

impl WindowTable {
    /// Puts genes and their windows together.
    pub fn new(ids: Vec<String>, symbols: Vec<String>, windows: MarkWindows) -> Self {
        Self {
            ids,
            symbols,
            windows,
            order: MarkOrder::Stated,
        }
    }

    /// Finds what the layout cannot hold, before a byte is written.
    fn check(&self, path: &Path) -> Result<()> {
        let signal = self.windows.signal();
        let genes = signal.shape()[0];
        if signal.is_empty() {
            return Err(Error::Core(chromex_core::Error::Empty {
                what: "the table",
            }));
        }
        for (what, found) in [
            ("gene ids", self.ids.len()),
            ("symbols", self.symbols.len()),
        ] {
            if found != genes {
                return Err(Error::Core(chromex_core::Error::RowCount {
                    what,
                    expected: genes,
                    found,
                }));
            }
        }
        let refuse = |gene: usize, bin, column, expected: &str, found: &str| {
            Err(Error::Table {
                path: path.to_owned(),
                line: (gene * self.windows.bins() + bin + 1) as u64,
                column: Some(column),
                expected: expected.to_owned(),
                found: quoted(found.as_bytes()),
            })
        };
        let breaks = |character: char| character == ',' || character.is_control();
        let mut seen = HashSet::new();
        for (gene, id) in self.ids.iter().enumerate() {
            if !seen.insert(id) {
                return refuse(gene, 0, 1, "genes that stand once", id);
            }
            let symbol = &self.symbols[gene];
            if id.is_empty() || id.contains(breaks) {
                return refuse(gene, 0, 1, "a gene id without `,` or line end", id);
            }
            if symbol.contains(breaks) {
                return refuse(gene, 0, 1, "a symbol without `,` or line end", symbol);
            }
            if !reads_back(id, symbol) {
                return refuse(gene, 0, 1, UNPARTED, &format!("{id}_{symbol}"));
            }
        }
        let whole =
            |count: f32| count >= 0.0 && count <= LARGEST_COUNT as f32 && count.fract() == 0.0;
        match signal.indexed_iter().find(|&(_, &count)| !whole(count)) {
            Some(((gene, bin, mark), count)) => {
                refuse(gene, bin, mark + 2, &expected_count(), &count.to_string())
            }
            None => Ok(()),
        }
    }
}

/// The genes of a table so far, and the line that each began at.
#[derive(Default)]
struct Genes {
    ids: Vec<String>,
    symbols: Vec<String>,
    lines: HashMap<String, u64>,
    /// `GENE_SYMBOL` of the last gene.
    label: Vec<u8>,
}

impl Genes {
    fn begin(&mut self, lines: &Lines, label: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(label)
            .map_err(|_| lines.error(Some(1), "UTF-8 text", quoted(label)))?;
        let (id, symbol) = id_and_symbol(text).ok_or_else(|| misnamed(lines))?;
        if let Some(first) = self.lines.insert(id.to_owned(), lines.number()) {
            let expected = format!("genes that stand once, and `{id}` began at line {first}");
            return Err(lines.error(Some(1), expected, quoted(name_of(lines.line()))));
        }
        self.ids.push(id.to_owned());
        self.symbols.push(symbol.to_owned());
        self.label.clear();
        self.label.extend_from_slice(label);
        Ok(())
    }
}

/// Takes a line apart into `GENE_SYMBOL`, the bin's number and the counts that follow the first comma.
fn name_and_counts(lines: &Lines, marks: usize) -> Result<(&[u8], Option<usize>, &[u8])> {
    let line = lines.line();
    let name = name_of(line);
    if name.len() == line.len() {
        return Err(ragged(lines, marks));
    }
    let underscore = name.iter().rposition(|&byte| byte == b'_');
    let underscore = underscore.ok_or_else(|| misnamed(lines))?;
    let bin = parse_whole(&name[underscore + 1..]).map(|bin| bin as usize);
    Ok((&name[..underscore], bin, &line[name.len() + 1..]))
}

fn name_of(line: &[u8]) -> &[u8] {
    line.split(|&byte| byte == b',').next().unwrap_or(line)
}

fn parse_counts(lines: &Lines, fields: &[u8], marks: usize, counts: &mut Vec<f32>) -> Result<()> {
    let mut columns = 0;
    for field in fields.split(|&byte| byte == b',') {
        columns += 1;
        if columns > marks {
            return Err(ragged(lines, marks));
        }
        match parse_whole(field) {
            Some(count) if count <= LARGEST_COUNT => counts.push(count as f32),
            _ => return Err(lines.error(Some(columns + 1), expected_count(), quoted(field))),
        }
    }
    if columns < marks {
        return Err(ragged(lines, marks));
    }
    Ok(())
}

/// Reads up to nine digits and nothing else.
fn parse_whole(field: &[u8]) -> Option<u32> {
    if field.is_empty() || field.len() > 9 {
        return None;
    }
    field.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u32::from(byte - b'0'))
    })
}

/// Writes the digits of a number; formatting it would take most of the time of a table.
fn push_whole(line: &mut Vec<u8>, number: usize) {
    if number >= 10 {
        push_whole(line, number / 10);
    }
    line.push(b'0' + (number % 10) as u8);
}

fn expected_bin(bin: usize, bins: usize, label: &[u8]) -> String {
    format!("bin {} of {bins} of gene {}", bin + 1, quoted(label))
}

fn expected_count() -> String {
    format!("a whole number of reads from 0 to {LARGEST_COUNT}")
}

fn ragged(lines: &Lines, marks: usize) -> Error {
    let found = lines.line().split(|&byte| byte == b',').count();
    lines.error(None, format!("{} columns", marks + 1), found.to_string())
}

fn misnamed(lines: &Lines) -> Error {
    lines.error(Some(1), "`GENE_SYMBOL_BIN`", quoted(name_of(lines.line())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> DeepDiffLayout {
        DeepDiffLayout {
            marks: vec!["H3K4me3".into(), "H3K36me3".into()],
            bins: 2,
            bin_width_bp: 100,
        }
    }

    fn read(text: &str) -> Result<WindowTable> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, text).unwrap();
        read_windows(&path, &layout())
    }

    const VALID: &str = "E1_A_1,0,1\nE1_A_2,2,3\nE2_Y_RNA_1,4,5\nE2_Y_RNA_2,6,16777216\n";

    #[test]
    fn counts_go_to_gene_bin_and_mark() {
        let table = read(VALID).unwrap();
        assert_eq!(table.ids, ["E1", "E2"]);
        assert_eq!(table.symbols, ["A", "Y_RNA"]);
        assert_eq!(table.windows.marks(), layout().marks);
        assert_eq!(table.windows.bin_width_bp(), 100);
        let flat: Vec<f32> = table.windows.signal().iter().copied().collect();
        assert_eq!(flat, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 16_777_216.0]);
    }

    #[test]
    fn a_gene_that_stands_twice_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let mut table = read(VALID).unwrap();
        table.ids[1] = "E1".into();
        let message = write_windows(&path, &table).unwrap_err().to_string();
        assert!(
            message.ends_with("line 3, column 1: expected genes that stand once, found `E1`"),
            "{message}"
        );
        assert!(!path.exists());
    }

    #[test]
    fn what_was_written_reads_back_equal_whatever_the_packing() {
        let folder = tempfile::tempdir().unwrap();
        let table = read(VALID).unwrap();
        for name in ["a.csv", "a.csv.gz", "a.csv.zst"] {
            let path = folder.path().join(name);
            write_windows(&path, &table).unwrap();
            assert_eq!(read_windows(&path, &layout()).unwrap(), table);
        }
        assert_eq!(
            std::fs::read(folder.path().join("a.csv")).unwrap(),
            VALID.as_bytes()
        );
    }

    #[test]
    fn what_the_layout_cannot_hold_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let table = read(VALID).unwrap();
        let refused = |table: WindowTable| {
            let message = write_windows(&path, &table).unwrap_err().to_string();
            assert!(!path.exists());
            message
        };
        let with = |value: f32| {
            let mut signal = table.windows.signal().clone();
            signal[[1, 0, 1]] = value;
            let windows = MarkWindows::new(signal, layout().marks, 100).unwrap();
            WindowTable {
                windows,
                ..table.clone()
            }
        };
        for value in [0.5, -1.0, 16_777_218.0] {
            let message = refused(with(value));
            assert!(
                message.contains("line 3, column 3: expected a whole number"),
                "{message}"
            );
        }
        let mut other = table.clone();
        other.ids[1] = "E_2".into();
        assert!(refused(other).contains("line 3, column 1: expected a gene id without `_`"));
        let mut other = table.clone();
        (other.ids[1], other.symbols[1]) = ("ENSG1".into(), "PAR_Y".into());
        assert!(refused(other).contains("line 3, column 1: expected a gene id without `_`"));
        let mut other = table.clone();
        other.symbols[0] = "A\nB".into();
        assert!(refused(other).contains("line 1, column 1: expected a symbol"));
        let mut other = table.clone();
        other.symbols.pop();
        assert_eq!(refused(other), "symbols: expected 2 rows, found 1");
    }

    #[test]
    fn a_layout_of_no_bins_is_refused() {
        let none = DeepDiffLayout {
            bins: 0,
            ..layout()
        };
        let error = read_windows(Path::new("none.csv"), &none).unwrap_err();
        assert_eq!(
            error.to_string(),
            "setting `bins`: expected at least 1, found 0"
        );
    }
}
