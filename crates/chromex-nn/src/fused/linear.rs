use rayon::prelude::*;

use super::build::zeros;
use super::matrix::{Into, Matrix, Threads, add_lines, multiply, multiply_rows, pieces};
use super::vectorised;

/// `inputs [rows, width] weight [width, columns] + bias [columns]`.
pub(super) fn forward(inputs: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    multiply_rows(inputs, Matrix::new(weight, bias.len()), Some(bias))
}

/// The gradient of the inputs from that of the outputs.
pub(super) fn backward_inputs(grad: &[f32], weight: &[f32], columns: usize) -> Vec<f32> {
    multiply_rows(grad, Matrix::new(weight, columns).transposed(), None)
}

/// The gradients of the weight and of the bias from that of the outputs.
pub(super) fn backward_weights(
    inputs: &[f32],
    grad: &[f32],
    width: usize,
    columns: usize,
) -> (Vec<f32>, Vec<f32>) {
    let rows = inputs.len() / width;
    let pieces = pieces(rows, width * columns);
    let per_piece = rows.div_ceil(pieces).max(1);
    let threads = match pieces {
        1 => Threads::All,
        _ => Threads::One,
    };
    let sums: Vec<(Vec<f32>, Vec<f32>)> = inputs
        .par_chunks(per_piece * width)
        .zip(grad.par_chunks(per_piece * columns))
        .map(|(inputs, grad)| {
            let mut weight = zeros(width * columns);
            let inputs = Matrix::new(inputs, width).transposed();
            let grads = Matrix::new(grad, columns);
            multiply(&mut weight, Into::Replace, inputs, grads, threads);
            (weight, column_sums(grad, columns))
        })
        .collect();
    if sums.is_empty() {
        return (vec![0.0; width * columns], vec![0.0; columns]);
    }
    let (weights, biases): (Vec<_>, Vec<_>) = sums.into_iter().unzip();
    (
        add_lines(weights.into_iter()),
        add_lines(biases.into_iter()),
    )
}

/// The sum of each column.
fn column_sums(values: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f32; columns];
    let blocks = sums.par_chunks_mut(COLUMNS).enumerate();
    blocks.for_each(|(block, sums)| {
        vectorised(
            #[inline(always)]
            || {
                for row in values.chunks_exact(columns) {
                    for (sum, value) in sums.iter_mut().zip(&row[block * COLUMNS..]) {
                        *sum += value;
                    }
                }
            },
        );
    });
    sums
}

/// Columns that a thread sums at a time.
const COLUMNS: usize = 256;
