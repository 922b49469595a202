//! Recurrent encoders, all of a level in one operation.

#[cfg(feature = "cpu")]
mod backward;
#[cfg(feature = "cpu")]
mod extension;
#[cfg(feature = "cpu")]
mod kernel;
mod plain;
#[cfg(feature = "cpu")]
mod pool;
#[cfg(feature = "cpu")]
mod tile;

use burn::Tensor;

#[cfg(feature = "cpu")]
use super::flex::can_take;

/// Runs long short-term memories over sequences, each encoder with weights of its own (Hochreiter and Schmidhuber 1997,
/// doi:10.1162/neco.1997.9.8.1735). Gates are in the order of PyTorch: input, forget, cell, output.
///
/// # Shapes
///
/// `inputs` is `[encoders, rows, length, channels]`, `input_weight` is `[encoders, directions, channels, 4 hidden]`,
/// `hidden_weight` is `[encoders, directions, hidden, 4 hidden]` and `bias` is `[encoders, directions, 4 hidden]`. A second
/// direction reads from the end. Returns the states `[encoders, rows, length, directions hidden]`.
///
/// # Panics
///
/// When the shapes do not fit together, or there are no steps, or not one or two directions.
pub fn lstm(
    inputs: Tensor<4>,
    input_weight: Tensor<4>,
    hidden_weight: Tensor<4>,
    bias: Tensor<3>,
) -> Tensor<4> {
    let [encoders, _, length, channels] = inputs.dims();
    let [_, directions, hidden, gates] = hidden_weight.dims();
    assert!(length > 0, "a sequence has steps");
    assert!([1, 2].contains(&directions), "one or two directions");
    assert_eq!(gates, 4 * hidden, "four gates");
    assert_eq!(
        hidden_weight.dims(),
        [encoders, directions, hidden, gates],
        "an encoder per sequence"
    );
    assert_eq!(
        input_weight.dims(),
        [encoders, directions, channels, gates],
        "weights of the inputs"
    );
    assert_eq!(bias.dims(), [encoders, directions, gates], "biases");
    #[cfg(feature = "cpu")]
    if can_take(&inputs) {
        return extension::lstm(inputs, input_weight, hidden_weight, bias);
    }
    plain::lstm(inputs, input_weight, hidden_weight, bias)
}

/// Averages the states of each sequence under attention: the softmax, over the sequence, of each state's product with the
/// encoder's context vector.
///
/// # Shapes
///
/// `states` is `[encoders, rows, length, width]`, `context` is `[encoders, width]`; returns `[encoders, rows, width]`.
pub fn attention_pool(states: Tensor<4>, context: Tensor<2>) -> Tensor<3> {
    #[cfg(feature = "cpu")]
    if can_take(&states) {
        return extension::attention_pool(states, context);
    }
    plain::attention_pool(states, context)
}

/// Computes the attention under which [`attention_pool`] averages.
///
/// # Shapes
///
/// Returns `[encoders, rows, length]`.
pub fn attention_weights(states: Tensor<4>, context: Tensor<2>) -> Tensor<3> {
    plain::attention_weights(states, context)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::fused::tests::{close, compare, draw, numbers};

    /// Weights of one level.
    fn level(encoders: usize, directions: usize, channels: usize, hidden: usize) -> Parts {
        Parts {
            input: draw(
                "input weight",
                [encoders, directions, channels, 4 * hidden],
                0.5,
            ),
            hidden: draw(
                "hidden weight",
                [encoders, directions, hidden, 4 * hidden],
                0.5,
            ),
            bias: draw("bias", [encoders, directions, 4 * hidden], 0.5),
        }
    }

    struct Parts {
        input: Tensor<4>,
        hidden: Tensor<4>,
        bias: Tensor<3>,
    }

    #[test]
    fn encoders_equal_the_composed_form_in_value_and_every_gradient() {
        // One channel and many, hidden units of whole vectors and not, blocks that are full and not, one direction.
        for (encoders, rows, length, channels, directions, hidden) in [
            (5, 10, 20, 1, 2, 32),
            (2, 17, 7, 12, 2, 16),
            (1, 3, 5, 64, 2, 5),
            (3, 1, 1, 2, 2, 20),
            (2, 9, 6, 1, 1, 32),
        ] {
            let parts = level(encoders, directions, channels, hidden);
            let of = |form: fn(Tensor<4>, Tensor<4>, Tensor<4>, Tensor<3>) -> Tensor<4>| {
                move |inputs: Tensor<4>, parts: &Parts| {
                    form(
                        inputs,
                        parts.input.clone(),
                        parts.hidden.clone(),
                        parts.bias.clone(),
                    )
                }
            };
            let (fused, plain) = (of(lstm), of(plain::lstm));
            let inputs = draw("inputs", [encoders, rows, length, channels], 2.0);
            compare(
                inputs.clone(),
                2e-5,
                |inputs| fused(inputs, &parts),
                |inputs| plain(inputs, &parts),
            );
            let grads = |states: Tensor<4>| {
                let weights = draw("output gradient", states.dims(), 1.0).detach();
                let grads = (states * weights).sum().backward();
                [
                    numbers(parts.input.grad(&grads).unwrap()),
                    numbers(parts.hidden.grad(&grads).unwrap()),
                    numbers(parts.bias.grad(&grads).unwrap()),
                ]
            };
            // Data that nothing is differentiated by, as in training.
            let ours = grads(fused(inputs.clone().detach(), &parts));
            let theirs = grads(plain(inputs, &parts));
            for (ours, theirs) in ours.iter().zip(&theirs) {
                close(ours, theirs, 1e-4);
            }
        }
    }

    #[test]
    fn large_inputs_saturate_and_stay_finite() {
        let parts = level(1, 2, 1, 16);
        let inputs = draw("inputs", [1, 2, 9, 1], 1e4);
        compare(
            inputs,
            1e-3,
            |x| {
                lstm(
                    x,
                    parts.input.clone(),
                    parts.hidden.clone(),
                    parts.bias.clone(),
                )
            },
            |x| {
                plain::lstm(
                    x,
                    parts.input.clone(),
                    parts.hidden.clone(),
                    parts.bias.clone(),
                )
            },
        );
    }

    #[test]
    fn pooling_equals_the_composed_form_in_value_and_every_gradient() {
        for (encoders, rows, length, width, scale) in
            [(5, 6, 20, 64, 1.0), (2, 3, 1, 5, 1.0), (1, 2, 30, 33, 6.0)]
        {
            let context = draw("context", [encoders, width], 0.5);
            let states = draw("states", [encoders, rows, length, width], scale);
            compare(
                states.clone(),
                3e-5,
                |states| attention_pool(states, context.clone()),
                |states| plain::attention_pool(states, context.clone()),
            );
            let of = |averages: Tensor<3>| {
                let weights = draw("output gradient", averages.dims(), 1.0).detach();
                let grads = (averages * weights).sum().backward();
                numbers(context.grad(&grads).unwrap())
            };
            close(
                &of(attention_pool(states.clone(), context.clone())),
                &of(plain::attention_pool(states, context.clone())),
                2e-4,
            );
        }
    }
}
