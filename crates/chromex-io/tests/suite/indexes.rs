use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chromex_io::Error;
use chromex_io::counting::{CountMode, ReadCounter, Track};
use chromex_io::genes::{GeneWindows, Window};

/// Files of other programs, see `make.py` beside each.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn window(chromosome: &str, start: i64) -> Window {
    Window {
        id: format!("{chromosome}:{start}"),
        symbol: String::new(),
        chromosome: chromosome.into(),
        start,
        strand: None,
    }
}

fn windows() -> GeneWindows {
    let windows = vec![window("chr1", 0), window("chr2", 0)];
    GeneWindows::new(windows, 20, 100, "by hand").unwrap()
}

/// Counts the reads of a file, of a single pass or through its index.
fn count(path: &Path) -> chromex_io::Result<(f32, String)> {
    let counted = ReadCounter::default().count(&windows(), &[Track::new("M", path)])?;
    let remark = counted.totals[0][0].remark.clone();
    Ok((counted.windows.signal().sum(), remark))
}

/// The three files of alignments that have indexes.
const FILES: [&str; 3] = ["multicov/reads.bam", "index/half.bam", "index/moved.bam"];

#[test]
fn an_index_of_another_file_is_named_and_its_own_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    for own in FILES {
        for other in FILES {
            let path = folder.path().join("a.bam");
            let index = folder.path().join("a.bam.bai");
            std::fs::copy(golden(own), &path).unwrap();
            let _ = std::fs::remove_file(&index);
            let (alone, _) = count(&path).unwrap();
            assert!(alone > 10.0);
            std::fs::copy(golden(&format!("{other}.bai")), &index).unwrap();
            match count(&path) {
                Ok((counted, _)) => assert_eq!((own, counted), (other, alone)),
                Err(error) => {
                    assert!(
                        matches!(error, Error::Index { .. }),
                        "{own} {other}: {error}"
                    );
                    assert_ne!(own, other, "{error}");
                    let message = error.to_string();
                    assert!(message.contains("a.bam.bai: not the index of"), "{message}");
                    assert!(message.contains("samtools index"), "{message}");
                }
            }
        }
    }
}

#[test]
fn an_index_of_other_sequences_is_refused_and_an_older_one_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bam");
    let index = folder.path().join("a.bai");
    std::fs::copy(golden("multicov/reads.bam"), &path).unwrap();
    let (alone, _) = count(&path).unwrap();
    let mut bytes = std::fs::read(golden("multicov/reads.bam.bai")).unwrap();
    std::fs::write(&index, &bytes).unwrap();
    let past = SystemTime::now() - Duration::from_secs(9_000);
    let file = std::fs::File::options().write(true).open(&index).unwrap();
    file.set_modified(past).unwrap();
    let (counted, remark) = count(&path).unwrap();
    assert_eq!(counted, alone);
    assert_eq!(remark, "a.bai is older than the file and was passed over");
    // One sequence more, of which nothing is known.
    let references = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
    bytes[4..8].copy_from_slice(&(references + 1).to_le_bytes());
    let end = bytes.len() - 8;
    bytes.splice(end..end, [0; 8]);
    std::fs::write(&index, &bytes).unwrap();
    let message = count(&path).unwrap_err().to_string();
    assert!(
        message.contains("it is of 5 reference sequences and the file has 4"),
        "{message}"
    );
    // No sequence knows of a record.
    let none: Vec<u8> = [
        b"BAI\x01",
        &references.to_le_bytes()[..],
        &vec![0; 8 * references as usize],
    ]
    .concat();
    std::fs::write(&index, none).unwrap();
    let message = count(&path).unwrap_err().to_string();
    assert!(
        message.contains("it knows of no record and the file has some"),
        "{message}"
    );
}

#[test]
fn a_cram_without_its_reference_names_it() {
    let count = |name: &str, reference: Option<PathBuf>| {
        let counter = ReadCounter {
            reference,
            ..ReadCounter::default()
        };
        let track = Track::new("M", golden(name));
        let counted = counter.count(&windows(), &[track])?;
        chromex_io::Result::Ok(counted.totals[0][0].counted)
    };
    let folder = tempfile::tempdir().unwrap();
    let reference = golden("reference/reference.fa");
    let text = std::fs::read_to_string(&reference).unwrap();
    let fai = std::fs::read_to_string(golden("reference/reference.fa.fai")).unwrap();
    let made = |name: &str, text: &str, fai: Option<&str>| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        if let Some(fai) = fai {
            std::fs::write(folder.path().join(format!("{name}.fai")), fai).unwrap();
        }
        Some(path)
    };
    let renamed = made(
        "renamed.fa",
        &text.replace(">chr", ">seq"),
        Some(&fai.replace("chr", "seq")),
    );
    let changed = made("changed.fa", &text.replace("A", "C"), Some(&fai));
    let unindexed = made("unindexed.fa", &text, None);
    for name in ["reference/one.cram", "reference/several.cram"] {
        assert_eq!(count(name, Some(reference.clone())).unwrap(), 40, "{name}");
        let refused = |reference: Option<PathBuf>, expected: &str| {
            let error = count(name, reference).unwrap_err();
            assert!(matches!(error, Error::NoReference { .. }), "{error}");
            let message = error.to_string();
            assert!(
                message.contains(expected) && message.contains("--reference"),
                "{message}"
            );
        };
        refused(
            None,
            "the reference that it was packed against is not given",
        );
        refused(
            unindexed.clone(),
            "its index beside it (samtools faidx) cannot be read",
        );
        refused(Some("/nowhere.fa".into()), "/nowhere.fa");
    }
    let message = count("reference/one.cram", renamed)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("renamed.fa has no sequence chr1"),
        "{message}"
    );
    let message = count("reference/one.cram", changed)
        .unwrap_err()
        .to_string();
    assert!(message.contains("changed.fa has other bases"), "{message}");
}

#[test]
fn tracks_of_nothing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let reads = write("reads.bed", b"chr1\t10\t46\tN\t0\t+\n");
    let faults = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/empty_track");
    let header = b"@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:9000\n@SQ\tSN:chr3\tLN:9000\n";
    let elsewhere = [&header[..], b"r\t0\tchr3\t5\t9\t4M\t*\t0\t0\tACGT\t*\n"].concat();
    let nowhere = [&header[..], b"r\t4\t*\t0\t0\t*\t*\t0\t0\tACGT\t*\n"].concat();
    let low = [&header[..], b"r\t512\tchr1\t5\t9\t4M\t*\t0\t0\tACGT\t*\n"].concat();
    let big_wig = folder.path().join("other.bw");
    let signal = |chromosome: &str, value: f32| chromex_io::tracks::SignalInterval {
        chromosome: chromosome.into(),
        start: 5,
        end: 9,
        value,
    };
    let sizes = [("chr1".to_owned(), 9000), ("chr3".to_owned(), 9000)];
    chromex_io::tracks::write_big_wig(&big_wig, &sizes, vec![signal("chr3", 1.0)]).unwrap();
    let nothing = "lies on a chromosome of the windows";
    for (path, expected) in [
        (faults.join("empty.tagAlign"), nothing),
        (faults.join("empty.tagAlign.gz"), nothing),
        (faults.join("empty.bedGraph"), nothing),
        (write("remarks.tagAlign", b"track name=x\n#\n"), nothing),
        (write("header.sam", header), nothing),
        (write("elsewhere.sam", &elsewhere), "(chr3)"),
        (write("nowhere.sam", &nowhere), nothing),
        (
            write("low.sam", &low),
            "none of its 1 reads passes the filter",
        ),
        (write("nan.bedGraph", b"chr1\t5\t9\tNaN\n"), nothing),
        (write("no_base.bedGraph", b"chr1\t5\t5\t1\n"), nothing),
        (
            write("other.bedGraph", b"chr3\t5\t9\t1\n"),
            "choose how names are joined",
        ),
        (big_wig, ""),
    ] {
        let track = Track::new("M", &path);
        let control = Track::new("M", &reads).with_control(&path);
        let replicate = Track::new("M", &reads).with_file(&path);
        for track in [track, control, replicate] {
            let is_signal = path
                .extension()
                .is_some_and(|end| end == "bedGraph" || end == "bw");
            if is_signal && track.files.len() + track.controls.len() > 1 {
                continue;
            }
            let error = ReadCounter::default()
                .count(&windows(), &[track])
                .unwrap_err();
            let message = error.to_string();
            assert!(
                matches!(error, Error::NoReads { .. } | Error::Chromosomes { .. })
                    && message.contains(expected),
                "{message}"
            );
            assert!(
                message.contains(&*path.file_name().unwrap().to_string_lossy()),
                "{message}"
            );
        }
    }
    // What is missing on one chromosome is said.
    let counted = ReadCounter::default()
        .count(&windows(), &[Track::new("M", &reads)])
        .unwrap();
    assert_eq!(counted.totals[0][0].without_reads, ["chr2"]);
    let none = ReadCounter {
        mode: CountMode::Fragments { length_bp: 0 },
        ..ReadCounter::default()
    };
    let message = none
        .count(&windows(), &[Track::new("M", &reads)])
        .unwrap_err()
        .to_string();
    assert!(message.contains("--fragment"), "{message}");
    // Reads that are no pairs are no pairs of zero depth.
    let single = [&header[..], b"r\t0\tchr1\t5\t9\t4M\t*\t0\t0\tACGT\t*\n"].concat();
    let pairs = ReadCounter {
        mode: CountMode::PairedFragments,
        ..ReadCounter::default()
    };
    let track = [Track::new("M", write("single.sam", &single))];
    let message = pairs.count(&windows(), &track).unwrap_err().to_string();
    assert!(
        message.contains("has bases that count as PairedFragments"),
        "{message}"
    );
}
