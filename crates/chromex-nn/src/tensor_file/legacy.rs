use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::pickle::{Machine, Value};
use super::torch::{Found, MOST_PICKLE, refused_at, tensors};
use super::{NumberType, Tensor, header, io, open};
use crate::Result;

/// The number that the first pickle holds, by its bytes.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// Reads what `torch.save` wrote before PyTorch 1.6: five pickles (a magic number, a version, facts about the system, the
/// weights, the order of storages), then each storage behind its count of numbers.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let mut file = open(path)?;
    let size = file.metadata().map_err(io("read", path))?.len();
    let mut bytes = Vec::new();
    (&mut file)
        .take(MOST_PICKLE)
        .read_to_end(&mut bytes)
        .map_err(io("read", path))?;
    let mut at = 0;
    let mut machine = Machine::default();
    let mut next = |machine: &mut Machine| {
        let (value, end) = machine
            .run(&bytes, at)
            .map_err(|refused| refused_at(path, 0, refused))?;
        at = end;
        Ok::<Value, crate::Error>(value)
    };
    let magic = next(&mut machine)?;
    let known = matches!(magic, Value::Large(number) if machine.large[number] == MAGIC);
    if !known {
        return Err(header(
            path,
            0,
            "the magic number of `torch.save`",
            "another value",
        ));
    }
    if next(&mut machine)? != Value::Int(1001) {
        return Err(header(path, 0, "version 1001 of `torch.save`", "another"));
    }
    let system = next(&mut machine)?;
    if let Value::Dict(system) = system {
        let big_endian = machine.dicts[system].iter().any(|(key, value)| {
            machine.text_of(*key).ok() == Some("little_endian") && *value == Value::Bool(false)
        });
        if big_endian {
            return Err(header(path, 0, "numbers of little-endian bytes", "others"));
        }
    }
    let weights = next(&mut machine)?;
    let order = next(&mut machine)?;
    let Value::Sequence(order) = order else {
        return Err(header(
            path,
            at as u64,
            "the order of storages",
            "another value",
        ));
    };
    let sizes: HashMap<&str, Option<u64>> = machine
        .storages
        .iter()
        .map(|storage| {
            let size = NumberType::bytes_of_storage(&machine.texts[storage.class]);
            (machine.texts[storage.key].as_str(), size)
        })
        .collect();
    let mut places = HashMap::new();
    let mut at = at as u64;
    let mut keys = machine.sequences[order].iter();
    for key in &mut keys {
        let key = machine.text_of(*key).unwrap_or_default();
        let Some(&bytes) = sizes.get(key) else {
            let found = format!("`{}`", key.escape_debug());
            return Err(header(path, at, "storages that tensors name", &found));
        };
        // What comes behind cannot be found either.
        let Some(bytes) = bytes else {
            places.insert(key, Found::Behind);
            break;
        };
        let mut count = [0; 8];
        file.seek(SeekFrom::Start(at))
            .and_then(|_| file.read_exact(&mut count))
            .map_err(io("read", path))?;
        let count = u64::from_le_bytes(count);
        let end = count
            .checked_mul(bytes)
            .and_then(|bytes| bytes.checked_add(at + 8));
        match end.filter(|&end| end <= size) {
            Some(end) => {
                places.insert(key, Found::At(at + 8, count));
                at = end;
            }
            None => {
                let expected = format!("a storage within the {size} bytes of the file");
                return Err(header(
                    path,
                    at,
                    &expected,
                    &format!("one of {count} numbers"),
                ));
            }
        }
    }
    for key in keys {
        places.insert(machine.text_of(*key).unwrap_or_default(), Found::Behind);
    }
    tensors(path, &machine, weights, |key, _| places.get(key).copied())
}
