use chromex_core::{CellPair, Encode, MarkWindows, View, fit_by_copy};
use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

use crate::{Error, MarkAlphabet, MarkSentences, Result};

/// Turns mark windows into sentences: one word per bin, one letter per mark, by the level of its
/// signal.
///
/// A cell's level is the number of thresholds that its signal reaches, so that the published 1 and
/// 2 spell no reads as `l`, one as `m` and more as `h`. A pair of cells has three sentences per
/// gene: the first cell, the second, and their difference, whose letters are `l` where the first
/// cell has less, `m` where both have the same and `h` where it has more. One cell's windows have
/// one sentence.
///
/// All sentences share one alphabet, of three letters or, where there are more than two thresholds,
/// of one more than there are thresholds. [`MarkWordsQuantiles`](crate::MarkWordsQuantiles) learns
/// the thresholds of each mark.
///
/// # Errors
///
/// Encoding refuses thresholds that do not ascend or do not fit the marks, and, while
/// [`whole_counts`](Self::whole_counts) is on, signals that are negative or not whole.
///
/// # Examples
///
/// ```
/// use chromex_core::{Encode, MarkWindows};
/// use chromex_tokens::MarkWords;
/// # let marks = vec!["H3K4me1".into(), "H3K4me3".into()];
/// let counts = ndarray::array![[[0.0, 7.0], [1.0, 2.0]]];
/// let windows = MarkWindows::new(counts, marks, 100)?;
/// assert_eq!(MarkWords::default().encode(&windows)?.text(0, 0), "lh mh");
/// # Ok::<(), chromex_core::Error>(())
/// ```
///
/// # Differences from the paper
///
/// None: the letters of all 1,800 published sentences come out of the counts. That differences
/// follow their sign is read off the published sentences; the text does not say it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MarkWords {
    /// The signals at which the letter changes.
    pub thresholds: Thresholds,
    /// Whether signals that are negative or not whole are refused, as no count can be.
    pub whole_counts: bool,
}

/// The signals at which a mark's letter changes, ascending: a signal reaches a threshold that it
/// equals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thresholds {
    /// The same for all marks.
    Shared(Vec<f32>),
    /// One list per mark, in the marks' order, all of the same length.
    PerMark(Vec<Vec<f32>>),
}

/// The published words of GeneGPT-2: 0, 1, and 2 or more reads.
impl Default for MarkWords {
    fn default() -> Self {
        Self {
            thresholds: Thresholds::Shared(vec![1.0, 2.0]),
            whole_counts: true,
        }
    }
}

impl Thresholds {
    /// Gives every mark its thresholds, once they are known to be sound.
    fn of_marks(&self, marks: usize) -> Result<Vec<&[f32]>> {
        let lists: Vec<&[f32]> = match self {
            Self::Shared(list) => vec![list; marks],
            Self::PerMark(lists) => lists.iter().map(Vec::as_slice).collect(),
        };
        if lists.len() != marks {
            return Err(Error::Shape {
                what: "lists of thresholds",
                expected: format!("{marks}, one per mark"),
                found: lists.len().to_string(),
            });
        }
        let sound = |list: &&[f32]| {
            let ascending = list.windows(2).all(|pair| pair[0] < pair[1]);
            !list.is_empty() && ascending && list.iter().all(|threshold| threshold.is_finite())
        };
        let length = lists.first().map_or(0, |list| list.len());
        let unsound = |list: &&&[f32]| !sound(list) || list.len() != length;
        match lists.iter().find(unsound) {
            None => Ok(lists),
            Some(list) => Err(Error::Setting {
                name: "thresholds",
                expected: "finite numbers that ascend, as many for each mark".into(),
                found: format!("{list:?}"),
            }),
        }
    }
}

/// Thresholds that are sound for the marks of a batch.
struct Levels<'a> {
    thresholds: Vec<&'a [f32]>,
    marks: &'a [String],
    whole_counts: bool,
}

impl MarkWords {
    fn levels<'a>(&'a self, windows: &'a MarkWindows) -> Result<(Levels<'a>, MarkAlphabet)> {
        let marks = windows.marks();
        let thresholds = self.thresholds.of_marks(marks.len())?;
        // A difference has three levels whatever the thresholds, and all sentences share one alphabet.
        let levels = 3.max(thresholds.first().map_or(0, |list| list.len() + 1));
        let alphabet = MarkAlphabet::new(marks.len(), levels)?;
        let levels = Levels {
            thresholds,
            marks,
            whole_counts: self.whole_counts,
        };
        Ok((levels, alphabet))
    }

    fn words_of_windows(&self, windows: &MarkWindows) -> Result<MarkSentences> {
        let (levels, alphabet) = self.levels(windows)?;
        let (rows, bins, _) = windows.signal().dim();
        let mut codes = Vec::with_capacity(rows * bins);
        for (position, signal) in bins_of(windows).enumerate() {
            codes.push(levels.word(signal, (position / bins, position % bins), &alphabet)?);
        }
        let views = vec![View::Whole];
        Ok(MarkSentences::from_codes(
            codes, rows, bins, views, alphabet,
        ))
    }

    fn words_of_pair(&self, pair: &CellPair) -> Result<MarkSentences> {
        let (levels, alphabet) = self.levels(pair.first())?;
        let (rows, bins, _) = pair.first().signal().dim();
        let views = vec![View::First, View::Second, View::Difference];
        let mut codes = vec![0; rows * views.len() * bins];
        let both = bins_of(pair.first()).zip(bins_of(pair.second()));
        for (position, (first, second)) in both.enumerate() {
            let place = (position / bins, position % bins);
            let words = [
                levels.word(first, place, &alphabet)?,
                levels.word(second, place, &alphabet)?,
                alphabet.code_of_levels(first.iter().zip(second).map(|(a, b)| sign_level(a - b))),
            ];
            for (view, word) in words.into_iter().enumerate() {
                codes[(place.0 * views.len() + view) * bins + place.1] = word;
            }
        }
        Ok(MarkSentences::from_codes(
            codes, rows, bins, views, alphabet,
        ))
    }
}

impl Levels<'_> {
    fn word(
        &self,
        signal: ArrayView1<'_, f32>,
        (row, bin): (usize, usize),
        alphabet: &MarkAlphabet,
    ) -> Result<u16> {
        if self.whole_counts {
            let refused = |&(_, count): &(usize, &f32)| *count < 0.0 || count.fract() != 0.0;
            if let Some((mark, &found)) = signal.iter().enumerate().find(refused) {
                return Err(Error::Count {
                    row,
                    bin,
                    mark: self.marks[mark].clone(),
                    expected: match found < 0.0 {
                        true => "a count of 0 or more",
                        false => "a whole count",
                    },
                    found,
                });
            }
        }
        let marks = signal.into_iter().zip(&self.thresholds);
        Ok(alphabet.code_of_levels(marks.map(|(signal, thresholds)| {
            thresholds
                .iter()
                .filter(|&threshold| signal >= threshold)
                .count() as u8
        })))
    }
}

impl Encode<MarkWindows> for MarkWords {
    type Output = MarkSentences;

    fn encode(&self, inputs: &MarkWindows) -> chromex_core::Result<MarkSentences> {
        Ok(self.words_of_windows(inputs)?)
    }
}

impl Encode<CellPair> for MarkWords {
    type Output = MarkSentences;

    fn encode(&self, inputs: &CellPair) -> chromex_core::Result<MarkSentences> {
        Ok(self.words_of_pair(inputs)?)
    }
}

fit_by_copy!(MarkWords: MarkWindows, CellPair);

/// Lists the signals of every bin, gene after gene.
fn bins_of(windows: &MarkWindows) -> impl Iterator<Item = ArrayView1<'_, f32>> {
    windows.signal().lanes(ndarray::Axis(2)).into_iter()
}

fn sign_level(difference: f32) -> u8 {
    match difference {
        difference if difference < 0.0 => 0,
        difference if difference > 0.0 => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array};

    fn windows(signal: Array3<f32>) -> MarkWindows {
        let marks = (0..signal.dim().2)
            .map(|mark| format!("mark {mark}"))
            .collect();
        MarkWindows::new(signal, marks, 100).unwrap()
    }

    fn per_mark(lists: &[&[f32]]) -> MarkWords {
        MarkWords {
            thresholds: Thresholds::PerMark(lists.iter().map(|list| list.to_vec()).collect()),
            whole_counts: true,
        }
    }

    #[test]
    fn a_pair_has_a_sentence_per_cell_and_one_of_their_difference() {
        let first = windows(array![[[0.0, 1.0], [5.0, 2.0]], [[1.0, 1.0], [0.0, 0.0]]]);
        let second = windows(array![[[0.0, 3.0], [4.0, 9.0]], [[0.0, 1.0], [2.0, 0.0]]]);
        let pair = CellPair::new(first, second).unwrap();
        let sentences = MarkWords::default().encode(&pair).unwrap();
        let views = [View::First, View::Second, View::Difference];
        assert_eq!(sentences.views(), views);
        let texts = |row| [0, 1, 2].map(|view| sentences.text(row, view));
        assert_eq!(texts(0), ["lm hh", "lh hh", "ml hl"]);
        assert_eq!(texts(1), ["mm ll", "lm hl", "hm lm"]);
    }

    #[test]
    fn every_mark_may_have_thresholds_of_its_own() {
        let words = per_mark(&[&[1.0, 2.0], &[10.0, 20.0]]);
        let counts = windows(array![[[9.0, 9.0], [1.0, 10.0], [0.0, 20.0]]]);
        assert_eq!(words.encode(&counts).unwrap().text(0, 0), "hl mm lh");
    }

    #[test]
    fn more_thresholds_have_more_letters_and_fewer_keep_three() {
        let shared = |list: &[f32]| MarkWords {
            thresholds: Thresholds::Shared(list.to_vec()),
            whole_counts: true,
        };
        let counts = windows(array![[[0.0, 1.0, 2.0, 3.0, 4.0]]]);
        let text = |words: MarkWords| words.encode(&counts).unwrap().text(0, 0);
        assert_eq!(text(shared(&[1.0, 2.0, 3.0])), "abcdd");
        assert_eq!(text(shared(&[2.0])), "llmmm");
        let pair = CellPair::new(counts.clone(), counts).unwrap();
        let four = shared(&[1.0, 2.0, 3.0]).encode(&pair).unwrap();
        assert_eq!(four.text(0, 2), "bbbbb");
    }

    #[test]
    fn numbers_that_are_no_counts_are_named_by_row_bin_and_mark() {
        let message = |signal| {
            let error = MarkWords::default().words_of_windows(&windows(signal));
            error.unwrap_err().to_string()
        };
        assert_eq!(
            message(array![[[0.0, 0.0]], [[1.0, -1.0]]]),
            "row 1, bin 0, mark 1: expected a count of 0 or more, found -1"
        );
        assert_eq!(
            message(array![[[0.0, 0.0], [0.5, 0.0]]]),
            "row 0, bin 1, mark 0: expected a whole count, found 0.5"
        );
    }

    #[test]
    fn signals_that_are_no_counts_pass_when_they_are_meant() {
        let words = MarkWords {
            thresholds: Thresholds::Shared(vec![-0.5, 1.5]),
            whole_counts: false,
        };
        let signal = windows(array![[[-1.0, -0.5], [1.4, 1.5]]]);
        assert_eq!(words.encode(&signal).unwrap().text(0, 0), "lm mh");
    }

    #[test]
    fn thresholds_that_do_not_ascend_or_fit_the_marks_are_refused() {
        let counts = windows(array![[[0.0, 1.0]]]);
        let nan = f32::NAN;
        let lists: [&[&[f32]]; 6] = [
            &[&[1.0, 1.0], &[1.0, 2.0]],
            &[&[2.0, 1.0], &[1.0, 2.0]],
            &[&[1.0, nan], &[1.0, 2.0]],
            &[&[1.0], &[1.0, 2.0]],
            &[&[], &[]],
            &[&[1.0, 2.0]],
        ];
        for lists in lists {
            assert!(per_mark(lists).encode(&counts).is_err(), "{lists:?}");
        }
    }

    #[test]
    fn settings_read_back_and_unknown_ones_are_refused() {
        let words = per_mark(&[&[1.0, 2.0]]);
        let json = serde_json::to_string(&words).unwrap();
        assert_eq!(serde_json::from_str::<MarkWords>(&json).unwrap(), words);
        let default = serde_json::from_str::<MarkWords>("{}").unwrap();
        assert_eq!(default, MarkWords::default());
        assert!(serde_json::from_str::<MarkWords>("{\"threshold\": [1, 2]}").is_err());
    }
}
