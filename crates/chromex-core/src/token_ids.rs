use serde::{Deserialize, Serialize};

use crate::{Error, Fingerprint, Result, Rows};

/// Which part of a row a sentence describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The row's only part.
    Whole,
    /// The first cell of a pair.
    First,
    /// The second cell of a pair.
    Second,
    /// The first cell minus the second.
    Difference,
}

/// Token ids of every row and view, of any lengths, without padding.
///
/// All ids lie in one vector; sentence `row * views + view` spans two neighbouring offsets.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenIds {
    ids: Vec<u32>,
    offsets: Vec<usize>,
    views: Vec<View>,
    vocabulary: usize,
    line_break: Option<u32>,
}

impl TokenIds {
    /// Describes token ids.
    ///
    /// `offsets` has one entry more than there are sentences (rows x views), starts at 0, never falls,
    /// and ends at `ids.len()`. `vocabulary` is the number of ids that the tokenizer can give;
    /// `line_break` is the id that stands between sentences when they are written as one stream.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the offsets do not describe whole rows; [`Error::Value`] when an id is not
    /// below `vocabulary`.
    pub fn new(
        ids: Vec<u32>,
        offsets: Vec<usize>,
        views: Vec<View>,
        vocabulary: usize,
        line_break: Option<u32>,
    ) -> Result<Self> {
        let sentences = offsets.len().saturating_sub(1);
        let sound = !views.is_empty()
            && offsets.first() == Some(&0)
            && offsets.last() == Some(&ids.len())
            && offsets.is_sorted()
            && sentences.is_multiple_of(views.len());
        if !sound {
            return Err(Error::Shape {
                what: "token offsets",
                expected: format!("0 to {} in whole rows of {} views", ids.len(), views.len()),
                found: format!("{sentences} sentences to {:?}", offsets.last()),
            });
        }
        if let Some(position) = ids.iter().position(|&id| id as usize >= vocabulary) {
            return Err(Error::Value {
                row: (offsets.partition_point(|&start| start <= position) - 1) / views.len(),
                what: "token id",
                expected: "an id below the vocabulary size",
                found: ids[position].to_string(),
            });
        }
        Ok(Self {
            ids,
            offsets,
            views,
            vocabulary,
            line_break,
        })
    }

    /// Lists the views of a row, in order.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// Counts the ids that the tokenizer can give.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Tells which id stands between sentences of a stream, where the tokenizer has one.
    pub fn line_break(&self) -> Option<u32> {
        self.line_break
    }

    /// Views the ids of one sentence.
    ///
    /// # Panics
    ///
    /// When there is no such row or view.
    pub fn sentence(&self, row: usize, view: usize) -> &[u32] {
        assert!(
            view < self.views.len(),
            "view {view} of {}",
            self.views.len()
        );
        let sentence = row * self.views.len() + view;
        &self.ids[self.offsets[sentence]..self.offsets[sentence + 1]]
    }

    /// Adds all tokens, and where sentences end, to a fingerprint.
    pub fn fingerprint(&self, print: &mut Fingerprint) {
        print.number(self.views.len() as u64);
        print.numbers(self.offsets.iter().map(|&offset| offset as u64));
        print.numbers(self.ids.iter().map(|&id| u64::from(id)));
    }

    /// Counts the tokens of all rows and views.
    pub fn token_count(&self) -> usize {
        self.ids.len()
    }
}

impl Rows for TokenIds {
    fn len(&self) -> usize {
        (self.offsets.len() - 1) / self.views.len()
    }

    fn select(&self, rows: &[usize]) -> Self {
        let mut ids = Vec::new();
        let mut offsets = Vec::with_capacity(rows.len() * self.views.len() + 1);
        offsets.push(0);
        for &row in rows {
            for view in 0..self.views.len() {
                ids.extend_from_slice(self.sentence(row, view));
                offsets.push(ids.len());
            }
        }
        Self {
            ids,
            offsets,
            views: self.views.clone(),
            vocabulary: self.vocabulary,
            line_break: self.line_break,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_rows() -> TokenIds {
        let views = vec![View::First, View::Second];
        TokenIds::new(vec![1, 2, 3, 4, 5, 6], vec![0, 2, 3, 3, 6], views, 7, None).unwrap()
    }

    #[test]
    fn rows_keep_their_views_and_lengths() {
        let tokens = two_rows();
        assert_eq!(tokens.len(), 2);
        assert_eq!(tokens.sentence(0, 1), [3]);
        let swapped = tokens.select(&[1, 0]);
        assert_eq!(swapped.sentence(0, 0), [0_u32; 0]);
        assert_eq!(swapped.sentence(0, 1), [4, 5, 6]);
        assert_eq!(swapped.sentence(1, 0), [1, 2]);
    }

    #[test]
    fn other_tokens_have_another_fingerprint() {
        let of = |ids: Vec<u32>, offsets: Vec<usize>| {
            let mut print = Fingerprint::default();
            let views = vec![View::Whole];
            let tokens = TokenIds::new(ids, offsets, views, 9, None).unwrap();
            tokens.fingerprint(&mut print);
            print.finish()
        };
        assert_eq!(of(vec![1, 2], vec![0, 1, 2]), of(vec![1, 2], vec![0, 1, 2]));
        assert_ne!(of(vec![1, 2], vec![0, 1, 2]), of(vec![1, 3], vec![0, 1, 2]));
        assert_ne!(of(vec![1, 2], vec![0, 1, 2]), of(vec![1, 2], vec![0, 2, 2]));
    }

    #[test]
    fn an_id_outside_the_vocabulary_is_named_by_row() {
        let error = TokenIds::new(vec![0, 9], vec![0, 1, 2], vec![View::Whole], 5, None);
        assert!(matches!(error, Err(Error::Value { row: 1, .. })));
    }

    #[test]
    fn offsets_that_cut_a_row_are_refused() {
        let views = vec![View::First, View::Second];
        assert!(TokenIds::new(vec![1], vec![0, 1], views, 5, None).is_err());
    }
}
