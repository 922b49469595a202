use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chromex_core::observe::{Observer, Silent};
use chromex_core::{atomic, input};
use serde::{Deserialize, Serialize};

use super::RemoteFile;
use super::download::{self, checksum};
use crate::{Error, Result};

/// The most bytes that are read of a listing.
const MOST_BYTES: u64 = 8 << 20;
/// What a folder's own listing is called.
const LISTING: &str = "files.json";
/// Files beside the weights that say how to compute with them.
const SETTINGS: [&str; 7] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
];
/// Weights, the best first: one file that holds no code, its index where it is divided, and the same as pickles.
const WEIGHTS: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

/// Published models by the name that a hub has them under, and a folder that keeps what was fetched.
///
/// Of a model its settings, its tokenizer and one kind of weights are downloaded, safetensors before pickles. Large files are
/// checked by the SHA-256 that the hub tells, small ones by their size; what came is noted, and checked from then on.
///
/// # Examples
///
/// ```no_run
/// use chromex_io::registry::ModelHub;
/// let model = ModelHub::new("cache").resolve("zhihan1996/DNABERT-2-117M")?;
/// println!("{}", model.join("config.json").display());
/// # Ok::<(), chromex_io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ModelHub {
    cache: PathBuf,
    address: String,
    revision: String,
    is_offline: bool,
    pause: Duration,
}

/// What was fetched of a model, as its folder notes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedModel {
    /// Its name, `owner/name`.
    pub model: String,
    /// The commit that the revision stood for.
    pub commit: String,
    /// Its files: how many bytes, and their SHA-256.
    pub files: BTreeMap<String, FetchedFile>,
}

/// A file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedFile {
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// What the hub tells of a model.
#[derive(Deserialize)]
struct Told {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<Large>,
}

#[derive(Deserialize)]
struct Large {
    sha256: String,
    size: u64,
}

impl ModelHub {
    /// Fetches from the public hub, the branch `main`, and keeps what it fetches in a folder.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            cache: cache.into(),
            address: "https://huggingface.co".into(),
            revision: "main".into(),
            is_offline: false,
            pause: Duration::from_secs(1),
        }
    }

    /// Fetches from another hub, such as a mirror.
    pub fn address(mut self, address: &str) -> Self {
        self.address = address.trim_end_matches('/').to_owned();
        self
    }

    /// Fetches another branch, tag or commit.
    pub fn revision(mut self, revision: &str) -> Self {
        self.revision = revision.to_owned();
        self
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

    /// Names the folder of a model: the folder itself where there is one of this name, else what is fetched.
    ///
    /// # Errors
    ///
    /// Those of [`fetch`](Self::fetch).
    pub fn resolve(&self, path_or_model: &str) -> Result<PathBuf> {
        let path = Path::new(path_or_model);
        if path.is_dir() {
            return Ok(path.to_owned());
        }
        self.fetch(path_or_model, &Silent)?;
        self.folder(path_or_model)
    }

    /// Names the folder in which a model is kept.
    ///
    /// # Errors
    ///
    /// [`Error::Core`] when the name is not `owner/name`, or it or the revision holds what no folder may be called.
    pub fn folder(&self, model: &str) -> Result<PathBuf> {
        let plain = |part: &str| {
            let sound = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            !part.is_empty() && !part.starts_with('.') && part.chars().all(sound)
        };
        match model.split_once('/') {
            Some((owner, name)) if plain(owner) && plain(name) && plain(&self.revision) => {
                let folder = self.cache.join(format!("{owner}--{name}"));
                Ok(folder.join(&self.revision))
            }
            _ => Err(Error::Core(chromex_core::Error::UnknownName {
                what: "model",
                name: format!("{model} at {}", self.revision),
                known: vec!["a folder".into(), "owner/name".into()],
            })),
        }
    }

    /// Brings a model into the cache, unless it is there, and checks every file.
    ///
    /// # Errors
    ///
    /// Those of [`folder`](Self::folder); [`Error::Offline`] when a file is not there and the network may not be used;
    /// [`Error::Download`] when the hub cannot be reached, does not know the model, or it has no weights: what came is kept
    /// and gone on with next time; [`Error::Checksum`] when a file is not what the hub promised.
    pub fn fetch(&self, model: &str, observer: &dyn Observer) -> Result<FetchedModel> {
        let folder = self.folder(model)?;
        if let Some(known) = kept(&folder)? {
            return Ok(known);
        }
        if self.is_offline {
            return Err(Error::Offline { path: folder });
        }
        let agent = download::agent();
        let url = format!(
            "{}/api/models/{model}/revision/{}?blobs=true",
            self.address, self.revision
        );
        let told: Told =
            serde_json::from_slice(&ask(&agent, &url)?).map_err(|source| failed(&url, source))?;
        let files =
            wanted(&told.siblings).ok_or_else(|| failed(&url, "the model has no weights"))?;
        std::fs::create_dir_all(&folder)
            .map_err(|source| chromex_core::Error::io("create", &folder, source))?;
        let mut fetched = FetchedModel {
            model: model.to_owned(),
            commit: told.sha,
            files: BTreeMap::new(),
        };
        for sibling in files {
            let name = &sibling.rfilename;
            let address = format!("{}/{model}/resolve/{}/{name}", self.address, fetched.commit);
            let place = folder.join(name);
            let note = match &sibling.lfs {
                Some(large) => {
                    let file = RemoteFile {
                        name: name.clone(),
                        url: address,
                        bytes: large.size,
                        sha256: large.sha256.clone(),
                        replicate: None,
                    };
                    if !(place.exists() && checksum(&place)? == file.sha256) {
                        download::download(&agent, &file, &place, self.pause, observer)?;
                    }
                    FetchedFile {
                        bytes: file.bytes,
                        sha256: file.sha256,
                    }
                }
                // The hub tells no SHA-256 of small files: the bytes that come are what is noted.
                None => {
                    let bytes = ask(&agent, &address)?;
                    let size = sibling.size.unwrap_or(bytes.len() as u64);
                    if bytes.len() as u64 != size {
                        let came = format!("{} of {size} bytes came", bytes.len());
                        return Err(failed(&address, came));
                    }
                    atomic::write(&place, |file| std::io::Write::write_all(file, &bytes))?;
                    FetchedFile {
                        bytes: size,
                        sha256: checksum(&place)?,
                    }
                }
            };
            fetched.files.insert(name.clone(), note);
        }
        atomic::write(&folder.join(LISTING), |file| {
            serde_json::to_writer_pretty(file, &fetched).map_err(std::io::Error::from)
        })?;
        Ok(fetched)
    }
}

/// Reads what a folder notes of itself; none where it notes nothing or has other files by now.
fn kept(folder: &Path) -> Result<Option<FetchedModel>> {
    let Ok(text) = input::read(&folder.join(LISTING), input::MOST_SETTINGS_BYTES) else {
        return Ok(None);
    };
    let Ok(known) = serde_json::from_slice::<FetchedModel>(&text) else {
        return Ok(None);
    };
    for (name, file) in &known.files {
        let place = folder.join(name);
        if !place.exists() || checksum(&place)? != file.sha256 {
            return Ok(None);
        }
    }
    Ok(Some(known))
}

/// Chooses files: the settings, and the best weights with all their parts.
fn wanted(siblings: &[Sibling]) -> Option<Vec<&Sibling>> {
    let named = |name: &str| siblings.iter().find(|sibling| sibling.rfilename == name);
    // An index whose parts are not there is no weights.
    let weights = WEIGHTS.into_iter().filter_map(named).find_map(|weights| {
        let parts = parts_of(weights, siblings)?;
        Some(std::iter::once(weights).chain(parts))
    })?;
    let settings = SETTINGS.into_iter().filter_map(named);
    Some(settings.chain(weights).collect())
}

/// Lists the parts that an index of weights divides them into; nothing where there is none, and an empty list for weights
/// that are one file.
fn parts_of<'a>(weights: &Sibling, siblings: &'a [Sibling]) -> Option<Vec<&'a Sibling>> {
    let Some(start) = weights.rfilename.strip_suffix(".index.json") else {
        return Some(Vec::new());
    };
    let (stem, ending) = start.rsplit_once('.')?;
    let is_part = |sibling: &&Sibling| {
        let name = &sibling.rfilename;
        let digits = |c: char| c.is_ascii_digit() || c == '-' || c == 'o' || c == 'f';
        name.strip_prefix(&format!("{stem}-"))
            .and_then(|rest| rest.strip_suffix(&format!(".{ending}")))
            .is_some_and(|part| !part.is_empty() && part.chars().all(digits))
    };
    let parts: Vec<&Sibling> = siblings.iter().filter(is_part).collect();
    (!parts.is_empty()).then_some(parts)
}

/// Reads a small answer whole.
fn ask(agent: &ureq::Agent, url: &str) -> Result<Vec<u8>> {
    let response = agent.get(url).call();
    let response = response.map_err(|source| failed(url, source))?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(failed(url, format!("status {status}")));
    }
    let mut bytes = Vec::new();
    let reader = response.into_body().into_reader();
    let read = reader.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|source| failed(url, source))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(failed(url, format!("more than {MOST_BYTES} bytes came")));
    }
    Ok(bytes)
}

fn failed(url: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Download {
        url: url.to_owned(),
        source: source.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sibling(name: &str) -> Sibling {
        Sibling {
            rfilename: name.into(),
            size: Some(1),
            lfs: None,
        }
    }

    fn chosen(names: &[&str]) -> Option<Vec<String>> {
        let siblings: Vec<Sibling> = names.iter().map(|name| sibling(name)).collect();
        let files = wanted(&siblings)?;
        Some(files.iter().map(|file| file.rfilename.clone()).collect())
    }

    #[test]
    fn safetensors_come_before_pickles_and_indices_with_their_parts() {
        let both = [
            "README.md",
            "pytorch_model.bin",
            "config.json",
            "model.safetensors",
        ];
        assert_eq!(chosen(&both).unwrap(), ["config.json", "model.safetensors"]);
        let divided = [
            "model.safetensors.index.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model-../x.safetensors",
        ];
        assert_eq!(chosen(&divided).unwrap().len(), 3);
        assert_eq!(chosen(&["config.json", "tf_model.h5"]), None);
        // An index without a part, alone and beside weights that are whole.
        assert_eq!(chosen(&divided[..1]), None);
        let other = [divided[0], "pytorch_model.bin"];
        assert_eq!(chosen(&other).unwrap(), ["pytorch_model.bin"]);
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        let hub = ModelHub::new("cache");
        assert!(hub.folder("zhihan1996/DNABERT-2-117M").is_ok());
        for name in ["bert", "../x", "a/../b", "a/b/c", "/etc", "a/.b", "a/b c"] {
            assert!(hub.folder(name).is_err(), "{name}");
        }
        assert!(hub.revision("../..").folder("a/b").is_err());
    }
}
