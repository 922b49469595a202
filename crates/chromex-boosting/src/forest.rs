//! Trees laid out for prediction.
//!
//! The children of a node stand side by side and leaves lead to themselves, so that a step down is the same few
//! instructions for every node, and rows walk a tree side by side without waiting for each other's loads.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::tree::{Node, Tree};
use crate::{Result, table};

/// Rows that walk a tree side by side.
const ABREAST: usize = 8;

/// Rows that are looked up in all trees before the next ones are: few enough that they stay in the cache.
const BLOCK: usize = 64;

/// Trees laid out one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Forest {
    steps: Vec<Step>,
    trees: Vec<Place>,
    /// What the leaves add.
    values: Vec<f32>,
    outputs: usize,
}

/// A node.
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
    root: u32,
    depth: u32,
    /// The first output that it adds to, and how many.
    output: u32,
    outputs: u32,
}

const MISSING_LEFT: u32 = 1 << 31;

impl Forest {
    /// Lays out trees that have been checked.
    pub(crate) fn new(trees: &[Tree], outputs_of: &[u32], outputs: usize) -> Self {
        let mut forest = Self {
            steps: Vec::new(),
            trees: Vec::new(),
            values: Vec::new(),
            outputs,
        };
        for (tree, &output) in trees.iter().zip(outputs_of) {
            forest.push(tree, output);
        }
        forest
    }

    fn push(&mut self, tree: &Tree, output: u32) {
        let root = self.steps.len();
        self.trees.push(Place {
            root: root as u32,
            depth: tree.depth() as u32,
            output: if tree.outputs() == 1 { output } else { 0 },
            outputs: tree.outputs() as u32,
        });
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
        if inputs.nrows() <= ABREAST {
            self.add(inputs, margins.as_slice_mut().expect("lies in order"))?;
            return Ok(margins);
        }
        margins
            .axis_chunks_iter_mut(Axis(0), BLOCK)
            .into_par_iter()
            .zip(inputs.axis_chunks_iter(Axis(0), BLOCK))
            .enumerate()
            .try_for_each(|(block, (mut margins, rows))| {
                let margins = margins.as_slice_mut().expect("lies in order");
                self.add(rows, margins)
                    .map_err(|error| error.in_later_row(block * BLOCK))
            })?;
        Ok(margins)
    }

    /// Adds all trees to the margins of some rows.
    fn add(&self, inputs: ArrayView2<'_, f32>, margins: &mut [f32]) -> Result<()> {
        table::check_not_infinite(inputs)?;
        let columns = inputs.ncols();
        let standard = inputs.as_standard_layout();
        let rows = standard.as_slice().expect("the standard layout is a slice");
        let rows = rows.chunks(ABREAST * columns);
        let margins = margins.chunks_mut(ABREAST * self.outputs);
        for (rows, margins) in rows.zip(margins) {
            for place in &self.trees {
                let mut at = [place.root as usize; ABREAST];
                let count = rows.len() / columns;
                if count == ABREAST {
                    let rows: [&[f32]; ABREAST] =
                        std::array::from_fn(|row| &rows[row * columns..][..columns]);
                    for _ in 0..place.depth {
                        for (at, row) in at.iter_mut().zip(&rows) {
                            *at = self.step(*at, row);
                        }
                    }
                } else {
                    for (at, row) in at.iter_mut().zip(rows.chunks(columns)) {
                        for _ in 0..place.depth {
                            *at = self.step(*at, row);
                        }
                    }
                }
                let outputs = place.outputs as usize;
                for (&at, margins) in at.iter().zip(margins.chunks_mut(self.outputs)) {
                    let values = &self.values[self.steps[at].values as usize..][..outputs];
                    let margins = &mut margins[place.output as usize..][..outputs];
                    for (margin, value) in margins.iter_mut().zip(values) {
                        *margin += value;
                    }
                }
            }
        }
        Ok(())
    }

    /// Goes one step down.
    #[inline(always)]
    fn step(&self, at: usize, row: &[f32]) -> usize {
        let step = self.steps[at];
        let value = row[(step.column & !MISSING_LEFT) as usize];
        let missing_right = value.is_nan() & (step.column & MISSING_LEFT == 0);
        let right = (value >= step.threshold) | missing_right;
        step.next as usize + usize::from(right)
    }
}
