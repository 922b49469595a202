//! CornBERT: promoters of a genome become tokens, a RoBERTa learns their language and then the expression of ten tissues.
//!
//! Documents: the CornBERT report and FloraBERT (Levy et al. 2022, doi:10.21203/rs.3.rs-1927200/v1). Data: a simulated genome with
//! motifs planted before its genes, a genome of your own (`--genome`, `--annotation`, `--expression`), a table of promoters
//! (`--promoters`), or 1,404 promoters of maize (`--data`).
//!
//! `cargo run --release --example cornbert -- --help`

mod models;
mod outcome;
mod sets;
mod stages;
#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::ExitCode;

use chromex::io::TableHeader;
use clap::builder::RangedU64ValueParser;
use clap::{Parser, ValueEnum};

use sets::Set;
use stages::Stages;
use support::{Anything, Options, Run};

/// Predict the expression of tissues from promoters by a language model of DNA
#[derive(Parser, Clone, Debug)]
#[command(name = "cornbert")]
struct Flags {
    #[command(flatten)]
    options: Options,
    /// Cut promoters out of this FASTA, packed or not
    #[arg(long, value_name = "FASTA", requires_all = ["annotation", "expression"], conflicts_with = "data")]
    genome: Option<PathBuf>,
    /// The genes of the genome, GFF3 or GTF
    #[arg(long, value_name = "GFF", requires = "genome")]
    annotation: Option<PathBuf>,
    /// TPM of the genes, a column per tissue
    #[arg(long, value_name = "TSV", requires = "genome")]
    expression: Option<PathBuf>,
    /// Read a table instead: gene, sequence, then TPM of a tissue per column
    #[arg(long, value_name = "TSV", conflicts_with_all = ["genome", "data"])]
    promoters: Option<PathBuf>,
    /// Take these columns of the table for tissues; all columns of numbers without it
    #[arg(long = "tissue", value_name = "NAME", value_delimiter = ',')]
    tissues: Vec<String>,
    /// Take this column of --expression for the genes; its index or first one without it
    #[arg(long, value_name = "NAME", requires = "expression")]
    gene_column: Option<String>,
    /// Whether the first row of the table names its columns: guessed, present or absent
    #[arg(long, value_name = "WORD", default_value_t = TableHeader::Guessed)]
    header: TableHeader,
    /// Promoters of other species to pre-train on, before those of this one
    #[arg(long, value_name = "FASTA", value_delimiter = ',')]
    corpus: Vec<PathBuf>,
    /// Divide genes as this table does, which an earlier run wrote as split.tsv
    #[arg(long, value_name = "TSV")]
    split: Option<PathBuf>,
    /// Motifs of the baseline, a line each; without it they are derived from the training promoters
    #[arg(long, value_name = "FILE")]
    motifs: Option<PathBuf>,
    /// Follow the document, or correct its protocol
    #[arg(long, value_enum, default_value_t = Mode::Rigorous)]
    mode: Mode,
    /// Begin at this stage, with what an earlier run left in the folder
    #[arg(long, value_enum, default_value_t = Stage::Tokenizer)]
    from: Stage,
    /// Bases of a promoter at most [default: 1000; 300 simulated]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    length: Option<u64>,
    /// Leave genes out that have less TPM than this in all tissues; the files of --data are as they are
    #[arg(
        long,
        value_name = "TPM",
        default_value_t = 1.0,
        value_parser = support::not_negative,
        conflicts_with = "data"
    )]
    least_tpm: f64,
    /// Tokens of the vocabulary, special ones included [default: 5005; 600 simulated]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(261..=4_194_304))]
    vocabulary: Option<usize>,
    /// Channels of a token, a multiple of 32; published 768
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = RangedU64ValueParser::<usize>::new().range(32..=4_096))]
    width: usize,
    /// Layers of the network; published 6
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    layers: u64,
    /// Steps of pre-training, of which the second half is on this species alone [default: 800; 300 simulated]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=1_000_000_000))]
    pretrain_steps: Option<u64>,
    /// Steps of fine-tuning [default: 1600; 800 simulated]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(4..=1_000_000_000))]
    finetune_steps: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Long promoters cut at the end next to the gene, tokens and language learned from all genes, padding that takes positions,
    /// always the mask, the last weights
    Faithful,
    /// Everything learned from training genes, validation genes choose the weights, the end next to the gene kept
    Rigorous,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Stage {
    /// Learn the tokens
    Tokenizer,
    /// Learn the language
    Pretrain,
    /// Learn the expression
    Finetune,
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    support::report_errors(|| run(flags))
}

fn run(mut flags: Flags) -> Result<(), Anything> {
    if flags.options.list {
        support::say(models::names(&flags)?.join("\n"));
        return Ok(());
    }
    if flags.width == 0 || !flags.width.is_multiple_of(32) {
        return Err(format!("--width {}: expected a multiple of 32", flags.width).into());
    }
    flags.options.chosen(&models::names(&flags)?)?;
    // What is skipped lies in the folder.
    flags.options.resume |= flags.from > Stage::Tokenizer;
    let settings = [
        ("mode", format!("{:?}", flags.mode)),
        ("length", flags.length().to_string()),
        ("least_tpm", flags.least_tpm.to_string()),
        ("vocabulary", flags.vocabulary().to_string()),
        ("width", flags.width.to_string()),
        ("layers", flags.layers.to_string()),
        ("pretrain_steps", flags.pretrain_steps().to_string()),
        ("finetune_steps", flags.finetune_steps().to_string()),
        ("tissues", flags.tissues.join(",")),
        ("gene_column", flags.gene_column.clone().unwrap_or_default()),
        ("header", flags.header.to_string()),
        ("files", flags.files()),
    ];
    let seeds = if flags.is_simulated() { 1 } else { 5 };
    let mut run = Run::begin("cornbert", &flags.options, seeds, &settings)?;
    if flags.from > Stage::Tokenizer {
        run.begin_with(&["model/tokenizer.json"]);
    }
    if flags.from > Stage::Pretrain {
        run.begin_with(&["model/pretrained"]);
    }
    let set = Set::read(&flags, &mut run)?;
    if let Some(motifs) = &flags.motifs {
        run.add_input(motifs)?;
    }
    set.report_leakage(&run)?;
    let stages = Stages::run(&flags, &set, &mut run)?;
    let experiment = models::experiment(&flags, &set, &stages, Some(&run))?;
    let experiment = flags.options.choose(experiment)?;
    let report = run.experiment(experiment)?.run()?;
    outcome::reductions(&report, &run)?;
    outcome::curves(&run)?;
    outcome::importance(&flags, &set, &stages, &run)?;
    run.finish(&report, "CornBERT", &[])
}

impl Flags {
    fn is_simulated(&self) -> bool {
        self.genome.is_none() && self.promoters.is_none() && self.options.data.is_none()
    }

    /// Says which files are read, beside those of --data.
    fn files(&self) -> String {
        let tables = (&self.genome, &self.annotation, &self.expression);
        let others = (&self.promoters, &self.corpus, &self.split, &self.motifs);
        format!("{tables:?}, {others:?}")
    }

    fn length(&self) -> u64 {
        self.length
            .unwrap_or(if self.is_simulated() { 300 } else { 1000 })
    }

    fn vocabulary(&self) -> usize {
        self.vocabulary
            .unwrap_or(match (self.options.quick, self.is_simulated()) {
                (true, _) => 300,
                (false, true) => 600,
                (false, false) => 5005,
            })
    }

    fn pretrain_steps(&self) -> u64 {
        self.pretrain_steps
            .unwrap_or(match (self.options.quick, self.is_simulated()) {
                (true, _) => 4,
                (false, true) => 300,
                (false, false) => 800,
            })
    }

    fn finetune_steps(&self) -> u64 {
        self.finetune_steps
            .unwrap_or(match (self.options.quick, self.is_simulated()) {
                (true, _) => 8,
                (false, true) => 800,
                (false, false) => 1600,
            })
    }
}
