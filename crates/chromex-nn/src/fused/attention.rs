use rayon::prelude::*;

use super::exponential::exponential;

/// Calls a kernel with the head width as a constant where it is a usual one: heads are narrow, and a loop of a known
/// few channels becomes a few vector instructions. 0 stands for any width.
macro_rules! with_size {
    ($kernel:ident($($argument:expr),*), $extents:expr) => {
        match $extents.head_width() {
            4 => $kernel::<4>($($argument),*, $extents),
            8 => $kernel::<8>($($argument),*, $extents),
            16 => $kernel::<16>($($argument),*, $extents),
            32 => $kernel::<32>($($argument),*, $extents),
            64 => $kernel::<64>($($argument),*, $extents),
            _ => $kernel::<0>($($argument),*, $extents),
        }
    };
}

/// The extents of one attention.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extents {
    pub(super) rows: usize,
    pub(super) length: usize,
    pub(super) width: usize,
    pub(super) heads: usize,
    pub(super) causal: bool,
}

impl Extents {
    fn head_width(self) -> usize {
        self.width / self.heads
    }

    fn scale(self) -> f32 {
        1.0 / (self.head_width() as f32).sqrt()
    }

    /// How many positions a query sees.
    fn seen(self, query: usize) -> usize {
        if self.causal { query + 1 } else { self.length }
    }
}

/// What the way back needs to find a query's weights again: its largest score, which keeps exponentials in range, and
/// one over the sum of the exponentials. Their logarithm in one number would round where scores are large.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Normaliser {
    largest: f32,
    inverse_sum: f32,
}

/// Attends: the output `[rows, length, width]` and the normalisers `[rows, heads, length]`. Scores live in one line of
/// the cache and are never written out.
pub(super) fn forward(joint: &[f32], extents: Extents) -> (Vec<f32>, Vec<Normaliser>) {
    let Extents {
        rows,
        length,
        width,
        heads,
        ..
    } = extents;
    let mut output = vec![0.0; rows * length * width];
    let mut normalisers = vec![Normaliser::default(); rows * heads * length];
    output
        .par_chunks_mut(length * width)
        .zip(normalisers.par_chunks_mut(heads * length))
        .zip(joint.par_chunks(3 * length * width))
        .for_each_init(
            || Scratch::new(extents),
            |scratch, ((output, normalisers), joint)| {
                for head in 0..heads {
                    scratch.load(joint, head, extents);
                    let normalisers = &mut normalisers[head * length..][..length];
                    with_size!(forward_head(scratch, output, normalisers, head), extents);
                }
            },
        );
    (output, normalisers)
}

/// The gradient of `joint` from that of the output.
pub(super) fn backward(
    joint: &[f32],
    normalisers: &[Normaliser],
    grad: &[f32],
    extents: Extents,
) -> Vec<f32> {
    let Extents {
        rows,
        length,
        width,
        heads,
        ..
    } = extents;
    let mut result = vec![0.0; rows * length * 3 * width];
    result
        .par_chunks_mut(3 * length * width)
        .zip(joint.par_chunks(3 * length * width))
        .zip(normalisers.par_chunks(heads * length))
        .zip(grad.par_chunks(length * width))
        .for_each_init(
            || Scratch::new(extents),
            |scratch, (((result, joint), normalisers), grad)| {
                for head in 0..heads {
                    scratch.load(joint, head, extents);
                    let normalisers = &normalisers[head * length..][..length];
                    with_size!(
                        backward_head(scratch, result, normalisers, grad, head),
                        extents
                    );
                }
            },
        );
    result
}

/// One head's queries, keys and values, gathered from the joint tensor.
struct Scratch {
    /// `[length, head width]`, scaled.
    queries: Vec<f32>,
    /// `[length, head width]`.
    keys: Vec<f32>,
    /// `[length, head width]`.
    values: Vec<f32>,
    /// `[head width, length]`, so that a loop over keys reads neighbours.
    keys_across: Vec<f32>,
    /// `[head width, length]`.
    values_across: Vec<f32>,
    /// One query's scores, then weights.
    weights: Vec<f32>,
    /// The gradient of one query's weights.
    weight_grads: Vec<f32>,
    /// The gradients of the head, `[length, head width]` each.
    grads: [Vec<f32>; 3],
}

impl Scratch {
    fn new(extents: Extents) -> Self {
        let block = || vec![0.0; extents.length * extents.head_width()];
        let line = || vec![0.0; extents.length];
        Self {
            queries: block(),
            keys: block(),
            values: block(),
            keys_across: block(),
            values_across: block(),
            weights: line(),
            weight_grads: line(),
            grads: [block(), block(), block()],
        }
    }

    fn load(&mut self, joint: &[f32], head: usize, extents: Extents) {
        let (width, size) = (extents.width, extents.head_width());
        let scale = extents.scale();
        for (place, token) in joint.chunks_exact(3 * width).enumerate() {
            for channel in 0..size {
                let from = head * size + channel;
                let to = place * size + channel;
                let across = channel * extents.length + place;
                self.queries[to] = token[from] * scale;
                self.keys[to] = token[width + from];
                self.values[to] = token[2 * width + from];
                self.keys_across[across] = token[width + from];
                self.values_across[across] = token[2 * width + from];
            }
        }
    }
}

/// `line[key] = sum over channels of vector[channel] * across[channel][key]`.
#[inline]
fn dot_across<const SIZE: usize>(line: &mut [f32], vector: &[f32], across: &[f32], length: usize) {
    line.fill(0.0);
    let (fours, rest) = vector.split_at(if SIZE == 0 { 0 } else { SIZE / 4 * 4 });
    for (block, factors) in fours.chunks_exact(4).enumerate() {
        // Four channels at a time: one pass over the line instead of four.
        let row = |channel: usize| &across[(4 * block + channel) * length..][..line.len()];
        let (first, second, third, fourth) = (row(0), row(1), row(2), row(3));
        for (key, sum) in line.iter_mut().enumerate() {
            *sum += factors[0] * first[key]
                + factors[1] * second[key]
                + factors[2] * third[key]
                + factors[3] * fourth[key];
        }
    }
    for (channel, &factor) in rest.iter().enumerate() {
        let row = &across[(fours.len() + channel) * length..][..line.len()];
        for (sum, &value) in line.iter_mut().zip(row) {
            *sum += factor * value;
        }
    }
}

/// The sum of a line, eight partial sums at a time so that it vectorises.
#[inline]
fn total(line: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let chunks = line.chunks_exact(8);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    sums.iter().sum::<f32>() + rest
}

fn forward_head<const SIZE: usize>(
    scratch: &mut Scratch,
    output: &mut [f32],
    normalisers: &mut [Normaliser],
    head: usize,
    extents: Extents,
) {
    let width = extents.width;
    let size = if SIZE == 0 {
        extents.head_width()
    } else {
        SIZE
    };
    for query in 0..extents.length {
        let weights = &mut scratch.weights[..extents.seen(query)];
        let vector = &scratch.queries[query * size..][..size];
        dot_across::<SIZE>(weights, vector, &scratch.keys_across, extents.length);
        let largest = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for weight in weights.iter_mut() {
            *weight = exponential(*weight - largest);
        }
        let sum = total(weights);
        normalisers[query] = Normaliser {
            largest,
            inverse_sum: 1.0 / sum,
        };
        let to = &mut output[query * width + head * size..][..size];
        for (weight, value) in weights.iter().zip(scratch.values.chunks_exact(size)) {
            for (sum, value) in to.iter_mut().zip(value) {
                *sum += weight * value;
            }
        }
        for value in to {
            *value /= sum;
        }
    }
}

fn backward_head<const SIZE: usize>(
    scratch: &mut Scratch,
    result: &mut [f32],
    normalisers: &[Normaliser],
    grad: &[f32],
    head: usize,
    extents: Extents,
) {
    let (width, length) = (extents.width, extents.length);
    let size = if SIZE == 0 {
        extents.head_width()
    } else {
        SIZE
    };
    let Scratch {
        queries,
        keys,
        keys_across,
        values_across,
        weights,
        weight_grads,
        grads: [query_grads, key_grads, value_grads],
        ..
    } = scratch;
    for grads in [&mut *query_grads, &mut *key_grads, &mut *value_grads] {
        grads.fill(0.0);
    }
    for query in 0..length {
        let seen = extents.seen(query);
        let (weights, weight_grads) = (&mut weights[..seen], &mut weight_grads[..seen]);
        let vector = &queries[query * size..][..size];
        let output_grad = &grad[query * width + head * size..][..size];
        dot_across::<SIZE>(weights, vector, keys_across, length);
        let Normaliser {
            largest,
            inverse_sum,
        } = normalisers[query];
        for weight in weights.iter_mut() {
            *weight = exponential(*weight - largest) * inverse_sum;
        }
        dot_across::<SIZE>(weight_grads, output_grad, values_across, length);
        // The softmax's derivative takes away the mean of the gradients under the weights.
        let mut products = [0.0_f32; 8];
        for (place, (weight, grad)) in weights.iter().zip(weight_grads.iter()).enumerate() {
            products[place % 8] += weight * grad;
        }
        let mean: f32 = products.iter().sum();
        for (grad, weight) in weight_grads.iter_mut().zip(weights.iter()) {
            *grad = weight * (*grad - mean);
        }
        let query_grad = &mut query_grads[query * size..][..size];
        let weighted = weights.iter().zip(weight_grads.iter());
        let gathered = key_grads
            .chunks_exact_mut(size)
            .zip(value_grads.chunks_exact_mut(size));
        for (((weight, score_grad), key_vector), (key_grad, value_grad)) in
            weighted.zip(keys.chunks_exact(size)).zip(gathered)
        {
            for channel in 0..size {
                query_grad[channel] += score_grad * key_vector[channel];
                key_grad[channel] += score_grad * vector[channel];
                value_grad[channel] += weight * output_grad[channel];
            }
        }
    }
    // The queries were scaled when they were loaded: the keys' gradients have the factor from there.
    let scale = extents.scale();
    for (place, token) in result.chunks_exact_mut(3 * width).enumerate() {
        for channel in 0..size {
            let (from, to) = (place * size + channel, head * size + channel);
            token[to] = query_grads[from] * scale;
            token[width + to] = key_grads[from];
            token[2 * width + to] = value_grads[from];
        }
    }
}
