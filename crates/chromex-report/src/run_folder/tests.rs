use super::*;

/// A report that tells which run it is of.
fn report(name: &str) -> Report {
    Report {
        floors: vec![name.to_owned()],
        ..Report::default()
    }
}

fn record(epochs: &str) -> RunRecord {
    let mut record = RunRecord::new("example", "cpu");
    record.flags.insert("epochs".into(), epochs.into());
    record
}

fn finished(epochs: &str) -> RunRecord {
    RunRecord {
        seconds: Some(1.0),
        ..record(epochs)
    }
}

/// Writes all that a run leaves.
fn write_run(path: &Path, epochs: &str) -> Result<()> {
    let folder = RunFolder::create(path, true)?;
    folder.begin(&record(epochs), &[], false)?;
    folder.begin(&record(epochs), &[], true)?;
    folder.write_text("fits/a.json", epochs)?;
    folder.write_text("fits/a.last", epochs)?;
    folder.write_text("model/weights.json", epochs)?;
    folder.write_text("interpretation/map.csv", epochs)?;
    folder.write_text(("plots", FileName::of(&format!("of {epochs}"))), epochs)?;
    folder.write_text("report.md", epochs)?;
    folder.write_text("report.html", epochs)?;
    folder.write_report(&report(epochs), &finished(epochs))
}

fn names(path: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(self::names(&path));
        } else {
            names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    names.sort();
    names
}

#[test]
fn a_folder_that_holds_something_is_only_taken_to_resume() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("deep").join("run");
    let folder = RunFolder::create(&path, false).unwrap();
    assert_eq!(names(&path), [LOCK]);
    folder.write_text("plots/a.svg", "<svg/>").unwrap();
    folder.write_text("notes", "kept").unwrap();
    drop(folder);
    let error = RunFolder::create(&path, false).unwrap_err();
    assert!(matches!(error, Error::NotEmpty { .. }));
    let message = error.to_string();
    assert!(message.contains("--resume") && message.contains(path.to_str().unwrap()));
    RunFolder::create(&path, true).unwrap();
    assert_eq!(names(&path), ["a.svg", "notes"]);
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

#[test]
fn one_process_at_a_time_and_what_a_killed_one_left_holds_nobody_up() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    let first = RunFolder::create(&path, false).unwrap();
    let clone = first.clone();
    first.write_text("notes", "so that it stays").unwrap();
    for resume in [false, true] {
        let error = RunFolder::create(&path, resume).unwrap_err();
        assert!(matches!(error, Error::InUse { .. }), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()));
    }
    drop(first);
    assert!(RunFolder::create(&path, true).is_err());
    drop(clone);
    // A process that was killed leaves its lock file, without a lock.
    fs::write(path.join(LOCK), "").unwrap();
    fs::create_dir(path.join("fits")).unwrap();
    fs::write(path.join("fits/.partial-0123456789abcdef"), "half").unwrap();
    fs::write(path.join(".partial-0123456789abcdef"), "half").unwrap();
    drop(RunFolder::create(&path, true).unwrap());
    assert_eq!(names(&path), ["notes"]);
    let [one, other] = ["one", "other"].map(|cell| RunFolder::share(&path, &FileName::of(cell)));
    assert!(one.is_ok() && other.is_ok());
    let again = RunFolder::share(&path, &FileName::of("one"));
    assert!(matches!(again, Err(Error::InUse { .. })));
}

#[test]
fn a_start_that_came_to_no_fit_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let start = |folder: &RunFolder| {
        folder.begin(&record("1"), &[], false).unwrap();
        folder.write_text("training.csv", "task,step\n").unwrap();
        folder.write_text("data/genome.fa", ">a\n").unwrap();
        folder.folder("fits").unwrap();
        folder.folder("model/finetuned").unwrap();
    };
    let path = parent.path().join("deep/run");
    start(&RunFolder::create(&path, false).unwrap());
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    // An empty folder that was there stays, and what is not a start's.
    fs::create_dir_all(&path).unwrap();
    start(&RunFolder::create(&path, false).unwrap());
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    for (name, text) in [
        ("fits/a.json", ""),
        ("training.csv", "task,step\na,1\n"),
        ("training.jsonl", "{}\n"),
        ("notes", ""),
    ] {
        let folder = RunFolder::create(&path, false).unwrap();
        start(&folder);
        fs::write(path.join(name), text).unwrap();
        drop(folder);
        assert!(path.join(name).is_file(), "{name}");
        assert!(RunFolder::create(&path, false).is_err(), "{name}");
        fs::remove_dir_all(&path).unwrap();
    }
    // A killed one removes nothing, and is no obstacle either; a folder of somebody else is.
    let folder = RunFolder::create(&path, false).unwrap();
    start(&folder);
    std::mem::forget(folder);
    fs::remove_file(path.join(LOCK)).unwrap();
    drop(RunFolder::create(&path, false).unwrap());
    assert!(path.join("data/genome.fa").is_file());
    fs::remove_file(path.join("run.json")).unwrap();
    assert!(RunFolder::create(&path, false).is_err());
}

#[test]
fn a_run_of_other_settings_leaves_nothing_of_the_one_before() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    write_run(&path, "1").unwrap();
    let before = names(&path);
    write_run(&path, "1").unwrap();
    assert_eq!(names(&path), before);
    fs::write(path.join("notes"), "somebody's own").unwrap();
    fs::write(path.join("fits/b.json"), "of another model").unwrap();
    fs::write(path.join("model/other.json"), "stale").unwrap();
    write_run(&path, "2").unwrap();
    let after = names(&path);
    assert_eq!(after.len(), before.len() + 2);
    for name in ["of-2~", "notes", "b.json"] {
        assert!(after.iter().any(|known| known.starts_with(name)), "{name}");
    }
    for name in ["of-1~", "other.json"] {
        assert!(!after.iter().any(|known| known.starts_with(name)), "{name}");
    }
}

#[test]
fn settings_inputs_and_versions_tell_runs_apart() {
    let parent = tempfile::tempdir().unwrap();
    let input = parent.path().join("input");
    fs::write(&input, "1").unwrap();
    let mut first = finished("1");
    first.add_input(&input).unwrap();
    let now = record("1");
    assert!(former_run::agrees(&first, &now, false));
    // An input that is missing from this run, or new in it, is told when all are known.
    assert!(!former_run::agrees(&first, &now, true));
    let mut same = now.clone();
    same.add_input(&input).unwrap();
    assert!(former_run::agrees(&first, &same, true));
    // A killed run may not have come to all of its inputs and settings.
    assert!(former_run::agrees(&record("1"), &same, true));
    for change in [
        |record: &mut RunRecord| record.program.push('x'),
        |record: &mut RunRecord| record.device.push('x'),
        |record: &mut RunRecord| record.seeds.push(7),
        |record: &mut RunRecord| drop(record.versions.insert("chromex".into(), "9".into())),
        |record: &mut RunRecord| drop(record.flags.insert("epochs".into(), "2".into())),
        |record: &mut RunRecord| drop(record.flags.insert("new".into(), "2".into())),
        |record: &mut RunRecord| record.inputs[0].sha256.push('0'),
    ] {
        let mut other = same.clone();
        change(&mut other);
        assert!(!former_run::agrees(&first, &other, true), "{other:?}");
        assert!(!former_run::agrees(&first, &other, false), "{other:?}");
    }
    fs::write(&input, "2").unwrap();
    assert!(!former_run::agrees(&first, &now, false));
}

/// Whatever file of the second run cannot be written, the folder never holds the report of the first beside it.
#[test]
fn a_run_that_fails_at_any_file_leaves_no_older_report() {
    for stuck in [
        "model/weights.json",
        "interpretation/map.csv",
        "report.md",
        "report.html",
        "predictions.parquet",
        "report.json",
    ] {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("run");
        write_run(&path, "1").unwrap();
        let folder = RunFolder::create(&path, true).unwrap();
        assert!(folder.begin(&record("2"), &[], false).unwrap());
        drop(folder);
        assert!(!path.join("report.json").exists());
        fs::create_dir_all(path.join(stuck)).unwrap();
        let error = write_run(&path, "2").unwrap_err().to_string();
        assert!(
            error.contains(path.join(stuck).to_str().unwrap()),
            "{error}"
        );
        assert!(!path.join("report.json").is_file(), "{stuck}");
        fs::remove_dir(path.join(stuck)).unwrap();
        write_run(&path, "2").unwrap();
        let read = Report::read(&path.join("report.json")).unwrap();
        assert_eq!(read.floors, ["2"]);
    }
}

/// Removal that breaks off anywhere is taken up by the next run of either settings, because the record goes last.
#[test]
fn removal_that_breaks_off_is_finished_by_the_next_run() {
    let order = [
        "report.json",
        "report.html",
        "report.md",
        "predictions.parquet",
        "fits/a.last",
        "interpretation/map.csv",
        "model/weights.json",
    ];
    for broken_off in 1..=order.len() {
        for epochs in ["1", "2"] {
            let parent = tempfile::tempdir().unwrap();
            let path = parent.path().join("run");
            write_run(&path, "1").unwrap();
            for name in &order[..broken_off] {
                fs::remove_file(path.join(name)).unwrap();
            }
            write_run(&path, epochs).unwrap();
            let read = Report::read(&path.join("report.json")).unwrap();
            assert_eq!(read.floors, [epochs]);
            assert_eq!(fs::read_dir(path.join("plots")).unwrap().count(), 1);
        }
    }
}

#[test]
fn what_a_run_begins_with_stays() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    write_run(&path, "1").unwrap();
    let folder = RunFolder::create(&path, true).unwrap();
    let place = folder.place("model/pretrained.json").unwrap();
    fs::write(&place, "input").unwrap();
    let mut now = record("2");
    now.add_input(&path.join("model/weights.json")).unwrap();
    folder
        .begin(&now, &["model/pretrained.json"], false)
        .unwrap();
    assert!(place.is_file() && path.join("model/weights.json").is_file());
    assert!(!path.join("plots").exists());
}

/// A folder that no run wrote is somebody's own, though its names are those of a run.
#[test]
fn folders_of_somebody_else_stay() {
    let parent = tempfile::tempdir().unwrap();
    for name in ["plots", "model", "interpretation", "data"] {
        fs::create_dir(parent.path().join(name)).unwrap();
        fs::write(parent.path().join(name).join("own"), "kept").unwrap();
    }
    let folder = RunFolder::create(parent.path(), true).unwrap();
    assert!(!folder.begin(&record("1"), &[], true).unwrap());
    drop(folder);
    assert_eq!(
        names(parent.path()),
        ["own", "own", "own", "own", "run.json"]
    );
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_links() {
    use std::os::unix::fs::symlink;
    let parent = tempfile::tempdir().unwrap();
    let elsewhere = parent.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("file"), "kept").unwrap();
    for (link, target) in [
        ("plots", ""),
        ("fits", ""),
        ("model/pretrained", ""),
        ("data/relative", ""),
        ("report.json", "file"),
        ("run.json", "file"),
        ("predictions.parquet", "nothing"),
        ("plots/loss.svg", "file"),
        (LOCK, "file"),
        (LOCK, "nothing"),
    ] {
        let path = parent.path().join("run");
        let folder = RunFolder::create(&path, false).unwrap();
        folder.write_text("notes", "so that it stays").unwrap();
        let place_link = || {
            let _ = fs::remove_dir_all(path.join("plots"));
            fs::create_dir_all(path.join(link).parent().unwrap()).unwrap();
            let _ = fs::remove_file(path.join(link));
            symlink(elsewhere.join(target), path.join(link)).unwrap();
        };
        if link != LOCK {
            // Put there while a run writes, too.
            place_link();
            let written = folder.write_text("plots/loss.svg", "x");
            assert_eq!(written.is_err(), link.starts_with("plots"), "{link}");
        }
        drop(folder);
        place_link();
        let error = RunFolder::create(&path, true).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("link"), "{message}");
        assert!(
            message.contains(path.join(link).to_str().unwrap()),
            "{message}"
        );
        assert_eq!(names(&elsewhere), ["file"], "{link}");
        assert_eq!(fs::read_to_string(elsewhere.join("file")).unwrap(), "kept");
        fs::remove_dir_all(&path).unwrap();
    }
    // A link to the folder itself is the user's own choice.
    symlink(&elsewhere, parent.path().join("out")).unwrap();
    RunFolder::create(&parent.path().join("out"), true).unwrap();
}

#[test]
fn places_of_foreign_text_lie_in_their_folder() {
    let parent = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(&parent.path().join("run"), false).unwrap();
    for text in ["../../x", "/etc/x", "a/b", "..", "", "\0", "con"] {
        let name = FileName::of(text).ending("svg");
        folder.write_text(("plots", name.clone()), "x").unwrap();
        let place = folder.place(("plots", name)).unwrap();
        assert_eq!(place.parent().unwrap(), folder.path().join("plots"));
        assert!(place.is_file());
    }
    let of = |text| {
        folder
            .place(("plots", FileName::of(text).ending("csv")))
            .unwrap()
    };
    let mut places = ["Cell", "cell", "CELL", "Cell"].map(of);
    assert_eq!(places[0], places[3]);
    assert_eq!(places[0], folder.path().join("plots/Cell.csv"));
    for place in &mut places {
        *place = place.to_str().unwrap().to_lowercase().into();
    }
    assert!(places[0] != places[1] && places[0] != places[2] && places[1] != places[2]);
    assert!(folder.folder("../outside").is_err());
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
}
