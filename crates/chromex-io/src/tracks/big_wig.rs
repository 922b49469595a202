use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use bigtools::BigWigRead;

use super::big_wig_header;
use crate::compressed::{Meter, Metered};
use crate::guard::guard;
use crate::{Error, Result};

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
        let mut file = chromex_core::input::open(path).map_err(|source| Error::Io {
            action: "open",
            path: path.to_owned(),
            source,
        })?;
        big_wig_header::check(&mut file).map_err(|found| unreadable(path, found))?;
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

    /// Tells whether a chromosome of so many bases has any value that is a number.
    pub(crate) fn has_values(&mut self, chromosome: &str, length: u32) -> Result<bool> {
        let (path, inner) = (&self.path, &mut self.inner);
        let mut intervals = guard(path, "bigWig", || inner.get_interval(chromosome, 0, length))?;
        while let Some(interval) = guard(path, "bigWig", || intervals.next().transpose())? {
            if interval.start < interval.end && !interval.value.is_nan() {
                return Ok(true);
            }
        }
        Ok(false)
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

fn unreadable(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Unreadable {
        path: path.to_owned(),
        format: "bigWig",
        source: source.into(),
    }
}
