//! A run gives the same bits with one thread, two and five, and when it is killed with two and goes on with five.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::command_lines::{example, files};

/// What a run came to: every file of numbers that it leaves, by its path.
type Left = BTreeMap<String, Vec<u8>>;

fn command(name: &str, flags: &[&str], threads: usize, folder: &Path) -> Command {
    let mut command = example(name);
    command
        .args(["--quick", "--resume", "--out", folder.to_str().unwrap()])
        .args(flags)
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stdin(Stdio::null());
    command
}

/// Runs an example to its end.
fn finish(name: &str, flags: &[&str], threads: usize, folder: &Path) -> Left {
    let output = command(name, flags, threads, folder).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {message}");
    let left = files(folder).into_iter().filter_map(|file| {
        let path = file
            .strip_prefix(folder)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let of_numbers = path.ends_with(".safetensors")
            || path.starts_with("interpretation")
            || ["report.json", "predictions.parquet", "importance.tsv"].contains(&path.as_str());
        of_numbers.then(|| (path, std::fs::read(&file).unwrap()))
    });
    left.collect()
}

#[track_caller]
fn assert_equal(one: &Left, other: &Left, which: &str) {
    assert!(one.keys().eq(other.keys()), "{which}: {:?}", other.keys());
    for (path, bytes) in one {
        assert!(bytes == &other[path], "{which}: {path}");
    }
}

/// Runs an example with one thread, two and five.
#[track_caller]
fn assert_the_same(name: &str, flags: &[&str]) {
    let out = tempfile::tempdir().unwrap();
    let [one, two, five] = [1, 2, 5].map(|threads| {
        let folder = out.path().join(threads.to_string());
        finish(name, flags, threads, &folder)
    });
    assert!(one.contains_key("predictions.parquet"));
    assert_equal(&one, &two, "two threads");
    assert_equal(&one, &five, "five threads");
}

#[test]
fn deepchrome_and_its_companions() {
    assert_the_same("deepchrome", &[]);
}

#[test]
fn attentivechrome() {
    assert_the_same("attentivechrome", &["--only", "attentivechrome"]);
}

#[test]
fn deepdiff() {
    assert_the_same("deepdiff", &["--only", "raw_c,raw_aux_siamese"]);
}

#[test]
fn wakawaka() {
    assert_the_same("wakawaka", &[]);
}

#[test]
fn fcn_ensemble() {
    let flags = ["--epochs", "1", "--only", "fcn,learned-weighting"];
    assert_the_same("fcn_ensemble", &flags);
}

#[test]
fn genegpt2() {
    assert_the_same("genegpt2", &["--only", "raw-tokens,embeddings"]);
}

#[test]
fn dnabert2_vs_dexter() {
    let flags = ["--only", "5-mers,CNN,DNABERT-2"];
    assert_the_same("dnabert2_vs_dexter", &flags);
}

/// Batches of promoters of many lengths, so that products have many numbers of rows.
const CORNBERT: [&str; 10] = [
    "--pretrain-steps",
    "20",
    "--finetune-steps",
    "120",
    "--layers",
    "1",
    "--width",
    "32",
    "--only",
    "CornBERT",
];

#[test]
fn cornbert_even_if_it_is_killed_with_two_threads_and_goes_on_with_five() {
    let out = tempfile::tempdir().unwrap();
    let folder = |name: &str| out.path().join(name);
    let [one, two, five] = [1, 2, 5].map(|threads| {
        finish(
            "cornbert",
            &CORNBERT,
            threads,
            &folder(&threads.to_string()),
        )
    });
    assert_equal(&one, &two, "two threads");
    assert_equal(&one, &five, "five threads");

    let folder = folder("killed");
    let mut child = command("cornbert", &CORNBERT, 2, &folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Once both halves of pre-training are over and fine-tuning has been saved for the first time, after 50 of its 120 steps.
    let saved = || {
        let trainings = files(&folder.join("fits"));
        let saved = trainings
            .iter()
            .filter(|file| file.extension().is_some_and(|kind| kind == "checkpoint"));
        saved.count() > 2 && !folder.join("report.json").exists()
    };
    let begin = Instant::now();
    while !saved() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it was killed"
        );
        assert!(
            begin.elapsed() < Duration::from_secs(300),
            "nothing was saved"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.join("report.json").exists());
    let resumed = finish("cornbert", &CORNBERT, 5, &folder);
    assert_equal(&one, &resumed, "killed and resumed");
}

/// What is cut by the number of threads rounds by it too, so that nothing that computes asks for it.
#[test]
fn nothing_that_computes_asks_for_the_number_of_threads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut asking = BTreeSet::new();
    for folder in ["crates", "examples"] {
        for file in files(&root.join(folder)) {
            let path = file.strip_prefix(root).unwrap();
            let is_tested = path.components().any(|part| part.as_os_str() == "tests");
            if path.extension().is_none_or(|kind| kind != "rs") || is_tested {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            if ["current_num_threads", "available_parallelism"]
                .iter()
                .any(|name| text.contains(name))
            {
                asking.insert(path.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    let known = [
        // Whole numbers, whose sums have no order.
        "crates/chromex-io/src/counting/bam.rs",
        // A product that is cut so on purpose, to be found out.
        "crates/chromex-nn/src/fused/thread_tests.rs",
    ];
    assert_eq!(asking, known.map(str::to_owned).into());
}
