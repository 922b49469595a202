use std::path::Path;
use std::process::Output;

use chromex::io::simulate::SimulatedGenome;

use crate::command_lines::example;

fn run(arguments: &[&str]) -> Output {
    example("cornbert")
        .args(arguments)
        .output()
        .expect("the example was built")
}

fn succeeded(output: &Output) -> String {
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(arguments: &[&str], parts: &[&str]) {
    let output = run(arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{arguments:?} went through");
    for part in parts {
        assert!(message.contains(part), "{message} lacks {part}");
    }
    assert!(!message.contains("panicked"), "{message}");
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_quick_run_goes_from_genome_to_importance_and_later_stages_alone_give_the_same() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().join("run");
    let flags = ["--quick", "--out", folder.to_str().unwrap()];
    let table = succeeded(&run(&flags));
    for word in [
        "CornBERT pre-trained",
        "motifs boosted",
        "5-mers linear",
        "mean TPM",
        "## All",
        "## endosperm",
        "mae TPM",
        "Planted: TATA box",
    ] {
        assert!(table.contains(word), "the report lacks {word}");
    }
    for file in [
        "data/promoters.fa.gz",
        "data/promoters.bed",
        "split.tsv",
        "leakage.tsv",
        "importance.tsv",
        "model/tokenizer.json",
        "model/pretrained/model.safetensors",
        "model/finetuned/config.json",
        "plots/importance.svg",
        "plots/perplexity.svg",
        "plots/tissues.svg",
        "report.html",
    ] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    // A table of a note is a table of the page.
    let page = text(&folder.join("report.html"));
    let (_, note) = page.split_once("<p>Percent by which mse ").unwrap();
    assert!(note.contains("</p>\n<div class=\"wide\"><table class=\"\">\n<tr><th>model</th>"));
    assert!(!page.contains("| --- |"));
    let log = text(&folder.join("training.csv"));
    for name in [
        "perplexity",
        "validation_perplexity",
        "validation_mse tassel",
    ] {
        assert!(log.contains(name), "{name}");
    }
    let before = text(&folder.join("importance.tsv"));
    let weights = std::fs::read(folder.join("model/pretrained/model.safetensors")).unwrap();
    for stage in ["finetune", "pretrain"] {
        let again = succeeded(&run(&[&flags[..], &["--from", stage]].concat()));
        assert_eq!(again, table, "--from {stage}");
        assert_eq!(text(&folder.join("importance.tsv")), before);
        let kept = std::fs::read(folder.join("model/pretrained/model.safetensors")).unwrap();
        assert!(kept == weights, "--from {stage}");
    }
    let fewer = ["--from", "finetune", "--vocabulary", "261"];
    refused(
        &[&flags[..], &fewer].concat(),
        &["--vocabulary 261", "tokenizer.json"],
    );
    let other = out.path().join("other");
    refused(
        &[
            "--quick",
            "--from",
            "finetune",
            "--out",
            other.to_str().unwrap(),
        ],
        &["--from finetune", "tokenizer.json"],
    );
}

#[test]
fn own_files_and_split_are_read_and_what_is_wrong_in_them_is_named() {
    let own = tempfile::tempdir().unwrap();
    let settings = SimulatedGenome {
        genes: 40,
        promoter_bases: 100,
        ..SimulatedGenome::default()
    };
    settings.draw(3).unwrap().write(own.path()).unwrap();
    let path = |name: &str| own.path().join(name).to_str().unwrap().to_owned();
    let (genome, genes, tpm) = (
        path("genome.fa"),
        path("genes.gff3"),
        path("expression.tsv"),
    );
    let first = path("first");
    let files = [
        "--genome",
        &genome,
        "--annotation",
        &genes,
        "--expression",
        &tpm,
    ];
    let quick = ["--quick", "--only", "mean", "--seeds", "1"];
    succeeded(&run(&[&files[..], &quick, &["--out", &first]].concat()));
    let split = path("first/split.tsv");
    let second = path("second");
    succeeded(&run(&[
        &files[..],
        &quick,
        &["--split", &split, "--out", &second],
    ]
    .concat()));
    assert_eq!(
        text(&own.path().join("second/split.tsv")),
        text(Path::new(&split))
    );

    // The files of --data are as they are, and a genome is not theirs.
    for flags in [&["--least-tpm", "2"][..], &files] {
        refused(
            &[flags, &["--data", own.path().to_str().unwrap()]].concat(),
            &["--data"],
        );
    }
    // Other motifs are another baseline, though it has the same name.
    let motifs = path("motifs.txt");
    let motif_run = |motif: &str| {
        std::fs::write(&motifs, motif).unwrap();
        let boosted = ["--quick", "--only", "motifs boosted", "--seeds", "1"];
        let third = ["--motifs", &motifs, "--resume", "--out", &path("third")];
        succeeded(&run(&[&files[..], &boosted, &third].concat()));
        std::fs::read_dir(own.path().join("third/fits"))
            .unwrap()
            .count()
    };
    let kept = motif_run("TATA\n");
    assert_eq!(motif_run("TATA\n"), kept);
    assert!(motif_run("C\nG\n") > kept);

    let broken = |name: &str, content: String, parts: &[&str]| {
        let (bad, out) = (path(&format!("bad-{name}")), path(&format!("out-{name}")));
        std::fs::write(&bad, content).unwrap();
        let _ = std::fs::remove_dir_all(&out);
        let files = files.map(|file| if file.ends_with(name) { &bad } else { file });
        refused(&[&files[..], &quick, &["--out", &out]].concat(), parts);
    };
    let expression = text(Path::new(&tpm));
    let second_line = expression.lines().nth(1).unwrap();
    let gene = second_line.split('\t').next().unwrap();
    let with = |field: &str| {
        let rest: Vec<&str> = second_line.split('\t').skip(2).collect();
        let line = format!("{gene}\t{field}\t{}", rest.join("\t"));
        expression.replace(second_line, &line)
    };
    broken(
        "expression.tsv",
        with("-1"),
        &["bad-expression.tsv", "line 2, column 2", "-1"],
    );
    let annotation = text(Path::new(&genes));
    broken(
        "genes.gff3",
        annotation.replace("chr", "scaffold"),
        &["scaffold1", "chr1"],
    );
    let bases = text(Path::new(&genome)).replacen("A\n", "!\n", 400);
    broken("genome.fa", bases, &["bad-genome.fa", "IUPAC"]);
    let table = path("promoters.tsv");
    std::fs::write(
        &table,
        "gene\tsequence\tleaf\na\tACGT\t1\nb\t\t2\nc\tACGT\t-3\n",
    )
    .unwrap();
    let out = path("table");
    let flags = ["--promoters", &table, "--out", &out, "--only", "mean"];
    refused(&flags, &["promoters.tsv", "line 4, column 3", "-3"]);
    refused(&["--genome", &genome], &["--annotation"]);
    refused(&["--width", "33", "--out", &out], &["--width 33"]);
}
