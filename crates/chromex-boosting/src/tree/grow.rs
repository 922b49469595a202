//! Growing a tree, level by level or best split first.

use std::ops::Range;

use rayon::prelude::*;

use super::cells::Statistic;
use super::growing::{Growing, Grown};
use super::level::{Columns, Level, Open};
use super::part::part;
use super::split::{Bounds, Contest, Gradient, Penalty, Split, Sums};
use crate::sampling::Draws;

/// Rows below which a step is not worth a second thread.
const FEW: usize = 1 << 13;

/// Rows that are summed or gathered together; a fixed number, so that sums do not depend on threads.
const CHUNK: usize = 1 << 15;

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

    /// Grows a tree on the derivatives of the rows: `outputs` for each row of the table. `rows` take part, `idle` ones
    /// are only led to their leaves; both ascend.
    pub(crate) fn grow(
        &mut self,
        derivatives: &[Gradient],
        (rows, idle): (Vec<u32>, Vec<u32>),
        draws: &mut Draws,
    ) -> Grown {
        (self.rows, self.idle) = (rows, idle);
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
            Growing::prune(&mut nodes, self.growth.gamma);
        }
        Growing::finish(&nodes, self.outputs, self.growth.eta)
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
        let one = |rows: &mut [u32], spare: &mut [u32], split: &Split| {
            part(rows, spare, &B::side(blocks, split))
        };
        let few = all.len() < FEW;
        let rows = slices(all, ranges.iter().cloned());
        let spare = slices(&mut self.spare, ranges.iter().cloned());
        if few {
            let parts = rows.into_iter().zip(spare).zip(parents);
            parts
                .map(|((rows, spare), (_, split))| one(rows, spare, split))
                .collect()
        } else {
            rows.into_par_iter()
                .zip(spare)
                .zip(parents)
                .map(|((rows, spare), (_, split))| one(rows, spare, split))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_the_ranges_asked_for() {
        let mut all = [0, 1, 2, 3, 4, 5, 6];
        let parts = slices(&mut all, [1..3, 3..3, 5..7].into_iter());
        assert_eq!(parts, [&[1, 2][..], &[], &[5, 6]]);
    }
}
