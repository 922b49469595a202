//! Weights by name: drawn from a seed, read from safetensors, written to safetensors.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::Tensor;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::TensorData;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{Error, Result};

/// Lists the parameters of a module with their shapes, in the module's order.
pub fn shapes<M: Module>(module: &M) -> Vec<(String, Vec<usize>)> {
    read(module)
        .into_iter()
        .map(|(path, shape, _)| (path, shape))
        .collect()
}

/// Reads the parameters of a module: path and numbers, in the module's order.
pub fn values<M: Module>(module: &M) -> Vec<(String, Vec<f32>)> {
    read(module)
        .into_iter()
        .map(|(path, _, values)| (path, values))
        .collect()
}

/// Replaces every parameter of a module by the numbers that `fill` gives for its path and shape, in the
/// module's order.
///
/// # Errors
///
/// The first error of `fill`; the module is then lost.
///
/// # Panics
///
/// When `fill` gives another number of values than the shape has.
pub fn fill<M: Module>(
    module: M,
    fill: impl FnMut(&str, &[usize]) -> Result<Vec<f32>>,
) -> Result<M> {
    let mut filling = Filling {
        path: Vec::new(),
        fill,
        error: None,
    };
    let module = module.map(&mut filling);
    match filling.error {
        None => Ok(module),
        Some(error) => Err(error),
    }
}

/// Draws numbers from a normal distribution of mean 0.
pub fn normal(generator: &mut impl Rng, standard_deviation: f64, count: usize) -> Vec<f32> {
    (0..count)
        .map(|_| {
            let value: f64 = StandardNormal.sample(generator);
            (value * standard_deviation) as f32
        })
        .collect()
}

/// Draws numbers between minus and plus a bound, all alike likely.
pub fn uniform(generator: &mut impl Rng, bound: f64, count: usize) -> Vec<f32> {
    (0..count)
        .map(|_| (generator.random_range(-1.0..1.0) * bound) as f32)
        .collect()
}

/// Writes the parameters of a module as safetensors, under the names that `name` gives their paths.
///
/// # Errors
///
/// [`Error::Core`] when the file cannot be written.
pub fn save<M: Module>(module: &M, path: &Path, name: impl Fn(&str) -> String) -> Result<()> {
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = read(module)
        .into_iter()
        .map(|(tensor, shape, values)| {
            let bytes = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            (name(&tensor), shape, bytes)
        })
        .collect();
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

/// Reads the parameters of a module from safetensors. `name` gives the name in the file of a parameter's
/// path; tensors for which `ignored` holds are passed over.
///
/// # Errors
///
/// When the file cannot be read, is not safetensors, lacks a tensor, has one of another shape or type, or
/// has one that is neither the module's nor ignored.
pub fn load<M: Module>(
    module: M,
    path: &Path,
    name: impl Fn(&str) -> String,
    ignored: impl Fn(&str) -> bool,
) -> Result<M> {
    let bytes = read_file(path)?;
    let file = parse(path, &bytes)?;
    let mut left: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
    let module = fill(module, |parameter, expected| {
        let name = name(parameter);
        let Some(view) = left.remove(&name) else {
            return Err(Error::MissingTensor {
                path: path.to_owned(),
                name,
                expected: expected.to_vec(),
            });
        };
        if view.shape() != expected {
            return Err(Error::TensorShape {
                path: path.to_owned(),
                name,
                expected: expected.to_vec(),
                found: view.shape().to_vec(),
            });
        }
        numbers(&view).ok_or_else(|| Error::TensorType {
            path: path.to_owned(),
            found: format!("{:?}", view.dtype()),
            name,
        })
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

/// Reads every parameter: its path, its shape, its numbers.
fn read<M: Module>(module: &M) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let mut reading = Reading::default();
    module.visit(&mut reading);
    reading.tensors
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

#[derive(Default)]
struct Reading {
    path: Vec<String>,
    tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
}

impl ModuleVisitor for Reading {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().into_data().convert::<f32>();
        let values = data
            .try_to_vec()
            .expect("the data was just converted to this type");
        self.tensors
            .push((self.path.join("."), param.shape().to_vec(), values));
    }
}

struct Filling<F> {
    path: Vec<String>,
    fill: F,
    error: Option<Error>,
}

impl<F: FnMut(&str, &[usize]) -> Result<Vec<f32>>> ModuleMapper for Filling<F> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.error.is_some() {
            return param;
        }
        let shape = param.lazy_shape().to_vec();
        match (self.fill)(&self.path.join("."), &shape) {
            Ok(values) => {
                assert_eq!(values.len(), shape.iter().product::<usize>());
                let device = param.lazy_device();
                let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
                let id = param.id;
                param.transform_for_load(tensor, id)
            }
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}
