use std::path::{Path, PathBuf};

use chromex_boosting::{BoostedTrees, Format, XgboostModel};
use ndarray::Array2;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// The models of a format that Python's XGBoost wrote.
fn seeds(ending: &str) -> Vec<Vec<u8>> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/xgboost_models");
    let folders = std::fs::read_dir(golden).unwrap();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    let packed = format!(".{ending}.gz");
    paths.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name != "cases.json"
            && (name.ends_with(&packed) || name.ends_with(&packed[..packed.len() - 3]))
    });
    paths.sort();
    assert!(paths.len() > 5);
    paths
        .iter()
        .map(|path| crate::interchange::stored(path))
        .collect()
}

/// A change to a file, at places that are drawn before its length is known.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Replace(Index, u8),
    Truncate(Index),
    Remove(Index, usize),
    Repeat(Index, usize),
    /// Puts bytes of the second place at the first.
    Splice(Index, Index, usize),
    /// Writes a number over the next bytes, from its lowest byte or its highest.
    Inflate(Index, i64, usize, bool),
    /// Writes digits over the next digits of a text.
    Digits(Index, u64),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let place = any::<Index>;
    let number = prop_oneof![
        Just(i64::MAX),
        Just(i64::from(i32::MAX)),
        Just(i64::from(u32::MAX)),
        Just(-1),
        Just(i64::MIN),
        Just(1 << 40),
        0_i64..300,
        any::<i64>(),
    ];
    let change = prop_oneof![
        (place(), 0_u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (place(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        place().prop_map(Change::Truncate),
        (place(), 1_usize..64).prop_map(|(at, length)| Change::Remove(at, length)),
        (place(), 1_usize..64).prop_map(|(at, length)| Change::Repeat(at, length)),
        (place(), place(), 1_usize..200)
            .prop_map(|(to, of, length)| Change::Splice(to, of, length)),
        (
            place(),
            number,
            prop_oneof![Just(1_usize), Just(4), Just(8)],
            any::<bool>()
        )
            .prop_map(|(at, number, size, big)| Change::Inflate(at, number, size, big)),
        (place(), any::<u64>()).prop_map(|(at, digits)| Change::Digits(at, digits)),
    ];
    vec(change, 1..6)
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match change {
        Change::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
        Change::Replace(at, byte) => bytes[at.index(length)] = *byte,
        Change::Truncate(at) => bytes.truncate(at.index(length)),
        Change::Remove(at, count) => {
            let at = at.index(length);
            bytes.drain(at..length.min(at + count));
        }
        Change::Repeat(at, count) => {
            let at = at.index(length);
            let part = bytes[at..length.min(at + count)].to_vec();
            bytes.splice(at..at, part);
        }
        Change::Splice(to, of, count) => {
            let (to, of) = (to.index(length), of.index(length));
            let part = bytes[of..length.min(of + count)].to_vec();
            let end = length.min(to + part.len());
            bytes.splice(to..end, part);
        }
        Change::Inflate(at, number, size, big) => {
            let at = at.index(length);
            let mut number = if *big {
                number.to_be_bytes()
            } else {
                number.to_le_bytes()
            };
            if *big {
                number.rotate_left(8 - size);
            }
            let size = (*size).min(length - at);
            bytes[at..at + size].copy_from_slice(&number[..size]);
        }
        Change::Digits(at, digits) => {
            let at = at.index(length);
            let place = bytes[at..].iter().position(u8::is_ascii_digit);
            let Some(start) = place.map(|place| at + place) else {
                return;
            };
            let after = bytes[start..]
                .iter()
                .position(|byte| !byte.is_ascii_digit());
            let end = after.map_or(length, |after| start + after);
            bytes.splice(start..end, digits.to_string().into_bytes());
        }
    }
}

/// Reads what may be no model; one that is must predict, and come back when it is written.
fn survives(bytes: &[u8]) {
    if let Ok(model) = XgboostModel::from_bytes(bytes) {
        let columns = match &model {
            XgboostModel::Trees(model) => model.columns(),
            XgboostModel::Linear(model) => model.columns(),
            _ => unreachable!(),
        };
        if columns < 1000 {
            let rows = Array2::from_shape_fn((3, columns), |(row, column)| {
                if row == 0 {
                    f32::NAN
                } else {
                    (row * column) as f32 - 1.0
                }
            });
            model.predict_table(rows.view()).unwrap();
        }
        if let XgboostModel::Trees(model) = &model {
            for format in [Format::Json, Format::Ubj] {
                let back = BoostedTrees::from_bytes(&model.to_bytes(format)).unwrap();
                assert!(back.to_bytes(format) == model.to_bytes(format));
            }
        }
    }
}

/// `PROPTEST_CASES` asks for another number of files.
fn attack(ending: &str) {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let config = ProptestConfig {
        cases: cases.map_or(3000, |cases| cases.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let seeds = seeds(ending);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let drawn = (any::<Index>(), changes());
    runner
        .run(&drawn, |(seed, changes)| {
            let mut bytes = seeds[seed.index(seeds.len())].clone();
            for change in &changes {
                apply(&mut bytes, change);
            }
            survives(&bytes);
            Ok(())
        })
        .unwrap();
}

#[test]
fn damaged_json_is_refused_or_read() {
    attack("json");
}

#[test]
fn damaged_universal_binary_json_is_refused_or_read() {
    attack("ubj");
}

#[test]
fn damaged_files_of_old_versions_are_refused_or_read() {
    attack("model");
}
