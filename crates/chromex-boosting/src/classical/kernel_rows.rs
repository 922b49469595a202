//! Rows of the Gaussian kernel, kept as far as memory allows.

use ndarray::parallel::prelude::*;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::slice::ParallelSliceMut;

/// Rows of the kernel that are computed together.
const TOGETHER: usize = 64;

/// The Gaussian kernel of a table with itself, exp(−γ ‖x − x′‖²), computed row by row when it is asked for, or
/// at once when all of it may be kept.
///
/// Numbers are kept in 32 bits, as libsvm does; they are computed in 64.
pub(crate) struct KernelRows<'a> {
    inputs: ArrayView2<'a, f64>,
    squares: Array1<f64>,
    gamma: f64,
    kept: Kept,
}

enum Kept {
    All(Array2<f32>),
    Some {
        most: usize,
        rows: Vec<Option<Vec<f32>>>,
        /// When each row was last asked for; 0 for rows that are not kept.
        asked: Vec<u64>,
        kept: Vec<usize>,
        clock: u64,
    },
}

impl<'a> KernelRows<'a> {
    /// Prepares the kernel of `inputs`, of which `megabytes` may be kept, but always two rows.
    pub(crate) fn new(inputs: ArrayView2<'a, f64>, gamma: f64, megabytes: usize) -> Self {
        let squares = inputs.map_axis(Axis(1), |row| row.dot(&row));
        let rows = inputs.nrows();
        let most = (megabytes.saturating_mul(1 << 20) / (4 * rows)).max(2);
        let mut kernel = Self {
            inputs,
            squares,
            gamma,
            kept: Kept::Some {
                most,
                rows: vec![None; rows],
                asked: vec![0; rows],
                kept: Vec::new(),
                clock: 0,
            },
        };
        if most >= rows {
            let mut all = Array2::zeros((rows, rows));
            all.axis_chunks_iter_mut(Axis(0), TOGETHER)
                .into_par_iter()
                .enumerate()
                .for_each(|(chunk, mut out)| {
                    let first = chunk * TOGETHER;
                    let some = kernel.inputs.slice(s![first..first + out.nrows(), ..]);
                    let products = some.dot(&kernel.inputs.t());
                    for (offset, (mut out, products)) in
                        out.rows_mut().into_iter().zip(products.rows()).enumerate()
                    {
                        for (column, (out, product)) in out.iter_mut().zip(products).enumerate() {
                            *out = kernel.value(first + offset, column, *product);
                        }
                    }
                });
            kernel.kept = Kept::All(all);
        }
        kernel
    }

    /// Counts the rows, and the numbers of each.
    pub(crate) fn len(&self) -> usize {
        self.inputs.nrows()
    }

    /// Makes sure that two rows are kept, so that [`row`](Self::row) gives them.
    pub(crate) fn keep(&mut self, first: usize, second: usize) {
        for row in [first, second] {
            let Kept::Some { asked, clock, .. } = &mut self.kept else {
                return;
            };
            *clock += 1;
            let known = asked[row] != 0;
            asked[row] = *clock;
            if !known {
                let values = self.compute(row);
                self.insert(row, values);
            }
        }
    }

    /// Views a row that was just [kept](Self::keep).
    ///
    /// # Panics
    ///
    /// When it was not.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        match &self.kept {
            Kept::All(all) => {
                let columns = all.ncols();
                &all.as_slice().expect("rows lie one after another")[row * columns..][..columns]
            }
            Kept::Some { rows, .. } => rows[row].as_deref().expect("the row was kept"),
        }
    }

    fn compute(&self, row: usize) -> Vec<f32> {
        let mut values = vec![0.0; self.len()];
        let vector = self.inputs.row(row);
        values
            .par_chunks_mut(1024)
            .enumerate()
            .for_each(|(chunk, values)| {
                let first = chunk * 1024;
                let some = self.inputs.slice(s![first..first + values.len(), ..]);
                for (offset, (value, other)) in values.iter_mut().zip(some.rows()).enumerate() {
                    *value = self.value(row, first + offset, vector.dot(&other));
                }
            });
        values
    }

    fn insert(&mut self, row: usize, values: Vec<f32>) {
        let Kept::Some {
            most,
            rows,
            asked,
            kept,
            ..
        } = &mut self.kept
        else {
            return;
        };
        if kept.len() >= *most {
            let oldest = (0..kept.len())
                .min_by_key(|&place| asked[kept[place]])
                .expect("two rows are kept at least");
            let gone = kept.swap_remove(oldest);
            rows[gone] = None;
            asked[gone] = 0;
        }
        kept.push(row);
        rows[row] = Some(values);
    }

    fn value(&self, row: usize, column: usize, product: f64) -> f32 {
        let distance = self.squares[row] + self.squares[column] - 2.0 * product;
        // Rounding may leave a row at a distance from itself, or one below 0.
        if row == column {
            1.0
        } else {
            (-self.gamma * distance.max(0.0)).exp() as f32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_whether_all_or_few_are_kept() {
        let inputs = Array2::from_shape_fn((3000, 4), |(row, column)| {
            ((row * 31 + column * 7) % 101) as f64 / 50.0
        });
        let mut all = KernelRows::new(inputs.view(), 0.7, 64);
        let mut few = KernelRows::new(inputs.view(), 0.7, 0);
        assert!(matches!(all.kept, Kept::All(_)));
        for step in 0..40 {
            let (first, second) = (step * 67 % 3000, step * 13 % 7);
            all.keep(first, second);
            few.keep(first, second);
            for row in [first, second] {
                let pairs = all.row(row).iter().zip(few.row(row));
                assert!(
                    pairs
                        .into_iter()
                        .all(|(one, other)| (one - other).abs() < 1e-6)
                );
                assert_eq!(few.row(row)[row], 1.0);
            }
        }
        let Kept::Some { kept, .. } = &few.kept else {
            panic!("nothing does not hold 3000 rows");
        };
        assert_eq!(kept.len(), 2);
    }
}
