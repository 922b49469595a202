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

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::{Device, weights};
    use burn::tensor::TensorData;

    pub(super) fn draw<const D: usize>(purpose: &str, shape: [usize; D], scale: f64) -> Tensor<D> {
        let mut generator = chromex_core::random::generator(3, purpose);
        let values = weights::normal(&mut generator, scale, shape.iter().product());
        let device = Device::flex().autodiff();
        Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
    }

    pub(super) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    pub(super) fn close(fused: &[f32], plain: &[f32], tolerance: f32) {
        assert_eq!(fused.len(), plain.len());
        for (index, (a, b)) in fused.iter().zip(plain).enumerate() {
            let limit = tolerance * (1.0 + b.abs());
            assert!((a - b).abs() < limit, "{index}: {a} against {b}");
        }
    }

    /// Value and gradient of both forms, under a gradient that differs from place to place.
    pub(super) fn compare<const D: usize, const E: usize>(
        inputs: Tensor<D>,
        tolerance: f32,
        fused: impl Fn(Tensor<D>) -> Tensor<E>,
        plain: impl Fn(Tensor<D>) -> Tensor<E>,
    ) {
        let run = |operation: &dyn Fn(Tensor<D>) -> Tensor<E>| {
            let output = operation(inputs.clone());
            let weights = draw("output gradient", output.dims(), 1.0).detach();
            let grads = (output.clone() * weights).sum().backward();
            (numbers(output), numbers(inputs.grad(&grads).unwrap()))
        };
        let (fused, plain) = (run(&fused), run(&plain));
        close(&fused.0, &plain.0, tolerance);
        close(&fused.1, &plain.1, tolerance);
    }

    #[test]
    fn attention_equals_the_composed_form_in_value_and_gradient() {
        // The longest is more than a block of keys, the widest head more than a block of channels.
        for (rows, length, width, heads) in [
            (3, 64, 32, 8),
            (2, 17, 12, 4),
            (1, 5, 32, 1),
            (2, 1, 6, 2),
            (1, 290, 40, 2),
        ] {
            for causal in [true, false] {
                compare(
                    draw("joint", [rows, length, 3 * width], 1.0),
                    2e-5,
                    |joint| self_attention(joint, heads, causal, None),
                    |joint| plain::self_attention(joint, sight(heads, causal, false), None),
                );
            }
        }
    }

    #[test]
    fn two_byte_products_are_those_of_single_precision_but_for_rounding() {
        use crate::Precision;
        let layer = burn::nn::LinearConfig::new(36, 20).init(&Device::flex().autodiff());
        let spans = Spans::new(vec![5..40, 0..17, 33..33], 40);
        let table = draw("table", [23, 8], 1.0);
        let classes: Vec<u32> = (0..30).map(|row| row * 7 % 23).collect();
        for (precision, tolerance) in [(Precision::Bfloat16, 3e-2), (Precision::Half, 4e-3)] {
            let joint = draw("joint", [3, 40, 36], 1.0);
            for (causal, spans) in [(false, None), (true, None), (true, Some(&spans))] {
                let run = |joint| self_attention(joint, 3, causal, spans);
                compare(
                    joint.clone(),
                    tolerance,
                    |joint| precision.within(|| run(joint)),
                    run,
                );
            }
            let run = |joint| alibi_attention(joint, 3, Some(&spans));
            compare(
                joint.clone(),
                tolerance,
                |joint| precision.within(|| run(joint)),
                run,
            );
            let run = |inputs| linear(&layer, inputs);
            compare(
                joint,
                tolerance,
                |inputs| precision.within(|| run(inputs)),
                run,
            );
            let run = |inputs| cross_entropy(inputs, table.clone(), classes.clone());
            let inputs = draw("inputs", [30, 8], 1.0);
            compare(
                inputs.clone(),
                tolerance,
                |inputs| precision.within(|| run(inputs)),
                run,
            );
            let exact = numbers(run(inputs.clone()));
            assert_ne!(numbers(precision.within(|| run(inputs))), exact);
        }
    }

    #[test]
    fn large_scores_do_not_overflow() {
        compare(
            draw("joint", [1, 9, 12], 30.0),
            2e-4,
            |joint| self_attention(joint, 2, true, None),
            |joint| plain::self_attention(joint, sight(2, true, false), None),
        );
    }

    fn sight(heads: usize, causal: bool, alibi: bool) -> Sight {
        Sight {
            heads,
            causal,
            alibi,
        }
    }

    #[test]
    fn attention_that_falls_with_distance_equals_the_composed_form() {
        for (rows, length, width, heads) in [(1, 1, 12, 12), (2, 7, 24, 12), (3, 50, 12, 3)] {
            compare(
                draw("joint", [rows, length, 3 * width], 1.0),
                2e-5,
                |joint| alibi_attention(joint, heads, None),
                |joint| plain::self_attention(joint, sight(heads, false, true), None),
            );
        }
        let spans = Spans::new(vec![5..40, 0..17, 0..40], 40);
        compare(
            draw("joint", [3, 40, 36], 1.0),
            2e-5,
            |joint| alibi_attention(joint, 3, Some(&spans)),
            |joint| plain::self_attention(joint, sight(3, false, true), Some(&spans)),
        );
    }

    #[test]
    fn a_gate_and_a_layer_without_bias_equal_the_composed_forms() {
        for scale in [0.1, 1.0, 12.0] {
            compare(draw("joint", [7, 66], scale), 4e-5, geglu, plain::geglu);
        }
        let device = Device::default();
        let layer = burn::nn::LinearConfig::new(24, 40)
            .with_bias(false)
            .init(&device);
        compare(
            draw("inputs", [2, 9, 24], 1.0),
            2e-5,
            |inputs| linear(&layer, inputs),
            |inputs| layer.forward(inputs),
        );
    }

    #[test]
    fn padding_is_not_seen_and_a_row_of_padding_gives_nothing() {
        // Padded left, right and on both sides, not at all, and nothing but padding.
        let spans = Spans::new(vec![5..40, 0..17, 3..20, 0..40, 33..33], 40);
        for causal in [false, true] {
            compare(
                draw("joint", [5, 40, 36], 1.0),
                2e-5,
                |joint| self_attention(joint, 3, causal, Some(&spans)),
                |joint| plain::self_attention(joint, sight(3, causal, false), Some(&spans)),
            );
        }
        let spans_of_blocks = Spans::new(vec![130..290, 0..250, 20..150], 290);
        for causal in [false, true] {
            compare(
                draw("joint", [3, 290, 12], 1.0),
                2e-5,
                |joint| self_attention(joint, 1, causal, Some(&spans_of_blocks)),
                |joint| {
                    plain::self_attention(joint, sight(1, causal, false), Some(&spans_of_blocks))
                },
            );
        }
        let joint = draw("joint", [5, 40, 36], 1.0);
        let padded = numbers(self_attention(joint.clone(), 3, false, Some(&spans)));
        let alone = joint.narrow(0, 1, 1).narrow(1, 0, 17);
        let alone = numbers(self_attention(alone, 3, false, None));
        close(&padded[40 * 12..][..17 * 12], &alone, 1e-6);
        assert!(padded[4 * 40 * 12..].iter().all(|&value| value == 0.0));
    }

    #[test]
    fn gelu_equals_the_composed_form_in_value_and_gradient() {
        for scale in [0.1, 1.0, 12.0] {
            compare(
                draw("inputs", [7, 33], scale),
                2e-6,
                gelu_tanh,
                burn::tensor::activation::gelu_approximate,
            );
            compare(
                draw("inputs", [7, 33], scale),
                2e-6,
                gelu,
                burn::tensor::activation::gelu,
            );
        }
    }

    #[test]
    fn linear_equals_the_composed_form_in_value_and_every_gradient() {
        // More rows than a chunk; a small weight, summed in pieces, and a large one, summed at once.
        for (rows, width, columns) in [(3, 5, 7), (700, 6, 9), (300, 260, 256)] {
            let device = Device::flex().autodiff();
            let layer = burn::nn::LinearConfig::new(width, columns).init(&device);
            let inputs = draw("inputs", [rows, width], 1.0);
            compare(
                inputs.clone(),
                2e-5,
                |inputs| linear(&layer, inputs),
                |inputs| layer.forward(inputs),
            );
            let bias = layer.bias.as_ref().unwrap().val();
            let of = |outputs: Tensor<2>| {
                let weights = draw("output gradient", outputs.dims(), 1.0).detach();
                let grads = (outputs * weights).sum().backward();
                (
                    numbers(layer.weight.val().grad(&grads).unwrap()),
                    numbers(bias.grad(&grads).unwrap()),
                )
            };
            let fused = of(linear(&layer, inputs.clone()));
            let plain = of(layer.forward(inputs));
            close(&fused.0, &plain.0, 2e-4);
            close(&fused.1, &plain.1, 2e-4);
        }
    }

    #[test]
    fn layer_norm_equals_the_composed_form_in_value_and_every_gradient() {
        for (rows, width) in [(2, 1), (5, 7), (300, 32), (3, 50)] {
            let (gamma, beta) = (draw("gamma", [width], 1.0), draw("beta", [width], 1.0));
            let plain = |inputs, gamma, beta| {
                burn::tensor::module::layer_norm::<2>(inputs, gamma, Some(beta), 1e-5)
            };
            let inputs = draw("inputs", [rows, width], 3.0);
            compare(
                inputs.clone(),
                5e-5,
                |inputs| layer_norm(inputs, gamma.clone(), beta.clone(), 1e-5),
                |inputs| plain(inputs, gamma.clone(), beta.clone()),
            );
            let of = |outputs: Tensor<2>| {
                let weights = draw("output gradient", outputs.dims(), 1.0).detach();
                let grads = (outputs * weights).sum().backward();
                [&gamma, &beta].map(|parameter| numbers(parameter.grad(&grads).unwrap()))
            };
            let fused = of(layer_norm(
                inputs.clone(),
                gamma.clone(),
                beta.clone(),
                1e-5,
            ));
            let plain = of(plain(inputs, gamma.clone(), beta.clone()));
            close(&fused[0], &plain[0], 1e-4);
            close(&fused[1], &plain[1], 1e-4);
        }
    }

    #[test]
    fn cross_entropy_equals_the_composed_form_in_value_and_every_gradient() {
        // The second table is large enough to be summed at once; the third has more rows than a chunk.
        for (rows, width, columns, scale) in
            [(40, 8, 23, 0.5), (9, 300, 220, 2.0), (600, 4, 37, 3.0)]
        {
            let classes: Vec<u32> = (0..rows as u32)
                .map(|row| row * 7 % columns as u32)
                .collect();
            let inputs = draw("inputs", [rows, width], scale);
            let table = draw("table", [columns, width], 1.0);
            compare(
                inputs.clone(),
                2e-5,
                |inputs| cross_entropy(inputs, table.clone(), classes.clone()),
                |inputs| plain::cross_entropy(inputs, table.clone(), classes.clone()),
            );
            let of = |loss: Tensor<1>| numbers(table.grad(&(loss * 3.0).backward()).unwrap());
            close(
                &of(cross_entropy(
                    inputs.clone(),
                    table.clone(),
                    classes.clone(),
                )),
                &of(plain::cross_entropy(inputs, table.clone(), classes)),
                2e-5,
            );
        }
    }

    /// A layer that is cut by the number of threads.
    fn large_layer() -> Linear {
        let mut layer = burn::nn::LinearConfig::new(130, 600)
            .with_bias(false)
            .init(&Device::flex().autodiff());
        layer.weight = burn::module::Param::from_tensor(draw("large weight", [130, 600], 0.5));
        layer
    }

    #[test]
    fn the_number_of_threads_does_not_change_a_bit() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let wide = linear(&large_layer(), draw("many inputs", [2, 777, 130], 1.0));
                let inputs = draw("inputs", [5, 130, 24], 1.0);
                let device = Device::flex().autodiff();
                let weight = draw("weight", [24, 24], 0.5);
                let bias = draw("bias", [24], 0.5);
                let mut layer = burn::nn::LinearConfig::new(24, 24).init(&device);
                layer.weight = burn::module::Param::from_tensor(weight);
                layer.bias = Some(burn::module::Param::from_tensor(bias));
                let middle = self_attention(linear(&layer, inputs.clone()), 2, true, None);
                let gamma = draw("gamma", [8], 1.0);
                let middle = layer_norm(gelu_tanh(middle), gamma.clone(), gamma.clone(), 1e-5);
                let table = draw("table", [31, 8], 1.0);
                let classes = (0..650).map(|row| row * 7 % 31).collect();
                let loss = cross_entropy(middle.reshape([650, 8]), table.clone(), classes);
                let grads = loss.clone().backward();
                [
                    numbers(wide),
                    numbers(loss),
                    numbers(inputs.grad(&grads).unwrap()),
                    numbers(layer.weight.val().grad(&grads).unwrap()),
                    numbers(gamma.grad(&grads).unwrap()),
                    numbers(table.grad(&grads).unwrap()),
                ]
            })
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(5));
    }
}
