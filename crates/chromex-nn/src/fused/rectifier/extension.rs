use burn::Tensor;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};

use super::kernel::Shape;
use crate::fused::flex::{extents, tensor};

pub(super) fn drop_and_rectify<const D: usize>(inputs: Tensor<D>, shape: Shape) -> Tensor<D> {
    let inputs = inputs.into_dispatch();
    Tensor::from_dispatch(<Dispatch as RectifierOps>::fused_rectifier(inputs, shape))
}

/// The operation as an extension of burn's processor backend and of its automatic differentiation.
#[backend_extension(Flex, Autodiff)]
trait RectifierOps: Backend {
    fn fused_rectifier(inputs: FloatTensor<Self>, shape: Shape) -> FloatTensor<Self>;
}

impl RectifierOps for Flex {
    fn fused_rectifier(inputs: FlexTensor, shape: Shape) -> FlexTensor {
        let inputs = inputs.to_contiguous();
        tensor(shape.forward(inputs.storage()), extents(&inputs))
    }
}

impl<C: CheckpointStrategy> RectifierOps for Autodiff<Flex, C> {
    fn fused_rectifier(inputs: FloatTensor<Self>, shape: Shape) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct Rectifier;

        impl Backward<Flex, 1> for Rectifier {
            type State = (FlexTensor, Shape);

            fn backward(
                self,
                ops: Ops<Self::State, 1>,
                grads: &mut Gradients,
                _checkpointer: &mut Checkpointer,
            ) {
                let (outputs, shape) = ops.state;
                unary::<Flex, _>(ops.parents, ops.node, grads, |grad| {
                    let grad = grad.to_contiguous();
                    let result = shape.backward(outputs.storage(), grad.storage());
                    tensor(result, extents(&outputs))
                });
            }
        }

        let (inputs, node) = inputs.into_parts();
        let output = Flex::fused_rectifier(inputs, shape);
        match Rectifier.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((output.clone(), shape), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}
