use burn::Tensor;
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::relu;
use chromex_core::{CellPair, Dataset, MarkLayout, Rows, Targets};
use chromex_nn::blocks::RecurrentEncoders;
use chromex_nn::fused::linear;
use chromex_nn::{Device, Error, Network, mean};

use super::{DeepDiffConfig, RawInputs};
use crate::Attention;
use crate::attentive_chrome::{array_3, as_sequence, by_mark};
use crate::signal::{signal_tensor, target_tensor};

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
    pub(super) layout: MarkLayout,
    #[module(skip)]
    pub(super) config: DeepDiffConfig,
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
impl DeepDiff {
    /// Tells how much attention the main task pays: to the bins of each raw signal's marks, and to everything that it reads,
    /// raw signals first, then the first and the second cell's marks, all in the order of the rows. None for variants without a
    /// raw signal.
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
        let attention = Attention {
            bins: array_3(bins.swap_dims(0, 1)),
            marks: array_3(marks).index_axis_move(ndarray::Axis(0), 0),
        };
        let places = self.layout.places_in(&inputs.first().layout())?;
        Ok(Some(attention.in_places(places)))
    }

    /// Tells the marks and bins that the network was built for.
    pub fn layout(&self) -> &MarkLayout {
        &self.layout
    }

    /// Reads both cells, of the marks and bins that the network was built for; marks in another order are put into the network's.
    ///
    /// # Shapes
    ///
    /// Returns `[rows, bins, marks]` twice.
    ///
    /// # Errors
    ///
    /// [`Error::Core`] with both layouts when the windows have other marks, bins or widths.
    pub fn read(&self, inputs: &CellPair, device: &Device) -> chromex_nn::Result<[Tensor<3>; 2]> {
        let inputs = inputs.in_layouts(std::slice::from_ref(&self.layout))?;
        Ok([inputs.first(), inputs.second()].map(|cell| signal_tensor(cell, device)))
    }

    /// Predicts from the signals of both cells, `[rows, bins, marks]` each, `[rows, 1]`.
    pub fn scores(&self, first: Tensor<3>, second: Tensor<3>) -> Tensor<2> {
        self.outputs(first, second).main
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
        mean(same * apart.square() + differs * short.square())
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
        let mut loss = mean((outputs.main - targets.clone()).square());
        if self.config.auxiliary {
            let auxiliary = auxiliary_targets(&batch.targets)?;
            let auxiliary = target_tensor(auxiliary, device);
            for (cell, predicted) in outputs.auxiliary.into_iter().enumerate() {
                let truth = auxiliary.clone().narrow(1, cell, 1);
                loss = loss + mean((predicted - truth).square());
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

/// The expression of both cells, which variants with auxiliary tasks learn and look at.
pub(super) fn auxiliary_targets(targets: &Targets) -> chromex_nn::Result<&Targets> {
    let found = targets.auxiliary.as_deref();
    found
        .filter(|auxiliary| auxiliary.columns.len() == 2)
        .ok_or_else(|| Error::Setting {
            name: "auxiliary targets",
            expected: "the expression of the first and of the second cell".into(),
            found: format!("{} columns", found.map_or(0, |a| a.columns.len())),
        })
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
