use std::num::Saturating;

use burn::Tensor;
use burn::module::{Module, Param};
use serde::{Deserialize, Serialize};

use crate::fused::{attention_pool, attention_weights, lstm};
use crate::{Device, Error, Result, limits};

/// Encoders of sequences that work side by side, each with weights of its own: a bidirectional long short-term memory, and
/// attention over its states by a bare product with a context vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecurrentEncodersConfig {
    /// How many encoders there are.
    pub encoders: usize,
    /// Channels of a step.
    pub channels: usize,
    /// Hidden units of a direction.
    pub hidden: usize,
    /// Whether a second direction reads from the end.
    pub bidirectional: bool,
}

/// Encodes sequences. See [`RecurrentEncodersConfig`].
///
/// Gates stand in the order of PyTorch (input, forget, cell, output), and there are two biases as there, which the forward
/// pass adds.
#[derive(Module, Debug)]
pub struct RecurrentEncoders {
    /// `[encoders, directions, channels, 4 hidden]`.
    pub input_weight: Param<Tensor<4>>,
    /// `[encoders, directions, hidden, 4 hidden]`.
    pub hidden_weight: Param<Tensor<4>>,
    /// `[encoders, directions, 4 hidden]`.
    pub input_bias: Param<Tensor<3>>,
    /// `[encoders, directions, 4 hidden]`.
    pub hidden_bias: Param<Tensor<3>>,
    /// `[encoders, directions hidden]`.
    pub context: Param<Tensor<2>>,
}

impl RecurrentEncodersConfig {
    /// Builds the encoders, every weight 0; fill them before use.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when an extent is 0 or above 4,096, or there are too many parameters.
    pub fn init(self, device: &Device) -> Result<RecurrentEncoders> {
        for (name, value) in [
            ("encoders", self.encoders),
            ("channels", self.channels),
            ("hidden", self.hidden),
        ] {
            if value == 0 || value > 1 << 12 {
                return Err(Error::Setting {
                    name,
                    expected: "1 to 4096".into(),
                    found: value.to_string(),
                });
            }
        }
        limits::parameters(self.parameter_count())?;
        let (e, d, c, h) = (self.encoders, self.directions(), self.channels, self.hidden);
        let weight = |inner| Param::from_tensor(Tensor::zeros([e, d, inner, 4 * h], device));
        let bias = || Param::from_tensor(Tensor::zeros([e, d, 4 * h], device));
        Ok(RecurrentEncoders {
            input_weight: weight(c),
            hidden_weight: weight(h),
            input_bias: bias(),
            hidden_bias: bias(),
            context: Param::from_tensor(Tensor::zeros([e, self.width()], device)),
        })
    }

    /// Counts the parameters.
    pub fn parameter_count(&self) -> usize {
        let [encoders, channels, hidden, width] =
            [self.encoders, self.channels, self.hidden, self.width()].map(Saturating);
        let gates = Saturating(4) * width;
        (encoders * (gates * (channels + hidden + Saturating(2)) + width)).0
    }

    /// Channels of what comes out.
    pub fn width(&self) -> usize {
        self.directions().saturating_mul(self.hidden)
    }

    fn directions(&self) -> usize {
        if self.bidirectional { 2 } else { 1 }
    }
}

impl RecurrentEncoders {
    /// Encodes sequences.
    ///
    /// # Shapes
    ///
    /// `[encoders, rows, length, channels]` to `[encoders, rows, directions hidden]`.
    pub fn forward(&self, inputs: Tensor<4>) -> Tensor<3> {
        attention_pool(self.states(inputs), self.context.val())
    }

    /// Encodes sequences and tells how much attention each step got.
    ///
    /// # Shapes
    ///
    /// `[encoders, rows, length, channels]` to `[encoders, rows, directions hidden]` and `[encoders, rows, length]`.
    pub fn forward_with_attention(&self, inputs: Tensor<4>) -> (Tensor<3>, Tensor<3>) {
        let states = self.states(inputs);
        let weights = attention_weights(states.clone(), self.context.val());
        (attention_pool(states, self.context.val()), weights)
    }

    fn states(&self, inputs: Tensor<4>) -> Tensor<4> {
        lstm(
            inputs,
            self.input_weight.val(),
            self.hidden_weight.val(),
            self.input_bias.val() + self.hidden_bias.val(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_levels_have_their_parameter_counts() {
        let bins = RecurrentEncodersConfig {
            encoders: 1,
            channels: 1,
            hidden: 32,
            bidirectional: true,
        };
        let marks = RecurrentEncodersConfig {
            channels: 64,
            hidden: 16,
            ..bins
        };
        assert_eq!(bins.parameter_count(), 9_024);
        assert_eq!(marks.parameter_count(), 10_528);
    }
}
