use std::num::Saturating;

use burn::nn::LinearConfig;
use chromex_core::{Dataset, MarkLayout, Rows, Sequences};
use chromex_nn::blocks::{ConvolutionConfig, Dropout, Padding};
use chromex_nn::{Architecture, Device, Error, Length, Recipe, limits};
use serde::{Deserialize, Serialize};

use super::network::{Modalities, Module, WakaWaka};
use crate::attentive_chrome::adam;
use crate::initial;
use crate::signal::target_columns;

/// The shape of a WakaWaka.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WakaWakaConfig {
    /// Convolutions over the bins of marks; channels in are those of what comes before. Empty for rows without marks.
    pub marks: Vec<ConvolutionConfig>,
    /// Convolutions over DNA. Empty for rows without DNA.
    pub dna: Vec<ConvolutionConfig>,
    /// Channels that each module makes of its flattened convolutions.
    pub module_width: usize,
    /// The part of the flattened numbers that is left out in training.
    pub module_dropout: f64,
    /// Channels between the joined modules and the output, layer after layer.
    pub joint: Vec<usize>,
    /// The part of the joint channels that is left out in training.
    pub joint_dropout: f64,
    /// What numbers below 0 are multiplied with after every dense layer but the last.
    pub slope: f64,
    /// Bases on either side of the middle that are read; none reads all.
    pub dna_around: Option<usize>,
}

impl Default for WakaWakaConfig {
    /// [`WakaWakaConfig::experiment_8`].
    fn default() -> Self {
        Self::experiment_8()
    }
}

impl WakaWakaConfig {
    /// Three convolutions of marks, two of them dilated, one of DNA, joined by 50 and 10 channels; test error 3.298.
    pub fn experiment_1() -> Self {
        Self {
            marks: vec![marks(10, 5, 1), marks(5, 1, 2), marks(5, 3, 4)],
            joint: vec![50, 10],
            joint_dropout: 0.5,
            ..Self::experiment_8()
        }
    }

    /// The first with a second convolution of DNA; 3.271.
    pub fn experiment_2() -> Self {
        let first = Self::experiment_1();
        Self {
            dna: [first.dna.clone(), vec![dna(132, 4)]].concat(),
            ..first
        }
    }

    /// The second on 2,000 bases on either side; 3.33.
    pub fn experiment_3() -> Self {
        Self {
            dna_around: Some(2000),
            ..Self::experiment_2()
        }
    }

    /// Without dilation, a convolution of marks fewer, joined by 100 channels; 3.372.
    pub fn experiment_4() -> Self {
        Self {
            marks: vec![marks(10, 5, 1), marks(5, 3, 1)],
            joint: vec![100],
            ..Self::experiment_2()
        }
    }

    /// The fourth, modules trained first and frozen; 3.334. Train it in stages: [`StagedWakaWaka`](crate::StagedWakaWaka).
    pub fn experiment_5() -> Self {
        Self::experiment_4()
    }

    /// Two convolutions of marks and one of DNA, joined by 100 channels; 3.207.
    pub fn experiment_6() -> Self {
        Self {
            joint_dropout: 0.0,
            ..Self::experiment_8()
        }
    }

    /// Never described: the sixth with the convolution of DNA as the code at the last commit has it, 128 filters and 36 joint
    /// channels.
    pub fn experiment_7() -> Self {
        Self {
            dna: vec![dna(128, 32)],
            joint: vec![36],
            ..Self::experiment_6()
        }
    }

    /// The final network: 3,436,853 parameters on 100 bins of five marks and 10,000 bases; 3.15.
    pub fn experiment_8() -> Self {
        Self {
            marks: vec![marks(10, 5, 1), marks(5, 3, 1)],
            dna: vec![ConvolutionConfig {
                slope: Some(0.0),
                ..dna(132, 32)
            }],
            module_width: 82,
            module_dropout: 0.5,
            joint: vec![100],
            joint_dropout: 0.1,
            slope: 0.05,
            dna_around: None,
        }
    }

    /// Lists the eight experiments of the report by name.
    pub fn published() -> [(&'static str, Self); 8] {
        [
            ("experiment 1", Self::experiment_1()),
            ("experiment 2", Self::experiment_2()),
            ("experiment 3", Self::experiment_3()),
            ("experiment 4", Self::experiment_4()),
            ("experiment 5", Self::experiment_5()),
            ("experiment 6", Self::experiment_6()),
            ("experiment 7", Self::experiment_7()),
            ("experiment 8", Self::experiment_8()),
        ]
    }

    /// Keeps the module of marks, with a linear output of its own.
    pub fn marks_only(self) -> Self {
        Self {
            dna: Vec::new(),
            joint: Vec::new(),
            joint_dropout: 0.0,
            ..self
        }
    }

    /// Keeps the module of DNA, with a linear output of its own.
    pub fn dna_only(self) -> Self {
        Self {
            marks: Vec::new(),
            joint: Vec::new(),
            joint_dropout: 0.0,
            ..self
        }
    }

    /// Reads marks that have one number per gene instead of bins.
    pub fn one_bin(self) -> Self {
        Self {
            marks: vec![marks(1, 1, 1), marks(1, 1, 1)],
            ..self
        }
    }

    /// Trains as reported: Adam at 5e-4 on batches of 100 for 10 epochs.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            optimizer: adam(),
            learning_rate: 5e-4,
            batch_rows: 100,
            length: Length::Epochs(10),
            ..Recipe::default()
        }
    }

    /// Counts the parameters for windows of some bins and marks and DNA of some length.
    pub fn parameter_count(&self, [bins, marks]: [usize; 2], bases: usize) -> usize {
        let one = Saturating(1);
        let module = Saturating(self.module_width);
        let mut count = Saturating(0);
        let mut width = Saturating(0);
        for (layers, length, channels) in [
            (&self.marks, bins, marks),
            (&self.dna, self.bases(bases), 4),
        ] {
            if layers.is_empty() {
                continue;
            }
            let (chain, length) = chained(layers, length, channels);
            let filters = chain.last().map_or(0, |layer| layer.filters);
            let flat = Saturating(length) * Saturating(filters);
            let counts = chain.iter().map(|layer| layer.parameter_count());
            count += counts.map(Saturating).sum::<Saturating<usize>>();
            count += (flat + one) * module;
            width += module;
        }
        for &channels in self.joint.iter().chain(&[1]) {
            count += (width + one) * Saturating(channels);
            width = Saturating(channels);
        }
        count.0
    }

    /// Builds the network for windows of some marks and bins and DNA of some length; none and 0 where there are none.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when there is nothing to read or nothing comes out of the convolutions.
    pub fn init(
        &self,
        layout: Option<&MarkLayout>,
        bases: usize,
        seed: u64,
        device: &Device,
    ) -> chromex_nn::Result<WakaWaka> {
        for (name, value) in [
            ("module_dropout", self.module_dropout),
            ("joint_dropout", self.joint_dropout),
        ] {
            limits::share(name, value)?;
        }
        let (bins, marks) = layout.map_or((0, 0), |layout| (layout.bins, layout.marks.len()));
        if !self.slope.is_finite() {
            return Err(setting(
                "slope",
                "a finite number".into(),
                self.slope.to_string(),
            ));
        }
        limits::count("module_width", self.module_width, limits::MOST_CHANNELS)?;
        for &channels in &self.joint {
            limits::count("joint", channels, limits::MOST_CHANNELS)?;
        }
        limits::count("joint layers", self.joint.len() + 1, limits::MOST_LAYERS)?;
        limits::parameters(self.parameter_count([bins, marks], bases))?;
        let marks = self.module("marks", &self.marks, bins, marks, device)?;
        let dna = self.module("dna", &self.dna, self.bases(bases), 4, device)?;
        let modules = usize::from(marks.is_some()) + usize::from(dna.is_some());
        if modules == 0 {
            return Err(setting(
                "marks, dna",
                "at least one module".into(),
                "none".into(),
            ));
        }
        let mut width = modules * self.module_width;
        let mut joint = Vec::new();
        for &channels in self.joint.iter().chain(&[1]) {
            joint.push(LinearConfig::new(width, channels).init(device));
            width = channels;
        }
        let layout = layout.filter(|_| marks.is_some()).cloned();
        let network = WakaWaka {
            marks,
            dna,
            joint,
            dropout: Dropout::new(self.joint_dropout),
            layout,
            bases,
            config: self.clone(),
        };
        initial::glorot(network, seed, |path| self.kernel(path))
    }

    fn module(
        &self,
        name: &'static str,
        layers: &[ConvolutionConfig],
        length: usize,
        channels: usize,
        device: &Device,
    ) -> chromex_nn::Result<Option<Module>> {
        if layers.is_empty() {
            return Ok(None);
        }
        let (chain, left) = chained(layers, length, channels);
        if left == 0 || channels == 0 {
            return Err(setting(
                name,
                "convolutions that leave something of the rows".into(),
                format!("nothing of {length} positions of {channels} channels"),
            ));
        }
        let filters = chain[chain.len() - 1].filters;
        Ok(Some(Module {
            convolutions: chain
                .into_iter()
                .map(|layer| layer.init(device))
                .collect::<chromex_nn::Result<_>>()?,
            dropout: Dropout::new(self.module_dropout),
            dense: LinearConfig::new(left * filters, self.module_width).init(device),
        }))
    }

    /// The bases that are read of a sequence.
    pub(super) fn bases(&self, length: usize) -> usize {
        self.dna_around
            .map_or(length, |around| length.min(around.saturating_mul(2)))
    }

    /// The positions over which a parameter's filters reach.
    fn kernel(&self, path: &str) -> usize {
        let mut parts = path.split('.');
        let layers = match parts.next() {
            Some("marks") => &self.marks,
            Some("dna") => &self.dna,
            _ => return 1,
        };
        match (
            parts.next(),
            parts.next().and_then(|index| index.parse::<usize>().ok()),
        ) {
            (Some("convolutions"), Some(index)) => layers.get(index).map_or(1, |l| l.kernel),
            _ => 1,
        }
    }
}

impl<X: Modalities + Rows> Architecture<X> for WakaWakaConfig {
    type Network = WakaWaka;

    fn build(
        &self,
        train: &Dataset<X>,
        seed: u64,
        device: &Device,
    ) -> chromex_nn::Result<WakaWaka> {
        target_columns(&train.targets)?;
        let first = train.inputs.select(&[0]);
        let layout = first.marks().map(|windows| windows.layout());
        let bases = first.dna().map_or(Ok(0), Sequences::length)?;
        self.init(layout.as_ref(), bases, seed, device)
    }
}

/// Gives every convolution the channels of the one before, and tells the positions left at the end.
fn chained(
    layers: &[ConvolutionConfig],
    mut length: usize,
    mut channels: usize,
) -> (Vec<ConvolutionConfig>, usize) {
    let chain = layers
        .iter()
        .map(|layer| {
            let layer = ConvolutionConfig { channels, ..*layer };
            (channels, length) = (layer.filters, layer.length(length));
            layer
        })
        .collect();
    (chain, length)
}

fn marks(kernel: usize, pool: usize, dilation: usize) -> ConvolutionConfig {
    ConvolutionConfig {
        filters: 50,
        kernel,
        pool,
        dilation,
        padding: Padding::Same,
        slope: Some(0.05),
        ..ConvolutionConfig::default()
    }
}

fn dna(filters: usize, pool: usize) -> ConvolutionConfig {
    ConvolutionConfig {
        filters,
        kernel: 6,
        pool,
        padding: Padding::Same,
        slope: Some(0.05),
        ..ConvolutionConfig::default()
    }
}

fn setting(name: &'static str, expected: String, found: String) -> Error {
    Error::Setting {
        name,
        expected,
        found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::layout_of;
    use burn::module::Module as _;

    #[test]
    fn the_reported_network_has_its_parameters() {
        let config = WakaWakaConfig::experiment_8();
        assert_eq!(config.parameter_count([100, 5], 10_000), 3_436_853);
        let network = config
            .init(Some(&layout_of(100, 5)), 10_000, 1, &Device::default())
            .unwrap();
        assert_eq!(network.num_params(), 3_436_853);
    }

    #[test]
    fn every_experiment_can_be_built_and_counts_as_it_says() {
        for (name, config) in WakaWakaConfig::published() {
            let network = config
                .init(Some(&layout_of(100, 5)), 10_000, 1, &Device::default())
                .unwrap();
            let count = config.parameter_count([100, 5], 10_000);
            assert_eq!(network.num_params(), count, "{name}");
        }
        let one = WakaWakaConfig::experiment_8().one_bin();
        assert!(
            one.init(Some(&layout_of(1, 10)), 512, 1, &Device::default())
                .is_ok()
        );
        assert!(
            WakaWakaConfig::experiment_8()
                .init(Some(&layout_of(3, 5)), 10_000, 1, &Device::default())
                .is_err()
        );
    }
}
