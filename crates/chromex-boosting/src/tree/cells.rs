//! The cells of histograms: eight columns side by side, so that eight candidates are compared at a time.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::split::{Contest, Gradient, Sums};

/// Columns of a block.
pub(super) const BLOCK: usize = 8;

/// Rows that one thread prepares at a time.
const CHUNK: usize = 1 << 13;

/// A sum over rows: what a cell of a histogram holds.
pub(crate) trait Statistic: Copy + Default + Send + Sync + 'static {
    /// What a row adds to it.
    type Row: Copy + Default + Send + Sync;

    /// Turns the derivatives of all rows, each of so many outputs, into what they add. `space` may serve to hold it.
    /// Gives also by what the sums of each output are scaled.
    fn rows<'a>(
        derivatives: &'a [Gradient],
        outputs: usize,
        space: &'a mut Vec<Self::Row>,
    ) -> (&'a [Self::Row], Vec<f64>);

    /// Adds a row.
    fn add_row(&mut self, row: Self::Row);
    /// Adds the rows of another sum.
    fn add(&mut self, other: Self);
    /// Takes away the rows of another sum.
    fn take(&mut self, other: Self);
    /// Tells the sums of derivatives.
    fn sums(self, scale: f64) -> Sums;
}

/// The sums of the first and of the second derivatives, of any loss.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(align(16))]
pub(crate) struct Pair([f64; 2]);

impl Statistic for Pair {
    type Row = Gradient;

    fn rows<'a>(
        derivatives: &'a [Gradient],
        outputs: usize,
        _space: &'a mut Vec<Gradient>,
    ) -> (&'a [Gradient], Vec<f64>) {
        (derivatives, vec![1.0; outputs])
    }

    #[inline(always)]
    fn add_row(&mut self, [gradient, hessian]: Gradient) {
        self.0[0] += f64::from(gradient);
        self.0[1] += f64::from(hessian);
    }

    #[inline(always)]
    fn add(&mut self, Self(other): Self) {
        self.0[0] += other[0];
        self.0[1] += other[1];
    }

    #[inline(always)]
    fn take(&mut self, Self(other): Self) {
        self.0[0] -= other[0];
        self.0[1] -= other[1];
    }

    #[inline(always)]
    fn sums(self, _scale: f64) -> Sums {
        Sums {
            gradient: self.0[0],
            hessian: self.0[1],
        }
    }
}

/// The same in half the space, where second derivatives are whole numbers, as those of squared errors are: one addition of
/// whole numbers counts a row and sums its gradient, so that a block's histogram fits the innermost cache, and sums are
/// the same in any order.
///
/// The lower bits count. The upper ones hold the gradient in units so small that the largest gradient of the table, in
/// every row, would just not overflow. In a table of 18,000 rows that is a 2²⁸th of the largest, finer than the 24 bits of
/// the gradient itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Packed(i64);

/// Bits of a [`Packed`] sum that count.
const COUNTING: u32 = 20;

impl Packed {
    /// Whether second derivatives that add up to this fit.
    pub(crate) fn counts_to(total: usize) -> bool {
        total < 1 << COUNTING
    }
}

impl Statistic for Packed {
    type Row = i64;

    fn rows<'a>(
        derivatives: &'a [Gradient],
        outputs: usize,
        space: &'a mut Vec<i64>,
    ) -> (&'a [i64], Vec<f64>) {
        let mut largest = vec![0.0_f32; outputs];
        for row in derivatives.chunks_exact(outputs) {
            for (largest, [gradient, _]) in largest.iter_mut().zip(row) {
                *largest = largest.max(gradient.abs());
            }
        }
        let rows = (derivatives.len() / outputs) as f64;
        // Powers of two, so that a unit divides most gradients without a rest.
        let units: Vec<f64> = largest
            .iter()
            .map(|&largest| {
                let room = f64::from(1_u32 << 31) * f64::from(1 << (31 - COUNTING)) / rows;
                let times = (room / f64::from(largest).max(f64::MIN_POSITIVE))
                    .log2()
                    .floor();
                times.clamp(-900.0, 900.0).exp2()
            })
            .collect();
        space.resize(derivatives.len(), 0);
        space
            .par_chunks_mut(CHUNK * outputs)
            .zip(derivatives.par_chunks(CHUNK * outputs))
            .for_each(|(space, derivatives)| {
                let rows = space.chunks_exact_mut(outputs);
                for (row, derivatives) in rows.zip(derivatives.chunks_exact(outputs)) {
                    for ((row, &[gradient, hessian]), unit) in
                        row.iter_mut().zip(derivatives).zip(&units)
                    {
                        let gradient = (f64::from(gradient) * unit).round_ties_even() as i64;
                        *row = (gradient << COUNTING) + hessian as i64;
                    }
                }
            });
        (space, units.iter().map(|unit| 1.0 / unit).collect())
    }

    #[inline(always)]
    fn add_row(&mut self, row: i64) {
        self.0 = self.0.wrapping_add(row);
    }

    #[inline(always)]
    fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    #[inline(always)]
    fn take(&mut self, other: Self) {
        self.0 = self.0.wrapping_sub(other.0);
    }

    #[inline(always)]
    fn sums(self, scale: f64) -> Sums {
        Sums {
            gradient: (self.0 >> COUNTING) as f64 * scale,
            hessian: (self.0 & ((1 << COUNTING) - 1)) as f64,
        }
    }
}

/// One bin of a block's columns.
pub(super) type Cells<C> = [C; BLOCK];

/// What a node's candidates are compared by: its sums and the penalty.
#[derive(Clone, Copy)]
pub(super) struct Totals {
    gradient: f64,
    hessian: f64,
    lambda: f64,
    alpha: f64,
    least: f64,
}

impl Totals {
    pub(super) fn new(contest: &Contest<'_>) -> Self {
        let [sums] = contest.sums else {
            unreachable!("candidates of several outputs are compared elsewhere")
        };
        Self {
            gradient: sums.gradient,
            hessian: sums.hessian,
            lambda: contest.penalty.reg_lambda,
            alpha: contest.penalty.shrinks_by(),
            least: contest.penalty.min_child_weight,
        }
    }

    /// Whether sending rows of these sums one way could win. Without a division, which would cost more than all the rest:
    /// a²/b + c²/d > l exactly where a²d + c²b > l b d.
    #[inline(always)]
    fn wins<const SHRINKS: bool>(&self, gradient: f64, hessian: f64, limit: f64) -> bool {
        let (other_gradient, other_hessian) = (self.gradient - gradient, self.hessian - hessian);
        let (one, other) = (hessian + self.lambda, other_hessian + self.lambda);
        let shrunk = |gradient: f64| {
            if SHRINKS {
                (gradient.abs() - self.alpha).max(0.0)
            } else {
                gradient
            }
        };
        let (gradient, other_gradient) = (shrunk(gradient), shrunk(other_gradient));
        let gain = gradient * gradient * other + other_gradient * other_gradient * one;
        (gain > limit * (one * other)) & (hessian >= self.least) & (other_hessian >= self.least)
    }

    /// See [`Self::wins`].
    #[inline(always)]
    pub(super) fn may_win(&self, side: Sums, contest: &Contest<'_>) -> bool {
        if self.alpha > 0.0 {
            self.wins::<true>(side.gradient, side.hessian, contest.limit())
        } else {
            self.wins::<false>(side.gradient, side.hessian, contest.limit())
        }
    }

    /// Adds bins to the sums, from the one after `taken` bins on, until some allowed column's candidate may win; gives
    /// its place in the order of taking. `BACK` takes the last bin first.
    pub(super) fn next<C: Statistic, const BACK: bool>(
        self,
        sums: &mut Cells<C>,
        bins: &[Cells<C>],
        taken: usize,
        allowed: [bool; BLOCK],
        contest: &Contest<'_>,
        scale: f64,
    ) -> Option<usize> {
        let limits = allowed.map(|allowed| {
            if allowed {
                contest.limit()
            } else {
                f64::INFINITY
            }
        });
        let arch = pulp::Arch::new();
        if self.alpha > 0.0 {
            arch.dispatch(Next::<C, BACK, true> {
                totals: self,
                sums,
                bins,
                taken,
                limits,
                scale,
            })
        } else {
            arch.dispatch(Next::<C, BACK, false> {
                totals: self,
                sums,
                bins,
                taken,
                limits,
                scale,
            })
        }
    }
}

/// See [`Totals::next`].
struct Next<'a, C, const BACK: bool, const SHRINKS: bool> {
    totals: Totals,
    sums: &'a mut Cells<C>,
    bins: &'a [Cells<C>],
    taken: usize,
    limits: [f64; BLOCK],
    scale: f64,
}

impl<C: Statistic, const BACK: bool, const SHRINKS: bool> WithSimd for Next<'_, C, BACK, SHRINKS> {
    type Output = Option<usize>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Option<usize> {
        let Self {
            totals,
            sums,
            bins,
            taken,
            limits,
            scale,
        } = self;
        let mut running = *sums;
        let mut found = None;
        for place in taken..bins.len() {
            let cells = &bins[if BACK { bins.len() - 1 - place } else { place }];
            for column in 0..BLOCK {
                running[column].add(cells[column]);
            }
            let mut any = 0_u8;
            for column in 0..BLOCK {
                let Sums { gradient, hessian } = running[column].sums(scale);
                any |= u8::from(totals.wins::<SHRINKS>(gradient, hessian, limits[column]));
            }
            if any != 0 {
                found = Some(place);
                break;
            }
        }
        *sums = running;
        found
    }
}

/// Takes the rows of one histogram out of another.
pub(super) fn subtract<C: Statistic>(histogram: &mut [Cells<C>], other: &[Cells<C>]) {
    for (cells, other) in histogram.iter_mut().zip(other) {
        for (cell, other) in cells.iter_mut().zip(other) {
            cell.take(*other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums rows, as pairs and packed.
    fn both(derivatives: &[Gradient]) -> [Sums; 2] {
        fn sum<C: Statistic>(derivatives: &[Gradient]) -> Sums {
            let mut space = Vec::new();
            let (rows, scales) = C::rows(derivatives, 1, &mut space);
            let mut sum = C::default();
            rows.iter().for_each(|&row| sum.add_row(row));
            sum.sums(scales[0])
        }
        [sum::<Pair>(derivatives), sum::<Packed>(derivatives)]
    }

    #[test]
    fn packed_sums_are_those_of_pairs() {
        for (count, size) in [(1, 1.0), (7, 1e-30), (20_000, 3e4), (400_000, 1e30)] {
            let derivatives: Vec<Gradient> = (0..count)
                .map(|row| {
                    let gradient = ((row % 1013) as f32 / 506.0 - 1.0) * size;
                    [gradient, (row % 3) as f32]
                })
                .collect();
            let [pair, packed] = both(&derivatives);
            assert_eq!(pair.hessian, packed.hessian);
            let largest = f64::from(size) * f64::from(count).sqrt();
            assert!((pair.gradient - packed.gradient).abs() < 1e-6 * largest);
        }
        assert_eq!(both(&[[0.0, 1.0]])[1].gradient, 0.0);
    }

    #[test]
    fn the_largest_gradient_in_every_row_does_not_overflow() {
        for sign in [-1.0, 1.0] {
            let derivatives = vec![[sign * 1.999, 1.0]; 1 << 19];
            let [pair, packed] = both(&derivatives);
            assert!((pair.gradient / packed.gradient - 1.0).abs() < 1e-6);
            assert_eq!(packed.hessian, f64::from(1 << 19));
        }
    }

    #[test]
    fn what_is_taken_away_again_leaves_no_trace() {
        let mut sum = Packed::default();
        let mut space = Vec::new();
        let (rows, _) = Packed::rows(&[[0.3, 1.0], [-0.7, 1.0]], 1, &mut space);
        let mut other = Packed::default();
        sum.add_row(rows[0]);
        sum.add_row(rows[1]);
        other.add_row(rows[1]);
        sum.take(other);
        let mut alone = Packed::default();
        alone.add_row(rows[0]);
        assert_eq!(sum, alone);
    }
}
