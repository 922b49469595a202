use burn::Tensor;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use chromex_core::{Dataset, MarkLayout, MarkSignal};
use chromex_nn::blocks::{RecurrentEncoders, RecurrentEncodersConfig};
use chromex_nn::fused::linear;
use chromex_nn::{
    Architecture, Clip, Decay, Device, Keep, Length, Optimizer, Recipe, Selection, limits,
};
use ndarray::{Array2, Array3, Axis};
use serde::{Deserialize, Serialize};

use crate::signal::{checked_layout, network_by_objective};
use crate::{Objective, SignalNetwork, initial};

/// The shape of an AttentiveChrome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttentiveChromeConfig {
    /// Hidden units per direction of the encoders of bins.
    pub bin_hidden: usize,
    /// Hidden units per direction of the encoder of marks.
    pub mark_hidden: usize,
    /// Whether encoders read in both directions.
    pub bidirectional: bool,
    /// Every weight starts between minus and plus this.
    pub initial_bound: f64,
    /// What it predicts.
    pub objective: Objective,
}

/// A bidirectional LSTM with attention over the bins of each mark, and one over the marks (Singh et al. 2017,
/// doi:10.1101/329334).
///
/// # Differences from the paper
///
/// The published PyTorch code: every parameter is drawn between -0.1 and 0.1 and no dropout acts, since it is given to
/// recurrences of one layer. The probability of class 1 is predicted, of which the published code hands out the logit.
#[derive(Module, Debug)]
pub struct AttentiveChrome {
    /// One encoder per mark, over its bins.
    pub bins: RecurrentEncoders,
    /// One encoder over what the marks became.
    pub marks: RecurrentEncoders,
    /// From what all marks became to the score.
    pub head: Linear,
    #[module(skip)]
    layout: MarkLayout,
    #[module(skip)]
    pub(crate) objective: Objective,
}

/// How much attention bins and marks got.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// The attention of each mark's bins, `[rows, marks, bins]`; adds up to 1 over the bins.
    pub bins: Array3<f32>,
    /// The attention of the marks, `[rows, marks]`; adds up to 1.
    pub marks: Array2<f32>,
}

impl Attention {
    /// Puts what was computed in the network's order of marks into that of the rows, several signals of all marks one after the
    /// other: `places` says where each of the network's marks stands among theirs.
    pub(crate) fn in_places(self, places: Option<Vec<usize>>) -> Self {
        let Some(places) = places else {
            return self;
        };
        let own = |extent: usize| -> Vec<usize> {
            let (marks, inverse) = (places.len(), inverse(&places));
            (0..extent)
                .map(|index| index - index % marks + inverse[index % marks])
                .collect()
        };
        Self {
            bins: self.bins.select(Axis(1), &own(self.bins.shape()[1])),
            marks: self.marks.select(Axis(1), &own(self.marks.ncols())),
        }
    }
}

/// Turns places around: where each of the others' marks stands among the network's.
pub(crate) fn inverse(places: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; places.len()];
    for (own, &other) in places.iter().enumerate() {
        inverse[other] = own;
    }
    inverse
}

impl Default for AttentiveChromeConfig {
    fn default() -> Self {
        Self {
            bin_hidden: 32,
            mark_hidden: 16,
            bidirectional: true,
            initial_bound: 0.1,
            objective: Objective::Binary,
        }
    }
}

impl AttentiveChromeConfig {
    /// Predicts a quantity instead of a class.
    pub fn regression() -> Self {
        Self {
            objective: Objective::Regression,
            ..Self::default()
        }
    }

    /// Trains as published: Adam at 2e-4, batches of 16, 30 epochs, gradients clipped to the joint norm 1, the weights with the
    /// largest area under the curve on validation rows.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            optimizer: adam(),
            learning_rate: 2e-4,
            batch_rows: 16,
            length: Length::Epochs(30),
            clip: Clip::GlobalNorm(1.0),
            keep: Keep::BestValidation,
            selection: match self.objective {
                Objective::Binary => Selection::AreaUnderRoc,
                Objective::Regression => Selection::Pearson,
            },
            ..Recipe::default()
        }
    }

    /// Counts the parameters for a number of marks: 55,681 for five.
    pub fn parameter_count(&self, marks: usize) -> usize {
        let bins = self.bins(marks);
        let level = self.marks(bins.width());
        bins.parameter_count()
            .saturating_add(level.parameter_count())
            .saturating_add(level.width())
            .saturating_add(1)
    }

    /// Builds the network for windows of some marks and bins.
    ///
    /// # Errors
    ///
    /// [`chromex_nn::Error::Setting`] when an extent is 0.
    pub fn init(
        &self,
        layout: &MarkLayout,
        seed: u64,
        device: &Device,
    ) -> chromex_nn::Result<AttentiveChrome> {
        limits::at_least_zero("initial_bound", self.initial_bound)?;
        let bins = self.bins(layout.marks.len());
        let marks = self.marks(bins.width());
        let network = AttentiveChrome {
            bins: bins.init(device)?,
            marks: marks.init(device)?,
            head: LinearConfig::new(marks.width(), 1).init(device),
            layout: layout.clone(),
            objective: self.objective,
        };
        initial::bounded(network, self.initial_bound, seed)
    }

    fn bins(&self, marks: usize) -> RecurrentEncodersConfig {
        RecurrentEncodersConfig {
            encoders: marks,
            channels: 1,
            hidden: self.bin_hidden,
            bidirectional: self.bidirectional,
        }
    }

    fn marks(&self, width: usize) -> RecurrentEncodersConfig {
        RecurrentEncodersConfig {
            encoders: 1,
            channels: width,
            hidden: self.mark_hidden,
            bidirectional: self.bidirectional,
        }
    }
}

/// Adam as PyTorch has it, without decay.
pub(crate) fn adam() -> Optimizer {
    Optimizer::AdamW {
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        decay: Decay::All,
    }
}

impl<X: MarkSignal> Architecture<X> for AttentiveChromeConfig {
    type Network = AttentiveChrome;

    fn build(
        &self,
        train: &Dataset<X>,
        seed: u64,
        device: &Device,
    ) -> chromex_nn::Result<AttentiveChrome> {
        self.init(&checked_layout(train, self.objective)?, seed, device)
    }
}

impl AttentiveChrome {
    /// Tells how much attention the bins and marks of each row get, marks in the order of the rows.
    ///
    /// # Errors
    ///
    /// When the windows are not those that the network was built for.
    pub fn attention<X: MarkSignal>(
        &self,
        inputs: &X,
        device: &Device,
    ) -> chromex_nn::Result<Attention> {
        let signal = self.read(inputs, device)?;
        let (encoded, bins) = self.bins.forward_with_attention(by_mark(signal));
        let (_, marks) = self.marks.forward_with_attention(as_sequence(encoded));
        let attention = Attention {
            bins: array_3(bins.swap_dims(0, 1)),
            marks: array_3(marks).index_axis_move(Axis(0), 0),
        };
        let places = self.layout.places_in(&inputs.windows().layout())?;
        Ok(attention.in_places(places))
    }
}

impl SignalNetwork for AttentiveChrome {
    fn scores(&self, signal: Tensor<3>) -> Tensor<2> {
        let encoded = self.bins.forward(by_mark(signal));
        let all = self.marks.forward(as_sequence(encoded));
        linear(&self.head, all.squeeze_dim::<2>(0))
    }

    fn layout(&self) -> &MarkLayout {
        &self.layout
    }
}

network_by_objective!(AttentiveChrome);

/// Gives every mark its encoder: `[rows, bins, marks]` to `[marks, rows, bins, 1]`.
pub(crate) fn by_mark(signal: Tensor<3>) -> Tensor<4> {
    signal.permute([2, 0, 1]).unsqueeze_dim::<4>(3)
}

/// Makes one sequence of what several encoders made: `[encoders, rows, width]` to `[1, rows, encoders, width]`.
pub(crate) fn as_sequence(encoded: Tensor<3>) -> Tensor<4> {
    encoded.swap_dims(0, 1).unsqueeze_dim::<4>(0)
}

pub(crate) fn array_3(tensor: Tensor<3>) -> Array3<f32> {
    let [a, b, c] = tensor.dims();
    let values = tensor
        .into_data()
        .convert::<f32>()
        .try_to_vec()
        .expect("the data was just converted to this type");
    Array3::from_shape_vec((a, b, c), values).expect("a tensor has as many values as its shape")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::layout_of;

    #[test]
    fn the_published_network_has_its_parameters() {
        assert_eq!(AttentiveChromeConfig::default().parameter_count(5), 55_681);
        let network = AttentiveChromeConfig::default()
            .init(&layout_of(100, 5), 1, &Device::default())
            .unwrap();
        assert_eq!(network.num_params(), 55_681);
    }
}
