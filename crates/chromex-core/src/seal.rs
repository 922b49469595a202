//! Checksums that files carry of their own content, so that a changed one is never taken for what was written.
//!
//! The checksum of a file is the SHA-256 of all its bytes, where its own 64 digits count as zeros: a file in which any bit has
//! changed, of the content or of the checksum, is told from one that has not. Anyone can compute it:
//! `sha256(bytes.replace(digits, b"0" * 64))` in Python.

use std::io::Read;

use sha2::{Digest, Sha256};

/// The name under which files hold it.
pub const KEY: &str = "chromex_sha256";

/// How many hexadecimal digits a checksum has.
pub const DIGITS: usize = 64;

/// How a sealed JSON object begins.
const START: &[u8] = b"{\"chromex_sha256\":\"";

/// How many bytes are hashed at a time.
const BLOCK: usize = 1 << 16;

/// Says why a file is not taken for what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// The file has no checksum where it should stand.
    #[error(
        "there is no checksum of the content where chromex writes it: the file is of an older version, or was changed"
    )]
    Missing,
    /// The checksum is that of another content.
    #[error(
        "the checksum is not that of the content: the file was damaged, or changed after it was written"
    )]
    Differs,
}

/// Puts the checksum of bytes into their [`DIGITS`] from `at` on.
///
/// # Panics
///
/// When there are not so many bytes.
pub fn stamp(bytes: &mut [u8], at: usize) {
    let digits = digits(bytes, at);
    bytes[at..at + DIGITS].copy_from_slice(digits.as_bytes());
}

/// Tells whether the digits at a place are the checksum of the bytes.
pub fn holds(bytes: &[u8], at: usize) -> bool {
    let found = at.checked_add(DIGITS).and_then(|end| bytes.get(at..end));
    found.is_some_and(|found| digits(bytes, at).as_bytes() == found)
}

fn digits(bytes: &[u8], at: usize) -> String {
    let mut sum = Sum::new(at as u64);
    sum.add(bytes);
    sum.finish()
}

/// Computes the checksum of what a reader gives, whose digits stand at a byte.
///
/// # Errors
///
/// Those of the reader.
pub fn digits_of(mut reader: impl Read, at: u64) -> std::io::Result<String> {
    let mut sum = Sum::new(at);
    let mut block = vec![0; BLOCK];
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok(sum.finish()),
            Ok(count) => sum.add(&block[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Gives a JSON object its checksum as the first field, [`KEY`].
///
/// # Panics
///
/// When the text does not begin with a brace.
///
/// # Examples
///
/// ```
/// use chromex_core::seal;
///
/// let sealed = seal::json(b"{\"slope\":2.5}");
/// assert!(sealed.starts_with(b"{\"chromex_sha256\":\""));
/// assert_eq!(seal::content(&sealed)?, b"{\"slope\":2.5}");
///
/// let changed = String::from_utf8(sealed).unwrap().replace("2.5", "2.6");
/// assert_eq!(seal::content(changed.as_bytes()), Err(seal::Broken::Differs));
/// # Ok::<(), seal::Broken>(())
/// ```
pub fn json(object: &[u8]) -> Vec<u8> {
    let (brace, rest) = object.split_at(1);
    assert_eq!(brace, b"{", "an object begins with a brace");
    let mut sealed = Vec::with_capacity(object.len() + START.len() + DIGITS + 2);
    sealed.extend(START);
    sealed.extend([b'0'; DIGITS]);
    sealed.push(b'"');
    if rest.first() != Some(&b'}') {
        sealed.push(b',');
    }
    sealed.extend(rest);
    stamp(&mut sealed, START.len());
    sealed
}

/// Gives the object that [`json`] sealed.
///
/// # Errors
///
/// [`Broken`] when the checksum is missing or is not that of the content.
pub fn content(sealed: &[u8]) -> Result<Vec<u8>, Broken> {
    let after = sealed.strip_prefix(START).ok_or(Broken::Missing)?;
    let rest = after.get(DIGITS..).ok_or(Broken::Missing)?;
    let rest = rest.strip_prefix(b"\"").ok_or(Broken::Missing)?;
    if !holds(sealed, START.len()) {
        return Err(Broken::Differs);
    }
    let rest = rest.strip_prefix(b",").unwrap_or(rest);
    Ok([b"{", rest].concat())
}

/// A checksum as the bytes come.
struct Sum {
    hash: Sha256,
    /// How many bytes came.
    read: u64,
    /// The first digit.
    at: u64,
}

impl Sum {
    fn new(at: u64) -> Self {
        Self {
            hash: Sha256::new(),
            read: 0,
            at,
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let place = |byte: u64| {
            usize::try_from(byte.saturating_sub(self.read))
                .map_or(bytes.len(), |place| place.min(bytes.len()))
        };
        let (first, end) = (place(self.at), place(self.at.saturating_add(DIGITS as u64)));
        self.hash.update(&bytes[..first]);
        self.hash.update(&[b'0'; DIGITS][..end - first]);
        self.hash.update(&bytes[end..]);
        self.read += bytes.len() as u64;
    }

    fn finish(self) -> String {
        let digest = self.hash.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bit_of_a_sealed_object_can_change() {
        for object in [&b"{}"[..], b"{\"a\":[1,2.5E0],\"b\":\"\xc3\xa9\"}"] {
            let sealed = json(object);
            assert_eq!(content(&sealed).unwrap(), object);
            for bit in 0..8 * sealed.len() {
                let mut flipped = sealed.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(content(&flipped).is_err(), "bit {bit}");
            }
            for end in 0..sealed.len() {
                assert!(content(&sealed[..end]).is_err(), "up to {end}");
            }
            assert!(content(&[&sealed[..], b" "].concat()).is_err());
        }
        assert_eq!(content(b"{\"a\":1}"), Err(Broken::Missing));
    }

    #[test]
    fn the_checksum_is_that_of_the_bytes_with_zeros_for_its_digits_however_they_come() {
        let mut bytes: Vec<u8> = (0..200_000_u32).map(|place| (place % 251) as u8).collect();
        // Across a border of the blocks.
        let at = BLOCK - 7;
        stamp(&mut bytes, at);
        assert!(holds(&bytes, at) && !holds(&bytes, at + 1) && !holds(&bytes, usize::MAX));
        let found = String::from_utf8(bytes[at..at + DIGITS].to_vec()).unwrap();
        assert_eq!(digits_of(&bytes[..], at as u64).unwrap(), found);
        assert_eq!(
            digits_of(
                std::io::BufReader::with_capacity(13, &bytes[..]).take(200_000),
                at as u64
            )
            .unwrap(),
            found
        );
        let mut zeros = bytes.clone();
        zeros[at..at + DIGITS].fill(b'0');
        let plain: String = Sha256::digest(&zeros)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(plain, found);
    }
}
