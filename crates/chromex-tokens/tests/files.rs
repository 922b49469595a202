//! Tokenizer files: what is written reads back, and what is off is refused and never brings the reader down.

use std::error::Error as _;
use std::fs;

use chromex_tokens::{
    Bpe, BpeTokenizer, DomainCounts, Error, KmerVocabulary, MarkAlphabet, MarkSentences,
    MotifPresence, SentenceText,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn learned() -> BpeTokenizer {
    let lines = [
        "lllll lllmm hhhhh lllmm",
        "lllmm hhhhh lllll mmmmm",
        "mmmmm lllmm hhhhh",
    ];
    Bpe::default().learn(lines).unwrap()
}

fn file() -> Value {
    serde_json::from_str(&learned().to_json().unwrap()).unwrap()
}

/// Changes a sound file and reads it.
fn read(change: impl FnOnce(&mut Value)) -> Result<BpeTokenizer, Error> {
    let mut file = file();
    change(&mut file);
    BpeTokenizer::from_json(file.to_string().as_bytes())
}

fn message(change: impl FnOnce(&mut Value)) -> String {
    read(change).unwrap_err().to_string()
}

#[test]
fn what_is_saved_loads_and_encodes_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let tokenizer = learned();
    tokenizer.save(&path).unwrap();
    let loaded = BpeTokenizer::load(&path).unwrap();
    assert_eq!(loaded.to_json().unwrap(), tokenizer.to_json().unwrap());
    let text = "lllmm hhhhh hhmmm <mask>\n";
    assert_eq!(
        loaded.encode_text(text).unwrap(),
        tokenizer.encode_text(text).unwrap()
    );
    assert!(
        tokenizer
            .save(&folder.path().join("none").join("tokenizer.json"))
            .is_err()
    );
}

#[test]
fn a_file_that_is_missing_corrupt_or_too_large_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    assert!(matches!(BpeTokenizer::load(&path), Err(Error::Io { .. })));
    let json = learned().to_json().unwrap();
    fs::write(&path, &json[..json.len() / 2]).unwrap();
    let error = BpeTokenizer::load(&path).unwrap_err();
    assert!(error.to_string().contains("tokenizer.json"));
    assert_eq!(error.source().unwrap().to_string(), "not a BPE tokenizer");
    // The hole takes no room on the disk, nor may it in memory.
    let hole = fs::File::create(&path).unwrap();
    hole.set_len(1 << 40).unwrap();
    let error = BpeTokenizer::load(&path).unwrap_err();
    let source = error.source().unwrap().to_string();
    assert!(
        source.starts_with("expected a tokenizer of at most 33554432 bytes"),
        "{source}"
    );
}

#[test]
fn tokenizers_of_another_kind_are_named() {
    let kind = message(|file| {
        file["model"] = json!({"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0}});
    });
    assert_eq!(
        kind,
        "expected a tokenizer of kind `BPE`, found `WordPiece`"
    );
    let untold = read(|file| file["model"] = json!({"unk_token": "[UNK]", "vocab": {"[UNK]": 0}}));
    assert!(matches!(untold, Err(Error::Json { .. })));
    assert!(matches!(
        read(|file| *file = json!([])),
        Err(Error::Json { .. })
    ));
    assert!(matches!(
        read(|file| file["version"] = json!("9.9")),
        Err(Error::Tokenizer { .. })
    ));
}

#[test]
fn ids_beyond_the_vocabulary_and_shared_ones_are_named() {
    let vocabulary = file()["model"]["vocab"].as_object().unwrap().len();
    for id in [vocabulary as u32, u32::MAX] {
        assert_eq!(
            message(|file| file["model"]["vocab"]["a"] = json!(id)),
            format!("token `a`: expected an id of its own below {vocabulary}, found {id}")
        );
    }
    let shared = read(|file| file["model"]["vocab"]["a"] = json!(5));
    assert!(matches!(shared, Err(Error::TokenId { found: 5, .. })));
    assert_eq!(
        message(|file| file["added_tokens"][0]["id"] = json!(7)),
        format!("token `<|endoftext|>`: expected an id of its own below {vocabulary}, found 7")
    );
    assert!(read(|file| file["model"]["vocab"]["a"] = json!(-1)).is_err());
}

#[test]
fn merges_of_tokens_that_do_not_exist_are_named() {
    let merge = |merge: Value| message(|file| file["model"]["merges"][1] = merge);
    assert_eq!(
        merge(json!(["xyz", "l"])),
        "merge 1: expected tokens of the vocabulary, found `xyz`"
    );
    assert_eq!(
        merge(json!(["x", "y"])),
        "merge 1: expected tokens of the vocabulary, found `xy`"
    );
    assert_eq!(
        merge(json!("xy")),
        "merge 1: expected tokens of the vocabulary, found `xy`"
    );
    let prefix = message(|file| file["model"]["continuing_subword_prefix"] = json!("##"));
    assert!(prefix.starts_with("merge 0: "), "{prefix}");
}

#[test]
fn steps_that_bring_the_library_down_are_named() {
    let replace = json!({"type": "Replace", "pattern": {"String": ""}, "content": "ll"});
    let message = message(|file| file["normalizer"] = replace.clone());
    assert!(
        message.starts_with("`normalizer`: expected one of ["),
        "{message}"
    );
    assert!(message.ends_with("], found `Replace`"), "{message}");
    let hidden = json!({"type": "Sequence", "normalizers": [{"type": "NFC"}, replace]});
    assert!(matches!(
        read(|file| file["normalizer"] = hidden),
        Err(Error::Part { .. })
    ));
    let length = json!({"type": "FixedLength", "length": 0});
    assert!(matches!(
        read(|file| file["pre_tokenizer"] = length),
        Err(Error::Part { .. })
    ));
}

#[test]
fn truncation_and_padding_are_left_to_the_reader_of_the_ids() {
    let truncation =
        json!({"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0});
    let tokenizer = read(|file| file["truncation"] = truncation).unwrap();
    let text = "lllll lllmm hhhhh lllll";
    assert_eq!(
        tokenizer.encode_text(text).unwrap(),
        learned().encode_text(text).unwrap()
    );
}

#[test]
fn text_of_a_decoder_that_is_not_utf_8_is_refused() {
    let json = learned().to_json().unwrap();
    let decoder = json.find("\"decoder\"").unwrap();
    let name = decoder + json[decoder..].find("ByteLevel").unwrap();
    let mut bytes = json.into_bytes();
    bytes[name] = 0xff;
    assert!(BpeTokenizer::from_json(&bytes).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_damaged_file_is_read_or_refused(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut json = learned().to_json().unwrap().into_bytes();
        // The vocabulary is most of the file, but the parts before it steer the reader.
        let head = json.len().min(2000);
        for (place, byte) in damage {
            json[place.index(head)] = byte;
        }
        if let Some(cut) = cut {
            json.truncate(cut.index(json.len()));
        }
        if let Ok(tokenizer) = BpeTokenizer::from_json(&json) {
            tokenizer.encode_text("lllll lllmm <mask>\n").ok();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// No reader cuts a letter of several bytes, whatever stands where.
    #[test]
    fn any_text_is_read_or_refused(
        text in prop_oneof!["(\\PC|[\n\t ,\"{}:]){0,120}", "([a-zäö€𝄞ACGT]{0,5}[ \n]|\\[UNK\\]\n){0,60}"],
        suffix in "\\PC{0,3}",
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, &text).unwrap();
        let _ = KmerVocabulary::load(&path);
        let _ = MotifPresence::read(&path);
        let _ = BpeTokenizer::load(&path);
        let _ = DomainCounts::load(&path);
        let layout = SentenceText { suffix, ..SentenceText::default() };
        let _ = MarkSentences::read(&path, &MarkAlphabet::default(), &layout);
    }
}
