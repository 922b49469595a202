use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::{NumberType, Tensor, TensorShape, header, io, open};
use crate::{Error, Result};

/// The longest header that is read; that of a model of 100 billion parameters has a tenth of it.
const MOST_HEADER: u64 = 16 << 20;

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// Reads the header of safetensors: its length, and tensors by name with their places behind it.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let mut file = open(path)?;
    let size = file.metadata().map_err(io("read", path))?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(io("read", path))?;
    let length = u64::from_le_bytes(length);
    if length > MOST_HEADER || length > size.saturating_sub(8) {
        let expected =
            format!("a header of at most {MOST_HEADER} bytes that lies in the file of {size}");
        return Err(header(path, 0, &expected, &format!("one of {length}")));
    }
    let mut text = vec![0; length as usize];
    file.read_exact(&mut text).map_err(io("read", path))?;
    let malformed = |source| Error::Malformed {
        path: path.to_owned(),
        expected: "a safetensors header",
        source: Box::new(source),
    };
    let entries: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&text).map_err(malformed)?;
    drop(text);
    let data = 8 + length;
    let mut tensors = BTreeMap::new();
    let mut spans = Vec::new();
    for (name, entry) in entries
        .into_iter()
        .filter(|(name, _)| name != "__metadata__")
    {
        let entry: Entry = serde_json::from_value(entry).map_err(malformed)?;
        let Some(number) = NumberType::of_safetensors(&entry.dtype) else {
            return Err(Error::TensorType {
                path: path.to_owned(),
                name,
                found: entry.dtype,
            });
        };
        let (start, end) = entry.data_offsets;
        let bytes = entry
            .shape
            .iter()
            .try_fold(number.bytes() as u64, |bytes, &extent| {
                bytes.checked_mul(extent as u64)
            });
        if start > end || end > size - data || bytes != Some(end - start) {
            return Err(Error::TensorPlace {
                path: path.to_owned(),
                name,
                expected: format!(
                    "the bytes of its shape, within the {} of the file",
                    size - data
                ),
                found: format!("{:?} of {number:?} in {start}..{end}", entry.shape),
            });
        }
        spans.push((start, end, name.clone()));
        let tensor = Tensor {
            about: TensorShape {
                shape: entry.shape,
                number,
            },
            file: path.to_owned(),
            start: data + start,
            strides: None,
        };
        tensors.insert(name, tensor);
    }
    spans.sort();
    for pair in spans.windows(2) {
        if pair[0].1 > pair[1].0 {
            return Err(Error::TensorPlace {
                path: path.to_owned(),
                name: pair[1].2.clone(),
                expected: format!("a place after `{}`, which ends at {}", pair[0].2, pair[0].1),
                found: format!("one from {}", pair[1].0),
            });
        }
    }
    Ok(tensors)
}
