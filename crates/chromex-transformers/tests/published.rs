//! Small published checkpoints against what PyTorch computed with them, where `CHROMEX_DATA` names the folder that holds
//! them.

use std::path::{Path, PathBuf};

use burn::Tensor;
use burn::tensor::{Int, TensorData};
use chromex_core::{TokenIds, View};
use chromex_nn::Device;
use chromex_nn::fused::lstm;
use chromex_nn::tensor_file::TensorFile;
use chromex_transformers::{
    Dnabert2Config, Gpt2, Gpt2Config, MaskedLanguage, RobertaConfig, RobertaMaskedLanguage,
};
use serde_json::Value;

fn checkpoints() -> PathBuf {
    let data = std::env::var_os("CHROMEX_DATA").expect("CHROMEX_DATA is set");
    Path::new(&data).join("hf_tiny_checkpoints")
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
#[ignore = "needs CHROMEX_DATA"]
fn gpt2s_compute_what_pytorch_did_from_safetensors_and_from_a_pickle() {
    let folder = checkpoints();
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

/// Reads the base of a tiny checkpoint, laid out as a published folder.
fn base(folder: &Path, name: &str, device: &Device) -> RobertaMaskedLanguage {
    let published = tempfile::tempdir().unwrap();
    for (from, to) in [
        (format!("{name}_config.json"), "config.json"),
        (format!("{name}.safetensors"), "model.safetensors"),
    ] {
        std::fs::copy(folder.join(from), published.path().join(to)).unwrap();
    }
    let (network, base) = RobertaConfig::read_base(published.path(), device).unwrap();
    let model = MaskedLanguage {
        network,
        begin: Some(base),
        ..MaskedLanguage::default()
    };
    model.init(0, device).unwrap()
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn a_roberta_computes_what_pytorch_did() {
    let folder = checkpoints();
    let folder = folder.join("neural-api");
    let device = Device::default();
    let golden = json(&folder.join("tiny_roberta_hidden.json"));
    let rows = ids(&golden["sequences"]);
    let offsets = (0..=rows.len()).map(|row| row * rows[0].len()).collect();
    let tokens = TokenIds::new(rows.concat(), offsets, vec![View::Whole], 11, None).unwrap();
    let network = base(&folder, "tiny_roberta", &device);
    assert_close(network.hidden(&tokens, &device).unwrap(), &golden["hidden"]);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn berts_of_two_segments_compute_what_pytorch_did() {
    let folder = checkpoints();
    let folder = folder.join("neural-api");
    let device = Device::default();
    for (name, golden, head) in [
        ("tiny_bert", "hidden", ("pooler.dense", "pooler")),
        (
            "tiny_bert_seqcls",
            "logits",
            ("bert.pooler.dense", "logits"),
        ),
    ] {
        let golden = json(&folder.join(format!("{name}_{golden}.json")));
        let rows = ids(&golden["sequences"]);
        let types = tensor(&ids(&golden["token_types"]), &device);
        let places: Vec<u32> = (0..rows[0].len() as u32).collect();
        let network = base(&folder, name, &device).roberta;
        let hidden = network.encode(
            tensor(&rows, &device),
            tensor(&[places], &device),
            types,
            None,
        );
        if golden.get("hidden").is_some() {
            assert_close(hidden.clone(), &golden["hidden"]);
        }
        let file = TensorFile::open(&folder.join(format!("{name}.safetensors"))).unwrap();
        let layer = |inputs: Tensor<2>, name: &str| {
            let bias = file.numbers(&format!("{name}.bias")).unwrap();
            let weight = file.numbers(&format!("{name}.weight")).unwrap();
            let shape = [bias.len(), inputs.dims()[1]];
            let weight = Tensor::<2>::from_data(TensorData::new(weight, shape), &device);
            let bias = TensorData::new(bias, [1, shape[0]]);
            inputs.matmul(weight.transpose()) + Tensor::from_data(bias, &device)
        };
        let [count, _, width] = hidden.dims();
        let first = hidden.narrow(1, 0, 1).reshape([count, width]);
        let mut scores = layer(first, head.0).tanh();
        if head.1 == "logits" {
            scores = layer(scores, "classifier");
        }
        assert_close(scores, &golden[head.1]);
    }
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn an_lstm_of_two_directions_computes_what_pytorch_did() {
    let folder = checkpoints();
    let folder = folder.join("neural-api");
    let device = Device::default();
    let golden = json(&folder.join("tiny_torch_lstm_bi_l1_ref.json"));
    let file = TensorFile::open(&folder.join("tiny_torch_lstm_bi_l1.safetensors")).unwrap();
    let numbers_of =
        |name: &str, ending: &str| file.numbers(&format!("{name}_l0{ending}")).unwrap();
    // PyTorch stores `[gates, inputs]`; here a direction is `[inputs, gates]`.
    let weight = |name: &str| {
        let both = ["", "_reverse"].map(|ending| {
            let data = TensorData::new(numbers_of(name, ending), [1, 1, 16, 4]);
            Tensor::<4>::from_data(data, &device).swap_dims(2, 3)
        });
        Tensor::cat(both.to_vec(), 1)
    };
    let bias: Vec<f32> = ["", "_reverse"]
        .iter()
        .flat_map(|ending| {
            let pairs = numbers_of("bias_ih", ending).into_iter();
            let sums = pairs.zip(numbers_of("bias_hh", ending));
            sums.map(|(a, b)| a + b).collect::<Vec<_>>()
        })
        .collect();
    let inputs = TensorData::new(numbers(&golden["input"]), [1, 1, 5, 4]);
    let states = lstm(
        Tensor::from_data(inputs, &device),
        weight("weight_ih"),
        weight("weight_hh"),
        Tensor::from_data(TensorData::new(bias, [1, 2, 16]), &device),
    );
    assert_close(states, &golden["output"]);
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn a_checkpoint_of_another_architecture_is_refused_with_its_tensors() {
    let folder = checkpoints();
    let folder = folder.join("neural-api");
    let device = Device::default();
    let error = tiny()
        .load(&folder.join("tiny_bert.safetensors"), &device)
        .unwrap_err();
    let message = error.to_string();
    for part in [
        "tiny_bert.safetensors",
        "wte.weight [11, 8]",
        "not the network's: [\"",
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
#[ignore = "needs CHROMEX_DATA"]
fn the_published_configuration_of_dnabert2_is_read() {
    let folder = checkpoints();
    let path = folder.join("../dna_tokenizers/DNABERT-2-117M/config.json");
    assert_eq!(
        Dnabert2Config::read(&path).unwrap(),
        Dnabert2Config::published()
    );
}
