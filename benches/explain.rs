//! Shapley values of 100 trees of depth 6, and the interactions of pairs of columns.
//!
//! `benches/peers/explain.py` times XGBoost on tables of the same shapes.

use std::time::Duration;

use chromex::boosting::{BoostedTrees, GradientBoosting, TreeMethod};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::{Array2, s};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

const ROWS: usize = 10_000;

/// Fits a table whose target is a sum of a few of its columns, a product and noise.
fn fitted(columns: usize) -> (BoostedTrees, Array2<f32>) {
    let mut generator = chromex::core::random::generator(1, "a table to explain");
    let inputs: Array2<f32> =
        Array2::from_shape_simple_fn((ROWS, columns), || StandardNormal.sample(&mut generator));
    let targets = Array2::from_shape_fn((ROWS, 1), |(row, _)| {
        let value = |column: usize| inputs[[row, column * columns / 10]];
        let signal: f32 = (0..8).map(value).sum::<f32>() + value(8) * value(9);
        signal + generator.random_range(-1.0..1.0)
    });
    let boosting = GradientBoosting {
        tree_method: TreeMethod::Histogram { max_bins: 256 },
        ..GradientBoosting::default()
    };
    let model = boosting.fit_table(inputs.view(), targets.view());
    (model.expect("the table can be fitted"), inputs)
}

fn explain(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("boosting/explain");
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(3));
    for (columns, rows) in [(50, 1), (50, 2_000), (1_500, 2_000)] {
        let (model, inputs) = fitted(columns);
        let inputs = inputs.slice(s![..rows, ..]);
        group.throughput(Throughput::Elements(rows as u64));
        let id = |what: &str| {
            let shape = format!("rows={rows},columns={columns},trees=100,depth=6");
            BenchmarkId::new(what.to_owned(), shape)
        };
        group.bench_function(id("contributions"), |bencher| {
            bencher.iter(|| model.explain().contributions(inputs));
        });
        if columns == 50 {
            group.bench_function(id("interactions"), |bencher| {
                bencher.iter(|| model.explain().interactions(inputs));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, explain);
criterion_main!(benches);
