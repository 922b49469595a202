//! What growing a tree asks of the columns: the best splits of some nodes at a time.

use std::ops::Range;

use super::cells::Statistic;
use super::split::{Bounds, Contest, Split, Sums};
use crate::sampling::Allowed;

/// A block of columns that can be searched for splits.
pub(crate) trait Columns: Send + Sync {
    /// How rows are summed.
    type Sum: Statistic;

    /// What a block keeps from one level of a tree to the next.
    type State: Default + Send;

    /// What a search needs to work in; one per thread.
    type Scratch: Send;

    /// Whether rows are looked at in the order of their values. Then [`Level::left`] is asked for instead of
    /// [`Level::placed`], and sums of children are made anew, as XGBoost's exact method makes them.
    const ORDERED: bool;

    /// Makes room for a search over `rows` rows.
    fn scratch(rows: usize) -> Self::Scratch;

    /// Enters the best split of each node along each of these columns.
    ///
    /// Parents come before children, the root first.
    fn search(
        &self,
        state: &mut Self::State,
        level: &Level<'_, <Self::Sum as Statistic>::Row>,
        scratch: &mut Self::Scratch,
        contests: &mut [Contest<'_>],
    );

    /// Tells which rows go left at a split.
    fn side<'a>(blocks: &'a [Self], split: &Split) -> impl Fn(u32) -> bool + Sync + 'a
    where
        Self: Sized;
}

/// Nodes that are searched together.
pub(crate) struct Level<'a, R> {
    /// How many outputs the tree adds to.
    pub(crate) outputs: usize,
    /// What each row of the table adds to sums, output by output.
    pub(crate) statistics: &'a [R],
    /// What the sums of each output are scaled by.
    pub(crate) scales: &'a [f64],
    /// Rows of the table, node by node, ascending within each node.
    pub(crate) rows: &'a [u32],
    /// The statistics in the order of `rows`, of the nodes to search and their siblings.
    pub(crate) placed: &'a [R],
    /// The nodes to search.
    pub(crate) open: &'a [Open],
    /// Where their parents were divided, as parts of `rows`.
    pub(crate) divided: &'a [Range<usize>],
    /// 1 for each row that went left at that division, else 0.
    pub(crate) left: &'a [u8],
}

/// A node to search.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// Its place among the nodes of the tree.
    pub(crate) node: usize,
    /// Its rows, as a part of [`Level::rows`].
    pub(crate) range: Range<usize>,
    /// Its parent's place among the nodes of the tree; none for the root.
    pub(crate) parent: Option<usize>,
    /// The rows of its sibling.
    pub(crate) sibling: Range<usize>,
    /// Whether its children may be searched.
    pub(crate) keeps: bool,
    /// The columns that may divide it.
    pub(crate) allowed: Allowed,
    /// Rows that the tree is not grown on and that come here.
    pub(super) idle: Range<usize>,
    pub(super) sums: Vec<Sums>,
    pub(super) score: f32,
    pub(super) bounds: Bounds,
    pub(super) depth: usize,
}
