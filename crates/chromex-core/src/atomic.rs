//! Writing files that are never half-written.
//!
//! A file is written beside its place under a name as `.partial-0123456789abcdef`, which its writer holds locked: the lock dies with
//! the writer, so that what a killed one left can be told from what is being written and [`remove_partials`] takes away only that.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Fingerprint, Result};

/// Writes a file beside its place, flushes it to the disk, and renames it over the old one.
///
/// A reader sees the whole old file or the whole new one, whenever the process dies. A new file has the rights that the umask
/// leaves; one that was there keeps its own. Nothing is written through a link.
///
/// # Errors
///
/// [`Error::NotAFile`] when a link, a folder, a pipe or a device stands at `path`; [`Error::Io`] with `path` when the folder is
/// missing, the disk is full or `fill` fails. What stood at `path` before still stands then.
///
/// # Examples
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("table.tsv");
/// chromex_core::atomic::write(&path, |file| file.write_all(b"gene\tcount\n"))?;
/// assert_eq!(std::fs::read(&path).unwrap(), b"gene\tcount\n");
/// # Ok::<(), chromex_core::Error>(())
/// ```
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let former = regular(path)?;
    let attempt = || -> std::io::Result<()> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut partial = Partial::create(folder)?;
        if let Some(former) = former {
            keep_rights(&partial.file, &former)?;
        }
        let mut buffered = BufWriter::new(&mut partial.file);
        fill(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        partial.file.sync_all()?;
        partial.rename(path)?;
        sync_folder(folder);
        Ok(())
    };
    attempt().map_err(|source| Error::io("write", path, source))
}

/// Tells what stands at a path where a file is to be written: a regular file, or nothing.
///
/// # Errors
///
/// [`Error::NotAFile`] when it is anything else; a link is not followed.
pub fn regular(path: &Path) -> Result<Option<fs::Metadata>> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        // A folder that is missing or may not be read is told when the file is written.
        Err(_) => return Ok(None),
    };
    let kind = found.file_type();
    if kind.is_file() {
        return Ok(Some(found));
    }
    Err(Error::NotAFile {
        path: path.to_owned(),
        found: match () {
            () if kind.is_symlink() => "a symbolic link",
            () if kind.is_dir() => "a folder",
            () => "a pipe or a device",
        },
    })
}

/// Tells whether files can be written into a folder.
///
/// # Errors
///
/// [`Error::Io`] with the folder when they cannot.
pub fn probe(folder: &Path) -> Result<()> {
    match Partial::create(folder) {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::io("write into", folder, source)),
    }
}

/// Removes the half-written files that killed writers left in a folder, and counts them. What a living process writes, what is not
/// a regular file, and what has another kind of name stays.
pub fn remove_partials(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let mut removed = 0;
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(is_partial)
            && entry.file_type().is_ok_and(|kind| kind.is_file());
        if !is_ours {
            continue;
        }
        let Ok(file) = OpenOptions::new().write(true).open(entry.path()) else {
            continue;
        };
        if file.try_lock().is_ok() && fs::remove_file(entry.path()).is_ok() {
            removed += 1;
        }
    }
    removed
}

/// Tells whether a file's name is that of a half-written one: sixteen digits, or the six letters of earlier versions.
pub fn is_partial(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| {
        let is_hash = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (rest.len() == DIGITS && rest.bytes().all(is_hash))
            || (rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    })
}

const PREFIX: &str = ".partial-";
const DIGITS: usize = 16;

/// A file under way; dropped before it is renamed, it is removed.
struct Partial {
    path: PathBuf,
    file: File,
    is_renamed: bool,
}

impl Partial {
    fn create(folder: &Path) -> std::io::Result<Self> {
        loop {
            let path = folder.join(Self::name());
            let opened = OpenOptions::new().write(true).create_new(true).open(&path);
            let file = match opened {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            match file.try_lock() {
                // Somebody who tidies up came between, and takes it away.
                Err(TryLockError::WouldBlock) => continue,
                Ok(()) if is_gone(&file) => continue,
                // Without locks nobody tidies up either.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            return Ok(Self {
                path,
                file,
                is_renamed: false,
            });
        }
    }

    /// Makes a name that no other writer has; where one has it all the same, another is made.
    fn name() -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let mut print = Fingerprint::default();
        print.number(u64::from(std::process::id()));
        print.number(COUNT.fetch_add(1, Ordering::Relaxed));
        print.number(since.map_or(0, |since| since.as_nanos() as u64));
        format!("{PREFIX}{}", &print.finish()[..DIGITS])
    }

    fn rename(&mut self, path: &Path) -> std::io::Result<()> {
        fs::rename(&self.path, path)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_renamed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Flushes a folder: a rename or a removal in it must survive a power cut.
pub fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

#[cfg(unix)]
fn is_gone(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|found| found.nlink() == 0)
}

#[cfg(not(unix))]
fn is_gone(_file: &File) -> bool {
    false
}

/// Gives a new file the rights of the one that it takes the place of.
#[cfg(unix)]
fn keep_rights(file: &File, former: &fs::Metadata) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let rights = former.permissions().mode() & 0o777;
    file.set_permissions(fs::Permissions::from_mode(rights))
}

#[cfg(not(unix))]
fn keep_rights(_file: &File, _former: &fs::Metadata) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write(&path, |file| file.write_all(b"old")).unwrap();
        let result = write(&path, |file| {
            file.write_all(b"half")?;
            Err(std::io::Error::other("disk full"))
        });
        let message = result.unwrap_err().to_string();
        assert!(message.starts_with("write ") && message.ends_with("a.txt"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none").join("a.txt");
        assert!(write(&path, |_| Ok(())).is_err());
    }

    #[test]
    fn only_what_killed_writers_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [
            ".partial-0123456789abcdef",
            ".partial-Ab3xYz",
            ".partial-notes.txt",
            ".partial-",
            "partial-Ab3xYz",
        ] {
            fs::write(at(name), "half").unwrap();
        }
        fs::create_dir(at(".partial-fedcba9876543210")).unwrap();
        write(&at("whole"), |file| {
            file.write_all(b"whole")?;
            // The two that nobody writes go; the one that is being written stays.
            assert_eq!(remove_partials(folder.path()), 2);
            Ok(())
        })
        .unwrap();
        assert_eq!(fs::read(at("whole")).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_what_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("elsewhere"), "kept").unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        for (name, found) in [("link", "link"), ("dangling", "link"), ("folder", "folder")] {
            let error = write(&at(name), |file| file.write_all(b"new")).unwrap_err();
            assert!(matches!(error, Error::NotAFile { .. }), "{error}");
            let message = error.to_string();
            assert!(message.contains(name) && message.contains(found));
        }
        assert_eq!(fs::read(at("elsewhere")).unwrap(), b"kept");
        assert!(!at("nowhere").exists() && at("link").is_symlink());
        assert!(write(Path::new("/dev/null"), |_| Ok(())).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn rights_are_those_of_an_ordinary_file_and_then_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let rights = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (ordinary, path) = (folder.path().join("ordinary"), folder.path().join("ours"));
        fs::write(&ordinary, "").unwrap();
        write(&path, |_| Ok(())).unwrap();
        assert_eq!(rights(&path), rights(&ordinary));
        for mode in [0o600, 0o664, 0o440] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            write(&path, |_| Ok(())).unwrap();
            assert_eq!(rights(&path), mode);
        }
    }
}
