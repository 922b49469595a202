use chromex_core::{Rows, View};
use ndarray::{Array3, Array4, ArrayView3};

use crate::{Error, MarkAlphabet, Result};

/// Mark windows as sentences: one word per bin, one sentence per row and view.
///
/// A word is kept as its code, two bytes, in place of its letters; text is made on demand. The
/// words lose nothing of the levels: [`levels`](Self::levels) gives them back.
///
/// # Examples
///
/// ```
/// use chromex_tokens::{MarkAlphabet, MarkSentences};
/// let alphabet = MarkAlphabet::default();
/// let sentences = MarkSentences::parse("lllmm hhlll\nlllll mmmmm\n", &alphabet, &Default::default())?;
/// assert_eq!(sentences.text(0, 0), "lllmm hhlll");
/// assert_eq!(sentences.sentence(0, 0), [4, 216]);
/// # Ok::<(), chromex_tokens::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MarkSentences {
    codes: Vec<u16>,
    rows: usize,
    words: usize,
    views: Vec<View>,
    alphabet: MarkAlphabet,
}

impl MarkSentences {
    /// Describes sentences by the codes of their words.
    ///
    /// # Shapes
    ///
    /// `codes` is `[rows, views, words]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the views differ from the second axis in number, or there are none, or
    /// a code is not below [`MarkAlphabet::words`].
    pub fn new(codes: Array3<u16>, views: Vec<View>, alphabet: MarkAlphabet) -> Result<Self> {
        let (rows, found, words) = codes.dim();
        if found != views.len() || views.is_empty() {
            return Err(Error::Shape {
                what: "views of the sentences",
                expected: format!("{} and at least 1", views.len()),
                found: found.to_string(),
            });
        }
        if let Some(code) = codes
            .iter()
            .find(|&&code| usize::from(code) >= alphabet.words())
        {
            return Err(Error::Shape {
                what: "codes of the words",
                expected: format!("codes below {}", alphabet.words()),
                found: code.to_string(),
            });
        }
        let codes = match codes.is_standard_layout() {
            true => codes.into_raw_vec_and_offset().0,
            false => codes.iter().copied().collect(),
        };
        Ok(Self::from_codes(codes, rows, words, views, alphabet))
    }

    /// Takes codes that are known to be sound, in the order of `[rows, views, words]`.
    pub(crate) fn from_codes(
        codes: Vec<u16>,
        rows: usize,
        words: usize,
        views: Vec<View>,
        alphabet: MarkAlphabet,
    ) -> Self {
        debug_assert_eq!(codes.len(), rows * views.len() * words);
        Self {
            codes,
            rows,
            words,
            views,
            alphabet,
        }
    }

    /// Puts the views of the same rows side by side, as when each cell has a file of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when there are no parts, or rows, words or alphabets differ.
    pub fn side_by_side(parts: &[Self]) -> Result<Self> {
        let shape = |part: &Self| {
            format!(
                "{} rows of {} words in {:?}",
                part.rows, part.words, part.alphabet
            )
        };
        let first = parts.first().ok_or_else(|| Error::Shape {
            what: "sentences side by side",
            expected: "at least 1 part".into(),
            found: "0".into(),
        })?;
        let alike = |part: &&Self| {
            part.rows == first.rows && part.words == first.words && part.alphabet == first.alphabet
        };
        if let Some(other) = parts.iter().find(|part| !alike(part)) {
            return Err(Error::Shape {
                what: "sentences side by side",
                expected: shape(first),
                found: shape(other),
            });
        }
        let mut codes = Vec::with_capacity(parts.iter().map(|part| part.codes.len()).sum());
        for row in 0..first.rows {
            for part in parts {
                codes.extend_from_slice(part.row(row));
            }
        }
        let views = parts.iter().flat_map(|part| part.views.clone()).collect();
        let alphabet = first.alphabet.clone();
        Ok(Self::from_codes(
            codes,
            first.rows,
            first.words,
            views,
            alphabet,
        ))
    }

    /// Views the codes, `[rows, views, words]`.
    pub fn codes(&self) -> ArrayView3<'_, u16> {
        ArrayView3::from_shape((self.rows, self.views.len(), self.words), &self.codes)
            .expect("there is a code for every row, view and word")
    }

    /// Lists the views of a row, in order.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// Counts the words of a sentence.
    pub fn words_per_sentence(&self) -> usize {
        self.words
    }

    /// Tells how words are spelt.
    pub fn alphabet(&self) -> &MarkAlphabet {
        &self.alphabet
    }

    /// Views the codes of one sentence.
    ///
    /// # Panics
    ///
    /// When there is no such row or view.
    pub fn sentence(&self, row: usize, view: usize) -> &[u16] {
        assert!(
            view < self.views.len(),
            "view {view} of {}",
            self.views.len()
        );
        &self.row(row)[view * self.words..(view + 1) * self.words]
    }

    /// Spells the words of one sentence.
    ///
    /// # Panics
    ///
    /// When there is no such row or view.
    pub fn words(&self, row: usize, view: usize) -> impl Iterator<Item = &str> {
        let codes = self.sentence(row, view).iter();
        codes.map(|&code| self.alphabet.word(code))
    }

    /// Writes out one sentence, its words parted by single spaces.
    ///
    /// # Panics
    ///
    /// When there is no such row or view.
    pub fn text(&self, row: usize, view: usize) -> String {
        let mut text = String::with_capacity(self.words * (self.alphabet.marks() + 1));
        for word in self.words(row, view) {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }

    /// Gives back the levels that the words spell, `[rows, views, words, marks]`.
    pub fn levels(&self) -> Array4<u8> {
        let shape = (
            self.rows,
            self.views.len(),
            self.words,
            self.alphabet.marks(),
        );
        let codes = self.codes.iter();
        let levels = codes.flat_map(|&code| self.alphabet.levels_of(code));
        Array4::from_shape_vec(shape, levels.collect()).expect("every word has a level per mark")
    }

    fn row(&self, row: usize) -> &[u16] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let width = self.views.len() * self.words;
        &self.codes[row * width..(row + 1) * width]
    }
}

impl Rows for MarkSentences {
    fn len(&self) -> usize {
        self.rows
    }

    fn select(&self, rows: &[usize]) -> Self {
        let codes = rows
            .iter()
            .flat_map(|&row| self.row(row))
            .copied()
            .collect();
        let (views, alphabet) = (self.views.clone(), self.alphabet.clone());
        Self::from_codes(codes, rows.len(), self.words, views, alphabet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array3, array};
    use proptest::prelude::*;

    fn two_rows() -> MarkSentences {
        let codes = array![[[0_u16, 242], [1, 2]], [[3, 4], [5, 6]]];
        let views = vec![View::First, View::Second];
        MarkSentences::new(codes, views, MarkAlphabet::default()).unwrap()
    }

    #[test]
    fn words_are_spelt_by_row_and_view() {
        let sentences = two_rows();
        assert_eq!(sentences.text(0, 0), "lllll hhhhh");
        assert_eq!(sentences.text(1, 1), "lllmh lllhl");
        assert_eq!(
            sentences.words(0, 1).collect::<Vec<_>>(),
            ["llllm", "llllh"]
        );
        assert_eq!(sentences.codes()[[1, 0, 1]], 4);
        let swapped = sentences.select(&[1, 0]);
        assert_eq!(swapped.sentence(0, 0), [3, 4]);
        assert_eq!(swapped.sentence(1, 0), [0, 242]);
    }

    #[test]
    fn codes_in_another_memory_order_stay_in_place() {
        let codes = Array3::from_shape_fn((2, 1, 3), |(row, _, word)| (row * 3 + word) as u16);
        let turned = codes.clone().permuted_axes([2, 1, 0]);
        let sentences = MarkSentences::new(turned, vec![View::Whole], MarkAlphabet::default());
        assert_eq!(sentences.unwrap().codes(), codes.permuted_axes([2, 1, 0]));
    }

    #[test]
    fn parts_side_by_side_keep_their_rows() {
        let sentences = two_rows();
        let both = MarkSentences::side_by_side(&[sentences.clone(), sentences.clone()]).unwrap();
        assert_eq!(both.views().len(), 4);
        assert_eq!(both.sentence(1, 2), sentences.sentence(1, 0));
        let short = sentences.select(&[0]);
        assert!(MarkSentences::side_by_side(&[sentences, short]).is_err());
        assert!(MarkSentences::side_by_side(&[]).is_err());
    }

    #[test]
    fn codes_and_views_that_do_not_fit_are_refused() {
        let new =
            |code, views| MarkSentences::new(array![[[code]]], views, MarkAlphabet::default());
        assert!(new(242, vec![View::Whole]).is_ok());
        assert!(new(243, vec![View::Whole]).is_err());
        assert!(new(0, vec![View::First, View::Second]).is_err());
    }

    proptest! {
        #[test]
        fn levels_spell_the_same_words_again(codes in proptest::collection::vec(0_u16..243, 12)) {
            let codes = Array3::from_shape_vec((2, 2, 3), codes).unwrap();
            let views = vec![View::First, View::Second];
            let sentences = MarkSentences::new(codes.clone(), views, MarkAlphabet::default()).unwrap();
            let levels = sentences.levels();
            for ((row, view, word), &code) in codes.indexed_iter() {
                let lane = levels.slice(ndarray::s![row, view, word, ..]);
                let again = sentences.alphabet().code_of_levels(lane.iter().copied());
                prop_assert_eq!(again, code);
            }
        }
    }
}
