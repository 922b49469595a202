use burn::Tensor;
use burn::tensor::activation::{sigmoid, softmax, tanh};

/// Encoders composed of burn's operations, step by step.
pub(super) fn lstm(
    inputs: Tensor<4>,
    input_weight: Tensor<4>,
    hidden_weight: Tensor<4>,
    bias: Tensor<3>,
) -> Tensor<4> {
    let [encoders, rows, length, channels] = inputs.dims();
    let [_, directions, hidden, gates] = hidden_weight.dims();
    let device = inputs.device();
    let mut outputs = Vec::with_capacity(directions);
    for direction in 0..directions {
        let of = |weight: &Tensor<4>, inner: usize| -> Tensor<3> {
            let own = weight.clone().narrow(1, direction, 1);
            own.reshape([encoders, inner, gates])
        };
        let input_weight = of(&input_weight, channels);
        let hidden_weight = of(&hidden_weight, hidden);
        let bias = bias.clone().narrow(1, direction, 1);
        let mut state = Tensor::<3>::zeros([encoders, rows, hidden], &device);
        let mut cell = state.clone();
        let mut states = Vec::with_capacity(length);
        for step in 0..length {
            let place = if direction == 0 {
                step
            } else {
                length - 1 - step
            };
            let token = inputs.clone().narrow(2, place, 1);
            let token = token.reshape([encoders, rows, channels]);
            let all = token.matmul(input_weight.clone())
                + state.matmul(hidden_weight.clone())
                + bias.clone();
            let gate = |index: usize| all.clone().narrow(2, index * hidden, hidden);
            cell = sigmoid(gate(1)) * cell + sigmoid(gate(0)) * tanh(gate(2));
            state = sigmoid(gate(3)) * tanh(cell.clone());
            states.push(state.clone());
        }
        if direction == 1 {
            states.reverse();
        }
        outputs.push(Tensor::stack::<4>(states, 2));
    }
    Tensor::cat(outputs, 3)
}

/// Attention over the states of every sequence.
pub(super) fn attention_weights(states: Tensor<4>, context: Tensor<2>) -> Tensor<3> {
    let [encoders, _, _, width] = states.dims();
    let scores = states * context.reshape([encoders, 1, 1, width]);
    softmax(scores.sum_dim(3).squeeze_dim::<3>(3), 2)
}

/// Averages under attention composed of burn's operations.
pub(super) fn attention_pool(states: Tensor<4>, context: Tensor<2>) -> Tensor<3> {
    let weights = attention_weights(states.clone(), context);
    (states * weights.unsqueeze_dim::<4>(3))
        .sum_dim(2)
        .squeeze_dim::<3>(2)
}
