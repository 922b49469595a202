//! AttentiveChrome: an LSTM with attention reads the bins of each mark, another one the marks.
//!
//! Document: Singh et al. 2017 (doi:10.1101/329334). Data: DeepChrome tables or the human cell line X1 (`--data`), or a
//! simulated cell. Published over 56 cells: mean area under the curve .8115. Its attention is held against gradients and
//! occlusion, and on simulated cells against what was planted.
//!
//! `cargo run --release --example attentivechrome -- --help`

#[path = "../support/histone.rs"]
mod histone;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use chromex::baselines::AttentiveChromeConfig;
use chromex::boosting::Ridge;
use chromex::core::{Experiment, GivenSplit, LogMeans, MarkWindows, Then};
use clap::Parser;
use ndarray::Axis;

use histone::{Cell, Training};
use support::{Anything, Options, Run};

/// Predict from histone marks whether a gene is expressed, as AttentiveChrome did
#[derive(Parser, Debug)]
#[command(name = "attentivechrome")]
struct Flags {
    #[command(flatten)]
    options: Options,
    /// Train for this many epochs [default: as published; 10 on simulated cells]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    epochs: Option<u64>,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    support::report_errors(|| run(&flags))
}

fn run(flags: &Flags) -> Result<(), Anything> {
    let options = &flags.options;
    let bare = Training::bare(options)?;
    let names = experiment(&histone::simulated(6, false, 0)?, &bare).names();
    if options.list {
        support::say(names.join("\n"));
        return Ok(());
    }
    options.chosen(&names)?;
    let seeds = if options.data.is_some() { 5 } else { 1 };
    let settings = [("epochs", format!("{:?}", flags.epochs))];
    let mut run = Run::begin("attentivechrome", options, seeds, &settings)?;
    let cell = match &options.data {
        Some(folder) => support::of(folder, histone::read(folder, false, &mut run))?,
        None => histone::simulated(if options.quick { 60 } else { 1800 }, false, 0)?,
    };
    let training = Training::of_run(options, &run, flags.epochs, 10)?;
    let experiment = options.choose(experiment(&cell, &training))?;
    let interpreted = experiment
        .names()
        .iter()
        .any(|name| name == "attentivechrome");
    let report = run.experiment(experiment)?.run()?;
    if interpreted {
        interpret(&run, &cell, &training)?;
    }
    run.finish(&report, "AttentiveChrome", &[])
}

fn experiment(cell: &Cell, training: &Training) -> Experiment<MarkWindows> {
    let config = AttentiveChromeConfig::default();
    let trainer = training.trainer("attentivechrome", config.clone(), config.recipe());
    let one_way = AttentiveChromeConfig {
        bidirectional: false,
        ..config
    };
    let one_way_trainer = training.trainer("one direction", one_way.clone(), one_way.recipe());
    let experiment = Experiment::new(cell.dataset.clone(), GivenSplit::default());
    histone::scored(experiment, false)
        .floor("ridge", LogMeans { bins: 35..65 }.then(Ridge::default()))
        .model("attentivechrome", trainer)
        .model("one-direction", one_way_trainer)
}

/// Writes the attention of bins and marks beside gradients and occlusion, and what each finds of the plan.
fn interpret(run: &Run, cell: &Cell, training: &Training) -> Result<(), Anything> {
    let config = AttentiveChromeConfig::default();
    let trainer = training.trainer("attentivechrome", config.clone(), config.recipe());
    let fit = histone::first_fit(cell, &trainer)?;
    histone::explain(run, "attentivechrome", &fit, 0)?;
    let histone::FirstFit {
        trained,
        tested,
        planted,
    } = fit;
    let attention = trained.network.attention(&tested.inputs, &trained.device)?;
    let layout = tested.inputs.layout();
    let shown = |method| histone::Shown {
        one_sided: true,
        ..histone::Shown::marks(method, &layout)
    };
    let bins = attention
        .bins
        .clone()
        .permuted_axes([0, 2, 1])
        .as_standard_layout()
        .into_owned();
    histone::show(
        run,
        "attentivechrome",
        &shown("attention"),
        &bins,
        planted.as_ref(),
    )?;
    // A bin counts as much as its mark does.
    let both = &bins * &attention.marks.clone().insert_axis(Axis(1));
    histone::show(
        run,
        "attentivechrome",
        &shown("attention of bins and marks"),
        &both,
        planted.as_ref(),
    )?;
    let genes = tested.keys.ids().iter().cloned();
    let text = histone::named_rows("gene", &layout.marks, genes, &attention.marks)?;
    run.file("interpretation/attention-of-marks.csv", &text)
}
