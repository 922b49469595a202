use std::path::PathBuf;
use std::sync::Arc;

use burn::optim::{GradientsAccumulator, GradientsParams};
use chromex_core::observe::{Event, Observer, Silent};
use chromex_core::{Dataset, Fingerprint, Fit, Metric, Rows, random};
use chromex_metrics::{AreaUnderRoc, MeanSquaredError, Pearson};
use ndarray::Array2;
use rand::seq::SliceRandom;

use crate::checkpoint::{Checkpoint, Progress, pack, unpack};
use crate::optimizer::{Stepper, check_groups, thawed};
use crate::{
    Architecture, Checkpoints, Device, Error, Keep, Network, Precision, Recipe, Result, Selection,
    Trained, clip,
};

/// Makes any architecture a learner.
#[derive(Clone)]
pub struct Trainer<A> {
    /// The network's configuration.
    pub architecture: A,
    /// How it is trained.
    pub recipe: Recipe,
    device: Device,
    observer: Arc<dyn Observer>,
    task: String,
    checkpoints: Option<Checkpoints>,
    each_target: bool,
}

impl<A> Trainer<A> {
    /// Trains on burn's default device, silently, without checkpoints.
    pub fn new(architecture: A, recipe: Recipe) -> Self {
        Self {
            architecture,
            recipe,
            device: Device::default(),
            observer: Arc::new(Silent),
            task: "train".into(),
            checkpoints: None,
            each_target: false,
        }
    }

    /// Trains on another device.
    pub fn device(mut self, device: &Device) -> Self {
        self.device = device.clone();
        self
    }

    /// Tells progress to a listener, under the name of a task and the training's seed: `train, seed 0`.
    pub fn observe(mut self, task: &str, observer: Arc<dyn Observer>) -> Self {
        self.task = task.to_owned();
        self.observer = observer;
        self
    }

    /// Also tells the mean squared error of each target at every look at the validation rows, as `validation_mse` and the
    /// target's name; the rows are predicted once more for that.
    pub fn tell_each_target(mut self) -> Self {
        self.each_target = true;
        self
    }

    /// Saves training as it goes, and goes on with what was saved.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Trains, or goes on with a training that was saved.
    ///
    /// # Errors
    ///
    /// When a setting is out of range, there are no rows, the loss stops being a number, no look at the validation rows had
    /// a score by which weights could be kept, or a checkpoint cannot be read or written.
    pub fn train<X: Rows>(
        &self,
        train: &Dataset<X>,
        valid: &Dataset<X>,
        seed: u64,
    ) -> Result<Trained<A::Network>>
    where
        A: Architecture<X>,
    {
        self.recipe.check()?;
        for (what, rows, needed) in [
            ("the rows that a network is trained on", train, true),
            (
                "the validation rows by which a network's weights are chosen",
                valid,
                self.recipe.needs_validation(),
            ),
        ] {
            if needed && rows.is_empty() {
                return Err(chromex_core::Error::Empty { what }.into());
            }
        }
        let marks = train.inputs.mark_layouts();
        let valid = &valid.in_layouts(&marks)?;
        let device = self.device.clone().autodiff();
        self.recipe.precision.check(&device)?;
        let total_steps = self.recipe.total_steps(train.len())?;
        let network = self.architecture.build(train, seed, &device)?;
        check_groups(&network, &self.recipe)?;
        let adaptation = &self.recipe.adaptation;
        let network = adaptation.begin(network, seed, &device)?;
        let mut run = Run {
            trainer: self,
            train,
            valid,
            seed,
            device,
            task: format!("{}, seed {seed}", self.task),
            file: self.checkpoint_file(train, valid, seed)?,
            stepper: Stepper::new(self.recipe.optimizer),
            progress: Progress::default(),
            best_weights: None,
            total_steps,
        };
        let network = run.resume(network)?;
        let network = adaptation.end(run.finish(network)?);
        Ok(Trained {
            marks,
            ..Trained::new(&network, &self.device, self.recipe.batch_rows)
        })
    }

    fn checkpoint_file<X: Rows>(
        &self,
        train: &Dataset<X>,
        valid: &Dataset<X>,
        seed: u64,
    ) -> Result<Option<PathBuf>>
    where
        A: serde::Serialize,
    {
        let Some(checkpoints) = &self.checkpoints else {
            return Ok(None);
        };
        let text = |value: serde_json::Result<String>| {
            value.map_err(|source| Error::Malformed {
                path: checkpoints.folder.clone(),
                expected: "a configuration that can be written as JSON",
                source: source.into(),
            })
        };
        let mut print = Fingerprint::default();
        print.text(&text(serde_json::to_string(&self.architecture))?);
        print.text(&text(serde_json::to_string(&self.recipe))?);
        print.number(seed);
        train.fingerprint(&mut print);
        valid.fingerprint(&mut print);
        Ok(Some(checkpoints.file(print)))
    }
}

impl<X: Rows, A: Architecture<X>> Fit<X> for Trainer<A> {
    type Fitted = Trained<A::Network>;

    fn fit(
        &self,
        train: &Dataset<X>,
        valid: &Dataset<X>,
        seed: u64,
    ) -> chromex_core::Result<Self::Fitted> {
        Ok(self.train(train, valid, seed)?)
    }
}

/// Rows of the validation set that are looked at together at least: a batch of one row would take longer to hand over than to
/// compute.
const LOOK_ROWS: usize = 64;

/// One training.
struct Run<'a, X, A> {
    trainer: &'a Trainer<A>,
    train: &'a Dataset<X>,
    valid: &'a Dataset<X>,
    seed: u64,
    device: Device,
    task: String,
    file: Option<PathBuf>,
    stepper: Stepper,
    progress: Progress,
    best_weights: Option<Vec<u8>>,
    total_steps: u64,
}

impl<X: Rows, A: Architecture<X>> Run<'_, X, A> {
    /// Takes up a checkpoint where there is one.
    fn resume(&mut self, network: A::Network) -> Result<A::Network> {
        let Some(checkpoint) = self.file.as_deref().map(Checkpoint::load).transpose()? else {
            return Ok(network);
        };
        let Some(checkpoint) = checkpoint else {
            return Ok(network);
        };
        let network = unpack(network, checkpoint.weights)?;
        let stepper = Stepper::new(self.trainer.recipe.optimizer);
        self.stepper = stepper.load(checkpoint.optimizer)?;
        self.progress = checkpoint.progress;
        self.best_weights = checkpoint.best_weights;
        Ok(network)
    }

    /// Trains until the end and chooses the weights.
    fn finish(&mut self, mut network: A::Network) -> Result<A::Network> {
        let total = self.total_steps;
        let observer = &self.trainer.observer;
        observer.observe(&Event::Begin {
            task: &self.task,
            steps: total,
            done: self.progress.step,
        });
        let mut order = Order::default();
        while self.progress.step < total && !self.progress.finished {
            network = self.step(network, &mut order, total)?;
            let step = self.progress.step;
            if self.looks_at(step, total) {
                self.look(&network)?;
            }
            self.progress.finished |= step == total;
            if self.progress.finished || self.saves_at(step) {
                self.save(&network)?;
            }
        }
        observer.observe(&Event::End { task: &self.task });
        match (&self.best_weights, self.trainer.recipe.keep) {
            (Some(best), Keep::BestValidation) => unpack(network, best.clone()),
            (None, Keep::BestValidation) => Err(Error::NoBest {
                selection: self.trainer.recipe.selection,
            }),
            (_, Keep::Last) => Ok(network),
        }
    }

    /// Tells whether the validation rows are looked at after a number of steps.
    fn looks_at(&self, done: u64, total: u64) -> bool {
        let due = match self.trainer.recipe.validate_every {
            Some(every) => done.is_multiple_of(every),
            None => self.epochs(done) > self.epochs(done - 1),
        };
        !self.valid.is_empty() && (due || done == total)
    }

    /// Tells whether training that is not over is saved after a number of steps.
    fn saves_at(&self, done: u64) -> bool {
        let checkpoints = self.trainer.checkpoints.as_ref();
        checkpoints.is_some_and(|c| done.is_multiple_of(c.every_steps.max(1)))
    }

    fn step(&mut self, network: A::Network, order: &mut Order, total: u64) -> Result<A::Network> {
        let recipe = &self.trainer.recipe;
        let step = self.progress.step;
        // Dropout draws from the device: its draws must be those of the step, not of the process.
        self.device
            .seed(random::derive(self.seed, &format!("step {step}")));
        let done = step + 1;
        let report = done.is_multiple_of(recipe.report_every);
        // Weights that a loss which is no number moved are not to be kept, saved or looked at.
        let measure = report || done == total || self.saves_at(done) || self.looks_at(done, total);
        let mut gathered = GradientsAccumulator::new();
        let mut loss_sum = 0.0;
        let mut single = None;
        let scale =
            (recipe.precision == Precision::Half).then_some(self.progress.loss_scale.factor);
        for part in 0..recipe.accumulate {
            let batch = step * recipe.accumulate as u64 + part as u64;
            let rows = order.batch(batch, self.train.len(), recipe.batch_rows, self.seed);
            let batch = self.train.select(rows);
            let loss = recipe
                .precision
                .within(|| network.loss(&batch, &self.device))?;
            if measure {
                loss_sum += f64::from(loss.clone().into_scalar::<f32>());
            }
            let loss = match scale {
                Some(factor) => loss * factor,
                None => loss,
            };
            let grads = GradientsParams::from_grads(loss.backward(), &network);
            if recipe.accumulate == 1 {
                single = Some(grads);
            } else {
                gathered.accumulate(&network, grads);
            }
        }
        let grads = single.unwrap_or_else(|| gathered.grads());
        let factor = 1.0 / (recipe.accumulate as f64 * scale.unwrap_or(1.0));
        let grads = match factor {
            1.0 => grads,
            _ => clip::scale(&network, grads, factor),
        };
        let grads = thawed(&network, grads, recipe, step);
        let finite = scale.is_none() || clip::global_norm(&network, &grads).is_finite();
        let network = if finite {
            let grads = clip::clip(&network, grads, recipe.clip);
            self.stepper.step(network, grads, recipe, step, total)
        } else {
            network
        };
        if scale.is_some() && !self.progress.loss_scale.follow(finite) {
            return Err(Error::Overflow { step: done });
        }
        self.progress.step = done;
        let loss = loss_sum / recipe.accumulate as f64;
        // The sum is 0 where the loss was not measured.
        if !loss.is_finite() {
            return Err(Error::Diverged { step: done, loss });
        }
        let mut values = vec![("loss".to_owned(), loss)];
        values.extend(recipe.named_rates(step, total));
        values.extend(scale.map(|factor| ("loss_scale".to_owned(), factor)));
        let values: Vec<(&str, f64)> = values
            .iter()
            .map(|(n, value)| (n.as_str(), *value))
            .collect();
        self.trainer.observer.observe(&Event::Step {
            task: &self.task,
            done: self.progress.step,
            values: if report { &values } else { &[] },
        });
        Ok(network)
    }

    /// Looks at the validation rows.
    fn look(&mut self, network: &A::Network) -> Result<()> {
        use burn::module::Module;
        let recipe = &self.trainer.recipe;
        let device = self.trainer.device.clone().inner();
        let network_now = network.valid();
        let rows: Vec<usize> = (0..self.valid.len()).collect();
        let mut sum = 0.0;
        for batch in rows.chunks(recipe.batch_rows.max(LOOK_ROWS)) {
            let loss = network_now.loss(&self.valid.select(batch), &device)?;
            sum += f64::from(loss.into_scalar::<f32>()) * batch.len() as f64;
        }
        let loss = sum / rows.len() as f64;
        if !loss.is_finite() {
            return Err(Error::Diverged {
                step: self.progress.step,
                loss,
            });
        }
        let mut values = vec![("validation_loss", loss)];
        let score = self.score(&network_now)?;
        values.extend(score);
        let errors = self.each_target(&network_now)?;
        values.extend(errors.iter().map(|(name, error)| (name.as_str(), *error)));
        self.trainer.observer.observe(&Event::Step {
            task: &self.task,
            done: self.progress.step,
            values: &values,
        });
        let rank = score.map_or(loss, |(_, score)| -score);
        // A score that is not defined, as of constant predictions, is worse than any other.
        if !rank.is_nan() && self.progress.best.is_none_or(|best| rank < best) {
            self.progress.best = Some(rank);
            self.progress.looks_without_better = 0;
            if recipe.keep == Keep::BestValidation {
                self.best_weights = Some(pack(network)?);
            }
        } else {
            self.progress.looks_without_better += 1;
        }
        self.progress.finished |= recipe
            .patience
            .is_some_and(|patience| self.progress.looks_without_better >= patience);
        Ok(())
    }

    /// Scores the first target of the validation rows, where a score selects.
    fn score(&self, network: &A::Network) -> Result<Option<(&'static str, f64)>> {
        let (name, metric): (_, &dyn Metric) = match self.trainer.recipe.selection {
            Selection::Loss => return Ok(None),
            Selection::Pearson => ("validation_pearson", &Pearson),
            Selection::AreaUnderRoc => ("validation_auroc", &AreaUnderRoc),
        };
        let predicted = self.predict_validation(network)?;
        let truth = self.valid.targets.column(0);
        Ok(Some((name, metric.score(truth, predicted.column(0)))))
    }

    /// Measures the error of each target of the validation rows, where that is to be told.
    fn each_target(&self, network: &A::Network) -> Result<Vec<(String, f64)>> {
        if !self.trainer.each_target {
            return Ok(Vec::new());
        }
        let predicted = self.predict_validation(network)?;
        let targets = &self.valid.targets;
        let columns = targets.columns.iter().enumerate();
        Ok(columns
            .map(|(target, column)| {
                let error =
                    MeanSquaredError.score(targets.column(target), predicted.column(target));
                (format!("validation_mse {}", column.name), error)
            })
            .collect())
    }

    fn predict_validation(&self, network: &A::Network) -> Result<Array2<f32>> {
        let batch_rows = self.trainer.recipe.batch_rows.max(LOOK_ROWS);
        Trained::new(network, &self.trainer.device, batch_rows).forward(&self.valid.inputs)
    }

    fn save(&self, network: &A::Network) -> Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        Checkpoint {
            progress: self.progress.clone(),
            weights: pack(network)?,
            optimizer: self.stepper.to_bytes()?,
            best_weights: self.best_weights.clone(),
        }
        .save(file)
    }

    /// Batches of one time through the training rows.
    fn epoch_batches(&self) -> u64 {
        self.train.len().div_ceil(self.trainer.recipe.batch_rows) as u64
    }

    /// Times that a number of steps went through the training rows.
    fn epochs(&self, steps: u64) -> u64 {
        steps * self.trainer.recipe.accumulate as u64 / self.epoch_batches()
    }
}

/// The rows of each batch: a new shuffle per time through, a function of seed and batch number alone.
#[derive(Default)]
struct Order {
    epoch: Option<u64>,
    rows: Vec<usize>,
}

impl Order {
    fn batch(&mut self, batch: u64, rows: usize, batch_rows: usize, seed: u64) -> &[usize] {
        let per_epoch = rows.div_ceil(batch_rows) as u64;
        let (epoch, position) = (batch / per_epoch, (batch % per_epoch) as usize);
        if self.epoch != Some(epoch) {
            self.rows = (0..rows).collect();
            let purpose = format!("order of epoch {epoch}");
            self.rows.shuffle(&mut random::generator(seed, &purpose));
            self.epoch = Some(epoch);
        }
        let start = position * batch_rows;
        &self.rows[start..rows.min(start.saturating_add(batch_rows))]
    }
}
