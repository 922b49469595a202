use std::num::Saturating;

use burn::Tensor;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use serde::{Deserialize, Serialize};

use crate::fused::{WindowShape, convolve_and_pool, drop_and_rectify, linear, windows};
use crate::{Device, Error, Precision, Result, limits};

/// A convolution over positions, with what commonly follows it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConvolutionConfig {
    /// Channels in.
    pub channels: usize,
    /// Channels out.
    pub filters: usize,
    /// Positions that a filter sees.
    pub kernel: usize,
    /// Positions from one window to the next.
    pub stride: usize,
    /// Positions from one that a filter sees to the next.
    pub dilation: usize,
    /// What stands beyond the ends.
    pub padding: Padding,
    /// Neighbours of which only the largest is kept; 1 keeps all.
    pub pool: usize,
    /// What numbers below 0 are multiplied with: 0 is a rectifier; none leaves them.
    pub slope: Option<f64>,
}

/// What stands beyond the ends of a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Nothing: windows lie within the sequence.
    #[default]
    Valid,
    /// Zeros, so that a stride of 1 keeps the length; the odd one stands at the end, as Keras has it.
    Same,
}

/// Convolves, pools and bends. See [`ConvolutionConfig`].
#[derive(Module, Debug)]
pub struct Convolution {
    /// `[kernel channels, filters]`, positions before channels.
    pub filters: Linear,
    #[module(skip)]
    config: ConvolutionConfig,
}

impl Default for ConvolutionConfig {
    /// One channel to one, a kernel of 3, nothing around it.
    fn default() -> Self {
        Self {
            channels: 1,
            filters: 1,
            kernel: 3,
            stride: 1,
            dilation: 1,
            padding: Padding::Valid,
            pool: 1,
            slope: None,
        }
    }
}

impl ConvolutionConfig {
    /// Builds the block; fill its weights before use.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is 0 or above 65,536, or there are too many parameters.
    pub fn init(self, device: &Device) -> Result<Convolution> {
        for (name, value) in [
            ("channels", self.channels),
            ("filters", self.filters),
            ("kernel", self.kernel),
            ("stride", self.stride),
            ("dilation", self.dilation),
            ("pool", self.pool),
        ] {
            if value == 0 || value > 1 << 16 {
                return Err(Error::Setting {
                    name,
                    expected: "1 to 65536".into(),
                    found: value.to_string(),
                });
            }
        }
        limits::parameters(self.parameter_count())?;
        Ok(Convolution {
            filters: LinearConfig::new(self.kernel * self.channels, self.filters).init(device),
            config: self,
        })
    }

    /// Counts the positions that come out of a sequence; 0 when it is too short.
    pub fn length(&self, length: usize) -> usize {
        self.shape().windows(length) / self.pool.max(1)
    }

    /// Counts the parameters.
    pub fn parameter_count(&self) -> usize {
        let [kernel, channels, filters] =
            [self.kernel, self.channels, self.filters].map(Saturating);
        ((kernel * channels + Saturating(1)) * filters).0
    }

    fn shape(&self) -> WindowShape {
        let around = match self.padding {
            Padding::Valid => 0,
            Padding::Same => self.dilation.saturating_mul(self.kernel.saturating_sub(1)),
        };
        WindowShape {
            kernel: self.kernel.max(1),
            stride: self.stride.max(1),
            dilation: self.dilation,
            before: around / 2,
            after: around - around / 2,
        }
    }
}

impl Convolution {
    /// Convolves.
    ///
    /// # Shapes
    ///
    /// `[rows, length, channels]` to `[rows, ConvolutionConfig::length, filters]`.
    ///
    /// # Panics
    ///
    /// When nothing comes out of sequences of this length.
    pub fn forward(&self, inputs: Tensor<3>) -> Tensor<3> {
        let shape = self.config.shape();
        if self.config.pool > 1
            && let Some(bias) = &self.filters.bias
        {
            let slope = self.config.slope.unwrap_or(1.0) as f32;
            let weight = self.filters.weight.val();
            return convolve_and_pool(inputs, weight, bias.val(), shape, self.config.pool, slope);
        }
        // Single precision, as the pooled form is, whatever the products of the training.
        let outputs = Precision::Single.within(|| linear(&self.filters, windows(inputs, shape)));
        match self.config.slope {
            Some(slope) => drop_and_rectify(outputs, 0.0, slope),
            None => outputs,
        }
    }
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::fused::tests::{draw, numbers};

    #[test]
    fn convolutions_are_single_whatever_the_products_of_the_training() {
        for pool in [1, 2] {
            let inputs = draw("inputs", [2, 9, 3], 1.0);
            let config = ConvolutionConfig {
                channels: 3,
                filters: 4,
                pool,
                ..ConvolutionConfig::default()
            };
            let convolution = config.init(&inputs.device()).unwrap();
            let run = || {
                let outputs = convolution.forward(inputs.clone());
                let grads = outputs.clone().square().sum().backward();
                (numbers(outputs), numbers(inputs.grad(&grads).unwrap()))
            };
            let single = run();
            for precision in [Precision::Bfloat16, Precision::Half] {
                assert_eq!(precision.within(run), single, "pool {pool}, {precision:?}");
            }
        }
    }
}
