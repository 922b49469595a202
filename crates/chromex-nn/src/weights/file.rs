use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::module::Module;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{fill, read};
use crate::{Error, Result};

/// Where a parameter lies in a file.
///
/// A name is the tensor of that name, as it is. Published files may hold a linear layer transposed, `[outputs, inputs]`, and
/// in several tensors whose outputs stand side by side in the network's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The tensors that make up the last axis, in order.
    pub names: Vec<String>,
    /// Whether the file holds matrices as `[columns, rows]`.
    pub transposed: bool,
}

impl From<String> for Stored {
    fn from(name: String) -> Self {
        Self {
            names: vec![name],
            transposed: false,
        }
    }
}

impl Stored {
    /// Tells the shape of each tensor of a parameter; `None` when the parameter cannot be parted so.
    fn part(&self, shape: &[usize]) -> Option<Vec<usize>> {
        let mut part = shape.to_vec();
        let last = part.last_mut()?;
        if self.names.is_empty() || !last.is_multiple_of(self.names.len()) {
            return None;
        }
        *last /= self.names.len();
        if self.transposed && part.len() == 2 {
            part.reverse();
        }
        Some(part)
    }

    /// Visits each number's place in the parameter and in its tensor: `(parameter, tensor, place in the tensor)`.
    fn places(&self, shape: &[usize], mut visit: impl FnMut(usize, usize, usize)) {
        let columns = shape.last().copied().unwrap_or(1).max(1);
        let rows = shape.iter().product::<usize>() / columns;
        let share = columns / self.names.len();
        let transposed = self.transposed && shape.len() == 2;
        for row in 0..rows {
            for column in 0..columns {
                let (tensor, within) = (column / share, column % share);
                let place = if transposed {
                    within * rows + row
                } else {
                    row * share + within
                };
                visit(row * columns + column, tensor, place);
            }
        }
    }
}

/// Writes the parameters of a module as safetensors, where `stored` says for their paths.
///
/// # Errors
///
/// [`Error::Core`] when the file cannot be written.
///
/// # Panics
///
/// When a parameter cannot be parted as `stored` says.
pub fn save<M: Module, S: Into<Stored>>(
    module: &M,
    path: &Path,
    stored: impl Fn(&str) -> S,
) -> Result<()> {
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (parameter, shape, values) in read(module) {
        let stored: Stored = stored(&parameter).into();
        let part = stored.part(&shape).expect("the parameter parts evenly");
        let count: usize = part.iter().product();
        let mut parts = vec![vec![0; 4 * count]; stored.names.len()];
        stored.places(&shape, |from, tensor, to| {
            parts[tensor][4 * to..4 * to + 4].copy_from_slice(&values[from].to_le_bytes());
        });
        let named = stored.names.into_iter().zip(parts);
        tensors.extend(named.map(|(name, bytes)| (name, part.clone(), bytes)));
    }
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes)
            .expect("the bytes are those of the shape");
        (name.as_str(), view)
    });
    // The mark by which the Python libraries know how tensors are laid out.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let file =
        safetensors::serialize(views, Some(metadata)).map_err(|source| Error::Safetensors {
            path: path.to_owned(),
            source,
        })?;
    chromex_core::atomic::write(path, |out| out.write_all(&file))?;
    Ok(())
}

/// Lists the tensors of a safetensors file.
///
/// # Errors
///
/// When the file cannot be read or is not safetensors.
pub fn names(path: &Path) -> Result<Vec<String>> {
    let bytes = read_file(path)?;
    let file = parse(path, &bytes)?;
    Ok(file.names().into_iter().map(String::from).collect())
}

/// Reads the parameters of a module from safetensors. `stored` says where a parameter's path lies in the file; tensors for
/// which `ignored` holds are passed over.
///
/// # Errors
///
/// When the file cannot be read, is not safetensors, lacks a tensor, has one of another shape or type, or
/// has one that is neither the module's nor ignored.
///
/// # Panics
///
/// When a parameter cannot be parted as `stored` says.
pub fn load<M: Module, S: Into<Stored>>(
    module: M,
    path: &Path,
    stored: impl Fn(&str) -> S,
    ignored: impl Fn(&str) -> bool,
) -> Result<M> {
    let bytes = read_file(path)?;
    let file = parse(path, &bytes)?;
    let mut left: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
    let module = fill(module, |parameter, shape| {
        let stored: Stored = stored(parameter).into();
        let expected = stored.part(shape).expect("the parameter parts evenly");
        let mut parts = Vec::with_capacity(stored.names.len());
        for name in &stored.names {
            let name = name.clone();
            let Some(view) = left.remove(&name) else {
                return Err(Error::MissingTensor {
                    path: path.to_owned(),
                    name,
                    expected,
                });
            };
            if view.shape() != expected {
                return Err(Error::TensorShape {
                    path: path.to_owned(),
                    name,
                    expected,
                    found: view.shape().to_vec(),
                });
            }
            parts.push(numbers(&view).ok_or_else(|| Error::TensorType {
                path: path.to_owned(),
                found: format!("{:?}", view.dtype()),
                name,
            })?);
        }
        let mut values = vec![0.0; shape.iter().product()];
        stored.places(shape, |to, tensor, from| values[to] = parts[tensor][from]);
        Ok(values)
    })?;
    let names: Vec<String> = left.into_keys().filter(|name| !ignored(name)).collect();
    if names.is_empty() {
        Ok(module)
    } else {
        Err(Error::UnexpectedTensors {
            path: path.to_owned(),
            names,
        })
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}

/// The format's own reader checks that the header is bounded and that every tensor lies in the file.
fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>> {
    SafeTensors::deserialize(bytes).map_err(|source| Error::Safetensors {
        path: path.to_owned(),
        source,
    })
}

fn numbers(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let bytes = view.data();
    let pairs = || bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    Some(match view.dtype() {
        Dtype::F32 => bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect(),
        Dtype::F16 => pairs()
            .map(|pair| burn::tensor::f16::from_le_bytes(pair).to_f32())
            .collect(),
        Dtype::BF16 => pairs()
            .map(|pair| burn::tensor::bf16::from_le_bytes(pair).to_f32())
            .collect(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_transposed_matrix_lie_side_by_side() {
        let stored = Stored {
            names: vec!["a".into(), "b".into()],
            transposed: true,
        };
        // Two inputs, two outputs of each part.
        assert_eq!(stored.part(&[2, 4]), Some(vec![2, 2]));
        assert_eq!(stored.part(&[2, 3]), None);
        let parts = [[1, 2, 3, 4], [5, 6, 7, 8]];
        let mut joint = [0; 8];
        stored.places(&[2, 4], |to, tensor, from| joint[to] = parts[tensor][from]);
        assert_eq!(joint, [1, 3, 5, 7, 2, 4, 6, 8]);
        let mut bias = [0; 4];
        stored.places(&[4], |to, tensor, from| bias[to] = parts[tensor][from]);
        assert_eq!(bias, [1, 2, 5, 6]);
    }
}
