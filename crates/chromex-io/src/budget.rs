use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// What any file may take in memory.
const FREE_BYTES: u64 = 256 << 20;
/// What a file may take for each of its bytes on the disk. A plain table takes five to thirty, a packed one up to some hundred where
/// nearly all its numbers are 0, which [`FREE_BYTES`] has room for.
const BYTES_PER_BYTE: u64 = 32;
/// What a packed file may unpack to for each of its bytes: five times what real tables and genomes do.
const UNPACKED_PER_BYTE: u64 = 256;

/// What a reader may keep of one file.
///
/// Every reader that keeps rows says what it is about to keep before it does, so that no small file fills the memory, however it is
/// packed and whatever it says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    path: PathBuf,
    bytes: u64,
    held: u64,
}

impl Budget {
    /// Begins with a file of so many bytes on the disk.
    pub(crate) fn new(path: &Path, bytes: u64) -> Self {
        Self {
            path: path.to_owned(),
            bytes,
            held: 0,
        }
    }

    /// Names the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The most bytes that may be kept.
    pub(crate) fn limit(&self) -> u64 {
        FREE_BYTES.saturating_add(self.bytes.saturating_mul(BYTES_PER_BYTE))
    }

    /// The most bytes that a packed file of so many may unpack to.
    pub(crate) fn unpacked_limit(bytes: u64) -> u64 {
        FREE_BYTES.saturating_add(bytes.saturating_mul(UNPACKED_PER_BYTE))
    }

    /// Takes room for so many bytes more.
    pub(crate) fn hold(&mut self, bytes: u64) -> Result<()> {
        self.held = self.held.saturating_add(bytes);
        match self.held <= self.limit() {
            true => Ok(()),
            false => Err(self.refuse()),
        }
    }

    /// Gives room back.
    pub(crate) fn release(&mut self, bytes: u64) {
        self.held = self.held.saturating_sub(bytes);
    }

    /// Says that there is no more room.
    pub(crate) fn refuse(&self) -> Error {
        Error::TooLarge {
            path: self.path.clone(),
            limit: self.limit(),
            bytes: self.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_what_its_size_allows_and_no_more() {
        let mut budget = Budget::new(Path::new("a.tsv"), 100);
        let limit = budget.limit();
        assert_eq!(limit, (256 << 20) + 3200);
        budget.hold(limit).unwrap();
        budget.release(1);
        budget.hold(1).unwrap();
        let message = budget.hold(1).unwrap_err().to_string();
        assert_eq!(
            message,
            "a.tsv: takes more than 268438656 bytes of memory, the most for a file of 100 bytes: unpack or divide the file"
        );
        assert!(budget.hold(u64::MAX).is_err());
    }
}
