//! Reads become rows: counts alignments of histone marks into bins around each gene's transcription start, joins expression,
//! and writes one dataset file per cell type with pictures of it.
//!
//! What `bedtools bedtobam`, `bedtools multicov` and shell did for DeepChrome and DeepDiff. By default two simulated cells
//! are written as GTF, tagAligns and a table of expression, and counted.
//!
//! `cargo run --release --example count_reads -- --help`; `docs/Snakefile` runs it once per cell type.

mod account;
mod cell;
#[path = "../support/errors.rs"]
mod errors;
mod flags;
#[path = "../support/output.rs"]
mod output;
#[path = "../support/progress.rs"]
mod progress;

use std::process::ExitCode;

use chromex::core::atomic;
use chromex::io::simulate::SimulatedPair;
use chromex::report::RunFolder;
use clap::Parser;

use cell::Cell;
use errors::{Anything, report_errors};
use flags::{Flags, Mode};
use output::say;

fn main() -> ExitCode {
    let flags = Flags::parse();
    report_errors(|| match flags.tracks.is_empty() {
        true => simulated(flags),
        false => Cell::of(&flags)?.run(&flags),
    })
}

/// Draws two cells, writes their reads, and counts them as if a laboratory had made them.
fn simulated(mut flags: Flags) -> Result<(), Anything> {
    let pair = SimulatedPair {
        genes: if flags.quick { 30 } else { 600 },
        ..SimulatedPair::default()
    };
    let simulation = pair.draw(flags.seed)?;
    let folder = RunFolder::share(&flags.out, &"simulated".into())?;
    let simulated = folder.folder("simulated")?;
    atomic::remove_partials(&simulated);
    let files = simulation.write_reads(&simulated, flags.seed)?;
    say(format_args!(
        "Simulated reads of {} genes in {}",
        pair.genes,
        simulated.display()
    ));
    // Simulated counts are of 5' ends.
    flags.mode = Mode::FivePrime;
    flags.shift = 0;
    flags.genes = Some(files.annotation);
    flags.expression = Some(files.expression);
    flags.genome = "simulated".into();
    for (name, tracks) in files.cells {
        flags.samples = vec![name.clone()];
        let cell = Cell { name, tracks };
        cell.run(&flags)?;
    }
    Ok(())
}
