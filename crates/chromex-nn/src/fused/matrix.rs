//! Products of matrices, in one place, so that no number of threads changes a bit.
//!
//! A product's bits follow from the extents of the call alone, whatever the threads: gemm sums each number of the target in one
//! order, cuts that sum by the extents and the caches of the machine, and lets threads share whole tiles of the target. But it
//! takes other paths for other extents: for one row or column, for an inner extent of two, for small targets of columns that lie
//! one after another, and for at most 64 rows and columns. So the same row may round otherwise among fewer rows, and nothing may
//! be cut by the number of threads: [`multiply_rows`] cuts by the extents, and nothing else here cuts.

use std::borrow::Cow;

use rayon::prelude::*;

use super::build::build;

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

    /// The numbers of the matrix row after row.
    ///
    /// gemm lays a matrix out in its own tiles. Rows it copies; of a matrix that lies column after column it fetches number by number,
    /// which takes as long as the products of fifteen rows (a width of 256) to sixty (3,072), and a product that is cut would do so for every
    /// piece.
    fn by_rows(self) -> Cow<'a, [f32]> {
        if self.column_stride == 1 {
            return Cow::Borrowed(self.values);
        }
        let (rows, columns) = (self.rows, self.columns);
        let turned = build(rows * columns, SIDE * columns, |pieces| {
            let pieces = pieces.into_par_iter().enumerate();
            pieces.for_each(|(piece, target)| {
                let (first, height) = (piece * SIDE, target.len() / columns);
                for column in (0..columns).step_by(SIDE) {
                    let width = SIDE.min(columns - column);
                    let mut square = [[0.0; SIDE]; SIDE];
                    for (line, column) in square[..width].iter_mut().zip(column..) {
                        let from = &self.values[column * rows + first..][..height];
                        line[..height].copy_from_slice(from);
                    }
                    for (row, line) in target.chunks_exact_mut(columns).enumerate() {
                        let line = line[column..][..width].iter_mut();
                        line.zip(&square).for_each(|(to, from)| *to = from[row]);
                    }
                }
            });
        });
        Cow::Owned(turned.0)
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

/// Which threads work on one product. It changes no bit of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threads {
    /// The one that asks.
    One,
    /// Those of the pool.
    All,
}

/// Writes `left` times `right` into `target`, row after row.
pub(super) fn multiply(
    target: &mut [f32],
    into: Into,
    left: Matrix<'_>,
    right: Matrix<'_>,
    threads: Threads,
) {
    assert_eq!(left.columns, right.rows, "the inner extents agree");
    assert_eq!(target.len(), left.rows * right.columns);
    let (rows, columns) = (left.rows, right.columns);
    let parallelism = match threads {
        Threads::One => gemm::Parallelism::None,
        Threads::All => gemm::Parallelism::Rayon(0),
    };
    // SAFETY: a `Matrix` is made only by `new` and `transposed`, under which every row and column index within its
    // extents, times its strides, lies within its slice; the target is as long as its extents, rows `columns` apart;
    // it is borrowed mutably, so it overlaps neither factor. f32 is among the types that `gemm` takes.
    #[allow(unsafe_code)]
    // The one place that products come from.
    #[allow(clippy::disallowed_methods)]
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

/// Multiplies every row with a matrix, on all threads, and adds `start` to each where it is given.
pub(super) fn multiply_rows(rows: &[f32], matrix: Matrix<'_>, start: Option<&[f32]>) -> Vec<f32> {
    let (width, columns) = (matrix.rows, matrix.columns);
    let count = rows.len() / width;
    let chunk = chunk(count, width * columns);
    let turned;
    let matrix = if count > chunk {
        turned = matrix.by_rows();
        Matrix::new(&turned, columns)
    } else {
        matrix
    };
    let threads = match width * columns {
        ..=SMALL => Threads::One,
        _ => Threads::All,
    };
    let into = match start {
        Some(_) => Into::Add,
        None => Into::Replace,
    };
    build(count * columns, chunk * columns, |targets| {
        targets
            .into_par_iter()
            .zip(rows.par_chunks(chunk * width))
            .for_each(|(target, rows)| {
                if let Some(start) = start {
                    for row in target.chunks_exact_mut(columns) {
                        row.copy_from_slice(start);
                    }
                }
                multiply(target, into, Matrix::new(rows, width), matrix, threads);
            });
    })
    .0
}

/// Rows of `rows` that are multiplied at a time by a matrix `size` numbers large.
///
/// It follows from the extents alone, and yet keeps every thread busy to the end:
///
/// - By a small matrix eight pieces, or a multiple of eight, are multiplied by one thread each: two, four and eight threads have as
///   many, three and five nearly so. gemm lays the matrix out anew in each, which costs as much as the product of one row; of
///   few rows fewer pieces are cut, so that it stays below a thirtieth.
/// - A large matrix comes from memory for each piece, the product of some ten rows, so that there are four pieces, or a multiple
///   of four. Whoever has none helps with the tiles of one that is under way.
///
/// Pieces are whole tiles of gemm's, the last apart, and the last is more than a few rows.
fn chunk(rows: usize, size: usize) -> usize {
    let (least, most, pieces) = match size {
        ..=SMALL => (32, CHUNK, 8),
        _ => (128, 2 * CHUNK, 4),
    };
    let worth = 1 << (rows / least).max(1).ilog2();
    let wanted = rows.div_ceil(most).max(1).next_multiple_of(pieces);
    let mut chunk = rows.div_ceil(wanted.min(worth)).max(1);
    chunk = chunk.next_multiple_of(TILE);
    while rows > chunk && (1..TILE).contains(&(rows % chunk)) {
        chunk += TILE;
    }
    chunk
}

/// A matrix that fits the second-level cache several times over.
const SMALL: usize = 1 << 16;

/// Rows of a tile of gemm's.
const TILE: usize = 6;

/// Rows and columns of a square that is turned at a time.
const SIDE: usize = 16;

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
                multiply(&mut target, into, a, b, Threads::One);
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
    fn no_piece_is_a_few_rows_of_many_and_pieces_are_enough_for_the_threads() {
        for (size, pieces) in [(1, 8), (SMALL, 8), (SMALL + 1, 4), (1 << 24, 4)] {
            for rows in (1..4000).chain((4000..60_000).step_by(61)) {
                let chunk = chunk(rows, size);
                assert!(chunk <= 2 * CHUNK + 4 * TILE, "{rows}: {chunk}");
                let (count, last) = (rows.div_ceil(chunk), (rows - 1) % chunk + 1);
                assert!(rows <= chunk || last >= TILE, "{rows}: {chunk}, {last}");
                assert!(rows <= chunk || chunk >= 30, "{rows}: {chunk}");
                // Rounding to tiles may save the last of many pieces.
                assert!(rows < 512 || count + 1 >= pieces, "{rows}: {chunk}");
                assert!(
                    rows < 512 || count > 20 || count.is_multiple_of(pieces),
                    "{rows}: {chunk}"
                );
            }
        }
    }

    #[test]
    fn rows_times_a_matrix_either_way_round_equal_the_definition() {
        for (rows, width, columns) in [(0, 3, 2), (1, 1, 1), (7, 3, 40), (200, 5, 33), (61, 34, 3)]
        {
            let left: Vec<f32> = (0..rows * width).map(|i| (i % 11) as f32 - 4.0).collect();
            let right: Vec<f32> = (0..width * columns).map(|i| (i % 7) as f32 - 2.5).collect();
            let across: Vec<f32> = (0..right.len())
                .map(|i| right[i % width * columns + i / width])
                .collect();
            let start: Vec<f32> = (0..columns).map(|i| i as f32).collect();
            let expected = |started: bool| -> Vec<f32> {
                let number = |place: usize| {
                    let (row, column) = (place / columns, place % columns);
                    let products =
                        (0..width).map(|k| left[row * width + k] * right[k * columns + column]);
                    products.sum::<f32>() + if started { start[column] } else { 0.0 }
                };
                (0..rows * columns).map(number).collect()
            };
            let forms = [
                Matrix::new(&right, columns),
                Matrix::new(&across, width).transposed(),
            ];
            // All numbers are halves of whole ones, so that no order of summing rounds.
            for matrix in forms {
                assert_eq!(multiply_rows(&left, matrix, None), expected(false));
                assert_eq!(multiply_rows(&left, matrix, Some(&start)), expected(true));
            }
        }
    }

    #[test]
    #[should_panic(expected = "the inner extents agree")]
    fn extents_that_differ_are_refused() {
        let values = [0.0; 6];
        let (a, b) = (Matrix::new(&values, 3), Matrix::new(&values, 3));
        multiply(&mut [0.0; 4], Into::Replace, a, b, Threads::One);
    }
}
