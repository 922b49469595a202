use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use chromex_core::atomic;
use chromex_core::observe::{Event, Observer};

use crate::{Error, Result};

/// Writes every step that a task reports as one line of JSON:
/// `{"task":"..","step":10,"loss":1.5}`.
///
/// Within a fold a task is called after it, too: `train, seed 0, fold 2`. A task that goes on after a kill first drops the lines
/// that it will write again, and one that begins anew those of the one before.
pub struct JsonLinesLog(Mutex<Log>);

/// Writes every step that a task reports as lines `task,step,name,value`, with a header.
///
/// Lines are dropped as [`JsonLinesLog`] drops them.
pub struct CsvLog(Mutex<Log>);

/// Adds the perplexity, e to the power of the loss, to every loss that a task of language tells a listener.
pub struct Perplexity(pub Arc<dyn Observer>);

struct Log {
    path: std::path::PathBuf,
    file: File,
    /// The fold that tasks are of, of several.
    fold: Option<String>,
}

impl JsonLinesLog {
    /// Opens the log, keeping the lines that it has.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self(Mutex::new(Log::open(path, "")?)))
    }
}

impl CsvLog {
    /// Opens the log, keeping the lines that it has.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self(Mutex::new(Log::open(path, "task,step,name,value\n")?)))
    }
}

impl Observer for JsonLinesLog {
    fn observe(&self, event: &Event<'_>) {
        let mut log = lock(&self.0);
        match *event {
            Event::Fold { name } => log.fold = name.map(str::to_owned),
            Event::Begin { task, done, .. } => {
                let task = log.name_of(task);
                log.drop_after(|line| {
                    let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
                    line["task"] != task || line["step"].as_u64().is_some_and(|step| step <= done)
                });
            }
            Event::Step { task, done, values } if !values.is_empty() => {
                let mut line = serde_json::Map::new();
                line.insert("task".into(), log.name_of(task).into());
                line.insert("step".into(), done.into());
                for &(name, value) in values {
                    line.insert(name.into(), value.into());
                }
                log.append(&format!("{}\n", serde_json::Value::Object(line)));
            }
            _ => {}
        }
    }
}

impl Observer for CsvLog {
    fn observe(&self, event: &Event<'_>) {
        let mut log = lock(&self.0);
        match *event {
            Event::Fold { name } => log.fold = name.map(str::to_owned),
            Event::Begin { task, done, .. } => {
                let task = quoted(&log.name_of(task));
                log.drop_after(|line| {
                    let rest = line.strip_prefix(&task).and_then(|r| r.strip_prefix(','));
                    let step = rest.and_then(|rest| rest.split(',').next()?.parse::<u64>().ok());
                    step.is_none_or(|step| step <= done)
                });
            }
            Event::Step { task, done, values } => {
                let task = quoted(&log.name_of(task));
                for (name, value) in values {
                    log.append(&format!("{task},{done},{name},{value}\n"));
                }
            }
            _ => {}
        }
    }
}

impl Observer for Perplexity {
    fn observe(&self, event: &Event<'_>) {
        let Event::Step { task, done, values } = *event else {
            return self.0.observe(event);
        };
        let mut more = values.to_vec();
        for (name, added) in [
            ("loss", "perplexity"),
            ("validation_loss", "validation_perplexity"),
        ] {
            let loss = values.iter().find(|(known, _)| *known == name);
            more.extend(loss.map(|(_, loss)| (added, loss.exp())));
        }
        self.0.observe(&Event::Step {
            task,
            done,
            values: &more,
        });
    }
}

impl Log {
    fn open(path: &Path, header: &str) -> Result<Self> {
        let attempt = || -> std::io::Result<File> {
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            if file.metadata()?.len() == 0 {
                file.write_all(header.as_bytes())?;
            }
            Ok(file)
        };
        Ok(Self {
            path: path.to_owned(),
            file: attempt().map_err(|source| Error::Io {
                action: "write",
                path: path.to_owned(),
                source,
            })?,
            fold: None,
        })
    }

    fn name_of(&self, task: &str) -> String {
        match &self.fold {
            None => task.to_owned(),
            Some(fold) => format!("{task}, fold {fold}"),
        }
    }

    /// A log must not stop the work it is about: a line that cannot be written is left out.
    fn append(&mut self, line: &str) {
        let _ = self.file.write_all(line.as_bytes());
    }

    fn drop_after(&mut self, keep: impl Fn(&str) -> bool) {
        let Ok(file) = chromex_core::input::open(&self.path) else {
            return;
        };
        let lines: Vec<String> = BufReader::new(file).lines().map_while(|l| l.ok()).collect();
        if lines.iter().all(|line| keep(line)) {
            return;
        }
        let written = atomic::write(&self.path, |out| {
            for line in lines.iter().filter(|line| keep(line)) {
                writeln!(out, "{line}")?;
            }
            Ok(())
        });
        if written.is_ok()
            && let Ok(file) = OpenOptions::new().append(true).open(&self.path)
        {
            self.file = file;
        }
    }
}

fn lock(log: &Mutex<Log>) -> std::sync::MutexGuard<'_, Log> {
    log.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(log: &dyn Observer, done: u64) {
        log.observe(&Event::Step {
            task: "a, b",
            done,
            values: &[("loss", 0.5)],
        });
    }

    fn begin(log: &dyn Observer, done: u64) {
        log.observe(&Event::Begin {
            task: "a, b",
            steps: 9,
            done,
        });
    }

    #[test]
    fn perplexity_stands_beside_every_loss() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let log = Perplexity(Arc::new(CsvLog::open(&path).unwrap()));
        begin(&log, 0);
        step(&log, 1);
        log.observe(&Event::Step {
            task: "t",
            done: 1,
            values: &[("validation_loss", 0.0)],
        });
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines[0], "\"a, b\",1,loss,0.5");
        assert!(lines[1].starts_with("\"a, b\",1,perplexity,1.6487"));
        assert_eq!(
            lines[2..],
            ["t,1,validation_loss,0", "t,1,validation_perplexity,1"]
        );
    }

    #[test]
    fn folds_of_one_task_keep_their_lines_apart() {
        let folder = tempfile::tempdir().unwrap();
        let (csv, json) = (folder.path().join("a.csv"), folder.path().join("a.jsonl"));
        for _ in 0..2 {
            let logs: [Box<dyn Observer>; 2] = [
                Box::new(CsvLog::open(&csv).unwrap()),
                Box::new(JsonLinesLog::open(&json).unwrap()),
            ];
            for log in &logs {
                for name in [Some("1"), Some("2"), None] {
                    log.observe(&Event::Fold { name });
                    begin(log.as_ref(), 0);
                    step(log.as_ref(), 1);
                }
            }
        }
        assert_eq!(
            std::fs::read_to_string(csv).unwrap(),
            "task,step,name,value\n\"a, b, fold 1\",1,loss,0.5\n\"a, b, fold 2\",1,loss,0.5\n\"a, b\",1,loss,0.5\n"
        );
        let json = std::fs::read_to_string(json).unwrap();
        let tasks: Vec<serde_json::Value> = json
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["task"].clone())
            .collect();
        assert_eq!(tasks, ["a, b, fold 1", "a, b, fold 2", "a, b"]);
    }

    #[test]
    fn a_task_that_goes_on_rewrites_only_what_comes_after_its_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let (csv, json) = (folder.path().join("a.csv"), folder.path().join("a.jsonl"));
        for (done, steps) in [(0, [1, 2, 3]), (2, [3, 4, 5])] {
            let logs: [Box<dyn Observer>; 2] = [
                Box::new(CsvLog::open(&csv).unwrap()),
                Box::new(JsonLinesLog::open(&json).unwrap()),
            ];
            for log in &logs {
                begin(log.as_ref(), done);
                for done in steps {
                    step(log.as_ref(), done);
                }
            }
        }
        let csv = std::fs::read_to_string(csv).unwrap();
        let expected: String = (1..=5)
            .map(|s| format!("\"a, b\",{s},loss,0.5\n"))
            .collect();
        assert_eq!(csv, format!("task,step,name,value\n{expected}"));
        let json = std::fs::read_to_string(json).unwrap();
        assert_eq!(json.lines().count(), 5);
        assert_eq!(
            json.lines().last(),
            Some(r#"{"loss":0.5,"step":5,"task":"a, b"}"#)
        );
    }
}
