use rayon::prelude::*;

use crate::fused::build::build;
use crate::fused::exponential::exponential;
use crate::fused::lanes::LANES;
use crate::fused::vectorised;

/// The extents of a level's states.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extents {
    pub(super) rows: usize,
    pub(super) length: usize,
    pub(super) width: usize,
}

/// Averages the states of every sequence under its attention: the averages `[encoders, rows, width]` and the weights
/// `[encoders, rows, length]`.
pub(super) fn forward(states: &[f32], context: &[f32], extents: Extents) -> (Vec<f32>, Vec<f32>) {
    let Extents {
        rows,
        length,
        width,
    } = extents;
    let sequences = states.len() / (length * width);
    let mut weights = vec![0.0; sequences * length];
    let (averages, ()) = build(sequences * width, width, |averages| {
        averages
            .into_par_iter()
            .zip(weights.par_chunks_mut(length))
            .zip(states.par_chunks_exact(length * width))
            .enumerate()
            .with_min_len(4)
            .for_each(|(sequence, ((average, weights), states))| {
                let context = &context[sequence / rows * width..][..width];
                vectorised(
                    #[inline(always)]
                    || attend(average, weights, states, context),
                );
            });
    });
    (averages, weights)
}

#[inline(always)]
fn attend(average: &mut [f32], weights: &mut [f32], states: &[f32], context: &[f32]) {
    let width = context.len();
    let mut largest = f32::NEG_INFINITY;
    for (weight, state) in weights.iter_mut().zip(states.chunks_exact(width)) {
        *weight = product(state, context);
        largest = largest.max(*weight);
    }
    for weight in weights.iter_mut() {
        *weight = exponential(*weight - largest);
    }
    let inverse = 1.0 / weights.iter().sum::<f32>();
    for (weight, state) in weights.iter_mut().zip(states.chunks_exact(width)) {
        *weight *= inverse;
        for (sum, &value) in average.iter_mut().zip(state) {
            *sum += *weight * value;
        }
    }
}

/// What the forward pass leaves for the way back.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    pub(super) states: &'a [f32],
    pub(super) context: &'a [f32],
    pub(super) weights: &'a [f32],
}

/// The gradients of the states and of the context from that of the averages.
pub(super) fn backward(past: Past<'_>, grad: &[f32], extents: Extents) -> (Vec<f32>, Vec<f32>) {
    let Extents {
        rows,
        length,
        width,
    } = extents;
    let (states, sums): (_, Vec<Vec<f32>>) = build(past.states.len(), length * width, |results| {
        results
            .into_par_iter()
            .zip(past.weights.par_chunks(length))
            .zip(past.states.par_chunks_exact(length * width))
            .zip(grad.par_chunks_exact(width))
            .enumerate()
            .with_min_len(4)
            .map(|(sequence, (((result, weights), states), grad))| {
                let context = &past.context[sequence / rows * width..][..width];
                let mut sum = vec![0.0; width];
                vectorised(
                    #[inline(always)]
                    || withdraw(result, &mut sum, (weights, states, context), grad),
                );
                sum
            })
            .collect()
    });
    let mut context = vec![0.0; past.context.len()];
    for (sequence, sum) in sums.iter().enumerate() {
        let target = &mut context[sequence / rows * width..][..width];
        for (total, value) in target.iter_mut().zip(sum) {
            *total += value;
        }
    }
    (states, context)
}

#[inline(always)]
fn withdraw(
    result: &mut [f32],
    sum: &mut [f32],
    (weights, states, context): (&[f32], &[f32], &[f32]),
    grad: &[f32],
) {
    let width = context.len();
    // The gradient of each weight, less their mean under the weights, is that of its score.
    let of_weights: Vec<f32> = states
        .chunks_exact(width)
        .map(|state| product(state, grad))
        .collect();
    let mean: f32 = of_weights.iter().zip(weights).map(|(g, w)| g * w).sum();
    let places = result
        .chunks_exact_mut(width)
        .zip(states.chunks_exact(width))
        .zip(weights.iter().zip(&of_weights));
    for ((result, state), (&weight, &of_weight)) in places {
        let of_score = weight * (of_weight - mean);
        for lane in 0..width {
            result[lane] = weight * grad[lane] + of_score * context[lane];
        }
        for (sum, &value) in sum.iter_mut().zip(state) {
            *sum += of_score * value;
        }
    }
}

/// The sum of the products of two rows, sixteen partial sums at a time.
#[inline(always)]
fn product(left: &[f32], right: &[f32]) -> f32 {
    let (left, left_rest) = left.as_chunks::<LANES>();
    let (right, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (left, right) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
