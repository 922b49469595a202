use std::ops::Range;

use ndarray::{Array2, Axis, concatenate, s};

use crate::{CellPair, Encode, Error, MarkWindows, Result};

/// Describes a window by one number per mark: ln(1 + mean signal over some bins).
///
/// A ridge on these numbers is the floor of every histone model: what a model adds to them is what it has
/// learned from the shape of the signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogMeans {
    /// The bins, 0-based, end excluded.
    pub bins: Range<usize>,
}

impl LogMeans {
    /// Takes the 30 bins around the transcription start of windows of 200 bins: the 86th to the 115th.
    pub fn transcription_start() -> Self {
        Self { bins: 85..115 }
    }
}

impl Encode<MarkWindows> for LogMeans {
    type Output = Array2<f32>;

    /// Gives `[genes, marks]`.
    fn encode(&self, inputs: &MarkWindows) -> Result<Array2<f32>> {
        if self.bins.is_empty() || self.bins.end > inputs.bins() {
            return Err(Error::Setting {
                name: "bins",
                expected: format!("a range within 0 to {}", inputs.bins()),
                found: format!("{:?}", self.bins),
            });
        }
        let start = inputs.signal().slice(s![.., self.bins.clone(), ..]);
        let means = start
            .mean_axis(Axis(1))
            .expect("the range of bins is not empty");
        Ok(means.mapv(f32::ln_1p))
    }
}

impl Encode<CellPair> for LogMeans {
    type Output = Array2<f32>;

    /// Gives `[genes, 2 marks]`: the first cell's, then the second's.
    fn encode(&self, inputs: &CellPair) -> Result<Array2<f32>> {
        let (first, second) = (self.encode(inputs.first())?, self.encode(inputs.second())?);
        Ok(concatenate![Axis(1), first, second])
    }
}

crate::fit_by_copy!(LogMeans: MarkWindows, CellPair);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array};

    #[test]
    fn means_are_of_the_asked_bins_per_mark_and_cell() {
        let cell = |scale: f32| {
            let signal = Array3::from_shape_fn((1, 4, 2), |(_, bin, mark)| {
                scale * (bin as f32) * (mark as f32 + 1.0)
            });
            MarkWindows::new(signal, vec!["a".into(), "b".into()], 100).unwrap()
        };
        let pair = CellPair::new(cell(1.0), cell(2.0)).unwrap();
        let means = LogMeans { bins: 1..3 }.encode(&pair).unwrap();
        let expected = array![[2.5_f32.ln(), 4.0_f32.ln(), 4.0_f32.ln(), 7.0_f32.ln()]];
        assert!((means - expected).iter().all(|d| d.abs() < 1e-6));
        assert!(LogMeans { bins: 1..5 }.encode(&pair).is_err());
    }
}
