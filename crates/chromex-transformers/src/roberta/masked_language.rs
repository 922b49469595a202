use burn::Tensor;
use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Distribution, Int, TensorData};
use chromex_core::{Dataset, TokenIds, random};
use chromex_nn::blocks::{LayerNorm, LayerNormConfig};
use chromex_nn::fused::{cross_entropy, gelu, linear};
use chromex_nn::weights::Snapshot;
use chromex_nn::{Architecture, Device, Error, Network, Result};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::network::draw;
use super::{Roberta, RobertaConfig};
use crate::padded_tokens::{PaddedTokens, SpecialTokens, TokenLayout};
use crate::token_regression::{below_vocabulary, check_vocabulary};

/// Learns a RoBERTa by hiding tokens that it has to find again.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MaskedLanguage {
    /// The network's shape.
    pub network: RobertaConfig,
    /// How sequences become rows.
    pub layout: TokenLayout,
    /// Which tokens are hidden, and how.
    pub masking: Masking,
    /// Weights to begin with, as when a network of all plants goes on with one.
    pub begin: Option<Snapshot>,
}

/// Which tokens are hidden, and how.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Masking {
    /// The chance of each word to be one that the network must find.
    pub share: f64,
    /// What stands in its place.
    pub replacement: Replacement,
}

/// What stands in the place of a token that the network must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replacement {
    /// The mask 8 times in 10, any token once, the token itself once, as BERT has it (Devlin et al. 2019).
    Mixed,
    /// Always the mask, as CornBERT's authors write.
    Mask,
}

/// A RoBERTa that scores every token for every place. See [`MaskedLanguage`].
#[derive(Module, Debug)]
pub struct RobertaMaskedLanguage {
    /// The base.
    pub roberta: Roberta,
    /// The head.
    pub head: MaskedTokenHead,
    #[module(skip)]
    layout: TokenLayout,
    #[module(skip)]
    masking: Masking,
}

/// Turns hidden states into scores of tokens; the output layer is the token table.
#[derive(Module, Debug)]
pub struct MaskedTokenHead {
    /// `[width, width]`.
    pub dense: Linear,
    /// The normalisation after the bend.
    pub norm: LayerNorm,
    /// Added to the score of each token, `[vocabulary]`.
    pub bias: Param<Tensor<1>>,
}

impl Default for Masking {
    /// 15 in 100 words, mixed.
    fn default() -> Self {
        Self {
            share: 0.15,
            replacement: Replacement::Mixed,
        }
    }
}

impl MaskedLanguage {
    /// Builds the network with weights that are yet to be filled.
    pub(super) fn blank(&self, device: &Device) -> Result<RobertaMaskedLanguage> {
        let share = self.masking.share;
        if !(share > 0.0 && share <= 1.0) {
            return Err(Error::Setting {
                name: "share",
                expected: "above 0 and at most 1".into(),
                found: share.to_string(),
            });
        }
        self.network.check()?;
        let RobertaConfig {
            width, vocabulary, ..
        } = self.network;
        below_vocabulary([&self.layout.special.mask], vocabulary)?;
        Ok(RobertaMaskedLanguage {
            roberta: self.network.blank(device)?,
            head: MaskedTokenHead {
                dense: LinearConfig::new(width, width).init(device),
                norm: LayerNormConfig {
                    width,
                    epsilon: self.network.norm_epsilon,
                }
                .init(device),
                bias: Param::from_tensor(Tensor::zeros([vocabulary], device)),
            },
            layout: self.layout.clone(),
            masking: self.masking,
        })
    }

    /// Builds the network with initial weights drawn from a seed, or those that it should begin with.
    ///
    /// # Errors
    ///
    /// When the shape is not one that a network can have, or the weights to begin with do not fit.
    pub fn init(&self, seed: u64, device: &Device) -> Result<RobertaMaskedLanguage> {
        let network = draw(self.blank(device)?, &self.network, seed)?;
        match &self.begin {
            Some(begin) => begin.begin(network),
            None => Ok(network),
        }
    }
}

impl RobertaMaskedLanguage {
    /// Computes the last hidden states; places of padding hold numbers without a meaning.
    ///
    /// # Shapes
    ///
    /// Returns `[rows, length, width]`.
    ///
    /// # Errors
    ///
    /// When a sequence is longer than the network's positions.
    pub fn hidden(&self, tokens: &TokenIds, device: &Device) -> Result<Tensor<3>> {
        let tokens =
            self.layout
                .lay_out(tokens, self.roberta.longest(), self.roberta.vocabulary())?;
        Ok(self.roberta.hidden(&tokens, device))
    }

    /// Computes the last hidden state of the place that begins each row, `[rows, width]`.
    ///
    /// # Errors
    ///
    /// When a sequence is longer than the network's positions.
    pub fn start_states(&self, tokens: &TokenIds, device: &Device) -> Result<Tensor<2>> {
        let tokens =
            self.layout
                .lay_out(tokens, self.roberta.longest(), self.roberta.vocabulary())?;
        let hidden = self.roberta.hidden(&tokens, device);
        let [rows, length, width] = hidden.dims();
        let starts: Vec<i32> = tokens.starts().map(|place| place as i32).collect();
        let starts = Tensor::<1, Int>::from_data(TensorData::new(starts, [rows]), device);
        Ok(hidden.reshape([rows * length, width]).select(0, starts))
    }

    /// Computes the scores of every token at the place that begins each row, `[rows, vocabulary]`.
    ///
    /// # Errors
    ///
    /// When a sequence is longer than the network's positions.
    pub fn start_scores(&self, tokens: &TokenIds, device: &Device) -> Result<Tensor<2>> {
        Ok(self.scores(self.start_states(tokens, device)?))
    }

    /// Computes the scores of every token at every place.
    ///
    /// # Shapes
    ///
    /// Returns `[rows, length, vocabulary]`.
    ///
    /// # Errors
    ///
    /// When a sequence is longer than the network's positions.
    pub fn logits(&self, tokens: &TokenIds, device: &Device) -> Result<Tensor<3>> {
        let hidden = self.hidden(tokens, device)?;
        let [rows, length, width] = hidden.dims();
        let scores = self.scores(hidden.reshape([rows * length, width]));
        let [_, vocabulary] = scores.dims();
        Ok(scores.reshape([rows, length, vocabulary]))
    }

    /// `[n, width]` to `[n, vocabulary]`.
    fn scores(&self, hidden: Tensor<2>) -> Tensor<2> {
        let table = self.roberta.tokens.weight.val();
        self.head.states(hidden).matmul(table.transpose()) + self.head.bias.val().unsqueeze()
    }
}

impl MaskedTokenHead {
    /// Bends hidden states towards the token table, `[n, width]` to the same.
    fn states(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.norm.forward(gelu(linear(&self.dense, hidden)))
    }

    /// Measures how unlikely tokens are at hidden states `[n, width]`.
    fn loss(&self, hidden: Tensor<2>, table: Tensor<2>, truth: Vec<u32>) -> Tensor<1> {
        let states = self.states(hidden);
        let [rows, _] = states.dims();
        let [vocabulary, _] = table.dims();
        // The bias is a weight of a channel that is always 1.
        let ones = Tensor::ones([rows, 1], &states.device());
        let bias = self.head_bias().reshape([vocabulary, 1]);
        let (states, table) = (
            Tensor::cat(vec![states, ones], 1),
            Tensor::cat(vec![table, bias], 1),
        );
        cross_entropy(states, table, truth)
    }

    fn head_bias(&self) -> Tensor<1> {
        self.bias.val()
    }
}

impl Masking {
    /// Hides tokens, and returns the places to find with the tokens that stood there.
    fn hide(
        self,
        tokens: &mut PaddedTokens,
        special: SpecialTokens,
        vocabulary: usize,
        generator: &mut impl Rng,
    ) -> (Vec<usize>, Vec<u32>) {
        let words: Vec<usize> = tokens.words().flatten().collect();
        let mut places: Vec<usize> = words
            .iter()
            .copied()
            .filter(|_| generator.random::<f64>() < self.share)
            .collect();
        if places.is_empty() && !words.is_empty() {
            // A mean over nothing is not a number.
            places.push(words[generator.random_range(0..words.len())]);
        }
        let truth = places.iter().map(|&place| tokens.ids[place]).collect();
        for &place in &places {
            let id = &mut tokens.ids[place];
            match (self.replacement, generator.random::<f64>()) {
                (Replacement::Mixed, 0.8..0.9) => {
                    *id = generator.random_range(0..vocabulary as u32);
                }
                (Replacement::Mixed, 0.9..) => {}
                (Replacement::Mixed | Replacement::Mask, _) => *id = special.mask,
            }
        }
        (places, truth)
    }
}

impl Network<TokenIds> for RobertaMaskedLanguage {
    /// Gives the mean hidden state of each row's words: `[rows, width]`.
    fn forward(&self, inputs: &TokenIds, device: &Device) -> Result<Tensor<2>> {
        let tokens =
            self.layout
                .lay_out(inputs, self.roberta.longest(), self.roberta.vocabulary())?;
        Ok(tokens.mean(self.roberta.hidden(&tokens, device)))
    }

    /// The mean negative log-likelihood of the hidden tokens. In training other tokens are hidden each time; without
    /// gradients always the same ones of a batch, so that two looks compare.
    fn loss(&self, batch: &Dataset<TokenIds>, device: &Device) -> Result<Tensor<1>> {
        let mut tokens = self.layout.lay_out(
            &batch.inputs,
            self.roberta.longest(),
            self.roberta.vocabulary(),
        )?;
        let table = self.roberta.tokens.weight.val();
        let [vocabulary, width] = table.dims();
        let seed = if device.is_autodiff() {
            draw_of(device)
        } else {
            0
        };
        let mut generator = random::generator(seed, "hidden tokens");
        let special = self.layout.special;
        let (places, truth) = self
            .masking
            .hide(&mut tokens, special, vocabulary, &mut generator);
        // A batch without words teaches nothing.
        if places.is_empty() {
            return Ok(table.narrow(0, 0, 1).sum() * 0.0);
        }
        let hidden = self.roberta.hidden(&tokens, device);
        let hidden = hidden.reshape([tokens.rows() * tokens.length, width]);
        let places: Vec<i32> = places.into_iter().map(|place| place as i32).collect();
        let count = places.len();
        let places = Tensor::<1, Int>::from_data(TensorData::new(places, [count]), device);
        Ok(self.head.loss(hidden.select(0, places), table, truth))
    }
}

/// Draws a seed from the device, which training seeds with the step.
fn draw_of(device: &Device) -> u64 {
    let device = device.clone().inner();
    let draws = Tensor::<1>::random([2], Distribution::Uniform(0.0, 1.0), &device);
    let draws = draws.into_data().convert::<f32>();
    let draws: Vec<f32> = draws.try_to_vec().expect("the data was just converted");
    draws
        .iter()
        .fold(0, |seed, draw| seed << 32 | u64::from(draw.to_bits()))
}

impl Architecture<TokenIds> for MaskedLanguage {
    type Network = RobertaMaskedLanguage;

    fn build(
        &self,
        train: &Dataset<TokenIds>,
        seed: u64,
        device: &Device,
    ) -> Result<RobertaMaskedLanguage> {
        check_vocabulary(&train.inputs, self.network.vocabulary)?;
        self.init(seed, device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chromex_core::View;

    #[test]
    fn a_share_of_the_words_is_hidden_and_replaced_as_published() {
        let mut ids: Vec<u32> = (0..20_000).map(|place| 5 + place % 90).collect();
        ids[0] = 0;
        ids[19_999] = 1;
        let tokens = TokenIds::new(ids.clone(), vec![0, 20_000], vec![View::Whole], 95, None);
        let tokens = tokens.unwrap();
        let layout = TokenLayout {
            length: Some(20_100),
            ..TokenLayout::default()
        };
        let hide = |replacement| {
            let mut padded = layout.lay_out(&tokens, 30_000, 1000).unwrap();
            let masking = Masking {
                share: 0.15,
                replacement,
            };
            let mut generator = random::generator(1, "test");
            let special = layout.special;
            let (places, truth) = masking.hide(&mut padded, special, 95, &mut generator);
            (padded, places, truth)
        };
        let (padded, places, truth) = hide(Replacement::Mixed);
        let share = places.len() as f64 / 19_998.0;
        assert!((share - 0.15).abs() < 0.01, "{share}");
        let of = |kept: &dyn Fn(u32, u32) -> bool| {
            let pairs = places.iter().zip(&truth);
            let count = pairs
                .filter(|&(&place, &id)| kept(padded.ids[place], id))
                .count();
            count as f64 / places.len() as f64
        };
        let (masked, same) = (of(&|now, _| now == 4), of(&|now, then| now == then));
        assert!((masked - 0.8).abs() < 0.03 && (same - 0.1).abs() < 0.03);
        // Neither specials nor padding are ever hidden, and the rest stays.
        assert!(places.iter().all(|&place| (101..20_099).contains(&place)));
        let mut restored = padded.ids.clone();
        for (&place, &id) in places.iter().zip(&truth) {
            restored[place] = id;
        }
        assert_eq!(restored[100..], ids[..]);
        let (padded, places, _) = hide(Replacement::Mask);
        assert!(places.iter().all(|&place| padded.ids[place] == 4));
    }
}
