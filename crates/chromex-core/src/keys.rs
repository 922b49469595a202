use std::collections::{BTreeMap, HashMap};

use crate::{Error, Result};

/// Row ids and named groups (gene, cell, chromosome, homology cluster) that splits and intervals use.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys {
    ids: Vec<String>,
    groups: BTreeMap<String, Group>,
}

/// A label per row, stored as a code per row and the labels once.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    labels: Vec<String>,
    codes: Vec<u32>,
}

impl Keys {
    /// Names the rows.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateId`] when two rows have the same id.
    pub fn new(ids: Vec<String>) -> Result<Self> {
        let mut seen = HashMap::with_capacity(ids.len());
        for (row, id) in ids.iter().enumerate() {
            if let Some(first) = seen.insert(id.as_str(), row) {
                return Err(Error::DuplicateId {
                    id: id.clone(),
                    first,
                    second: row,
                });
            }
        }
        Ok(Self {
            ids,
            groups: BTreeMap::new(),
        })
    }

    /// Names the rows by their numbers.
    pub fn numbered(rows: usize) -> Self {
        Self {
            ids: (0..rows).map(|row| row.to_string()).collect(),
            groups: BTreeMap::new(),
        }
    }

    /// Adds a group: one label per row.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] when there is not one label per row.
    pub fn with_group<S: AsRef<str>>(mut self, name: &str, labels: &[S]) -> Result<Self> {
        if labels.len() != self.len() {
            return Err(Error::RowCount {
                what: "group labels",
                expected: self.len(),
                found: labels.len(),
            });
        }
        self.groups.insert(name.to_owned(), Group::new(labels));
        Ok(self)
    }

    /// Counts the rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Tells whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Names every row.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Finds a group by name.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownGroup`] when there is none of that name.
    pub fn group(&self, name: &str) -> Result<&Group> {
        self.groups.get(name).ok_or_else(|| Error::UnknownGroup {
            name: name.to_owned(),
            known: self.groups.keys().cloned().collect(),
        })
    }

    /// Copies the given rows. A row that is asked for twice keeps its id.
    ///
    /// # Panics
    ///
    /// When a row is not below [`len`](Self::len).
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            ids: rows.iter().map(|&row| self.ids[row].clone()).collect(),
            groups: self
                .groups
                .iter()
                .map(|(name, group)| (name.clone(), group.select(rows)))
                .collect(),
        }
    }
}

impl Group {
    fn new<S: AsRef<str>>(labels: &[S]) -> Self {
        let mut known: HashMap<&str, u32> = HashMap::new();
        let mut distinct = Vec::new();
        let codes = labels
            .iter()
            .map(|label| {
                let label = label.as_ref();
                *known.entry(label).or_insert_with(|| {
                    distinct.push(label.to_owned());
                    (distinct.len() - 1) as u32
                })
            })
            .collect();
        Self {
            labels: distinct,
            codes,
        }
    }

    /// Lists the distinct labels in order of first appearance.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Gives each row the index of its label.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// Reads the label of a row.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    pub fn label(&self, row: usize) -> &str {
        &self.labels[self.codes[row] as usize]
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self {
            labels: self.labels.clone(),
            codes: rows.iter().map(|&row| self.codes[row]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_follow_the_rows_that_are_selected() -> Result<()> {
        let keys = Keys::new(vec!["a".into(), "b".into(), "c".into()])?
            .with_group("chromosome", &["1", "2", "1"])?;
        let picked = keys.select(&[2, 1]);
        assert_eq!(picked.ids(), ["c", "b"]);
        assert_eq!(picked.group("chromosome")?.label(0), "1");
        assert_eq!(picked.group("chromosome")?.codes(), [0, 1]);
        Ok(())
    }

    #[test]
    fn a_duplicated_id_and_an_unknown_group_are_errors() {
        let error = Keys::new(vec!["a".into(), "a".into()]).unwrap_err();
        assert!(matches!(
            error,
            Error::DuplicateId {
                first: 0,
                second: 1,
                ..
            }
        ));
        assert!(Keys::numbered(2).group("gene").is_err());
    }
}
