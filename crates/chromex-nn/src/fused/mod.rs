//! Operations that would cost many passes over memory as separate tensor operations, each as one with its own
//! derivative.
//!
//! On the processor (feature `cpu`) each is a kernel with a hand-written backward pass; on every other device, and for
//! other number types, the same functions are composed of burn's operations, which are also what the kernels are tested
//! against.

mod alibi;
#[cfg(feature = "cpu")]
mod attention;
#[cfg(feature = "cpu")]
mod build;
mod convolution;
#[cfg(feature = "cpu")]
mod cross_entropy;
#[cfg(feature = "cpu")]
mod exponential;
#[cfg(feature = "cpu")]
mod flex;
#[cfg(feature = "cpu")]
mod gelu;
#[cfg(feature = "cpu")]
mod lanes;
#[cfg(feature = "cpu")]
mod linear;
#[cfg(feature = "cpu")]
mod matrix;
mod moments;
#[cfg(feature = "cpu")]
mod norm;
mod plain;
mod rectifier;
mod recurrent;
mod spans;
#[cfg(all(test, feature = "cpu"))]
pub(crate) mod tests;
#[cfg(all(test, feature = "cpu"))]
mod thread_tests;
#[cfg(feature = "cpu")]
mod vectors;

pub use alibi::alibi_slopes;
pub use convolution::{WindowShape, convolve_and_pool, windows};
pub(crate) use moments::{MomentRule, MomentStep, moment_step, scale, square_sum};
pub use rectifier::{drop_and_rectify, drop_out};
pub use recurrent::{attention_pool, attention_weights, lstm};
pub use spans::Spans;

use burn::Tensor;
use burn::nn::Linear;

use crate::precision::products;

/// Runs a kernel with the widest vector instructions of the processor at hand. Only code that is inlined into it gains.
#[cfg(feature = "cpu")]
#[inline(always)]
fn vectorised<R>(kernel: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(kernel)
}

/// Attends over the queries, keys and values of several heads.
///
/// # Shapes
///
/// `joint` is `[rows, length, 3 width]`: queries, keys, values side by side, each head after head. Returns
/// `[rows, length, width]`. Positions outside a row's span are not seen; a position that sees none gives 0.
///
/// # Panics
///
/// When there are spans, but not one per row.
pub fn self_attention(
    joint: Tensor<3>,
    heads: usize,
    causal: bool,
    spans: Option<&Spans>,
) -> Tensor<3> {
    attend(
        joint,
        Sight {
            heads,
            causal,
            alibi: false,
        },
        spans,
    )
}

/// Attends as [`self_attention`] does, to nearer positions more: the score of a query and a key loses the head's
/// [slope](alibi_slopes) times the positions between them.
///
/// # Shapes
///
/// As [`self_attention`].
///
/// # Panics
///
/// When there are spans, but not one per row.
pub fn alibi_attention(joint: Tensor<3>, heads: usize, spans: Option<&Spans>) -> Tensor<3> {
    let sight = Sight {
        heads,
        causal: false,
        alibi: true,
    };
    attend(joint, sight, spans)
}

/// What the heads of an attention see.
#[derive(Clone, Copy, Debug)]
struct Sight {
    heads: usize,
    causal: bool,
    /// Whether scores fall with distance.
    alibi: bool,
}

fn attend(joint: Tensor<3>, sight: Sight, spans: Option<&Spans>) -> Tensor<3> {
    let [rows, _, _] = joint.dims();
    assert!(
        spans.is_none_or(|spans| spans.rows() == rows),
        "a span per row"
    );
    #[cfg(feature = "cpu")]
    if products(&joint).is_none() && flex::can_take(&joint) {
        return flex::self_attention(joint, sight, spans.cloned());
    }
    plain::self_attention(joint, sight, spans)
}

/// Lets the second half of the last axis through a gate, the first half bent by [`gelu`].
///
/// # Shapes
///
/// `[..., 2 hidden]` to `[..., hidden]`.
pub fn geglu<const D: usize>(joint: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if flex::can_take(&joint) {
        return flex::geglu(joint);
    }
    plain::geglu(joint)
}

/// Bends a line by the Gaussian error linear unit, x Φ(x).
pub fn gelu<const D: usize>(inputs: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if flex::can_take(&inputs) {
        return flex::gelu(inputs, gelu::Form::Normal);
    }
    burn::tensor::activation::gelu(inputs)
}

/// Bends a line by the tanh form of the Gaussian error linear unit ("gelu_new").
pub fn gelu_tanh<const D: usize>(inputs: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if flex::can_take(&inputs) {
        return flex::gelu(inputs, gelu::Form::Tanh);
    }
    burn::tensor::activation::gelu_approximate(inputs)
}

/// Maps the last axis by a linear layer.
///
/// # Shapes
///
/// `inputs` is `[..., width]`, the layer's weight `[width, columns]`; returns `[..., columns]`.
pub fn linear<const D: usize>(layer: &Linear, inputs: Tensor<D>) -> Tensor<D> {
    if let Some(kind) = products(&inputs) {
        return plain::linear_in(layer, inputs, kind);
    }
    #[cfg(feature = "cpu")]
    if flex::can_take(&inputs) {
        let weight = layer.weight.val();
        let [_, columns] = weight.dims();
        let none = || Tensor::zeros([columns], &weight.device());
        let bias = layer.bias.as_ref().map_or_else(none, |bias| bias.val());
        return flex::linear(inputs, weight, bias);
    }
    layer.forward(inputs)
}

/// Normalises the last axis, then scales and shifts it.
///
/// # Shapes
///
/// `inputs` is `[..., width]`, `gamma` and `beta` are `[width]`.
pub fn layer_norm<const D: usize>(
    inputs: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if flex::can_take(&inputs) {
        return flex::layer_norm(inputs, gamma, beta, epsilon);
    }
    burn::tensor::module::layer_norm(inputs, gamma, Some(beta), epsilon)
}

/// Measures the mean negative log-likelihood of one class per row under a softmax of the products of the row with a
/// vector per class.
///
/// # Shapes
///
/// `inputs` is `[rows, width]`, `table` is `[classes, width]`; one class per row; returns one number.
///
/// # Panics
///
/// When there is not one class per row, or a class is not below the number of classes.
pub fn cross_entropy(inputs: Tensor<2>, table: Tensor<2>, classes: Vec<u32>) -> Tensor<1> {
    let ([rows, _], [columns, _]) = (inputs.dims(), table.dims());
    assert_eq!(classes.len(), rows, "one class per row");
    assert!(classes.iter().all(|&class| (class as usize) < columns));
    #[cfg(feature = "cpu")]
    if products(&inputs).is_none() && flex::can_take(&inputs) {
        return flex::cross_entropy(inputs, table, classes);
    }
    plain::cross_entropy(inputs, table, classes)
}
