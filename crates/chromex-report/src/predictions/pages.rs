use parquet::basic::{Encoding, Type as Physical};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescriptor;

/// Lets through only pages that are safe to decode.
///
/// The decoders believe a page: a dictionary of four billion values is allocated before it is read, and
/// a page that needs a dictionary which never came, or a run whose length has too many bytes, ends the
/// program. What its own page contradicts is an error here.
pub(super) struct SafePages {
    inner: Box<dyn PageReader>,
    physical: Physical,
    /// Whether a page begins with a level per row that says if the row has a value.
    has_levels: bool,
    has_dictionary: bool,
}

impl SafePages {
    pub(super) fn new(inner: Box<dyn PageReader>, column: &ColumnDescriptor) -> Self {
        Self {
            inner,
            physical: column.physical_type(),
            has_levels: column.max_def_level() > 0,
            has_dictionary: false,
        }
    }

    fn check(&mut self, page: &Page) -> Result<()> {
        match page {
            Page::DictionaryPage {
                buf,
                num_values,
                encoding,
                ..
            } => {
                if !matches!(encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY) {
                    return Err(refuse(format!("a dictionary encoded as {encoding}")));
                }
                self.check_plain(buf, u64::from(*num_values))?;
                self.has_dictionary = true;
                Ok(())
            }
            Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding,
                ..
            } => {
                let mut values = &buf[..];
                let mut present = u64::from(*num_values);
                if self.has_levels {
                    if *def_level_encoding != Encoding::RLE {
                        return Err(refuse(format!("levels encoded as {def_level_encoding}")));
                    }
                    let levels =
                        text(&mut values).ok_or_else(|| refuse("levels cut off".into()))?;
                    present = present.min(check_runs(levels, 1)?);
                }
                self.check_values(values, *encoding, present)
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls,
                def_levels_byte_len,
                rep_levels_byte_len,
                ..
            } => {
                let mut values = &buf[..];
                let levels = values.split_off(..*def_levels_byte_len as usize);
                if *rep_levels_byte_len > 0 {
                    return Err(refuse("repetition levels".into()));
                }
                let mut present = u64::from(*num_values);
                let levels = levels.ok_or_else(|| refuse("levels cut off".into()))?;
                if self.has_levels {
                    present = present.min(check_runs(levels, 1)?);
                } else if *num_nulls > 0 {
                    return Err(refuse(format!("{num_nulls} nulls")));
                }
                self.check_values(values, *encoding, present)
            }
        }
    }

    fn check_values(&self, values: &[u8], encoding: Encoding, count: u64) -> Result<()> {
        match (encoding, values.split_first()) {
            (Encoding::PLAIN, _) => self.check_plain(values, count),
            (Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY, Some((&bits, runs)))
                if self.has_dictionary =>
            {
                check_runs(runs, bits).map(|_| ())
            }
            (other, _) => Err(refuse(format!("values encoded as {other}"))),
        }
    }

    /// Checks that so many values lie one after the other.
    fn check_plain(&self, mut values: &[u8], count: u64) -> Result<()> {
        let bytes = values.len() as u64;
        let are_whole = match self.physical {
            Physical::BYTE_ARRAY => (0..count).all(|_| text(&mut values).is_some()),
            Physical::INT64 => count <= bytes / 8,
            _ => count <= bytes / 4,
        };
        match are_whole {
            true => Ok(()),
            false => Err(refuse(format!("{count} values in {bytes} bytes"))),
        }
    }
}

/// Takes bytes that have their length before them.
fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = bytes.split_off(..4)?.try_into().ok()?;
    bytes.split_off(..u32::from_le_bytes(length) as usize)
}

/// Walks over runs of repeated or packed values of some bits each, as the decoder will, and counts the set
/// bits, which are the values that are present where a value is one bit.
fn check_runs(mut runs: &[u8], bits: u8) -> Result<u64> {
    if bits > 32 {
        return Err(refuse(format!("values of {bits} bits")));
    }
    let mut set = 0;
    while let Some(header) = run_header(&mut runs)? {
        let count = u64::from(header >> 1);
        let bytes = match header & 1 {
            0 => u64::from(bits.div_ceil(8)),
            _ => count * u64::from(bits),
        };
        // Some writers leave out the end of the last packed run.
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(runs.len());
        let (run, rest) = runs.split_at(bytes);
        set += match header & 1 {
            0 => count * u64::from(run.first().map_or(0, |byte| byte.count_ones())),
            _ => run.iter().map(|byte| u64::from(byte.count_ones())).sum(),
        };
        runs = rest;
    }
    Ok(set)
}

/// Reads the length of a run, seven bits a byte; nothing at the end of the page or where it is padded.
fn run_header(runs: &mut &[u8]) -> Result<Option<u32>> {
    let mut header: u64 = 0;
    for place in 0..5 {
        let Some(&byte) = runs.split_off_first() else {
            return Ok(None);
        };
        header |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return match u32::try_from(header) {
                Ok(header) => Ok((header > 0).then_some(header)),
                Err(_) => Err(refuse(format!("a run of {header} values"))),
            };
        }
    }
    Err(refuse("a run whose length does not end".into()))
}

impl PageReader for SafePages {
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
}

impl Iterator for SafePages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

fn refuse(found: String) -> ParquetError {
    ParquetError::General(format!("a page with {found}, which is not read"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use parquet::schema::parser::parse_message_type;
    use parquet::schema::types::SchemaDescriptor;
    use std::sync::Arc;

    struct Given(Vec<Page>);

    impl Iterator for Given {
        type Item = Result<Page>;

        fn next(&mut self) -> Option<Self::Item> {
            self.get_next_page().transpose()
        }
    }

    impl PageReader for Given {
        fn get_next_page(&mut self) -> Result<Option<Page>> {
            Ok(self.0.pop())
        }

        fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
            Ok(None)
        }

        fn skip_next_page(&mut self) -> Result<()> {
            Ok(())
        }
    }

    fn dictionary(num_values: u32, bytes: usize) -> Page {
        Page::DictionaryPage {
            buf: Bytes::from(vec![0; bytes]),
            num_values,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        }
    }

    fn data(encoding: Encoding, bytes: &[u8]) -> Page {
        Page::DataPage {
            buf: Bytes::copy_from_slice(bytes),
            num_values: 3,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        }
    }

    fn passes(mut pages: Vec<Page>, field: &str) -> bool {
        pages.reverse();
        let schema = parse_message_type(&format!("message m {{ {field}; }}")).unwrap();
        let column = SchemaDescriptor::new(Arc::new(schema)).column(0);
        SafePages::new(Box::new(Given(pages)), &column).all(|page| page.is_ok())
    }

    const TEXT: &str = "required binary x";
    const FLOAT: &str = "required float x";
    const OPTIONAL: &str = "optional float x";

    #[test]
    fn a_dictionary_larger_than_its_page_is_refused() {
        assert!(passes(vec![dictionary(3, 12)], TEXT));
        assert!(!passes(vec![dictionary(4, 12)], TEXT));
        assert!(!passes(vec![dictionary(2, 12)], "required int64 x"));
        assert!(!passes(vec![dictionary(u32::MAX, 12)], FLOAT));
    }

    #[test]
    fn a_page_needs_its_dictionary_before_it() {
        // Values of 1 bit: a run of 3 zeros.
        let coded = || data(Encoding::RLE_DICTIONARY, &[1, 6, 0]);
        assert!(passes(vec![dictionary(1, 4), coded()], FLOAT));
        assert!(!passes(vec![coded()], FLOAT));
    }

    #[test]
    fn a_run_whose_length_has_too_many_bytes_is_refused() {
        let coded = |runs: &[u8]| vec![dictionary(1, 4), data(Encoding::RLE_DICTIONARY, runs)];
        assert!(passes(coded(&[1, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0]), FLOAT));
        assert!(!passes(coded(&[1, 0xfe, 0xff, 0xff, 0xff, 0x1f, 0]), FLOAT));
        assert!(!passes(
            coded(&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
            FLOAT
        ));
        assert!(!passes(coded(&[33, 6, 0]), FLOAT));
        // The second run, behind 8 packed values of 1 bit.
        assert!(passes(coded(&[1, 3, 0xaa, 6, 0]), FLOAT));
        assert!(!passes(
            coded(&[1, 3, 0xaa, 0xff, 0xff, 0xff, 0xff, 0xff]),
            FLOAT
        ));
    }

    #[test]
    fn levels_must_lie_in_their_page() {
        let plain = |bytes: &[u8]| vec![data(Encoding::PLAIN, bytes)];
        // A run of 3 absent values.
        assert!(passes(plain(&[2, 0, 0, 0, 6, 0]), OPTIONAL));
        // A run of 3 present values, of which the page has one.
        assert!(!passes(plain(&[2, 0, 0, 0, 6, 1, 9, 9, 9, 9]), OPTIONAL));
        assert!(!passes(plain(&[3, 0, 0, 0, 6, 1]), OPTIONAL));
        assert!(!passes(plain(&[2, 0]), OPTIONAL));
    }

    #[test]
    fn strings_must_lie_in_their_page() {
        let plain = |bytes: &[u8]| vec![data(Encoding::PLAIN, bytes)];
        assert!(passes(
            plain(&[1, 0, 0, 0, b'a', 0, 0, 0, 0, 0, 0, 0, 0]),
            TEXT
        ));
        assert!(!passes(
            plain(&[1, 0, 0, 0, b'a', 0, 0, 0, 0, 0, 0, 0]),
            TEXT
        ));
        assert!(!passes(
            plain(&[9, 0, 0, 0, b'a', 0, 0, 0, 0, 0, 0, 0, 0]),
            TEXT
        ));
    }

    #[test]
    fn encodings_that_are_never_written_are_refused() {
        let delta = data(Encoding::DELTA_BINARY_PACKED, &[]);
        assert!(!passes(vec![delta], "required int64 x"));
    }
}
