//! Boosting trees on tables of the shapes that embeddings, counts and small sets have.
//!
//! `benches/peers/boosting.py` times XGBoost and LightGBM on tables of the same shapes.

use chromex::boosting::{GradientBoosting, TreeMethod};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

#[path = "support/tables.rs"]
mod tables;

use tables::table;

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
