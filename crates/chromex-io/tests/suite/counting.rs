use std::path::{Path, PathBuf};

use chromex_io::Error;
use chromex_io::counting::{CountMode, Normalisation, ReadCounter, ReadFilter, Track};
use chromex_io::genes::{ChromosomeNames, GeneWindows, Orientation, Strand, Window};

/// What bedtools counted; see `golden/multicov/make.py`.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/multicov")
        .join(name)
}

fn bedtools(setting: &str) -> Vec<f32> {
    let text = std::fs::read_to_string(golden("counts.tsv")).unwrap();
    let mut lines = text.lines();
    let column = lines
        .next()
        .unwrap()
        .split('\t')
        .position(|name| name == setting)
        .unwrap();
    let count = |line: &str| line.split('\t').nth(column).unwrap().parse().unwrap();
    lines.map(count).collect()
}

/// Each line of the BED is a window of one bin.
fn single_bins() -> GeneWindows {
    GeneWindows::read_bed(&golden("bins.bed"), 1).unwrap()
}

/// The same bins as windows of twenty.
fn windows() -> GeneWindows {
    let single = single_bins();
    let firsts = single.windows().iter().step_by(20).cloned().collect();
    GeneWindows::new(firsts, 20, 100, "bins.bed").unwrap()
}

fn counts(counter: &ReadCounter, windows: &GeneWindows, path: &Path) -> Vec<f32> {
    let counted = counter.count(windows, &[Track::new("mark", path)]).unwrap();
    counted.windows.signal().iter().copied().collect()
}

fn settings() -> [(&'static str, ReadFilter); 4] {
    let multicov = ReadFilter::multicov();
    let quality = ReadFilter {
        minimum_mapping_quality: 20,
        ..multicov.clone()
    };
    let all = ReadFilter {
        excluded_flags: 0,
        ..multicov.clone()
    };
    let pairs = ReadFilter {
        required_flags: 0x2,
        ..multicov.clone()
    };
    [
        ("default", multicov),
        ("quality_20", quality),
        ("duplicates_and_failed", all),
        ("proper_pairs", pairs),
    ]
}

#[test]
fn a_thousand_reads_with_edge_cases_are_counted_as_bedtools_counts_them() {
    for (setting, filter) in settings() {
        let expected = bedtools(setting);
        assert!(expected.iter().sum::<f32>() > 100.0);
        for file in [
            "reads.bam",
            "reads.sam.gz",
            "reads.cram",
            "archive.cram",
            "striped.cram",
        ] {
            for windows in [single_bins(), windows()] {
                let counter = ReadCounter {
                    filter: filter.clone(),
                    ..ReadCounter::default()
                };
                assert_eq!(
                    counts(&counter, &windows, &golden(file)),
                    expected,
                    "{setting} of {file}"
                );
            }
        }
    }
}

#[test]
fn an_index_and_threads_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("reads.bam");
    std::fs::copy(golden("reads.bam"), &alone).unwrap();
    for mode in [
        CountMode::Overlap,
        CountMode::FivePrime { shift_bp: 75 },
        CountMode::FivePrime { shift_bp: -300 },
        CountMode::Fragments { length_bp: 700 },
        CountMode::PairedFragments,
    ] {
        for threads in [1, 3] {
            let counter = ReadCounter {
                mode,
                filter: ReadFilter::mapped(),
                threads,
                ..ReadCounter::default()
            };
            let expected = counts(&counter, &windows(), &alone);
            assert!(expected.iter().sum::<f32>() > 1.0, "{mode:?}");
            assert_eq!(
                counts(&counter, &windows(), &golden("reads.bam")),
                expected,
                "{mode:?}"
            );
            let whole = ReadCounter {
                normalisation: Normalisation::Cpm,
                ..counter
            };
            assert_eq!(
                counts(&whole, &windows(), &golden("reads.bam")),
                counts(&whole, &windows(), &alone)
            );
        }
    }
}

/// Three reads, unsorted: 5' ends at 150, 349 and 10.
const TAG_ALIGN: &str = "chr1\t150\t186\tN\t1000\t+\nchr1\t314\t350\tN\t1000\t-\nchr1\t10\t46\tN\t1000\t+\nchr9\t1\t37\tN\t0\t+\n";

fn by_hand(start: i64, strand: Strand) -> Window {
    Window {
        id: format!("{start}"),
        symbol: String::new(),
        chromosome: "chr1".into(),
        start,
        strand: Some(strand),
    }
}

fn written(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn unsorted_tag_align_is_counted_in_every_mode() {
    let (_folder, path) = written("a.tagAlign", TAG_ALIGN);
    let windows = vec![by_hand(0, Strand::Plus), by_hand(200, Strand::Minus)];
    let windows = GeneWindows::new(windows, 2, 100, "by hand").unwrap();
    let t = |mode: CountMode, expected: [f32; 4]| {
        let counter = ReadCounter {
            mode,
            ..ReadCounter::default()
        };
        assert_eq!(counts(&counter, &windows, &path), expected, "{mode:?}");
        // Turned round, the second window reads from its end.
        let turned = windows.clone().oriented(Orientation::Transcription);
        let [a, b, c, d] = expected;
        assert_eq!(counts(&counter, &turned, &path), [a, b, d, c]);
    };
    t(CountMode::Overlap, [1.0, 1.0, 0.0, 1.0]);
    t(CountMode::FivePrime { shift_bp: 0 }, [1.0, 1.0, 0.0, 1.0]);
    t(CountMode::FivePrime { shift_bp: 75 }, [1.0, 0.0, 2.0, 0.0]);
    t(
        CountMode::Fragments { length_bp: 100 },
        [0.9, 0.6, 1.0, 0.5],
    );
}

#[test]
fn normalised_counts_and_controls_are_what_the_formulas_say() {
    let (_folder, path) = written("a.tagAlign", TAG_ALIGN);
    let (_other, control) = written(
        "c.bed",
        "chr1\t120\t156\tN\t0\t+\nchr1\t900\t936\tN\t0\t+\n",
    );
    let windows = GeneWindows::new(vec![by_hand(0, Strand::Plus)], 2, 100, "by hand").unwrap();
    let value = |counter: &ReadCounter, track: &Track| -> Vec<f32> {
        let counted = counter
            .count(&windows, std::slice::from_ref(track))
            .unwrap();
        counted.windows.signal().iter().copied().collect()
    };
    let track = Track::new("mark", &path);
    let with = |normalisation, log1p| ReadCounter {
        normalisation,
        log1p,
        ..ReadCounter::default()
    };
    // One of four reads.
    assert_eq!(
        value(&with(Normalisation::Cpm, false), &track),
        [250_000.0; 2]
    );
    assert_eq!(
        value(&with(Normalisation::Rpkm, false), &track),
        [2_500_000.0; 2]
    );
    assert_eq!(
        value(&with(Normalisation::None, true), &track),
        [2.0_f32.ln(); 2]
    );
    // The control has half as many reads, so its read counts twice.
    let with_control = track.clone().with_control(&control);
    assert_eq!(value(&ReadCounter::default(), &with_control), [1.0, 0.0]);
    let negative = ReadCounter {
        keep_negative: true,
        ..ReadCounter::default()
    };
    assert_eq!(value(&negative, &with_control), [1.0, -1.0]);
    // Replicates are added up.
    assert_eq!(
        value(&ReadCounter::default(), &track.with_file(&path)),
        [2.0; 2]
    );
}

#[test]
fn chromosomes_are_joined_on_purpose() {
    let (_folder, path) = written("a.bed", "1\t10\t20\tN\t0\t+\n");
    let windows = GeneWindows::new(vec![by_hand(0, Strand::Plus)], 1, 100, "by hand").unwrap();
    let track = [Track::new("mark", &path)];
    let message = ReadCounter::default()
        .count(&windows, &track)
        .unwrap_err()
        .to_string();
    assert!(message.contains("(chr1) is in the file (1)"), "{message}");
    let joined = ReadCounter {
        chromosomes: ChromosomeNames::IgnorePrefix,
        ..ReadCounter::default()
    };
    assert_eq!(counts(&joined, &windows, &path), [1.0]);
}

#[test]
fn totals_say_what_was_read_and_what_counted() {
    let (_folder, path) = written("a.bed", TAG_ALIGN);
    let windows = GeneWindows::new(vec![by_hand(100, Strand::Plus)], 1, 100, "by hand").unwrap();
    let counted = ReadCounter::default()
        .count(&windows, &[Track::new("mark", &path)])
        .unwrap();
    let totals = &counted.totals[0][0];
    assert_eq!(
        (totals.read, totals.passed, totals.counted, totals.elsewhere),
        (4, 4, 1, 1)
    );
    assert!(totals.is_whole);
}

#[test]
fn a_bam_that_was_cut_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reads.bam");
    let bytes = std::fs::read(golden("reads.bam")).unwrap();
    for cut in [bytes.len() - 28, bytes.len() - 1, bytes.len() / 2, 5] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let track = [Track::new("mark", &path)];
        assert!(
            ReadCounter::default().count(&windows(), &track).is_err(),
            "{cut}"
        );
    }
}

/// Where each container of a CRAM ends; one that follows the file's definition ends at its 26th byte.
fn container_ends(cram: &[u8]) -> Vec<usize> {
    let number = |place: &mut usize| {
        let more = cram[*place].leading_ones().min(4) as usize;
        let bytes = &cram[*place..=*place + more];
        *place += more + 1;
        let mask = 0x7f >> more.min(3);
        match more {
            4 => 0,
            _ => bytes[1..]
                .iter()
                .fold(usize::from(bytes[0] & mask), |all, &byte| {
                    (all << 8) | usize::from(byte)
                }),
        }
    };
    let mut ends = vec![26];
    let mut place = 26;
    while place < cram.len() {
        let length = u32::from_le_bytes(cram[place..place + 4].try_into().unwrap());
        place += 4;
        for _ in 0..4 {
            number(&mut place);
        }
        // The counters of reads and bases have up to nine bytes.
        for _ in 0..2 {
            place += cram[place].leading_ones() as usize + 1;
        }
        number(&mut place);
        for _ in 0..number(&mut place) {
            number(&mut place);
        }
        place += 4 + length as usize;
        ends.push(place);
    }
    ends
}

#[test]
fn a_cram_that_was_cut_between_containers_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reads.cram");
    for name in ["reads.cram", "archive.cram"] {
        let bytes = std::fs::read(golden(name)).unwrap();
        let mut ends = container_ends(&bytes);
        assert_eq!(ends.pop(), Some(bytes.len()), "{name}");
        assert!(ends.len() > 2, "{name}");
        for end in ends.split_off(1) {
            std::fs::write(&path, &bytes[..end]).unwrap();
            let track = [Track::new("mark", &path)];
            let error = ReadCounter::default().count(&windows(), &track);
            let error = error.unwrap_err();
            assert!(
                matches!(error, Error::CutShort { .. }),
                "{name} {end}: {error}"
            );
        }
    }
}

#[test]
fn what_a_format_cannot_tell_is_refused() {
    let (_folder, reads) = written("a.tagAlign", TAG_ALIGN);
    let (_other, signal) = written("a.bedGraph", "chr1\t0\t50\t2\n");
    let windows = GeneWindows::new(vec![by_hand(0, Strand::Plus)], 2, 200, "by hand").unwrap();
    let with_flags = |required_flags| ReadCounter {
        filter: ReadFilter {
            required_flags,
            ..ReadFilter::default()
        },
        ..ReadCounter::default()
    };
    let pairs = ReadCounter {
        mode: CountMode::PairedFragments,
        ..ReadCounter::default()
    };
    let plain = Track::new("mark", &reads);
    let refused = |counter: &ReadCounter, track: &Track, expected: &str| {
        let counted = counter.count(&windows, std::slice::from_ref(track));
        let message = counted.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    refused(&pairs, &plain, "one that needs no pairs for the BED");
    refused(&with_flags(0x2), &plain, "none but 0x10 for the BED");
    refused(&with_flags(0x12), &plain, "found 0x2");
    // The strand is known.
    assert_eq!(counts(&with_flags(0x10), &windows, &reads), [0.0, 1.0]);
    let mixed = [
        plain.clone().with_control(&signal),
        plain.with_file(&signal),
        Track::new("mark", &signal).with_control(&reads),
    ];
    for track in mixed {
        refused(
            &ReadCounter::default(),
            &track,
            "files and controls of a track",
        );
    }
}
