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

/// The two forms of the unit: x times a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// x Φ(x).
    Normal,
    /// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³))).
    Tanh,
}

/// The unit of every number.
pub(super) fn forward(inputs: &[f32], form: Form) -> Vec<f32> {
    match form {
        Form::Normal => map(inputs, inputs, |x, _| x * normal(x).0),
        Form::Tanh => map(inputs, inputs, |x, _| x * gate(x)),
    }
}

/// The gradient of the inputs from that of the outputs.
pub(super) fn backward(inputs: &[f32], grads: &[f32], form: Form) -> Vec<f32> {
    match form {
        Form::Normal => map(inputs, grads, |x, grad| {
            let (probability, density) = normal(x);
            grad * (probability + x * density)
        }),
        Form::Tanh => map(inputs, grads, |x, grad| {
            let gate = gate(x);
            let inner = 2.0 * SLOPE * (1.0 + 3.0 * CUBE * x * x);
            grad * (gate + x * gate * (1.0 - gate) * inner)
        }),
    }
}

/// What a gate lets through: of each line of `joint` the first half, bent, times the second half.
pub(super) fn gated(joint: &[f32], half: usize) -> Vec<f32> {
    build(joint.len() / 2, half, |lines| {
        let work = |(results, joint): (&mut [f32], &[f32])| {
            let (gates, values) = joint.split_at(half);
            vectorised(
                #[inline(always)]
                || {
                    for (result, (&x, &value)) in results.iter_mut().zip(gates.iter().zip(values)) {
                        *result = x * normal(x).0 * value;
                    }
                },
            );
        };
        let joint = joint.par_chunks(2 * half);
        lines
            .into_par_iter()
            .zip(joint)
            .with_min_len(4)
            .for_each(work);
    })
    .0
}

/// The gradient of `joint` from that of what the gate let through.
pub(super) fn gated_backward(joint: &[f32], grads: &[f32], half: usize) -> Vec<f32> {
    build(joint.len(), 2 * half, |lines| {
        let work = |(results, (joint, grads)): (&mut [f32], (&[f32], &[f32]))| {
            let (gates, values) = joint.split_at(half);
            let (to_gates, to_values) = results.split_at_mut(half);
            vectorised(
                #[inline(always)]
                || {
                    let results = to_gates.iter_mut().zip(to_values);
                    let inputs = gates.iter().zip(values).zip(grads);
                    for ((to_gate, to_value), ((&x, &value), &grad)) in results.zip(inputs) {
                        let (probability, density) = normal(x);
                        *to_gate = grad * value * (probability + x * density);
                        *to_value = grad * x * probability;
                    }
                },
            );
        };
        let rest = joint.par_chunks(2 * half).zip(grads.par_chunks(half));
        lines
            .into_par_iter()
            .zip(rest)
            .with_min_len(4)
            .for_each(work);
    })
    .0
}

/// Maps pairs of numbers.
fn map(left: &[f32], right: &[f32], function: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    let work = |(results, (left, right)): (&mut [f32], (&[f32], &[f32]))| {
        vectorised(
            #[inline(always)]
            || {
                for (result, (&x, &y)) in results.iter_mut().zip(left.iter().zip(right)) {
                    *result = function(x, y);
                }
            },
        );
    };
    build(left.len(), PIECE, |pieces| {
        let rest = left.par_chunks(PIECE).zip(right.par_chunks(PIECE));
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

/// The probability that a standard normal number is below `x`, within 1e-7, and its density at `x` (Abramowitz and Stegun
/// 1964, 7.1.26).
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    let power = exponential(-0.5 * x * x);
    let t = 1.0 / (1.0 + 0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2 * x.abs());
    let series = 1.061_405_4 * t - 1.453_152;
    let series = series * t + 1.421_413_7;
    let series = series * t - 0.284_496_74;
    let series = series * t + 0.254_829_6;
    let tail = 0.5 * series * t * power;
    let probability = if x < 0.0 { tail } else { 1.0 - tail };
    // 1 / sqrt(2 pi).
    (probability, 0.398_942_3 * power)
}
