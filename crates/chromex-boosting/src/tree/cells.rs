//! The cells of histograms: eight columns side by side, so that eight candidates are compared at a time.

use pulp::{Simd, WithSimd};

use super::split::{Contest, Sums};

/// Columns of a block.
pub(super) const BLOCK: usize = 8;

/// The sum of the first and of the second derivatives of the rows in a bin, of each column of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(align(16))]
pub(super) struct Pair(pub(super) [f64; 2]);

/// One bin of a block's columns.
pub(super) type Cells = [Pair; BLOCK];

impl Pair {
    #[inline(always)]
    pub(super) fn sums(self) -> Sums {
        Sums {
            gradient: self.0[0],
            hessian: self.0[1],
        }
    }
}

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
    pub(super) fn next<const BACK: bool>(
        self,
        sums: &mut Cells,
        bins: &[Cells],
        taken: usize,
        allowed: [bool; BLOCK],
        contest: &Contest<'_>,
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
            arch.dispatch(Next::<BACK, true> {
                totals: self,
                sums,
                bins,
                taken,
                limits,
            })
        } else {
            arch.dispatch(Next::<BACK, false> {
                totals: self,
                sums,
                bins,
                taken,
                limits,
            })
        }
    }
}

/// See [`Totals::next`].
struct Next<'a, const BACK: bool, const SHRINKS: bool> {
    totals: Totals,
    sums: &'a mut Cells,
    bins: &'a [Cells],
    taken: usize,
    limits: [f64; BLOCK],
}

impl<const BACK: bool, const SHRINKS: bool> WithSimd for Next<'_, BACK, SHRINKS> {
    type Output = Option<usize>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Option<usize> {
        let Self {
            totals,
            sums,
            bins,
            taken,
            limits,
        } = self;
        let mut gradients: [f64; BLOCK] = std::array::from_fn(|column| sums[column].0[0]);
        let mut hessians: [f64; BLOCK] = std::array::from_fn(|column| sums[column].0[1]);
        let mut found = None;
        for place in taken..bins.len() {
            let cells = &bins[if BACK { bins.len() - 1 - place } else { place }];
            let mut any = 0_u8;
            for column in 0..BLOCK {
                gradients[column] += cells[column].0[0];
                hessians[column] += cells[column].0[1];
            }
            for column in 0..BLOCK {
                any |= u8::from(totals.wins::<SHRINKS>(
                    gradients[column],
                    hessians[column],
                    limits[column],
                ));
            }
            if any != 0 {
                found = Some(place);
                break;
            }
        }
        *sums = std::array::from_fn(|column| Pair([gradients[column], hessians[column]]));
        found
    }
}

/// Takes the rows of one histogram out of another.
pub(super) fn subtract(histogram: &mut [Cells], other: &[Cells]) {
    for (cells, other) in histogram.iter_mut().zip(other) {
        for (Pair(sums), Pair(other)) in cells.iter_mut().zip(other) {
            sums[0] -= other[0];
            sums[1] -= other[1];
        }
    }
}
