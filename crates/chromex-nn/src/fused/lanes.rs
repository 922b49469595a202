//! Products of small matrices, sixteen rows of one side by side.

use pulp::Simd;

/// How many neighbours are worked on side by side: the width of the widest vector registers. Every number is computed
/// by the same operations in the same order whatever the processor's width is, if it multiplies and adds at once, as all with AVX2
/// do.
pub(super) const LANES: usize = 16;

/// One number for each of sixteen neighbours.
pub(super) type Lanes = [f32; LANES];

/// Replaces some lanes.
#[inline(always)]
pub(super) fn mask(lanes: &mut Lanes, by: f32, from: usize, to: usize) {
    if from < to {
        for (index, lane) in lanes.iter_mut().enumerate() {
            *lane = if (from..to).contains(&index) {
                by
            } else {
                *lane
            };
        }
    }
}

/// Writes a group of positions, at most `count` of them, at the start of tokens `stride` apart.
#[inline(always)]
pub(super) fn write(tokens: &mut [f32], stride: usize, sums: &[Lanes], count: usize) {
    for (token, lane) in tokens.chunks_mut(stride).zip(0..LANES.min(count)) {
        for (to, sums) in token.iter_mut().zip(sums) {
            *to = sums[lane];
        }
    }
}

/// `lines[position][lane] = sum over channels of group[channel][lane] * rows[position][channel]`.
#[inline(always)]
pub(super) fn products<S: Simd>(simd: S, lines: &mut [Lanes], group: &[Lanes], rows: &[f32]) {
    take_products(simd, lines, group, rows, true);
}

/// As [`products`], added to what the lines hold.
#[inline(always)]
pub(super) fn add_products<S: Simd>(simd: S, lines: &mut [Lanes], group: &[Lanes], rows: &[f32]) {
    take_products(simd, lines, group, rows, false);
}

#[inline(always)]
fn take_products<S: Simd>(
    simd: S,
    lines: &mut [Lanes],
    group: &[Lanes],
    rows: &[f32],
    replace: bool,
) {
    let size = group.len();
    let mut channel = 0;
    while channel < size {
        let replace = replace && channel == 0;
        channel += match size - channel {
            8.. => products_of::<S, 8>(simd, lines, group, rows, channel, replace),
            4.. => products_of::<S, 4>(simd, lines, group, rows, channel, replace),
            _ => products_of::<S, 1>(simd, lines, group, rows, channel, replace),
        };
    }
}

/// The products of `WIDTH` channels.
#[inline(always)]
fn products_of<S: Simd, const WIDTH: usize>(
    simd: S,
    lines: &mut [Lanes],
    group: &[Lanes],
    rows: &[f32],
    channel: usize,
    replace: bool,
) -> usize {
    for part in 0..LANES / S::F32_LANES {
        let mut vectors = [simd.splat_f32s(0.0); WIDTH];
        for (vector, lanes) in vectors.iter_mut().zip(&group[channel..]) {
            *vector = S::as_simd_f32s(lanes).0[part];
        }
        for (line, row) in lines.iter_mut().zip(rows.chunks_exact(group.len())) {
            let row = &row[channel..][..WIDTH];
            let line = &mut S::as_mut_simd_f32s(line).0[part];
            let mut sum = if replace { simd.splat_f32s(0.0) } else { *line };
            for (&vector, &factor) in vectors.iter().zip(row) {
                sum = simd.mul_add_e_f32s(vector, simd.splat_f32s(factor), sum);
            }
            *line = sum;
        }
    }
    WIDTH
}

/// `sums[channel][lane] += sum over positions of lines[position][lane] * rows[position][channel]`.
#[inline(always)]
pub(super) fn add_weighted_sums<S: Simd>(
    simd: S,
    sums: &mut [Lanes],
    lines: &[Lanes],
    rows: &[f32],
) {
    let size = sums.len();
    let mut channel = 0;
    while channel < size {
        channel += match size - channel {
            8.. => gather::<S, 8>(simd, sums, lines, rows, channel),
            4.. => gather::<S, 4>(simd, sums, lines, rows, channel),
            _ => gather::<S, 1>(simd, sums, lines, rows, channel),
        };
    }
}

/// Adds to the sums of `WIDTH` channels.
#[inline(always)]
fn gather<S: Simd, const WIDTH: usize>(
    simd: S,
    sums: &mut [Lanes],
    lines: &[Lanes],
    rows: &[f32],
    channel: usize,
) -> usize {
    for part in 0..LANES / S::F32_LANES {
        let mut gathered = [simd.splat_f32s(0.0); WIDTH];
        for (gathered, sum) in gathered.iter_mut().zip(&sums[channel..]) {
            *gathered = S::as_simd_f32s(sum).0[part];
        }
        for (line, row) in lines.iter().zip(rows.chunks_exact(sums.len())) {
            let row = &row[channel..][..WIDTH];
            let line = S::as_simd_f32s(line).0[part];
            for (sum, &factor) in gathered.iter_mut().zip(row) {
                *sum = simd.mul_add_e_f32s(line, simd.splat_f32s(factor), *sum);
            }
        }
        for (sum, gathered) in sums[channel..].iter_mut().zip(gathered) {
            S::as_mut_simd_f32s(sum).0[part] = gathered;
        }
    }
    WIDTH
}
