use std::collections::BTreeMap;
use std::sync::Arc;

use burn::module::Module;
use chromex_core::Fingerprint;
use serde::{Serialize, Serializer};

use super::{fill, read};
use crate::{Error, Result};

/// The shape and the numbers of each parameter.
type Noted = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Weights of one network that another begins with, as fine-tuning begins with what was pre-trained.
///
/// Written out, as into the key of a checkpoint, it is the digest of its numbers.
#[derive(Clone, Debug)]
pub struct Snapshot {
    values: Arc<Noted>,
    digest: String,
}

impl Snapshot {
    /// Notes the parameters whose paths begin with a prefix; an empty one notes all.
    pub fn of<M: Module>(module: &M, prefix: &str) -> Self {
        let mut print = Fingerprint::default();
        let mut known = BTreeMap::new();
        for (path, shape, values) in read(module) {
            if path.starts_with(prefix) {
                print.text(&path);
                print.numbers(shape.iter().map(|&side| side as u64));
                print.numbers(values.iter().map(|value| u64::from(value.to_bits())));
                known.insert(path, (shape, values));
            }
        }
        Self {
            values: Arc::new(known),
            digest: print.finish(),
        }
    }

    /// Gives a network the noted numbers; parameters that were not noted keep theirs.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when the network lacks a noted parameter or has it in another shape.
    pub fn begin<M: Module>(&self, module: M) -> Result<M> {
        let mut drawn: BTreeMap<_, _> = read(&module)
            .into_iter()
            .map(|(path, shape, values)| (path, (shape, values)))
            .collect();
        for (path, (shape, values)) in self.values.iter() {
            let found = drawn.insert(path.clone(), (shape.clone(), values.clone()));
            let found = found.map(|(shape, _)| shape);
            if found.as_ref() != Some(shape) {
                return Err(Error::Setting {
                    name: "weights to begin with",
                    expected: format!("`{path}` of shape {shape:?}"),
                    found: format!("{found:?}"),
                });
            }
        }
        fill(module, |path, _| {
            let known = drawn.remove(path);
            Ok(known.expect("every parameter was listed").1)
        })
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.digest)
    }
}
