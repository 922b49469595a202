//! Growing a tree level by level.

use std::ops::Range;

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::split::{Contest, Penalty, Screen, Split, Sums};
use super::{Node, Tree};

/// A block of columns that can be searched for splits.
pub(crate) trait Columns: Send {
    /// What a search needs to work in; one per thread.
    type Scratch: Send;

    /// Whether the search asks for [`Open::screen`].
    const SCREENS: bool;

    /// Makes room for a search over `rows` rows.
    fn scratch(rows: usize) -> Self::Scratch;

    /// Enters the best split of each node along each of these columns.
    ///
    /// Levels come in order, the root first; a block may keep what it learned of the level before.
    fn search(&mut self, level: &Level<'_>, scratch: &mut Self::Scratch, nodes: &mut [Contest]);

    /// Parts the rows of a node by a split, keeping their order, and counts those that go left. `left` notes of each
    /// row which way it goes, where a later search asks for it.
    fn part(
        blocks: &[Self],
        inputs: ArrayView2<'_, f32>,
        split: &Split,
        rows: &mut [u32],
        spare: &mut Vec<u32>,
        left: &mut [u8],
    ) -> usize
    where
        Self: Sized;
}

/// Moves the rows that go left to the front, keeping the order on both sides, and counts them.
pub(super) fn part_rows(
    rows: &mut [u32],
    spare: &mut Vec<u32>,
    mut goes_left: impl FnMut(u32) -> bool,
) -> usize {
    spare.clear();
    spare.resize(rows.len(), 0);
    let mut left = 0;
    // Without a branch, which would be mispredicted every second time: what is written to the wrong side is overwritten
    // by the next row.
    for place in 0..rows.len() {
        let row = rows[place];
        let goes_left = usize::from(goes_left(row));
        spare[place - left] = row;
        rows[left] = row;
        left += goes_left;
    }
    let right = rows.len() - left;
    rows[left..].copy_from_slice(&spare[..right]);
    left
}

/// The nodes of one depth that are to be split.
pub(crate) struct Level<'a> {
    /// How leaves and splits are scored.
    pub(crate) penalty: &'a Penalty,
    /// One gradient per row of the table.
    pub(crate) gradients: &'a [f64],
    /// Rows of the table, node by node, ascending within each node.
    pub(crate) rows: &'a [u32],
    /// The gradients in the order of `rows`, where the search does not screen.
    pub(crate) placed: &'a [f64],
    /// Whether no level follows.
    pub(crate) last: bool,
    /// The nodes to split.
    pub(crate) open: &'a [Open],
    /// Where nodes of the level before were divided, if at least one child is open.
    pub(crate) divided: &'a [Divided],
    /// 1 for each row that went left at that division, else 0.
    pub(crate) left: &'a [u8],
}

/// A node to split.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// Its place among the nodes of the tree.
    node: usize,
    /// Its rows, as a part of [`Level::rows`].
    pub(crate) range: Range<usize>,
    pub(crate) sums: Sums,
    pub(crate) screen: Screen,
    /// Its parent's place among the open nodes of the level before; none for the root.
    pub(crate) parent: Option<usize>,
    /// The rows of its sibling.
    pub(crate) sibling: Range<usize>,
}

/// A division of a node's rows, as parts of [`Level::rows`].
#[derive(Clone, Debug)]
pub(crate) struct Divided {
    pub(crate) range: Range<usize>,
}

/// The settings that shape one tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    pub(crate) eta: f32,
    pub(crate) max_depth: usize,
    pub(crate) gamma: f32,
    pub(crate) reg_lambda: f32,
    pub(crate) min_child_weight: f32,
    /// Whether splits below `gamma` are first made, and taken back where nothing below them is kept, as
    /// XGBoost's exact method does; its histogram method does not make them.
    pub(crate) prune_afterwards: bool,
}

/// Grows trees on one table.
pub(crate) struct Grower<'a, B> {
    growth: Growth,
    penalty: Penalty,
    inputs: ArrayView2<'a, f32>,
    blocks: Vec<B>,
    rows: Vec<u32>,
    left: Vec<u8>,
    spare: Vec<u32>,
    /// Gradients in the order of `rows`.
    placed: Vec<f64>,
}

/// A node while its tree grows.
struct Growing {
    range: Range<usize>,
    sums: Sums,
    /// The split and the left child; the right child comes after it.
    split: Option<(Split, usize)>,
}

impl<'a, B: Columns> Grower<'a, B> {
    pub(crate) fn new(growth: Growth, inputs: ArrayView2<'a, f32>, blocks: Vec<B>) -> Self {
        let rows = inputs.nrows();
        Self {
            growth,
            penalty: Penalty::new(growth.reg_lambda, growth.min_child_weight),
            inputs,
            blocks,
            rows: Vec::with_capacity(rows),
            left: vec![0; rows],
            spare: Vec::with_capacity(rows),
            placed: Vec::new(),
        }
    }

    /// Grows a tree on the gradients of the rows and adds its values to their predictions.
    pub(crate) fn grow(&mut self, gradients: &[f64], predictions: &mut [f32]) -> Tree {
        self.rows.clear();
        self.rows.extend(0..gradients.len() as u32);
        let root = 0..gradients.len();
        let mut nodes = vec![Growing {
            sums: sum(gradients, &self.rows),
            range: root.clone(),
            split: None,
        }];
        let mut open = vec![Open {
            node: 0,
            range: root,
            sums: nodes[0].sums,
            screen: self.screen(nodes[0].sums),
            parent: None,
            sibling: 0..0,
        }];
        let mut divided = Vec::new();
        for depth in 0..self.growth.max_depth {
            open.retain(|open| open.sums.rows / 2 >= self.penalty.least_rows);
            if open.is_empty() {
                break;
            }
            divided.retain(|division: &Divided| {
                open.iter().any(|open| {
                    division.range.start <= open.range.start && open.range.end <= division.range.end
                })
            });
            let last = depth + 1 == self.growth.max_depth;
            let splits = self.search(gradients, &open, &divided, last);
            (open, divided) = self.divide(gradients, &open, &splits, &mut nodes);
        }
        if self.growth.prune_afterwards {
            prune(&mut nodes, self.growth.gamma);
        }
        self.finish(&nodes, predictions)
    }

    /// Finds the best split of each open node.
    fn search(
        &mut self,
        gradients: &[f64],
        open: &[Open],
        divided: &[Divided],
        last: bool,
    ) -> Vec<Split> {
        let Self {
            penalty,
            blocks,
            rows,
            left,
            placed,
            ..
        } = self;
        if !B::SCREENS {
            placed.clear();
            placed.extend(rows.iter().map(|&row| gradients[row as usize]));
        }
        let level = Level {
            penalty,
            gradients,
            rows,
            placed,
            last,
            open,
            divided,
            left,
        };
        let start = || -> Vec<Contest> {
            open.iter()
                .map(|open| Contest::new(open.sums, level.penalty))
                .collect()
        };
        // The winner does not depend on how blocks fall to threads: it is the largest change of loss,
        // and of equal ones that of the earliest column.
        let contests = blocks
            .par_iter_mut()
            .fold(
                || (B::scratch(gradients.len()), start()),
                |(mut scratch, mut contests), block| {
                    block.search(&level, &mut scratch, &mut contests);
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
        contests.iter().map(|contest| contest.best).collect()
    }

    /// Makes the splits that are worth it, and lists the children and the divisions.
    fn divide(
        &mut self,
        gradients: &[f64],
        open: &[Open],
        splits: &[Split],
        nodes: &mut Vec<Growing>,
    ) -> (Vec<Open>, Vec<Divided>) {
        let mut children = Vec::new();
        let mut divided = Vec::new();
        for (place, (parent, split)) in open.iter().zip(splits).enumerate() {
            let forbidden = !self.growth.prune_afterwards && split.loss_change < self.growth.gamma;
            if !split.is_worthwhile() || forbidden {
                continue;
            }
            let middle = self.part(parent.range.clone(), split);
            let left = nodes.len();
            nodes[parent.node].split = Some((*split, left));
            let halves = [parent.range.start..middle, middle..parent.range.end];
            for (side, range) in halves.iter().enumerate() {
                // XGBoost, too, sums the children anew: sums along the columns differ in the last bits.
                let sums = sum(gradients, &self.rows[range.clone()]);
                children.push(Open {
                    node: nodes.len(),
                    range: range.clone(),
                    sums,
                    screen: self.screen(sums),
                    parent: Some(place),
                    sibling: halves[1 - side].clone(),
                });
                nodes.push(Growing {
                    range: range.clone(),
                    sums,
                    split: None,
                });
            }
            divided.push(Divided {
                range: parent.range.clone(),
            });
        }
        (children, divided)
    }

    /// Parts the rows of a node and gives where the right child begins.
    fn part(&mut self, range: Range<usize>, split: &Split) -> usize {
        let Self {
            blocks,
            inputs,
            rows,
            spare,
            left,
            ..
        } = self;
        let rows = &mut rows[range.clone()];
        range.start + B::part(blocks, *inputs, split, rows, spare, left)
    }

    fn screen(&self, sums: Sums) -> Screen {
        if B::SCREENS {
            Screen::new(sums, &self.penalty)
        } else {
            Screen::none()
        }
    }

    /// Numbers the nodes that are left, level by level, and adds the leaves to the predictions.
    fn finish(&self, nodes: &[Growing], predictions: &mut [f32]) -> Tree {
        let mut order = vec![0];
        let mut finished = Vec::new();
        let mut values = Vec::new();
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
                        cover: node.sums.rows as f32,
                    }
                }
                None => {
                    let value = self.penalty.weight(node.sums) * self.growth.eta;
                    for &row in &self.rows[node.range.clone()] {
                        predictions[row as usize] += value;
                    }
                    let leaf = values.len() as u32;
                    values.push(value);
                    Node::Leaf {
                        leaf,
                        cover: node.sums.rows as f32,
                    }
                }
            });
        }
        Tree::new(finished, 1, values)
    }
}

/// Sums gradients in the order of the rows.
fn sum(gradients: &[f64], rows: &[u32]) -> Sums {
    Sums {
        gradient: rows.iter().map(|&row| gradients[row as usize]).sum(),
        rows: rows.len() as u32,
    }
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
            sums: Sums {
                gradient: 0.0,
                rows: range.len() as u32,
            },
            range,
            split: split.map(|(loss_change, left)| {
                let split = Split {
                    loss_change,
                    feature: 0,
                    threshold: 0.0,
                    missing_left: false,
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
}
