use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;

use crate::{Clip, fused};

/// Limits the gradients of a module, all of them together.
///
/// burn clips each tensor by its own norm; recipes that say "clip to 0.5" mean the joint norm of all.
pub(crate) fn clip<M: Module>(module: &M, grads: GradientsParams, clip: Clip) -> GradientsParams {
    match clip {
        Clip::None => grads,
        Clip::Value(limit) => map(module, grads, |grad| grad.clamp(-limit, limit)),
        Clip::GlobalNorm(limit) => {
            let norm = global_norm(module, &grads);
            // PyTorch's clip_grad_norm_ adds the same small number.
            let factor = limit / (norm + 1e-6);
            if factor >= 1.0 {
                return grads;
            }
            scale(module, grads, factor)
        }
    }
}

/// The joint Euclidean norm of all gradients.
pub(crate) fn global_norm<M: Module>(module: &M, grads: &GradientsParams) -> f64 {
    let mut sum = SquareSum { grads, sum: None };
    module.visit(&mut sum);
    sum.sum
        .map_or(0.0, |sum| f64::from(sum.into_scalar::<f32>()).sqrt())
}

/// Multiplies every gradient by a number.
pub(crate) fn scale<M: Module>(module: &M, grads: GradientsParams, by: f64) -> GradientsParams {
    map(module, grads, |grad| fused::scale(grad, by))
}

/// A change of one flattened gradient.
fn map<M: Module>(
    module: &M,
    grads: GradientsParams,
    change: impl Fn(Tensor<1>) -> Tensor<1>,
) -> GradientsParams {
    let mut mapping = Mapping {
        from: grads,
        to: GradientsParams::new(),
        change,
    };
    module.visit(&mut mapping);
    mapping.to
}

struct SquareSum<'a> {
    grads: &'a GradientsParams,
    sum: Option<Tensor<1>>,
}

impl ModuleVisitor for SquareSum<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(grad) = self.grads.get::<D>(param.id) else {
            return;
        };
        let square = fused::square_sum(grad);
        self.sum = Some(match self.sum.take() {
            Some(sum) => sum + square,
            None => square,
        });
    }
}

struct Mapping<F> {
    from: GradientsParams,
    to: GradientsParams,
    change: F,
}

impl<F: Fn(Tensor<1>) -> Tensor<1>> ModuleVisitor for Mapping<F> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.from.remove::<D>(param.id) {
            let shape = grad.shape();
            let changed = (self.change)(grad.flatten::<1>(0, D - 1));
            self.to.register::<D>(param.id, changed.reshape(shape));
        }
    }
}
