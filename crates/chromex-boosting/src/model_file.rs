//! Models as JSON files.

use std::path::Path;

use chromex_core::{atomic, input};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Writes a model as JSON; what stood at `path` before stands there until the whole file is written.
pub(crate) fn save<M: Serialize>(path: &Path, model: &M) -> chromex_core::Result<()> {
    atomic::write(path, |file| Ok(serde_json::to_writer(file, model)?))
}

/// Reads a model that [`save`] wrote, and names what the file should have held where it does not.
pub(crate) fn load<M: DeserializeOwned>(
    path: &Path,
    expected: &'static str,
) -> chromex_core::Result<M> {
    input::read_json(path, input::MOST_MODEL_BYTES, expected)
}
