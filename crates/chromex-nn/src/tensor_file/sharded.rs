use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::Deserialize;

use super::{TensorFile, header, io};
use crate::{Error, Result};

/// The largest index that is read.
const MOST_INDEX: u64 = 16 << 20;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Reads the index of a model that is divided among files beside it.
pub(super) fn open(path: &Path) -> Result<TensorFile> {
    let size = std::fs::metadata(path).map_err(io("read", path))?.len();
    if size > MOST_INDEX {
        let expected = format!("an index of at most {MOST_INDEX} bytes");
        return Err(header(path, 0, &expected, &size.to_string()));
    }
    let text = chromex_core::input::read(path, MOST_INDEX).map_err(io("read", path))?;
    let index: Index = serde_json::from_slice(&text).map_err(|source| Error::Malformed {
        path: path.to_owned(),
        expected: "an index of weights",
        source: Box::new(source),
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut files: BTreeMap<&str, TensorFile> = BTreeMap::new();
    let mut tensors = BTreeMap::new();
    for (name, file) in &index.weight_map {
        if !files.contains_key(file.as_str()) {
            let mut parts = Path::new(file).components();
            let beside = matches!(
                (parts.next(), parts.next()),
                (Some(Component::Normal(_)), None)
            );
            if !beside || file.ends_with(".index.json") {
                return Err(header(path, 0, "files of weights beside the index", file));
            }
            files.insert(file, TensorFile::open(&folder.join(file))?);
        }
        let Some(tensor) = files[file.as_str()].tensors.get(name) else {
            return Err(Error::MissingTensor {
                path: folder.join(file),
                name: name.clone(),
                expected: Vec::new(),
            });
        };
        tensors.insert(name.clone(), tensor.clone());
    }
    // What a file has and the index does not list is there all the same.
    for file in files.into_values() {
        for (name, tensor) in file.tensors {
            tensors.entry(name).or_insert(tensor);
        }
    }
    Ok(TensorFile {
        path: path.to_owned(),
        tensors,
    })
}
