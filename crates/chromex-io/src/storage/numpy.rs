use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use chromex_core::{InputFile, MarkLayout, MarkWindows, atomic};
use ndarray::{Array1, Array3};
use ndarray_npy::{NpzWriter, ReadNpyExt, WriteNpyExt};
use zip::ZipArchive;

use super::StoredWindows;
use crate::table_marks::{Columns, CountSettings, TableMarks};
use crate::{Error, Result};

/// The largest array of an archive that is read.
const LARGEST_ARRAY_BYTES: u64 = 1 << 32;

/// Writes the counts as npy, float32 of `[genes, bins, marks]`, whole or not at all, and the side file that names its marks
/// ([`TableMarks`]): the format has no place for them.
///
/// # Errors
///
/// [`Error::Core`] when the file cannot be written.
pub fn write_npy(path: &Path, windows: &MarkWindows) -> Result<()> {
    atomic::write(path, |file| {
        windows
            .signal()
            .write_npy(file)
            .map_err(std::io::Error::other)
    })?;
    let sha256 = InputFile::of(path)?.sha256;
    TableMarks::write(path, windows, &CountSettings::default(), sha256)
}

/// Reads counts that `numpy.save` wrote: float32 of `[genes, bins, marks]`. Where a side file names the marks, in whatever order,
/// they are put into the order that is asked for; where there is none, that order is assumed.
///
/// # Errors
///
/// [`Error::Io`] when the file cannot be read, [`Error::Unreadable`] when it holds something else, [`Error::Core`]
/// when a number is not finite or there are not as many marks.
///
/// # Examples
///
/// ```
/// use chromex_core::MarkWindows;
/// use chromex_io::storage::{read_npy, write_npy};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("E003.npy");
/// let signal = ndarray::Array3::ones((2, 3, 1));
/// let windows = MarkWindows::new(signal, vec!["H3K4me3".into()], 100)?;
/// write_npy(&path, &windows)?;
/// assert_eq!(read_npy(&path, &["H3K4me3"], 100)?, windows);
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn read_npy(path: &Path, marks: &[&str], bin_width_bp: u32) -> Result<MarkWindows> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let signal = array(path, &bytes)?;
    let asked = MarkLayout {
        marks: marks.iter().map(|&mark| mark.to_owned()).collect(),
        bins: signal.shape()[1],
        bin_width_bp,
    };
    let columns = Columns::of(path, asked)?;
    let (windows, _) = columns.finish_with(signal, || Ok(InputFile::of(path)?.sha256))?;
    Ok(windows)
}

/// Writes windows as npz, whole or not at all: `signal` float32 `[genes, bins, marks]`, `targets` float32 `[genes,
/// targets]`, `start` int64, `bin_width_bp` int64, and the texts `genes`, `chromosomes`, `marks` and `target_names` as
/// uint8 of UTF-8 with a line feed behind each: `bytes(npz["genes"]).decode().split()`.
///
/// # Errors
///
/// [`Error::Core`] when genes, counts and targets are not of as many rows, two columns have one name, or the file cannot be
/// written.
pub fn write_npz(path: &Path, stored: &StoredWindows) -> Result<()> {
    stored.check()?;
    let mut archive = NpzWriter::new_compressed(Cursor::new(Vec::new()));
    let lines = |texts: &mut dyn Iterator<Item = &str>| -> Array1<u8> {
        texts.flat_map(|text| text.bytes().chain([b'\n'])).collect()
    };
    let genes = lines(&mut stored.genes.iter().map(|gene| gene.id.as_str()));
    let chromosomes = lines(&mut stored.genes.iter().map(|gene| gene.chromosome.as_str()));
    let marks = lines(&mut stored.windows.marks().iter().map(String::as_str));
    let targets = lines(
        &mut stored
            .targets
            .columns
            .iter()
            .map(|target| target.name.as_str()),
    );
    let starts: Array1<i64> = stored.genes.iter().map(|gene| gene.start).collect();
    let width = Array1::from_elem(1, i64::from(stored.windows.bin_width_bp()));
    let mut add = || -> std::result::Result<(), ndarray_npy::WriteNpzError> {
        archive.add_array("signal", stored.windows.signal())?;
        archive.add_array("targets", &stored.targets.values)?;
        archive.add_array("start", &starts)?;
        archive.add_array("bin_width_bp", &width)?;
        archive.add_array("genes", &genes)?;
        archive.add_array("chromosomes", &chromosomes)?;
        archive.add_array("marks", &marks)?;
        archive.add_array("target_names", &targets)
    };
    let failed = |source| chromex_core::Error::io("write", path, std::io::Error::other(source));
    add().map_err(failed)?;
    let bytes = archive.finish().map_err(failed)?.into_inner();
    atomic::write(path, |file| file.write_all(&bytes))?;
    Ok(())
}

/// Reads the counts of an npz that [`write_npz`] or `numpy.savez` wrote: the arrays `signal`, `marks`,
/// `bin_width_bp` and `genes`. Gives the windows and the genes' ids.
///
/// # Errors
///
/// Those of [`read_npy`].
pub fn read_npz(path: &Path) -> Result<(MarkWindows, Vec<String>)> {
    let mut archive = Archive::open(path)?;
    let mut entry = |name: &str| archive.bytes(name);
    let signal = array(path, &entry("signal")?)?;
    let width = entry("bin_width_bp")?;
    let width = Array1::<i64>::read_npy(checked(path, &width, 8)?)
        .map_err(|source| unreadable(path, source))?;
    let width = width.first().and_then(|&width| u32::try_from(width).ok());
    let width = width.ok_or_else(|| unreadable(path, "bin_width_bp is no width"))?;
    let marks = texts(path, &entry("marks")?)?;
    let genes = texts(path, &entry("genes")?)?;
    let windows = MarkWindows::new(signal, marks, width)?;
    if genes.len() != windows.signal().shape()[0] {
        let source = format!("{} genes for {:?}", genes.len(), windows.signal().shape());
        return Err(unreadable(path, source));
    }
    Ok((windows, genes))
}

/// Arrays by name, as `numpy.savez` keeps them.
pub(crate) struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
}

impl Archive {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|source| Error::Io {
            action: "open",
            path: path.to_owned(),
            source,
        })?;
        let zip = ZipArchive::new(BufReader::new(file));
        Ok(Self {
            path: path.to_owned(),
            zip: zip.map_err(|source| unreadable(path, source))?,
        })
    }

    /// Lists the arrays in the order of the file.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = self.zip.file_names();
        names
            .filter_map(|name| name.strip_suffix(".npy"))
            .map(str::to_owned)
            .collect()
    }

    fn bytes(&mut self, name: &str) -> Result<Vec<u8>> {
        let path = &self.path;
        let entry = self.zip.by_name(&format!("{name}.npy"));
        let entry = entry.map_err(|source| unreadable(path, format!("{name}: {source}")))?;
        let mut bytes = Vec::new();
        let read = entry.take(LARGEST_ARRAY_BYTES).read_to_end(&mut bytes);
        read.map_err(|source| unreadable(path, source))?;
        Ok(bytes)
    }

    /// Reads an array of float64, float32 or int64.
    pub(crate) fn numbers(&mut self, name: &str) -> Result<Array3<f64>> {
        let bytes = self.bytes(name)?;
        let path = &self.path;
        // The sizes of their numbers tell eight bytes from four, and the reader tells the kinds.
        let read = match checked(path, &bytes, 4) {
            Ok(bytes) => Array3::<f32>::read_npy(bytes).map(|array| array.mapv(f64::from)),
            Err(_) => {
                let bytes = checked(path, &bytes, 8)?;
                Array3::<f64>::read_npy(bytes).or_else(|_| {
                    Array3::<i64>::read_npy(bytes).map(|array| array.mapv(|value| value as f64))
                })
            }
        };
        let array = read.map_err(|source| unreadable(path, format!("{name}: {source}")))?;
        Ok(array.as_standard_layout().into_owned())
    }

    /// Refuses what an array holds.
    pub(crate) fn refuse(&self, found: String) -> Error {
        unreadable(&self.path, found)
    }
}

fn array(path: &Path, bytes: &[u8]) -> Result<Array3<f32>> {
    let bytes = checked(path, bytes, 4)?;
    let array = Array3::<f32>::read_npy(bytes).map_err(|source| unreadable(path, source))?;
    // Whatever order the file has, ours is rows first.
    Ok(array.as_standard_layout().into_owned())
}

fn texts(path: &Path, bytes: &[u8]) -> Result<Vec<String>> {
    let bytes = Array1::<u8>::read_npy(checked(path, bytes, 1)?);
    let bytes = bytes.map_err(|source| unreadable(path, source))?.to_vec();
    let text = String::from_utf8(bytes).map_err(|source| unreadable(path, source))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Refuses an array whose header names another shape than its bytes have: the reader allocates what a header says.
fn checked<'a>(path: &Path, bytes: &'a [u8], item_bytes: usize) -> Result<&'a [u8]> {
    let wrong = |what: &str| unreadable(path, what.to_owned());
    if !bytes.starts_with(b"\x93NUMPY") || bytes.len() < 12 {
        return Err(wrong("not the magic number of npy"));
    }
    let (header, from): (usize, usize) = match bytes[6] {
        1 => (usize::from(u16::from_le_bytes([bytes[8], bytes[9]])), 10),
        _ => (
            u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize,
            12,
        ),
    };
    let text = bytes
        .get(from..from.saturating_add(header))
        .ok_or_else(|| wrong("a header cut short"))?;
    let text = String::from_utf8_lossy(text);
    let shape = text.split_once("'shape'").and_then(|(_, rest)| {
        let (_, rest) = rest.split_once('(')?;
        let (inner, _) = rest.split_once(')')?;
        let extents = inner
            .split(',')
            .map(str::trim)
            .filter(|extent| !extent.is_empty());
        extents
            .map(|extent| extent.parse::<usize>().ok())
            .try_fold(1_usize, |all, extent| all.checked_mul(extent?))
    });
    let expected = shape.and_then(|items| items.checked_mul(item_bytes));
    match expected == Some(bytes.len() - from - header) {
        true => Ok(bytes),
        false => Err(wrong("the shape of the header is not that of the bytes")),
    }
}

fn unreadable(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        format: "npy",
        source: source.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genes::Window;
    use chromex_core::Targets;
    use ndarray::Array2;

    fn stored() -> StoredWindows {
        let signal = Array3::from_shape_fn((2, 3, 1), |(gene, bin, _)| (gene * 3 + bin) as f32);
        let gene = |id: &str| Window {
            id: id.into(),
            symbol: String::new(),
            chromosome: "chr1".into(),
            start: 5,
            strand: None,
        };
        StoredWindows {
            windows: MarkWindows::new(signal, vec!["H3K4me3".into()], 100).unwrap(),
            genes: vec![gene("E1"), gene("E2")],
            targets: Targets::new(Array2::zeros((2, 0)), Vec::new()).unwrap(),
            description: Default::default(),
        }
    }

    #[test]
    fn archives_read_back_equal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        write_npz(&path, &stored()).unwrap();
        let (windows, genes) = read_npz(&path).unwrap();
        assert_eq!(windows, stored().windows);
        assert_eq!(genes, ["E1", "E2"]);
    }

    #[test]
    fn windows_that_do_not_fit_together_are_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let mut short = stored();
        short.genes.pop();
        let error = write_npz(&path, &short).unwrap_err();
        let is_count =
            |error: &Error| matches!(error, Error::Core(chromex_core::Error::RowCount { .. }));
        assert!(is_count(&error) && !path.exists());
    }

    #[test]
    fn numbers_of_three_kinds_are_read_in_the_order_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let numbers = Array3::from_shape_fn((2, 3, 2), |(a, b, c)| (6 * a + 2 * b + c) as f64);
        let mut writer = NpzWriter::new(File::create(&path).unwrap());
        let wide = numbers.mapv(|value| value as i64);
        let narrow = numbers.mapv(|value| value as f32);
        writer.add_array("wide", &wide).unwrap();
        writer.add_array("narrow", &narrow).unwrap();
        writer.add_array("last", &numbers.t()).unwrap();
        writer
            .add_array("bytes", &numbers.mapv(|value| value as u8))
            .unwrap();
        writer.finish().unwrap();
        let mut archive = Archive::open(&path).unwrap();
        assert_eq!(archive.names(), ["wide", "narrow", "last", "bytes"]);
        assert_eq!(archive.numbers("wide").unwrap(), numbers);
        assert_eq!(archive.numbers("narrow").unwrap(), numbers);
        assert_eq!(archive.numbers("last").unwrap(), numbers.t());
        assert!(archive.numbers("bytes").is_err());
        assert!(archive.numbers("none").is_err());
    }

    #[test]
    fn a_header_that_promises_more_is_refused_before_anything_is_allocated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        write_npy(&path, &stored().windows).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let place = bytes
            .windows(7)
            .position(|text| text == b"(2, 3, ")
            .unwrap();
        bytes[place + 1] = b'9';
        std::fs::write(&path, &bytes).unwrap();
        let error = read_npy(&path, &["H3K4me3"], 100).unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }));
    }
}
