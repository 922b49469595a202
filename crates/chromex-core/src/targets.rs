use ndarray::{Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use crate::{Error, Fingerprint, Result};

/// What is predicted: `[rows, targets]` with each column's name, unit and transform.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    /// The numbers that models are fitted to, `[rows, targets]`.
    pub values: Array2<f32>,
    /// What each column is.
    pub columns: Vec<Target>,
    /// Further quantities of the same rows that a model may learn from and that nothing is scored on.
    pub auxiliary: Option<Box<Targets>>,
}

/// What one column of the targets is. Sign, base and offset are data, never guessed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The column's name, as in a table: "E123 against E003", "leaf".
    pub name: String,
    /// The unit before the transform: "reads", "TPM", "RPKM".
    pub unit: String,
    /// How the unit became the number.
    pub transform: Transform,
}

/// How a measured quantity became the number that models are fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Transform {
    /// The quantity itself.
    Identity,
    /// ln(x + offset).
    NaturalLog {
        /// Added before the logarithm.
        offset: f64,
    },
    /// log2(x + offset).
    Log2 {
        /// Added before the logarithm.
        offset: f64,
    },
    /// log10(x), and log10 of the floor for all that lies below it, as in DExTER.
    Log10 {
        /// The lowest quantity that is told from none, above 0.
        floor: f64,
    },
    /// ln(first + offset) − ln(second + offset), as in GeneGPT-2.
    NaturalLogRatio {
        /// Added to both before the logarithm.
        offset: f64,
    },
    /// log2((second + offset) / (first + offset)), as in DeepDiff: the opposite sign of the above.
    Log2FoldChange {
        /// Added to both before the logarithm.
        offset: f64,
    },
    /// 1 when the quantity is at or above a threshold, else 0.
    AtLeast {
        /// The lowest quantity of the positive class.
        threshold: f64,
    },
}

impl Targets {
    /// Describes columns of numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the descriptions and columns differ in number; [`Error::Value`] when a
    /// number is not finite.
    pub fn new(values: Array2<f32>, columns: Vec<Target>) -> Result<Self> {
        if values.ncols() != columns.len() {
            return Err(Error::Shape {
                what: "target columns",
                expected: columns.len().to_string(),
                found: values.ncols().to_string(),
            });
        }
        if let Some(((row, _), value)) = values.indexed_iter().find(|(_, v)| !v.is_finite()) {
            return Err(Error::Value {
                row,
                what: "target",
                expected: "a finite number",
                found: value.to_string(),
            });
        }
        Ok(Self {
            values,
            columns,
            auxiliary: None,
        })
    }

    /// Makes targets of no columns, for rows that have nothing to predict.
    pub fn none(rows: usize) -> Self {
        Self {
            values: Array2::zeros((rows, 0)),
            columns: Vec::new(),
            auxiliary: None,
        }
    }

    /// Adds quantities that a model may learn from and that nothing is scored on.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] when there is not one row per row.
    pub fn with_auxiliary(self, auxiliary: Targets) -> Result<Self> {
        if auxiliary.len() != self.len() {
            return Err(Error::RowCount {
                what: "auxiliary targets",
                expected: self.len(),
                found: auxiliary.len(),
            });
        }
        Ok(Self {
            auxiliary: Some(Box::new(auxiliary)),
            ..self
        })
    }

    /// Adds names and numbers to a fingerprint, those of auxiliary targets, too.
    pub fn fingerprint(&self, print: &mut Fingerprint) {
        print.number(self.columns.len() as u64);
        self.columns.iter().for_each(|c| print.text(&c.name));
        print.numbers(self.values.iter().map(|v| u64::from(v.to_bits())));
        print.number(u64::from(self.auxiliary.is_some()));
        if let Some(auxiliary) = &self.auxiliary {
            auxiliary.fingerprint(print);
        }
    }

    /// Counts the rows.
    pub fn len(&self) -> usize {
        self.values.nrows()
    }

    /// Tells whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Views one target of all rows.
    ///
    /// # Panics
    ///
    /// When there is no such column.
    pub fn column(&self, target: usize) -> ArrayView1<'_, f32> {
        self.values.column(target)
    }

    /// Copies the given rows.
    ///
    /// # Panics
    ///
    /// When a row is not below [`len`](Self::len).
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            values: self.values.select(Axis(0), rows),
            columns: self.columns.clone(),
            auxiliary: self
                .auxiliary
                .as_ref()
                .map(|auxiliary| Box::new(auxiliary.select(rows))),
        }
    }
}

impl Transform {
    /// Transforms the quantity of a pair of cells, or of one where the transform takes one (`second` is
    /// then not read).
    pub fn apply(self, first: f64, second: f64) -> f64 {
        match self {
            Self::Identity => first,
            Self::NaturalLog { offset } => (first + offset).ln(),
            Self::Log2 { offset } => (first + offset).log2(),
            Self::Log10 { floor } => first.max(floor).log10(),
            Self::NaturalLogRatio { offset } => (first + offset).ln() - (second + offset).ln(),
            Self::Log2FoldChange { offset } => ((second + offset) / (first + offset)).log2(),
            Self::AtLeast { threshold } => f64::from(first >= threshold),
        }
    }

    /// Gives the quantity that a number came of; nothing where several quantities give the same number.
    ///
    /// What lies at the floor of a logarithm gives the floor, and a number below all that a logarithm with an offset gives comes
    /// out negative.
    ///
    /// # Examples
    ///
    /// ```
    /// use chromex_core::Transform;
    /// let log = Transform::NaturalLog { offset: 1.0 };
    /// assert!((log.invert(log.apply(7.0, 0.0)).unwrap() - 7.0).abs() < 1e-12);
    /// assert_eq!(Transform::AtLeast { threshold: 1.0 }.invert(1.0), None);
    /// ```
    pub fn invert(self, number: f64) -> Option<f64> {
        match self {
            Self::Identity => Some(number),
            Self::NaturalLog { offset } => Some(number.exp() - offset),
            Self::Log2 { offset } => Some(number.exp2() - offset),
            Self::Log10 { .. } => Some(10_f64.powf(number)),
            Self::NaturalLogRatio { .. } | Self::Log2FoldChange { .. } | Self::AtLeast { .. } => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_two_published_ratios_differ_in_sign_and_base() {
        let genegpt2 = Transform::NaturalLogRatio { offset: 1.0 }.apply(7.0, 3.0);
        let deepdiff = Transform::Log2FoldChange { offset: 1.0 }.apply(7.0, 3.0);
        assert!((genegpt2 - 2.0_f64.ln()).abs() < 1e-15);
        assert!((deepdiff + 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_floor_makes_a_spike_of_what_is_not_expressed() {
        let log = Transform::Log10 { floor: 0.001 };
        assert_eq!(
            [0.0, 0.0005, 0.001].map(|tpm| log.apply(tpm, 0.0)),
            [-3.0; 3]
        );
        assert_eq!(log.apply(100.0, 0.0), 2.0);
    }

    #[test]
    fn logarithms_are_undone_and_what_has_lost_its_quantity_is_not() {
        for log in [
            Transform::Identity,
            Transform::NaturalLog { offset: 1.0 },
            Transform::Log2 { offset: 0.001 },
            Transform::Log10 { floor: 0.001 },
        ] {
            for quantity in [0.25, 3.0, 900.0] {
                let back = log.invert(log.apply(quantity, 0.0)).unwrap();
                assert!((back - quantity).abs() < 1e-9 * quantity, "{log:?}: {back}");
            }
        }
        assert_eq!(Transform::NaturalLogRatio { offset: 1.0 }.invert(0.0), None);
    }

    #[test]
    fn a_target_that_is_not_finite_is_named_by_row() {
        let column = Target {
            name: "y".into(),
            unit: "reads".into(),
            transform: Transform::Identity,
        };
        let error = Targets::new(array![[0.0], [f32::NAN]], vec![column]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "row 1: target: expected a finite number, found NaN"
        );
    }
}
