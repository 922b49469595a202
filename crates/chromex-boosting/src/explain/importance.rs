//! How much a model uses each column.

use std::borrow::Cow;

use ndarray::Array1;

use crate::BoostedTrees;
use crate::tree::Node;

/// Says what a column's splits are counted by, with XGBoost's names (`importance_type` of `get_score`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Importance {
    /// The number of splits.
    Weight,
    /// By how much splits lower the penalised loss, on average.
    Gain,
    /// By how much splits lower the penalised loss, in sum.
    TotalGain,
    /// The sum of second derivatives of the training rows that come to a split, on average.
    Cover,
    /// The same, in sum.
    TotalCover,
}

/// A column and how much a model uses it.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnImportance {
    /// The column, 0-based.
    pub column: usize,
    /// Its name; `f` and its number where the model has no names, as in XGBoost.
    pub name: String,
    /// How much it is used.
    pub value: f64,
}

impl BoostedTrees {
    /// Measures how much the trees that predict use each column.
    ///
    /// XGBoost's `get_score` counts trees after the best round as well, sums in 32 bits, and leaves out columns that no
    /// split asks for, which are 0 here.
    ///
    /// # Shapes
    ///
    /// Returns `[columns]`.
    pub fn importances(&self, importance: Importance) -> Array1<f64> {
        let mut splits = Array1::<f64>::zeros(self.columns());
        let mut sums = Array1::<f64>::zeros(self.columns());
        for node in self.used_trees().flat_map(|(tree, _)| tree.nodes()) {
            if let Node::Split {
                column,
                loss_change,
                cover,
                ..
            } = *node
            {
                splits[column as usize] += 1.0;
                sums[column as usize] += match importance {
                    Importance::Weight => 1.0,
                    Importance::Gain | Importance::TotalGain => loss_change.into(),
                    Importance::Cover | Importance::TotalCover => cover.into(),
                };
            }
        }
        match importance {
            Importance::Gain | Importance::Cover => sums / splits.mapv(|count| count.max(1.0)),
            Importance::Weight | Importance::TotalGain | Importance::TotalCover => sums,
        }
    }

    /// Lists the columns that the trees that predict ask for, those of the largest [importance](Self::importances) first
    /// and of equal ones in their order.
    pub fn ranked_columns(&self, importance: Importance) -> Vec<ColumnImportance> {
        let values = self.importances(importance);
        let mut ranked: Vec<ColumnImportance> = self
            .explain()
            .columns()
            .iter()
            .map(|&column| ColumnImportance {
                column,
                name: self.name_of(column).into_owned(),
                value: values[column],
            })
            .collect();
        ranked.sort_by(|one, other| other.value.total_cmp(&one.value));
        ranked
    }

    /// Names a column, as XGBoost does where names are not known.
    pub(super) fn name_of(&self, column: usize) -> Cow<'_, str> {
        match self.column_names().get(column) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("f{column}")),
        }
    }
}
