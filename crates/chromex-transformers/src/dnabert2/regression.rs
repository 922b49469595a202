use burn::Tensor;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::TensorData;
use chromex_core::{Dataset, Rows, TokenIds};
use chromex_nn::blocks::Dropout;
use chromex_nn::fused::linear;
use chromex_nn::weights::Snapshot;
use chromex_nn::{
    Adaptation, Architecture, Clip, Decay, Device, Error, Keep, Length, LowRank, Network,
    Objective, Optimizer, Recipe, Result, Schedule, limits,
};
use serde::{Deserialize, Serialize};

use super::network::draw;
use super::{Dnabert2, Dnabert2Config};
use crate::padded_tokens::{PaddedTokens, PaddingSide, SpecialTokens, TokenLayout};
use crate::token_regression::{check_vocabulary, target_tensor};

/// Predicts numbers or probabilities from sequences by a DNABERT-2 with its published pooler and an output layer.
#[derive(Clone, Debug, Serialize)]
pub struct Dnabert2Regression {
    /// The network's shape.
    pub network: Dnabert2Config,
    /// How sequences become rows. They are padded right, as published: the pooler reads the first place.
    pub layout: TokenLayout,
    /// The longest sequence, in tokens; there is no table that would limit it.
    pub longest: usize,
    /// What stands for a sequence.
    pub pooling: Pooling,
    /// What is predicted.
    pub objective: Objective,
    /// Weights to begin with: those of the base that was pre-trained.
    pub begin: Option<Snapshot>,
}

/// What stands for a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The hidden state of the first token, `[CLS]`, as published.
    #[default]
    Start,
    /// The mean hidden state of the tokens that are words.
    Mean,
}

/// A DNABERT-2 that predicts numbers. See [`Dnabert2Regression`].
#[derive(Module, Debug)]
pub struct Dnabert2Regressor {
    /// The base.
    pub bert: Dnabert2,
    /// The pooler and the output layer.
    pub head: PooledHead,
    #[module(skip)]
    layout: TokenLayout,
    #[module(skip)]
    longest: usize,
    #[module(skip)]
    pooling: Pooling,
    #[module(skip)]
    objective: Objective,
}

/// A bent layer on what stands for a sequence, and an output.
#[derive(Module, Debug)]
pub struct PooledHead {
    /// The pooler, `[width, width]`; the published checkpoint has none, so that fine-tuning begins with a drawn one.
    pub pooler: Linear,
    /// A number per target, `[width, targets]`.
    pub output: Linear,
    dropout: Dropout,
}

impl Default for Dnabert2Regression {
    /// The published shape and special tokens, at most 1,000 tokens.
    fn default() -> Self {
        Self {
            network: Dnabert2Config::default(),
            layout: TokenLayout {
                special: SpecialTokens {
                    unknown: 0,
                    start: 1,
                    end: 2,
                    padding: 3,
                    mask: 4,
                },
                side: PaddingSide::Right,
                length: None,
            },
            longest: 1000,
            pooling: Pooling::Start,
            objective: Objective::Regression,
            begin: None,
        }
    }
}

impl Dnabert2Regression {
    /// Gives the published fine-tuning: AdamW at 3e-5 with weight decay 0.01, 50 steps of warm-up and a linear fall,
    /// gradients clipped to the joint norm 1, batches of 32, 10 epochs, the weights that the validation rows prefer.
    pub fn recipe() -> Recipe {
        Recipe {
            optimizer: Optimizer::AdamW {
                beta_1: 0.9,
                beta_2: 0.999,
                epsilon: 1e-8,
                weight_decay: 0.01,
                decay: Decay::ExceptBiases,
            },
            learning_rate: 3e-5,
            schedule: Schedule::WarmUpLinear { steps: 50 },
            batch_rows: 32,
            length: Length::Epochs(10),
            clip: Clip::GlobalNorm(1.0),
            keep: Keep::BestValidation,
            ..Recipe::default()
        }
    }

    /// Trains the last blocks and the head, what lies below frozen.
    pub fn last_blocks(&self, blocks: usize) -> Adaptation {
        // A network of more layers is refused when it is built.
        let layers = self.network.layers.min(limits::MOST_LAYERS);
        let first = layers.saturating_sub(blocks);
        let blocks = (first..layers).map(|block| format!("bert.blocks.{block}."));
        Adaptation::Only(blocks.chain(["head.".to_owned()]).collect())
    }

    /// Trains low-rank adapters of the projections to queries, keys and values, and the head.
    pub fn low_rank(rank: usize, alpha: f64) -> Adaptation {
        Adaptation::LowRank(LowRank {
            rank,
            alpha,
            matrices: vec![".queries_keys_values.weight".into()],
            whole: vec!["head.".into()],
        })
    }

    /// Builds the network with weights that are yet to be filled.
    pub(super) fn blank(&self, targets: usize, device: &Device) -> Result<Dnabert2Regressor> {
        limits::count("targets", targets, limits::MOST_CHANNELS)?;
        if self.layout.side == PaddingSide::Left && self.pooling == Pooling::Start {
            return Err(Error::Setting {
                name: "layout.side",
                expected: "right, where the first place stands for a sequence".into(),
                found: "left".into(),
            });
        }
        let bert = self.network.blank(device)?;
        let width = self.network.width;
        let layer = |columns| LinearConfig::new(width, columns).init(device);
        Ok(Dnabert2Regressor {
            bert,
            head: PooledHead {
                pooler: layer(width),
                output: layer(targets),
                dropout: Dropout::new(self.network.dropout),
            },
            layout: self.layout.clone(),
            longest: self.longest,
            pooling: self.pooling,
            objective: self.objective,
        })
    }

    /// Builds the network for a number of targets with initial weights drawn from a seed, or those that it should begin
    /// with.
    ///
    /// # Errors
    ///
    /// When the shape is not one that a network can have, or the weights to begin with do not fit.
    pub fn init(&self, targets: usize, seed: u64, device: &Device) -> Result<Dnabert2Regressor> {
        let network = draw(self.blank(targets, device)?, seed)?;
        match &self.begin {
            Some(begin) => begin.begin(network),
            None => Ok(network),
        }
    }
}

impl Dnabert2Regressor {
    /// Computes the hidden states after the embeddings and after each layer.
    ///
    /// # Shapes
    ///
    /// `[rows, length, width]` each, where `length` is that of the longest row; states of padding mean nothing.
    ///
    /// # Errors
    ///
    /// When a sequence is longer than the network reads.
    pub fn states(&self, inputs: &TokenIds, device: &Device) -> Result<Vec<Tensor<3>>> {
        let tokens = self
            .layout
            .lay_out(inputs, self.longest, self.vocabulary())?;
        Ok(self.bert.states(&tokens, device))
    }

    /// Computes what stands for each sequence, before the pooler, `[rows, width]`.
    ///
    /// # Errors
    ///
    /// When a sequence is longer than the network reads.
    pub fn embed(&self, inputs: &TokenIds, device: &Device) -> Result<Tensor<2>> {
        let mut order: Vec<usize> = (0..inputs.len()).collect();
        order.sort_by_key(|&row| inputs.sentence(row, 0).len());
        let mut pooled = Vec::new();
        for rows in buckets(&order, |row| inputs.sentence(row, 0).len()) {
            let tokens =
                self.layout
                    .lay_out(&inputs.select(rows), self.longest, self.vocabulary())?;
            let hidden = self.bert.hidden(&tokens, device);
            pooled.push(self.pool(&tokens, hidden));
        }
        if pooled.is_empty() {
            let [_, width] = self.bert.tokens.weight.dims();
            return Ok(Tensor::zeros([0, width], device));
        }
        let mut place = vec![0_i32; order.len()];
        for (sorted, &row) in order.iter().enumerate() {
            place[row] = sorted as i32;
        }
        let place = TensorData::new(place, [order.len()]);
        Ok(Tensor::cat(pooled, 0).select(0, Tensor::from_data(place, device)))
    }

    /// Counts the rows of the token table.
    fn vocabulary(&self) -> usize {
        let [vocabulary, _] = self.bert.tokens.weight.dims();
        vocabulary
    }

    fn pool(&self, tokens: &PaddedTokens, hidden: Tensor<3>) -> Tensor<2> {
        let [rows, _, width] = hidden.dims();
        match self.pooling {
            Pooling::Start => hidden.narrow(1, 0, 1).reshape([rows, width]),
            Pooling::Mean => tokens.mean(hidden),
        }
    }
}

/// Parts rows that are sorted by length so that a part's shorter rows are at most a tenth padding.
fn buckets(order: &[usize], length: impl Fn(usize) -> usize) -> impl Iterator<Item = &[usize]> {
    let mut rest = order;
    std::iter::from_fn(move || {
        let longest = length(*rest.last()?);
        let start = rest.partition_point(|&row| 10 * length(row) < 9 * longest);
        let (shorter, part) = rest.split_at(start);
        rest = shorter;
        Some(part)
    })
    .collect::<Vec<_>>()
    .into_iter()
    .rev()
}

impl PooledHead {
    /// `[rows, width]` to `[rows, targets]`.
    fn forward(&self, pooled: Tensor<2>) -> Tensor<2> {
        let bent = linear(&self.pooler, pooled).tanh();
        linear(&self.output, self.dropout.forward(bent))
    }
}

impl Network<TokenIds> for Dnabert2Regressor {
    fn forward(&self, inputs: &TokenIds, device: &Device) -> Result<Tensor<2>> {
        let scores = self.head.forward(self.embed(inputs, device)?);
        Ok(self.objective.predict(scores))
    }

    fn loss(&self, batch: &Dataset<TokenIds>, device: &Device) -> Result<Tensor<1>> {
        let scores = self.head.forward(self.embed(&batch.inputs, device)?);
        let targets = target_tensor(&batch.targets, device);
        Ok(self.objective.loss(scores, targets))
    }
}

impl Architecture<TokenIds> for Dnabert2Regression {
    type Network = Dnabert2Regressor;

    fn build(
        &self,
        train: &Dataset<TokenIds>,
        seed: u64,
        device: &Device,
    ) -> Result<Dnabert2Regressor> {
        check_vocabulary(&train.inputs, self.network.vocabulary)?;
        self.init(train.targets.values.ncols(), seed, device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_rows_of_like_lengths_and_every_row_once() {
        let lengths = [5, 7, 64, 100, 128, 500, 513, 990, 1000];
        let order: Vec<usize> = (0..lengths.len()).collect();
        let parts: Vec<&[usize]> = buckets(&order, |row| lengths[row]).collect();
        assert_eq!(parts, [&[0][..], &[1], &[2], &[3], &[4], &[5, 6], &[7, 8]]);
        assert_eq!(parts.concat(), order);
        assert_eq!(buckets(&[], |_| 0).count(), 0);
    }
}
