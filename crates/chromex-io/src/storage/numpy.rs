use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use chromex_core::{InputFile, MarkLayout, MarkWindows, atomic};
use ndarray::{Array1, Array3, ShapeBuilder};
use ndarray_npy::{NpzWriter, WriteNpyExt};
use zip::ZipArchive;

use super::StoredWindows;
use super::npy::{Header, Item, Refusal};
use crate::budget::Budget;
use crate::table_marks::{Columns, CountSettings, TableMarks};
use crate::{Error, Result};

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

/// Reads counts that `numpy.save` wrote, `[genes, bins, marks]`: floats of 16, 32 and 64 bits, whole numbers and truth values, in
/// whatever order of bytes and axes. A fraction becomes the nearest float32; a whole number that none is the same as is refused.
///
/// Where a side file names the marks, in whatever order, they are put into the order that is asked for; where there is none, that
/// order is assumed.
///
/// # Errors
///
/// [`Error::Io`] when the file cannot be read, [`Error::Unreadable`] when it holds something else, a number is not finite or
/// there are not as many marks, [`Error::TooLarge`] when it
/// promises more than a file of its size may hold.
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
    let (mut input, bytes) = open(path)?;
    let mut budget = Budget::new(path, bytes);
    let signal = array(path, "", &mut input, &mut budget, Item::narrow)?;
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

/// Reads the counts of an npz that [`write_npz`] or `numpy.savez` wrote: the arrays `signal`, `marks`, `bin_width_bp` (one number)
/// and `genes`. Texts may be arrays of NumPy's texts too. Gives the windows and the genes' ids.
///
/// # Errors
///
/// Those of [`read_npy`].
pub fn read_npz(path: &Path) -> Result<(MarkWindows, Vec<String>)> {
    let mut archive = Archive::open(path)?;
    let signal = archive.array("signal", Item::narrow)?;
    let width = archive.values("bin_width_bp", Item::wide)?;
    let width = match width[..] {
        [width] if width.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&width) => {
            width as u32
        }
        _ => return Err(unreadable(path, "bin_width_bp is no width")),
    };
    let (marks, genes) = (archive.texts("marks")?, archive.texts("genes")?);
    let windows = MarkWindows::new(signal, marks, width);
    let windows = windows.map_err(|source| unreadable(path, source))?;
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
    budget: Budget,
    /// What the array that was read last takes, until the next.
    passing: u64,
}

impl Archive {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let (input, bytes) = open(path)?;
        Ok(Self {
            path: path.to_owned(),
            zip: ZipArchive::new(input).map_err(|source| unreadable(path, source))?,
            budget: Budget::new(path, bytes),
            passing: 0,
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

    /// Reads an array of three axes of any real numbers, of which a few bytes each are kept when the next is read.
    pub(crate) fn numbers(&mut self, name: &str) -> Result<Array3<f64>> {
        self.budget.release(std::mem::take(&mut self.passing));
        let array = self.array(name, Item::wide)?;
        // Beside these eight bytes an item takes four on the way, and two stay.
        let items = array.len() as u64;
        self.budget.hold(6 * items)?;
        self.passing = 12 * items;
        Ok(array)
    }

    fn array<V: Clone>(
        &mut self,
        name: &str,
        keep: impl Fn(Item) -> Result<V, String>,
    ) -> Result<Array3<V>> {
        let (path, zip, budget) = (&self.path, &mut self.zip, &mut self.budget);
        let mut entry = zip.by_name(&format!("{name}.npy"));
        let entry = entry.as_mut();
        let entry = entry.map_err(|source| unreadable(path, format!("{name}: {source}")))?;
        array(path, name, entry, budget, keep)
    }

    fn values<V>(
        &mut self,
        name: &str,
        keep: impl Fn(Item) -> Result<V, String>,
    ) -> Result<Vec<V>> {
        self.entry(name, |header, entry, budget| {
            header.numbers(entry, budget, keep)
        })
    }

    fn texts(&mut self, name: &str) -> Result<Vec<String>> {
        self.entry(name, |header, entry, budget| header.texts(entry, budget))
    }

    fn entry<V>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Header, &mut dyn Read, &mut Budget) -> Result<V, Refusal>,
    ) -> Result<V> {
        let path = &self.path;
        let refuse = |found: String| unreadable(path, format!("{name}: {found}"));
        let entry = self.zip.by_name(&format!("{name}.npy"));
        let mut entry = entry.map_err(|source| refuse(source.to_string()))?;
        let header = Header::read(&mut entry).map_err(refuse)?;
        read(&header, &mut entry, &mut self.budget).map_err(|refusal| match refusal {
            Refusal::Found(found) => refuse(found),
            Refusal::Full(error) => error,
        })
    }

    /// Refuses what an array holds.
    pub(crate) fn refuse(&self, found: String) -> Error {
        unreadable(&self.path, found)
    }
}

fn open(path: &Path) -> Result<(BufReader<File>, u64)> {
    let opened = chromex_core::input::open(path).and_then(|file| {
        let bytes = file.metadata()?.len();
        Ok((BufReader::with_capacity(1 << 16, file), bytes))
    });
    opened.map_err(|source| Error::Io {
        action: "open",
        path: path.to_owned(),
        source,
    })
}

/// Reads an array of three axes. Whatever order the file has, ours is rows first.
fn array<V: Clone>(
    path: &Path,
    name: &str,
    input: &mut dyn Read,
    budget: &mut Budget,
    keep: impl Fn(Item) -> Result<V, String>,
) -> Result<Array3<V>> {
    let refuse = |found: String| match name {
        "" => unreadable(path, found),
        name => unreadable(path, format!("{name}: {found}")),
    };
    let header = Header::read(input).map_err(refuse)?;
    // A kind that cannot be is at fault before the shape is.
    if header.is_text() {
        return Err(refuse("texts where numbers are expected".into()));
    }
    let shape = <[usize; 3]>::try_from(header.shape.clone());
    let shape = shape.map_err(|found| {
        refuse(format!(
            "an array of the shape {found:?}: [genes, bins, columns] is expected"
        ))
    })?;
    let values = header.numbers(input, budget, keep);
    let values = values.map_err(|refusal| match refusal {
        Refusal::Found(found) => refuse(found),
        Refusal::Full(error) => error,
    })?;
    let array = Array3::from_shape_vec(shape.set_f(header.is_fortran), values);
    let array = array.map_err(|error| refuse(error.to_string()))?;
    Ok(match header.is_fortran {
        true => array.as_standard_layout().into_owned(),
        false => array,
    })
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
    fn numbers_of_every_kind_are_read_in_the_order_of_the_file() {
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
        writer.add_array("flat", &Array1::<f64>::zeros(3)).unwrap();
        writer.finish().unwrap();
        let mut archive = Archive::open(&path).unwrap();
        assert_eq!(archive.names(), ["wide", "narrow", "last", "bytes", "flat"]);
        assert_eq!(archive.numbers("wide").unwrap(), numbers);
        assert_eq!(archive.numbers("narrow").unwrap(), numbers);
        assert_eq!(archive.numbers("last").unwrap(), numbers.t());
        assert_eq!(archive.numbers("bytes").unwrap(), numbers);
        let error = archive.numbers("flat").unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(
            cause,
            "flat: an array of the shape [3]: [genes, bins, columns] is expected"
        );
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
