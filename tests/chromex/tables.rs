use std::path::{Path, PathBuf};
use std::process::Output;

use chromex::io::simulate::SimulatedGenome;
use chromex::io::storage::WindowsFile;

use crate::command_lines::example;

const GENES: &str = "chr1\tHAVANA\tgene\t100001\t102000\t.\t+\t.\tgene_id \"ENSG00000000003.15\"; gene_name \"TSPAN6\";\n\
chr1\tHAVANA\tgene\t200001\t202000\t.\t-\t.\tgene_id \"ENSG00000000005.6\"; gene_name \"TNMD\";\n\
chr1\tHAVANA\tgene\t300001\t302000\t.\t+\t.\tgene_id \"ENSG00000000419.14\"; gene_name \"DPM1\";\n";
const READS: &str = "chr1\t100010\t100046\tN\t1000\t+\nchr1\t201900\t201936\tN\t1000\t-\n";

fn fault(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("crates/chromex-io/tests/faults")
        .join(name)
}

fn count(folder: &Path, expression: &Path, flags: &[&str]) -> Output {
    let (genes, reads) = (folder.join("genes.gtf"), folder.join("reads.tagAlign"));
    std::fs::write(&genes, GENES).unwrap();
    std::fs::write(&reads, READS).unwrap();
    let mut program = example("count_reads");
    program.arg("--genes").arg(genes);
    program
        .arg("--track")
        .arg(format!("M={}", reads.display()))
        .args(["--name", "cell", "--out"])
        .arg(folder.join("out"))
        .arg("--expression")
        .arg(expression)
        .args(flags);
    program.output().expect("the example was built")
}

#[test]
fn tables_of_other_programs_join_counted_reads() {
    let tpm = [3.69_f32, 0.0, 11.2];
    let reads = [153.0, 2.0, 40.0];
    for (file, flags, expected) in [
        (
            "rsem/cell.genes.results",
            &["--sample", "TPM", "--unit", "tpm"][..],
            tpm,
        ),
        ("rsem/cell.genes.results", &["--unit", "tpm"], tpm),
        (
            "featurecounts/counts.txt",
            &["--sample", "cell.bam", "--unit", "counts"],
            reads,
        ),
        (
            "nfcore_tpm/salmon.merged.gene_tpm.tsv",
            &["--unit", "tpm"],
            tpm,
        ),
        ("csv_quotes/quoted.csv", &["--unit", "tpm"], tpm),
        ("na_other/na.tsv", &["--unit", "tpm"], tpm),
        (
            "headless/htseq.txt",
            &["--unit", "counts", "--header", "absent"],
            reads,
        ),
        (
            "parquet_types/duckdb_decimal.parquet",
            &["--unit", "tpm"],
            tpm,
        ),
        ("pandas_index/symbol_first.parquet", &["--unit", "tpm"], tpm),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = count(folder.path(), &fault(file), flags);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{file}: {message}");
        let stored = WindowsFile::open(&folder.path().join("out/cell.parquet")).unwrap();
        let stored = stored.read().unwrap();
        assert_eq!(stored.targets.column(0).to_vec(), expected, "{file}");
        if file.starts_with("headless") {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(
                said.contains("Rows passed over, which are no genes: 2"),
                "{said}"
            );
        }
    }
}

#[test]
fn tables_that_cannot_be_read_say_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for (file, expected) in [
        (
            fault("headless/htseq.txt"),
            "htseq.txt: line 1: expected a header that names the columns",
        ),
        (
            pipe,
            "expected a regular file, found a pipe: write what comes out of it to a file first",
        ),
        (
            "/dev/zero".into(),
            "expected a regular file, found a device",
        ),
        (
            folder.path().to_owned(),
            "expected a regular file, found a folder",
        ),
    ] {
        let output = count(folder.path(), &file, &[]);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(expected), "{message} lacks {expected}");
    }
}

#[test]
fn the_index_of_pandas_is_no_tissue() {
    let folder = tempfile::tempdir().unwrap();
    let settings = SimulatedGenome {
        genes: 60,
        ..SimulatedGenome::default()
    };
    settings.draw(6).unwrap().write(folder.path()).unwrap();
    for name in ["silent", "silent_control"] {
        let out = folder.path().join(name);
        let output = example("cornbert")
            .args(["--quick", "--only", "mean", "--length", "300", "--genome"])
            .arg(folder.path().join("genome.fa"))
            .arg("--annotation")
            .arg(folder.path().join("genes.gff3"))
            .arg("--expression")
            .arg(fault(&format!("pandas_index/{name}.parquet")))
            .arg("--out")
            .arg(&out)
            .output()
            .expect("the example was built");
        let said = String::from_utf8_lossy(&output.stdout);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{message}");
        assert!(
            said.contains("16 genes below 1 TPM in all tissues were left out"),
            "{said}"
        );
        assert!(!said.contains("## __index_level_0__"), "{said}");
        let is_noted = said
            .replace('\\', "")
            .contains("are the index of the rows and no data: 1 (`__index_level_0__`)");
        assert_eq!(is_noted, name == "silent", "{said}");
    }
}

/// Every file of others goes through `chromex_core::input`, which waits for no pipe and fills no memory.
#[test]
fn no_file_is_opened_but_through_the_one_door() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The door itself; a folder that is flushed; a file that was written a moment before.
    let own = [
        "crates/chromex-core/src/input/mod.rs",
        "crates/chromex-core/src/atomic.rs",
        "crates/chromex-io/src/tracks/writing.rs",
    ];
    let mut folders = vec![root.join("crates"), root.join("examples")];
    let (mut seen, mut found) = (0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let is_ours = name.contains("/src/") || name.starts_with("examples/");
            if path.is_dir()
                && !["tests", "examples", "target", "benches"]
                    .iter()
                    .any(|other| name.ends_with(&format!("/{other}")))
            {
                folders.push(path);
            } else if is_ours && name.ends_with(".rs") && !own.contains(&&name[..]) {
                seen += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let code = code.lines().enumerate();
                let code = code.filter(|(_, line)| !line.trim_start().starts_with("//"));
                let opens = [
                    "fs::read(",
                    "fs::read_to_string(",
                    " File::open(",
                    "(File::open(",
                    "fs::File::open(",
                ];
                let lines = code.filter(|(_, line)| opens.iter().any(|open| line.contains(open)));
                found.extend(
                    lines.map(|(number, line)| format!("{name}:{}: {}", number + 1, line.trim())),
                );
            }
        }
    }
    // Files of tests by themselves.
    found.retain(|line| !line.contains("/tests.rs:"));
    assert!(seen > 150, "{seen} sources");
    assert!(
        found.is_empty(),
        "read these by chromex_core::input:\n{}",
        found.join("\n")
    );
}
