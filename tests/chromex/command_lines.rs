use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use chromex::io::simulate::SimulatedPair;

/// Finds a built example beside this test's own binary; `cargo test` builds both.
pub(crate) fn example(name: &str) -> Command {
    let own = std::env::current_exe().expect("a test has a path");
    let folder = own
        .parent()
        .and_then(Path::parent)
        .expect("target/PROFILE/deps/NAME");
    Command::new(folder.join("examples").join(name))
}

fn run(arguments: &[&str]) -> Output {
    example("genegpt2")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the example was built")
}

fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Runs and expects one error that says all of `parts`.
fn refused(arguments: &[&str], parts: &[&str]) {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("run");
    let elsewhere = ["--out", folder.to_str().unwrap()];
    let output = if arguments.contains(&"--out") {
        run(arguments)
    } else {
        run(&[arguments, &elsewhere[..]].concat())
    };
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{arguments:?} went through");
    for part in parts {
        assert!(
            message.contains(part),
            "{arguments:?}: {message} lacks {part}"
        );
    }
    assert!(!message.contains("panicked"), "{message}");
}

/// The files of a small simulated pair, in the layout of the published ones.
fn simulated_files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let pair = SimulatedPair {
        genes: 30,
        cells: ["Cell1".into(), "Cell2".into()],
        ..SimulatedPair::default()
    };
    pair.draw(5).unwrap().write(folder.path()).unwrap();
    folder
}

#[test]
fn the_quick_run_leaves_every_promised_file() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("run");
    let output = run(&["--quick", "--out", folder.to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    for model in [
        "raw-tokens raw_c",
        "embeddings raw_d",
        "ridge",
        "mean",
        "median",
    ] {
        assert!(table.contains(model), "the table lacks {model}");
    }
    for file in [
        "report.json",
        "run.json",
        "predictions.parquet",
        "report.md",
        "report.html",
        "model/config.json",
        "model/model.safetensors",
        "model/tokenizer.json",
    ] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    assert!(std::fs::read_dir(folder.join("plots")).unwrap().count() >= 2);
    let report: serde_json::Value =
        serde_json::from_str(&text(folder.join("report.json"))).unwrap();
    let score = &report["scores"][0];
    for field in [
        "model", "target", "metric", "fold", "seed", "value", "low", "high", "n",
    ] {
        assert!(score.get(field).is_some(), "{field}");
    }
    let read = chromex::report::predictions::read(&folder.join("predictions.parquet")).unwrap();
    assert!(read.models().contains(&"embeddings raw"));

    // The folder is full now: only --resume may write into it.
    refused(
        &["--quick", "--out", folder.to_str().unwrap()],
        &[folder.to_str().unwrap(), "resume"],
    );
    let again = run(&["--quick", "--resume", "--out", folder.to_str().unwrap()]);
    assert!(again.status.success());
}

#[test]
fn the_corrected_protocol_chooses_and_resumes() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("run");
    let arguments = ["--quick", "--mode", "rigorous", "--precision", "bfloat16"];
    let to = ["--out", folder.to_str().unwrap()];
    let first = run(&[&arguments[..], &to].concat());
    let table = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(first.status.success() && table.contains("\n| embeddings "));
    let chosen: serde_json::Value =
        serde_json::from_str(&text(folder.join("selection.json"))).unwrap();
    assert!(chosen["scores"].as_array().unwrap().len() > 60);
    assert!(text(folder.join("training.csv")).contains(", seed 0\",10,loss,"));
    let report = text(folder.join("report.json"));
    let again = run(&[&arguments[..], &to, &["--resume"]].concat());
    assert!(again.status.success());
    assert_eq!(text(folder.join("report.json")), report);

    // The floor alone trains no language model.
    let folder = out.path().join("floor");
    let to = ["--out", folder.to_str().unwrap(), "--only", "ridge"];
    assert!(run(&[&arguments[..], &to].concat()).status.success());
    assert!(!text(folder.join("training.csv")).contains("GPT-2"));
}

#[test]
fn only_and_list_name_models() {
    let list = run(&["--list"]);
    let names = String::from_utf8(list.stdout).unwrap();
    assert!(list.status.success());
    assert!(names.lines().any(|name| name == "raw-tokens raw"));
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("run");
    let run_only =
        |only: &str| run(&["--quick", "--only", only, "--out", folder.to_str().unwrap()]);
    assert!(run_only("ridge,mean").status.success());
    let report = text(folder.join("report.json"));
    assert!(report.contains("\"ridge\"") && !report.contains("raw-tokens"));
    refused(&["--only", "xgboost"], &["xgboost", "raw-tokens raw_c"]);
}

#[test]
fn flags_that_cannot_be_are_refused() {
    refused(&["--seeds", "0"], &["--seeds"]);
    refused(&["--device", "abacus"], &["abacus"]);
    refused(&["--mode", "hopeful"], &["faithful", "rigorous"]);
    for flags in [["--sweep", "context"], ["--embedding", "contextual"]] {
        refused(&[&["--mode", "rigorous"], &flags[..]].concat(), &[flags[0]]);
    }
    refused(
        &["--data", "/nowhere/at/all", "--only", "mean"],
        &["/nowhere/at/all"],
    );
}

#[test]
fn an_output_folder_that_cannot_be_written_is_refused_before_any_work() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    refused(
        &["--quick", "--out", file.to_str().unwrap()],
        &[file.to_str().unwrap()],
    );
    assert_eq!(text(&file), "in the way");
}

/// Every file below a folder, none where there is no folder.
#[cfg(unix)]
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all
}

/// A limit on the size of files fails a write in its middle, as a full disk does, and needs no disk of its own.
#[cfg(unix)]
#[test]
fn a_disk_without_room_is_one_error_and_leaves_nothing_half_written() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("run");
    let arguments = ["--quick", "--resume", "--out", folder.to_str().unwrap()];
    // 128 blocks of 512 bytes hold the tables and fits, but no weights.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$@\"", "sh"])
        .arg(example("genegpt2").get_program())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{message}");
    assert!(!message.contains("panicked"), "{message}");
    let fits = folder.join("fits");
    assert!(message.contains(fits.to_str().unwrap()), "{message}");
    for file in files(&folder) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!name.starts_with('.') && !name.contains("tmp"), "{name}");
        assert!(!name.ends_with("checkpoint"), "{name}");
        if name.ends_with("json") {
            serde_json::from_str::<serde_json::Value>(&text(&file)).unwrap();
        }
    }
    let again = run(&arguments);
    assert!(again.status.success(), "with room it goes on");
}

#[test]
fn bad_tables_are_one_error_with_path_and_line() {
    let broken = |file: &str, change: &dyn Fn(String) -> String, parts: &[&str]| {
        let data = simulated_files();
        let path = data.path().join(file);
        let changed = change(text(&path));
        std::fs::write(&path, changed).unwrap();
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().join("run");
        let (data, out) = (data.path().to_str().unwrap(), folder.to_str().unwrap());
        refused(
            &["--data", data, "--only", "mean", "--out", out],
            &[&[path.to_str().unwrap()], parts].concat(),
        );
        assert!(!folder.join("report.json").exists());
    };
    let line = |number: usize, change: fn(&str) -> String| {
        move |table: String| {
            let lines = table.lines().enumerate();
            let changed = lines.map(|(n, l)| if n + 1 == number { change(l) } else { l.into() });
            changed.collect::<Vec<_>>().join("\n")
        }
    };
    let table = "Cell1.train.csv";
    broken(table, &|_| String::new(), &[]);
    broken(
        table,
        &|t| t.lines().take(250).collect::<Vec<_>>().join("\n"),
        &["200"],
    );
    broken(
        table,
        &line(7, |l| l.rsplit_once(',').unwrap().0.into()),
        &["7"],
    );
    broken(table, &line(7, |l| format!("{l}x")), &["7"]);
    broken(table, &line(7, |l| l.replacen(',', ",-", 1)), &["7"]);
    broken(table, &line(7, |_| String::new()), &["7"]);
    broken(
        "Cell1.expr.csv",
        &|t| t.lines().skip(3).collect::<Vec<_>>().join("\n"),
        &[],
    );
}

#[test]
fn a_run_that_is_killed_goes_on_to_the_same_weights() {
    let out = tempfile::tempdir().unwrap();
    let arguments = |folder: &str| {
        let folder: PathBuf = out.path().join(folder);
        vec![
            "--quick".to_owned(),
            "--resume".to_owned(),
            "--only".to_owned(),
            "embeddings raw_d".to_owned(),
            "--out".to_owned(),
            folder.to_str().unwrap().to_owned(),
        ]
    };
    let finish = |folder: &str| {
        let output = example("genegpt2")
            .args(arguments(folder))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        std::fs::read(out.path().join(folder).join("model/model.safetensors")).unwrap()
    };
    let whole = finish("whole");
    // Moments from before the first step to after the last, none of them chosen by what the run does.
    for (index, milliseconds) in [150_u64, 400, 900, 1600].into_iter().enumerate() {
        let folder = format!("killed-{index}");
        let mut child = example("genegpt2")
            .args(arguments(&folder))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        let _ = child.kill();
        child.wait().unwrap();
        assert!(finish(&folder) == whole, "killed after {milliseconds} ms");
    }
}
