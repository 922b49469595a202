use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Read};
use std::path::Path;

use zip::{CompressionMethod, ZipArchive};

use super::pickle::{Machine, Refused, Value};
use super::{NumberType, Tensor, TensorShape, header, open};
use crate::{Error, Result};

/// The largest pickle that is read; that of a model of a thousand tensors has a hundredth of it.
pub(super) const MOST_PICKLE: u64 = 4 << 20;

/// Keys under which checkpoints keep their weights among other things.
const WEIGHTS: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// Reads an archive of `torch.save`: a pickle, and a file for each storage.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let zip = |source: zip::result::ZipError| Error::Malformed {
        path: path.to_owned(),
        expected: "an archive of `torch.save`",
        source: Box::new(source),
    };
    let mut archive = ZipArchive::new(BufReader::new(open(path)?)).map_err(zip)?;
    let mut pickle = None;
    let mut places = HashMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index_raw(index).map_err(zip)?;
        let name = entry.name().to_owned();
        // The folder is named after the model.
        let name = name.split_once('/').map_or(name.as_str(), |(_, rest)| rest);
        let stored = entry.compression() == CompressionMethod::Stored;
        let start = entry.data_start();
        if let Some(key) = name.strip_prefix("data/") {
            if !stored {
                let expected = "storages that are not compressed";
                return Err(header(path, start, expected, &format!("`{name}`")));
            }
            places.insert(key.to_owned(), (start, entry.size()));
            continue;
        }
        let small = entry.size() <= MOST_PICKLE && stored;
        let mut read = || -> Result<Vec<u8>> {
            if !small {
                let expected = format!("at most {MOST_PICKLE} bytes, not compressed");
                let found = format!("`{name}` of {}", entry.size());
                return Err(header(path, start, &expected, &found));
            }
            let mut bytes = Vec::new();
            let mut limited = (&mut entry).take(MOST_PICKLE);
            limited
                .read_to_end(&mut bytes)
                .map_err(super::io("read", path))?;
            Ok(bytes)
        };
        match name {
            "data.pkl" => pickle = Some((start, read()?)),
            "byteorder" if read()? != b"little" => {
                return Err(header(
                    path,
                    start,
                    "numbers of little-endian bytes",
                    "others",
                ));
            }
            "constants.pkl" => {
                let expected = "weights that `torch.save` wrote";
                return Err(header(path, start, expected, "a TorchScript program"));
            }
            _ => {}
        }
    }
    let Some((start, pickle)) = pickle else {
        return Err(header(path, 0, "`data.pkl` in the archive", "none"));
    };
    let mut machine = Machine::default();
    let run = machine.run(&pickle, 0);
    let (made, _) = run.map_err(|refused| refused_at(path, start, refused))?;
    tensors(path, &machine, made, |key, size| {
        let &(start, bytes) = places.get(key)?;
        Some((start, bytes / size))
    })
}

/// Names the byte of the file where a pickle was refused.
pub(super) fn refused_at(path: &Path, start: u64, refused: Refused) -> Error {
    let offset = start + refused.offset as u64;
    header(path, offset, refused.expected, &refused.found)
}

/// Collects the tensors of a state dictionary, or of the one that a checkpoint holds. `place` gives a storage's first byte
/// and how many numbers of a size it has, by its key.
pub(super) fn tensors(
    path: &Path,
    machine: &Machine,
    made: Value,
    place: impl Fn(&str, u64) -> Option<(u64, u64)>,
) -> Result<BTreeMap<String, Tensor>> {
    let refuse = |found: &str| header(path, 0, "a dictionary of tensors", found);
    let Value::Dict(mut dict) = made else {
        return Err(refuse(&format!("{made:?}")));
    };
    let text = |value: &Value| machine.text_of(*value).ok();
    let is_tensor = |(_, value): &(Value, Value)| matches!(value, Value::Tensor(_));
    if !machine.dicts[dict].iter().any(is_tensor) {
        let inner = machine.dicts[dict]
            .iter()
            .find_map(|(key, value)| match value {
                Value::Dict(inner) if text(key).is_some_and(|key| WEIGHTS.contains(&key)) => {
                    Some(*inner)
                }
                _ => None,
            });
        dict = inner.ok_or_else(|| refuse("a dictionary without any"))?;
    }
    let mut tensors = BTreeMap::new();
    for (key, value) in &machine.dicts[dict] {
        let Value::Tensor(view) = value else {
            continue;
        };
        let name = text(key).ok_or_else(|| refuse("one under a key that is no text"))?;
        let view = &machine.views[*view];
        let storage = &machine.storages[view.storage];
        let key = &machine.texts[storage.key];
        let no_type = || Error::TensorType {
            path: path.to_owned(),
            name: name.into(),
            found: machine.texts[storage.class].clone(),
        };
        let number = NumberType::of_storage(&machine.texts[storage.class]).ok_or_else(no_type)?;
        let (start, numbers) =
            place(key, number.bytes() as u64).ok_or_else(|| Error::TensorPlace {
                path: path.to_owned(),
                name: name.into(),
                expected: format!("a storage `{key}` in the file"),
                found: "none".into(),
            })?;
        let about = TensorShape {
            shape: view.shape.clone(),
            number,
        };
        let numbers = numbers.min(storage.numbers);
        let strides = view.strides.clone();
        let tensor = Tensor::within(path, name, about, (start, numbers), view.offset, strides)?;
        tensors.insert(name.to_owned(), tensor);
    }
    Ok(tensors)
}
