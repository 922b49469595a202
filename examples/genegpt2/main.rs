//! GeneGPT-2: histone marks become words, words become tokens, a GPT-2 gives each token a vector, and boosted trees
//! predict differential expression from the vectors.
//!
//! Document: ZovcIfzm/GeneGPT2. Data: two cells in DeepDiff's layout, 600 genes (`--data`), or a simulated pair. Published
//! for the base configuration: Pearson r .415 / .382 / .528 (Raw C, Raw D, Raw) on 200 test genes, one run.
//!
//! `cargo run --release --example genegpt2 -- --help`

mod faithful;
mod genebert;
mod models;
mod published;
mod rigorous;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::ExitCode;

use chromex::core::{CellPair, Dataset};
use chromex::io::deepdiff::DeepDiffPair;
use chromex::io::simulate::SimulatedPair;
use chromex::transformers::EmbeddingKind;
use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};

use models::Setup;
use support::{Anything, Options, Run};

/// Predict differential expression from histone marks by GPT-2 embeddings, as GeneGPT-2 did
#[derive(Parser, Debug)]
#[command(name = "genegpt2")]
struct Flags {
    #[command(flatten)]
    options: Options,
    /// Follow the paper, or correct its protocol
    #[arg(long, value_enum, default_value_t = Mode::Faithful)]
    mode: Mode,
    /// Take the token table's vector, or the last hidden state
    #[arg(long, value_enum, default_value_t = Embedding::Static)]
    embedding: Embedding,
    /// Also train the paper's other embedding sizes or contexts
    #[arg(long, value_enum)]
    sweep: Option<Sweep>,
    /// Also train GeneBERT, of this width; published 768
    #[arg(long, value_name = "WIDTH", value_parser = RangedU64ValueParser::<usize>::new().range(16..=4_096))]
    genebert: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Mode {
    /// The published split, tokenizer and settings, flaws included
    Faithful,
    /// Everything learned from training rows, settings chosen on validation rows, test read once
    Rigorous,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Embedding {
    Static,
    Contextual,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Sweep {
    /// Widths 32, 128 and 256
    Embedding,
    /// Contexts of 32, 64 and 128 tokens
    Context,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    support::report_errors(|| run(&flags))
}

fn run(flags: &Flags) -> Result<(), Anything> {
    let options = &flags.options;
    if flags
        .genebert
        .is_some_and(|width| width == 0 || !width.is_multiple_of(16))
    {
        return Err("--genebert: expected a multiple of 16".into());
    }
    if flags.genebert.is_some() && flags.mode == Mode::Rigorous {
        return Err("--genebert: stands in the table of --mode faithful".into());
    }
    if flags.mode == Mode::Rigorous
        && (flags.sweep.is_some() || flags.embedding != Embedding::Static)
    {
        return Err("--sweep, --embedding: --mode rigorous chooses on the validation genes".into());
    }
    let names = names(flags)?;
    if options.list {
        support::say(names.join("\n"));
        return Ok(());
    }
    // A misspelt model is told before there is an output folder, and before any work.
    let wanted = options.chosen(&names)?;
    let settings = [
        ("mode", format!("{:?}", flags.mode)),
        ("embedding", format!("{:?}", flags.embedding)),
        ("sweep", format!("{:?}", flags.sweep)),
        ("genebert", format!("{:?}", flags.genebert)),
    ];
    // Random fits of published data want five seeds; simulated cells show how it runs, in minutes.
    let default_seeds = if options.data.is_some() { 5 } else { 1 };
    let mut run = Run::begin("genegpt2", options, default_seeds, &settings)?;
    if options.data.is_none() {
        run.note(
            "Simulated cells, fewer steps than published: see --data for the published protocol.",
        );
    }
    let dataset = match &options.data {
        Some(folder) => support::of(folder, read(folder, &mut run))?,
        None if options.quick => simulated(30)?,
        None => simulated(600)?,
    };
    let setup = Setup::new(options, flags.embedding.kind())?.of_run(&run, options)?;
    match flags.mode {
        Mode::Faithful => faithful::run(dataset, &setup, flags, run),
        Mode::Rigorous => rigorous::run(dataset, &setup, options, &wanted, run),
    }
}

/// Lists the models, by the experiment on a few genes.
fn names(flags: &Flags) -> Result<Vec<String>, Anything> {
    let few = simulated(6)?;
    let setup = Setup::new(&flags.options, flags.embedding.kind())?;
    Ok(match flags.mode {
        Mode::Faithful => faithful::experiment(few, &setup, flags).names(),
        Mode::Rigorous => rigorous::names(few),
    })
}

/// Draws cells with the statistics of the published ones.
fn simulated(genes: usize) -> Result<Dataset<CellPair>, Anything> {
    let pair = SimulatedPair {
        genes,
        ..SimulatedPair::default()
    };
    Ok(pair.draw(0)?.dataset)
}

/// Reads `Cell1` and `Cell2` from a folder, or from `deepdiff_sample` within it.
fn read(folder: &Path, run: &mut Run) -> Result<Dataset<CellPair>, Anything> {
    let inner = folder.join("deepdiff_sample");
    let folder = if inner.is_dir() { &inner } else { folder };
    let pair = DeepDiffPair::new(folder, "Cell1", "Cell2");
    let dataset = pair.load()?;
    for file in pair.files()? {
        run.add_input(&file)?;
    }
    for note in pair.notes()? {
        run.note(&note);
    }
    Ok(dataset)
}

impl Embedding {
    fn kind(self) -> EmbeddingKind {
        match self {
            Self::Static => EmbeddingKind::Static,
            Self::Contextual => EmbeddingKind::Contextual,
        }
    }
}
