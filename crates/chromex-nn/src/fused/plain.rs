use burn::Tensor;
use burn::tensor::activation::log_softmax;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Int, TensorData};

/// Attention composed of burn's operations.
pub(super) fn self_attention(joint: Tensor<3>, heads: usize, causal: bool) -> Tensor<3> {
    let [rows, length, channels] = joint.dims();
    let width = channels / 3;
    let joint = joint
        .reshape([rows, length, 3 * heads, width / heads])
        .swap_dims(1, 2);
    let part = |index: usize| joint.clone().narrow(1, index * heads, heads);
    let options = AttentionModuleOptions {
        is_causal: causal,
        ..AttentionModuleOptions::default()
    };
    attention(part(0), part(1), part(2), None, None, options)
        .swap_dims(1, 2)
        .reshape([rows, length, width])
}

/// Cross-entropy composed of burn's operations.
pub(super) fn cross_entropy(inputs: Tensor<2>, table: Tensor<2>, classes: Vec<u32>) -> Tensor<1> {
    let rows = classes.len();
    let classes: Vec<i32> = classes.into_iter().map(|class| class as i32).collect();
    let data = TensorData::new(classes, [rows, 1]);
    let classes = Tensor::<2, Int>::from_data(data, &inputs.device());
    let scores = inputs.matmul(table.transpose());
    -log_softmax(scores, 1).gather(1, classes).mean()
}
