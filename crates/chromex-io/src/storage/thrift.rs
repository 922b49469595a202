//! Walks over what a Parquet file says of itself before it is believed: its reader counts through a list of truth values one by
//! one, of which a few bytes can announce two thousand million, and as many again within each other.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};

/// How deep structures may lie within each other; those of Parquet lie ten deep.
const DEEPEST: u8 = 32;
/// The field of a page's header that tells how many bytes follow it.
const PACKED_BYTES: i64 = 3;

/// Checks the description at the end of a file. What does not end as Parquet does is left to the reader to refuse.
pub(super) fn check_footer(file: &File) -> io::Result<()> {
    let mut file = BufReader::new(file);
    let end = file.seek(SeekFrom::End(0))?;
    let mut tail = [0; 8];
    if end < 12 {
        return Ok(());
    }
    file.seek(SeekFrom::Start(end - 8))?;
    file.read_exact(&mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if magic != *b"PAR1" || length > end - 8 {
        return Ok(());
    }
    file.seek(SeekFrom::Start(end - 8 - length))?;
    Walk::new(&mut file, length).structure(DEEPEST)?;
    Ok(())
}

/// Checks the headers of the pages that lie between two places.
pub(super) fn check_pages(file: &File, start: u64, end: u64) -> io::Result<()> {
    let mut file = BufReader::new(file);
    let mut place = file.seek(SeekFrom::Start(start))?;
    while place < end {
        let packed = Walk::new(&mut file, end - place).structure(DEEPEST)?;
        let packed = packed.filter(|&packed| packed >= 0);
        let packed = packed.ok_or_else(|| invalid("a page without a length"))?;
        file.seek_relative(packed)?;
        place = file.stream_position()?;
    }
    Ok(())
}

/// Reads values of Thrift's compact protocol without keeping them.
struct Walk<R> {
    input: Take<R>,
}

impl<R: Read> Walk<R> {
    fn new(input: R, bytes: u64) -> Self {
        let input = input.take(bytes);
        Self { input }
    }

    /// Walks over a structure, and gives the number in the field of packed bytes.
    fn structure(&mut self, depth: u8) -> io::Result<Option<i64>> {
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| invalid("structures too deep"))?;
        let (mut id, mut packed) = (0_i64, None);
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(packed);
            }
            id = match head >> 4 {
                0 => self.number()?,
                step => id.saturating_add(i64::from(step)),
            };
            match head & 15 {
                // The head holds the value.
                1 | 2 => (),
                4..=6 => {
                    let number = self.number()?;
                    packed = if id == PACKED_BYTES {
                        Some(number)
                    } else {
                        packed
                    };
                }
                kind => self.value(kind, depth)?,
            }
        }
    }

    /// Walks over a value that is no field's.
    fn value(&mut self, kind: u8, depth: u8) -> io::Result<()> {
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| invalid("values too deep"))?;
        match kind {
            1..=3 => self.skip(1),
            4..=6 => self.number().map(drop),
            7 => self.skip(8),
            8 => {
                let length = self.length()?;
                self.skip(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let size = match head >> 4 {
                    15 => self.length()?,
                    size => u64::from(size),
                };
                self.room(size)?;
                (0..size).try_for_each(|_| self.value(head & 15, depth))
            }
            11 => {
                let size = self.length()?;
                if size == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                self.room(size)?;
                (0..size).try_for_each(|_| {
                    self.value(kinds >> 4, depth)?;
                    self.value(kinds & 15, depth)
                })
            }
            12 => self.structure(depth).map(drop),
            13 => self.skip(16),
            _ => Err(invalid("a value of no kind")),
        }
    }

    /// Refuses more values than bytes are left: each takes one at least.
    fn room(&self, size: u64) -> io::Result<()> {
        match size <= self.input.limit() {
            true => Ok(()),
            false => Err(invalid(&format!(
                "a list of {size} values in {} bytes",
                self.input.limit()
            ))),
        }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        match io::copy(&mut self.input.by_ref().take(bytes), &mut io::sink())? == bytes {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Reads a number of seven bits a byte.
    fn length(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(invalid("a number of more than 64 bits"))
    }

    /// Reads such a number whose last bit is its sign.
    fn number(&mut self) -> io::Result<i64> {
        let number = self.length()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

fn invalid(found: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, found)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn footer(description: &[u8]) -> io::Result<()> {
        let length = (description.len() as u32).to_le_bytes();
        check_footer(&file(&[b"PAR1", description, &length, b"PAR1"].concat()))
    }

    #[test]
    fn a_description_of_all_kinds_of_values_is_sound() {
        let values = [
            // true; a byte; -2 in field 40; a double; a text.
            &[
                0x11, 0x13, 7, 0x05, 80, 3, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x18, 2, b'h', b'i',
            ][..],
            // Two truth values; twenty bytes; a map of a byte and a text; an empty one.
            &[0x19, 0x21, 1, 2, 0x1a, 0xf3, 20],
            &[9; 20],
            &[0x1b, 1, 0x38, 5, 1, b'x', 0x1b, 0],
            // A structure within a structure, and an identity.
            &[0x1c, 0x1c, 0, 0, 0x1d],
            &[1; 16],
            &[0],
        ];
        footer(&values.concat()).unwrap();
        for end in 0..values.concat().len() {
            assert!(footer(&values.concat()[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn a_list_without_room_is_refused() {
        let most = [0xff, 0xff, 0xff, 0xff, 7];
        for (list, found) in [
            (
                [&[0x19, 0xf1][..], &most, &[0]].concat(),
                "a list of 2147483647 values in 1 bytes",
            ),
            (
                [&[0x1b][..], &most, &[0x11, 0]].concat(),
                "a list of 2147483647 values in 1 bytes",
            ),
            (vec![0x1c; 40], "structures too deep"),
            ([&[0x19][..], &[0x19; 40]].concat(), "values too deep"),
            (vec![0x1e, 0], "a value of no kind"),
            (
                [&[0x18][..], &[0xff; 10]].concat(),
                "a number of more than 64 bits",
            ),
        ] {
            assert_eq!(footer(&list).unwrap_err().to_string(), found);
        }
        // What is no Parquet file is refused by those who read it.
        check_footer(&file(b"PAR1")).unwrap();
        check_footer(&file(b"PAR1 and so on PARX")).unwrap();
    }

    #[test]
    fn pages_are_followed_by_their_lengths() {
        let page = |length: u8| [0x15, 0, 0x15, 0, 0x15, 2 * length, 0];
        let bytes = [&page(3)[..], b"abc", &page(0), &page(1), b"d"].concat();
        let pages = file(&bytes);
        check_pages(&pages, 0, bytes.len() as u64).unwrap();
        check_pages(&pages, 10, 17).unwrap();
        assert!(check_pages(&pages, 1, 10).is_err());
        let without = check_pages(&file(&[0x15, 0, 0]), 0, 3);
        assert_eq!(without.unwrap_err().to_string(), "a page without a length");
        // A length of -1.
        assert!(check_pages(&file(&[0x35, 1, 0, 0]), 0, 4).is_err());
    }
}
