use std::fs;
use std::path::{Path, PathBuf};

use chromex_core::{MarkWindows, Targets};
use chromex_io::counting::{CountMode, Normalisation, ReadCounter, ReadFilter, Track, TrackFormat};
use chromex_io::expression::{MatrixLayout, read_expression_matrix};
use chromex_io::genes::{GeneSelection, GeneWindows, TranscriptChoice, Window, read_genes};
use chromex_io::storage::{
    StoredWindows, WindowsFile, read_npy, read_npz, write_npy, write_npz, write_windows_file,
};
use chromex_io::tracks::{SignalInterval, write_big_wig};
use proptest::prelude::*;

use super::hostile::{apply, change};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/multicov")
        .join(name)
}

fn windows() -> GeneWindows {
    let window = |start: i64| Window {
        id: start.to_string(),
        symbol: String::new(),
        chromosome: "chr1".into(),
        start,
        strand: None,
    };
    GeneWindows::new(
        vec![window(-100), window(950), window(28_000)],
        20,
        100,
        "by hand",
    )
    .unwrap()
}

fn stored() -> StoredWindows {
    StoredWindows {
        windows: MarkWindows::new(
            ndarray::Array3::ones((3, 4, 2)),
            vec!["a".into(), "b".into()],
            100,
        )
        .unwrap(),
        genes: windows().windows().to_vec(),
        targets: Targets::none(3),
        description: Default::default(),
    }
}

/// Counts in every mode; what comes is a result or an error, in time and memory that the file allows.
fn count(path: &Path, format: TrackFormat) {
    for (mode, normalisation) in [
        (CountMode::Overlap, Normalisation::None),
        (CountMode::Fragments { length_bp: 200 }, Normalisation::Cpm),
    ] {
        let counter = ReadCounter {
            mode,
            normalisation: if format.is_signal() {
                Normalisation::None
            } else {
                normalisation
            },
            filter: ReadFilter::mapped(),
            threads: 1,
            ..ReadCounter::default()
        };
        let track = Track {
            format: Some(format),
            ..Track::new("mark", path)
        };
        let _ = counter.count(&windows(), &[track]);
    }
}

/// A file of a format, and what is done with it.
type Case = (&'static str, Vec<u8>, fn(&Path));

fn made(name: &str, write: impl FnOnce(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write(&path);
    fs::read(path).unwrap()
}

const GTF: &str = "#!genome-build x\nchr1\ts\tgene\t11\t90\t.\t+\t.\tgene_id \"E1\"; gene_name \"A;B\"; level 2;\n\
chr1\ts\ttranscript\t11\t60\t.\t+\t.\tgene_id \"E1\"; transcript_id \"T1\"; tag \"basic\"; tag \"Ensembl_canonical\";\n\
chr1\ts\texon\t11\t30\t.\t+\t.\tgene_id \"E1\"; transcript_id \"T1\";\n";
const GFF3: &str = "##gff-version 3\nchr1\ts\tgene\t11\t90\t.\t-\t.\tID=gene:E1;Name=A%3BB;biotype=protein_coding\n\
chr1\ts\tmRNA\t11\t60\t.\t-\t.\tID=transcript:T1;Parent=gene:E1\nchr1\ts\texon\t11\t30\t.\t-\t.\tParent=transcript:T1\n";
const TEXT_READS: &str = "track name=x\nchr1\t10\t46\tN\t1000\t+\nchr1\t990\t1026\tN\t0\t-\n";
const SIGNAL: &str = "chr1\t0\t50\t2.5\nchr1\t100\t150\t-1e3\n";
const GCT: &str = "#1.2\n2\t2\nName\tDescription\ta\tb\nE1\tx\t1\t2\nE2\ty\t0\t0.5\n";

fn cases() -> Vec<Case> {
    let genes: fn(&Path) = |path| {
        for choice in [
            TranscriptChoice::WholeGene,
            TranscriptChoice::Longest,
            TranscriptChoice::Tagged("basic".into()),
        ] {
            let selection = GeneSelection {
                choice,
                ..GeneSelection::default()
            };
            let _ = read_genes(path, &selection);
        }
        let _ = GeneWindows::read_bed(path, 5);
    };
    let table: fn(&Path) = |path| {
        let _ = read_expression_matrix(path, &MatrixLayout::default());
    };
    let signal = || {
        let interval = |start: u32| SignalInterval {
            chromosome: "chr1".into(),
            start,
            end: start + 50,
            value: start as f32,
        };
        (0..300)
            .map(|place| interval(place * 100))
            .collect::<Vec<_>>()
    };
    vec![
        ("a.bam", fs::read(golden("reads.bam")).unwrap(), |path| {
            count(path, TrackFormat::Bam)
        }),
        ("a.cram", fs::read(golden("reads.cram")).unwrap(), |path| {
            count(path, TrackFormat::Cram)
        }),
        (
            "new.cram",
            fs::read(golden("archive.cram")).unwrap(),
            |path| count(path, TrackFormat::Cram),
        ),
        (
            "a.sam.gz",
            fs::read(golden("reads.sam.gz")).unwrap(),
            |path| count(path, TrackFormat::Sam),
        ),
        ("a.bed", TEXT_READS.into(), |path| {
            count(path, TrackFormat::Bed)
        }),
        ("a.bedGraph", SIGNAL.into(), |path| {
            count(path, TrackFormat::BedGraph)
        }),
        (
            "a.bw",
            made("a.bw", |path| {
                write_big_wig(path, &[("chr1".into(), 30_000)], signal()).unwrap()
            }),
            |path| count(path, TrackFormat::BigWig),
        ),
        ("a.gtf", GTF.into(), genes),
        ("a.gff3", GFF3.into(), genes),
        ("a.bed6", TEXT_READS.into(), genes),
        ("a.gct", GCT.into(), table),
        (
            "a.parquet",
            made("a.parquet", |path| {
                write_windows_file(path, &stored()).unwrap()
            }),
            |path| {
                let _ = WindowsFile::open(path).and_then(|file| file.read());
                let _ = read_expression_matrix(path, &MatrixLayout::default());
            },
        ),
        (
            "a.npy",
            made("a.npy", |path| write_npy(path, &stored().windows).unwrap()),
            |path| {
                let _ = read_npy(path, &["a", "b"], 100);
            },
        ),
        (
            "a.npz",
            made("a.npz", |path| write_npz(path, &stored()).unwrap()),
            |path| {
                let _ = read_npz(path);
            },
        ),
    ]
}

/// The text of the SAM of the golden reads, plain, and the BAM's index beside the BAM.
#[test]
fn a_changed_index_is_no_danger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bam");
    fs::copy(golden("reads.bam"), &path).unwrap();
    let index = fs::read(golden("reads.bam.bai")).unwrap();
    for place in 0..index.len() {
        for value in [0, 0x7f, 0xff] {
            let mut changed = index.clone();
            changed[place] = value;
            fs::write(folder.path().join("a.bam.bai"), &changed).unwrap();
            count(&path, TrackFormat::Bam);
        }
    }
}

#[test]
fn every_cut_of_every_format_is_no_danger() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, read) in cases() {
        let path = folder.path().join(name);
        let step = (bytes.len() / 60).max(1);
        for cut in (0..bytes.len()).step_by(step) {
            fs::write(&path, &bytes[..cut]).unwrap();
            read(&path);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn changed_files_of_every_format_are_no_danger(changes in prop::collection::vec(change(), 1..4)) {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes, read) in cases() {
            let path = folder.path().join(name);
            fs::write(&path, changes.iter().fold(bytes, apply)).unwrap();
            read(&path);
        }
    }

    #[test]
    fn changed_records_within_a_sound_bam_are_no_danger(changes in prop::collection::vec(change(), 1..4)) {
        use std::io::{Read, Write};
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        let packed = fs::read(golden("reads.bam")).unwrap();
        flate2::read::MultiGzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
        let path = folder.path().join("a.bam");
        let mut writer = noodles_bgzf::io::Writer::new(fs::File::create(&path).unwrap());
        writer.write_all(&changes.iter().fold(bytes, apply)).unwrap();
        writer.finish().unwrap();
        count(&path, TrackFormat::Bam);
    }
}
