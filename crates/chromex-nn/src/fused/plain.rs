use burn::Tensor;
use burn::tensor::activation::{gelu, log_softmax};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Int, TensorData};

use super::alibi::biases as alibi_biases;
use super::{Sight, Spans};

/// Attention composed of burn's operations.
pub(super) fn self_attention(joint: Tensor<3>, sight: Sight, spans: Option<&Spans>) -> Tensor<3> {
    let Sight {
        heads,
        causal,
        alibi,
    } = sight;
    let [rows, length, channels] = joint.dims();
    let width = channels / 3;
    let device = joint.device();
    let joint = joint
        .reshape([rows, length, 3 * heads, width / heads])
        .swap_dims(1, 2);
    let part = |index: usize| joint.clone().narrow(1, index * heads, heads);
    let options = AttentionModuleOptions {
        is_causal: causal && spans.is_none(),
        ..AttentionModuleOptions::default()
    };
    let biases = alibi.then(|| alibi_biases(rows, heads, length, &device));
    let Some(spans) = spans else {
        return attention(part(0), part(1), part(2), None, biases, options)
            .swap_dims(1, 2)
            .reshape([rows, length, width]);
    };
    // A query that sees nothing would divide by nothing: it sees everything, and gives nothing.
    let (mut hidden, mut blind) = (Vec::new(), Vec::new());
    for row in 0..rows {
        let span = Spans::of(Some(spans), row, length);
        for query in 0..length {
            let seen = |key: &usize| span.contains(key) && (!causal || *key <= query);
            let sees = (0..length).any(|key| seen(&key));
            hidden.extend((0..length).map(|key| sees && !seen(&key)));
            blind.push(!sees);
        }
    }
    let hidden = TensorData::new(hidden, [rows, 1, length, length]);
    let hidden = Tensor::<4, Bool>::from_data(hidden, &device);
    let hidden = hidden.expand([rows, heads, length, length]);
    let blind = Tensor::<3, Bool>::from_data(TensorData::new(blind, [rows, length, 1]), &device);
    attention(part(0), part(1), part(2), Some(hidden), biases, options)
        .swap_dims(1, 2)
        .reshape([rows, length, width])
        .mask_fill(blind.expand([rows, length, width]), 0.0)
}

/// A gate composed of burn's operations.
pub(super) fn geglu<const D: usize>(joint: Tensor<D>) -> Tensor<D> {
    let parts = joint.chunk(2, D - 1);
    gelu(parts[0].clone()) * parts[1].clone()
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
