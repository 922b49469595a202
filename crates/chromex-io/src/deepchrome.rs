//! Reads and writes the tables of DeepChrome and AttentiveChrome (Singh et al. 2016 and 2017): the signal of histone marks in
//! the bins around each gene's transcription start, with the gene's class behind every bin.
//!
//! Lines are `GENE,BIN,SIGNAL,..,CLASS`, bins from 1, or `GENE_BIN,SIGNAL,..,CLASS`; which of both is told by the number of
//! columns. There is no header: which column is which mark stands in a side file that is written with every table
//! ([`table_marks`](crate::table_marks)).

use std::collections::{HashMap, HashSet};
use std::path::Path;

use chromex_core::{
    Dataset, Fingerprint, Keys, MarkLayout, MarkWindows, Rows, Target, Targets, Transform,
};
use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

use crate::error::quoted;
use crate::lines::Lines;
use crate::table_marks::{Columns, CountSettings, MarkOrder, TableMarks};
use crate::{Result, compressed};

/// What a gene takes in memory beside its signal.
const GENE_BYTES: usize = 192;

/// Which marks and bins the lines of a table hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeepChromeLayout {
    /// The marks, in the order of the columns.
    pub marks: Vec<String>,
    /// The bins of each gene's window.
    pub bins: usize,
    /// The base pairs that a bin spans.
    pub bin_width_bp: u32,
}

/// Genes, their windows and their classes, as one table holds them. Tables are equal where genes, signal and classes are, however
/// it is known which column is which mark.
#[derive(Clone, Debug)]
pub struct DeepChromeTable {
    /// The genes, one per row of the windows.
    pub ids: Vec<String>,
    /// The signal, `[genes, bins, marks]`.
    pub windows: MarkWindows,
    /// The genes' last column: 0 or 1 as published.
    pub labels: Vec<f32>,
    /// How it is known which column is which mark.
    pub order: MarkOrder,
}

impl PartialEq for DeepChromeTable {
    fn eq(&self, other: &Self) -> bool {
        (&self.ids, &self.windows, &self.labels) == (&other.ids, &other.windows, &other.labels)
    }
}

impl Default for DeepChromeLayout {
    /// 100 bins of 100 bp, the five marks in the published order.
    fn default() -> Self {
        Self {
            marks: ["H3K27me3", "H3K36me3", "H3K4me1", "H3K4me3", "H3K9me3"]
                .map(str::to_owned)
                .to_vec(),
            bins: 100,
            bin_width_bp: 100,
        }
    }
}

/// Reads a table, packed or not. Marks stand in the order of the layout: where the table's side file names another order, the
/// columns are put right, and [`DeepChromeTable::order`] says so.
///
/// # Errors
///
/// [`Error::Marks`](crate::Error::Marks) when the side file names other marks or bins than the layout, or the table was changed
/// since.
/// [`Error::Table`](crate::Error::Table) at the first line that departs from the layout: bins out of order, a gene that is cut
/// short, stands twice or changes its class, a class that is not 0 or 1, a missing or further column, or a signal that is negative or no
/// number; [`Error::TooLarge`](crate::Error::TooLarge) when a small file holds too much.
///
/// # Examples
///
/// ```
/// use chromex_io::deepchrome::{DeepChromeLayout, read_deepchrome};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("train.csv");
/// # std::fs::write(&path, "000003,1,0.5,1\n000003,2,3,1\n").unwrap();
/// let layout = DeepChromeLayout { marks: vec!["H3K4me3".into()], bins: 2, bin_width_bp: 100 };
/// let table = read_deepchrome(&path, &layout)?;
/// assert_eq!((table.windows.signal()[[0, 1, 0]], table.labels[0]), (3.0, 1.0));
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn read_deepchrome(path: &Path, layout: &DeepChromeLayout) -> Result<DeepChromeTable> {
    for (name, found) in [("marks", layout.marks.len()), ("bins", layout.bins)] {
        if found == 0 {
            return Err(crate::Error::Core(chromex_core::Error::Setting {
                name,
                expected: "at least 1".into(),
                found: "0".into(),
            }));
        }
    }
    let mut columns = Columns::of(path, layout.marks_and_bins())?;
    let mut lines = Lines::open(path)?.keeping(size_of::<f32>() * layout.marks.len());
    let mut ids: Vec<String> = Vec::new();
    let mut began = HashMap::new();
    let (mut signal, mut labels) = (Vec::new(), Vec::new());
    let mut bin = layout.bins;
    while lines.advance()? {
        if bin == layout.bins {
            lines.hold(GENE_BYTES)?;
        }
        columns.line(lines.line());
        let fields: Vec<&[u8]> = lines.line().split(|&byte| byte == b',').collect();
        let (gene, number, first) = named(&lines, &fields, layout.marks.len())?;
        if bin == layout.bins {
            let text = std::str::from_utf8(gene)
                .ok()
                .filter(|gene| !gene.is_empty());
            let text = text.ok_or_else(|| lines.error(Some(1), "a gene", quoted(gene)))?;
            if let Some(line) = began.insert(text.to_owned(), lines.number()) {
                let expected = format!("genes that stand once, and `{text}` began at line {line}");
                return Err(lines.error(Some(1), expected, quoted(gene)));
            }
            ids.push(text.to_owned());
            bin = 0;
        }
        let own = ids.last().map_or("", String::as_str);
        if own.as_bytes() != gene || number != Some(bin + 1) {
            let expected = format!("bin {} of {} of gene `{own}`", bin + 1, layout.bins);
            return Err(lines.error(Some(1), expected, quoted(fields[0])));
        }
        for (column, field) in fields[first..].iter().enumerate() {
            let value = std::str::from_utf8(field)
                .ok()
                .and_then(|t| t.parse::<f32>().ok());
            let value = value.filter(|value| value.is_finite());
            let last = column == layout.marks.len();
            match value {
                Some(value) if !last && value >= 0.0 => signal.push(value),
                Some(value) if last && bin == 0 && is_class(value) => labels.push(value),
                Some(value) if last && labels.last() == Some(&value) => {}
                _ if last => {
                    let expected = match labels.last() {
                        Some(label) if bin > 0 => format!("the gene's class {label}"),
                        _ => "a class, 0 or 1".into(),
                    };
                    return Err(lines.error(Some(first + column + 1), expected, quoted(field)));
                }
                _ => {
                    let expected = "a signal of 0 or more";
                    return Err(lines.error(Some(first + column + 1), expected, quoted(field)));
                }
            }
        }
        bin += 1;
    }
    if ids.is_empty() {
        return Err(lines.error(None, "windows of at least one gene", "an empty file"));
    }
    if bin < layout.bins {
        let expected = format!("bin {} of {} of the last gene", bin + 1, layout.bins);
        return Err(lines.error(None, expected, "the end of the file"));
    }
    let shape = (ids.len(), layout.bins, layout.marks.len());
    let signal = Array3::from_shape_vec(shape, signal).expect("every line gave a number per mark");
    let (windows, order) = columns.finish(signal)?;
    Ok(DeepChromeTable {
        windows,
        order,
        ids,
        labels,
    })
}

/// Writes a table with bins in a column of their own; packed when the name ends in `.gz` or `.zst`, and whole or not at all; and
/// its side file, which names the marks ([`TableMarks`]).
///
/// # Errors
///
/// [`Error::Table`](crate::Error::Table) when a gene would be read back otherwise, stands twice, or has a signal below 0;
/// [`Error::Core`](crate::Error::Core) when ids and labels are not one per row or the file cannot be written.
pub fn write_deepchrome(path: &Path, table: &DeepChromeTable) -> Result<()> {
    for (what, found) in [
        ("gene ids", table.ids.len()),
        ("classes", table.labels.len()),
    ] {
        if found != table.windows.len() {
            return Err(crate::Error::Core(chromex_core::Error::RowCount {
                what,
                expected: table.windows.len(),
                found,
            }));
        }
    }
    table.check(path)?;
    let mut print = Fingerprint::default();
    compressed::write(path, |file| {
        let rows = table
            .windows
            .signal()
            .outer_iter()
            .zip(table.ids.iter().zip(&table.labels));
        for (window, (id, label)) in rows {
            for (bin, signal) in window.outer_iter().enumerate() {
                let mut line = format!("{id},{}", bin + 1);
                for value in signal {
                    line.push_str(&format!(",{value}"));
                }
                line.push_str(&format!(",{label}"));
                print.text(&line);
                writeln!(file, "{line}")?;
            }
        }
        Ok(())
    })?;
    let counted = CountSettings::default();
    TableMarks::write(path, &table.windows, &counted, print.finish())
}

impl DeepChromeLayout {
    /// Tells marks, bins and width as all windows do.
    pub fn marks_and_bins(&self) -> MarkLayout {
        MarkLayout {
            marks: self.marks.clone(),
            bins: self.bins,
            bin_width_bp: self.bin_width_bp,
        }
    }
}

impl DeepChromeTable {
    /// Puts genes, their windows and their classes together.
    pub fn new(ids: Vec<String>, windows: MarkWindows, labels: Vec<f32>) -> Self {
        Self {
            ids,
            windows,
            labels,
            order: MarkOrder::Stated,
        }
    }

    /// Finds what would be read back otherwise, before a byte is written.
    fn check(&self, path: &Path) -> Result<()> {
        let refuse = |gene: usize, expected: &str, found: &str| crate::Error::Table {
            path: path.to_owned(),
            line: (gene * self.windows.bins() + 1) as u64,
            column: Some(1),
            expected: expected.to_owned(),
            found: quoted(found.as_bytes()),
        };
        let mut seen = HashSet::new();
        for (gene, id) in self.ids.iter().enumerate() {
            if id.is_empty() || id.contains(|c: char| c == ',' || c.is_control()) {
                return Err(refuse(gene, "a gene without `,` or line end", id));
            }
            if !seen.insert(id) {
                return Err(refuse(gene, "genes that stand once", id));
            }
        }
        let below = |&(_, value): &(_, &f32)| *value < 0.0;
        match self.windows.signal().indexed_iter().find(below) {
            Some(((gene, _, _), value)) => {
                Err(refuse(gene, "a signal of 0 or more", &value.to_string()))
            }
            None => Ok(()),
        }
    }

    /// Makes a dataset of the classes: rows and the group `gene` are named by the genes.
    ///
    /// # Errors
    ///
    /// [`Error::Core`](crate::Error::Core) when a class is no finite number.
    pub fn dataset(self, name: &str) -> Result<Dataset<MarkWindows>> {
        let values =
            Array2::from_shape_vec((self.labels.len(), 1), self.labels).expect("a class per gene");
        let column = Target {
            name: name.to_owned(),
            unit: "class".into(),
            transform: Transform::Identity,
        };
        let keys = Keys::new(self.ids.clone())?.with_group("gene", &self.ids)?;
        Ok(Dataset::new(
            self.windows,
            Targets::new(values, vec![column])?,
            keys,
        )?)
    }
}

/// Tells a class from an expression, which stands in no table of this layout.
fn is_class(value: f32) -> bool {
    value == 0.0 || value == 1.0
}

/// Takes the name of a line apart: the gene, the bin, and the first column of the signal.
fn named<'a>(
    lines: &Lines,
    fields: &[&'a [u8]],
    marks: usize,
) -> Result<(&'a [u8], Option<usize>, usize)> {
    let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse().ok();
    if fields.len() == marks + 3 {
        return Ok((fields[0], number(fields[1]), 2));
    }
    if fields.len() == marks + 2 {
        let name = fields[0];
        let under = name.iter().rposition(|&byte| byte == b'_');
        let under = under.ok_or_else(|| lines.error(Some(1), "`GENE_BIN`", quoted(name)))?;
        return Ok((&name[..under], number(&name[under + 1..]), 1));
    }
    let expected = format!("{} columns, or {} with bins apart", marks + 2, marks + 3);
    Err(lines.error(None, expected, fields.len().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> DeepChromeLayout {
        DeepChromeLayout {
            marks: vec!["H3K4me3".into(), "H3K36me3".into()],
            bins: 2,
            bin_width_bp: 100,
        }
    }

    fn read(text: &str) -> Result<DeepChromeTable> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, text).unwrap();
        read_deepchrome(&path, &layout())
    }

    #[test]
    fn both_forms_of_names_read_the_same() {
        let apart = read("A_1,1,0,1.5,1\nA_1,2,2,3,1\nB,1,4,5,0\nB,2,6,7,0\n").unwrap();
        let joined = read("A_1_1,0,1.5,1\nA_1_2,2,3,1\nB_1,4,5,0\nB_2,6,7,0\n").unwrap();
        assert_eq!(apart, joined);
        assert_eq!(
            (&apart.ids[0], apart.labels.as_slice()),
            (&"A_1".to_owned(), &[1.0, 0.0][..])
        );
        let data = apart.dataset("expressed").unwrap();
        assert_eq!(data.targets.columns[0].name, "expressed");
    }

    #[test]
    fn what_was_written_reads_back_equal() {
        let folder = tempfile::tempdir().unwrap();
        let table = read("A,1,0,1.5,1\nA,2,2,3,1\n").unwrap();
        let path = folder.path().join("b.csv.zst");
        write_deepchrome(&path, &table).unwrap();
        assert_eq!(read_deepchrome(&path, &layout()).unwrap(), table);
    }

    #[test]
    fn lines_that_depart_are_named_with_what_was_expected() {
        let refused = |text: &str, part: &str| {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message} lacks {part}");
        };
        refused("", "an empty file");
        refused("A,1,0,1,1\n", "line 2: expected bin 2 of 2");
        refused(
            "A,1,0,1,1\nA,3,0,1,1\n",
            "line 2, column 1: expected bin 2 of 2 of gene `A`",
        );
        refused(
            "A,1,0,1,1\nA,2,0,1,0\n",
            "line 2, column 5: expected the gene's class 1",
        );
        refused(
            "A,1,NaN,1,1\n",
            "line 1, column 3: expected a signal of 0 or more, found `NaN`",
        );
        refused("A,1,-2,1,1\n", "column 3");
        refused(
            "A,1,0\n",
            "line 1: expected 4 columns, or 5 with bins apart, found 3",
        );
        refused("A,1,0,1,x\n", "column 5: expected a class");
        for class in ["2", "-1", "0.5", "nan", "NA", ""] {
            let text = format!("A,1,0,1,1\nA,2,0,1,1\nB,1,0,1,{class}\nB,2,0,1,{class}\n");
            let message = format!("line 3, column 5: expected a class, 0 or 1, found `{class}`");
            refused(&text, &message);
        }
        refused("A,1,0,1,1\nA,2,0,1,1\nA,1,0,1,1\n", "`A` began at line 1");
    }
}
