//! The fast way to learn and encode promoters against the library's own.

#![allow(clippy::print_stderr)]

use std::path::PathBuf;

use chromex_core::{Rows, Sequences};
use chromex_tokens::{Bpe, BpeTokenizer, DnaBpe};
use proptest::prelude::*;

fn general(sequences: &Sequences, learner: &DnaBpe) -> BpeTokenizer {
    let bpe = Bpe {
        vocabulary: learner.vocabulary,
        min_frequency: learner.min_frequency,
        special_tokens: ["<s>", "</s>", "<pad>", "<unk>", "<mask>"]
            .map(str::to_owned)
            .to_vec(),
        suffix: String::new(),
        ..Bpe::default()
    };
    bpe.learn(
        sequences
            .iter()
            .map(|one| std::str::from_utf8(one).unwrap()),
    )
    .unwrap()
}

fn whole(vocabulary: usize) -> DnaBpe {
    DnaBpe {
        length: None,
        ..DnaBpe::new(vocabulary)
    }
}

fn compare(sequences: &Sequences, vocabulary: usize) {
    let learner = whole(vocabulary);
    let general = general(sequences, &learner);
    let fast = learner.learn(sequences).unwrap();
    assert_eq!(
        fast.tokenizer.to_json().unwrap(),
        general.to_json().unwrap()
    );
    let tokens = fast.tokens(sequences).unwrap();
    for (row, sequence) in sequences.iter().enumerate() {
        let expected = general
            .encode_text(std::str::from_utf8(sequence).unwrap())
            .unwrap();
        let found = tokens.sentence(row, 0);
        assert_eq!(found[1..found.len() - 1], expected, "row {row}");
    }
}

/// The library counts words and pairs on all threads.
#[test]
fn no_number_of_threads_changes_a_vocabulary_or_an_id() {
    let mut state = 9_u64;
    let mut letter = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b"ACGT"[(state >> 60) as usize % 4])
    };
    let sequences: Vec<String> = (0..300)
        .map(|row| (0..100 + row).map(|_| letter()).collect())
        .collect();
    let sequences = Sequences::new(&sequences).unwrap();
    let learn = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap().install(|| {
            let learner = whole(400);
            let general = general(&sequences, &learner);
            let fast = learner.learn(&sequences).unwrap();
            let tokens = fast.tokens(&sequences).unwrap();
            let ids: Vec<Vec<u32>> = (0..sequences.len())
                .map(|row| tokens.sentence(row, 0).to_vec())
                .collect();
            (
                general.to_json().unwrap(),
                fast.tokenizer.to_json().unwrap(),
                ids,
            )
        })
    };
    let one = learn(1);
    for threads in [2, 3, 5, 8] {
        assert!(one == learn(threads), "{threads} threads");
    }
}

/// The processor time of this thread where the system tells it; only printed, for comparisons on busy machines.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text
        .split_whitespace()
        .next()
        .and_then(|first| first.parse::<f64>().ok());
    nanoseconds.unwrap_or(f64::NAN) / 1e9
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn vocabulary_merges_and_ids_are_the_librarys(
        sequences in prop::collection::vec("[ACGT]{0,60}|[AT]{0,80}|(TA|A){0,40}|[ACGTN]{0,30}", 1..12),
        vocabulary in 261_usize..420,
    ) {
        compare(&Sequences::new(&sequences).unwrap(), vocabulary);
    }
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn promoters_of_maize_give_the_librarys_vocabulary_and_ids() {
    let data = PathBuf::from(std::env::var_os("CHROMEX_DATA").expect("CHROMEX_DATA is set"));
    let path = data.join("florabert_maize/merged_seq_genex.csv.gz");
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(file), &mut text).unwrap();
    let fields: Vec<&str> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(2).unwrap())
        .collect();
    let sequences = Sequences::new(&fields).unwrap();
    assert_eq!(sequences.len(), 1404);
    let learner = whole(5005);
    let timed = |what: &str, since: f64| eprintln!("{what}: {:.3} s", processor_seconds() - since);
    let start = processor_seconds();
    let fast = learner.learn(&sequences).unwrap();
    timed("learn by places", start);
    let start = processor_seconds();
    let general = general(&sequences, &learner);
    timed("learn by words", start);
    assert_eq!(
        fast.tokenizer.to_json().unwrap(),
        general.to_json().unwrap()
    );

    // The published tokenizer, too.
    let published =
        BpeTokenizer::load(&data.join("florabert_maize/tokenizer/tokenizer.json")).unwrap();
    for tokenizer in [general, published] {
        let fast = learner.with(tokenizer.clone()).unwrap();
        let start = processor_seconds();
        let tokens = fast.tokens(&sequences).unwrap();
        timed("encode by places", start);
        let start = processor_seconds();
        let expected: Vec<Vec<u32>> = fields
            .iter()
            .map(|one| tokenizer.encode_text(one).unwrap())
            .collect();
        timed("encode by the library", start);
        for (row, expected) in expected.iter().enumerate() {
            let found = tokens.sentence(row, 0);
            assert_eq!(&found[1..found.len() - 1], expected, "row {row}");
        }
    }
}
