use rayon::prelude::*;

use crate::fused::build::build;
use crate::fused::vectorised;

/// Numbers per piece of work: a piece and what it is made of fit the first-level cache.
const PIECE: usize = 1 << 12;

/// What is left out and how the rest is bent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// None leaves nothing out.
    seed: Option<[u32; 2]>,
    /// Of 2³² numbers so many are left out.
    out: u32,
    /// What is left is multiplied with this.
    scale: f32,
    slope: f32,
}

impl Shape {
    pub(super) fn new(seed: Option<[u32; 2]>, probability: f64, slope: f64) -> Self {
        Self {
            seed,
            out: (probability * f64::from(u32::MAX)) as u32,
            scale: (1.0 / (1.0 - probability)) as f32,
            slope: slope as f32,
        }
    }

    pub(super) fn forward(self, inputs: &[f32]) -> Vec<f32> {
        let Self {
            seed,
            out,
            scale,
            slope,
        } = self;
        let bend = move |x: f32| {
            if x > 0.0 { x } else { slope * x }
        };
        map(
            inputs,
            inputs,
            move |first, results, inputs, _| match seed {
                None => {
                    for (result, &x) in results.iter_mut().zip(inputs) {
                        *result = bend(x);
                    }
                }
                Some(seed) => {
                    for (place, (result, &x)) in (first..).zip(results.iter_mut().zip(inputs)) {
                        let kept = drawn(place, seed) >= out;
                        *result = if kept { scale * bend(x) } else { 0.0 };
                    }
                }
            },
        )
    }

    /// The gradient of the inputs from the outputs and their gradient: the sign of an output is that of its input, and one
    /// that was left out is 0.
    pub(super) fn backward(self, outputs: &[f32], grads: &[f32]) -> Vec<f32> {
        if let (Some(seed), true) = (self.seed, self.slope == 1.0) {
            return self.backward_unbent(grads, seed);
        }
        let (above, below) = (self.scale, self.scale * self.slope);
        let at_zero = if self.seed.is_some() { 0.0 } else { below };
        map(outputs, grads, move |_, results, outputs, grads| {
            for (result, (&y, &grad)) in results.iter_mut().zip(outputs.iter().zip(grads)) {
                let factor = if y > 0.0 { above } else { below };
                *result = grad * if y == 0.0 { at_zero } else { factor };
            }
        })
    }

    /// Draws again which were left out: without a bend an output of 0 may as well be an input of 0.
    fn backward_unbent(self, grads: &[f32], seed: [u32; 2]) -> Vec<f32> {
        let Self { out, scale, .. } = self;
        map(grads, grads, move |first, results, grads, _| {
            for (place, (result, &grad)) in (first..).zip(results.iter_mut().zip(grads)) {
                let kept = drawn(place, seed) >= out;
                *result = if kept { scale * grad } else { 0.0 };
            }
        })
    }
}

/// Draws 32 bits for a place.
#[inline(always)]
fn drawn(place: u32, [first, second]: [u32; 2]) -> u32 {
    // The finaliser of MurmurHash3, which lets every bit of the place and the seed change half of the bits.
    let mut bits = place.wrapping_mul(0x9e37_79b9) ^ first;
    bits = (bits ^ (bits >> 16)).wrapping_mul(0x85eb_ca6b) ^ second;
    bits = (bits ^ (bits >> 13)).wrapping_mul(0xc2b2_ae35);
    bits ^ (bits >> 16)
}

/// The number of a piece, where its results go, and what they are made of.
type Piece<'a> = (usize, (&'a mut [f32], (&'a [f32], &'a [f32])));

/// Maps pieces of two vectors, told where they begin.
fn map(
    left: &[f32],
    right: &[f32],
    work: impl Fn(u32, &mut [f32], &[f32], &[f32]) + Sync,
) -> Vec<f32> {
    let piece = |(place, (results, (left, right))): Piece<'_>| {
        vectorised(
            #[inline(always)]
            || work((place * PIECE) as u32, results, left, right),
        );
    };
    build(left.len(), PIECE, |pieces| {
        let rest = left.par_chunks(PIECE).zip(right.par_chunks(PIECE));
        pieces
            .into_par_iter()
            .zip(rest)
            .enumerate()
            .with_min_len(4)
            .for_each(piece);
    })
    .0
}
