use burn::Tensor;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use chromex_core::{CellPair, Dataset};
use chromex_nn::blocks::{RecurrentEncoders, RecurrentEncodersConfig};
use chromex_nn::fused::linear;
use chromex_nn::{Architecture, Clip, Device, Error, Keep, Length, Network, Recipe, Selection};
use serde::{Deserialize, Serialize};

use crate::attentive_chrome::{adam, array_3, as_sequence, by_mark};
use crate::signal::{signal_tensor, target_columns, target_tensor};
use crate::{Attention, initial};

/// The shape of a DeepDiff: one of seven variants by what it reads and what else it learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeepDiffConfig {
    /// What the main task reads directly; none when it reads only what the cells' encoders made.
    pub raw: Option<RawInputs>,
    /// Whether each cell has encoders whose level also predicts that cell's expression.
    pub auxiliary: bool,
    /// Whether both cells share their encoders, and a contrastive loss compares what they make.
    pub siamese: bool,
    /// Hidden units per direction of the encoders of bins.
    pub bin_hidden: usize,
    /// Hidden units per direction of the encoders of marks.
    pub mark_hidden: usize,
    /// Every weight starts between minus and plus this.
    pub initial_bound: f64,
    /// The weight of the contrastive loss.
    pub contrastive_weight: f64,
    /// The distance that the contrastive loss asks of cells in which a gene differs.
    pub contrastive_margin: f64,
    /// The change from which on a gene differs.
    pub differs_from: f64,
}

/// Which signals have encoders in the main task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawInputs {
    /// The difference of the cells.
    Difference,
    /// Both cells.
    Cells,
    /// Both cells and their difference.
    All,
}

/// Encoders of marks in two cells, for differential expression (Sekhon, Singh and Qi 2018,
/// doi:10.1093/bioinformatics/bty612).
///
/// The signals are raw counts. Variants with auxiliary tasks need the expression of both cells as auxiliary targets
/// ([`Targets::with_auxiliary`](chromex_core::Targets::with_auxiliary)), log2(count + 1) in the published code.
///
/// # Differences from the paper
///
/// One direction works, where the published code stops. A gene differs by the target as it is given: 2 is a fourfold change
/// under the published log2.
#[derive(Module, Debug)]
pub struct DeepDiff {
    /// One encoder per mark and raw signal.
    pub raw: Option<RecurrentEncoders>,
    /// One encoder per mark and cell, or per mark where cells share.
    pub cells: Option<RecurrentEncoders>,
    /// Over what everything that the main task reads became.
    pub main: Option<RecurrentEncoders>,
    /// Over the marks of the first and of the second cell.
    pub cell_levels: Option<RecurrentEncoders>,
    /// Joins both cells where there is no raw signal.
    pub joint: Option<Linear>,
    /// To the main task.
    pub head: Linear,
    /// To the expression of the first and of the second cell.
    pub auxiliary: Vec<Linear>,
    #[module(skip)]
    shape: [usize; 2],
    #[module(skip)]
    config: DeepDiffConfig,
}

/// What the network makes of a batch.
struct Outputs {
    /// `[rows, 1]`.
    main: Tensor<2>,
    /// The first and the second cell's expression, `[rows, 1]` each.
    auxiliary: Vec<Tensor<2>>,
    /// What the encoders of each cell made, `[rows, marks width]` each.
    embedded: Option<[Tensor<2>; 2]>,
}

impl Default for DeepDiffConfig {
    /// [`DeepDiffConfig::raw_d`].
    fn default() -> Self {
        Self::raw_d()
    }
}

impl DeepDiffConfig {
    /// Reads the difference: 55,681 parameters for five marks.
    pub fn raw_d() -> Self {
        Self {
            raw: Some(RawInputs::Difference),
            auxiliary: false,
            siamese: false,
            bin_hidden: 32,
            mark_hidden: 16,
            initial_bound: 0.1,
            contrastive_weight: 4.0,
            contrastive_margin: 2.0,
            differs_from: 2.0,
        }
    }

    /// Reads both cells: 100,801 parameters.
    pub fn raw_c() -> Self {
        Self {
            raw: Some(RawInputs::Cells),
            ..Self::raw_d()
        }
    }

    /// Reads both cells and the difference: 145,921 parameters.
    pub fn raw() -> Self {
        Self {
            raw: Some(RawInputs::All),
            ..Self::raw_d()
        }
    }

    /// Predicts each cell's expression beside: 113,475 parameters.
    pub fn aux() -> Self {
        Self {
            raw: None,
            auxiliary: true,
            ..Self::raw_d()
        }
    }

    /// Both: 257,283 parameters.
    pub fn raw_aux() -> Self {
        Self {
            auxiliary: true,
            ..Self::raw()
        }
    }

    /// Shares the encoders of the cells: 68,355 parameters.
    pub fn aux_siamese() -> Self {
        Self {
            siamese: true,
            ..Self::aux()
        }
    }

    /// Everything: 212,163 parameters.
    pub fn raw_aux_siamese() -> Self {
        Self {
            siamese: true,
            ..Self::raw_aux()
        }
    }

    /// Lists the seven published variants by name.
    pub fn published() -> [(&'static str, Self); 7] {
        [
            ("raw_d", Self::raw_d()),
            ("raw_c", Self::raw_c()),
            ("raw", Self::raw()),
            ("aux", Self::aux()),
            ("raw_aux", Self::raw_aux()),
            ("aux_siamese", Self::aux_siamese()),
            ("raw_aux_siamese", Self::raw_aux_siamese()),
        ]
    }

    /// Trains as published: Adam at 1e-4, batches of 10, 90 epochs, gradients clipped to the joint norm 1, the weights with the
    /// highest correlation on validation rows.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            optimizer: adam(),
            learning_rate: 1e-4,
            batch_rows: 10,
            length: Length::Epochs(90),
            clip: Clip::GlobalNorm(1.0),
            keep: Keep::BestValidation,
            selection: Selection::Pearson,
            ..Recipe::default()
        }
    }

    /// Counts the parameters for a number of marks.
    pub fn parameter_count(&self, marks: usize) -> usize {
        let levels = [
            self.raw_level(marks),
            self.cells(marks),
            self.main(),
            self.cell_levels(),
        ];
        let encoders: usize = levels.iter().flatten().map(|l| l.parameter_count()).sum();
        let width = self.mark_width();
        let joint = if self.joins() {
            (2 * width + 1) * width
        } else {
            0
        };
        let heads = if self.auxiliary { 3 } else { 1 };
        encoders + joint + heads * (width + 1)
    }

    /// Builds the network for windows of some bins and marks.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there is nothing to read, cells share encoders that do not exist, or an extent is 0.
    pub fn init(
        &self,
        shape: [usize; 2],
        seed: u64,
        device: &Device,
    ) -> chromex_nn::Result<DeepDiff> {
        if (self.raw.is_none() || self.siamese) && !self.auxiliary {
            return Err(Error::Setting {
                name: "auxiliary",
                expected: "true where raw is none or siamese is set".into(),
                found: "false".into(),
            });
        }
        let marks = shape[1];
        let build = |level: Option<RecurrentEncodersConfig>| {
            level.map(|level| level.init(device)).transpose()
        };
        let width = self.mark_width();
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        let network = DeepDiff {
            raw: build(self.raw_level(marks))?,
            cells: build(self.cells(marks))?,
            main: build(self.main())?,
            cell_levels: build(self.cell_levels())?,
            joint: self.joins().then(|| linear(2 * width, width)),
            head: linear(width, 1),
            auxiliary: (0..if self.auxiliary { 2 } else { 0 })
                .map(|_| linear(width, 1))
                .collect(),
            shape,
            config: self.clone(),
        };
        initial::bounded(network, self.initial_bound, seed)
    }

    /// Tells whether a layer joins both cells' levels into the main task.
    fn joins(&self) -> bool {
        self.raw.is_none()
    }

    fn mark_width(&self) -> usize {
        2 * self.mark_hidden
    }

    fn bin_level(&self, encoders: usize) -> RecurrentEncodersConfig {
        RecurrentEncodersConfig {
            encoders,
            channels: 1,
            hidden: self.bin_hidden,
            bidirectional: true,
        }
    }

    fn mark_level(&self, encoders: usize) -> RecurrentEncodersConfig {
        RecurrentEncodersConfig {
            encoders,
            channels: 2 * self.bin_hidden,
            hidden: self.mark_hidden,
            bidirectional: true,
        }
    }

    fn raw_level(&self, marks: usize) -> Option<RecurrentEncodersConfig> {
        let signals = match self.raw? {
            RawInputs::Difference => 1,
            RawInputs::Cells => 2,
            RawInputs::All => 3,
        };
        Some(self.bin_level(signals * marks))
    }

    fn cells(&self, marks: usize) -> Option<RecurrentEncodersConfig> {
        let cells = if self.siamese { 1 } else { 2 };
        self.auxiliary.then(|| self.bin_level(cells * marks))
    }

    fn main(&self) -> Option<RecurrentEncodersConfig> {
        self.raw.map(|_| self.mark_level(1))
    }

    fn cell_levels(&self) -> Option<RecurrentEncodersConfig> {
        self.auxiliary.then(|| self.mark_level(2))
    }
}

impl Architecture<CellPair> for DeepDiffConfig {
    type Network = DeepDiff;

    fn build(
        &self,
        train: &Dataset<CellPair>,
        seed: u64,
        device: &Device,
    ) -> chromex_nn::Result<DeepDiff> {
        let first = train.inputs.first();
        let auxiliary = train
            .targets
            .auxiliary
            .as_ref()
            .map_or(0, |a| a.columns.len());
        if self.auxiliary && auxiliary != 2 {
            return Err(Error::Setting {
                name: "auxiliary targets",
                expected: "the expression of the first and of the second cell".into(),
                found: format!("{auxiliary} columns"),
            });
        }
        target_columns(&train.targets)?;
        self.init([first.bins(), first.marks().len()], seed, device)
    }
}

impl DeepDiff {
    /// Tells how much attention the main task pays: to the bins of each raw signal's marks, and to everything that it reads,
    /// raw signals first, then the first and the second cell's marks. None for variants without a raw signal.
    ///
    /// # Errors
    ///
    /// When the windows are not those that the network was built for.
    pub fn attention(
        &self,
        inputs: &CellPair,
        device: &Device,
    ) -> chromex_nn::Result<Option<Attention>> {
        let [first, second] = self.read(inputs, device)?;
        let (Some(raw), Some(main), Some(kind)) = (&self.raw, &self.main, self.config.raw) else {
            return Ok(None);
        };
        let signals = raw_signals(kind, first.clone(), second.clone());
        let (mut encoded, bins) = raw.forward_with_attention(signals);
        if let Some(cells) = self.encoded_cells(first, second) {
            encoded = Tensor::cat(vec![encoded, cells], 0);
        }
        let (_, marks) = main.forward_with_attention(as_sequence(encoded));
        Ok(Some(Attention {
            bins: array_3(bins.swap_dims(0, 1)),
            marks: array_3(marks).index_axis_move(ndarray::Axis(0), 0),
        }))
    }

    /// Predicts from the signals of both cells, `[rows, bins, marks]` each, `[rows, 1]`.
    pub fn scores(&self, first: Tensor<3>, second: Tensor<3>) -> Tensor<2> {
        self.outputs(first, second).main
    }

    fn read(&self, inputs: &CellPair, device: &Device) -> chromex_nn::Result<[Tensor<3>; 2]> {
        let first = inputs.first();
        let [bins, marks] = self.shape;
        if [first.bins(), first.marks().len()] != self.shape {
            return Err(Error::Setting {
                name: "windows",
                expected: format!("{bins} bins of {marks} marks, as the network was built for"),
                found: format!("{} bins of {} marks", first.bins(), first.marks().len()),
            });
        }
        Ok([first, inputs.second()].map(|cell| signal_tensor(cell, device)))
    }

    /// Encodes both cells' marks: the first's, then the second's, `[2 marks, rows, width]`.
    fn encoded_cells(&self, first: Tensor<3>, second: Tensor<3>) -> Option<Tensor<3>> {
        let cells = self.cells.as_ref()?;
        let (first, second) = (by_mark(first), by_mark(second));
        if !self.config.siamese {
            return Some(cells.forward(Tensor::cat(vec![first, second], 0)));
        }
        let rows = first.dims()[1];
        let both = cells.forward(Tensor::cat(vec![first, second], 1));
        let part = |from| both.clone().narrow(1, from, rows);
        Some(Tensor::cat(vec![part(0), part(rows)], 0))
    }

    fn outputs(&self, first: Tensor<3>, second: Tensor<3>) -> Outputs {
        let cells = self.encoded_cells(first.clone(), second.clone());
        let mut outputs = Outputs {
            main: Tensor::zeros([0, 1], &first.device()),
            auxiliary: Vec::new(),
            embedded: None,
        };
        if let (Some(cells), Some(levels)) = (&cells, &self.cell_levels) {
            let [both, rows, width] = cells.dims();
            let marks = both / 2;
            // Encoder after encoder becomes step after step, for each cell.
            let sequences = cells
                .clone()
                .reshape([2, marks, rows, width])
                .swap_dims(1, 2);
            let states = levels.forward(sequences.clone());
            let of = |cell| states.clone().narrow(0, cell, 1).squeeze_dim::<2>(0);
            outputs.auxiliary = vec![
                linear(&self.auxiliary[0], of(0)),
                linear(&self.auxiliary[1], of(1)),
            ];
            let flat = sequences.reshape([2, rows, marks * width]);
            outputs.embedded =
                Some([0, 1].map(|cell| flat.clone().narrow(0, cell, 1).squeeze_dim::<2>(0)));
            if let Some(joint) = &self.joint {
                let hidden = relu(linear(joint, Tensor::cat(vec![of(0), of(1)], 1)));
                outputs.main = linear(&self.head, hidden);
            }
        }
        if let (Some(raw), Some(main), Some(kind)) = (&self.raw, &self.main, self.config.raw) {
            let mut encoded = raw.forward(raw_signals(kind, first, second));
            if let Some(cells) = cells {
                encoded = Tensor::cat(vec![encoded, cells], 0);
            }
            let all = main.forward(as_sequence(encoded)).squeeze_dim::<2>(0);
            outputs.main = linear(&self.head, all);
        }
        outputs
    }

    /// Compares what both cells became: close for genes that do not differ, a margin apart for those that do.
    fn contrastive(&self, [first, second]: [Tensor<2>; 2], targets: Tensor<2>) -> Tensor<1> {
        let apart = (first - second + 1e-6).square().sum_dim(1).sqrt();
        let differs = targets
            .abs()
            .greater_equal_elem(self.config.differs_from)
            .float();
        let short = (apart.clone().neg() + self.config.contrastive_margin).clamp_min(0.0);
        let same = differs.clone().neg() + 1.0;
        (same * apart.square() + differs * short.square()).mean()
    }
}

impl Network<CellPair> for DeepDiff {
    fn forward(&self, inputs: &CellPair, device: &Device) -> chromex_nn::Result<Tensor<2>> {
        let [first, second] = self.read(inputs, device)?;
        Ok(self.scores(first, second))
    }

    fn loss(&self, batch: &Dataset<CellPair>, device: &Device) -> chromex_nn::Result<Tensor<1>> {
        let [first, second] = self.read(&batch.inputs, device)?;
        let outputs = self.outputs(first, second);
        let targets = target_tensor(&batch.targets, device);
        let mut loss = (outputs.main - targets.clone()).square().mean();
        if let Some(auxiliary) = batch
            .targets
            .auxiliary
            .as_ref()
            .filter(|_| self.config.auxiliary)
        {
            let auxiliary = target_tensor(auxiliary, device);
            for (cell, predicted) in outputs.auxiliary.into_iter().enumerate() {
                let truth = auxiliary.clone().narrow(1, cell, 1);
                loss = loss + (predicted - truth).square().mean();
            }
        }
        match outputs.embedded.filter(|_| self.config.siamese) {
            Some(embedded) => {
                let contrast = self.contrastive(embedded, targets);
                Ok(loss + contrast * self.config.contrastive_weight)
            }
            None => Ok(loss),
        }
    }
}

/// Lays out the signals that the main task reads, `[signals marks, rows, bins, 1]`.
fn raw_signals(kind: RawInputs, first: Tensor<3>, second: Tensor<3>) -> Tensor<4> {
    let difference = || by_mark(first.clone() - second.clone());
    let cells = || vec![by_mark(first.clone()), by_mark(second.clone())];
    match kind {
        RawInputs::Difference => difference(),
        RawInputs::Cells => Tensor::cat(cells(), 0),
        RawInputs::All => {
            let mut all = cells();
            all.push(difference());
            Tensor::cat(all, 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seven_variants_have_their_parameters() {
        let expected = [
            ("raw_d", 55_681),
            ("raw_c", 100_801),
            ("raw", 145_921),
            ("aux", 113_475),
            ("raw_aux", 257_283),
            ("aux_siamese", 68_355),
            ("raw_aux_siamese", 212_163),
        ];
        for ((name, config), (published, count)) in
            DeepDiffConfig::published().into_iter().zip(expected)
        {
            assert_eq!((name, config.parameter_count(5)), (published, count));
            let network = config.init([200, 5], 1, &Device::default()).unwrap();
            assert_eq!(network.num_params(), count, "{name}");
        }
    }

    #[test]
    fn variants_that_would_read_nothing_are_refused() {
        let nothing = DeepDiffConfig {
            raw: None,
            ..DeepDiffConfig::raw_d()
        };
        assert!(nothing.init([200, 5], 1, &Device::default()).is_err());
    }
}
