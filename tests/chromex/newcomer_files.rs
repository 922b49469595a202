//! A newcomer's mistakes with files of reads, genes and expression: each is refused by one message that names the file or the flag
//! and says what to do next.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::command_lines::example;

/// A folder with files to count: genes, reads and expression.
fn files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("genes.bed", "chr1\t600\t900\tENSG00000000001\t0\t+\n");
    write(
        "reads.bed",
        "chr1\t610\t640\tr\t0\t+\nchr1\t700\t730\ts\t0\t-\n",
    );
    write(
        "transcripts.tsv",
        "gene\tcell\nENST00000000001\t1\nENST00000000002\t2\n",
    );
    folder
}

/// Counts with flags in which `IN` is the folder; gives what the refusal said.
fn told(folder: &Path, flags: &str) -> String {
    let place = folder.to_str().unwrap();
    let output = example("count_reads")
        .args(flags.split(' ').map(|flag| flag.replace("IN", place)))
        .args(["--name", "cell", "--out", &format!("{place}/out")])
        .stdin(Stdio::null())
        .output()
        .expect("the example was built");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{flags} went through");
    assert!(!text.contains("panicked"), "{text}");
    text
}

fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text} lacks {part}");
    }
}

fn golden(name: &str) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("crates/chromex-io/tests/golden/multicov")
        .join(name)
}

#[test]
fn a_corrected_command_goes_on_where_one_failed() {
    let folder = tempfile::tempdir().unwrap();
    let (out, empty) = (folder.path().join("out"), folder.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    let start = |more: &[&str]| {
        let arguments = ["--quick", "--only", "ridge", "--out", out.to_str().unwrap()];
        example("deepdiff")
            .args(arguments)
            .args(more)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    assert!(!start(&["--data", empty.to_str().unwrap()]).status.success());
    let corrected = start(&[]);
    assert!(
        corrected.status.success(),
        "{}",
        String::from_utf8_lossy(&corrected.stderr)
    );
    // A folder with a finished run is not written into, and the way out is named.
    let again = start(&[]);
    says(
        &String::from_utf8_lossy(&again.stderr),
        &[out.to_str().unwrap(), "--resume", "--out"],
    );
}

#[test]
fn transcripts_for_genes_are_told_by_some_ids_of_either_side() {
    let folder = files();
    let flags =
        "--genes IN/genes.bed --track M=IN/reads.bed --expression IN/transcripts.tsv --unit tpm";
    says(
        &told(folder.path(), flags),
        &["ENST00000000001", "ENSG00000000001"],
    );
}

#[test]
fn kinds_of_genes_of_a_bed_are_said_to_be_unknown() {
    let folder = files();
    let flags = "--genes IN/genes.bed --track M=IN/reads.bed --biotype protein_coding";
    says(&told(folder.path(), flags), &["biotype", "BED"]);
}

#[test]
fn an_index_of_another_file_is_named_itself() {
    let folder = files();
    let reads = folder.path().join("reads.bam");
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/reads/reads.bam");
    fs::copy(seed, &reads).unwrap();
    let index = folder.path().join("reads.bam.bai");
    fs::copy(golden("reads.bam.bai"), &index).unwrap();
    let text = told(folder.path(), "--genes IN/genes.bed --track M=IN/reads.bam");
    says(&text, &["reads.bam.bai", "index"]);
}

#[test]
fn a_cram_without_its_reference_asks_for_it() {
    let folder = files();
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chromex/files/referenced.cram");
    fs::copy(packed, folder.path().join("reads.cram")).unwrap();
    let text = told(
        folder.path(),
        "--genes IN/genes.bed --track M=IN/reads.cram",
    );
    says(&text, &["reads.cram", "--reference"]);
}
