//! Products of a few rows with a matrix that stays in the first-level cache.

use pulp::Simd;

/// Rows of numbers `stride` apart.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a> {
    pub(super) values: &'a [f32],
    pub(super) stride: usize,
}

/// Adds the products of `rows` lines, `matrix.len() / columns` numbers each, and a matrix to targets `columns` apart.
///
/// `columns` is a multiple of [`LANES`](crate::fused::lanes::LANES). Every target is summed in the order of the matrix's
/// rows, whatever the width of the processor's vectors is.
#[inline(always)]
pub(super) fn add_products<S: Simd>(
    simd: S,
    targets: &mut [f32],
    lines: Lines<'_>,
    matrix: &[f32],
    columns: usize,
    rows: usize,
) {
    let mut row = 0;
    while row < rows {
        let lines = Lines {
            values: &lines.values[row * lines.stride..],
            ..lines
        };
        let targets = &mut targets[row * columns..];
        row += match rows - row {
            1 => add_rows::<S, 1>(simd, targets, lines, matrix, columns),
            2 => add_rows::<S, 2>(simd, targets, lines, matrix, columns),
            3 | 6 => add_rows::<S, 3>(simd, targets, lines, matrix, columns),
            5 => add_rows::<S, 5>(simd, targets, lines, matrix, columns),
            _ => add_rows::<S, 4>(simd, targets, lines, matrix, columns),
        };
    }
}

#[inline(always)]
fn add_rows<S: Simd, const ROWS: usize>(
    simd: S,
    targets: &mut [f32],
    lines: Lines<'_>,
    matrix: &[f32],
    columns: usize,
) -> usize {
    let count = matrix.len() / columns;
    let lines: [&[f32]; ROWS] =
        std::array::from_fn(|row| &lines.values[row * lines.stride..][..count]);
    let mut from = 0;
    while from < columns {
        from += match (columns - from) / S::F32_LANES {
            4.. => add_tile::<S, ROWS, 4>(simd, targets, lines, matrix, columns, from),
            2.. => add_tile::<S, ROWS, 2>(simd, targets, lines, matrix, columns, from),
            _ => add_tile::<S, ROWS, 1>(simd, targets, lines, matrix, columns, from),
        };
    }
    ROWS
}

/// Sums a tile of `ROWS` times `WIDTH` vectors in registers.
#[inline(always)]
fn add_tile<S: Simd, const ROWS: usize, const WIDTH: usize>(
    simd: S,
    targets: &mut [f32],
    lines: [&[f32]; ROWS],
    matrix: &[f32],
    columns: usize,
    from: usize,
) -> usize {
    let span = WIDTH * S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); WIDTH]; ROWS];
    for (row, sums) in sums.iter_mut().enumerate() {
        let target = S::as_simd_f32s(&targets[row * columns + from..][..span]).0;
        sums.copy_from_slice(&target[..WIDTH]);
    }
    let count = lines[0].len();
    for (k, entries) in matrix.chunks_exact(columns).enumerate().take(count) {
        let entries = &S::as_simd_f32s(&entries[from..from + span]).0[..WIDTH];
        for (sums, line) in sums.iter_mut().zip(&lines) {
            let factor = simd.splat_f32s(line[k]);
            for (sum, &entry) in sums.iter_mut().zip(entries) {
                *sum = simd.mul_add_f32s(factor, entry, *sum);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let target = S::as_mut_simd_f32s(&mut targets[row * columns + from..][..span]).0;
        target[..WIDTH].copy_from_slice(sums);
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Run<'a> {
        targets: &'a mut [f32],
        lines: &'a [f32],
        matrix: &'a [f32],
        columns: usize,
        rows: usize,
    }

    impl WithSimd for Run<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let lines = Lines {
                values: self.lines,
                stride: self.lines.len() / self.rows,
            };
            add_products(
                simd,
                self.targets,
                lines,
                self.matrix,
                self.columns,
                self.rows,
            );
        }
    }

    #[test]
    fn every_number_of_rows_and_columns_gives_the_products() {
        for rows in 1..=9 {
            for columns in [16, 32, 64, 112, 128] {
                let count = 7;
                let lines: Vec<f32> = (0..rows * count).map(|i| (i % 13) as f32 - 5.0).collect();
                let matrix: Vec<f32> = (0..count * columns)
                    .map(|i| (i % 17) as f32 - 8.0)
                    .collect();
                let mut targets = vec![1.0; rows * columns];
                Arch::new().dispatch(Run {
                    targets: &mut targets,
                    lines: &lines,
                    matrix: &matrix,
                    columns,
                    rows,
                });
                for (place, &found) in targets.iter().enumerate() {
                    let (row, column) = (place / columns, place % columns);
                    let sum: f32 = (0..count)
                        .map(|k| lines[row * count + k] * matrix[k * columns + column])
                        .sum();
                    assert_eq!(found, sum + 1.0, "{rows} x {columns}: {place}");
                }
            }
        }
    }
}
