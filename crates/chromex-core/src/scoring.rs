use std::collections::HashMap;
use std::rc::Rc;

use chromex_metrics::{Bootstrap, Direction, Metric, ResampledScores, holm};
use ndarray::{Array1, ArrayView1, Axis};

use crate::predictions::in_order;
use crate::report::{Comparison, Report, Score, Summary};
use crate::{Error, Prediction, Predictions, Result};

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

/// What one fit, or the fits of all folds together, predicted of one target.
struct Column<'a> {
    ids: Vec<&'a String>,
    clusters: Vec<&'a String>,
    strata: Vec<&'a String>,
    truth: Array1<f32>,
    predicted: Array1<f32>,
}

/// The scores of one column on all of its rows or on those of a stratum, among those of other columns of the same rows.
struct ScoredPart {
    /// The stratum, or nothing for all rows.
    stratum: Option<String>,
    n: usize,
    /// The column's place in the scores.
    place: usize,
    scores: Rc<ResampledScores>,
}

/// The columns of one model, one per seed, each of the rows of all folds.
struct ModelColumns<'a> {
    model: &'a str,
    /// Places in the list of columns.
    seeds: Vec<usize>,
}

impl Scoring {
    /// Scores predictions. Rows that several models share are drawn once for all of them and all metrics.
    ///
    /// # Errors
    ///
    /// [`Error::Metric`] when the metrics cannot be resampled.
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
        let records = &predictions.records;
        let targets = in_order(records.iter().flat_map(|record| record.targets.iter()));
        // Lists every target of a record behind one another, as the table does.
        let mut scores: Vec<Vec<Score>> = records.iter().map(|_| Vec::new()).collect();
        for target in targets {
            let mut columns = Vec::new();
            let mut of_record = HashMap::new();
            for (place, record) in records.iter().enumerate() {
                if let Some(column) = Column::of(&[record], target) {
                    of_record.insert(place, columns.len());
                    columns.push(column);
                }
            }
            let models = model_columns(predictions, target, &of_record, &mut columns);
            let parts = self.score_columns(&columns)?;
            for (&record, &column) in &of_record {
                self.list_scores(
                    &records[record],
                    target,
                    &parts[column],
                    &mut scores[record],
                );
            }
            for metric in 0..self.metrics.len() {
                for model in &models {
                    self.summarise(model, target, metric, &parts, &mut report.summaries);
                }
                self.compare(&models, target, metric, &columns, &parts, report)?;
            }
        }
        report.scores.extend(scores.into_iter().flatten());
        Ok(())
    }

    /// Scores each column on all rows and on those of every stratum; columns of the same rows together.
    fn score_columns(&self, columns: &[Column<'_>]) -> Result<Vec<Vec<ScoredPart>>> {
        let mut sheets: Vec<Vec<usize>> = Vec::new();
        for (place, column) in columns.iter().enumerate() {
            let mut known = sheets.iter_mut();
            match known.find(|sheet| columns[sheet[0]].has_rows_of(column)) {
                Some(sheet) => sheet.push(place),
                None => sheets.push(vec![place]),
            }
        }
        let mut parts: Vec<Vec<ScoredPart>> = columns.iter().map(|_| Vec::new()).collect();
        let metrics: Vec<&dyn Metric> = self.metrics.iter().map(AsRef::as_ref).collect();
        for sheet in sheets {
            let first = &columns[sheet[0]];
            let clusters = codes(&first.clusters);
            for (stratum, rows) in first.parts() {
                let truth = first.truth.select(Axis(0), &rows);
                let predicted: Vec<Array1<f32>> = sheet
                    .iter()
                    .map(|&column| columns[column].predicted.select(Axis(0), &rows))
                    .collect();
                let clusters: Vec<u32> = rows.iter().map(|&row| clusters[row]).collect();
                let scores = self
                    .bootstrap
                    .resample(&metrics, truth.view(), &views(&predicted), Some(&clusters))
                    .map_err(|source| self.metric_error(source))?;
                let scores = Rc::new(scores);
                for (place, &column) in sheet.iter().enumerate() {
                    parts[column].push(ScoredPart {
                        stratum: stratum.cloned(),
                        n: rows.len(),
                        place,
                        scores: Rc::clone(&scores),
                    });
                }
            }
        }
        Ok(parts)
    }

    fn list_scores(
        &self,
        record: &Prediction,
        target: &str,
        parts: &[ScoredPart],
        scores: &mut Vec<Score>,
    ) {
        for (metric, scored) in self.metrics.iter().enumerate() {
            for part in parts {
                let interval = part.scores.interval(metric, &[part.place]);
                let fold = &record.fold;
                scores.push(Score {
                    model: record.model.clone(),
                    target: target.to_owned(),
                    metric: scored.name().to_owned(),
                    fold: match &part.stratum {
                        Some(stratum) => format!("{fold}: {stratum}"),
                        None => fold.clone(),
                    },
                    seed: record.seed,
                    value: part.scores.score(metric, part.place),
                    low: interval.low,
                    high: interval.high,
                    n: part.n,
                });
            }
        }
    }

    fn summarise(
        &self,
        model: &ModelColumns<'_>,
        target: &str,
        metric: usize,
        parts: &[Vec<ScoredPart>],
        summaries: &mut Vec<Summary>,
    ) {
        let first = &parts[model.seeds[0]];
        for (index, part) in first.iter().enumerate() {
            let seeds: Vec<&ScoredPart> = model
                .seeds
                .iter()
                .map(|&seed| &parts[seed][index])
                .collect();
            let places: Vec<usize> = seeds.iter().map(|seed| seed.place).collect();
            let values = seeds
                .iter()
                .map(|seed| seed.scores.score(metric, seed.place));
            let mean = values.clone().sum::<f64>() / seeds.len() as f64;
            let spread: f64 = values.map(|value| (value - mean).powi(2)).sum();
            let interval = part.scores.interval(metric, &places);
            summaries.push(Summary {
                model: model.model.to_owned(),
                target: target.to_owned(),
                metric: self.metrics[metric].name().to_owned(),
                stratum: part.stratum.clone(),
                mean,
                standard_deviation: (spread / (seeds.len().max(2) - 1) as f64).sqrt(),
                low: interval.low,
                high: interval.high,
                seeds: seeds.len(),
                n: part.n,
            });
        }
    }

    fn compare(
        &self,
        models: &[ModelColumns<'_>],
        target: &str,
        metric: usize,
        columns: &[Column<'_>],
        parts: &[Vec<ScoredPart>],
        report: &mut Report,
    ) -> Result<()> {
        let is_floor = |model: &ModelColumns<'_>| self.floors.iter().any(|f| f == model.model);
        let scored = self.metrics[metric].as_ref();
        let mut comparisons = Vec::new();
        for model in models.iter().filter(|model| !is_floor(model)) {
            for floor in models.iter().filter(|model| is_floor(model)) {
                let (rows, floor_rows) = (&columns[model.seeds[0]], &columns[floor.seeds[0]]);
                // Models of one experiment are scored on the same rows; read-back tables may not be.
                if rows.ids != floor_rows.ids {
                    continue;
                }
                let [all, floor_all] = [model, floor].map(|side| {
                    let seeds = side.seeds.iter().map(|&seed| &parts[seed][0]);
                    seeds.collect::<Vec<_>>()
                });
                let places =
                    |seeds: &[&ScoredPart]| seeds.iter().map(|s| s.place).collect::<Vec<_>>();
                let paired = if Rc::ptr_eq(&all[0].scores, &floor_all[0].scores) {
                    let scores = &all[0].scores;
                    scores.paired(metric, &places(&all), &places(&floor_all))
                } else {
                    let side = |model: &ModelColumns<'_>| -> Vec<ArrayView1<'_, f32>> {
                        let seeds = model.seeds.iter();
                        seeds.map(|&seed| columns[seed].predicted.view()).collect()
                    };
                    let clusters = codes(&rows.clusters);
                    let truth = rows.truth.view();
                    self.bootstrap
                        .paired(scored, truth, &side(model), &side(floor), Some(&clusters))
                        .map_err(|source| self.metric_error(source))?
                };
                comparisons.push(Comparison {
                    model: model.model.to_owned(),
                    floor: floor.model.to_owned(),
                    target: target.to_owned(),
                    metric: scored.name().to_owned(),
                    difference: paired.difference,
                    low: paired.low,
                    high: paired.high,
                    p_value: paired.p_value,
                    p_holm: f64::NAN,
                    loses: match scored.direction() {
                        Direction::HigherIsBetter => paired.difference < 0.0,
                        Direction::LowerIsBetter => paired.difference > 0.0,
                    },
                    n: rows.truth.len(),
                });
            }
        }
        let p_values: Vec<f64> = comparisons.iter().map(|c| c.p_value).collect();
        for (comparison, adjusted) in comparisons.iter_mut().zip(holm(&p_values)) {
            comparison.p_holm = adjusted;
        }
        report.comparisons.append(&mut comparisons);
        Ok(())
    }

    fn metric_error(&self, source: chromex_metrics::Error) -> Error {
        let names: Vec<&str> = self.metrics.iter().map(|metric| metric.name()).collect();
        Error::Metric {
            metric: names.join(", "),
            source,
        }
    }
}

impl<'a> Column<'a> {
    /// Puts the rows of records below one another; nothing where none has the target.
    fn of(records: &[&'a Prediction], target: &str) -> Option<Self> {
        let found: Vec<(&Prediction, usize)> = records
            .iter()
            .filter_map(|&record| Some((record, record.targets.iter().position(|t| t == target)?)))
            .collect();
        if found.is_empty() {
            return None;
        }
        let rows = found.iter();
        Some(Self {
            ids: rows.clone().flat_map(|(record, _)| &record.ids).collect(),
            clusters: rows.clone().flat_map(|(r, _)| &r.clusters).collect(),
            strata: rows.clone().flat_map(|(r, _)| &r.strata).collect(),
            truth: rows
                .clone()
                .flat_map(|(record, column)| record.truth.column(*column))
                .copied()
                .collect(),
            predicted: rows
                .flat_map(|(record, column)| record.predicted.column(*column))
                .copied()
                .collect(),
        })
    }

    /// Says whether another column is of the same rows, in the same order, so that both can be scored on the same resamples.
    fn has_rows_of(&self, other: &Self) -> bool {
        let bits =
            |column: &Self| -> Vec<u32> { column.truth.iter().map(|t| t.to_bits()).collect() };
        self.ids == other.ids
            && self.clusters == other.clusters
            && self.strata == other.strata
            && bits(self) == bits(other)
    }

    /// Lists all rows, then those of each stratum.
    fn parts(&self) -> Vec<(Option<&'a String>, Vec<usize>)> {
        let mut parts = vec![(None, (0..self.truth.len()).collect())];
        for stratum in in_order(self.strata.iter().copied()) {
            let rows = 0..self.strata.len();
            let rows = rows.filter(|&row| self.strata[row] == stratum).collect();
            parts.push((Some(stratum), rows));
        }
        parts
    }
}

/// Finds or adds, for each model, the columns of all its folds together, one per seed.
fn model_columns<'a>(
    predictions: &'a Predictions,
    target: &str,
    of_record: &HashMap<usize, usize>,
    columns: &mut Vec<Column<'a>>,
) -> Vec<ModelColumns<'a>> {
    let mut models = Vec::new();
    for model in predictions.models() {
        let records: Vec<(usize, &Prediction)> = predictions
            .records
            .iter()
            .enumerate()
            .filter(|(place, record)| record.model == model && of_record.contains_key(place))
            .collect();
        let mut seeds = Vec::new();
        for seed in in_order(records.iter().map(|(_, record)| record.seed)) {
            let of_seed: Vec<_> = records.iter().filter(|(_, r)| r.seed == seed).collect();
            // The only fold is all folds.
            if let [(place, _)] = of_seed[..] {
                seeds.push(of_record[place]);
                continue;
            }
            let folds: Vec<&Prediction> = of_seed.iter().map(|&&(_, record)| record).collect();
            if let Some(column) = Column::of(&folds, target) {
                seeds.push(columns.len());
                columns.push(column);
            }
        }
        if !seeds.is_empty() {
            models.push(ModelColumns { model, seeds });
        }
    }
    models
}

fn codes(labels: &[&String]) -> Vec<u32> {
    let mut known = HashMap::new();
    labels
        .iter()
        .map(|label| {
            let next = known.len() as u32;
            *known.entry(label.as_str()).or_insert(next)
        })
        .collect()
}

fn views(columns: &[Array1<f32>]) -> Vec<ArrayView1<'_, f32>> {
    columns.iter().map(Array1::view).collect()
}
