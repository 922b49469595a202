use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::kernel::{Extents, Packed, Passed, cut};
use super::tile::{Lines, add_products};
use crate::fused::exponential::tangent;
use crate::fused::lanes::LANES;
use crate::fused::matrix::{Into, Matrix, Threads, multiply};

/// The gradients of a level of encoders, in the shapes of what they are gradients of.
pub(super) struct Grads {
    /// Empty where it was not wanted.
    pub(super) inputs: Vec<f32>,
    pub(super) input: Vec<f32>,
    pub(super) hidden: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// What the forward pass leaves for the way back.
#[derive(Clone, Copy)]
pub(super) struct Past<'a> {
    pub(super) inputs: &'a [f32],
    pub(super) outputs: &'a [f32],
    pub(super) packed: &'a [Packed],
    pub(super) passed: &'a [Passed],
}

/// The gradients from that of the states.
pub(super) fn backward(past: Past<'_>, grad: &[f32], extents: Extents, of_inputs: bool) -> Grads {
    let blocks = extents.blocks();
    let (tokens, states) = (
        extents.length * extents.channels,
        extents.length * extents.width(),
    );
    let per_row = if of_inputs { tokens } else { 0 };
    let mut inputs = vec![0.0; extents.encoders * extents.rows * per_row];
    let pieces = cut(&mut inputs, blocks.iter().map(|&(_, rows)| rows * per_row));
    let sums: Vec<Vec<Sums>> = pieces
        .into_par_iter()
        .zip(&blocks)
        .enumerate()
        .map(|(index, (result, &(encoder, rows)))| {
            let from: usize = blocks[..index].iter().map(|&(_, rows)| rows).sum();
            Arch::new().dispatch(Backward {
                extents,
                rows,
                inputs: &past.inputs[from * tokens..][..rows * tokens],
                outputs: &past.outputs[from * states..][..rows * states],
                packed: &past.packed[encoder * extents.directions..][..extents.directions],
                passed: &past.passed[index],
                grad: &grad[from * states..][..rows * states],
                result,
            })
        })
        .collect();
    let mut grads = Grads {
        inputs,
        input: Vec::new(),
        hidden: Vec::new(),
        bias: Vec::new(),
    };
    let mut blocks = blocks.iter().zip(sums).peekable();
    for encoder in 0..extents.encoders {
        let mut total: Option<Vec<Sums>> = None;
        while let Some((_, sums)) = blocks.next_if(|((own, _), _)| *own == encoder) {
            match &mut total {
                None => total = Some(sums),
                Some(total) => {
                    for (total, sums) in total.iter_mut().zip(sums) {
                        total.add(&sums);
                    }
                }
            }
        }
        match total {
            Some(total) => total
                .iter()
                .for_each(|sums| sums.unpack(&mut grads, extents)),
            None => (0..extents.directions)
                .for_each(|_| Sums::none(extents).unpack(&mut grads, extents)),
        }
    }
    grads
}

/// The gradients of one direction's weights, padded.
struct Sums {
    /// `[channels + padded, 4 padded]`.
    joint: Vec<f32>,
    /// `[4 padded]`.
    bias: Vec<f32>,
}

impl Sums {
    fn none(extents: Extents) -> Self {
        let gates = 4 * extents.padded();
        Self {
            joint: vec![0.0; (extents.channels + extents.padded()) * gates],
            bias: vec![0.0; gates],
        }
    }

    fn add(&mut self, other: &Self) {
        for (sums, others) in [
            (&mut self.joint, &other.joint),
            (&mut self.bias, &other.bias),
        ] {
            for (sum, value) in sums.iter_mut().zip(others) {
                *sum += value;
            }
        }
    }

    /// Appends what is not padding.
    fn unpack(&self, grads: &mut Grads, extents: Extents) {
        let (hidden, padded) = (extents.hidden, extents.padded());
        let gather = |to: &mut Vec<f32>, from: &[f32]| {
            for gate in from.chunks_exact(padded) {
                to.extend_from_slice(&gate[..hidden]);
            }
        };
        for (row, values) in self.joint.chunks_exact(4 * padded).enumerate() {
            if row < extents.channels {
                gather(&mut grads.input, values);
            } else if row < extents.channels + hidden {
                gather(&mut grads.hidden, values);
            }
        }
        gather(&mut grads.bias, &self.bias);
    }
}

/// The backward pass of one block.
struct Backward<'a> {
    extents: Extents,
    rows: usize,
    inputs: &'a [f32],
    outputs: &'a [f32],
    packed: &'a [Packed],
    passed: &'a [f32],
    grad: &'a [f32],
    /// The gradient of the inputs, or nothing.
    result: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = Vec<Sums>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<Sums> {
        let Extents {
            length, channels, ..
        } = self.extents;
        let (rows, padded) = (self.rows, self.extents.padded());
        // The gradients of the gates of every step, and the line each was made from, `[length, rows, ..]`.
        let mut gate_grads = vec![0.0; length * rows * 4 * padded];
        let mut lines = vec![0.0; length * rows * (channels + padded)];
        let result = self.result;
        let mut all = Vec::with_capacity(self.packed.len());
        for (direction, packed) in self.packed.iter().enumerate() {
            let own = Direction {
                extents: self.extents,
                direction,
                rows,
                packed,
                passed: &self.passed[direction * length * rows * self.extents.state()..],
            };
            own.gate_grads(simd, self.grad, &mut gate_grads);
            own.lines(self.inputs, self.outputs, &mut lines);
            let mut sums = Sums::none(self.extents);
            multiply(
                &mut sums.joint,
                Into::Replace,
                Matrix::new(&lines, channels + padded).transposed(),
                Matrix::new(&gate_grads, 4 * padded),
                Threads::One,
            );
            for grads in gate_grads.chunks_exact(4 * padded) {
                for (sum, grad) in sums.bias.iter_mut().zip(grads) {
                    *sum += grad;
                }
            }
            all.push(sums);
            if !result.is_empty() {
                own.input_grads(&gate_grads, result);
            }
        }
        all
    }
}

/// One direction of one block.
struct Direction<'a> {
    extents: Extents,
    direction: usize,
    rows: usize,
    packed: &'a Packed,
    /// `[length, rows, 5 padded]`.
    passed: &'a [f32],
}

impl Direction<'_> {
    /// Goes the steps back and leaves the gradient of every gate before it was bent.
    #[inline(always)]
    fn gate_grads<S: Simd>(&self, simd: S, grad: &[f32], gate_grads: &mut [f32]) {
        let Extents { length, hidden, .. } = self.extents;
        let (rows, padded) = (self.rows, self.extents.padded());
        let (width, state) = (self.extents.width(), self.extents.state());
        let none = vec![0.0; padded];
        let mut states = vec![0.0; rows * padded];
        let mut cells = vec![0.0; rows * padded];
        for step in (0..length).rev() {
            let place = self.extents.place(self.direction, step);
            let gate_grads = &mut gate_grads[step * rows * 4 * padded..][..rows * 4 * padded];
            for row in 0..rows {
                let from = row * length * width + place * width + self.direction * hidden;
                let states = &mut states[row * padded..][..padded];
                for (state, grad) in states.iter_mut().zip(&grad[from..from + hidden]) {
                    *state += grad;
                }
                let passed = &self.passed[(step * rows + row) * state..][..state];
                let before = match step.checked_sub(1) {
                    Some(step) => {
                        &self.passed[(step * rows + row) * state + 4 * padded..][..padded]
                    }
                    None => &none,
                };
                let gates = &mut gate_grads[row * 4 * padded..][..4 * padded];
                let cells = &mut cells[row * padded..][..padded];
                retreat(passed, before, states, cells, gates);
            }
            states.fill(0.0);
            let lines = Lines {
                values: gate_grads,
                stride: 4 * padded,
            };
            add_products(simd, &mut states, lines, &self.packed.across, padded, rows);
        }
    }

    /// Lays out what each step was made from: its input and the state before it.
    #[inline(always)]
    fn lines(&self, inputs: &[f32], outputs: &[f32], lines: &mut [f32]) {
        let Extents {
            length,
            channels,
            hidden,
            ..
        } = self.extents;
        let (width, joint) = (self.extents.width(), channels + self.extents.padded());
        for (index, line) in lines.chunks_exact_mut(joint).enumerate() {
            let (step, row) = (index / self.rows, index % self.rows);
            let place = self.extents.place(self.direction, step);
            line[..channels]
                .copy_from_slice(&inputs[(row * length + place) * channels..][..channels]);
            let states = &mut line[channels..][..hidden];
            match step.checked_sub(1) {
                None => states.fill(0.0),
                Some(step) => {
                    let place = self.extents.place(self.direction, step);
                    let from = (row * length + place) * width + self.direction * hidden;
                    states.copy_from_slice(&outputs[from..from + hidden]);
                }
            }
        }
    }

    /// Adds this direction's part to the gradient of the inputs.
    fn input_grads(&self, gate_grads: &[f32], result: &mut [f32]) {
        let Extents {
            length, channels, ..
        } = self.extents;
        let padded = self.extents.padded();
        let weights = &self.packed.joint[..channels * 4 * padded];
        let mut tokens = vec![0.0; length * self.rows * channels];
        multiply(
            &mut tokens,
            Into::Replace,
            Matrix::new(gate_grads, 4 * padded),
            Matrix::new(weights, 4 * padded).transposed(),
            Threads::One,
        );
        for (index, token) in tokens.chunks_exact(channels).enumerate() {
            let (step, row) = (index / self.rows, index % self.rows);
            let place = self.extents.place(self.direction, step);
            let target = &mut result[(row * length + place) * channels..][..channels];
            for (sum, value) in target.iter_mut().zip(token) {
                *sum += value;
            }
        }
    }
}

/// Takes one sequence one step back: from the gradients of state and cell to those of the gates and of the cell before.
#[inline(always)]
fn retreat(
    passed: &[f32],
    before: &[f32],
    states: &[f32],
    cells: &mut [f32],
    gate_grads: &mut [f32],
) {
    let padded = before.len();
    let part = |index: usize| passed[index * padded..][..padded].as_chunks::<LANES>().0;
    let (input, forget, candidate, output, cell) = (part(0), part(1), part(2), part(3), part(4));
    let (input_grads, rest) = gate_grads.split_at_mut(padded);
    let (forget_grads, rest) = rest.split_at_mut(padded);
    let (candidate_grads, output_grads) = rest.split_at_mut(padded);
    let (before, states) = (before.as_chunks::<LANES>().0, states.as_chunks::<LANES>().0);
    let cells = cells.as_chunks_mut::<LANES>().0;
    let grads = input_grads
        .as_chunks_mut::<LANES>()
        .0
        .iter_mut()
        .zip(forget_grads.as_chunks_mut::<LANES>().0)
        .zip(candidate_grads.as_chunks_mut::<LANES>().0)
        .zip(output_grads.as_chunks_mut::<LANES>().0);
    for (index, (((di, df), dg), d_o)) in grads.enumerate() {
        let (i, f, g, o) = (
            &input[index],
            &forget[index],
            &candidate[index],
            &output[index],
        );
        let (c, before, dh, dc) = (
            &cell[index],
            &before[index],
            &states[index],
            &mut cells[index],
        );
        let mut bent = [0.0; LANES];
        for lane in 0..LANES {
            bent[lane] = tangent(c[lane]);
        }
        for lane in 0..LANES {
            let (i, f, g, o) = (i[lane], f[lane], g[lane], o[lane]);
            let (dh, bent) = (dh[lane], bent[lane]);
            let of_cell = dc[lane] + dh * o * (1.0 - bent * bent);
            d_o[lane] = dh * bent * o * (1.0 - o);
            di[lane] = of_cell * g * i * (1.0 - i);
            df[lane] = of_cell * before[lane] * f * (1.0 - f);
            dg[lane] = of_cell * i * (1.0 - g * g);
            dc[lane] = of_cell * f;
        }
    }
}
