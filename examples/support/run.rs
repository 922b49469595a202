use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use chromex::core::observe::Observer;
use chromex::core::{Experiment, Report, Rows, RunRecord};
use chromex::nn::{Checkpoints, CsvLog, JsonLinesLog};
use chromex::report::RunFolder;

use super::{Options, Progress};

/// Whatever can go wrong in an example.
pub type Anything = Box<dyn Error>;

/// One run of an example: its output folder, its record, its progress.
pub struct Run {
    folder: RunFolder,
    record: RunRecord,
    observer: Arc<Vec<Arc<dyn Observer>>>,
    notes: Mutex<Vec<String>>,
    seeds: u64,
    started: Instant,
}

/// Runs an example and prints what went wrong, with its causes, once.
pub fn report_errors(run: impl FnOnce() -> Result<(), Anything>) -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut message = error.to_string();
            let mut cause = error.source();
            while let Some(inner) = cause {
                message.push_str(": ");
                message.push_str(&inner.to_string());
                cause = inner.source();
            }
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

impl Run {
    /// Opens the output folder, before any work.
    pub fn begin(
        example: &str,
        options: &Options,
        default_seeds: u64,
        settings: &[(&str, String)],
    ) -> Result<Self, Anything> {
        options.device()?;
        let path = match &options.out {
            Some(path) => path.clone(),
            None => Path::new("out").join(example),
        };
        let folder = RunFolder::create(&path, options.resume)?;
        let mut record = RunRecord::new(example, &options.device);
        record
            .versions
            .insert("burn".into(), "0.22.1".into());
        let flags = [
            ("data", format!("{:?}", options.data)),
            ("quick", options.quick.to_string()),
            ("only", options.only.join(",")),
        ];
        for (name, value) in flags.iter().chain(settings) {
            record.flags.insert((*name).to_owned(), value.clone());
        }
        let seeds = match options.seeds {
            Some(seeds) => seeds,
            None if options.quick => 1,
            None => default_seeds,
        };
        record.seeds = (0..seeds).collect();
        let observer: Vec<Arc<dyn Observer>> = vec![
            Arc::new(Progress::new()),
            Arc::new(CsvLog::open(&path.join("training.csv"))?),
            Arc::new(JsonLinesLog::open(&path.join("training.jsonl"))?),
        ];
        Ok(Self {
            folder,
            record,
            observer: Arc::new(observer),
            notes: Mutex::default(),
            seeds,
            started: Instant::now(),
        })
    }

    /// Lends what listens to progress.
    pub fn observer(&self) -> Arc<dyn Observer> {
        self.observer.clone()
    }

    /// Records a file that was read.
    pub fn add_input(&mut self, file: &Path) -> Result<(), Anything> {
        Ok(self.record.add_input(file)?)
    }

    /// Names where training is saved.
    pub fn checkpoints(&self) -> Result<Checkpoints, Anything> {
        Ok(Checkpoints {
            folder: self.folder.fits()?,
            every_steps: 50,
            data: self.identity(),
        })
    }

    /// Says something about the run in its report.
    pub fn note(&self, note: &str) {
        let mut notes = self.notes.lock().unwrap_or_else(|e| e.into_inner());
        notes.push(note.to_owned());
    }

    /// Names a file or folder in the output folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gives an experiment the run's seeds, progress and saved fits.
    pub fn experiment<X: Rows + 'static>(
        &self,
        experiment: Experiment<X>,
    ) -> Result<Experiment<X>, Anything> {
        Ok(experiment
            .seeds(self.seeds)
            .observe(self.observer())
            .resume_in(&self.folder.fits()?, &self.identity()))
    }

    /// Says what decides the numbers of a run: settings and input files.
    fn identity(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.record.flags {
            // Which models run does not change what each of them computes.
            if name != "only" {
                text.push_str(&format!("{name}={value}\n"));
            }
        }
        for input in &self.record.inputs {
            text.push_str(&input.sha256);
        }
        text
    }
}
