use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chromex_core::{FileName, Report, RunRecord, atomic};

use crate::folder_lock::FolderLock;
use crate::{Error, Result, former_run, predictions};

/// The file by which a process holds a folder.
pub(crate) const LOCK: &str = ".lock";

/// The output folder of a run.
///
/// It holds `report.json`, `run.json`, `predictions.parquet`, `report.md`, `report.html`, and the folders `plots`, `model`
/// and `fits` (what a killed run goes on from). Every file is written beside its place and renamed.
///
/// # One run at a time
///
/// One process holds the folder, from when it is taken until the last clone of this value is dropped or the process ends, however
/// it ends. A start that came to no fit leaves nothing: what it made is removed again with the folder, if it made that. What a start
/// that was killed left is no obstacle to the next.
///
/// # Never two runs in one
///
/// [`RunFolder::begin`] compares the settings and inputs of this run with those of the one that the folder holds, by `run.json`,
/// which is there from the first write on. Where they differ, the earlier results go before anything is written, in this order:
/// `report.json`, the rest of the report, the predictions, the marks that say which models were handed on, plots, maps and
/// models, and `run.json` last. Killed in between, the folder has no report, and still says whose the rest is: the next run comes
/// to the same comparison and removes it too. [`RunFolder::write_report`] writes `report.json` last. So whenever `report.json`
/// stands, all else is of its run. Where settings and inputs agree, nothing is removed, and finished fits are kept in any case.
///
/// # Never outside
///
/// Files are named by literals of the program or by [`FileName`]s, which no text can turn into paths. A link in the place of a file
/// or a folder is refused. Two names that differ only in their case are told apart, because not every file system does so.
#[derive(Clone, Debug)]
pub struct RunFolder {
    taken: Arc<Taken>,
}

/// A place within an output folder: a folder that the program names, and a file.
///
/// # Examples
///
/// ```
/// use chromex_core::FileName;
/// use chromex_report::Place;
/// let cell = String::from("../../x");
/// let fixed = Place::from("plots/loss.svg");
/// let foreign = Place::from(("plots", FileName::of(&cell).ending("svg")));
/// ```
///
/// Foreign text is not a place:
///
/// ```compile_fail
/// use chromex_report::Place;
/// let cell = String::from("../../x");
/// let place = Place::from(format!("plots/{cell}.svg").as_str());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    folder: &'static str,
    name: FileName,
}

#[derive(Debug)]
struct Taken {
    path: PathBuf,
    /// Folders that were made, the outermost first.
    made: Vec<PathBuf>,
    /// Whether the folder was empty.
    is_fresh: bool,
    lock: Option<FolderLock>,
    /// The names that were given, by folder and without their case.
    names: Mutex<HashMap<(&'static str, String), FileName>>,
}

impl RunFolder {
    /// Takes the folder, and fails before any work where that cannot be or where it would mix two runs. What killed runs left
    /// half-written in it is removed.
    ///
    /// # Errors
    ///
    /// [`Error::NotEmpty`] when the folder holds something and `resume` is false; [`Error::InUse`] when another process has taken
    /// it; [`Error::Link`] when a link stands where a run writes; [`Error::Io`] when it cannot be made or written into.
    pub fn create(path: &Path, resume: bool) -> Result<Self> {
        let mut taken = Taken::make(path)?;
        // A folder that is not a run's gets no lock.
        if !resume && !is_free(path)? {
            return Err(match FolderLock::is_held(path, LOCK) {
                true => Error::InUse { path: path.into() },
                false => Error::NotEmpty { path: path.into() },
            });
        }
        taken.lock = Some(FolderLock::take(path, LOCK)?);
        taken.is_fresh = is_empty(path)?;
        if !resume && !is_free(path)? {
            return Err(Error::NotEmpty { path: path.into() });
        }
        former_run::tidy(path)?;
        atomic::probe(path)?;
        Ok(Self {
            taken: Arc::new(taken),
        })
    }

    /// Takes the part of a folder that one of several processes writes, such as the files of one cell.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] when another process has taken that part; [`Error::Io`] when the folder cannot be made or written into.
    pub fn share(path: &Path, part: &FileName) -> Result<Self> {
        let mut taken = Taken::make(path)?;
        taken.lock = Some(FolderLock::take(path, &format!("{LOCK}-{part}"))?);
        atomic::remove_partials(path);
        atomic::probe(path)?;
        Ok(Self {
            taken: Arc::new(taken),
        })
    }

    /// Names the folder.
    pub fn path(&self) -> &Path {
        &self.taken.path
    }

    /// Reads the record of the run that the folder holds; nothing where there is none that can be read.
    pub fn record(&self) -> Option<RunRecord> {
        former_run::record(self.path())
    }

    /// Makes the folder ready for the results of a run: where it holds those of other settings or inputs, they are removed, but for
    /// what is `kept` because this run begins with it. Returns whether something was.
    ///
    /// It is called before anything is written, and once more when `record` says all inputs and settings (`is_whole`).
    ///
    /// # Errors
    ///
    /// When something cannot be removed or the record cannot be written.
    pub fn begin(&self, record: &RunRecord, kept: &[&'static str], is_whole: bool) -> Result<bool> {
        let former = self.record();
        let agrees = |former: &RunRecord| former_run::agrees(former, record, is_whole);
        let is_same = former.as_ref().is_some_and(agrees);
        let is_cleared = !is_same && former_run::is_of_a_run(self.path());
        if !is_same {
            former_run::clear(self.path(), record, kept)?;
        }
        // The record of a finished run says more.
        if !is_same || former.is_some_and(|former| former.seconds.is_none()) {
            record.write(&self.place(former_run::RECORD)?)?;
        }
        Ok(is_cleared)
    }

    /// Makes a folder within, such as `model` or `fits`, and names it.
    ///
    /// # Errors
    ///
    /// [`Error::Link`] when a link stands there; [`Error::Io`] when it cannot be made.
    pub fn folder(&self, name: &'static str) -> Result<PathBuf> {
        let mut path = self.path().to_owned();
        for part in Path::new(name).components() {
            match part {
                Component::CurDir => continue,
                Component::Normal(part) => path.push(part),
                _ => {
                    return Err(Error::Io {
                        action: "create",
                        path: self.path().join(name),
                        source: std::io::ErrorKind::InvalidInput.into(),
                    });
                }
            }
            former_run::refuse_link(&path)?;
            if !path.is_dir() {
                fs::create_dir(&path).map_err(|source| Error::Io {
                    action: "create",
                    path: path.clone(),
                    source,
                })?;
            }
        }
        Ok(path)
    }

    /// Names a file within, for whoever writes it; its folder is made.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made, or something else than a file stands in the file's place.
    pub fn place(&self, place: impl Into<Place>) -> Result<PathBuf> {
        let Place { folder, mut name } = place.into();
        let names = self.taken.names.lock();
        let mut names = names.unwrap_or_else(PoisonError::into_inner);
        let key = (folder, name.as_str().to_lowercase());
        if *names.entry(key).or_insert_with(|| name.clone()) != name {
            name = name.told_apart();
        }
        let path = self.folder(folder)?.join(&name);
        atomic::regular(&path)?;
        Ok(path)
    }

    /// Removes a file that an earlier run may have left, before others of this one are written beside it.
    ///
    /// # Errors
    ///
    /// When it cannot be removed, or is no file.
    pub fn remove(&self, place: impl Into<Place>) -> Result<()> {
        former_run::remove_file(&self.place(place)?)
    }

    /// Writes a text file such as `report.md` or `plots/loss.svg`; the folder it names is made.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_text(&self, place: impl Into<Place>, text: &str) -> Result<()> {
        atomic::write(&self.place(place)?, |file| file.write_all(text.as_bytes()))?;
        Ok(())
    }

    /// Writes `run.json`, `predictions.parquet` and, last, `report.json`: where the report stands, the rest does.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn write_report(&self, report: &Report, record: &RunRecord) -> Result<()> {
        record.write(&self.place(former_run::RECORD)?)?;
        predictions::write(&self.place("predictions.parquet")?, &report.predictions)?;
        report.write(&self.place("report.json")?)?;
        Ok(())
    }
}

impl From<&'static str> for Place {
    fn from(path: &'static str) -> Self {
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        Self {
            folder,
            name: name.into(),
        }
    }
}

impl From<FileName> for Place {
    fn from(name: FileName) -> Self {
        Self { folder: ".", name }
    }
}

impl From<(&'static str, FileName)> for Place {
    fn from((folder, name): (&'static str, FileName)) -> Self {
        Self { folder, name }
    }
}

impl Taken {
    fn make(path: &Path) -> Result<Self> {
        let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let mut made: Vec<PathBuf> = path
            .ancestors()
            .take_while(missing)
            .map(Path::to_owned)
            .collect();
        made.reverse();
        let taken = Self {
            path: path.to_owned(),
            made,
            is_fresh: false,
            lock: None,
            names: Mutex::default(),
        };
        match fs::create_dir_all(path) {
            Ok(()) => Ok(taken),
            Err(source) => Err(Error::Io {
                action: "create",
                path: path.to_owned(),
                source,
            }),
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.is_fresh && former_run::is_only_a_start(&self.path) {
            former_run::remove_start(&self.path);
        }
        self.lock = None;
        for folder in self.made.iter().rev() {
            // One that holds something stays.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Tells whether a new run may take a folder.
fn is_free(path: &Path) -> Result<bool> {
    Ok(is_empty(path)? || former_run::is_killed_start(path))
}

/// Tells whether a folder holds nothing, apart from what a process that was killed in its start leaves.
fn is_empty(path: &Path) -> Result<bool> {
    let failed = |source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let is_nothing = |name: &str| name == LOCK || atomic::is_partial(name);
        if !name.to_str().is_some_and(is_nothing) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
