use burn::Tensor;
use burn::tensor::activation::leaky_relu;
use burn::tensor::{Int, TensorData};

use super::WindowShape;

/// Windows composed of burn's operations.
pub(super) fn windows(inputs: Tensor<3>, shape: WindowShape) -> Tensor<3> {
    let [rows, length, channels] = inputs.dims();
    let device = inputs.device();
    let count = shape.windows(length);
    let zeros = |positions: usize| Tensor::<3>::zeros([rows, positions, channels], &device);
    let padded = Tensor::cat(vec![zeros(shape.before), inputs, zeros(shape.after)], 1);
    let places: Vec<i32> = (0..count)
        .flat_map(|window| {
            (0..shape.kernel).map(move |tap| (window * shape.stride + tap * shape.dilation) as i32)
        })
        .collect();
    let places = TensorData::new(places, [count * shape.kernel]);
    let places = Tensor::<1, Int>::from_data(places, &device);
    padded
        .select(1, places)
        .reshape([rows, count, shape.kernel * channels])
}

/// Convolution, pooling and activation composed of burn's operations.
pub(super) fn convolve_and_pool(
    inputs: Tensor<3>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    shape: WindowShape,
    (pool, slope): (usize, f32),
) -> Tensor<3> {
    let [_, filters] = weight.dims();
    let windows = windows(inputs, shape);
    let [rows, count, _] = windows.dims();
    let outputs = windows.matmul(weight.unsqueeze()) + bias.reshape([1, 1, filters]);
    let pooled = count / pool;
    let largest = outputs
        .narrow(1, 0, pooled * pool)
        .reshape([rows, pooled, pool, filters])
        .max_dim(2)
        .squeeze_dim::<3>(2);
    leaky_relu(largest, f64::from(slope))
}
