//! DExTER on as many promoters as the published run had: 15,000 of 4,001 bases.
//!
//! `cargo bench --bench dexter -- --genes 15000 --threads 2`
//!
//! Too long for criterion's ten samples: each step runs once, and the lines give its wall-clock seconds; the last is
//! the most memory that the process ever held.

#![allow(clippy::print_stdout)]

use std::time::Instant;

use chromex_boosting::CrossValidatedElasticNet;
use chromex_core::observe::Silent;
use chromex_io::simulate::{PlantedStretch, SimulatedPromoters};
use chromex_tokens::Dexter;
use clap::Parser;

#[derive(Parser)]
struct Flags {
    /// Promoters
    #[arg(long, default_value_t = 15_000)]
    genes: usize,
    /// Bases of a promoter
    #[arg(long, default_value_t = 4001)]
    length: usize,
    /// Threads
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// What cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let flags = Flags::parse();
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(flags.threads)
        .build()
        .expect("threads can be started");
    threads.install(|| run(&flags));
}

fn run(flags: &Flags) {
    let side = flags.length as i64 / 2;
    let stretch = |unit: &str, first: i64, last: i64, longest, effect| PlantedStretch {
        unit: unit.into(),
        first: first.max(-side),
        last: last.min(side),
        longest,
        effect,
    };
    let simulated = SimulatedPromoters {
        genes: flags.genes,
        length: flags.length,
        alignment: flags.length / 2,
        elements: vec![
            stretch("CG", -341, 341, 300, 1.2),
            stretch("GGC", -684, -126, 200, 0.8),
            stretch("A", -2000, -685, 120, -0.8),
            stretch("TATAAA", -125, -1, 24, 0.5),
            stretch("GGA", 126, 1196, 240, 0.9),
            stretch("CAG", 1, 684, 150, -0.7),
            stretch("TTGT", 685, 2000, 300, -0.9),
            stretch("CT", -1925, 0, 260, 0.7),
        ],
        ..SimulatedPromoters::default()
    };
    let promoters = timed("draw", || simulated.draw(6).expect("stretches fit"));
    let counts = timed("search", || {
        let learned = Dexter::default().learn(&promoters.inputs, &promoters.targets, &Silent);
        learned.expect("promoters can be searched")
    });
    let table = timed("count", || {
        counts.count(&promoters.inputs).expect("lengths are equal")
    });
    let model = timed("lasso", || {
        let targets = promoters.targets.values.view();
        let lasso = CrossValidatedElasticNet::lasso();
        lasso
            .fit_table(table.view(), targets, 0)
            .expect("the table has rows")
    });
    let longest = counts
        .domains()
        .iter()
        .map(|domain| domain.kmer.len())
        .max();
    let used = model
        .coefficients()
        .iter()
        .filter(|&&weight| weight != 0.0)
        .count();
    println!(
        "{} domains, {used} with a weight, longest k-mer {}",
        counts.domains().len(),
        longest.unwrap_or(0)
    );
    println!("{} kB", most_memory().unwrap_or(0));
}

fn timed<T>(step: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let made = work();
    println!("{step}: {:.2} s", start.elapsed().as_secs_f64());
    made
}

/// The most kilobytes that the process held, where the system tells.
fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
