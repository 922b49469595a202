//! Bounds what a CRAM may make its decoder ask for, before it asks: the decoder believes the lengths that a file states, of
//! which a few bytes can name gigabytes (CRAM 3.1, sections 7 to 9 and "CRAM codecs").

use std::borrow::Cow;
use std::io::{self, BufRead};

use super::blocks::Block;
use super::numbers::{
    array, at_most, byte, encoding, invalid, itf8, long_number, number, split, sum, take,
};

/// The bytes of a container, and of what its blocks inflate to. Writers end a slice at ten thousand reads or a few million bases.
const LARGEST_CONTAINER: u64 = 1 << 29;
/// The reads of a slice.
pub(super) const LARGEST_SLICE: u32 = 1 << 18;
/// The bases of the reads of a slice, together.
const LARGEST_BASES: u64 = 1 << 29;
/// The differences of the reads of a slice from their reference, together.
const LARGEST_FEATURES: u64 = 1 << 24;

/// What was read of a container.
pub(super) struct Frame {
    /// How the lengths of a slice's reads are written.
    read_lengths: Values,
    /// How their counts of differences are.
    feature_counts: Values,
    /// The reads of each slice.
    slices: Vec<u32>,
    /// The reference sequence of each slice: below 0 where there is none or several.
    pub(super) references: Vec<i32>,
    /// Whether reads are written as differences from a reference that lies elsewhere.
    pub(super) needs_reference: bool,
}

/// How a series of numbers is written.
#[derive(Clone, Debug, PartialEq)]
enum Values {
    /// In a block of their own.
    External(u32),
    /// As bits, of which the largest number is known; where all are the same, no bits are needed.
    AtMost(u64),
    /// Not at all.
    Absent,
}

/// Reads the next container into `bytes`, whole, and looks at its lengths. Nothing is left at the end of the file or at a
/// container without blocks.
pub(super) fn next_container(
    reader: &mut impl BufRead,
    bytes: &mut Vec<u8>,
) -> io::Result<Option<Frame>> {
    bytes.clear();
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    take(reader, bytes, 4)?;
    let length = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    // Reference, first base, bases, reads; the counters of reads and bases; blocks.
    for _ in 0..4 {
        number(reader, bytes)?;
    }
    for _ in 0..2 {
        long_number(reader, bytes)?;
    }
    number(reader, bytes)?;
    let slices = number(reader, bytes)?;
    let starts: io::Result<Vec<u32>> = (0..slices).map(|_| number(reader, bytes)).collect();
    let starts = starts?;
    // The sum of the header.
    take(reader, bytes, 4)?;
    at_most("bytes of a container", u64::from(length), LARGEST_CONTAINER)?;
    let start = bytes.len();
    take(reader, bytes, u64::from(length))?;
    frame(&bytes[start..], &starts).map(Some)
}

impl Frame {
    /// Looks at what a slice's unpacked blocks say of its reads.
    pub(super) fn check(&self, slice: usize, blocks: &[(i32, Cow<'_, [u8]>)]) -> io::Result<()> {
        let reads = self.slices.get(slice).copied().unwrap_or(0);
        let total = |values: &Values| match *values {
            Values::External(id) => blocks
                .iter()
                .filter(|(block, _)| *block as u32 == id)
                .map(|(_, numbers)| sum(numbers))
                .fold(0, u64::saturating_add),
            Values::AtMost(most) => most * u64::from(reads),
            Values::Absent => 0,
        };
        at_most("bases of a slice", total(&self.read_lengths), LARGEST_BASES)?;
        let features = total(&self.feature_counts);
        at_most("differences of a slice", features, LARGEST_FEATURES)
    }
}

/// Looks at the blocks of a container, whose slices are said to start at these places.
fn frame(bytes: &[u8], starts: &[u32]) -> io::Result<Frame> {
    let mut blocks = bytes;
    let mut frame = Frame {
        read_lengths: Values::Absent,
        feature_counts: Values::Absent,
        slices: Vec::new(),
        references: Vec::new(),
        needs_reference: true,
    };
    let mut inflated = 0;
    let mut found = Vec::new();
    while !blocks.is_empty() {
        let place = bytes.len() - blocks.len();
        let block = Block::read(&mut blocks)?;
        inflated += u64::from(block.inflated);
        at_most(
            "bytes of an unpacked container",
            inflated,
            LARGEST_CONTAINER,
        )?;
        match block.content {
            1 if place > 0 => return Err(invalid("one block of encodings".to_owned())),
            1 => frame.encodings(&block.unpacked()?)?,
            2 => {
                let header = block.unpacked()?;
                let mut fields = &header[..];
                frame.references.push(itf8(&mut fields)? as i32);
                for _ in 0..2 {
                    itf8(&mut fields)?;
                }
                let reads = itf8(&mut fields)?;
                at_most(
                    "reads of a slice",
                    u64::from(reads),
                    u64::from(LARGEST_SLICE),
                )?;
                frame.slices.push(reads);
                found.push(place as u32);
            }
            _ => block.check()?,
        }
    }
    match found == starts {
        true => Ok(frame),
        false => Err(invalid(format!(
            "slices at {starts:?}, found them at {found:?}"
        ))),
    }
}

impl Frame {
    /// Takes the encodings that decide how much a read asks for.
    fn encodings(&mut self, header: &[u8]) -> io::Result<()> {
        let mut rest = header;
        self.needs_reference = needs_reference(array(&mut rest)?)?;
        let mut series = array(&mut rest)?;
        for _ in 0..itf8(&mut series)? {
            let [first, second] = [byte(&mut series)?, byte(&mut series)?];
            let (kind, arguments) = encoding(&mut series)?;
            match [first, second] {
                [b'R', b'L'] => self.read_lengths = Values::read(kind, arguments)?,
                [b'F', b'N'] => self.feature_counts = Values::read(kind, arguments)?,
                _ => check_bytes(kind, arguments)?,
            }
        }
        let mut tags = array(&mut rest)?;
        for _ in 0..itf8(&mut tags)? {
            itf8(&mut tags)?;
            let (kind, arguments) = encoding(&mut tags)?;
            check_bytes(kind, arguments)?;
        }
        Ok(())
    }
}

/// Looks for what a container says of its reference; one that says nothing needs it.
fn needs_reference(mut preserved: &[u8]) -> io::Result<bool> {
    for _ in 0..itf8(&mut preserved)? {
        match [byte(&mut preserved)?, byte(&mut preserved)?] {
            [b'R', b'R'] => return Ok(byte(&mut preserved)? != 0),
            [b'R', b'N'] | [b'A', b'P'] | [b'Q', b'O'] => {
                byte(&mut preserved)?;
            }
            [b'S', b'M'] => {
                split(&mut preserved, 5)?;
            }
            [b'T', b'D'] => {
                array(&mut preserved)?;
            }
            _ => break,
        }
    }
    Ok(true)
}

impl Values {
    fn read(kind: u32, mut arguments: &[u8]) -> io::Result<Self> {
        Ok(match kind {
            0 => Self::Absent,
            1 => Self::External(itf8(&mut arguments)?),
            3 => {
                let mut largest = 0;
                let letters = itf8(&mut arguments)?;
                for _ in 0..letters {
                    largest = largest.max(itf8(&mut arguments)?);
                }
                Self::AtMost(u64::from(largest))
            }
            6 => {
                // What is taken off, which may be below 0, and the bits.
                let offset = itf8(&mut arguments)? as i32;
                let bits = itf8(&mut arguments)?;
                let most = (1_i64 << bits.min(32)) - i64::from(offset);
                Self::AtMost(most.unsigned_abs())
            }
            _ => return Err(invalid(format!("lengths in an encoding of kind {kind}"))),
        })
    }
}

/// Refuses byte arrays whose bytes take no room in the file, so that only their stated length would end them.
fn check_bytes(kind: u32, mut arguments: &[u8]) -> io::Result<()> {
    const ARRAY_OF_LENGTH: u32 = 4;
    const HUFFMAN: u32 = 3;
    if kind == ARRAY_OF_LENGTH {
        let (_, _lengths) = encoding(&mut arguments)?;
        let (bytes, _) = encoding(&mut arguments)?;
        if bytes == HUFFMAN {
            return Err(invalid("a byte array in Huffman's code".to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number as CRAM writes it, in five bytes.
    fn number(value: u32) -> Vec<u8> {
        let [a, b, c, d] = value.to_be_bytes();
        vec![
            0xf0 | a >> 4,
            a << 4 | b >> 4,
            b << 4 | c >> 4,
            c << 4 | d >> 4,
            d & 15,
        ]
    }

    fn array(content: &[u8]) -> Vec<u8> {
        [&number(content.len() as u32), content].concat()
    }

    fn block(method: u8, content: u8, inflated: u32, bytes: &[u8]) -> Vec<u8> {
        let sizes = [number(0), number(bytes.len() as u32), number(inflated)].concat();
        [&[method, content][..], &sizes, bytes, &[0; 4]].concat()
    }

    /// A container of a slice of so many reads, whose lengths and differences are encoded so.
    struct Made {
        reads: u32,
        read_lengths: (u32, Vec<u8>),
        feature_counts: (u32, Vec<u8>),
        tag: (u32, Vec<u8>),
        external: Vec<u8>,
        moved: u32,
        length: Option<u32>,
    }

    impl Default for Made {
        fn default() -> Self {
            Self {
                reads: 3,
                read_lengths: (1, number(7)),
                feature_counts: (3, huffman(&[2])),
                tag: (5, vec![0, 1]),
                external: block(0, 4, 3, b"abc"),
                moved: 0,
                length: None,
            }
        }
    }

    fn huffman(letters: &[u32]) -> Vec<u8> {
        let letters: Vec<u8> = letters.iter().flat_map(|&letter| number(letter)).collect();
        [number(letters.len() as u32 / 5), letters].concat()
    }

    impl Made {
        fn bytes(&self) -> Vec<u8> {
            let encoded =
                |(kind, arguments): &(u32, Vec<u8>)| [number(*kind), array(arguments)].concat();
            let series = [
                &number(2)[..],
                b"RL",
                &encoded(&self.read_lengths),
                b"FN",
                &encoded(&self.feature_counts),
            ];
            let tags = [number(1), number(0x4e_4d_63), encoded(&self.tag)].concat();
            let header = [array(&number(0)), array(&series.concat()), array(&tags)].concat();
            let header = block(0, 1, header.len() as u32, &header);
            let start = header.len() as u32 + self.moved;
            let slice = [number(0), number(1), number(2), number(self.reads)].concat();
            let slice = block(0, 2, slice.len() as u32, &slice);
            let blocks = [header, slice, self.external.clone()].concat();
            let length = self.length.unwrap_or(blocks.len() as u32);
            let fields = [0, 1, 2, self.reads].map(number).concat();
            let places = [number(3), number(1), number(start)].concat();
            let head = [
                &length.to_le_bytes()[..],
                &fields,
                &[0, 0],
                &places,
                &[0; 4],
            ];
            [head.concat(), blocks].concat()
        }

        fn read(&self) -> io::Result<Frame> {
            let mut bytes = Vec::new();
            let whole = self.bytes();
            let frame = next_container(&mut &whole[..], &mut bytes)?.expect("a container");
            assert_eq!(bytes, whole);
            Ok(frame)
        }

        fn refused(&self) -> String {
            let mut bytes = Vec::new();
            let error = next_container(&mut &self.bytes()[..], &mut bytes).err();
            assert!(bytes.capacity() < 1 << 20);
            error.expect("a refusal").to_string()
        }
    }

    #[test]
    fn a_sound_container_is_read_whole() {
        let frame = Made::default().read().unwrap();
        assert_eq!(frame.slices, [3]);
        assert_eq!(frame.read_lengths, Values::External(7));
        assert_eq!(frame.feature_counts, Values::AtMost(2));
        let lengths = [number(36), number(40), number(9)].concat();
        let blocks = [(7, Cow::Borrowed(&lengths[..]))];
        frame.check(0, &blocks).unwrap();
        assert!(
            next_container(&mut &[][..], &mut Vec::new())
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_size_beyond_the_file_or_the_bounds_is_refused_before_it_is_asked_for() {
        let cut = Made {
            length: Some(1 << 27),
            ..Made::default()
        };
        assert_eq!(cut.refused(), "unexpected end of file");
        let long = Made {
            length: Some(1 << 30),
            ..Made::default()
        };
        assert!(
            long.refused()
                .starts_with("at most 536870912 bytes of a container")
        );
        let reads = Made {
            reads: 1 << 30,
            ..Made::default()
        };
        assert!(reads.refused().starts_with("at most 262144 reads"));
        let moved = Made {
            moved: 1,
            ..Made::default()
        };
        assert!(moved.refused().starts_with("slices at ["));
        let external = block(1, 4, 1 << 30, b"abc");
        let inflated = Made {
            external,
            ..Made::default()
        };
        assert!(
            inflated
                .refused()
                .contains("bytes of an unpacked container")
        );
    }

    #[test]
    fn what_reads_ask_for_together_is_bounded() {
        let lengths = [number(1 << 29), number(1)].concat();
        let blocks = [(7, Cow::Borrowed(&lengths[..]))];
        let error = Made::default()
            .read()
            .unwrap()
            .check(0, &blocks)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "at most 536870912 bases of a slice, found 536870913"
        );
        // The same for all; a few; three bits less -10; four less 1.
        for (kind, arguments, most) in [
            (3, huffman(&[5]), 5),
            (3, huffman(&[1, 9]), 9),
            (6, [number(-10_i32 as u32), number(3)].concat(), 18),
            (6, [number(1), number(4)].concat(), 15),
        ] {
            let made = |reads| Made {
                feature_counts: (kind, arguments.clone()),
                reads,
                ..Made::default()
            };
            assert_eq!(made(1).read().unwrap().feature_counts, Values::AtMost(most));
            made(100).read().unwrap().check(0, &[]).unwrap();
        }
        let many = Made {
            feature_counts: (3, huffman(&[65])),
            reads: 1 << 18,
            ..Made::default()
        };
        assert!(many.read().unwrap().check(0, &[]).is_err());
        let unknown = Made {
            read_lengths: (9, number(0)),
            ..Made::default()
        };
        assert_eq!(unknown.refused(), "lengths in an encoding of kind 9");
        let free = [
            number(1),
            array(&number(7)),
            number(3),
            array(&huffman(&[65])),
        ]
        .concat();
        let free = Made {
            tag: (4, free),
            ..Made::default()
        };
        assert_eq!(free.refused(), "a byte array in Huffman's code");
    }
}
