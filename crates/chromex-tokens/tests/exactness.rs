//! Ids from tables and chunks against those that the tokenizer library gives for the whole text.

use std::str::FromStr;

use chromex_core::{Encode, Rows, TokenIds, View};
use chromex_tokens::{Bpe, BpeTokenizer, MarkAlphabet, MarkSentences};
use ndarray::Array3;
use proptest::prelude::*;
use tokenizers::Tokenizer;

/// Pieces of text at which splitting into words is easily got wrong.
const PIECES: [&str; 37] = [
    "lllll",
    "lllmm",
    "hhhhh",
    " lllll",
    " lllmm",
    " mmmmm",
    " hlmhl",
    " lmh",
    "llllll",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    " \n",
    "\n\n",
    " <mask>",
    "<mask>",
    "<|endoftext|>",
    " <|endoftext|>",
    "<|endo",
    "lm",
    "LM",
    "'ll",
    "'s",
    "1",
    " 42",
    ".",
    " ,",
    "é",
    "日本",
    "\u{a0}",
    "\u{3000}",
    "\u{85}",
    "\u{1c}",
    "\u{0}",
    "🧬",
];

fn text() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(&PIECES[..]);
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn learned(leading_space: bool, special_tokens: &[&str]) -> BpeTokenizer {
    let bpe = Bpe {
        vocabulary: 1000,
        leading_space,
        special_tokens: special_tokens.iter().map(|&token| token.into()).collect(),
        ..Bpe::default()
    };
    let words = |line: usize| (0..40).map(move |word| (line * word * 31 + word * 7) % 243);
    let alphabet = MarkAlphabet::default();
    let lines = (0..30).map(|line| {
        let words: Vec<_> = words(line).map(|code| alphabet.word(code as u16)).collect();
        words.join(" ") + "\n"
    });
    // Runs of white space are merged too, so that a run that is broken shows.
    let runs = "lllll   mmmmm\n\n\n  \n \nhhhhh\r\n\r\n    lmh\t\t \t";
    bpe.learn(lines.chain(vec![runs.to_owned(); 9])).unwrap()
}

/// Tokenizers that encode chunk by chunk, and some that must not.
fn tokenizers() -> Vec<(BpeTokenizer, Tokenizer)> {
    let mut learned = vec![
        learned(false, &["<|endoftext|>"]),
        learned(true, &["<|endoftext|>"]),
        learned(false, &["lm", "<mask>"]),
        learned(true, &["lm", "<mask>"]),
        learned(true, &[]),
    ];
    let json = learned[2].to_json().unwrap();
    let changes = [
        ("\"lstrip\": false", "\"lstrip\": true"),
        ("\"rstrip\": false", "\"rstrip\": true"),
        ("\"single_word\": false", "\"single_word\": true"),
        (
            "\"normalizer\": null",
            "\"normalizer\": {\"type\": \"Lowercase\"}",
        ),
        ("\"use_regex\": true", "\"use_regex\": false"),
    ];
    for (from, to) in changes {
        let changed = json.replace(from, to);
        assert_ne!(changed, json);
        learned.push(BpeTokenizer::from_json(changed.as_bytes()).unwrap());
    }
    let with_library = |tokenizer: BpeTokenizer| {
        let library = Tokenizer::from_str(&tokenizer.to_json().unwrap()).unwrap();
        (tokenizer, library)
    };
    learned.into_iter().map(with_library).collect()
}

fn ids(library: &Tokenizer, text: &str) -> Vec<u32> {
    library.encode(text, false).unwrap().get_ids().to_vec()
}

fn rows(tokens: &TokenIds) -> Vec<Vec<u32>> {
    (0..tokens.len())
        .map(|row| tokens.sentence(row, 0).to_vec())
        .collect()
}

#[test]
fn odd_texts_have_the_ids_of_the_library() {
    let tokenizers = tokenizers();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(400));
    let result = runner.run(&text(), |text| {
        for (tokenizer, library) in &tokenizers {
            prop_assert_eq!(tokenizer.encode_text(&text).unwrap(), ids(library, &text));
        }
        Ok(())
    });
    result.unwrap();
}

#[test]
fn lines_have_the_ids_of_the_library_however_they_are_read() {
    let tokenizers = tokenizers();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(100));
    let result = runner.run(&text(), |text| {
        for (tokenizer, library) in &tokenizers {
            let lines = text.split_inclusive('\n');
            let lines = lines.map(|line| line.strip_suffix('\n').unwrap_or(line));
            let expected: Vec<_> = lines.map(|line| ids(library, line)).collect();
            let from_text = tokenizer.encode_lines(&text).unwrap();
            prop_assert_eq!(rows(&from_text), expected);
            let from_reader = tokenizer.encode_reader(text.as_bytes()).unwrap();
            prop_assert_eq!(from_reader, from_text);
        }
        Ok(())
    });
    result.unwrap();
}

#[test]
fn sentences_have_the_ids_of_their_text() {
    let alphabets = [(5, 3), (2, 4), (1, 2), (7, 3)]
        .map(|(marks, levels)| MarkAlphabet::new(marks, levels).unwrap());
    for (tokenizer, library) in tokenizers() {
        for alphabet in &alphabets {
            for suffix in ["", " <mask>", " lm  <|endoftext|>"] {
                let draw = |(row, view, word)| {
                    ((row * 7919 + view * 104_729 + word * word * 31) % alphabet.words()) as u16
                };
                let codes = Array3::from_shape_fn((4, 2, 50), draw);
                let views = vec![View::First, View::Second];
                let sentences = MarkSentences::new(codes, views, alphabet.clone()).unwrap();
                let tokenizer = tokenizer.clone().with_suffix(suffix).unwrap();
                let tokens = tokenizer.encode(&sentences).unwrap();
                for row in 0..4 {
                    for view in 0..2 {
                        let text = sentences.text(row, view) + suffix;
                        assert_eq!(tokens.sentence(row, view), ids(&library, &text), "{text:?}");
                    }
                }
                let prepared = tokenizer.with_alphabet(alphabet.clone()).unwrap();
                assert_eq!(prepared.encode(&sentences).unwrap(), tokens);
            }
        }
    }
}

#[test]
fn a_line_that_is_not_text_is_named() {
    let tokenizer = learned(false, &[]);
    let error = tokenizer.encode_reader(&b"lllll\n\xff\n"[..]).unwrap_err();
    assert_eq!(error.to_string(), "read line 2");
}
