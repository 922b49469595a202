use burn::Tensor;
use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::TensorData;
use chromex_core::{Dataset, TokenIds};
use chromex_nn::blocks::Dropout;
use chromex_nn::fused::linear;
use chromex_nn::weights::Snapshot;
use chromex_nn::{
    Architecture, Device, Group, Length, Network, Objective, Optimizer, Recipe, Result, Schedule,
    limits,
};
use ndarray::Axis;
use serde::Serialize;

use super::network::draw;
use super::{Roberta, RobertaConfig};
use crate::padded_tokens::TokenLayout;
use crate::token_regression::{check_vocabulary, target_tensor};

/// Predicts numbers from sequences by a RoBERTa and a head of two layers, as CornBERT predicts the expression of ten
/// tissues.
#[derive(Clone, Debug, Serialize)]
pub struct RobertaRegression {
    /// The network's shape.
    pub network: RobertaConfig,
    /// How sequences become rows.
    pub layout: TokenLayout,
    /// Part of the head's inputs that is dropped in training.
    pub head_dropout: f64,
    /// Whether the output begins with the means of the targets it is trained on, not with 0 as published. LAMB moves a tensor by a
    /// part of its own norm, so that biases of 0 stay near 0 for hundreds of steps.
    pub begin_at_means: bool,
    /// Weights to begin with: those of the base that was pre-trained.
    pub begin: Option<Snapshot>,
}

/// A RoBERTa that predicts numbers. See [`RobertaRegression`].
#[derive(Module, Debug)]
pub struct RobertaRegressor {
    /// The base.
    pub roberta: Roberta,
    /// The head.
    pub head: RegressionHead,
    #[module(skip)]
    layout: TokenLayout,
}

/// Two layers and an output on the mean hidden state of a row's words.
#[derive(Module, Debug)]
pub struct RegressionHead {
    /// The first layer, `[width, width]`.
    pub dense: Linear,
    /// The second layer, `[width, width]`.
    pub dense2: Linear,
    /// A number per target, `[width, targets]`.
    pub output: Linear,
    dropout: Dropout,
}

impl Default for RobertaRegression {
    /// CornBERT's shape with dropout 0.2 of the head.
    fn default() -> Self {
        Self {
            network: RobertaConfig::default(),
            layout: TokenLayout::default(),
            head_dropout: 0.2,
            begin_at_means: false,
            begin: None,
        }
    }
}

impl RobertaRegression {
    /// Fine-tunes as CornBERT's authors write: the head learns from the first step with the peak 2e-3; every 400 steps two
    /// blocks more thaw, from the top, with 1e-3; the embeddings never do. Each group's rate goes up in a line for `warm_up`
    /// steps of its own and then down to 0 after the last step. LAMB without bias correction, ε 1e-8.
    pub fn progressive_unfreezing(&self, steps: u64, warm_up: u64) -> Recipe {
        let group = |name: String, prefixes: Vec<String>, from_step| Group {
            name,
            prefixes,
            learning_rate: 1e-3,
            from_step,
        };
        let tables = ["tokens.", "positions.", "token_types.", "norm."];
        let tables = tables.iter().map(|table| format!("roberta.{table}"));
        let mut groups = vec![group("embeddings".into(), tables.collect(), u64::MAX)];
        // A network of more layers is refused when it is built.
        let layers = self.network.layers.min(limits::MOST_LAYERS);
        let blocks: Vec<usize> = (0..layers).rev().collect();
        for (place, pair) in (1..).zip(blocks.chunks(2)) {
            let prefixes = pair.iter().map(|block| format!("roberta.blocks.{block}."));
            let lowest = pair.last().map_or(0, |block| block + 1);
            let name = format!("layers from {lowest}");
            groups.push(group(name, prefixes.collect(), 400 * place));
        }
        Recipe {
            optimizer: Optimizer::LambUncorrected {
                beta_1: 0.9,
                beta_2: 0.999,
                epsilon: 1e-8,
                weight_decay: 0.0,
                largest_norm: 10.0,
            },
            learning_rate: 2e-3,
            schedule: Schedule::WarmUpLinear { steps: warm_up },
            length: Length::Steps(steps),
            groups,
            ..Recipe::default()
        }
    }

    /// Builds the network with weights that are yet to be filled.
    pub(super) fn blank(&self, targets: usize, device: &Device) -> Result<RobertaRegressor> {
        limits::share("head_dropout", self.head_dropout)?;
        limits::count("targets", targets, limits::MOST_CHANNELS)?;
        let roberta = self.network.blank(device)?;
        let width = self.network.width;
        let layer = |columns| LinearConfig::new(width, columns).init(device);
        Ok(RobertaRegressor {
            roberta,
            head: RegressionHead {
                dense: layer(width),
                dense2: layer(width),
                output: layer(targets),
                dropout: Dropout::new(self.head_dropout),
            },
            layout: self.layout.clone(),
        })
    }

    /// Builds the network for a number of targets with initial weights drawn from a seed, or those that it should begin
    /// with.
    ///
    /// # Errors
    ///
    /// When the shape is not one that a network can have, or the weights to begin with do not fit.
    pub fn init(&self, targets: usize, seed: u64, device: &Device) -> Result<RobertaRegressor> {
        let network = draw(self.blank(targets, device)?, &self.network, seed)?;
        match &self.begin {
            Some(begin) => begin.begin(network),
            None => Ok(network),
        }
    }
}

impl RegressionHead {
    /// `[rows, width]` to `[rows, targets]`.
    fn forward(&self, mean: Tensor<2>) -> Tensor<2> {
        let first = linear(&self.dense, self.dropout.forward(mean)).tanh();
        let second = linear(&self.dense2, self.dropout.forward(first)).tanh();
        linear(&self.output, second)
    }
}

impl Network<TokenIds> for RobertaRegressor {
    fn forward(&self, inputs: &TokenIds, device: &Device) -> Result<Tensor<2>> {
        let tokens =
            self.layout
                .lay_out(inputs, self.roberta.longest(), self.roberta.vocabulary())?;
        let hidden = self.roberta.hidden(&tokens, device);
        Ok(self.head.forward(tokens.mean(hidden)))
    }

    /// The mean squared error over rows and targets.
    fn loss(&self, batch: &Dataset<TokenIds>, device: &Device) -> Result<Tensor<1>> {
        let predicted = self.forward(&batch.inputs, device)?;
        let targets = target_tensor(&batch.targets, device);
        Ok(Objective::Regression.loss(predicted, targets))
    }
}

impl Architecture<TokenIds> for RobertaRegression {
    type Network = RobertaRegressor;

    fn build(
        &self,
        train: &Dataset<TokenIds>,
        seed: u64,
        device: &Device,
    ) -> Result<RobertaRegressor> {
        check_vocabulary(&train.inputs, self.network.vocabulary)?;
        let values = &train.targets.values;
        let mut network = self.init(values.ncols(), seed, device)?;
        if let (true, Some(means)) = (self.begin_at_means, values.mean_axis(Axis(0))) {
            let means = Tensor::<1>::from_data(TensorData::from(&means.to_vec()[..]), device);
            network.head.output.bias = Some(Param::from_tensor(means));
        }
        Ok(network)
    }
}
