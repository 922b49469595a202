use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use chromex::core::observe::Observer;
use chromex::core::{Experiment, Report, Rows, RunRecord};
use chromex::nn::{Checkpoints, CsvLog, JsonLinesLog};
use chromex::report::tables::{self, Published};
use chromex::report::{PublishedScores, RunFolder, html, plots};
use chromex::tokens::BpeTokenizer;
use chromex::transformers::FittedTokenEmbedding;

use super::{Anything, Options, Progress};

/// Where finished fits and trainings under way are saved.
const FITS: &str = "fits";
/// Where every reported step of every training is written.
const TRAINING: &str = "training.csv";

/// A curve of a plot: its label and its points.
type Series = (String, Vec<(f64, f64)>);

/// One run of an example: its output folder, its record, its progress.
pub(crate) struct Run {
    folder: RunFolder,
    record: RunRecord,
    observer: Arc<Vec<Arc<dyn Observer>>>,
    notes: Mutex<Vec<String>>,
    pictures: Mutex<Vec<(String, String, String)>>,
    seeds: u64,
    started: Instant,
}

impl Run {
    /// Opens the output folder, before any work.
    pub(crate) fn begin(
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
        record.versions.extend(locked_versions());
        let flags = [
            ("data", format!("{:?}", options.data)),
            ("precision", format!("{:?}", options.precision())),
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
            Arc::new(CsvLog::open(&path.join(TRAINING))?),
            Arc::new(JsonLinesLog::open(&path.join("training.jsonl"))?),
        ];
        Ok(Self {
            folder,
            record,
            observer: Arc::new(observer),
            notes: Mutex::default(),
            pictures: Mutex::default(),
            seeds,
            started: Instant::now(),
        })
    }

    /// Lends what listens to progress.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        self.observer.clone()
    }

    /// Records what later fits depend on and no flag says, such as the weights that they begin with.
    pub(crate) fn setting(&mut self, name: &str, value: String) {
        self.record.flags.insert(name.to_owned(), value);
    }

    /// Records a file that was read.
    pub(crate) fn add_input(&mut self, file: &Path) -> Result<(), Anything> {
        Ok(self.record.add_input(file)?)
    }

    /// Names where training is saved.
    pub(crate) fn checkpoints(&self) -> Result<Checkpoints, Anything> {
        Ok(Checkpoints {
            folder: self.folder.folder(FITS)?,
            every_steps: 50,
            data: self.identity(),
        })
    }

    /// Says something about the run in its report.
    pub(crate) fn note(&self, note: &str) {
        lock(&self.notes).push(note.to_owned());
    }

    /// Gives published scores where this run read the files that they are of, and none where it read others.
    #[allow(dead_code, reason = "each example uses a part")]
    pub(crate) fn published(&self, scores: &PublishedScores) -> &'static [Published] {
        scores.of(&self.record.inputs)
    }

    /// Shows a picture in the report, under a file name and a caption.
    pub(crate) fn picture(&self, name: &str, caption: &str, svg: String) {
        lock(&self.pictures).push((name.to_owned(), caption.to_owned(), svg));
    }

    /// Writes a text file into the folder.
    pub(crate) fn file(&self, name: &str, text: &str) -> Result<(), Anything> {
        Ok(self.folder.write_text(name, text)?)
    }

    /// Makes a folder within the run's and names it.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, Anything> {
        Ok(self.folder.folder(name)?)
    }

    /// Makes the folder of the model's files and names it.
    pub(crate) fn model_folder(&self) -> Result<PathBuf, Anything> {
        Ok(self.folder.folder("model")?)
    }

    /// Writes what the validation rows chose from.
    pub(crate) fn save_selection(&self, report: &Report) -> Result<(), Anything> {
        report.write(&self.folder.path().join("selection.json"))?;
        let text = sections(report, &[]);
        Ok(self.folder.write_text("selection.md", &text)?)
    }

    /// Writes everything that the folder promises and prints the tables.
    pub(crate) fn finish(
        mut self,
        report: &Report,
        title: &str,
        published: &[Published],
    ) -> Result<(), Anything> {
        self.record.seconds = Some(self.started.elapsed().as_secs_f64());
        let notes = std::mem::take(&mut *lock(&self.notes));
        let mut text = format!("# {title}\n\n");
        for note in &notes {
            text.push_str(&format!("{note}\n\n"));
        }
        text.push_str(&sections(report, published));
        let mut drawn = self.draw(report)?;
        drawn.append(&mut lock(&self.pictures));
        for (name, _, picture) in &drawn {
            self.folder
                .write_text(&format!("plots/{name}.svg"), picture)?;
        }
        self.folder.write_text("report.md", &text)?;
        let pictures: Vec<(String, String)> = drawn
            .into_iter()
            .map(|(_, caption, picture)| (caption, picture))
            .collect();
        let page = html::page(title, &self.record, report, &notes, &pictures);
        self.folder.write_text("report.html", &page)?;
        self.folder.write_report(report, &self.record)?;
        println!("{text}");
        println!("Written to {}", self.folder.path().display());
        Ok(())
    }

    /// Draws the plots: name, caption, picture.
    fn draw(&self, report: &Report) -> Result<Vec<(String, String, String)>, Anything> {
        let mut drawn = vec![(
            "intervals".to_owned(),
            "Pearson r with 95 % intervals".to_owned(),
            plots::intervals(report, "pearson")?,
        )];
        for model in report.predictions.models() {
            let name: String = model
                .chars()
                .map(|c| if c.is_alphanumeric() { c } else { '-' })
                .collect();
            let picture = plots::scatter(&report.predictions, model)?;
            drawn.push((format!("scatter-{name}"), model.to_owned(), picture));
        }
        let series = self.losses()?;
        if !series.is_empty() {
            let title = "Loss in training, first seed and fold";
            let picture = plots::loss_curve(title, &series)?;
            drawn.push(("loss".to_owned(), title.to_owned(), picture));
        }
        Ok(drawn)
    }

    /// Reads the loss curves of trainings, what was before a kill included.
    fn losses(&self) -> Result<Vec<Series>, Anything> {
        self.curves(|task, name| match name {
            "loss" => Some(task.to_owned()),
            "validation_loss" => Some(format!("{task}, validation")),
            _ => None,
        })
    }

    /// Reads curves of the first seed and fold of each training: `label` says what that of a task and a name is called, and which are
    /// left out.
    pub(crate) fn curves(
        &self,
        label: impl Fn(&str, &str) -> Option<String>,
    ) -> Result<Vec<Series>, Anything> {
        let mut series: Vec<Series> = Vec::new();
        let mut seeds: HashMap<String, String> = HashMap::new();
        for line in csv::Reader::from_path(self.folder.path().join(TRAINING))?.deserialize() {
            let (task, step, name, value): (String, f64, String, f64) = line?;
            let (task, seed) = task.rsplit_once(", seed ").unwrap_or((&task, ""));
            let first = seeds.entry(task.to_owned()).or_insert(seed.to_owned());
            if first != seed {
                continue;
            }
            let Some(label) = label(task, &name) else {
                continue;
            };
            match series.iter_mut().find(|(known, _)| *known == label) {
                Some((_, points)) => points.push((step, value)),
                None => series.push((label, vec![(step, value)])),
            }
        }
        Ok(series)
    }

    /// Gives an experiment the run's seeds, progress and saved fits.
    pub(crate) fn experiment<X: Rows + 'static>(
        &self,
        experiment: Experiment<X>,
    ) -> Result<Experiment<X>, Anything> {
        Ok(experiment
            .seeds(self.seeds)
            .observe(self.observer())
            .resume_in(&self.folder.folder(FITS)?, &self.identity()))
    }

    /// Says what decides the numbers of a run: settings and input files.
    fn identity(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.record.flags {
            // Neither which models run nor where files lie changes what a model computes.
            if name != "only" && name != "data" {
                text.push_str(&format!("{name}={value}\n"));
            }
        }
        for input in &self.record.inputs {
            text.push_str(&input.sha256);
        }
        text
    }
}

/// Writes the first seed's tokenizer and language model, where there is a folder for them, as files that the Python
/// libraries open.
pub(crate) fn save_model(
    folder: Option<&Path>,
    seed: u64,
    tokenizer: &BpeTokenizer,
    embedding: &FittedTokenEmbedding,
) -> chromex::core::Result<()> {
    let Some(folder) = folder.filter(|_| seed == 0) else {
        return Ok(());
    };
    let model = &embedding.model;
    model
        .architecture
        .write_folder(&model.network.network, folder)?;
    tokenizer.save(&folder.join("tokenizer.json"))?;
    Ok(())
}

/// Lays a report out, target by target.
fn sections(report: &Report, published: &[Published]) -> String {
    let mut targets: Vec<&str> = Vec::new();
    for line in &report.summaries {
        if !targets.contains(&line.target.as_str()) {
            targets.push(&line.target);
        }
    }
    let mut text = String::new();
    for target in targets {
        let table = tables::scores(report, target, published);
        text.push_str(&format!("## {target}\n\n{table}\n"));
        text.push_str(
            "Brackets: 95 % percentile bootstrap over genes, or over groups of them that are kept together; ±: standard deviation over seeds.\n\n",
        );
        let compared = tables::comparisons(report, target, "pearson");
        if compared.lines().count() > 2 {
            text.push_str(&format!(
                "Against the floors, in Pearson r:\n\n{compared}\n"
            ));
        }
        let findings = tables::findings(report, target, "pearson");
        if !findings.is_empty() {
            text.push_str(&format!("{findings}\n"));
        }
    }
    text
}

/// Reads the versions of what computes the numbers from the lock file that the example was built with.
fn locked_versions() -> Vec<(String, String)> {
    let lock = include_str!("../../Cargo.lock");
    let mut versions = Vec::new();
    for package in lock.split("[[package]]") {
        let field = |name: &str| {
            let start = package.find(&format!("\n{name} = \""))? + name.len() + 5;
            package[start..].split('"').next()
        };
        if let (Some(name), Some(version)) = (field("name"), field("version"))
            && ["burn", "burn-flex", "ndarray", "tokenizers"].contains(&name)
        {
            versions.push((name.to_owned(), version.to_owned()));
        }
    }
    versions
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
