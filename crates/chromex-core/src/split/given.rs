use super::{Fold, Split, rows_where};
use crate::{Error, Keys, Result};

/// Uses a division that came with the data, as a group whose labels are `train`, `valid` and `test`.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenSplit {
    /// The group that names each row's part.
    pub group: String,
    /// Also train on the validation rows, as protocols do that have no use for a validation set.
    pub train_on_validation: bool,
}

impl Default for GivenSplit {
    /// Reads the group `part` and keeps validation rows out of training.
    fn default() -> Self {
        Self {
            group: "part".into(),
            train_on_validation: false,
        }
    }
}

impl GivenSplit {
    /// Pools train and validation rows for training. Nothing may then be tuned on the validation rows.
    pub fn pooled() -> Self {
        Self {
            train_on_validation: true,
            ..Self::default()
        }
    }
}

impl Split for GivenSplit {
    fn folds(&self, keys: &Keys, _seed: u64) -> Result<Vec<Fold>> {
        let parts = keys.group(&self.group)?;
        let known = ["train", "valid", "test"];
        if let Some(label) = parts
            .labels()
            .iter()
            .find(|label| !known.contains(&label.as_str()))
        {
            return Err(Error::UnknownName {
                what: "part of a given split",
                name: label.clone(),
                known: known.map(String::from).to_vec(),
            });
        }
        let rows_of = |part: &str| rows_where(keys.len(), |row| parts.label(row) == part);
        let (mut train, valid) = (rows_of("train"), rows_of("valid"));
        if self.train_on_validation {
            train.extend_from_slice(&valid);
        }
        let fold = Fold::new("given", train, valid, rows_of("test")).checked()?;
        Ok(vec![fold])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(parts: &[&str]) -> Keys {
        Keys::numbered(parts.len())
            .with_group("part", parts)
            .unwrap()
    }

    #[test]
    fn pooling_adds_validation_rows_after_the_training_rows() {
        let keys = keys(&["valid", "train", "test", "train"]);
        let fold = &GivenSplit::default().folds(&keys, 0).unwrap()[0];
        assert_eq!(
            (&fold.train[..], &fold.valid[..], &fold.test[..]),
            (&[1, 3][..], &[0][..], &[2][..])
        );
        let pooled = &GivenSplit::pooled().folds(&keys, 0).unwrap()[0];
        assert_eq!(pooled.train, [1, 3, 0]);
    }

    #[test]
    fn a_part_of_another_name_is_an_error() {
        assert!(
            GivenSplit::default()
                .folds(&keys(&["train", "dev"]), 0)
                .is_err()
        );
        assert!(
            GivenSplit::default()
                .folds(&keys(&["train", "valid"]), 0)
                .is_err()
        );
    }
}
