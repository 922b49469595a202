//! Boosting trees on tables of the shapes that embeddings, counts and small sets have.
//!
//! `benches/peers/boosting.py` times XGBoost and LightGBM on tables of the same shapes.

use chromex::boosting::{GradientBoosting, TreeMethod};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::Array2;
use rand::RngExt;
use rand_distr::{Distribution, Poisson, StandardNormal};

/// Draws a table whose target is a sum of a few of its columns, their products and noise.
fn table(rows: usize, columns: usize, counts: bool) -> (Array2<f32>, Array2<f32>) {
    let mut generator = chromex::core::random::generator(1, "a table to boost on");
    let poisson = Poisson::new(3.0).expect("the rate is positive");
    let inputs = Array2::from_shape_simple_fn((rows, columns), || {
        if counts {
            poisson.sample(&mut generator) as f32
        } else {
            StandardNormal.sample(&mut generator)
        }
    });
    let targets = Array2::from_shape_fn((rows, 1), |(row, _)| {
        let value = |column: usize| inputs[[row, column * columns / 10]];
        let signal: f32 = (0..8).map(value).sum::<f32>() + value(8) * value(9);
        signal + generator.random_range(-1.0..1.0)
    });
    (inputs, targets)
}

fn fit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("boosting/fit");
    group.sample_size(10);
    for (rows, columns, counts) in [
        (10_000, 6_624, false),
        (18_000, 1_500, false),
        (16_284, 500, true),
        (400_000, 100, false),
        (400, 621, false),
    ] {
        let (inputs, targets) = table(rows, columns, counts);
        let boosting = GradientBoosting {
            tree_method: TreeMethod::Histogram { max_bins: 256 },
            ..GradientBoosting::default()
        };
        let id = BenchmarkId::new(
            "histogram",
            format!("rows={rows},columns={columns},trees=100,depth=6"),
        );
        group.bench_function(id, |bencher| {
            bencher.iter(|| boosting.fit_table(inputs.view(), targets.view()));
        });
    }
    group.finish();
}

criterion_group!(benches, fit);
criterion_main!(benches);
