//! Boosting: round after round, trees on the derivatives of the loss.

use chromex_core::observe::{Event, Observer};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use crate::boosted_trees::Ensemble;
use crate::forest::Forest;
use crate::intercept::median;
use crate::sampling::{Draws, Sampling};
use crate::tree::{BinnedColumns, Columns, Gradient, Grower, Growth, Histograms, Packed, Pair};
use crate::{BoostedTrees, Error, Loss, Result, Table};

/// Rows whose derivatives one thread finds at a time.
const CHUNK: usize = 1 << 13;

/// What is boosted, and how.
pub(crate) struct Training<'a> {
    pub(crate) loss: &'a dyn Loss,
    pub(crate) growth: Growth,
    pub(crate) sampling: Sampling,
    pub(crate) rounds: usize,
    /// Whether a tree serves all outputs.
    pub(crate) one_tree: bool,
    pub(crate) base_score: Option<f32>,
    /// Rounds without a better score on the validation rows after which boosting stops, and those rows.
    pub(crate) stopping: Option<(usize, Table<'a>)>,
    pub(crate) seed: u64,
    pub(crate) observer: &'a dyn Observer,
}

/// The rows that trees are grown on, apart from their inputs.
pub(crate) struct Labels<'a> {
    pub(crate) columns: usize,
    pub(crate) targets: ArrayView2<'a, f32>,
    pub(crate) weights: Option<&'a [f32]>,
}

impl Training<'_> {
    /// Boosts trees on bins.
    pub(crate) fn run_binned(
        &self,
        blocks: &[BinnedColumns],
        labels: &Labels<'_>,
    ) -> Result<BoostedTrees> {
        let ones = self.loss.second_derivatives_are_one() && labels.weights.is_none();
        if ones && Packed::counts_to(labels.targets.nrows()) {
            self.run(&Histograms::<Packed>::of(blocks), labels)
        } else {
            self.run(&Histograms::<Pair>::of(blocks), labels)
        }
    }

    /// Boosts trees on blocks of columns.
    pub(crate) fn run<B: Columns>(
        &self,
        blocks: &[B],
        labels: &Labels<'_>,
    ) -> Result<BoostedTrees> {
        let rows = labels.targets.nrows();
        let step = self.growth.penalty.max_delta_step as f32;
        let stepped = self.loss.with_max_delta_step(step);
        let loss = stepped.as_deref().unwrap_or(self.loss);
        let targets = labels.targets.as_standard_layout();
        let targets = targets.as_slice().expect("the standard layout is a slice");
        let outputs = loss.outputs(labels.targets.ncols());
        let base_scores = match self.base_score {
            Some(score) => vec![score; outputs],
            None => loss.base_scores(labels.targets, labels.weights),
        };
        let base: Vec<f32> = base_scores
            .iter()
            .map(|&score| loss.link().margin(score))
            .collect();
        if let Some(place) = base.iter().position(|margin| !margin.is_finite()) {
            let score = base_scores[place];
            return Err(Error::Setting {
                name: "base_score",
                expected: "a prediction that the objective can give",
                found: match self.base_score {
                    Some(_) => score.to_string(),
                    None => format!("{score}, estimated from the targets"),
                },
            });
        }
        let mut ensemble = Ensemble {
            columns: labels.columns,
            column_names: Vec::new(),
            objective: loss.name().into(),
            link: loss.link(),
            base_scores,
            trees: Vec::new(),
            outputs: Vec::new(),
            rounds: vec![0],
            best_round: None,
        };
        let mut margins = base.repeat(rows);
        let mut gradients = vec![[0.0; 2]; rows * outputs];
        let mut own = vec![[0.0; 2]; if self.one_tree { 0 } else { rows }];
        let trees_for = if self.one_tree { outputs } else { 1 };
        let mut grower = Grower::new(self.growth.clone(), blocks, rows, trees_for);
        let mut watch = self
            .stopping
            .as_ref()
            .map(|(patience, valid)| Watch::new(*patience, valid.reborrow(), &base));
        let task = "boosting";
        let steps = self.rounds as u64;
        self.observer.observe(&Event::Begin {
            task,
            steps,
            done: 0,
        });
        for round in 0..self.rounds {
            derive(loss, labels, targets, &margins, &mut gradients)?;
            let first = ensemble.trees.len();
            for output in 0..outputs / trees_for {
                let gradients: &[Gradient] = if outputs == trees_for {
                    &gradients
                } else {
                    let column = gradients.iter().skip(output).step_by(outputs);
                    own.iter_mut()
                        .zip(column)
                        .for_each(|(own, &gradient)| *own = gradient);
                    &own
                };
                let mut draws = Draws::new(
                    self.sampling,
                    labels.columns,
                    self.seed,
                    ensemble.trees.len(),
                );
                let taking_part = draws.rows(rows);
                let mut grown = grower.grow(gradients, taking_part, &mut draws);
                // XGBoost's exact method does not tell it which rows came to a leaf.
                if loss.leaves_are_medians() && !B::ORDERED {
                    let left_over = |row: u32, place: usize| {
                        let (row, output) = (row as usize, output + place);
                        let target = output.min(labels.targets.ncols() - 1);
                        targets[row * labels.targets.ncols() + target]
                            - margins[row * outputs + output]
                    };
                    for leaf in 0..grown.tree.leaves() {
                        let rows = grower.rows_of(&grown, leaf);
                        if rows.is_empty() {
                            // The sample of rows is empty.
                            continue;
                        }
                        let weights = labels.weights.map(|weights| {
                            rows.iter()
                                .map(|&row| weights[row as usize])
                                .collect::<Vec<_>>()
                        });
                        let values = (0..trees_for).map(|place| {
                            let values = rows.iter().map(|&row| left_over(row, place)).collect();
                            median(values, weights.clone()) * self.growth.eta
                        });
                        let values: Vec<f32> = values.collect();
                        grown.tree.set_leaf(leaf, &values);
                    }
                }
                for leaf in 0..grown.tree.leaves() {
                    let values = grown.tree.leaf(leaf);
                    for rows in [grower.rows_of(&grown, leaf), grower.idle_of(&grown, leaf)] {
                        for &row in rows {
                            let margins = &mut margins[row as usize * outputs + output..];
                            for (margin, value) in margins.iter_mut().zip(values) {
                                *margin += value;
                            }
                        }
                    }
                }
                ensemble.trees.push(grown.tree);
                ensemble.outputs.push(output as u32);
            }
            ensemble.rounds.push(ensemble.trees.len());
            let mut stop = false;
            let mut values = Vec::new();
            if let Some(watch) = &mut watch {
                let forest = Forest::new(
                    &ensemble.trees[first..],
                    &ensemble.outputs[first..],
                    outputs,
                );
                stop = watch.step(&forest, loss, round)?;
                values.push(("validation loss", watch.last));
            }
            self.observer.observe(&Event::Step {
                task,
                done: round as u64 + 1,
                values: &values,
            });
            if stop {
                break;
            }
        }
        self.observer.observe(&Event::End { task });
        if let Some(watch) = watch {
            // What came after the best round helped the training rows alone.
            ensemble.rounds.truncate(watch.best.0 + 2);
            let trees = ensemble.rounds[watch.best.0 + 1];
            ensemble.trees.truncate(trees);
            ensemble.outputs.truncate(trees);
            ensemble.best_round = Some(watch.best.0);
        }
        BoostedTrees::new(ensemble)
    }
}

/// Finds the derivatives of all rows.
fn derive(
    loss: &dyn Loss,
    labels: &Labels<'_>,
    targets: &[f32],
    margins: &[f32],
    gradients: &mut [Gradient],
) -> Result<()> {
    let columns = labels.targets.ncols();
    let outputs = gradients.len() / labels.targets.nrows();
    let none = Error::Overflow { what: "gradient" };
    gradients
        .par_chunks_mut(CHUNK * outputs)
        .zip(margins.par_chunks(CHUNK * outputs))
        .zip(targets.par_chunks(CHUNK * columns))
        .enumerate()
        .try_for_each(|(chunk, ((gradients, margins), targets))| {
            loss.derivatives_of_rows([outputs, columns], margins, targets, gradients);
            if let Some(weights) = labels.weights {
                let weights = &weights[chunk * CHUNK..];
                for (gradients, weight) in gradients.chunks_exact_mut(outputs).zip(weights) {
                    for gradient in gradients {
                        *gradient = gradient.map(|derivative| derivative * weight);
                    }
                }
            }
            let sound = |gradient: &Gradient| gradient[0].is_finite() & gradient[1].is_finite();
            if gradients.iter().all(sound) {
                Ok(())
            } else {
                Err(none.clone())
            }
        })
}

/// Watches the loss of validation rows.
struct Watch<'a> {
    patience: usize,
    valid: Table<'a>,
    margins: Array2<f32>,
    /// The round of the least loss so far, and that loss.
    best: (usize, f64),
    last: f64,
}

impl<'a> Watch<'a> {
    fn new(patience: usize, valid: Table<'a>, base: &[f32]) -> Self {
        let rows = valid.inputs.nrows();
        Self {
            patience,
            valid,
            margins: Array2::from_shape_fn((rows, base.len()), |(_, output)| base[output]),
            best: (0, f64::INFINITY),
            last: f64::INFINITY,
        }
    }

    /// Adds the trees of a round; tells whether to stop.
    fn step(&mut self, forest: &Forest, loss: &dyn Loss, round: usize) -> Result<bool> {
        let none = vec![0.0; self.margins.ncols()];
        self.margins += &forest.margins(self.valid.inputs, &none)?;
        let (mut sum, mut total) = (0.0, 0.0);
        for (row, margins) in self.margins.rows().into_iter().enumerate() {
            let weight = self
                .valid
                .weights
                .map_or(1.0, |weights| f64::from(weights[row]));
            let targets = self.valid.targets.row(row).to_vec();
            let margins = margins.as_slice().expect("a new table lies in order");
            sum += weight * loss.loss(margins, &targets);
            total += weight;
        }
        self.last = sum / total;
        if self.last < self.best.1 {
            self.best = (round, self.last);
        }
        Ok(round - self.best.0 >= self.patience)
    }
}
