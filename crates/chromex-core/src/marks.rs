use std::borrow::Cow;

use ndarray::{Array3, Axis};

use crate::{Error, Result, Rows};

/// Histone-mark signal in bins around each gene's transcription start.
#[derive(Clone, Debug, PartialEq)]
pub struct MarkWindows {
    signal: Array3<f32>,
    marks: Vec<String>,
    bin_width_bp: u32,
}

/// The same genes' windows in two cells.
#[derive(Clone, Debug, PartialEq)]
pub struct CellPair {
    first: MarkWindows,
    second: MarkWindows,
}

/// Rows that histone-mark windows can be made of, a batch at a time.
pub trait MarkSignal: Rows {
    /// Gives the windows of all rows.
    fn windows(&self) -> Cow<'_, MarkWindows>;
}

impl MarkWindows {
    /// Describes a signal.
    ///
    /// # Shapes
    ///
    /// `signal` is `[genes, bins, marks]`; counts are whole numbers of reads.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the names and the last axis differ; [`Error::Value`] when a value is not
    /// finite.
    pub fn new(signal: Array3<f32>, marks: Vec<String>, bin_width_bp: u32) -> Result<Self> {
        if signal.shape()[2] != marks.len() {
            return Err(Error::Shape {
                what: "marks of the windows",
                expected: marks.len().to_string(),
                found: signal.shape()[2].to_string(),
            });
        }
        if let Some(((row, _, _), value)) = signal.indexed_iter().find(|(_, v)| !v.is_finite()) {
            return Err(Error::Value {
                row,
                what: "signal",
                expected: "a finite number",
                found: value.to_string(),
            });
        }
        Ok(Self {
            signal,
            marks,
            bin_width_bp,
        })
    }

    /// Views the signal, `[genes, bins, marks]`.
    pub fn signal(&self) -> &Array3<f32> {
        &self.signal
    }

    /// Names the marks, in the order of the last axis.
    pub fn marks(&self) -> &[String] {
        &self.marks
    }

    /// Counts the bins of a window.
    pub fn bins(&self) -> usize {
        self.signal.shape()[1]
    }

    /// Tells how many base pairs a bin spans.
    pub fn bin_width_bp(&self) -> u32 {
        self.bin_width_bp
    }
}

impl CellPair {
    /// Puts two cells side by side.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when genes, bins, marks or bin widths differ.
    pub fn new(first: MarkWindows, second: MarkWindows) -> Result<Self> {
        let shape = |cell: &MarkWindows| {
            format!(
                "{:?} genes x bins x marks {:?} of {} bp",
                cell.signal.shape(),
                cell.marks,
                cell.bin_width_bp
            )
        };
        if first.signal.shape() != second.signal.shape()
            || first.marks != second.marks
            || first.bin_width_bp != second.bin_width_bp
        {
            return Err(Error::Shape {
                what: "windows of the second cell",
                expected: shape(&first),
                found: shape(&second),
            });
        }
        Ok(Self { first, second })
    }

    /// Views the first cell.
    pub fn first(&self) -> &MarkWindows {
        &self.first
    }

    /// Views the second cell.
    pub fn second(&self) -> &MarkWindows {
        &self.second
    }

    /// Subtracts the second cell's signal from the first's.
    pub fn difference(&self) -> MarkWindows {
        MarkWindows {
            signal: &self.first.signal - &self.second.signal,
            marks: self.first.marks.clone(),
            bin_width_bp: self.first.bin_width_bp,
        }
    }
}

impl Rows for MarkWindows {
    fn len(&self) -> usize {
        self.signal.shape()[0]
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self {
            signal: self.signal.select(Axis(0), rows),
            marks: self.marks.clone(),
            bin_width_bp: self.bin_width_bp,
        }
    }
}

impl MarkSignal for MarkWindows {
    fn windows(&self) -> Cow<'_, MarkWindows> {
        Cow::Borrowed(self)
    }
}

impl Rows for CellPair {
    fn len(&self) -> usize {
        self.first.len()
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self {
            first: self.first.select(rows),
            second: self.second.select(rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(value: f32) -> MarkWindows {
        MarkWindows::new(
            Array3::from_elem((2, 3, 1), value),
            vec!["H3K4me3".into()],
            100,
        )
        .unwrap()
    }

    #[test]
    fn the_difference_is_first_minus_second() {
        let pair = CellPair::new(windows(5.0), windows(3.0)).unwrap();
        assert!(pair.difference().signal().iter().all(|&value| value == 2.0));
        assert_eq!(pair.select(&[1]).len(), 1);
    }

    #[test]
    fn cells_with_other_marks_do_not_pair() {
        let mut other = windows(1.0);
        other.marks[0] = "H3K27me3".into();
        assert!(CellPair::new(windows(1.0), other).is_err());
    }
}
