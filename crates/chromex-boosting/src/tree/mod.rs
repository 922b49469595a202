//! Regression trees: what a fitted one is, and how one is grown.

mod bins;
mod cells;
mod exact;
mod grow;
mod histogram;
mod split;

pub(crate) use bins::has_missing;
pub(crate) use exact::sort_columns;
pub(crate) use grow::{Columns, Grower, Growth};
pub(crate) use histogram::bin_columns;

use serde::{Deserialize, Serialize};

/// A regression tree, its root first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tree {
    nodes: Vec<Node>,
}

/// A node of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
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
        /// Training rows that came here.
        rows: u32,
    },
    /// Ends the way of a row.
    Leaf {
        /// What the tree adds to the prediction.
        value: f32,
        /// Training rows that came here.
        rows: u32,
    },
}

impl Tree {
    /// Lists the nodes, parents before children; the root is the first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Finds what the tree adds for a row, given the value of each column that it asks for.
    pub(crate) fn value(&self, column: impl Fn(usize) -> f32) -> f32 {
        let mut node = 0;
        loop {
            match self.nodes[node] {
                Node::Leaf { value, .. } => return value,
                Node::Split {
                    column: feature,
                    threshold,
                    missing_left,
                    left,
                    right,
                    ..
                } => {
                    let goes_left = goes_left(column(feature as usize), threshold, missing_left);
                    node = if goes_left { left } else { right } as usize;
                }
            }
        }
    }

    /// Checks a tree from outside: that every way through it ends, and that its columns exist.
    ///
    /// Gives the offending node, what was expected and what was found.
    pub(crate) fn check(&self, columns: usize) -> Result<(), (usize, &'static str, String)> {
        if self.nodes.is_empty() {
            return Err((0, "a root", "no node".into()));
        }
        for (index, node) in self.nodes.iter().enumerate() {
            match *node {
                Node::Leaf { value, .. } if !value.is_finite() => {
                    return Err((index, "a finite value", value.to_string()));
                }
                Node::Leaf { .. } => {}
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
                    if !threshold.is_finite() {
                        return Err((index, "a finite threshold", threshold.to_string()));
                    }
                    for child in [left, right] {
                        // Children come after their parent, so no way leads back.
                        if child as usize <= index || child as usize >= self.nodes.len() {
                            return Err((index, "a later node as child", child.to_string()));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Which way a row goes at a split.
#[inline]
fn goes_left(value: f32, threshold: f32, missing_left: bool) -> bool {
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
        Tree {
            nodes: vec![
                Node::Split {
                    column: 1,
                    threshold: 0.5,
                    missing_left: true,
                    left: 1,
                    right: 2,
                    loss_change: 1.0,
                    rows: 3,
                },
                Node::Leaf {
                    value: -1.0,
                    rows: 1,
                },
                Node::Leaf {
                    value: 2.0,
                    rows: 2,
                },
            ],
        }
    }

    #[test]
    fn lower_values_go_left_equal_ones_right_and_missing_ones_where_they_were_sent() {
        let tree = stump();
        let value = |x: f32| tree.value(|column| [9.0, x][column]);
        assert_eq!(value(0.4), -1.0);
        assert_eq!(value(0.5), 2.0);
        assert_eq!(value(f32::NAN), -1.0);
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
        assert!(Tree { nodes: vec![] }.check(2).is_err());
    }
}
