use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chromex_core::input;
use parquet::basic::{Compression, Type as Physical};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::kinds::{Kind, Number};
use super::pages::BoundedPages;
use super::{numbers, pandas};
use crate::budget::Budget;
use crate::error::listed;
use crate::guard::guard;
use crate::{Error, Result};

/// How many rows are decoded at a time.
const BATCH: usize = 1 << 16;

/// A Parquet table of flat columns, read column by column of each group of rows.
pub(crate) struct TableReader {
    path: PathBuf,
    bytes: u64,
    reader: SerializedFileReader<File>,
    columns: Vec<(String, Kind)>,
}

impl TableReader {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let io = |source| Error::Io {
            action: "open",
            path: path.to_owned(),
            source,
        };
        let file = input::open(path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        input::parquet::check_footer(&file).map_err(|source| unreadable(path, source))?;
        let reader = guard(path, "Parquet", || SerializedFileReader::new(file))?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let columns = schema
            .columns()
            .iter()
            .map(|column| (column.path().parts().join("."), Kind::of(column)))
            .collect();
        let table = Self {
            path: path.to_owned(),
            bytes,
            columns,
            reader,
        };
        table.check_places(bytes)?;
        Ok(table)
    }

    /// The reader of the format takes the places and the extent of columns on trust.
    fn check_places(&self, bytes: u64) -> Result<()> {
        for group in self.reader.metadata().row_groups() {
            for column in group.columns() {
                let packing = column.compression();
                if !is_read(packing) {
                    let found = format!("{packing}");
                    return Err(self.refuse("columns packed by snappy, Zstandard or LZ4", &found));
                }
                let start = start(column);
                let end = start.checked_add(column.compressed_size());
                let lies_inside = start >= 0
                    && column.compressed_size() >= 0
                    && end.is_some_and(|end| end as u64 <= bytes);
                // The best packing of a page makes a thousandth of it.
                let is_sound = column.uncompressed_size() as u64 <= (bytes << 12).max(1 << 26);
                if !lies_inside || !is_sound {
                    let found = format!("column {} beyond", column.column_path());
                    return Err(self.refuse("columns within the file", &found));
                }
            }
        }
        Ok(())
    }

    /// Begins to count what is kept of the file.
    pub(crate) fn budget(&self) -> Budget {
        Budget::new(&self.path, self.bytes)
    }

    /// Lists the columns.
    pub(crate) fn columns(&self) -> &[(String, Kind)] {
        &self.columns
    }

    /// Lists the columns that are pandas' index.
    pub(crate) fn index(&self) -> Vec<usize> {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        pandas::index_columns(self.metadata("pandas"), &names)
    }

    /// Finds a column of numbers.
    pub(crate) fn number_column(&self, name: &str) -> Result<usize> {
        self.column(name, "numbers", |kind| matches!(kind, Kind::Number(_)))
    }

    /// Finds a column of text.
    pub(crate) fn text_column(&self, name: &str) -> Result<usize> {
        self.column(name, "text", |kind| *kind == Kind::Text)
    }

    fn column(&self, name: &str, expected: &str, is: impl Fn(&Kind) -> bool) -> Result<usize> {
        let found = self.columns.iter().position(|(own, _)| own == name);
        let place = found.ok_or_else(|| {
            let names = self.columns.iter().map(|(name, _)| name);
            self.refuse(&format!("a column `{name}`"), &listed(names))
        })?;
        match is(&self.columns[place].1) {
            true => Ok(place),
            false => Err(self.refuse_column(place, expected)),
        }
    }

    /// Says that a column holds something else.
    pub(crate) fn refuse_column(&self, column: usize, expected: &str) -> Error {
        let (name, kind) = &self.columns[column];
        Error::Column {
            path: self.path.clone(),
            column: name.clone(),
            expected: expected.to_owned(),
            found: kind.name().to_owned(),
        }
    }

    /// Counts the groups of rows.
    pub(crate) fn groups(&self) -> usize {
        self.reader.num_row_groups()
    }

    /// Counts the rows of a group.
    pub(crate) fn rows(&self, group: usize) -> usize {
        usize::try_from(self.reader.metadata().row_group(group).num_rows()).unwrap_or(0)
    }

    /// Finds a value of the metadata.
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        let pairs = self
            .reader
            .metadata()
            .file_metadata()
            .key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    /// Says what the table lacks.
    pub(crate) fn refuse(&self, expected: &str, found: &str) -> Error {
        unreadable(&self.path, format!("expected {expected}, found {found}"))
    }

    /// Reads a column of text of a group into the room that a budget has.
    pub(crate) fn texts(
        &self,
        group: usize,
        column: usize,
        budget: &mut Budget,
    ) -> Result<Vec<Option<String>>> {
        if self.columns[column].1 != Kind::Text {
            return Err(self.refuse_column(column, "text"));
        }
        self.values::<ByteArrayType, _>(group, column, budget, |value| {
            let text = value.as_utf8().map_err(|_| "bytes that are no UTF-8")?;
            // A text of its own takes sixteen bytes at least.
            Ok((text.to_owned(), text.len().max(16)))
        })
    }

    /// Reads a column of numbers of a group, whatever their type, into the room that a budget has.
    pub(crate) fn numbers(
        &self,
        group: usize,
        column: usize,
        budget: &mut Budget,
    ) -> Result<Vec<Option<f64>>> {
        let Kind::Number(number) = self.columns[column].1 else {
            return Err(self.refuse_column(column, "numbers"));
        };
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let of_bytes = move |bytes: &ByteArray| match number {
            Number::Half => {
                let bytes = bytes.data().try_into();
                let bytes = bytes.map_err(|_| "a float of other bytes than 2")?;
                Ok(f64::from(numbers::half(u16::from_le_bytes(bytes))))
            }
            Number::Decimal(scale) => numbers::decimal(numbers::big_endian(bytes.data())?, scale),
            _ => Err("bytes".to_owned()),
        };
        let of_whole = move |value: i128| match number {
            Number::Decimal(scale) => numbers::decimal(value, scale),
            _ => numbers::whole(value),
        };
        let unsigned = number == Number::Unsigned;
        match schema.column(column).physical_type() {
            Physical::INT32 => self.values::<Int32Type, _>(group, column, budget, |&value| {
                let value = match unsigned {
                    true => i128::from(value as u32),
                    false => i128::from(value),
                };
                Ok((of_whole(value)?, 0))
            }),
            Physical::INT64 => self.values::<Int64Type, _>(group, column, budget, |&value| {
                let value = match unsigned {
                    true => i128::from(value as u64),
                    false => i128::from(value),
                };
                Ok((of_whole(value)?, 0))
            }),
            Physical::FLOAT => self
                .values::<FloatType, _>(group, column, budget, |&value| Ok((f64::from(value), 0))),
            Physical::DOUBLE => {
                self.values::<DoubleType, _>(group, column, budget, |&value| Ok((value, 0)))
            }
            Physical::BYTE_ARRAY => {
                self.values::<ByteArrayType, _>(group, column, budget, |value| {
                    Ok((of_bytes(value)?, 0))
                })
            }
            Physical::FIXED_LEN_BYTE_ARRAY => {
                self.values::<FixedLenByteArrayType, _>(group, column, budget, |value| {
                    Ok((of_bytes(value)?, 0))
                })
            }
            _ => Err(self.refuse_column(column, "numbers")),
        }
    }

    /// Looks at the headers of a column's pages. Opens the file anew, because the reader moves through its own.
    fn check_pages(&self, group: usize, column: usize) -> Result<()> {
        let column = self.reader.metadata().row_group(group).column(column);
        let (start, bytes) = (start(column) as u64, column.compressed_size() as u64);
        let checked = input::open(&self.path)
            .and_then(|file| input::parquet::check_pages(&file, start, start + bytes));
        checked.map_err(|source| unreadable(&self.path, source))
    }

    /// Reads the values of a column; `keep` makes what is kept of one and says how many bytes that takes beside its place.
    fn values<T: DataType, V>(
        &self,
        group: usize,
        column: usize,
        budget: &mut Budget,
        keep: impl Fn(&T::T) -> Result<(V, usize), String>,
    ) -> Result<Vec<Option<V>>> {
        self.check_pages(group, column)?;
        let rows = self.rows(group);
        let before: usize = (0..group).map(|group| self.rows(group)).sum();
        // A few bytes can stand for any number of rows.
        budget.hold((rows as u64).saturating_mul(size_of::<Option<V>>() as u64))?;
        guard(&self.path, "Parquet", || {
            let group = self.reader.get_row_group(group)?;
            let description = group.metadata().schema_descr().column(column);
            if description.physical_type() != T::get_physical_type() {
                return Err(ParquetError::General("a column of another type".into()));
            }
            let pages = BoundedPages {
                inner: group.get_column_page_reader(column)?,
                rows: rows as u64,
            };
            let is_optional = description.max_def_level() > 0;
            let most = description.max_def_level();
            let mut reader = ColumnReaderImpl::<T>::new(Arc::clone(&description), Box::new(pages));
            let (mut values, mut levels) = (Vec::new(), Vec::new());
            let mut kept = Vec::new();
            while kept.len() < rows {
                values.clear();
                levels.clear();
                let batch = (rows - kept.len()).min(BATCH);
                let told = is_optional.then_some(&mut levels);
                let (records, _, _) = reader.read_records(batch, told, None, &mut values)?;
                if records == 0 {
                    return Err(ParquetError::EOF(format!(
                        "expected {rows} rows, found {}",
                        kept.len()
                    )));
                }
                let mut present = values.iter();
                for record in 0..records {
                    let is_present = !is_optional || levels.get(record) == Some(&most);
                    let Some(value) = is_present.then(|| present.next()).flatten() else {
                        kept.push(None);
                        continue;
                    };
                    let (value, bytes) = match keep(value) {
                        Ok(own) => own,
                        Err(found) => {
                            let row = before + kept.len() + 1;
                            return Ok(
                                Err(self.refuse_value(column, row as u64, "a value", found)),
                            );
                        }
                    };
                    if let Err(error) = budget.hold(bytes as u64) {
                        return Ok(Err(error));
                    }
                    kept.push(Some(value));
                }
            }
            Ok(Ok(kept))
        })?
    }

    /// Says that a value is another than was asked for; rows count from 1.
    pub(crate) fn refuse_value(
        &self,
        column: usize,
        row: u64,
        expected: &str,
        found: impl Into<String>,
    ) -> Error {
        Error::Cell {
            path: self.path.clone(),
            row,
            column: self.columns[column].0.clone(),
            expected: expected.to_owned(),
            found: found.into(),
        }
    }
}

/// Tells whether what is packed so is read: gzip, Brotli and the LZ4 of Hadoop are unpacked without a bound.
fn is_read(packing: Compression) -> bool {
    matches!(
        packing,
        Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::ZSTD(_)
            | Compression::LZ4_RAW
    )
}

/// Where a column's pages begin.
fn start(column: &ColumnChunkMetaData) -> i64 {
    let dictionary = column.dictionary_page_offset();
    dictionary.unwrap_or_else(|| column.data_page_offset())
}

fn unreadable(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        format: "Parquet",
        source: source.into(),
    }
}
