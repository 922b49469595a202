use std::fs;
use std::path::PathBuf;

use chromex_core::Transform;
use chromex_io::deepdiff::{DeepDiffPair, read_windows, write_windows};
use chromex_io::read_expression;

pub(crate) fn data() -> PathBuf {
    let folder = std::env::var_os("CHROMEX_DATA").expect("CHROMEX_DATA is set");
    PathBuf::from(folder)
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn the_published_labels_are_rebuilt_from_the_expression() {
    let data = data();
    let pair = DeepDiffPair::new(data.join("deepdiff_sample"), "Cell1", "Cell2");
    let dataset = pair.load().unwrap();
    let mut published = Vec::new();
    for part in ["Train", "Valid", "Test"] {
        let path = data.join(format!("genegpt2/data/C12{part}Diff.tsv"));
        let text = fs::read_to_string(path).unwrap();
        published.extend(text.lines().map(|line| line.parse::<f64>().unwrap()));
    }
    let labels = pair.labels(dataset.keys.ids()).unwrap();
    assert_eq!((labels.len(), published.len()), (600, 600));
    let pairs = labels.iter().zip(&published);
    let largest = pairs
        .map(|(found, expected)| (found - expected).abs())
        .fold(0.0, f64::max);
    assert!(largest < 1e-9, "{largest}");
    for (label, kept) in labels.iter().zip(dataset.targets.column(0)) {
        assert_eq!(*label as f32, *kept);
    }
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn the_published_windows_have_the_published_shares_of_0_1_and_more() {
    let data = data();
    let pair = DeepDiffPair::new(data.join("deepdiff_sample"), "Cell1", "Cell2");
    let dataset = pair.load().unwrap();
    let signal = dataset.inputs.first().signal();
    assert_eq!(signal.shape(), [600, 200, 5]);
    assert_eq!(dataset.keys.ids()[0], "ENSG00000130749");
    let part = dataset.keys.group("part").unwrap();
    assert_eq!(
        (part.label(0), part.label(399), part.label(400)),
        ("train", "valid", "test")
    );
    // As listed in the GeneGPT-2 report, in the order of the columns.
    let shares = [
        (33.4, 22.2),
        (42.9, 24.9),
        (33.7, 28.2),
        (45.1, 28.1),
        (41.1, 24.8),
    ];
    for (mark, (zeros, ones)) in shares.into_iter().enumerate() {
        let counts = signal.index_axis(ndarray::Axis(2), mark);
        let share = |value: f32| {
            let equal = counts.iter().filter(|&&count| count == value).count();
            100.0 * equal as f64 / counts.len() as f64
        };
        assert!((share(0.0) - zeros).abs() < 0.06 && (share(1.0) - ones).abs() < 0.06);
    }
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn the_fold_change_of_the_paper_is_the_label_in_the_other_base_and_sign() {
    let data = data();
    let mut pair = DeepDiffPair::new(data.join("deepdiff_sample"), "Cell1", "Cell2");
    let genes = vec!["ENSG00000130749".to_owned(), "ENSG00000000003".to_owned()];
    let natural = pair.labels(&genes).unwrap();
    pair.transform = Transform::Log2FoldChange { offset: 1.0 };
    for (log2, natural) in pair.labels(&genes).unwrap().iter().zip(natural) {
        assert!((log2 * 2.0_f64.ln() + natural).abs() < 1e-12);
    }
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn a_published_table_is_written_back_byte_for_byte() {
    let data = data();
    let folder = tempfile::tempdir().unwrap();
    let path = data.join("deepdiff_sample/Cell2.valid.csv");
    let table = read_windows(&path, &Default::default()).unwrap();
    let copy = folder.path().join("copy.csv");
    write_windows(&copy, &table).unwrap();
    assert!(fs::read(&path).unwrap() == fs::read(&copy).unwrap());
    let packed = folder.path().join("copy.csv.zst");
    write_windows(&packed, &table).unwrap();
    assert!(read_windows(&packed, &Default::default()).unwrap() == table);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn packed_expression_of_nine_cells_reads_as_the_plain_tables() {
    let data = data();
    let sample = data.join("deepdiff_sample");
    let plain = read_expression(&sample.join("Cell1.expr.csv")).unwrap();
    let packed = read_expression(&sample.join("expression/E123.expr.csv.gz")).unwrap();
    assert_eq!(plain.len(), 19_795);
    assert_eq!(plain, packed);
}
