//! One training step of GeneGPT-2's language model: 64 windows of 64 tokens, forward, backward, clip, AdamW.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chromex::core::Dataset;
use chromex::core::observe::{Event, Observer};
use chromex::nn::{Length, Trainer};
use chromex::transformers::{Gpt2Config, LanguageModel, TokenWindows};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// The allocator of the examples, whose steps these are.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A stream as long as the published one, of its 752 ids.
fn windows() -> TokenWindows {
    let stream = (0..160_848_u64)
        .map(|place| (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u32 % 752)
        .collect();
    TokenWindows::all(stream, 64).expect("the stream is longer than a window")
}

/// When the first and the latest step of a training ended.
#[derive(Default)]
struct Clock(Mutex<Option<(Instant, Instant)>>);

impl Clock {
    fn elapsed(&self) -> Duration {
        let ends = self.0.lock().expect("no step panicked");
        ends.map_or(Duration::ZERO, |(first, last)| last - first)
    }
}

impl Observer for Clock {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Step { .. } = event {
            let now = Instant::now();
            let mut ends = self.0.lock().expect("no step panicked");
            *ends = Some((ends.map_or(now, |(first, _)| first), now));
        }
    }
}

fn training_step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gpt2_training_step");
    let train = Dataset::unlabelled(windows());
    let none = train.select(&[]);
    for width in [32, 128, 256] {
        let architecture = Gpt2Config::genegpt2_wide(width);
        let id = BenchmarkId::from_parameter(format!("width={width},batch=64,context=64"));
        group.sample_size(10);
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|steps| {
                let mut recipe = LanguageModel::genegpt2(architecture.clone()).recipe;
                // From the end of the first step on: before it the network is built.
                recipe.length = Length::Steps(steps + 1);
                let clock = Arc::new(Clock::default());
                let trainer =
                    Trainer::new(architecture.clone(), recipe).observe("step", clock.clone());
                trainer.train(&train, &none, 0).expect("training goes on");
                clock.elapsed()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, training_step);
criterion_main!(benches);
