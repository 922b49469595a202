//! What a prediction leans on: gradients of outputs with respect to inputs.

use burn::Tensor;
use burn::tensor::TensorData;
use ndarray::{Array3, ArrayView3};

use crate::Device;

/// Differentiates the sum over rows of one output with respect to the inputs. Rows do not see one another in a network that
/// predicts, so each row's part is its own gradient.
///
/// # Shapes
///
/// `inputs` is `[rows, length, channels]` and so is the result; `output` makes `[rows, outputs]` of them.
///
/// # Panics
///
/// When `output` does not depend on its inputs.
pub fn input_gradient(
    inputs: ArrayView3<'_, f32>,
    device: &Device,
    column: usize,
    output: impl Fn(Tensor<3>) -> Tensor<2>,
) -> Array3<f32> {
    let shape = [inputs.shape()[0], inputs.shape()[1], inputs.shape()[2]];
    let values: Vec<f32> = inputs.iter().copied().collect();
    let device = device.clone().autodiff();
    let leaf = Tensor::<3>::from_data(TensorData::new(values, shape), &device).require_grad();
    let grads = output(leaf.clone()).narrow(1, column, 1).sum().backward();
    let gradient = leaf.grad(&grads).expect("the output depends on its inputs");
    let values = gradient
        .into_data()
        .convert::<f32>()
        .try_to_vec()
        .expect("the data was just converted to this type");
    Array3::from_shape_vec(shape, values).expect("a gradient has the shape of its inputs")
}
