use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::TrackFormat;

/// A mark and the files that hold it.
///
/// # Examples
///
/// ```
/// use chromex_io::counting::Track;
/// let track = Track::new("H3K4me3", "E003-H3K4me3.tagAlign.gz").with_control("E003-Input.tagAlign.gz");
/// assert_eq!(track.controls.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Track {
    /// The mark.
    pub mark: String,
    /// The files whose reads or signal are added up: replicates.
    pub files: Vec<PathBuf>,
    /// The files of the control (input), whose counts are taken off.
    #[serde(default)]
    pub controls: Vec<PathBuf>,
    /// How all of them are written; told by their content and name when nothing is said.
    #[serde(default)]
    pub format: Option<TrackFormat>,
}

impl Track {
    /// Names a mark and its file.
    pub fn new(mark: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        Self {
            mark: mark.into(),
            files: vec![file.into()],
            controls: Vec::new(),
            format: None,
        }
    }

    /// Adds a replicate.
    pub fn with_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.files.push(file.into());
        self
    }

    /// Adds a control.
    pub fn with_control(mut self, file: impl Into<PathBuf>) -> Self {
        self.controls.push(file.into());
        self
    }
}
