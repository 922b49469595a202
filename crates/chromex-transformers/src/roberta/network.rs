use burn::Tensor;
use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig};
use burn::tensor::Int;
use chromex_core::random;
use chromex_nn::blocks::{Dropout, LayerNorm, LayerNormConfig, TransformerBlock};
use chromex_nn::fused::Spans;
use chromex_nn::{Device, Result, weights};

use super::{PositionCounting, RobertaConfig};
use crate::padded_tokens::PaddedTokens;

/// A RoBERTa or BERT without a head.
///
/// # Differences from the paper
///
/// No dropout of attention weights; embeddings and what blocks add are dropped as published.
#[derive(Module, Debug)]
pub struct Roberta {
    /// A vector per token, `[vocabulary, width]`.
    pub tokens: Embedding,
    /// A vector per position, `[positions, width]`.
    pub positions: Embedding,
    /// A vector per token type, `[token types, width]`.
    pub token_types: Embedding,
    /// The normalisation of the sum of the three.
    pub norm: LayerNorm,
    dropout: Dropout,
    /// The layers.
    pub blocks: Vec<TransformerBlock>,
    #[module(skip)]
    padding_id: u32,
    #[module(skip)]
    counting: PositionCounting,
}

impl RobertaConfig {
    /// Builds the network with weights that are yet to be filled.
    pub(super) fn blank(&self, device: &Device) -> Result<Roberta> {
        self.check()?;
        let table = |rows| EmbeddingConfig::new(rows, self.width).init(device);
        Ok(Roberta {
            tokens: table(self.vocabulary),
            positions: table(self.positions),
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
            padding_id: self.padding_id,
            counting: self.counting,
        })
    }
}

/// Draws initial weights: N(0, 0.02), normalisations 1, biases 0, and 0 for the padding's rows of a table.
pub(super) fn draw<M: Module>(network: M, config: &RobertaConfig, seed: u64) -> Result<M> {
    let mut generator = random::generator(seed, "initial weights of RoBERTa");
    weights::fill(network, |path, shape| {
        let count = shape.iter().product();
        Ok(if path.ends_with("gamma") {
            vec![1.0; count]
        } else if path.ends_with("bias") || path.ends_with("beta") {
            vec![0.0; count]
        } else {
            let mut values = weights::normal(&mut generator, 0.02, count);
            if path.ends_with("roberta.tokens.weight") || path.ends_with("roberta.positions.weight")
            {
                let start = config.padding_id as usize * config.width;
                if let Some(row) = values.get_mut(start..start + config.width) {
                    row.fill(0.0);
                }
            }
            values
        })
    })
}

impl Roberta {
    /// Computes the last hidden states of padded rows, `[rows, length, width]`.
    pub(crate) fn hidden(&self, tokens: &PaddedTokens, device: &Device) -> Tensor<3> {
        let positions = match self.counting {
            PositionCounting::PastPadding => tokens.positions(self.padding_id, device),
            PositionCounting::Places => tokens.places(device),
        };
        let types = Tensor::zeros([1, 1], device);
        self.encode(tokens.ids(device), positions, types, Some(&tokens.spans))
    }

    /// Computes the last hidden states of tokens at positions, of types such as a BERT's two segments. Attention goes to the
    /// spans, to all places where there are none.
    ///
    /// # Shapes
    ///
    /// `ids` is `[rows, length]`, the others are too, or have 1 in the place of an extent over which they are the same. Returns
    /// `[rows, length, width]`.
    pub fn encode(
        &self,
        ids: Tensor<2, Int>,
        positions: Tensor<2, Int>,
        types: Tensor<2, Int>,
        spans: Option<&Spans>,
    ) -> Tensor<3> {
        let start = self.tokens.forward(ids)
            + self.positions.forward(positions)
            + self.token_types.forward(types);
        let start = self.dropout.forward(self.norm.forward(start));
        self.blocks
            .iter()
            .fold(start, |hidden, block| block.forward(hidden, spans))
    }

    /// Counts the rows of the token table.
    pub(crate) fn vocabulary(&self) -> usize {
        let [vocabulary, _] = self.tokens.weight.dims();
        vocabulary
    }

    /// Counts the tokens of the longest sequence.
    pub(crate) fn longest(&self) -> usize {
        let [positions, _] = self.positions.weight.dims();
        match self.counting {
            PositionCounting::PastPadding => positions.saturating_sub(self.padding_id as usize + 1),
            PositionCounting::Places => positions,
        }
    }
}
