//! DeepDiff: seven networks of LSTMs and attention predict differential expression from the marks of two cells.
//!
//! Document: Sekhon, Singh and Qi 2018 (doi:10.1093/bioinformatics/bty612). Data: two cells in DeepDiff's layout, 600 genes
//! (`--data`), or a simulated pair. GeneGPT-2's text quotes Pearson r .65, .68 and .67 for raw_d, raw_c and raw, of cells and genes
//! that it does not state: they stand beside no score here.
//!
//! `cargo run --release --example deepdiff -- --help`

#[path = "../support/histone.rs"]
mod histone;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::ExitCode;

use burn::Tensor;
use burn::tensor::TensorData;
use chromex::baselines::{DeepDiff, DeepDiffConfig, save_network};
use chromex::boosting::Ridge;
use chromex::core::{
    CellPair, Dataset, Experiment, FileName, GivenSplit, LogMeans, Rows, Split, Target, Targets,
    Then, Transform,
};
use chromex::io::ExpressionTable;
use chromex::io::deepdiff::DeepDiffPair;
use chromex::io::simulate::SimulatedPair;
use chromex::nn::Trained;
use chromex::nn::attribution::input_gradient;
use clap::Parser;
use ndarray::{Array2, Array3, Axis, concatenate};

use histone::Training;
use support::{Anything, Options, Run};

/// Predict differential expression from the histone marks of two cells, as DeepDiff did
#[derive(Parser, Debug)]
#[command(name = "deepdiff")]
struct Flags {
    #[command(flatten)]
    options: Options,
    /// Train for this many epochs [default: 90, as published; 10 on simulated cells]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    epochs: Option<u64>,
}

/// Two cells, and where what drives their expression was planted: `[genes, bins, marks]`.
struct Genes {
    dataset: Dataset<CellPair>,
    planted: Option<Array3<bool>>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    support::report_errors(|| run(&flags))
}

fn run(flags: &Flags) -> Result<(), Anything> {
    let options = &flags.options;
    let bare = Training::bare(options)?;
    let names = experiment(simulated(6)?.dataset, &bare).names();
    if options.list {
        support::say(names.join("\n"));
        return Ok(());
    }
    options.chosen(&names)?;
    let seeds = if options.data.is_some() { 5 } else { 1 };
    let settings = [("epochs", format!("{:?}", flags.epochs))];
    let mut run = Run::begin("deepdiff", options, seeds, &settings)?;
    let genes = match &options.data {
        Some(folder) => Genes {
            dataset: support::of(folder, read(folder, &mut run))?,
            planted: None,
        },
        None => simulated(if options.quick { 30 } else { 300 })?,
    };
    let training = Training::of_run(options, &run, flags.epochs, 10)?;
    let experiment = options.choose(experiment(genes.dataset.clone(), &training))?;
    let chosen = experiment.names();
    let report = run.experiment(experiment)?.run()?;
    for name in ["raw_d", "raw_aux_siamese"] {
        if chosen.iter().any(|known| known == name) {
            interpret(&run, &genes, &training, name)?;
        }
    }
    run.finish(&report, "DeepDiff", &[])
}

fn experiment(dataset: Dataset<CellPair>, training: &Training) -> Experiment<CellPair> {
    let ridge = LogMeans::transcription_start().then(Ridge::default());
    let experiment = Experiment::new(dataset, GivenSplit::default());
    let mut experiment = histone::scored(experiment, true).floor("ridge", ridge);
    for (name, config) in DeepDiffConfig::published() {
        let recipe = config.recipe();
        experiment = experiment.model(name, training.trainer(name, config, recipe));
    }
    experiment
}

/// Writes the weights of seed 0, the attention that its main task pays, and what moves its output.
fn interpret(run: &Run, genes: &Genes, training: &Training, name: &str) -> Result<(), Anything> {
    let dataset = &genes.dataset;
    let known = DeepDiffConfig::published()
        .into_iter()
        .find(|(known, _)| *known == name);
    let Some((_, config)) = known else {
        return Ok(());
    };
    let recipe = config.recipe();
    let trainer = training.trainer(name, config, recipe);
    let fold = GivenSplit::default().folds(&dataset.keys, 0)?.remove(0);
    let (train, valid) = (dataset.select(&fold.train), dataset.select(&fold.valid));
    let trained = trainer.train(&train, &valid, 0)?;
    let file = FileName::of(name).ending("safetensors");
    let path = run.place(("model", file))?;
    save_network(&trained.network, &path)?;
    let tested = dataset.select(&fold.test);
    let layout = tested.inputs.first().layout();
    let marks = &layout.marks;
    let planted = genes.planted.as_ref();
    let planted = planted.map(|planted| planted.select(Axis(0), &fold.test));
    let products = gradient_times_input(&trained, &tested.inputs)?;
    let planted = planted.as_ref();
    let shown = histone::Shown::marks("gradient x input", &layout);
    histone::show(run, name, &shown, &products, planted)?;
    let Some(attention) = trained.network.attention(&tested.inputs, &trained.device)? else {
        return Ok(());
    };
    let signals = attention.bins.shape()[1] / marks.len();
    let kinds: &[&str] = if signals == 1 {
        &["difference"]
    } else {
        &["first", "second", "difference"]
    };
    let encoders: Vec<String> = kinds
        .iter()
        .flat_map(|kind| marks.iter().map(move |mark| format!("{mark} {kind}")))
        .collect();
    let bins = attention
        .bins
        .permuted_axes([0, 2, 1])
        .as_standard_layout()
        .into_owned();
    let planted = planted.map(|planted| {
        let parts = vec![planted.view(); kinds.len()];
        concatenate(Axis(2), &parts).expect("copies of one shape")
    });
    let shown = histone::Shown {
        method: "attention",
        lines: &encoders,
        layout: &layout,
        one_sided: true,
    };
    histone::show(run, name, &shown, &bins, planted.as_ref())?;
    // What the main task reads: the raw signals of all marks, then what the encoders of either cell made of them.
    let mut read = encoders;
    let cells = attention.marks.ncols().saturating_sub(read.len()) / marks.len();
    for cell in ["encoded first", "encoded second"].iter().take(cells) {
        read.extend(marks.iter().map(|mark| format!("{mark} {cell}")));
    }
    let genes = tested.keys.ids().iter().cloned();
    let text = histone::named_rows("gene", &read, genes, &attention.marks)?;
    let file = FileName::of(&format!("{name}-attention-of-marks"));
    run.file(("interpretation", file.ending("csv")), &text)
}

/// Multiplies the gradient of the difference with the signal, both cells together: `[rows, bins, marks]`.
fn gradient_times_input(
    trained: &Trained<DeepDiff>,
    inputs: &CellPair,
) -> Result<Array3<f32>, Anything> {
    let inputs = inputs.in_layouts(std::slice::from_ref(trained.network.layout()))?;
    let (first, second) = (inputs.first().signal(), inputs.second().signal());
    let device = trained.device.clone().autodiff();
    let tensor = |signal: &Array3<f32>| {
        let (rows, bins, marks) = signal.dim();
        let values: Vec<f32> = signal.iter().copied().collect();
        Tensor::<3>::from_data(TensorData::new(values, [rows, bins, marks]), &device)
    };
    let of_first = input_gradient(first.view(), &trained.device, 0, |signal| {
        trained.network.scores(signal, tensor(second))
    });
    let of_second = input_gradient(second.view(), &trained.device, 0, |signal| {
        trained.network.scores(tensor(first), signal)
    });
    Ok(of_first * first + of_second * second)
}

/// Draws cells with the statistics of the published ones.
fn simulated(genes: usize) -> Result<Genes, Anything> {
    let pair = SimulatedPair {
        genes,
        transform: Transform::Log2FoldChange { offset: 1.0 },
        ..SimulatedPair::default()
    };
    let simulation = pair.draw(0)?;
    let (signal, marks) = {
        let first = simulation.dataset.inputs.first();
        (first.signal().dim(), first.marks().to_vec())
    };
    let planted = Array3::from_shape_fn(signal, |(gene, bin, mark)| {
        simulation.truth.drives(gene, &marks[mark], bin, signal.1)
    });
    Ok(Genes {
        dataset: with_expression(simulation.dataset, &simulation.expression)?,
        planted: Some(planted),
    })
}

/// Reads `Cell1` and `Cell2` from a folder, or from `deepdiff_sample` within it.
fn read(folder: &Path, run: &mut Run) -> Result<Dataset<CellPair>, Anything> {
    let inner = folder.join("deepdiff_sample");
    let folder = if inner.is_dir() { &inner } else { folder };
    let mut pair = DeepDiffPair::new(folder, "Cell1", "Cell2");
    pair.transform = Transform::Log2FoldChange { offset: 1.0 };
    let dataset = pair.load()?;
    for note in pair.notes()? {
        run.note(&note);
    }
    let mut tables = Vec::new();
    for file in pair.files()? {
        run.add_input(&file)?;
        if file.to_string_lossy().contains(".expr.csv") {
            tables.push(chromex::io::read_expression(&file)?);
        }
    }
    with_expression(dataset, &tables)
}

/// Adds both cells' log2(1 + reads), which variants with auxiliary tasks learn as well.
fn with_expression(
    mut dataset: Dataset<CellPair>,
    tables: &[ExpressionTable],
) -> Result<Dataset<CellPair>, Anything> {
    let ids = dataset.keys.ids();
    let values = Array2::from_shape_fn((ids.len(), tables.len()), |(row, cell)| {
        (tables[cell].get(&ids[row]).unwrap_or(0.0) + 1.0).log2() as f32
    });
    let columns = (0..tables.len())
        .map(|cell| Target {
            name: format!("expression of cell {}", cell + 1),
            unit: "log2(1 + reads)".into(),
            transform: Transform::Identity,
        })
        .collect();
    dataset.targets = dataset
        .targets
        .with_auxiliary(Targets::new(values, columns)?)?;
    Ok(dataset)
}
