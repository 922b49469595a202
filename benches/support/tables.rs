//! Tables to boost on.

use ndarray::Array2;
use rand::RngExt;
use rand_distr::{Distribution, Poisson, StandardNormal};

/// Draws a table whose target is a sum of a few of its columns, their products and noise.
pub(crate) fn table(rows: usize, columns: usize, counts: bool) -> (Array2<f32>, Array2<f32>) {
    let mut generator = chromex::core::random::generator(1, "a table to boost on");
    let poisson = Poisson::new(3.0).expect("the rate is positive");
    let inputs = Array2::from_shape_simple_fn((rows, columns), || {
        if counts {
            poisson.sample(&mut generator) as f32
        } else {
            StandardNormal.sample(&mut generator)
        }
    });
    let targets = Array2::from_shape_fn((rows, 1), |(row, _)| {
        let value = |column: usize| inputs[[row, column * columns / 10]];
        let signal: f32 = (0..8).map(value).sum::<f32>() + value(8) * value(9);
        signal + generator.random_range(-1.0..1.0)
    });
    (inputs, targets)
}
