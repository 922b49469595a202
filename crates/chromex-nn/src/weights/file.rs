use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use burn::module::Module;
use safetensors::{Dtype, tensor::TensorView};

use super::{fill, read};
use crate::tensor_file::{TensorFile, seal};
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

/// Writes the parameters of a module as safetensors, where `stored` says for their paths. Their metadata have the checksum of the
/// whole file ([`chromex_core::seal`]), by which [`TensorFile`] refuses a file in which any bit has changed; other tools
/// pass over it.
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
    save_noted(module, path, stored, &[])
}

/// Writes the parameters of a module as [`save`] does, with notes in the header: what the numbers cannot tell of themselves.
/// [`note`](super::note) reads them.
///
/// # Errors
///
/// [`Error::Core`] when the file cannot be written.
///
/// # Panics
///
/// When a parameter cannot be parted as `stored` says.
pub fn save_noted<M: Module, S: Into<Stored>>(
    module: &M,
    path: &Path,
    stored: impl Fn(&str) -> S,
    notes: &[(&str, String)],
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
    let sealed = seal::seal(&file, notes);
    chromex_core::atomic::write(path, |out| out.write_all(&sealed))?;
    Ok(())
}

/// Lists the tensors of a published file.
///
/// # Errors
///
/// As [`TensorFile::open`].
pub fn names(path: &Path) -> Result<Vec<String>> {
    let file = TensorFile::open(path)?;
    Ok(file.tensors().map(|(name, _)| name.to_owned()).collect())
}

/// Reads the parameters of a module from a published file of any kind ([`TensorFile`]). `stored` says where a parameter's
/// path lies in the file; tensors for
/// which `ignored` holds are passed over.
///
/// # Errors
///
/// As [`TensorFile::open`] and [`load_from`].
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
    let file = TensorFile::open(path)?;
    load_from(module, &file, stored, |_, _| None, ignored)
}

/// Reads the parameters of a module from a published file of any kind, as [`load`] does. What the file lacks is what
/// `otherwise` gives for a parameter's path and shape, if anything.
///
/// Tensors are read one by one, so that memory holds the module and one of its tensors.
///
/// # Errors
///
/// [`Error::Tensors`] with all tensors that are missing, of another shape, not of a floating-point type, or neither the module's
/// nor ignored; [`Error::Io`] when the file cannot be read any more.
///
/// # Panics
///
/// When a parameter cannot be parted as `stored` says.
pub fn load_from<M: Module, S: Into<Stored>>(
    module: M,
    file: &TensorFile,
    stored: impl Fn(&str) -> S,
    mut otherwise: impl FnMut(&str, &[usize]) -> Option<Vec<f32>>,
    ignored: impl Fn(&str) -> bool,
) -> Result<M> {
    let (mut missing, mut misshapen, mut mistyped) = (Vec::new(), Vec::new(), Vec::new());
    let (mut known, mut given) = (BTreeSet::new(), BTreeMap::new());
    for (parameter, shape) in super::shapes(&module) {
        let stored: Stored = stored(&parameter).into();
        let expected = stored.part(&shape).expect("the parameter parts evenly");
        if stored.names.iter().all(|name| file.tensor(name).is_none())
            && let Some(values) = otherwise(&parameter, &shape)
        {
            given.insert(parameter, values);
            continue;
        }
        for name in stored.names {
            match file.tensor(&name) {
                None => missing.push(format!("{name} {expected:?}")),
                Some(found) if found.shape != expected => {
                    misshapen.push(format!("{name} {expected:?}, found {:?}", found.shape));
                }
                Some(found) if !found.number.is_float() => {
                    mistyped.push(format!("{name} {}", found.number));
                }
                Some(_) => {}
            }
            known.insert(name);
        }
    }
    let others = file.tensors();
    let unexpected: Vec<String> = others
        .filter(|(name, _)| !known.contains(*name) && !ignored(name))
        .map(|(name, about)| format!("{name} {:?} {}", about.shape, about.number))
        .collect();
    let lists = [&missing, &misshapen, &mistyped, &unexpected];
    if lists.iter().any(|list| !list.is_empty()) {
        return Err(Error::Tensors {
            path: file.path().to_owned(),
            missing,
            misshapen,
            mistyped,
            unexpected,
        });
    }
    fill(module, |parameter, shape| {
        if let Some(values) = given.remove(parameter) {
            return Ok(values);
        }
        let stored: Stored = stored(parameter).into();
        let parts = stored.names.iter().map(|name| file.numbers(name));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let mut values = vec![0.0; shape.iter().product()];
        stored.places(shape, |to, tensor, from| values[to] = parts[tensor][from]);
        Ok(values)
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
