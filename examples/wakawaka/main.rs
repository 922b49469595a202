//! WakaWaka: convolutions of histone marks and of promoter DNA, joined. Does DNA add anything on genes that were not seen?
//!
//! Document: a course project's report (Haider-Asif/Gene-expression-prediction). Data: Arabidopsis genes with ten chromatin
//! tracks, 512 bases of promoter and leaf expression (`--data`), or a simulated cell with a motif planted in its DNA. Published
//! on the Kaggle set: mean squared error 3.15 for the final network.
//!
//! `cargo run --release --example wakawaka -- --help`

#[path = "../support/histone.rs"]
mod histone;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use burn::Tensor;
use chromex::baselines::interpretation::planted_fraction;
use chromex::baselines::{StagedWakaWaka, WakaWakaConfig, save_network};
use chromex::boosting::Ridge;
use chromex::core::{
    Dataset, Encode, Experiment, GivenSplit, Keys, MarkWindows, Sequences, Split, Target, Targets,
    Then, Transform, WindowColumns, WindowMaxima, random,
};
use chromex::io::TabRows;
use chromex::nn::attribution::input_gradient;
use chromex::nn::{Trained, Trainer};
use chromex::report::plots;
use chromex::tokens::KmerCounts;
use clap::Parser;
use ndarray::{Array2, Array3, Axis};
use rand::RngExt;

use histone::Training;
use support::{Anything, Options, Run, comma_text};

/// Predict expression from histone marks and promoter DNA, as WakaWaka did
#[derive(Parser, Debug)]
#[command(name = "wakawaka")]
struct Flags {
    #[command(flatten)]
    options: Options,
    /// Take another of the report's eight experiments
    #[arg(long, value_name = "1 to 8", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=8))]
    experiment: u64,
    /// Train every network for this many epochs [default: 10, as reported]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    epochs: Option<u64>,
}

/// Marks and DNA of the same genes.
type Both = (MarkWindows, Sequences);

/// Genes, and where motifs were planted.
struct Genes {
    dataset: Dataset<Both>,
    motifs: Option<Array3<bool>>,
}

/// What of a gene a floor reads.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Marks,
    Dna,
}

/// What the picture of the nucleotides' gradients shows, across and upwards.
const GRADIENT_AXES: (&str, &str) = (
    "base pairs from the transcription start",
    "gradient of the prediction",
);

const MOTIF: &[u8] = b"TATAAATA";

fn main() -> ExitCode {
    let flags = Flags::parse();
    support::report_errors(|| run(&flags))
}

fn run(flags: &Flags) -> Result<(), Anything> {
    let options = &flags.options;
    let bare = Training::bare(options)?;
    let names = experiment(&simulated(6)?, &bare, flags).names();
    if options.list {
        support::say(names.join("\n"));
        return Ok(());
    }
    options.chosen(&names)?;
    let seeds = if options.data.is_some() { 5 } else { 1 };
    let settings = [
        ("experiment", flags.experiment.to_string()),
        ("epochs", format!("{:?}", flags.epochs)),
    ];
    let mut run = Run::begin("wakawaka", options, seeds, &settings)?;
    let genes = match &options.data {
        Some(folder) => support::of(folder, read(folder, &mut run))?,
        None => simulated(if options.quick { 60 } else { 1800 })?,
    };
    let training = Training::of_run(options, &run, flags.epochs, 10)?;
    let experiment = options.choose(experiment(&genes, &training, flags))?;
    let interpreted = experiment.names().iter().any(|name| name == "joint");
    let report = run.experiment(experiment)?.run()?;
    if interpreted {
        interpret(&run, &genes, &training, flags)?;
    }
    run.finish(&report, "WakaWaka", &[])
}

fn config(genes: &Genes, flags: &Flags) -> WakaWakaConfig {
    let published = WakaWakaConfig::published();
    let (_, config) = published[flags.experiment as usize - 1].clone();
    match genes.dataset.inputs.0.bins() {
        1 => config.one_bin(),
        _ => config,
    }
}

fn experiment(genes: &Genes, training: &Training, flags: &Flags) -> Experiment<Both> {
    let config = config(genes, flags);
    let trainer = |name: &str, config: WakaWakaConfig| {
        training.trainer(name, config.clone(), config.recipe())
    };
    let mut staged = StagedWakaWaka::new(config.clone()).device(&training.device);
    staged.recipe = training.recipe(staged.recipe);
    if let Some((observer, _)) = &training.run {
        staged = staged.observe(Arc::clone(observer));
    }
    let experiment = Experiment::new(genes.dataset.clone(), GivenSplit::default());
    histone::scored(experiment, true)
        .floor(
            "ridge-marks",
            Part::Marks.then(Ridge {
                alpha: 1.0,
                standardize: true,
            }),
        )
        .floor(
            "ridge-bases",
            Part::Dna.then(Ridge {
                alpha: 100.0,
                standardize: false,
            }),
        )
        .model("marks", trainer("marks", config.clone().marks_only()))
        .model("dna", trainer("dna", config.clone().dna_only()))
        .model("joint", trainer("joint", config))
        .model("staged", staged)
}

/// Writes the gradients of marks and of every nucleotide, centred over the four bases, and what they find of the motif.
fn interpret(run: &Run, genes: &Genes, training: &Training, flags: &Flags) -> Result<(), Anything> {
    let config = config(genes, flags);
    let recipe = config.recipe();
    let trainer: Trainer<WakaWakaConfig> = training.trainer("joint", config, recipe);
    let fold = GivenSplit::default()
        .folds(&genes.dataset.keys, 0)?
        .remove(0);
    let (train, valid) = (
        genes.dataset.select(&fold.train),
        genes.dataset.select(&fold.valid),
    );
    let trained: Trained<_> = trainer.train(&train, &valid, 0)?;
    let path = run.place("model/joint.safetensors")?;
    save_network(&trained.network, &path)?;
    let rows = &fold.test[..fold.test.len().min(100)];
    let tested = genes.dataset.select(rows);
    let device = trained.device.clone().autodiff();
    let (marks, dna) = trained.network.read(&tested.inputs, &device)?;
    let (Some(marks), Some(dna)) = (marks, dna) else {
        return Ok(());
    };
    let signal = tested.inputs.0.signal();
    let gradient = input_gradient(signal.view(), &trained.device, 0, |signal| {
        trained.network.scores(Some(signal), Some(dna.clone()))
    });
    let product = gradient * signal;
    histone::show(
        run,
        "joint",
        &histone::Shown::marks("gradient x input of marks", &tested.inputs.0.layout()),
        &product,
        None,
    )?;
    let hot = one_hot(&dna);
    let mut gradient = input_gradient(hot.view(), &trained.device, 0, |dna| {
        trained.network.scores(Some(marks.clone()), Some(dna))
    });
    for mut base in gradient.lanes_mut(Axis(2)) {
        let mean = base.sum() / 4.0;
        base -= mean;
    }
    // What the base that stands there does, against the mean of the four.
    let line = (&gradient * &hot).sum_axis(Axis(2));
    let mean = line
        .mapv(f32::abs)
        .mean_axis(Axis(0))
        .ok_or("there are test genes")?;
    // The transcription start stands in the middle of the DNA: TATA boxes of the Arabidopsis genes are densest 33 bases before it.
    let from_start = |place: usize| place as i64 - mean.len() as i64 / 2;
    let points = mean
        .iter()
        .enumerate()
        .map(|(place, &value)| (from_start(place) as f64, f64::from(value)))
        .collect();
    let caption = "Mean magnitude of the centred gradient of each nucleotide";
    run.picture(
        "gradient-of-dna",
        caption,
        plots::lines(caption, GRADIENT_AXES, &[("gradient".to_owned(), points)])?,
    );
    let header = ["bp_from_start", "mean_magnitude"].map(str::to_owned);
    let places = mean.iter().enumerate();
    let lines = places.map(|(place, value)| vec![from_start(place).to_string(), value.to_string()]);
    let text = comma_text(&header, lines)?;
    run.file("interpretation/gradient-of-dna.csv", &text)?;
    if let Some(motifs) = &genes.motifs {
        let planted = motifs.select(Axis(0), rows);
        let maps = line.insert_axis(Axis(2));
        // Each gene has its motif elsewhere: rows with the same place are few, so that this is the hard way to be asked.
        if let Some(found) = planted_fraction(&maps, &planted, MOTIF.len()) {
            run.note(&format!(
                "joint, gradient of DNA: {found:.2} of the {} bases with the largest gradient lie in the planted motif.",
                MOTIF.len()
            ));
        }
    }
    Ok(())
}

fn one_hot(dna: &Tensor<3>) -> Array3<f32> {
    let [rows, bases, letters] = dna.dims();
    let values = dna
        .clone()
        .into_data()
        .convert::<f32>()
        .try_to_vec()
        .unwrap_or_default();
    Array3::from_shape_vec((rows, bases, letters), values)
        .unwrap_or_else(|_| Array3::zeros((0, bases, letters)))
}

/// Draws a cell and DNA in which half of the genes have a motif that raises their expression.
fn simulated(genes: usize) -> Result<Genes, Anything> {
    const BASES: usize = 1000;
    let cell = histone::simulated(genes, true, 0)?.dataset;
    let mut generator = random::generator(0, "simulated DNA");
    let mut motifs = Array3::from_elem((genes, BASES, 1), false);
    let mut values = cell.targets.values.clone();
    let mut sequences = Vec::new();
    for gene in 0..genes {
        let mut sequence: Vec<u8> = (0..BASES)
            .map(|_| b"ACGT"[generator.random_range(0..4)])
            .collect();
        if generator.random_bool(0.5) {
            let from = generator.random_range(0..BASES - MOTIF.len());
            sequence[from..from + MOTIF.len()].copy_from_slice(MOTIF);
            for place in from..from + MOTIF.len() {
                motifs[[gene, place, 0]] = true;
            }
            values[[gene, 0]] += 2.0;
        }
        sequences.push(sequence);
    }
    let targets = Targets::new(values, cell.targets.columns.clone())?;
    let inputs = (cell.inputs, Sequences::new(&sequences)?);
    Ok(Genes {
        dataset: Dataset::new(inputs, targets, cell.keys)?,
        motifs: Some(motifs),
    })
}

/// Reads Arabidopsis genes: trains on chromosomes 1 and 2 and most of 3, chooses on the rest of 3, tests on 4.
fn read(folder: &Path, run: &mut Run) -> Result<Genes, Anything> {
    let inner = folder.join("arabidopsis_seq512");
    let folder = if inner.is_dir() { &inner } else { folder };
    let path = folder.join("seq512_marks_leaf.chr1-4.tsv.gz");
    run.add_input(&path)?;
    let mut lines = TabRows::open(&path)?;
    lines.advance()?;
    let marks = (5..15).map(|column| lines.text(column).map(str::to_owned));
    let marks: Vec<String> = marks.collect::<Result<_, _>>()?;
    let (mut ids, mut chromosomes, mut sequences) = (Vec::new(), Vec::new(), Vec::new());
    let (mut signal, mut leaf) = (Vec::new(), Vec::new());
    while lines.advance()? {
        let (gene, promoter) = (lines.text(0)?, lines.bases(2)?);
        if promoter.len() != 512 {
            let bases = promoter.len();
            run.note(&format!(
                "{gene} is left out: its promoter has {bases} bases."
            ));
            continue;
        }
        ids.push(gene.to_owned());
        chromosomes.push(lines.text(1)?.to_owned());
        sequences.push(promoter.as_bytes().to_vec());
        for column in 5..15 {
            signal.push(lines.number(column)? as f32);
        }
        leaf.push(lines.number(15)? as f32);
    }
    let part: Vec<&str> = chromosomes
        .iter()
        .enumerate()
        .map(|(row, chromosome)| match chromosome.as_str() {
            "4" => "test",
            "3" if row % 4 == 0 => "valid",
            _ => "train",
        })
        .collect();
    let windows = MarkWindows::new(
        Array3::from_shape_vec((ids.len(), 1, 10), signal)?,
        marks,
        1000,
    )?;
    let column = Target {
        name: "leaf".into(),
        unit: "log2 expression".into(),
        transform: Transform::Identity,
    };
    let targets = Targets::new(Array2::from_shape_vec((ids.len(), 1), leaf)?, vec![column])?;
    let keys = Keys::new(ids.clone())?
        .with_group("gene", &ids)?
        .with_group("chromosome", &chromosomes)?
        .with_group("part", &part)?;
    Ok(Genes {
        dataset: Dataset::new((windows, Sequences::new(&sequences)?), targets, keys)?,
        motifs: None,
    })
}

impl Encode<Both> for Part {
    type Output = Array2<f32>;

    /// Marks as they are, or their maxima where there are bins; DNA as counts of its dinucleotides.
    fn encode(&self, inputs: &Both) -> chromex::core::Result<Array2<f32>> {
        match self {
            Self::Marks if inputs.0.bins() == 1 => WindowColumns.encode(&inputs.0),
            Self::Marks => Ok(WindowMaxima.encode(&inputs.0)?.mapv(f32::ln_1p)),
            Self::Dna => KmerCounts::new(2).encode(&inputs.1),
        }
    }
}

chromex::core::fit_by_copy!(Part: Both);
