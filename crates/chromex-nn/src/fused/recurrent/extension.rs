use burn::Tensor;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};

use super::backward::{Past, backward};
use super::kernel::{Extents, Packed, Passed, Weights, forward};
use super::pool;
use crate::fused::flex::{extents, tensor};

pub(super) fn lstm(
    inputs: Tensor<4>,
    input_weight: Tensor<4>,
    hidden_weight: Tensor<4>,
    bias: Tensor<3>,
) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as RecurrentOps>::fused_lstm(
        inputs.into_dispatch(),
        input_weight.into_dispatch(),
        hidden_weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

pub(super) fn attention_pool(states: Tensor<4>, context: Tensor<2>) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as RecurrentOps>::fused_attention_pool(
        states.into_dispatch(),
        context.into_dispatch(),
    ))
}

/// The operations as extensions of burn's processor backend and of its automatic differentiation.
#[backend_extension(Flex, Autodiff)]
trait RecurrentOps: Backend {
    fn fused_lstm(
        inputs: FloatTensor<Self>,
        input_weight: FloatTensor<Self>,
        hidden_weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    fn fused_attention_pool(
        states: FloatTensor<Self>,
        context: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl RecurrentOps for Flex {
    fn fused_lstm(
        inputs: FlexTensor,
        input_weight: FlexTensor,
        hidden_weight: FlexTensor,
        bias: FlexTensor,
    ) -> FlexTensor {
        let inputs = inputs.to_contiguous();
        Level::new(&inputs, [input_weight, hidden_weight, bias])
            .run(&inputs, false)
            .0
    }

    fn fused_attention_pool(states: FlexTensor, context: FlexTensor) -> FlexTensor {
        let [states, context] = [states, context].map(|tensor| tensor.to_contiguous());
        average(&states, &context).0
    }
}

impl<C: CheckpointStrategy> RecurrentOps for Autodiff<Flex, C> {
    fn fused_lstm(
        inputs: FloatTensor<Self>,
        input_weight: FloatTensor<Self>,
        hidden_weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Lstm;

        impl Backward<Flex, 4> for Lstm {
            type State = (FlexTensor, FlexTensor, Level, Vec<Passed>);

            fn backward(
                self,
                ops: Ops<Self::State, 4>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let (inputs, outputs, level, passed) = ops.state;
                let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
                let past = Past {
                    inputs: inputs.storage(),
                    outputs: outputs.storage(),
                    packed: &level.packed,
                    passed: &passed,
                };
                let of_inputs = ops.parents[0].is_some();
                let results = backward(past, grad.storage(), level.extents, of_inputs);
                let Extents {
                    encoders,
                    channels,
                    directions,
                    hidden,
                    ..
                } = level.extents;
                let shapes = [
                    extents(&inputs),
                    vec![encoders, directions, channels, 4 * hidden],
                    vec![encoders, directions, hidden, 4 * hidden],
                    vec![encoders, directions, 4 * hidden],
                ];
                let values = [results.inputs, results.input, results.hidden, results.bias];
                for (parent, (values, shape)) in
                    ops.parents.into_iter().zip(values.into_iter().zip(shapes))
                {
                    if let Some(node) = parent {
                        grads.register::<Flex>(node.id, tensor(values, shape));
                    }
                }
            }
        }

        let [
            (inputs, inputs_node),
            (input_weight, input_node),
            (hidden_weight, hidden_node),
            (bias, bias_node),
        ] = [inputs, input_weight, hidden_weight, bias].map(FloatTensor::<Self>::into_parts);
        let inputs = inputs.to_contiguous();
        let level = Level::new(&inputs, [input_weight, hidden_weight, bias]);
        let nodes = [inputs_node, input_node, hidden_node, bias_node];
        match Lstm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (output, passed) = level.run(&inputs, true);
                prepared.finish((inputs, output.clone(), level, passed), output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(level.run(&inputs, false).0),
        }
    }

    fn fused_attention_pool(
        states: FloatTensor<Self>,
        context: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct AttentionPool;

        impl Backward<Flex, 2> for AttentionPool {
            type State = (FlexTensor, FlexTensor, Vec<f32>);

            fn backward(
                self,
                ops: Ops<Self::State, 2>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let (states, context, weights) = ops.state;
                let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
                let past = pool::Past {
                    states: states.storage(),
                    context: context.storage(),
                    weights: &weights,
                };
                let (for_states, for_context) =
                    pool::backward(past, grad.storage(), pool_extents(&states));
                let results = [
                    tensor(for_states, extents(&states)),
                    tensor(for_context, extents(&context)),
                ];
                for (parent, result) in ops.parents.into_iter().zip(results) {
                    if let Some(node) = parent {
                        grads.register::<Flex>(node.id, result);
                    }
                }
            }
        }

        let [(states, states_node), (context, context_node)] =
            [states, context].map(FloatTensor::<Self>::into_parts);
        let [states, context] = [states, context].map(|tensor| tensor.to_contiguous());
        let (output, weights) = average(&states, &context);
        let nodes = [states_node, context_node];
        match AttentionPool.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((states, context, weights), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

/// The encoders of a level, packed.
#[derive(Clone, Debug)]
struct Level {
    extents: Extents,
    packed: Vec<Packed>,
}

impl Level {
    fn new(inputs: &FlexTensor, weights: [FlexTensor; 3]) -> Self {
        let [input, hidden, bias] = weights.map(|tensor| tensor.to_contiguous());
        let (shape, own) = (extents(inputs), extents(&hidden));
        let extents = Extents {
            encoders: shape[0],
            rows: shape[1],
            length: shape[2],
            channels: shape[3],
            directions: own[1],
            hidden: own[2],
        };
        let weights = Weights {
            input: input.storage(),
            hidden: hidden.storage(),
            bias: bias.storage(),
        };
        Self {
            extents,
            packed: Packed::all(weights, extents),
        }
    }

    fn run(&self, inputs: &FlexTensor, keep: bool) -> (FlexTensor, Vec<Passed>) {
        let (outputs, passed) = forward(inputs.storage(), &self.packed, self.extents, keep);
        let Extents {
            encoders,
            rows,
            length,
            ..
        } = self.extents;
        let shape = vec![encoders, rows, length, self.extents.width()];
        (tensor(outputs, shape), passed)
    }
}

/// Runs the pooling kernel on contiguous tensors.
fn average(states: &FlexTensor, context: &FlexTensor) -> (FlexTensor, Vec<f32>) {
    let shape = extents(states);
    let (averages, weights) =
        pool::forward(states.storage(), context.storage(), pool_extents(states));
    (
        tensor(averages, vec![shape[0], shape[1], shape[3]]),
        weights,
    )
}

fn pool_extents(states: &FlexTensor) -> pool::Extents {
    let shape = extents(states);
    pool::Extents {
        rows: shape[1],
        length: shape[2],
        width: shape[3],
    }
}
