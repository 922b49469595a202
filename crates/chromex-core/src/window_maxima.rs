use ndarray::{Array2, Axis};

use crate::{Encode, MarkSignal, Result};

/// Describes a window by each mark's largest signal in it, as ShallowChrome does (Frasca et al. 2022,
/// doi:10.1186/s12859-022-04687-x).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowMaxima;

impl<X: MarkSignal> Encode<X> for WindowMaxima {
    type Output = Array2<f32>;

    /// Gives `[genes, marks]`.
    fn encode(&self, inputs: &X) -> Result<Array2<f32>> {
        let windows = inputs.windows();
        let largest = windows.signal().map_axis(Axis(1), |bins| {
            bins.iter().copied().reduce(f32::max).unwrap_or_default()
        });
        Ok(largest)
    }
}

/// Describes a window by its signal in every bin, mark beside mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowColumns;

impl<X: MarkSignal> Encode<X> for WindowColumns {
    type Output = Array2<f32>;

    /// Gives `[genes, bins marks]`.
    fn encode(&self, inputs: &X) -> Result<Array2<f32>> {
        let windows = inputs.windows();
        let (genes, bins, marks) = windows.signal().dim();
        let values = windows.signal().iter().copied().collect();
        Ok(Array2::from_shape_vec((genes, bins * marks), values)
            .expect("a column per bin and mark"))
    }
}

crate::fit_by_copy!(WindowColumns: crate::MarkWindows, crate::CellByGene);
crate::fit_by_copy!(WindowMaxima: crate::MarkWindows, crate::CellByGene);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MarkWindows;
    use ndarray::array;

    #[test]
    fn the_largest_signal_of_each_mark_is_kept() {
        let signal = array![[[1.0, 0.0], [3.0, 0.5]], [[0.0, 9.0], [0.0, 2.0]]];
        let windows = MarkWindows::new(signal, vec!["a".into(), "b".into()], 100).unwrap();
        let maxima = WindowMaxima.encode(&windows).unwrap();
        assert_eq!(maxima, array![[3.0, 0.5], [0.0, 9.0]]);
        let columns = WindowColumns.encode(&windows).unwrap();
        assert_eq!(columns.row(0).to_vec(), [1.0, 0.0, 3.0, 0.5]);
    }
}
