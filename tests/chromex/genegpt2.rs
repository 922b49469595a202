use std::path::PathBuf;

use chromex::boosting::{GradientBoosting, Ridge};
use chromex::core::{CellPair, Encode, Experiment, GivenSplit, LogMeans, Report, Rows, Then, View};
use chromex::io::deepdiff::DeepDiffPair;
use chromex::metrics::{Bootstrap, Pearson};
use chromex::tokens::{Bpe, MarkWords, TokenColumns};

/// The folder of the published files.
fn published(folder: &str) -> PathBuf {
    let data = std::env::var_os("CHROMEX_DATA").expect("CHROMEX_DATA is set");
    PathBuf::from(data).join(folder)
}

fn pearson(experiment: Experiment<CellPair>, model: &str) -> f64 {
    let report: Report = experiment.run().unwrap();
    report.summary(model, "pearson").unwrap().mean
}

fn experiment() -> Experiment<CellPair> {
    let folder = published("deepdiff_sample");
    let dataset = DeepDiffPair::new(folder, "Cell1", "Cell2").load().unwrap();
    let bootstrap = Bootstrap {
        resamples: 100,
        ..Bootstrap::default()
    };
    let experiment = Experiment::new(dataset, GivenSplit::pooled());
    experiment.metric(Pearson).bootstrap(bootstrap)
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn raw_tokens_boosted_score_as_published() {
    for (columns, low, high) in [
        (TokenColumns::raw_c(), 0.4016, 0.4036),
        (TokenColumns::raw(), 0.4782, 0.4802),
        (TokenColumns::raw_d(), 0.185, 0.200),
    ] {
        let experiment = experiment();
        let learner = MarkWords::default()
            .then(Bpe::new(1000))
            .then(columns)
            .then(GradientBoosting::default());
        let r = pearson(experiment.fixed_model("raw tokens", learner), "raw tokens");
        assert!((low..=high).contains(&r), "{r} is not in {low} to {high}");
    }
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn ridge_on_ten_numbers_scores_above_every_published_model() {
    let experiment = experiment();
    let learner = LogMeans::transcription_start().then(Ridge::default());
    let r = pearson(experiment.floor("ridge", learner), "ridge");
    assert!((r - 0.711).abs() < 0.005, "{r}");
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn the_published_tokenizer_is_relearned() {
    let folder = published("genegpt2/data");
    let corpus = std::fs::read_to_string(folder.join("trainValidCorpus.txt")).unwrap();
    let tokenizer = Bpe::new(1000).learn(corpus.split_inclusive('\n')).unwrap();
    assert_eq!(tokenizer.vocabulary_size(), 752);
    let tokens: usize = corpus
        .split_inclusive('\n')
        .map(|line| tokenizer.encode_text(line).unwrap().len())
        .sum();
    assert_eq!(tokens, 160_848);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn sentences_and_labels_are_rebuilt_from_counts() {
    let (counts, sentences) = (published("deepdiff_sample"), published("genegpt2/data"));
    let pair = DeepDiffPair::new(counts, "Cell1", "Cell2");
    let dataset = pair.load().unwrap();
    let words = MarkWords::default().encode(&dataset.inputs).unwrap();
    let parts = dataset.keys.group("part").unwrap();
    let labels = pair.labels(dataset.keys.ids()).unwrap();
    let mut differing = 0;
    let mut compared = 0;
    for (part, name) in [("train", "Train"), ("valid", "Valid"), ("test", "Test")] {
        let rows: Vec<usize> = (0..dataset.len())
            .filter(|&row| parts.label(row) == part)
            .collect();
        for (cell, view) in [
            ("C1", View::First),
            ("C2", View::Second),
            ("Diff", View::Difference),
        ] {
            let text =
                std::fs::read_to_string(sentences.join(format!("{cell}{name}.csv"))).unwrap();
            let column = words
                .views()
                .iter()
                .position(|known| *known == view)
                .unwrap();
            for (&row, line) in rows.iter().zip(text.lines()) {
                let published = line.strip_suffix(" <mask>").unwrap();
                differing += usize::from(words.text(row, column) != published);
                compared += 1;
            }
        }
        let file = sentences.join(format!("C12{name}Diff.tsv"));
        let text = std::fs::read_to_string(file).unwrap();
        for (&row, line) in rows.iter().zip(text.lines()) {
            let published: f64 = line.trim().parse().unwrap();
            assert!((labels[row] - published).abs() < 1e-9);
        }
    }
    assert_eq!((differing, compared), (0, 1800));
    assert_eq!(words.len(), 600);
}
