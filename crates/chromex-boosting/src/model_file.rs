//! Models as JSON files that carry the checksum of their content.

use std::path::Path;

use chromex_core::{atomic, seal};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes a model as JSON; what stood at `path` before stands there until the whole file is written.
pub(crate) fn save<M: Serialize>(path: &Path, model: &M) -> chromex_core::Result<()> {
    atomic::write(path, |file| {
        file.write_all(&seal::json(&serde_json::to_vec(model)?))
    })
}

/// Reads a model that [`save`] wrote, and names what the file should have held where it does not. A file in which any bit has
/// changed is refused.
pub(crate) fn load<M: DeserializeOwned>(
    path: &Path,
    expected: &'static str,
) -> chromex_core::Result<M> {
    let text = seal::content(&crate::xgboost::read_file(path)?).map_err(|broken| {
        let stage = format!(
            "{}: expected {expected}; fit and save it again",
            path.display()
        );
        chromex_core::Error::stage(stage, broken)
    })?;
    serde_json::from_slice(&text).map_err(|source| chromex_core::Error::Malformed {
        path: path.to_owned(),
        expected,
        source,
    })
}
