use std::ops::Range;

use burn::Tensor;
use burn::nn::Linear;
use burn::tensor::activation::{gelu, log_softmax, softmax};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, FloatDType, Int, TensorData};

use super::alibi::biases as alibi_biases;
use super::{Sight, Spans};
use crate::Device;
use crate::mean;
use crate::precision::products;

/// A linear layer whose product is computed in other numbers.
pub(super) fn linear_in<const D: usize>(
    layer: &Linear,
    inputs: Tensor<D>,
    kind: FloatDType,
) -> Tensor<D> {
    let weight = layer.weight.val().cast(kind);
    let product = inputs.cast(kind).matmul(weight.unsqueeze());
    let outputs = product.cast(FloatDType::F32);
    match &layer.bias {
        Some(bias) => outputs + bias.val().unsqueeze(),
        None => outputs,
    }
}

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
    let kind = products(&joint);
    let joint = joint
        .reshape([rows, length, 3 * heads, width / heads])
        .swap_dims(1, 2);
    let part = |index: usize| joint.clone().narrow(1, index * heads, heads);
    let biases = alibi.then(|| alibi_biases(rows, heads, length, &device));
    let sights = spans.map(|spans| sights(spans, rows, length, causal, &device));
    let hidden = match &sights {
        Some((hidden, _)) => Some(hidden.clone()),
        // burn's own attention knows what comes later without a mask.
        None if causal && kind.is_some() => {
            Some(Tensor::<2, Bool>::tril_mask([length, length], 0, &device).unsqueeze())
        }
        None => None,
    };
    let hidden = hidden.map(|hidden| hidden.expand([rows, heads, length, length]));
    let attended = match kind {
        Some(kind) => attention_in(kind, [part(0), part(1), part(2)], hidden, biases),
        None => {
            let options = AttentionModuleOptions {
                is_causal: causal && spans.is_none(),
                ..AttentionModuleOptions::default()
            };
            attention(part(0), part(1), part(2), hidden, biases, options)
        }
    };
    let attended = attended.swap_dims(1, 2).reshape([rows, length, width]);
    match sights {
        Some((_, blind)) => attended.mask_fill(blind.expand([rows, length, width]), 0.0),
        None => attended,
    }
}

/// Attention whose two products are computed in other numbers, and whose softmax in those of the inputs.
fn attention_in(
    kind: FloatDType,
    [queries, keys, values]: [Tensor<4>; 3],
    hidden: Option<Tensor<4, Bool>>,
    biases: Option<Tensor<4>>,
) -> Tensor<4> {
    let [_, _, _, width] = queries.dims();
    // Scaled before the product, which half precision could not hold otherwise.
    let queries = queries / (width as f64).sqrt();
    let keys = keys.cast(kind).swap_dims(2, 3);
    let mut scores = queries.cast(kind).matmul(keys).cast(FloatDType::F32);
    if let Some(biases) = biases {
        scores = scores + biases;
    }
    if let Some(hidden) = hidden {
        scores = scores.mask_fill(hidden, f32::NEG_INFINITY);
    }
    let weights = softmax(scores, 3).cast(kind);
    weights.matmul(values.cast(kind)).cast(FloatDType::F32)
}

/// Tells which keys are hidden from each query, `[rows, 1, length, length]`, and which queries see none, `[rows, length, 1]`.
///
/// A query that sees nothing would divide by nothing: it sees everything, and gives nothing.
fn sights(
    spans: &Spans,
    rows: usize,
    length: usize,
    causal: bool,
    device: &Device,
) -> (Tensor<4, Bool>, Tensor<3, Bool>) {
    let ends = |end: fn(&Range<usize>) -> usize| {
        let ends: Vec<i32> = (0..rows)
            .map(|row| end(&Spans::of(Some(spans), row, length)) as i32)
            .collect();
        Tensor::<4, Int>::from_data(TensorData::new(ends, [rows, 1, 1, 1]), device)
            .expand([rows, 1, length, length])
    };
    let places = Tensor::<1, Int>::arange(0..length as i64, device);
    let square = [rows, 1, length, length];
    let keys = places.clone().reshape([1, 1, 1, length]).expand(square);
    let queries = places.reshape([1, 1, length, 1]).expand(square);
    let (starts, ends) = (ends(|span| span.start), ends(|span| span.end));
    let empty = starts.clone().greater_equal(ends.clone());
    let mut hidden = keys
        .clone()
        .lower(starts.clone())
        .bool_or(keys.clone().greater_equal(ends));
    let mut blind = empty;
    if causal {
        blind = blind.bool_or(starts.greater(queries.clone()));
        hidden = hidden.bool_or(keys.greater(queries));
    }
    let hidden = hidden.bool_and(blind.clone().bool_not());
    (hidden, blind.narrow(3, 0, 1).reshape([rows, length, 1]))
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
    let table = table.transpose();
    let scores = match products(&inputs) {
        Some(kind) => inputs
            .cast(kind)
            .matmul(table.cast(kind))
            .cast(FloatDType::F32),
        None => inputs.matmul(table),
    };
    -mean(log_softmax(scores, 1).gather(1, classes))
}
