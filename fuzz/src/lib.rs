//! Searches for files that a parser of chromex panics on, waits for or asks too much memory for.
//!
//! `cargo fuzz run reads` searches, led by what each file reaches of the code; see the README beside. Built without
//! `cargo fuzz`, each program reads the files that it is given and tells what became of them.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod changes;
pub mod parsers;

use std::error::Error;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

pub use changes::change;
use parsers::Parser;

/// Makes a program of a parser.
#[macro_export]
macro_rules! target {
    ($parser:path) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(init: $crate::keep_panics(), |bytes: &[u8]| {
            $crate::search(bytes, $parser)
        });

        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_mutator!(
            |data: &mut [u8], size: usize, max_size: usize, seed: u32| {
                $crate::change(data, size, max_size, seed, libfuzzer_sys::fuzzer_mutate)
            }
        );

        #[cfg(not(fuzzing))]
        fn main() {
            $crate::replay($parser)
        }
    };
}

static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// Keeps what a panic says, and lets it go on: some decoders of other crates panic at damage, of which chromex makes an error.
pub fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let mut last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner);
        *last = panic.to_string();
    }));
}

/// Reads bytes as a file. A panic that leaves the parser ends the search.
pub fn search(bytes: &[u8], parser: Parser) {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder for files").keep());
    let path = folder.join("file");
    std::fs::write(&path, bytes).expect("space for a file");
    if catch_unwind(|| parser(&path).ok()).is_err() {
        let last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner);
        eprintln!("{last}");
        std::process::abort();
    }
}

/// Reads the files that the program is given, and tells what became of each.
pub fn replay(parser: Parser) {
    for file in std::env::args_os().skip(1) {
        let path = Path::new(&file);
        let begun = Instant::now();
        let told = parser(path).map_or_else(|error| causes(error.as_ref()), |()| "taken".into());
        println!("{}: {:.1?}: {told}", path.display(), begun.elapsed());
    }
}

fn causes(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_search_begins_with_files_that_are_taken() {
        let programs: [(&str, Parser); 15] = [
            ("reads", parsers::reads),
            ("genes", parsers::genes),
            ("bed_windows", parsers::bed_windows),
            ("fasta", parsers::fasta),
            ("fasta_index", parsers::fasta_index),
            ("expression", parsers::expression),
            ("deepchrome", parsers::deepchrome),
            ("deepdiff", parsers::deepdiff),
            ("npy", parsers::npy),
            ("npz", parsers::npz),
            ("windows", parsers::windows),
            ("splits", parsers::splits),
            ("tokenizer", parsers::tokenizer),
            ("boosting", parsers::boosting),
            ("weights", parsers::weights),
        ];
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
        assert_eq!(std::fs::read_dir(&seeds).unwrap().count(), programs.len());
        for (name, parser) in programs {
            for file in std::fs::read_dir(seeds.join(name)).unwrap() {
                let path = file.unwrap().path();
                if let Err(error) = parser(&path) {
                    panic!("{}: {}", path.display(), causes(error.as_ref()));
                }
            }
        }
    }
}
