use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, DispatchTensor, Flex, backend_extension};
use rayon::prelude::*;

use super::MomentStep;
use crate::fused::lanes::LANES;
use crate::fused::{flex, vectorised};

/// Numbers of each array that are worked on at a time; the four arrays' share fits the second-level cache.
const PIECE: usize = 1 << 14;

pub(super) fn step(
    tensors: [DispatchTensor; 4],
    step: MomentStep,
) -> (DispatchTensor, DispatchTensor, DispatchTensor) {
    let [weights, grads, moment_1, moment_2] = tensors;
    <Dispatch as MomentOps>::moment_step(weights, grads, moment_1, moment_2, step)
}

pub(super) fn square_sum(tensor: DispatchTensor) -> DispatchTensor {
    <Dispatch as MomentOps>::square_sum(tensor)
}

pub(super) fn scale(tensor: DispatchTensor, factor: f32) -> DispatchTensor {
    <Dispatch as MomentOps>::scale(tensor, factor)
}

/// What an optimiser does to whole tensors, as extensions of burn's processor backend. None of it is differentiated.
#[backend_extension(Flex)]
trait MomentOps: Backend {
    fn moment_step(
        weights: FloatTensor<Self>,
        grads: FloatTensor<Self>,
        moment_1: FloatTensor<Self>,
        moment_2: FloatTensor<Self>,
        step: MomentStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    fn square_sum(tensor: FloatTensor<Self>) -> FloatTensor<Self>;
    fn scale(tensor: FloatTensor<Self>, factor: f32) -> FloatTensor<Self>;
}

impl MomentOps for Flex {
    fn moment_step(
        weights: FlexTensor,
        grads: FlexTensor,
        moment_1: FlexTensor,
        moment_2: FlexTensor,
        step: MomentStep,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        let [mut weights, grads, mut moment_1, mut moment_2] =
            [weights, grads, moment_1, moment_2].map(alone);
        take(
            weights.storage_mut(),
            grads.storage(),
            moment_1.storage_mut(),
            moment_2.storage_mut(),
            step,
        );
        (weights, moment_1, moment_2)
    }

    fn square_sum(tensor: FlexTensor) -> FlexTensor {
        let tensor = alone(tensor);
        let sum = sum(tensor.storage::<f32>().par_chunks(PIECE).map(squares));
        flex::tensor(vec![sum as f32], vec![1])
    }

    fn scale(tensor: FlexTensor, factor: f32) -> FlexTensor {
        let mut tensor = alone(tensor);
        let pieces = tensor.storage_mut::<f32>().par_chunks_mut(PIECE);
        pieces.for_each(|piece| {
            vectorised(
                #[inline(always)]
                || piece.iter_mut().for_each(|value| *value *= factor),
            );
        });
        tensor
    }
}

/// The tensor in the order of its axes. It is borrowed to be put in order, and a second handle to its numbers would make
/// whoever changes them copy them first.
fn alone(tensor: FlexTensor) -> FlexTensor {
    let ordered = tensor.to_contiguous();
    drop(tensor);
    ordered
}

/// Moves weights and moments.
fn take(weights: &mut [f32], grads: &[f32], one: &mut [f32], two: &mut [f32], step: MomentStep) {
    let pieces = weights
        .par_chunks_mut(PIECE)
        .zip(grads.par_chunks(PIECE))
        .zip(one.par_chunks_mut(PIECE))
        .zip(two.par_chunks_mut(PIECE));
    let Some(largest_norm) = step.rule.largest_norm else {
        pieces.for_each(|(((weights, grads), one), two)| {
            average(grads, one, two, step);
            move_by(weights, one, two, step.rate, step);
        });
        return;
    };
    let sums: Vec<(f64, f64)> = pieces
        .map(|(((weights, grads), one), two)| {
            average(grads, one, two, step);
            (squares(weights), squared_updates(weights, one, two, step))
        })
        .collect();
    // In the order of the pieces, so that the number of threads changes nothing.
    let (own, update) = sums
        .iter()
        .fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
    let (own, update) = ((own.sqrt() as f32).min(largest_norm), update.sqrt() as f32);
    // Tensors that are all 0, as fresh biases, and steps of nothing are taken as they are.
    let ratio = if own > 0.0 && update > 0.0 {
        own / update
    } else {
        1.0
    };
    weights
        .par_chunks_mut(PIECE)
        .zip(one.par_chunks(PIECE))
        .zip(two.par_chunks(PIECE))
        .for_each(|((weights, one), two)| move_by(weights, one, two, step.rate * ratio, step));
}

/// Brings the moments up to date.
fn average(grads: &[f32], one: &mut [f32], two: &mut [f32], step: MomentStep) {
    let (beta_1, beta_2) = (step.rule.beta_1, step.rule.beta_2);
    let (fresh_1, fresh_2) = (1.0 - beta_1, 1.0 - beta_2);
    vectorised(
        #[inline(always)]
        || {
            for ((&grad, one), two) in grads.iter().zip(one).zip(two) {
                *one = *one * beta_1 + grad * fresh_1;
                *two = *two * beta_2 + grad * grad * fresh_2;
            }
        },
    );
}

fn move_by(weights: &mut [f32], one: &[f32], two: &[f32], rate: f32, step: MomentStep) {
    vectorised(
        #[inline(always)]
        || {
            for ((weight, &one), &two) in weights.iter_mut().zip(one).zip(two) {
                *weight -= rate * update(*weight, one, two, step);
            }
        },
    );
}

#[inline(always)]
fn update(weight: f32, one: f32, two: f32, step: MomentStep) -> f32 {
    let root = (two * step.correction_2).sqrt();
    one * step.correction_1 / (root + step.rule.epsilon) + weight * step.rule.weight_decay
}

fn squares(values: &[f32]) -> f64 {
    vectorised(
        #[inline(always)]
        || in_lanes([values], |[value]| value * value),
    )
}

fn squared_updates(weights: &[f32], one: &[f32], two: &[f32], step: MomentStep) -> f64 {
    vectorised(
        #[inline(always)]
        || {
            in_lanes([weights, one, two], |[weight, one, two]| {
                let update = update(weight, one, two, step);
                update * update
            })
        },
    )
}

/// Sums what is made of the numbers at each place of arrays of one length, in lanes side by side: a single running sum would keep
/// the additions from being vectors.
#[inline(always)]
fn in_lanes<const N: usize>(arrays: [&[f32]; N], number: impl Fn([f32; N]) -> f32) -> f64 {
    let mut lanes = [0.0_f32; LANES];
    let mut start = 0;
    while let Some(groups) = groups(arrays, start) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += number(groups.map(|group| group[lane]));
        }
        start += LANES;
    }
    let rest = start..arrays.first().map_or(0, |array| array.len());
    let rest = rest.map(|place| f64::from(number(arrays.map(|array| array[place]))));
    rest.sum::<f64>() + lanes.iter().copied().map(f64::from).sum::<f64>()
}

/// The next sixteen numbers of each array, where all have as many.
#[inline(always)]
fn groups<const N: usize>(arrays: [&[f32]; N], start: usize) -> Option<[&[f32; LANES]; N]> {
    let mut groups = [&[0.0; LANES]; N];
    for (group, array) in groups.iter_mut().zip(arrays) {
        *group = array.get(start..)?.first_chunk()?;
    }
    Some(groups)
}

/// Adds in order, so that the number of threads changes nothing.
fn sum(parts: impl IndexedParallelIterator<Item = f64>) -> f64 {
    parts.collect::<Vec<_>>().iter().sum()
}
