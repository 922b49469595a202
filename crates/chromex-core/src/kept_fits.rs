use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Fingerprint, Fold, Part, Prediction, Result, atomic, input, seal};

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

/// What is found where a fit is kept.
pub(crate) enum Found {
    /// The fit.
    Kept(Box<Prediction>),
    /// None, or one after which another was handed on.
    Nothing,
    /// A file that is not what was written; the reason is a sentence for the reader.
    Refused(String),
}

impl Place {
    /// Reads the fit. One whose bytes are not those that were written, by the checksum among them, is refused.
    pub(crate) fn read(&self) -> Found {
        if let Some(last) = &self.last {
            match input::read(last, input::MOST_SETTINGS_BYTES) {
                Ok(fingerprint) if fingerprint == self.fingerprint.as_bytes() => {}
                Ok(other) if is_fingerprint(&other) => return Found::Nothing,
                Ok(_) => return refused(last, "it does not name a fit"),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Found::Nothing;
                }
                Err(error) => return refused(last, error),
            }
        }
        let sealed = match input::read(&self.file, input::MOST_MODEL_BYTES) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Found::Nothing,
            Err(error) => return refused(&self.file, error),
        };
        let kept: KeptFit = match seal::content(&sealed) {
            Ok(text) => match serde_json::from_slice(&text) {
                Ok(kept) => kept,
                Err(error) => return refused(&self.file, error),
            },
            Err(broken) => return refused(&self.file, broken),
        };
        if kept.fingerprint != self.fingerprint {
            return refused(&self.file, "it is of another fit");
        }
        Found::Kept(Box::new(kept.prediction))
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
            out.write_all(&seal::json(&serde_json::to_vec(&kept)?))
        })?;
        match &self.last {
            Some(last) => atomic::write(last, |out| out.write_all(self.fingerprint.as_bytes())),
            None => Ok(()),
        }
    }
}

fn is_fingerprint(bytes: &[u8]) -> bool {
    bytes.len() == seal::DIGITS && bytes.iter().all(u8::is_ascii_hexdigit)
}

fn refused(path: &Path, reason: impl std::fmt::Display) -> Found {
    Found::Refused(format!("{}: {reason}; it is fitted again", path.display()))
}
