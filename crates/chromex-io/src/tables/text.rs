use std::cell::Cell;
use std::path::{Path, PathBuf};

use super::fields::{is_like_number, is_missing, number};
use super::probe::{Extent, Probe};
use super::records::Records;
use super::{Row, TableHeader, Wanted};
use crate::error::quoted;
use crate::{Error, Result};

/// How many rows are looked at to tell columns of numbers from columns of text.
const ROWS_LOOKED_AT: usize = 1000;

/// A delimited text whose columns have names.
pub(crate) struct TextTable {
    path: PathBuf,
    probe: Probe,
    /// The line of the header; 0 where there is none.
    pub(crate) header_line: u64,
    /// The columns of a row, that which R leaves without a name included.
    pub(crate) names: Vec<String>,
    /// Whether the first field of each row counts the rows.
    pub(crate) has_row_numbers: bool,
    /// What each column holds, by the first rows.
    pub(crate) kinds: Vec<TextKind>,
    /// Remarks that were passed over, when all was read.
    pub(crate) remarks: Cell<u64>,
}

/// What a column of a text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextKind {
    /// At least one number.
    Number,
    /// Something else.
    Text,
    /// Nothing in the rows that were looked at.
    Nothing,
}

/// Tells the name of a column of genes from that of a sample.
fn names_genes(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = [
        "gene",
        "ensembl",
        "symbol",
        "transcript",
        "target_id",
        "feature",
    ];
    ["id", "name", "ids"].contains(&name.as_str())
        || words.iter().any(|word| name.starts_with(word))
}

impl TextTable {
    pub(crate) fn open(path: &Path, header: TableHeader) -> Result<Self> {
        let probe = Probe::of(path)?;
        let mut records = Records::open(path, probe.separator, probe.skipped)?;
        records.first()?;
        let mut table = Self {
            path: path.to_owned(),
            header_line: records.line(),
            names: Vec::new(),
            has_row_numbers: false,
            kinds: Vec::new(),
            remarks: Cell::new(probe.remarks),
            probe,
        };
        if header == TableHeader::Absent {
            table.header_line = 0;
            table.names = (1..=records.fields())
                .map(|column| format!("column {column}"))
                .collect();
            table.look(Records::open(
                path,
                table.probe.separator,
                table.probe.skipped,
            )?)?;
            return Ok(table);
        }
        for place in 0..records.fields() {
            // Letters of another encoding stand in columns that nobody asks for.
            let name = String::from_utf8_lossy(records.field(place));
            let name = match place {
                0 => name.trim_start_matches('#').trim(),
                _ => &name,
            };
            table.names.push(name.to_owned());
        }
        let header_error = |expected: &str, found: String| Error::Table {
            path: path.to_owned(),
            line: table.header_line,
            column: None,
            expected: expected.to_owned(),
            found,
        };
        let first: Vec<String> = match records.advance()? {
            true => (0..records.fields())
                .map(|place| String::from_utf8_lossy(records.field(place)).into_owned())
                .collect(),
            false => return Err(records.error(None, "at least one gene", "none")),
        };
        // Spreadsheets end a header by separators that its rows lack.
        while table.names.len() > first.len() && table.names.last().is_some_and(String::is_empty) {
            table.names.pop();
        }
        let width = table.names.len();
        if header == TableHeader::Guessed && first.len() == width {
            // The names of samples may be numbers, and so may be those of a row that is taken for them.
            let row_like = (1..width).find(|&place| {
                number(&table.names[place]).is_some()
                    && (is_missing(&first[place]) || number(&first[place]).is_some())
            });
            if let Some(place) = row_like {
                let found = format!(
                    "{} in column {}: if it is a row of a table without a header, say so (`--header absent`); if numbers name the samples, say that (`--header present`)",
                    quoted(table.names[place].as_bytes()),
                    place + 1
                );
                return Err(header_error("a header that names the columns", found));
            }
        }
        // R names no column of genes; others end each row by a separator.
        let is_row_name = first.len() == width + 1
            && !names_genes(&table.names[0])
            && (!first[width].is_empty() || table.ends_in_values(width)?);
        if is_row_name {
            table.names.insert(0, String::new());
        }
        let unnamed = ["", "Unnamed: 0"].contains(&table.names[0].as_str());
        let second = first.get(1);
        table.has_row_numbers = unnamed
            && ["0", "1"].contains(&first[0].as_str())
            && second.is_some_and(|field| !is_missing(field) && number(field).is_none());
        table.look(Records::open(
            path,
            table.probe.separator,
            table.probe.skipped,
        )?)?;
        Ok(table)
    }

    pub(crate) fn extent(&self) -> Option<Extent> {
        self.probe.extent
    }

    /// Tells whether any row has a value behind as many fields as the header has.
    fn ends_in_values(&self, width: usize) -> Result<bool> {
        let mut records = Records::open(&self.path, self.probe.separator, self.probe.skipped)?;
        records.first()?;
        while records.advance()? {
            if !records.field(width).is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Tells what the columns hold.
    fn look(&mut self, mut records: Records) -> Result<()> {
        self.kinds = vec![TextKind::Nothing; self.names.len()];
        if self.header_line > 0 {
            records.first()?;
        }
        for _ in 0..ROWS_LOOKED_AT {
            if !records.advance()? {
                break;
            }
            for (place, kind) in self.kinds.iter_mut().enumerate() {
                let field = String::from_utf8_lossy(records.field(place));
                if *kind != TextKind::Number && !is_missing(&field) {
                    *kind = match is_like_number(&field) {
                        true => TextKind::Number,
                        false => TextKind::Text,
                    };
                }
            }
        }
        Ok(())
    }

    /// Hands on row after row of the columns that are asked for; others are not looked at. Gives the line behind the last.
    pub(crate) fn read(
        &self,
        wanted: &Wanted<'_>,
        mut take: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<u64> {
        let mut records = Records::open(&self.path, self.probe.separator, self.probe.skipped)?;
        if self.header_line > 0 {
            records.first()?;
        }
        let width = self.names.len();
        let mut numbers = Vec::with_capacity(wanted.numbers.len());
        while records.advance()? {
            let found = records.width(width);
            if found != width {
                let expected = format!("{width} columns");
                return Err(records.error(None, expected, found.to_string()));
            }
            numbers.clear();
            let texts = wanted.texts.iter().map(|&place| records.text(place));
            let texts: Vec<&str> = texts.collect::<Result<_>>()?;
            if wanted.skips(&texts) {
                take(&Row::passed_over(records.line(), &texts))?;
                continue;
            }
            for &place in &wanted.numbers {
                let field = records.text(place)?;
                numbers.push(match number(field) {
                    Some(number) => Some(number),
                    None if is_missing(field) => None,
                    None => {
                        let expected = format!("{} ({})", wanted.expected, self.names[place]);
                        return Err(records.error(Some(place), expected, quoted(field.as_bytes())));
                    }
                });
            }
            take(&Row {
                place: records.line(),
                texts: &texts,
                numbers: &numbers,
            })?;
        }
        self.remarks.set(self.probe.remarks + records.remarks);
        Ok(records.line())
    }

    /// Describes what is wrong with a line, in a column by its place from 0.
    pub(crate) fn error(
        &self,
        line: u64,
        place: Option<usize>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        Error::Table {
            path: self.path.clone(),
            line,
            column: place.map(|place| place + 1),
            expected: expected.into(),
            found: found.into(),
        }
    }
}
