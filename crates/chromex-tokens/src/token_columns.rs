use chromex_core::{Encode, Rows, TokenIds, View, fit_by_copy};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Lays the first token ids of a row's sentences out as numbers, one column per position.
///
/// This is the raw-token baseline of GeneGPT-2. Longer sentences are cut; the published tokenizer
/// makes 208 or 209 tokens of one sentence in seven, because a first word without a space before it
/// may split, so that the columns of those sentences are shifted.
///
/// # Shapes
///
/// Gives `[rows, views * length]`, the views side by side in the order of [`views`](Self::views).
///
/// # Errors
///
/// Encoding refuses a view that the rows do not have, a sentence shorter than `length` without
/// [`padding`](Self::padding), and vocabularies beyond 2^24 ids, which `f32` cannot tell apart.
///
/// # Examples
///
/// ```
/// use chromex_core::{Encode, TokenIds, View};
/// use chromex_tokens::TokenColumns;
/// let views = vec![View::First, View::Second];
/// let tokens = TokenIds::new(vec![7, 8, 9, 5, 6], vec![0, 3, 5], views, 10, None)?;
/// let columns = TokenColumns { length: 2, ..TokenColumns::raw_c() }.encode(&tokens)?;
/// assert_eq!(columns, ndarray::array![[7.0, 8.0, 5.0, 6.0]]);
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenColumns {
    /// How many tokens of each sentence are kept.
    pub length: usize,
    /// Which sentences of a row are laid out, in this order.
    pub views: Vec<View>,
    /// The id that fills sentences shorter than `length`; without it they are refused.
    pub padding: Option<u32>,
}

/// The published setting "Raw".
impl Default for TokenColumns {
    fn default() -> Self {
        Self::raw()
    }
}

impl TokenColumns {
    /// Takes both cells and their difference, as the setting "Raw" of GeneGPT-2.
    pub fn raw() -> Self {
        Self::published(&[View::First, View::Second, View::Difference])
    }

    /// Takes both cells, as the setting "Raw C" of GeneGPT-2.
    pub fn raw_c() -> Self {
        Self::published(&[View::First, View::Second])
    }

    /// Takes the cells' difference, as the setting "Raw D" of GeneGPT-2.
    pub fn raw_d() -> Self {
        Self::published(&[View::Difference])
    }

    /// 200 words and the seven tokens of ` <mask>`.
    fn published(views: &[View]) -> Self {
        Self {
            length: 207,
            views: views.to_vec(),
            padding: None,
        }
    }

    fn columns(&self, tokens: &TokenIds) -> Result<Array2<f32>> {
        let setting = |name, expected: &str, found: String| Error::Setting {
            name,
            expected: expected.to_owned(),
            found,
        };
        if self.length == 0 || self.views.is_empty() {
            let found = format!("{} and {:?}", self.length, self.views);
            return Err(setting("length", "a length and views of at least 1", found));
        }
        const MOST: usize = 1 << 32;
        let numbers = self.length.saturating_mul(self.views.len());
        if numbers.saturating_mul(tokens.len()) > MOST {
            let found = format!("{} of {} rows", self.length, tokens.len());
            return Err(setting("length", "at most 2^32 numbers in all", found));
        }
        if tokens.vocabulary() > 1 << 24 {
            let found = tokens.vocabulary().to_string();
            return Err(setting("vocabulary", "at most 2^24 ids", found));
        }
        let position = |wanted: &View| {
            let found = tokens.views().iter().position(|view| view == wanted);
            found.ok_or_else(|| Error::View {
                expected: vec![*wanted],
                found: tokens.views().to_vec(),
            })
        };
        let views = self
            .views
            .iter()
            .map(position)
            .collect::<Result<Vec<_>>>()?;
        let mut numbers = Vec::with_capacity(tokens.len() * views.len() * self.length);
        for row in 0..tokens.len() {
            for &view in &views {
                let sentence = tokens.sentence(row, view);
                let kept = &sentence[..sentence.len().min(self.length)];
                numbers.extend(kept.iter().map(|&id| id as f32));
                let missing = self.length - kept.len();
                match self.padding {
                    Some(padding) => numbers.extend(std::iter::repeat_n(padding as f32, missing)),
                    None if missing == 0 => {}
                    None => {
                        return Err(chromex_core::Error::Value {
                            row,
                            what: "tokens of a sentence",
                            expected: "the length of the columns or more",
                            found: format!("{} of {}", kept.len(), self.length),
                        }
                        .into());
                    }
                }
            }
        }
        let shape = (tokens.len(), views.len() * self.length);
        Ok(Array2::from_shape_vec(shape, numbers).expect("every sentence fills its columns"))
    }
}

impl Encode<TokenIds> for TokenColumns {
    type Output = Array2<f32>;

    fn encode(&self, inputs: &TokenIds) -> chromex_core::Result<Array2<f32>> {
        Ok(self.columns(inputs)?)
    }
}

fit_by_copy!(TokenColumns: TokenIds);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn tokens() -> TokenIds {
        let views = vec![View::First, View::Second];
        TokenIds::new(
            vec![1, 2, 3, 4, 5, 6, 7],
            vec![0, 2, 5, 6, 7],
            views,
            10,
            None,
        )
        .unwrap()
    }

    #[test]
    fn views_stand_side_by_side_in_the_order_that_was_asked_for() {
        let views = vec![View::Second, View::First];
        let columns = TokenColumns {
            length: 1,
            views,
            padding: None,
        };
        assert_eq!(
            columns.encode(&tokens()).unwrap(),
            array![[3.0, 1.0], [7.0, 6.0]]
        );
    }

    #[test]
    fn short_sentences_are_padded_or_refused_by_row() {
        let views = vec![View::First];
        let mut columns = TokenColumns {
            length: 2,
            views,
            padding: Some(9),
        };
        assert_eq!(
            columns.encode(&tokens()).unwrap(),
            array![[1.0, 2.0], [6.0, 9.0]]
        );
        columns.padding = None;
        let message = columns.encode(&tokens()).unwrap_err().to_string();
        assert_eq!(
            message,
            "row 1: tokens of a sentence: expected the length of the columns or more, found 1 of 2"
        );
    }

    #[test]
    fn views_that_rows_lack_and_empty_settings_are_refused() {
        assert!(TokenColumns::raw_d().encode(&tokens()).is_err());
        let refused = [
            TokenColumns {
                length: 0,
                ..TokenColumns::raw_c()
            },
            TokenColumns {
                views: vec![],
                ..TokenColumns::raw_c()
            },
        ];
        for columns in refused {
            assert!(columns.encode(&tokens()).is_err());
        }
    }

    #[test]
    fn the_published_settings_have_the_published_widths() {
        let width = |columns: TokenColumns| columns.views.len() * columns.length;
        assert_eq!(width(TokenColumns::raw_d()), 207);
        assert_eq!(width(TokenColumns::raw_c()), 414);
        assert_eq!(width(TokenColumns::default()), 621);
    }
}
