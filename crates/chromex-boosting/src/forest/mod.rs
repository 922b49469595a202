//! Trees laid out for prediction.
//!
//! Many rows of not too many columns go through a shallow tree in [blocks](sliced). Otherwise they walk: a step down is the same few instructions for
//! every node, and rows walk a tree side by side without waiting for each other's loads.

mod sliced;

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::tree::{Node, Tree};
use crate::{Result, table};

/// Rows that walk a tree side by side.
const ABREAST: usize = 8;

/// Rows that go through one tree before the next: few enough that they stay in the cache, and so many that a tree does not.
const BLOCK: usize = sliced::ROWS;

/// Numbers of a line of the cache.
const LINE: usize = 16;

/// Numbers of rows that stay in the cache while they walk.
const CACHED: usize = 1 << 16;

/// Columns of a block that stay in the cache together with the rows that they are laid out from.
const NARROW: usize = 512;

/// The deepest tree that is filled up to a perfect one.
const SHALLOW: u32 = 8;

/// Trees laid out one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Forest {
    trees: Vec<Place>,
    /// The splits of shallow trees.
    branches: Vec<Branch>,
    /// Whether rows that miss the value of a branch go left.
    missing_left: Vec<bool>,
    /// The columns that shallow trees ask for, ascending.
    used: Vec<u32>,
    /// The nodes of deep trees.
    steps: Vec<Step>,
    /// What the leaves add.
    values: Vec<f32>,
    outputs: usize,
}

/// A split of a shallow tree. The children of the one in place n stand in places 2n + 1 and 2n + 2: a leaf before the last
/// level is followed by branches that send all rows left, so that every row goes as deep.
#[derive(Clone, Copy, Debug)]
struct Branch {
    threshold: f32,
    column: u32,
    /// The column's place among those that shallow trees ask for.
    used: u32,
}

/// A node of a deep tree.
#[derive(Clone, Copy, Debug)]
struct Step {
    threshold: f32,
    /// The column, and in the highest bit whether rows that miss the value go left.
    column: u32,
    /// The left child of a split; the right one comes after it. A leaf has itself, and all rows go left there.
    next: u32,
    /// The first value of a leaf.
    values: u32,
}

/// Where a tree lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The first branch of a shallow tree, the first step of a deep one.
    root: u32,
    /// The first value of the leaves.
    values: u32,
    depth: u32,
    /// The first output that it adds to, and how many.
    output: u32,
    outputs: u32,
}

const MISSING_LEFT: u32 = 1 << 31;

/// Rows that predictions are asked for.
struct Rows<'a> {
    /// Row after row.
    values: &'a [f32],
    columns: usize,
    /// Whether any misses a value.
    has_missing: bool,
}

impl Forest {
    /// Lays out trees that have been checked.
    pub(crate) fn new(trees: &[Tree], outputs_of: &[u32], outputs: usize) -> Self {
        let mut forest = Self {
            trees: Vec::new(),
            branches: Vec::new(),
            missing_left: Vec::new(),
            used: Vec::new(),
            steps: Vec::new(),
            values: Vec::new(),
            outputs,
        };
        for (tree, &output) in trees.iter().zip(outputs_of) {
            let depth = tree.depth() as u32;
            let root = if depth <= SHALLOW {
                forest.branches.len()
            } else {
                forest.steps.len()
            };
            forest.trees.push(Place {
                root: root as u32,
                values: forest.values.len() as u32,
                depth,
                output: if tree.outputs() == 1 { output } else { 0 },
                outputs: tree.outputs() as u32,
            });
            if depth <= SHALLOW {
                forest.push_shallow(tree, depth);
            } else {
                forest.push_deep(tree);
            }
        }
        forest.number_columns();
        forest
    }

    /// Numbers the columns that shallow trees ask for.
    fn number_columns(&mut self) {
        self.used = self.branches.iter().map(|branch| branch.column).collect();
        self.used.sort_unstable();
        self.used.dedup();
        for branch in &mut self.branches {
            let before = self.used.partition_point(|&used| used < branch.column);
            branch.used = before as u32;
        }
    }

    fn push_shallow(&mut self, tree: &Tree, depth: u32) {
        let mut level = vec![0_u32];
        for _ in 0..depth {
            let mut next = Vec::with_capacity(2 * level.len());
            for node in level {
                let (column, threshold, missing_left, children) = match tree.nodes()[node as usize]
                {
                    Node::Split {
                        column,
                        threshold,
                        missing_left,
                        left,
                        right,
                        ..
                    } => (column, threshold, missing_left, [left, right]),
                    Node::Leaf { .. } => (0, f32::INFINITY, true, [node, node]),
                };
                self.branches.push(Branch {
                    threshold,
                    column,
                    used: 0,
                });
                self.missing_left.push(missing_left);
                next.extend(children);
            }
            level = next;
        }
        for node in level {
            let Node::Leaf { leaf, .. } = tree.nodes()[node as usize] else {
                unreachable!("no node is deeper than the tree")
            };
            self.values.extend(tree.leaf(leaf));
        }
    }

    fn push_deep(&mut self, tree: &Tree) {
        let root = self.steps.len();
        // The nodes in the order of their places.
        let mut order = vec![0];
        while let Some(&node) = order.get(self.steps.len() - root) {
            let place = self.steps.len() as u32;
            self.steps.push(match tree.nodes()[node as usize] {
                Node::Split {
                    column,
                    threshold,
                    missing_left,
                    left,
                    right,
                    ..
                } => {
                    let next = (root + order.len()) as u32;
                    order.extend([left, right]);
                    Step {
                        threshold,
                        column: column | if missing_left { MISSING_LEFT } else { 0 },
                        next,
                        values: 0,
                    }
                }
                Node::Leaf { leaf, .. } => {
                    let values = self.values.len() as u32;
                    self.values.extend(tree.leaf(leaf));
                    Step {
                        threshold: f32::INFINITY,
                        column: MISSING_LEFT,
                        next: place,
                        values,
                    }
                }
            });
        }
    }

    /// Adds all trees to the base margins of every row.
    ///
    /// The inputs have all columns that the trees ask for. Infinite ones are an error.
    pub(crate) fn margins(&self, inputs: ArrayView2<'_, f32>, base: &[f32]) -> Result<Array2<f32>> {
        let mut margins = Array2::zeros((inputs.nrows(), self.outputs));
        for mut row in margins.rows_mut() {
            row.as_slice_mut()
                .expect("a new table lies in order")
                .copy_from_slice(base);
        }
        let block = if self.used.len() <= NARROW {
            BLOCK
        } else {
            (CACHED / inputs.ncols()).clamp(ABREAST, BLOCK)
        };
        if inputs.nrows() <= block {
            self.add(inputs, margins.as_slice_mut().expect("lies in order"))?;
            return Ok(margins);
        }
        margins
            .axis_chunks_iter_mut(Axis(0), block)
            .into_par_iter()
            .zip(inputs.axis_chunks_iter(Axis(0), block))
            .enumerate()
            .try_for_each(|(place, (mut margins, rows))| {
                let margins = margins.as_slice_mut().expect("lies in order");
                self.add(rows, margins)
                    .map_err(|error| error.in_later_row(place * block))
            })?;
        Ok(margins)
    }

    /// Adds all trees to the margins of some rows.
    fn add(&self, inputs: ArrayView2<'_, f32>, margins: &mut [f32]) -> Result<()> {
        let standard = inputs.as_standard_layout();
        let values = standard.as_slice().expect("the standard layout is a slice");
        // Without a branch: infinite and missing numbers have all bits of the exponent set, and are looked for only then.
        let exponent = f32::INFINITY.to_bits();
        let is_special = |value: &f32| u32::from(value.to_bits() & exponent == exponent);
        let special = values.iter().fold(0, |any, value| any | is_special(value));
        if special != 0 {
            table::check_not_infinite(inputs)?;
        }
        let rows = Rows {
            values,
            columns: inputs.ncols(),
            has_missing: special != 0,
        };
        let count = margins.len() / self.outputs;
        let sliced = count >= sliced::MANY && self.used.len() <= NARROW;
        let block = sliced.then(|| self.across(&rows, count));
        let arch = pulp::Arch::new();
        let mut ways = sliced::NOWHERE;
        for place in &self.trees {
            match &block {
                Some(columns) if place.depth <= SHALLOW => {
                    let (first, count) = (place.root as usize, (1 << place.depth) - 1);
                    let leaves = arch.dispatch(sliced::Leaves {
                        columns,
                        branches: &self.branches[first..first + count],
                        missing_left: &self.missing_left[first..first + count],
                        depth: place.depth,
                        ways: &mut ways,
                    });
                    let (first, outputs) = (place.values as usize, place.outputs as usize);
                    if self.outputs == 1 {
                        let values = &self.values[first..=first + count];
                        for (margin, leaf) in margins.iter_mut().zip(leaves) {
                            *margin += values[usize::from(leaf)];
                        }
                    } else {
                        let leaves = leaves.map(|leaf| first + usize::from(leaf) * outputs);
                        self.add_leaves(place, &leaves, margins);
                    }
                }
                _ => self.walk_rows(place, &rows, margins),
            }
        }
        Ok(())
    }

    /// Adds a tree to the margins of rows that walk it.
    fn walk_rows(&self, place: &Place, rows: &Rows<'_>, margins: &mut [f32]) {
        let groups = margins.chunks_mut(ABREAST * self.outputs).enumerate();
        for (group, margins) in groups {
            let first = group * ABREAST * rows.columns;
            let values = &rows.values[first..];
            let count = margins.len() / self.outputs;
            let leaves = if place.depth > SHALLOW {
                self.walk_deep(place, values, rows.columns, count)
            } else if rows.has_missing {
                self.walk::<true>(place, values, rows.columns, count)
            } else {
                self.walk::<false>(place, values, rows.columns, count)
            };
            self.add_leaves(place, &leaves, margins);
        }
    }

    /// Adds the values of leaves, which begin there, to the margins of the rows that came to them.
    fn add_leaves(&self, place: &Place, leaves: &[usize], margins: &mut [f32]) {
        let outputs = place.outputs as usize;
        for (&leaf, margins) in leaves.iter().zip(margins.chunks_mut(self.outputs)) {
            let values = &self.values[leaf..leaf + outputs];
            let margins = &mut margins[place.output as usize..][..outputs];
            for (margin, value) in margins.iter_mut().zip(values) {
                *margin += value;
            }
        }
    }

    /// Lays the columns out that shallow trees ask for, each with the values of all rows.
    fn across(&self, rows: &Rows<'_>, count: usize) -> Vec<[f32; BLOCK]> {
        let mut columns = vec![[0.0; BLOCK]; self.used.len()];
        // As many rows at a time as fill a line of the cache.
        for first in (0..count).step_by(LINE) {
            let lines: [&[f32]; LINE] = std::array::from_fn(|row| {
                let row = (first + row).min(count - 1);
                &rows.values[row * rows.columns..][..rows.columns]
            });
            for (column, &used) in columns.iter_mut().zip(&self.used) {
                for (value, line) in column[first..first + LINE].iter_mut().zip(lines) {
                    *value = line[used as usize];
                }
            }
        }
        columns
    }

    /// Leads rows through a shallow tree and gives where the values of their leaves begin.
    fn walk<const MISSING: bool>(
        &self,
        place: &Place,
        values: &[f32],
        columns: usize,
        count: usize,
    ) -> [usize; ABREAST] {
        let splits = (1 << place.depth) - 1;
        let branches = &self.branches[place.root as usize..][..splits];
        let missing_left = &self.missing_left[place.root as usize..][..splits];
        let right = |at: usize, row: usize| {
            let branch = branches[at];
            let value = values[row + branch.column as usize];
            let lower = if MISSING && value.is_nan() {
                missing_left[at]
            } else {
                value < branch.threshold
            };
            usize::from(!lower)
        };
        let mut at = [0; ABREAST];
        if count == ABREAST {
            for _ in 0..place.depth {
                for (row, at) in at.iter_mut().enumerate() {
                    *at = 2 * *at + 1 + right(*at, row * columns);
                }
            }
        } else {
            for (row, at) in at[..count].iter_mut().enumerate() {
                for _ in 0..place.depth {
                    *at = 2 * *at + 1 + right(*at, row * columns);
                }
            }
            at[count..].fill(splits);
        }
        let outputs = place.outputs as usize;
        at.map(|at| place.values as usize + (at - splits) * outputs)
    }

    /// As [`Self::walk`], through a deep tree.
    fn walk_deep(
        &self,
        place: &Place,
        values: &[f32],
        columns: usize,
        count: usize,
    ) -> [usize; ABREAST] {
        let mut at = [place.root as usize; ABREAST];
        for _ in 0..place.depth {
            for (row, at) in at[..count].iter_mut().enumerate() {
                let step = self.steps[*at];
                let value = values[row * columns + (step.column & !MISSING_LEFT) as usize];
                let missing_right = value.is_nan() & (step.column & MISSING_LEFT == 0);
                let right = (value >= step.threshold) | missing_right;
                *at = step.next as usize + usize::from(right);
            }
        }
        at.map(|at| self.steps[at].values as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::goes_left;

    /// A chain of splits of one column each, a leaf hanging from each, deeper by one with every split.
    fn chain(splits: u32) -> Tree {
        let mut nodes = Vec::new();
        for split in 0..splits {
            nodes.push(Node::Split {
                column: split % 3,
                threshold: split as f32 / 4.0,
                missing_left: split % 2 == 0,
                left: 2 * split + 1,
                right: 2 * split + 2,
                loss_change: 1.0,
                cover: 1.0,
            });
            nodes.push(Node::Leaf {
                leaf: split,
                cover: 1.0,
            });
        }
        nodes.push(Node::Leaf {
            leaf: splits,
            cover: 1.0,
        });
        let values = (0..2 * splits + 2).map(|value| value as f32).collect();
        Tree::new(nodes, 2, values)
    }

    /// Walks a tree node by node.
    fn leaf_of<'a>(tree: &'a Tree, row: &[f32]) -> &'a [f32] {
        let mut at = 0;
        loop {
            match tree.nodes()[at] {
                Node::Leaf { leaf, .. } => return tree.leaf(leaf),
                Node::Split {
                    column,
                    threshold,
                    missing_left,
                    left,
                    right,
                    ..
                } => {
                    let left_way = goes_left(row[column as usize], threshold, missing_left);
                    at = if left_way { left } else { right } as usize;
                }
            }
        }
    }

    #[test]
    fn rows_come_to_the_leaves_that_a_walk_node_by_node_finds() {
        let trees = [chain(0), chain(1), chain(5), chain(8), chain(9), chain(40)];
        let forest = Forest::new(&trees, &[0; 6], 2);
        for rows in [1, 7, 8, 64, 65, 150] {
            for has_missing in [false, true] {
                let inputs = Array2::from_shape_fn((rows, 3), |(row, column)| {
                    if has_missing && (row + column) % 5 == 0 {
                        f32::NAN
                    } else {
                        ((row * 7 + column * 3) % 23) as f32 / 3.0
                    }
                });
                let margins = forest.margins(inputs.view(), &[0.5, -1.0]).unwrap();
                for (row, margins) in inputs.rows().into_iter().zip(margins.rows()) {
                    let mut expected = [0.5, -1.0];
                    for tree in &trees {
                        for (sum, value) in expected.iter_mut().zip(leaf_of(tree, &row.to_vec())) {
                            *sum += value;
                        }
                    }
                    assert_eq!(margins.to_vec(), expected);
                }
            }
        }
    }
}
