//! DNABERT-2 against DExTER: a pre-trained language model and a search for motifs in regions, on the same promoters.
//!
//! Documents: Zhou et al. 2024 (DNABERT-2), Menichelli et al. 2021 (DExTER, doi:10.1371/journal.pcbi.1008909). Data:
//! simulated promoters with planted stretches of few letters, or tables of real ones (`--data`, `--set`).
//!
//! `cargo run --release --example dnabert2_vs_dexter -- --help`

#[path = "../support/mod.rs"]
mod support;

mod sets;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use chromex::baselines::WakaWakaConfig;
use chromex::boosting::{CrossValidatedElasticNet, Ridge};
use chromex::core::observe::Observer;
use chromex::core::{Dataset, Experiment, Fit, GivenSplit, Rows, Sequences, Split, Then};
use chromex::io::registry::{FetchedModel, ModelHub};
use chromex::metrics::{MeanSquaredError, Pearson, RSquared, Spearman};
use chromex::nn::blocks::ConvolutionConfig;
use chromex::nn::weights::Snapshot;
use chromex::nn::{Adaptation, Device, Keep, Length, Precision, Recipe, Schedule, Trainer};
use chromex::tokens::{BpeTokenizer, Dexter, DnaBpe, DnaTokenizer, DomainCounts, KmerCounts};
use chromex::transformers::{
    Dnabert2Config, Dnabert2Features, Dnabert2Regression, Pooling, SpecialTokens,
};
use clap::{Parser, ValueEnum};

use sets::Set;
use support::{Anything, Options, Run};

/// Predict expression from promoters by motifs in regions and by a language model of DNA
#[derive(Parser, Debug)]
#[command(name = "dnabert2_vs_dexter")]
struct Flags {
    #[command(flatten)]
    options: Options,
    /// Which promoters; all but the simulated ones are read from --data
    #[arg(long, value_enum, default_value = "simulated")]
    set: Set,
    /// Read promoters from this table instead: id, sequence, value and, where it is known, part, separated by tabs
    #[arg(long, value_name = "TSV", conflicts_with = "set")]
    table: Option<PathBuf>,
    /// Train networks for this many epochs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    epochs: Option<u64>,
    /// Also fine-tune published weights: a folder, or a model's name on the hub
    #[arg(long, value_name = "DIR|OWNER/NAME")]
    weights: Option<String>,
    /// What of the published weights is trained
    #[arg(long, value_enum, default_value = "all")]
    adapt: Adapt,
    /// Keep models that are downloaded in this folder
    #[arg(long, value_name = "DIR", default_value = "out/models")]
    cache: PathBuf,
    /// Download nothing
    #[arg(long)]
    offline: bool,
}

/// What of published weights is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Adapt {
    /// All of them, as published
    All,
    /// The last two blocks and the head
    LastBlocks,
    /// Adapters of rank 8 and the head
    LowRank,
    /// Nothing: the frozen network's vectors are read by a ridge
    Nothing,
}

/// Published weights and what they are read with.
struct Pretrained {
    /// What was read.
    files: Vec<PathBuf>,
    /// What was read and has no checksum by which it is known to be what was published.
    unchecked: Vec<String>,
    tokens: DnaTokenizer,
    model: Dnabert2Regression,
    adapt: Adapt,
}

/// What the models of one run share.
struct Settings {
    set: Set,
    epochs: u64,
    device: Device,
    precision: Precision,
    observer: Option<Arc<dyn Observer>>,
    pretrained: Option<Pretrained>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    support::report_errors(|| run(&flags))
}

fn run(flags: &Flags) -> Result<(), Anything> {
    let options = &flags.options;
    if flags.set != Set::Simulated && options.data.is_none() {
        return Err("--set: real promoters are read from the folder that --data names".into());
    }
    if flags.set == Set::Simulated && flags.table.is_none() && options.data.is_some() {
        return Err(
            "--data: name one of its tables by --set, or a table of your own by --table".into(),
        );
    }
    let genes = if options.quick { 120 } else { 1500 };
    let epochs = flags.epochs.unwrap_or(if options.quick { 1 } else { 8 });
    let mut settings = Settings {
        set: flags.set,
        epochs,
        device: options.device()?,
        precision: options.precision(),
        observer: None,
        pretrained: None,
    };
    if let Some(weights) = &flags.weights {
        settings.pretrained = Some(support::of(
            Path::new(weights),
            pretrained(weights, flags, &settings.device),
        )?);
    }
    if options.list {
        let drawn = Set::Simulated.read(None, 30)?;
        let tokens = tokens(None, &drawn)?;
        let names = experiment(drawn, tokens, &settings)?.names();
        support::say(names.join("\n"));
        return Ok(());
    }
    let data = options.data.as_deref();
    let file = match &flags.table {
        Some(table) => Some(table.clone()),
        None => data.and_then(|data| flags.set.file(data)),
    };
    let dataset = match &flags.table {
        Some(table) => support::of(table, sets::read_table(table))?,
        None => match &file {
            Some(file) => support::of(file, flags.set.read(data, genes))?,
            None => flags.set.read(data, genes)?,
        },
    };
    let told = [
        ("set", format!("{:?}", flags.set)),
        ("epochs", epochs.to_string()),
        ("weights", format!("{:?}, {:?}", flags.weights, flags.adapt)),
    ];
    let seeds = if file.is_some() { 5 } else { 1 };
    let mut run = Run::begin("dnabert2_vs_dexter", options, seeds, &told)?;
    let tokenizer = data.and_then(published_tokenizer);
    for file in file.iter().chain(&tokenizer) {
        run.add_input(file)?;
    }
    if let Some(pretrained) = &settings.pretrained {
        for file in &pretrained.files {
            run.add_input(file)?;
        }
        if !pretrained.unchecked.is_empty() {
            run.note(&format!(
                "The hub tells no checksum of {}: that they are what was published is not known.",
                pretrained.unchecked.join(", ")
            ));
        }
    }
    if tokenizer.is_none() {
        run.note("Tokens are learned from the training promoters: --data lacks DNABERT-2's.");
    }
    settings.observer = Some(run.observer());
    let tokens = tokens(tokenizer.as_deref(), &dataset)?;
    let experiment = options.choose(experiment(dataset.clone(), tokens, &settings)?)?;
    let with_dexter = experiment.names().iter().any(|name| name == DEXTER);
    let report = run.experiment(experiment)?.run()?;
    if with_dexter {
        interpret(&run, &dataset, flags.set)?;
    }
    run.finish(&report, "DNABERT-2 against DExTER", &[])
}

/// Reads published weights, downloading them where they are named and not yet here.
fn pretrained(weights: &str, flags: &Flags, device: &Device) -> Result<Pretrained, Anything> {
    let hub = ModelHub::new(&flags.cache);
    let hub = if flags.offline { hub.offline() } else { hub };
    let folder = hub.resolve(weights)?;
    let tokenizer = BpeTokenizer::load(&folder.join("tokenizer.json"))?;
    let device = device.clone().inner();
    let (mut model, network) = Dnabert2Regression::default().read_folder(1, &folder, 0, &device)?;
    model.begin = Some(Snapshot::of(&network, "bert."));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        files.extend(Some(entry?.path()).filter(|path| path.is_file()));
    }
    files.sort();
    let fetched = FetchedModel::of_folder(&folder)?;
    let unchecked = fetched.iter().flat_map(FetchedModel::unchecked);
    Ok(Pretrained {
        unchecked: unchecked.map(str::to_owned).collect(),
        files,
        tokens: DnaBpe::dnabert2().with(tokenizer)?,
        model,
        adapt: flags.adapt,
    })
}

/// The name of DExTER in the table.
const DEXTER: &str = "DExTER";

fn dexter(set: Set) -> Dexter {
    Dexter {
        alignment: set.alignment(),
        ..Dexter::default()
    }
}

/// Finds DNABERT-2's tokenizer.
fn published_tokenizer(data: &Path) -> Option<PathBuf> {
    let file = data.join("dna_tokenizers/DNABERT-2-117M/tokenizer.json");
    file.exists().then_some(file)
}

/// Reads DNABERT-2's tokenizer, or learns one from the training promoters.
fn tokens(file: Option<&Path>, dataset: &Dataset<Sequences>) -> Result<DnaTokenizer, Anything> {
    if let Some(file) = file {
        return Ok(DnaBpe::dnabert2().with(BpeTokenizer::load(file)?)?);
    }
    let bpe = DnaBpe {
        vocabulary: 512,
        ..DnaBpe::dnabert2()
    };
    let fold = GivenSplit::default().folds(&dataset.keys, 0)?.remove(0);
    Ok(bpe.learn(&dataset.inputs.select(&fold.train))?)
}

fn experiment(
    dataset: Dataset<Sequences>,
    tokens: DnaTokenizer,
    settings: &Settings,
) -> Result<Experiment<Sequences>, Anything> {
    let penalties: Vec<f64> = (-2..=7).map(|power| 10_f64.powi(power)).collect();
    let recipe = Recipe {
        length: Length::Epochs(settings.epochs),
        keep: Keep::BestValidation,
        ..Recipe::default()
    };
    let convolution = ConvolutionConfig {
        filters: 64,
        kernel: 12,
        pool: 8,
        ..WakaWakaConfig::default().dna[0]
    };
    let network = WakaWakaConfig {
        marks: Vec::new(),
        dna: vec![convolution],
        module_width: 64,
        joint: vec![32],
        ..WakaWakaConfig::default()
    };
    let vocabulary = tokens.tokenizer.vocabulary_size();
    let mut layout = Dnabert2Regression::default().layout;
    if tokens.tokenizer.id("[CLS]").is_none() {
        layout.special = SpecialTokens::default();
    }
    let small = Dnabert2Regression {
        network: Dnabert2Config {
            vocabulary,
            width: 64,
            layers: 2,
            heads: 4,
            hidden: 128,
            ..Dnabert2Config::published()
        },
        layout,
        pooling: Pooling::Mean,
        ..Dnabert2Regression::default()
    };
    let fine_tuning = Recipe {
        learning_rate: 5e-4,
        schedule: Schedule::WarmUpLinear { steps: 50 },
        length: Length::Epochs(settings.epochs),
        ..Dnabert2Regression::recipe()
    };
    let convolutions = trainer(network, recipe, "CNN", settings);
    let transformer = trainer(small, fine_tuning, "DNABERT-2", settings);
    let mut experiment = Experiment::new(dataset, GivenSplit::default())
        .metric(Pearson)
        .metric(Spearman)
        .metric(RSquared)
        .metric(MeanSquaredError)
        .floor(
            "4-mers ridge",
            KmerCounts::new(4).then(Ridge::tuned(penalties.clone())),
        )
        .floor(
            "5-mers ridge",
            KmerCounts::new(5).then(Ridge::tuned(penalties.clone())),
        )
        .floor(
            DEXTER,
            dexter(settings.set).then(CrossValidatedElasticNet::lasso()),
        )
        .model("CNN small", convolutions)
        .model("DNABERT-2 small from scratch", tokens.then(transformer));
    if let Some(published) = &settings.pretrained {
        let (tokens, model) = (published.tokens.clone(), published.model.clone());
        let name = format!(
            "DNABERT-2 of published weights ({:?} trained)",
            published.adapt
        );
        let adaptation = match published.adapt {
            Adapt::All => Adaptation::All,
            Adapt::LastBlocks => model.last_blocks(2),
            Adapt::LowRank => Dnabert2Regression::low_rank(8, 16.0),
            Adapt::Nothing => {
                let mut features = Dnabert2Features::new(model);
                features.device = settings.device.clone();
                let learner = tokens.then(features).then(Ridge::tuned(penalties));
                return Ok(experiment.model(&name, learner));
            }
        };
        let recipe = Recipe {
            adaptation,
            length: Length::Epochs(settings.epochs),
            ..Dnabert2Regression::recipe()
        };
        let learner = tokens.then(trainer(model, recipe, "published DNABERT-2", settings));
        experiment = experiment.model(&name, learner);
    }
    Ok(experiment)
}

fn trainer<A>(architecture: A, recipe: Recipe, name: &str, settings: &Settings) -> Trainer<A> {
    let recipe = Recipe {
        precision: settings.precision,
        ..recipe
    };
    let trainer = Trainer::new(architecture, recipe).device(&settings.device);
    match &settings.observer {
        Some(observer) => trainer.observe(&format!("train {name}"), observer.clone()),
        None => trainer,
    }
}

/// Writes what DExTER found: domains, how they came of one another, and what each is worth.
fn interpret(run: &Run, dataset: &Dataset<Sequences>, set: Set) -> Result<(), Anything> {
    let fold = GivenSplit::default().folds(&dataset.keys, 0)?.remove(0);
    let (train, valid) = (dataset.select(&fold.train), dataset.select(&fold.valid));
    let found: DomainCounts = dexter(set).fit(&train, &valid, 0)?;
    let folder: PathBuf = run.model_folder()?;
    found.save(&folder.join("domains.json"))?;
    found.write_domains(&folder.join("domains.tsv"))?;
    for exploration in found.explorations() {
        exploration.write_graph(found.lattice(), &folder.join("exploration.dot"))?;
    }
    let table = found.count(&train.inputs)?;
    let targets = train.targets.values.view();
    let model = CrossValidatedElasticNet::lasso().fit_table(table.view(), targets, 0)?;
    let worth = model.importances(table.view(), targets)?;
    let mut lines: Vec<(f64, f64, String)> = worth
        .column(0)
        .iter()
        .zip(model.coefficients().column(0))
        .zip(found.names())
        .map(|((&worth, &weight), name)| (worth, weight, name))
        .filter(|(_, weight, _)| *weight != 0.0)
        .collect();
    lines.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut text = String::from("domain\tweight\tfall_of_r_squared\n");
    for (worth, weight, name) in &lines {
        text.push_str(&format!("{name}\t{weight}\t{worth}\n"));
    }
    run.file("model/importances.tsv", &text)?;
    let best: Vec<String> = lines
        .iter()
        .take(5)
        .map(|(worth, _, name)| format!("{name} ({worth:.3})"))
        .collect();
    run.note(&format!(
        "DExTER keeps {} domains and weighs {}; R² of the training rows falls most without {}.",
        found.domains().len(),
        lines.len(),
        best.join(", ")
    ));
    Ok(())
}
