use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chromex_core::{Prediction, Predictions};
use ndarray::Array2;

use crate::{Error, Result};

/// What any file may unfold to.
const FREE_BYTES: u64 = 256 << 20;
/// What a file may unfold to for each of its bytes. A prediction alone takes three or four bytes of the file where all is packed best,
/// and about a hundred in memory; only made-up files come near this.
const BYTES_PER_BYTE: u64 = 64;

/// One row of the table.
pub(super) struct Row<'a> {
    pub(super) model: &'a str,
    pub(super) fold: &'a str,
    pub(super) seed: u64,
    pub(super) target: &'a str,
    pub(super) id: &'a str,
    pub(super) cluster: &'a str,
    pub(super) stratum: Option<&'a str>,
    pub(super) truth: f32,
    pub(super) predicted: f32,
}

/// Puts rows together into records.
pub(super) struct Assembly {
    path: PathBuf,
    records: Vec<Prediction>,
    seen: HashSet<(String, String, u64)>,
    open: Option<Open>,
    rows: u64,
    bytes: u64,
    limit: u64,
}

/// A record whose rows are still coming.
struct Open {
    /// Complete but for its values.
    record: Prediction,
    has_strata: bool,
    /// Row after row, target after target.
    truth: Vec<Vec<f32>>,
    predicted: Vec<Vec<f32>>,
}

impl Assembly {
    /// Begins with the file's name, for errors, and its size.
    pub(super) fn new(path: &Path, bytes: u64) -> Self {
        Self {
            path: path.to_owned(),
            records: Vec::new(),
            seen: HashSet::new(),
            open: None,
            rows: 0,
            bytes: 0,
            limit: FREE_BYTES.saturating_add(bytes.saturating_mul(BYTES_PER_BYTE)),
        }
    }

    /// Counts the rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn push(&mut self, row: &Row<'_>) -> Result<()> {
        self.grow(2 * size_of::<f32>())?;
        if !self.open.as_ref().is_some_and(|open| open.continues(row)) {
            self.close()?;
            self.begin(row)?;
        }
        self.continue_with(row)?;
        self.rows += 1;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Predictions> {
        self.close()?;
        Ok(Predictions {
            records: self.records,
        })
    }

    fn begin(&mut self, row: &Row<'_>) -> Result<()> {
        let key = (row.model.to_owned(), row.fold.to_owned(), row.seed);
        if self.seen.contains(&key) {
            let found = format!("more of `{}`, fold `{}`, seed {}", key.0, key.1, key.2);
            return Err(self.refuse("model", "the rows of a record together", found));
        }
        self.grow(2 * (row.model.len() + row.fold.len()) + size_of::<Open>())?;
        self.seen.insert(key);
        self.open = Some(Open {
            record: Prediction {
                model: row.model.to_owned(),
                fold: row.fold.to_owned(),
                seed: row.seed,
                targets: Vec::new(),
                ids: Vec::new(),
                clusters: Vec::new(),
                strata: Vec::new(),
                truth: Array2::default((0, 0)),
                predicted: Array2::default((0, 0)),
            },
            has_strata: row.stratum.is_some(),
            truth: Vec::new(),
            predicted: Vec::new(),
        });
        Ok(())
    }

    fn continue_with(&mut self, row: &Row<'_>) -> Result<()> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        if open
            .record
            .targets
            .last()
            .is_none_or(|last| last != row.target)
        {
            self.check_whole(&open)?;
            if open
                .record
                .targets
                .iter()
                .any(|target| target == row.target)
            {
                let found = format!("more of `{}`", row.target);
                return Err(self.refuse("target", "the rows of a target together", found));
            }
            self.grow(row.target.len() + size_of::<String>() + 2 * size_of::<Vec<f32>>())?;
            open.record.targets.push(row.target.to_owned());
            open.truth.push(Vec::new());
            open.predicted.push(Vec::new());
        }
        let target = open.record.targets.len() - 1;
        let place = open.truth[target].len();
        if target == 0 {
            if open.has_strata != row.stratum.is_some() {
                let (expected, found) = match open.has_strata {
                    true => ("a stratum for each row of the record", "null"),
                    false => ("no stratum in the record", "a stratum"),
                };
                return Err(self.refuse("stratum", expected, found.into()));
            }
            let texts = [Some(row.id), Some(row.cluster), row.stratum];
            let lengths = texts.into_iter().flatten().map(str::len);
            self.grow(lengths.map(|length| length + size_of::<String>()).sum())?;
            open.record.ids.push(row.id.to_owned());
            open.record.clusters.push(row.cluster.to_owned());
            open.record.strata.extend(row.stratum.map(str::to_owned));
        } else {
            let record = &open.record;
            let parts = [
                ("id", record.ids.get(place), Some(row.id)),
                ("cluster", record.clusters.get(place), Some(row.cluster)),
                ("stratum", record.strata.get(place), row.stratum),
            ];
            for (column, before, now) in parts {
                if before.map(String::as_str) != now {
                    let first = &record.targets[0];
                    let before = before.map_or("no such row", String::as_str);
                    let expected = format!("`{before}`, as for target `{first}`");
                    return Err(self.refuse(column, &expected, now.unwrap_or("null").into()));
                }
            }
        }
        open.truth[target].push(row.truth);
        open.predicted[target].push(row.predicted);
        self.open = Some(open);
        Ok(())
    }

    /// Checks that the last target has a value for every id.
    fn check_whole(&self, open: &Open) -> Result<()> {
        match open.truth.last() {
            Some(last) if last.len() < open.record.ids.len() => {
                let expected = format!("a row for `{}`", open.record.ids[last.len()]);
                Err(self.refuse("id", &expected, "the end of the target".into()))
            }
            _ => Ok(()),
        }
    }

    fn close(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        self.check_whole(&open)?;
        let shape = (open.record.ids.len(), open.record.targets.len());
        let table =
            |values: &[Vec<f32>]| Array2::from_shape_fn(shape, |(row, target)| values[target][row]);
        self.records.push(Prediction {
            truth: table(&open.truth),
            predicted: table(&open.predicted),
            ..open.record
        });
        Ok(())
    }

    fn grow(&mut self, bytes: usize) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.bytes > self.limit {
            return Err(Error::TooLarge {
                path: self.path.clone(),
                limit: self.limit,
            });
        }
        Ok(())
    }

    fn refuse(&self, column: &'static str, expected: &str, found: String) -> Error {
        Error::Value {
            path: self.path.clone(),
            row: self.rows,
            column,
            expected: expected.to_owned(),
            found,
        }
    }
}

impl Open {
    fn continues(&self, row: &Row<'_>) -> bool {
        let record = &self.record;
        record.model == row.model && record.fold == row.fold && record.seed == row.seed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>(seed: u64, target: &'a str, id: &'a str) -> Row<'a> {
        Row {
            model: "m",
            fold: "f",
            seed,
            target,
            id,
            cluster: "c",
            stratum: None,
            truth: 1.0,
            predicted: 2.0,
        }
    }

    fn assemble(rows: &[Row<'_>]) -> Result<Predictions> {
        let mut assembly = Assembly::new(Path::new("p.parquet"), 100);
        rows.iter().try_for_each(|row| assembly.push(row))?;
        assembly.finish()
    }

    fn message(rows: &[Row<'_>]) -> String {
        assemble(rows).unwrap_err().to_string()
    }

    #[test]
    fn rows_become_records_by_model_fold_and_seed() {
        let rows = [
            row(0, "t", "a"),
            row(0, "t", "b"),
            row(0, "u", "a"),
            row(0, "u", "b"),
            row(1, "t", "b"),
        ];
        let records = assemble(&rows).unwrap().records;
        assert_eq!(records.len(), 2);
        assert_eq!(
            (&records[0].ids[..], records[0].truth.dim()),
            (&["a".to_owned(), "b".into()][..], (2, 2))
        );
        assert_eq!((records[1].seed, records[1].truth.dim()), (1, (1, 1)));
    }

    #[test]
    fn rows_that_do_not_stand_together_are_named() {
        assert_eq!(
            message(&[row(0, "t", "a"), row(1, "t", "a"), row(0, "t", "b")]),
            "p.parquet, row 2, column `model`: expected the rows of a record together, \
             found more of `m`, fold `f`, seed 0"
        );
        let targets = message(&[row(0, "t", "a"), row(0, "u", "a"), row(0, "t", "b")]);
        assert!(targets.contains("row 2, column `target`"), "{targets}");
    }

    #[test]
    fn targets_with_other_rows_are_named() {
        let other = message(&[row(0, "t", "a"), row(0, "u", "b")]);
        assert!(
            other.contains("column `id`: expected `a`, as for target `t`, found b"),
            "{other}"
        );
        let fewer = message(&[row(0, "t", "a"), row(0, "t", "b"), row(0, "u", "a")]);
        assert!(fewer.contains("expected a row for `b`"), "{fewer}");
        let more = message(&[row(0, "t", "a"), row(0, "u", "a"), row(0, "u", "b")]);
        assert!(more.contains("expected `no such row`"), "{more}");
    }

    #[test]
    fn a_record_with_strata_for_some_rows_only_is_refused() {
        let mut second = row(0, "t", "b");
        second.stratum = Some("seen");
        let error = message(&[row(0, "t", "a"), second]);
        assert!(
            error.contains("column `stratum`: expected no stratum"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_unfolds_without_end_is_refused() {
        let mut assembly = Assembly::new(Path::new("p.parquet"), 100);
        let long = "x".repeat(1 << 20);
        let refused = (0..300).find_map(|_| assembly.push(&row(0, "t", &long)).err());
        assert!(matches!(refused, Some(Error::TooLarge { .. })));
    }
}
