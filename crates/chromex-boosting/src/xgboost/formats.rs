//! Which format a file is of: told by its structure, and by whether it can be read as that, never by a byte alone.
//!
//! Old binary models begin with a base score, whose four bytes can be any: a brace, the signature of gzip, or `bs64`. So
//! every format that the first bytes leave possible is tried, and the one that reads is the one that it is. No bytes read
//! as two: text has no zero bytes, which the header of a binary model has, and after the brace of Universal Binary JSON
//! stands the type of a length.

use super::learner::Learner;
use super::value::malformed;
use super::{json, legacy, schema, ubj};
use crate::{Error, Result};

/// Where the names of a binary model begin, and how many bytes it has at least.
const LEGACY_HEADER: usize = 136;
const LEAST_LEGACY: usize = LEGACY_HEADER + 2 * 8;

/// The mark that some editors put before text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What is expected where a file is none of them.
const EXPECTED: &str =
    "a model of XGBoost's: JSON, Universal Binary JSON, or the binary format before version 3";

/// How files begin that people take for models, and what to do with them.
const OTHERS: [(&[u8], &str); 13] = [
    (b"\x1f\x8b", "a gzip file: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file: unpack it first"),
    (b"BZh", "a bzip2 file: unpack it first"),
    (b"\xfd7zXZ", "an xz file: unpack it first"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"\x80", "a Python pickle: write the model by `save_model`"),
    (
        b"CONFIG-offset:",
        "a snapshot of a booster with its settings: write the model by `save_model`",
    ),
    (b"\x89HDF", "an HDF5 file"),
    (
        b"bs64",
        "a model in base64, which XGBoost gave up before version 0.90",
    ),
    (b"\xff\xfe", "text in UTF-16: write it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16: write it as UTF-8"),
    (
        b"booster[",
        "a dump of trees, which lacks what predictions need: write the model by `save_model`",
    ),
    (
        b"0:[",
        "a dump of trees, which lacks what predictions need: write the model by `save_model`",
    ),
];

/// Reads a model of any format. `untested` allows versions of XGBoost that nobody compared predictions with.
pub(super) fn read(bytes: &[u8], untested: bool) -> Result<Learner> {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut tried: Vec<(&'static str, Error)> = Vec::new();
    let mut attempt = |format: &'static str, learner: Result<Learner>| match learner {
        Ok(learner) => Some(learner),
        Err(error) => {
            tried.push((format, error));
            None
        }
    };
    if begins_json(text)
        && let Some(learner) = attempt("JSON", read_json(text, untested))
    {
        return Ok(learner);
    }
    if begins_ubj(bytes)
        && let Some(learner) = attempt("Universal Binary JSON", read_ubj(bytes, untested))
    {
        return Ok(learner);
    }
    if may_be_legacy(bytes)
        && let Some(learner) = attempt("the old binary format", legacy::read(bytes, untested))
    {
        return Ok(learner);
    }
    match tried.len() {
        0 => Err(of_no_format(bytes)),
        1 if !tried[0].0.starts_with("the old") => Err(tried.remove(0).1),
        _ => Err(Error::NoFormat {
            begins: beginning(bytes),
            tried,
        }),
    }
}

/// Reads JSON, once what this crate sealed is known to be whole.
fn read_json(text: &[u8], untested: bool) -> Result<Learner> {
    let sealed = schema::check_seal(text, schema::START_OF_JSON)?;
    schema::read(json::read(text)?, sealed, untested)
}

fn read_ubj(bytes: &[u8], untested: bool) -> Result<Learner> {
    let sealed = schema::check_seal(bytes, schema::START_OF_UBJ)?;
    schema::read(ubj::read(bytes)?, sealed, untested)
}

/// Whether text of an object stands there: a brace, and behind it a name or the other brace.
fn begins_json(text: &[u8]) -> bool {
    let mut letters = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    letters.next() == Some(&b'{') && matches!(letters.next(), Some(b'"' | b'}') | None)
}

/// Whether a brace stands there, and behind it the type of a length.
fn begins_ubj(bytes: &[u8]) -> bool {
    matches!(bytes, [b'{', b'i' | b'U' | b'I' | b'l' | b'L', ..])
}

/// Whether a header of numbers may stand there, in which every count has a zero among its bytes.
fn may_be_legacy(bytes: &[u8]) -> bool {
    bytes.len() >= LEAST_LEGACY && bytes[..LEGACY_HEADER].contains(&0)
}

fn of_no_format(bytes: &[u8]) -> Error {
    malformed("byte 0", EXPECTED, beginning(bytes))
}

/// Says what a file begins with, as far as that is known.
fn beginning(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "an empty file".into();
    }
    if let Some((_, what)) = OTHERS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return (*what).into();
    }
    let start = &bytes[..bytes.len().min(12)];
    format!("`{}`", start.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8]) -> String {
        match read(bytes, false) {
            Ok(_) => panic!("read"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_no_model_is_named() {
        for (bytes, what) in [
            (&b""[..], "an empty file"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"\x80\x04\x95", "pickle"),
            (b"booster[0]:\n0:[f0<1]", "a dump of trees"),
            (b"bs64\tAAAA", "base64"),
            (b"<html>", "`<html>`"),
            (b"binf", "`binf`"),
        ] {
            let message = message(bytes);
            assert!(
                message.contains(what) && message.contains("JSON"),
                "{message}"
            );
        }
    }

    #[test]
    fn every_format_that_was_tried_says_why_not() {
        // A base score that begins as Universal Binary JSON does, and nothing behind it.
        let message = message(&[&b"{L\0\0"[..], &[0; 200]].concat());
        assert!(message.contains("as Universal Binary JSON: "), "{message}");
        assert!(message.contains("as the old binary format: "), "{message}");
        assert!(!message.contains("as JSON"), "{message}");
    }
}
