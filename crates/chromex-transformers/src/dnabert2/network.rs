use burn::Tensor;
use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig};
use chromex_core::random;
use chromex_nn::blocks::{Dropout, LayerNorm, LayerNormConfig, TransformerBlock};
use chromex_nn::{Device, Result, weights};

use super::Dnabert2Config;
use crate::padded_tokens::PaddedTokens;

/// A DNABERT-2 without a head.
///
/// # Differences from the paper
///
/// Hidden states of padding are not computed as published, and nothing reads them; the published code leaves them out
/// or fills them with zeros, by version.
#[derive(Module, Debug)]
pub struct Dnabert2 {
    /// A vector per token, `[vocabulary, width]`.
    pub tokens: Embedding,
    /// A vector per token type, `[token types, width]`.
    pub token_types: Embedding,
    /// The normalisation of the sum of the two.
    pub norm: LayerNorm,
    dropout: Dropout,
    /// The layers.
    pub blocks: Vec<TransformerBlock>,
}

impl Dnabert2Config {
    /// Builds the network with weights that are yet to be filled.
    pub(super) fn blank(&self, device: &Device) -> Result<Dnabert2> {
        self.check()?;
        let table = |rows| EmbeddingConfig::new(rows, self.width).init(device);
        Ok(Dnabert2 {
            tokens: table(self.vocabulary),
            token_types: table(self.token_types),
            norm: LayerNormConfig {
                width: self.width,
                epsilon: self.norm_epsilon,
            }
            .init(device),
            dropout: Dropout::new(self.dropout),
            blocks: (0..self.layers)
                .map(|_| self.block().init(device))
                .collect::<Result<_>>()?,
        })
    }
}

/// Draws initial weights: N(0, 0.02), normalisations 1, biases 0.
pub(super) fn draw<M: Module>(network: M, seed: u64) -> Result<M> {
    let mut generator = random::generator(seed, "initial weights of DNABERT-2");
    weights::fill(network, |path, shape| {
        let count = shape.iter().product();
        Ok(if path.ends_with("gamma") {
            vec![1.0; count]
        } else if path.ends_with("bias") || path.ends_with("beta") {
            vec![0.0; count]
        } else {
            weights::normal(&mut generator, 0.02, count)
        })
    })
}

impl Dnabert2 {
    /// Computes the hidden states of padded rows after the embeddings and after each layer, `[rows, length, width]`.
    pub(crate) fn states(&self, tokens: &PaddedTokens, device: &Device) -> Vec<Tensor<3>> {
        let mut states = vec![self.embed(tokens, device)];
        for block in &self.blocks {
            let last = states[states.len() - 1].clone();
            states.push(block.forward(last, Some(&tokens.spans)));
        }
        states
    }

    /// Computes the last hidden states of padded rows, `[rows, length, width]`.
    pub(crate) fn hidden(&self, tokens: &PaddedTokens, device: &Device) -> Tensor<3> {
        let start = self.embed(tokens, device);
        self.blocks.iter().fold(start, |hidden, block| {
            block.forward(hidden, Some(&tokens.spans))
        })
    }

    fn embed(&self, tokens: &PaddedTokens, device: &Device) -> Tensor<3> {
        let [_, width] = self.tokens.weight.dims();
        let first_type = self.token_types.weight.val().narrow(0, 0, 1);
        let sum = self.tokens.forward(tokens.ids(device)) + first_type.reshape([1, 1, width]);
        self.dropout.forward(self.norm.forward(sum))
    }
}
