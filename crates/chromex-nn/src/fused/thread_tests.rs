//! No number of threads changes a bit: every operation, forward and back, on every number of rows from 1 to 400.
//!
//! The tables below name every operation; one that is added to the sources without a line here fails a test.

use std::collections::BTreeSet;
use std::path::Path;

use burn::module::Param;
use burn::nn::{BatchNormConfig, Linear};
use burn::tensor::activation::{log_softmax, sigmoid, softmax, tanh};
use burn::tensor::module::embedding;
use burn::tensor::{Int, TensorData};
use rayon::prelude::*;

use super::matrix::{Into, Matrix, Threads, multiply};
use super::rectifier::seeded;
use super::tests::numbers;
use super::*;
use crate::{Device, Precision};

const ROWS: usize = 400;
const THREADS: [usize; 5] = [1, 2, 3, 5, 8];

/// Numbers from -1 to 1, others for each purpose and the same in every call.
fn values(purpose: &str, count: usize) -> Vec<f32> {
    let seed = purpose.bytes().fold(0xcbf2_9ce4_8422_2325, |seed, byte| {
        (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let number = |place: u64| {
        let mut bits = seed ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count as u64).map(number).collect()
}

fn constant<const D: usize>(purpose: &str, shape: [usize; D]) -> Tensor<D> {
    let values = values(purpose, shape.iter().product());
    let device = Device::flex().autodiff();
    Tensor::from_data(TensorData::new(values, shape), &device)
}

fn leaf<const D: usize>(purpose: &str, shape: [usize; D]) -> Tensor<D> {
    constant(purpose, shape).require_grad()
}

/// A digest of the bits of numbers.
struct Digest(u64);

impl Digest {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn take<const D: usize>(&mut self, tensor: Tensor<D>) {
        for number in numbers(tensor) {
            self.0 = (self.0 ^ u64::from(number.to_bits())).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Takes the bits of an operation's output and, under a gradient that differs from place to place, of the gradients of leaves.
macro_rules! take {
    ($digest:ident, $output:expr; $($leaf:expr),*) => {{
        let output = $output;
        let weights = constant("gradient of the output", output.dims());
        let grads = (output.clone() * weights).sum().backward();
        $digest.take(output);
        $($digest.take($leaf.grad(&grads).expect("it is a leaf"));)*
    }};
}

/// Runs an operation on every number of rows with every number of threads.
fn check(run: fn(usize, &mut Digest)) -> Vec<(usize, usize)> {
    let pools = THREADS.map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().expect("threads start")
    });
    let mut differing = Vec::new();
    for rows in 1..=ROWS {
        let digests = pools.each_ref().map(|pool| {
            pool.install(|| {
                let mut digest = Digest::new();
                run(rows, &mut digest);
                digest.0
            })
        });
        let differs = |&(digest, _): &(&u64, usize)| *digest != digests[0];
        let found = digests.iter().zip(THREADS).filter(differs);
        differing.extend(found.map(|(_, threads)| (rows, threads)));
    }
    differing
}

/// The name of an operation, the kernels of the processor's backend that it runs, and how it is run.
type Operation = (
    &'static str,
    &'static [&'static str],
    fn(usize, &mut Digest),
);

/// Makes a table of operations, and a test of each.
macro_rules! operations {
    ($table:ident, $tests:ident: $($name:ident [$($kernel:literal),*] $run:expr;)*) => {
        const $table: &[Operation] = &[$((stringify!($name), &[$($kernel),*], $run)),*];

        mod $tests {
            $(#[test]
            fn $name() {
                super::assert_equal(super::$table, stringify!($name));
            })*
        }
    };
}

fn assert_equal(table: &[Operation], name: &str) {
    let (_, _, run) = table
        .iter()
        .find(|(known, _, _)| *known == name)
        .expect("it is in its table");
    let differing = check(*run);
    assert!(
        differing.is_empty(),
        "{} digests of {name} differ; the first (rows, threads) are {:?}",
        differing.len(),
        &differing[..differing.len().min(10)]
    );
}

operations! {
    OPERATIONS, no_number_of_threads_changes_a_bit_of:
    linear ["fused_linear"] |rows, digest| {
        // Few columns and one, an inner extent that gemm cuts, a weight that is summed at once.
        for (width, columns) in [(5, 7), (24, 24), (2, 9), (66, 4), (600, 3), (3, 600), (40, 1), (1, 40)] {
            mapped(digest, rows, width, columns);
        }
    };
    self_attention ["fused_attention"] |rows, digest| {
        let spans = |rows, length| {
            let span = |row: usize| (row % 3).min(length - 1)..length - row % 2;
            Spans::new((0..rows).map(span).collect(), length)
        };
        let joint = leaf("joint", [rows, 5, 24]);
        take!(digest, self_attention(joint.clone(), 2, true, Some(&spans(rows, 5))); joint);
        let joint = leaf("joint", [3, rows, 24]);
        take!(digest, self_attention(joint.clone(), 2, false, Some(&spans(3, rows))); joint);
        take!(digest, self_attention(joint.clone(), 1, true, None); joint);
    };
    alibi_attention ["fused_attention"] |rows, digest| {
        let joint = leaf("joint", [rows, 5, 36]);
        take!(digest, alibi_attention(joint.clone(), 3, None); joint);
        let joint = leaf("joint", [3, rows, 24]);
        let spans = Spans::new(vec![0..rows, rows / 2..rows, 0..rows / 2], rows);
        take!(digest, alibi_attention(joint.clone(), 2, Some(&spans)); joint);
    };
    geglu ["fused_geglu"] |rows, digest| {
        let joint = leaf("joint", [rows, 66]);
        take!(digest, geglu(joint.clone()); joint);
    };
    gelu ["fused_gelu"] |rows, digest| {
        let inputs = leaf("inputs", [rows, 83]);
        take!(digest, gelu(inputs.clone()); inputs);
    };
    gelu_tanh ["fused_gelu"] |rows, digest| {
        let inputs = leaf("inputs", [rows, 83]);
        take!(digest, gelu_tanh(inputs.clone()); inputs);
    };
    layer_norm ["fused_layer_norm"] |rows, digest| {
        let (gamma, beta) = (leaf("gamma", [21]), leaf("beta", [21]));
        let inputs = leaf("inputs", [rows, 21]);
        take!(digest, layer_norm(inputs.clone(), gamma.clone(), beta.clone(), 1e-5); inputs, gamma, beta);
    };
    cross_entropy ["fused_cross_entropy"] |rows, digest| {
        likelihood(digest, rows, 8, 23);
    };
    windows ["fused_windows"] |rows, digest| {
        for (rows, length) in [(rows, 11), (3, rows + 2)] {
            let inputs = leaf("inputs", [rows, length, 4]);
            take!(digest, windows(inputs.clone(), shape()); inputs);
        }
    };
    convolve_and_pool ["fused_convolution"] |rows, digest| {
        let (weight, bias) = (leaf("weight", [12, 7]), leaf("bias", [7]));
        for (rows, length, pool) in [(rows, 11, 2), (5, rows + 4, 3)] {
            let inputs = leaf("inputs", [rows, length, 4]);
            let outputs = convolve_and_pool(inputs.clone(), weight.clone(), bias.clone(), shape(), pool, 0.1);
            take!(digest, outputs; inputs, weight, bias);
        }
    };
    drop_and_rectify ["fused_rectifier"] |rows, digest| {
        let inputs = leaf("inputs", [rows, 83]);
        take!(digest, seeded(inputs.clone(), None, 0.0, 0.1); inputs);
        take!(digest, seeded(inputs.clone(), Some([3, 5]), 0.2, 0.1); inputs);
    };
    drop_out ["fused_rectifier"] |rows, digest| {
        let inputs = leaf("inputs", [rows, 83]);
        take!(digest, seeded(inputs.clone(), Some([3, 5]), 0.2, 1.0); inputs);
    };
    lstm ["fused_lstm"] |rows, digest| {
        for (rows, length) in [(rows, 3), (9, rows.min(100))] {
            let inputs = leaf("inputs", [2, rows, length, 2]);
            let input = leaf("input weight", [2, 2, 2, 20]);
            let hidden = leaf("hidden weight", [2, 2, 5, 20]);
            let bias = leaf("bias", [2, 2, 20]);
            let states = lstm(inputs.clone(), input.clone(), hidden.clone(), bias.clone());
            take!(digest, states; inputs, input, hidden, bias);
        }
    };
    attention_pool ["fused_attention_pool"] |rows, digest| {
        let context = leaf("context", [2, 19]);
        for (rows, length) in [(rows, 4), (3, rows)] {
            let states = leaf("states", [2, rows, length, 19]);
            take!(digest, attention_pool(states.clone(), context.clone()); states, context);
        }
    };
    attention_weights [] |rows, digest| {
        let context = leaf("context", [2, 19]);
        let states = leaf("states", [2, rows, 4, 19]);
        take!(digest, attention_weights(states.clone(), context.clone()); states, context);
    };
    moment_step ["moment_step"] |rows, digest| {
        let tensor = |purpose| constant(purpose, [rows, 97]).inner();
        for largest_norm in [None, Some(10.0), Some(f32::INFINITY)] {
            let rule = MomentRule {
                beta_1: 0.9,
                beta_2: 0.99,
                epsilon: 1e-8,
                weight_decay: 0.01,
                largest_norm,
            };
            let step = MomentStep {
                rule,
                correction_1: 1.1,
                correction_2: 1.2,
                rate: 0.1,
            };
            let moments = (tensor("one"), tensor("two").abs());
            let (weights, one, two) = moment_step(tensor("weights"), tensor("grads"), moments.0, moments.1, step);
            digest.take(weights);
            digest.take(one);
            digest.take(two);
        }
    };
    square_sum ["square_sum"] |rows, digest| {
        digest.take(square_sum(constant("tensor", [rows, 97]).inner()));
    };
    scale ["scale"] |rows, digest| {
        digest.take(scale(constant("tensor", [rows, 97]).inner(), 0.37));
    };
}

operations! {
    LARGE, no_number_of_threads_changes_a_bit_of_large_products_of:
    linear ["fused_linear"] |rows, digest| mapped(digest, rows, 260, 256);
    cross_entropy ["fused_cross_entropy"] |rows, digest| likelihood(digest, rows, 300, 220);
}

operations! {
    OF_BURN, no_number_of_threads_changes_a_bit_of_burns_own:
    matmul [] |rows, digest| {
        let other = leaf("other", [40, 30]);
        let inputs = leaf("inputs", [rows, 40]);
        take!(digest, inputs.clone().matmul(other.clone()); inputs, other);
        // From 169 rows on burn has gemm share the product among threads.
        let other = leaf("other", [210, 200]);
        let inputs = leaf("inputs", [rows, 210]);
        take!(digest, inputs.clone().matmul(other.clone()); inputs, other);
    };
    matmul_of_batches [] |rows, digest| {
        for (batch, left, inner, right) in [(rows, 1, 9, 7), (5, rows, 31, 33)] {
            let (one, other) = (leaf("one", [batch, left, inner]), leaf("other", [batch, inner, right]));
            take!(digest, one.clone().matmul(other.clone()); one, other);
        }
    };
    two_byte_products [] |rows, digest| {
        for precision in [Precision::Bfloat16, Precision::Half] {
            precision.within(|| {
                mapped(digest, rows, 36, 20);
                let joint = leaf("joint", [3, rows.min(60), 24]);
                take!(digest, self_attention(joint.clone(), 2, true, None); joint);
                likelihood(digest, rows, 8, 23);
            });
        }
    };
    activations [] |rows, digest| {
        let inputs = leaf("inputs", [rows, 37]);
        take!(digest, softmax(inputs.clone(), 1); inputs);
        take!(digest, log_softmax(inputs.clone(), 1); inputs);
        take!(digest, sigmoid(inputs.clone()) * tanh(inputs.clone()); inputs);
        take!(digest, (inputs.clone().abs() + 0.5).sqrt().log().exp(); inputs);
    };
    sums_and_means [] |rows, digest| {
        let inputs = leaf("inputs", [rows, 37, 3]);
        take!(digest, inputs.clone().sum_dim(1); inputs);
        take!(digest, inputs.clone().mean_dim(0); inputs);
        take!(digest, inputs.clone().mean(); inputs);
        take!(digest, inputs.clone().max_dim(1); inputs);
        let bias = leaf("bias", [37, 3]);
        take!(digest, inputs.clone() + bias.clone().unsqueeze(); bias);
    };
    embeddings [] |rows, digest| {
        let table = leaf("table", [11, 6]);
        let ids: Vec<i32> = (0..rows * 4).map(|place| (place * 7 % 11) as i32).collect();
        let ids = TensorData::new(ids, [rows, 4]);
        let ids = Tensor::<2, Int>::from_data(ids, &table.device());
        take!(digest, embedding(table.clone(), ids.clone()); table);
        take!(digest, table.clone().select(0, ids.reshape([rows * 4])); table);
    };
    normalisations_over_the_batch [] |rows, digest| {
        let norm = BatchNormConfig::new(6).init(&Device::flex().autodiff());
        let inputs = leaf("inputs", [rows + 1, 6, 5]);
        take!(digest, norm.forward(inputs.clone()); inputs, norm.gamma.val(), norm.beta.val());
    };
}

fn mapped(digest: &mut Digest, rows: usize, width: usize, columns: usize) {
    let layer = Linear {
        weight: Param::from_tensor(leaf("weight", [width, columns])),
        bias: Some(Param::from_tensor(leaf("bias", [columns]))),
    };
    let (weight, bias) = (&layer.weight, layer.bias.as_ref().expect("it has one"));
    let inputs = leaf("inputs", [rows, width]);
    take!(digest, linear(&layer, inputs.clone()); inputs, weight.val(), bias.val());
}

fn likelihood(digest: &mut Digest, rows: usize, width: usize, classes: usize) {
    let (inputs, table) = (
        leaf("inputs", [rows, width]),
        leaf("table", [classes, width]),
    );
    let own: Vec<u32> = (0..rows).map(|row| (row * 7 % classes) as u32).collect();
    take!(digest, cross_entropy(inputs.clone(), table.clone(), own); inputs, table);
}

fn shape() -> WindowShape {
    WindowShape {
        kernel: 3,
        stride: 1,
        dilation: 1,
        before: 1,
        after: 0,
    }
}

/// What these tests are for, so that they are known to see it: rows cut by the number of threads, some of which gemm then takes by another
/// path.
#[test]
fn rows_that_are_cut_by_the_number_of_threads_are_found() {
    let differing = check(|rows, digest| {
        let (inputs, weight) = (values("inputs", rows * 40), values("weight", 30 * 40));
        let mut outputs = vec![0.0; rows * 30];
        #[allow(clippy::disallowed_methods)]
        let each = rows.div_ceil(rayon::current_num_threads());
        let pieces = outputs.par_chunks_mut(each * 30);
        pieces
            .zip(inputs.par_chunks(each * 40))
            .for_each(|(outputs, inputs)| {
                let weight = Matrix::new(&weight, 40).transposed();
                let inputs = Matrix::new(inputs, 40);
                multiply(outputs, Into::Replace, inputs, weight, Threads::One);
            });
        digest.take(Tensor::<1>::from_data(
            TensorData::new(outputs, [rows * 30]),
            &Device::flex(),
        ));
    });
    let threads: BTreeSet<usize> = differing.iter().map(|&(_, threads)| threads).collect();
    assert_eq!(threads, BTreeSet::from([2, 3, 5, 8]));
}

/// The files below a folder, as text.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("the sources lie beside the tests") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            let name = path.file_name().expect("a file has a name");
            let text = chromex_core::input::read_text(&path, 1 << 20).expect("sources are text");
            found.push((name.to_string_lossy().into_owned(), text));
        }
    }
}

/// What stands between a line's beginning and the next sign that no name has.
fn named<'a>(line: &'a str, before: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(before)?;
    rest.split(|sign: char| !(sign.is_alphanumeric() || sign == '_'))
        .next()
}

#[test]
fn every_operation_has_a_line_in_the_tables() {
    let mut files = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/fused");
    sources(&folder, &mut files);
    let (mut functions, mut kernels) = (BTreeSet::new(), BTreeSet::new());
    for (file, text) in &files {
        if file == "mod.rs" {
            let names = text.lines().filter_map(|line| {
                named(line, "pub fn ").or_else(|| named(line, "pub(crate) fn "))
            });
            functions.extend(names);
        }
        // A trait of operations ends with the first brace that is not indented.
        for part in text.split("#[backend_extension(").skip(1) {
            let operations = part.split("\n}").next().unwrap_or(part);
            kernels.extend(operations.lines().filter_map(|line| named(line, "    fn ")));
        }
    }
    assert!(
        functions.len() > 15 && kernels.len() > 10,
        "sources were read"
    );
    let listed: BTreeSet<&str> = OPERATIONS.iter().map(|&(name, ..)| name).collect();
    assert_eq!(functions, listed, "functions that others call");
    let run: BTreeSet<&str> = OPERATIONS
        .iter()
        .flat_map(|(_, kernels, _)| *kernels)
        .copied()
        .collect();
    assert_eq!(kernels, run, "operations of the processor's backend");
    for (name, kernels, _) in LARGE {
        assert!(listed.contains(name) && kernels.iter().all(|kernel| run.contains(kernel)));
    }
    assert!(OF_BURN.iter().all(|(_, kernels, _)| kernels.is_empty()));
}
