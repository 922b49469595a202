//! Trees laid out for walks that visit every node with several rows at once.

use std::collections::HashMap;

use crate::tree::{Node, Tree};

/// No edge: the column is asked for the first time on its way.
pub(super) const NONE: u32 = u32::MAX;

/// What a walk does next. Levels count splits from the root.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// Begins at the root.
    Open { split: u32 },
    /// Goes on from a split to a child that splits.
    Descend { split: u32, side: u8, child: u32 },
    /// Adds a leaf to its split.
    Leaf { split: u32, side: u8, leaf: u32 },
    /// Goes back from a child that splits, which is done.
    Ascend { split: u32, side: u8, child: u32 },
    /// Adds a split of two leaves, on a column not asked for above, to the split above.
    Twig { twig: u32 },
    /// Ends at the root.
    Close { split: u32 },
}

/// A split, and what its two edges weigh.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    /// The column's place among the columns in use.
    pub(super) slot: u32,
    pub(super) threshold: f32,
    pub(super) missing_left: bool,
    pub(super) level: u32,
    /// The deepest edge above that asks for the same column: twice its split, and one more on the right.
    pub(super) above: u32,
    /// The share of the split's cover that goes left and right.
    pub(super) fractions: [f64; 2],
    /// The same, times the shares of the edges above that ask for the same column.
    pub(super) shares: [f64; 2],
}

/// A split of two leaves, on a column not asked for above.
#[derive(Clone, Copy, Debug)]
pub(super) struct Twig {
    pub(super) split: u32,
    pub(super) leaves: [u32; 2],
    /// The edge that leads to it.
    pub(super) edge: u32,
}

/// A tree as walks see it.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub(super) ops: Vec<Op>,
    /// Splits in the order in which they are met.
    pub(super) splits: Vec<Split>,
    pub(super) twigs: Vec<Twig>,
    /// The most splits on a way.
    pub(super) depth: usize,
    /// The most columns on a way.
    pub(super) factors: usize,
    /// The values of leaves, leaf after leaf.
    pub(super) values: Vec<f64>,
    /// The first output that it adds to, and how many.
    pub(super) output: usize,
    pub(super) outputs: usize,
    /// What it adds to each of its outputs on average over the training rows.
    pub(super) expected: Vec<f64>,
}

impl Walk {
    /// Lays out a tree; `slot_of` finds columns in use.
    pub(super) fn new(tree: &Tree, output: usize, slot_of: &HashMap<u32, u32>) -> Self {
        let leaves = tree.nodes().iter().filter_map(|node| match *node {
            Node::Leaf { leaf, .. } => Some(tree.leaf(leaf)),
            Node::Split { .. } => None,
        });
        let values: Vec<f64> = leaves.flatten().map(|&value| value.into()).collect();
        let mut walk = Self {
            ops: Vec::new(),
            splits: Vec::new(),
            twigs: Vec::new(),
            depth: 0,
            factors: 0,
            values,
            output: if tree.outputs() == 1 { output } else { 0 },
            outputs: tree.outputs(),
            expected: expected(tree),
        };
        walk.lay_out(tree, slot_of);
        walk
    }

    fn lay_out(&mut self, tree: &Tree, slot_of: &HashMap<u32, u32>) {
        /// What is left to do, the next thing last.
        enum Todo {
            Edge { split: u32, side: u8, child: u32 },
            Ascend { split: u32, side: u8, child: u32 },
            Forget { slot: u32, above: u32 },
        }
        let nodes = tree.nodes();
        if matches!(nodes[0], Node::Leaf { .. }) {
            return;
        }
        // The deepest edge on the way that asks for each column.
        let mut deepest: HashMap<u32, u32> = HashMap::new();
        let mut todo = Vec::new();
        let root = self.split(nodes, 0, 0, slot_of, &deepest);
        self.ops.push(Op::Open { split: root });
        let children = |at: u32, split: u32, todo: &mut Vec<Todo>| {
            if let Node::Split { left, right, .. } = nodes[at as usize] {
                todo.extend([(1, right), (0, left)].map(|(side, child)| Todo::Edge {
                    split,
                    side,
                    child,
                }));
            }
        };
        children(0, root, &mut todo);
        while let Some(next) = todo.pop() {
            match next {
                Todo::Ascend { split, side, child } => {
                    self.ops.push(Op::Ascend { split, side, child });
                }
                Todo::Forget { slot, above } => {
                    if above == NONE {
                        deepest.remove(&slot);
                    } else {
                        deepest.insert(slot, above);
                    }
                }
                Todo::Edge { split, side, child } => {
                    let Split {
                        slot, above, level, ..
                    } = self.splits[split as usize];
                    if let Node::Leaf { leaf, .. } = nodes[child as usize] {
                        self.ops.push(Op::Leaf { split, side, leaf });
                        let columns = deepest.len() + usize::from(above == NONE);
                        self.factors = self.factors.max(columns);
                        continue;
                    }
                    let edge = 2 * split + u32::from(side);
                    deepest.insert(slot, edge);
                    let inner = self.split(nodes, child as usize, level + 1, slot_of, &deepest);
                    todo.push(Todo::Forget { slot, above });
                    if let Some(leaves) = twig(nodes, child as usize)
                        && self.splits[inner as usize].above == NONE
                    {
                        self.factors = self.factors.max(deepest.len() + 1);
                        self.ops.push(Op::Twig {
                            twig: self.twigs.len() as u32,
                        });
                        self.twigs.push(Twig {
                            split: inner,
                            leaves,
                            edge,
                        });
                        continue;
                    }
                    self.ops.push(Op::Descend {
                        split,
                        side,
                        child: inner,
                    });
                    todo.push(Todo::Ascend {
                        split,
                        side,
                        child: inner,
                    });
                    children(child, inner, &mut todo);
                }
            }
        }
        self.ops.push(Op::Close { split: root });
    }

    /// Notes a split and gives its number.
    fn split(
        &mut self,
        nodes: &[Node],
        at: usize,
        level: u32,
        slot_of: &HashMap<u32, u32>,
        deepest: &HashMap<u32, u32>,
    ) -> u32 {
        let Node::Split {
            column,
            threshold,
            missing_left,
            ..
        } = nodes[at]
        else {
            unreachable!("only splits are noted")
        };
        let slot = slot_of[&column];
        let above = deepest.get(&slot).copied().unwrap_or(NONE);
        let share_above = match above {
            NONE => 1.0,
            edge => self.splits[edge as usize / 2].shares[edge as usize % 2],
        };
        let fractions = fractions(nodes, at);
        self.depth = self.depth.max(level as usize + 1);
        self.splits.push(Split {
            slot,
            threshold,
            missing_left,
            level,
            above,
            fractions,
            shares: fractions.map(|fraction| fraction * share_above),
        });
        self.splits.len() as u32 - 1
    }

    /// Visits each split with the edges above it that count for other columns: of each column the deepest.
    ///
    /// Stops with the visitor's error.
    pub(super) fn partners<E>(
        &self,
        mut visit: impl FnMut(usize, u32, u32) -> Result<(), E>,
    ) -> Result<(), E> {
        // The edges to the split at hand, each with whether a deeper one asks for the same column.
        let mut way: Vec<(u32, bool)> = Vec::new();
        for op in &self.ops {
            let (split, edge) = match *op {
                Op::Descend { split, side, child } => (child, 2 * split + u32::from(side)),
                Op::Twig { twig } => {
                    let twig = self.twigs[twig as usize];
                    (twig.split, twig.edge)
                }
                Op::Open { .. } | Op::Leaf { .. } | Op::Ascend { .. } | Op::Close { .. } => {
                    continue;
                }
            };
            let Split { slot, level, .. } = self.splits[split as usize];
            while way.len() >= level as usize {
                let (left, _) = way.pop().expect("the way is not empty");
                self.mark(&mut way, left, false);
            }
            self.mark(&mut way, edge, true);
            way.push((edge, false));
            for &(edge, superseded) in &way {
                let other = self.splits[edge as usize / 2].slot;
                if other != slot && !superseded {
                    visit(split as usize, edge, other)?;
                }
            }
        }
        Ok(())
    }

    /// Notes whether the edge above that asks for the same column as this one is superseded.
    fn mark(&self, way: &mut [(u32, bool)], edge: u32, superseded: bool) {
        let above = self.splits[edge as usize / 2].above;
        if above != NONE {
            let level = self.splits[above as usize / 2].level as usize;
            way[level].1 = superseded;
        }
    }
}

/// The leaves of a split that has two.
fn twig(nodes: &[Node], at: usize) -> Option<[u32; 2]> {
    let Node::Split { left, right, .. } = nodes[at] else {
        return None;
    };
    match (nodes[left as usize], nodes[right as usize]) {
        (Node::Leaf { leaf, .. }, Node::Leaf { leaf: other, .. }) => Some([leaf, other]),
        _ => None,
    }
}

fn cover(node: Node) -> f64 {
    let (Node::Split { cover, .. } | Node::Leaf { cover, .. }) = node;
    cover.into()
}

/// The shares of a split's cover that its children have; halves where its cover does not tell.
fn fractions(nodes: &[Node], at: usize) -> [f64; 2] {
    let Node::Split { left, right, .. } = nodes[at] else {
        unreachable!("only splits divide their cover")
    };
    let shares = [left, right].map(|child| cover(nodes[child as usize]) / cover(nodes[at]));
    match shares
        .iter()
        .all(|share| share.is_finite() && *share >= 0.0)
    {
        true => shares,
        false => [0.5, 0.5],
    }
}

/// What a tree adds on average over the training rows.
fn expected(tree: &Tree) -> Vec<f64> {
    let nodes = tree.nodes();
    // Of each node the share of rows that come there; parents stand before their children.
    let mut shares = vec![0.0; nodes.len()];
    shares[0] = 1.0;
    let mut expected = vec![0.0; tree.outputs()];
    for (at, node) in nodes.iter().enumerate() {
        match *node {
            Node::Split { left, right, .. } => {
                for (child, fraction) in [left, right].into_iter().zip(fractions(nodes, at)) {
                    shares[child as usize] = shares[at] * fraction;
                }
            }
            Node::Leaf { leaf, .. } => {
                for (sum, &value) in expected.iter_mut().zip(tree.leaf(leaf)) {
                    *sum += shares[at] * f64::from(value);
                }
            }
        }
    }
    expected
}
