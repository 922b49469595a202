use std::ops::Range;
use std::sync::Arc;

/// Where the tokens of each row lie; what is outside is padding, which nobody attends to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spans(Arc<[Range<usize>]>);

impl Spans {
    /// Describes rows of one length, a span of positions each.
    ///
    /// # Panics
    ///
    /// When a span ends before it starts or past the length.
    pub fn new(spans: Vec<Range<usize>>, length: usize) -> Self {
        let sound = |span: &Range<usize>| span.start <= span.end && span.end <= length;
        assert!(spans.iter().all(sound), "{spans:?} of {length} positions");
        Self(spans.into())
    }

    /// Counts the rows.
    pub fn rows(&self) -> usize {
        self.0.len()
    }

    /// The span of a row, the whole length where there are none.
    #[inline]
    pub(super) fn of(spans: Option<&Self>, row: usize, length: usize) -> Range<usize> {
        spans.map_or(0..length, |spans| spans.0[row].clone())
    }
}
