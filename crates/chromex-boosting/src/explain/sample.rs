//! Models for tests.

use crate::boosted_trees::Ensemble;
use crate::tree::{Node, Tree};
use crate::{BoostedTrees, Link};

/// Draws numbers from 0 to 1.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn below(&mut self, most: usize) -> usize {
        (self.next() * most as f64) as usize
    }

    /// Draws a value of a table: quarters from -1 to 1, or none.
    pub(super) fn value(&mut self) -> f32 {
        match self.below(10) {
            9 => f32::NAN,
            value => value as f32 / 4.0 - 1.0,
        }
    }

    /// Draws a tree of so many splits, whose covers add up.
    pub(super) fn tree(&mut self, columns: usize, splits: usize, outputs: usize) -> Tree {
        let mut nodes = vec![None; 1];
        let mut covers = vec![64.0_f32];
        let mut open = vec![0];
        for _ in 0..splits {
            let at = open.swap_remove(self.below(open.len()));
            let (left, right) = (nodes.len(), nodes.len() + 1);
            let share = self.below(9) as f32 / 8.0;
            covers.extend([covers[at] * share, covers[at] * (1.0 - share)]);
            nodes[at] = Some(Node::Split {
                column: self.below(columns) as u32,
                threshold: self.below(9) as f32 / 4.0 - 1.0,
                missing_left: self.below(2) == 0,
                left: left as u32,
                right: right as u32,
                loss_change: self.next() as f32,
                cover: covers[at],
            });
            nodes.extend([None, None]);
            open.extend([left, right]);
        }
        let mut leaf = 0;
        let nodes: Vec<Node> = nodes
            .into_iter()
            .zip(covers)
            .map(|(node, cover)| {
                node.unwrap_or_else(|| {
                    leaf += 1;
                    Node::Leaf {
                        leaf: leaf - 1,
                        cover,
                    }
                })
            })
            .collect();
        let values = (0..leaf as usize * outputs).map(|_| self.next() as f32 - 0.5);
        Tree::new(nodes, outputs, values.collect())
    }
}

/// A model of one round.
pub(super) fn model(columns: usize, base: &[f32], trees: Vec<(Tree, u32)>) -> BoostedTrees {
    let (trees, outputs): (Vec<Tree>, Vec<u32>) = trees.into_iter().unzip();
    BoostedTrees::new(Ensemble {
        columns,
        column_names: Vec::new(),
        objective: "reg:squarederror".into(),
        link: Link::Identity,
        base_scores: base.to_vec(),
        rounds: vec![0, trees.len()],
        trees,
        outputs,
        best_round: None,
    })
    .expect("the parts fit")
}

/// A tree that goes on to the right only, split after split.
pub(super) fn chain(splits: usize, column_of: impl Fn(usize) -> u32) -> Tree {
    let mut nodes = Vec::new();
    for split in 0..splits {
        let (left, right) = (2 * split as u32 + 1, 2 * split as u32 + 2);
        let cover = 1.0 + (splits - split) as f32;
        nodes.push(Node::Split {
            column: column_of(split),
            threshold: 0.5,
            missing_left: true,
            left,
            right,
            loss_change: 1.0,
            cover,
        });
        nodes.push(Node::Leaf {
            leaf: split as u32,
            cover: 1.0,
        });
    }
    nodes.push(Node::Leaf {
        leaf: splits as u32,
        cover: 1.0,
    });
    let values = (0..=splits).map(|leaf| (leaf % 7) as f32 / 7.0 - 0.4);
    Tree::new(nodes, 1, values.collect())
}
