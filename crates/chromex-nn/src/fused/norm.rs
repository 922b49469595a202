use rayon::prelude::*;

use super::build::build;
use super::matrix::{CHUNK, add_lines};
use super::vectorised;

/// What the way back needs to know of a row: its mean and one over its standard deviation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    mean: f32,
    inverse_deviation: f32,
}

/// Normalises each row, then scales by `gamma` and shifts by `beta`.
pub(super) fn forward(
    inputs: &[f32],
    gamma: &[f32],
    beta: &[f32],
    epsilon: f32,
) -> (Vec<f32>, Vec<Moments>) {
    let width = gamma.len();
    let mut moments = vec![Moments::default(); inputs.len() / width];
    let (outputs, ()) = build(inputs.len(), CHUNK * width, |outputs| {
        outputs
            .into_par_iter()
            .zip(inputs.par_chunks(CHUNK * width))
            .zip(moments.par_chunks_mut(CHUNK))
            .for_each(|((outputs, inputs), moments)| {
                vectorised(
                    #[inline(always)]
                    || {
                        let rows = outputs
                            .chunks_exact_mut(width)
                            .zip(inputs.chunks_exact(width));
                        for ((output, input), moments) in rows.zip(moments) {
                            let mean = sum(input, |x| x) / width as f32;
                            let variance = sum(input, |x| (x - mean) * (x - mean)) / width as f32;
                            let inverse_deviation = 1.0 / (variance + epsilon).sqrt();
                            *moments = Moments {
                                mean,
                                inverse_deviation,
                            };
                            let weights = gamma.iter().zip(beta);
                            for ((y, &x), (&gamma, &beta)) in
                                output.iter_mut().zip(input).zip(weights)
                            {
                                *y = (x - mean) * inverse_deviation * gamma + beta;
                            }
                        }
                    },
                );
            });
    });
    (outputs, moments)
}

/// The gradients of the inputs, of `gamma` and of `beta` from that of the outputs.
pub(super) fn backward(
    inputs: &[f32],
    moments: &[Moments],
    gamma: &[f32],
    grad: &[f32],
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let width = gamma.len();
    let (result, sums): (_, Vec<(Vec<f32>, Vec<f32>)>) =
        build(inputs.len(), CHUNK * width, |results| {
            results
                .into_par_iter()
                .zip(inputs.par_chunks(CHUNK * width))
                .zip(grad.par_chunks(CHUNK * width))
                .zip(moments.par_chunks(CHUNK))
                .map(|(((result, inputs), grad), moments)| {
                    let mut sums = (vec![0.0; width], vec![0.0; width]);
                    let mut normal = vec![0.0; width];
                    vectorised(
                        #[inline(always)]
                        || {
                            let rows = result
                                .chunks_exact_mut(width)
                                .zip(inputs.chunks_exact(width))
                                .zip(grad.chunks_exact(width));
                            for (((result, input), grad), moments) in rows.zip(moments) {
                                backward_row(
                                    result,
                                    &mut normal,
                                    &mut sums,
                                    input,
                                    grad,
                                    gamma,
                                    *moments,
                                );
                            }
                        },
                    );
                    sums
                })
                .collect()
        });
    if sums.is_empty() {
        return (result, vec![0.0; width], vec![0.0; width]);
    }
    let (gammas, betas): (Vec<_>, Vec<_>) = sums.into_iter().unzip();
    (
        result,
        add_lines(gammas.into_iter()),
        add_lines(betas.into_iter()),
    )
}

/// One row's gradient; `sums` gathers those of gamma and beta, and `normal` is room for the normalised row.
#[inline(always)]
fn backward_row(
    result: &mut [f32],
    normal: &mut [f32],
    sums: &mut (Vec<f32>, Vec<f32>),
    input: &[f32],
    grad: &[f32],
    gamma: &[f32],
    moments: Moments,
) {
    let Moments {
        mean,
        inverse_deviation,
    } = moments;
    for (normal, x) in normal.iter_mut().zip(input) {
        *normal = (x - mean) * inverse_deviation;
    }
    for ((sum, grad), normal) in sums.0.iter_mut().zip(grad).zip(normal.iter()) {
        *sum += grad * normal;
    }
    for (sum, grad) in sums.1.iter_mut().zip(grad) {
        *sum += grad;
    }
    for ((result, grad), gamma) in result.iter_mut().zip(grad).zip(gamma) {
        *result = grad * gamma;
    }
    let count = result.len() as f32;
    let shift = sum(result, |x| x) / count;
    let tilt = sum_of_products(result, normal) / count;
    for (result, normal) in result.iter_mut().zip(normal.iter()) {
        *result = inverse_deviation * (*result - shift - normal * tilt);
    }
}

const LANES: usize = 16;

/// The sum of a function over a row, sixteen partial sums at a time.
#[inline(always)]
fn sum(row: &[f32], function: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += function(value);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|&value| function(value)).sum::<f32>()
}

/// The sum of the products of two rows.
#[inline(always)]
fn sum_of_products(left: &[f32], right: &[f32]) -> f32 {
    let (left_chunks, left_rest) = left.as_chunks::<LANES>();
    let (right_chunks, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (left, right) in left_chunks.iter().zip(right_chunks) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
