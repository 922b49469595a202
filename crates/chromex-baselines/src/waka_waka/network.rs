use std::borrow::Cow;

use burn::Tensor;
use burn::module::Module as BurnModule;
use burn::nn::Linear;
use burn::tensor::TensorData;
use burn::tensor::activation::leaky_relu;
use chromex_core::{CellByGene, Dataset, MarkLayout, MarkSignal, MarkWindows, Rows, Sequences};
use chromex_nn::blocks::{Convolution, Dropout};
use chromex_nn::fused::linear;
use chromex_nn::{Device, Error, Network, Result, mean};

use super::WakaWakaConfig;
use crate::signal::{signal_tensor, target_tensor};

/// Rows that have marks, DNA, or both.
pub trait Modalities: Rows {
    /// Gives the windows of marks, where there are any.
    fn marks(&self) -> Option<Cow<'_, MarkWindows>>;

    /// Gives the DNA, where there is any.
    fn dna(&self) -> Option<&Sequences>;
}

/// Convolutions of marks and of DNA, each with a dense layer, joined by dense layers to one number.
///
/// # Differences from the report
///
/// Dropout acts in training, where the code never switched it on. Every dense layer but the last is bent, as the report has it
/// and the code has not.
#[derive(BurnModule, Debug)]
pub struct WakaWaka {
    /// Of the marks.
    pub marks: Option<Module>,
    /// Of the DNA.
    pub dna: Option<Module>,
    /// From what the modules made to the number.
    pub joint: Vec<Linear>,
    pub(super) dropout: Dropout,
    #[module(skip)]
    pub(super) layout: Option<MarkLayout>,
    #[module(skip)]
    pub(super) bases: usize,
    #[module(skip)]
    pub(super) config: WakaWakaConfig,
}

/// Convolutions and a dense layer.
#[derive(BurnModule, Debug)]
pub struct Module {
    /// One after the other.
    pub convolutions: Vec<Convolution>,
    pub(super) dropout: Dropout,
    /// On the flattened numbers.
    pub dense: Linear,
}

impl Modalities for MarkWindows {
    fn marks(&self) -> Option<Cow<'_, MarkWindows>> {
        Some(self.windows())
    }

    fn dna(&self) -> Option<&Sequences> {
        None
    }
}

impl Modalities for CellByGene {
    fn marks(&self) -> Option<Cow<'_, MarkWindows>> {
        Some(self.windows())
    }

    fn dna(&self) -> Option<&Sequences> {
        None
    }
}

impl Modalities for Sequences {
    fn marks(&self) -> Option<Cow<'_, MarkWindows>> {
        None
    }

    fn dna(&self) -> Option<&Sequences> {
        Some(self)
    }
}

impl<M: MarkSignal> Modalities for (M, Sequences) {
    fn marks(&self) -> Option<Cow<'_, MarkWindows>> {
        Some(self.0.windows())
    }

    fn dna(&self) -> Option<&Sequences> {
        Some(&self.1)
    }
}

/// The bases in the order of the one-hot vectors.
const BASES: [u8; 4] = *b"ACTG";

impl Module {
    fn forward(&self, inputs: Tensor<3>, slope: f64) -> Tensor<2> {
        let hidden = self
            .convolutions
            .iter()
            .fold(inputs, |hidden, convolution| convolution.forward(hidden));
        let flat = self.dropout.forward(hidden.flatten::<2>(1, 2));
        leaky_relu(linear(&self.dense, flat), slope)
    }
}

impl WakaWaka {
    /// Predicts from marks `[rows, bins, marks]` and one-hot DNA `[rows, bases, 4]`, `[rows, 1]`. What has no module is not read.
    ///
    /// # Panics
    ///
    /// When a module lacks its input.
    pub fn scores(&self, marks: Option<Tensor<3>>, dna: Option<Tensor<3>>) -> Tensor<2> {
        let slope = self.config.slope;
        let parts: Vec<Tensor<2>> = [(&self.marks, marks), (&self.dna, dna)]
            .into_iter()
            .filter_map(|(module, inputs)| {
                let module = module.as_ref()?;
                Some(module.forward(inputs.expect("a module has its input"), slope))
            })
            .collect();
        let mut hidden = Tensor::cat(parts, 1);
        let last = self.joint.len() - 1;
        for (index, layer) in self.joint.iter().enumerate() {
            if index == last {
                hidden = self.dropout.forward(hidden);
            }
            hidden = linear(layer, hidden);
            if index < last {
                hidden = leaky_relu(hidden, slope);
            }
        }
        hidden
    }

    /// Tells the marks and bins that the network was built for; none where it reads DNA only.
    pub fn layout(&self) -> Option<&MarkLayout> {
        self.layout.as_ref()
    }

    /// Lays out what the modules read: marks, and DNA as one-hot vectors in the order A, C, T, G; an unknown base counts as A,
    /// as in the report. Marks are known by name: in another order they are put into the network's.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when rows lack what a module reads or have DNA of another length, [`Error::Core`] with both layouts
    /// when they have other marks, bins or widths.
    pub fn read<X: Modalities>(
        &self,
        inputs: &X,
        device: &Device,
    ) -> Result<(Option<Tensor<3>>, Option<Tensor<3>>)> {
        let missing = |name, expected: &str| Error::Setting {
            name,
            expected: expected.to_owned(),
            found: "none".into(),
        };
        let marks = match &self.layout {
            None => None,
            Some(layout) => {
                let windows = inputs
                    .marks()
                    .ok_or_else(|| missing("marks", "windows of marks"))?;
                let windows = windows.in_layout(layout)?;
                Some(signal_tensor(&windows, device))
            }
        };
        let dna = match &self.dna {
            None => None,
            Some(_) => {
                let dna = inputs.dna().ok_or_else(|| missing("dna", "DNA windows"))?;
                let length = dna.length()?;
                if length != self.bases {
                    return Err(Error::Setting {
                        name: "dna",
                        expected: format!("{} bases", self.bases),
                        found: length.to_string(),
                    });
                }
                Some(self.one_hot(dna, length, device))
            }
        };
        Ok((marks, dna))
    }

    fn one_hot(&self, dna: &Sequences, length: usize, device: &Device) -> Tensor<3> {
        let bases = self.config.bases(length);
        let from = (length - bases) / 2;
        let mut values = vec![0.0; dna.len() * bases * 4];
        let letters = dna.iter().flat_map(|letters| &letters[from..from + bases]);
        for (vector, &letter) in values.chunks_exact_mut(4).zip(letters) {
            // As published, an unknown base is an A.
            vector[BASES.iter().position(|&base| base == letter).unwrap_or(0)] = 1.0;
        }
        Tensor::from_data(TensorData::new(values, [dna.len(), bases, 4]), device)
    }
}

impl<X: Modalities> Network<X> for WakaWaka {
    fn forward(&self, inputs: &X, device: &Device) -> Result<Tensor<2>> {
        let (marks, dna) = self.read(inputs, device)?;
        Ok(self.scores(marks, dna))
    }

    fn loss(&self, batch: &Dataset<X>, device: &Device) -> Result<Tensor<1>> {
        let (marks, dna) = self.read(&batch.inputs, device)?;
        let targets = target_tensor(&batch.targets, device);
        Ok(mean((self.scores(marks, dna) - targets).square()))
    }
}
