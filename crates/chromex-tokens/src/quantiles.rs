use chromex_core::{CellPair, Dataset, Fit, MarkWindows};
use ndarray::Axis;
use serde::{Deserialize, Serialize};

use crate::{Error, MarkWords, Result, Thresholds};

/// Learns the thresholds of [`MarkWords`] for each mark, as quantiles of its signal in the training
/// rows.
///
/// The threshold of a quantile is the lowest signal seen that has at least that share of the
/// signals below it, so that ties never leave the lowest letter without signals. Where two
/// quantiles meet in one signal, the later one moves on to the next signal seen, or above all of
/// them. Both cells of a pair are pooled.
///
/// # Examples
///
/// ```
/// # use chromex_core::{Dataset, Fit, MarkWindows};
/// use chromex_tokens::{MarkWordsQuantiles, Thresholds};
/// let counts = ndarray::array![[[0.0], [0.0], [1.0], [2.0], [2.0], [3.0]]];
/// # let windows = MarkWindows::new(counts, vec!["H3K4me3".into()], 100)?;
/// # let train = Dataset::unlabelled(windows);
/// let words = MarkWordsQuantiles::default().fit(&train, &train, 0)?;
/// assert_eq!(words.thresholds, Thresholds::PerMark(vec![vec![1.0, 3.0]]));
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MarkWordsQuantiles {
    /// The shares of signals below each threshold, ascending, between 0 and 1.
    pub quantiles: Vec<f64>,
    /// Whether signals that are negative or not whole are refused: see [`MarkWords::whole_counts`].
    pub whole_counts: bool,
}

/// Three letters that stand for about a third of each mark's signals.
impl Default for MarkWordsQuantiles {
    fn default() -> Self {
        Self {
            quantiles: vec![1.0 / 3.0, 2.0 / 3.0],
            whole_counts: true,
        }
    }
}

impl MarkWordsQuantiles {
    fn learn(&self, cells: &[&MarkWindows]) -> Result<MarkWords> {
        let sound = !self.quantiles.is_empty()
            && self.quantiles.windows(2).all(|pair| pair[0] < pair[1])
            && self
                .quantiles
                .iter()
                .all(|&share| share > 0.0 && share < 1.0);
        if !sound {
            return Err(Error::Setting {
                name: "quantiles",
                expected: "shares between 0 and 1 that ascend".into(),
                found: format!("{:?}", self.quantiles),
            });
        }
        let marks = cells.first().map_or(0, |cell| cell.marks().len());
        let thresholds = (0..marks).map(|mark| {
            let mut signals = Vec::new();
            for cell in cells {
                signals.extend(cell.signal().index_axis(Axis(2), mark));
            }
            signals.sort_unstable_by(f32::total_cmp);
            self.thresholds(&signals)
        });
        Ok(MarkWords {
            thresholds: Thresholds::PerMark(thresholds.collect::<Result<_>>()?),
            whole_counts: self.whole_counts,
        })
    }

    fn thresholds(&self, sorted: &[f32]) -> Result<Vec<f32>> {
        let Some(&highest) = sorted.last() else {
            return Err(Error::Shape {
                what: "signals to learn thresholds from",
                expected: "at least 1".into(),
                found: "0".into(),
            });
        };
        let next = |signal: f32| {
            let seen = sorted.get(sorted.partition_point(|&other| other <= signal));
            seen.copied().unwrap_or_else(|| self.above(signal))
        };
        let mut thresholds: Vec<f32> = Vec::with_capacity(self.quantiles.len());
        for share in &self.quantiles {
            // The tolerance keeps a third of three signals at one of them.
            let wanted = (share * sorted.len() as f64 - 1e-9).ceil() as usize;
            let mut threshold = match sorted.get(wanted) {
                None => self.above(highest),
                Some(&signal) if sorted.partition_point(|&other| other < signal) >= wanted => {
                    signal
                }
                Some(&signal) => next(signal),
            };
            if let Some(&last) = thresholds.last()
                && threshold <= last
            {
                threshold = next(last);
            }
            thresholds.push(threshold);
        }
        Ok(thresholds)
    }

    /// Gives the lowest signal that could be told from one.
    fn above(&self, signal: f32) -> f32 {
        match self.whole_counts {
            true => (signal + 1.0).max(signal.next_up()),
            false => signal.next_up(),
        }
    }
}

impl Fit<CellPair> for MarkWordsQuantiles {
    type Fitted = MarkWords;

    fn fit(
        &self,
        train: &Dataset<CellPair>,
        _valid: &Dataset<CellPair>,
        _seed: u64,
    ) -> chromex_core::Result<MarkWords> {
        Ok(self.learn(&[train.inputs.first(), train.inputs.second()])?)
    }
}

impl Fit<MarkWindows> for MarkWordsQuantiles {
    type Fitted = MarkWords;

    fn fit(
        &self,
        train: &Dataset<MarkWindows>,
        _valid: &Dataset<MarkWindows>,
        _seed: u64,
    ) -> chromex_core::Result<MarkWords> {
        Ok(self.learn(&[&train.inputs])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chromex_core::Encode;
    use ndarray::{Array3, array};
    use proptest::prelude::*;

    fn windows(signal: Array3<f32>) -> MarkWindows {
        let marks = (0..signal.dim().2)
            .map(|mark| format!("mark {mark}"))
            .collect();
        MarkWindows::new(signal, marks, 100).unwrap()
    }

    fn thresholds(signals: &[f32], quantiles: &[f64], whole_counts: bool) -> Vec<f32> {
        let quantiles = quantiles.to_vec();
        let learner = MarkWordsQuantiles {
            quantiles,
            whole_counts,
        };
        learner.thresholds(signals).unwrap()
    }

    #[test]
    fn a_threshold_has_its_share_of_signals_below() {
        assert_eq!(
            thresholds(&[0.0, 1.0, 2.0], &[1.0 / 3.0, 2.0 / 3.0], true),
            [1.0, 2.0]
        );
        assert_eq!(
            thresholds(&[0.0, 0.0, 4.0, 9.0], &[0.25, 0.75], true),
            [4.0, 9.0]
        );
    }

    #[test]
    fn quantiles_that_meet_move_on_to_the_next_signal() {
        let mostly_zero = [0.0, 0.0, 0.0, 0.0, 3.0, 7.0];
        assert_eq!(thresholds(&mostly_zero, &[0.3, 0.6], true), [3.0, 7.0]);
        assert_eq!(thresholds(&[5.0; 4], &[0.3, 0.6], true), [6.0, 7.0]);
        let apart = [0.5_f32.next_up(), 0.5_f32.next_up().next_up()];
        assert_eq!(thresholds(&[0.5; 4], &[0.3, 0.6], false), apart);
    }

    #[test]
    fn marks_are_learned_apart_and_cells_together() {
        let first = windows(array![[[0.0, 10.0], [1.0, 11.0]]]);
        let second = windows(array![[[2.0, 12.0], [2.0, 12.0]]]);
        let pair = Dataset::unlabelled(CellPair::new(first, second).unwrap());
        let words = MarkWordsQuantiles::default().fit(&pair, &pair, 0).unwrap();
        let expected = vec![vec![2.0, 3.0], vec![12.0, 13.0]];
        assert_eq!(words.thresholds, Thresholds::PerMark(expected));
        let sentences = words.encode(&pair.inputs).unwrap();
        assert_eq!(sentences.text(0, 1), "mm mm");
    }

    #[test]
    fn validation_rows_are_never_learned_from() {
        let train = Dataset::unlabelled(windows(array![[[0.0], [1.0], [2.0]]]));
        let valid = Dataset::unlabelled(windows(array![[[100.0], [200.0], [300.0]]]));
        let learner = MarkWordsQuantiles::default();
        let alone = learner.fit(&train, &train, 0).unwrap();
        assert_eq!(learner.fit(&train, &valid, 1).unwrap(), alone);
    }

    #[test]
    fn quantiles_out_of_range_and_empty_batches_are_refused() {
        let train = Dataset::unlabelled(windows(array![[[0.0]]]));
        let refused: [&[f64]; 5] = [&[], &[0.0], &[1.0], &[0.6, 0.3], &[f64::NAN]];
        for quantiles in refused {
            let quantiles = quantiles.to_vec();
            let learner = MarkWordsQuantiles {
                quantiles,
                whole_counts: true,
            };
            assert!(learner.fit(&train, &train, 0).is_err());
        }
        let none = Dataset::unlabelled(windows(Array3::zeros((0, 3, 1))));
        assert!(MarkWordsQuantiles::default().fit(&none, &none, 0).is_err());
    }

    proptest! {
        #[test]
        fn learned_thresholds_ascend_and_leave_no_lowest_letter_empty(
            counts in proptest::collection::vec(0_u8..6, 1..60),
        ) {
            let mut signals: Vec<f32> = counts.iter().map(|&count| f32::from(count)).collect();
            signals.sort_unstable_by(f32::total_cmp);
            let found = thresholds(&signals, &[0.2, 0.5, 0.9], true);
            prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(signals[0] < found[0]);
            let below = signals.iter().filter(|&&signal| signal < found[0]).count();
            prop_assert!(below as f64 >= 0.2 * signals.len() as f64 - 1e-9);
        }
    }
}
