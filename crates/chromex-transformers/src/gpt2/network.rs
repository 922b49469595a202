use burn::Tensor;
use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::{Int, TensorData};
use chromex_core::{Dataset, Rows, random};
use chromex_nn::blocks::{LayerNorm, LayerNormConfig, TransformerBlock};
use chromex_nn::fused::cross_entropy;
use chromex_nn::{Architecture, Device, Network, weights};

use super::Gpt2Config;
use crate::token_regression::below_vocabulary;
use crate::{Error, Result, TokenWindows};

/// A GPT-2 whose token table is also its output layer.
///
/// # Differences from the paper
///
/// No dropout: GeneGPT-2 trains without, and in use it is off.
#[derive(Module, Debug)]
pub struct Gpt2 {
    /// A vector per token, `[vocabulary, width]`.
    pub tokens: Embedding,
    /// A vector per position, `[positions, width]`.
    pub positions: Embedding,
    /// The layers.
    pub blocks: Vec<TransformerBlock>,
    /// The last normalisation.
    pub norm: LayerNorm,
}

impl Gpt2Config {
    /// Builds the network with initial weights drawn from a seed: N(0, 0.02), projections back into the
    /// residual scaled by 1 / √(2 layers), biases 0.
    ///
    /// # Errors
    ///
    /// When the shape is not one that a network can have.
    pub fn init(&self, seed: u64, device: &Device) -> Result<Gpt2> {
        let network = self.blank(device)?;
        let mut generator = random::generator(seed, "initial weights of GPT-2");
        let residual = 0.02 / (2.0 * self.layers as f64).sqrt();
        let filled = weights::fill(network, |path, shape| {
            let count = shape.iter().product();
            Ok(if path.ends_with("gamma") {
                vec![1.0; count]
            } else if path.ends_with("bias") || path.ends_with("beta") {
                vec![0.0; count]
            } else if path.ends_with("output.weight") || path.ends_with("contract.weight") {
                weights::normal(&mut generator, residual, count)
            } else {
                weights::normal(&mut generator, 0.02, count)
            })
        })?;
        Ok(filled)
    }

    /// Builds the network with weights that are yet to be filled.
    pub(super) fn blank(&self, device: &Device) -> Result<Gpt2> {
        self.check()?;
        Ok(Gpt2 {
            tokens: EmbeddingConfig::new(self.vocabulary, self.width).init(device),
            positions: EmbeddingConfig::new(self.positions, self.width).init(device),
            blocks: (0..self.layers)
                .map(|_| self.block().init(device))
                .collect::<chromex_nn::Result<_>>()?,
            norm: LayerNormConfig {
                width: self.width,
                epsilon: self.norm_epsilon,
            }
            .init(device),
        })
    }
}

impl Gpt2 {
    /// Computes the last hidden states.
    ///
    /// # Shapes
    ///
    /// `[rows, length]` to `[rows, length, width]`.
    ///
    /// # Panics
    ///
    /// When the length exceeds the positions.
    pub fn hidden(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let [_, length] = ids.dims();
        let [positions, _] = self.positions.weight.dims();
        assert!(
            length <= positions,
            "{length} tokens, {positions} positions"
        );
        let places = Tensor::<1, Int>::arange(0..length as i64, &ids.device()).unsqueeze();
        let start = self.tokens.forward(ids) + self.positions.forward(places);
        let last = self
            .blocks
            .iter()
            .fold(start, |hidden, block| block.forward(hidden, None));
        self.norm.forward(last)
    }

    /// Computes the scores of the next token at every position.
    ///
    /// # Shapes
    ///
    /// `[rows, length]` to `[rows, length, vocabulary]`.
    ///
    /// # Panics
    ///
    /// When the length exceeds the positions.
    pub fn logits(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let [rows, length] = ids.dims();
        let [vocabulary, width] = self.tokens.weight.dims();
        let hidden = self.hidden(ids).reshape([rows * length, width]);
        self.scores(hidden).reshape([rows, length, vocabulary])
    }

    /// Scores hidden states `[n, width]` against every token, `[n, vocabulary]`.
    fn scores(&self, hidden: Tensor<2>) -> Tensor<2> {
        hidden.matmul(self.tokens.weight.val().transpose())
    }

    /// Lays windows out as one tensor.
    fn ids(&self, windows: &TokenWindows, device: &Device) -> chromex_nn::Result<Tensor<2, Int>> {
        let [positions, _] = self.positions.weight.dims();
        if windows.length() > positions {
            return Err(chromex_nn::Error::Setting {
                name: "length of the token windows",
                expected: format!("at most the {positions} positions of the network"),
                found: windows.length().to_string(),
            });
        }
        let [vocabulary, _] = self.tokens.weight.dims();
        let all = (0..windows.len()).flat_map(|row| windows.window(row));
        below_vocabulary(all, vocabulary)?;
        Ok(ids(
            (0..windows.len()).map(|row| windows.window(row)),
            windows.length(),
            device,
        ))
    }
}

/// Lays sequences of one length out as a tensor `[rows, length]`.
pub(crate) fn ids<'a>(
    rows: impl Iterator<Item = &'a [u32]>,
    length: usize,
    device: &Device,
) -> Tensor<2, Int> {
    let ids: Vec<i32> = rows.flatten().map(|&id| id as i32).collect();
    let count = ids.len() / length.max(1);
    Tensor::from_data(TensorData::new(ids, [count, length]), device)
}

impl Network<TokenWindows> for Gpt2 {
    /// Scores the token after each window: `[rows, vocabulary]`.
    fn forward(&self, inputs: &TokenWindows, device: &Device) -> chromex_nn::Result<Tensor<2>> {
        let ids = self.ids(inputs, device)?;
        let [rows, length] = ids.dims();
        let hidden = self.hidden(ids).narrow(1, length - 1, 1);
        let [_, _, width] = hidden.dims();
        Ok(self.scores(hidden.reshape([rows, width])))
    }

    /// The mean negative log-likelihood of each token given those before it in its window.
    fn loss(
        &self,
        batch: &Dataset<TokenWindows>,
        device: &Device,
    ) -> chromex_nn::Result<Tensor<1>> {
        let windows = &batch.inputs;
        let ids = self.ids(windows, device)?;
        let [rows, length] = ids.dims();
        if length < 2 {
            return Err(chromex_nn::Error::Setting {
                name: "length of the token windows",
                expected: "at least 2: a token and the next".into(),
                found: length.to_string(),
            });
        }
        let [_, width] = self.tokens.weight.dims();
        let hidden = self
            .hidden(ids.narrow(1, 0, length - 1))
            .reshape([rows * (length - 1), width]);
        let next = (0..rows)
            .flat_map(|row| windows.window(row)[1..].iter().copied())
            .collect();
        Ok(cross_entropy(hidden, self.tokens.weight.val(), next))
    }
}

impl Architecture<TokenWindows> for Gpt2Config {
    type Network = Gpt2;

    fn build(
        &self,
        train: &Dataset<TokenWindows>,
        seed: u64,
        device: &Device,
    ) -> chromex_nn::Result<Gpt2> {
        below_vocabulary(train.inputs.stream(), self.vocabulary)?;
        self.init(seed, device).map_err(|error| match error {
            Error::Network(error) => error,
            error => chromex_nn::Error::Core(error.into()),
        })
    }
}
