use burn::module::{Lora, Module, ParamGroup};
use chromex_core::random;
use serde::{Deserialize, Serialize};

use crate::{Device, Error, Result, weights};

/// Which weights training moves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adaptation {
    /// All.
    #[default]
    All,
    /// Those whose paths begin with one of these. The others are frozen: no gradient of theirs is computed, and nothing is
    /// dropped between them.
    Only(Vec<String>),
    /// Low-rank adapters beside frozen matrices (Hu et al. 2022, doi:10.48550/arXiv.2106.09685), added to them in the end.
    LowRank(LowRank),
}

/// Which matrices get low-rank adapters, and how large.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowRank {
    /// Columns of the first factor and rows of the second.
    pub rank: usize,
    /// The product of the factors counts `alpha / rank` times.
    pub alpha: f64,
    /// Parts of the paths of matrices that get an adapter.
    pub matrices: Vec<String>,
    /// Beginnings of the paths of parameters that are trained themselves, as a new head is.
    pub whole: Vec<String>,
}

impl Adaptation {
    /// Tells whether all weights are trained. A recipe then says nothing of it, so that what was saved before is found.
    pub(crate) fn is_all(&self) -> bool {
        *self == Self::All
    }

    /// Freezes what is not trained, and adds adapters.
    pub(crate) fn begin<M: Module>(&self, network: M, seed: u64, device: &Device) -> Result<M> {
        match self {
            Self::All => Ok(network),
            Self::Only(prefixes) => {
                let trained = group(&network, prefixes)?;
                Ok(network.freeze().unfreeze_group(trained))
            }
            Self::LowRank(low) => {
                let whole = group(&network, &low.whole)?;
                let adapted = |(path, shape): &(String, Vec<usize>)| {
                    shape.len() == 2 && low.matrices.iter().any(|part| path.contains(part))
                };
                let shapes = weights::shapes(&network);
                let paths: Vec<&(String, Vec<usize>)> =
                    shapes.iter().filter(|shape| adapted(shape)).collect();
                let smallest = paths.iter().flat_map(|(_, shape)| shape).min();
                if low.rank == 0 || smallest.is_none_or(|&extent| low.rank > extent) {
                    return Err(Error::Setting {
                        name: "rank, matrices",
                        expected: format!(
                            "a rank from 1 to {} and parts of the paths of matrices",
                            smallest.unwrap_or(&0)
                        ),
                        found: format!("{}, {:?}", low.rank, low.matrices),
                    });
                }
                let paths: Vec<String> = paths.into_iter().map(|(path, _)| path.clone()).collect();
                let matrices = ParamGroup::from_paths(paths);
                // The first factors are drawn on the device.
                device.seed(random::derive(seed, "low-rank adapters"));
                let lora = Lora::new(low.rank, low.alpha).set_param_group(matrices);
                Ok(network.freeze().apply_lora(lora).unfreeze_group(whole))
            }
        }
    }

    /// Adds adapters to their matrices.
    pub(crate) fn end<M: Module>(&self, network: M) -> M {
        match self {
            Self::LowRank(_) => network.materialize(),
            _ => network,
        }
    }
}

/// The parameters whose paths begin with one of the prefixes, each of which must name one.
fn group<M: Module>(network: &M, prefixes: &[String]) -> Result<ParamGroup> {
    let shapes = weights::shapes(network);
    let known = |prefix: &String| shapes.iter().any(|(path, _)| path.starts_with(prefix));
    let refuse = |found: &str| Error::Setting {
        name: "adaptation",
        expected: format!(
            "beginnings of {}",
            chromex_core::listed(shapes.iter().map(|(path, _)| path))
        ),
        found: found.to_owned(),
    };
    if let Some(unknown) = prefixes.iter().find(|prefix| !known(prefix)) {
        return Err(refuse(unknown));
    }
    let patterns: Vec<String> = prefixes
        .iter()
        .map(|prefix| format!("^{}", prefix.replace('.', "\\.")))
        .collect();
    ParamGroup::from_any_regexes(patterns).map_err(|_| refuse(&prefixes.join(", ")))
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::blocks::Dropout;
    use crate::fused::tests::{draw, numbers};
    use burn::nn::{Linear, LinearConfig};

    #[derive(Module, Debug)]
    struct Part {
        matrix: Linear,
        dropout: Dropout,
    }

    #[derive(Module, Debug)]
    struct Parts {
        base: Part,
        head: Part,
    }

    #[test]
    fn what_is_frozen_drops_nothing_and_what_is_trained_does() {
        let inputs = draw("inputs", [30, 30], 1.0);
        let device = inputs.device();
        let part = || Part {
            matrix: LinearConfig::new(4, 4).init(&device),
            dropout: Dropout::new(0.5),
        };
        let drops = |part: &Part| {
            let left = numbers(part.dropout.forward(inputs.clone()));
            left.contains(&0.0)
        };
        let adapted = |adaptation: Adaptation| {
            let parts = Parts {
                base: part(),
                head: part(),
            };
            let begun = adaptation.begin(parts, 0, &device).unwrap();
            let ended = adaptation.end(begun.clone()).valid();
            assert!(!drops(&ended.base) && !drops(&ended.head));
            [drops(&begun.base), drops(&begun.head)]
        };
        let head = || vec!["head.".to_owned()];
        assert_eq!(adapted(Adaptation::All), [true, true]);
        assert_eq!(adapted(Adaptation::Only(head())), [false, true]);
        let low = LowRank {
            rank: 2,
            alpha: 1.0,
            matrices: vec!["base.matrix.weight".into()],
            whole: head(),
        };
        assert_eq!(adapted(Adaptation::LowRank(low)), [false, true]);
    }
}
