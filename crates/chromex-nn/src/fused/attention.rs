use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::alibi::alibi_slopes;
use super::build::build;
use super::exponential::exponential;
use super::lanes::{LANES, Lanes, add_products, add_weighted_sums, mask, products, write};
use super::spans::Spans;
use super::vectors::Vectors;

/// The extents of one attention.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extents {
    pub(super) rows: usize,
    pub(super) length: usize,
    pub(super) width: usize,
    pub(super) heads: usize,
    pub(super) causal: bool,
    /// Whether scores fall with distance.
    pub(super) alibi: bool,
}

impl Extents {
    fn head_width(self) -> usize {
        self.width / self.heads
    }

    fn scale(self) -> f32 {
        1.0 / (self.head_width() as f32).sqrt()
    }
}

/// What the way back needs to find a query's weights again: its largest score, which keeps exponentials in range, and
/// one over the sum of the exponentials. Their logarithm in one number would round where scores are large.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Normaliser {
    largest: f32,
    inverse_sum: f32,
}

/// Attends: the output `[rows, length, width]` and the normalisers `[rows, heads, length]`. Scores live in the
/// first-level cache and are never written out.
pub(super) fn forward(
    joint: &[f32],
    spans: Option<&Spans>,
    extents: Extents,
) -> (Vec<f32>, Vec<Normaliser>) {
    let Extents {
        rows,
        length,
        width,
        heads,
        ..
    } = extents;
    let mut normalisers = vec![Normaliser::default(); rows * heads * length];
    let (output, ()) = build(rows * length * width, length * width, |output| {
        output
            .into_par_iter()
            .zip(normalisers.par_chunks_mut(heads * length))
            .zip(joint.par_chunks(3 * length * width))
            .enumerate()
            .for_each_init(
                || Head::new(extents),
                |head, (row, ((output, normalisers), joint))| {
                    head.span = Spans::of(spans, row, length);
                    Arch::new().dispatch(Forward {
                        head,
                        joint,
                        output,
                        normalisers,
                    });
                },
            );
    });
    (output, normalisers)
}

/// What the forward pass leaves for the way back.
#[derive(Clone, Copy)]
pub(super) struct Passed<'a> {
    /// `[rows, length, 3 width]`.
    pub(super) joint: &'a [f32],
    /// `[rows, length, width]`.
    pub(super) output: &'a [f32],
    /// `[rows, heads, length]`.
    pub(super) normalisers: &'a [Normaliser],
    /// Where the tokens of each row lie.
    pub(super) spans: Option<&'a Spans>,
}

/// The gradient of `joint` from that of the output.
pub(super) fn backward(passed: Passed<'_>, grad: &[f32], extents: Extents) -> Vec<f32> {
    let Extents {
        rows,
        length,
        width,
        heads,
        ..
    } = extents;
    build(rows * length * 3 * width, 3 * length * width, |result| {
        result
            .into_par_iter()
            .zip(passed.joint.par_chunks(3 * length * width))
            .zip(passed.normalisers.par_chunks(heads * length))
            .zip(passed.output.par_chunks(length * width))
            .zip(grad.par_chunks(length * width))
            .enumerate()
            .for_each_init(
                || Head::new(extents),
                |head, (row, ((((result, joint), normalisers), output), grad))| {
                    head.span = Spans::of(passed.spans, row, length);
                    let passed = Passed {
                        joint,
                        output,
                        normalisers,
                        ..passed
                    };
                    Arch::new().dispatch(Backward {
                        head,
                        passed,
                        grad,
                        result,
                    });
                },
            );
    })
    .0
}

/// The forward pass of one row.
struct Forward<'a> {
    head: &'a mut Head,
    joint: &'a [f32],
    output: &'a mut [f32],
    normalisers: &'a mut [Normaliser],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let extents = self.head.extents;
        let lines = self.normalisers.chunks_exact_mut(extents.length);
        for (index, normalisers) in lines.enumerate() {
            self.head.load(self.joint, index);
            let output = &mut self.output[index * extents.head_width()..];
            self.head.forward(simd, output, normalisers);
        }
    }
}

/// The backward pass of one row.
struct Backward<'a> {
    head: &'a mut Head,
    passed: Passed<'a>,
    grad: &'a [f32],
    result: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let extents = self.head.extents;
        let lines = self.passed.normalisers.chunks_exact(extents.length);
        for (index, normalisers) in lines.enumerate() {
            let from = index * extents.head_width();
            self.head.load(self.passed.joint, index);
            self.head
                .load_grad(&self.passed.output[from..], &self.grad[from..]);
            self.head.normalise(normalisers);
            self.head.grads(simd, &mut self.result[from..]);
        }
    }
}

/// One head's numbers, gathered from the tensors, and room to work in.
struct Head {
    extents: Extents,
    /// The positions of the row that are seen at all.
    span: Range<usize>,
    /// What each head's scores lose per position; none where they do not fall with distance.
    slopes: Vec<f32>,
    /// That of the head at hand.
    slope: f32,
    /// Scaled.
    queries: Vectors,
    keys: Vectors,
    values: Vectors,
    /// The gradient of the output.
    grads: Vectors,
    /// Per query: its largest score, one over its sum of exponentials, and the mean gradient of its weights.
    largest: Vec<f32>,
    inverse_sums: Vec<f32>,
    means: Vec<f32>,
    /// Scores, then weights, of sixteen queries against every position.
    weights: Vec<Lanes>,
    /// The gradients of the weights of a block of keys, then of their scores.
    score_grads: Vec<Lanes>,
    /// A result of sixteen positions, a line per channel.
    sums: Vec<Lanes>,
    /// The gradients of all keys and values: `[head width / 16 rounded up, length]`, sixteen channels each. Made on the way back.
    key_grads: Vec<Lanes>,
    value_grads: Vec<Lanes>,
}

impl Head {
    fn new(extents: Extents) -> Self {
        let Extents { length, .. } = extents;
        let size = extents.head_width();
        let vectors = || Vectors::new(length, size);
        // Normalisers are read sixteen at a time.
        let line = || vec![0.0; length.next_multiple_of(LANES)];
        Self {
            extents,
            span: 0..length,
            slopes: match extents.alibi {
                true => alibi_slopes(extents.heads),
                false => Vec::new(),
            },
            slope: 0.0,
            queries: vectors(),
            keys: vectors(),
            values: vectors(),
            grads: vectors(),
            largest: line(),
            inverse_sums: line(),
            means: line(),
            weights: vec![[0.0; LANES]; length],
            score_grads: vec![[0.0; LANES]; KEYS],
            sums: vec![[0.0; LANES]; size],
            key_grads: Vec::new(),
            value_grads: Vec::new(),
        }
    }

    #[inline(always)]
    fn load(&mut self, joint: &[f32], head: usize) {
        let (width, stride) = (self.extents.width, 3 * self.extents.width);
        let from = head * self.extents.head_width();
        self.slope = self.slopes.get(head).copied().unwrap_or(0.0);
        self.queries
            .load(&joint[from..], stride, self.extents.scale());
        self.queries.load_channels();
        self.keys.load(&joint[width + from..], stride, 1.0);
        self.values.load(&joint[2 * width + from..], stride, 1.0);
    }

    /// Takes the gradient of the output, and of each query the mean gradient of its weights under the weights: the
    /// product of the output and its gradient.
    #[inline(always)]
    fn load_grad(&mut self, output: &[f32], grad: &[f32]) {
        let (width, size) = (self.extents.width, self.extents.head_width());
        self.grads.load(grad, width, 1.0);
        self.grads.load_channels();
        for (position, mean) in self.means[..self.extents.length].iter_mut().enumerate() {
            let output = &output[position * width..][..size];
            let grad = &grad[position * width..][..size];
            *mean = output.iter().zip(grad).map(|(o, g)| o * g).sum();
        }
    }

    #[inline(always)]
    fn normalise(&mut self, normalisers: &[Normaliser]) {
        for (position, normaliser) in normalisers.iter().enumerate() {
            self.largest[position] = normaliser.largest;
            self.inverse_sums[position] = normaliser.inverse_sum;
        }
    }

    /// The keys that some query of a group sees.
    #[inline(always)]
    fn seen(&self, group: usize) -> Range<usize> {
        let end = if self.extents.causal {
            self.span.end.min((group + 1) * LANES)
        } else {
            self.span.end
        };
        self.span.start.min(end)..end
    }

    /// How many queries of a group come before a key and must not see it.
    #[inline(always)]
    fn blind(&self, group: usize, key: usize) -> usize {
        if self.extents.causal {
            key.saturating_sub(group * LANES)
        } else {
            0
        }
    }

    #[inline(always)]
    fn forward<S: Simd>(&mut self, simd: S, output: &mut [f32], normalisers: &mut [Normaliser]) {
        let Extents { length, width, .. } = self.extents;
        for group in 0..length.div_ceil(LANES) {
            let seen = self.seen(group);
            let mut weights = std::mem::take(&mut self.weights);
            let mut largest = [f32::NEG_INFINITY; LANES];
            for (keys, weights) in key_blocks(seen.clone()).zip(weights.chunks_mut(KEYS)) {
                let weights = &mut weights[..keys.len()];
                let rows = self.keys.from(keys.start);
                products(simd, weights, self.queries.group(group), rows);
                recede(weights, self.slope, group * LANES, keys.start);
                for (key, scores) in keys.zip(weights) {
                    mask(scores, f32::NEG_INFINITY, 0, self.blind(group, key));
                    for (largest, &score) in largest.iter_mut().zip(scores.iter()) {
                        *largest = if score > *largest { score } else { *largest };
                    }
                }
            }
            let mut sums = [0.0; LANES];
            self.sums.fill([0.0; LANES]);
            for (keys, weights) in key_blocks(seen).zip(weights.chunks_mut(KEYS)) {
                let weights = &mut weights[..keys.len()];
                for (key, weights) in keys.clone().zip(weights.iter_mut()) {
                    for (weight, &largest) in weights.iter_mut().zip(&largest) {
                        *weight = exponential(*weight - largest);
                    }
                    mask(weights, 0.0, 0, self.blind(group, key));
                    for (sum, &weight) in sums.iter_mut().zip(weights.iter()) {
                        *sum += weight;
                    }
                }
                add_weighted_sums(simd, &mut self.sums, weights, self.values.from(keys.start));
            }
            self.weights = weights;
            // A query that sees nothing gives nothing.
            let inverse_sums = sums.map(|sum| if sum > 0.0 { 1.0 / sum } else { 0.0 });
            let own = normalisers[group * LANES..].iter_mut();
            for (normaliser, (&largest, &inverse_sum)) in own.zip(largest.iter().zip(&inverse_sums))
            {
                *normaliser = Normaliser {
                    largest,
                    inverse_sum,
                };
            }
            for sums in &mut self.sums {
                for (sum, inverse_sum) in sums.iter_mut().zip(&inverse_sums) {
                    *sum *= inverse_sum;
                }
            }
            let to = &mut output[group * LANES * width..];
            write(to, width, &self.sums, length - group * LANES);
        }
    }

    /// The gradients of queries, keys and values, sixteen queries at a time.
    #[inline(always)]
    fn grads<S: Simd>(&mut self, simd: S, result: &mut [f32]) {
        let Extents { length, width, .. } = self.extents;
        let (scale, stride) = (self.extents.scale(), 3 * width);
        self.queries.load_blocks();
        self.grads.load_blocks();
        let blocks = self.extents.head_width().div_ceil(LANES);
        for sums in [&mut self.key_grads, &mut self.value_grads] {
            sums.clear();
            sums.resize(blocks * length, [0.0; LANES]);
        }
        for group in 0..length.div_ceil(LANES) {
            let seen = self.seen(group);
            self.sums.fill([0.0; LANES]);
            for keys in key_blocks(seen) {
                self.grads_of_keys(simd, group, keys);
            }
            for sums in &mut self.sums {
                for sum in sums {
                    *sum *= scale;
                }
            }
            let first = group * LANES;
            let to = &mut result[first * stride..];
            write(to, stride, &self.sums, length - first);
        }
        for (part, grads) in [(1, &self.key_grads), (2, &self.value_grads)] {
            for (block, grads) in grads.chunks_exact(length).enumerate() {
                let channel = block * LANES;
                let count = LANES.min(self.extents.head_width() - channel);
                for (grad, token) in grads.iter().zip(result.chunks_mut(stride)) {
                    token[part * width + channel..][..count].copy_from_slice(&grad[..count]);
                }
            }
        }
    }

    /// Adds to the gradients what sixteen queries and some keys have from each other.
    #[inline(always)]
    fn grads_of_keys<S: Simd>(&mut self, simd: S, group: usize, keys: Range<usize>) {
        let length = self.extents.length;
        let mut weights = std::mem::take(&mut self.weights);
        let mut score_grads = std::mem::take(&mut self.score_grads);
        let (own_weights, own_grads) = (&mut weights[..keys.len()], &mut score_grads[..keys.len()]);
        let rows = self.keys.from(keys.start);
        products(simd, own_weights, self.queries.group(group), rows);
        recede(own_weights, self.slope, group * LANES, keys.start);
        let values = self.values.from(keys.start);
        products(simd, own_grads, self.grads.group(group), values);
        let own = |line: &[f32]| -> Lanes {
            let mut own = [0.0; LANES];
            own.copy_from_slice(&line[group * LANES..][..LANES]);
            own
        };
        let (largest, inverse) = (own(&self.largest), own(&self.inverse_sums));
        let means = own(&self.means);
        let lines = own_weights.iter_mut().zip(own_grads.iter_mut());
        for (key, (weights, grads)) in keys.clone().zip(lines) {
            for lane in 0..LANES {
                weights[lane] = exponential(weights[lane] - largest[lane]) * inverse[lane];
                grads[lane] = weights[lane] * (grads[lane] - means[lane]);
            }
            mask(weights, 0.0, 0, self.blind(group, key));
            mask(grads, 0.0, 0, self.blind(group, key));
        }
        add_weighted_sums(simd, &mut self.sums, own_grads, rows);
        // The queries were scaled when they were loaded: the keys' gradients have the factor from there.
        for (sums, vectors, lines) in [
            (&mut self.key_grads, &self.queries, own_grads),
            (&mut self.value_grads, &self.grads, own_weights),
        ] {
            for (block, sums) in sums.chunks_exact_mut(length).enumerate() {
                let vectors = vectors.block(block, group);
                add_products(simd, &mut sums[keys.clone()], vectors, lines.as_flattened());
            }
        }
        (self.weights, self.score_grads) = (weights, score_grads);
    }
}

/// Keys whose weights and gradients are worked on at a time: both fit the first-level cache.
const KEYS: usize = 128;

#[inline(always)]
fn key_blocks(keys: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = keys.end;
    keys.step_by(KEYS)
        .map(move |start| start..end.min(start + KEYS))
}

/// Takes the slope from scores for every position between: sixteen positions from `lanes` on, against those from `lines`
/// on.
#[inline(always)]
fn recede(scores: &mut [Lanes], slope: f32, lanes: usize, lines: usize) {
    if slope == 0.0 {
        return;
    }
    for (line, scores) in scores.iter_mut().enumerate() {
        let ahead = lanes as f32 - (lines + line) as f32;
        for (lane, score) in scores.iter_mut().enumerate() {
            *score -= slope * (ahead + lane as f32).abs();
        }
    }
}
