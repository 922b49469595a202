use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Fingerprint, Fold, Part, Prediction, Result, atomic};

/// Where finished fits are kept, and what says how their models were configured.
pub(crate) struct Kept {
    pub(crate) folder: PathBuf,
    pub(crate) settings: String,
}

impl Kept {
    /// Names the file of a fit, and the fingerprint of all it depends on: the names given, the settings, the fold, the
    /// seed and the part that is scored.
    pub(crate) fn file(
        &self,
        names: &[&str],
        fold: &Fold,
        seed: u64,
        part: Part,
    ) -> (PathBuf, String) {
        let mut print = Fingerprint::default();
        for text in names.iter().chain(&[self.settings.as_str(), &fold.name]) {
            print.text(text);
        }
        for rows in [&fold.train, &fold.valid, &fold.test] {
            print.numbers(rows.iter().map(|&row| row as u64));
        }
        print.number(seed);
        print.number(u64::from(part == Part::Test));
        let fingerprint = print.finish();
        let file = self.folder.join(format!("{}.json", &fingerprint[..32]));
        (file, fingerprint)
    }
}

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
