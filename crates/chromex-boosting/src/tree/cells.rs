//! The cells of histograms: eight columns side by side, so that eight candidates are compared at a time.

use pulp::{Simd, WithSimd};

use super::split::{Contest, Penalty, Sums};

/// Columns of a block.
pub(super) const BLOCK: usize = 8;

/// The sum of the gradients and of the second derivatives of the rows in a bin, of each column of a block.
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
            rows: self.0[1] as u32,
        }
    }
}

/// What a node's candidates are compared by: its sums and the penalty.
#[derive(Clone, Copy)]
pub(super) struct Totals {
    gradient: f64,
    weight: f64,
    lambda: f64,
    least: f64,
}

impl Totals {
    pub(super) fn new(penalty: &Penalty, sums: Sums) -> Self {
        Self {
            gradient: sums.gradient,
            weight: f64::from(sums.rows),
            lambda: penalty.lambda(),
            least: f64::from(penalty.least_rows),
        }
    }

    /// Whether sending rows of these sums one way could win. Without a division, which would cost more than all the rest:
    /// a²/b + c²/d > l exactly where a²d + c²b > l b d.
    #[inline(always)]
    fn wins(&self, gradient: f64, weight: f64, limit: f64) -> bool {
        let (other_gradient, other_weight) = (self.gradient - gradient, self.weight - weight);
        let (one, other) = (weight + self.lambda, other_weight + self.lambda);
        let gain = gradient * gradient * other + other_gradient * other_gradient * one;
        (gain > limit * (one * other)) & (weight >= self.least) & (other_weight >= self.least)
    }

    /// See [`Self::wins`].
    pub(super) fn may_win(&self, side: Sums, contest: &Contest) -> bool {
        self.wins(side.gradient, f64::from(side.rows), contest.limit())
    }

    /// Adds bins to the sums, from the one after `taken` bins on, until some column's candidate may win; gives its
    /// place in the order of taking. `BACK` takes the last bin first.
    pub(super) fn next<const BACK: bool>(
        self,
        sums: &mut Cells,
        bins: &[Cells],
        taken: usize,
        contest: &Contest,
    ) -> Option<usize> {
        pulp::Arch::new().dispatch(Next::<BACK> {
            totals: self,
            sums,
            bins,
            taken,
            limit: contest.limit(),
        })
    }
}

/// See [`Totals::next`].
struct Next<'a, const BACK: bool> {
    totals: Totals,
    sums: &'a mut Cells,
    bins: &'a [Cells],
    taken: usize,
    limit: f64,
}

impl<const BACK: bool> WithSimd for Next<'_, BACK> {
    type Output = Option<usize>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> Option<usize> {
        let Self {
            totals,
            sums,
            bins,
            taken,
            limit,
        } = self;
        let mut gradients: [f64; BLOCK] = std::array::from_fn(|column| sums[column].0[0]);
        let mut weights: [f64; BLOCK] = std::array::from_fn(|column| sums[column].0[1]);
        let mut found = None;
        for place in taken..bins.len() {
            let cells = &bins[if BACK { bins.len() - 1 - place } else { place }];
            let mut any = 0_u8;
            for column in 0..BLOCK {
                gradients[column] += cells[column].0[0];
                weights[column] += cells[column].0[1];
            }
            for column in 0..BLOCK {
                any |= u8::from(totals.wins(gradients[column], weights[column], limit));
            }
            if any != 0 {
                found = Some(place);
                break;
            }
        }
        *sums = std::array::from_fn(|column| Pair([gradients[column], weights[column]]));
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
