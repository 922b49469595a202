//! Divisions of genes as files, so that other models and other tools are scored on the same rows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chromex_core::{Keys, atomic};

use crate::error::quoted;
use crate::lines::Lines;
use crate::{Error, Result};

/// The part and the cluster of each gene. Read by [`read_split`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitTable {
    path: PathBuf,
    /// Part and cluster by gene.
    genes: HashMap<String, (String, String)>,
}

const HEADER: &str = "gene\tpart\tcluster";

/// Writes the parts of rows as a table `gene`, `part`, `cluster`, from the groups `part` and `cluster` of their keys.
///
/// # Errors
///
/// When the keys lack a group, or the file cannot be written.
pub fn write_split(path: &Path, keys: &Keys) -> Result<()> {
    let (parts, clusters) = (keys.group("part")?, keys.group("cluster")?);
    Ok(atomic::write(path, |file| {
        writeln!(file, "{HEADER}")?;
        for (row, id) in keys.ids().iter().enumerate() {
            writeln!(file, "{id}\t{}\t{}", parts.label(row), clusters.label(row))?;
        }
        Ok(())
    })?)
}

/// Reads a table of parts, packed or not.
///
/// # Errors
///
/// [`Error::Table`] when a line departs from the layout or a gene stands twice; [`Error::Io`] and [`Error::Damaged`] when the
/// file cannot be read.
///
/// # Examples
///
/// ```
/// use chromex_core::Keys;
/// use chromex_io::splits::{read_split, write_split};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("split.tsv");
/// let keys = Keys::numbered(2).with_group("part", &["train", "test"])?.with_group("cluster", &["0", "1"])?;
/// write_split(&path, &keys)?;
/// let again = read_split(&path)?.apply(Keys::numbered(2))?;
/// assert_eq!(again.group("part")?.label(1), "test");
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn read_split(path: &Path) -> Result<SplitTable> {
    let mut lines = Lines::open(path)?.keeping(256);
    if !lines.advance()? || lines.line() != HEADER.as_bytes() {
        return Err(lines.error(
            None,
            format!("`{}`", HEADER.replace('\t', " ")),
            quoted(lines.line()),
        ));
    }
    let mut genes = HashMap::new();
    while lines.advance()? {
        let text = std::str::from_utf8(lines.line())
            .map_err(|_| lines.error(None, "UTF-8 text", quoted(lines.line())))?;
        let columns: Vec<&str> = text.split('\t').collect();
        let [gene, part, cluster] = columns[..] else {
            return Err(lines.error(None, "3 columns", columns.len().to_string()));
        };
        if !["train", "valid", "test"].contains(&part) {
            return Err(lines.error(Some(2), "train, valid or test", quoted(part.as_bytes())));
        }
        let own = (part.to_owned(), cluster.to_owned());
        if genes.insert(gene.to_owned(), own).is_some() {
            return Err(lines.error(Some(1), "a gene of its own", quoted(gene.as_bytes())));
        }
    }
    Ok(SplitTable {
        path: path.to_owned(),
        genes,
    })
}

impl SplitTable {
    /// Gives rows the groups `part` and `cluster`.
    ///
    /// # Errors
    ///
    /// [`Error::NoPart`] at the first row that the table does not have.
    pub fn apply(&self, keys: Keys) -> Result<Keys> {
        let (mut parts, mut clusters) = (Vec::new(), Vec::new());
        for id in keys.ids() {
            let (part, cluster) = self.genes.get(id).ok_or_else(|| Error::NoPart {
                path: self.path.clone(),
                gene: id.clone(),
            })?;
            parts.push(part.as_str());
            clusters.push(cluster.as_str());
        }
        Ok(keys
            .with_group("part", &parts)?
            .with_group("cluster", &clusters)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SplitTable> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("split.tsv");
        std::fs::write(&path, text).unwrap();
        read_split(&path)
    }

    #[test]
    fn what_departs_from_the_layout_is_named_by_line_and_column() {
        let refused = |text: &str, expected: &str| {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        };
        refused("", "line 1: expected `gene part cluster`");
        refused("gene\tpart\n", "found `gene\\tpart`");
        refused(
            "gene\tpart\tcluster\na\ttrain\n",
            "line 2: expected 3 columns, found 2",
        );
        refused(
            "gene\tpart\tcluster\na\tdev\t0\n",
            "line 2, column 2: expected train, valid or test",
        );
        refused(
            "gene\tpart\tcluster\na\ttest\t0\na\ttest\t0\n",
            "line 3, column 1",
        );
    }

    #[test]
    fn a_gene_without_a_part_is_named() {
        let table = read("gene\tpart\tcluster\na\ttest\t7\n").unwrap();
        let keys = table.apply(Keys::new(vec!["a".into()]).unwrap()).unwrap();
        assert_eq!(keys.group("cluster").unwrap().label(0), "7");
        let message = table.apply(Keys::new(vec!["b".into()]).unwrap());
        assert!(message.unwrap_err().to_string().contains("`b`"));
    }
}
