use burn::Tensor;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use chromex_core::{Dataset, MarkLayout, MarkSignal};
use chromex_nn::fused::linear;
use chromex_nn::{Architecture, Device, Length, Network, Recipe};
use serde::{Deserialize, Serialize};

use crate::attentive_chrome::adam;
use crate::deep_chrome::{class_loss, class_probability};
use crate::signal::{checked_layout, target_tensor};
use crate::{Objective, SignalNetwork, initial};

/// The linear network of DeepChrome 2.0: each mark's mean over the window, and a linear layer to both classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearNetworkConfig {
    /// What it predicts.
    pub objective: Objective,
}

/// As many weights as marks, for each class (Kumar et al. 2022, doi:10.48550/arXiv.2209.11923): 12 parameters for five marks.
///
/// # Differences from the paper
///
/// Its code is not public; that marks are averaged over bins is inferred from the number of parameters.
#[derive(Module, Debug)]
pub struct LinearNetwork {
    /// From the means of the marks to a score per class.
    pub head: Linear,
    #[module(skip)]
    layout: MarkLayout,
    #[module(skip)]
    objective: Objective,
}

impl LinearNetworkConfig {
    /// Trains by Adam at 1e-2, batches of 64, 30 epochs. The paper does not say.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            optimizer: adam(),
            learning_rate: 1e-2,
            batch_rows: 64,
            length: Length::Epochs(30),
            ..Recipe::default()
        }
    }

    /// Builds the network for windows of some marks and bins.
    ///
    /// # Errors
    ///
    /// None of its own; weights are drawn as all of this crate are.
    pub fn init(
        &self,
        layout: &MarkLayout,
        seed: u64,
        device: &Device,
    ) -> chromex_nn::Result<LinearNetwork> {
        let outputs = match self.objective {
            Objective::Binary => 2,
            Objective::Regression => 1,
        };
        let network = LinearNetwork {
            head: LinearConfig::new(layout.marks.len(), outputs).init(device),
            layout: layout.clone(),
            objective: self.objective,
        };
        initial::torch(network, seed)
    }
}

impl<X: MarkSignal> Architecture<X> for LinearNetworkConfig {
    type Network = LinearNetwork;

    fn build(
        &self,
        train: &Dataset<X>,
        seed: u64,
        device: &Device,
    ) -> chromex_nn::Result<LinearNetwork> {
        self.init(&checked_layout(train, self.objective)?, seed, device)
    }
}

impl SignalNetwork for LinearNetwork {
    fn scores(&self, signal: Tensor<3>) -> Tensor<2> {
        linear(&self.head, signal.mean_dim(1).squeeze_dim::<2>(1))
    }

    fn layout(&self) -> &MarkLayout {
        &self.layout
    }
}

impl<X: MarkSignal> Network<X> for LinearNetwork {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::layout_of;

    #[test]
    fn five_marks_and_two_classes_have_twelve_parameters() {
        let config = LinearNetworkConfig::default();
        let network = config
            .init(&layout_of(100, 5), 1, &Device::default())
            .unwrap();
        assert_eq!(network.num_params(), 12);
    }
}
