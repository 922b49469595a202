use burn::Tensor;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};

use super::WindowShape;
use super::kernel::{Extents, gather, scatter};
use super::pooled::{Past, Pool, backward, forward};
use crate::fused::flex::{extents, tensor};

pub(super) fn windows(inputs: Tensor<3>, shape: WindowShape) -> Tensor<3> {
    let output = <Dispatch as ConvolutionOps>::fused_windows(inputs.into_dispatch(), shape);
    Tensor::from_dispatch(output)
}

pub(super) fn convolve_and_pool(
    inputs: Tensor<3>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    shape: WindowShape,
    pool: (usize, f32),
) -> Tensor<3> {
    Tensor::from_dispatch(<Dispatch as ConvolutionOps>::fused_convolution(
        inputs.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        shape,
        pool,
    ))
}

/// The operations as extensions of burn's processor backend and of its automatic differentiation.
#[backend_extension(Flex, Autodiff)]
trait ConvolutionOps: Backend {
    fn fused_windows(inputs: FloatTensor<Self>, shape: WindowShape) -> FloatTensor<Self>;
    fn fused_convolution(
        inputs: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shape: WindowShape,
        pool: (usize, f32),
    ) -> FloatTensor<Self>;
}

impl ConvolutionOps for Flex {
    fn fused_windows(inputs: FlexTensor, shape: WindowShape) -> FlexTensor {
        let inputs = inputs.to_contiguous();
        let sizes = sizes(&inputs, shape);
        let windows = gather(inputs.storage(), sizes);
        tensor(windows, vec![sizes.rows, sizes.windows(), sizes.width()])
    }

    fn fused_convolution(
        inputs: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        shape: WindowShape,
        pool: (usize, f32),
    ) -> FlexTensor {
        let [inputs, weight, bias] = [inputs, weight, bias].map(|tensor| tensor.to_contiguous());
        Convolved::new([&inputs, &weight, &bias], shape, pool).outputs
    }
}

impl<C: CheckpointStrategy> ConvolutionOps for Autodiff<Flex, C> {
    fn fused_windows(inputs: FloatTensor<Self>, shape: WindowShape) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Windows;

        impl Backward<Flex, 1> for Windows {
            type State = Extents;

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let sizes = ops.state;
                unary::<Flex, _>(ops.parents, ops.node, grads, |grad| {
                    let result = scatter(grad.to_contiguous().storage(), sizes);
                    tensor(result, vec![sizes.rows, sizes.length, sizes.channels])
                });
            }
        }

        let (inputs, node) = inputs.into_parts();
        let sizes = sizes(&inputs, shape);
        let output = Flex::fused_windows(inputs, shape);
        match Windows.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(sizes, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn fused_convolution(
        inputs: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        shape: WindowShape,
        pool: (usize, f32),
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Convolution;

        impl Backward<Flex, 3> for Convolution {
            type State = (FlexTensor, FlexTensor, Convolved);

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let (inputs, weight, convolved) = ops.state;
                let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
                let filters = extents(&weight)[1];
                let past = Past {
                    inputs: inputs.storage(),
                    weight: weight.storage(),
                    outputs: convolved.outputs.storage(),
                    places: &convolved.places,
                };
                let of_inputs = ops.parents[0].is_some();
                let results = backward(
                    past,
                    grad.storage(),
                    filters,
                    convolved.sizes,
                    convolved.pool,
                    of_inputs,
                );
                let results = [
                    (results.inputs, extents(&inputs)),
                    (results.weight, extents(&weight)),
                    (results.bias, vec![filters]),
                ];
                for (parent, (values, shape)) in ops.parents.into_iter().zip(results) {
                    if let Some(node) = parent {
                        grads.register::<Flex>(node.id, tensor(values, shape));
                    }
                }
            }
        }

        let [
            (inputs, inputs_node),
            (weight, weight_node),
            (bias, bias_node),
        ] = [inputs, weight, bias].map(FloatTensor::<Self>::into_parts);
        let [inputs, weight, bias] = [inputs, weight, bias].map(|tensor| tensor.to_contiguous());
        let convolved = Convolved::new([&inputs, &weight, &bias], shape, pool);
        let output = convolved.outputs.clone();
        let nodes = [inputs_node, weight_node, bias_node];
        match Convolution.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((inputs, weight, convolved), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

/// A convolution that was computed, and what its way back needs.
#[derive(Clone, Debug)]
struct Convolved {
    sizes: Extents,
    pool: Pool,
    outputs: FlexTensor,
    places: Vec<u16>,
}

impl Convolved {
    /// Runs the kernel on contiguous tensors: inputs, weight, bias.
    fn new(tensors: [&FlexTensor; 3], shape: WindowShape, (size, slope): (usize, f32)) -> Self {
        let [inputs, weight, bias] = tensors;
        let sizes = sizes(inputs, shape);
        let pool = Pool { size, slope };
        let (outputs, places) = forward(
            inputs.storage(),
            weight.storage(),
            bias.storage(),
            sizes,
            pool,
        );
        let shape = vec![sizes.rows, pool.count(sizes), extents(bias)[0]];
        Self {
            sizes,
            pool,
            outputs: tensor(outputs, shape),
            places,
        }
    }
}

fn sizes(inputs: &FlexTensor, shape: WindowShape) -> Extents {
    let own = extents(inputs);
    Extents {
        rows: own[0],
        length: own[1],
        channels: own[2],
        shape,
    }
}
