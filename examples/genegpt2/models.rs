//! The models of GeneGPT-2, each one expression over the traits.

use std::path::PathBuf;
use std::sync::Arc;

use chromex::boosting::GradientBoosting;
use chromex::core::observe::{Observer, Silent};
use chromex::core::{CellPair, Experiment, View};
use chromex::metrics::{MeanSquaredError, Pearson, Spearman};
use chromex::nn::{Checkpoints, Device, Length, Precision};
use chromex::transformers::{EmbeddingKind, Gpt2Config, LanguageModel, MaskedLanguageModel};

use crate::support::{Anything, Options, Run};

/// The feature sets of the paper: both cells, their difference, all three.
pub(crate) const FEATURE_SETS: [(&str, &[View]); 3] = [
    ("raw_c", &[View::First, View::Second]),
    ("raw_d", &[View::Difference]),
    ("raw", &[View::First, View::Second, View::Difference]),
];

/// What the models of one run have in common.
pub(crate) struct Setup {
    pub(crate) kind: EmbeddingKind,
    device: Device,
    precision: Precision,
    observer: Arc<dyn Observer>,
    checkpoints: Option<Checkpoints>,
    model_folder: Option<PathBuf>,
    simulated: bool,
    quick: bool,
}

impl Setup {
    pub(crate) fn new(options: &Options, kind: EmbeddingKind) -> Result<Self, Anything> {
        Ok(Self {
            kind,
            device: options.device()?,
            precision: options.precision(),
            observer: Arc::new(Silent),
            checkpoints: None,
            model_folder: None,
            simulated: false,
            quick: false,
        })
    }

    /// Tells progress to the run and saves training into its folder.
    pub(crate) fn of_run(self, run: &Run, options: &Options) -> Result<Self, Anything> {
        Ok(Self {
            observer: run.observer(),
            checkpoints: Some(run.checkpoints()?),
            model_folder: Some(run.model_folder()?),
            simulated: options.data.is_none(),
            quick: options.quick,
            ..self
        })
    }

    /// Names where the files of the base language model go, where there is a run.
    pub(crate) fn model_folder(&self) -> Option<PathBuf> {
        self.model_folder.clone()
    }

    /// Makes the language model of one row of the paper's tables.
    pub(crate) fn language_model(&self, architecture: Gpt2Config) -> LanguageModel {
        let architecture = Gpt2Config {
            layers: if self.quick { 1 } else { architecture.layers },
            ..architecture
        };
        let mut model = LanguageModel::genegpt2(architecture)
            .device(&self.device)
            .observe(Arc::clone(&self.observer));
        model.recipe.precision = self.precision;
        if self.simulated {
            // Simulated cells show how it runs, in minutes; the paper's 1,000 steps are for its data.
            model.recipe.length = Length::Steps(300);
        }
        if self.quick {
            model.recipe.length = Length::Steps(20);
            model.recipe.batch_rows = 8;
        }
        match &self.checkpoints {
            Some(checkpoints) => model.checkpoints(checkpoints.clone()),
            None => model,
        }
    }

    /// Makes a masked language model tell its progress and save its training.
    pub(crate) fn masked_language_model(&self, model: MaskedLanguageModel) -> MaskedLanguageModel {
        let mut model = model
            .device(&self.device)
            .observe(Arc::clone(&self.observer));
        model.recipe.precision = self.precision;
        if self.quick {
            model.recipe.length = Length::Steps(2);
            model.recipe.batch_rows = 4;
            model.architecture.network.layers = 1;
        }
        match &self.checkpoints {
            Some(checkpoints) => model.checkpoints(checkpoints.clone()),
            None => model,
        }
    }

    /// Makes the paper's regressor: XGBoost 1.5's defaults.
    pub(crate) fn boosting(&self) -> GradientBoosting {
        let mut boosting = GradientBoosting::default();
        if self.quick {
            boosting.rounds = 5;
        }
        boosting
    }
}

/// Adds the scores that every table has.
pub(crate) fn scored(experiment: Experiment<CellPair>) -> Experiment<CellPair> {
    experiment
        .metric(Pearson)
        .metric(Spearman)
        .metric(MeanSquaredError)
}
