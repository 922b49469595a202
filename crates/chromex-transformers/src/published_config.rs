//! Published `config.json` files.

use std::path::Path;

use chromex_core::{atomic, input};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Result};

/// Reads a configuration; `expected` says whose.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, expected: &'static str) -> Result<T> {
    let text = input::read(path, input::MOST_SETTINGS_BYTES).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|source| Error::Malformed {
        path: path.to_owned(),
        expected,
        source,
    })
}

/// Refuses a configuration in which a field is not what the network here computes.
pub(crate) fn require(
    path: &Path,
    field: &'static str,
    expected: &'static str,
    found: &str,
) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Unsupported {
        path: path.to_owned(),
        field,
        expected,
        found: found.to_owned(),
    })
}

/// Names the file of a configuration whose shape is refused.
pub(crate) fn checked<T>(path: &Path, config: T, check: chromex_nn::Result<()>) -> Result<T> {
    match check {
        Ok(()) => Ok(config),
        Err(source) => Err(Error::Config {
            path: path.to_owned(),
            source: Box::new(source),
        }),
    }
}

/// Writes a configuration, whole or not at all.
pub(crate) fn write(path: &Path, config: &Value) -> Result<()> {
    atomic::write(path, |file| {
        serde_json::to_writer_pretty(file, config).map_err(std::io::Error::from)
    })
    .map_err(chromex_nn::Error::from)?;
    Ok(())
}
