//! Shapley values against background rows.

use ndarray::{Array3, ArrayView2, Axis};
use rayon::prelude::*;

use super::TreeShap;
use crate::tree::{Node, Tree, goes_left};
use crate::{Error, Result, table};

/// Where the values of a column come from on a way that a row and a background row part on.
#[derive(Clone, Copy, PartialEq)]
enum From {
    /// Both go the same way so far.
    Either,
    Row,
    Background,
}

/// What is left to do on a walk, the next thing last.
enum Todo {
    Visit(u32),
    /// Goes on with a column's values from here.
    Take(usize, From, u32),
    Forget(usize),
}

impl TreeShap<'_> {
    /// Divides the margins of every row among the columns, with what is not known of a row taken from background rows
    /// (interventional TreeSHAP).
    ///
    /// A column that the trees do not depend on contributes nothing, even if it goes along with one that they do. Time
    /// grows with the number of background rows: a hundred typical ones usually do.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `background` `[background rows, columns]`; returns `[rows, outputs, columns + 1]`,
    /// the last of which is the background's average margin. The numbers of a row and output add up to its margin.
    ///
    /// # Errors
    ///
    /// As [`contributions`](Self::contributions); [`Error::Empty`] when there are no background rows.
    pub fn contributions_against(
        &self,
        inputs: ArrayView2<'_, f32>,
        background: ArrayView2<'_, f32>,
    ) -> Result<Array3<f32>> {
        let columns = self.model.columns();
        table::check_columns(inputs, columns)?;
        table::check_columns(background, columns)?;
        if background.nrows() == 0 {
            return Err(Error::Empty {
                part: "background",
                what: "rows",
            });
        }
        self.check_result(inputs.nrows(), columns + 1)?;
        table::check_not_infinite(inputs)?;
        let margins = self.model.predict_margins(background)?;
        let average = margins.mapv(f64::from).mean_axis(Axis(0));
        let average = average.expect("there are background rows");
        let (outputs, slots) = (self.model.outputs(), self.columns.len());
        let background = self.used(background);
        let mut result = Array3::zeros((inputs.nrows(), outputs, columns + 1));
        result
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(inputs.axis_iter(Axis(0)))
            .for_each(|(mut result, row)| {
                let row = self.used(row.insert_axis(Axis(0)));
                let sums = self.against(&row, &background);
                for (output, mut result) in result.rows_mut().into_iter().enumerate() {
                    for (slot, &column) in self.columns.iter().enumerate() {
                        result[column] = sums[output * slots + slot] as f32;
                    }
                    result[columns] = average[output] as f32;
                }
            });
        Ok(result)
    }

    /// The columns in use of every row.
    pub(super) fn used(&self, rows: ArrayView2<'_, f32>) -> Vec<f32> {
        let rows = rows.rows().into_iter();
        rows.flat_map(|row| self.columns.iter().map(move |&column| row[column]))
            .collect()
    }

    /// Gives for each output what each column in use contributes, on average over the background.
    pub(super) fn against(&self, row: &[f32], background: &[f32]) -> Vec<f64> {
        let slots = self.columns.len();
        let mut sums = vec![0.0; self.model.outputs() * slots];
        if slots == 0 {
            return sums;
        }
        let mut way = Way {
            explain: self,
            row,
            from: vec![From::Either; slots],
            parted: Vec::new(),
            todo: Vec::new(),
        };
        for (tree, output) in self.model.used_trees() {
            let sums = &mut sums[if tree.outputs() == 1 {
                output * slots
            } else {
                0
            }..];
            for background in background.chunks(slots) {
                way.walk(tree, background, sums);
            }
        }
        let rows = (background.len() / slots) as f64;
        sums.iter_mut().for_each(|sum| *sum /= rows);
        sums
    }
}

/// A walk to all leaves that mixtures of two rows come to.
struct Way<'a> {
    explain: &'a TreeShap<'a>,
    row: &'a [f32],
    from: Vec<From>,
    /// Columns that come from one of the rows only.
    parted: Vec<usize>,
    todo: Vec<Todo>,
}

impl Way<'_> {
    fn walk(&mut self, tree: &Tree, background: &[f32], sums: &mut [f64]) {
        self.todo.push(Todo::Visit(0));
        while let Some(next) = self.todo.pop() {
            let at = match next {
                Todo::Visit(at) => at,
                Todo::Take(slot, from, at) => {
                    self.from[slot] = from;
                    self.parted.push(slot);
                    self.todo.push(Todo::Forget(slot));
                    at
                }
                Todo::Forget(slot) => {
                    self.from[slot] = From::Either;
                    self.parted.pop();
                    continue;
                }
            };
            match tree.nodes()[at as usize] {
                Node::Leaf { leaf, .. } => self.add(tree.leaf(leaf), sums),
                Node::Split {
                    column,
                    threshold,
                    missing_left,
                    left,
                    right,
                    ..
                } => {
                    let slot = self.explain.columns.binary_search(&(column as usize));
                    let slot = slot.expect("columns of splits are in use");
                    let child =
                        |values: &[f32]| match goes_left(values[slot], threshold, missing_left) {
                            true => left,
                            false => right,
                        };
                    let (of_row, of_background) = (child(self.row), child(background));
                    match self.from[slot] {
                        From::Row => self.todo.push(Todo::Visit(of_row)),
                        From::Background => self.todo.push(Todo::Visit(of_background)),
                        From::Either if of_row == of_background => {
                            self.todo.push(Todo::Visit(of_row));
                        }
                        From::Either => self.todo.extend([
                            Todo::Take(slot, From::Background, of_background),
                            Todo::Take(slot, From::Row, of_row),
                        ]),
                    }
                }
            }
        }
    }

    /// Adds a leaf: who decides that a row comes there shares what it adds, who decides that it does not loses it.
    fn add(&self, values: &[f32], sums: &mut [f64]) {
        let of_row = |slot: &&usize| self.from[**slot] == From::Row;
        let with = self.parted.iter().filter(of_row).count();
        let against = self.parted.len() - with;
        let (gain, loss) = (share(with, against), share(against, with));
        for &slot in &self.parted {
            let weight = match self.from[slot] {
                From::Row => gain,
                _ => -loss,
            };
            for (output, &value) in values.iter().enumerate() {
                sums[output * self.explain.columns.len() + slot] += weight * f64::from(value);
            }
        }
    }
}

/// Gives the share of orders of all players in which one of `with` comes after the others of `with` and before all
/// `against`: 1 / (players x (players - 1 over against)).
fn share(with: usize, against: usize) -> f64 {
    if with == 0 {
        return 0.0;
    }
    let players = with + against;
    let fewer = against.min(with - 1);
    let orders = (0..fewer).fold(1.0, |orders, place| {
        orders * (players - 1 - place) as f64 / (place + 1) as f64
    });
    1.0 / (players as f64 * orders)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::sample::{self, Draw};
    use crate::explain::shapley::{by_definition, drawn};
    use ndarray::Array2;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn contributions_against_a_background_are_the_shapley_values_of_all_subsets(
            seed: u64, columns in 1_usize..6, splits in 1_usize..24
        ) {
            let (model, inputs) = drawn(seed, columns, splits);
            let mut draw = Draw(seed ^ 1);
            let background = Array2::from_shape_simple_fn((3, columns), || draw.value());
            let explain = model.explain();
            let leaf_sums = |row: &[f32], output: usize| -> f64 {
                let trees = model.used_trees().map(|(tree, of)| {
                    let mut at = 0;
                    loop {
                        match tree.nodes()[at as usize] {
                            Node::Leaf { leaf, .. } if tree.outputs() > 1 => {
                                return f64::from(tree.leaf(leaf)[output]);
                            }
                            Node::Leaf { leaf, .. } => {
                                return f64::from(tree.leaf(leaf)[0]) * f64::from(u8::from(of == output));
                            }
                            Node::Split { column, threshold, missing_left, left, right, .. } => {
                                let goes_left = goes_left(row[column as usize], threshold, missing_left);
                                at = if goes_left { left } else { right };
                            }
                        }
                    }
                });
                trees.sum()
            };
            for row in inputs.rows() {
                let used = explain.used(row.insert_axis(Axis(0)));
                let found = explain.against(&used, &explain.used(background.view()));
                for output in 0..2 {
                    let game = |known: usize| {
                        let sums = background.rows().into_iter().map(|other| {
                            let mixed: Vec<f32> = (0..columns)
                                .map(|column| if known >> column & 1 == 1 { row[column] } else { other[column] })
                                .collect();
                            leaf_sums(&mixed, output)
                        });
                        sums.sum::<f64>() / 3.0
                    };
                    let expected = by_definition(columns, &game);
                    for (slot, &column) in explain.columns().iter().enumerate() {
                        let found = found[output * explain.columns().len() + slot];
                        prop_assert!((found - expected[column]).abs() < 1e-9);
                    }
                }
            }
            let sums = explain.contributions_against(inputs.view(), background.view()).unwrap();
            let margins = model.predict_margins(inputs.view()).unwrap();
            for (sum, margin) in sums.sum_axis(Axis(2)).iter().zip(&margins) {
                prop_assert!((sum - margin).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn a_background_must_have_rows_and_the_models_columns() {
        let (model, inputs) = drawn(1, 3, 5);
        let explain = model.explain();
        let against = |background: Array2<f32>| {
            let result = explain.contributions_against(inputs.view(), background.view());
            result.unwrap_err().to_string()
        };
        assert_eq!(
            against(Array2::zeros((0, 3))),
            "the background table has no rows"
        );
        assert!(against(Array2::zeros((2, 4))).contains("the rows have 4 columns"));
        assert!(against(Array2::from_elem((1, 3), f32::INFINITY)).contains("found inf"));
    }

    #[test]
    fn a_chain_of_ten_thousand_splits_is_explained_against_a_background() {
        let tree = sample::chain(10_000, |split| split as u32);
        let model = sample::model(10_000, &[0.0], vec![(tree, 0)]);
        let row = Array2::from_elem((1, 10_000), 0.7);
        let background = Array2::from_elem((1, 10_000), 0.2);
        let explain = model.explain();
        let found = explain
            .contributions_against(row.view(), background.view())
            .unwrap();
        let margin = model.predict_margins(row.view()).unwrap()[[0, 0]];
        assert!((found.mapv(f64::from).sum() - f64::from(margin)).abs() < 1e-4);
    }
}
