//! Encoding mark words: from codes, from the chunks of a text, and as whole lines.
//!
//! `benches/peers/mark_words.py` times the Python library `tokenizers` on the same work.

use std::hint::black_box;
use std::time::Duration;

use chromex_core::{Dataset, Encode, Fit};
use chromex_tokens::{Bpe, MarkWords, MarkWordsQuantiles};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

#[path = "support/mod.rs"]
mod support;

use support::{first_cell, pair, tokenizer, whole_lines};

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mark_words/encode");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));
    for genes in [1_000, 10_000] {
        let (sentences, text) = first_cell(genes);
        let tokenizer = tokenizer(&sentences, genes);
        let whole = whole_lines(&tokenizer);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(
            BenchmarkId::new("codes", format!("genes={genes}")),
            |bencher| {
                bencher.iter(|| tokenizer.encode(black_box(&sentences)));
            },
        );
        group.bench_function(
            BenchmarkId::new("lines", format!("genes={genes}")),
            |bencher| {
                bencher.iter(|| tokenizer.encode_lines(black_box(&text)));
            },
        );
        group.bench_function(
            BenchmarkId::new("whole_lines", format!("genes={genes}")),
            |bencher| {
                bencher.iter(|| whole.encode_lines(black_box(&text)));
            },
        );
    }
    group.finish();
}

fn learn(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mark_words/learn");
    group.sample_size(10);
    for genes in [1_000, 10_000] {
        let pair = Dataset::unlabelled(pair(genes));
        let sentences = MarkWords::default()
            .encode(&pair.inputs)
            .expect("counts are whole");
        let sentences = Dataset::unlabelled(sentences);
        group.bench_function(
            BenchmarkId::new("words", format!("genes={genes}")),
            |bencher| {
                bencher.iter(|| MarkWords::default().encode(black_box(&pair.inputs)));
            },
        );
        group.bench_function(
            BenchmarkId::new("quantiles", format!("genes={genes}")),
            |bencher| {
                bencher.iter(|| MarkWordsQuantiles::default().fit(black_box(&pair), &pair, 0));
            },
        );
        let id = BenchmarkId::new("bpe", format!("genes={genes},vocabulary=1000"));
        group.bench_function(id, |bencher| {
            bencher.iter(|| Bpe::new(1000).fit(black_box(&sentences), &sentences, 0));
        });
    }
    group.finish();
}

criterion_group!(benches, encode, learn);
criterion_main!(benches);
