//! Walks over what a Parquet file says of itself before it is believed. Its reader counts through a list one by one, of which a few
//! bytes can announce two thousand million, and as many again within each other. It calls itself for each group within a
//! group of columns, and asks for as many places as a group says that it holds. And it reads a field by its number, whatever the
//! file declares it to be: where the two differ, it would read other values than this walk sees. What the two would
//! not both end at the same byte of is refused.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};

use super::shapes::{BYTES, CHILDREN, COLUMN, FILE, Field, PACKED_BYTES, PAGE, Shape};

/// How deep structures, and groups of columns, may lie within each other; the structures of Parquet lie ten deep.
const DEEPEST: u8 = 32;
/// The bytes of an unpacked page, for which its reader asks at once. Most writers end a page at one megabyte; some write one for
/// all rows of a group.
const LARGEST_PAGE: i64 = 1 << 28;

/// The numbers in the first fields of a structure.
type Numbers = [Option<i64>; 6];

/// Checks the description at the end of a file. What does not end as Parquet does is left to the reader to refuse.
///
/// # Errors
///
/// When the file cannot be read, or its description is not what the format says.
pub fn check_footer(file: &File) -> io::Result<()> {
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
    Walk::new(&mut file, length).structure(FILE, DEEPEST)?;
    Ok(())
}

/// Checks the headers of the pages that lie between two places.
///
/// # Errors
///
/// When the file cannot be read, or a header is not what the format says or announces a page that is too large.
pub fn check_pages(file: &File, start: u64, end: u64) -> io::Result<()> {
    let mut file = BufReader::new(file);
    let mut place = file.seek(SeekFrom::Start(start))?;
    while place < end {
        let mut walk = Walk::new(&mut file, end - place);
        let header = walk.structure(PAGE, DEEPEST)?;
        if let Some(bytes) = header[BYTES].filter(|bytes| !(0..=LARGEST_PAGE).contains(bytes)) {
            return Err(invalid(&format!("a page of {bytes} bytes")));
        }
        let packed = header[PACKED_BYTES].filter(|&packed| packed >= 0);
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

    /// Walks over a structure.
    fn structure(&mut self, shape: Shape, depth: u8) -> io::Result<Numbers> {
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| invalid("structures too deep"))?;
        let (mut id, mut told) = (0_i64, Numbers::default());
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(told);
            }
            id = match head >> 4 {
                0 => self.number()?,
                step => id.saturating_add(i64::from(step)),
            };
            if i16::try_from(id).is_err() {
                return Err(invalid(&format!("a field of the number {id}")));
            }
            let declared = head & 15;
            let known = shape.iter().find(|(known, _)| *known == id);
            let known = known.map(|(_, kind)| kind);
            if known.is_some_and(|kind| !kind.is_declared(declared)) {
                return Err(invalid(&format!("field {id} of kind {declared}")));
            }
            match (known, declared) {
                (Some(Field::Tree), _) => self.tree(depth)?,
                // The head holds the value.
                (_, 1 | 2) => (),
                (_, 4..=6) => {
                    let number = self.number()?;
                    // The reader takes the last bits of a number, and goes on elsewhere.
                    if known.is_some_and(|known| !known.holds(number)) {
                        return Err(invalid(&format!("{number} in field {id}")));
                    }
                    let place = usize::try_from(id).ok().and_then(|id| told.get_mut(id));
                    if let Some(place) = place {
                        *place = Some(number);
                    }
                }
                _ => self.value(known, declared, depth)?,
            }
        }
    }

    /// Walks over columns and groups of columns, each before what it holds.
    fn tree(&mut self, depth: u8) -> io::Result<()> {
        let (declared, size) = self.list()?;
        if size > 0 && declared != 12 {
            return Err(invalid(&format!("columns of kind {declared}")));
        }
        // What the groups that are open still lack.
        let mut open = Vec::new();
        for left in (0..size).rev() {
            let held = self.structure(COLUMN, depth)?[CHILDREN].unwrap_or(0);
            let held = u64::try_from(held).unwrap_or(u64::MAX);
            if held > left {
                return Err(invalid(&format!("a group of {held} columns before {left}")));
            }
            if let Some(last) = open.last_mut() {
                *last -= 1;
            }
            open.push(held);
            while open.last() == Some(&0) {
                open.pop();
            }
            if open.len() > usize::from(DEEPEST) {
                return Err(invalid("groups of columns too deep"));
            }
        }
        Ok(())
    }

    /// Reads the head of a list: what it holds, and how many of it.
    fn list(&mut self) -> io::Result<(u8, u64)> {
        let head = self.byte()?;
        let size = match head >> 4 {
            15 => self.length()?,
            size => u64::from(size),
        };
        self.room(size)?;
        Ok((head & 15, size))
    }

    /// Walks over a value, of which more may be known than is declared.
    fn value(&mut self, known: Option<&Field>, declared: u8, depth: u8) -> io::Result<()> {
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| invalid("values too deep"))?;
        match declared {
            // The reader takes a byte for each where it keeps them, and none where it skips them. Parquet has none.
            1 | 2 => Err(invalid("a list of truth values")),
            3 => self.skip(1),
            4..=6 => self.number().map(drop),
            7 => self.skip(8),
            8 => {
                let length = self.length()?;
                self.skip(length)
            }
            9 | 10 => {
                let (declared, size) = self.list()?;
                let known = match known {
                    Some(Field::List(element)) => Some(*element),
                    _ => None,
                };
                if size > 0 && known.is_some_and(|kind| !kind.is_declared(declared)) {
                    return Err(invalid(&format!("a list of kind {declared}")));
                }
                (0..size).try_for_each(|_| self.value(known, declared, depth))
            }
            11 => {
                let size = self.length()?;
                if size == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                self.room(size)?;
                (0..size).try_for_each(|_| {
                    self.value(None, kinds >> 4, depth)?;
                    self.value(None, kinds & 15, depth)
                })
            }
            12 => {
                let shape: Shape = match known {
                    Some(Field::Structure(shape)) => shape,
                    _ => &[],
                };
                self.structure(shape, depth).map(drop)
            }
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
            // true in field 20, which is not known; a byte; -2 in field 40; a double; a text.
            &[
                0x01, 40, 0x13, 7, 0x05, 80, 3, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x18, 2, b'h', b'i',
            ][..],
            // No truth values; twenty bytes; a map of a byte and a text; an empty one.
            &[0x19, 0x01, 0x1a, 0xf3, 20],
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
                [&[0xa9, 0xf1][..], &most, &[0]].concat(),
                "a list of 2147483647 values in 1 bytes",
            ),
            (
                [&[0xab][..], &most, &[0x11, 0]].concat(),
                "a list of 2147483647 values in 1 bytes",
            ),
            ([&[0xac][..], &[0x1c; 40]].concat(), "structures too deep"),
            ([&[0xa9][..], &[0x19; 40]].concat(), "values too deep"),
            (vec![0xae, 0], "a value of no kind"),
            (vec![0xa9, 0x21, 1, 2, 0], "a list of truth values"),
            (vec![0xab, 1, 0x32, 7, 1, 0], "a list of truth values"),
            (
                [&[0xa8][..], &[0xff; 10]].concat(),
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
    fn fields_are_what_the_format_says() {
        let refused = |description: &[u8]| footer(description).unwrap_err().to_string();
        // A version that is a structure; a number of a row that is no number of 64 bits.
        assert_eq!(refused(&[0x1c, 0, 0]), "field 1 of kind 12");
        assert_eq!(refused(&[0x35, 0, 0]), "field 3 of kind 5");
        // A group of rows whose list of columns holds numbers, and one that is no structure.
        assert_eq!(
            refused(&[0x49, 0x1c, 0x19, 0x15, 0, 0, 0]),
            "a list of kind 5"
        );
        assert_eq!(refused(&[0x49, 0x15, 0, 0]), "a list of kind 5");
        // Field 65,538, which 16 bits would make field 2.
        assert_eq!(
            refused(&[0x05, 0x84, 0x80, 0x08, 0, 0]),
            "a field of the number 65538"
        );
        footer(&[0x49, 0x1c, 0x19, 0x1c, 0x15, 0, 0, 0, 0]).unwrap_err();
        footer(&[0x49, 0x1c, 0x19, 0x1c, 0x26, 0, 0, 0, 0]).unwrap();
    }

    #[test]
    fn groups_hold_what_follows_them() {
        // Elements by how many others each says that it holds.
        let columns = |held: &[u8]| {
            let elements = held.iter().flat_map(|&held| [0x55, 2 * held, 0]);
            [
                vec![0x29, 0xfc, held.len() as u8],
                elements.collect(),
                vec![0],
            ]
            .concat()
        };
        footer(&columns(&[3, 0, 2, 0, 0, 0])).unwrap();
        footer(&columns(&[1; 20])).unwrap_err();
        let chain = |deep: usize| [&vec![1; deep][..], &[0]].concat();
        footer(&columns(&chain(32))).unwrap();
        let message = footer(&columns(&chain(33))).unwrap_err().to_string();
        assert_eq!(message, "groups of columns too deep");
        let message = footer(&columns(&[2, 0, 2, 0])).unwrap_err().to_string();
        assert_eq!(message, "a group of 2 columns before 1");
        // A group of -1.
        assert!(footer(&[0x29, 0x1c, 0x55, 1, 0, 0]).is_err());
        assert!(footer(&[0x29, 0x15, 0, 0]).is_err());
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
        // 3 and 2 to the power of 32, which 32 bits would make 3.
        let wrapped = file(&[0x35, 0x86, 0x80, 0x80, 0x80, 0x20, 0, 9, 9, 9]);
        let message = check_pages(&wrapped, 0, 10).unwrap_err().to_string();
        assert_eq!(message, "4294967299 in field 3");
        // Unpacked, 2 to the power of 28 bytes, and one more.
        let large = |last: u8| file(&[0x25, 0x80 | last, 0x80, 0x80, 0x80, 0x02, 0x15, 0, 0]);
        check_pages(&large(0), 0, 9).unwrap();
        let message = check_pages(&large(2), 0, 9).unwrap_err().to_string();
        assert_eq!(message, "a page of 268435457 bytes");
    }
}
