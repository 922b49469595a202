//! Checksums within safetensors: a field of their metadata, so that other tools read them as any.

use std::collections::HashMap;
use std::io::Read;

use chromex_core::seal::{self, Broken};

/// How the header of what we write begins.
const METADATA: &str = "{\"__metadata__\":{";

/// The bytes of the length of a header, and what a header's length is a multiple of.
const LENGTH: usize = 8;

/// Gives serialised safetensors, which have metadata, the checksum of their content, and further metadata in their order: that of
/// the library's own map changes from run to run.
///
/// # Panics
///
/// When they have no metadata.
pub(crate) fn seal(serialized: &[u8], notes: &[(&str, String)]) -> Vec<u8> {
    let (length, rest) = serialized
        .split_first_chunk::<LENGTH>()
        .expect("safetensors begin with a length");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let fields = header
        .strip_prefix(METADATA.as_bytes())
        .expect("the header begins with metadata")
        .trim_ascii_end();
    let start = format!("{METADATA}\"{}\":\"", seal::KEY);
    let mut text = start.clone().into_bytes();
    text.extend([b'0'; seal::DIGITS]);
    text.extend(b"\",");
    for (name, note) in notes {
        let [name, note] =
            [*name, note.as_str()].map(|text| serde_json::Value::from(text).to_string());
        text.extend(format!("{name}:{note},").bytes());
    }
    text.extend(fields);
    text.resize(text.len().next_multiple_of(LENGTH), b' ');
    let length = (text.len() as u64).to_le_bytes();
    let mut sealed = [&length[..], &text, data].concat();
    seal::stamp(&mut sealed, LENGTH + start.len());
    sealed
}

/// Finds the checksum in a header and where its digits begin in the file; nothing where there is none.
///
/// # Errors
///
/// [`Broken`] where it is not as [`seal`] writes it, or where its name has been damaged.
pub(crate) fn find(
    header: &[u8],
    metadata: &HashMap<String, String>,
) -> Result<Option<(String, u64)>, Broken> {
    if metadata.keys().any(|key| is_damaged_key(key)) {
        return Err(Broken::Differs);
    }
    let Some(digits) = metadata.get(seal::KEY) else {
        return Ok(None);
    };
    let start = format!("{METADATA}\"{}\":\"", seal::KEY);
    let written = header
        .strip_prefix(start.as_bytes())
        .is_some_and(|rest| digits.len() == seal::DIGITS && rest.starts_with(digits.as_bytes()));
    match written {
        true => Ok(Some((digits.clone(), (LENGTH + start.len()) as u64))),
        false => Err(Broken::Missing),
    }
}

/// Tells a file that is what was written from one that is not. `file` stands at its beginning.
pub(crate) fn check(
    file: impl Read,
    header: &[u8],
    metadata: &HashMap<String, String>,
) -> std::io::Result<Result<bool, Broken>> {
    let found = match find(header, metadata) {
        Ok(found) => found,
        Err(broken) => return Ok(Err(broken)),
    };
    let Some((digits, at)) = found else {
        return Ok(Ok(false));
    };
    match seal::digits_of(file, at)? == digits {
        true => Ok(Ok(true)),
        false => Ok(Err(Broken::Differs)),
    }
}

/// Whether one letter alone keeps a name from being the checksum's: else damage could make a file one that has none.
fn is_damaged_key(key: &str) -> bool {
    let pairs = key.bytes().zip(seal::KEY.bytes());
    key.len() == seal::KEY.len() && pairs.filter(|(one, other)| one != other).count() == 1
}
