use std::num::Saturating;

use burn::Tensor;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::{log_softmax, softmax};
use chromex_core::{Dataset, MarkLayout, MarkSignal};
use chromex_nn::blocks::{Convolution, ConvolutionConfig, Dropout};
use chromex_nn::fused::{drop_and_rectify, linear};
use chromex_nn::{
    Architecture, Device, Keep, Length, Network, Optimizer, Recipe, Schedule, Selection, limits,
    mean,
};
use serde::{Deserialize, Serialize};

use crate::signal::{checked_layout, target_tensor};
use crate::{Objective, SignalNetwork, initial};

/// The shape of a DeepChrome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeepChromeConfig {
    /// Filters of the convolution.
    pub filters: usize,
    /// Bins that a filter sees.
    pub kernel: usize,
    /// Neighbours of which the largest is kept.
    pub pool: usize,
    /// The part of the pooled numbers that is left out in training.
    pub dropout: f64,
    /// Channels of the two hidden layers.
    pub hidden: [usize; 2],
    /// What it predicts.
    pub objective: Objective,
}

/// A convolution over bins and a perceptron (Singh et al. 2016, doi:10.1093/bioinformatics/btw427).
///
/// # Differences from the paper
///
/// The probability of class 1 is predicted; training is on the log-probabilities of both, as published. A network for
/// regression has one output in place of two.
#[derive(Module, Debug)]
pub struct DeepChrome {
    /// Over bins, rectified and pooled.
    pub convolution: Convolution,
    /// The first hidden layer.
    pub first: Linear,
    /// The second hidden layer.
    pub second: Linear,
    /// To a score per class, or to the quantity.
    pub head: Linear,
    /// Of the pooled numbers.
    dropout: Dropout,
    #[module(skip)]
    layout: MarkLayout,
    #[module(skip)]
    objective: Objective,
}

impl Default for DeepChromeConfig {
    fn default() -> Self {
        Self {
            filters: 50,
            kernel: 10,
            pool: 5,
            dropout: 0.5,
            hidden: [625, 125],
            objective: Objective::Binary,
        }
    }
}

impl DeepChromeConfig {
    /// Predicts a quantity instead of a class.
    pub fn regression() -> Self {
        Self {
            objective: Objective::Regression,
            ..Self::default()
        }
    }

    /// Trains as published: gradient descent at 1e-3 / (1 + 1e-7 t) on one row at a time, 99 epochs, the weights of the epoch
    /// with the largest area under the curve on validation rows.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            optimizer: Optimizer::Sgd { momentum: 0.0 },
            learning_rate: 1e-3,
            schedule: Schedule::InverseTime { decay: 1e-7 },
            batch_rows: 1,
            length: Length::Epochs(99),
            keep: Keep::BestValidation,
            selection: match self.objective {
                Objective::Binary => Selection::AreaUnderRoc,
                Objective::Regression => Selection::Pearson,
            },
            report_every: 1000,
            ..Recipe::default()
        }
    }

    /// Counts the parameters for windows of some bins and marks: 644,177 for 100 and 5.
    pub fn parameter_count(&self, [bins, marks]: [usize; 2]) -> usize {
        let convolution = self.convolution(marks);
        let [first, second] = self.hidden.map(Saturating);
        let [length, filters] = [convolution.length(bins), self.filters].map(Saturating);
        let [one, outputs] = [1, self.outputs()].map(Saturating);
        let dense =
            (length * filters + one) * first + (first + one) * second + (second + one) * outputs;
        (Saturating(convolution.parameter_count()) + dense).0
    }

    /// Builds the network for windows of some marks and bins.
    ///
    /// # Errors
    ///
    /// [`chromex_nn::Error::Setting`] when a setting is out of range or the windows are too short.
    pub fn init(
        &self,
        layout: &MarkLayout,
        seed: u64,
        device: &Device,
    ) -> chromex_nn::Result<DeepChrome> {
        let convolution = self.convolution(layout.marks.len());
        let built = convolution.init(device)?;
        let length = convolution.length(layout.bins);
        if length == 0 || self.hidden.contains(&0) || !(0.0..1.0).contains(&self.dropout) {
            return Err(chromex_nn::Error::Setting {
                name: "bins, hidden, dropout",
                expected: "windows that fill a pool, hidden channels, and dropout in 0 to 1".into(),
                found: format!("{} bins, {:?}, {}", layout.bins, self.hidden, self.dropout),
            });
        }
        let [first, second] = self.hidden;
        limits::count("hidden", first, limits::MOST_CHANNELS)?;
        limits::count("hidden", second, limits::MOST_CHANNELS)?;
        let shape = [layout.bins, layout.marks.len()];
        limits::parameters(self.parameter_count(shape))?;
        let network = DeepChrome {
            convolution: built,
            dropout: Dropout::new(self.dropout),
            first: LinearConfig::new(length * self.filters, first).init(device),
            second: LinearConfig::new(first, second).init(device),
            head: LinearConfig::new(second, self.outputs()).init(device),
            layout: layout.clone(),
            objective: self.objective,
        };
        initial::torch(network, seed)
    }

    fn outputs(&self) -> usize {
        match self.objective {
            Objective::Binary => 2,
            Objective::Regression => 1,
        }
    }

    fn convolution(&self, marks: usize) -> ConvolutionConfig {
        ConvolutionConfig {
            channels: marks,
            filters: self.filters,
            kernel: self.kernel,
            pool: self.pool,
            slope: Some(0.0),
            ..ConvolutionConfig::default()
        }
    }
}

impl<X: MarkSignal> Architecture<X> for DeepChromeConfig {
    type Network = DeepChrome;

    fn build(
        &self,
        train: &Dataset<X>,
        seed: u64,
        device: &Device,
    ) -> chromex_nn::Result<DeepChrome> {
        self.init(&checked_layout(train, self.objective)?, seed, device)
    }
}

impl DeepChrome {
    /// Tells what it predicts.
    pub fn objective(&self) -> Objective {
        self.objective
    }
}

impl SignalNetwork for DeepChrome {
    fn scores(&self, signal: Tensor<3>) -> Tensor<2> {
        // Filters run slower than positions, as Torch flattens.
        let pooled = self.convolution.forward(signal).swap_dims(1, 2);
        let flat = self.dropout.forward(pooled.flatten::<2>(1, 2));
        let first = drop_and_rectify(linear(&self.first, flat), 0.0, 0.0);
        let second = drop_and_rectify(linear(&self.second, first), 0.0, 0.0);
        linear(&self.head, second)
    }

    fn layout(&self) -> &MarkLayout {
        &self.layout
    }
}

impl<X: MarkSignal> Network<X> for DeepChrome {
    fn forward(&self, inputs: &X, device: &Device) -> chromex_nn::Result<Tensor<2>> {
        let scores = self.scores(self.read(inputs, device)?);
        Ok(class_probability(scores, self.objective))
    }

    fn loss(&self, batch: &Dataset<X>, device: &Device) -> chromex_nn::Result<Tensor<1>> {
        let scores = self.scores(self.read(&batch.inputs, device)?);
        let targets = target_tensor(&batch.targets, device);
        Ok(class_loss(scores, targets, self.objective))
    }
}

/// Makes the probability of class 1 of the scores of both.
pub(crate) fn class_probability(scores: Tensor<2>, objective: Objective) -> Tensor<2> {
    match objective {
        Objective::Binary => softmax(scores, 1).narrow(1, 1, 1),
        Objective::Regression => scores,
    }
}

/// Measures the mean negative log-likelihood of the class, or the mean squared error.
pub(crate) fn class_loss(scores: Tensor<2>, targets: Tensor<2>, objective: Objective) -> Tensor<1> {
    match objective {
        Objective::Binary => {
            let scores = log_softmax(scores, 1);
            let [zero, one] = [0, 1].map(|class| scores.clone().narrow(1, class, 1));
            -mean(one * targets.clone() + zero * (targets.neg() + 1.0))
        }
        Objective::Regression => objective.loss(scores, targets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::layout_of;

    #[test]
    fn the_published_network_has_its_parameters() {
        let config = DeepChromeConfig::default();
        assert_eq!(config.parameter_count([100, 5]), 644_177);
        let network = config
            .init(&layout_of(100, 5), 1, &Device::default())
            .unwrap();
        assert_eq!(network.num_params(), 644_177);
        assert!(
            config
                .init(&layout_of(9, 5), 1, &Device::default())
                .is_err()
        );
    }
}
