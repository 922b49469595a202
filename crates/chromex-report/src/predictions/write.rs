use std::collections::HashSet;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chromex_core::{Prediction, Predictions, atomic};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::ColumnPath;

use super::column::{Column, schema};
use super::{BATCH, ROW_GROUP};
use crate::{Error, Result};

/// Writes predictions as a Parquet file: compressed, strings as dictionaries, group of rows by group.
///
/// A record of no rows or no targets leaves no trace in the table.
///
/// # Errors
///
/// [`Error::Record`] when two records have the same model, fold and seed, or the parts of one disagree
/// in length; [`Error::Core`] when the file cannot be written.
///
/// # Examples
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("predictions.parquet");
/// # let predictions = chromex_core::Predictions::default();
/// chromex_report::predictions::write(&path, &predictions)?;
/// assert_eq!(chromex_report::predictions::read(&path)?, predictions);
/// # Ok::<(), chromex_report::Error>(())
/// ```
pub fn write(path: &Path, predictions: &Predictions) -> Result<()> {
    let mut seen = HashSet::new();
    for record in &predictions.records {
        check(record)?;
        if !seen.insert((&record.model, &record.fold, record.seed)) {
            return Err(refuse(record, "one record", "another before it".into()));
        }
    }
    atomic::write(path, |file| {
        write_table(&predictions.records, file).map_err(std::io::Error::other)
    })?;
    Ok(())
}

/// A run of rows of one target of one record.
struct Stretch<'a> {
    record: &'a Prediction,
    target: usize,
    rows: Range<usize>,
}

fn write_table(records: &[Prediction], file: &mut dyn Write) -> Result<(), ParquetError> {
    // The writer needs an output that may move between threads, which `file` need not be: it writes into
    // memory, emptied into the file after each group.
    let mut writer = SerializedFileWriter::new(Vec::new(), schema()?, properties()?)?;
    for group in groups(records) {
        let mut row_group = writer.next_row_group()?;
        for column in Column::ALL {
            let Some(mut output) = row_group.next_column()? else {
                break;
            };
            write_column(column, &group, &mut output)?;
            output.close()?;
        }
        row_group.close()?;
        writer.flush()?;
        file.write_all(writer.inner())?;
        writer.inner_mut().clear();
    }
    file.write_all(&writer.into_inner()?)?;
    Ok(())
}

fn properties() -> Result<Arc<WriterProperties>, ParquetError> {
    let predicted = ColumnPath::from(Column::Predicted.name());
    Ok(Arc::new(
        WriterProperties::builder()
            .set_created_by(concat!("chromex-report ", env!("CARGO_PKG_VERSION")).into())
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            // Hardly any two predictions are the same number.
            .set_column_dictionary_enabled(predicted, false)
            .build(),
    ))
}

/// Divides the table into groups of at most [`ROW_GROUP`] rows.
fn groups(records: &[Prediction]) -> impl Iterator<Item = Vec<Stretch<'_>>> {
    let mut stretches = records.iter().flat_map(|record| {
        (0..record.targets.len()).map(move |target| Stretch {
            record,
            target,
            rows: 0..record.ids.len(),
        })
    });
    let mut rest: Option<Stretch<'_>> = None;
    std::iter::from_fn(move || {
        let mut group = Vec::new();
        let mut room = ROW_GROUP;
        while room > 0 {
            let Some(mut next) = rest.take().or_else(|| stretches.next()) else {
                break;
            };
            let cut = next.rows.start + next.rows.len().min(room);
            if cut < next.rows.end {
                rest = Some(Stretch {
                    rows: cut..next.rows.end,
                    ..next
                });
                next.rows.end = cut;
            }
            room -= next.rows.len();
            if !next.rows.is_empty() {
                group.push(next);
            }
        }
        (!group.is_empty()).then_some(group)
    })
}

fn write_column(
    column: Column,
    group: &[Stretch<'_>],
    output: &mut SerializedColumnWriter<'_>,
) -> Result<(), ParquetError> {
    for stretch in group {
        let Stretch {
            record,
            target,
            rows,
        } = stretch;
        for start in rows.clone().step_by(BATCH) {
            let batch = start..rows.end.min(start + BATCH);
            let count = batch.len();
            match column {
                Column::Model => put_texts(output, vec![text(&record.model); count])?,
                Column::Fold => put_texts(output, vec![text(&record.fold); count])?,
                Column::Target => put_texts(output, vec![text(&record.targets[*target]); count])?,
                Column::Id => put_texts(output, texts(&record.ids[batch]))?,
                Column::Cluster => put_texts(output, texts(&record.clusters[batch]))?,
                Column::Stratum => {
                    let has_strata = !record.strata.is_empty();
                    let levels = vec![i16::from(has_strata); count];
                    let values = match has_strata {
                        true => texts(&record.strata[batch]),
                        false => Vec::new(),
                    };
                    put::<ByteArrayType>(output, &values, Some(&levels))?;
                }
                // Parquet keeps unsigned integers as signed ones of the same bits.
                Column::Seed => put::<Int64Type>(output, &vec![record.seed as i64; count], None)?,
                Column::Truth | Column::Predicted => {
                    let table = match column {
                        Column::Truth => &record.truth,
                        _ => &record.predicted,
                    };
                    let values: Vec<f32> = batch.map(|row| table[[row, *target]]).collect();
                    put::<FloatType>(output, &values, None)?;
                }
            }
        }
    }
    Ok(())
}

fn put<T: DataType>(
    output: &mut SerializedColumnWriter<'_>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    output.typed::<T>().write_batch(values, levels, None)?;
    Ok(())
}

fn put_texts(
    output: &mut SerializedColumnWriter<'_>,
    values: Vec<ByteArray>,
) -> Result<(), ParquetError> {
    put::<ByteArrayType>(output, &values, None)
}

fn texts(values: &[String]) -> Vec<ByteArray> {
    values.iter().map(|value| text(value)).collect()
}

fn text(value: &str) -> ByteArray {
    ByteArray::from(Bytes::copy_from_slice(value.as_bytes()))
}

fn check(record: &Prediction) -> Result<()> {
    let shape = (record.ids.len(), record.targets.len());
    let clusters = record.clusters.len();
    if clusters != shape.0 {
        let expected = "as many clusters as ids";
        return Err(refuse(record, expected, clusters.to_string()));
    }
    let strata = record.strata.len();
    if strata != shape.0 && strata != 0 {
        let expected = "a stratum for each id or none at all";
        return Err(refuse(record, expected, strata.to_string()));
    }
    for table in [&record.truth, &record.predicted] {
        if table.dim() != shape {
            let expected = "a value for each id and target";
            return Err(refuse(record, expected, format!("{:?}", table.dim())));
        }
    }
    let distinct: HashSet<&String> = record.targets.iter().collect();
    if distinct.len() != shape.1 {
        let expected = "targets of different names";
        return Err(refuse(record, expected, format!("{:?}", record.targets)));
    }
    Ok(())
}

fn refuse(record: &Prediction, expected: &'static str, found: String) -> Error {
    Error::Record {
        model: record.model.clone(),
        fold: record.fold.clone(),
        seed: record.seed,
        expected,
        found,
    }
}
