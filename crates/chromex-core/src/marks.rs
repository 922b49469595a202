use std::borrow::Cow;

use ndarray::{Array3, Axis};

use crate::{Error, MarkLayout, Result, Rows};

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
    /// [`Error::Shape`] when the names and the last axis differ; [`Error::Setting`] when a name stands twice;
    /// [`Error::Value`] when a value is not finite.
    pub fn new(signal: Array3<f32>, marks: Vec<String>, bin_width_bp: u32) -> Result<Self> {
        if signal.shape()[2] != marks.len() {
            return Err(Error::Shape {
                what: "marks of the windows",
                expected: marks.len().to_string(),
                found: signal.shape()[2].to_string(),
            });
        }
        let is_twice = |place: &usize| marks[..*place].contains(&marks[*place]);
        if let Some(place) = (0..marks.len()).find(is_twice) {
            return Err(Error::Setting {
                name: "marks",
                expected: "names that stand once".into(),
                found: format!("`{}` twice", marks[place].escape_debug()),
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

    /// Tells marks, bins and width together.
    pub fn layout(&self) -> MarkLayout {
        MarkLayout {
            marks: self.marks.clone(),
            bins: self.bins(),
            bin_width_bp: self.bin_width_bp,
        }
    }

    /// Puts the marks into the order of a layout, by name.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] with both sides when marks, bins or widths differ.
    pub fn in_layout(&self, layout: &MarkLayout) -> Result<Cow<'_, Self>> {
        let places = layout.places_in(&self.layout())?;
        Ok(match places {
            None => Cow::Borrowed(self),
            Some(places) => Cow::Owned(Self {
                signal: self.signal.select(Axis(2), &places),
                marks: layout.marks.clone(),
                bin_width_bp: self.bin_width_bp,
            }),
        })
    }
}

impl CellPair {
    /// Puts two cells side by side. The same marks in another order in the second cell are put into the order of the first.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when bins, marks or bin widths differ, [`Error::RowCount`] when the numbers of genes do.
    pub fn new(first: MarkWindows, second: MarkWindows) -> Result<Self> {
        let second = second.in_layout(&first.layout())?.into_owned();
        if first.len() != second.len() {
            return Err(Error::RowCount {
                what: "windows of the second cell",
                expected: first.len(),
                found: second.len(),
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

    fn mark_layouts(&self) -> Vec<MarkLayout> {
        vec![self.layout()]
    }

    fn in_layouts(&self, layouts: &[MarkLayout]) -> Result<Cow<'_, Self>> {
        match layouts {
            [layout, ..] => self.in_layout(layout),
            [] => Ok(Cow::Borrowed(self)),
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

    fn mark_layouts(&self) -> Vec<MarkLayout> {
        vec![self.first.layout()]
    }

    fn in_layouts(&self, layouts: &[MarkLayout]) -> Result<Cow<'_, Self>> {
        let (first, second) = (
            self.first.in_layouts(layouts)?,
            self.second.in_layouts(layouts)?,
        );
        match (first, second) {
            (Cow::Borrowed(_), Cow::Borrowed(_)) => Ok(Cow::Borrowed(self)),
            (first, second) => Ok(Cow::Owned(Self {
                first: first.into_owned(),
                second: second.into_owned(),
            })),
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
    fn marks_are_known_by_name_wherever_they_stand() {
        let signal = Array3::from_shape_fn((2, 3, 2), |(gene, bin, mark)| {
            (100 * gene + 10 * bin + mark) as f32
        });
        let names = |marks: [&str; 2]| marks.map(String::from).to_vec();
        let own = MarkWindows::new(signal.clone(), names(["a", "b"]), 100).unwrap();
        let swapped = signal.select(Axis(2), &[1, 0]);
        let swapped = MarkWindows::new(swapped, names(["b", "a"]), 100).unwrap();
        assert_eq!(*swapped.in_layout(&own.layout()).unwrap(), own);
        let pair = CellPair::new(own.clone(), swapped.clone()).unwrap();
        assert!(pair.difference().signal().iter().all(|&value| value == 0.0));
        let pair = CellPair::new(swapped.clone(), swapped.clone()).unwrap();
        let put = pair.in_layouts(&own.mark_layouts()).unwrap();
        assert_eq!((put.first(), put.second()), (&own, &own));
        // Beside rows of another kind, and beside other rows of marks.
        let beside = (vec![1, 2], swapped.clone());
        let layouts = (vec![1, 2], own.clone()).mark_layouts();
        assert_eq!(beside.in_layouts(&layouts).unwrap().1, own);
        let both = (swapped.clone(), own.clone());
        let layouts = (own.clone(), swapped.clone()).mark_layouts();
        assert_eq!(*both.in_layouts(&layouts).unwrap(), (own.clone(), swapped));
        let twice = MarkWindows::new(signal, names(["a", "a"]), 100);
        assert!(twice.unwrap_err().to_string().contains("`a` twice"));
    }

    #[test]
    fn cells_with_other_marks_do_not_pair() {
        let mut other = windows(1.0);
        other.marks[0] = "H3K27me3".into();
        assert!(CellPair::new(windows(1.0), other).is_err());
    }
}
