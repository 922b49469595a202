use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Prediction, Result, atomic};

/// A finished fit on disk, with what it depends on.
#[derive(Serialize, Deserialize)]
struct KeptFit {
    fingerprint: String,
    prediction: Prediction,
}

/// A kept fit that cannot be read, or belongs to other settings, is fitted again.
pub(crate) fn read_kept((path, fingerprint): &(PathBuf, String)) -> Option<Prediction> {
    let kept: KeptFit = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    (&kept.fingerprint == fingerprint).then_some(kept.prediction)
}

pub(crate) fn write_kept(file: Option<(PathBuf, String)>, prediction: &Prediction) -> Result<()> {
    let Some((path, fingerprint)) = file else {
        return Ok(());
    };
    let kept = KeptFit {
        fingerprint,
        prediction: prediction.clone(),
    };
    atomic::write(&path, |out| {
        serde_json::to_writer(out, &kept).map_err(std::io::Error::from)
    })
}

pub(crate) fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
