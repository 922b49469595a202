//! One training step of each network of histone marks on the batch that its paper trains with.

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chromex::baselines::{
    AttentiveChromeConfig, DeepChromeConfig, DeepDiffConfig, FcnConfig, WakaWakaConfig,
};
use chromex::core::observe::{Event, Observer};
use chromex::core::{
    CellPair, Dataset, Keys, MarkWindows, Rows, Sequences, Target, Targets, Transform,
};
use chromex::nn::{Architecture, Keep, Length, Recipe, Trainer};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::{Array2, Array3};

/// The allocator of the examples, whose steps these are.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn drawn(seed: u64, place: usize) -> u64 {
    let mut z = (place as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (z ^ (z >> 27)) >> 33
}

fn windows(seed: u64, rows: usize, bins: usize) -> MarkWindows {
    let place = |(row, bin, mark): (usize, usize, usize)| (row * bins + bin) * 5 + mark;
    let signal = Array3::from_shape_fn((rows, bins, 5), |at| (drawn(seed, place(at)) % 8) as f32);
    let marks = ["a", "b", "c", "d", "e"].map(String::from).to_vec();
    MarkWindows::new(signal, marks, 100).expect("counts are finite")
}

fn targets(rows: usize, columns: usize) -> Targets {
    let values = Array2::from_shape_fn((rows, columns), |(row, _)| (row % 2) as f32);
    let column = || Target {
        name: "y".into(),
        unit: "1".into(),
        transform: Transform::Identity,
    };
    Targets::new(values, (0..columns).map(|_| column()).collect()).expect("a column per target")
}

fn dataset<X: Rows>(inputs: X) -> Dataset<X> {
    let rows = inputs.len();
    let expression = targets(rows, 2);
    let targets = targets(rows, 1)
        .with_auxiliary(expression)
        .expect("as many rows");
    Dataset::new(inputs, targets, Keys::numbered(rows)).expect("as many rows")
}

/// When the first and the latest step of a training ended.
#[derive(Default)]
struct Clock(Mutex<Option<(Instant, Instant)>>);

impl Observer for Clock {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Step { .. } = event {
            let now = Instant::now();
            let mut ends = self.0.lock().expect("no step panicked");
            *ends = Some((ends.map_or(now, |(first, _)| first), now));
        }
    }
}

fn step<X: Rows, A: Architecture<X>>(
    criterion: &mut Criterion,
    id: &str,
    architecture: A,
    recipe: Recipe,
    train: &Dataset<X>,
) {
    let mut group = criterion.benchmark_group("histone_training_step");
    group.sample_size(10);
    let none = train.select(&[]);
    group.bench_function(BenchmarkId::from_parameter(id), |bencher| {
        bencher.iter_custom(|steps| {
            // From the end of the first step on: before it the network is built.
            let recipe = Recipe {
                length: Length::Steps(steps + 1),
                keep: Keep::Last,
                ..recipe.clone()
            };
            let clock = Arc::new(Clock::default());
            let trainer = Trainer::new(architecture.clone(), recipe).observe("step", clock.clone());
            black_box(trainer.train(train, &none, 0)).expect("training goes on");
            let ends = clock.0.lock().expect("no step panicked");
            ends.map_or(Duration::ZERO, |(first, last)| last - first)
        });
    });
    group.finish();
}

fn training_steps(criterion: &mut Criterion) {
    let cell = |rows| dataset(windows(1, rows, 100));
    let attentive = AttentiveChromeConfig::default();
    let recipe = attentive.recipe();
    step(
        criterion,
        "attentivechrome,batch=16,bins=100",
        attentive.clone(),
        recipe.clone(),
        &cell(160),
    );
    let wide = Recipe {
        batch_rows: 32,
        ..recipe
    };
    step(
        criterion,
        "attentivechrome,batch=32,bins=200",
        attentive,
        wide,
        &dataset(windows(1, 160, 200)),
    );
    let pair = CellPair::new(windows(1, 100, 200), windows(2, 100, 200)).expect("the same shape");
    let pair = dataset(pair);
    for (name, config) in DeepDiffConfig::published() {
        let recipe = config.recipe();
        step(
            criterion,
            &format!("deepdiff_{name},batch=10,bins=200"),
            config,
            recipe,
            &pair,
        );
    }
    let deep = DeepChromeConfig::default();
    step(
        criterion,
        "deepchrome,batch=1,bins=100",
        deep.clone(),
        deep.recipe(),
        &cell(160),
    );
    let many = Recipe {
        batch_rows: 64,
        ..deep.recipe()
    };
    step(
        criterion,
        "deepchrome,batch=64,bins=100",
        deep,
        many,
        &cell(640),
    );
    let fcn = FcnConfig::default();
    step(
        criterion,
        "fcn,batch=128,bins=100",
        fcn.clone(),
        fcn.recipe(),
        &cell(640),
    );
    let waka = WakaWakaConfig::experiment_8();
    let letters: Vec<Vec<u8>> = (0..100)
        .map(|row| {
            (0..10_000)
                .map(|place| b"ACTG"[drawn(row, place) as usize % 4])
                .collect()
        })
        .collect();
    let dna = Sequences::new(&letters).expect("bases");
    let both = dataset((windows(1, 100, 100), dna));
    step(
        criterion,
        "wakawaka,batch=100,bins=100,bases=10000",
        waka.clone(),
        waka.recipe(),
        &both,
    );
}

criterion_group!(benches, training_steps);
criterion_main!(benches);
