//! Encoding mark words: from codes, from the chunks of a text, and as whole lines.
//!
//! `benches/peers/mark_words.py` times the Python library `tokenizers` on the same work.

use std::hint::black_box;
use std::time::Duration;

use chromex_core::{CellPair, Dataset, Encode, Fit, MarkWindows};
use chromex_tokens::{Bpe, BpeTokenizer, MarkSentences, MarkWords, MarkWordsQuantiles};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array3;

const BINS: usize = 200;

/// Draws counts whose letters are about as frequent as in GeneGPT-2's corpus.
fn pair(genes: usize) -> CellPair {
    let none_and_one = [
        (0.334, 0.222),
        (0.429, 0.249),
        (0.337, 0.282),
        (0.451, 0.281),
        (0.411, 0.248),
    ];
    let cell = |seed: u64| {
        let mut state = seed;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let counts = Array3::from_shape_fn((genes, BINS, 5), |(_, _, mark)| {
            let (none, one) = none_and_one[mark];
            match random() {
                share if share < none => 0.0,
                share if share < none + one => 1.0,
                share => (2.0 + 10.0 * (1.0 - share)).floor() as f32,
            }
        });
        let marks = ["H3K4me1", "H3K4me3", "H3K9me3", "H3K27me3", "H3K36me3"];
        MarkWindows::new(counts, marks.map(String::from).to_vec(), 100).expect("counts are finite")
    };
    CellPair::new(cell(1), cell(2)).expect("both cells have the same shape")
}

fn text(sentences: &MarkSentences, genes: usize) -> String {
    let mut text = String::new();
    for row in 0..genes {
        text += &sentences.text(row, 0);
        text.push('\n');
    }
    text
}

fn tokenizer(sentences: &MarkSentences, genes: usize) -> BpeTokenizer {
    let train = text(sentences, genes.min(800));
    let learned = Bpe::default().learn(train.split_inclusive('\n'));
    learned
        .and_then(|tokenizer| tokenizer.with_suffix(""))
        .expect("the settings are sound")
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mark_words/encode");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));
    for genes in [1_000, 10_000] {
        let sentences = MarkWords::default()
            .encode(&pair(genes))
            .expect("counts are whole");
        let text = text(&sentences, genes);
        let first = MarkSentences::new(
            sentences.codes().slice(ndarray::s![.., ..1, ..]).to_owned(),
            sentences.views()[..1].to_vec(),
            sentences.alphabet().clone(),
        );
        let first = first.expect("codes of sentences are sound");
        let tokenizer = tokenizer(&sentences, genes);
        let json = tokenizer.to_json().expect("a tokenizer can be written");
        // A special token that must stand alone keeps text from being encoded chunk by chunk: this is the speed
        // of the tokenizer library itself.
        let whole = json.replace("\"single_word\": false", "\"single_word\": true");
        let whole = BpeTokenizer::from_json(whole.as_bytes()).expect("a tokenizer reads back");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(
            BenchmarkId::new("codes", format!("genes={genes}")),
            |bencher| {
                bencher.iter(|| tokenizer.encode(black_box(&first)));
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
