use std::collections::HashMap;
use std::path::Path;

use chromex_metrics::{Bootstrap, Direction, Metric, holm};
use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use crate::predictions::in_order;
use crate::{Error, Prediction, Predictions, Result, atomic};

/// How predictions become a report.
pub struct Scoring {
    /// The scores of the table.
    pub metrics: Vec<Box<dyn Metric>>,
    /// How intervals are drawn.
    pub bootstrap: Bootstrap,
    /// The models that any other must beat to have learned something.
    pub floors: Vec<String>,
    /// What all targets together are called, where they are scored as one as well.
    pub pooled: Option<String>,
}

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

/// One model's rows of all folds, pooled: the same rows in the same order for every seed.
struct Pooled {
    ids: Vec<String>,
    truth: Array1<f32>,
    /// One per seed.
    predicted: Vec<Array1<f32>>,
    clusters: Vec<u32>,
    strata: Vec<String>,
}

impl Scoring {
    /// Scores predictions.
    ///
    /// # Errors
    ///
    /// [`Error::Metric`] when a metric cannot be resampled.
    pub fn report(&self, predictions: Predictions) -> Result<Report> {
        let mut report = Report {
            floors: self.floors.clone(),
            ..Report::default()
        };
        self.report_on(&predictions, &mut report)?;
        if let Some(name) = &self.pooled {
            self.report_on(&predictions.pooled(name), &mut report)?;
        }
        report.predictions = predictions;
        Ok(report)
    }

    fn report_on(&self, predictions: &Predictions, report: &mut Report) -> Result<()> {
        let targets = in_order(predictions.records.iter().flat_map(|r| r.targets.iter()));
        for record in &predictions.records {
            self.score(record, &mut report.scores)?;
        }
        for &target in &targets {
            let pooled: Vec<(&str, Pooled)> = predictions
                .models()
                .into_iter()
                .filter_map(|model| Some((model, pool(predictions, model, target)?)))
                .collect();
            for metric in &self.metrics {
                for (model, rows) in &pooled {
                    self.summarise(model, target, metric.as_ref(), rows, &mut report.summaries)?;
                }
                self.compare(target, metric.as_ref(), &pooled, &mut report.comparisons)?;
            }
        }
        Ok(())
    }

    fn score(&self, record: &Prediction, scores: &mut Vec<Score>) -> Result<()> {
        let clusters = codes(&record.clusters);
        let mut parts = vec![(
            record.fold.clone(),
            (0..record.ids.len()).collect::<Vec<_>>(),
        )];
        for stratum in in_order(record.strata.iter()) {
            let rows = (0..record.ids.len())
                .filter(|&row| &record.strata[row] == stratum)
                .collect();
            parts.push((format!("{}: {stratum}", record.fold), rows));
        }
        for (column, target) in record.targets.iter().enumerate() {
            for metric in &self.metrics {
                for (fold, rows) in &parts {
                    let pick = |table: &ndarray::Array2<f32>| -> Array1<f32> {
                        rows.iter().map(|&row| table[[row, column]]).collect()
                    };
                    let (truth, predicted) = (pick(&record.truth), pick(&record.predicted));
                    let clusters: Vec<u32> = rows.iter().map(|&row| clusters[row]).collect();
                    let interval = self
                        .bootstrap
                        .interval(
                            metric.as_ref(),
                            truth.view(),
                            predicted.view(),
                            Some(&clusters),
                        )
                        .map_err(|source| metric_error(metric.as_ref(), source))?;
                    scores.push(Score {
                        model: record.model.clone(),
                        target: target.clone(),
                        metric: metric.name().to_owned(),
                        fold: fold.clone(),
                        seed: record.seed,
                        value: metric.score(truth.view(), predicted.view()),
                        low: interval.low,
                        high: interval.high,
                        n: rows.len(),
                    });
                }
            }
        }
        Ok(())
    }

    fn summarise(
        &self,
        model: &str,
        target: &str,
        metric: &dyn Metric,
        pooled: &Pooled,
        summaries: &mut Vec<Summary>,
    ) -> Result<()> {
        let mut parts = vec![(None, (0..pooled.truth.len()).collect::<Vec<_>>())];
        for stratum in in_order(pooled.strata.iter()) {
            let rows = (0..pooled.truth.len())
                .filter(|&row| &pooled.strata[row] == stratum)
                .collect();
            parts.push((Some(stratum.clone()), rows));
        }
        for (stratum, rows) in parts {
            let truth = pooled.truth.select(ndarray::Axis(0), &rows);
            let predicted: Vec<Array1<f32>> = pooled
                .predicted
                .iter()
                .map(|seed| seed.select(ndarray::Axis(0), &rows))
                .collect();
            let clusters: Vec<u32> = rows.iter().map(|&row| pooled.clusters[row]).collect();
            let values: Vec<f64> = predicted
                .iter()
                .map(|seed| metric.score(truth.view(), seed.view()))
                .collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let spread: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            let interval = self
                .bootstrap
                .interval_of_mean(metric, truth.view(), &views(&predicted), Some(&clusters))
                .map_err(|source| metric_error(metric, source))?;
            summaries.push(Summary {
                model: model.to_owned(),
                target: target.to_owned(),
                metric: metric.name().to_owned(),
                stratum,
                mean,
                standard_deviation: (spread / (values.len().max(2) - 1) as f64).sqrt(),
                low: interval.low,
                high: interval.high,
                seeds: values.len(),
                n: rows.len(),
            });
        }
        Ok(())
    }

    fn compare(
        &self,
        target: &str,
        metric: &dyn Metric,
        pooled: &[(&str, Pooled)],
        comparisons: &mut Vec<Comparison>,
    ) -> Result<()> {
        let is_floor = |model: &str| self.floors.iter().any(|floor| floor == model);
        let first = comparisons.len();
        for (model, rows) in pooled.iter().filter(|(model, _)| !is_floor(model)) {
            for (floor, floor_rows) in pooled.iter().filter(|(model, _)| is_floor(model)) {
                // Models of one experiment are scored on the same rows; read-back tables may not be.
                if rows.ids != floor_rows.ids {
                    continue;
                }
                let paired = self
                    .bootstrap
                    .paired(
                        metric,
                        rows.truth.view(),
                        &views(&rows.predicted),
                        &views(&floor_rows.predicted),
                        Some(&rows.clusters),
                    )
                    .map_err(|source| metric_error(metric, source))?;
                comparisons.push(Comparison {
                    model: (*model).to_owned(),
                    floor: (*floor).to_owned(),
                    target: target.to_owned(),
                    metric: metric.name().to_owned(),
                    difference: paired.difference,
                    low: paired.low,
                    high: paired.high,
                    p_value: paired.p_value,
                    p_holm: f64::NAN,
                    loses: match metric.direction() {
                        Direction::HigherIsBetter => paired.difference < 0.0,
                        Direction::LowerIsBetter => paired.difference > 0.0,
                    },
                    n: rows.truth.len(),
                });
            }
        }
        let p_values: Vec<f64> = comparisons[first..].iter().map(|c| c.p_value).collect();
        for (comparison, adjusted) in comparisons[first..].iter_mut().zip(holm(&p_values)) {
            comparison.p_holm = adjusted;
        }
        Ok(())
    }
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
    /// [`Error::Io`] when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        atomic::write(path, |file| {
            serde_json::to_writer_pretty(file, self).map_err(std::io::Error::from)
        })
    }

    /// Reads a report back. Its predictions are in a file of their own.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the file cannot be read, [`Error::Malformed`] when it is not a report.
    pub fn read(path: &Path) -> Result<Self> {
        crate::input::read_json(path, crate::input::MOST_MODEL_BYTES, "a chromex report")
    }
}

fn pool(predictions: &Predictions, model: &str, target: &str) -> Option<Pooled> {
    let records: Vec<(&Prediction, usize)> = predictions
        .records
        .iter()
        .filter(|record| record.model == model)
        .filter_map(|record| Some((record, record.targets.iter().position(|t| t == target)?)))
        .collect();
    let seeds = in_order(records.iter().map(|(record, _)| record.seed));
    let of_seed = |seed: u64| {
        records
            .iter()
            .filter(move |(record, _)| record.seed == seed)
    };
    let column = |table: fn(&Prediction) -> &ndarray::Array2<f32>, seed: u64| -> Array1<f32> {
        of_seed(seed)
            .flat_map(|&(record, column)| table(record).column(column).to_vec())
            .collect()
    };
    let first = *seeds.first()?;
    let text = |part: fn(&Prediction) -> &Vec<String>| -> Vec<String> {
        of_seed(first)
            .flat_map(|(record, _)| part(record).clone())
            .collect()
    };
    Some(Pooled {
        ids: text(|record| &record.ids),
        truth: column(|record| &record.truth, first),
        predicted: seeds
            .iter()
            .map(|&seed| column(|record| &record.predicted, seed))
            .collect(),
        clusters: codes(&text(|record| &record.clusters)),
        strata: text(|record| &record.strata),
    })
}

fn codes(labels: &[String]) -> Vec<u32> {
    let mut known = HashMap::new();
    labels
        .iter()
        .map(|label| {
            let next = known.len() as u32;
            *known.entry(label.as_str()).or_insert(next)
        })
        .collect()
}

fn views(seeds: &[Array1<f32>]) -> Vec<ArrayView1<'_, f32>> {
    seeds.iter().map(Array1::view).collect()
}

fn metric_error(metric: &dyn Metric, source: chromex_metrics::Error) -> Error {
    Error::Metric {
        metric: metric.name().to_owned(),
        source,
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
