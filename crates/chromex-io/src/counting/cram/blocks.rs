use std::borrow::Cow;
use std::io::{self, Read};

use flate2::bufread::GzDecoder;

use super::bounds::LARGEST_SLICE;
use super::numbers::{at_most, byte, invalid, itf8, split, uint7, word};

/// A block as it lies in a file.
pub(super) struct Block<'a> {
    method: u8,
    pub(super) content: u8,
    pub(super) inflated: u32,
    bytes: &'a [u8],
}

impl<'a> Block<'a> {
    pub(super) fn read(blocks: &mut &'a [u8]) -> io::Result<Self> {
        let (method, content) = (byte(blocks)?, byte(blocks)?);
        itf8(blocks)?;
        let (packed, inflated) = (itf8(blocks)?, itf8(blocks)?);
        let bytes = split(blocks, packed)?;
        // The sum.
        split(blocks, 4)?;
        Ok(Self {
            method,
            content,
            inflated,
            bytes,
        })
    }

    /// Unpacks a header.
    pub(super) fn unpacked(&self) -> io::Result<Cow<'a, [u8]>> {
        match self.method {
            0 => Ok(Cow::Borrowed(self.bytes)),
            1 => {
                let mut inflated = Vec::new();
                GzDecoder::new(self.bytes)
                    .take(u64::from(self.inflated))
                    .read_to_end(&mut inflated)?;
                Ok(Cow::Owned(inflated))
            }
            method => Err(invalid(format!("a header packed by method {method}"))),
        }
    }

    /// Compares the size that a block's content names with that of the block.
    pub(super) fn check(&self) -> io::Result<()> {
        const RANS_4X8: u8 = 4;
        const RANS_NX16: u8 = 5;
        const ARITHMETIC: u8 = 6;
        const QUALITIES: u8 = 7;
        const NAMES: u8 = 8;
        if self.inflated == 0 {
            return Ok(());
        }
        let mut content = self.bytes;
        match self.method {
            RANS_4X8 => {
                byte(&mut content)?;
                word(&mut content)?;
                self.same(word(&mut content)?)
            }
            RANS_NX16 | ARITHMETIC => coded(
                content,
                self.inflated,
                self.inflated,
                self.method == RANS_NX16,
                false,
            ),
            QUALITIES => self.same(uint7(&mut content)?),
            NAMES => self.names(content),
            _ => Ok(()),
        }
    }

    /// Looks at names: how many, and the streams that their pieces are packed in.
    fn names(&self, mut content: &[u8]) -> io::Result<()> {
        const NEW_PIECE: u8 = 0x80;
        const DUPLICATE: u8 = 0x40;
        // A number takes four bytes, however short it is in a name.
        let largest = self.inflated.saturating_mul(4);
        self.same(word(&mut content)?)?;
        let names = word(&mut content)?;
        at_most(
            "names of a slice",
            u64::from(names),
            u64::from(LARGEST_SLICE),
        )?;
        let is_rans = byte(&mut content)? == 0;
        let mut pieces = 0;
        while !content.is_empty() {
            let head = byte(&mut content)?;
            pieces += u64::from(head & NEW_PIECE != 0);
            at_most("pieces of a name", pieces, 128)?;
            if head & DUPLICATE != 0 {
                split(&mut content, 2)?;
                continue;
            }
            let packed = uint7(&mut content)?;
            coded(split(&mut content, packed)?, 0, largest, is_rans, false)?;
        }
        Ok(())
    }

    fn same(&self, found: u32) -> io::Result<()> {
        at_most(
            "bytes of an unpacked block",
            u64::from(found),
            u64::from(self.inflated),
        )
    }
}

/// Looks at the sizes that stand in the heads of streams of rANS Nx16 and the arithmetic coder, `size` long where none stands.
fn coded(
    mut stream: &[u8],
    size: u32,
    largest: u32,
    is_rans: bool,
    within_stripe: bool,
) -> io::Result<()> {
    const NO_SIZE: u8 = 0x10;
    const STRIPED: u8 = 0x08;
    const PACKED: u8 = 0x80;
    const RUNS: u8 = 0x40;
    let check = |what, found: u32| at_most(what, u64::from(found), u64::from(largest));
    let flags = byte(&mut stream)?;
    let mut size = size;
    if flags & NO_SIZE == 0 {
        size = uint7(&mut stream)?;
    }
    check("bytes of a stream", size)?;
    if flags & STRIPED != 0 {
        // The decoder calls itself for each, with tables of hundreds of kilobytes on its stack.
        if within_stripe {
            return Err(invalid("no stripes within a stripe".to_owned()));
        }
        let stripes = u32::from(byte(&mut stream)?);
        let packed: io::Result<Vec<u32>> = (0..stripes).map(|_| uint7(&mut stream)).collect();
        for packed in packed? {
            // The stripes of a stream are as long as one another.
            let stripe = size.div_ceil(stripes);
            let stream = split(&mut stream, packed)?;
            coded(stream, stripe, stripe, is_rans, true)?;
        }
        return Ok(());
    }
    if flags & PACKED != 0 {
        let letters = u32::from(byte(&mut stream)?);
        split(&mut stream, letters)?;
        check("bytes of a packed stream", uint7(&mut stream)?)?;
    }
    if is_rans && flags & RUNS != 0 {
        let runs = uint7(&mut stream)? / 2;
        // A run takes a byte or more, and there is none without a letter.
        at_most(
            "bytes of runs",
            u64::from(runs),
            2 * u64::from(largest) + 512,
        )?;
        check("letters of runs", uint7(&mut stream)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a block of 100 bytes, packed by a method.
    fn check(method: u8, bytes: &[u8]) -> io::Result<()> {
        let content = 4;
        let block = Block {
            method,
            content,
            inflated: 100,
            bytes,
        };
        block.check()
    }

    fn refused(method: u8, bytes: &[u8]) -> String {
        check(method, bytes).unwrap_err().to_string()
    }

    #[test]
    fn a_stream_that_names_more_than_its_block_is_refused() {
        check(4, &[0, 9, 0, 0, 0, 100, 0, 0, 0]).unwrap();
        assert!(refused(4, &[0, 9, 0, 0, 0, 101, 0, 0, 0]).contains("found 101"));
        check(7, &[100]).unwrap();
        assert!(refused(7, &[0x8f, 0xff, 0xff, 0xff, 0x7f]).contains("found 4294967295"));
        // Sizes stand there, or are that of the block.
        check(5, &[0, 100]).unwrap();
        assert!(refused(5, &[0, 101]).contains("bytes of a stream, found 101"));
        check(6, &[0x10]).unwrap();
    }

    #[test]
    fn streams_within_streams_are_looked_at() {
        // Four stripes of 25 bytes, of which the last names 26.
        let mut stripes = [0x18, 4, 2, 2, 2, 2, 0, 25, 0, 25, 0, 25, 0, 25];
        check(5, &stripes).unwrap();
        stripes[13] = 26;
        assert!(refused(5, &stripes).contains("at most 25 bytes of a stream, found 26"));
        for method in [5, 6] {
            let within = [0x18, 1, 5, 0x18, 1, 2, 0, 25];
            assert!(refused(method, &within).starts_with("no stripes within a stripe"));
        }
        // Two letters in 13 bytes; then runs of 130 letters.
        check(5, &[0x90, 2, b'a', b'b', 13]).unwrap();
        assert!(refused(5, &[0x90, 2, b'a', b'b', 101]).contains("packed stream"));
        check(5, &[0x50, 6, 99]).unwrap();
        assert!(refused(5, &[0x50, 6, 0x81, 2]).contains("letters of runs"));
        // The arithmetic coder's runs have no sizes.
        check(6, &[0x50, 6, 0x81, 2]).unwrap();
    }

    #[test]
    fn names_and_their_pieces_are_bounded() {
        let names = |count: u32, pieces: &[u8]| {
            let head = [&100_u32.to_le_bytes()[..], &count.to_le_bytes(), &[0]];
            [head.concat(), pieces.to_vec()].concat()
        };
        check(8, &names(5, &[0x80, 2, 0, 20, 0x41, 0, 1])).unwrap();
        assert!(refused(8, &names(1 << 20, &[])).contains("names of a slice"));
        assert!(refused(8, &names(5, &[0x80, 3, 0, 0x83, 0x11])).contains("bytes of a stream"));
        let piece = [0x80, 2, 0, 1];
        check(8, &names(5, &piece.repeat(128))).unwrap();
        assert!(refused(8, &names(5, &piece.repeat(129))).contains("pieces of a name"));
    }
}
