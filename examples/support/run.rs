use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use chromex::core::observe::Observer;
use chromex::core::{Experiment, FileName, Report, Rows, RunRecord};
use chromex::nn::{Checkpoints, CsvLog, JsonLinesLog};
use chromex::report::tables::{self, Published};
use chromex::report::{Note, Place, PublishedScores, RunFolder, html, markdown, plots};
use chromex::tokens::BpeTokenizer;
use chromex::transformers::FittedTokenEmbedding;

use super::output::say;
use super::versions::locked_versions;
use super::{Anything, Options, Progress};

/// Where finished fits and trainings under way are saved.
const FITS: &str = "fits";
/// Where every reported step of every training is written.
const TRAINING: &str = "training.csv";

/// Flags that change nothing of what a model computes: which models run, and where files lie, whose content is compared.
const WITHOUT_EFFECT: [&str; 3] = ["only", "data", "files"];

/// A curve of a plot: its label and its points.
type Series = (String, Vec<(f64, f64)>);

/// One run of an example: its output folder, its record, its progress.
pub(crate) struct Run {
    // Dropped before the folder, in which they write.
    observer: Arc<Vec<Arc<dyn Observer>>>,
    logs: (Arc<CsvLog>, Arc<JsonLinesLog>),
    folder: RunFolder,
    record: RunRecord,
    /// Whether the folder is ready for results, once so and once with all inputs known.
    ready: Mutex<(bool, bool)>,
    kept: Vec<&'static str>,
    notes: Mutex<Vec<Note>>,
    pictures: Mutex<Vec<Picture>>,
    seeds: u64,
    started: Instant,
}

/// A picture of the report.
struct Picture {
    name: FileName,
    caption: String,
    svg: String,
}

/// What an earlier stage of this very run may have written where settings turn out to be others than they seemed.
const STAGES: [&str; 2] = ["model/tokenizer.json", "model/pretrained"];

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
        let csv = Arc::new(CsvLog::open(&path.join(TRAINING))?);
        let json = Arc::new(JsonLinesLog::open(&path.join("training.jsonl"))?);
        let observer: Vec<Arc<dyn Observer>> =
            vec![Arc::new(Progress::new()), csv.clone(), json.clone()];
        let run = Self {
            observer: Arc::new(observer),
            folder,
            record,
            ready: Mutex::default(),
            kept: Vec::new(),
            notes: Mutex::default(),
            pictures: Mutex::default(),
            seeds,
            started: Instant::now(),
            logs: (csv, json),
        };
        let damaged = [run.logs.0.set_aside(), run.logs.1.set_aside()];
        for log in damaged.into_iter().flatten() {
            let name = |path: &Path| path.file_name().unwrap_or_default().display().to_string();
            run.note(&format!(
                "{} was damaged and is kept as {}: {} of its lines could be read, {} not.",
                name(&log.log),
                name(&log.kept_as),
                log.read,
                log.damaged
            ));
        }
        Ok(run)
    }

    /// Keeps files of an earlier run, whatever its settings, because this one begins with them.
    pub(crate) fn begin_with(&mut self, kept: &[&'static str]) {
        self.kept.extend(kept);
    }

    /// Removes what a run of other settings left in the folder, before anything is written there.
    fn make_ready(&self, is_whole: bool) -> Result<(), Anything> {
        let mut ready = lock(&self.ready);
        let is_first = !ready.0;
        if !is_first && (!is_whole || ready.1) {
            return Ok(());
        }
        let mut kept = self.kept.clone();
        if !is_first {
            kept.extend(STAGES);
        }
        let former = self.folder.record();
        let is_cleared = self.folder.begin(&self.record, &kept, is_whole)?;
        if is_cleared {
            self.note("Results of an earlier run with other settings or inputs were removed from the folder; its finished fits are kept.");
            if is_first && !former.is_some_and(|former| self.goes_on_from(&former)) {
                self.logs.0.clear();
                self.logs.1.clear();
            }
        }
        *ready = (true, is_whole);
        Ok(())
    }

    /// Tells whether all that an earlier run trained is of this run, too, which only adds to it.
    fn goes_on_from(&self, former: &RunRecord) -> bool {
        let own = |record: &RunRecord, flag: &str| record.flags.get(flag).cloned();
        let is_same = |flag: &&String| {
            WITHOUT_EFFECT.contains(&flag.as_str()) || own(former, flag) == own(&self.record, flag)
        };
        let models = own(&self.record, "only").unwrap_or_default();
        let had = own(former, "only").unwrap_or_default();
        let is_wider = models.is_empty()
            || (!had.is_empty()
                && had
                    .split(',')
                    .all(|one| models.split(',').any(|m| m == one)));
        is_wider
            && former.program == self.record.program
            && former.versions == self.record.versions
            && self.record.flags.keys().all(|flag| is_same(&flag))
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
            folder: self.folder(FITS)?,
            every_steps: 50,
            data: self.identity(),
        })
    }

    /// Says something about the run in its report.
    pub(crate) fn note(&self, note: &str) {
        lock(&self.notes).push(note.into());
    }

    /// Shows a table in the report, under a line that says what it shows; its first row is its header.
    pub(crate) fn table(&self, title: &str, rows: Vec<Vec<String>>) {
        let title = title.to_owned();
        lock(&self.notes).push(Note::Table { title, rows });
    }

    /// Gives published scores where this run read the files that they are of, and none where it read others.
    #[allow(dead_code, reason = "each example uses a part")]
    pub(crate) fn published(&self, scores: &PublishedScores) -> &'static [Published] {
        scores.of(&self.record.inputs)
    }

    /// Shows a picture in the report, under a file name and a caption.
    pub(crate) fn picture(&self, name: impl Into<FileName>, caption: &str, svg: String) {
        lock(&self.pictures).push(Picture {
            name: name.into(),
            caption: caption.to_owned(),
            svg,
        });
    }

    /// Writes a text file into the folder.
    pub(crate) fn file(&self, place: impl Into<Place>, text: &str) -> Result<(), Anything> {
        self.make_ready(false)?;
        Ok(self.folder.write_text(place, text)?)
    }

    /// Names a file within the run's folder, for whoever writes it.
    pub(crate) fn place(&self, place: impl Into<Place>) -> Result<PathBuf, Anything> {
        self.make_ready(false)?;
        Ok(self.folder.place(place)?)
    }

    /// Makes a folder within the run's and names it.
    pub(crate) fn folder(&self, name: &'static str) -> Result<PathBuf, Anything> {
        self.make_ready(false)?;
        Ok(self.folder.folder(name)?)
    }

    /// Makes the folder of the model's files and names it.
    pub(crate) fn model_folder(&self) -> Result<PathBuf, Anything> {
        self.folder("model")
    }

    /// Writes what the validation rows chose from.
    pub(crate) fn save_selection(&self, report: &Report) -> Result<(), Anything> {
        report.write(&self.place("selection.json")?)?;
        self.file("selection.md", &sections(report, &[]))
    }

    /// Writes everything that the folder promises and prints the tables.
    pub(crate) fn finish(
        mut self,
        report: &Report,
        title: &str,
        published: &[Published],
    ) -> Result<(), Anything> {
        self.make_ready(true)?;
        self.record.seconds = Some(self.started.elapsed().as_secs_f64());
        let mut drawn = self.draw(report)?;
        drawn.append(&mut lock(&self.pictures));
        for picture in &drawn {
            let name = picture.name.clone().ending("svg");
            self.folder.write_text(("plots", name), &picture.svg)?;
        }
        let notes = std::mem::take(&mut *lock(&self.notes));
        let mut text = format!("# {}\n\n", markdown::escaped(title));
        for note in &notes {
            text.push_str(&format!("{}\n", note.markdown()));
        }
        text.push_str(&sections(report, published));
        self.folder.write_text("report.md", &text)?;
        let pictures: Vec<(String, String)> = drawn
            .into_iter()
            .map(|picture| (picture.caption, picture.svg))
            .collect();
        let page = html::page(title, &self.record, report, &notes, &pictures);
        self.folder.write_text("report.html", &page)?;
        self.folder.write_report(report, &self.record)?;
        say(&text);
        say(format_args!("Written to {}", self.folder.path().display()));
        Ok(())
    }

    /// Draws the plots that every report has.
    fn draw(&self, report: &Report) -> Result<Vec<Picture>, Anything> {
        let picture = |name: FileName, caption: &str, svg| Picture {
            name,
            caption: caption.to_owned(),
            svg,
        };
        let mut drawn = vec![picture(
            "intervals".into(),
            "Pearson r with 95 % intervals",
            plots::intervals(report, "pearson")?,
        )];
        for model in report.predictions.models() {
            let svg = plots::scatter(&report.predictions, model)?;
            let name = FileName::of(&format!("scatter-{model}"));
            drawn.push(picture(name, model, svg));
        }
        let series = self.losses()?;
        if !series.is_empty() {
            let title = "Loss in training, first seed and fold";
            let svg = plots::loss_curve(title, &series)?;
            drawn.push(picture("loss".into(), title, svg));
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
        // A log that somebody else has spoilt since costs its curves, and not the run.
        let Ok(mut log) = csv::Reader::from_path(self.folder.path().join(TRAINING)) else {
            return Ok(series);
        };
        let lines = log.deserialize::<(String, f64, String, f64)>();
        for (task, step, name, value) in lines.map_while(Result::ok) {
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
        self.make_ready(true)?;
        Ok(experiment
            .seeds(self.seeds)
            .observe(self.observer())
            .resume_in(&self.folder.folder(FITS)?, &self.identity()))
    }

    /// Says what decides the numbers of a run: settings and input files.
    fn identity(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.record.flags {
            if !WITHOUT_EFFECT.contains(&name.as_str()) {
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
        let heading = markdown::escaped(target);
        text.push_str(&format!("## {heading}\n\n{table}\n"));
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
