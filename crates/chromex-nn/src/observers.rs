use std::path::Path;
use std::sync::{Arc, Mutex};

use chromex_core::observe::{Event, Observer};

use crate::Result;
use crate::log_file::{Format, LogFile, SetAside};

/// Writes every step that a task reports as one line of JSON:
/// `{"task":"..","step":10,"loss":1.5}`.
///
/// Within a fold a task is called after it, too: `train, seed 0, fold 2`. A task that goes on after a kill first drops the lines
/// that it will write again, and one that begins anew those of the one before. What is damaged is put aside and stops nothing.
pub struct JsonLinesLog(Mutex<Log>);

/// Writes every step that a task reports as lines `task,step,name,value`, with a header.
///
/// Lines are dropped, and damage is put aside, as [`JsonLinesLog`] does.
pub struct CsvLog(Mutex<Log>);

/// Adds the perplexity, e to the power of the loss, to every loss that a task of language tells a listener.
pub struct Perplexity(pub Arc<dyn Observer>);

struct Log {
    file: LogFile,
    /// The fold that tasks are of, of several.
    fold: Option<String>,
}

impl JsonLinesLog {
    /// Opens the log, keeping the lines that it has.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) when it can be neither written nor put aside.
    pub fn open(path: &Path) -> Result<Self> {
        let is_line = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            line["task"].is_string() && line["step"].is_u64()
        };
        let format = Format {
            header: "",
            is_line,
        };
        Ok(Self(Mutex::new(Log::open(path, format)?)))
    }

    /// Says what was damaged when the log was opened.
    pub fn set_aside(&self) -> Option<SetAside> {
        lock(&self.0).file.set_aside().cloned()
    }

    /// Drops the lines of all tasks: those of a run of other settings tell nothing of this one.
    pub fn clear(&self) {
        lock(&self.0).file.clear();
    }
}

impl CsvLog {
    /// Opens the log, keeping the lines that it has.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) when it can be neither written nor put aside.
    pub fn open(path: &Path) -> Result<Self> {
        let is_line = |line: &str| {
            let mut reader = csv::ReaderBuilder::new();
            let mut reader = reader.has_headers(false).from_reader(line.as_bytes());
            let mut fields = csv::StringRecord::new();
            matches!(reader.read_record(&mut fields), Ok(true))
                && fields.len() == 4
                && fields.deserialize::<(&str, u64, &str, f64)>(None).is_ok()
        };
        let format = Format {
            header: "task,step,name,value\n",
            is_line,
        };
        Ok(Self(Mutex::new(Log::open(path, format)?)))
    }

    /// Says what was damaged when the log was opened.
    pub fn set_aside(&self) -> Option<SetAside> {
        lock(&self.0).file.set_aside().cloned()
    }

    /// Drops the lines of all tasks, as [`JsonLinesLog::clear`] does.
    pub fn clear(&self) {
        lock(&self.0).file.clear();
    }
}

impl Observer for JsonLinesLog {
    fn observe(&self, event: &Event<'_>) {
        let mut log = lock(&self.0);
        match *event {
            Event::Fold { name } => log.fold = name.map(str::to_owned),
            Event::Begin { task, done, .. } => {
                let task = log.name_of(task);
                log.file.keep(|line| {
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
                log.file
                    .append(&format!("{}\n", serde_json::Value::Object(line)));
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
                log.file.keep(|line| {
                    let rest = line.strip_prefix(&task).and_then(|r| r.strip_prefix(','));
                    let step = rest.and_then(|rest| rest.split(',').next()?.parse::<u64>().ok());
                    step.is_none_or(|step| step <= done)
                });
            }
            Event::Step { task, done, values } => {
                let task = quoted(&log.name_of(task));
                let line = |(name, value): &(&str, f64)| {
                    format!("{task},{done},{},{value}\n", quoted(name))
                };
                log.file
                    .append(&values.iter().map(line).collect::<String>());
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
    fn open(path: &Path, format: Format) -> Result<Self> {
        Ok(Self {
            file: LogFile::open(path, format)?,
            fold: None,
        })
    }

    fn name_of(&self, task: &str) -> String {
        match &self.fold {
            None => task.to_owned(),
            Some(fold) => format!("{task}, fold {fold}"),
        }
    }
}

fn lock(log: &Mutex<Log>) -> std::sync::MutexGuard<'_, Log> {
    log.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Quotes a field where it needs it. A line is one record, whatever a fold or a target is called.
fn quoted(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    if text.contains([',', '"']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
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

    /// Both logs as text, after one more step.
    fn after_a_step(csv: &Path, json: &Path) -> [String; 2] {
        for log in [
            Box::new(CsvLog::open(csv).unwrap()) as Box<dyn Observer>,
            Box::new(JsonLinesLog::open(json).unwrap()),
        ] {
            begin(log.as_ref(), 1);
            step(log.as_ref(), 2);
        }
        [csv, json].map(|path| std::fs::read_to_string(path).unwrap())
    }

    #[test]
    fn damage_is_put_aside_whole_and_the_lines_that_are_sound_stay() {
        const HEADER: &str = "task,step,name,value\n";
        const CSV: &str = "\"a, b\",1,loss,0.5\n";
        const JSON: &str = "{\"loss\":0.5,\"step\":1,\"task\":\"a, b\"}\n";
        let long = format!("{}\n", "x".repeat(3 << 20));
        let damages: [(&str, &[u8]); 7] = [
            ("half", b"\"a, b\",2,lo"),
            // Half a number looks like a whole one.
            ("half number", b"\"a, b\",2,loss,0.2"),
            ("junk", b"\x00\xff\xfe\n\x80\n"),
            ("columns", b"a,b\n1,2,3,4,5,6\n"),
            ("no number", b"\"a, b\",two,loss,0.5\n{\"task\":3}\n"),
            ("open quote", b"\"a, b\n"),
            ("long", long.as_bytes()),
        ];
        for (name, damage) in damages {
            let folder = tempfile::tempdir().unwrap();
            let (csv, json) = (folder.path().join("a.csv"), folder.path().join("a.jsonl"));
            let damaged = [[HEADER, CSV].concat(), JSON.to_owned()]
                .map(|sound| [sound.as_bytes(), damage].concat());
            std::fs::write(&csv, &damaged[0]).unwrap();
            std::fs::write(&json, &damaged[1]).unwrap();
            let opened = CsvLog::open(&csv).unwrap();
            let told = opened.set_aside().expect(name);
            assert_eq!(told.read, 1, "{name}");
            assert!(told.damaged > 0, "{name}");
            assert_eq!(std::fs::read(&told.kept_as).unwrap(), damaged[0], "{name}");
            let [csv, json] = after_a_step(&csv, &json);
            assert_eq!(csv, [HEADER, CSV, "\"a, b\",2,loss,0.5\n"].concat());
            assert_eq!(json, [JSON, &JSON.replace(":1", ":2")].concat(), "{name}");
            let kept = std::fs::read(folder.path().join("a.jsonl.damaged")).unwrap();
            assert_eq!(kept, damaged[1], "{name}");
        }
    }

    #[test]
    fn what_is_no_file_makes_way_and_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (csv, json) = (folder.path().join("a.csv"), folder.path().join("a.jsonl"));
        std::fs::create_dir(&csv).unwrap();
        std::fs::write(csv.join("within"), "kept").unwrap();
        std::fs::create_dir(&json).unwrap();
        after_a_step(&csv, &json);
        assert!(folder.path().join("a.csv.damaged/within").is_file());
        #[cfg(unix)]
        {
            std::fs::remove_file(&csv).unwrap();
            let elsewhere = folder.path().join("elsewhere");
            std::fs::write(&elsewhere, "kept").unwrap();
            std::os::unix::fs::symlink(&elsewhere, &csv).unwrap();
            let [text, _] = after_a_step(&csv, &json);
            assert_eq!(text.lines().count(), 2);
            assert_eq!(std::fs::read_to_string(elsewhere).unwrap(), "kept");
            assert!(folder.path().join("a.csv.damaged-2").is_symlink());
        }
        let sound = CsvLog::open(&csv).unwrap();
        assert_eq!(sound.set_aside(), None);
        sound.clear();
        assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), 1);
    }

    #[test]
    fn a_name_of_any_letters_is_one_field() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let names = ["mse a,b", "mse \"x\"", "mse a\nb\r", "=1+1", ""];
        let log = CsvLog::open(&path).unwrap();
        for name in names {
            log.observe(&Event::Step {
                task: name,
                done: 1,
                values: &[(name, f64::NAN), (name, f64::INFINITY)],
            });
        }
        assert_eq!(CsvLog::open(&path).unwrap().set_aside(), None);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1 + 2 * names.len());
    }
}
