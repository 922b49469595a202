use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chromex_core::{InputFile, MarkWindows, Target, Targets, atomic};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use serde::{Deserialize, Serialize};

use crate::genes::{Orientation, Strand, Window};
use crate::{Error, Result};

/// The key of the description in the file's metadata.
pub(super) const DESCRIPTION: &str = "chromex.windows";
/// About how many rows a group has.
const GROUP_ROWS: usize = 1 << 17;
/// What the names of columns of targets begin with.
pub(super) const TARGET: &str = "target ";

/// Counted windows with everything that tells what they are.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredWindows {
    /// The counts, `[genes, bins, marks]`.
    pub windows: MarkWindows,
    /// Where each gene's window lies.
    pub genes: Vec<Window>,
    /// What is to be predicted of each gene; of no columns where nothing is.
    pub targets: Targets,
    /// How the counts came to be.
    pub description: WindowsDescription,
}

/// How counted windows came to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowsDescription {
    /// The genome build, as `hg19`; empty where it is not known.
    pub genome: String,
    /// In which order the bins of a gene stand.
    pub orientation: Orientation,
    /// Where the windows came from.
    pub windows: String,
    /// The settings of the count, as JSON or a sentence.
    pub settings: String,
    /// The files that were read, with their checksums.
    pub sources: Vec<InputFile>,
}

/// What stands in the metadata.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metadata {
    pub(super) version: u32,
    pub(super) genes: usize,
    pub(super) bins: usize,
    pub(super) bin_width_bp: u32,
    pub(super) marks: Vec<String>,
    pub(super) targets: Vec<Target>,
    pub(super) description: WindowsDescription,
}

/// Writes windows as one Parquet file, whole or not at all: a row per gene and bin with the columns `gene`, `symbol`,
/// `chromosome`, `strand`, `start` (of the bin), `bin`, one per mark, and `target NAME` for each target.
///
/// # Errors
///
/// [`Error::Core`] when genes, windows and targets differ in number, a mark's name stands twice or is that of another
/// column, or the file cannot be written.
///
/// # Examples
///
/// ```
/// use chromex_core::{MarkWindows, Targets};
/// use chromex_io::genes::Window;
/// use chromex_io::storage::{StoredWindows, WindowsFile, write_windows_file};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("E003.parquet");
/// let gene = Window {
///     id: "ENSG1".into(), symbol: "A".into(), chromosome: "chr1".into(), start: -50, strand: None,
/// };
/// let stored = StoredWindows {
///     windows: MarkWindows::new(ndarray::Array3::ones((1, 2, 1)), vec!["H3K4me3".into()], 100)?,
///     genes: vec![gene],
///     targets: Targets::none(1),
///     description: Default::default(),
/// };
/// write_windows_file(&path, &stored)?;
/// assert_eq!(WindowsFile::open(&path)?.read()?, stored);
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn write_windows_file(path: &Path, stored: &StoredWindows) -> Result<()> {
    stored.check()?;
    atomic::write(path, |file| {
        write_table(stored, file).map_err(std::io::Error::other)
    })?;
    Ok(())
}

impl StoredWindows {
    pub(super) fn check(&self) -> Result<()> {
        let genes = self.windows.signal().shape()[0];
        for (what, found) in [("genes", self.genes.len()), ("targets", self.targets.len())] {
            if found != genes {
                return Err(Error::Core(chromex_core::Error::RowCount {
                    what,
                    expected: genes,
                    found,
                }));
            }
        }
        let names = column_names(self);
        for (second, id) in names.iter().enumerate() {
            if let Some(first) = names[..second].iter().position(|name| name == id) {
                let id = id.clone();
                return Err(Error::Core(chromex_core::Error::DuplicateId {
                    id,
                    first,
                    second,
                }));
            }
        }
        Ok(())
    }

    fn metadata(&self) -> Metadata {
        Metadata {
            version: 1,
            genes: self.genes.len(),
            bins: self.windows.bins(),
            bin_width_bp: self.windows.bin_width_bp(),
            marks: self.windows.marks().to_vec(),
            targets: self.targets.columns.clone(),
            description: self.description.clone(),
        }
    }
}

/// Names the columns, those of places first.
fn column_names(stored: &StoredWindows) -> Vec<String> {
    let places = ["gene", "symbol", "chromosome", "strand", "start", "bin"].map(str::to_owned);
    let marks = stored.windows.marks().iter().cloned();
    let targets = stored
        .targets
        .columns
        .iter()
        .map(|target| format!("{TARGET}{}", target.name));
    places.into_iter().chain(marks).chain(targets).collect()
}

fn write_table(stored: &StoredWindows, file: &mut dyn Write) -> Result<(), ParquetError> {
    // The schema's parser knows no spaces or signs in names, which marks and targets have.
    let mut fields = Vec::new();
    for (place, name) in column_names(stored).iter().enumerate() {
        let kind = match place {
            0..4 => "binary x (UTF8)",
            4 => "int64 x",
            5 => "int32 x",
            _ => "float x",
        };
        let message = parse_message_type(&format!("message m {{ required {kind}; }}"))?;
        fields.push(renamed(&message.get_fields()[0], name)?);
    }
    let schema = parquet::schema::types::Type::group_type_builder("windows");
    let schema = Arc::new(schema.with_fields(fields).build()?);
    let metadata = serde_json::to_string(&stored.metadata())
        .map_err(|source| ParquetError::External(source.into()))?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("chromex-io ", env!("CARGO_PKG_VERSION")).into())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(vec![KeyValue::new(DESCRIPTION.into(), metadata)]))
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let group = (GROUP_ROWS / stored.windows.bins().max(1)).max(1);
    for first in (0..stored.genes.len()).step_by(group) {
        let genes = first..(first + group).min(stored.genes.len());
        let mut row_group = writer.next_row_group()?;
        write_group(stored, genes, &mut row_group)?;
        row_group.close()?;
        // The writer needs an output that may move between threads: it writes into memory, emptied after each group.
        writer.flush()?;
        file.write_all(writer.inner())?;
        writer.inner_mut().clear();
    }
    file.write_all(&writer.into_inner()?)?;
    Ok(())
}

fn renamed(
    field: &parquet::schema::types::TypePtr,
    name: &str,
) -> Result<parquet::schema::types::TypePtr, ParquetError> {
    let info = field.get_basic_info();
    let renamed =
        parquet::schema::types::Type::primitive_type_builder(name, field.get_physical_type())
            .with_repetition(info.repetition())
            .with_converted_type(info.converted_type())
            .with_logical_type(info.logical_type_ref().cloned())
            .build()?;
    Ok(Arc::new(renamed))
}

fn write_group<W: Write + Send>(
    stored: &StoredWindows,
    genes: std::ops::Range<usize>,
    group: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    let bins = stored.windows.bins();
    let width = i64::from(stored.windows.bin_width_bp());
    let windows = &stored.genes[genes.clone()];
    let text = |field: fn(&Window) -> &str| -> Vec<ByteArray> {
        let values = windows.iter().flat_map(|window| {
            let value = ByteArray::from(Bytes::copy_from_slice(field(window).as_bytes()));
            std::iter::repeat_n(value, bins)
        });
        values.collect()
    };
    put::<ByteArrayType, _>(group, &text(|window| &window.id))?;
    put::<ByteArrayType, _>(group, &text(|window| &window.symbol))?;
    put::<ByteArrayType, _>(group, &text(|window| &window.chromosome))?;
    put::<ByteArrayType, _>(group, &text(|window| strand_text(window.strand)))?;
    let reverses = stored.description.orientation == Orientation::Transcription;
    let starts = windows.iter().flat_map(|window| {
        let is_reversed = reverses && window.strand == Some(Strand::Minus);
        (0..bins).map(move |bin| {
            let place = if is_reversed { bins - 1 - bin } else { bin };
            window.start + place as i64 * width
        })
    });
    put::<Int64Type, _>(group, &starts.collect::<Vec<i64>>())?;
    let places = windows.iter().flat_map(|_| 0..bins as i32);
    put::<Int32Type, _>(group, &places.collect::<Vec<i32>>())?;
    for mark in 0..stored.windows.marks().len() {
        let signal = stored.windows.signal();
        let values = genes
            .clone()
            .flat_map(|gene| (0..bins).map(move |bin| signal[[gene, bin, mark]]));
        put::<FloatType, _>(group, &values.collect::<Vec<f32>>())?;
    }
    for target in 0..stored.targets.columns.len() {
        let values = &stored.targets.values;
        let repeated = genes
            .clone()
            .flat_map(|gene| std::iter::repeat_n(values[[gene, target]], bins));
        put::<FloatType, _>(group, &repeated.collect::<Vec<f32>>())?;
    }
    Ok(())
}

fn put<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("a column less than the schema has".into());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}

/// Writes a strand as BED does.
pub(super) fn strand_text(strand: Option<Strand>) -> &'static str {
    match strand {
        Some(Strand::Plus) => "+",
        Some(Strand::Minus) => "-",
        None => ".",
    }
}
