//! What an earlier run left in a folder: whether it is this run's, and how it goes where it is not.

use std::fs;
use std::path::{Path, PathBuf};

use chromex_core::{InputFile, RunRecord, atomic, input};

use crate::{Error, Result};

/// The record of a run, which is there from its begin.
pub(crate) const RECORD: &str = "run.json";
/// Where finished fits and trainings under way are.
pub(crate) const FITS: &str = "fits";
/// The files of a report, in the order in which they go: where the first stands, it is whole and of one run.
const RESULTS: [&str; 8] = [
    "report.json",
    "report.html",
    "report.md",
    "predictions.parquet",
    "selection.json",
    "selection.md",
    "importance.tsv",
    "leakage.tsv",
];
/// Folders of what belongs to one run's settings.
const FOLDERS: [&str; 3] = ["plots", "interpretation", "model"];
/// The folder of what a run draws or cuts out, which it always writes again.
const DATA: &str = "data";
/// What a run may have written before its first fit.
const STARTED: [&str; 9] = [
    RECORD,
    "training.csv",
    "training.jsonl",
    FITS,
    "model",
    DATA,
    "split.tsv",
    "leakage.tsv",
    "plots",
];

/// Records are a few thousand bytes; what is longer is none.
const LONGEST_RECORD: u64 = 1 << 26;

/// Reads the record of the run that a folder holds; nothing where there is none that can be read.
pub(crate) fn record(folder: &Path) -> Option<RunRecord> {
    let path = folder.join(RECORD);
    let found = atomic::regular(&path).ok()??;
    (found.len() <= LONGEST_RECORD).then(|| RunRecord::read(&path).ok())?
}

/// Tells whether an earlier run had the settings and inputs of this one.
///
/// Before all inputs of this run are known, those of the earlier one must still be what they were. Of a run that was killed, what
/// both say must agree.
pub(crate) fn agrees(former: &RunRecord, now: &RunRecord, is_whole: bool) -> bool {
    let is_finished = former.seconds.is_some();
    let same_flag = |(name, value): (&String, &String)| match former.flags.get(name) {
        Some(known) => known == value,
        None => !is_finished,
    };
    if former.program != now.program
        || former.versions != now.versions
        || former.device != now.device
        || former.seeds != now.seeds
        || !now.flags.iter().all(same_flag)
    {
        return false;
    }
    let mut pairs = former.inputs.iter().zip(&now.inputs);
    if !pairs.all(|(former, now)| former.sha256 == now.sha256) {
        return false;
    }
    if is_whole {
        return !is_finished
            || (former.flags.len() == now.flags.len() && former.inputs.len() == now.inputs.len());
    }
    let rest = former.inputs.iter().skip(now.inputs.len());
    rest.into_iter()
        .all(|input| InputFile::of(&input.path).is_ok_and(|now| now.sha256 == input.sha256))
}

/// Tells whether a folder is one of a run, and its plots and models are a run's.
pub(crate) fn is_of_a_run(folder: &Path) -> bool {
    record(folder).is_some() || matches!(atomic::regular(&folder.join(RESULTS[0])), Ok(Some(_)))
}

/// Takes the results of an earlier run away, the report first and its record last; `kept` and the inputs of this run stay.
pub(crate) fn clear(folder: &Path, now: &RunRecord, kept: &[&'static str]) -> Result<()> {
    let is_of_a_run = is_of_a_run(folder);
    for name in RESULTS {
        remove_file(&folder.join(name))?;
        // Were the power cut, the report must not come back beside new predictions.
        atomic::sync_folder(folder);
    }
    // These say that a model was handed on, to the folder that is cleared next.
    for path in entries(&folder.join(FITS))? {
        if path.extension().is_some_and(|ending| ending == "last") {
            remove_file(&path)?;
        }
    }
    let inputs = now.inputs.iter().map(|input| input.path.clone());
    let stays: Vec<PathBuf> = kept
        .iter()
        .map(|name| folder.join(name))
        .chain(inputs)
        .filter_map(|path| fs::canonicalize(path).ok())
        .collect();
    // In a folder that no run wrote they are somebody's own.
    if is_of_a_run {
        for name in FOLDERS {
            remove_folder(&folder.join(name), &stays)?;
        }
    }
    remove_file(&folder.join(RECORD))
}

/// Removes what killed runs left half-written in the folders of a run, and refuses links among them.
pub(crate) fn tidy(folder: &Path) -> Result<()> {
    for name in RESULTS.iter().chain(&[RECORD]) {
        refuse_link(&folder.join(name))?;
    }
    atomic::remove_partials(folder);
    let mut folders: Vec<PathBuf> = FOLDERS
        .iter()
        .chain(&[FITS, DATA])
        .map(|name| folder.join(name))
        .collect();
    while let Some(within) = folders.pop() {
        refuse_link(&within)?;
        if !within.is_dir() {
            continue;
        }
        atomic::remove_partials(&within);
        for path in entries(&within)? {
            refuse_link(&path)?;
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(())
}

/// Tells whether a folder that was empty holds only what a start makes: no fit, no step of a training, no report.
pub(crate) fn is_only_a_start(folder: &Path) -> bool {
    let Ok(found) = entries(folder) else {
        return false;
    };
    let is_of_start = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| {
            STARTED.contains(&name) || name == crate::run_folder::LOCK || atomic::is_partial(name)
        })
    };
    let lines = |name: &str| match input::read(&folder.join(name), input::MOST_MODEL_BYTES) {
        Ok(text) => text.iter().filter(|&&byte| byte == b'\n').count(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        // What cannot be read may hold more than a start does.
        Err(_) => usize::MAX,
    };
    found.iter().all(is_of_start)
        && entries(&folder.join(FITS)).is_ok_and(|fits| fits.is_empty())
        && lines("training.csv") <= 1
        && lines("training.jsonl") == 0
}

/// Tells whether a folder holds only what a start that was killed left, by its record or by logs without a line.
pub(crate) fn is_killed_start(folder: &Path) -> bool {
    let is_log = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| {
            name == crate::run_folder::LOCK
                || name.starts_with("training.")
                || atomic::is_partial(name)
        })
    };
    is_only_a_start(folder)
        && (record(folder).is_some_and(|record| record.seconds.is_none())
            || entries(folder).is_ok_and(|found| found.iter().all(is_log)))
}

/// Removes what a start made, and not the folder itself.
pub(crate) fn remove_start(folder: &Path) {
    for name in STARTED {
        let path = folder.join(name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => drop(fs::remove_dir_all(&path)),
            Ok(_) => drop(fs::remove_file(&path)),
            Err(_) => {}
        }
    }
}

/// Refuses a link.
pub(crate) fn refuse_link(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(Error::Link {
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Lists a folder; one that is not there is empty.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::Io {
        action: "read",
        path: folder.to_owned(),
        source,
    };
    match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| Ok(entry.map_err(failed)?.path()))
            .collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

pub(crate) fn remove_file(path: &Path) -> Result<()> {
    if atomic::regular(path)?.is_none() {
        return Ok(());
    }
    fs::remove_file(path).map_err(|source| Error::Io {
        action: "remove",
        path: path.to_owned(),
        source,
    })
}

/// Removes a folder but what stays of it.
fn remove_folder(path: &Path, stays: &[PathBuf]) -> Result<()> {
    refuse_link(path)?;
    let Ok(whole) = fs::canonicalize(path) else {
        return Ok(());
    };
    if stays.contains(&whole) {
        return Ok(());
    }
    let failed = |source| Error::Io {
        action: "remove",
        path: path.to_owned(),
        source,
    };
    if !path.is_dir() {
        return fs::remove_file(path).map_err(failed);
    }
    if !stays.iter().any(|one| one.starts_with(&whole)) {
        return fs::remove_dir_all(path).map_err(failed);
    }
    for path in entries(path)? {
        remove_folder(&path, stays)?;
    }
    Ok(())
}
