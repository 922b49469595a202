use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// What every model predicted for every row it was scored on: any table can be recomputed from it
/// without fitting again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Predictions {
    /// One record per model, fold and seed, in the order of the table.
    pub records: Vec<Prediction>,
}

/// What one fitted model predicted for the rows of one fold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prediction {
    /// The model's name in the table.
    pub model: String,
    /// The fold's name.
    pub fold: String,
    /// The seed of the fit.
    pub seed: u64,
    /// The target of each column.
    pub targets: Vec<String>,
    /// The id of each row.
    pub ids: Vec<String>,
    /// What each row is resampled with: its gene or cluster, or its own id.
    pub clusters: Vec<String>,
    /// The stratum of each row; empty where the fold has none.
    pub strata: Vec<String>,
    /// The true values, `[rows, targets]`, row after row.
    #[serde(with = "rows_of_numbers")]
    pub truth: Array2<f32>,
    /// The predicted values, `[rows, targets]`, row after row.
    #[serde(with = "rows_of_numbers")]
    pub predicted: Array2<f32>,
}

impl Predictions {
    /// Lists the models' names in order of first appearance.
    pub fn models(&self) -> Vec<&str> {
        in_order(self.records.iter().map(|record| record.model.as_str()))
    }

    /// Puts the targets of each row below one another, as rows of one target.
    pub fn pooled(&self, name: &str) -> Self {
        let records = self.records.iter().map(|record| {
            let targets = record.targets.len();
            let repeated = |labels: &[String]| -> Vec<String> {
                let labels = labels.iter();
                labels
                    .flat_map(|label| vec![label.clone(); targets])
                    .collect()
            };
            let column = |table: &Array2<f32>| {
                Array2::from_shape_vec((table.len(), 1), table.iter().copied().collect())
                    .expect("one row per number")
            };
            let ids = record.ids.iter();
            Prediction {
                targets: vec![name.to_owned()],
                ids: ids
                    .flat_map(|id| {
                        record
                            .targets
                            .iter()
                            .map(move |target| format!("{id} {target}"))
                    })
                    .collect(),
                clusters: repeated(&record.clusters),
                strata: repeated(&record.strata),
                truth: column(&record.truth),
                predicted: column(&record.predicted),
                ..record.clone()
            }
        });
        Self {
            records: records.collect(),
        }
    }
}

/// Lists distinct values in order of first appearance.
pub(crate) fn in_order<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

/// Writes a table as rows of numbers; JSON has no NaN, so what is not finite is written as null.
mod rows_of_numbers {
    use ndarray::Array2;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(table: &Array2<f32>, to: S) -> Result<S::Ok, S::Error> {
        let rows: Vec<Vec<Option<f32>>> = table
            .rows()
            .into_iter()
            .map(|row| row.iter().map(|v| v.is_finite().then_some(*v)).collect())
            .collect();
        rows.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Array2<f32>, D::Error> {
        let rows: Vec<Vec<Option<f32>>> = Vec::deserialize(from)?;
        let columns = rows.first().map_or(0, Vec::len);
        if rows.iter().any(|row| row.len() != columns) {
            return Err(D::Error::custom("rows of unequal length"));
        }
        let values = rows
            .iter()
            .flatten()
            .map(|value| value.unwrap_or(f32::NAN))
            .collect();
        Array2::from_shape_vec((rows.len(), columns), values).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn pooled_targets_keep_their_rows_clusters_and_numbers() {
        let record = Prediction {
            model: "a".into(),
            fold: "given".into(),
            seed: 3,
            targets: vec!["leaf".into(), "root".into()],
            ids: vec!["x".into(), "y".into()],
            clusters: vec!["0".into(), "1".into()],
            strata: Vec::new(),
            truth: array![[1.0, 2.0], [3.0, 4.0]],
            predicted: array![[5.0, 6.0], [7.0, 8.0]],
        };
        let records = vec![record];
        let pooled = &Predictions { records }.pooled("All").records[0];
        assert_eq!(pooled.targets, ["All"]);
        assert_eq!(pooled.ids, ["x leaf", "x root", "y leaf", "y root"]);
        assert_eq!(pooled.clusters, ["0", "0", "1", "1"]);
        assert_eq!(pooled.truth, array![[1.0], [2.0], [3.0], [4.0]]);
        assert_eq!(pooled.predicted, array![[5.0], [6.0], [7.0], [8.0]]);
        assert_eq!((pooled.seed, pooled.strata.len()), (3, 0));
    }
}
