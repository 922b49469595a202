use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, Type as Physical};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::pages::BoundedPages;
use super::thrift;
use crate::guard::guard;
use crate::{Error, Result};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Other,
}

/// A Parquet table of flat columns, read column by column of each group of rows.
pub(crate) struct TableReader {
    path: PathBuf,
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
        let file = File::open(path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        thrift::check_footer(&file).map_err(|source| unreadable(path, source))?;
        let reader = guard(path, "Parquet", || SerializedFileReader::new(file))?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let kind = |physical: Physical| match physical {
            Physical::BYTE_ARRAY => Kind::Text,
            Physical::INT32 | Physical::INT64 | Physical::FLOAT | Physical::DOUBLE => Kind::Number,
            _ => Kind::Other,
        };
        let columns = schema.columns().iter().map(|column| {
            let kind = match column.max_rep_level() {
                0 => kind(column.physical_type()),
                _ => Kind::Other,
            };
            (column.name().to_owned(), kind)
        });
        let columns: Vec<(String, Kind)> = columns.collect();
        let table = Self {
            path: path.to_owned(),
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

    /// Lists the columns.
    pub(crate) fn columns(&self) -> &[(String, Kind)] {
        &self.columns
    }

    /// Finds a column.
    pub(crate) fn column(&self, name: &str, kind: Kind) -> Result<usize> {
        let found = self
            .columns
            .iter()
            .position(|(own, own_kind)| own == name && *own_kind == kind);
        found.ok_or_else(|| {
            self.refuse(
                &format!("a column `{name}`"),
                &format!("{:?}", self.columns),
            )
        })
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

    /// Reads a column of text of a group.
    pub(crate) fn texts(&self, group: usize, column: usize) -> Result<Vec<Option<String>>> {
        let values = self.values::<ByteArrayType>(group, column)?;
        let text = |value: Option<parquet::data_type::ByteArray>| match value {
            Some(value) => match value.as_utf8() {
                Ok(text) => Ok(Some(text.to_owned())),
                Err(source) => Err(unreadable(&self.path, source)),
            },
            None => Ok(None),
        };
        values.into_iter().map(text).collect()
    }

    /// Reads a column of numbers of a group, whatever their type.
    pub(crate) fn numbers(&self, group: usize, column: usize) -> Result<Vec<Option<f64>>> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        Ok(match schema.column(column).physical_type() {
            Physical::INT32 => numbers(self.values::<Int32Type>(group, column)?, f64::from),
            Physical::INT64 => numbers(self.values::<Int64Type>(group, column)?, |value| {
                value as f64
            }),
            Physical::FLOAT => numbers(self.values::<FloatType>(group, column)?, f64::from),
            _ => numbers(self.values::<DoubleType>(group, column)?, |value| value),
        })
    }

    /// Looks at the headers of a column's pages. Opens the file anew, because the reader moves through its own.
    fn check_pages(&self, group: usize, column: usize) -> Result<()> {
        let column = self.reader.metadata().row_group(group).column(column);
        let (start, bytes) = (start(column) as u64, column.compressed_size() as u64);
        let checked = File::open(&self.path)
            .and_then(|file| thrift::check_pages(&file, start, start + bytes));
        checked.map_err(|source| unreadable(&self.path, source))
    }

    fn values<T: DataType>(&self, group: usize, column: usize) -> Result<Vec<Option<T::T>>> {
        self.check_pages(group, column)?;
        let rows = self.rows(group);
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
            let mut reader = ColumnReaderImpl::<T>::new(Arc::clone(&description), Box::new(pages));
            let (mut values, mut levels, mut read) = (Vec::new(), Vec::new(), 0);
            // The number of rows is only said, so memory grows with what comes.
            while read < rows {
                let levels = is_optional.then_some(&mut levels);
                let batch = (rows - read).min(1 << 16);
                let (records, _, _) = reader.read_records(batch, levels, None, &mut values)?;
                if records == 0 {
                    return Err(ParquetError::EOF(format!(
                        "expected {rows} rows, found {read}"
                    )));
                }
                read += records;
            }
            if !is_optional {
                return Ok(values.into_iter().map(Some).collect());
            }
            let most = description.max_def_level();
            let mut values = values.into_iter();
            let present = levels
                .iter()
                .map(|&level| (level == most).then(|| values.next()).flatten());
            Ok(present.collect())
        })
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

fn numbers<T>(values: Vec<Option<T>>, number: impl Fn(T) -> f64) -> Vec<Option<f64>> {
    values.into_iter().map(|value| value.map(&number)).collect()
}

fn unreadable(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        format: "Parquet",
        source: source.into(),
    }
}
