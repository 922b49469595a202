use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result, atomic, input};

/// What a run was made of, so that it can be made again: written as `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The program, such as the example's name.
    pub program: String,
    /// The versions of chromex and of what it computes with.
    pub versions: BTreeMap<String, String>,
    /// Every setting of the run, given or by default.
    pub flags: BTreeMap<String, String>,
    /// The seeds of the fits.
    pub seeds: Vec<u64>,
    /// What networks ran on.
    pub device: String,
    /// Every file that was read.
    pub inputs: Vec<InputFile>,
    /// How long the run took; nothing while it runs, or where it was killed.
    pub seconds: Option<f64>,
}

/// A file that a run read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputFile {
    /// Where it was, as the user named it.
    pub path: PathBuf,
    /// How long it is.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

impl RunRecord {
    /// Starts the record of a program.
    pub fn new(program: &str, device: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self {
            program: program.to_owned(),
            versions: BTreeMap::from([("chromex".to_owned(), version)]),
            flags: BTreeMap::new(),
            seeds: Vec::new(),
            device: device.to_owned(),
            inputs: Vec::new(),
            seconds: None,
        }
    }

    /// Adds a file that was read.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be read.
    pub fn add_input(&mut self, path: &Path) -> Result<()> {
        self.inputs.push(InputFile::of(path)?);
        Ok(())
    }

    /// Reads a record that was written.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the file cannot be read, [`Error::Malformed`] when it holds something else.
    pub fn read(path: &Path) -> Result<Self> {
        input::read_json(path, input::MOST_MODEL_BYTES, "the record of a run")
    }

    /// Writes the record as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        atomic::write(path, |file| {
            serde_json::to_writer_pretty(file, self).map_err(std::io::Error::from)
        })
    }
}

impl InputFile {
    /// Measures a file, reading it in pieces. It must be a regular one, see [`input::open`](crate::input::open).
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be read.
    pub fn of(path: &Path) -> Result<Self> {
        let attempt = || -> std::io::Result<(u64, String)> {
            let mut file = crate::input::open(path)?;
            let mut hash = Sha256::new();
            let mut piece = vec![0; 1 << 16];
            let mut bytes = 0;
            loop {
                let read = file.read(&mut piece)?;
                if read == 0 {
                    break;
                }
                hash.update(&piece[..read]);
                bytes += read as u64;
            }
            let digest = hash.finalize();
            Ok((bytes, digest.iter().map(|b| format!("{b:02x}")).collect()))
        };
        let (bytes, sha256) = attempt().map_err(|source| Error::io("read", path, source))?;
        Ok(Self {
            path: path.to_owned(),
            bytes,
            sha256,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_known_by_its_published_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let file = InputFile::of(&path).unwrap();
        assert_eq!(file.bytes, 3);
        // The test vector of FIPS 180-2, appendix B.1.
        assert_eq!(
            file.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
