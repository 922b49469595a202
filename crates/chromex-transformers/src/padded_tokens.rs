use burn::Tensor;
use burn::tensor::{Int, TensorData};
use chromex_core::{Rows, TokenIds};
use chromex_nn::fused::Spans;
use chromex_nn::{Device, Error, Result};
use serde::{Deserialize, Serialize};

use crate::token_regression::{below_vocabulary, check_vocabulary};

/// How sequences of tokens are laid out as rows of one length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenLayout {
    /// The ids that are no words.
    pub special: SpecialTokens,
    /// The side that is filled up.
    pub side: PaddingSide,
    /// The length of every row; none takes that of the batch's longest sequence, which changes no result where padding
    /// takes no position, and saves work.
    pub length: Option<usize>,
}

/// The ids of a tokenizer that are no words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecialTokens {
    /// Begins a sequence.
    pub start: u32,
    /// Ends a sequence.
    pub end: u32,
    /// Fills a row up.
    pub padding: u32,
    /// Stands for what the tokenizer does not know.
    pub unknown: u32,
    /// Hides a token.
    pub mask: u32,
}

/// The side of a sequence that is filled up with padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaddingSide {
    /// Before the first token, so that all sequences end together.
    Left,
    /// After the last token.
    Right,
}

/// Sequences laid out as rows of one length.
#[derive(Clone, Debug)]
pub(crate) struct PaddedTokens {
    /// `[rows, length]`, row after row.
    pub(crate) ids: Vec<u32>,
    pub(crate) length: usize,
    /// Where the tokens of each row lie.
    pub(crate) spans: Spans,
    ranges: Vec<std::ops::Range<usize>>,
    special: SpecialTokens,
}

impl Default for SpecialTokens {
    /// The order in which CornBERT's and RoBERTa's tokenizers are trained: `<s>`, `</s>`, `<pad>`, `<unk>`, `<mask>`.
    fn default() -> Self {
        Self {
            start: 0,
            end: 1,
            padding: 2,
            unknown: 3,
            mask: 4,
        }
    }
}

impl Default for TokenLayout {
    /// CornBERT's: padded left, so that the end next to the gene has one place.
    fn default() -> Self {
        Self {
            special: SpecialTokens::default(),
            side: PaddingSide::Left,
            length: None,
        }
    }
}

impl SpecialTokens {
    /// Tells whether a token is no word. What the tokenizer does not know is one.
    pub fn contains(self, id: u32) -> bool {
        [self.start, self.end, self.padding, self.mask].contains(&id)
    }
}

impl TokenLayout {
    /// Lays the first view of every row out.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a sequence is longer than the layout's length or than `longest`, or an id, that of the padding
    /// included, has no row among the `vocabulary` of the token table.
    pub(crate) fn lay_out(
        &self,
        tokens: &TokenIds,
        longest: usize,
        vocabulary: usize,
    ) -> Result<PaddedTokens> {
        let rows = tokens.len();
        check_vocabulary(tokens, vocabulary)?;
        below_vocabulary([&self.special.padding], vocabulary)?;
        let most = (0..rows).map(|row| tokens.sentence(row, 0).len()).max();
        let most = most.unwrap_or(0);
        let length = self.length.unwrap_or(most).max(1);
        if most > length || length > longest {
            return Err(Error::Setting {
                name: "length of the tokens",
                expected: format!(
                    "at most {}",
                    self.length.map_or(longest, |l| l.min(longest))
                ),
                found: most.max(length).to_string(),
            });
        }
        let mut ids = vec![self.special.padding; rows * length];
        let ranges: Vec<_> = (0..rows)
            .map(|row| {
                let sentence = tokens.sentence(row, 0);
                let range = match self.side {
                    PaddingSide::Left => length - sentence.len()..length,
                    PaddingSide::Right => 0..sentence.len(),
                };
                ids[row * length..][range.clone()].copy_from_slice(sentence);
                range
            })
            .collect();
        Ok(PaddedTokens {
            ids,
            length,
            spans: Spans::new(ranges.clone(), length),
            ranges,
            special: self.special,
        })
    }
}

impl PaddedTokens {
    pub(crate) fn rows(&self) -> usize {
        self.ranges.len()
    }

    /// The ids as a tensor `[rows, length]`.
    pub(crate) fn ids(&self, device: &Device) -> Tensor<2, Int> {
        self.tensor(&self.ids, device)
    }

    /// The positions as RoBERTa counts them, `[rows, length]`: the padding id plus the number of tokens so far that are not
    /// padding; padding itself has the padding id.
    pub(crate) fn positions(&self, padding_id: u32, device: &Device) -> Tensor<2, Int> {
        let mut positions = Vec::with_capacity(self.ids.len());
        for row in self.ids.chunks(self.length) {
            let mut position = padding_id;
            positions.extend(row.iter().map(|&id| {
                if id == padding_id {
                    return padding_id;
                }
                position += 1;
                position
            }));
        }
        self.tensor(&positions, device)
    }

    /// The places from 0, `[1, length]`.
    pub(crate) fn places(&self, device: &Device) -> Tensor<2, Int> {
        let places: Vec<i32> = (0..self.length as i32).collect();
        Tensor::from_data(TensorData::new(places, [1, self.length]), device)
    }

    /// The places of words, row by row: neither padding nor special.
    pub(crate) fn words(&self) -> impl Iterator<Item = impl Iterator<Item = usize> + '_> + '_ {
        self.ranges.iter().enumerate().map(|(row, range)| {
            let start = row * self.length;
            (start + range.start..start + range.end)
                .filter(|&place| !self.special.contains(self.ids[place]))
        })
    }

    /// The place of the first token of each row.
    pub(crate) fn starts(&self) -> impl Iterator<Item = usize> + '_ {
        let ranges = self.ranges.iter().enumerate();
        ranges.map(|(row, range)| row * self.length + range.start)
    }

    /// Averages hidden states over the words of each row; a row without words gives 0.
    ///
    /// # Shapes
    ///
    /// `[rows, length, width]` to `[rows, width]`.
    pub(crate) fn mean(&self, hidden: Tensor<3>) -> Tensor<2> {
        let [rows, length, width] = hidden.dims();
        let mut shares = vec![0.0_f32; rows * length];
        for words in self.words() {
            let words: Vec<usize> = words.collect();
            for &place in &words {
                shares[place] = 1.0 / words.len() as f32;
            }
        }
        let shares = TensorData::new(shares, [rows, 1, length]);
        let shares = Tensor::<3>::from_data(shares, &hidden.device());
        shares.matmul(hidden).reshape([rows, width])
    }

    fn tensor(&self, values: &[u32], device: &Device) -> Tensor<2, Int> {
        let values: Vec<i32> = values.iter().map(|&value| value as i32).collect();
        Tensor::from_data(TensorData::new(values, [self.rows(), self.length]), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chromex_core::View;

    fn tokens() -> TokenIds {
        let ids = vec![0, 7, 8, 1, 0, 1, 0, 9, 3, 7, 1];
        TokenIds::new(ids, vec![0, 4, 6, 11], vec![View::Whole], 10, None).unwrap()
    }

    fn positions(padded: &PaddedTokens, padding_id: u32) -> Vec<i32> {
        let tensor = padded.positions(padding_id, &Device::default());
        tensor.into_data().convert::<i32>().try_to_vec().unwrap()
    }

    #[test]
    fn padding_does_not_shift_positions_unless_the_configuration_names_another_id() {
        let layout = TokenLayout::default();
        let padded = layout.lay_out(&tokens(), 9, 100).unwrap();
        assert_eq!(padded.ids[..10], [2, 0, 7, 8, 1, 2, 2, 2, 0, 1]);
        assert_eq!(positions(&padded, 2)[..10], [2, 3, 4, 5, 6, 2, 2, 2, 3, 4]);
        // The published fault: padding counts, `</s>` does not.
        assert_eq!(positions(&padded, 1)[..10], [2, 3, 4, 5, 1, 2, 3, 4, 5, 1]);
        let right = TokenLayout {
            side: PaddingSide::Right,
            length: Some(6),
            ..layout
        };
        let padded = right.lay_out(&tokens(), 9, 100).unwrap();
        assert_eq!(padded.ids[6..12], [0, 1, 2, 2, 2, 2]);
        assert_eq!(positions(&padded, 2)[6..12], [3, 4, 2, 2, 2, 2]);
        assert!(right.lay_out(&tokens(), 5, 100).is_err());
    }

    #[test]
    fn the_mean_leaves_out_specials_and_padding_but_not_the_unknown() {
        let padded = TokenLayout::default().lay_out(&tokens(), 9, 100).unwrap();
        let states: Vec<f32> = (0..15).map(|place| place as f32).collect();
        let states = TensorData::new(states, [3, 5, 1]);
        let mean = padded.mean(Tensor::from_data(states, &Device::default()));
        let mean: Vec<f32> = mean.into_data().try_to_vec().unwrap();
        assert_eq!(mean, [2.5, 0.0, 12.0]);
    }
}
