//! Team Jamaica's fully convolutional network: trained on the cells of two folds in three, three times, and averaged; or one
//! per cell, weighed by a classifier of cells.
//!
//! Document: a course project's report. Data: the Kaggle set's `.npz` of cells (`--data`, a file or its folder), or six
//! simulated cells. Published: mean squared error 3.26 (ensemble) and 3.47 (learned weighting). Genes and cells are held out at
//! once, and the three ways of being unseen are scored apart, beside each gene's mean over the training cells.
//!
//! `cargo run --release --example fcn_ensemble -- --help`

#[path = "../support/histone.rs"]
mod histone;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use chromex::baselines::interpretation::{gradients, mean_by_group};
use chromex::baselines::{FcnConfig, save_network};
use chromex::boosting::Ridge;
use chromex::core::{
    CellByGene, Dataset, DoubleHoldOut, Experiment, FileName, GatedExperts, GeneMean,
    GroupEnsemble, Keys, MarkSignal, Split, Targets, Then, WindowMaxima,
};
use chromex::report::plots;
use clap::Parser;
use ndarray::{Array2, Array3, Axis, concatenate};

use histone::Training;
use support::{Anything, Options, Run};

/// Predict expression in unseen genes and cells by Team Jamaica's ensembles
#[derive(Parser, Debug)]
#[command(name = "fcn_ensemble")]
struct Flags {
    #[command(flatten)]
    options: Options,
    /// Train every network for this many epochs [default: 1,000, as reported; 15 on simulated cells]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    epochs: Option<u64>,
}

/// Genes of several cells, and where what drives their expression was planted: `[rows, bins, marks]`.
struct Cells {
    dataset: Dataset<CellByGene>,
    planted: Option<Array3<bool>>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    support::report_errors(|| run(&flags))
}

fn run(flags: &Flags) -> Result<(), Anything> {
    let options = &flags.options;
    let bare = Training::bare(options)?;
    let names = experiment(simulated(6, 12)?.dataset, &bare)?.names();
    if options.list {
        support::say(names.join("\n"));
        return Ok(());
    }
    options.chosen(&names)?;
    let seeds = if options.data.is_some() { 5 } else { 1 };
    let settings = [("epochs", format!("{:?}", flags.epochs))];
    let mut run = Run::begin("fcn_ensemble", options, seeds, &settings)?;
    let read = read(options, &mut run);
    let cells = match &options.data {
        Some(path) => support::of(path, read)?,
        None => read?,
    };
    let training = Training::of_run(options, &run, flags.epochs, 15)?;
    let experiment = options.choose(experiment(cells.dataset.clone(), &training)?)?;
    let interpreted = experiment.names().iter().any(|name| name == "fcn");
    let report = run.experiment(experiment)?.run()?;
    if interpreted {
        interpret(&run, &cells, &training)?;
    }
    run.finish(&report, "Team Jamaica's FCN", &[])
}

/// Six cells are dealt so that the split leaves enough to train folds on.
fn split(cells: usize) -> DoubleHoldOut {
    DoubleHoldOut {
        test_fraction: if cells < 10 { 0.2 } else { 0.12 },
        valid_fraction: if cells < 10 { 0.17 } else { 0.1 },
        ..DoubleHoldOut::default()
    }
}

fn experiment(
    dataset: Dataset<CellByGene>,
    training: &Training,
) -> Result<Experiment<CellByGene>, Anything> {
    let cells = dataset.inputs.cells().len();
    let split = split(cells);
    let trained = split.folds(&dataset.keys, 0)?.remove(0).train;
    let codes = dataset.keys.group("cell")?.codes();
    let mut present: Vec<u32> = trained.iter().map(|&row| codes[row]).collect();
    present.sort_unstable();
    present.dedup();
    let config = FcnConfig::default();
    let fcn = |name: &str| training.trainer(name, config.clone(), config.recipe());
    let classifier = FcnConfig::cell_classifier(present.len());
    let gated = GatedExperts {
        gate: training.trainer("cell classifier", classifier.clone(), classifier.recipe()),
        expert: fcn("fcn of one cell"),
        group: "cell".into(),
    };
    let experiment = histone::scored(Experiment::new(dataset, split), true);
    Ok(experiment
        .floor("gene-mean", GeneMean)
        .floor("ridge", WindowMaxima.then(Ridge::default()))
        .model("fcn", fcn("fcn"))
        .model(
            "ensemble",
            GroupEnsemble::new(fcn("fcn of a fold"), "cell", 3.min(present.len())),
        )
        .model("learned-weighting", gated))
}

/// Writes the weights of seed 0 and a signed heat map per cell: the mean gradient over its genes.
fn interpret(run: &Run, cells: &Cells, training: &Training) -> Result<(), Anything> {
    let dataset = &cells.dataset;
    let config = FcnConfig::default();
    let trainer = training.trainer("fcn", config.clone(), config.recipe());
    let fold = split(dataset.inputs.cells().len())
        .folds(&dataset.keys, 0)?
        .remove(0);
    let trained = trainer.train(
        &dataset.select(&fold.train),
        &dataset.select(&fold.valid),
        0,
    )?;
    let path = run.place("model/fcn.safetensors")?;
    save_network(&trained.network, &path)?;
    let rows = &fold.test[..fold.test.len().min(1000)];
    let tested = dataset.select(rows);
    let maps = gradients(&trained, &tested.inputs, 0)?;
    let windows = tested.inputs.windows();
    let layout = windows.layout();
    let marks = &layout.marks;
    let planted = cells.planted.as_ref();
    let planted = planted.map(|planted| planted.select(Axis(0), rows));
    let products = &maps * windows.signal();
    histone::show(
        run,
        "fcn",
        &histone::Shown::marks("gradient x input", &layout),
        &products,
        planted.as_ref(),
    )?;
    for (cell, mean) in mean_by_group(&maps, &tested.keys, "cell")? {
        let caption = format!("Mean gradient of expression in {cell}");
        // A cell is called what an entry of the archive is: any text.
        let name = FileName::of(&format!("gradient-{cell}"));
        run.picture(
            name.clone(),
            &caption,
            plots::signed_map(&caption, histone::bins(&layout), marks, mean.view())?,
        );
        run.file(
            ("interpretation", name.ending("csv")),
            &histone::table(&mean, marks)?,
        )?;
    }
    Ok(())
}

fn read(options: &Options, run: &mut Run) -> Result<Cells, Anything> {
    let Some(path) = &options.data else {
        return if options.quick {
            simulated(6, 60)
        } else {
            simulated(6, 240)
        };
    };
    let path = if path.is_dir() {
        path.join("train.npz")
    } else {
        path.clone()
    };
    let layout = chromex::io::deepchrome::DeepChromeLayout::default();
    run.add_input(&path)?;
    run.note(&format!(
        "An npz of cells names no marks: its columns are taken to be {}, in this order.",
        layout.marks_and_bins()
    ));
    Ok(Cells {
        dataset: chromex::io::read_cells_npz(&path, &layout, "not stated")?,
        planted: None,
    })
}

/// Draws cells of the same genes, each on its own: nothing that one cell tells of a gene holds in another.
fn simulated(cells: usize, genes: usize) -> Result<Cells, Anything> {
    let mut builder = None;
    let (mut ids, mut values) = (Vec::new(), Vec::new());
    let (mut column, mut planted) = (None, Vec::new());
    for cell in 0..cells {
        let histone::Cell {
            dataset: drawn,
            planted: places,
        } = histone::simulated(genes, true, cell as u64)?;
        planted.extend(places);
        let windows = drawn.inputs;
        let genes = drawn.keys.ids().to_vec();
        let builder = builder.get_or_insert_with(|| {
            CellByGene::builder(
                genes.clone(),
                windows.marks().to_vec(),
                windows.bins(),
                windows.bin_width_bp(),
            )
        });
        builder.cell(&format!("cell {}", cell + 1), &windows)?;
        ids.extend(
            genes
                .into_iter()
                .map(|gene| (format!("cell {}", cell + 1), gene)),
        );
        column = drawn.targets.columns.into_iter().next();
        values.push(drawn.targets.values);
    }
    let views: Vec<_> = values.iter().map(Array2::view).collect();
    let targets = Targets::new(concatenate(Axis(0), &views)?, column.into_iter().collect())?;
    let names: Vec<String> = ids
        .iter()
        .map(|(cell, gene)| format!("{cell}:{gene}"))
        .collect();
    let (cells, genes): (Vec<String>, Vec<String>) = ids.into_iter().unzip();
    let keys = Keys::new(names)?
        .with_group("cell", &cells)?
        .with_group("gene", &genes)?;
    let inputs = builder.ok_or("there are cells")?.finish();
    let planted: Vec<_> = planted.iter().map(Array3::view).collect();
    Ok(Cells {
        dataset: Dataset::new(inputs, targets, keys)?,
        planted: Some(concatenate(Axis(0), &planted)?),
    })
}
