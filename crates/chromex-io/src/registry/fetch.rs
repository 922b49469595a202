use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chromex_core::observe::{Observer, Silent};

use super::catalogue::{DatasetEntry, built_in};
use super::download::{self, is_sound};
use crate::{Error, Result};

/// Datasets by name, and a folder that keeps what was fetched.
///
/// # Examples
///
/// ```no_run
/// use chromex_io::deepdiff::DeepDiffPair;
/// use chromex_io::registry::Registry;
/// let fetched = Registry::new("cache").fetch("deepdiff-sample")?;
/// println!("{}: {}", fetched.entry.name, fetched.entry.licence);
/// let data = DeepDiffPair::new(&fetched.folder, "Cell1", "Cell2").load()?;
/// # Ok::<(), chromex_io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    cache: PathBuf,
    datasets: Vec<DatasetEntry>,
    is_offline: bool,
    pause: Duration,
}

/// A dataset that lies in the cache, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What it is: its licence and citation.
    pub entry: DatasetEntry,
    /// The folder of its files.
    pub folder: PathBuf,
    /// Its files, in the order of the entry.
    pub files: Vec<PathBuf>,
    /// How many of them were downloaded now.
    pub downloaded: usize,
}

/// What of a dataset lies in the cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// Files that are there with the right checksum.
    pub sound: Vec<String>,
    /// Files that are not there.
    pub missing: Vec<String>,
    /// Files that are there and have another checksum.
    pub changed: Vec<String>,
    /// For each experiment with replicates: how many are sound, and how many there are.
    pub replicates: BTreeMap<String, (usize, usize)>,
}

impl fmt::Display for Verification {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.sound.len() + self.missing.len() + self.changed.len();
        write!(formatter, "{} of {count} files", self.sound.len())?;
        for (experiment, (sound, all)) in &self.replicates {
            write!(formatter, "; {experiment}: {sound} of {all} replicates")?;
        }
        if self.missing.is_empty() && self.changed.is_empty() {
            return formatter.write_str(", checksums match");
        }
        for (flaw, files) in [("missing", &self.missing), ("changed", &self.changed)] {
            if !files.is_empty() {
                write!(formatter, ", {flaw}: {}", files.join(", "))?;
            }
        }
        Ok(())
    }
}

impl Registry {
    /// Knows the public datasets, and keeps what it fetches in a folder, which it makes when it needs it.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            cache: cache.into(),
            datasets: built_in(),
            is_offline: false,
            pause: Duration::from_secs(1),
        }
    }

    /// Adds the datasets of a manifest: a JSON list of [`DatasetEntry`]. One of a known name takes its place.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be read, [`Error::Unreadable`] when it is no such list, a name would leave the
    /// cache's folder, an address is neither https nor this machine's, a checksum is none, or two datasets have one name.
    pub fn with_manifest(mut self, path: &Path) -> Result<Self> {
        let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| Error::Unreadable {
            path: path.to_owned(),
            format: "a manifest of datasets",
            source,
        };
        let most = chromex_core::input::MOST_SETTINGS_BYTES;
        let text = chromex_core::input::read_text(path, most).map_err(|source| Error::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        let datasets: Vec<DatasetEntry> =
            serde_json::from_str(&text).map_err(|source| unreadable(source.into()))?;
        let mut names = BTreeSet::new();
        for dataset in datasets {
            if !names.insert(dataset.name.to_lowercase()) {
                return Err(unreadable(
                    format!("two datasets named {:?}", dataset.name).into(),
                ));
            }
            if let Some(flaw) = dataset.flaw() {
                return Err(unreadable(flaw.into()));
            }
            self.datasets.retain(|known| known.name != dataset.name);
            self.datasets.push(dataset);
        }
        Ok(self)
    }

    /// Uses no network: what is not in the cache is an error.
    pub fn offline(mut self) -> Self {
        self.is_offline = true;
        self
    }

    /// Waits so long before it tries a lost connection again, and longer each time.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Lists the datasets.
    pub fn datasets(&self) -> &[DatasetEntry] {
        &self.datasets
    }

    /// Finds a dataset.
    ///
    /// # Errors
    ///
    /// [`Error::Core`] when none has this name; the message lists those that exist.
    pub fn entry(&self, name: &str) -> Result<&DatasetEntry> {
        let found = self.datasets.iter().find(|dataset| dataset.name == name);
        found.ok_or_else(|| {
            Error::Core(chromex_core::Error::UnknownName {
                what: "dataset",
                name: name.to_owned(),
                known: self
                    .datasets
                    .iter()
                    .map(|dataset| dataset.name.clone())
                    .collect(),
            })
        })
    }

    /// Brings a dataset into the cache, unless it is there, and checks every file.
    ///
    /// # Errors
    ///
    /// Those of [`entry`](Self::entry); [`Error::Offline`] when a file is not there and the network may not be used;
    /// [`Error::Download`] when it cannot be downloaded, tries included: what came is kept and gone on with next
    /// time; [`Error::Checksum`] when what came is not the file; [`Error::Core`] when the cache cannot be written.
    pub fn fetch(&self, name: &str) -> Result<Fetched> {
        self.fetch_observed(name, &Silent)
    }

    /// Fetches as [`fetch`](Self::fetch) does and tells how many bytes came, per file.
    ///
    /// # Errors
    ///
    /// Those of [`fetch`](Self::fetch).
    pub fn fetch_observed(&self, name: &str, observer: &dyn Observer) -> Result<Fetched> {
        let entry = self.entry(name)?;
        let folder = self.cache.join(&entry.name);
        let agent = download::agent();
        let mut fetched = Fetched {
            entry: entry.clone(),
            folder: folder.clone(),
            files: Vec::new(),
            downloaded: 0,
        };
        for file in &entry.files {
            let place = folder.join(&file.name);
            if !is_sound(&place, file.bytes, &file.sha256)? {
                if self.is_offline {
                    return Err(Error::Offline { path: place });
                }
                let made = std::fs::create_dir_all(&folder);
                made.map_err(|source| chromex_core::Error::io("create", &folder, source))?;
                download::download(&agent, file, &place, self.pause, observer)?;
                fetched.downloaded += 1;
            }
            fetched.files.push(place);
        }
        Ok(fetched)
    }

    /// Says what of a dataset lies in the cache, without the network.
    ///
    /// # Errors
    ///
    /// Those of [`entry`](Self::entry), and [`Error::Io`] when a file cannot be read.
    pub fn verify(&self, name: &str) -> Result<Verification> {
        let entry = self.entry(name)?;
        let mut found = Verification::default();
        for file in &entry.files {
            let place = self.cache.join(&entry.name).join(&file.name);
            let list = match place.exists() {
                false => &mut found.missing,
                true if is_sound(&place, file.bytes, &file.sha256)? => &mut found.sound,
                true => &mut found.changed,
            };
            list.push(file.name.clone());
            if let Some(replicate) = &file.replicate {
                let is_sound = found.sound.last() == Some(&file.name);
                let (sound, all) = found.replicates.entry(replicate.of.clone()).or_default();
                *sound += usize::from(is_sound);
                *all += 1;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_and_what_changed_are_both_shown() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let shown = |missing: &[&str], changed: &[&str]| {
            let found = Verification {
                sound: names(&["a"]),
                missing: names(missing),
                changed: names(changed),
                ..Verification::default()
            };
            found.to_string()
        };
        assert_eq!(shown(&[], &[]), "1 of 1 files, checksums match");
        assert_eq!(shown(&["b"], &[]), "1 of 2 files, missing: b");
        assert_eq!(shown(&[], &["c"]), "1 of 2 files, changed: c");
        assert_eq!(
            shown(&["b", "d"], &["c"]),
            "1 of 4 files, missing: b, d, changed: c"
        );
    }
}
