use gemm::Parallelism;

/// A matrix in a slice, row after row or column after column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Takes a slice as rows of `columns` numbers.
    pub(super) fn new(values: &'a [f32], columns: usize) -> Self {
        assert!(values.len().is_multiple_of(columns), "the rows are whole");
        Self {
            values,
            rows: values.len() / columns,
            columns,
            row_stride: columns,
            column_stride: 1,
        }
    }

    pub(super) fn rows(self) -> usize {
        self.rows
    }

    /// The same numbers, rows for columns.
    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// What a product does with what its target holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Into {
    Replace,
    Add,
}

/// Writes `left` times `right` into `target`, row after row.
pub(super) fn multiply(
    target: &mut [f32],
    into: Into,
    left: Matrix<'_>,
    right: Matrix<'_>,
    parallelism: Parallelism,
) {
    assert_eq!(left.columns, right.rows, "the inner extents agree");
    assert_eq!(target.len(), left.rows * right.columns);
    let (rows, columns) = (left.rows, right.columns);
    // SAFETY: a `Matrix` is made only by `new` and `transposed`, under which every row and column index within its
    // extents, times its strides, lies within its slice; the target is as long as its extents, rows `columns` apart;
    // it is borrowed mutably, so it overlaps neither factor. f32 is among the types that `gemm` takes.
    #[allow(unsafe_code)]
    unsafe {
        gemm::gemm(
            rows,
            columns,
            left.columns,
            target.as_mut_ptr(),
            1,
            columns as isize,
            into == Into::Add,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0_f32,
            1.0_f32,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// Over how many pieces of its rows a sum of outer products, `size` numbers large, is gathered side by side. It follows
/// from the extents alone, so that results do not depend on the number of threads: small sums have too few blocks for
/// the threads to share, large ones would take too much memory several times over.
pub(super) fn pieces(rows: usize, size: usize) -> usize {
    if size <= SMALL {
        rows.div_ceil(CHUNK).clamp(1, 8)
    } else {
        1
    }
}

/// Rows that are worked on at a time: with what they become they fit the second-level cache.
pub(super) const CHUNK: usize = 256;

/// Rows of `rows` that are multiplied at a time by a matrix `size` numbers large: a large one is worth preparing for more of them.
/// Every thread gets as many. A row's product is the same wherever the cuts are.
pub(super) fn chunk(rows: usize, size: usize) -> usize {
    let most = if size <= SMALL { CHUNK } else { 4 * CHUNK };
    let chunks = rows
        .div_ceil(most)
        .max(1)
        .next_multiple_of(rayon::current_num_threads());
    rows.div_ceil(chunks).next_multiple_of(16).clamp(64, most)
}

/// A matrix that fits the second-level cache several times over.
const SMALL: usize = 1 << 16;

/// The threads of the pool, or only this one.
pub(super) fn threads(all: bool) -> Parallelism {
    if all {
        Parallelism::Rayon(0)
    } else {
        Parallelism::None
    }
}

/// Adds lines to the first of them, in their order.
pub(super) fn add_lines(mut lines: impl Iterator<Item = Vec<f32>>) -> Vec<f32> {
    let mut sum = lines.next().unwrap_or_default();
    for line in lines {
        for (sum, value) in sum.iter_mut().zip(line) {
            *sum += value;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_rows_and_columns_equal_the_definition() {
        let left: Vec<f32> = (0..35).map(|i| (i % 11) as f32 - 4.0).collect();
        let right: Vec<f32> = (0..21).map(|i| (i % 7) as f32 * 0.5).collect();
        // [5, 7] as it stands times [7, 3] as it stands; then both given the other way round.
        let across = |values: &[f32], columns: usize| -> Vec<f32> {
            let rows = values.len() / columns;
            (0..values.len())
                .map(|i| values[i % rows * columns + i / rows])
                .collect()
        };
        let (left_across, right_across) = (across(&left, 7), across(&right, 3));
        let forms = [
            (Matrix::new(&left, 7), Matrix::new(&right, 3)),
            (
                Matrix::new(&left_across, 5).transposed(),
                Matrix::new(&right_across, 7).transposed(),
            ),
        ];
        for (a, b) in forms {
            for (into, start) in [(Into::Replace, 0.0), (Into::Add, 2.5)] {
                let mut target = vec![2.5; 15];
                multiply(&mut target, into, a, b, Parallelism::None);
                for (place, found) in target.iter().enumerate() {
                    let (row, column) = (place / 3, place % 3);
                    let sum: f32 = (0..7)
                        .map(|k| left[row * 7 + k] * right[k * 3 + column])
                        .sum();
                    assert!((found - sum - start).abs() < 1e-5, "{place}");
                }
            }
        }
    }

    #[test]
    fn chunks_are_neither_small_nor_large_and_no_rows_have_one() {
        for size in [SMALL, SMALL + 1] {
            for rows in [0, 1, 63, 257, 2048, 7040] {
                let chunk = chunk(rows, size);
                assert!((64..=4 * CHUNK).contains(&chunk), "{rows}: {chunk}");
            }
        }
        assert_eq!(chunk(1 << 20, SMALL), CHUNK);
        assert_eq!(chunk(1 << 20, SMALL + 1), 4 * CHUNK);
    }

    #[test]
    #[should_panic(expected = "the inner extents agree")]
    fn extents_that_differ_are_refused() {
        let values = [0.0; 6];
        let (a, b) = (Matrix::new(&values, 3), Matrix::new(&values, 3));
        multiply(&mut [0.0; 4], Into::Replace, a, b, Parallelism::None);
    }
}
