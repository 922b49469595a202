//! DNABERT-2 of the published shape on batches of 8 sequences of 256 tokens: inference, and a step of fine-tuning (forward,
//! backward, clipping, AdamW).
//!
//! `RAYON_NUM_THREADS=2 cargo bench --bench dnabert2 -- --steps 5`
//!
//! `benches/peers/dnabert2.py` times PyTorch on the same work. A step takes seconds, too long for criterion's ten samples.

#![allow(clippy::print_stdout)]

use std::sync::{Arc, Mutex};
use std::time::Instant;

use chromex::core::observe::{Event, Observer};
use chromex::core::{Dataset, Keys, Target, Targets, TokenIds, Transform, View};
use chromex::nn::{Clip, Device, Length, Network, Recipe, Trainer};
use chromex::transformers::{Dnabert2Config, Dnabert2Regression};
use clap::Parser;
use ndarray::Array2;

/// The allocator of the examples, whose steps these are.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Flags {
    /// Steps and batches to time
    #[arg(long, default_value_t = 5)]
    steps: u64,
    /// Layers of the network, published with 12
    #[arg(long, default_value_t = 12)]
    layers: usize,
    /// Only inference
    #[arg(long)]
    inference: bool,
    /// What cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

const ROWS: usize = 8;
const LENGTH: usize = 256;

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
    let ids = (0..(ROWS * LENGTH) as u64)
        .map(|place| 5 + (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u32 % 4091)
        .collect();
    let offsets = (0..=ROWS).map(|row| row * LENGTH).collect();
    let tokens = TokenIds::new(ids, offsets, vec![View::Whole], 4096, None).expect("ids are sound");
    let column = Target {
        name: "leaf".into(),
        unit: "TPM".into(),
        transform: Transform::Identity,
    };
    let values = Array2::from_shape_fn((ROWS, 1), |(row, _)| row as f32 / ROWS as f32);
    let targets = Targets::new(values, vec![column]).expect("targets are finite");
    let train = Dataset::new(tokens, targets, Keys::numbered(ROWS)).expect("rows agree");
    let model = Dnabert2Regression {
        network: Dnabert2Config {
            layers: flags.layers,
            ..Dnabert2Config::published()
        },
        ..Dnabert2Regression::default()
    };
    let device = Device::default();
    let network = model.init(1, 0, &device).expect("the shape is sound");
    let times = (0..=flags.steps).map(|_| {
        let start = Instant::now();
        let predicted = network.forward(&train.inputs, &device);
        drop(predicted.expect("the batch fits").into_data());
        start.elapsed().as_secs_f64()
    });
    print("inference", times.skip(1).collect());
    drop(network);
    if flags.inference {
        return;
    }
    let recipe = Recipe {
        length: Length::Steps(flags.steps + 1),
        batch_rows: ROWS,
        learning_rate: 3e-5,
        clip: Clip::GlobalNorm(1.0),
        report_every: 1,
        ..Recipe::default()
    };
    let clock = Arc::new(Clock::default());
    let trainer = Trainer::new(model, recipe).observe("step", clock.clone());
    let none = train.select(&[]);
    trainer.train(&train, &none, 0).expect("training goes on");
    let ends = clock.0.lock().expect("no step panicked");
    let times = ends
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs_f64());
    print("step", times.collect());
}

/// Prints the median and the least seconds.
fn print(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let (least, median) = (times[0], times[times.len() / 2]);
    println!(
        "{what}: median {median:.3} s, least {least:.3} s of {}",
        times.len()
    );
}
