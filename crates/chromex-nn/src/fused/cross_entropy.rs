use rayon::prelude::*;

use super::exponential::exponential;

/// The mean negative log-likelihood and, for the way back, the logarithm of each row's sum of exponentials.
pub(super) fn forward(logits: &[f32], classes: &[u32]) -> (f32, Vec<f32>) {
    let columns = logits.len() / classes.len().max(1);
    let log_sums: Vec<f32> = logits
        .par_chunks(columns.max(1))
        .with_min_len(64)
        .map(|row| {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut sums = [0.0_f32; 8];
            let chunks = row.chunks_exact(8);
            let rest: f32 = chunks
                .remainder()
                .iter()
                .map(|v| exponential(v - largest))
                .sum();
            for chunk in chunks {
                for (sum, value) in sums.iter_mut().zip(chunk) {
                    *sum += exponential(value - largest);
                }
            }
            largest + (sums.iter().sum::<f32>() + rest).ln()
        })
        .collect();
    let sum: f64 = logits
        .chunks(columns.max(1))
        .zip(&log_sums)
        .zip(classes)
        .map(|((row, log_sum), &class)| f64::from(log_sum - row[class as usize]))
        .sum();
    ((sum / classes.len() as f64) as f32, log_sums)
}

/// The gradient of the logits: softmax minus one at the class, over the number of rows.
pub(super) fn backward(logits: &[f32], classes: &[u32], log_sums: &[f32], grad: f32) -> Vec<f32> {
    let columns = logits.len() / classes.len().max(1);
    let factor = grad / classes.len() as f32;
    let mut result = vec![0.0; logits.len()];
    result
        .par_chunks_mut(columns.max(1))
        .with_min_len(64)
        .zip(logits.par_chunks(columns.max(1)))
        .zip(log_sums.par_iter().zip(classes))
        .for_each(|((result, row), (log_sum, &class))| {
            for (to, value) in result.iter_mut().zip(row) {
                *to = factor * exponential(value - log_sum);
            }
            result[class as usize] -= factor;
        });
    result
}
