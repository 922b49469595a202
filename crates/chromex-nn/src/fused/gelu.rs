use rayon::prelude::*;

use super::build::build;
use super::exponential::exponential;
use super::vectorised;

/// sqrt(2 / pi).
const SLOPE: f32 = 0.797_884_6;
/// The weight of the cube.
const CUBE: f32 = 0.044_715;
/// Numbers per piece of work: a piece and what it is made of fit the first-level cache.
const PIECE: usize = 1 << 13;

/// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³))).
pub(super) fn forward(inputs: &[f32]) -> Vec<f32> {
    let work = |(outputs, inputs): (&mut [f32], &[f32])| {
        vectorised(
            #[inline(always)]
            || {
                for (output, &x) in outputs.iter_mut().zip(inputs) {
                    *output = x * gate(x);
                }
            },
        );
    };
    build(inputs.len(), PIECE, |pieces| {
        let inputs = inputs.par_chunks(PIECE);
        pieces
            .into_par_iter()
            .zip(inputs)
            .with_min_len(4)
            .for_each(work);
    })
    .0
}

/// The gradient of the inputs from that of the outputs.
pub(super) fn backward(inputs: &[f32], grads: &[f32]) -> Vec<f32> {
    let work = |(results, (inputs, grads)): (&mut [f32], (&[f32], &[f32]))| {
        vectorised(
            #[inline(always)]
            || {
                for (result, (&x, &grad)) in results.iter_mut().zip(inputs.iter().zip(grads)) {
                    let gate = gate(x);
                    let inner = 2.0 * SLOPE * (1.0 + 3.0 * CUBE * x * x);
                    *result = grad * (gate + x * gate * (1.0 - gate) * inner);
                }
            },
        );
    };
    build(inputs.len(), PIECE, |pieces| {
        let rest = inputs.par_chunks(PIECE).zip(grads.par_chunks(PIECE));
        pieces
            .into_par_iter()
            .zip(rest)
            .with_min_len(4)
            .for_each(work);
    })
    .0
}

/// (1 + tanh(u)) / 2 = 1 / (1 + e^(-2u)).
#[inline(always)]
fn gate(x: f32) -> f32 {
    let inner = SLOPE * (x + CUBE * x * x * x);
    1.0 / (1.0 + exponential(-2.0 * inner))
}
