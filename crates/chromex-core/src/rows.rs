use std::borrow::Cow;

use ndarray::{Array2, Array3, Axis};

use crate::{MarkLayout, Result};

/// A batch of examples, one per row.
///
/// Batches are columnar: a table of features is one `Array2<f32>`, never a vector of vectors.
pub trait Rows: Clone + Send + Sync {
    /// Counts the rows.
    fn len(&self) -> usize;

    /// Copies the given rows, in the given order, into a batch of their own.
    ///
    /// # Panics
    ///
    /// When a row is not below [`len`](Self::len).
    fn select(&self, rows: &[usize]) -> Self;

    /// Tells whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says which marks and bins the rows have, one layout for each part of a row that has any. Rows of another kind have
    /// none. What is fitted on rows keeps this and puts later rows [into it](Self::in_layouts).
    fn mark_layouts(&self) -> Vec<MarkLayout> {
        Vec::new()
    }

    /// Puts the marks of each part into the order of its layout, by name: what [`mark_layouts`](Self::mark_layouts) told of other
    /// rows of this kind. Rows of marks whose layout is not known pass as they are.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`](crate::Error::Shape) when the rows have other marks, bins or widths.
    fn in_layouts(&self, layouts: &[MarkLayout]) -> Result<Cow<'_, Self>> {
        let _ = layouts;
        Ok(Cow::Borrowed(self))
    }
}

impl<T: Clone + Send + Sync> Rows for Array2<T> {
    fn len(&self) -> usize {
        self.nrows()
    }

    fn select(&self, rows: &[usize]) -> Self {
        Array2::select(self, Axis(0), rows)
    }
}

impl<T: Clone + Send + Sync> Rows for Array3<T> {
    fn len(&self) -> usize {
        self.shape()[0]
    }

    fn select(&self, rows: &[usize]) -> Self {
        Array3::select(self, Axis(0), rows)
    }
}

impl<T: Clone + Send + Sync> Rows for Vec<T> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn select(&self, rows: &[usize]) -> Self {
        rows.iter().map(|&row| self[row].clone()).collect()
    }
}

/// Two batches of the same rows, side by side. Build it from batches of equal length.
impl<A: Rows, B: Rows> Rows for (A, B) {
    fn len(&self) -> usize {
        debug_assert_eq!(self.0.len(), self.1.len());
        self.0.len()
    }

    fn select(&self, rows: &[usize]) -> Self {
        (self.0.select(rows), self.1.select(rows))
    }

    fn mark_layouts(&self) -> Vec<MarkLayout> {
        let mut layouts = self.0.mark_layouts();
        layouts.append(&mut self.1.mark_layouts());
        layouts
    }

    fn in_layouts(&self, layouts: &[MarkLayout]) -> Result<Cow<'_, Self>> {
        let own = self.0.mark_layouts().len().min(layouts.len());
        let (first, second) = layouts.split_at(own);
        match (self.0.in_layouts(first)?, self.1.in_layouts(second)?) {
            (Cow::Borrowed(_), Cow::Borrowed(_)) => Ok(Cow::Borrowed(self)),
            (first, second) => Ok(Cow::Owned((first.into_owned(), second.into_owned()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn selecting_keeps_the_order_and_repeats_that_were_asked_for() {
        let table = array![[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]];
        assert_eq!(
            Rows::select(&table, &[2, 0, 2]),
            array![[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]
        );
        let pair = (table, vec!['a', 'b', 'c']);
        assert_eq!(pair.len(), 3);
        assert_eq!(pair.select(&[1]), (array![[3.0, 4.0]], vec!['b']));
    }
}
