use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

use chromex_core::Rows;
use chromex_io::counting::{CountMode, EmptyBases, ReadCounter, Track};
use chromex_io::expression::{
    ExpressionUnit, GeneIds, MatrixLayout, TargetColumn, read_expression_matrix,
};
use chromex_io::genes::{
    GeneSelection, GeneWindows, Window, WindowLayout, read_gene_list, read_genes,
};
use sha2::{Digest, Sha256};

use super::real_data::data;

/// Divides stretches of a chromosome into windows of one bin.
fn tiled(stretches: &[(&str, i64, i64)], width: u32) -> GeneWindows {
    let mut windows = Vec::new();
    for (chromosome, start, end) in stretches {
        for place in (*start..*end).step_by(width as usize) {
            windows.push(Window {
                id: format!("{chromosome}:{place}"),
                symbol: String::new(),
                chromosome: (*chromosome).to_owned(),
                start: place,
                strand: None,
            });
        }
    }
    GeneWindows::new(windows, 1, width, "tiled").unwrap()
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn the_counts_of_epicseg_are_rebuilt_from_its_reads() {
    let data = data();
    let folder = data.join("epicseg_chr21_hg19");
    let windows = tiled(
        &[
            ("chr21", 40_005_600, 42_955_400),
            ("chr21", 43_005_600, 48_119_800),
        ],
        200,
    );
    let tracks =
        ["H3K4me3", "H3K36me3"].map(|mark| Track::new(mark, folder.join(format!("{mark}.bam"))));
    let counted = ReadCounter::epicseg()
        .count(&windows, &tracks)
        .unwrap()
        .windows;
    let text = std::fs::read_to_string(folder.join("counts.txt")).unwrap();
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("H3K4me3\tH3K36me3"));
    let mut rows = 0;
    for (row, line) in lines.enumerate() {
        let expected: Vec<f32> = line
            .split('\t')
            .map(|field| field.parse().unwrap())
            .collect();
        for (mark, count) in expected.iter().take(2).enumerate() {
            assert_eq!(counted.signal()[[row, 0, mark]], *count, "row {row}");
        }
        rows += 1;
    }
    assert_eq!((rows, counted.len()), (40_320, 40_320));
}

#[derive(serde::Deserialize)]
struct PileUp {
    bins: usize,
    width: u32,
    cases: Vec<PileUpCase>,
}

#[derive(serde::Deserialize)]
struct PileUpCase {
    file: String,
    extend: u32,
    sum: u64,
    sha256: String,
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn fragments_pile_up_as_macs3_piles_them_up() {
    let data = data();
    let text = include_str!("../golden/pileup/pileup.json");
    let golden: PileUp = serde_json::from_str(text).unwrap();
    let length = golden.bins as i64 * i64::from(golden.width);
    let windows = tiled(&[("chr22", 0, length)], golden.width);
    assert_eq!(golden.cases.len(), 4);
    for case in golden.cases {
        let track = Track::new("CTCF", data.join("macs3_chr22").join(&case.file));
        let counter = ReadCounter {
            mode: CountMode::Fragments {
                length_bp: case.extend,
            },
            ..ReadCounter::default()
        };
        let counted = counter.count(&windows, &[track]).unwrap().windows;
        let mut hash = Sha256::new();
        let mut sum = 0;
        for row in 0..golden.bins {
            let bases = f64::from(counted.signal()[[row, 0, 0]]) * f64::from(golden.width);
            assert!((bases - bases.round()).abs() < 0.01, "row {row}: {bases}");
            sum += bases.round() as u64;
            hash.update((bases.round() as u32).to_le_bytes());
        }
        assert_eq!(sum, case.sum, "{} {}", case.file, case.extend);
        let digest = hash.finalize();
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, case.sha256, "{} {}", case.file, case.extend);
    }
}

fn bedtools_is_missing() -> bool {
    let is_missing = Command::new("bedtools").arg("--version").output().is_err();
    if is_missing {
        eprintln!("skipped: bedtools is not installed");
    }
    is_missing
}

/// Counts of the real program for the same windows and files.
fn multicov(windows: &GeneWindows, bams: &[PathBuf]) -> Vec<Vec<f32>> {
    let folder = tempfile::tempdir().unwrap();
    let bed = folder.path().join("bins.bed");
    let mut text = String::new();
    for window in windows.windows() {
        for bin in 0..windows.bins() as i64 {
            let start = window.start + bin * i64::from(windows.bin_width_bp());
            text += &format!(
                "{}\t{start}\t{}\n",
                window.chromosome,
                start + i64::from(windows.bin_width_bp())
            );
        }
    }
    std::fs::write(&bed, text).unwrap();
    let output = Command::new("bedtools")
        .arg("multicov")
        .arg("-bams")
        .args(bams)
        .arg("-bed")
        .arg(&bed)
        .output();
    let output = output.unwrap();
    assert!(output.status.success());
    let line = |line: String| {
        line.split('\t')
            .skip(3)
            .map(|field| field.parse().unwrap())
            .collect()
    };
    BufReader::new(&output.stdout[..])
        .lines()
        .map(|text| line(text.unwrap()))
        .collect()
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn real_reads_are_counted_as_the_installed_bedtools_counts_them() {
    let data = data();
    if bedtools_is_missing() {
        return;
    }
    let same = |windows: &GeneWindows, bams: &[PathBuf]| {
        let tracks: Vec<Track> = bams
            .iter()
            .map(|bam| Track::new(bam.display().to_string(), bam))
            .collect();
        let counted = ReadCounter::default()
            .count(windows, &tracks)
            .unwrap()
            .windows;
        let expected = multicov(windows, bams);
        assert_eq!(expected.len(), windows.windows().len() * windows.bins());
        for (line, row) in expected.iter().enumerate() {
            let (gene, bin) = (line / windows.bins(), line % windows.bins());
            for (mark, count) in row.iter().enumerate() {
                assert_eq!(
                    counted.signal()[[gene, bin, mark]],
                    *count,
                    "line {line}, {:?}",
                    bams[mark]
                );
            }
        }
        expected.iter().flatten().sum::<f32>()
    };
    let epicseg = data.join("epicseg_chr21_hg19");
    let bams = ["H3K4me3.bam", "H3K36me3.bam"].map(|name| epicseg.join(name));
    let windows = tiled(&[("chr21", 43_005_600, 44_005_600)], 100);
    assert!(same(&windows, &bams) > 1000.0);
    let folder = data.join("arabidopsis_histone_bams");
    let mut bams: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    bams.retain(|path| path.extension().is_some_and(|end| end == "bam"));
    bams.sort();
    assert_eq!(bams.len(), 10);
    let genes = read_genes(
        &folder.join("TAIR_partial.gtf.gz"),
        &GeneSelection::default(),
    )
    .unwrap();
    let layout = WindowLayout {
        upstream_bins: 20,
        downstream_bins: 20,
        ..WindowLayout::default()
    };
    let windows = GeneWindows::around(&genes, &layout).unwrap();
    let inside = windows
        .windows()
        .iter()
        .filter(|window| window.start >= 0)
        .cloned()
        .collect();
    let windows = GeneWindows::new(inside, windows.bins(), 100, "TAIR").unwrap();
    assert!(same(&windows, &bams) > 1000.0);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn the_gene_list_of_deepchrome_is_rebuilt_from_gencode() {
    let data = data();
    let published = data.join("deepchrome_gene_universe/GeneFile.txt");
    let published = GeneWindows::read_bed(&published, 200).unwrap();
    assert_eq!(published.windows().len(), 19_802);
    let gtf = data.join("roadmap_expression/gencode_10_genes.gtf.gz");
    let mut genes = read_genes(&gtf, &GeneSelection::default())
        .unwrap()
        .without_versions();
    let ids: Vec<String> = published
        .windows()
        .iter()
        .map(|window| window.id.clone())
        .collect();
    let missing = genes.keep(&ids);
    let layout = WindowLayout {
        centre: chromex_io::genes::Centre::OneBasedStart,
        ..WindowLayout::default()
    };
    let rebuilt = GeneWindows::around(&genes, &layout).unwrap();
    let mut equal = 0;
    for window in rebuilt.windows() {
        let place = ids.iter().position(|id| *id == window.id).unwrap();
        let known = &published.windows()[place];
        equal += usize::from(known.chromosome == window.chromosome && known.start == window.start);
    }
    println!(
        "{equal} of {} windows equal, {} missing",
        ids.len(),
        missing.len()
    );
    assert!(
        equal + missing.len() + 50 > 19_802,
        "{equal} equal, {} missing",
        missing.len()
    );
    let list = read_gene_list(&data.join("deepchrome_gene_universe/gene_list.txt")).unwrap();
    assert!(list.iter().all(|id| ids.contains(id)));
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn expression_of_57_epigenomes_joins_the_gene_list() {
    let data = data();
    let folder = data.join("roadmap_expression");
    let rpkm = folder.join("57epigenomes.RPKM.pc.gz");
    let rpkm = read_expression_matrix(&rpkm, &MatrixLayout::of(ExpressionUnit::Rpkm)).unwrap();
    assert_eq!(rpkm.values().dim(), (19_795, 57));
    assert_eq!(rpkm.get("ENSG00000000003", "E003"), Some(43.985));
    let reads = folder.join("57epigenomes.N.pc.gz");
    let reads = read_expression_matrix(&reads, &MatrixLayout::default()).unwrap();
    assert_eq!(reads.get("ENSG00000000005", "E003"), Some(448.0));
    // The counts that DeepDiff publishes are these.
    let published =
        chromex_io::read_expression(&data.join("deepdiff_sample/Cell2.expr.csv")).unwrap();
    assert!(
        published
            .genes()
            .iter()
            .all(|gene| published.get(gene) == reads.get(gene, "E003"))
    );
    let windows =
        GeneWindows::read_bed(&data.join("deepchrome_gene_universe/GeneFile.txt"), 200).unwrap();
    let ids: Vec<String> = windows
        .windows()
        .iter()
        .map(|window| window.id.clone())
        .collect();
    let inputs = ndarray::Array2::<f32>::zeros((ids.len(), 1));
    let columns = [TargetColumn::of("E003")];
    let (dataset, report) = rpkm
        .dataset(&inputs, &ids, GeneIds::Exact, &columns)
        .unwrap();
    assert_eq!(dataset.len(), report.joined);
    // Seven genes stand twice in the list, under two symbols.
    assert_eq!(report.ambiguous.len(), 14);
    assert_eq!(
        report.joined + report.without_expression.len() + report.ambiguous.len(),
        19_802
    );
    assert_eq!(report.joined + report.without_windows.len() + 7, 19_795);
    println!("{report}");
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn tables_of_other_projects_are_read() {
    let data = data();
    let dimensions = |path: &str, layout: MatrixLayout| {
        let matrix = read_expression_matrix(&data.join(path), &layout).unwrap();
        matrix.values().dim()
    };
    let tpm = || MatrixLayout::of(ExpressionUnit::Tpm);
    assert_eq!(
        dimensions("dexter_human/GTEx_gene_median_7tissues.tsv.gz", tpm()),
        (56_202, 7)
    );
    assert_eq!(
        dimensions("deepcre_arabidopsis/arabidopsis_leaf_counts.csv.gz", tpm()).1,
        15
    );
    // R names no column of genes.
    let leaves = dimensions("arabidopsis_histone_bams/gene_expression.txt.gz", tpm());
    assert_eq!(leaves.1, 3);
}

/// The mean of each bin of a text and of a binary signal, by the same windows.
fn pair(text: &Path, binary: &Path, windows: &GeneWindows, tolerance: f32) -> usize {
    let counter = ReadCounter {
        empty_bases: EmptyBases::LeftOut,
        ..ReadCounter::default()
    };
    let tracks = [Track::new("text", text), Track::new("binary", binary)];
    let counted = counter.count(windows, &tracks).unwrap().windows;
    let mut filled = 0;
    for row in counted.signal().rows() {
        assert!(
            (row[0] - row[1]).abs() <= tolerance * row[0].abs().max(1.0),
            "{row}"
        );
        filled += usize::from(row[0] != 0.0);
    }
    filled
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn big_wig_and_bed_graph_of_the_same_signal_agree() {
    let data = data();
    let folder = data.join("xpresso_human/bigwig_pair");
    for strand in ["Plus", "Minus"] {
        let name =
            |end: &str| folder.join(format!("region.1Mb.intervals.100ntStep.{strand}.{end}"));
        let windows = tiled(&[("chr1", 109_000_000, 111_000_000)], 100);
        assert!(pair(&name("bedGraph"), &name("bw"), &windows, 1e-6) > 7_500);
    }
}
