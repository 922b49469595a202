use std::fs;
use std::path::Path;

use chromex_core::random::generator;
use chromex_core::{CellPair, Dataset, FileName, Keys, MarkWindows, Rows, Targets};
use ndarray::{Array2, Array3};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use super::SimulatedPair;
use super::profile::{counts, over_dispersed};
use super::truth::{PlantedEffect, PlantedTruth, attainable};
use crate::deepdiff::{DeepDiffLayout, DeepDiffPair, PARTS, WindowTable, target, write_windows};
use crate::genes::Strand;
use crate::{ExpressionTable, Result, write_expression};

/// Ln reads beyond which expression does not grow: the most that a real gene has.
const MOST_LN_READS: f64 = 15.0;

/// Ln fold change beyond which nothing grows, so that no setting overflows.
const MOST_LN_CHANGE: f64 = 50.0;

/// Reads of a gene's transcripts beyond which no depth adds any.
const MOST_EXPRESSED: f64 = 1e12;

/// Two simulated cells and what was planted in them.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// Marks, labels and keys; the groups are `gene`, `part` and `chromosome`.
    pub dataset: Dataset<CellPair>,
    /// What drives expression, and how well it could be predicted.
    pub truth: PlantedTruth,
    /// The expression of the first and the second cell.
    pub expression: [ExpressionTable; 2],
    pub(super) cells: [String; 2],
}

/// What a gene is before any read of it is drawn, per cell.
struct Gene {
    strand: Strand,
    chromosome: usize,
    /// How far a gene is silenced, from 0 to 1.
    silenced: [f64; 2],
    /// Activity of each domain.
    activity: Vec<[f64; 2]>,
    /// Deviation of each mark's ln background.
    background: Vec<[f64; 2]>,
    /// Deviation of ln expression that no mark tells of.
    noise: [f64; 2],
}

impl SimulatedPair {
    /// Draws two cells. The same seed draws the same cells.
    ///
    /// # Errors
    ///
    /// [`Error::Core`](crate::Error::Core) when a setting is out of range.
    pub fn draw(&self, seed: u64) -> Result<Simulation> {
        self.check()?;
        let mut random = generator(seed, "simulated genes");
        let genes: Vec<Gene> = (0..self.genes).map(|_| self.gene(&mut random)).collect();
        let ids: Vec<String> = (1..=self.genes)
            .map(|gene| format!("SIMG{gene:011}"))
            .collect();

        let expression = [
            self.expression(&genes, 0, seed),
            self.expression(&genes, 1, seed),
        ];
        let ratio = |first: &[f64], second: &[f64]| -> Vec<f64> {
            let pairs = first.iter().zip(second);
            pairs
                .map(|(&first, &second)| self.transform.apply(first, second))
                .collect()
        };
        let label = ratio(&expression[0], &expression[1]);
        let explained = ratio(&self.explained(&genes, 0), &self.explained(&genes, 1));

        let values = label.iter().map(|&value| value as f32).collect();
        let values = Array2::from_shape_vec((self.genes, 1), values).expect("a label per gene");
        let column = target(&self.cells[0], &self.cells[1], self.transform);
        let inputs = CellPair::new(
            self.windows(&genes, 0, seed)?,
            self.windows(&genes, 1, seed)?,
        )?;
        let dataset = Dataset::new(
            inputs,
            Targets::new(values, vec![column])?,
            keys(&genes, &ids)?,
        )?;
        let [first, second] = expression;
        Ok(Simulation {
            truth: self.truth(&genes, &label, &explained),
            expression: [
                ExpressionTable::new(ids.clone(), first)?,
                ExpressionTable::new(ids, second)?,
            ],
            cells: self.cells.clone(),
            dataset,
        })
    }

    fn gene(&self, random: &mut impl Rng) -> Gene {
        let strand = if random.random() {
            Strand::Plus
        } else {
            Strand::Minus
        };
        let chromosome = random.random_range(1..=self.chromosomes);
        let silenced = if random.random_bool(self.switched_fraction) {
            let depth = random.random();
            if random.random() {
                [depth, 0.0]
            } else {
                [0.0, depth]
            }
        } else {
            [f64::from(u8::from(random.random_bool(self.silent_fraction))); 2]
        };
        let activity = self.domains.iter().map(|domain| {
            let own = self.similar(random);
            // Silence lowers what raises expression and raises what lowers it.
            let direction = if domain.strength == 0.0 {
                0.0
            } else {
                domain.strength.signum()
            };
            [0, 1]
                .map(|cell| domain.spread * own[cell] - direction * self.silencing * silenced[cell])
        });
        Gene {
            strand,
            chromosome,
            silenced,
            activity: activity.collect(),
            background: self
                .marks
                .iter()
                .map(|mark| self.similar(random).map(|z| mark.spread * z))
                .collect(),
            noise: self.similar(random).map(|z| self.noise * z),
        }
    }

    /// Draws a standard normal deviate per cell, correlated as the cells are similar.
    fn similar(&self, random: &mut impl Rng) -> [f64; 2] {
        let mut normal = || -> f64 { StandardNormal.sample(random) };
        let shared = self.similarity.sqrt() * normal();
        let own = (1.0 - self.similarity).sqrt();
        [shared + own * normal(), shared + own * normal()]
    }

    /// Gives the expression that the activities alone make.
    fn explained(&self, genes: &[Gene], cell: usize) -> Vec<f64> {
        let ln = |gene: &Gene| self.baseline + self.driven(gene, cell);
        genes
            .iter()
            .map(|gene| self.reads(ln(gene), cell))
            .collect()
    }

    fn expression(&self, genes: &[Gene], cell: usize, seed: u64) -> Vec<f64> {
        let mut random = generator(seed, &format!("simulated expression of cell {cell}"));
        let draw = |gene: &Gene| {
            let ln = self.baseline + self.driven(gene, cell) + gene.noise[cell];
            over_dispersed(
                self.reads(ln, cell),
                self.expression_dispersion,
                &mut random,
            )
        };
        genes.iter().map(draw).collect()
    }

    /// Sums what the domains do to ln expression.
    fn driven(&self, gene: &Gene, cell: usize) -> f64 {
        let activity = self.domains.iter().zip(&gene.activity);
        activity
            .map(|(domain, activity)| domain.strength * activity[cell])
            .sum()
    }

    fn reads(&self, ln: f64, cell: usize) -> f64 {
        (ln.min(MOST_LN_READS).exp() * self.expression_depth[cell]).min(MOST_EXPRESSED)
    }

    fn windows(&self, genes: &[Gene], cell: usize, seed: u64) -> Result<MarkWindows> {
        let mut random = generator(seed, &format!("simulated marks of cell {cell}"));
        let mut signal = Array3::zeros((self.genes, self.bins, self.marks.len()));
        let mut means = vec![0.0; self.bins];
        for (row, gene) in genes.iter().enumerate() {
            for (column, mark) in self.marks.iter().enumerate() {
                self.means(gene, cell, column, &mut means);
                let drawn = counts(&means, mark.dispersion, &mut random);
                for (bin, count) in drawn.enumerate() {
                    signal[[row, bin, column]] = count;
                }
            }
        }
        let marks = self.marks.iter().map(|mark| mark.name.clone()).collect();
        Ok(MarkWindows::new(signal, marks, self.bin_width_bp)?)
    }

    /// Fills in the mean reads of a gene's bins, in the order of the genome.
    fn means(&self, gene: &Gene, cell: usize, column: usize, means: &mut [f64]) {
        let mark = &self.marks[column];
        let background = mark.background * grown(gene.background[column][cell]);
        for (bin, mean) in means.iter_mut().enumerate() {
            let transcribed = match gene.strand {
                Strand::Plus => bin,
                Strand::Minus => self.bins - 1 - bin,
            };
            let domains = self.domains.iter().zip(&gene.activity);
            let domains = domains.filter(|(domain, _)| domain.mark == mark.name);
            let reads: f64 = domains
                .map(|(domain, activity)| {
                    domain.reads * domain.height(transcribed, self.bins) * grown(activity[cell])
                })
                .sum();
            *mean = self.mark_depth[cell] * mark.kept(bin, self.bins) * (background + reads);
        }
    }

    fn truth(&self, genes: &[Gene], label: &[f64], explained: &[f64]) -> PlantedTruth {
        let planted: Vec<usize> = (0..self.domains.len())
            .filter(|&domain| self.domains[domain].strength != 0.0)
            .collect();
        let activity = |cell: usize| {
            Array2::from_shape_fn((genes.len(), planted.len()), |(gene, effect)| {
                genes[gene].activity[planted[effect]][cell]
            })
        };
        let effect = |&domain: &usize| PlantedEffect {
            mark: self.domains[domain].mark.clone(),
            bins: self.domains[domain].bins.clone(),
            strength: self.domains[domain].strength,
        };
        let (attainable_pearson, explained_variance) = attainable(label, explained);
        PlantedTruth {
            effects: planted.iter().map(effect).collect(),
            activity: [activity(0), activity(1)],
            strands: genes.iter().map(|gene| gene.strand).collect(),
            switched: genes
                .iter()
                .map(|gene| gene.silenced[0] != gene.silenced[1])
                .collect(),
            attainable_pearson,
            explained_variance,
        }
    }
}

impl Simulation {
    /// Writes the tables of DeepDiff into a folder, and tells how to read them. What is read back equals
    /// the dataset but for the chromosomes, which the layout has no place for.
    ///
    /// # Errors
    ///
    /// [`Error::Core`](crate::Error::Core) when the folder or a file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// let simulation = chromex_io::simulate::SimulatedPair { genes: 6, ..Default::default() }.draw(7)?;
    /// let data = simulation.write(folder.path())?.load()?;
    /// assert_eq!(data.inputs, simulation.dataset.inputs);
    /// # Ok::<(), chromex_io::Error>(())
    /// ```
    pub fn write(&self, folder: &Path) -> Result<DeepDiffPair> {
        fs::create_dir_all(folder)
            .map_err(|source| chromex_core::Error::io("create", folder, source))?;
        let keys = &self.dataset.keys;
        let part = keys.group("part")?;
        let windows = [self.dataset.inputs.first(), self.dataset.inputs.second()];
        for (cell, name) in self.cells.iter().enumerate() {
            for label in PARTS {
                let rows: Vec<usize> = (0..keys.len())
                    .filter(|&row| part.label(row) == label)
                    .collect();
                let table = WindowTable::new(
                    rows.iter().map(|&row| keys.ids()[row].clone()).collect(),
                    rows.iter().map(|&row| format!("SIM{}", row + 1)).collect(),
                    windows[cell].select(&rows),
                );
                let file = FileName::exactly(name)?.ending(label).ending("csv");
                write_windows(&folder.join(file), &table)?;
            }
            let path = folder.join(FileName::exactly(name)?.ending("expr.csv"));
            write_expression(&path, &self.expression[cell])?;
        }
        let mut pair = DeepDiffPair::new(folder, &self.cells[0], &self.cells[1]);
        pair.transform = self.dataset.targets.columns[0].transform;
        pair.layout = DeepDiffLayout {
            marks: windows[0].marks().to_vec(),
            bins: windows[0].bins(),
            bin_width_bp: windows[0].bin_width_bp(),
        };
        Ok(pair)
    }
}

fn grown(ln_change: f64) -> f64 {
    ln_change.min(MOST_LN_CHANGE).exp()
}

fn keys(genes: &[Gene], ids: &[String]) -> Result<Keys> {
    let part: Vec<&str> = (0..genes.len())
        .map(|row| PARTS[row * 3 / genes.len()])
        .collect();
    let chromosomes: Vec<String> = genes
        .iter()
        .map(|gene| format!("chr{}", gene.chromosome))
        .collect();
    Ok(Keys::new(ids.to_vec())?
        .with_group("gene", ids)?
        .with_group("part", &part)?
        .with_group("chromosome", &chromosomes)?)
}
