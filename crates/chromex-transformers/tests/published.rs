//! Small published checkpoints against what PyTorch computed with them, where `CHROMEX_DATA` names the folder that holds
//! them.

#![allow(clippy::print_stderr)]

use std::path::{Path, PathBuf};

use burn::Tensor;
use burn::tensor::{Int, TensorData};
use chromex_core::{TokenIds, View};
use chromex_nn::Device;
use chromex_nn::tensor_file::TensorFile;
use chromex_transformers::{Dnabert2Config, Gpt2, Gpt2Config, MaskedLanguage, RobertaConfig};
use serde_json::Value;

fn checkpoints() -> Option<PathBuf> {
    let data = std::env::var_os("CHROMEX_DATA");
    if data.is_none() {
        eprintln!("skipped: CHROMEX_DATA is not set");
    }
    Some(Path::new(&data?).join("hf_tiny_checkpoints"))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// All numbers of nested lists, in order.
fn numbers(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().unwrap() as f32],
    }
}

fn ids(rows: &Value) -> Vec<Vec<u32>> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| numbers(row).iter().map(|&id| id as u32).collect())
        .collect()
}

fn tensor(rows: &[Vec<u32>], device: &Device) -> Tensor<2, Int> {
    let ids: Vec<i32> = rows.concat().iter().map(|&id| id as i32).collect();
    let shape = [rows.len(), rows[0].len()];
    Tensor::from_data(TensorData::new(ids, shape), device)
}

fn assert_close<const D: usize>(found: Tensor<D>, expected: &Value) {
    let found: Vec<f32> = found.into_data().try_to_vec().unwrap();
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(&expected);
    let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest < 2e-5, "{largest}");
}

/// Neural-api's tiny GPT-2: 11 tokens, 16 positions, 2 layers of 2 heads, width 8.
fn tiny() -> Gpt2Config {
    Gpt2Config {
        vocabulary: 11,
        positions: 16,
        width: 8,
        layers: 2,
        heads: 2,
        hidden: 32,
        norm_epsilon: 1e-5,
    }
}

fn load(config: &Gpt2Config, path: &Path) -> Gpt2 {
    config.load(path, &Device::default()).unwrap()
}

#[test]
fn gpt2s_compute_what_pytorch_did_from_safetensors_and_from_a_pickle() {
    let Some(folder) = checkpoints() else { return };
    let device = Device::default();
    let golden = json(&folder.join("loractl_tiny_gpt2/golden.json"));
    let config = Gpt2Config {
        vocabulary: 61,
        positions: 16,
        width: 32,
        layers: 2,
        heads: 2,
        hidden: 64,
        norm_epsilon: 1e-5,
    };
    let network = load(&config, &folder.join("loractl_tiny_gpt2"));
    let row = ids(&Value::Array(vec![golden["input_ids"].clone()]));
    assert_close(
        network.hidden(tensor(&row, &device)),
        &golden["hidden_after_lnf"],
    );
    assert_close(network.logits(tensor(&row, &device)), &golden["logits"]);

    let folder = folder.join("neural-api");
    let golden = json(&folder.join("tiny_gpt2_logits.json"));
    let rows = ids(&golden["sequences"]);
    for file in ["tiny_gpt2.safetensors", "tiny_gpt2.bin"] {
        let network = load(&tiny(), &folder.join(file));
        assert_close(network.logits(tensor(&rows, &device)), &golden["logits"]);
    }
    // The head of a classifier reads the last place.
    let golden = json(&folder.join("tiny_gpt2_seqcls_logits.json"));
    let file = folder.join("tiny_gpt2_seqcls.safetensors");
    let rows = ids(&golden["sequences"]);
    let hidden = load(&tiny(), &file).hidden(tensor(&rows, &device));
    let [count, length, width] = hidden.dims();
    let last = hidden.narrow(1, length - 1, 1).reshape([count, width]);
    let score = TensorFile::open(&file)
        .unwrap()
        .numbers("score.weight")
        .unwrap();
    let score = Tensor::<2>::from_data(TensorData::new(score, [3, width]), &device);
    assert_close(last.matmul(score.transpose()), &golden["logits"]);
}

#[test]
fn a_roberta_computes_what_pytorch_did() {
    let Some(folder) = checkpoints() else { return };
    let folder = folder.join("neural-api");
    let device = Device::default();
    let published = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("tiny_roberta_config.json", "config.json"),
        ("tiny_roberta.safetensors", "model.safetensors"),
    ] {
        std::fs::copy(folder.join(from), published.path().join(to)).unwrap();
    }
    let (network, base) = RobertaConfig::read_base(published.path(), &device).unwrap();
    let model = MaskedLanguage {
        network,
        begin: Some(base),
        ..MaskedLanguage::default()
    };
    let golden = json(&folder.join("tiny_roberta_hidden.json"));
    let rows = ids(&golden["sequences"]);
    let offsets = (0..=rows.len()).map(|row| row * rows[0].len()).collect();
    let tokens = TokenIds::new(rows.concat(), offsets, vec![View::Whole], 11, None).unwrap();
    let network = model.init(0, &device).unwrap();
    assert_close(network.hidden(&tokens, &device).unwrap(), &golden["hidden"]);
}

#[test]
fn a_checkpoint_of_another_architecture_is_refused_with_its_tensors() {
    let Some(folder) = checkpoints() else { return };
    let folder = folder.join("neural-api");
    let device = Device::default();
    let error = tiny()
        .load(&folder.join("tiny_bert.safetensors"), &device)
        .unwrap_err();
    let message = error.to_string();
    for part in [
        "tiny_bert.safetensors",
        "wte.weight [11, 8]",
        "encoder.layer.0.output.dense.bias",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let error = Dnabert2Config::read(&folder.join("tiny_bert_config.json")).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("expected a DNABERT-2 configuration")
    );
}

#[test]
fn the_published_configuration_of_dnabert2_is_read() {
    let Some(folder) = checkpoints() else { return };
    let path = folder.join("../dna_tokenizers/DNABERT-2-117M/config.json");
    assert_eq!(
        Dnabert2Config::read(&path).unwrap(),
        Dnabert2Config::published()
    );
}
