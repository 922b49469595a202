//! What a run writes, and where: links, rights, names that come from data, versions.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use chromex::core::RunRecord;
use ndarray::Array3;
use ndarray_npy::NpzWriter;

use crate::command_lines::example;
use crate::runs::{copied, files, floor, refused, said, succeeded, text};

#[test]
fn what_killed_runs_left_goes_and_links_are_refused() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("run");
    succeeded(floor(&folder, &[]));
    let halves = [
        ".partial-0123456789abcdef",
        "fits/.partial-0123456789abcdef",
        "plots/.partial-a1B2c3",
    ];
    for name in halves {
        fs::write(folder.join(name), "half").unwrap();
    }
    fs::write(folder.join(".partial-notes.txt"), "own").unwrap();
    succeeded(floor(&folder, &["--resume"]));
    for name in halves {
        assert!(!folder.join(name).exists(), "{name}");
    }
    assert!(folder.join(".partial-notes.txt").exists());

    let elsewhere = out.path().join("elsewhere");
    for (link, target) in [
        ("plots", elsewhere.clone()),
        ("fits", elsewhere.clone()),
        ("report.md", elsewhere.join("file")),
        ("plots/intervals.svg", elsewhere.join("file")),
        (".lock", elsewhere.join("file")),
    ] {
        fs::create_dir_all(&elsewhere).unwrap();
        let folder = copied(&folder, out.path().join("linked"));
        let _ = fs::remove_file(folder.join(link));
        if folder.join(link).is_dir() {
            fs::remove_dir_all(folder.join(link)).unwrap();
        }
        std::os::unix::fs::symlink(target, folder.join(link)).unwrap();
        refused(floor(&folder, &["--resume"]), &[link, "symbolic link"]);
        assert_eq!(files(&elsewhere).len(), 0, "{link}");
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn the_umask_decides_who_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let out = tempfile::tempdir().unwrap();
    for (umask, rights) in [("027", 0o640), ("077", 0o600), ("002", 0o664)] {
        let folder = out.path().join(umask);
        let command = floor(&folder, &[]);
        let shell = Command::new("sh")
            .args(["-c", "umask \"$mask\"; exec \"$@\"", "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .env("mask", umask)
            .output()
            .unwrap();
        assert!(shell.status.success(), "{}", said(&shell));
        for file in files(&folder) {
            let found = fs::metadata(folder.join(&file)).unwrap().permissions();
            assert_eq!(found.mode() & 0o777, rights, "umask {umask}: {file}");
        }
    }
}

#[test]
fn cells_of_an_archive_never_name_paths() {
    let out = tempfile::tempdir().unwrap();
    let archive = out.path().join("cells.npz");
    let mut writer = NpzWriter::new(fs::File::create(&archive).unwrap());
    let names = [
        "a/../../../../x",
        "../../../y",
        "/tmp/chromex-z",
        "E|1 <script>`*[x](y)\n# z",
        "E",
        "e",
    ];
    for (cell, name) in names.iter().enumerate() {
        let count = |gene: usize| (gene * 7 + cell * 3) % 11;
        let array = Array3::from_shape_fn((40, 100, 7), |(gene, bin, column)| match column {
            0 => gene as f64,
            2 => count(gene) as f64,
            6 => count(gene) as f64 - 5.0,
            _ => ((gene + bin * column) % 5) as f64,
        });
        writer.add_array(*name, &array).unwrap();
    }
    writer.finish().unwrap();
    let before = files(out.path());
    let folder = out.path().join("deep/run");
    let mut command = example("fcn_ensemble");
    command
        .args(["--quick", "--only", "fcn,gene-mean", "--data"])
        .arg(&archive)
        .arg("--out")
        .arg(&folder);
    succeeded(command);
    let mut outside = files(out.path());
    outside.retain(|file| !file.starts_with("deep/run/"));
    assert_eq!(outside, before);
    assert!(!Path::new("/tmp/chromex-z.svg").exists());
    // Which cells are tested is drawn; each has a picture and a table of its own.
    let of = |kind: &str| {
        let mut files = files(&folder);
        files.retain(|file| {
            file.starts_with(kind) && file.contains("gradient-") && !file.contains("fcn-")
        });
        files.len()
    };
    assert!(of("plots/") >= 1);
    assert_eq!(of("plots/"), of("interpretation/"));
    let report = text(folder.join("report.md"));
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut of_table = None;
    for line in report.lines() {
        if line.starts_with("| ") {
            let expected = *of_table.get_or_insert(columns(line));
            assert_eq!(columns(line), expected, "{line}");
        } else {
            of_table = None;
        }
    }
    assert!(report.contains("| --- ") || report.contains("| ----"));
    assert!(!report.contains("<script") && !text(folder.join("report.html")).contains("<script"));
}

#[test]
fn a_record_names_the_versions_that_compute() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("run");
    succeeded(floor(&folder, &[]));
    let record = RunRecord::read(&folder.join("run.json")).unwrap();
    let lock = include_str!("../../Cargo.lock");
    let package = lock
        .split("[[package]]")
        .find(|package| package.contains("\nname = \"chromex-core\"\n"))
        .unwrap();
    // Where the lock file has several versions it says which one the crate is compiled with.
    let (_, rest) = package.split_once("\"ndarray").unwrap();
    let version = rest.split('"').next().unwrap().trim();
    if version.is_empty() {
        assert_eq!(lock.matches("\nname = \"ndarray\"\n").count(), 1);
    } else {
        assert_eq!(record.versions["ndarray"], version);
    }
    for (name, version) in &record.versions {
        let entry = format!("\nname = \"{name}\"\nversion = \"{version}\"\n");
        assert!(lock.contains(&entry), "{name} {version}");
    }
    for name in ["burn", "burn-flex", "chromex", "ndarray", "tokenizers"] {
        assert!(record.versions.contains_key(name), "{name}");
    }
}
