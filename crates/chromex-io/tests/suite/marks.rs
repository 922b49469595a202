use std::fs;
use std::path::{Path, PathBuf};

use chromex_core::{MarkSignal, MarkWindows};
use chromex_io::counting::{CountMode, Normalisation};
use chromex_io::deepchrome::{
    DeepChromeLayout, DeepChromeTable, read_deepchrome, write_deepchrome,
};
use chromex_io::deepdiff::{
    DeepDiffLayout, DeepDiffPair, WindowTable, read_windows, write_counted_windows, write_windows,
};
use chromex_io::genes::Orientation;
use chromex_io::storage::{read_npy, write_npy};
use chromex_io::table_marks::{CountSettings, MarkOrder, TableMarks, order_notes};
use chromex_io::{Error, Result, read_cells_deepchrome};
use ndarray::{Array3, Axis};

const MARKS: [&str; 3] = ["H3K4me3", "H3K27me3", "H3K36me3"];
const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

fn names(places: [usize; 3]) -> Vec<String> {
    places.map(|place| MARKS[place].to_owned()).to_vec()
}

/// Windows of two genes whose marks stand in some order: the same counts under the same names.
fn windows(places: [usize; 3], bins: usize, width: u32) -> MarkWindows {
    let signal = Array3::from_shape_fn((2, bins, 3), |(gene, bin, mark)| {
        (gene * 100 + bin * 10 + mark) as f32
    });
    MarkWindows::new(signal.select(Axis(2), &places), names(places), width).unwrap()
}

/// Windows, and in which order their marks were.
type Read = Result<(MarkWindows, Option<MarkOrder>)>;

/// A door: a format that names no marks, written in one order and read in another.
struct Door {
    name: &'static str,
    write: fn(&Path, &MarkWindows),
    read: fn(&Path, &DeepDiffLayout) -> Read,
}

fn ids() -> Vec<String> {
    vec!["G1".into(), "G2".into()]
}

fn doors() -> [Door; 5] {
    let deepdiff: fn(&Path, &MarkWindows) = |path, windows| {
        let table = WindowTable::new(ids(), ids(), windows.clone());
        write_windows(path, &table).unwrap();
    };
    let read_deepdiff: fn(&Path, &DeepDiffLayout) -> _ = |path, layout| {
        let table = read_windows(path, layout)?;
        Ok((table.windows, Some(table.order)))
    };
    let deepchrome: fn(&Path, &MarkWindows) = |path, windows| {
        let table = DeepChromeTable::new(ids(), windows.clone(), vec![0.0, 1.0]);
        write_deepchrome(path, &table).unwrap();
    };
    fn layout(layout: &DeepDiffLayout) -> DeepChromeLayout {
        DeepChromeLayout {
            marks: layout.marks.clone(),
            bins: layout.bins,
            bin_width_bp: layout.bin_width_bp,
        }
    }
    [
        Door {
            name: "a.train.csv.gz",
            write: deepdiff,
            read: read_deepdiff,
        },
        Door {
            name: "a.csv",
            write: deepdiff,
            read: read_deepdiff,
        },
        Door {
            name: "b.csv.zst",
            write: deepchrome,
            read: |path, asked| {
                let table = read_deepchrome(path, &layout(asked))?;
                Ok((table.windows, Some(table.order)))
            },
        },
        Door {
            name: "c.csv",
            write: deepchrome,
            read: |path, asked| {
                let tables = [("E003".to_owned(), path.to_owned())];
                let cells = read_cells_deepchrome(&tables, &layout(asked))?;
                Ok((cells.inputs.windows().into_owned(), None))
            },
        },
        Door {
            name: "d.npy",
            write: |path, windows| write_npy(path, windows).unwrap(),
            read: |path, asked| {
                let marks: Vec<&str> = asked.marks.iter().map(String::as_str).collect();
                Ok((read_npy(path, &marks, asked.bin_width_bp)?, None))
            },
        },
    ]
}

fn asked(places: [usize; 3], bins: usize, bin_width_bp: u32) -> DeepDiffLayout {
    DeepDiffLayout {
        marks: names(places),
        bins,
        bin_width_bp,
    }
}

#[test]
fn columns_in_any_order_are_read_under_their_names() {
    for door in doors() {
        for written in ORDERS {
            for wanted in ORDERS {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join(door.name);
                (door.write)(&path, &windows(written, 4, 100));
                let (found, order) = (door.read)(&path, &asked(wanted, 4, 100)).unwrap();
                assert_eq!(found, windows(wanted, 4, 100), "{}", door.name);
                let expected = match written == wanted {
                    true => MarkOrder::Stated,
                    false => MarkOrder::Reordered(names(written)),
                };
                assert!(order.is_none_or(|order| order == expected), "{}", door.name);
                let layout = asked(wanted, 4, 100).marks_and_bins();
                let notes = order_notes(&[path], &layout).unwrap();
                assert_eq!(notes.len(), usize::from(written != wanted), "{notes:?}");
            }
        }
    }
}

#[test]
fn other_marks_bins_and_widths_are_refused_with_both_sides() {
    for door in doors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(door.name);
        (door.write)(&path, &windows([0, 1, 2], 4, 100));
        let mut other = asked([0, 1, 2], 4, 100);
        other.marks[1] = "H3K9me3".into();
        let mut fewer = asked([0, 1, 2], 4, 100);
        fewer.marks.pop();
        let mut more = asked([0, 1, 2], 4, 100);
        more.marks.push("H3K9me3".into());
        for asked in [
            other,
            fewer,
            more,
            asked([0, 1, 2], 4, 25),
            asked([2, 1, 0], 4, 25),
        ] {
            let error = (door.read)(&path, &asked).unwrap_err();
            let message = error.to_string();
            assert!(
                matches!(error, Error::Marks { .. }),
                "{}: {message}",
                door.name
            );
            for side in [
                &asked.marks_and_bins().to_string(),
                "4 bins of 100 bp of 3 marks",
            ] {
                assert!(message.contains(side), "{}: {message}", door.name);
            }
        }
        // The number of bins of an npy stands in it.
        if !door.name.ends_with(".npy") {
            let error = (door.read)(&path, &asked([0, 1, 2], 2, 100)).unwrap_err();
            assert!(
                matches!(error, Error::Marks { .. }),
                "{}: {error}",
                door.name
            );
        }
    }
}

#[test]
fn a_table_without_a_side_file_says_which_order_is_assumed() {
    for door in doors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(door.name);
        (door.write)(&path, &windows([0, 1, 2], 4, 100));
        fs::remove_file(TableMarks::path_of(&path)).unwrap();
        let (_, order) = (door.read)(&path, &asked([2, 1, 0], 4, 100)).unwrap();
        assert!(order.is_none_or(|order| order == MarkOrder::Assumed));
        let layout = asked([2, 1, 0], 4, 100).marks_and_bins();
        let notes = order_notes(&[path], &layout).unwrap();
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains(door.name), "{notes:?}");
        assert!(
            notes[0].contains("H3K36me3, H3K27me3, H3K4me3"),
            "{notes:?}"
        );
    }
}

#[test]
fn a_side_file_is_only_believed_of_the_table_that_it_was_written_with() {
    for door in doors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(door.name);
        (door.write)(&path, &windows([0, 1, 2], 4, 100));
        let side = fs::read(TableMarks::path_of(&path)).unwrap();
        // Written again by what knows nothing of side files, in another order.
        (door.write)(&path, &windows([2, 1, 0], 4, 100));
        fs::write(TableMarks::path_of(&path), side).unwrap();
        let error = (door.read)(&path, &asked([0, 1, 2], 4, 100)).unwrap_err();
        assert!(
            error.to_string().contains("the table was changed"),
            "{error}"
        );
    }
}

#[test]
fn a_side_file_may_be_written_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, "E1_A_1,4,2\nE1_A_2,0,1\n").unwrap();
    let text = r#"{"version": 1, "marks": ["b", "a"], "bins": 2, "bin_width_bp": 100}"#;
    fs::write(folder.path().join("a.marks.json"), text).unwrap();
    let layout = DeepDiffLayout {
        marks: vec!["a".into(), "b".into()],
        bins: 2,
        bin_width_bp: 100,
    };
    let table = read_windows(&path, &layout).unwrap();
    assert_eq!(table.windows.signal()[[0, 0, 0]], 2.0);
    assert_eq!(
        table.order,
        MarkOrder::Reordered(vec!["b".into(), "a".into()])
    );
}

#[test]
fn a_table_that_is_unpacked_or_has_other_line_ends_keeps_its_marks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let table = WindowTable::new(ids(), ids(), windows([1, 0, 2], 4, 100));
    write_windows(&path, &table).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace('\n', "\r\n")).unwrap();
    let found = read_windows(&path, &asked([0, 1, 2], 4, 100)).unwrap();
    assert_eq!(found.windows, windows([0, 1, 2], 4, 100));
    let packed = folder.path().join("a.csv.gz");
    write_windows(&packed, &table).unwrap();
    fs::remove_file(&packed).unwrap();
    assert!(read_windows(&path, &asked([0, 1, 2], 4, 100)).is_ok());
}

/// Two cells of three parts of two genes; what is counted how is up to the caller.
fn cells(folder: &Path, orders: [[usize; 3]; 2], counted: [CountSettings; 2]) -> DeepDiffPair {
    for (cell, (order, counted)) in orders.into_iter().zip(counted).enumerate() {
        let mut expression = String::new();
        for part in ["train", "valid", "test"] {
            let ids: Vec<String> = ids().iter().map(|id| format!("{part}{id}")).collect();
            let table = WindowTable::new(ids.clone(), ids.clone(), windows(order, 4, 100));
            let path = folder.join(format!("Cell{}.{part}.csv.gz", cell + 1));
            write_counted_windows(&path, &table, &counted).unwrap();
            ids.iter()
                .for_each(|id| expression.push_str(&format!("{id},{cell}\n")));
        }
        fs::write(
            folder.join(format!("Cell{}.expr.csv", cell + 1)),
            expression,
        )
        .unwrap();
    }
    let mut pair = DeepDiffPair::new(folder, "Cell1", "Cell2");
    pair.layout = asked([0, 1, 2], 4, 100);
    pair
}

#[test]
fn cells_whose_tables_differ_in_order_are_put_right_and_in_counts_refused() {
    let whole = {
        let folder = tempfile::tempdir().unwrap();
        let pair = cells(folder.path(), [[0, 1, 2]; 2], Default::default());
        assert!(pair.notes().unwrap().is_empty());
        let sides = pair.files().unwrap();
        assert_eq!(
            sides
                .iter()
                .filter(|path| path.ends_with("Cell1.train.marks.json"))
                .count(),
            1
        );
        pair.load().unwrap()
    };
    for orders in [
        [[0, 1, 2], [1, 0, 2]],
        [[2, 0, 1], [0, 1, 2]],
        [[2, 1, 0]; 2],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let pair = cells(folder.path(), orders, Default::default());
        assert_eq!(pair.load().unwrap().inputs, whole.inputs);
        assert!(!pair.notes().unwrap().is_empty());
    }
    let known = CountSettings {
        genome: Some("hg19".into()),
        orientation: Some(Orientation::Genomic),
        mode: Some(CountMode::Overlap),
        normalisation: Some(Normalisation::None),
    };
    let others = [
        CountSettings {
            genome: Some("hg38".into()),
            ..known.clone()
        },
        CountSettings {
            orientation: Some(Orientation::Transcription),
            ..known.clone()
        },
        CountSettings {
            mode: Some(CountMode::FivePrime { shift_bp: 75 }),
            ..known.clone()
        },
        CountSettings {
            normalisation: Some(Normalisation::Cpm),
            ..known.clone()
        },
    ];
    for other in others {
        let folder = tempfile::tempdir().unwrap();
        let pair = cells(
            folder.path(),
            [[0, 1, 2]; 2],
            [known.clone(), other.clone()],
        );
        let message = pair.load().unwrap_err().to_string();
        assert!(message.contains(&format!("{other:?}")), "{message}");
        assert!(message.contains(&format!("{known:?}")), "{message}");
    }
    // What one side does not know is no difference.
    let folder = tempfile::tempdir().unwrap();
    let pair = cells(
        folder.path(),
        [[0, 1, 2]; 2],
        [known, CountSettings::default()],
    );
    assert!(pair.load().is_ok());
    let mut other = pair;
    other.layout.marks[0] = "H3K9me3".into();
    let message = other.load().unwrap_err().to_string();
    assert!(
        message.contains("missing: H3K9me3; not known: H3K4me3"),
        "{message}"
    );
    let none: Vec<PathBuf> = Vec::new();
    assert!(
        order_notes(&none, &other.layout.marks_and_bins())
            .unwrap()
            .is_empty()
    );
}
