use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param, ParamGroup};
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig, momentum::MomentumConfig};

use crate::adaptive_moments::AdaptiveMoments;
use crate::fused::MomentRule;
use crate::{Decay, Error, Optimizer, Recipe, Result};

/// Moves weights by gradients, at one learning rate per group.
pub(crate) struct Stepper {
    optimizer: ModuleOptimizer,
}

impl Stepper {
    pub(crate) fn new(optimizer: Optimizer) -> Self {
        let optimizer = match optimizer {
            Optimizer::AdamW {
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
                decay,
            } => {
                let all = AdaptiveMoments {
                    rule: MomentRule {
                        beta_1,
                        beta_2,
                        epsilon,
                        weight_decay,
                        largest_norm: None,
                    },
                    corrected: true,
                };
                match decay {
                    Decay::All => ModuleOptimizer::from(all),
                    Decay::ExceptBiases => {
                        let biases = ParamGroup::from_any_regexes(vec!["bias$", "beta$"])
                            .expect("the patterns are constants");
                        let mut spared = all.clone();
                        spared.rule.weight_decay = 0.0;
                        ModuleOptimizer::from(all).with_group(biases, spared, None)
                    }
                }
            }
            Optimizer::Sgd { momentum } => {
                let momentum = (momentum != 0.0).then(|| {
                    MomentumConfig::new()
                        .with_momentum(momentum)
                        .with_dampening(0.0)
                });
                SgdConfig::new().with_momentum(momentum).init()
            }
            Optimizer::Lamb {
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
            } => ModuleOptimizer::from(AdaptiveMoments {
                rule: MomentRule {
                    beta_1,
                    beta_2,
                    epsilon,
                    weight_decay,
                    largest_norm: Some(f32::INFINITY),
                },
                corrected: true,
            }),
            Optimizer::LambUncorrected {
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
                largest_norm,
            } => ModuleOptimizer::from(AdaptiveMoments {
                rule: MomentRule {
                    beta_1,
                    beta_2,
                    epsilon,
                    weight_decay,
                    largest_norm: Some(largest_norm),
                },
                corrected: false,
            }),
        };
        Self { optimizer }
    }

    /// Takes step `step` (0-based) of `total`.
    pub(crate) fn step<M: Module>(
        &mut self,
        mut module: M,
        grads: GradientsParams,
        recipe: &Recipe,
        step: u64,
        total: u64,
    ) -> M {
        let rates = recipe.learning_rates(step, total);
        if let ([Some(rate)], []) = (rates.as_slice(), recipe.groups.as_slice()) {
            return self.optimizer.step(*rate, module, grads);
        }
        for (rate, grads) in rates.into_iter().zip(by_group(&module, grads, recipe)) {
            if let Some(rate) = rate.filter(|_| !grads.is_empty()) {
                module = self.optimizer.step(rate, module, grads);
            }
        }
        module
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes = self.optimizer.into_bytes().map_err(record)?;
        Ok(bytes.to_vec())
    }

    pub(crate) fn load(self, bytes: Vec<u8>) -> Result<Self> {
        let bytes = burn::tensor::Bytes::from_bytes_vec(bytes);
        Ok(Self {
            optimizer: self.optimizer.from_bytes(bytes).map_err(record)?,
        })
    }
}

/// Refuses groups that name no parameter: a misspelt prefix would train what it meant to freeze.
pub(crate) fn check_groups<M: Module>(module: &M, recipe: &Recipe) -> Result<()> {
    let mut paths = Paths::default();
    module.visit(&mut paths);
    for group in &recipe.groups {
        for prefix in &group.prefixes {
            if !paths.seen.iter().any(|path| path.starts_with(prefix)) {
                return Err(Error::Setting {
                    name: "prefixes",
                    expected: format!("the beginning of one of {:?}", paths.seen),
                    found: prefix.clone(),
                });
            }
        }
    }
    Ok(())
}

/// Drops the gradients of groups that are yet to thaw, so that limits and checks of all gradients see only those that move
/// weights.
pub(crate) fn thawed<M: Module>(
    module: &M,
    grads: GradientsParams,
    recipe: &Recipe,
    step: u64,
) -> GradientsParams {
    let frozen = |group: usize| recipe.groups[group].from_step > step;
    if !(0..recipe.groups.len()).any(frozen) {
        return grads;
    }
    let parts = [GradientsParams::new(), GradientsParams::new()];
    let [kept, _] = deal(module, grads, parts, |path| {
        usize::from(recipe.group_of(path).is_some_and(frozen))
    });
    kept
}

/// Deals gradients out: index 0 is the recipe itself, then its groups.
fn by_group<M: Module>(
    module: &M,
    grads: GradientsParams,
    recipe: &Recipe,
) -> Vec<GradientsParams> {
    let parts = (0..=recipe.groups.len()).map(|_| GradientsParams::new());
    deal(module, grads, parts.collect(), |path| {
        recipe.group_of(path).map_or(0, |group| group + 1)
    })
}

/// Deals gradients out to the part that each parameter's path belongs to.
fn deal<M: Module, P: AsMut<[GradientsParams]>>(
    module: &M,
    grads: GradientsParams,
    parts: P,
    part: impl Fn(&str) -> usize,
) -> P {
    let mut dealing = Dealing {
        path: Vec::new(),
        from: grads,
        to: parts,
        part,
    };
    module.visit(&mut dealing);
    dealing.to
}

struct Dealing<P, F> {
    path: Vec<String>,
    from: GradientsParams,
    to: P,
    part: F,
}

impl<P: AsMut<[GradientsParams]>, F: Fn(&str) -> usize> ModuleVisitor for Dealing<P, F> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(grad) = self.from.remove::<D>(param.id) else {
            return;
        };
        let part = (self.part)(&self.path.join("."));
        self.to.as_mut()[part].register(param.id, grad);
    }
}

#[derive(Default)]
struct Paths {
    path: Vec<String>,
    seen: Vec<String>,
}

impl ModuleVisitor for Paths {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, _param: &Param<Tensor<D>>) {
        self.seen.push(self.path.join("."));
    }
}

fn record(source: burn::store::RecordError) -> Error {
    Error::Record {
        what: "optimiser state",
        source,
    }
}
