//! One pre-training step of CornBERT's shape, 6 layers of width 768 on 8 rows of 256 tokens: hiding, forward, backward, LAMB.
//!
//! `RAYON_NUM_THREADS=2 cargo bench --bench cornbert -- --steps 5`
//!
//! `benches/peers/cornbert.py` times PyTorch on the same work. A step takes seconds, too long for criterion's ten samples.

#![allow(clippy::print_stdout)]

use std::sync::{Arc, Mutex};
use std::time::Instant;

use chromex::core::observe::{Event, Observer};
use chromex::core::{Dataset, TokenIds, View};
use chromex::nn::{Length, Optimizer, Recipe, Trainer};
use chromex::transformers::{MaskedLanguage, RobertaConfig};
use clap::Parser;

/// The allocator of the examples, whose steps these are.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Flags {
    /// Steps to time
    #[arg(long, default_value_t = 5)]
    steps: u64,
    /// Layers of the network, published with 6
    #[arg(long, default_value_t = 6)]
    layers: usize,
    /// What cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

const ROWS: usize = 8;
const LENGTH: usize = 256;
const VOCABULARY: usize = 5005;

/// Notes when each step ends.
#[derive(Default)]
struct Clock(Mutex<Vec<Instant>>);

impl Observer for Clock {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Step { .. } = event {
            self.0
                .lock()
                .expect("no step panicked")
                .push(Instant::now());
        }
    }
}

fn main() {
    let flags = Flags::parse();
    let ids = (0..(ROWS * LENGTH) as u64).map(|place| match place % LENGTH as u64 {
        0 => 0,
        255 => 1,
        _ => 5 + (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u32 % 5000,
    });
    let offsets = (0..=ROWS).map(|row| row * LENGTH).collect();
    let tokens = TokenIds::new(ids.collect(), offsets, vec![View::Whole], VOCABULARY, None);
    let train = Dataset::unlabelled(tokens.expect("ids are sound"));
    let model = MaskedLanguage {
        network: RobertaConfig {
            layers: flags.layers,
            ..RobertaConfig::cornbert()
        },
        ..MaskedLanguage::default()
    };
    let recipe = Recipe {
        optimizer: Optimizer::LambUncorrected {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            largest_norm: 10.0,
        },
        length: Length::Steps(flags.steps + 1),
        batch_rows: ROWS,
        report_every: 1,
        ..Recipe::default()
    };
    let clock = Arc::new(Clock::default());
    let trainer = Trainer::new(model, recipe).observe("step", clock.clone());
    let none = train.select(&[]);
    trainer.train(&train, &none, 0).expect("training goes on");
    let ends = clock.0.lock().expect("no step panicked");
    let steps = ends
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs_f64());
    let mut times: Vec<f64> = steps.collect();
    times.sort_by(f64::total_cmp);
    println!(
        "step: median {:.3} s, least {:.3} s of {}",
        times[times.len() / 2],
        times[0],
        times.len()
    );
}
