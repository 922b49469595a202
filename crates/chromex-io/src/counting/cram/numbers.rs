//! The numbers of CRAM, read from memory and from files.

use std::io::{self, Read};

/// Adds up a block of numbers; what is no number ends it.
pub(super) fn sum(mut numbers: &[u8]) -> u64 {
    let numbers = std::iter::from_fn(|| itf8(&mut numbers).ok());
    numbers.map(u64::from).fold(0, u64::saturating_add)
}

pub(super) fn encoding<'a>(rest: &mut &'a [u8]) -> io::Result<(u32, &'a [u8])> {
    Ok((itf8(rest)?, array(rest)?))
}

pub(super) fn array<'a>(rest: &mut &'a [u8]) -> io::Result<&'a [u8]> {
    let length = itf8(rest)?;
    split(rest, length)
}

pub(super) fn split<'a>(rest: &mut &'a [u8], length: u32) -> io::Result<&'a [u8]> {
    let (part, after) = rest
        .split_at_checked(length as usize)
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    *rest = after;
    Ok(part)
}

pub(super) fn byte(rest: &mut &[u8]) -> io::Result<u8> {
    Ok(split(rest, 1)?[0])
}

pub(super) fn word(rest: &mut &[u8]) -> io::Result<u32> {
    let bytes = split(rest, 4)?;
    Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// Reads a number of seven bits a byte.
pub(super) fn uint7(rest: &mut &[u8]) -> io::Result<u32> {
    let mut number = 0_u32;
    loop {
        let next = byte(rest)?;
        number = (number << 7) | u32::from(next & 0x7f);
        if next & 0x80 == 0 {
            return Ok(number);
        }
    }
}

/// Reads a number of one to five bytes, whose leading ones tell how many follow; of the fifth, four bits count.
pub(super) fn itf8(rest: &mut &[u8]) -> io::Result<u32> {
    let first = byte(rest)?;
    let more = first.leading_ones().min(4);
    let begin = u32::from(first) & (0x7f >> more.min(3));
    Ok(match *split(rest, more)? {
        [a, b, c, d] => (begin << 28) | (u32::from_be_bytes([0, a, b, c]) << 4) | u32::from(d & 15),
        ref after => after
            .iter()
            .fold(begin, |number, &byte| (number << 8) | u32::from(byte)),
    })
}

/// Reads such a number of a file, and keeps its bytes.
pub(super) fn number(reader: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<u32> {
    let start = bytes.len();
    take(reader, bytes, 1)?;
    take(reader, bytes, u64::from(bytes[start].leading_ones().min(4)))?;
    itf8(&mut &bytes[start..])
}

/// Keeps the bytes of a number of one to nine.
pub(super) fn long_number(reader: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    let start = bytes.len();
    take(reader, bytes, 1)?;
    take(reader, bytes, u64::from(bytes[start].leading_ones()))
}

/// Reads so many bytes behind others: as many as come are asked for, whatever the file says will come.
pub(super) fn take(reader: &mut impl Read, bytes: &mut Vec<u8>, length: u64) -> io::Result<()> {
    match reader.take(length).read_to_end(bytes)? as u64 == length {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

pub(super) fn at_most(what: &str, found: u64, most: u64) -> io::Result<()> {
    match found <= most {
        true => Ok(()),
        false => Err(invalid(format!("at most {most} {what}, found {found}"))),
    }
}

pub(super) fn invalid(expected: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, expected)
}
