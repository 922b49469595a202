//! What a fit of boosted trees costs as one setting grows and the others stay: `cargo bench --bench boosting_cost -- FILE.svg`
//! prints a table and draws it.

#![allow(clippy::print_stdout)]

#[path = "support/tables.rs"]
mod tables;

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use chromex::boosting::{GradientBoosting, TreeMethod};
use chromex::core::atomic;
use chromex::report::plots;

use tables::table;

/// Of so many fits the fastest counts: whatever else the machine does only adds.
const FITS: usize = 3;

/// A fit; what a line of the plot varies is one of these.
#[derive(Clone, Copy)]
struct Fit {
    rows: usize,
    columns: usize,
    depth: u32,
    bins: usize,
    threads: usize,
}

const USUAL: Fit = Fit {
    rows: 20_000,
    columns: 200,
    depth: 6,
    bins: 256,
    threads: 2,
};

impl Fit {
    /// Times twenty trees.
    fn seconds(&self) -> Result<f64, Box<dyn Error>> {
        let (inputs, targets) = table(self.rows, self.columns, false);
        let boosting = GradientBoosting {
            rounds: 20,
            max_depth: self.depth as usize,
            tree_method: TreeMethod::Histogram {
                max_bins: self.bins,
            },
            ..GradientBoosting::default()
        };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .build()?;
        let mut least = f64::INFINITY;
        for _ in 0..FITS {
            let start = Instant::now();
            black_box(pool.install(|| boosting.fit_table(inputs.view(), targets.view()))?);
            least = least.min(start.elapsed().as_secs_f64());
        }
        Ok(least)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let sizes = |smallest: usize, count: u32| (0..count).map(move |power| smallest << power);
    let grown: [(&str, Vec<(usize, Fit)>); 5] = [
        (
            "rows",
            sizes(5_000, 7)
                .map(|rows| (rows, Fit { rows, ..USUAL }))
                .collect(),
        ),
        (
            "columns",
            sizes(25, 7)
                .map(|columns| (columns, Fit { columns, ..USUAL }))
                .collect(),
        ),
        (
            "depth",
            (1..=10)
                .map(|depth| (depth as usize, Fit { depth, ..USUAL }))
                .collect(),
        ),
        (
            "bins",
            sizes(4, 9)
                .map(|bins| (bins, Fit { bins, ..USUAL }))
                .collect(),
        ),
        (
            "threads",
            sizes(1, 2)
                .map(|threads| (threads, Fit { threads, ..USUAL }))
                .collect(),
        ),
    ];
    println!(
        "20 trees; {} rows, {} columns, depth {}, {} bins, {} threads but for what grows; the fastest of {FITS} fits\n",
        USUAL.rows, USUAL.columns, USUAL.depth, USUAL.bins, USUAL.threads
    );
    println!("| grows | seconds |\n| --- | --- |");
    let mut lines = Vec::new();
    for (name, fits) in grown {
        let mut line = Vec::new();
        let mut told = Vec::new();
        for (value, fit) in &fits {
            let seconds = fit.seconds()?;
            line.push(((*value as f64 / fits[0].0 as f64).log2(), seconds.log2()));
            told.push(format!("{value}: {seconds:.3}"));
        }
        println!("| {name} | {} |", told.join("; "));
        lines.push((name.to_owned(), line));
    }
    if let Some(path) = std::env::args()
        .skip(1)
        .find(|argument| argument.ends_with(".svg"))
    {
        let names = ("doublings from the smallest", "log2 of seconds");
        let svg = plots::lines("20 trees as one setting grows", names, &lines)?;
        atomic::write(Path::new(&path), |file| file.write_all(svg.as_bytes()))?;
    }
    Ok(())
}
