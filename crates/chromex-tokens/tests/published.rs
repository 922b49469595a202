//! Sentences, vocabulary and token counts of GeneGPT-2, rebuilt from DeepDiff's counts.

use std::fs;
use std::path::{Path, PathBuf};

use chromex_core::{CellPair, Dataset, Encode, Fit, MarkWindows, Rows, Then, View};
use chromex_tokens::{
    Bpe, BpeTokenizer, MarkAlphabet, MarkSentences, MarkWords, SentenceText, TokenColumns,
};
use ndarray::Array3;
use tokenizers::Tokenizer;

fn data() -> PathBuf {
    let folder = std::env::var_os("CHROMEX_DATA").expect("CHROMEX_DATA is set");
    PathBuf::from(folder)
}

const PARTS: [(&str, &str); 3] = [("train", "Train"), ("valid", "Valid"), ("test", "Test")];

fn windows(data: &Path, cell: &str, part: &str) -> MarkWindows {
    let path = data.join(format!("deepdiff_sample/{cell}.{part}.csv"));
    let text = fs::read_to_string(path).unwrap();
    let counts = text.lines().flat_map(|line| line.split(',').skip(1));
    let counts: Vec<f32> = counts.map(|count| count.parse().unwrap()).collect();
    let genes = counts.len() / 1000;
    let signal = Array3::from_shape_vec((genes, 200, 5), counts).unwrap();
    let marks = ["H3K4me1", "H3K4me3", "H3K9me3", "H3K27me3", "H3K36me3"];
    MarkWindows::new(signal, marks.map(String::from).to_vec(), 100).unwrap()
}

fn pair(data: &Path, part: &str) -> CellPair {
    CellPair::new(windows(data, "Cell1", part), windows(data, "Cell2", part)).unwrap()
}

/// The published sentences of one part, all three views.
fn published(data: &Path, part: &str) -> MarkSentences {
    let views = [
        ("C1", View::First),
        ("C2", View::Second),
        ("Diff", View::Difference),
    ];
    let sentences = views.map(|(name, view)| {
        let path = data.join(format!("genegpt2/data/{name}{part}.csv"));
        let suffix = " <mask>".to_owned();
        let layout = SentenceText { view, suffix };
        MarkSentences::read(&path, &MarkAlphabet::default(), &layout).unwrap()
    });
    MarkSentences::side_by_side(&sentences).unwrap()
}

fn corpus(data: &Path) -> String {
    fs::read_to_string(data.join("genegpt2/data/trainValidCorpus.txt")).unwrap()
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn all_1800_published_sentences_come_out_of_the_counts() {
    let data = data();
    let mut sentences = 0;
    for (counts, words) in PARTS {
        let ours = MarkWords::default().encode(&pair(&data, counts)).unwrap();
        let theirs = published(&data, words);
        for row in 0..ours.len() {
            for view in 0..3 {
                assert_eq!(
                    ours.text(row, view),
                    theirs.text(row, view),
                    "{counts} {row} {view}"
                );
                sentences += 1;
            }
        }
    }
    assert_eq!(sentences, 1800);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn the_published_corpus_teaches_752_ids_and_has_160848_tokens() {
    let data = data();
    let corpus = corpus(&data);
    let tokenizer = Bpe::default().learn(corpus.split_inclusive('\n')).unwrap();
    assert_eq!(tokenizer.vocabulary_size(), 752);
    assert_eq!(tokenizer.id("<|endoftext|>"), Some(0));

    let lines = tokenizer.encode_lines(&corpus).unwrap();
    assert_eq!(lines.len(), 800);
    assert_eq!(lines.token_count() + lines.len(), 160_848);
    assert_eq!(tokenizer.encode_text(&corpus).unwrap().len(), 160_848);
    let with_breaks = corpus.split_inclusive('\n');
    let with_breaks = with_breaks.map(|line| tokenizer.encode_text(line).unwrap().len());
    assert_eq!(with_breaks.sum::<usize>(), 160_848);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn counts_teach_the_same_tokenizer_as_the_published_corpus() {
    let data = data();
    let windows = |cell| {
        let parts = ["train", "valid"].map(|part| windows(&data, cell, part));
        let signal = ndarray::concatenate![
            ndarray::Axis(0),
            parts[0].signal().view(),
            parts[1].signal().view()
        ];
        MarkWindows::new(signal, parts[0].marks().to_vec(), 100).unwrap()
    };
    let train = Dataset::unlabelled(CellPair::new(windows("Cell1"), windows("Cell2")).unwrap());
    let fitted = MarkWords::default()
        .then(Bpe::default())
        .fit(&train, &train, 0)
        .unwrap();
    let from_text = Bpe::default().learn(corpus(&data).lines()).unwrap();
    assert_eq!(
        fitted.second.to_json().unwrap(),
        from_text.to_json().unwrap()
    );
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn one_published_prompt_in_seven_is_longer_than_its_columns() {
    let data = data();
    let tokenizer = Bpe::default().learn(corpus(&data).lines()).unwrap();
    let mut lengths = [0; 210];
    let mut long_test_differences = 0;
    for (_, part) in PARTS {
        let tokens = tokenizer.encode(&published(&data, part)).unwrap();
        for row in 0..tokens.len() {
            for view in 0..3 {
                lengths[tokens.sentence(row, view).len()] += 1;
            }
            let long = tokens.sentence(row, 2).len() > 207;
            long_test_differences += u32::from(long && part == "Test");
        }
        let width = |columns: TokenColumns| columns.encode(&tokens).unwrap().dim();
        assert_eq!(width(TokenColumns::raw()), (200, 621));
        assert_eq!(width(TokenColumns::raw_c()), (200, 414));
        assert_eq!(width(TokenColumns::raw_d()), (200, 207));
    }
    assert_eq!(lengths[207], 1545);
    assert_eq!(lengths[208] + lengths[209], 255);
    assert_eq!(long_test_differences, 55);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn with_a_leading_space_every_published_sentence_has_200_tokens() {
    let data = data();
    let sentences = published(&data, "Train");
    let train = Dataset::unlabelled(sentences.clone());
    let tokenizer = Bpe::rigorous().fit(&train, &train, 0).unwrap();
    let tokens = tokenizer.encode(&sentences).unwrap();
    let long = (0..200)
        .filter(|&row| tokens.sentence(row, 0).len() != 200)
        .count();
    assert_eq!(long, 0);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn published_tokenizers_of_dna_load_and_encode_as_the_library_does() {
    let data = data();
    let files = [
        ("florabert_maize/tokenizer/tokenizer.json", 5005),
        ("dna_tokenizers/DNABERT-2-117M/tokenizer.json", 4096),
    ];
    for (file, vocabulary) in files {
        let path = data.join(file);
        let tokenizer = BpeTokenizer::load(&path).unwrap();
        assert_eq!(tokenizer.vocabulary_size(), vocabulary);
        let library = Tokenizer::from_file(&path).unwrap();
        let dna = "ACGTTGCATATAAAGGCCNACGT".repeat(20) + " TATA\nGC lllmm lllmm [CLS] <s>";
        let expected = library.encode(dna.as_str(), false).unwrap();
        assert_eq!(tokenizer.encode_text(&dna).unwrap(), expected.get_ids());
    }
}
