//! Counting reads into windows of 100 bins: `cargo bench --bench counting -- windows.bed reads.bam [THREADS]` prints the seconds and
//! the sum of the counts. `benches/peers/simulate_reads.py` makes such files; `benches/peers/counting.sh` counts them by others.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use chromex::io::counting::{ReadCounter, Track};
use chromex::io::genes::GeneWindows;

/// The allocator of the examples.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BINS: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let [windows, reads, rest @ ..] = &arguments[..] else {
        println!("nothing to count: pass windows.bed and a file of reads behind `--`");
        return Ok(());
    };
    let start = Instant::now();
    let windows = GeneWindows::read_bed(Path::new(windows), BINS)?;
    let counter = ReadCounter {
        threads: rest.first().map_or(Ok(2), |threads| threads.parse())?,
        ..ReadCounter::default()
    };
    let counted = counter.count(&windows, &[Track::new("reads", reads)])?;
    let seconds = start.elapsed().as_secs_f64();
    let counts = counted.windows.signal().iter();
    let sum: f64 = counts.map(|&count| f64::from(count)).sum();
    println!("{reads}: {seconds:.2} s, sum of counts {sum}");
    Ok(())
}
