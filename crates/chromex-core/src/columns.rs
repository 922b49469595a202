use std::ops::Range;

use ndarray::{Array2, Axis, concatenate, s};

use crate::{Encode, Error, Result};

/// Keeps ranges of columns of a feature table, side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// What is kept, in the order of the result.
    pub ranges: Vec<Range<usize>>,
}

impl Columns {
    /// Keeps whole blocks of equally many columns.
    ///
    /// # Examples
    ///
    /// ```
    /// # use chromex_core::Columns;
    /// assert_eq!(Columns::blocks(&[2, 0], 10).ranges, [20..30, 0..10]);
    /// ```
    pub fn blocks(blocks: &[usize], width: usize) -> Self {
        Self {
            ranges: blocks
                .iter()
                .map(|block| block * width..(block + 1) * width)
                .collect(),
        }
    }
}

impl Encode<Array2<f32>> for Columns {
    type Output = Array2<f32>;

    fn encode(&self, inputs: &Array2<f32>) -> Result<Array2<f32>> {
        let kept: Vec<_> = self
            .ranges
            .iter()
            .map(|range| {
                if range.end > inputs.ncols() || range.start > range.end {
                    return Err(Error::Shape {
                        what: "columns of a feature table",
                        expected: format!("at least {}", range.end),
                        found: inputs.ncols().to_string(),
                    });
                }
                Ok(inputs.slice(s![.., range.clone()]))
            })
            .collect::<Result<_>>()?;
        if kept.is_empty() {
            return Ok(Array2::zeros((inputs.nrows(), 0)));
        }
        Ok(concatenate(Axis(1), &kept).expect("every part has the table's rows"))
    }
}

crate::fit_by_copy!(Columns: Array2<f32>);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn ranges_stand_side_by_side_in_their_order() {
        let table = array![[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]];
        let columns = Columns {
            ranges: vec![3..4, 0..2],
        };
        assert_eq!(
            columns.encode(&table).unwrap(),
            array![[3.0, 0.0, 1.0], [7.0, 4.0, 5.0]]
        );
        assert!(Columns::blocks(&[1], 3).encode(&table).is_err());
    }
}
