use std::fs;
use std::path::{Path, PathBuf};

use chromex_core::{Report, RunRecord, atomic};

use crate::{Error, Result, predictions};

/// The output folder of a run.
///
/// It holds `report.json`, `run.json`, `predictions.parquet`, `report.md`, `report.html`, and the folders `plots`, `model`
/// and `fits` (what a killed run goes on from). Every file is written beside its place and renamed.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder, and fails before any work where that cannot be or where it would mix two runs.
    ///
    /// # Errors
    ///
    /// [`Error::NotEmpty`] when the folder holds something and `resume` is false; [`Error::Io`] when it cannot
    /// be made or written into.
    pub fn create(path: &Path, resume: bool) -> Result<Self> {
        let io = |action| {
            move |source| Error::Io {
                action,
                path: path.to_owned(),
                source,
            }
        };
        fs::create_dir_all(path).map_err(io("create"))?;
        let mut entries = fs::read_dir(path).map_err(io("read"))?;
        if !resume && entries.next().is_some() {
            return Err(Error::NotEmpty {
                path: path.to_owned(),
            });
        }
        let probe = path.join(".probe");
        fs::write(&probe, [])
            .and_then(|()| fs::remove_file(&probe))
            .map_err(io("write into"))?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Names the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a folder within, such as `model` or `fits`, and names it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).map_err(|source| Error::Io {
            action: "create",
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    /// Writes a text file such as `report.md` or `plots/loss.svg`; the folder it names is made.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_text(&self, name: &str, text: &str) -> Result<()> {
        if let Some((folder, _)) = name.rsplit_once('/') {
            self.folder(folder)?;
        }
        atomic::write(&self.path.join(name), |file| {
            file.write_all(text.as_bytes())
        })?;
        Ok(())
    }

    /// Writes `run.json`, `predictions.parquet` and, last, `report.json`: where the report stands, the rest does.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn write_report(&self, report: &Report, record: &RunRecord) -> Result<()> {
        record.write(&self.path.join("run.json"))?;
        predictions::write(&self.path.join("predictions.parquet"), &report.predictions)?;
        report.write(&self.path.join("report.json"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_holds_something_is_only_taken_to_resume() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep").join("run");
        let folder = RunFolder::create(&path, false).unwrap();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
        folder.write_text("plots/a.svg", "<svg/>").unwrap();
        let error = RunFolder::create(&path, false).unwrap_err();
        assert!(matches!(error, Error::NotEmpty { .. }));
        RunFolder::create(&path, true).unwrap();
        assert_eq!(
            fs::read_to_string(path.join("plots/a.svg")).unwrap(),
            "<svg/>"
        );
    }

    #[test]
    fn a_file_in_the_way_is_an_error_that_names_it() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("file");
        fs::write(&path, "kept").unwrap();
        let message = RunFolder::create(&path, true).unwrap_err().to_string();
        assert!(message.contains(path.to_str().unwrap()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
    }
}
