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

use super::attention::{Extents, Normaliser};
use super::{attention, cross_entropy as likelihood, gelu};

/// Tells whether the kernels can take a tensor: f32 on the processor.
pub(super) fn can_take<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32
        && matches!(
            tensor.device().inner().as_dispatch(),
            DispatchDevice::Flex(_)
        )
}

pub(super) fn self_attention(joint: Tensor<3>, heads: usize, causal: bool) -> Tensor<3> {
    let output = <Dispatch as FusedOps>::fused_attention(joint.into_dispatch(), heads, causal);
    Tensor::from_dispatch(output)
}

pub(super) fn gelu_tanh<const D: usize>(inputs: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as FusedOps>::fused_gelu(inputs.into_dispatch()))
}

pub(super) fn cross_entropy(logits: Tensor<2>, classes: Vec<u32>) -> Tensor<1> {
    let output = <Dispatch as FusedOps>::fused_cross_entropy(logits.into_dispatch(), classes);
    Tensor::from_dispatch(output)
}

/// The operations as extensions of burn's processor backend and of its automatic differentiation.
#[backend_extension(Flex, Autodiff)]
trait FusedOps: Backend {
    fn fused_attention(joint: FloatTensor<Self>, heads: usize, causal: bool) -> FloatTensor<Self>;
    fn fused_gelu(inputs: FloatTensor<Self>) -> FloatTensor<Self>;
    fn fused_cross_entropy(logits: FloatTensor<Self>, classes: Vec<u32>) -> FloatTensor<Self>;
}

impl FusedOps for Flex {
    fn fused_attention(joint: FlexTensor, heads: usize, causal: bool) -> FlexTensor {
        attend(&joint.to_contiguous(), heads, causal).0
    }

    fn fused_gelu(inputs: FlexTensor) -> FlexTensor {
        let inputs = inputs.to_contiguous();
        tensor(gelu::forward(inputs.storage()), extents(&inputs))
    }

    fn fused_cross_entropy(logits: FlexTensor, classes: Vec<u32>) -> FlexTensor {
        let logits = logits.to_contiguous();
        tensor(
            vec![likelihood::forward(logits.storage(), &classes).0],
            vec![1],
        )
    }
}

impl<C: CheckpointStrategy> FusedOps for Autodiff<Flex, C> {
    fn fused_attention(joint: FloatTensor<Self>, heads: usize, causal: bool) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Attention;

        impl Backward<Flex, 1> for Attention {
            type State = (FlexTensor, Vec<Normaliser>, Extents);

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let (joint, normalisers, sizes) = ops.state;
                unary::<Flex, _>(ops.parents, ops.node, grads, |grad| {
                    let grad = grad.to_contiguous();
                    let result =
                        attention::backward(joint.storage(), &normalisers, grad.storage(), sizes);
                    tensor(result, extents(&joint))
                });
            }
        }

        let (joint, node) = joint.into_parts();
        let joint = joint.to_contiguous();
        let (output, normalisers, sizes) = attend(&joint, heads, causal);
        match Attention.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((joint, normalisers, sizes), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn fused_gelu(inputs: FloatTensor<Self>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Gelu;

        impl Backward<Flex, 1> for Gelu {
            type State = FlexTensor;

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let inputs = ops.state;
                unary::<Flex, _>(ops.parents, ops.node, grads, |grad| {
                    let grad = grad.to_contiguous();
                    let result = gelu::backward(inputs.storage(), grad.storage());
                    tensor(result, extents(&inputs))
                });
            }
        }

        let (inputs, node) = inputs.into_parts();
        let inputs = inputs.to_contiguous();
        let output = Flex::fused_gelu(inputs.clone());
        match Gelu.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(inputs, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }

    fn fused_cross_entropy(logits: FloatTensor<Self>, classes: Vec<u32>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct CrossEntropy;

        impl Backward<Flex, 1> for CrossEntropy {
            type State = (FlexTensor, Vec<u32>, Vec<f32>);

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let (logits, classes, log_sums) = ops.state;
                unary::<Flex, _>(ops.parents, ops.node, grads, |grad| {
                    let grad = grad.to_contiguous();
                    let factor = grad.storage::<f32>()[0];
                    let result =
                        likelihood::backward(logits.storage(), &classes, &log_sums, factor);
                    tensor(result, extents(&logits))
                });
            }
        }

        let (logits, node) = logits.into_parts();
        let logits = logits.to_contiguous();
        let (loss, log_sums) = likelihood::forward(logits.storage(), &classes);
        let output = tensor(vec![loss], vec![1]);
        match CrossEntropy.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((logits, classes, log_sums), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}

/// Runs the attention kernel on a contiguous tensor.
fn attend(
    joint: &FlexTensor,
    heads: usize,
    causal: bool,
) -> (FlexTensor, Vec<Normaliser>, Extents) {
    let shape = extents(joint);
    let sizes = Extents {
        rows: shape[0],
        length: shape[1],
        width: shape[2] / 3,
        heads,
        causal,
    };
    let (output, normalisers) = attention::forward(joint.storage(), sizes);
    let output = tensor(output, vec![sizes.rows, sizes.length, sizes.width]);
    (output, normalisers, sizes)
}

fn extents(tensor: &FlexTensor) -> Vec<usize> {
    tensor.shape().to_vec()
}

fn tensor(values: Vec<f32>, shape: Vec<usize>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
