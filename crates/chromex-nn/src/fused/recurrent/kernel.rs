use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::tile::{Lines, add_products};
use crate::fused::exponential::{sigmoid, tangent};
use crate::fused::lanes::LANES;

/// Sequences that one thread works on at a time: their state and the weights of a direction fit the first-level cache.
const BLOCK: usize = 8;

/// The extents of a level of encoders.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extents {
    pub(super) encoders: usize,
    pub(super) rows: usize,
    pub(super) length: usize,
    pub(super) channels: usize,
    pub(super) directions: usize,
    pub(super) hidden: usize,
}

/// The weights of all encoders as the tensors hold them.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a> {
    /// `[encoders, directions, channels, 4 hidden]`.
    pub(super) input: &'a [f32],
    /// `[encoders, directions, hidden, 4 hidden]`.
    pub(super) hidden: &'a [f32],
    /// `[encoders, directions, 4 hidden]`.
    pub(super) bias: &'a [f32],
}

/// The weights of one encoder and direction as the kernel reads them: hidden units padded to whole vectors, of which those
/// beyond the end have weights 0 and so stay 0.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// `[channels + padded, 4 padded]`: input, then hidden.
    pub(super) joint: Vec<f32>,
    /// `[4 padded, padded]`: the hidden part, rows for columns.
    pub(super) across: Vec<f32>,
    /// `[4 padded]`.
    pub(super) bias: Vec<f32>,
}

/// What one block of sequences leaves for the way back, `[directions, length, rows, 5 padded]` in the order of the steps:
/// the four gates and the cell.
pub(super) type Passed = Vec<f32>;

impl Extents {
    pub(super) fn padded(self) -> usize {
        self.hidden.next_multiple_of(LANES)
    }

    /// Numbers of one state: four gates and the cell.
    pub(super) fn state(self) -> usize {
        5 * self.padded()
    }

    pub(super) fn width(self) -> usize {
        self.directions * self.hidden
    }

    /// The sequences of each block, encoder after encoder, with the block's encoder. A function of the extents alone, so
    /// that sums over blocks do not depend on the number of threads.
    pub(super) fn blocks(self) -> Vec<(usize, usize)> {
        let count = self.rows.div_ceil(BLOCK).max(1);
        let each = self.rows.div_ceil(count);
        (0..self.encoders)
            .flat_map(|encoder| {
                (0..self.rows)
                    .step_by(each.max(1))
                    .map(move |from| (encoder, each.min(self.rows - from)))
            })
            .collect()
    }

    /// The place of a step in its sequence: the second direction reads from the end.
    #[inline(always)]
    pub(super) fn place(self, direction: usize, step: usize) -> usize {
        if direction == 0 {
            step
        } else {
            self.length - 1 - step
        }
    }
}

impl Packed {
    /// Packs every encoder and direction.
    pub(super) fn all(weights: Weights<'_>, extents: Extents) -> Vec<Self> {
        let (hidden, padded) = (extents.hidden, extents.padded());
        let spread = |to: &mut [f32], from: &[f32]| {
            let gates = to.chunks_exact_mut(padded).zip(from.chunks_exact(hidden));
            for (to, from) in gates {
                to[..hidden].copy_from_slice(from);
            }
        };
        (0..extents.encoders * extents.directions)
            .map(|index| {
                let gates = 4 * hidden;
                let input = &weights.input[index * extents.channels * gates..];
                let own = &weights.hidden[index * hidden * gates..][..hidden * gates];
                let mut joint = vec![0.0; (extents.channels + padded) * 4 * padded];
                let (first, second) = joint.split_at_mut(extents.channels * 4 * padded);
                for (part, from) in [(first, input), (second, own)] {
                    let rows = part.chunks_exact_mut(4 * padded);
                    for (row, from) in rows.zip(from.chunks_exact(gates)) {
                        spread(row, from);
                    }
                }
                let mut across = vec![0.0; 4 * padded * padded];
                let hidden_rows = joint[extents.channels * 4 * padded..].chunks_exact(4 * padded);
                for (unit, row) in hidden_rows.enumerate() {
                    for (gate, &value) in row.iter().enumerate() {
                        across[gate * padded + unit] = value;
                    }
                }
                let mut bias = vec![0.0; 4 * padded];
                spread(&mut bias, &weights.bias[index * gates..][..gates]);
                Self {
                    joint,
                    across,
                    bias,
                }
            })
            .collect()
    }
}

/// Cuts a slice into pieces of the given sizes.
pub(super) fn cut(mut values: &mut [f32], sizes: impl Iterator<Item = usize>) -> Vec<&mut [f32]> {
    sizes
        .map(|size| {
            let (piece, rest) = std::mem::take(&mut values).split_at_mut(size);
            values = rest;
            piece
        })
        .collect()
}

/// Runs all encoders: the states `[encoders, rows, length, directions hidden]`, and what each block leaves for the way
/// back where that is wanted.
pub(super) fn forward(
    inputs: &[f32],
    packed: &[Packed],
    extents: Extents,
    keep: bool,
) -> (Vec<f32>, Vec<Passed>) {
    let blocks = extents.blocks();
    let per_row = extents.length * extents.width();
    let mut outputs = vec![0.0; extents.encoders * extents.rows * per_row];
    let pieces = cut(&mut outputs, blocks.iter().map(|&(_, rows)| rows * per_row));
    let passed = pieces
        .into_par_iter()
        .zip(&blocks)
        .enumerate()
        .map(|(index, (output, &(encoder, rows)))| {
            let from: usize = blocks[..index].iter().map(|&(_, rows)| rows).sum();
            let per_row = extents.length * extents.channels;
            let block = Forward {
                extents,
                rows,
                inputs: &inputs[from * per_row..][..rows * per_row],
                packed: &packed[encoder * extents.directions..][..extents.directions],
                output,
                keep,
            };
            Arch::new().dispatch(block)
        })
        .collect();
    (outputs, passed)
}

/// The forward pass of one block.
struct Forward<'a> {
    extents: Extents,
    rows: usize,
    inputs: &'a [f32],
    packed: &'a [Packed],
    output: &'a mut [f32],
    keep: bool,
}

impl WithSimd for Forward<'_> {
    type Output = Passed;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Passed {
        let Extents {
            length,
            channels,
            directions,
            hidden,
            ..
        } = self.extents;
        let (rows, padded, width) = (self.rows, self.extents.padded(), self.extents.width());
        let (state, joint) = (self.extents.state(), channels + padded);
        let kept = if self.keep { directions * length } else { 0 };
        let mut passed = Vec::with_capacity(kept * rows * state);
        let mut lines = vec![0.0; rows * joint];
        let mut gates = vec![0.0; rows * 4 * padded];
        let mut cells = vec![0.0; rows * padded];
        for (direction, packed) in self.packed.iter().enumerate() {
            lines.fill(0.0);
            cells.fill(0.0);
            for step in 0..length {
                let place = self.extents.place(direction, step);
                let tokens = self.inputs.chunks_exact(length * channels);
                for (line, tokens) in lines.chunks_exact_mut(joint).zip(tokens) {
                    let token = &tokens[place * channels..][..channels];
                    line[..channels].copy_from_slice(token);
                }
                for gates in gates.chunks_exact_mut(4 * padded) {
                    gates.copy_from_slice(&packed.bias);
                }
                let all = Lines {
                    values: &lines,
                    stride: joint,
                };
                add_products(simd, &mut gates, all, &packed.joint, 4 * padded, rows);
                let per_row = gates
                    .chunks_exact_mut(4 * padded)
                    .zip(cells.chunks_exact_mut(padded))
                    .zip(lines.chunks_exact_mut(joint))
                    .zip(self.output.chunks_exact_mut(length * width));
                for (((gates, cells), line), output) in per_row {
                    let states = &mut line[channels..];
                    advance(gates, cells, states);
                    output[place * width + direction * hidden..][..hidden]
                        .copy_from_slice(&states[..hidden]);
                    if self.keep {
                        passed.extend_from_slice(gates);
                        passed.extend_from_slice(cells);
                    }
                }
            }
        }
        passed
    }
}

/// Takes one sequence one step on: bends the gates, and moves cell and state.
#[inline(always)]
fn advance(gates: &mut [f32], cells: &mut [f32], states: &mut [f32]) {
    let padded = cells.len();
    let (input, rest) = gates.split_at_mut(padded);
    let (forget, rest) = rest.split_at_mut(padded);
    let (candidate, output) = rest.split_at_mut(padded);
    let (input, _) = input.as_chunks_mut::<LANES>();
    let (forget, _) = forget.as_chunks_mut::<LANES>();
    let (candidate, _) = candidate.as_chunks_mut::<LANES>();
    let (output, _) = output.as_chunks_mut::<LANES>();
    let (cells, _) = cells.as_chunks_mut::<LANES>();
    let (states, _) = states.as_chunks_mut::<LANES>();
    let lanes = input
        .iter_mut()
        .zip(forget)
        .zip(candidate)
        .zip(output)
        .zip(cells)
        .zip(states);
    for (((((i, f), g), o), c), h) in lanes {
        i.iter_mut().for_each(|gate| *gate = sigmoid(*gate));
        f.iter_mut().for_each(|gate| *gate = sigmoid(*gate));
        g.iter_mut().for_each(|gate| *gate = tangent(*gate));
        o.iter_mut().for_each(|gate| *gate = sigmoid(*gate));
        for lane in 0..LANES {
            c[lane] = f[lane] * c[lane] + i[lane] * g[lane];
        }
        for lane in 0..LANES {
            h[lane] = o[lane] * tangent(c[lane]);
        }
    }
}
