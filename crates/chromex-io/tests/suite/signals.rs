use chromex_io::counting::{EmptyBases, ReadCounter, Track};
use chromex_io::genes::{GeneWindows, Orientation, Strand, Window};
use chromex_io::tracks::{SignalInterval, intervals_of, write_bed_graph, write_big_wig};

fn interval(chromosome: &str, start: u32, end: u32, value: f32) -> SignalInterval {
    SignalInterval {
        chromosome: chromosome.into(),
        start,
        end,
        value,
    }
}

fn window(chromosome: &str, start: i64) -> Window {
    Window {
        id: format!("{chromosome}:{start}"),
        symbol: String::new(),
        chromosome: chromosome.into(),
        start,
        strand: Some(Strand::Minus),
    }
}

#[test]
fn text_and_binary_signals_have_the_same_means() {
    let folder = tempfile::tempdir().unwrap();
    let signal = vec![
        interval("chr1", 0, 50, 2.0),
        interval("chr1", 150, 250, 4.0),
        interval("chr2", 5, 15, -1.0),
    ];
    let text = folder.path().join("a.bedGraph.gz");
    let binary = folder.path().join("a.bw");
    write_bed_graph(&text, &signal).unwrap();
    let sizes = [("chr1".to_owned(), 280), ("chr2".to_owned(), 100)];
    write_big_wig(&binary, &sizes, signal).unwrap();
    let windows = vec![window("chr1", -100), window("chr1", 100), window("chr2", 0)];
    let windows = GeneWindows::new(windows, 2, 100, "by hand").unwrap();
    for (empty, expected) in [
        (EmptyBases::Zero, [0.0, 1.0, 2.0, 2.0, -0.1, 0.0]),
        (EmptyBases::LeftOut, [0.0, 2.0, 4.0, 4.0, -1.0, 0.0]),
    ] {
        let counter = ReadCounter {
            empty_bases: empty,
            ..ReadCounter::default()
        };
        for path in [&text, &binary] {
            let counted = counter
                .count(&windows, &[Track::new("mark", path)])
                .unwrap();
            let means: Vec<f32> = counted.windows.signal().iter().copied().collect();
            assert_eq!(means, expected, "{empty:?}");
        }
    }
}

#[test]
fn counted_windows_become_a_track_that_counts_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let reads = folder.path().join("a.bed");
    std::fs::write(&reads, "chr1\t10\t20\tN\t0\t+\nchr1\t320\t420\tN\t0\t-\n").unwrap();
    // Two windows share a bin, one is turned round, one begins before the chromosome.
    let windows = vec![
        window("chr1", -100),
        window("chr1", 200),
        window("chr1", 300),
    ];
    for orientation in [Orientation::Genomic, Orientation::Transcription] {
        let windows = GeneWindows::new(windows.clone(), 2, 100, "by hand").unwrap();
        let windows = windows.oriented(orientation);
        let counter = ReadCounter::default();
        let counted = counter
            .count(&windows, &[Track::new("mark", &reads)])
            .unwrap()
            .windows;
        let signal = intervals_of(&windows, &counted, "mark").unwrap();
        assert_eq!(
            signal,
            [
                interval("chr1", 0, 100, 1.0),
                interval("chr1", 300, 500, 1.0)
            ]
        );
        let track = folder.path().join("track.bw");
        write_big_wig(&track, &[("chr1".to_owned(), 1000)], signal).unwrap();
        let again = counter
            .count(&windows, &[Track::new("mark", &track)])
            .unwrap()
            .windows;
        assert_eq!(again, counted);
        assert!(intervals_of(&windows, &counted, "other").is_err());
    }
}

#[test]
fn tracks_that_a_big_wig_cannot_hold_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bw");
    let sizes = [("chr1".to_owned(), 100)];
    for (signal, expected) in [
        (vec![], "no interval"),
        (vec![interval("chr2", 0, 5, 1.0)], "no length of chr2"),
        (vec![interval("chr1", 0, 101, 1.0)], "interval 0: 0 to 101"),
        (
            vec![interval("chr1", 0, 9, 1.0), interval("chr1", 8, 10, 1.0)],
            "interval 1: 8 to 10",
        ),
    ] {
        let error = write_big_wig(&path, &sizes, signal).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(expected), "{cause}");
        assert!(!path.exists());
    }
}

#[test]
fn intervals_that_overlap_are_no_signal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bedGraph");
    let windows = GeneWindows::new(vec![window("chr1", 0)], 1, 100, "by hand").unwrap();
    let count = |text: &str| {
        std::fs::write(&path, text).unwrap();
        ReadCounter::default().count(&windows, &[Track::new("mark", &path)])
    };
    // One behind the other: noticed at once, though no bin has too many bases.
    let message = count("chr1\t0\t20\t1\nchr1\t10\t30\t1\n")
        .unwrap_err()
        .to_string();
    assert!(
        message.ends_with(
            "line 2, column 2: expected intervals apart: the one before ends at 20, found 10"
        ),
        "{message}"
    );
    // Not sorted: noticed where a bin has too many.
    let error = count("chr1\t40\t100\t1\nchr1\t0\t80\t1\n").unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "intervals overlap: 140 bases in a bin");
    count("chr1\t10\t30\t1\nchr1\t0\t10\t1\nchr2\t5\t9\t1\nchr1\t30\t31\t1\n").unwrap();
}
