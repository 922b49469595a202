use serde::{Deserialize, Serialize};

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
    /// Where it is downloaded from.
    pub url: String,
    /// Its size.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
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
    /// Says what cannot be in a manifest: names that leave the folder, checksums that are none.
    pub(super) fn flaw(&self) -> Option<String> {
        let is_plain = |name: &str| {
            !name.is_empty()
                && !name.starts_with('.')
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || "._-+".contains(c))
        };
        if !is_plain(&self.name) {
            return Some(format!("a dataset named {:?}", self.name));
        }
        for (place, file) in self.files.iter().enumerate() {
            let digits =
                file.sha256.len() == 64 && file.sha256.bytes().all(|c| c.is_ascii_hexdigit());
            if !is_plain(&file.name) || file.name.ends_with(".part") {
                return Some(format!("a file named {:?}", file.name));
            }
            if !digits {
                return Some(format!("a SHA-256 of {:?}: {:?}", file.name, file.sha256));
            }
            if self.files[..place]
                .iter()
                .any(|other| other.name == file.name)
            {
                return Some(format!("two files named {:?}", file.name));
            }
        }
        None
    }
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
    }
}
