//! The windows of one cell that the examples of histone networks read, and what their interpretations are checked against.

#![allow(dead_code, reason = "each example uses a part")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chromex::baselines::interpretation::{gradient_times_input, occlusion, planted_fraction};
use chromex::baselines::{SignalNetwork, save_network};
use chromex::core::{
    Dataset, Experiment, FileName, GivenSplit, Keys, MarkLayout, MarkWindows, Rows, Split, Target,
    Targets, Transform,
};
use chromex::io::TabRows;
use chromex::io::deepchrome::{DeepChromeLayout, DeepChromeTable, read_deepchrome};
use chromex::io::simulate::SimulatedPair;
use chromex::io::table_marks::{TableMarks, order_notes};
use chromex::metrics::{AreaUnderRoc, MeanSquaredError, Pearson, Spearman};
use chromex::nn::{
    Architecture, Checkpoints, Device, Length, Network, Precision, Recipe, Trained, Trainer,
};
use chromex::report::plots::{self, Columns};
use ndarray::{Array2, Array3, Axis, s};

use super::support::comma_text;
use super::{Anything, Options, Run};

/// Places of the maps whose plan is looked at.
const TOP: usize = 20;
/// Genes that maps are averaged over.
const EXPLAINED: usize = 200;

/// One cell's genes, split by the group `part`.
pub(crate) struct Cell {
    pub(crate) dataset: Dataset<MarkWindows>,
    /// Where the simulator planted what drives expression, `[genes, bins, marks]`.
    pub(crate) planted: Option<Array3<bool>>,
}

/// Draws one cell: the middle 100 bins of a simulated one, and whether a gene is expressed at or above the median, or ln(1 +
/// reads).
pub(crate) fn simulated(genes: usize, regression: bool, seed: u64) -> Result<Cell, Anything> {
    let simulation = SimulatedPair {
        genes,
        ..SimulatedPair::default()
    }
    .draw(seed)?;
    let whole = simulation.dataset.inputs.first();
    let (bins, middle) = (whole.bins(), 50..150);
    let signal = whole.signal().slice(s![.., middle.clone(), ..]).to_owned();
    let marks = whole.marks().to_vec();
    let planted = Array3::from_shape_fn(signal.dim(), |(gene, bin, mark)| {
        let bin = bin + middle.start;
        simulation.truth.drives(gene, &marks[mark], bin, bins)
    });
    let keys = simulation.dataset.keys.clone();
    let table = &simulation.expression[0];
    let reads: Vec<f64> = keys
        .ids()
        .iter()
        .map(|id| table.get(id).unwrap_or(0.0))
        .collect();
    let windows = MarkWindows::new(signal, marks, whole.bin_width_bp())?;
    let targets = labels(&reads, "reads", regression)?;
    Ok(Cell {
        dataset: Dataset::new(windows, targets, keys)?,
        planted: Some(planted),
    })
}

/// Reads a cell: `train.csv`, `valid.csv` and `test.csv` in DeepChrome's layout, or the human cell line X1 with its chromosomes.
pub(crate) fn read(folder: &Path, regression: bool, run: &mut Run) -> Result<Cell, Anything> {
    let layout = DeepChromeLayout::default();
    let inner = folder.join("ml4g_marks_cage");
    let inner = if inner.is_dir() {
        inner
    } else {
        folder.to_owned()
    };
    let whole = inner.join("derived/X1.deepchrome.csv.zst");
    if whole.is_file() {
        note_order(std::slice::from_ref(&whole), &layout, run)?;
        return by_chromosome(
            &inner,
            read_deepchrome(&whole, &layout)?,
            &whole,
            regression,
            run,
        );
    }
    if regression {
        return Err(
            "--target expression needs a quantity, and DeepChrome's tables have classes".into(),
        );
    }
    let mut parts: Vec<(&str, DeepChromeTable)> = Vec::new();
    let mut tables = Vec::new();
    for part in ["train", "valid", "test"] {
        let path = part_table(folder, part)?;
        parts.push((part, read_deepchrome(&path, &layout)?));
        run.add_input(&path)?;
        tables.push(path);
    }
    note_order(&tables, &layout, run)?;
    let ids: Vec<String> = parts
        .iter()
        .flat_map(|(part, table)| table.ids.iter().map(move |id| format!("{part}:{id}")))
        .collect();
    let part: Vec<&str> = parts
        .iter()
        .flat_map(|(part, t)| vec![*part; t.ids.len()])
        .collect();
    let values: Vec<f32> = parts
        .iter()
        .flat_map(|(_, table)| table.labels.clone())
        .collect();
    let signals: Vec<_> = parts
        .iter()
        .map(|(_, table)| table.windows.signal().view())
        .collect();
    let signal = ndarray::concatenate(Axis(0), &signals)?;
    let windows = MarkWindows::new(signal, layout.marks.clone(), layout.bin_width_bp)?;
    let keys = Keys::new(ids.clone())?
        .with_group("gene", &ids)?
        .with_group("part", &part)?;
    let values = Array2::from_shape_vec((values.len(), 1), values)?;
    let targets = Targets::new(values, vec![class()])?;
    Ok(Cell {
        dataset: Dataset::new(windows, targets, keys)?,
        planted: None,
    })
}

/// Says how it is known which column of tables is which mark, and records the side files that say so.
fn note_order(
    tables: &[PathBuf],
    layout: &DeepChromeLayout,
    run: &mut Run,
) -> Result<(), Anything> {
    for table in tables {
        let side = TableMarks::path_of(table);
        if side.is_file() {
            run.add_input(&side)?;
        }
    }
    for note in order_notes(tables, &layout.marks_and_bins())? {
        run.note(&note);
    }
    Ok(())
}

/// Finds the table of a part, packed or not.
fn part_table(folder: &Path, part: &str) -> Result<PathBuf, Anything> {
    let mut places = ["csv", "csv.gz", "csv.zst"]
        .into_iter()
        .map(|ending| folder.join(format!("{part}.{ending}")));
    let found = places.find(|path| path.is_file());
    found.ok_or_else(|| {
        let kind = match folder.is_file() {
            true => " is a file where a folder is needed",
            false => "",
        };
        format!(
            "{}{kind}: no file `{part}.csv`, `{part}.csv.gz` or `{part}.csv.zst`; --data names the folder that holds them",
            folder.display()
        )
        .into()
    })
}

/// Tests on chromosomes 14 and 19, chooses on 10 and 20, trains on the rest.
fn by_chromosome(
    folder: &Path,
    table: DeepChromeTable,
    path: &Path,
    regression: bool,
    run: &mut Run,
) -> Result<Cell, Anything> {
    run.add_input(path)?;
    let mut genes: HashMap<String, (String, f64)> = HashMap::new();
    for name in ["train", "val"] {
        let mut chromosomes = HashMap::new();
        let info = folder.join(format!("X1_{name}_info.tsv"));
        let y = folder.join(format!("X1_{name}_y.tsv"));
        for (gene, chromosome) in second_columns(&info, |lines| Ok(lines.text(1)?.to_owned()))? {
            chromosomes.insert(gene, chromosome);
        }
        for (gene, level) in second_columns(&y, |lines| lines.number(1))? {
            if let Some(chromosome) = chromosomes.remove(&gene) {
                genes.insert(gene, (chromosome, level));
            }
        }
        run.add_input(&info)?;
        run.add_input(&y)?;
    }
    let rows: Vec<usize> = (0..table.ids.len())
        .filter(|&row| genes.contains_key(&table.ids[row]))
        .collect();
    if rows.len() < table.ids.len() {
        run.note(&format!(
            "{} of {} genes have expression.",
            rows.len(),
            table.ids.len()
        ));
    }
    let ids: Vec<String> = rows.iter().map(|&row| table.ids[row].clone()).collect();
    let chromosomes: Vec<&str> = ids.iter().map(|id| genes[id].0.as_str()).collect();
    let part: Vec<&str> = chromosomes
        .iter()
        .map(|chromosome| match *chromosome {
            "chr14" | "chr19" => "test",
            "chr10" | "chr20" => "valid",
            _ => "train",
        })
        .collect();
    let targets = if regression {
        let quantity: Vec<f64> = ids.iter().map(|id| genes[id].1).collect();
        labels(&quantity, "CAGE reads", true)?
    } else {
        let classes: Vec<f32> = rows.iter().map(|&row| table.labels[row]).collect();
        Targets::new(
            Array2::from_shape_vec((classes.len(), 1), classes)?,
            vec![class()],
        )?
    };
    let keys = Keys::new(ids.clone())?
        .with_group("gene", &ids)?
        .with_group("chromosome", &chromosomes)?
        .with_group("part", &part)?;
    Ok(Cell {
        dataset: Dataset::new(table.windows.select(&rows), targets, keys)?,
        planted: None,
    })
}

/// Reads the genes of a table and what stands behind each.
fn second_columns<T>(
    path: &Path,
    read: impl Fn(&TabRows) -> chromex::io::Result<T>,
) -> Result<Vec<(String, T)>, Anything> {
    let mut lines = TabRows::open(path)?;
    // The header.
    lines.advance()?;
    let mut all = Vec::new();
    while lines.advance()? {
        all.push((lines.text(0)?.to_owned(), read(&lines)?));
    }
    Ok(all)
}

fn class() -> Target {
    Target {
        name: "expressed".into(),
        unit: "class".into(),
        transform: Transform::Identity,
    }
}

fn labels(quantity: &[f64], unit: &str, regression: bool) -> Result<Targets, Anything> {
    let transform = if regression {
        Transform::NaturalLog { offset: 1.0 }
    } else {
        let mut sorted = quantity.to_vec();
        sorted.sort_by(f64::total_cmp);
        Transform::AtLeast {
            threshold: sorted[sorted.len() / 2],
        }
    };
    let values = quantity
        .iter()
        .map(|&reads| transform.apply(reads, 0.0) as f32)
        .collect();
    let column = Target {
        name: if regression {
            "expression"
        } else {
            "expressed"
        }
        .into(),
        unit: unit.to_owned(),
        transform,
    };
    Ok(Targets::new(
        Array2::from_shape_vec((quantity.len(), 1), values)?,
        vec![column],
    )?)
}

/// Adds the scores of a classifier or of a regression.
pub(crate) fn scored<X: Rows + 'static>(
    experiment: Experiment<X>,
    regression: bool,
) -> Experiment<X> {
    if regression {
        experiment
            .metric(Pearson)
            .metric(Spearman)
            .metric(MeanSquaredError)
    } else {
        experiment.metric(AreaUnderRoc).metric(Pearson)
    }
}

/// What the trainings of one run have in common.
pub(crate) struct Training {
    pub(crate) device: Device,
    precision: Precision,
    pub(crate) run: Option<(Arc<dyn chromex::core::observe::Observer>, Checkpoints)>,
    /// How long trainings are; none keeps the published length.
    pub(crate) epochs: Option<u64>,
}

impl Training {
    /// Trains without a run, to list models.
    pub(crate) fn bare(options: &Options) -> Result<Self, Anything> {
        Ok(Self {
            device: options.device()?,
            precision: options.precision(),
            run: None,
            epochs: None,
        })
    }

    /// Tells progress to the run and saves training into its folder. Simulated cells train for `simulated` epochs, which shows
    /// how it runs, in minutes; `--quick` for one.
    pub(crate) fn of_run(
        options: &Options,
        run: &Run,
        epochs: Option<u64>,
        simulated: u64,
    ) -> Result<Self, Anything> {
        let mut checkpoints = run.checkpoints()?;
        checkpoints.every_steps = 500;
        Ok(Self {
            device: options.device()?,
            precision: options.precision(),
            run: Some((run.observer(), checkpoints)),
            epochs: match (options.quick, &options.data) {
                (true, _) => Some(1),
                (_, None) => Some(epochs.unwrap_or(simulated)),
                (_, Some(_)) => epochs,
            },
        })
    }

    /// Makes a trainer of this run.
    pub(crate) fn trainer<A>(&self, name: &str, architecture: A, recipe: Recipe) -> Trainer<A> {
        let trainer = Trainer::new(architecture, self.recipe(recipe)).device(&self.device);
        match &self.run {
            None => trainer,
            Some((observer, checkpoints)) => trainer
                .observe(&format!("train {name}"), Arc::clone(observer))
                .checkpoints(checkpoints.clone()),
        }
    }

    /// Gives a recipe this run's length and precision.
    pub(crate) fn recipe(&self, mut recipe: Recipe) -> Recipe {
        recipe.precision = self.precision;
        if let Some(epochs) = self.epochs {
            recipe.length = Length::Epochs(epochs);
        }
        recipe
    }
}

/// The fit of seed 0, the genes it was tested on and their plan.
pub(crate) struct FirstFit<N> {
    pub(crate) trained: Trained<N>,
    pub(crate) tested: Dataset<MarkWindows>,
    pub(crate) planted: Option<Array3<bool>>,
}

/// Trains with seed 0, or takes what its checkpoint has.
pub(crate) fn first_fit<A: Architecture<MarkWindows>>(
    cell: &Cell,
    trainer: &Trainer<A>,
) -> Result<FirstFit<A::Network>, Anything> {
    let fold = GivenSplit::default()
        .folds(&cell.dataset.keys, 0)?
        .remove(0);
    let train = cell.dataset.select(&fold.train);
    let valid = cell.dataset.select(&fold.valid);
    let tested = &fold.test[..fold.test.len().min(EXPLAINED)];
    Ok(FirstFit {
        trained: trainer.train(&train, &valid, 0)?,
        tested: cell.dataset.select(tested),
        planted: cell
            .planted
            .as_ref()
            .map(|planted| planted.select(Axis(0), tested)),
    })
}

/// Writes weights, maps by gradient and by occlusion, their pictures, and how much of the plan each finds.
pub(crate) fn explain<N: SignalNetwork + Network<MarkWindows>>(
    run: &Run,
    name: &str,
    fit: &FirstFit<N>,
    score: usize,
) -> Result<(), Anything> {
    let FirstFit {
        trained,
        tested,
        planted,
    } = fit;
    let file = FileName::of(name).ending("safetensors");
    let path = run.place(("model", file))?;
    save_network(&trained.network, &path)?;
    let gradient = gradient_times_input(trained, &tested.inputs, score)?;
    let occluded = occlusion(trained, &tested.inputs, score, 5)?;
    for (method, maps) in [("gradient x input", gradient), ("occlusion", occluded)] {
        let layout = tested.inputs.layout();
        let shown = Shown::marks(method, &layout);
        show(run, name, &shown, &maps, planted.as_ref())?;
    }
    Ok(())
}

/// What maps of bins are of.
pub(crate) struct Shown<'a> {
    /// How they were made.
    pub(crate) method: &'a str,
    /// What each line of a picture is of.
    pub(crate) lines: &'a [String],
    /// The windows of the maps.
    pub(crate) layout: &'a MarkLayout,
    /// Whether nothing of them can be below 0, as no attention can.
    pub(crate) one_sided: bool,
}

impl<'a> Shown<'a> {
    /// Maps of signed numbers with a line per mark.
    pub(crate) fn marks(method: &'a str, layout: &'a MarkLayout) -> Self {
        Self {
            method,
            lines: &layout.marks,
            layout,
            one_sided: false,
        }
    }
}

/// Names the columns of a picture of bins: places from the transcription start, which stands in the middle of the windows that the
/// examples read and draw. Genes that have one number per mark have no places.
pub(crate) fn bins(layout: &MarkLayout) -> Columns<'static> {
    match layout.bins {
        1 => Columns::Numbered("bin"),
        _ => Columns::Placed {
            name: "base pairs from the transcription start, along the genome",
            first: layout.first_bp_of_centred(),
            width: f64::from(layout.bin_width_bp),
        },
    }
}

/// Draws and writes the mean of maps `[rows, bins, lines]`, and notes how much of the plan they find.
pub(crate) fn show(
    run: &Run,
    name: &str,
    shown: &Shown<'_>,
    maps: &Array3<f32>,
    planted: Option<&Array3<bool>>,
) -> Result<(), Anything> {
    let method = shown.method;
    let Some(mean) = maps.mean_axis(Axis(0)) else {
        return Ok(());
    };
    let file = FileName::of(&format!("{name}-{}", method.replace(' ', "-")));
    let caption = format!("{name}, {method}, mean over {} genes", maps.shape()[0]);
    let (columns, lines) = (bins(shown.layout), shown.lines);
    let picture = match shown.one_sided {
        true => plots::one_sided_map(&caption, columns, lines, mean.view())?,
        false => plots::signed_map(&caption, columns, lines, mean.view())?,
    };
    run.picture(file.clone(), &caption, picture);
    let text = table(&mean, lines)?;
    run.file(("interpretation", file.ending("csv")), &text)?;
    if let Some(found) = planted.and_then(|planted| planted_fraction(maps, planted, TOP)) {
        run.note(&format!(
            "{name}, {method}: {found:.2} of the {TOP} places with the largest mean magnitude were planted."
        ));
    }
    Ok(())
}

/// Lays a map out as lines `bin,mark,..`.
pub(crate) fn table(map: &Array2<f32>, marks: &[String]) -> Result<String, Anything> {
    let numbers = (1..=map.nrows()).map(|bin| bin.to_string());
    named_rows("bin", marks, numbers, map)
}

/// Lays a table out as lines `name,column,..` under a header.
pub(crate) fn named_rows(
    what: &str,
    columns: &[String],
    names: impl Iterator<Item = String>,
    values: &Array2<f32>,
) -> Result<String, Anything> {
    let mut header = vec![what.to_owned()];
    header.extend_from_slice(columns);
    let rows = names.zip(values.outer_iter()).map(|(name, values)| {
        let values = values.iter().map(f32::to_string);
        std::iter::once(name).chain(values).collect()
    });
    comma_text(&header, rows)
}
