//! Regression trees: what a fitted one is, and how one is grown.

mod binned;
mod bins;
mod cells;
mod exact;
mod grow;
mod growing;
mod histogram;
mod level;
mod numbers;
mod part;
mod quantiles;
mod split;
mod waiting;

pub use binned::BinnedTable;
pub(crate) use binned::{BinnedColumns, bin_columns, check_max_bins};
pub(crate) use cells::{Packed, Pair};
pub(crate) use exact::sort_columns;
pub(crate) use grow::{Grower, Growth};
pub(crate) use level::Columns;

pub(crate) use histogram::Histograms;
pub(crate) use split::{Gradient, Penalty};

/// A regression tree, its root first.
///
/// A leaf holds a number for each output of the tree: one, unless the tree was grown for several outputs at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    nodes: Vec<Node>,
    outputs: usize,
    /// The numbers of the leaves, leaf after leaf.
    values: Vec<f32>,
}

/// A node of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node {
    /// Divides rows by one column.
    Split {
        /// The column, 0-based.
        column: u32,
        /// Rows whose value is below go left, others right.
        threshold: f32,
        /// Whether rows that miss the value go left.
        missing_left: bool,
        /// The left child.
        left: u32,
        /// The right child.
        right: u32,
        /// By how much the split lowers the penalised loss (XGBoost's gain).
        loss_change: f32,
        /// Sum of the second derivatives of the training rows that came here: under squared error, their weights.
        cover: f32,
    },
    /// Ends the way of a row.
    Leaf {
        /// Its place among the leaves, for [`Tree::leaf`].
        leaf: u32,
        /// As of a split.
        cover: f32,
    },
}

/// Where a tree from outside contradicts itself: the node, what was expected there and what was found.
pub(crate) type Flaw = (usize, &'static str, String);

impl Tree {
    /// Puts a tree together. `values` holds the numbers of each leaf, leaf after leaf.
    ///
    /// # Panics
    ///
    /// When there are not `outputs` values for each leaf.
    pub(crate) fn new(nodes: Vec<Node>, outputs: usize, values: Vec<f32>) -> Self {
        let leaves = nodes
            .iter()
            .filter(|node| matches!(node, Node::Leaf { .. }))
            .count();
        assert_eq!(leaves * outputs, values.len(), "values of leaves");
        Self {
            nodes,
            outputs,
            values,
        }
    }

    /// Lists the nodes, parents before children; the root is the first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Counts the outputs that the tree adds to.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Gives what a leaf adds to each output of the tree.
    ///
    /// # Panics
    ///
    /// When there is no such leaf.
    pub fn leaf(&self, leaf: u32) -> &[f32] {
        &self.values[leaf as usize * self.outputs..][..self.outputs]
    }

    /// Counts the leaves.
    pub fn leaves(&self) -> u32 {
        (self.values.len() / self.outputs) as u32
    }

    /// Changes what a leaf adds to each output.
    pub(crate) fn set_leaf(&mut self, leaf: u32, values: &[f32]) {
        self.values[leaf as usize * self.outputs..][..self.outputs].copy_from_slice(values);
    }

    /// Counts the splits on the longest way from the root to a leaf.
    pub fn depth(&self) -> usize {
        let mut depths = vec![0; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            if let Node::Split { left, right, .. } = *node {
                depths[left as usize] = depths[index] + 1;
                depths[right as usize] = depths[index] + 1;
            }
        }
        depths.into_iter().max().unwrap_or(0)
    }

    /// Checks a tree from outside: that every way through it ends, and that its columns and leaves exist.
    pub(crate) fn check(&self, columns: usize) -> Result<(), Flaw> {
        if self.nodes.is_empty() {
            return Err((0, "a root", "no node".into()));
        }
        let mut leaves = 0;
        let mut parents = vec![0_u8; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            match *node {
                Node::Leaf { leaf, .. } => {
                    if leaf != leaves {
                        return Err((index, "the next leaf", leaf.to_string()));
                    }
                    leaves += 1;
                    if let Some(value) = self.leaf(leaf).iter().find(|value| !value.is_finite()) {
                        return Err((index, "a finite value", value.to_string()));
                    }
                }
                Node::Split {
                    column,
                    threshold,
                    left,
                    right,
                    ..
                } => {
                    if column as usize >= columns {
                        return Err((index, "a column of the table", column.to_string()));
                    }
                    if threshold.is_nan() {
                        return Err((index, "a threshold", threshold.to_string()));
                    }
                    for child in [left, right] {
                        // Children come after their parent, so no way leads back.
                        if child as usize <= index || child as usize >= self.nodes.len() {
                            return Err((index, "a later node as child", child.to_string()));
                        }
                        parents[child as usize] = parents[child as usize].saturating_add(1);
                    }
                }
            }
        }
        match parents[1..].iter().position(|&parents| parents != 1) {
            None => Ok(()),
            Some(place) => Err((place + 1, "one parent", parents[place + 1].to_string())),
        }
    }
}

/// Which way a row goes at a split.
#[inline]
pub(crate) fn goes_left(value: f32, threshold: f32, missing_left: bool) -> bool {
    if value.is_nan() {
        missing_left
    } else {
        value < threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stump() -> Tree {
        let nodes = vec![
            Node::Split {
                column: 1,
                threshold: 0.5,
                missing_left: true,
                left: 1,
                right: 2,
                loss_change: 1.0,
                cover: 3.0,
            },
            Node::Leaf {
                leaf: 0,
                cover: 1.0,
            },
            Node::Leaf {
                leaf: 1,
                cover: 2.0,
            },
        ];
        Tree::new(nodes, 1, vec![-1.0, 2.0])
    }

    #[test]
    fn lower_values_go_left_equal_ones_right_and_missing_ones_where_they_were_sent() {
        assert!(goes_left(0.4, 0.5, false));
        assert!(!goes_left(0.5, 0.5, true));
        assert!(goes_left(f32::NAN, 0.5, true));
        assert!(!goes_left(f32::NAN, 0.5, false));
    }

    #[test]
    fn a_tree_tells_its_depth_and_leaves() {
        assert_eq!(stump().depth(), 1);
        assert_eq!(stump().leaf(1), [2.0]);
    }

    #[test]
    fn a_tree_that_leads_back_or_out_is_refused() {
        assert_eq!(stump().check(2), Ok(()));
        assert_eq!(
            stump().check(1),
            Err((0, "a column of the table", "1".into()))
        );
        for child in [0, 3] {
            let mut tree = stump();
            let Node::Split { left, .. } = &mut tree.nodes[0] else {
                unreachable!()
            };
            *left = child;
            assert_eq!(
                tree.check(2),
                Err((0, "a later node as child", child.to_string()))
            );
        }
        let mut twice = stump();
        let Node::Split { left, .. } = &mut twice.nodes[0] else {
            unreachable!()
        };
        *left = 2;
        assert_eq!(twice.check(2), Err((1, "one parent", "0".into())));
        assert!(Tree::new(vec![], 1, vec![]).check(2).is_err());
        let mut endless = stump();
        endless.values[1] = f32::INFINITY;
        assert_eq!(endless.check(2), Err((2, "a finite value", "inf".into())));
    }
}
