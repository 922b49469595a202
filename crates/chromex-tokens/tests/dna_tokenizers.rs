//! Published tokenizers of DNA against the Python library `tokenizers`, on 5,000 random and 5,000 real sequences.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use chromex_core::{Encode, Sequences};
use chromex_tokens::{BpeTokenizer, DnaBpe, KmerVocabulary};
use flate2::read::GzDecoder;
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
struct Golden {
    sequences: usize,
    dnabert2: Ids,
    gena: Ids,
    six: Ids,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Ids {
    sha256: String,
    tokens: usize,
}

/// SplitMix64, as `golden/dna_tokenizers.py` draws.
fn random_sequences(count: usize) -> Vec<String> {
    let mut state = 6_u64;
    let mut draw = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) as usize
    };
    (0..count)
        .map(|_| {
            let length = 1 + draw() % 400;
            let mut letters: Vec<u8> = Vec::new();
            for _ in 0..length {
                let unknown = draw().is_multiple_of(300);
                letters.push(if unknown { b'N' } else { b"ACGT"[draw() % 4] });
            }
            if draw().is_multiple_of(10) {
                let at = draw() % letters.len();
                let run = vec![b'N'; draw() % 25];
                letters.splice(at..at, run);
            }
            String::from_utf8(letters).unwrap()
        })
        .collect()
}

fn hashed(sequences: &[String], encode: impl Fn(&str) -> Vec<u32>) -> Ids {
    let (mut hash, mut tokens) = (Sha256::new(), 0);
    for sequence in sequences {
        let ids = encode(sequence);
        tokens += ids.len();
        hash.update((ids.len() as u32).to_le_bytes());
        for id in ids {
            hash.update(id.to_le_bytes());
        }
    }
    let digest = hash.finalize();
    Ids {
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        tokens,
    }
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn ids_of_dna_are_those_of_the_python_library() {
    let data = std::env::var_os("CHROMEX_DATA").expect("CHROMEX_DATA is set");
    let data = Path::new(&data);
    let golden: Golden = serde_json::from_str(include_str!("golden/dna_tokenizers.json")).unwrap();
    let open = |file: &str| std::fs::File::open(data.join(file)).unwrap();
    let table = GzDecoder::new(open("plant_core_promoters/CNN_test_leaf.tsv.gz"));
    let lines = BufReader::new(table).lines().skip(1).take(5000);
    let mut sequences = random_sequences(5000);
    sequences.extend(lines.map(|line| line.unwrap().split('\t').nth(3).unwrap().to_owned()));
    assert_eq!(sequences.len(), golden.sequences);

    let folder = data.join("dna_tokenizers");
    let dnabert2 = BpeTokenizer::load(&folder.join("DNABERT-2-117M/tokenizer.json")).unwrap();
    assert_eq!(
        hashed(&sequences, |s| dnabert2.encode_text(s).unwrap()),
        golden.dnabert2
    );
    let mut json = Vec::new();
    GzDecoder::new(open(
        "dna_tokenizers/GENA_t2t_1000h_multi_32k/tokenizer.json.gz",
    ))
    .read_to_end(&mut json)
    .unwrap();
    let gena = BpeTokenizer::from_json(&json).unwrap();
    assert_eq!(
        hashed(&sequences, |s| gena.encode_text(s).unwrap()),
        golden.gena
    );
    let six = KmerVocabulary::load(&folder.join("DNABERT-6/vocab.txt")).unwrap();
    assert_eq!((six.length(), six.vocabulary_size()), (6, 4101));
    assert_eq!(hashed(&sequences, |s| six.encode_text(s)), golden.six);
    assert_eq!(KmerVocabulary::dnabert(6).unwrap(), six);

    // The short cut for sequences gives the same ids, between the special ones.
    for (tokenizer, golden) in [(dnabert2, golden.dnabert2), (gena, golden.gena)] {
        let whole = DnaBpe {
            length: None,
            ..DnaBpe::dnabert2()
        };
        let encoder = whole.with(tokenizer).unwrap();
        let bare = |sequence: &str| {
            let row = Sequences::new(&[sequence]).unwrap();
            let ids = encoder.encode(&row).unwrap();
            let ids = ids.sentence(0, 0);
            ids[1..ids.len() - 1].to_vec()
        };
        assert_eq!(hashed(&sequences, bare), golden);
    }
}
