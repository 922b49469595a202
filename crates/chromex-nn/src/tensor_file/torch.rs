use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufReader, Read};
use std::path::Path;

use zip::{CompressionMethod, ZipArchive};

use super::pickle::{Machine, Odd, Refused, Value};
use super::{NumberType, Tensor, TensorShape, header, open};
use crate::{Error, Result};

/// The largest pickle that is read; that of a model of a thousand tensors has a hundredth of it.
pub(super) const MOST_PICKLE: u64 = 4 << 20;

/// Keys under which checkpoints keep their weights among other things.
const WEIGHTS: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// How deep within dictionaries weights are looked for.
const DEEPEST: usize = 4;

/// How many names an error lists.
const LISTED: usize = 10;

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
        Some(Found::At(start, bytes / size))
    })
}

/// Names the byte of the file where a pickle was refused.
pub(super) fn refused_at(path: &Path, start: u64, refused: Refused) -> Error {
    let offset = start + refused.offset as u64;
    header(path, offset, refused.expected, &refused.found)
}

/// Collects the tensors of a state dictionary, or of the one that a checkpoint holds. `place` gives a storage's first byte
/// and how many numbers of a size it has, by its key; nothing where the file lacks it, or where it cannot be found.
pub(super) fn tensors(
    path: &Path,
    machine: &Machine,
    made: Value,
    place: impl Fn(&str, u64) -> Option<Found>,
) -> Result<BTreeMap<String, Tensor>> {
    let refuse = |found: &str| header(path, 0, "a dictionary of tensors", found);
    let Value::Dict(dict) = made else {
        return Err(refuse(&format!("{made:?}")));
    };
    let mut seen = HashSet::new();
    let dict = state(machine, dict, 0, &mut seen).map_err(|found| refuse(&found))?;
    let text = |value: &Value| machine.text_of(*value).ok();
    let mut tensors = BTreeMap::new();
    for (key, value) in &machine.dicts[dict] {
        let name = || text(key).ok_or_else(|| refuse("one under a key that is no text"));
        let (name, tensor) = match value {
            Value::Odd(odd) => {
                let odd = &machine.odd[*odd];
                let number = NumberType::other(&odd_type(machine, odd));
                (name()?, Tensor::unread(path, odd.shape.clone(), number))
            }
            Value::Tensor(view) => {
                let name = name()?;
                (name, placed(path, machine, *view, name, &place)?)
            }
            _ => continue,
        };
        tensors.insert(name.to_owned(), tensor);
    }
    Ok(tensors)
}

/// Where a storage lies.
#[derive(Clone, Copy)]
pub(super) enum Found {
    /// Its first byte, and how many numbers there are.
    At(u64, u64),
    /// Behind others whose size is not known.
    Behind,
}

/// Finds the dictionary of weights: what stands under a usual name, or this one, or the only one that has tensors. Each
/// dictionary is looked into once, for one may be within itself.
fn state(
    machine: &Machine,
    dict: usize,
    depth: usize,
    seen: &mut HashSet<usize>,
) -> Result<usize, String> {
    let nothing = || Err("a dictionary without any".to_owned());
    if depth > DEEPEST || !seen.insert(dict) {
        return nothing();
    }
    let entries = &machine.dicts[dict];
    let mut usual = Vec::new();
    let mut others = Vec::new();
    for (key, value) in entries {
        if let Value::Dict(inner) = value {
            let key = machine.text_of(*key).unwrap_or_default();
            let list = match WEIGHTS.contains(&key) {
                true => &mut usual,
                false => &mut others,
            };
            list.push((key, *inner));
        }
    }
    for (_, inner) in usual {
        if let Ok(dict) = state(machine, inner, depth + 1, seen) {
            return Ok(dict);
        }
    }
    let is_tensor = |(_, value): &(Value, Value)| matches!(value, Value::Tensor(_) | Value::Odd(_));
    if entries.iter().any(is_tensor) {
        return Ok(dict);
    }
    let mut found = Vec::new();
    for (key, inner) in others {
        if let Ok(dict) = state(machine, inner, depth + 1, seen) {
            found.push((key, dict));
        }
    }
    match &found[..] {
        [] => nothing(),
        [(_, dict)] => Ok(*dict),
        several => {
            let names = several.iter().take(LISTED);
            let names: Vec<String> = names
                .map(|(key, _)| format!("`{}`", key.escape_debug()))
                .collect();
            let count = several.len();
            Err(format!("{count} of them: {}", names.join(", ")))
        }
    }
}

/// Names the type of a tensor that is not simply numbers in a row.
fn odd_type(machine: &Machine, odd: &Odd) -> String {
    let maker = &machine.texts[odd.maker];
    let kind = match maker.as_str() {
        "_rebuild_qtensor" => "quantised".into(),
        "_rebuild_sparse_tensor" | "_rebuild_sparse_csr_tensor" => "sparse".into(),
        "_rebuild_tensor_v3" => String::new(),
        "_rebuild_tensor_v2" => "conjugate or negative view".into(),
        other => format!("made by {other}"),
    };
    let number = odd.number.map(|number| machine.texts[number].as_str());
    let number = number.map(|number| number.strip_suffix("Storage").unwrap_or(number));
    match number {
        Some(number) if kind.is_empty() => number.into(),
        Some(number) => format!("{number} ({kind})"),
        None => kind,
    }
}

/// Describes a tensor that is numbers in a row, where its type is one that is.
fn placed(
    path: &Path,
    machine: &Machine,
    view: usize,
    name: &str,
    place: &impl Fn(&str, u64) -> Option<Found>,
) -> Result<Tensor> {
    let view = &machine.views[view];
    let storage = &machine.storages[view.storage];
    let key = &machine.texts[storage.key];
    let number = NumberType::of_storage(&machine.texts[storage.class]);
    let Some(size) = number.bytes() else {
        return Ok(Tensor::unread(path, view.shape.clone(), number));
    };
    let found = place(key, size as u64).ok_or_else(|| Error::TensorPlace {
        path: path.to_owned(),
        name: name.into(),
        expected: format!("a storage `{key}` in the file"),
        found: "none".into(),
    })?;
    let Found::At(start, numbers) = found else {
        return Ok(Tensor::unread(path, view.shape.clone(), number));
    };
    let about = TensorShape {
        shape: view.shape.clone(),
        number,
    };
    // What the pickle says of the storage, and of the part of it that the tensor is a view of, bounds it as well.
    let numbers = numbers.min(storage.offset.saturating_add(storage.numbers));
    let offset = storage.offset.saturating_add(view.offset);
    let strides = view.strides.clone();
    Tensor::within(path, name, about, (start, numbers), offset, strides)
}
