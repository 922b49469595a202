use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use chromex_core::atomic;

use crate::{Error, Result};

/// The hold that one process has on a folder. It ends with the process, however that ends.
#[derive(Debug)]
pub(crate) struct FolderLock {
    path: PathBuf,
    /// Open, and so locked, as long as the hold lasts.
    _file: File,
}

impl FolderLock {
    /// Takes hold of a folder by a file of this name within it.
    pub(crate) fn take(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(name);
        loop {
            atomic::regular(&path)?;
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let file = options.open(&path).map_err(|source| Error::Io {
                action: "write into",
                path: folder.to_owned(),
                source,
            })?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::InUse {
                        path: folder.to_owned(),
                    });
                }
                // Its last holder took the file away between: a lock on what nobody finds is none.
                Ok(()) if !is_at(&file, &path) => continue,
                // On a file system without locks, work must go on all the same.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(Self { path, _file: file }),
            }
        }
    }

    /// Tells whether another process holds a folder.
    pub(crate) fn is_held(folder: &Path, name: &str) -> bool {
        let path = folder.join(name);
        let is_file = matches!(atomic::regular(&path), Ok(Some(_)));
        let file = OpenOptions::new().write(true).open(&path);
        is_file && file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Elsewhere a file cannot be told from another of its name, so that it stays.
        #[cfg(unix)]
        let _ = std::fs::remove_file(&self.path);
        #[cfg(not(unix))]
        let _ = &self.path;
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |found: std::fs::Metadata| (found.dev(), found.ino());
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(own), Ok(found)) => place(own) == place(found),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}
