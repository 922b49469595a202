//! A run's folder whatever happens around it: closed streams, damaged logs, two processes, kills, other settings.

#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::command_lines::example;

/// Prepares the quickest training there is, into a folder.
fn training(folder: &Path, more: &[&str]) -> Command {
    let mut command = example("deepchrome");
    command
        .args(["--quick", "--out"])
        .arg(folder)
        .args(more)
        .stdin(Stdio::null());
    command
}

/// Prepares a run of a floor alone.
pub(crate) fn floor(folder: &Path, more: &[&str]) -> Command {
    let mut command = example("genegpt2");
    command
        .args(["--quick", "--only", "ridge", "--out"])
        .arg(folder)
        .args(more)
        .stdin(Stdio::null());
    command
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn succeeded(mut command: Command) -> Output {
    let output = command.output().expect("the example was built");
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    output
}

/// Runs and expects one error that says all of `parts`.
pub(crate) fn refused(mut command: Command, parts: &[&str]) {
    let output = command.output().expect("the example was built");
    let message = said(&output);
    assert_eq!(output.status.code(), Some(1), "{command:?}: {message}");
    for part in parts {
        assert!(message.contains(part), "{message} lacks {part}");
    }
    assert!(!message.contains("panicked"), "{message}");
}

pub(crate) fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

/// Every file below a folder, by its path within.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(within) = folders.pop() {
        for entry in fs::read_dir(within).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => all.push(path.strip_prefix(folder).unwrap().display().to_string()),
            }
        }
    }
    all.sort();
    all
}

/// Waits for what another process does.
fn until(what: impl Fn() -> bool) {
    let begin = Instant::now();
    while !what() {
        assert!(begin.elapsed() < Duration::from_secs(120), "it never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn kill(mut child: Child) {
    let _ = child.kill();
    child.wait().unwrap();
}

const REPORT: [&str; 5] = [
    "report.json",
    "run.json",
    "predictions.parquet",
    "report.md",
    "report.html",
];

#[test]
fn closed_and_full_streams_end_no_run() {
    let out = tempfile::tempdir().unwrap();
    for (index, (streams, code)) in [
        ("\"$@\" > /dev/full", 1),
        ("\"$@\" 2> /dev/full", 0),
        ("\"$@\" > /dev/full 2>&1", 1),
        ("\"$@\" >&- 2>&-", 0),
        ("\"$@\" <&- >&- 2>&-", 0),
        (
            "{ \"$@\" 2>&1; echo $? > \"$code\"; } | head -1; exit $(cat \"$code\")",
            0,
        ),
        (
            "{ \"$@\"; echo $? > \"$code\"; } | true; exit $(cat \"$code\")",
            0,
        ),
        (
            "{ \"$@\" 2>&1 >&3; echo $? > \"$code\"; } 3>&1 | true; exit $(cat \"$code\")",
            0,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = out.path().join(format!("run-{index}"));
        let command = training(&folder, &["--only", "linear-network"]);
        let output = Command::new("sh")
            .args(["-c", streams, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .env("code", out.path().join("code"))
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(code),
            "{streams}: {}",
            said(&output)
        );
        for file in REPORT {
            assert!(folder.join(file).is_file(), "{streams}: {file}");
        }
        if streams.ends_with("> /dev/full") && code == 1 {
            let message = said(&output);
            assert!(message.contains("standard output"), "{message}");
            assert!(!message.contains("panicked"), "{message}");
        }
    }
    // What only lists tells that it could not.
    let list = Command::new("sh")
        .args(["-c", "\"$@\" > /dev/full", "sh"])
        .arg(example("deepchrome").get_program())
        .arg("--list")
        .output()
        .unwrap();
    assert_eq!(list.status.code(), Some(1));
}

#[test]
fn damaged_logs_stop_no_run_and_are_kept() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("run");
    let only = ["--resume", "--only", "linear-network"];
    succeeded(training(&folder, &only));
    let sound = text(folder.join("training.csv"));
    let lines = sound.lines().count();
    for (index, damage) in [
        &b"\x00\xff\xfe\n"[..],
        b"\"train linear-network, seed 0\",9,lo",
        b"a,b,c\n",
    ]
    .into_iter()
    .enumerate()
    {
        let damaged = [sound.as_bytes(), damage].concat();
        for name in ["training.csv", "training.jsonl"] {
            fs::write(folder.join(name), &damaged).unwrap();
        }
        succeeded(training(&folder, &only));
        // The fits were kept, so that what the log tells of them is the old lines.
        assert_eq!(text(folder.join("training.csv")).lines().count(), lines);
        let kept = match index {
            0 => "training.csv.damaged".to_owned(),
            _ => format!("training.csv.damaged-{}", index + 1),
        };
        assert_eq!(fs::read(folder.join(&kept)).unwrap(), damaged);
        let report = text(folder.join("report.md"));
        assert!(report.contains(&format!("kept as {kept}")), "{report}");
        assert!(text(folder.join("report.html")).contains(&kept));
    }
    fs::remove_file(folder.join("training.csv")).unwrap();
    fs::create_dir(folder.join("training.csv")).unwrap();
    succeeded(training(&folder, &only));
    assert!(folder.join("training.csv").is_file());
    assert!(folder.join("training.csv.damaged-4").is_dir());
}

#[test]
fn two_processes_never_share_a_folder() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("run");
    let name = folder.to_str().unwrap();
    let mut first = training(&folder, &[]);
    let mut first = first
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(|| folder.join("training.jsonl").is_file());
    for more in [&["--resume"][..], &[]] {
        refused(training(&folder, more), &[name, "another process"]);
        refused(floor(&folder, more), &[name, "another process"]);
    }
    assert!(first.wait().unwrap().success());
    assert!(!folder.join(".lock").exists());
    succeeded(training(&folder, &["--resume"]));

    // The hold of a process that was killed ends with it.
    let mut killed = training(&folder, &["--resume", "--epochs", "2"]);
    let killed = killed
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(|| folder.join(".lock").exists());
    kill(killed);
    succeeded(training(&folder, &["--resume"]));
}

#[test]
fn cells_are_counted_side_by_side_and_one_cell_once() {
    let out = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = out.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let genes = write("genes.bed", "chr1\t1000\t1400\tG\t0\t+\n");
    let reads = write("reads.bed", "chr1\t1010\t1040\tN\t0\t+\n");
    let folder = out.path().join("deep/cells");
    let count = |name: &str, reads: &Path| {
        let mut command = example("count_reads");
        command
            .args(["--upstream", "2", "--downstream", "2"])
            .arg(format!("--name={name}"))
            .arg("--track")
            .arg(format!("a={}", reads.display()))
            .arg("--genes")
            .arg(&genes)
            .arg("--out")
            .arg(&folder);
        command
    };
    // A name is never a path, and one that cannot be a file's is told before anything is read.
    let missing = out.path().join("missing.bed");
    for name in ["../../x", "a/b", "..", "", ".x", "-x", "a\\b", "con", "a:b"] {
        refused(count(name, &missing), &["--name", "cannot name a file"]);
        assert!(!out.path().join("deep").exists());
    }
    // What cannot be counted leaves no folder.
    refused(count("x", &missing), &["missing.bed"]);
    assert!(!out.path().join("deep").exists());

    // Another process holds a cell.
    succeeded(count("one", &reads));
    succeeded(count("two", &reads));
    let lock = fs::File::create(folder.join(".lock-one")).unwrap();
    lock.lock().unwrap();
    refused(
        count("one", &reads),
        &[folder.to_str().unwrap(), "another process"],
    );
    succeeded(count("two", &reads));
    drop(lock);
    succeeded(count("one", &reads));
    assert!(files(&folder).iter().all(|name| !name.starts_with('.')));
    // Other settings leave no file of the former ones.
    let with = |more: &str| {
        let mut command = count("one", &reads);
        command.arg(more);
        succeeded(command);
        folder.join("one.npz").exists()
    };
    assert!(with("--npz") && !with("--log1p"));

    std::os::unix::fs::symlink(out.path().join("elsewhere"), folder.join("three.md")).unwrap();
    refused(count("three", &reads), &["three.md", "symbolic link"]);
    assert!(!out.path().join("elsewhere").exists());
}

/// Copies a folder, so that one finished run serves many tests.
pub(crate) fn copied(from: &Path, to: PathBuf) -> PathBuf {
    for file in files(from) {
        let place = to.join(&file);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(from.join(file), place).unwrap();
    }
    to
}

#[test]
fn a_run_of_other_settings_never_stands_beside_the_report_of_the_one_before() {
    let out = tempfile::tempdir().unwrap();
    let first = out.path().join("first");
    succeeded(training(&first, &["--only", "deepchrome,ridge"]));
    let before = files(&first);
    for file in [
        "model/deepchrome.safetensors",
        "plots/scatter-deepchrome.svg",
    ] {
        assert!(before.iter().any(|known| known == file), "{before:?}");
    }
    assert!(
        before
            .iter()
            .any(|file| file.starts_with("interpretation/"))
    );

    // With the same settings nothing is lost, and nothing is written that was not there.
    let same = copied(&first, out.path().join("same"));
    succeeded(training(&same, &["--resume", "--only", "deepchrome,ridge"]));
    assert_eq!(files(&same), before);
    assert_eq!(
        text(same.join("report.json")),
        text(first.join("report.json"))
    );

    // Killed at each file, and where it fails to start.
    let other = ["--resume", "--only", "linear-network,ridge"];
    let is_mixed = |folder: &Path| {
        let report = text(folder.join("report.json"));
        let predictions = chromex::report::predictions::read(&folder.join("predictions.parquet"));
        let predictions = predictions.unwrap();
        let is_new = report.contains("linear-network");
        predictions.models().contains(&"linear-network") != is_new
            || folder.join("model/deepchrome.safetensors").exists() == is_new
            || folder.join("plots/scatter-deepchrome.svg").exists() == is_new
    };
    let whole = copied(&first, out.path().join("whole"));
    succeeded(training(&whole, &other));
    let after = files(&whole);
    assert!(!is_mixed(&whole));
    assert!(
        !after.iter().any(|file| {
            file.starts_with("model/")
                || file.starts_with("interpretation/")
                || (file.contains("deepchrome") && !file.starts_with("fits/"))
        }),
        "{after:?}"
    );
    for (index, killed_at) in [
        "run.json",
        "fits",
        "plots/intervals.svg",
        "plots/scatter-linear-network.svg",
        "report.md",
        "report.html",
        "predictions.parquet",
        "report.json",
    ]
    .into_iter()
    .enumerate()
    {
        let folder = copied(&first, out.path().join(format!("killed-{index}")));
        let child = training(&folder, &other)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until(|| !folder.join("report.json").exists());
        until(|| folder.join(killed_at).exists());
        kill(child);
        if folder.join("report.json").exists() {
            assert!(!is_mixed(&folder), "{killed_at}");
        }
        succeeded(training(&folder, &other));
        assert!(!is_mixed(&folder), "{killed_at}");
        let names = |folder: &Path| {
            let mut names = files(folder);
            names.retain(|name| !name.starts_with("fits/"));
            names
        };
        assert_eq!(names(&folder), names(&whole), "{killed_at}");
    }
    // Where models are only added, the curves of those before stay.
    let wider = copied(&first, out.path().join("wider"));
    succeeded(training(
        &wider,
        &["--resume", "--only", "deepchrome,ridge,fcn"],
    ));
    let log = text(wider.join("training.csv"));
    assert!(log.contains("train deepchrome") && log.contains("train fcn"));
    assert!(!text(whole.join("training.csv")).contains("train deepchrome"));

    // And back: the fits were kept, the models are made again.
    succeeded(training(
        &whole,
        &["--resume", "--only", "deepchrome,ridge"],
    ));
    assert_eq!(
        text(whole.join("report.json")),
        text(first.join("report.json"))
    );
    assert!(whole.join("model/deepchrome.safetensors").is_file());
    assert!(!whole.join("plots/scatter-linear-network.svg").exists());

    // A start that fails removes nothing.
    let kept = copied(&first, out.path().join("kept"));
    let empty = tempfile::tempdir().unwrap();
    let empty = empty.path().to_str().unwrap();
    refused(training(&kept, &["--resume", "--data", empty]), &[empty]);
    let mut left = files(&kept);
    left.retain(|file| file != ".lock");
    assert_eq!(left, before);
}

#[test]
fn a_model_that_was_handed_on_is_written_again_after_a_run_without_it() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("run");
    let with = |only: &str| {
        let mut command = example("genegpt2");
        command
            .args(["--quick", "--resume", "--only", only, "--out"])
            .arg(&folder);
        succeeded(command)
    };
    with("embeddings raw_d");
    let weights = fs::read(folder.join("model/model.safetensors")).unwrap();
    with("ridge");
    assert!(!folder.join("model/model.safetensors").exists());
    with("embeddings raw_d");
    assert!(fs::read(folder.join("model/model.safetensors")).unwrap() == weights);
}

#[test]
fn a_start_that_fails_is_no_obstacle_to_the_corrected_command() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("deep/run");
    let empty = out.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let empty = empty.to_str().unwrap();
    refused(training(&folder, &["--data", empty]), &[empty]);
    refused(floor(&folder, &["--data", empty]), &[empty]);
    let promoters = out.path().join("promoters.tsv");
    fs::write(&promoters, "gene\tsequence\tleaf\na\tACGT\t-1\n").unwrap();
    let mut cornbert = example("cornbert");
    cornbert
        .arg("--promoters")
        .arg(&promoters)
        .arg("--out")
        .arg(&folder);
    refused(cornbert, &["promoters.tsv", "-1"]);
    assert!(!out.path().join("deep").exists());
    succeeded(floor(&folder, &[]));
    refused(floor(&folder, &[]), &["--resume", folder.to_str().unwrap()]);
}
