use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::Result;
use crate::budget::Budget;

/// Enough that neither the disk nor the unpacker is asked for little at a time.
const BUFFER_BYTES: usize = 1 << 18;
/// The memory that a zstandard frame may ask for, as a power of two: what `zstd --ultra -22` and `--long` write.
const LARGEST_WINDOW: u32 = 27;

/// How the bytes of a file are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstandard,
}

impl Compression {
    /// Tells the packing by the first bytes of the content: names lie after a download or a rename.
    fn of_content(start: &[u8]) -> Self {
        if start.starts_with(&[0x1f, 0x8b]) {
            Self::Gzip
        } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Self::Zstandard
        } else {
            Self::None
        }
    }

    /// Chooses the packing of a file to be written by the end of its name.
    fn of_name(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstandard,
            _ => Self::None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "plain",
            Self::Gzip => "gzip",
            Self::Zstandard => "zstandard",
        }
    }
}

/// Tells others how many bytes of a file have been read, packed as they lie there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(pub(crate) Arc<AtomicU64>);

/// A reader that tells a meter what it reads.
pub(crate) struct Metered<R> {
    inner: R,
    meter: Meter,
}

impl<R> Metered<R> {
    pub(crate) fn new(inner: R, meter: Meter) -> Self {
        Self { inner, meter }
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.meter.0.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: io::Seek> io::Seek for Metered<R> {
    fn seek(&mut self, place: io::SeekFrom) -> io::Result<u64> {
        self.inner.seek(place)
    }
}

/// A reader that ends in an error where more comes than real files unpack to.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}

/// Opens a file and unpacks it while it is read. It must be a regular file, and unpacks to [`Budget::unpacked_limit`] at most. Files of several gzip members or zstandard frames
/// read as one.
pub(crate) fn open(path: &Path) -> io::Result<(Box<dyn BufRead>, Compression)> {
    open_metered(path, Meter::default())
}

/// Opens a file as [`open`] does and tells a meter how far it was read.
pub(crate) fn open_metered(
    path: &Path,
    meter: Meter,
) -> io::Result<(Box<dyn BufRead>, Compression)> {
    let file = chromex_core::input::open(path)?;
    let left = Budget::unpacked_limit(file.metadata()?.len());
    let file = Metered::new(file, meter);
    let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
    let compression = Compression::of_content(file.fill_buf()?);
    let reader: Box<dyn BufRead> = match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => {
            let inner = MultiGzDecoder::new(file);
            Box::new(BufReader::with_capacity(
                BUFFER_BYTES,
                Bounded { inner, left },
            ))
        }
        Compression::Zstandard => {
            let mut inner = zstd::Decoder::with_buffer(file)?;
            inner.window_log_max(LARGEST_WINDOW)?;
            Box::new(BufReader::with_capacity(
                BUFFER_BYTES,
                Bounded { inner, left },
            ))
        }
    };
    Ok((reader, compression))
}

/// Writes a file whole or not at all, packed as the end of its name says.
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    chromex_core::atomic::write(path, |file| match Compression::of_name(path) {
        Compression::None => fill(file),
        Compression::Gzip => {
            let mut packer = GzEncoder::new(file, flate2::Compression::default());
            fill(&mut packer)?;
            packer.finish()?;
            Ok(())
        }
        Compression::Zstandard => {
            let mut packer = zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            // Without it a changed byte can unpack to other counts unnoticed.
            packer.include_checksum(true)?;
            fill(&mut packer)?;
            packer.finish()?;
            Ok(())
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> (String, Compression) {
        let (mut reader, compression) = open(path).unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        (text, compression)
    }

    #[test]
    fn the_name_packs_and_the_content_unpacks() {
        let folder = tempfile::tempdir().unwrap();
        for (name, expected) in [
            ("a.csv", Compression::None),
            ("a.csv.gz", Compression::Gzip),
            ("a.csv.zst", Compression::Zstandard),
        ] {
            let path = folder.path().join(name);
            write(&path, |file| file.write_all(b"one\ntwo\n")).unwrap();
            let misleading = folder.path().join("b.csv");
            std::fs::rename(&path, &misleading).unwrap();
            assert_eq!(read(&misleading), ("one\ntwo\n".into(), expected));
        }
    }

    #[test]
    fn members_that_were_put_one_after_the_other_read_as_one() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.gz", "a.zst"] {
            let path = folder.path().join(name);
            write(&path, |file| file.write_all(b"one\n")).unwrap();
            let twice = std::fs::read(&path).unwrap().repeat(2);
            std::fs::write(&path, twice).unwrap();
            assert_eq!(read(&path).0, "one\none\n");
        }
    }

    #[test]
    fn the_same_text_packs_to_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = |name: &str| {
            let path = folder.path().join(name);
            write(&path, |file| file.write_all(b"one\n")).unwrap();
            std::fs::read(path).unwrap()
        };
        assert_eq!(bytes("a.gz"), bytes("b.gz"));
    }
}
