use std::borrow::Cow;

use crate::{Error, Fingerprint, Keys, MarkLayout, Result, Rows, Targets};

/// Inputs, what is to be predicted from them, and what identifies each row.
#[derive(Clone, Debug)]
pub struct Dataset<X> {
    /// What a model reads, one row per example.
    pub inputs: X,
    /// What a model predicts, `[rows, targets]`.
    pub targets: Targets,
    /// Row ids and the groups that splits and intervals use.
    pub keys: Keys,
}

impl<X: Rows> Dataset<X> {
    /// Puts inputs, targets and keys of the same rows together.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] when their lengths differ.
    pub fn new(inputs: X, targets: Targets, keys: Keys) -> Result<Self> {
        let expected = keys.len();
        for (what, found) in [("inputs", inputs.len()), ("targets", targets.len())] {
            if found != expected {
                return Err(Error::RowCount {
                    what,
                    expected,
                    found,
                });
            }
        }
        Ok(Self {
            inputs,
            targets,
            keys,
        })
    }

    /// Puts inputs together that have nothing to predict, as in pre-training. Rows are named by number.
    pub fn unlabelled(inputs: X) -> Self {
        let rows = inputs.len();
        Self {
            inputs,
            targets: Targets::none(rows),
            keys: Keys::numbered(rows),
        }
    }

    /// Copies the given rows into a dataset of their own.
    ///
    /// # Panics
    ///
    /// When a row is not below [`len`](Self::len).
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            inputs: self.inputs.select(rows),
            targets: self.targets.select(rows),
            keys: self.keys.select(rows),
        }
    }

    /// Adds ids, targets and the order of marks to a fingerprint. Inputs are of any kind: who keeps something of them tells them
    /// apart.
    pub fn fingerprint(&self, print: &mut Fingerprint) {
        print.number(self.len() as u64);
        self.keys.ids().iter().for_each(|id| print.text(id));
        self.targets.fingerprint(print);
        for layout in self.inputs.mark_layouts() {
            layout.marks.iter().for_each(|mark| print.text(mark));
            print.number(layout.bins as u64);
            print.number(u64::from(layout.bin_width_bp));
        }
    }

    /// Puts the marks of the rows into layouts, by name. See [`Rows::in_layouts`].
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the rows have other marks, bins or widths.
    pub fn in_layouts(&self, layouts: &[MarkLayout]) -> Result<Cow<'_, Self>> {
        Ok(match self.inputs.in_layouts(layouts)? {
            Cow::Borrowed(_) => Cow::Borrowed(self),
            Cow::Owned(inputs) => Cow::Owned(self.with_inputs(inputs)?),
        })
    }
}

impl<X> Dataset<X> {
    /// Counts the rows.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Tells whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the same rows other inputs, as an encoder does.
    ///
    /// # Errors
    ///
    /// [`Error::RowCount`] when the number of rows changes.
    pub fn with_inputs<Y: Rows>(&self, inputs: Y) -> Result<Dataset<Y>> {
        Dataset::new(inputs, self.targets.clone(), self.keys.clone())
    }
}
