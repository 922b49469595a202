use crate::markdown;

/// What a run says beside its scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A paragraph.
    Text(String),
    /// A table under a line that says what it shows; its first row is its header.
    Table {
        /// What it shows.
        title: String,
        /// Its cells.
        rows: Vec<Vec<String>>,
    },
}

impl Note {
    /// Writes the note as Markdown.
    pub fn markdown(&self) -> String {
        match self {
            Self::Text(text) => format!("{}\n", markdown::paragraph(text)),
            Self::Table { title, rows } => {
                format!(
                    "{}\n\n{}",
                    markdown::paragraph(title),
                    markdown::table(rows)
                )
            }
        }
    }
}

impl From<&str> for Note {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
