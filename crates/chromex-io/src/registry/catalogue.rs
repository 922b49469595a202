use serde::{Deserialize, Serialize};

use super::address::Address;
use super::download::is_sha256;

/// The datasets that every registry knows. Addresses name a commit, so that what stands there does not change.
const BUILT_IN: &str = include_str!("catalogue.json");

/// A dataset: what it is, who made it, and its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetEntry {
    /// The name to fetch it by.
    pub name: String,
    /// What it holds, in a line.
    pub title: String,
    /// Its licence, or that none is stated.
    pub licence: String,
    /// Whom to cite, with DOI.
    pub citation: String,
    /// The genome build that its positions are on; empty where it has none.
    pub genome: String,
    /// Its files.
    pub files: Vec<RemoteFile>,
}

/// A file of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteFile {
    /// Its name in the dataset's folder.
    pub name: String,
    /// Where it is downloaded from: by https, or by http from this machine.
    pub url: String,
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits of either case.
    pub sha256: String,
    /// What it is a replicate of, if anything.
    #[serde(default)]
    pub replicate: Option<Replicate>,
}

/// A file's place among the replicates of an experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replicate {
    /// The experiment, as `E003 H3K4me3`.
    pub of: String,
    /// Its number, from 1.
    pub number: u32,
}

/// Lists the datasets that every registry knows.
pub(super) fn built_in() -> Vec<DatasetEntry> {
    serde_json::from_str(BUILT_IN).expect("the catalogue is part of the crate and tested")
}

impl DatasetEntry {
    /// Says what cannot be in a manifest: names that leave the folder, addresses that are not asked, checksums that are none.
    pub(super) fn flaw(&self) -> Option<String> {
        if !is_plain(&self.name) {
            return Some(format!("a dataset named {:?}", self.name));
        }
        for (place, file) in self.files.iter().enumerate() {
            if !is_plain(&file.name) || file.name.ends_with(".part") {
                return Some(format!("a file named {:?}", file.name));
            }
            if !is_sha256(&file.sha256) {
                return Some(format!("a SHA-256 of {:?}: {:?}", file.name, file.sha256));
            }
            if let Err(refused) = Address::parse(&file.url) {
                return Some(format!("the address of {:?}: {refused}", file.name));
            }
            // Some disks hold one file of both names.
            let same = |other: &&RemoteFile| other.name.eq_ignore_ascii_case(&file.name);
            if let Some(other) = self.files[..place].iter().find(same) {
                return Some(format!(
                    "two files named {:?} and {:?}",
                    other.name, file.name
                ));
            }
        }
        None
    }
}

/// Tells whether a name of others may become that of a file or a part of an address: letters, digits and `._-+`, not hidden, of
/// at most 200 bytes. No such name leaves a folder, names a drive or escapes anything.
pub(super) fn is_plain(name: &str) -> bool {
    let sound = |c: char| c.is_alphanumeric() || "._-+".contains(c);
    !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && name.chars().all(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_sound() {
        let datasets = built_in();
        assert!(
            datasets
                .iter()
                .any(|dataset| dataset.name == "deepdiff-sample")
        );
        for dataset in &datasets {
            assert_eq!(dataset.flaw(), None);
            assert!(!dataset.licence.is_empty() && dataset.citation.len() > 10);
            assert!(
                dataset
                    .files
                    .iter()
                    .all(|file| file.url.starts_with("https://") && file.bytes > 0)
            );
        }
    }

    #[test]
    fn names_that_leave_the_folder_are_flaws() {
        let mut dataset = built_in().remove(0);
        dataset.files[0].name = "../x".into();
        assert!(dataset.flaw().unwrap().contains("../x"));
        dataset.files[0].name = "x".into();
        dataset.files[0].sha256 = "12".into();
        assert!(dataset.flaw().unwrap().contains("SHA-256"));
        dataset.name = "a/b".into();
        assert!(dataset.flaw().unwrap().contains("a/b"));
        for name in [
            "", ".", "..", ".a", "a/b", "a\\b", "C:", "C:a", "a:b", "a%2fb", "a%", "a b", "a\n",
            "a\0", "/a", "~", "a?b", "a#b", "a*",
        ] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert!(!is_plain(&"a".repeat(201)) && is_plain("E003-H3K4me3.tagAlign.gz"));
    }

    #[test]
    fn addresses_and_files_that_cannot_be_told_apart_are_flaws() {
        let sound = built_in().remove(0);
        for url in [
            "http://example.org/a",
            "ftp://example.org/a",
            "a",
            "https://a@b/c",
        ] {
            let mut dataset = sound.clone();
            dataset.files[0].url = url.into();
            assert!(dataset.flaw().unwrap().contains("the address of"), "{url}");
        }
        let mut dataset = sound;
        let mut twin = dataset.files[0].clone();
        twin.name = twin.name.to_ascii_uppercase();
        twin.sha256 = twin.sha256.to_ascii_uppercase();
        dataset.files.insert(1, twin);
        assert!(dataset.flaw().unwrap().contains("two files named"));
        dataset.files.remove(0);
        assert_eq!(dataset.flaw(), None, "digits of either case");
    }
}
