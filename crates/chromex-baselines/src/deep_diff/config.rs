use std::num::Saturating;

use burn::nn::LinearConfig;
use chromex_core::{CellPair, Dataset, MarkLayout};
use chromex_nn::blocks::RecurrentEncodersConfig;
use chromex_nn::{Architecture, Clip, Device, Error, Keep, Length, Recipe, Selection, limits};
use serde::{Deserialize, Serialize};

use super::DeepDiff;
use super::network::auxiliary_targets;
use crate::attentive_chrome::adam;
use crate::initial;
use crate::signal::target_columns;

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
        let counts = levels.iter().flatten().map(|l| l.parameter_count());
        let encoders: Saturating<usize> = counts.map(Saturating).sum();
        let [width, one, two] = [self.mark_width(), 1, 2].map(Saturating);
        let joint = if self.joins() {
            (two * width + one) * width
        } else {
            Saturating(0)
        };
        let heads = Saturating(if self.auxiliary { 3 } else { 1 });
        (encoders + joint + heads * (width + one)).0
    }

    /// Builds the network for windows of some marks and bins.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there is nothing to read, cells share encoders that do not exist, or an extent is 0.
    pub fn init(
        &self,
        layout: &MarkLayout,
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
        for (name, value) in [
            ("initial_bound", self.initial_bound),
            ("contrastive_weight", self.contrastive_weight),
            ("contrastive_margin", self.contrastive_margin),
            ("differs_from", self.differs_from),
        ] {
            limits::at_least_zero(name, value)?;
        }
        let marks = layout.marks.len();
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
            layout: layout.clone(),
            config: self.clone(),
        };
        initial::bounded(network, self.initial_bound, seed)
    }

    /// Tells whether a layer joins both cells' levels into the main task.
    fn joins(&self) -> bool {
        self.raw.is_none()
    }

    fn mark_width(&self) -> usize {
        self.mark_hidden.saturating_mul(2)
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
            channels: self.bin_hidden.saturating_mul(2),
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
        Some(self.bin_level(marks.saturating_mul(signals)))
    }

    fn cells(&self, marks: usize) -> Option<RecurrentEncodersConfig> {
        let cells = if self.siamese { 1 } else { 2 };
        self.auxiliary
            .then(|| self.bin_level(marks.saturating_mul(cells)))
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
        if self.auxiliary {
            auxiliary_targets(&train.targets)?;
        }
        target_columns(&train.targets)?;
        self.init(&train.inputs.first().layout(), seed, device)
    }
}
