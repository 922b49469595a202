//! Predictions as a Parquet file: a long table that pandas, polars, DuckDB or R open as it is.
//!
//! | column | type | meaning |
//! |---|---|---|
//! | `model` | string | the model's name |
//! | `fold` | string | the fold's name |
//! | `seed` | unsigned 64-bit integer | the seed of the fit |
//! | `target` | string | the target's name |
//! | `id` | string | the row's id |
//! | `cluster` | string | what the row is resampled with |
//! | `stratum` | string or null | the row's stratum; null where the fold has none |
//! | `truth` | 32-bit float | the true value |
//! | `predicted` | 32-bit float | the predicted value |
//!
//! Rows of one model, fold and seed stand together, one target after the other, each with the same ids
//! in the same order. NaN stays NaN. Files are compressed with Zstandard; files that are not compressed
//! are read too.

mod assemble;
mod column;
mod pages;
mod read;
mod write;

pub use read::read;
pub use write::write;

/// Rows that are decoded or encoded at a time.
const BATCH: usize = 8192;
/// Rows of a group: what is held in memory beside the predictions themselves.
const ROW_GROUP: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use chromex_core::{Prediction, Predictions};
    use ndarray::Array2;
    use proptest::prelude::*;

    fn record(model: &str, seed: u64, rows: usize, targets: usize, strata: bool) -> Prediction {
        let value = |row: usize, target: usize| (row * targets + target) as f32 + seed as f32 / 8.0;
        Prediction {
            model: model.into(),
            fold: "fold 0".into(),
            seed,
            targets: (0..targets).map(|t| format!("tissue {t}")).collect(),
            ids: (0..rows).map(|row| format!("gene{row}")).collect(),
            clusters: (0..rows).map(|row| format!("family{}", row / 2)).collect(),
            strata: match strata {
                true => (0..rows)
                    .map(|row| ["", "unseen"][row % 2].into())
                    .collect(),
                false => Vec::new(),
            },
            truth: Array2::from_shape_fn((rows, targets), |(row, t)| value(row, t)),
            predicted: Array2::from_shape_fn((rows, targets), |(row, t)| -value(row, t)),
        }
    }

    fn round_trip(predictions: &Predictions) -> Predictions {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.parquet");
        write(&path, predictions).unwrap();
        read(&path).unwrap()
    }

    #[test]
    fn predictions_read_back_as_they_were_written() {
        let records = vec![
            record("deepdiff", 0, 3, 2, false),
            record("deepdiff", u64::MAX, 3, 2, true),
            record("größer <b> \"&\" |", 0, 1, 1, true),
        ];
        let predictions = Predictions { records };
        assert_eq!(round_trip(&predictions), predictions);
    }

    #[test]
    fn no_predictions_read_back_as_none() {
        assert_eq!(round_trip(&Predictions::default()), Predictions::default());
    }

    #[test]
    fn records_longer_than_a_row_group_read_back() {
        let records = vec![
            record("long", 0, ROW_GROUP + 5, 2, true),
            record("short", 0, 7, 1, false),
        ];
        let predictions = Predictions { records };
        assert_eq!(round_trip(&predictions), predictions);
    }

    #[test]
    fn values_that_are_not_finite_keep_their_bits() {
        let mut one = record("mean", 0, 4, 1, false);
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0];
        one.predicted = Array2::from_shape_fn((4, 1), |(row, _)| odd[row]);
        let back = round_trip(&Predictions { records: vec![one] });
        let bits: Vec<u32> = back.records[0]
            .predicted
            .iter()
            .map(|v| v.to_bits())
            .collect();
        assert_eq!(bits, odd.map(f32::to_bits));
    }

    #[test]
    fn a_record_that_stands_twice_is_refused_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let records = vec![record("a", 1, 2, 1, false), record("a", 1, 2, 1, false)];
        let error = write(&folder.path().join("p"), &Predictions { records }).unwrap_err();
        assert!(matches!(error, Error::Record { seed: 1, .. }), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_record_whose_parts_disagree_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut short = record("a", 0, 3, 1, false);
        short.clusters.pop();
        let records = vec![short];
        let error = write(&folder.path().join("p"), &Predictions { records }).unwrap_err();
        assert!(error.to_string().contains("found 2"), "{error}");
    }

    #[test]
    fn a_cut_file_is_an_error_at_every_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        let records = vec![record("a", 0, 40, 1, true)];
        write(&path, &Predictions { records }).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read(&path).is_err(), "{length} of {} bytes", whole.len());
        }
    }

    /// A damaged file is an error or other numbers (the format has no checksum here), never a panic.
    #[test]
    fn a_file_with_any_damaged_byte_does_not_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.parquet");
        let records = vec![record("a", 0, 9, 2, true), record("b", 0, 9, 2, false)];
        write(&path, &Predictions { records }).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut refused = 0;
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x80;
            std::fs::write(&path, &damaged).unwrap();
            refused += usize::from(read(&path).is_err());
        }
        assert!(refused > whole.len() / 3, "{refused} of {}", whole.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_predictions_read_back(
            shapes in prop::collection::vec((1_usize..40, 1_usize..4, any::<bool>()), 0..6),
            name in ".{0,12}",
        ) {
            let records = shapes
                .iter()
                .enumerate()
                .map(|(seed, &(rows, targets, strata))| {
                    record(&name, seed as u64, rows, targets, strata)
                })
                .collect();
            let predictions = Predictions { records };
            prop_assert_eq!(round_trip(&predictions), predictions);
        }
    }
}
