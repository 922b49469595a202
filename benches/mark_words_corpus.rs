//! Encoding a corpus of 200 MB of mark words on one thread: from codes, from text, and by the `tokenizers` crate alone.
//!
//! `cargo bench --bench mark_words_corpus -- --megabytes 200 --keep DIR`
//!
//! Too long for criterion's ten samples: the fast paths run three times, the library once, and the ids of all must be
//! the same. With `--keep` the corpus and the tokenizer stay, for
//! `benches/peers/mark_words.py --corpus DIR/corpus.txt --tokenizer DIR/tokenizer.json`, whose hash of the ids must be the
//! one printed here.

#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::time::Instant;

use chromex_core::{Encode, Rows, TokenIds};
use clap::Parser;

#[path = "support/mod.rs"]
mod support;

#[derive(Parser)]
struct Flags {
    /// Size of the corpus
    #[arg(long, default_value_t = 200)]
    megabytes: usize,
    /// Write the corpus and the tokenizer into this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// What cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let flags = Flags::parse();
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("a thread can be started");
    one.install(|| run(&flags));
}

fn run(flags: &Flags) {
    // A sentence of 200 words of five letters is 1,200 bytes.
    let genes = flags.megabytes * 1_000_000 / 1_200;
    let (sentences, text) = support::first_cell(genes);
    let tokenizer = support::tokenizer(&sentences, genes);
    let library = support::whole_lines(&tokenizer);
    if let Some(folder) = &flags.keep {
        std::fs::create_dir_all(folder).expect("the folder can be made");
        std::fs::write(folder.join("corpus.txt"), &text).expect("the corpus can be written");
        tokenizer
            .save(&folder.join("tokenizer.json"))
            .expect("the tokenizer can be written");
    }
    println!("{} bytes, {genes} sentences", text.len());
    let codes = time("codes", 3, text.len(), || {
        tokenizer.encode(&sentences).expect("codes encode")
    });
    let lines = time("lines", 3, text.len(), || {
        tokenizer.encode_lines(&text).expect("text encodes")
    });
    let slow = time("crate", 1, text.len(), || {
        library.encode_lines(&text).expect("text encodes")
    });
    assert_eq!(hash(&lines), hash(&slow), "ids of text and of the library");
    assert_eq!(hash(&lines), hash(&codes), "ids of text and of codes");
    println!("hash of the ids {:016x}", hash(&lines));
}

/// Prints the median time of some runs.
fn time(name: &str, runs: usize, bytes: usize, work: impl Fn() -> TokenIds) -> TokenIds {
    let mut seconds = Vec::new();
    let mut result = None;
    for _ in 0..runs {
        let start = Instant::now();
        result = Some(work());
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let speed = bytes as f64 / 1e6 / median;
    println!("{name}: {median:.3} s, {speed:.1} MB/s");
    result.expect("there is at least one run")
}

/// FNV-1a over all ids, row after row.
fn hash(tokens: &TokenIds) -> u64 {
    (0..tokens.len())
        .flat_map(|row| tokens.sentence(row, 0))
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, &id| {
            (hash ^ u64::from(id)).wrapping_mul(0x0000_0100_0000_01B3)
        })
}
