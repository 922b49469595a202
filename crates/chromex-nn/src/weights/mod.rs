//! Weights by name: drawn from a seed, read from safetensors, written to safetensors.

mod file;
mod notes;
mod snapshot;

pub use file::{Stored, load, load_from, names, save, save_noted};
pub use notes::note;
pub use snapshot::Snapshot;

use burn::Tensor;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::TensorData;
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

use crate::{Error, Result};

/// Lists the parameters of a module with their shapes, in the module's order.
pub fn shapes<M: Module>(module: &M) -> Vec<(String, Vec<usize>)> {
    let mut listing = Listing::default();
    module.visit(&mut listing);
    listing.shapes
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

/// Reads every parameter: its path, its shape, its numbers.
fn read<M: Module>(module: &M) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let mut reading = Reading::default();
    module.visit(&mut reading);
    reading.tensors
}

/// Lists shapes without asking for numbers, which a module that is yet to be filled would draw.
#[derive(Default)]
struct Listing {
    path: Vec<String>,
    shapes: Vec<(String, Vec<usize>)>,
}

impl ModuleVisitor for Listing {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.shapes
            .push((self.path.join("."), param.lazy_shape().to_vec()));
    }
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
