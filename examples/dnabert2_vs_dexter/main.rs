//! DNABERT-2 against DExTER: a pre-trained language model and a search for motifs in regions, on the same promoters.
//!
//! Documents: Zhou et al. 2024 (DNABERT-2), Menichelli et al. 2021 (DExTER, doi:10.1371/journal.pcbi.1008909). Data:
//! simulated promoters with planted stretches of few letters, or tables of real ones (`--data`, `--set`).
//!
//! `cargo run --release --example dnabert2_vs_dexter -- --help`

#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../support/mod.rs"]
mod support;

mod sets;

use std::path::PathBuf;
use std::process::ExitCode;

use chromex::boosting::{CrossValidatedElasticNet, Ridge};
use chromex::core::{Dataset, DnaWindows, Experiment, Fit, GivenSplit, Split, Then};
use chromex::metrics::{MeanSquaredError, Pearson, RSquared, Spearman};
use chromex::tokens::{Dexter, DomainCounts, KmerFrequencies};
use clap::Parser;

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
    let genes = if options.quick { 120 } else { 1500 };
    let settings = [("set", format!("{:?}", flags.set))];
    if options.list {
        let names = experiment(Set::Simulated.read(None, 30)?, flags.set)?.names();
        println!("{}", names.join("\n"));
        return Ok(());
    }
    let dataset = flags.set.read(options.data.as_deref(), genes)?;
    let mut run = Run::begin("dnabert2_vs_dexter", options, 1, &settings)?;
    if let Some(file) = options
        .data
        .as_deref()
        .and_then(|data| flags.set.file(data))
    {
        run.add_input(&file)?;
    }
    let experiment = options.choose(experiment(dataset.clone(), flags.set)?)?;
    let with_dexter = experiment.names().iter().any(|name| name == DEXTER);
    let report = run.experiment(experiment)?.run()?;
    if with_dexter {
        interpret(&run, &dataset, flags.set)?;
    }
    run.finish(&report, "DNABERT-2 against DExTER", &[])
}

/// The name of DExTER in the table.
const DEXTER: &str = "DExTER";

fn dexter(set: Set) -> Dexter {
    Dexter {
        alignment: set.alignment(),
        ..Dexter::default()
    }
}

fn experiment(dataset: Dataset<DnaWindows>, set: Set) -> Result<Experiment<DnaWindows>, Anything> {
    let penalties: Vec<f64> = (-6..=2).map(|power| 10_f64.powi(power)).collect();
    Ok(Experiment::new(dataset, GivenSplit::default())
        .metric(Pearson)
        .metric(Spearman)
        .metric(RSquared)
        .metric(MeanSquaredError)
        .floor(
            "4-mers, ridge",
            KmerFrequencies::new(4)?.then(Ridge::tuned(penalties.clone())),
        )
        .floor(
            "6-mers, ridge",
            KmerFrequencies::new(6)?.then(Ridge::tuned(penalties)),
        )
        .fixed_model(DEXTER, dexter(set).then(CrossValidatedElasticNet::lasso())))
}

/// Writes what DExTER found: domains, how they came of one another, and what each is worth.
fn interpret(run: &Run, dataset: &Dataset<DnaWindows>, set: Set) -> Result<(), Anything> {
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
    std::fs::write(folder.join("importances.tsv"), text)?;
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
