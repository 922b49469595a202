use std::path::Path;
use std::sync::Arc;

use chromex_core::{Predictions, input};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{ByteArrayType, DataType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};

use super::BATCH;
use super::assemble::{Assembly, Row};
use super::column::Column;
use super::pages::SafePages;
use crate::{Error, Result};

/// Reads predictions that [`write`](write) wrote, or that another program wrote back with the
/// same columns; other columns are left alone, and a missing number is NaN.
///
/// # Errors
///
/// [`Error::Io`] when the file cannot be opened, [`Error::Parquet`] when it is not a whole Parquet file,
/// [`Error::Column`] when a column is missing or of another type, [`Error::Value`] when the rows of a
/// record do not stand together, [`Error::TooLarge`] when a small file unfolds without end.
pub fn read(path: &Path) -> Result<Predictions> {
    let io = |source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let broken = |source| Error::Parquet {
        path: path.to_owned(),
        source,
    };
    let file = input::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    input::parquet::check_footer(&file).map_err(|error| broken(error.into()))?;
    let reader = SerializedFileReader::new(file).map_err(broken)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let mut places = [None; Column::ALL.len()];
    for (place, column) in places.iter_mut().zip(Column::ALL) {
        *place = column.find(schema, path)?;
    }
    let mut assembly = Assembly::new(path, bytes);
    for group in 0..reader.num_row_groups() {
        let own = reader.metadata().row_group(group);
        check_place(own, bytes).map_err(broken)?;
        for &place in places.iter().flatten() {
            check_pages(path, own.column(place)).map_err(|error| broken(error.into()))?;
        }
        let row_group = reader.get_row_group(group).map_err(broken)?;
        let mut batch = Batch::open(row_group.as_ref(), &places).map_err(broken)?;
        while batch.advance().map_err(broken)? {
            for row in 0..batch.rows {
                assembly.push(&batch.row(row, path, assembly.rows())?)?;
            }
        }
    }
    assembly.finish()
}

/// The reader of the format takes the columns' places in the file on trust.
fn check_place(group: &RowGroupMetaData, bytes: u64) -> Result<(), ParquetError> {
    for column in group.columns() {
        let start = column
            .dictionary_page_offset()
            .unwrap_or_else(|| column.data_page_offset());
        let end = start.checked_add(column.compressed_size());
        let lies_inside = start >= 0
            && column.compressed_size() >= 0
            && end.is_some_and(|end| end as u64 <= bytes);
        if !lies_inside {
            let name = column.column_path();
            return Err(ParquetError::EOF(format!(
                "column {name} ends outside the file"
            )));
        }
    }
    Ok(())
}

/// The reader of the format asks for as many bytes as the header of a page announces.
fn check_pages(path: &Path, column: &ColumnChunkMetaData) -> std::io::Result<()> {
    let start = column.dictionary_page_offset();
    let start = start.unwrap_or_else(|| column.data_page_offset()) as u64;
    let end = start + column.compressed_size() as u64;
    input::parquet::check_pages(&input::open(path)?, start, end)
}

/// The same rows of every column of one row group.
struct Batch {
    texts: Vec<(Column, Values<ByteArrayType>)>,
    seed: Values<Int64Type>,
    truth: Values<FloatType>,
    predicted: Values<FloatType>,
    rows: usize,
    left: u64,
}

impl Batch {
    fn open(
        group: &dyn RowGroupReader,
        places: &[Option<usize>; Column::ALL.len()],
    ) -> Result<Self, ParquetError> {
        let mut texts = Vec::new();
        for (column, place) in Column::ALL.into_iter().zip(places) {
            if !matches!(column, Column::Seed | Column::Truth | Column::Predicted) {
                texts.push((column, Values::open(group, *place)?));
            }
        }
        let place = |column: Column| places[column as usize];
        Ok(Self {
            texts,
            seed: Values::open(group, place(Column::Seed))?,
            truth: Values::open(group, place(Column::Truth))?,
            predicted: Values::open(group, place(Column::Predicted))?,
            rows: 0,
            left: u64::try_from(group.metadata().num_rows())?,
        })
    }

    /// Decodes the next rows; false at the end of the group.
    fn advance(&mut self) -> Result<bool, ParquetError> {
        self.rows = self.left.min(BATCH as u64) as usize;
        self.left -= self.rows as u64;
        for (_, values) in &mut self.texts {
            values.advance(self.rows)?;
        }
        self.seed.advance(self.rows)?;
        self.truth.advance(self.rows)?;
        self.predicted.advance(self.rows)?;
        Ok(self.rows > 0)
    }

    fn row(&self, row: usize, path: &Path, number: u64) -> Result<Row<'_>> {
        let refuse = |column: Column, expected: &str, found: &str| Error::Value {
            path: path.to_owned(),
            row: number,
            column: column.name(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        };
        let mut texts = [None; 6];
        for ((column, values), text) in self.texts.iter().zip(&mut texts) {
            *text = match values.rows.get(row).and_then(Option::as_ref) {
                Some(value) => Some(
                    value
                        .as_utf8()
                        .map_err(|_| refuse(*column, "UTF-8", "other bytes"))?,
                ),
                None if *column == Column::Stratum => None,
                None => return Err(refuse(*column, "a value", "null")),
            };
        }
        let [model, fold, target, id, cluster, stratum] = texts;
        let seed = self.seed.rows[row].ok_or_else(|| refuse(Column::Seed, "a value", "null"))?;
        Ok(Row {
            model: model.unwrap_or_default(),
            fold: fold.unwrap_or_default(),
            seed: seed as u64,
            target: target.unwrap_or_default(),
            id: id.unwrap_or_default(),
            cluster: cluster.unwrap_or_default(),
            stratum,
            truth: self.truth.rows[row].unwrap_or(f32::NAN),
            predicted: self.predicted.rows[row].unwrap_or(f32::NAN),
        })
    }
}

/// Some rows of one column; nothing where the value is null.
struct Values<T: DataType> {
    /// Nothing for a column that the file does not have.
    reader: Option<ColumnReaderImpl<T>>,
    is_optional: bool,
    rows: Vec<Option<T::T>>,
}

impl<T: DataType> Values<T> {
    fn open(group: &dyn RowGroupReader, place: Option<usize>) -> Result<Self, ParquetError> {
        let Some(place) = place else {
            return Ok(Self {
                reader: None,
                is_optional: true,
                rows: Vec::new(),
            });
        };
        let column = group.metadata().schema_descr().column(place);
        let pages = group.get_column_page_reader(place)?;
        let pages = SafePages::new(pages, &column);
        Ok(Self {
            is_optional: column.max_def_level() > 0,
            reader: Some(ColumnReaderImpl::new(Arc::clone(&column), Box::new(pages))),
            rows: Vec::new(),
        })
    }

    fn advance(&mut self, rows: usize) -> Result<(), ParquetError> {
        self.rows.clear();
        let Some(reader) = &mut self.reader else {
            self.rows.resize(rows, None);
            return Ok(());
        };
        let mut values = Vec::new();
        let mut levels = Vec::new();
        let (read, _, _) = reader.read_records(rows, Some(&mut levels), None, &mut values)?;
        if read != rows {
            return Err(ParquetError::EOF(format!(
                "expected {rows} more rows, found {read}"
            )));
        }
        let mut values = values.into_iter();
        if self.is_optional {
            let present = levels.iter().map(|&level| level > 0);
            self.rows
                .extend(present.map(|is_present| is_present.then(|| values.next()).flatten()));
        } else {
            self.rows.extend(values.map(Some));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    use parquet::data_type::ByteArray;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    #[test]
    fn a_file_that_is_none_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        assert!(matches!(read(&path), Err(Error::Io { .. })));
        std::fs::write(&path, "model,fold\n").unwrap();
        assert!(matches!(read(&path), Err(Error::Parquet { .. })));
    }

    #[test]
    fn a_table_of_something_else_is_an_error_that_names_a_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        let schema = parse_message_type("message m { required float x; }").unwrap();
        let file = File::create(&path).unwrap();
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::default()).unwrap();
        writer.close().unwrap();
        let error = read(&path).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Column {
                    column: "model",
                    ..
                }
            ),
            "{error}"
        );
    }

    /// As a data frame writes it: every column optional, no strata, one column more, NaN as null.
    #[test]
    fn a_table_written_by_another_program_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        let schema = parse_message_type(
            "message schema {
               optional binary id (UTF8); optional binary model (UTF8); optional binary fold (UTF8);
               optional int64 seed; optional binary target (UTF8); optional binary cluster (UTF8);
               optional float truth; optional float predicted; optional double weight;
             }",
        )
        .unwrap();
        let file = File::create(&path).unwrap();
        let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let text = |output: &mut parquet::file::writer::SerializedColumnWriter<'_>,
                    values: [&str; 2]| {
            let values = values.map(ByteArray::from);
            output
                .typed::<ByteArrayType>()
                .write_batch(&values, Some(&[1, 1]), None)
                .unwrap();
        };
        for place in 0..9 {
            let mut output = group.next_column().unwrap().unwrap();
            let both = Some(&[1_i16, 1][..]);
            match place {
                0 => text(&mut output, ["g1", "g2"]),
                3 => drop(
                    output
                        .typed::<Int64Type>()
                        .write_batch(&[7, 7], both, None)
                        .unwrap(),
                ),
                6 => drop(
                    output
                        .typed::<FloatType>()
                        .write_batch(&[1.0, 2.0], both, None)
                        .unwrap(),
                ),
                7 => {
                    let levels = Some(&[0_i16, 1][..]);
                    output
                        .typed::<FloatType>()
                        .write_batch(&[0.5], levels, None)
                        .unwrap();
                }
                8 => {
                    let weights = output.typed::<parquet::data_type::DoubleType>();
                    weights.write_batch(&[0.0, 0.0], both, None).unwrap();
                }
                _ => text(&mut output, ["same", "same"]),
            }
            output.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
        let records = read(&path).unwrap().records;
        assert_eq!(records.len(), 1);
        assert_eq!(
            (records[0].seed, &records[0].ids[..]),
            (7, &["g1".to_owned(), "g2".into()][..])
        );
        assert!(records[0].predicted[[0, 0]].is_nan() && records[0].predicted[[1, 0]] == 0.5);
        assert!(records[0].strata.is_empty());
    }
}
