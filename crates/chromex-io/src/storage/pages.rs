use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};

/// Lets through only pages that cannot hold less than they promise.
///
/// The decoders allocate what a page says it has before they read it.
pub(super) struct BoundedPages {
    pub(super) inner: Box<dyn PageReader>,
    /// How many rows the group has.
    pub(super) rows: u64,
}

impl BoundedPages {
    fn check(&self, page: &Page) -> Result<()> {
        let values = u64::from(page.num_values());
        let most = match page {
            // A value of a dictionary takes at least a byte, and there are not more than rows.
            Page::DictionaryPage { buf, .. } => self.rows.min(buf.len() as u64),
            _ => self.rows,
        };
        match values <= most {
            true => Ok(()),
            false => Err(ParquetError::General(format!(
                "a page of {values} values where {most} have room"
            ))),
        }
    }
}

impl PageReader for BoundedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.inner.get_next_page()?;
        if let Some(page) = &page {
            self.check(page)?;
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.inner.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.inner.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.inner.at_record_boundary()
    }
}

impl Iterator for BoundedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
