use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek};
use std::path::Path;

use serde::Deserialize;

use super::{NumberType, Place, Tensor, TensorShape, header, io, open, seal};
use crate::{Error, Result};

/// The longest header that is read; that of a model of 100 billion parameters has a tenth of it.
const MOST_HEADER: u64 = 16 << 20;

/// The name under which a header has what is not a tensor.
const METADATA: &str = "__metadata__";

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// Reads the header of safetensors: its length, and tensors by name with their places behind it. Where the file carries the
/// checksum of its content, all of it is read, too.
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
    let malformed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Malformed {
        path: path.to_owned(),
        expected: "a safetensors header",
        source,
    };
    let mut entries: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&text).map_err(|error| malformed(error.into()))?;
    let metadata: HashMap<String, String> = match entries.remove(METADATA) {
        Some(serde_json::Value::Object(fields)) => {
            let text = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let fields = fields.into_iter();
            fields.map(|(key, value)| (key, text(value))).collect()
        }
        _ => HashMap::new(),
    };
    let data = 8 + length;
    let mut tensors = BTreeMap::new();
    let mut spans = Vec::new();
    for (name, entry) in entries {
        let entry: Entry =
            serde_json::from_value(entry).map_err(|error| malformed(error.into()))?;
        let number = NumberType::of_safetensors(&entry.dtype);
        let (start, end) = entry.data_offsets;
        // Of a type that is not known, the file alone says how many bytes its numbers take.
        let fills = number.bits().is_none_or(|bits| {
            let bits = entry
                .shape
                .iter()
                .try_fold(bits, |bits, &extent| bits.checked_mul(extent as u64));
            bits.is_some_and(|bits| bits.div_ceil(8) == end.wrapping_sub(start))
        });
        if start > end || end > size - data || !fills {
            return Err(Error::TensorPlace {
                path: path.to_owned(),
                name,
                expected: format!(
                    "the bytes of its shape, within the {} of the file",
                    size - data
                ),
                found: format!("{:?} of {number} in {start}..{end}", entry.shape),
            });
        }
        spans.push((start, end, name.clone()));
        let tensor = Tensor {
            about: TensorShape {
                shape: entry.shape,
                number,
            },
            file: path.to_owned(),
            place: Place::At {
                start: data + start,
                strides: None,
            },
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
    // Last, because what is wrong can be said more exactly before.
    file.rewind().map_err(io("read", path))?;
    seal::check(file, &text, &metadata)
        .map_err(io("read", path))?
        .map_err(|broken| Error::Malformed {
            path: path.to_owned(),
            expected: "weights as chromex wrote them; write or fetch them again",
            source: broken.into(),
        })?;
    Ok(tensors)
}
