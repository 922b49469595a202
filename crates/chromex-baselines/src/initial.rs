//! Initial weights, each as the framework of the paper draws them.

use burn::module::Module;
use chromex_core::random;
use chromex_nn::weights;

/// What a parameter that is not drawn starts with; none for the others.
fn fixed(path: &str, count: usize) -> Option<Vec<f32>> {
    let value = if path.ends_with("gamma") || path.ends_with("running_var") {
        1.0
    } else if path.ends_with("beta") || path.ends_with("running_mean") {
        0.0
    } else {
        return None;
    };
    Some(vec![value; count])
}

/// Draws every parameter between minus and plus a bound.
pub(crate) fn bounded<M: Module>(module: M, bound: f64, seed: u64) -> chromex_nn::Result<M> {
    let mut generator = random::generator(seed, "initial weights, all alike");
    weights::fill(module, |path, shape| {
        let count = shape.iter().product();
        Ok(fixed(path, count).unwrap_or_else(|| weights::uniform(&mut generator, bound, count)))
    })
}

/// Draws weights and biases between minus and plus 1 / √inputs, as Torch does.
pub(crate) fn torch<M: Module>(module: M, seed: u64) -> chromex_nn::Result<M> {
    let mut generator = random::generator(seed, "initial weights by inputs");
    let mut bound = 1.0;
    weights::fill(module, |path, shape| {
        let count = shape.iter().product();
        if shape.len() > 1 {
            // A bias follows its weight and shares its bound.
            bound = 1.0 / (shape[0] as f64).sqrt();
        }
        Ok(fixed(path, count).unwrap_or_else(|| weights::uniform(&mut generator, bound, count)))
    })
}

/// Draws weights as Glorot and Bengio (2010) do and sets biases to 0, as Keras does. `kernel` tells over how many positions a
/// parameter reaches: outputs are counted once per position.
pub(crate) fn glorot<M: Module>(
    module: M,
    seed: u64,
    kernel: impl Fn(&str) -> usize,
) -> chromex_nn::Result<M> {
    let mut generator = random::generator(seed, "initial weights by inputs and outputs");
    weights::fill(module, |path, shape| {
        let count = shape.iter().product();
        if let Some(values) = fixed(path, count) {
            return Ok(values);
        }
        let &[inputs, outputs] = shape else {
            return Ok(vec![0.0; count]);
        };
        let ends = (inputs + outputs * kernel(path)) as f64;
        Ok(weights::uniform(&mut generator, (6.0 / ends).sqrt(), count))
    })
}
