//! Tables of named columns, as text or Parquet, of which only the columns that are asked for are parsed.

mod fields;
mod probe;
mod records;
mod tab_rows;
mod text;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub(crate) use fields::is_missing;
pub(crate) use probe::Extent;
pub use tab_rows::TabRows;
use text::{TextKind, TextTable};

use crate::budget::Budget;
use crate::error::listed;
use crate::storage::{Kind, TableReader};
use crate::{Error, Result};

/// Whether the first row of a text names the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableHeader {
    /// It does, unless it looks like a row of numbers: that is refused, so that no gene is lost and no number becomes a name.
    #[default]
    Guessed,
    /// It does, even where the names are numbers.
    Present,
    /// It is a row as the others: columns are named `column 1`, `column 2` and so on.
    Absent,
}

impl std::str::FromStr for TableHeader {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        match text {
            "guessed" => Ok(Self::Guessed),
            "present" => Ok(Self::Present),
            "absent" => Ok(Self::Absent),
            _ => Err("expected guessed, present or absent".into()),
        }
    }
}

impl std::fmt::Display for TableHeader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Guessed => "guessed",
            Self::Present => "present",
            Self::Absent => "absent",
        })
    }
}

/// A table that is read row by row.
pub(crate) enum Table {
    Text(TextTable),
    Parquet(TableReader),
}

/// The columns that are asked for, by their places.
pub(crate) struct Wanted<'a> {
    pub(crate) texts: Vec<usize>,
    pub(crate) numbers: Vec<usize>,
    /// What a number must be, for messages.
    pub(crate) expected: &'a str,
    /// Tells by its first text whether a row is passed over, with its numbers unread.
    pub(crate) passes_over: fn(&str) -> bool,
}

/// A row: what was asked for.
pub(crate) struct Row<'a> {
    /// Its line in a text; its row, from 1, in a Parquet table.
    pub(crate) place: u64,
    /// Empty where nothing stands.
    pub(crate) texts: &'a [&'a str],
    /// No number where one is missing, and none at all in a row that is passed over.
    pub(crate) numbers: &'a [Option<f64>],
}

/// What a column holds.
pub(crate) enum ColumnKind<'a> {
    Text,
    Number,
    /// What cannot be read, by its name.
    Other(&'a str),
}

impl Wanted<'_> {
    fn skips(&self, texts: &[&str]) -> bool {
        texts.first().is_some_and(|first| (self.passes_over)(first))
    }
}

impl<'a> Row<'a> {
    fn passed_over(place: u64, texts: &'a [&'a str]) -> Self {
        let numbers = &[];
        Self {
            place,
            texts,
            numbers,
        }
    }
}

impl Table {
    /// Opens a table and reads its header.
    pub(crate) fn open(path: &Path, header: TableHeader) -> Result<Self> {
        let mut start = Vec::new();
        let read = chromex_core::input::open(path).and_then(|file| {
            std::io::Read::read_to_end(&mut std::io::Read::take(file, 4), &mut start)
        });
        read.map_err(|source| Error::Io {
            action: "open",
            path: path.to_owned(),
            source,
        })?;
        match start == b"PAR1" {
            true => Ok(Self::Parquet(TableReader::open(path)?)),
            false => Ok(Self::Text(TextTable::open(path, header)?)),
        }
    }

    /// Lists the names of the columns.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Text(table) => table.names.iter().map(String::as_str).collect(),
            Self::Parquet(table) => {
                let names = table.columns().iter();
                names.map(|(name, _)| name.as_str()).collect()
            }
        }
    }

    /// Tells what a column holds.
    pub(crate) fn kind(&self, column: usize) -> ColumnKind<'_> {
        match self {
            Self::Text(table) => match table.kinds[column] {
                TextKind::Number => ColumnKind::Number,
                TextKind::Text => ColumnKind::Text,
                TextKind::Nothing => ColumnKind::Other("nothing in the first rows"),
            },
            Self::Parquet(table) => match &table.columns()[column].1 {
                Kind::Number(_) => ColumnKind::Number,
                Kind::Text => ColumnKind::Text,
                Kind::Other(name) => ColumnKind::Other(name),
            },
        }
    }

    /// Lists the columns that count or name the rows by the file's own word.
    pub(crate) fn index(&self) -> Vec<usize> {
        match self {
            Self::Text(table) if table.has_row_numbers => vec![0],
            Self::Text(_) => Vec::new(),
            Self::Parquet(table) => table.index(),
        }
    }

    /// Tells whether the columns have names of their own.
    pub(crate) fn has_names(&self) -> bool {
        match self {
            Self::Text(table) => table.header_line > 0,
            Self::Parquet(_) => true,
        }
    }

    /// Finds the one column of a name.
    pub(crate) fn find(&self, name: &str, what: &str) -> Result<usize> {
        let names = self.names();
        let mut places = (0..names.len()).filter(|&place| names[place] == name);
        let Some(first) = places.next() else {
            let expected = format!("a column `{name}` ({what})");
            let known = listed(names.iter().filter(|name| !name.is_empty()));
            return Err(self.refuse_header(
                None,
                expected,
                format!("the columns {known}{}", chromex_core::nearest(name, &names)),
            ));
        };
        match places.next() {
            None => Ok(first),
            Some(second) => {
                let expected = format!("one column `{name}`");
                let found = format!("two, in columns {} and {}", first + 1, second + 1);
                Err(self.refuse_header(Some(second), expected, found))
            }
        }
    }

    /// Says what is wrong with the names of the columns, or with a column as a whole.
    pub(crate) fn refuse_header(
        &self,
        column: Option<usize>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        match self {
            Self::Text(table) => table.error(table.header_line.max(1), column, expected, found),
            Self::Parquet(table) => table.refuse(&expected.into(), &found.into()),
        }
    }

    /// Says that a column holds what cannot be read as asked.
    pub(crate) fn refuse_column(&self, column: usize, expected: &str) -> Error {
        match self {
            Self::Text(table) => {
                let found = match table.kinds[column] {
                    TextKind::Number => "numbers",
                    TextKind::Text => "text",
                    TextKind::Nothing => "nothing in the first rows",
                };
                let name = &table.names[column];
                let line = table.header_line.max(1);
                table.error(line, Some(column), format!("{expected} (`{name}`)"), found)
            }
            Self::Parquet(table) => table.refuse_column(column, expected),
        }
    }

    /// Says what is wrong with a value.
    pub(crate) fn refuse_value(
        &self,
        place: u64,
        column: usize,
        expected: &str,
        found: impl Into<String>,
    ) -> Error {
        match self {
            Self::Text(table) => {
                let named = match table.names[column].as_str() {
                    "" => expected.to_owned(),
                    name => format!("{expected} ({name})"),
                };
                table.error(place, Some(column), named, found)
            }
            Self::Parquet(table) => table.refuse_value(column, place, expected, found),
        }
    }

    /// How many rows and samples the file promises.
    pub(crate) fn extent(&self) -> Option<Extent> {
        match self {
            Self::Text(table) => table.extent(),
            Self::Parquet(_) => None,
        }
    }

    /// Begins to count what is kept of the file.
    pub(crate) fn budget(&self, path: &Path) -> Budget {
        Budget::new(path, std::fs::metadata(path).map_or(0, |file| file.len()))
    }

    /// Counts the remarks that were passed over when the table was read.
    pub(crate) fn remarks(&self) -> u64 {
        match self {
            Self::Text(table) => table.remarks.get(),
            Self::Parquet(_) => 0,
        }
    }

    /// Names a place in a message.
    pub(crate) fn place_name(&self, place: u64) -> String {
        match self {
            Self::Text(_) => format!("line {place}"),
            Self::Parquet(_) => format!("row {place}"),
        }
    }

    /// Hands on row after row of the columns that are asked for. Gives the place behind the last.
    pub(crate) fn read(
        &self,
        wanted: &Wanted<'_>,
        take: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<u64> {
        match self {
            Self::Text(table) => table.read(wanted, take),
            Self::Parquet(table) => read_parquet(table, wanted, take),
        }
    }
}

fn read_parquet(
    table: &TableReader,
    wanted: &Wanted<'_>,
    mut take: impl FnMut(&Row<'_>) -> Result<()>,
) -> Result<u64> {
    let mut place = 0;
    for group in 0..table.groups() {
        let mut budget = table.budget();
        let mut texts = Vec::with_capacity(wanted.texts.len());
        for &column in &wanted.texts {
            texts.push(table.texts(group, column, &mut budget)?);
        }
        let mut numbers = Vec::with_capacity(wanted.numbers.len());
        for &column in &wanted.numbers {
            numbers.push(table.numbers(group, column, &mut budget)?);
        }
        let mut own_numbers = Vec::with_capacity(wanted.numbers.len());
        for row in 0..table.rows(group) {
            place += 1;
            let own: Vec<&str> = texts
                .iter()
                .map(|column| column[row].as_deref().unwrap_or_default())
                .collect();
            if wanted.skips(&own) {
                take(&Row::passed_over(place, &own))?;
                continue;
            }
            own_numbers.clear();
            // NaN is how floats say that there is none.
            let present = numbers
                .iter()
                .map(|column| column[row].filter(|value| !value.is_nan()));
            own_numbers.extend(present);
            take(&Row {
                place,
                texts: &own,
                numbers: &own_numbers,
            })?;
        }
    }
    Ok(place + 1)
}
