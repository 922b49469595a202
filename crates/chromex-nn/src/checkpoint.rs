use std::collections::HashMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::store::ModuleRecord;
use chromex_core::seal::Broken;
use chromex_core::{Fingerprint, TokenIds};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::precision::LossScale;
use crate::tensor_file::seal;
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
/// What the parts mean. It counts up when a saved training can no longer go on to the bits that it would have come to, or is
/// not known to: version 4 carries the checksum of its content.
const CURRENT_VERSION: &str = "4";

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
    /// Writes everything as one file, so that no kill can leave halves of two steps, with the checksum of all its bytes.
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
        let sealed = seal::seal(&file, &[]);
        chromex_core::atomic::write(path, |out| out.write_all(&sealed))?;
        Ok(())
    }

    /// Reads a checkpoint; nothing where there is none. One of which any bit has changed since it was written is an error: to
    /// begin anew would lose what was trained without a word.
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
        let (length, header) =
            SafeTensors::read_metadata(&bytes).map_err(|error| malformed(error.into()))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let version = metadata.get(VERSION);
        if version.is_none_or(|version| version != CURRENT_VERSION) {
            let found = version.map_or("1", String::as_str);
            return Err(Error::Malformed {
                path: path.to_owned(),
                expected: "a training checkpoint of version 4; remove it to train anew",
                source: format!("found version {found}").into(),
            });
        }
        let text = bytes.get(8..8 + length).unwrap_or_default();
        let sealed = seal::check(&bytes[..], text, &metadata).map_err(|source| Error::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        let broken = match sealed {
            Ok(true) => None,
            Ok(false) => Some(Broken::Missing),
            Err(broken) => Some(broken),
        };
        if let Some(broken) = broken {
            return Err(Error::Malformed {
                path: path.to_owned(),
                expected: "a training checkpoint as it was written; remove it to train anew",
                source: broken.into(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bit_of_a_checkpoint_can_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.checkpoint");
        let checkpoint = Checkpoint {
            progress: Progress {
                step: 7,
                best: Some(0.25),
                ..Progress::default()
            },
            weights: (0..40).collect(),
            optimizer: vec![1; 9],
            best_weights: Some(vec![3; 5]),
        };
        checkpoint.save(&path).unwrap();
        let read = Checkpoint::load(&path).unwrap().unwrap();
        assert_eq!(read.progress, checkpoint.progress);
        assert_eq!(read.weights, checkpoint.weights);
        let whole = std::fs::read(&path).unwrap();
        let changed = folder.path().join("changed");
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&changed, flipped).unwrap();
            assert!(Checkpoint::load(&changed).is_err(), "bit {bit}");
        }
        for end in 0..whole.len() {
            std::fs::write(&changed, &whole[..end]).unwrap();
            assert!(Checkpoint::load(&changed).is_err(), "up to {end}");
        }
        let mut flipped = whole.clone();
        let weights = whole.windows(4).position(|bytes| bytes == [8, 9, 10, 11]);
        flipped[weights.unwrap()] ^= 1;
        std::fs::write(&changed, flipped).unwrap();
        let Err(error) = Checkpoint::load(&changed) else {
            panic!("read");
        };
        assert!(
            error.to_string().ends_with("remove it to train anew"),
            "{error}"
        );
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.starts_with("the checksum is not that"), "{cause}");
    }

    #[test]
    fn a_checkpoint_of_an_older_version_is_refused_with_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.checkpoint");
        for version in ["3", "4"] {
            let data = [0_u8; 8];
            let view = TensorView::new(Dtype::U8, vec![8], &data).unwrap();
            let metadata = HashMap::from([(VERSION.to_owned(), version.to_owned())]);
            let file = safetensors::serialize([(WEIGHTS, view)], Some(metadata)).unwrap();
            std::fs::write(&path, file).unwrap();
            let Err(error) = Checkpoint::load(&path) else {
                panic!("read");
            };
            assert!(
                error.to_string().ends_with("remove it to train anew"),
                "{error}"
            );
        }
    }
}
