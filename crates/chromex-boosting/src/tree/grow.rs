//! Growing a tree, level by level or best split first.

use std::ops::Range;

use rayon::prelude::*;

use super::cells::Statistic;
use super::part::part;
use super::split::{Bounds, Contest, Gradient, Penalty, Split, Sums};
use super::{Node, Tree};
use crate::sampling::{Allowed, Draws};

/// Rows below which a step is not worth a second thread.
const FEW: usize = 1 << 13;

/// Rows that are summed or gathered together; a fixed number, so that sums do not depend on threads.
const CHUNK: usize = 1 << 15;

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
    idle: Range<usize>,
    sums: Vec<Sums>,
    score: f32,
    bounds: Bounds,
    depth: usize,
}

/// The settings that shape one tree.
#[derive(Clone, Debug)]
pub(crate) struct Growth {
    pub(crate) eta: f32,
    /// 0 sets no limit.
    pub(crate) max_depth: usize,
    /// 0 sets no limit.
    pub(crate) max_leaves: usize,
    /// Whether the split that changes the loss most comes next, not all of a level.
    pub(crate) best_first: bool,
    pub(crate) gamma: f32,
    /// Whether splits below `gamma` are first made, and taken back where nothing below them is kept, as
    /// XGBoost's exact method does; its histogram method does not make them.
    pub(crate) prune_afterwards: bool,
    pub(crate) penalty: Penalty,
}

impl Growth {
    fn may_deepen(&self, depth: usize) -> bool {
        self.max_depth == 0 || depth < self.max_depth
    }

    fn may_branch(&self, leaves: usize) -> bool {
        self.max_leaves == 0 || leaves < self.max_leaves
    }
}

/// Grows trees on one table.
pub(crate) struct Grower<'a, B: Columns> {
    growth: Growth,
    blocks: &'a [B],
    states: Vec<B::State>,
    outputs: usize,
    rows: Vec<u32>,
    idle: Vec<u32>,
    left: Vec<u8>,
    spare: Vec<u32>,
    placed: Vec<Row<B>>,
    /// What rows add to sums, where it is not their derivatives themselves.
    space: Vec<Row<B>>,
}

type Row<B> = <<B as Columns>::Sum as Statistic>::Row;

/// What the rows of a table add to the sums of a tree.
#[derive(Clone, Copy)]
struct Statistics<'a, R> {
    rows: &'a [R],
    scales: &'a [f64],
}

/// Rows to part at a split, and room to do it in.
type Parting<'a> = ((&'a mut [u32], &'a mut [u32]), &'a (Open, Split));

/// A tree and where its rows went.
pub(crate) struct Grown {
    pub(crate) tree: Tree,
    leaves: Vec<[Range<usize>; 2]>,
}

/// A node while its tree grows.
struct Growing {
    range: Range<usize>,
    idle: Range<usize>,
    cover: f32,
    /// What its leaf would add to each output, before `eta`.
    weights: Vec<f32>,
    /// The split and the left child; the right child comes after it.
    split: Option<(Split, usize)>,
}

impl<'a, B: Columns> Grower<'a, B> {
    /// Prepares to grow trees for `outputs` outputs each on a table of `rows` rows.
    pub(crate) fn new(growth: Growth, blocks: &'a [B], rows: usize, outputs: usize) -> Self {
        let ordered_rows = if B::ORDERED { rows } else { 0 };
        Self {
            growth,
            blocks,
            states: blocks.iter().map(|_| B::State::default()).collect(),
            outputs,
            rows: Vec::new(),
            idle: Vec::new(),
            left: vec![0; ordered_rows],
            spare: vec![0; rows],
            placed: Vec::new(),
            space: Vec::new(),
        }
    }

    /// Grows a tree on the derivatives of the rows: `outputs` for each row.
    pub(crate) fn grow(&mut self, derivatives: &[Gradient], draws: &mut Draws) -> Grown {
        (self.rows, self.idle) = draws.rows(derivatives.len() / self.outputs);
        let mut space = std::mem::take(&mut self.space);
        let (rows, scales) = B::Sum::rows(derivatives, self.outputs, &mut space);
        let scales = &scales;
        let grown = self.grow_on(Statistics { rows, scales }, draws);
        self.space = space;
        grown
    }

    fn grow_on(&mut self, statistics: Statistics<'_, Row<B>>, draws: &mut Draws) -> Grown {
        let mut nodes = Vec::new();
        let sums = self.sum(statistics, 0..self.rows.len());
        let root = self.node(
            &mut nodes,
            0..self.rows.len(),
            0..self.idle.len(),
            sums,
            None,
        );
        let root = Open {
            allowed: draws.columns(0),
            keeps: self.growth.may_deepen(1),
            ..root
        };
        let mut leaves = 1;
        let mut waiting = self.search(statistics, vec![root], &[]);
        while !waiting.is_empty() {
            let mut next = if self.growth.best_first {
                vec![waiting.swap_remove(best(&waiting))]
            } else {
                std::mem::take(&mut waiting)
            };
            next.retain(|(_, split)| {
                let strong = self.growth.prune_afterwards || split.loss_change >= self.growth.gamma;
                let made = strong && self.growth.may_branch(leaves);
                leaves += usize::from(made);
                made
            });
            let mut children = self.divide(statistics, &next, &mut nodes);
            children.retain(|child| {
                self.growth.may_deepen(child.depth)
                    && self.growth.may_branch(leaves)
                    && self.growth.penalty.may_divide(&child.sums)
            });
            for child in &mut children {
                child.allowed = draws.columns(child.depth);
                child.keeps = self.growth.may_deepen(child.depth + 1);
            }
            let divided: Vec<Range<usize>> = next
                .iter()
                .map(|(parent, _)| parent.range.clone())
                .filter(|range| {
                    let within = |child: &Open| {
                        range.start <= child.range.start && child.range.end <= range.end
                    };
                    children.iter().any(within)
                })
                .collect();
            waiting.extend(self.search(statistics, children, &divided));
        }
        if self.growth.prune_afterwards {
            prune(&mut nodes, self.growth.gamma);
        }
        self.finish(&nodes)
    }

    /// Lists the rows that a leaf of the last tree was grown on.
    pub(crate) fn rows_of(&self, grown: &Grown, leaf: u32) -> &[u32] {
        &self.rows[grown.leaves[leaf as usize][0].clone()]
    }

    /// Lists the rows that come to a leaf of the last tree without having had a part in it.
    pub(crate) fn idle_of(&self, grown: &Grown, leaf: u32) -> &[u32] {
        &self.idle[grown.leaves[leaf as usize][1].clone()]
    }

    /// Adds a node to the tree, with the split of its parent and which side of it this is.
    fn node(
        &self,
        nodes: &mut Vec<Growing>,
        range: Range<usize>,
        idle: Range<usize>,
        sums: Vec<Sums>,
        parent: Option<&Open>,
    ) -> Open {
        let penalty = &self.growth.penalty;
        // XGBoost, too, bounds a node's own weight as its parent's children, and only its children by what it learned.
        let bounds = parent.map_or(Bounds::NONE, |parent| parent.bounds);
        let weights = sums
            .iter()
            .map(|&sums| penalty.weight(sums, bounds))
            .collect();
        let cover: f64 = sums.iter().map(|sums| sums.hessian).sum();
        nodes.push(Growing {
            range: range.clone(),
            idle: idle.clone(),
            cover: cover as f32,
            weights,
            split: None,
        });
        Open {
            node: nodes.len() - 1,
            range,
            idle,
            score: penalty.score(sums[0], bounds),
            sums,
            bounds,
            parent: parent.map(|parent| parent.node),
            sibling: 0..0,
            depth: parent.map_or(0, |parent| parent.depth + 1),
            keeps: false,
            allowed: None,
        }
    }

    /// Finds the best split of each node, and gives those that are worth it, in their order.
    fn search(
        &mut self,
        statistics: Statistics<'_, Row<B>>,
        open: Vec<Open>,
        divided: &[Range<usize>],
    ) -> Vec<(Open, Split)> {
        if open.is_empty() {
            return Vec::new();
        }
        if !B::ORDERED {
            self.place(statistics.rows, &open);
        }
        let Self {
            growth,
            blocks,
            states,
            outputs,
            rows,
            left,
            placed,
            ..
        } = self;
        let level = Level {
            outputs: *outputs,
            statistics: statistics.rows,
            scales: statistics.scales,
            rows,
            placed,
            open: &open,
            divided,
            left,
        };
        let start = || -> Vec<Contest<'_>> {
            open.iter()
                .map(|node| Contest::new(&growth.penalty, &node.sums, node.score, node.bounds))
                .collect()
        };
        // The winner does not depend on how blocks fall to threads: it is the largest change of loss,
        // and of equal ones that of the earliest column.
        let contests = blocks
            .par_iter()
            .zip(states.par_iter_mut())
            .fold(
                || (B::scratch(rows.len()), start()),
                |(mut scratch, mut contests), (block, state)| {
                    block.search(state, &level, &mut scratch, &mut contests);
                    (scratch, contests)
                },
            )
            .map(|(_, contests)| contests)
            .reduce(start, |mut one, other| {
                for (one, other) in one.iter_mut().zip(&other) {
                    one.merge(other);
                }
                one
            });
        let splits: Vec<Split> = contests.iter().map(|contest| contest.best).collect();
        open.into_iter()
            .zip(splits)
            .filter(|(_, split)| split.is_worthwhile())
            .collect()
    }

    /// Gathers the derivatives of nodes and their siblings in the order of the rows.
    fn place(&mut self, statistics: &[Row<B>], open: &[Open]) {
        let outputs = self.outputs;
        self.placed
            .resize(self.rows.len() * outputs, Row::<B>::default());
        let mut ranges: Vec<Range<usize>> = Vec::with_capacity(open.len());
        for open in open {
            let end = open.range.end.max(open.sibling.end);
            let start = match open.sibling.is_empty() {
                true => open.range.start,
                false => open.range.start.min(open.sibling.start),
            };
            if ranges.last().is_none_or(|last| last.end <= start) {
                ranges.push(start..end);
            }
        }
        let scaled = ranges
            .iter()
            .map(|range| range.start * outputs..range.end * outputs);
        let gather = |(place, row): (&mut [Row<B>], &u32)| {
            place.copy_from_slice(&statistics[*row as usize * outputs..][..outputs]);
        };
        let rows = &self.rows;
        if rows.len() < FEW {
            for (placed, range) in slices(&mut self.placed, scaled).into_iter().zip(&ranges) {
                placed
                    .chunks_exact_mut(outputs)
                    .zip(&rows[range.clone()])
                    .for_each(gather);
            }
            return;
        }
        slices(&mut self.placed, scaled)
            .into_par_iter()
            .zip(&ranges)
            .for_each(|(placed, range)| {
                placed
                    .par_chunks_mut(CHUNK * outputs)
                    .zip(rows[range.clone()].par_chunks(CHUNK))
                    .for_each(|(placed, rows)| {
                        placed.chunks_exact_mut(outputs).zip(rows).for_each(gather);
                    });
            });
    }

    /// Makes splits and gives the children.
    fn divide(
        &mut self,
        statistics: Statistics<'_, Row<B>>,
        parents: &[(Open, Split)],
        nodes: &mut Vec<Growing>,
    ) -> Vec<Open> {
        let ranges = |of: fn(&Open) -> &Range<usize>| {
            let ranges = parents.iter().map(|(parent, _)| of(parent).clone());
            ranges.collect::<Vec<_>>()
        };
        let (ranges, idle) = (ranges(|open| &open.range), ranges(|open| &open.idle));
        let lefts = self.part(false, &ranges, parents);
        let idle_lefts = if self.idle.is_empty() {
            vec![0; parents.len()]
        } else {
            self.part(true, &idle, parents)
        };
        let mut children = Vec::with_capacity(2 * parents.len());
        for (place, (parent, split)) in parents.iter().enumerate() {
            let (range, idle) = (&ranges[place], &idle[place]);
            let middle = range.start + lefts[place];
            let idle_middle = idle.start + idle_lefts[place];
            let halves = [range.start..middle, middle..range.end];
            let idle_halves = [idle.start..idle_middle, idle_middle..idle.end];
            if B::ORDERED {
                for (half, left) in halves.iter().zip([1, 0]) {
                    for &row in &self.rows[half.clone()] {
                        self.left[row as usize] = left;
                    }
                }
            }
            nodes[parent.node].split = Some((*split, nodes.len()));
            let pair = [0, 1].map(|side| {
                let sums = if B::ORDERED || self.outputs > 1 {
                    self.sum(statistics, halves[side].clone())
                } else {
                    vec![split.sides[side]]
                };
                let (range, idle) = (halves[side].clone(), idle_halves[side].clone());
                let child = self.node(nodes, range, idle, sums, Some(parent));
                Open {
                    sibling: halves[1 - side].clone(),
                    ..child
                }
            });
            let weight = |child: &Open| nodes[child.node].weights[0];
            let bounds = parent.bounds.of_children(
                self.growth.penalty.direction(split.feature),
                weight(&pair[0]),
                weight(&pair[1]),
            );
            children.extend(
                pair.into_iter()
                    .zip(bounds)
                    .map(|(child, bounds)| Open { bounds, ..child }),
            );
        }
        children
    }

    /// Parts the rows of nodes, or the idle ones, and counts those that go left in each.
    fn part(
        &mut self,
        idle: bool,
        ranges: &[Range<usize>],
        parents: &[(Open, Split)],
    ) -> Vec<usize> {
        let all = if idle { &mut self.idle } else { &mut self.rows };
        let blocks = self.blocks;
        let one =
            |((rows, spare), (_, split)): Parting<'_>| part(rows, spare, &B::side(blocks, split));
        let few = all.len() < FEW;
        let rows = slices(all, ranges.iter().cloned());
        let spare = slices(&mut self.spare, ranges.iter().cloned());
        if few {
            rows.into_iter().zip(spare).zip(parents).map(one).collect()
        } else {
            rows.into_par_iter()
                .zip(spare)
                .zip(parents)
                .map(one)
                .collect()
        }
    }

    /// Sums the derivatives of some rows, in their order.
    fn sum(&self, statistics: Statistics<'_, Row<B>>, range: Range<usize>) -> Vec<Sums> {
        let outputs = self.outputs;
        let chunk = |rows: &[u32]| {
            let mut sums = vec![B::Sum::default(); outputs];
            for &row in rows {
                let row = &statistics.rows[row as usize * outputs..][..outputs];
                for (sum, &row) in sums.iter_mut().zip(row) {
                    sum.add_row(row);
                }
            }
            sums
        };
        let rows = &self.rows[range];
        let total = if rows.len() <= CHUNK {
            chunk(rows)
        } else {
            let parts: Vec<Vec<B::Sum>> = rows.par_chunks(CHUNK).map(chunk).collect();
            let mut total = vec![B::Sum::default(); outputs];
            for part in parts {
                for (total, part) in total.iter_mut().zip(part) {
                    total.add(part);
                }
            }
            total
        };
        total
            .into_iter()
            .zip(statistics.scales)
            .map(|(sum, &scale)| sum.sums(scale))
            .collect()
    }

    /// Numbers the nodes that are left, level by level.
    fn finish(&self, nodes: &[Growing]) -> Grown {
        let mut order = vec![0];
        let mut finished = Vec::new();
        let mut values = Vec::new();
        let mut leaves = Vec::new();
        while let Some(&place) = order.get(finished.len()) {
            let node = &nodes[place];
            finished.push(match node.split {
                Some((split, child)) => {
                    let left = order.len() as u32;
                    order.extend([child, child + 1]);
                    Node::Split {
                        column: split.feature,
                        threshold: split.threshold,
                        missing_left: split.missing_left,
                        left,
                        right: left + 1,
                        loss_change: split.loss_change,
                        cover: node.cover,
                    }
                }
                None => {
                    let leaf = leaves.len() as u32;
                    leaves.push([node.range.clone(), node.idle.clone()]);
                    values.extend(node.weights.iter().map(|weight| weight * self.growth.eta));
                    Node::Leaf {
                        leaf,
                        cover: node.cover,
                    }
                }
            });
        }
        Grown {
            tree: Tree::new(finished, self.outputs, values),
            leaves,
        }
    }
}

/// Finds the split that changes the loss most; of equal ones that of the earlier node.
fn best(waiting: &[(Open, Split)]) -> usize {
    let mut best = 0;
    for (place, (open, split)) in waiting.iter().enumerate() {
        let (best_open, best_split) = &waiting[best];
        let earlier = open.node < best_open.node;
        if split.loss_change > best_split.loss_change
            || (split.loss_change == best_split.loss_change && earlier)
        {
            best = place;
        }
    }
    best
}

/// Lends parts of a slice. The ranges ascend and do not overlap.
fn slices<T>(mut all: &mut [T], ranges: impl Iterator<Item = Range<usize>>) -> Vec<&mut [T]> {
    let mut begun = 0;
    ranges
        .map(|range| {
            let rest = &mut std::mem::take(&mut all)[range.start - begun..];
            let (own, rest) = rest.split_at_mut(range.len());
            all = rest;
            begun = range.end;
            own
        })
        .collect()
}

/// Takes back, from the deepest up, splits below `gamma` whose children are leaves.
fn prune(nodes: &mut [Growing], gamma: f32) {
    for place in (0..nodes.len()).rev() {
        if let Some((split, left)) = nodes[place].split
            && split.loss_change < gamma
            && nodes[left].split.is_none()
            && nodes[left + 1].split.is_none()
        {
            nodes[place].split = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(range: Range<usize>, split: Option<(f32, usize)>) -> Growing {
        Growing {
            cover: range.len() as f32,
            range,
            idle: 0..0,
            weights: vec![0.0],
            split: split.map(|(loss_change, left)| {
                let split = Split {
                    loss_change,
                    feature: 0,
                    threshold: 0.0,
                    missing_left: false,
                    sides: [Sums::default(); 2],
                };
                (split, left)
            }),
        }
    }

    #[test]
    fn a_weak_split_stays_while_a_strong_one_hangs_below_it() {
        // 0 is weak, 2 below it strong, 5 below that weak.
        let mut nodes = vec![
            node(0..8, Some((0.1, 1))),
            node(0..1, None),
            node(1..8, Some((5.0, 3))),
            node(1..2, None),
            node(2..8, Some((0.2, 5))),
            node(2..3, None),
            node(3..8, None),
        ];
        prune(&mut nodes, 1.0);
        let kept: Vec<bool> = nodes.iter().map(|node| node.split.is_some()).collect();
        assert_eq!(kept, [true, false, true, false, false, false, false]);
        prune(&mut nodes, 6.0);
        assert!(nodes.iter().all(|node| node.split.is_none()));
    }

    #[test]
    fn slices_are_the_ranges_asked_for() {
        let mut all = [0, 1, 2, 3, 4, 5, 6];
        let parts = slices(&mut all, [1..3, 3..3, 5..7].into_iter());
        assert_eq!(parts, [&[1, 2][..], &[], &[5, 6]]);
    }
}
