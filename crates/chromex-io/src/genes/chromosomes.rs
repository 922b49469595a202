use serde::{Deserialize, Serialize};

/// When two names of a chromosome mean the same.
///
/// # Examples
///
/// ```
/// use chromex_io::genes::ChromosomeNames;
/// assert_eq!(ChromosomeNames::IgnorePrefix.key("chrM"), ChromosomeNames::IgnorePrefix.key("MT"));
/// assert_ne!(ChromosomeNames::Exact.key("chr1"), ChromosomeNames::Exact.key("1"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChromosomeNames {
    /// When they are written the same.
    #[default]
    Exact,
    /// When they are the same without a leading `chr`; `M` and `MT` are the same.
    IgnorePrefix,
}

impl ChromosomeNames {
    /// Gives what names of the same chromosome have in common.
    pub fn key(self, name: &str) -> &str {
        match self {
            Self::Exact => name,
            Self::IgnorePrefix => match name.strip_prefix("chr").unwrap_or(name) {
                "M" => "MT",
                bare => bare,
            },
        }
    }

    /// Gives the key of a name in bytes, or nothing when it is not UTF-8 text.
    pub(crate) fn key_of_bytes(self, name: &[u8]) -> Option<&str> {
        std::str::from_utf8(name).ok().map(|name| self.key(name))
    }
}
