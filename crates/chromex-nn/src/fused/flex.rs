use burn::Tensor;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, Backend, Dispatch, DispatchDevice, Flex, TensorMetadata, backend_extension,
};
use burn::tensor::{DType, TensorData};

use super::attention::{Extents, Normaliser, Passed};
use super::cross_entropy::{Grads, Problem};
use super::gelu::Form;
use super::norm::Moments;
use super::{
    Sight, Spans, attention, cross_entropy as likelihood, gelu as gaussian, linear as affine, norm,
};

/// Tells whether the kernels can take a tensor: f32 on the processor.
pub(super) fn can_take<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32
        && matches!(
            tensor.device().inner().as_dispatch(),
            DispatchDevice::Flex(_)
        )
}

pub(super) fn self_attention(joint: Tensor<3>, sight: Sight, spans: Option<Spans>) -> Tensor<3> {
    let joint = joint.into_dispatch();
    let output = <Dispatch as FusedOps>::fused_attention(joint, sight, spans);
    Tensor::from_dispatch(output)
}

pub(super) fn geglu<const D: usize>(joint: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_geglu(joint.into_dispatch()))
}

pub(super) fn gelu<const D: usize>(inputs: Tensor<D>, form: Form) -> Tensor<D> {
    let inputs = inputs.into_dispatch();
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_gelu(inputs, form))
}

pub(super) fn linear<const D: usize>(
    inputs: Tensor<D>,
    weight: Tensor<2>,
    bias: Tensor<1>,
) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_linear(
        inputs.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

pub(super) fn layer_norm<const D: usize>(
    inputs: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_layer_norm(
        inputs.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
    ))
}

pub(super) fn cross_entropy(inputs: Tensor<2>, table: Tensor<2>, classes: Vec<u32>) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_cross_entropy(
        inputs.into_dispatch(),
        table.into_dispatch(),
        classes,
    ))
}

/// The operations as extensions of burn's processor backend and of its automatic differentiation.
#[backend_extension(Flex, Autodiff)]
trait FusedOps: Backend {
    fn fused_attention(
        joint: FloatTensor<Self>,
        sight: Sight,
        spans: Option<Spans>,
    ) -> FloatTensor<Self>;
    fn fused_geglu(joint: FloatTensor<Self>) -> FloatTensor<Self>;
    fn fused_gelu(inputs: FloatTensor<Self>, form: Form) -> FloatTensor<Self>;
    fn fused_linear(
        inputs: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    fn fused_layer_norm(
        inputs: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;
    fn fused_cross_entropy(
        inputs: FloatTensor<Self>,
        table: FloatTensor<Self>,
        classes: Vec<u32>,
    ) -> FloatTensor<Self>;
}

impl FusedOps for Flex {
    fn fused_attention(joint: FlexTensor, sight: Sight, spans: Option<Spans>) -> FlexTensor {
        attend(&joint.to_contiguous(), sight, spans.as_ref()).0
    }

    fn fused_geglu(joint: FlexTensor) -> FlexTensor {
        let joint = joint.to_contiguous();
        let mut shape = extents(&joint);
        let last = shape.last_mut().expect("a gate has an axis");
        *last /= 2;
        let half = *last;
        tensor(gaussian::gated(joint.storage(), half), shape)
    }

    fn fused_gelu(inputs: FlexTensor, form: Form) -> FlexTensor {
        let inputs = inputs.to_contiguous();
        tensor(gaussian::forward(inputs.storage(), form), extents(&inputs))
    }

    fn fused_linear(inputs: FlexTensor, weight: FlexTensor, bias: FlexTensor) -> FlexTensor {
        let [inputs, weight, bias] = [inputs, weight, bias].map(|tensor| tensor.to_contiguous());
        map_rows(&inputs, &weight, &bias)
    }

    fn fused_layer_norm(
        inputs: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
    ) -> FlexTensor {
        let [inputs, gamma, beta] = [inputs, gamma, beta].map(|tensor| tensor.to_contiguous());
        normalise(&inputs, &gamma, &beta, epsilon).0
    }

    fn fused_cross_entropy(inputs: FlexTensor, table: FlexTensor, classes: Vec<u32>) -> FlexTensor {
        let [inputs, table] = [inputs, table].map(|tensor| tensor.to_contiguous());
        let value = likelihood::value(problem(&inputs, &table, &classes));
        tensor(vec![value], vec![1])
    }
}

impl<C: CheckpointStrategy> FusedOps for Autodiff<Flex, C> {
    fn fused_attention(
        joint: FloatTensor<Self>,
        sight: Sight,
        spans: Option<Spans>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Attention;

        impl Backward<Flex, 1> for Attention {
            type State = (
                FlexTensor,
                FlexTensor,
                Vec<Normaliser>,
                Extents,
                Option<Spans>,
            );

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let (joint, output, normalisers, sizes, spans) = ops.state;
                unary::<Flex, _>(ops.parents, ops.node, grads, |grad| {
                    let grad = grad.to_contiguous();
                    let passed = Passed {
                        joint: joint.storage(),
                        output: output.storage(),
                        normalisers: &normalisers,
                        spans: spans.as_ref(),
                    };
                    let result = attention::backward(passed, grad.storage(), sizes);
                    tensor(result, extents(&joint))
                });
            }
        }

        let (joint, node) = joint.into_parts();
        let joint = joint.to_contiguous();
        let (output, normalisers, sizes) = attend(&joint, sight, spans.as_ref());
        match Attention.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish((joint, output.clone(), normalisers, sizes, spans), output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn fused_geglu(joint: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Gate;

        impl Backward<Flex, 1> for Gate {
            type State = FlexTensor;

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let joint = ops.state;
                unary::<Flex, _>(ops.parents, ops.node, grads, |grad| {
                    let grad = grad.to_contiguous();
                    let half = extents(&grad).last().copied().expect("a gate has an axis");
                    let result = gaussian::gated_backward(joint.storage(), grad.storage(), half);
                    tensor(result, extents(&joint))
                });
            }
        }

        let (joint, node) = joint.into_parts();
        let joint = joint.to_contiguous();
        let output = Flex::fused_geglu(joint.clone());
        match Gate.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(joint, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn fused_gelu(inputs: FloatTensor<Self>, form: Form) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Gelu;

        impl Backward<Flex, 1> for Gelu {
            type State = (FlexTensor, Form);

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let (inputs, form) = ops.state;
                unary::<Flex, _>(ops.parents, ops.node, grads, |grad| {
                    let grad = grad.to_contiguous();
                    let result = gaussian::backward(inputs.storage(), grad.storage(), form);
                    tensor(result, extents(&inputs))
                });
            }
        }

        let (inputs, node) = inputs.into_parts();
        let inputs = inputs.to_contiguous();
        let output = Flex::fused_gelu(inputs.clone(), form);
        match Gelu.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((inputs, form), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn fused_linear(
        inputs: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Linear;

        impl Backward<Flex, 3> for Linear {
            type State = (FlexTensor, FlexTensor);

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let (inputs, weight) = ops.state;
                let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
                let shape = extents(&weight);
                let (width, columns) = (shape[0], shape[1]);
                let [for_inputs, for_weight, for_bias] = ops.parents;
                if let Some(node) = for_inputs {
                    let result = affine::backward_inputs(grad.storage(), weight.storage(), columns);
                    grads.register::<Flex>(node.id, tensor(result, extents(&inputs)));
                }
                if for_weight.is_some() || for_bias.is_some() {
                    let (weight, bias) =
                        affine::backward_weights(inputs.storage(), grad.storage(), width, columns);
                    if let Some(node) = for_weight {
                        grads.register::<Flex>(node.id, tensor(weight, shape));
                    }
                    if let Some(node) = for_bias {
                        grads.register::<Flex>(node.id, tensor(bias, vec![columns]));
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
        let nodes = [inputs_node, weight_node, bias_node];
        let output = map_rows(&inputs, &weight, &bias);
        match Linear.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((inputs, weight), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn fused_layer_norm(
        inputs: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct LayerNorm;

        impl Backward<Flex, 3> for LayerNorm {
            type State = (FlexTensor, FlexTensor, Vec<Moments>);

            fn backward(
                self,
                ops: Ops<Self::State, 3>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let (inputs, gamma, moments) = ops.state;
                let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
                let (for_inputs, for_gamma, for_beta) =
                    norm::backward(inputs.storage(), &moments, gamma.storage(), grad.storage());
                let results = [
                    tensor(for_inputs, extents(&inputs)),
                    tensor(for_gamma, extents(&gamma)),
                    tensor(for_beta, extents(&gamma)),
                ];
                for (parent, result) in ops.parents.into_iter().zip(results) {
                    if let Some(node) = parent {
                        grads.register::<Flex>(node.id, result);
                    }
                }
            }
        }

        let [
            (inputs, inputs_node),
            (gamma, gamma_node),
            (beta, beta_node),
        ] = [inputs, gamma, beta].map(FloatTensor::<Self>::into_parts);
        let [inputs, gamma, beta] = [inputs, gamma, beta].map(|tensor| tensor.to_contiguous());
        let nodes = [inputs_node, gamma_node, beta_node];
        let (output, moments) = normalise(&inputs, &gamma, &beta, epsilon);
        match LayerNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((inputs, gamma, moments), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn fused_cross_entropy(
        inputs: FloatTensor<Self>,
        table: FloatTensor<Self>,
        classes: Vec<u32>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct CrossEntropy;

        impl Backward<Flex, 2> for CrossEntropy {
            type State = [FlexTensor; 2];

            fn backward(
                self,
                ops: Ops<Self::State, 2>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let grad = grads.consume::<Flex>(&ops.node).to_contiguous();
                let factor = grad.storage::<f32>()[0];
                for (parent, result) in ops.parents.into_iter().zip(ops.state) {
                    if let Some(node) = parent {
                        let result = scaled(result, factor);
                        grads.register::<Flex>(node.id, result);
                    }
                }
            }
        }

        let [(inputs, inputs_node), (table, table_node)] =
            [inputs, table].map(FloatTensor::<Self>::into_parts);
        let [inputs, table] = [inputs, table].map(|tensor| tensor.to_contiguous());
        let nodes = [inputs_node, table_node];
        let problem = problem(&inputs, &table, &classes);
        match CrossEntropy.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (value, grads) = likelihood::value_and_grads(problem);
                let Grads {
                    inputs: for_inputs,
                    table: for_table,
                } = grads;
                let grads = [
                    tensor(for_inputs, extents(&inputs)),
                    tensor(for_table, extents(&table)),
                ];
                prepared.finish(grads, tensor(vec![value], vec![1]))
            }
            OpsKind::UnTracked(prepared) => {
                let value = likelihood::value(problem);
                prepared.finish(tensor(vec![value], vec![1]))
            }
        }
    }
}

/// Runs the linear kernel on contiguous tensors.
fn map_rows(inputs: &FlexTensor, weight: &FlexTensor, bias: &FlexTensor) -> FlexTensor {
    let mut shape = extents(inputs);
    if let Some(last) = shape.last_mut() {
        *last = extents(bias)[0];
    }
    let output = affine::forward(inputs.storage(), weight.storage(), bias.storage());
    tensor(output, shape)
}

/// Runs the normalisation kernel on contiguous tensors.
fn normalise(
    inputs: &FlexTensor,
    gamma: &FlexTensor,
    beta: &FlexTensor,
    epsilon: f64,
) -> (FlexTensor, Vec<Moments>) {
    let (output, moments) = norm::forward(
        inputs.storage(),
        gamma.storage(),
        beta.storage(),
        epsilon as f32,
    );
    (tensor(output, extents(inputs)), moments)
}

fn problem<'a>(inputs: &'a FlexTensor, table: &'a FlexTensor, classes: &'a [u32]) -> Problem<'a> {
    Problem {
        inputs: inputs.storage(),
        table: table.storage(),
        width: extents(table)[1],
        classes,
    }
}

/// A tensor times a number.
fn scaled(mut tensor: FlexTensor, factor: f32) -> FlexTensor {
    if factor != 1.0 {
        for value in tensor.storage_mut::<f32>() {
            *value *= factor;
        }
    }
    tensor
}

/// Runs the attention kernel on a contiguous tensor.
fn attend(
    joint: &FlexTensor,
    sight: Sight,
    spans: Option<&Spans>,
) -> (FlexTensor, Vec<Normaliser>, Extents) {
    let shape = extents(joint);
    let sizes = Extents {
        rows: shape[0],
        length: shape[1],
        width: shape[2] / 3,
        heads: sight.heads,
        causal: sight.causal,
        alibi: sight.alibi,
    };
    let (output, normalisers) = attention::forward(joint.storage(), spans, sizes);
    let output = tensor(output, vec![sizes.rows, sizes.length, sizes.width]);
    (output, normalisers, sizes)
}

pub(super) fn extents(tensor: &FlexTensor) -> Vec<usize> {
    tensor.shape().to_vec()
}

pub(super) fn tensor(values: Vec<f32>, shape: Vec<usize>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
