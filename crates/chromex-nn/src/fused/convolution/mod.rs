//! Convolutions over positions as products of windows with a matrix.

#[cfg(feature = "cpu")]
mod extension;
#[cfg(feature = "cpu")]
mod kernel;
mod plain;
#[cfg(feature = "cpu")]
mod pooled;

use burn::Tensor;
use serde::{Deserialize, Serialize};

#[cfg(feature = "cpu")]
use super::flex::can_take;

/// Which positions the windows of a convolution cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowShape {
    /// Positions of a window.
    pub kernel: usize,
    /// Positions from one window to the next.
    pub stride: usize,
    /// Positions from one place of a window to the next.
    pub dilation: usize,
    /// Zeros before the first position.
    pub before: usize,
    /// Zeros after the last position.
    pub after: usize,
}

impl WindowShape {
    /// Counts the windows of a sequence.
    pub fn windows(self, length: usize) -> usize {
        let reach = self.kernel.saturating_sub(1);
        let span = self.dilation.saturating_mul(reach).saturating_add(1);
        let padded = self.before.saturating_add(length);
        padded
            .saturating_add(self.after)
            .checked_sub(span)
            .map_or(0, |rest| (rest / self.stride.max(1)).saturating_add(1))
    }
}

/// Lays the windows of every sequence out side by side.
///
/// # Shapes
///
/// `inputs` is `[rows, length, channels]`; returns `[rows, windows, kernel channels]`, positions before channels.
///
/// # Panics
///
/// When a sequence is shorter than a window.
pub fn windows(inputs: Tensor<3>, shape: WindowShape) -> Tensor<3> {
    assert!(shape.windows(inputs.dims()[1]) > 0, "a window fits");
    #[cfg(feature = "cpu")]
    if can_take(&inputs) {
        return extension::windows(inputs, shape);
    }
    plain::windows(inputs, shape)
}

/// Convolves, keeps the largest of every `pool` neighbours, and bends: what is below 0 is multiplied with `slope`.
///
/// A convolution with a small kernel makes many numbers of which pooling keeps few: over 10,000 positions of DNA and 132
/// filters, 528 MB for 100 rows. On the processor they never leave the cache, and the way back visits only those that were
/// kept.
///
/// # Shapes
///
/// `inputs` is `[rows, length, channels]`, `weight` is `[kernel channels, filters]` with positions before channels, `bias` is
/// `[filters]`; returns `[rows, windows / pool, filters]`. Windows that do not fill a pool are left out.
///
/// # Panics
///
/// When a sequence has fewer windows than a pool.
pub fn convolve_and_pool(
    inputs: Tensor<3>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    shape: WindowShape,
    pool: usize,
    slope: f32,
) -> Tensor<3> {
    assert!(shape.windows(inputs.dims()[1]) >= pool, "a pool fits");
    #[cfg(feature = "cpu")]
    if can_take(&inputs) {
        return extension::convolve_and_pool(inputs, weight, bias, shape, (pool, slope));
    }
    plain::convolve_and_pool(inputs, weight, bias, shape, (pool, slope))
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::fused::tests::{close, compare, draw, numbers};

    fn shapes() -> [WindowShape; 4] {
        let valid = WindowShape {
            kernel: 3,
            stride: 1,
            dilation: 1,
            before: 0,
            after: 0,
        };
        [
            valid,
            WindowShape { stride: 2, ..valid },
            WindowShape {
                kernel: 4,
                before: 1,
                after: 2,
                ..valid
            },
            WindowShape {
                dilation: 3,
                before: 3,
                after: 3,
                ..valid
            },
        ]
    }

    #[test]
    fn windows_equal_the_composed_form_in_value_and_gradient() {
        for shape in shapes() {
            let inputs = draw("inputs", [3, 11, 4], 1.0);
            compare(
                inputs,
                1e-6,
                |inputs| windows(inputs, shape),
                |inputs| plain::windows(inputs, shape),
            );
        }
    }

    #[test]
    fn pooled_convolutions_equal_the_composed_form_in_value_and_every_gradient() {
        for shape in shapes() {
            for (rows, length, pool, slope) in [(3, 11, 2, 0.0), (2, 40, 5, 0.05), (5, 9, 1, 0.3)] {
                let weight = draw("weight", [shape.kernel * 4, 7], 0.5);
                let bias = draw("bias", [7], 0.5);
                let inputs = draw("inputs", [rows, length, 4], 1.0);
                let of = |form: fn(
                    Tensor<3>,
                    Tensor<2>,
                    Tensor<1>,
                    WindowShape,
                    usize,
                    f32,
                ) -> Tensor<3>| {
                    let (weight, bias) = (weight.clone(), bias.clone());
                    move |inputs: Tensor<3>| {
                        form(inputs, weight.clone(), bias.clone(), shape, pool, slope)
                    }
                };
                let fused = of(convolve_and_pool);
                let plain = of(|i, w, b, shape, pool, slope| {
                    plain::convolve_and_pool(i, w, b, shape, (pool, slope))
                });
                compare(inputs.clone(), 2e-5, &fused, &plain);
                let grads = |outputs: Tensor<3>| {
                    let weights = draw("output gradient", outputs.dims(), 1.0).detach();
                    let grads = (outputs * weights).sum().backward();
                    [
                        numbers(weight.grad(&grads).unwrap()),
                        numbers(bias.grad(&grads).unwrap()),
                    ]
                };
                let (ours, theirs) = (grads(fused(inputs.clone())), grads(plain(inputs)));
                close(&ours[0], &theirs[0], 5e-5);
                close(&ours[1], &theirs[1], 5e-5);
            }
        }
    }

    #[test]
    fn windows_are_counted_as_pytorch_counts_them() {
        let [valid, strided, same, dilated] = shapes();
        assert_eq!((valid.windows(100), strided.windows(100)), (98, 49));
        assert_eq!((same.windows(100), dilated.windows(100)), (100, 100));
        assert_eq!(valid.windows(2), 0);
    }
}
