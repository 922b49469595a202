use std::path::Path;
use std::process::{Output, Stdio};

use chromex::core::Rows;
use chromex::io::deepdiff::DeepDiffPair;
use chromex::io::simulate::SimulatedPair;
use chromex::io::storage::{WindowsFile, read_npz};

use crate::command_lines::example;

fn run(arguments: &[&str]) -> Output {
    let output = example("count_reads")
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    output.expect("the example was built")
}

fn refused(arguments: &[&str], expected: &str) {
    let output = run(arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && message.contains(expected),
        "{message}"
    );
    assert!(!message.contains("panicked"), "{message}");
}

#[test]
fn simulated_reads_become_the_datasets_that_they_were_drawn_from() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let arguments = [
        "--quick",
        "--tables",
        "--npz",
        "--resume",
        "--out",
        out.to_str().unwrap(),
    ];
    let output = run(&arguments);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let pair = SimulatedPair {
        genes: 30,
        ..SimulatedPair::default()
    };
    let simulation = pair.draw(0).unwrap();
    let cells = [
        simulation.dataset.inputs.first(),
        simulation.dataset.inputs.second(),
    ];
    for (cell, name) in pair.cells.iter().enumerate() {
        let file = WindowsFile::open(&out.join(format!("{name}.parquet"))).unwrap();
        let stored = file.read().unwrap();
        assert_eq!(&stored.windows, cells[cell]);
        assert_eq!(stored.description.genome, "simulated");
        assert!(
            stored
                .description
                .sources
                .iter()
                .all(|source| source.sha256.len() == 64)
        );
        let expression = simulation.expression[cell]
            .counts()
            .iter()
            .map(|&count| count as f32);
        assert!(stored.targets.column(0).iter().copied().eq(expression));
        assert_eq!(
            &read_npz(&out.join(format!("{name}.npz"))).unwrap().0,
            cells[cell]
        );
        for end in ["md", "profile.svg", "heat-map.svg"] {
            assert!(out.join(format!("{name}.{end}")).is_file(), "{end}");
        }
    }
    // What DeepDiff's reader makes of the tables is the simulation, labels included.
    let mut tables = DeepDiffPair::new(&out, &pair.cells[0], &pair.cells[1]);
    let read = tables.load().unwrap();
    // Side files name the marks: nothing is assumed, and a reader that asks for another order gets it.
    assert!(tables.notes().unwrap().is_empty());
    let side = out.join(format!("{}.train.marks.json", pair.cells[0]));
    assert!(tables.files().unwrap().contains(&side));
    tables.layout.marks.reverse();
    let turned = tables.load().unwrap().inputs;
    assert_eq!(tables.notes().unwrap().len(), 6);
    let own = turned.in_layouts(&read.inputs.mark_layouts()).unwrap();
    assert_eq!(*own, read.inputs);
    tables.layout.marks[0] = "H3K27ac".into();
    let message = tables.load().unwrap_err().to_string();
    assert!(message.contains("not known: H3K36me3"), "{message}");
    assert_eq!(read.inputs, simulation.dataset.inputs);
    assert_eq!(read.targets.values, simulation.dataset.targets.values);
    assert_eq!(read.len(), 30);

    let again = String::from_utf8(run(&arguments).stdout).unwrap();
    assert_eq!(again.matches("nothing to do").count(), 2, "{again}");
    // Fewer genes, other windows and cut versions are other datasets.
    for other in [&["--cut-versions"][..], &["--upstream", "20"]] {
        let made = run(&[&arguments[..], other].concat());
        let told = String::from_utf8(made.stdout).unwrap();
        assert!(!told.contains("nothing to do"), "{other:?}: {told}");
    }
}

#[test]
fn flags_say_what_counts_and_what_is_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    // A gene that begins at base 1,399 and goes back from there.
    let genes = write("genes.bed", "chr1\t1000\t1400\tG\t0\t-\n");
    let reads = write(
        "reads.bed",
        "chr1\t1410\t1440\tN\t0\t+\nchr1\t1310\t1340\tN\t0\t+\nchr1\t1320\t1350\tN\t0\t-\n",
    );
    let input = write("input.bed", "chr1\t1330\t1360\tN\t0\t+\n");
    let (track, control) = (format!("a={reads}"), format!("a={input}"));
    let out = folder.path().join("out");
    let count = |more: &[&str]| {
        let arguments = ["--track", &track, "--genes", &genes, "--upstream", "1"];
        let to = ["--downstream", "1", "--out", out.to_str().unwrap()];
        let output = run(&[&arguments[..], &to, more].concat());
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        let file = WindowsFile::open(&out.join("cell.parquet")).unwrap();
        let signal = file.read().unwrap().windows.signal().to_owned();
        (signal[[0, 0, 0]], signal[[0, 1, 0]])
    };
    // Bases 1,300 to 1,399, which the gene's transcript begins with, and those before.
    assert_eq!(count(&[]), (2.0, 1.0));
    assert_eq!(count(&["--by-strand"]), (1.0, 2.0));
    let ends = ["--mode", "five-prime", "--shift"];
    assert_eq!(count(&[&ends[..], &["0"]].concat()), (2.0, 1.0));
    // The 5' ends 1,310 and 1,410 move to 1,400 and 1,500, and 1,349 to 1,259.
    assert_eq!(count(&[&ends[..], &["90"]].concat()), (0.0, 1.0));
    // Fragments of 20 bases: 1,310 to 1,329, 1,330 to 1,349, and 1,410 to 1,429.
    let fragments = ["--mode", "fragments", "--fragment", "20"];
    assert_eq!(count(&fragments), (0.4, 0.2));
    // Per million of three reads, and per thousand base pairs.
    let third = 1e6 / 3.0;
    assert_eq!(count(&["--scale", "cpm"]), (2.0 * third, third));
    assert_eq!(count(&["--scale", "rpkm"]), (2e7 / 3.0, 1e7 / 3.0));
    // The only read of the input is a million per million.
    let less = ["--scale", "cpm", "--control", &control];
    assert_eq!(count(&less), (0.0, third));
    let report = std::fs::read_to_string(out.join("cell.md")).unwrap();
    let report = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        report.contains("| a | reads.bed | 3 ")
            && report.contains("| a (control) | input.bed | 1 "),
        "{report}"
    );
    let logarithm = count(&[&less[..], &["--log1p"]].concat());
    assert_eq!(logarithm, (0.0, third.ln_1p()));
}

#[test]
fn flags_and_files_that_cannot_be_are_refused() {
    refused(&["--track", "H3K4me3"], "expected MARK=FILE");
    for flag in ["--genes", "--windows", "--expression", "--control"] {
        refused(&[flag, "a=b"], "--track");
        assert_eq!(run(&[flag, "a=b"]).status.code(), Some(2), "{flag}");
    }
    refused(
        &["--track", "a=/nowhere.bam"],
        "--genes or --windows is needed",
    );
    refused(&["--track", "a=x", "--track", "a=y"], "a stands twice");
    refused(&["--track", "a=x", "--control", "b=y"], "no track of b");
    refused(
        &["--track", "a=x", "--genes", "/nowhere.gtf"],
        "/nowhere.gtf",
    );
    let folder = tempfile::tempdir().unwrap();
    let genes = folder.path().join("genes.gtf");
    std::fs::write(
        &genes,
        "chr1\tx\tgene\t500000\t600000\t.\t+\t.\tgene_id \"E1\";\n",
    )
    .unwrap();
    let reads = folder.path().join("reads.bed");
    std::fs::write(&reads, "1\t10\t20\tN\t0\t+\n").unwrap();
    let track = format!("a={}", reads.display());
    let arguments = |out: &Path| {
        [
            "--track",
            &track,
            "--genes",
            genes.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ]
        .map(str::to_owned)
    };
    let out = folder.path().join("out");
    let arguments = arguments(&out);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    refused(&arguments, "choose how names are joined");
    assert!(!out.join("cell.parquet").exists());
    let joined = run(&[&arguments[..], &["--ignore-chr"]].concat());
    assert!(joined.status.success());
}
