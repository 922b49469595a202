//! Many rows in one shallow tree: every branch compares all rows of a block, a bit of each row says which way it goes, and
//! the ways along the path of each row are selected level by level, for all rows of a block at once.
//!
//! More branches are looked at than a walk would, but side by side in memory and sixteen or more at a time.

use pulp::{Simd, WithSimd};

use super::Branch;

/// Rows of a block.
pub(super) const ROWS: usize = 128;

/// Rows from which on a block is worth it, even if the rest of it stays empty.
pub(super) const MANY: usize = 40;

/// Rows that are compared at a time.
const LANES: usize = 16;

/// The levels of the deepest tree.
const LEVELS: usize = super::SHALLOW as usize;

/// A bit per row: those of row r stand in place r % 16, bit r / 16.
type Bits = [u32; LANES];

/// Leads the rows of a block through a tree: gives the place of each among the leaves, from left to right.
///
/// `columns` holds the values of the rows of each column that shallow trees ask for.
pub(super) struct Leaves<'a> {
    pub(super) columns: &'a [[f32; ROWS]],
    pub(super) branches: &'a [Branch],
    pub(super) missing_left: &'a [bool],
    pub(super) depth: u32,
    /// Room to work in.
    pub(super) ways: &'a mut Ways,
}

/// Which rows go right at each branch of a level.
pub(super) type Ways = [Bits; 1 << (LEVELS - 1)];

/// No row goes right anywhere.
pub(super) const NOWHERE: Ways = [[0; LANES]; 1 << (LEVELS - 1)];

impl WithSimd for Leaves<'_> {
    type Output = [u8; ROWS];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [u8; ROWS] {
        let Self {
            columns,
            branches,
            missing_left,
            depth,
            ways,
        } = self;
        let depth = depth as usize;
        let mut path = [Bits::default(); LEVELS];
        for level in 0..depth {
            let mut count = 1 << level;
            let first = count - 1;
            let branches = branches[first..].iter().zip(&missing_left[first..]);
            for (ways, (branch, &missing_left)) in ways[..count].iter_mut().zip(branches) {
                let column = &columns[branch.used as usize];
                *ways = compare(simd, column, branch.threshold, missing_left);
            }
            // Of two siblings, the one that the row came to.
            for went in path[..level].iter().rev() {
                count /= 2;
                for place in 0..count {
                    let (left, right) = (ways[2 * place], ways[2 * place + 1]);
                    for lane in 0..LANES {
                        let went = went[lane];
                        ways[place][lane] = (left[lane] & !went) | (right[lane] & went);
                    }
                }
            }
            path[level] = ways[0];
        }
        let mut leaves = [0; ROWS];
        for (bit, leaves) in leaves.chunks_exact_mut(LANES).enumerate() {
            let mut places = [0_u32; LANES];
            for went in &path[..depth] {
                for (place, went) in places.iter_mut().zip(went) {
                    *place = 2 * *place + (went >> bit & 1);
                }
            }
            for (leaf, place) in leaves.iter_mut().zip(places) {
                *leaf = place as u8;
            }
        }
        leaves
    }
}

/// Sets the bits of those rows that go right.
#[inline(always)]
fn compare<S: Simd>(simd: S, column: &[f32; ROWS], threshold: f32, missing_left: bool) -> Bits {
    let mut bits = Bits::default();
    let (sums, _) = S::as_mut_simd_u32s(&mut bits);
    let (values, _) = S::as_simd_f32s(column);
    let (threshold, none) = (simd.splat_f32s(threshold), simd.splat_u32s(0));
    let across = sums.len();
    for (place, values) in values.chunks_exact(across).enumerate() {
        let bit = simd.splat_u32s(1 << place);
        for (sum, &value) in sums.iter_mut().zip(values) {
            // No comparison holds for a missing value.
            let right = if missing_left {
                let right = simd.greater_than_or_equal_f32s(value, threshold);
                simd.select_u32s(right, bit, none)
            } else {
                let left = simd.less_than_f32s(value, threshold);
                simd.select_u32s(left, none, bit)
            };
            *sum = simd.or_u32s(*sum, right);
        }
    }
    bits
}
