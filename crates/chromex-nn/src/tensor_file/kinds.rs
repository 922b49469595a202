//! Of which kind a file is: told by its structure and by whether it can be read as that, never by a byte alone.
//!
//! Safetensors begin with the length of their header, whose bytes can be any: those of 640 are those that begin a pickle. So every
//! kind that the first bytes leave possible is tried, and the one that reads is the one that it is.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::{Tensor, header, io, legacy, open, safe, torch};
use crate::{Error, Result};

/// How much of a file is looked at first.
const START: usize = 262;

/// Tells by its first bytes whether a file may be of a kind.
type Begins = fn(&[u8]) -> bool;

/// Reads a file as one of the kinds.
type Reader = fn(&Path) -> Result<BTreeMap<String, Tensor>>;

/// The kinds, whether a file that begins so may be of them, and how they are read.
const KINDS: [(&str, Begins, Reader); 3] = [
    ("safetensors", begins_safetensors, safe::read),
    ("an archive of `torch.save`", begins_archive, torch::read),
    ("a pickle of `torch.save`", begins_pickle, legacy::read),
];

/// How files begin that people take for weights, and what to do with them.
const OTHERS: [(&[u8], &str); 9] = [
    (
        b"version https://git-lfs",
        "a pointer to a file that Git LFS has yet to fetch: `git lfs pull`",
    ),
    (b"\x1f\x8b", "a gzip file: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file: unpack it first"),
    (b"BZh", "a bzip2 file: unpack it first"),
    (b"\x89HDF", "an HDF5 file, as TensorFlow writes weights"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"GGUF", "a GGUF file"),
    (b"<", "a page of the web: the download went wrong"),
    (b"{", "JSON: weights lie in another file"),
];

/// Reads the tensors of a file of any kind.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let mut start = Vec::new();
    open(path)?
        .take(START as u64)
        .read_to_end(&mut start)
        .map_err(io("read", path))?;
    let mut tried = Vec::new();
    for (kind, begins, read) in KINDS {
        if begins(&start) {
            match read(path) {
                Ok(tensors) => return Ok(tensors),
                Err(error) => tried.push((kind, error)),
            }
        }
    }
    match tried.len() {
        0 => {
            let expected = "safetensors, or what `torch.save` writes";
            Err(header(path, 0, expected, &beginning(&start)))
        }
        1 => Err(tried.remove(0).1),
        _ => Err(Error::Kinds {
            path: path.to_owned(),
            tried,
        }),
    }
}

/// A header stands behind eight bytes of its length.
fn begins_safetensors(start: &[u8]) -> bool {
    start.get(8) == Some(&b'{')
}

fn begins_archive(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04")
}

/// A pickle of protocol 2 or later says so; before, the first that `torch.save` writes is a number as text.
fn begins_pickle(start: &[u8]) -> bool {
    matches!(start, [0x80, 2..=5, _, ..] | [b'L' | b'I', b'0'..=b'9', ..])
}

/// Says what a file begins with, as far as that is known.
fn beginning(start: &[u8]) -> String {
    if start.is_empty() {
        return "an empty file".into();
    }
    if start.get(257..262) == Some(b"ustar") {
        return "a tar archive: unpack it first, or write weights by a PyTorch after 0.1".into();
    }
    match OTHERS.iter().find(|(bytes, _)| start.starts_with(bytes)) {
        Some((_, what)) => (*what).into(),
        None => format!("`{}`", start[..start.len().min(9)].escape_ascii()),
    }
}
