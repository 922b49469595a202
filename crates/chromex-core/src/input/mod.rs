//! Opening files that others wrote.
//!
//! Two mistakes are impossible for who opens by these functions: to wait for ever for a pipe or a device that has no end, and to fill
//! the memory with a file that is larger than what it should be.

pub mod parquet;
mod shapes;

use std::fs::{File, FileType};
use std::io::{self, Read};
use std::path::Path;

use crate::{Error, Result};

/// The largest configuration, manifest or index that is read, in JSON: a thousand times any that is published.
pub const MOST_SETTINGS_BYTES: u64 = 16 << 20;
/// The largest report, kept fit or fitted model that is read, in JSON or as its own format.
pub const MOST_MODEL_BYTES: u64 = 1 << 30;

/// Opens a file to read. It must be a regular one: files are measured and read, some of them twice, and what comes out of a pipe comes
/// once.
///
/// # Errors
///
/// When there is no such file, it may not be read, or it is a folder, a pipe, a socket or a device.
///
/// # Examples
///
/// ```
/// let error = chromex_core::input::open("/dev/zero".as_ref()).unwrap_err();
/// assert!(error.to_string().contains("a device"));
/// ```
pub fn open(path: &Path) -> io::Result<File> {
    // Asked before it is opened, because to open a pipe waits for its writer.
    let kind = std::fs::metadata(path)?.file_type();
    if kind.is_file() {
        let file = File::open(path)?;
        // It may have been exchanged in between.
        if file.metadata()?.is_file() {
            return Ok(file);
        }
    }
    let found = kind_name(kind);
    let next = match kind.is_dir() {
        true => "name a file in it",
        false => "write what comes out of it to a file first",
    };
    let message = format!("expected a regular file, found {found}: {next}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

/// Reads a whole file of at most so many bytes.
///
/// # Errors
///
/// Those of [`open`], and when the file is larger.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let told = file.metadata()?.len();
    if told > most {
        return Err(too_large(told, most));
    }
    let mut bytes = Vec::new();
    // Some systems tell no length of files that they make up.
    let read = file.take(most.saturating_add(1)).read_to_end(&mut bytes)? as u64;
    match read <= most {
        true => Ok(bytes),
        false => Err(too_large(read, most)),
    }
}

/// Reads a whole text file of at most so many bytes.
///
/// # Errors
///
/// Those of [`read`], and when the bytes are not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count();
        let message = format!("line {line}: expected UTF-8 text, found other bytes");
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// Reads a whole file as JSON of at most so many bytes; `expected` says what it should hold. How deep values lie within each other is
/// bounded by the parser.
///
/// # Errors
///
/// [`Error::Io`] as [`read`] fails, [`Error::Malformed`] when it holds something else.
pub fn read_json<T: serde::de::DeserializeOwned>(
    path: &Path,
    most: u64,
    expected: &'static str,
) -> Result<T> {
    let text = read(path, most).map_err(|source| Error::io("read", path, source))?;
    serde_json::from_slice(&text).map_err(|source| Error::Malformed {
        path: path.to_owned(),
        expected,
        source,
    })
}

fn too_large(found: u64, most: u64) -> io::Error {
    let message = format!("expected at most {most} bytes, found {found} or more");
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}

#[cfg(unix)]
fn kind_name(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn kind_name(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_have_the_most_bytes_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "four").unwrap();
        assert_eq!(read_text(&path, 4).unwrap(), "four");
        let message = read(&path, 3).unwrap_err().to_string();
        assert_eq!(message, "expected at most 3 bytes, found 4 or more");
        std::fs::write(&path, b"one\ntwo\xff").unwrap();
        let message = read_text(&path, 10).unwrap_err().to_string();
        assert!(message.starts_with("line 2: expected UTF-8"), "{message}");
        let error = read_json::<u32>(&path, 10, "a number").unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }));
    }

    #[test]
    fn a_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = read(folder.path(), 9).unwrap_err().to_string();
        assert!(message.contains("found a folder: name a file"), "{message}");
        let missing = open(&folder.path().join("none")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn what_has_no_end_and_what_comes_once_are_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for (path, found) in [(&pipe, "a pipe"), (&link, "a device")] {
            let message = open(path).unwrap_err().to_string();
            assert!(message.contains(found), "{message}");
            assert!(message.contains("write what comes out of it to a file first"));
        }
        let error = read_json::<u32>(&link, 10, "a number").unwrap_err();
        assert!(matches!(error, Error::Io { .. }));
    }
}
