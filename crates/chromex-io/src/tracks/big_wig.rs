use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bigtools::BigWigRead;

use crate::compressed::{Meter, Metered};
use crate::guard::guard;
use crate::{Error, Result};

/// The largest block that a header may ask to unpack; other programs write some tens of kilobytes.
const LARGEST_BLOCK_BYTES: u32 = 1 << 26;

/// A bigWig, read interval by interval.
///
/// # Examples
///
/// ```
/// use chromex_io::tracks::{BigWigReader, SignalInterval, write_big_wig};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("a.bw");
/// let signal = vec![SignalInterval { chromosome: "chr1".into(), start: 5, end: 9, value: 0.5 }];
/// write_big_wig(&path, &[("chr1".into(), 100)], signal)?;
/// let mut reader = BigWigReader::open(&path)?;
/// let mut found = Vec::new();
/// reader.each("chr1", (0, 100), |start, end, value| found.push((start, end, value)))?;
/// assert_eq!(found, [(5, 9, 0.5)]);
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub struct BigWigReader {
    path: PathBuf,
    chromosomes: Vec<(String, u32)>,
    inner: BigWigRead<BufReader<Metered<File>>>,
}

impl std::fmt::Debug for BigWigReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("BigWigReader");
        shown.field("path", &self.path).finish_non_exhaustive()
    }
}

impl BigWigReader {
    /// Opens a file and reads its chromosomes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be opened, [`Error::Unreadable`] when it is not a bigWig.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_metered(path, Meter::default())
    }

    pub(crate) fn open_metered(path: &Path, meter: Meter) -> Result<Self> {
        let mut file = File::open(path).map_err(|source| Error::Io {
            action: "open",
            path: path.to_owned(),
            source,
        })?;
        check_header(&mut file).map_err(|found| unreadable(path, found))?;
        let file = BufReader::new(Metered::new(file, meter));
        let inner = guard(path, "bigWig", || BigWigRead::open(file))?;
        let chromosomes = inner
            .chroms()
            .iter()
            .map(|one| (one.name.clone(), one.length));
        Ok(Self {
            path: path.to_owned(),
            chromosomes: chromosomes.collect(),
            inner,
        })
    }

    /// Lists the chromosomes and their lengths.
    pub fn chromosomes(&self) -> &[(String, u32)] {
        &self.chromosomes
    }

    /// Gives each interval of a value within a stretch of a chromosome, cut to it: start, end, value.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] when the file has no such chromosome or a block of it cannot be read.
    pub fn each(
        &mut self,
        chromosome: &str,
        (start, end): (u32, u32),
        mut found: impl FnMut(u32, u32, f32),
    ) -> Result<()> {
        let (path, inner) = (&self.path, &mut self.inner);
        let mut intervals = guard(path, "bigWig", || {
            inner.get_interval(chromosome, start, end)
        })?;
        while let Some(interval) = guard(path, "bigWig", || intervals.next().transpose())? {
            let (from, to) = (interval.start.max(start), interval.end.min(end));
            if from < to {
                found(from, to, interval.value);
            }
        }
        Ok(())
    }
}

/// Refuses a header that asks for more memory than any program's.
fn check_header(file: &mut File) -> Result<(), String> {
    let mut header = [0; 64];
    let read = file
        .read_exact(&mut header)
        .and_then(|()| file.seek(SeekFrom::Start(0)));
    read.map_err(|error| error.to_string())?;
    let number = |place: usize| {
        let bytes = [
            header[place],
            header[place + 1],
            header[place + 2],
            header[place + 3],
        ];
        match header[0] {
            0x26 => u32::from_le_bytes(bytes),
            _ => u32::from_be_bytes(bytes),
        }
    };
    if number(0) != 0x888f_fc26 {
        return Err("not the magic number of bigWig".into());
    }
    match number(52) {
        block if block > LARGEST_BLOCK_BYTES => Err(format!("blocks of {block} bytes")),
        _ => Ok(()),
    }
}

fn unreadable(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        format: "bigWig",
        source: source.into(),
    }
}
