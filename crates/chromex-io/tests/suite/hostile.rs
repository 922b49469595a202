use std::fs;
use std::path::PathBuf;

use chromex_io::deepdiff::{DeepDiffLayout, WindowTable, read_windows, write_windows};
use chromex_io::{Error, Result, read_expression};
use proptest::prelude::*;

fn layout() -> DeepDiffLayout {
    DeepDiffLayout {
        marks: vec!["H3K4me3".into(), "H3K36me3".into()],
        bins: 3,
        bin_width_bp: 100,
    }
}

fn valid(genes: usize) -> String {
    let line = |row: usize| format!("E{}_S{}_{},{row},0\n", row / 3, row / 3, row % 3 + 1);
    (0..3 * genes).map(line).collect()
}

fn read(content: &[u8]) -> Result<WindowTable> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, content).unwrap();
    read_windows(&path, &layout())
}

fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

fn zstandard(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packer = zstd::Encoder::new(Vec::new(), 1).unwrap();
    packer.include_checksum(true).unwrap();
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

#[test]
fn each_departure_from_the_layout_is_named_by_its_place() {
    fn t(content: &str, expected: &str) {
        let message = read(content.as_bytes()).unwrap_err().to_string();
        assert!(message.contains("a.csv: line "), "{message}");
        assert!(message.ends_with(expected), "{message}");
    }
    let two = valid(2);
    let counts = "a whole number of reads from 0 to 16777216";
    let changed = |from: &str, to: &str| two.replacen(from, to, 1);

    t(
        "",
        "line 1: expected windows of at least one gene, found an empty file",
    );
    t("\n", "line 1: expected 3 columns, found 1");
    t(
        &format!("gene,H3K4me3,H3K36me3\n{two}"),
        "line 1, column 1: expected `GENE_SYMBOL_BIN`, found `gene`",
    );
    t(
        "E0_1,0,0\n",
        "line 1, column 1: expected `GENE_SYMBOL_BIN`, found `E0_1`",
    );
    t(
        "_S_1,0,0\n",
        "line 1, column 1: expected `GENE_SYMBOL_BIN`, found `_S_1`",
    );

    // Cut after a line, within a gene, and within a line.
    t(
        &two[..two.rfind("E1_S1_3").unwrap()],
        "line 6: expected bin 3 of 3 of gene `E1_S1`, found the end of the file",
    );
    t(
        &changed("E0_S0_3,2,0\n", ""),
        "line 3, column 1: expected bin 3 of 3 of gene `E0_S0`, found `E1_S1_1`",
    );
    t(
        &two[..two.rfind(",5,0").unwrap() + 2],
        "line 6: expected 3 columns, found 2",
    );
    t(
        &two[..two.rfind(",5,0").unwrap()],
        "line 6: expected 3 columns, found 1",
    );
    t(
        &two[..two.rfind(",0\n").unwrap() + 1],
        &format!("line 6, column 3: expected {counts}, found ``"),
    );

    // Bins and genes in another order.
    t(
        "E0_S0_2,1,0\nE0_S0_1,0,0\n",
        "line 1, column 1: expected bin 1 of 3 of gene `E0_S0`, found `E0_S0_2`",
    );
    t(
        &changed("E0_S0_2", "E0_S0_3"),
        "line 2, column 1: expected bin 2 of 3 of gene `E0_S0`, found `E0_S0_3`",
    );
    t(&changed("E0_S0_2", "E0_S0_x"), "found `E0_S0_x`");
    t(&changed("E0_S0_2", "E0_OTHER_2"), "found `E0_OTHER_2`");
    t(
        &format!("{two}{two}"),
        "line 7, column 1: expected genes that stand once, and `E0` began at line 1, found `E0_S0_1`",
    );
    t(
        &format!("{two}E1_S1_4,0,0\n"),
        "and `E1` began at line 4, found `E1_S1_4`",
    );

    // Columns and counts.
    t(
        &changed(",4,0", ",4"),
        "line 5: expected 3 columns, found 2",
    );
    t(
        &changed(",4,0", ",4,0,1"),
        "line 5: expected 3 columns, found 4",
    );
    for bad in [
        "-1",
        "+1",
        "1.5",
        " 1",
        "1e3",
        "NaN",
        "x",
        "16777217",
        "99999999999999999999",
    ] {
        t(
            &changed(",4,0", &format!(",{bad},0")),
            &format!("line 5, column 2: expected {counts}, found `{bad}`"),
        );
    }
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let message = read(b"E\xff_S_1,0,0\n").unwrap_err().to_string();
    assert!(message.ends_with("line 1, column 1: expected UTF-8 text, found `E\u{fffd}_S`"));
    assert!(read(b"E0_S_1,\xff,0\n").is_err());
}

#[test]
fn an_endless_line_is_refused_before_it_is_held() {
    let mut content = valid(1).into_bytes();
    content.resize(5_000_000, b'7');
    for content in [gzip(&content), zstandard(&content), content] {
        let message = read(&content).unwrap_err().to_string();
        assert!(
            message.ends_with("line 4: expected a line of at most 65536 bytes, found a longer one")
        );
    }
}

#[test]
fn every_cut_of_a_packed_table_is_refused() {
    let table = valid(40);
    for packed in [gzip(table.as_bytes()), zstandard(table.as_bytes())] {
        assert_eq!(read(&packed).unwrap().ids.len(), 40);
        // Three bytes of a magic number are not one, and are refused as text.
        for cut in 0..packed.len() {
            let error = read(&packed[..cut]).unwrap_err();
            let damaged = matches!(error, Error::Damaged { .. });
            assert!(damaged || cut < 4, "{cut}: {error}");
        }
    }
}

#[test]
fn a_changed_byte_of_a_packed_table_is_never_taken_for_other_counts() {
    let folder = tempfile::tempdir().unwrap();
    let expected = read(valid(40).as_bytes()).unwrap();
    for name in ["a.csv.gz", "a.csv.zst"] {
        let path = folder.path().join(name);
        write_windows(&path, &expected).unwrap();
        let packed = fs::read(&path).unwrap();
        for place in 0..packed.len() {
            let mut changed = packed.clone();
            changed[place] ^= 0x10;
            // Bytes of the header that tell time and system may change.
            if let Ok(found) = read(&changed) {
                assert_eq!(found, expected, "byte {place}");
            }
        }
    }
}

#[test]
fn a_damaged_file_is_named_with_the_last_line_that_was_whole() {
    let packed = gzip(valid(4000).as_bytes());
    let error = read(&packed[..packed.len() / 2]).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("a.csv: damaged gzip stream after line "),
        "{message}"
    );
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_file_that_is_missing_or_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = read_windows(&folder.path().join("none.csv"), &layout()).unwrap_err();
    assert!(missing.to_string().starts_with("open ") && missing.to_string().ends_with("none.csv"));
    let message = read_windows(folder.path(), &layout())
        .unwrap_err()
        .to_string();
    assert!(message.contains(&folder.path().display().to_string()));
}

/// What a hand, a disk or a transfer may do to a table.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Cut(prop::sample::Index),
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index),
    SwapLines(prop::sample::Index, prop::sample::Index),
    RepeatLine(prop::sample::Index),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    let byte = prop_oneof![
        any::<u8>(),
        Just(b','),
        Just(b'_'),
        Just(b'\n'),
        b'0'..=b'9'
    ];
    prop_oneof![
        index().prop_map(Change::Cut),
        (index(), byte).prop_map(|(place, byte)| Change::Replace(place, byte)),
        (index(), prop::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(place, bytes)| Change::Insert(place, bytes)),
        index().prop_map(Change::Remove),
        (index(), index()).prop_map(|(one, other)| Change::SwapLines(one, other)),
        index().prop_map(Change::RepeatLine),
    ]
}

pub(crate) fn apply(mut table: Vec<u8>, change: &Change) -> Vec<u8> {
    if table.is_empty() {
        return table;
    }
    let mut lines: Vec<Vec<u8>> = table
        .split_inclusive(|&b| b == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    match change {
        Change::Cut(place) => table.truncate(place.index(table.len())),
        Change::Replace(place, byte) => {
            let place = place.index(table.len());
            table[place] = *byte;
        }
        Change::Insert(place, bytes) => {
            let place = place.index(table.len());
            table.splice(place..place, bytes.iter().copied());
        }
        Change::Remove(place) => {
            table.remove(place.index(table.len()));
        }
        Change::SwapLines(one, other) => {
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            lines.swap(one, other);
            table = lines.concat();
        }
        Change::RepeatLine(place) => {
            let place = place.index(lines.len());
            lines.insert(place, lines[place].clone());
            table = lines.concat();
        }
    }
    table
}

/// Whatever is taken must be what stands there: writing it again gives the same lines.
fn taken_only_if_true(content: &[u8]) -> Result<(), TestCaseError> {
    let Ok(table) = read(content) else {
        return Ok(());
    };
    let mut expected = String::new();
    for (gene, window) in table.windows.signal().outer_iter().enumerate() {
        for (bin, counts) in window.outer_iter().enumerate() {
            expected += &format!("{}_{}_{}", table.ids[gene], table.symbols[gene], bin + 1);
            counts
                .iter()
                .for_each(|count| expected += &format!(",{count}"));
            expected.push('\n');
        }
    }
    let plain = |text: &str| -> Vec<String> {
        let number = |field: &str| {
            field
                .parse::<u32>()
                .map_or(field.to_owned(), |n| n.to_string())
        };
        let line = |line: &str| {
            line.split([',', '_'])
                .map(number)
                .collect::<Vec<_>>()
                .join(",")
        };
        text.trim_start_matches('\u{feff}')
            .lines()
            .map(line)
            .collect()
    };
    prop_assert_eq!(
        plain(&expected),
        plain(std::str::from_utf8(content).unwrap())
    );
    Ok(())
}

proptest! {
    #[test]
    fn random_bytes_never_panic(content in prop::collection::vec(any::<u8>(), 0..400), packing in 0..5) {
        let start: &[u8] = match packing {
            0 => &[0x1f, 0x8b],
            1 => &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff],
            2 => &[0x28, 0xb5, 0x2f, 0xfd],
            3 => b"E0_S0_1,1,1\n",
            _ => b"",
        };
        let content = [start, &content].concat();
        let _ = read(&content);
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("a.csv");
        fs::write(&path, &content).unwrap();
        let _ = read_expression(&path);
    }

    #[test]
    fn a_changed_table_never_panics_and_is_never_misread(changes in prop::collection::vec(change(), 1..4)) {
        let table = changes.iter().fold(valid(3).into_bytes(), apply);
        taken_only_if_true(&table)?;
    }

    #[test]
    fn a_changed_packed_table_never_panics(changes in prop::collection::vec(change(), 1..4)) {
        for packed in [gzip(valid(3).as_bytes()), zstandard(valid(3).as_bytes())] {
            let _ = read(&changes.iter().fold(packed, apply));
        }
    }

    #[test]
    fn a_table_that_is_cut_anywhere_is_refused(genes in 1_usize..4, place in any::<prop::sample::Index>()) {
        let table = valid(genes);
        let cut = place.index(table.len() - 1);
        let whole_lines = table[..cut].ends_with('\n') || table[cut..].starts_with('\n');
        let gene_ends = whole_lines && table[..cut].lines().count().is_multiple_of(3);
        // Only a cut between two genes leaves a table.
        prop_assert_eq!(read(&table.as_bytes()[..cut]).is_ok(), cut > 0 && gene_ends);
    }
}
