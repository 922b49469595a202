//! DeepChrome: a convolution over the bins of five histone marks tells whether a gene is expressed.
//!
//! Document: Singh et al. 2016 (doi:10.1093/bioinformatics/btw427). Data: DeepChrome tables or the human cell line X1
//! (`--data`), or a simulated cell. Published over 56 cells: mean area under the curve .8008. Beside it the linear network of
//! DeepChrome 2.0, ShallowChrome's logistic regression, the FCN, AttentiveChrome and boosted trees on the same genes.
//!
//! `cargo run --release --example deepchrome -- --help`

#[path = "../support/histone.rs"]
mod histone;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use chromex::baselines::interpretation::ClassOptimisation;
use chromex::baselines::{
    AttentiveChromeConfig, DeepChromeConfig, FcnConfig, FcnOutput, LinearNetworkConfig,
    LogisticRegression, Objective,
};
use chromex::boosting::{GradientBoosting, Ridge};
use chromex::core::{
    Experiment, FileName, GivenSplit, LogMeans, MarkWindows, Then, WindowColumns, WindowMaxima,
};
use chromex::report::plots;
use clap::{Parser, ValueEnum};

use histone::{Cell, Training};
use support::{Anything, Options, Run};

/// Predict from histone marks whether a gene is expressed, as DeepChrome did
#[derive(Parser, Debug)]
#[command(name = "deepchrome")]
struct Flags {
    #[command(flatten)]
    options: Options,
    /// Predict the class, as published, or ln(1 + expression)
    #[arg(long, value_enum, default_value_t = Predicted::Class)]
    target: Predicted,
    /// Follow the paper's one row at a time, or take batches of 64 rows at a rate of 0.05
    #[arg(long, value_enum, default_value_t = Mode::Faithful)]
    mode: Mode,
    /// Train every network for this many epochs [default: as published; 10 on simulated cells]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    epochs: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Predicted {
    Class,
    Expression,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Mode {
    Faithful,
    Rigorous,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    support::report_errors(|| run(&flags))
}

fn run(flags: &Flags) -> Result<(), Anything> {
    let options = &flags.options;
    let regression = flags.target == Predicted::Expression;
    let bare = Training::bare(options)?;
    let names = experiment(&histone::simulated(6, regression, 0)?, &bare, flags).names();
    if options.list {
        support::say(names.join("\n"));
        return Ok(());
    }
    options.chosen(&names)?;
    let settings = [
        ("target", format!("{:?}", flags.target)),
        ("mode", format!("{:?}", flags.mode)),
        ("epochs", format!("{:?}", flags.epochs)),
    ];
    let seeds = if options.data.is_some() { 5 } else { 1 };
    let mut run = Run::begin("deepchrome", options, seeds, &settings)?;
    let cell = match &options.data {
        Some(folder) => support::of(folder, histone::read(folder, regression, &mut run))?,
        None => histone::simulated(if options.quick { 60 } else { 1800 }, regression, 0)?,
    };
    let training = Training::of_run(options, &run, flags.epochs, 10)?;
    let experiment = options.choose(experiment(&cell, &training, flags))?;
    let interpreted = experiment.names().iter().any(|name| name == "deepchrome");
    let report = run.experiment(experiment)?.run()?;
    if interpreted {
        interpret(&run, &cell, &training, flags)?;
    }
    run.finish(&report, "DeepChrome", &[])
}

fn config(flags: &Flags) -> (DeepChromeConfig, chromex::nn::Recipe) {
    let config = DeepChromeConfig {
        objective: objective(flags),
        ..DeepChromeConfig::default()
    };
    let mut recipe = config.recipe();
    if flags.mode == Mode::Rigorous {
        recipe.batch_rows = 64;
        recipe.learning_rate = 0.05;
        recipe.report_every = 50;
    }
    (config, recipe)
}

fn objective(flags: &Flags) -> Objective {
    match flags.target {
        Predicted::Class => Objective::Binary,
        Predicted::Expression => Objective::Regression,
    }
}

fn experiment(cell: &Cell, training: &Training, flags: &Flags) -> Experiment<MarkWindows> {
    let objective = objective(flags);
    let experiment = Experiment::new(cell.dataset.clone(), GivenSplit::default());
    let means = LogMeans { bins: 35..65 };
    let (deep, recipe) = config(flags);
    let linear = LinearNetworkConfig { objective };
    let attentive = AttentiveChromeConfig {
        objective,
        ..AttentiveChromeConfig::default()
    };
    let fcn = FcnConfig {
        output: FcnOutput::Objective(objective),
        ..FcnConfig::default()
    };
    let mut fcn_recipe = fcn.recipe();
    if flags.epochs.is_none() {
        // The report's 1,000 epochs are for 50 cells and the whole of a week.
        fcn_recipe.length = chromex::nn::Length::Epochs(30);
    }
    let boosting = WindowColumns.then(GradientBoosting::default());
    let experiment = histone::scored(experiment, objective == Objective::Regression)
        .floor("ridge", means.then(Ridge::default()))
        .fixed_model("boosting", boosting)
        .model(
            "linear-network",
            training.trainer("linear network", linear.clone(), linear.recipe()),
        )
        .model("deepchrome", training.trainer("deepchrome", deep, recipe))
        .model(
            "attentivechrome",
            training.trainer("attentivechrome", attentive.clone(), attentive.recipe()),
        )
        .model("fcn", training.trainer("fcn", fcn, fcn_recipe));
    match objective {
        Objective::Binary => {
            let logistic = LogisticRegression { penalty: 1e-6 };
            experiment.fixed_model("shallowchrome", WindowMaxima.then(logistic))
        }
        Objective::Regression => experiment,
    }
}

/// Writes the input optimised for each class, the maps, and what they find of the plan.
fn interpret(run: &Run, cell: &Cell, training: &Training, flags: &Flags) -> Result<(), Anything> {
    let (deep, recipe) = config(flags);
    let trainer = training.trainer("deepchrome", deep, recipe);
    let fit = histone::first_fit(cell, &trainer)?;
    let score = usize::from(flags.target == Predicted::Class);
    histone::explain(run, "deepchrome", &fit, score)?;
    if flags.target == Predicted::Expression {
        return Ok(());
    }
    let layout = chromex::baselines::SignalNetwork::layout(&fit.trained.network);
    for class in [0, 1] {
        let optimisation = ClassOptimisation {
            steps: if flags.options.quick { 5 } else { 1000 },
            ..ClassOptimisation::default()
        };
        let input = optimisation.input(&fit.trained, class, 0)?;
        let caption = format!("Input optimised for class {class}");
        let name = FileName::of(&format!("class-{class}-input"));
        run.picture(
            name.clone(),
            &caption,
            plots::one_sided_map(&caption, histone::bins(layout), &layout.marks, input.view())?,
        );
        run.file(
            ("interpretation", name.ending("csv")),
            &histone::table(&input, &layout.marks)?,
        )?;
    }
    Ok(())
}
