#![allow(clippy::print_stderr)]

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use chromex_boosting::{GradientBoosting, Objective};
use chromex_tokens::Bpe;
use flate2::read::MultiGzDecoder;
use ndarray::{Array2, Axis, concatenate};

use crate::golden::{cases, differs, number, settings};
use crate::real_data::data;

/// Inputs and targets, of training and test rows.
type Parts = [(Array2<f32>, Array2<f32>); 2];

fn lines(reader: impl Read) -> impl Iterator<Item = String> {
    BufReader::new(reader).lines().map(|line| line.unwrap())
}

fn file(path: &Path) -> File {
    File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn numbers<'a>(fields: impl Iterator<Item = &'a str>) -> impl Iterator<Item = f32> {
    fields.map(|field| field.trim().parse().unwrap())
}

/// Every fifth row is a test row, from the fifth on; the last column holds the targets.
fn every_fifth(table: &Array2<f32>) -> Parts {
    let last = table.ncols() - 1;
    [false, true].map(|test| {
        let rows: Vec<usize> = (0..table.nrows())
            .filter(|row| (row % 5 == 4) == test)
            .collect();
        let (inputs, targets) = table.view().split_at(Axis(1), last);
        (
            inputs.select(Axis(0), &rows),
            targets.select(Axis(0), &rows),
        )
    })
}

fn arabidopsis(data: &Path) -> Parts {
    let path = data.join("arabidopsis_marks_leaf/predict_matrix.tsv.gz");
    let mut table = Vec::new();
    for line in lines(MultiGzDecoder::new(file(&path))).skip(1) {
        table.extend(numbers(line.split('\t').skip(1)));
    }
    every_fifth(&Array2::from_shape_vec((table.len() / 11, 11), table).unwrap())
}

/// Numbers of the tokens of both cells' sentences; tokens are those of the published corpus.
fn genegpt2(data: &Path) -> Parts {
    let folder = data.join("genegpt2/data");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let corpus = text("trainValidCorpus.txt");
    let tokenizer = Bpe::new(1000).learn(corpus.split_inclusive('\n')).unwrap();
    let part = |name: &str| {
        let cells = ["C1", "C2"].map(|cell| {
            let mut ids = Vec::new();
            for line in text(&format!("{cell}{name}.csv")).lines() {
                let tokens = tokenizer.encode_text(line).unwrap();
                ids.extend(tokens[..207].iter().map(|&id| id as f32));
            }
            Array2::from_shape_vec((ids.len() / 207, 207), ids).unwrap()
        });
        let labels: Vec<f32> = numbers(text(&format!("C12{name}Diff.tsv")).lines()).collect();
        let labels = Array2::from_shape_vec((labels.len(), 1), labels).unwrap();
        (concatenate![Axis(1), cells[0], cells[1]], labels)
    };
    let (train, valid) = (part("Train"), part("Valid"));
    let train = (
        concatenate![Axis(0), train.0, valid.0],
        concatenate![Axis(0), train.1, valid.1],
    );
    [train, part("Test")]
}

/// Five marks in a hundred bins of each gene; whether it is expressed.
fn x1(data: &Path) -> Parts {
    let path = data.join("ml4g_marks_cage/derived/X1.deepchrome.csv.zst");
    let mut table = Vec::new();
    for (place, line) in lines(zstd::Decoder::new(file(&path)).unwrap()).enumerate() {
        let mut values = numbers(line.split(',').skip(1));
        table.extend(values.by_ref().take(5));
        if place % 100 == 99 {
            table.extend(values);
        }
    }
    every_fifth(&Array2::from_shape_vec((table.len() / 501, 501), table).unwrap())
}

/// A table of `column:value`; what is not named is missing.
fn libsvm(reader: impl Read, columns: usize) -> (Array2<f32>, Array2<f32>) {
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for line in lines(reader) {
        let start = inputs.len();
        inputs.resize(start + columns, f32::NAN);
        let (target, entries) = line.split_once(' ').unwrap();
        targets.extend(numbers(std::iter::once(target)));
        for entry in entries.split_whitespace() {
            let (column, value) = entry.split_once(':').unwrap();
            inputs[start + column.parse::<usize>().unwrap()] = value.parse().unwrap();
        }
    }
    let rows = targets.len();
    let inputs = Array2::from_shape_vec((rows, columns), inputs).unwrap();
    (inputs, Array2::from_shape_vec((rows, 1), targets).unwrap())
}

fn agaricus(data: &Path) -> Parts {
    let folder = data.join("xgboost_models/xgboost_demo");
    ["train", "test"].map(|part| {
        let file = file(&folder.join(format!("agaricus.txt.{part}.gz")));
        libsvm(MultiGzDecoder::new(file), 127)
    })
}

fn machine(data: &Path) -> Parts {
    let folder = data.join("xgboost_models/gbdt-rs/xgb_reg_linear");
    ["train", "test"].map(|part| libsvm(file(&folder.join(format!("machine.txt.{part}"))), 36))
}

/// The root of the mean squared error, or the mean log loss of probabilities.
fn loss(objective: Objective, predicted: &Array2<f32>, targets: &Array2<f32>) -> f64 {
    let pairs = predicted.iter().zip(targets);
    let pairs = pairs.map(|(&predicted, &target)| (f64::from(predicted), f64::from(target)));
    let rows = targets.len() as f64;
    match objective {
        Objective::Logistic => {
            let truth = |(chance, target)| if target == 1.0 { chance } else { 1.0 - chance };
            -pairs.map(|pair| truth(pair).ln()).sum::<f64>() / rows
        }
        _ => {
            let squares = pairs.map(|(predicted, target)| (predicted - target).powi(2));
            (squares.sum::<f64>() / rows).sqrt()
        }
    }
}

/// Fits a table by both methods as XGBoost was fitted to it.
fn compare(name: &str, read: fn(&Path) -> Parts) {
    let [train, test] = read(&data());
    let cases = cases(include_str!("../golden/real_tables.json"));
    let cases: Vec<_> = cases.iter().filter(|case| case["name"] == name).collect();
    assert_eq!(cases.len(), 2, "{name} by both methods");
    for case in cases {
        let booster = GradientBoosting {
            base_score: None,
            ..settings(case)
        };
        let shape = (train.0.nrows(), test.0.nrows(), train.0.ncols());
        let count = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
        let rows = &case["rows"];
        assert_eq!(
            shape,
            (count(&rows[0]), count(&rows[1]), count(&case["columns"]))
        );
        let model = booster.fit_table(train.0.view(), train.1.view()).unwrap();
        assert_eq!(differs(case, &model.trees()[0]), None);
        let predicted = model.predict_table(test.0.view()).unwrap();
        let found = loss(booster.objective, &predicted, &test.1);
        let expected = number(&case["loss"]);
        let apart = (found - expected) / expected;
        let method = case["settings"]["tree_method"].as_str().unwrap();
        eprintln!(
            "{name} | {method} | {found:.6} | {expected:.6} | {:+.4} %",
            100.0 * apart
        );
        assert!(
            apart.abs() < 0.005,
            "{name} by {method}: {found} is not {expected}"
        );
    }
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn arabidopsis_marks_are_fitted_as_by_xgboost() {
    compare("arabidopsis marks", arabidopsis);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn tokens_of_genegpt2_are_fitted_as_by_xgboost() {
    compare("genegpt2 tokens", genegpt2);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn bins_of_x1_are_fitted_as_by_xgboost() {
    compare("x1 bins", x1);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn agaricus_is_fitted_as_by_xgboost() {
    compare("agaricus", agaricus);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn machine_is_fitted_as_by_xgboost() {
    compare("machine", machine);
}
