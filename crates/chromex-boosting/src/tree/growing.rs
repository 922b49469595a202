//! Nodes while their tree grows.

use std::ops::Range;

use super::split::Split;
use super::{Node, Tree};

/// A tree and where its rows went.
pub(crate) struct Grown {
    pub(crate) tree: Tree,
    pub(super) leaves: Vec<[Range<usize>; 2]>,
}

/// A node while its tree grows.
pub(super) struct Growing {
    pub(super) range: Range<usize>,
    pub(super) idle: Range<usize>,
    pub(super) cover: f32,
    /// What its leaf would add to each output, before `eta`.
    pub(super) weights: Vec<f32>,
    /// The split and the left child; the right child comes after it.
    pub(super) split: Option<(Split, usize)>,
}

impl Growing {
    /// Takes back, from the deepest up, splits below `gamma` whose children are leaves.
    pub(super) fn prune(nodes: &mut [Self], gamma: f32) {
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

    /// Numbers the nodes that are left, level by level.
    pub(super) fn finish(nodes: &[Self], outputs: usize, eta: f32) -> Grown {
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
                    values.extend(node.weights.iter().map(|weight| weight * eta));
                    Node::Leaf {
                        leaf,
                        cover: node.cover,
                    }
                }
            });
        }
        Grown {
            tree: Tree::new(finished, outputs, values),
            leaves,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::split::Sums;
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
        Growing::prune(&mut nodes, 1.0);
        let kept: Vec<bool> = nodes.iter().map(|node| node.split.is_some()).collect();
        assert_eq!(kept, [true, false, true, false, false, false, false]);
        Growing::prune(&mut nodes, 6.0);
        assert!(nodes.iter().all(|node| node.split.is_none()));
    }
}
