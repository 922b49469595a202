use chromex_core::InputFile;

use crate::tables::Published;

/// Published scores, and the files of the genes that they are of.
///
/// A published score beside one of other genes misleads: [`of`](Self::of) gives the scores only for a run that read those files and no
/// others, whatever they are called.
///
/// # Examples
///
/// ```
/// use chromex_core::InputFile;
/// use chromex_report::PublishedScores;
/// use chromex_report::tables::Published;
/// const SCORES: PublishedScores = PublishedScores {
///     inputs: &["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
///     scores: &[Published { model: "raw", metric: "pearson", value: 0.528 }],
/// };
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("abc");
/// # std::fs::write(&path, "abc").unwrap();
/// let file = InputFile::of(&path)?;
/// assert_eq!(SCORES.of(&[file.clone()]).len(), 1);
/// assert!(SCORES.of(&[]).is_empty());
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PublishedScores {
    /// The SHA-256 of every file that the scores were computed from, in small hexadecimal digits.
    pub inputs: &'static [&'static str],
    /// The scores.
    pub scores: &'static [Published],
}

impl PublishedScores {
    /// Gives the scores for a run that read these files; none where they are others, more or fewer.
    pub fn of(&self, read: &[InputFile]) -> &'static [Published] {
        let mut known: Vec<&str> = self.inputs.to_vec();
        let mut found: Vec<&str> = read.iter().map(|file| file.sha256.as_str()).collect();
        known.sort_unstable();
        found.sort_unstable();
        match !known.is_empty() && known == found {
            true => self.scores,
            false => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_these_files_only() {
        const SCORES: PublishedScores = PublishedScores {
            inputs: &["b", "a"],
            scores: &[Published {
                model: "raw",
                metric: "mse",
                value: 5.1,
            }],
        };
        let read = |hashes: &[&str]| -> usize {
            let file = |sha256: &&str| InputFile {
                path: "any".into(),
                bytes: 1,
                sha256: (*sha256).to_owned(),
            };
            SCORES
                .of(&hashes.iter().map(file).collect::<Vec<_>>())
                .len()
        };
        assert_eq!(read(&["a", "b"]), 1);
        for others in [&[][..], &["a"], &["a", "b", "c"], &["a", "a"], &["a", "c"]] {
            assert_eq!(read(others), 0, "{others:?}");
        }
        let unknown = PublishedScores {
            inputs: &[],
            ..SCORES
        };
        assert!(
            unknown.of(&[]).is_empty(),
            "scores of data that is not known"
        );
    }
}
