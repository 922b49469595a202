use std::num::Saturating;

use burn::Tensor;
use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Int, TensorData};
use chromex_core::{Dataset, MarkLayout, MarkSignal};
use chromex_nn::blocks::{Convolution, ConvolutionConfig, Dropout};
use chromex_nn::fused::linear;
use chromex_nn::{Architecture, Device, Error, Length, Network, Recipe, limits, mean};
use serde::{Deserialize, Serialize};

use crate::attentive_chrome::adam;
use crate::signal::{checked_layout, target_tensor};
use crate::{Objective, SignalNetwork, initial};

/// The shape of Team Jamaica's fully convolutional network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FcnConfig {
    /// Filters of the layers; the first, third, fifth and so on move two bins at a time.
    pub filters: Vec<usize>,
    /// Bins that a filter sees.
    pub kernel: usize,
    /// The part of the numbers that is left out in training after each normalisation.
    pub dropout: f64,
    /// What numbers below 0 are multiplied with.
    pub slope: f64,
    /// What comes out.
    pub output: FcnOutput,
}

/// What a fully convolutional network tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FcnOutput {
    /// One number per row.
    Objective(Objective),
    /// A probability for each of several classes; the target is the index of the class.
    Classes(usize),
}

/// Eight convolutions without padding, normalised over the batch, down to one position, and a linear layer on it.
///
/// # Differences from the report
///
/// Slope, dropout, optimiser and batch are not stated there; they follow the module it cites. Running variances divide by the
/// number of values, those of PyTorch by one less.
#[derive(Module, Debug)]
pub struct Fcn {
    /// The convolutions.
    pub convolutions: Vec<Convolution>,
    /// A normalisation after each.
    pub norms: Vec<BatchNorm>,
    /// The convolution of width 1 at the end.
    pub head: Linear,
    #[module(skip)]
    layout: MarkLayout,
    dropout: Dropout,
    #[module(skip)]
    slope: f64,
    #[module(skip)]
    output: FcnOutput,
}

impl Default for FcnConfig {
    fn default() -> Self {
        Self {
            filters: vec![64, 64, 128, 128, 256, 256, 512, 512],
            kernel: 3,
            dropout: 0.2,
            slope: 0.05,
            output: FcnOutput::Objective(Objective::Regression),
        }
    }
}

impl FcnConfig {
    /// Tells cells apart: the gate of the ensemble with learned weighting.
    pub fn cell_classifier(cells: usize) -> Self {
        Self {
            output: FcnOutput::Classes(cells),
            ..Self::default()
        }
    }

    /// Predicts whether a gene is expressed.
    pub fn binary() -> Self {
        Self {
            output: FcnOutput::Objective(Objective::Binary),
            ..Self::default()
        }
    }

    /// Trains by Adam at 2e-4 on batches of 128 for 1,000 epochs, as far as the report says.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            optimizer: adam(),
            learning_rate: 2e-4,
            batch_rows: 128,
            length: Length::Epochs(1000),
            ..Recipe::default()
        }
    }

    /// Lists the positions that each layer leaves of a window: 49, 47, 23, 21, 10, 8, 3 and 1 of 100.
    pub fn lengths(&self, bins: usize) -> Vec<usize> {
        let mut length = bins;
        self.layers(1)
            .iter()
            .map(|layer| {
                length = layer.length(length);
                length
            })
            .collect()
    }

    /// Counts the parameters for a number of marks: 1,567,809 for five.
    pub fn parameter_count(&self, marks: usize) -> usize {
        let layers: Saturating<usize> = self
            .layers(marks)
            .iter()
            .map(|layer| {
                Saturating(layer.parameter_count()) + Saturating(2) * Saturating(layer.filters)
            })
            .sum();
        let last = Saturating(self.filters.last().copied().unwrap_or(0));
        (layers + (last + Saturating(1)) * Saturating(self.outputs())).0
    }

    /// Builds the network for windows of some marks and bins.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range or the layers leave nothing of the window.
    pub fn init(&self, layout: &MarkLayout, seed: u64, device: &Device) -> chromex_nn::Result<Fcn> {
        let left = self.lengths(layout.bins).last().copied().unwrap_or(0);
        if left != 1 || !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::Setting {
                name: "filters, dropout",
                expected: format!(
                    "layers that leave 1 of {} bins, dropout in 0 to 1",
                    layout.bins
                ),
                found: format!("{left} bins left, dropout {}", self.dropout),
            });
        }
        limits::count("classes", self.outputs(), limits::MOST_CHANNELS)?;
        if !self.slope.is_finite() {
            return Err(Error::Setting {
                name: "slope",
                expected: "a finite number".into(),
                found: self.slope.to_string(),
            });
        }
        for layer in self.layers(layout.marks.len()) {
            limits::parameters(layer.parameter_count())?;
        }
        limits::parameters(self.parameter_count(layout.marks.len()))?;
        let last = self.filters[self.filters.len() - 1];
        let network = Fcn {
            convolutions: self
                .layers(layout.marks.len())
                .into_iter()
                .map(|layer| layer.init(device))
                .collect::<chromex_nn::Result<_>>()?,
            norms: self
                .filters
                .iter()
                .map(|&filters| BatchNormConfig::new(filters).init(device))
                .collect(),
            dropout: Dropout::new(self.dropout),
            head: LinearConfig::new(last, self.outputs()).init(device),
            layout: layout.clone(),
            slope: self.slope,
            output: self.output,
        };
        initial::torch(network, seed)
    }

    fn layers(&self, marks: usize) -> Vec<ConvolutionConfig> {
        let before = std::iter::once(marks).chain(self.filters.iter().copied());
        before
            .zip(&self.filters)
            .enumerate()
            .map(|(index, (channels, &filters))| ConvolutionConfig {
                channels,
                filters,
                kernel: self.kernel,
                stride: if index % 2 == 0 { 2 } else { 1 },
                ..ConvolutionConfig::default()
            })
            .collect()
    }

    fn outputs(&self) -> usize {
        match self.output {
            FcnOutput::Objective(_) => 1,
            FcnOutput::Classes(classes) => classes,
        }
    }
}

impl<X: MarkSignal> Architecture<X> for FcnConfig {
    type Network = Fcn;

    fn build(&self, train: &Dataset<X>, seed: u64, device: &Device) -> chromex_nn::Result<Fcn> {
        let layout = match self.output {
            FcnOutput::Objective(objective) => checked_layout(train, objective)?,
            FcnOutput::Classes(classes) => {
                let class = |value: &&f32| {
                    !(value.fract() == 0.0 && **value >= 0.0 && (**value as usize) < classes)
                };
                if let Some(value) = train.targets.values.iter().find(class) {
                    return Err(Error::Setting {
                        name: "targets of a classifier",
                        expected: format!("a class from 0 to {}", classes.saturating_sub(1)),
                        found: value.to_string(),
                    });
                }
                checked_layout(train, Objective::Regression)?
            }
        };
        self.init(&layout, seed, device)
    }
}

impl SignalNetwork for Fcn {
    fn scores(&self, signal: Tensor<3>) -> Tensor<2> {
        let mut hidden = signal;
        for (convolution, norm) in self.convolutions.iter().zip(&self.norms) {
            let convolved = convolution.forward(hidden);
            let [rows, length, filters] = convolved.dims();
            let normal = norm.forward(convolved.reshape([rows * length, filters]));
            let bent = self.dropout.forward_rectified(normal, self.slope);
            hidden = bent.reshape([rows, length, filters]);
        }
        linear(&self.head, hidden.squeeze_dim::<2>(1))
    }

    fn layout(&self) -> &MarkLayout {
        &self.layout
    }
}

impl<X: MarkSignal> Network<X> for Fcn {
    fn forward(&self, inputs: &X, device: &Device) -> chromex_nn::Result<Tensor<2>> {
        let scores = self.scores(self.read(inputs, device)?);
        Ok(match self.output {
            FcnOutput::Objective(objective) => objective.predict(scores),
            FcnOutput::Classes(_) => softmax(scores, 1),
        })
    }

    fn loss(&self, batch: &Dataset<X>, device: &Device) -> chromex_nn::Result<Tensor<1>> {
        let scores = self.scores(self.read(&batch.inputs, device)?);
        if let FcnOutput::Objective(objective) = self.output {
            return Ok(objective.loss(scores, target_tensor(&batch.targets, device)));
        }
        let classes: Vec<i32> = batch
            .targets
            .values
            .iter()
            .map(|&class| class as i32)
            .collect();
        let classes = TensorData::new(classes, [batch.len(), 1]);
        let classes = Tensor::<2, Int>::from_data(classes, device);
        Ok(-mean(log_softmax(scores, 1).gather(1, classes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::layout_of;

    #[test]
    fn the_reported_network_has_its_lengths_and_parameters() {
        let config = FcnConfig::default();
        assert_eq!(config.lengths(100), [49, 47, 23, 21, 10, 8, 3, 1]);
        assert_eq!(config.parameter_count(5), 1_567_809);
        assert_eq!(FcnConfig::cell_classifier(50).parameter_count(5), 1_592_946);
        let network = config
            .init(&layout_of(100, 5), 1, &Device::default())
            .unwrap();
        // Running means and variances are state, not parameters.
        let state = 2 * config.filters.iter().sum::<usize>();
        assert!([1_567_809, 1_567_809 + state].contains(&network.num_params()));
        assert!(
            config
                .init(&layout_of(200, 5), 1, &Device::default())
                .is_err()
        );
    }
}
