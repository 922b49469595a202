//! Runs a program on a hostile file and looks at what it did.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a program may take.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) bytes: u64,
    pub(crate) seconds: u64,
}

/// What a program must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// It panicked, or its errors hold the text of a panic.
    Panic,
    /// It was ended by a signal, or with another code than 0, 1 or 2.
    Abort,
    /// It did not end in time.
    Hang,
    /// It took more memory than it may.
    Memory,
    /// It wrote, changed or removed a file outside its output folder.
    Outside,
    /// It failed without a word.
    Silent,
}

/// What became of a run.
pub(crate) struct Outcome {
    pub(crate) faults: Vec<(Fault, String)>,
    pub(crate) is_success: bool,
    pub(crate) seconds: f64,
    pub(crate) peak_bytes: u64,
    /// Its error, or the last line of what it told.
    pub(crate) told: String,
}

/// Runs a program in `cell/case`. Only `cell/case/out` may be written into.
pub(crate) fn run(
    program: &Path,
    arguments: &[String],
    cell: &Path,
    budget: Budget,
) -> io::Result<Outcome> {
    let case = cell.join("case");
    let before = snapshot(cell)?;
    let error_file = cell.with_extension("stderr");
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(&case)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&error_file)?)
        .spawn()?;
    let status_file = format!("/proc/{}/status", child.id());
    let (mut peak_bytes, mut ended_for) = (0, None);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak_bytes = peak_bytes.max(peak(&status_file));
        if peak_bytes > budget.bytes {
            ended_for = Some((Fault::Memory, format!("{} MB", peak_bytes >> 20)));
        } else if begun.elapsed() > Duration::from_secs(budget.seconds) {
            ended_for = Some((Fault::Hang, format!("{} s", budget.seconds)));
        }
        if ended_for.is_some() {
            // Its own end counts, should it come first.
            let _ = child.kill();
            break child.wait()?;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let seconds = begun.elapsed().as_secs_f64();
    let errors = fs::read(&error_file)?;
    let errors = String::from_utf8_lossy(&errors).into_owned();
    fs::remove_file(&error_file)?;
    let error = errors.lines().find(|line| line.starts_with("error"));
    let told = error
        .or(errors.lines().last())
        .unwrap_or_default()
        .to_owned();
    let mut faults: Vec<(Fault, String)> = ended_for.into_iter().collect();
    let panic = errors.lines().find(|line| line.contains("panicked at"));
    if let Some(line) = panic {
        faults.push((Fault::Panic, line.to_owned()));
    }
    if faults.is_empty() {
        match (status.code(), status.signal()) {
            (Some(0..=2), _) => {}
            (Some(code), _) => faults.push((Fault::Abort, format!("code {code}"))),
            (_, signal) => faults.push((Fault::Abort, format!("signal {signal:?}"))),
        }
    }
    if faults.is_empty() && !status.success() && errors.trim().is_empty() {
        faults.push((Fault::Silent, String::new()));
    }
    let after = snapshot(cell)?;
    for (path, state) in &after {
        match before.get(path) {
            None => faults.push((Fault::Outside, format!("made {}", path.display()))),
            Some(old) if old != state => {
                faults.push((Fault::Outside, format!("changed {}", path.display())));
            }
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    faults.extend(gone.map(|path| (Fault::Outside, format!("removed {}", path.display()))));
    Ok(Outcome {
        faults,
        is_success: status.success(),
        seconds,
        peak_bytes,
        told,
    })
}

/// The most memory that a process had so far.
fn peak(status_file: &str) -> u64 {
    let text = fs::read_to_string(status_file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}

/// Everything below a folder but `case/out`: a kind and, of files, length and time of the last change.
fn snapshot(cell: &Path) -> io::Result<BTreeMap<PathBuf, String>> {
    let out = cell.join("case/out");
    let mut all = BTreeMap::new();
    let mut folders = vec![cell.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path == out {
                continue;
            }
            let found = path.symlink_metadata()?;
            let kind = found.file_type();
            if kind.is_dir() {
                folders.push(path.clone());
                all.insert(path, "folder".into());
            } else {
                let state = format!("{kind:?}, {}, {:?}", found.len(), found.modified()?);
                all.insert(path, state);
            }
        }
    }
    Ok(all)
}

/// Copies a folder with all that is in it; links stay links.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
