use std::fmt::Write as _;
use std::path::Path;
use std::process::Output;

use chromex::io::simulate::SimulatedPromoters;
use chromex::nn::Device;
use chromex::tokens::DnaBpe;
use chromex::transformers::{Dnabert2Config, Dnabert2Regression};

use crate::command_lines::example;

fn run(arguments: &[&str]) -> Output {
    example("dnabert2_vs_dexter")
        .args(arguments)
        .output()
        .expect("the example was built")
}

/// Writes sixty promoters as a table, and a tiny network with its tokenizer as published files.
fn files(folder: &Path) {
    let drawn = SimulatedPromoters {
        genes: 60,
        ..SimulatedPromoters::default()
    };
    let drawn = drawn.draw(1).unwrap();
    let mut table = String::from("id\tsequence\tvalue\tpart\n");
    for row in 0..drawn.len() {
        let sequence = std::str::from_utf8(&drawn.inputs.sequence(row)[400..600]).unwrap();
        let value = drawn.targets.values[[row, 0]];
        let part = ["train", "train", "valid", "test"][row % 4];
        writeln!(table, "gene{row}\t{sequence}\t{value}\t{part}").unwrap();
    }
    std::fs::write(folder.join("promoters.tsv"), table).unwrap();
    let tokens = DnaBpe {
        vocabulary: 300,
        ..DnaBpe::dnabert2()
    };
    let tokenizer = tokens.learn(&drawn.inputs).unwrap().tokenizer;
    tokenizer.save(&folder.join("tokenizer.json")).unwrap();
    let model = Dnabert2Regression {
        network: Dnabert2Config {
            vocabulary: tokenizer.vocabulary_size(),
            width: 24,
            layers: 3,
            hidden: 32,
            ..Dnabert2Config::published()
        },
        ..Dnabert2Regression::default()
    };
    let network = model.init(1, 0, &Device::default()).unwrap();
    model.write_folder(&network, folder).unwrap();
}

#[test]
fn published_weights_are_adapted_to_an_own_table_in_each_way() {
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    let table = folder.path().join("promoters.tsv");
    let weights = folder.path().to_str().unwrap();
    for adapt in ["all", "last-blocks", "low-rank", "nothing"] {
        let out = folder.path().join(adapt);
        let output = run(&[
            "--quick",
            "--table",
            table.to_str().unwrap(),
            "--weights",
            weights,
            "--adapt",
            adapt,
            "--offline",
            "--only",
            "DNABERT-2,5-mers,DExTER",
            "--out",
            out.to_str().unwrap(),
        ]);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{adapt}: {message}");
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        for word in ["of published weights", "5-mers ridge", "DExTER keeps"] {
            assert!(report.contains(word), "{adapt}: {word}: {report}");
        }
        assert!(out.join("predictions.parquet").exists());
    }
}

#[test]
fn tables_and_models_that_are_none_are_named() {
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    let refused = |arguments: &[&str], part: &str| {
        let out = folder.path().join("out");
        let arguments = [arguments, &["--quick", "--out", out.to_str().unwrap()]].concat();
        let output = run(&arguments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?} went through");
        assert!(
            message.contains(part) && !message.contains("panicked"),
            "{message}"
        );
    };
    let broken = folder.path().join("broken.tsv");
    std::fs::write(&broken, "id\tsequence\tvalue\ngene1\tACGT\thigh\n").unwrap();
    refused(
        &["--table", broken.to_str().unwrap()],
        "line 2, column 3: expected a number (value), found `high`",
    );
    std::fs::write(&broken, "id\tletters\tvalue\ngene1\tACGT\t1\n").unwrap();
    refused(
        &["--table", broken.to_str().unwrap()],
        "expected a column `sequence`",
    );
    std::fs::write(&broken, "id\tsequence\tvalue\ngene1\tACGTäé€\t1\n").unwrap();
    refused(
        &["--table", broken.to_str().unwrap()],
        "line 2, column 2: expected letters of the IUPAC code (sequence), found `ä` as letter 5",
    );
    refused(&["--weights", "lab/none", "--offline"], "lab--none");
    refused(&["--weights", "nowhere"], "owner/name");
    refused(&["--set", "plant"], "--data");
    refused(&["--data", "."], "--set");
}
