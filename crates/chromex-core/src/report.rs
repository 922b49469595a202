use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Predictions, Result, atomic};

/// Scores with intervals, paired comparisons with the floors, and the predictions behind both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// One score per model, target, metric, fold (and stratum) and seed.
    pub scores: Vec<Score>,
    /// One line per model, target and metric: mean over seeds, rows of all folds pooled.
    pub summaries: Vec<Summary>,
    /// Every model against every floor, on the same resamples.
    pub comparisons: Vec<Comparison>,
    /// The names of the floors.
    pub floors: Vec<String>,
    /// What every model predicted. Written as a table of its own, not into the report.
    #[serde(skip)]
    pub predictions: Predictions,
}

/// One score of one fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The model's name.
    pub model: String,
    /// The target's name.
    pub target: String,
    /// The metric's name.
    pub metric: String,
    /// The fold's name; a stratum stands behind a colon.
    pub fold: String,
    /// The seed of the fit.
    pub seed: u64,
    /// The score.
    #[serde(with = "number_or_null")]
    pub value: f64,
    /// The lower end of its interval.
    #[serde(with = "number_or_null")]
    pub low: f64,
    /// The upper end of its interval.
    #[serde(with = "number_or_null")]
    pub high: f64,
    /// The rows it was scored on.
    pub n: usize,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The model's name.
    pub model: String,
    /// The target's name.
    pub target: String,
    /// The metric's name.
    pub metric: String,
    /// The stratum, or nothing for all rows.
    pub stratum: Option<String>,
    /// The mean over seeds.
    #[serde(with = "number_or_null")]
    pub mean: f64,
    /// The standard deviation over seeds; 0 for one seed.
    #[serde(with = "number_or_null")]
    pub standard_deviation: f64,
    /// The lower end of the interval of the mean, by resampling rows.
    #[serde(with = "number_or_null")]
    pub low: f64,
    /// The upper end.
    #[serde(with = "number_or_null")]
    pub high: f64,
    /// The number of seeds.
    pub seeds: usize,
    /// The rows it was scored on.
    pub n: usize,
}

/// A model against a floor on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The model's name.
    pub model: String,
    /// The floor's name.
    pub floor: String,
    /// The target's name.
    pub target: String,
    /// The metric's name.
    pub metric: String,
    /// The model's mean score minus the floor's.
    #[serde(with = "number_or_null")]
    pub difference: f64,
    /// The lower end of its interval.
    #[serde(with = "number_or_null")]
    pub low: f64,
    /// The upper end.
    #[serde(with = "number_or_null")]
    pub high: f64,
    /// The two-sided bootstrap p-value.
    #[serde(with = "number_or_null")]
    pub p_value: f64,
    /// The same after Holm's correction over the comparisons of one target and metric.
    #[serde(with = "number_or_null")]
    pub p_holm: f64,
    /// Whether the model's score is the worse one, whichever direction is better.
    pub loses: bool,
    /// The rows both were scored on.
    pub n: usize,
}

impl Report {
    /// Finds the line of a model and metric over all rows, for the first target.
    pub fn summary(&self, model: &str, metric: &str) -> Option<&Summary> {
        self.summaries
            .iter()
            .find(|s| s.model == model && s.metric == metric && s.stratum.is_none())
    }

    /// Writes the report as JSON: `scores`, `summaries`, `comparisons`, `floors`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        atomic::write(path, |file| {
            serde_json::to_writer_pretty(file, self).map_err(std::io::Error::from)
        })
    }

    /// Reads a report back. Its predictions are in a file of their own.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) when the file cannot be read, [`Error::Malformed`](crate::Error::Malformed) when it is not a report.
    pub fn read(path: &Path) -> Result<Self> {
        crate::input::read_json(path, crate::input::MOST_MODEL_BYTES, "a chromex report")
    }
}

/// JSON has no NaN: an undefined score is null.
mod number_or_null {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.is_finite().then_some(*value).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
    }
}
