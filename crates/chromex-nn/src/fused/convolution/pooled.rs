use rayon::prelude::*;

use super::kernel::Extents;
use crate::fused::build::build;
use crate::fused::matrix::{Into, Matrix, Threads, add_lines, multiply};
use crate::fused::vectorised;

/// Windows that are multiplied at a time: with what they become they fit the second-level cache.
const WINDOWS: usize = 256;

/// What follows the convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool {
    pub(super) size: usize,
    pub(super) slope: f32,
}

impl Pool {
    /// Pools of one sequence, whole ones.
    pub(super) fn count(self, extents: Extents) -> usize {
        extents.windows() / self.size
    }

    /// Pools that one thread makes at a time, all of one sequence.
    fn block(self, extents: Extents) -> usize {
        let most = (WINDOWS / self.size).max(1);
        let count = self.count(extents).max(1);
        count.div_ceil(count.div_ceil(most))
    }
}

/// The largest of each pool, bent, `[rows, pools, filters]`, and which of the pool it was.
pub(super) fn forward(
    inputs: &[f32],
    weight: &[f32],
    bias: &[f32],
    extents: Extents,
    pool: Pool,
) -> (Vec<f32>, Vec<u16>) {
    let (filters, width) = (bias.len(), extents.width());
    let (pools, per_row) = (pool.count(extents), extents.length * extents.channels);
    let mut places = vec![0_u16; extents.rows * pools * filters];
    let (outputs, ()) = build(places.len(), pools * filters, |outputs| {
        outputs
            .into_par_iter()
            .zip(places.par_chunks_exact_mut(pools * filters))
            .zip(inputs.par_chunks_exact(per_row))
            .for_each_init(
                || (Vec::new(), Vec::new()),
                |(windows, products), ((outputs, places), sequence)| {
                    let block = pool.block(extents);
                    let blocks = outputs
                        .chunks_mut(block * filters)
                        .zip(places.chunks_mut(block * filters));
                    for (index, (outputs, places)) in blocks.enumerate() {
                        let count = outputs.len() / filters * pool.size;
                        windows.resize(count * width, 0.0);
                        products.resize(count * filters, 0.0);
                        let first = index * block * pool.size;
                        for (window, to) in windows.chunks_exact_mut(width).enumerate() {
                            extents.copy(to, sequence, first + window);
                        }
                        multiply(
                            products,
                            Into::Replace,
                            Matrix::new(windows, width),
                            Matrix::new(weight, filters),
                            Threads::One,
                        );
                        vectorised(
                            #[inline(always)]
                            || keep_largest(outputs, places, products, bias, pool),
                        );
                    }
                },
            );
    });
    (outputs, places)
}

#[inline(always)]
fn keep_largest(
    outputs: &mut [f32],
    places: &mut [u16],
    products: &[f32],
    bias: &[f32],
    pool: Pool,
) {
    let filters = bias.len();
    let pools = outputs
        .chunks_exact_mut(filters)
        .zip(places.chunks_exact_mut(filters))
        .zip(products.chunks_exact(pool.size * filters));
    for ((outputs, places), products) in pools {
        outputs.copy_from_slice(&products[..filters]);
        places.fill(0);
        for (place, products) in products.chunks_exact(filters).enumerate().skip(1) {
            for ((output, own), &product) in outputs.iter_mut().zip(places.iter_mut()).zip(products)
            {
                let larger = product > *output;
                *output = if larger { product } else { *output };
                *own = if larger { place as u16 } else { *own };
            }
        }
        for (output, bias) in outputs.iter_mut().zip(bias) {
            let value = *output + bias;
            *output = if value > 0.0 {
                value
            } else {
                pool.slope * value
            };
        }
    }
}

/// The gradients of a pooled convolution.
pub(super) struct Grads {
    /// Empty where it was not wanted.
    pub(super) inputs: Vec<f32>,
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// What the forward pass leaves for the way back.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    pub(super) inputs: &'a [f32],
    pub(super) weight: &'a [f32],
    pub(super) outputs: &'a [f32],
    pub(super) places: &'a [u16],
}

/// Over how many pieces of the rows gradients of weights are gathered side by side.
const PIECES: usize = 8;

/// The gradients from that of the outputs: only the windows that were kept are visited.
pub(super) fn backward(
    past: Past<'_>,
    grad: &[f32],
    filters: usize,
    extents: Extents,
    pool: Pool,
    of_inputs: bool,
) -> Grads {
    let (width, pools) = (extents.width(), pool.count(extents));
    let per_row = extents.length * extents.channels;
    // Filter after filter, so that a window's numbers lie side by side.
    let mut across = vec![0.0; filters * width];
    for (index, &value) in past.weight.iter().enumerate() {
        across[index % filters * width + index / filters] = value;
    }
    let rows = extents.rows.div_ceil(PIECES.min(extents.rows.max(1)));
    let wanted = if of_inputs { per_row } else { 0 };
    let mut inputs = vec![0.0; extents.rows * wanted];
    let targets: Vec<&mut [f32]> = if of_inputs {
        inputs.chunks_mut(rows * per_row).collect()
    } else {
        (0..extents.rows.div_ceil(rows))
            .map(|_| &mut [][..])
            .collect()
    };
    let sums: Vec<(Vec<f32>, Vec<f32>)> = targets
        .into_par_iter()
        .zip(past.inputs.par_chunks(rows * per_row))
        .zip(past.outputs.par_chunks(rows * pools * filters))
        .zip(past.places.par_chunks(rows * pools * filters))
        .zip(grad.par_chunks(rows * pools * filters))
        .map(|((((target, sequences), outputs), places), grad)| {
            let mut piece = Piece {
                extents,
                pool,
                across: &across,
                target,
                weight: vec![0.0; filters * width],
                bias: vec![0.0; filters],
                window: vec![0.0; pool.size * width],
            };
            vectorised(
                #[inline(always)]
                || piece.visit(sequences, outputs, places, grad),
            );
            (piece.weight, piece.bias)
        })
        .collect();
    let (weights, biases): (Vec<_>, Vec<_>) = sums.into_iter().unzip();
    let summed = add_lines(weights.into_iter());
    let mut weight = vec![0.0; width * filters];
    for (index, value) in summed.into_iter().enumerate() {
        weight[index % width * filters + index / width] = value;
    }
    let mut bias = add_lines(biases.into_iter());
    bias.resize(filters, 0.0);
    Grads {
        inputs,
        weight,
        bias,
    }
}

/// Some rows on the way back.
struct Piece<'a> {
    extents: Extents,
    pool: Pool,
    /// `[filters, kernel channels]`.
    across: &'a [f32],
    /// The gradient of the inputs, or nothing.
    target: &'a mut [f32],
    /// `[filters, kernel channels]`.
    weight: Vec<f32>,
    bias: Vec<f32>,
    /// Room for the windows of a pool.
    window: Vec<f32>,
}

impl Piece<'_> {
    #[inline(always)]
    fn visit(&mut self, sequences: &[f32], outputs: &[f32], places: &[u16], grad: &[f32]) {
        let filters = self.bias.len();
        let (pools, width) = (self.pool.count(self.extents), self.extents.width());
        let per_row = self.extents.length * self.extents.channels;
        for (index, ((outputs, places), grad)) in outputs
            .chunks_exact(filters)
            .zip(places.chunks_exact(filters))
            .zip(grad.chunks_exact(filters))
            .enumerate()
        {
            let (row, first) = (index / pools, index % pools * self.pool.size);
            let sequence = &sequences[row * per_row..][..per_row];
            for (place, to) in self.window.chunks_exact_mut(width).enumerate() {
                self.extents.copy(to, sequence, first + place);
            }
            for filter in 0..filters {
                let bent = if outputs[filter] > 0.0 {
                    1.0
                } else {
                    self.pool.slope
                };
                let grad = grad[filter] * bent;
                if grad == 0.0 {
                    continue;
                }
                let place = usize::from(places[filter]);
                self.bias[filter] += grad;
                let window = &self.window[place * width..][..width];
                let sums = &mut self.weight[filter * width..][..width];
                for (sum, value) in sums.iter_mut().zip(window) {
                    *sum += grad * value;
                }
                if !self.target.is_empty() {
                    let target = &mut self.target[row * per_row..][..per_row];
                    let weights =
                        self.across[filter * width..][..width].chunks_exact(self.extents.channels);
                    for (tap, weights) in weights.enumerate() {
                        if let Some(places) = self.extents.tap(first + place, tap) {
                            for (sum, weight) in target[places].iter_mut().zip(weights) {
                                *sum += grad * weight;
                            }
                        }
                    }
                }
            }
        }
    }
}
