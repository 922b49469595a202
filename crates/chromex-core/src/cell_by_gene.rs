use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{Array2, Array3};

use crate::{Dataset, Error, Fit, MarkLayout, MarkSignal, MarkWindows, Predict, Result, Rows};

/// The count that stands for one that a byte cannot hold.
const ESCAPE: u8 = u8::MAX;

/// Read counts around every gene in every cell, a byte each.
///
/// 50 cells of 16,000 genes in windows of 100 bins and five marks are 400 million counts: 400 MB here, 1.6 GB as numbers. The
/// few counts that a byte cannot hold lie in a table beside them. Selecting rows copies their numbers, never their counts,
/// which all batches share.
#[derive(Clone, Debug)]
pub struct CellByGene {
    counts: Arc<Counts>,
    rows: Vec<u32>,
}

#[derive(Debug)]
struct Counts {
    /// `[cells, genes, bins, marks]`.
    bytes: Vec<u8>,
    /// What escaped counts are, by place.
    large: HashMap<u64, u32>,
    cells: Vec<String>,
    genes: Vec<String>,
    marks: Vec<String>,
    bins: usize,
    bin_width_bp: u32,
}

/// Puts cells together one by one, so that no more than one is ever held as numbers. See [`CellByGene`].
#[derive(Debug)]
pub struct CellByGeneBuilder {
    counts: Counts,
}

impl CellByGene {
    /// Begins with the genes that every cell has, in one order.
    pub fn builder(
        genes: Vec<String>,
        marks: Vec<String>,
        bins: usize,
        bin_width_bp: u32,
    ) -> CellByGeneBuilder {
        CellByGeneBuilder {
            counts: Counts {
                bytes: Vec::new(),
                large: HashMap::new(),
                cells: Vec::new(),
                genes,
                marks,
                bins,
                bin_width_bp,
            },
        }
    }

    /// Names the genes; [`gene`](Self::gene) points into it.
    pub fn genes(&self) -> &[String] {
        &self.counts.genes
    }

    /// Names the cells; [`cell`](Self::cell) points into it.
    pub fn cells(&self) -> &[String] {
        &self.counts.cells
    }

    /// Tells which gene a row is of.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    pub fn gene(&self, row: usize) -> usize {
        self.rows[row] as usize % self.counts.genes.len()
    }

    /// Tells which cell a row is of.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    pub fn cell(&self, row: usize) -> usize {
        self.rows[row] as usize / self.counts.genes.len()
    }

    /// Counts the bytes that the counts take, shared by all batches.
    pub fn count_bytes(&self) -> usize {
        self.counts.bytes.len() + self.counts.large.len() * size_of::<(u64, u32)>()
    }
}

impl Counts {
    fn layout(&self) -> MarkLayout {
        MarkLayout {
            marks: self.marks.clone(),
            bins: self.bins,
            bin_width_bp: self.bin_width_bp,
        }
    }

    fn push(&mut self, count: u32) {
        if count < u32::from(ESCAPE) {
            self.bytes.push(count as u8);
        } else {
            self.large.insert(self.bytes.len() as u64, count);
            self.bytes.push(ESCAPE);
        }
    }

    /// Looks a count up.
    fn count(&self, place: usize) -> u32 {
        match self.bytes[place] {
            ESCAPE => self.large[&(place as u64)],
            count => u32::from(count),
        }
    }
}

impl CellByGeneBuilder {
    /// Adds a cell. Its marks are known by name: in another order they are put into that of the set.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the windows have other genes, bins, widths or marks than those before, [`Error::Value`] when a
    /// number is not a count, [`Error::Setting`] when the cell is there already.
    pub fn cell(&mut self, name: &str, windows: &MarkWindows) -> Result<()> {
        let counts = &mut self.counts;
        let windows = windows.in_layout(&counts.layout())?;
        if windows.len() != counts.genes.len() {
            return Err(Error::Shape {
                what: "genes of a cell",
                expected: counts.genes.len().to_string(),
                found: format!("{} in cell {name}", windows.len()),
            });
        }
        let windows = windows.signal();
        if counts.cells.iter().any(|known| known == name) {
            return Err(Error::Setting {
                name: "cell",
                expected: "a cell that is not there yet".into(),
                found: name.to_owned(),
            });
        }
        let rows = (counts.cells.len() + 1) * counts.genes.len();
        if u32::try_from(rows).is_err() {
            return Err(Error::Setting {
                name: "cells",
                expected: "at most 4,294,967,295 rows".into(),
                found: rows.to_string(),
            });
        }
        let whole = |value: f32| (0.0..16_777_216.0).contains(&value) && value.fract() == 0.0;
        if let Some(((row, _, _), value)) =
            windows.indexed_iter().find(|(_, value)| !whole(**value))
        {
            return Err(Error::Value {
                row,
                what: "count",
                expected: "a whole number of reads",
                found: value.to_string(),
            });
        }
        counts.bytes.reserve_exact(windows.len());
        for &value in windows.iter() {
            counts.push(value as u32);
        }
        counts.cells.push(name.to_owned());
        Ok(())
    }

    /// Ends with a row per cell and gene, cell after cell.
    pub fn finish(self) -> CellByGene {
        let rows = self.counts.cells.len() * self.counts.genes.len();
        CellByGene {
            counts: Arc::new(self.counts),
            rows: (0..rows as u32).collect(),
        }
    }
}

impl Rows for CellByGene {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self {
            counts: Arc::clone(&self.counts),
            rows: rows.iter().map(|&row| self.rows[row]).collect(),
        }
    }

    fn mark_layouts(&self) -> Vec<MarkLayout> {
        vec![self.counts.layout()]
    }

    fn in_layouts(&self, layouts: &[MarkLayout]) -> Result<Cow<'_, Self>> {
        let counts = &self.counts;
        let Some(layout) = layouts.first() else {
            return Ok(Cow::Borrowed(self));
        };
        let Some(places) = layout.places_in(&counts.layout())? else {
            return Ok(Cow::Borrowed(self));
        };
        let marks = counts.marks.len();
        let mut put = Counts {
            bytes: Vec::with_capacity(counts.bytes.len()),
            large: HashMap::new(),
            cells: counts.cells.clone(),
            genes: counts.genes.clone(),
            marks: layout.marks.clone(),
            bins: counts.bins,
            bin_width_bp: counts.bin_width_bp,
        };
        for bin in 0..counts.bytes.len() / marks.max(1) {
            for &place in &places {
                put.push(counts.count(bin * marks + place));
            }
        }
        Ok(Cow::Owned(Self {
            counts: Arc::new(put),
            rows: self.rows.clone(),
        }))
    }
}

impl MarkSignal for CellByGene {
    fn windows(&self) -> Cow<'_, MarkWindows> {
        let counts = &self.counts;
        let size = counts.bins * counts.marks.len();
        let mut values = Vec::with_capacity(self.rows.len() * size);
        for &row in &self.rows {
            let from = row as usize * size;
            values.extend((from..from + size).map(|place| counts.count(place) as f32));
        }
        let shape = (self.rows.len(), counts.bins, counts.marks.len());
        let signal = Array3::from_shape_vec(shape, values).expect("a window per row");
        let windows = MarkWindows::new(signal, counts.marks.clone(), counts.bin_width_bp);
        Cow::Owned(windows.expect("counts are finite and marks are named"))
    }
}

/// Predicts each gene's mean over the cells it was trained in, and the mean of all for genes that were not: the floor of
/// every model that is tested on genes it has seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct GeneMean;

/// The means of [`GeneMean`]. Genes are known by name: those of another set may stand in another order.
#[derive(Clone, Debug)]
pub struct GeneMeans {
    /// Where the mean of each gene stands.
    places: HashMap<String, usize>,
    /// `[genes, targets]`.
    means: Array2<f32>,
}

impl Fit<CellByGene> for GeneMean {
    type Fitted = GeneMeans;

    fn fit(
        &self,
        train: &Dataset<CellByGene>,
        _valid: &Dataset<CellByGene>,
        _seed: u64,
    ) -> Result<GeneMeans> {
        if train.is_empty() {
            return Err(Error::Empty {
                what: "the training set of the genes' means",
            });
        }
        let genes = train.inputs.genes().len();
        let targets = train.targets.columns.len();
        let mut sums = Array2::<f64>::zeros((genes, targets));
        let mut counts = vec![0_u32; genes];
        let mut all = vec![0.0; targets];
        for (row, values) in train.targets.values.outer_iter().enumerate() {
            let gene = train.inputs.gene(row);
            counts[gene] += 1;
            for (target, &value) in values.iter().enumerate() {
                sums[[gene, target]] += f64::from(value);
                all[target] += f64::from(value);
            }
        }
        let means = Array2::from_shape_fn((genes, targets), |(gene, target)| {
            let mean = match counts[gene] {
                0 => all[target] / train.len() as f64,
                count => sums[[gene, target]] / f64::from(count),
            };
            mean as f32
        });
        let genes = train.inputs.genes().iter().cloned();
        let places = genes.enumerate().map(|(place, gene)| (gene, place));
        Ok(GeneMeans {
            places: places.collect(),
            means,
        })
    }
}

impl Predict<CellByGene> for GeneMeans {
    fn predict(&self, inputs: &CellByGene) -> Result<Array2<f32>> {
        let place = |gene: &String| {
            self.places.get(gene).copied().ok_or_else(|| Error::Shape {
                what: "genes",
                expected: "those of the training set".into(),
                found: format!("`{}`", gene.escape_debug()),
            })
        };
        let places = inputs.genes().iter().map(place);
        let places = places.collect::<Result<Vec<usize>>>()?;
        let shape = (inputs.len(), self.means.ncols());
        Ok(Array2::from_shape_fn(shape, |(row, target)| {
            self.means[[places[inputs.gene(row)], target]]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keys, Target, Targets, Transform};
    use ndarray::array;

    fn set() -> CellByGene {
        let mut builder =
            CellByGene::builder(vec!["a".into(), "b".into()], vec!["H3K4me3".into()], 2, 100);
        let first = array![[[0.0], [254.0]], [[255.0], [1.0]]];
        builder.cell("E003", &windows(first)).unwrap();
        let second = array![[[300.0], [7.0]], [[16_777_215.0], [2.0]]];
        builder.cell("E004", &windows(second)).unwrap();
        builder.finish()
    }

    fn windows(signal: Array3<f32>) -> MarkWindows {
        MarkWindows::new(signal, vec!["H3K4me3".into()], 100).unwrap()
    }

    #[test]
    fn marks_and_genes_are_known_by_name() {
        let names = |names: [&str; 2]| names.map(String::from).to_vec();
        let signal = array![[[1.0, 300.0]], [[255.0, 4.0]]];
        let set = |genes: [&str; 2], marks: [&str; 2]| {
            let mut builder = CellByGene::builder(names(genes), names(marks), 1, 100);
            let windows = MarkWindows::new(signal.clone(), names(["a", "b"]), 100).unwrap();
            builder.cell("E003", &windows).unwrap();
            builder.finish()
        };
        let (own, swapped) = (set(["g", "h"], ["a", "b"]), set(["g", "h"], ["b", "a"]));
        let put = swapped.in_layouts(&own.mark_layouts()).unwrap();
        assert_eq!(put.windows(), own.windows());
        assert_eq!(put.count_bytes(), own.count_bytes());
        let first = swapped.windows();
        assert_eq!(first.signal()[[0, 0, 0]], 300.0);
        let column = Target {
            name: "y".into(),
            unit: "RPKM".into(),
            transform: Transform::Identity,
        };
        let targets = Targets::new(array![[1.0], [5.0]], vec![column]).unwrap();
        let data = Dataset::new(own, targets, Keys::numbered(2)).unwrap();
        let means = GeneMean.fit(&data, &data, 0).unwrap();
        let turned = set(["h", "g"], ["a", "b"]);
        assert_eq!(means.predict(&turned).unwrap(), array![[5.0], [1.0]]);
        let other = means.predict(&set(["g", "i"], ["a", "b"])).unwrap_err();
        assert!(other.to_string().contains("`i`"), "{other}");
    }

    #[test]
    fn counts_that_a_byte_cannot_hold_come_back_and_rows_share_them() {
        let set = set();
        assert_eq!((set.len(), set.cell(2), set.gene(3)), (4, 1, 1));
        let picked = set.select(&[3, 1]);
        let windows = picked.windows();
        let flat: Vec<f32> = windows.signal().iter().copied().collect();
        assert_eq!(flat, [16_777_215.0, 2.0, 255.0, 1.0]);
        assert!(Arc::ptr_eq(&set.counts, &picked.counts));
        assert_eq!((picked.cell(0), picked.cell(1)), (1, 0));
        assert!(set.count_bytes() < 8 + 4 * 16);
    }

    #[test]
    fn cells_that_do_not_fit_are_refused() {
        let mut builder = CellByGene::builder(vec!["a".into()], vec!["H3K4me3".into()], 1, 100);
        let message = |result: Result<()>| result.unwrap_err().to_string();
        let wide = windows(array![[[0.0], [1.0]]]);
        assert!(message(builder.cell("E003", &wide)).contains("expected 1 bins of 100 bp"));
        let tall = windows(array![[[0.0]], [[1.0]]]);
        assert!(message(builder.cell("E003", &tall)).contains("2 in cell E003"));
        for value in [0.5, -1.0, 1e9] {
            let cell = windows(array![[[value]]]);
            assert!(message(builder.cell("E003", &cell)).contains("a whole number of reads"));
        }
        let cell = windows(array![[[1.0]]]);
        builder.cell("E003", &cell).unwrap();
        assert!(message(builder.cell("E003", &cell)).contains("not there yet"));
    }

    #[test]
    fn a_gene_that_was_not_seen_gets_the_mean_of_all() {
        let target = Target {
            name: "y".into(),
            unit: "RPKM".into(),
            transform: Transform::Identity,
        };
        let targets = Targets::new(array![[1.0], [5.0], [3.0], [9.0]], vec![target]).unwrap();
        let data = Dataset::new(set(), targets, Keys::numbered(4)).unwrap();
        let seen = GeneMean.fit(&data, &data, 0).unwrap();
        assert_eq!(
            seen.predict(&data.inputs).unwrap(),
            array![[2.0], [7.0], [2.0], [7.0]]
        );
        let half = data.select(&[0, 2]);
        let fitted = GeneMean.fit(&half, &half, 0).unwrap();
        assert_eq!(
            fitted.predict(&data.inputs).unwrap(),
            array![[2.0], [2.0], [2.0], [2.0]]
        );
    }
}
