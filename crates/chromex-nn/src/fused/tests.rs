//! The kernels against the forms composed of burn's operations.

use super::*;
use crate::{Device, Precision, weights};
use burn::tensor::TensorData;

pub(crate) fn draw<const D: usize>(purpose: &str, shape: [usize; D], scale: f64) -> Tensor<D> {
    let mut generator = chromex_core::random::generator(3, purpose);
    let values = weights::normal(&mut generator, scale, shape.iter().product());
    let device = Device::flex().autodiff();
    Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
}

pub(crate) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
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

/// Two-byte products are near those of single precision, and not the same.
fn is_rounded<const D: usize, const E: usize>(
    precision: Precision,
    inputs: Tensor<D>,
    run: impl Fn(Tensor<D>) -> Tensor<E>,
) {
    let tolerance = match precision {
        Precision::Half => 4e-3,
        _ => 3e-2,
    };
    let within = |inputs| precision.within(|| run(inputs));
    compare(inputs.clone(), tolerance, within, &run);
    assert_ne!(numbers(within(inputs.clone())), numbers(run(inputs)));
}

#[test]
fn two_byte_products_are_those_of_single_precision_but_for_rounding() {
    let layer = burn::nn::LinearConfig::new(36, 20).init(&Device::flex().autodiff());
    let spans = Spans::new(vec![5..40, 0..17, 33..33], 40);
    let table = draw("table", [23, 8], 1.0);
    let classes: Vec<u32> = (0..30).map(|row| row * 7 % 23).collect();
    for precision in [Precision::Bfloat16, Precision::Half] {
        let joint = draw("joint", [3, 40, 36], 1.0);
        for (causal, spans) in [(false, None), (true, None), (true, Some(&spans))] {
            let run = |joint| self_attention(joint, 3, causal, spans);
            is_rounded(precision, joint.clone(), run);
        }
        let run = |joint| alibi_attention(joint, 3, Some(&spans));
        is_rounded(precision, joint.clone(), run);
        is_rounded(precision, joint, |inputs| linear(&layer, inputs));
        let run = |inputs| cross_entropy(inputs, table.clone(), classes.clone());
        is_rounded(precision, draw("inputs", [30, 8], 1.0), run);
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
            |joint| plain::self_attention(joint, sight(1, causal, false), Some(&spans_of_blocks)),
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
    for (rows, width, columns, scale) in [(40, 8, 23, 0.5), (9, 300, 220, 2.0), (600, 4, 37, 3.0)] {
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
