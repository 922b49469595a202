use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use ndarray::Array3;
use ndarray_npy::NpzWriter;

/// Runs an example at its smallest and checks what its folder promises.
fn quick(name: &str, models: &[&str], files: &[&str]) {
    quick_on(None, name, models, files);
}

/// Does so with the data of a path.
fn quick_on(data: Option<&Path>, name: &str, models: &[&str], files: &[&str]) {
    let own = std::env::current_exe().expect("a test has a path");
    let folder = own
        .parent()
        .and_then(Path::parent)
        .expect("target/PROFILE/deps/NAME");
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    let output = Command::new(folder.join("examples").join(name))
        .args(["--quick", "--out", run.to_str().unwrap()])
        .args(
            data.into_iter()
                .flat_map(|data| [Path::new("--data"), data]),
        )
        .stdin(Stdio::null())
        .output()
        .expect("the example was built");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {message}");
    let table = String::from_utf8_lossy(&output.stdout);
    for model in models {
        assert!(table.contains(model), "{name}: the table lacks {model}");
    }
    for file in [
        "report.json",
        "run.json",
        "predictions.parquet",
        "report.html",
    ]
    .iter()
    .chain(files)
    {
        assert!(run.join(file).is_file(), "{name}: {file}");
    }
    assert!(check_tables(&run) > 1, "{name}: tables");
}

/// Checks every table of a folder: each line has as many fields as the header. Tells how many there are.
fn check_tables(folder: &Path) -> usize {
    let mut tables = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tables += check_tables(&path);
        } else if let Some(ending @ ("csv" | "tsv")) = path.extension().and_then(|e| e.to_str()) {
            let mut reader = csv::ReaderBuilder::new()
                .delimiter(if ending == "csv" { b',' } else { b'\t' })
                .from_path(&path)
                .unwrap();
            let fields = reader.headers().unwrap().len();
            for line in reader.records() {
                assert_eq!(line.unwrap().len(), fields, "{}", path.display());
            }
            tables += 1;
        }
    }
    tables
}

#[test]
fn deepchrome_leaves_its_tables_weights_and_interpretation() {
    quick(
        "deepchrome",
        &[
            "deepchrome",
            "shallowchrome",
            "linear-network",
            "fcn",
            "attentivechrome",
            "boosting",
            "ridge",
        ],
        &[
            "model/deepchrome.safetensors",
            "plots/class-1-input.svg",
            "interpretation/class-0-input.csv",
            "interpretation/deepchrome-gradient-x-input.csv",
        ],
    );
}

#[test]
fn attentivechrome_leaves_its_attention() {
    quick(
        "attentivechrome",
        &["attentivechrome", "one-direction", "of the 20 places"],
        &[
            "plots/attentivechrome-attention.svg",
            "interpretation/attentivechrome-occlusion.csv",
            "interpretation/attention-of-marks.csv",
        ],
    );
}

#[test]
fn deepdiff_runs_all_seven_variants() {
    quick(
        "deepdiff",
        &[
            "raw_d",
            "raw_c",
            "raw ",
            "aux ",
            "raw_aux",
            "aux_siamese",
            "raw_aux_siamese",
            "ridge",
        ],
        &[
            "interpretation/raw_d-attention.csv",
            "model/raw_aux_siamese.safetensors",
        ],
    );
}

#[test]
fn wakawaka_leaves_the_gradient_of_every_nucleotide() {
    quick(
        "wakawaka",
        &["marks", "dna", "joint", "staged", "ridge-marks"],
        &[
            "plots/gradient-of-dna.svg",
            "interpretation/gradient-of-dna.csv",
        ],
    );
}

#[test]
fn fcn_ensemble_scores_three_ways_of_being_unseen() {
    quick(
        "fcn_ensemble",
        &[
            "ensemble",
            "learned-weighting",
            "gene-mean",
            "ensemble, unseen gene, unseen cell",
        ],
        &["model/fcn.safetensors"],
    );
}

#[test]
fn fcn_ensemble_reads_the_cells_of_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.npz");
    let mut archive = NpzWriter::new(File::create(&path).unwrap());
    for cell in 0..5 {
        // Gene, five counts, and an expression that follows the second of them.
        let count = |gene: usize| (gene * 7 + cell * 3) % 11;
        let array = Array3::from_shape_fn((40, 100, 7), |(gene, bin, column)| match column {
            0 => gene as f64,
            2 => count(gene) as f64,
            6 => count(gene) as f64 - 5.0,
            _ => ((gene + bin * column) % 5) as f64,
        });
        archive.add_array(format!("E{cell:03}"), &array).unwrap();
    }
    archive.finish().unwrap();
    quick_on(
        Some(&path),
        "fcn_ensemble",
        &["ensemble", "learned-weighting", "gene-mean"],
        &["model/fcn.safetensors", "interpretation/gradient-E004.csv"],
    );
}
