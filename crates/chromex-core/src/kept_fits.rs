use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Error, Fingerprint, Fold, Part, Prediction, Result, atomic, input};

/// Where finished fits are kept, and what says how their models were configured.
pub(crate) struct Kept {
    pub(crate) folder: PathBuf,
    pub(crate) settings: String,
}

impl Kept {
    /// Finds the place of a fit, by the fingerprint of all it depends on: the data, the model's name, the settings, the fold,
    /// the seed and the part that is scored.
    pub(crate) fn place(
        &self,
        data_hash: &str,
        model: &str,
        fold: &Fold,
        seed: u64,
        part: Part,
    ) -> Place {
        let mut print = Fingerprint::default();
        for text in [data_hash, model, &self.settings, &fold.name] {
            print.text(text);
        }
        for rows in [&fold.train, &fold.valid, &fold.test] {
            print.numbers(rows.iter().map(|&row| row as u64));
        }
        print.number(seed);
        print.number(u64::from(part == Part::Test));
        let fingerprint = print.finish();
        Place {
            file: self.folder.join(format!("{}.json", &fingerprint[..32])),
            fingerprint,
            last: None,
        }
    }

    /// Names the file that says which fit of a model, fold and seed was handed on last, whatever its settings.
    pub(crate) fn last(&self, model: &str, fold: &Fold, seed: u64) -> PathBuf {
        let mut print = Fingerprint::default();
        print.text(model);
        print.text(&fold.name);
        print.number(seed);
        self.folder.join(format!("{}.last", &print.finish()[..32]))
    }
}

/// Where a fit is kept.
pub(crate) struct Place {
    file: PathBuf,
    fingerprint: String,
    /// What says which fit was handed on last, for a model whose fits are.
    pub(crate) last: Option<PathBuf>,
}

/// A finished fit on disk, with what it depends on.
#[derive(Serialize, Deserialize)]
struct KeptFit {
    fingerprint: String,
    prediction: Prediction,
}

impl Place {
    /// Reads the fit. One that cannot be read, that belongs to other settings, or after which another was handed on, is fitted
    /// again.
    pub(crate) fn read(&self) -> Option<Prediction> {
        if let Some(last) = &self.last
            && input::read(last, input::MOST_SETTINGS_BYTES).ok()? != self.fingerprint.as_bytes()
        {
            return None;
        }
        let kept: KeptFit =
            serde_json::from_slice(&input::read(&self.file, input::MOST_MODEL_BYTES).ok()?).ok()?;
        (kept.fingerprint == self.fingerprint).then_some(kept.prediction)
    }

    /// Forgets which fit was handed on last, because another may be before it is written.
    pub(crate) fn begin(&self) -> Result<()> {
        match self
            .last
            .as_ref()
            .map(|last| (last, std::fs::remove_file(last)))
        {
            Some((last, Err(source))) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", last, source))
            }
            _ => Ok(()),
        }
    }

    /// Writes the fit, which was handed on where such fits are.
    pub(crate) fn write(&self, prediction: &Prediction) -> Result<()> {
        let kept = KeptFit {
            fingerprint: self.fingerprint.clone(),
            prediction: prediction.clone(),
        };
        atomic::write(&self.file, |out| {
            serde_json::to_writer(out, &kept).map_err(std::io::Error::from)
        })?;
        match &self.last {
            Some(last) => atomic::write(last, |out| out.write_all(self.fingerprint.as_bytes())),
            None => Ok(()),
        }
    }
}
