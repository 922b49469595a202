//! Operations that would cost many passes over memory as separate tensor operations, each as one with its own
//! derivative.
//!
//! On the processor (feature `cpu`) attention, the GELU of GPT-2 and the cross-entropy are single kernels with a
//! hand-written backward pass; on every other device, and for other number types, the same functions are composed of
//! burn's operations, which are also what the kernels are tested against.

#[cfg(feature = "cpu")]
mod attention;
#[cfg(feature = "cpu")]
mod cross_entropy;
#[cfg(feature = "cpu")]
mod exponential;
#[cfg(feature = "cpu")]
mod flex;
#[cfg(feature = "cpu")]
mod gelu;
mod plain;

use burn::Tensor;

/// Attends over the queries, keys and values of several heads.
///
/// # Shapes
///
/// `joint` is `[rows, length, 3 width]`: queries, keys, values side by side, each head after head. Returns
/// `[rows, length, width]`.
pub fn self_attention(joint: Tensor<3>, heads: usize, causal: bool) -> Tensor<3> {
    #[cfg(feature = "cpu")]
    if flex::can_take(&joint) {
        return flex::self_attention(joint, heads, causal);
    }
    plain::self_attention(joint, heads, causal)
}

/// Bends a line by the tanh form of the Gaussian error linear unit ("gelu_new").
pub fn gelu_tanh<const D: usize>(inputs: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "cpu")]
    if flex::can_take(&inputs) {
        return flex::gelu_tanh(inputs);
    }
    burn::tensor::activation::gelu_approximate(inputs)
}

/// Measures the mean negative log-likelihood of one class per row under a softmax.
///
/// # Shapes
///
/// `logits` is `[rows, classes]`; one class per row; returns one number.
///
/// # Panics
///
/// When there is not one class per row, or a class is not below the number of classes.
pub fn cross_entropy(logits: Tensor<2>, classes: Vec<u32>) -> Tensor<1> {
    let [rows, columns] = logits.dims();
    assert_eq!(classes.len(), rows, "one class per row");
    assert!(classes.iter().all(|&class| (class as usize) < columns));
    #[cfg(feature = "cpu")]
    if flex::can_take(&logits) {
        return flex::cross_entropy(logits, classes);
    }
    plain::cross_entropy(logits, classes)
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::{Device, weights};
    use burn::tensor::TensorData;

    fn draw<const D: usize>(purpose: &str, shape: [usize; D], scale: f64) -> Tensor<D> {
        let mut generator = chromex_core::random::generator(3, purpose);
        let values = weights::normal(&mut generator, scale, shape.iter().product());
        let device = Device::flex().autodiff();
        Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
    }

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec().unwrap()
    }

    fn close(fused: &[f32], plain: &[f32], tolerance: f32) {
        assert_eq!(fused.len(), plain.len());
        for (index, (a, b)) in fused.iter().zip(plain).enumerate() {
            let limit = tolerance * (1.0 + b.abs());
            assert!((a - b).abs() < limit, "{index}: {a} against {b}");
        }
    }

    /// Value and gradient of both forms, under a gradient that differs from place to place.
    fn compare<const D: usize, const E: usize>(
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
        for (rows, length, width, heads) in
            [(3, 64, 32, 8), (2, 17, 12, 4), (1, 5, 32, 1), (2, 1, 6, 2)]
        {
            for causal in [true, false] {
                compare(
                    draw("joint", [rows, length, 3 * width], 1.0),
                    2e-5,
                    |joint| self_attention(joint, heads, causal),
                    |joint| plain::self_attention(joint, heads, causal),
                );
            }
        }
    }

    #[test]
    fn large_scores_do_not_overflow() {
        compare(
            draw("joint", [1, 9, 12], 30.0),
            2e-4,
            |joint| self_attention(joint, 2, true),
            |joint| plain::self_attention(joint, 2, true),
        );
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
        }
    }

    #[test]
    fn cross_entropy_equals_the_composed_form_in_value_and_gradient() {
        let classes: Vec<u32> = (0..40).map(|row| row * 7 % 23).collect();
        for scale in [0.5, 20.0] {
            compare(
                draw("logits", [40, 23], scale),
                1e-5,
                |logits| cross_entropy(logits, classes.clone()),
                |logits| plain::cross_entropy(logits, classes.clone()),
            );
        }
    }
}
