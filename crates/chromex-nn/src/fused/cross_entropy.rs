use rayon::prelude::*;

use super::build::{Pieces, build, zeros};
use super::exponential::exponential;
use super::matrix::{CHUNK, Into, Matrix, Threads, add_lines, multiply, pieces};
use super::vectorised;

/// The scores' rows and what they are computed from.
#[derive(Clone, Copy)]
pub(super) struct Problem<'a> {
    /// `[rows, width]`.
    pub(super) inputs: &'a [f32],
    /// `[classes, width]`.
    pub(super) table: &'a [f32],
    pub(super) width: usize,
    /// The class of each row.
    pub(super) classes: &'a [u32],
}

/// The gradients of the mean: of the inputs and of the table.
pub(super) struct Grads {
    pub(super) inputs: Vec<f32>,
    pub(super) table: Vec<f32>,
}

/// The mean negative log-likelihood.
pub(super) fn value(problem: Problem<'_>) -> f32 {
    let Problem { width, .. } = problem;
    let sums: Vec<f64> = problem
        .inputs
        .par_chunks(CHUNK * width)
        .zip(problem.classes.par_chunks(CHUNK))
        .map_init(Vec::new, |scores, (inputs, classes)| {
            problem.score(scores, inputs, Threads::One);
            rows(scores, problem.table.len() / width, classes)
                .map(|(row, class)| likelihood(row, class))
                .sum()
        })
        .collect();
    problem.mean(sums.iter().sum())
}

/// The mean negative log-likelihood and its gradients, without ever holding more than a few hundred rows of scores: a
/// row's scores are as many as there are classes, and memory traffic is what this computation costs.
pub(super) fn value_and_grads(problem: Problem<'_>) -> (f32, Grads) {
    let Problem { table, width, .. } = problem;
    let count = problem.classes.len();
    let pieces = pieces(count, table.len());
    let threads = match pieces {
        1 => Threads::All,
        _ => Threads::One,
    };
    let per_piece = count.div_ceil(pieces).max(1);
    let factor = 1.0 / count as f32;
    let work = |pieces: Pieces<'_>| -> Vec<(f64, Vec<f32>)> {
        pieces
            .into_par_iter()
            .zip(problem.inputs.par_chunks(per_piece * width))
            .zip(problem.classes.par_chunks(per_piece))
            .map(|((input_grads, inputs), classes)| {
                let mut sum = 0.0;
                let mut table_grads = zeros(table.len());
                let mut scores = Vec::new();
                let chunks = input_grads
                    .chunks_mut(CHUNK * width)
                    .zip(inputs.chunks(CHUNK * width));
                for ((input_grads, inputs), classes) in chunks.zip(classes.chunks(CHUNK)) {
                    problem.score(&mut scores, inputs, threads);
                    let columns = table.len() / width;
                    sum += scores
                        .par_chunks_mut(columns)
                        .with_min_len(32)
                        .zip(classes)
                        .map(|(row, &class)| differentiate(row, class, factor))
                        .collect::<Vec<_>>()
                        .iter()
                        .sum::<f64>();
                    let scores = Matrix::new(&scores, columns);
                    let table = Matrix::new(table, width);
                    multiply(input_grads, Into::Replace, scores, table, threads);
                    let inputs = Matrix::new(inputs, width);
                    let across = scores.transposed();
                    multiply(&mut table_grads, Into::Add, across, inputs, threads);
                }
                (sum, table_grads)
            })
            .collect()
    };
    let (input_grads, sums) = build(problem.inputs.len(), per_piece * width, work);
    let sum = sums.iter().map(|(sum, _)| sum).sum();
    let grads = Grads {
        inputs: input_grads,
        table: add_lines(sums.into_iter().map(|(_, grads)| grads)),
    };
    (problem.mean(sum), grads)
}

impl Problem<'_> {
    /// Scores a chunk of inputs against every class.
    fn score(self, scores: &mut Vec<f32>, inputs: &[f32], threads: Threads) {
        let inputs = Matrix::new(inputs, self.width);
        let table = Matrix::new(self.table, self.width).transposed();
        scores.resize(inputs.rows() * (self.table.len() / self.width), 0.0);
        multiply(scores, Into::Replace, inputs, table, threads);
    }

    fn mean(self, sum: f64) -> f32 {
        (sum / self.classes.len() as f64) as f32
    }
}

/// Rows of scores with their classes.
fn rows<'a>(
    scores: &'a [f32],
    columns: usize,
    classes: &'a [u32],
) -> impl Iterator<Item = (&'a [f32], u32)> {
    scores.chunks_exact(columns).zip(classes.iter().copied())
}

/// The negative log-likelihood of a class.
fn likelihood(row: &[f32], class: u32) -> f64 {
    let (largest, sum) = vectorised(
        #[inline(always)]
        || normaliser(row),
    );
    f64::from(largest + sum.ln() - row[class as usize])
}

/// Turns a row of scores into the gradient of its negative log-likelihood times a factor, and returns the likelihood.
fn differentiate(row: &mut [f32], class: u32, factor: f32) -> f64 {
    let score = row[class as usize];
    let (largest, sum) = vectorised(
        #[inline(always)]
        || {
            let (largest, sum) = normaliser(row);
            let share = factor / sum;
            for value in row.iter_mut() {
                *value = share * exponential(*value - largest);
            }
            (largest, sum)
        },
    );
    row[class as usize] -= factor;
    f64::from(largest + sum.ln() - score)
}

/// The largest of a row and the sum of the exponentials of what each number lacks to it.
#[inline(always)]
fn normaliser(row: &[f32]) -> (f32, f32) {
    const LANES: usize = 16;
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut largest = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (largest, &value) in largest.iter_mut().zip(chunk) {
            *largest = if value > *largest { value } else { *largest };
        }
    }
    let largest = largest
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0.0_f32; LANES];
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += exponential(value - largest);
        }
    }
    let rest: f32 = rest.iter().map(|value| exponential(value - largest)).sum();
    (largest, sums.iter().sum::<f32>() + rest)
}
