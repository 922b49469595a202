use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use chromex_metrics::{Bootstrap, Metric};

use crate::kept_fits::{Found, Kept, Place};
use crate::observe::{Event, Observer, Silent};
use crate::scoring::Scoring;
use crate::{
    Dataset, Error, Fingerprint, Fit, Fold, Predict, Prediction, Predictions, Report, Result, Rows,
    Split, TrainMean, TrainMedian,
};

/// The name of the floor that predicts the training mean.
const MEAN: &str = "mean";
/// The name of the floor that predicts the training median.
const MEDIAN: &str = "median";
/// Seeds that an experiment may ask for.
const MOST_SEEDS: u64 = 1_000_000;
/// The group whose rows are resampled together where the keys have it and no other is asked for.
const GENE: &str = "gene";

/// Fits named models on the same folds and seeds of one dataset and scores them on the same rows.
///
/// The training mean and median are always among the models. Floors stand apart: every other model is
/// compared with each of them, because a deep model that loses to one is a finding.
pub struct Experiment<X> {
    dataset: Dataset<X>,
    split: Box<dyn Split>,
    scoring: Scoring,
    resampled: String,
    models: Vec<Entry<X>>,
    seeds: u64,
    split_seed: u64,
    part: Part,
    observer: Arc<dyn Observer>,
    kept: Option<Kept>,
}

/// Which rows of a fold are scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// The test rows: read them once, when nothing is left to choose.
    #[default]
    Test,
    /// The validation rows, to choose among settings.
    Validation,
}

type FitModel<X> =
    Box<dyn Fn(&Dataset<X>, &Dataset<X>, &str, u64) -> Result<Box<dyn Predict<X>>> + Send + Sync>;

struct Entry<X> {
    name: String,
    /// A fit that draws nothing is fitted once, not once per seed.
    random: bool,
    /// Whether fitted models are handed on, which a fit that was read from disk cannot be.
    hands_on: bool,
    fit: FitModel<X>,
}

impl<X: Rows + 'static> Experiment<X> {
    /// Begins an experiment on a dataset and a way to split it.
    pub fn new(dataset: Dataset<X>, split: impl Split + 'static) -> Self {
        let experiment = Self {
            dataset,
            split: Box::new(split),
            scoring: Scoring {
                metrics: Vec::new(),
                bootstrap: Bootstrap::default(),
                floors: Vec::new(),
                pooled: None,
            },
            resampled: GENE.to_owned(),
            models: Vec::new(),
            seeds: 1,
            split_seed: 0,
            part: Part::Test,
            observer: Arc::new(Silent),
            kept: None,
        };
        experiment.floor(MEAN, TrainMean).floor(MEDIAN, TrainMedian)
    }

    /// Adds a score.
    pub fn metric(mut self, metric: impl Metric + 'static) -> Self {
        self.scoring.metrics.push(Box::new(metric));
        self
    }

    /// Adds a model whose fit draws random numbers: it is fitted once per seed.
    pub fn model<L>(self, name: &str, learner: L) -> Self
    where
        L: Fit<X> + Send + Sync + 'static,
        L::Fitted: Predict<X> + 'static,
    {
        self.entry(name, true, learner, |_, _, _| Ok(()))
    }

    /// Adds a model as [`model`](Self::model) does and hands each fitted one, with its fold and seed, to
    /// `keep`, which may save it. A finished fit of an earlier run is not fitted again, unless `keep` was handed one of other
    /// settings or rows under the same name, fold and seed since.
    pub fn model_with<L>(
        mut self,
        name: &str,
        learner: L,
        keep: impl Fn(&L::Fitted, &str, u64) -> Result<()> + Send + Sync + 'static,
    ) -> Self
    where
        L: Fit<X> + Send + Sync + 'static,
        L::Fitted: Predict<X> + 'static,
    {
        self = self.entry(name, true, learner, keep);
        if let Some(entry) = self.models.last_mut() {
            entry.hands_on = true;
        }
        self
    }

    /// Adds a model whose fit draws nothing: it is fitted once, whatever the number of seeds.
    pub fn fixed_model<L>(self, name: &str, learner: L) -> Self
    where
        L: Fit<X> + Send + Sync + 'static,
        L::Fitted: Predict<X> + 'static,
    {
        self.entry(name, false, learner, |_, _, _| Ok(()))
    }

    /// Adds a floor: a simple model, fitted once, that others are compared with.
    pub fn floor<L>(mut self, name: &str, learner: L) -> Self
    where
        L: Fit<X> + Send + Sync + 'static,
        L::Fitted: Predict<X> + 'static,
    {
        self.scoring.floors.push(name.to_owned());
        self.entry(name, false, learner, |_, _, _| Ok(()))
    }

    /// Fits random models with the seeds 0 to `count` − 1; at least 1, at most 1,000,000.
    pub fn seeds(mut self, count: u64) -> Self {
        self.seeds = count;
        self
    }

    /// Draws the split with another seed than 0.
    pub fn split_seed(mut self, seed: u64) -> Self {
        self.split_seed = seed;
        self
    }

    /// Draws intervals otherwise than by the default of the metrics crate.
    pub fn bootstrap(mut self, bootstrap: Bootstrap) -> Self {
        self.scoring.bootstrap = bootstrap;
        self
    }

    /// Resamples rows of one label of another group than `gene` together, such as a homology cluster.
    pub fn resample_by(mut self, group: &str) -> Self {
        self.resampled = group.to_owned();
        self
    }

    /// Also scores all targets together, under a name such as "All".
    pub fn pooled(mut self, name: &str) -> Self {
        self.scoring.pooled = Some(name.to_owned());
        self
    }

    /// Scores other rows than the test rows.
    pub fn part(mut self, part: Part) -> Self {
        self.part = part;
        self
    }

    /// Tells progress to a listener.
    pub fn observe(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Keeps the models of these names, and the floors among them only.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownName`] when there is no model of a name.
    pub fn only(mut self, names: &[String]) -> Result<Self> {
        if let Some(name) = names.iter().find(|name| !self.names().contains(name)) {
            return Err(Error::UnknownName {
                what: "model",
                name: name.clone(),
                known: self.names(),
            });
        }
        self.models.retain(|entry| names.contains(&entry.name));
        self.scoring.floors.retain(|floor| names.contains(floor));
        Ok(self)
    }

    /// Writes every finished fit into a folder and does not fit again what is found there.
    ///
    /// A fit is taken from the folder only if ids, targets, split, model name, seed and `settings` are those it was made with, and
    /// its file holds what was written, by the checksum that it carries ([`seal`](crate::seal)). A file that does not is fitted
    /// again, which is told as [`Event::Note`].
    /// `settings` is any text that says how models were configured and which files their inputs came from (checksums, say):
    /// inputs themselves are not compared.
    pub fn resume_in(mut self, folder: &Path, settings: &str) -> Self {
        self.kept = Some(Kept {
            folder: folder.to_owned(),
            settings: settings.to_owned(),
        });
        self
    }

    /// Lists the models in the order of the table.
    pub fn names(&self) -> Vec<String> {
        self.models.iter().map(|entry| entry.name.clone()).collect()
    }

    /// Fits and scores every model.
    ///
    /// # Errors
    ///
    /// When the number of seeds is out of range, the split cannot be drawn, or a fit, a prediction or a score fails. The error of a
    /// fit names the model, the fold and the seed.
    pub fn run(&self) -> Result<Report> {
        self.scoring.report(self.predict()?)
    }

    fn entry<L>(
        mut self,
        name: &str,
        random: bool,
        learner: L,
        keep: impl Fn(&L::Fitted, &str, u64) -> Result<()> + Send + Sync + 'static,
    ) -> Self
    where
        L: Fit<X> + Send + Sync + 'static,
        L::Fitted: Predict<X> + 'static,
    {
        self.models.push(Entry {
            name: name.to_owned(),
            random,
            hands_on: false,
            fit: Box::new(move |train, valid, fold, seed| {
                let fitted = learner.fit(train, valid, seed)?;
                keep(&fitted, fold, seed)?;
                Ok(Box::new(fitted))
            }),
        });
        self
    }

    fn predict(&self) -> Result<Predictions> {
        if !(1..=MOST_SEEDS).contains(&self.seeds) {
            return Err(Error::Setting {
                name: "seeds",
                expected: format!("1 to {MOST_SEEDS}"),
                found: self.seeds.to_string(),
            });
        }
        let folds = self.split.folds(&self.dataset.keys, self.split_seed)?;
        let seeds_of = |entry: &Entry<X>| 0..if entry.random { self.seeds } else { 1 };
        let fits: u64 = self.models.iter().map(|entry| seeds_of(entry).end).sum();
        let task = "fit models";
        self.observer.observe(&Event::Begin {
            task,
            steps: fits.saturating_mul(folds.len() as u64),
            done: 0,
        });
        let data_hash = self.data_hash();
        let mut predictions = Predictions::default();
        for fold in &folds {
            let name = (folds.len() > 1).then_some(fold.name.as_str());
            self.observer.observe(&Event::Fold { name });
            let train = self.dataset.select(&fold.train);
            let valid = self.dataset.select(&fold.valid);
            let tested = match self.part {
                Part::Test => &fold.test,
                Part::Validation => &fold.valid,
            };
            let scored = self.dataset.select(tested);
            for entry in &self.models {
                for seed in seeds_of(entry) {
                    let place = self.place(entry, fold, seed, &data_hash);
                    let found = place.as_ref().map_or(Found::Nothing, Place::read);
                    if let Found::Refused(text) = &found {
                        self.observer.observe(&Event::Note { text });
                    }
                    let prediction = match found {
                        Found::Kept(prediction) => *prediction,
                        Found::Nothing | Found::Refused(_) => {
                            if let Some(place) = &place {
                                place.begin()?;
                            }
                            let failed = |step: &str, error: Error| {
                                let (model, fold) = (&entry.name, &fold.name);
                                let stage = format!("{step} `{model}`, fold `{fold}`, seed {seed}");
                                Error::stage(stage, error)
                            };
                            let fitted = (entry.fit)(&train, &valid, &fold.name, seed)
                                .map_err(|error| failed("fit", error))?;
                            let predicted = fitted
                                .predict(&scored.inputs)
                                .map_err(|error| failed("predict by", error))?;
                            let prediction =
                                self.record(entry, fold, seed, tested, &scored, predicted)?;
                            if let Some(place) = &place {
                                place.write(&prediction)?;
                            }
                            prediction
                        }
                    };
                    predictions.records.push(prediction);
                    self.observer.observe(&Event::Step {
                        task,
                        done: predictions.records.len() as u64,
                        values: &[],
                    });
                }
            }
        }
        self.observer.observe(&Event::Fold { name: None });
        self.observer.observe(&Event::End { task });
        Ok(predictions)
    }

    fn record(
        &self,
        entry: &Entry<X>,
        fold: &Fold,
        seed: u64,
        rows: &[usize],
        scored: &Dataset<X>,
        predicted: ndarray::Array2<f32>,
    ) -> Result<Prediction> {
        if predicted.dim() != scored.targets.values.dim() {
            return Err(Error::Shape {
                what: "predictions",
                expected: format!("{:?}", scored.targets.values.dim()),
                found: format!("{:?}", predicted.dim()),
            });
        }
        let clusters = match self.dataset.keys.group(&self.resampled) {
            Ok(group) => rows
                .iter()
                .map(|&row| group.label(row).to_owned())
                .collect(),
            Err(error) if self.resampled != GENE => return Err(error),
            Err(_) => scored.keys.ids().to_vec(),
        };
        let strata = match self.part {
            Part::Test if !fold.strata.is_empty() => strata_of(fold, rows),
            _ => Vec::new(),
        };
        Ok(Prediction {
            model: entry.name.clone(),
            fold: fold.name.clone(),
            seed,
            targets: scored
                .targets
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect(),
            ids: scored.keys.ids().to_vec(),
            clusters,
            strata,
            truth: scored.targets.values.clone(),
            predicted,
        })
    }

    /// Identifies ids, targets, auxiliary ones included, and what is resampled together; inputs are identified by the settings.
    fn data_hash(&self) -> String {
        let mut print = Fingerprint::default();
        self.dataset.fingerprint(&mut print);
        if let Ok(group) = self.dataset.keys.group(&self.resampled) {
            (0..self.dataset.len()).for_each(|row| print.text(group.label(row)));
        }
        print.finish()
    }

    /// Says where a fit is kept, where fits are kept.
    fn place(&self, entry: &Entry<X>, fold: &Fold, seed: u64, data_hash: &str) -> Option<Place> {
        let kept = self.kept.as_ref()?;
        let mut place = kept.place(data_hash, &entry.name, fold, seed, self.part);
        if entry.hands_on {
            place.last = Some(kept.last(&entry.name, fold, seed));
        }
        Some(place)
    }
}

fn strata_of(fold: &Fold, rows: &[usize]) -> Vec<String> {
    let stratum: HashMap<usize, &str> = fold
        .strata
        .iter()
        .flat_map(|(name, members)| members.iter().map(|&row| (row, name.as_str())))
        .collect();
    rows.iter()
        .map(|row| stratum.get(row).copied().unwrap_or_default().to_owned())
        .collect()
}

#[cfg(test)]
mod tests;
