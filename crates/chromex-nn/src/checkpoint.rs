use std::collections::HashMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::store::ModuleRecord;
use chromex_core::{Fingerprint, TokenIds};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::precision::LossScale;
use crate::{Error, Result};

/// Where training is saved so that it can go on after a kill, to the same bits.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    /// The folder; one file per training, named by what it depends on.
    pub folder: PathBuf,
    /// Steps between two saves. The end of training is always saved.
    pub every_steps: u64,
    /// What identifies the inputs, for ids and targets are known, such as the hashes of the files they came from.
    pub data: String,
}

/// What a checkpoint holds beside weights and optimiser state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Optimiser steps taken.
    pub(crate) step: u64,
    /// The lowest validation loss, or the highest score with its sign turned.
    pub(crate) best: Option<f64>,
    /// Looks at the validation rows since then.
    pub(crate) looks_without_better: u32,
    /// Whether training is over.
    pub(crate) finished: bool,
    /// What the loss is multiplied by where training is in half precision.
    pub(crate) loss_scale: LossScale,
}

/// A training that can go on.
pub(crate) struct Checkpoint {
    pub(crate) progress: Progress,
    /// The weights after the last step.
    pub(crate) weights: Vec<u8>,
    /// The optimiser's state after the last step.
    pub(crate) optimizer: Vec<u8>,
    /// The weights with the lowest validation loss, where those are kept.
    pub(crate) best_weights: Option<Vec<u8>>,
}

/// The largest checkpoint that is read.
const MOST_BYTES: u64 = 16 << 30;
const PROGRESS: &str = "progress";
const WEIGHTS: &str = "weights";
const OPTIMIZER: &str = "optimizer";
const BEST_WEIGHTS: &str = "best_weights";
const EXPECTED: &str = "a chromex training checkpoint";
const VERSION: &str = "version";
/// What the parts mean. It counts up when a saved training can no longer go on to the bits that it would have come to.
const CURRENT_VERSION: &str = "3";

impl Checkpoints {
    /// Tells trainings on these tokens from those on others, whose rows may have the same ids.
    pub fn on_tokens(&self, parts: &[&TokenIds]) -> Self {
        let mut print = Fingerprint::default();
        print.text(&self.data);
        parts.iter().for_each(|part| part.fingerprint(&mut print));
        Self {
            data: print.finish(),
            ..self.clone()
        }
    }

    /// Names the file of one training by everything that it depends on.
    pub(crate) fn file(&self, mut print: Fingerprint) -> PathBuf {
        print.text(&self.data);
        let name = print.finish();
        self.folder.join(format!("{}.checkpoint", &name[..32]))
    }
}

impl Checkpoint {
    /// Writes everything as one file, so that no kill can leave halves of two steps.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let malformed = |source| Error::Malformed {
            path: path.to_owned(),
            expected: EXPECTED,
            source,
        };
        let progress =
            serde_json::to_vec(&self.progress).map_err(|error| malformed(error.into()))?;
        let mut parts = vec![
            (PROGRESS, &progress),
            (WEIGHTS, &self.weights),
            (OPTIMIZER, &self.optimizer),
        ];
        if let Some(best) = &self.best_weights {
            parts.push((BEST_WEIGHTS, best));
        }
        let views = parts.into_iter().map(|(name, bytes)| {
            let view = TensorView::new(Dtype::U8, vec![bytes.len()], bytes)
                .expect("the shape is the number of bytes");
            (name, view)
        });
        let metadata = HashMap::from([(VERSION.to_owned(), CURRENT_VERSION.to_owned())]);
        let file = safetensors::serialize(views, Some(metadata))
            .map_err(|error| malformed(error.into()))?;
        chromex_core::atomic::write(path, |out| out.write_all(&file))?;
        Ok(())
    }

    /// Reads a checkpoint; nothing where there is none.
    pub(crate) fn load(path: &Path) -> Result<Option<Self>> {
        let bytes = match chromex_core::input::read(path, MOST_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(Error::Io {
                    action: "read",
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let malformed = |source| Error::Malformed {
            path: path.to_owned(),
            expected: EXPECTED,
            source,
        };
        let (_, header) =
            SafeTensors::read_metadata(&bytes).map_err(|error| malformed(error.into()))?;
        let metadata = header.metadata().as_ref();
        let version = metadata.and_then(|metadata| metadata.get(VERSION));
        if version.is_none_or(|version| version != CURRENT_VERSION) {
            let found = version.map_or("1", String::as_str);
            return Err(Error::Malformed {
                path: path.to_owned(),
                expected: "a training checkpoint of version 3; remove it to train anew",
                source: format!("found version {found}").into(),
            });
        }
        let file = SafeTensors::deserialize(&bytes).map_err(|error| malformed(error.into()))?;
        let part = |name: &str| {
            file.tensor(name)
                .map(|view| view.data().to_vec())
                .map_err(|error| malformed(error.into()))
        };
        Ok(Some(Self {
            progress: serde_json::from_slice(&part(PROGRESS)?)
                .map_err(|error| malformed(error.into()))?,
            weights: part(WEIGHTS)?,
            optimizer: part(OPTIMIZER)?,
            best_weights: part(BEST_WEIGHTS).ok(),
        }))
    }
}

/// Packs the weights of a module, with the identities that optimiser state refers to.
pub(crate) fn pack<M: Module>(module: &M) -> Result<Vec<u8>> {
    settle(module);
    let bytes = module.clone().into_record().into_bytes().map_err(record)?;
    Ok(bytes.to_vec())
}

/// Restores the weights of a module, with their identities.
pub(crate) fn unpack<M: Module>(module: M, bytes: Vec<u8>) -> Result<M> {
    let bytes = burn::tensor::Bytes::from_bytes_vec(bytes);
    let weights = ModuleRecord::from_bytes(bytes).map_err(record)?;
    settle(&module);
    module.try_load_record(weights).map_err(record)
}

/// Takes in what the last step told running statistics, as those of a batch normalisation: burn sets the newest aside, a record
/// does not hold it, and it would outlast weights that are restored. A module that is made ready to predict takes it in.
fn settle<M: Module>(module: &M) {
    drop(module.valid());
}

fn record(source: burn::store::RecordError) -> Error {
    Error::Record {
        what: "weights",
        source,
    }
}
