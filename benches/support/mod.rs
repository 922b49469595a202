//! Corpora of mark words, drawn with the letter frequencies of GeneGPT-2's.

use chromex_core::{CellPair, Encode, MarkWindows};
use chromex_tokens::{Bpe, BpeTokenizer, MarkSentences, MarkWords};
use ndarray::Array3;

const BINS: usize = 200;

/// Draws counts whose letters are about as frequent as in GeneGPT-2's corpus.
pub(crate) fn pair(genes: usize) -> CellPair {
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

/// Writes the sentences of the first cell, a line each.
pub(crate) fn text(sentences: &MarkSentences, genes: usize) -> String {
    let mut text = String::new();
    for row in 0..genes {
        text += &sentences.text(row, 0);
        text.push('\n');
    }
    text
}

/// Learns a tokenizer from the first sentences.
pub(crate) fn tokenizer(sentences: &MarkSentences, genes: usize) -> BpeTokenizer {
    let train = text(sentences, genes.min(800));
    let learned = Bpe::default().learn(train.split_inclusive('\n'));
    learned
        .and_then(|tokenizer| tokenizer.with_suffix(""))
        .expect("the settings are sound")
}

/// Draws sentences with what they are text of: the codes of the first cell alone.
pub(crate) fn first_cell(genes: usize) -> (MarkSentences, String) {
    let both = MarkWords::default()
        .encode(&pair(genes))
        .expect("counts are whole");
    let text = text(&both, genes);
    let first = MarkSentences::new(
        both.codes().slice(ndarray::s![.., ..1, ..]).to_owned(),
        both.views()[..1].to_vec(),
        both.alphabet().clone(),
    );
    (first.expect("codes of sentences are sound"), text)
}

/// The same tokenizer as the library itself encodes with it: a special token that must stand alone keeps a text from
/// being encoded chunk by chunk.
pub(crate) fn whole_lines(tokenizer: &BpeTokenizer) -> BpeTokenizer {
    let json = tokenizer.to_json().expect("a tokenizer can be written");
    let json = json.replace("\"single_word\": false", "\"single_word\": true");
    BpeTokenizer::from_json(json.as_bytes()).expect("a tokenizer reads back")
}
