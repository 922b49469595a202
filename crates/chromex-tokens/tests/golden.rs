//! Vocabularies, merges and ids against those of the Python library `tokenizers`.

use chromex_core::{Dataset, Fit};
use chromex_tokens::{Bpe, BpeTokenizer, MarkAlphabet, MarkSentences, SentenceText};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Golden {
    lines: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    vocabulary: usize,
    min_frequency: u64,
    leading_space: bool,
    file: Value,
    texts: Vec<String>,
    ids: Vec<Vec<u32>>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/bpe.json")).unwrap()
}

impl Case {
    fn bpe(&self) -> Bpe {
        Bpe {
            vocabulary: self.vocabulary,
            min_frequency: self.min_frequency,
            leading_space: self.leading_space,
            ..Bpe::default()
        }
    }
}

fn assert_same_ids(tokenizer: &BpeTokenizer, case: &Case) {
    for (text, ids) in case.texts.iter().zip(&case.ids) {
        assert_eq!(&tokenizer.encode_text(text).unwrap(), ids, "{text:?}");
    }
}

#[test]
fn learning_from_text_writes_the_same_file_and_gives_the_same_ids() {
    let golden = golden();
    for case in &golden.cases {
        let tokenizer = case
            .bpe()
            .learn(golden.lines.iter().map(|line| format!("{line}\n")));
        let tokenizer = tokenizer.unwrap();
        let file: Value = serde_json::from_str(&tokenizer.to_json().unwrap()).unwrap();
        assert_eq!(file, case.file);
        assert_same_ids(&tokenizer, case);
    }
}

#[test]
fn learning_from_mark_sentences_writes_the_same_file() {
    let golden = golden();
    let text = golden.lines.join("\n");
    let layout = SentenceText::default();
    let sentences = MarkSentences::parse(&text, &MarkAlphabet::default(), &layout).unwrap();
    let train = Dataset::unlabelled(sentences);
    for case in &golden.cases {
        let tokenizer = case.bpe().fit(&train, &train, 0).unwrap();
        let file: Value = serde_json::from_str(&tokenizer.to_json().unwrap()).unwrap();
        assert_eq!(file, case.file);
    }
}

#[test]
fn a_file_of_the_python_library_gives_the_same_ids() {
    for case in &golden().cases {
        let tokenizer = BpeTokenizer::from_json(case.file.to_string().as_bytes()).unwrap();
        assert_same_ids(&tokenizer, case);
        assert_eq!(tokenizer.id("<|endoftext|>"), Some(0));
        assert_eq!(tokenizer.line_break(), tokenizer.id("Ċ"));
    }
}
