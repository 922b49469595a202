use std::collections::BTreeMap;
use std::sync::Arc;

use burn::module::Module;
use chromex_core::observe::{Observer, Silent};
use chromex_core::{Dataset, Fit, MarkSignal, Rows, Sequences};
use chromex_nn::{Architecture, Device, Error, Group, Recipe, Result, Trained, Trainer, weights};
use serde::Serialize;

use super::{Modalities, WakaWaka, WakaWakaConfig};

/// Trains a WakaWaka in stages: each module alone with a linear output, then the joint layers on frozen modules, then
/// everything at a tenth of the rate.
#[derive(Clone)]
pub struct StagedWakaWaka {
    /// The network.
    pub architecture: WakaWakaConfig,
    /// How every stage is trained.
    pub recipe: Recipe,
    /// The stage after which training ends.
    pub last: WakaWakaStage,
    device: Device,
    observer: Arc<dyn Observer>,
}

/// A stage of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WakaWakaStage {
    /// The joint layers learn, the modules stay as they are.
    Joint,
    /// Everything learns.
    EndToEnd,
}

/// A network that begins with weights of another one.
#[derive(Clone, Serialize)]
struct Begun {
    config: WakaWakaConfig,
    known: BTreeMap<String, Vec<f32>>,
}

impl StagedWakaWaka {
    /// Trains by the report's recipe, up to the joint layers.
    pub fn new(architecture: WakaWakaConfig) -> Self {
        Self {
            recipe: architecture.recipe(),
            architecture,
            last: WakaWakaStage::Joint,
            device: Device::default(),
            observer: Arc::new(Silent),
        }
    }

    /// Trains on another device.
    pub fn device(mut self, device: &Device) -> Self {
        self.device = device.clone();
        self
    }

    /// Tells progress to a listener.
    pub fn observe(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    fn stage<X: Rows, A: Architecture<X>>(
        &self,
        name: &str,
        architecture: A,
        recipe: Recipe,
        [train, valid]: [&Dataset<X>; 2],
        seed: u64,
    ) -> Result<Trained<A::Network>> {
        Trainer::new(architecture, recipe)
            .device(&self.device)
            .observe(name, Arc::clone(&self.observer))
            .train(train, valid, seed)
    }

    fn learn<M: MarkSignal + Modalities>(
        &self,
        train: &Dataset<(M, Sequences)>,
        valid: &Dataset<(M, Sequences)>,
        seed: u64,
    ) -> Result<Trained<WakaWaka>> {
        let config = &self.architecture;
        if config.marks.is_empty() || config.dna.is_empty() {
            return Err(Error::Setting {
                name: "marks, dna",
                expected: "both modules, to train one after the other".into(),
                found: "one".into(),
            });
        }
        let mut known = BTreeMap::new();
        {
            let of = |data: &Dataset<(M, Sequences)>| data.with_inputs(data.inputs.0.clone());
            let (train, valid) = (of(train)?, of(valid)?);
            let only = config.clone().marks_only();
            let trained = self.stage(
                "train the marks module",
                only,
                self.recipe.clone(),
                [&train, &valid],
                seed,
            )?;
            keep(&trained.network, "marks.", &mut known);
        }
        {
            let of = |data: &Dataset<(M, Sequences)>| data.with_inputs(data.inputs.1.clone());
            let (train, valid) = (of(train)?, of(valid)?);
            let only = config.clone().dna_only();
            let trained = self.stage(
                "train the DNA module",
                only,
                self.recipe.clone(),
                [&train, &valid],
                seed,
            )?;
            keep(&trained.network, "dna.", &mut known);
        }
        let frozen = Group {
            name: "modules".into(),
            prefixes: vec!["marks.".into(), "dna.".into()],
            learning_rate: self.recipe.learning_rate,
            from_step: u64::MAX,
        };
        let joint = Recipe {
            groups: vec![frozen],
            ..self.recipe.clone()
        };
        let begun = Begun {
            config: config.clone(),
            known,
        };
        let trained = self.stage("train the joint layers", begun, joint, [train, valid], seed)?;
        if self.last == WakaWakaStage::Joint {
            return Ok(trained);
        }
        let mut known = BTreeMap::new();
        keep(&trained.network, "", &mut known);
        let begun = Begun {
            config: config.clone(),
            known,
        };
        let slow = Recipe {
            learning_rate: self.recipe.learning_rate / 10.0,
            ..self.recipe.clone()
        };
        self.stage("train end to end", begun, slow, [train, valid], seed)
    }
}

impl<M: MarkSignal + Modalities> Fit<(M, Sequences)> for StagedWakaWaka {
    type Fitted = Trained<WakaWaka>;

    fn fit(
        &self,
        train: &Dataset<(M, Sequences)>,
        valid: &Dataset<(M, Sequences)>,
        seed: u64,
    ) -> chromex_core::Result<Self::Fitted> {
        Ok(self.learn(train, valid, seed)?)
    }
}

impl<X: Modalities> Architecture<X> for Begun {
    type Network = WakaWaka;

    fn build(&self, train: &Dataset<X>, seed: u64, device: &Device) -> Result<WakaWaka> {
        let network = Architecture::<X>::build(&self.config, train, seed, device)?;
        let mut drawn = BTreeMap::new();
        keep(&network, "", &mut drawn);
        weights::fill(network, |path, _| {
            let values = self.known.get(path).or_else(|| drawn.get(path));
            Ok(values.expect("every parameter was listed").clone())
        })
    }
}

/// Notes the parameters whose path begins with a prefix.
fn keep<M: Module>(network: &M, prefix: &str, known: &mut BTreeMap<String, Vec<f32>>) {
    for (path, values) in weights::values(network) {
        if path.starts_with(prefix) {
            known.insert(path, values);
        }
    }
}
