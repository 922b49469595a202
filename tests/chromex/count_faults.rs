use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use chromex::io::storage::{StoredWindows, WindowsFile};

use crate::command_lines::example;

/// Files on which a simpler reader goes wrong without a word.
fn fault(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/chromex-io/tests/faults");
    folder.join(name).to_str().unwrap().to_owned()
}

struct Run {
    folder: tempfile::TempDir,
    output: Output,
}

impl Run {
    fn of(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let output = example("count_reads")
            .args(arguments)
            .args(["--name", "cell", "--out", out.to_str().unwrap()])
            .stdin(Stdio::null())
            .output()
            .expect("the example was built");
        Self { folder, output }
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.out(name)).unwrap()
    }

    fn stored(&self) -> StoredWindows {
        let told = String::from_utf8_lossy(&self.output.stderr);
        assert!(self.output.status.success(), "{told}");
        let file = WindowsFile::open(&self.out("cell.parquet")).unwrap();
        file.read().unwrap()
    }

    /// Expects one error that says all of `parts`, and that nothing was counted or written.
    fn refused(&self, parts: &[&str], is_before_counting: bool) {
        let told = String::from_utf8_lossy(&self.output.stderr);
        assert_eq!(self.output.status.code(), Some(1), "{told}");
        for part in parts {
            assert!(told.contains(part), "{told} lacks {part}");
        }
        assert!(!told.contains("panicked"), "{told}");
        assert_eq!(!told.contains("count reads"), is_before_counting, "{told}");
        assert!(!self.out("cell.parquet").exists() && !self.out("cell.train.csv.gz").exists());
    }
}

fn count(folder: &str, genes: &str, more: &[&str]) -> Run {
    let track = format!("M={}", fault(&format!("{folder}/reads.tagAlign")));
    let genes = fault(&format!("{folder}/{genes}"));
    Run::of(&[&["--genes", &genes, "--track", &track], more].concat())
}

/// The reads within the window of each gene.
fn reads(stored: &StoredWindows) -> Vec<(&str, f32)> {
    let rows = stored.windows.signal().outer_iter();
    let genes = stored.genes.iter().map(|gene| &*gene.id);
    genes.zip(rows.map(|row| row.sum())).collect()
}

#[test]
fn a_gene_of_several_places_is_counted_at_one_and_listed() {
    for (folder, genes, id, expected) in [
        ("alt_contig", "genes.gtf", "GENEA", 25.0),
        ("alt_contig", "genes_primary_first.gtf", "GENEA", 25.0),
        ("rps12", "genes.gff3", "rps12", 30.0),
        ("both_strands", "genes.gtf", "GENEC", 12.0),
    ] {
        let run = count(folder, genes, &[]);
        let stored = run.stored();
        let counted = reads(&stored);
        assert!(counted.contains(&(id, expected)), "{folder}: {counted:?}");
        let listed = format!("{id}\tseveral loci, of which one was taken\ttaken ");
        assert!(run.text("cell.left-out.tsv").contains(&listed));
        let sentence = format!("- 1 gene: several loci, of which one was taken: {id} (taken ");
        assert!(run.text("cell.md").contains(&sentence));
        let told = String::from_utf8_lossy(&run.output.stdout).into_owned();
        assert!(told.contains(&sentence), "{told}");
    }
}

#[test]
fn ids_join_as_they_are_written_and_symbols_where_that_is_asked() {
    let joined = |folder: &str, genes: &str, table: &str, more: &[&str]| {
        let table = fault(&format!("{folder}/{table}"));
        let run = count(folder, genes, &[&["--expression", &table], more].concat());
        let stored = run.stored();
        stored.targets.column(0).to_vec()
    };
    let all = [10.0, 20.0, 30.0, 40.0, 50.0];
    assert_eq!(joined("dotted_ids", "genes.gtf", "same_ids.tsv", &[]), all);
    let cut = ["--cut-versions"];
    assert_eq!(joined("dotted_ids", "genes.gtf", "same_ids.tsv", &cut), all);
    let genes = "genes.gff3";
    for by in ["id", "symbol"] {
        let more = ["--unit", "tpm", "--by", by];
        assert_eq!(
            joined("ncbi_gff3", genes, "by_symbol.tsv", &more),
            [10.0, 20.0, 30.0]
        );
    }
    let track = format!("M={}", fault("underscore_bed/reads.tagAlign"));
    let (windows, table) = (
        fault("underscore_bed/refseq.bed"),
        fault("underscore_bed/expr.tsv"),
    );
    let run = Run::of(&[
        "--windows",
        &windows,
        "--track",
        &track,
        "--expression",
        &table,
    ]);
    let stored = run.stored();
    let ids: Vec<&str> = stored.genes.iter().map(|gene| &*gene.id).collect();
    assert_eq!(ids, ["NM_001128425", "NM_000546", "NR_046018"]);
    assert_eq!(stored.targets.column(0).to_vec(), [10.0, 20.0, 30.0]);
}

#[test]
fn what_cannot_be_joined_or_written_is_said_before_anything_is_counted() {
    let symbols = fault("ncbi_gff3/by_symbol.tsv");
    let run = count("dotted_ids", "genes.gtf", &["--expression", &symbols]);
    let parts = [
        "by_symbol.tsv",
        "SPBC1604.12, SPBC1604.14, SPBC1604.15, ..",
        "TP53, BRCA1, NF1",
        "--by symbol",
    ];
    run.refused(&parts, true);
    let folder = tempfile::tempdir().unwrap();
    let transcripts = folder.path().join("transcripts.tsv");
    std::fs::write(
        &transcripts,
        "id\tcell\nENST00000000003.1\t1\nENST00000000005.2\t2\n",
    )
    .unwrap();
    let run = count(
        "par_y_tables",
        "genes.gtf",
        &["--expression", transcripts.to_str().unwrap()],
    );
    run.refused(
        &["the table is of transcripts and the windows are of genes"],
        true,
    );
    let own = fault("dotted_ids/same_ids.tsv");
    let run = count(
        "dotted_ids",
        "genes.gtf",
        &["--expression", &own, "--sample", "other"],
    );
    run.refused(&["same_ids.tsv", "column `other` (a sample)", "cell"], true);
    let run = count("par_y_tables", "genes.gtf", &["--tables", "--scale", "cpm"]);
    run.refused(&["--tables holds whole numbers of reads"], true);
    let odd = folder.path().join("odd.bed");
    std::fs::write(&odd, "chrX\t100000\t102000\ta_b\t0\t+\n").unwrap();
    let track = format!("M={}", fault("par_y_tables/reads.tagAlign"));
    let run = Run::of(&[
        "--genes",
        odd.to_str().unwrap(),
        "--track",
        &track,
        "--tables",
    ]);
    run.refused(&["--tables: gene `a_b`", "--npz"], true);
    let run = count("dot_names", "genes.bed", &["--biotype", "protein_coding"]);
    run.refused(&["genes.bed", "--biotype"], true);
    let run = count("par_y_tables", "genes.gtf", &["--biotype", "lncRNA"]);
    run.refused(
        &[
            "no gene is left",
            "4 for another biotype: ENSG00000002586.20",
        ],
        true,
    );
    let run = count(
        "alt_contig",
        "genes.gtf",
        &["--mode", "fragments", "--fragment", "0"],
    );
    run.refused(&["--fragment"], true);
}

#[test]
fn copies_on_y_are_written_to_tables_whole() {
    let run = count("par_y_tables", "genes.gtf", &["--tables"]);
    assert_eq!(run.stored().genes.len(), 4);
    let layout = chromex::io::deepdiff::DeepDiffLayout {
        marks: vec!["M".into()],
        ..Default::default()
    };
    let mut ids = Vec::new();
    for part in ["train", "valid", "test"] {
        let path = run.out(&format!("cell.{part}.csv.gz"));
        ids.extend(
            chromex::io::deepdiff::read_windows(&path, &layout)
                .unwrap()
                .ids,
        );
    }
    assert!(
        ids.contains(&"ENSG00000002586.20_PAR_Y".to_owned()),
        "{ids:?}"
    );
    assert_eq!(ids.len(), 4);
}

#[test]
fn tracks_of_nothing_are_no_marks_of_zeros() {
    for name in ["empty.tagAlign", "empty.tagAlign.gz", "empty.bedGraph"] {
        let (genes, track) = (
            fault("empty_track/genes.gtf"),
            fault(&format!("empty_track/{name}")),
        );
        let run = Run::of(&["--genes", &genes, "--track", &format!("M={track}")]);
        run.refused(&[name, "lies on a chromosome of the windows"], false);
    }
    // Reads beside every window are zeros, and that is said.
    let folder = tempfile::tempdir().unwrap();
    let far = folder.path().join("far.tagAlign");
    std::fs::write(&far, "chr1\t5000000\t5000036\tN\t0\t+\n").unwrap();
    let (genes, track) = (
        fault("empty_track/genes.gtf"),
        format!("M={}", far.display()),
    );
    let run = Run::of(&["--genes", &genes, "--track", &track]);
    assert_eq!(run.stored().windows.signal().sum(), 0.0);
    assert!(
        run.text("cell.md")
            .contains("far.tagAlign has nothing within any window")
    );
    // The names of chromosomes differ: both sides and a flag are named.
    let (genes, reads) = (
        fault("empty_track/genes.gtf"),
        fault("ensembl_gff3/reads.tagAlign"),
    );
    let run = Run::of(&["--genes", &genes, "--track", &format!("M={reads}")]);
    run.refused(&["(chr1)", "(1)", "--ignore-chr"], false);
}

#[test]
fn formats_are_told_by_headers_and_flags() {
    let run = count("no_attr_first", "genes.gff3", &[]);
    assert_eq!(reads(&run.stored()), [("g1", 5.0)]);
    let run = count(
        "no_attr_first",
        "genes.gff3",
        &["--annotation-format", "gtf"],
    );
    run.refused(&["line 3, column 9: expected `gene_id`"], true);
    for (choice, ends) in [("gene", ["gtf", "gff3"]), ("longest", ["gtf", "gff3"])] {
        let counted = ends.map(|end| {
            let run = count(
                "ensembl_gff3",
                &format!("genes.{end}"),
                &["--transcript", choice],
            );
            let stored = run.stored();
            let counted = reads(&stored).into_iter();
            counted
                .map(|(id, sum)| (id.to_owned(), sum))
                .collect::<Vec<_>>()
        });
        assert_eq!(counted[0].len(), 5);
        assert_eq!(counted[0], counted[1]);
    }
}

#[test]
fn pictures_turn_genes_of_the_minus_strand_and_say_so() {
    let run = count("both_strands", "genes.gtf", &[]);
    for picture in ["cell.profile.svg", "cell.heat-map.svg"] {
        let text = run.text(picture);
        assert!(text.contains("2 of the minus strand turned"), "{picture}");
    }
    // The same picture, whatever is stored.
    let turned = count("both_strands", "genes.gtf", &["--by-strand"]);
    assert_eq!(
        turned.text("cell.profile.svg"),
        run.text("cell.profile.svg")
    );
    assert_ne!(turned.stored().windows, run.stored().windows);
}

#[test]
fn indexes_and_references_of_other_files_are_named() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/chromex-io/tests/golden");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("windows.bed"), "chr1\t0\t2000\tA\nchr2\t0\t2000\tB\n").unwrap();
    let count = |file: &str, more: &[&str]| {
        let (windows, track) = (path("windows.bed"), format!("M={file}"));
        let bins = ["--upstream", "10", "--downstream", "10"];
        let arguments = ["--windows", &windows, "--track", &track];
        Run::of(&[&arguments[..], &bins, more].concat())
    };
    std::fs::copy(golden.join("multicov/reads.bam"), path("a.bam")).unwrap();
    std::fs::copy(golden.join("index/half.bam.bai"), path("a.bam.bai")).unwrap();
    let run = count(&path("a.bam"), &[]);
    run.refused(&["a.bam.bai: not the index of", "samtools index"], false);
    std::fs::remove_file(path("a.bam.bai")).unwrap();
    let whole: f32 = count(&path("a.bam"), &[]).stored().windows.signal().sum();
    assert!(whole > 10.0);
    let cram = golden
        .join("reference/one.cram")
        .to_str()
        .unwrap()
        .to_owned();
    count(&cram, &[]).refused(&["one.cram: the reference", "--reference FILE.fa"], false);
    let reference = golden.join("reference/reference.fa");
    let run = count(&cram, &["--reference", reference.to_str().unwrap()]);
    assert!(run.stored().windows.signal().sum() >= 40.0);
}
