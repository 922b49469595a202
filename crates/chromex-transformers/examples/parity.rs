//! Compares a DNABERT-2 with activations that its user recorded, layer by layer.
//!
//! `cargo run --release -p chromex-transformers --example parity -- FOLDER [RECORDED]`
//!
//! FOLDER holds `config.json` and weights of any kind that `TensorFile` opens. RECORDED, or FOLDER's
//! `activations.safetensors`, holds `input_ids` and `attention_mask` as numbers of a floating-point type, each
//! `[rows, length]`, and `hidden.0`, `hidden.1`, …: the states after the embeddings and after each layer, `[rows, length, width]`;
//! `logits` where there is an output layer. Only places that the mask keeps are compared. The script
//! `tests/golden/dnabert2.py` records such files.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::Tensor;
use chromex_core::{TokenIds, View};
use chromex_nn::tensor_file::TensorFile;
use chromex_nn::{Device, Network};
use chromex_transformers::{Dnabert2Config, Dnabert2Regression};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments
        .next()
        .ok_or("expected a folder of published files")?;
    let recorded = arguments
        .next()
        .unwrap_or_else(|| folder.join("activations.safetensors"));
    compare(&folder, &TensorFile::open(&recorded)?)
}

fn compare(folder: &Path, recorded: &TensorFile) -> Result<(), Box<dyn Error>> {
    let device = Device::default();
    let config = Dnabert2Config::read(&folder.join("config.json"))?;
    let shape = recorded
        .tensor("input_ids")
        .ok_or("no `input_ids` were recorded")?;
    let &[rows, length] = shape.shape.as_slice() else {
        return Err("expected `input_ids` of rows and length".into());
    };
    let (ids, mask) = (
        recorded.numbers("input_ids")?,
        recorded.numbers("attention_mask")?,
    );
    if mask.len() != ids.len() {
        return Err("expected an `attention_mask` like `input_ids`".into());
    }
    let (mut kept, mut offsets) = (Vec::new(), vec![0]);
    for row in 0..rows {
        let places = row * length..(row + 1) * length;
        let tokens = places.filter(|&place| mask[place] != 0.0);
        kept.extend(tokens.map(|place| ids[place] as u32));
        offsets.push(kept.len());
    }
    let tokens = TokenIds::new(kept, offsets, vec![View::Whole], config.vocabulary, None)?;
    let targets = recorded
        .tensor("logits")
        .map_or(1, |logits| logits.shape[1]);
    let mut model = Dnabert2Regression {
        longest: length,
        ..Dnabert2Regression::default()
    };
    // What was recorded has rows of this length whether or not one fills it.
    model.layout.length = Some(length);
    let (_, network) = model.read_folder(targets, folder, 0, &device)?;
    let start = Instant::now();
    let states = network.states(&tokens, &device)?;
    println!(
        "{rows} rows of up to {length} tokens: {:.2} s",
        start.elapsed().as_secs_f64()
    );
    for (layer, state) in states.into_iter().enumerate() {
        let expected = recorded.numbers(&format!("hidden.{layer}"))?;
        let width = config.width;
        let found = numbers(state)?;
        let places = (0..rows * length).filter(|&place| mask[place] != 0.0);
        let differences = places.flat_map(|place| {
            let channels = place * width..(place + 1) * width;
            channels.map(|at| (found[at] - expected[at]).abs())
        });
        println!(
            "hidden.{layer}: largest difference {:.2e}",
            differences.fold(0.0, f32::max)
        );
    }
    if recorded.tensor("logits").is_some() {
        let found = numbers(network.forward(&tokens, &device)?)?;
        let pairs = found.iter().zip(recorded.numbers("logits")?);
        let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("logits: largest difference {largest:.2e}");
    }
    Ok(())
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Box<dyn Error>> {
    tensor
        .into_data()
        .try_to_vec()
        .map_err(|error| format!("{error:?}").into())
}
