//! DNABERT-2 against the published computation in PyTorch: `golden/dnabert2.py` and the files that it wrote.

use std::path::{Path, PathBuf};

use burn::Tensor;
use chromex_core::{Dataset, Keys, Target, Targets, TokenIds, Transform, View};
use chromex_nn::tensor_file::TensorFile;
use chromex_nn::weights;
use chromex_nn::{Architecture, Device, Length, Network, Recipe, Trainer};
use chromex_transformers::{
    Dnabert2Config, Dnabert2Regression, Dnabert2Regressor, Pooling, TokenLayout,
};
use ndarray::Array2;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/dnabert2")
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// Sequences of the lengths that the script has; its ids are 32-bit integers, which it also writes as JSON.
fn tokens() -> TokenIds {
    let text = std::fs::read_to_string(folder().join("ids.json")).unwrap();
    let rows: Vec<Vec<u32>> = serde_json::from_str(&text).unwrap();
    token_ids(&rows)
}

fn token_ids(rows: &[Vec<u32>]) -> TokenIds {
    let mut offsets = vec![0];
    for row in rows {
        offsets.push(offsets[offsets.len() - 1] + row.len());
    }
    TokenIds::new(rows.concat(), offsets, vec![View::Whole], 40, None).unwrap()
}

fn loaded(pooling: Pooling) -> Dnabert2Regressor {
    let model = Dnabert2Regression {
        pooling,
        ..Dnabert2Regression::default()
    };
    let device = Device::default();
    model.read_folder(1, &folder(), 0, &device).unwrap().1
}

#[test]
fn hidden_states_of_every_layer_and_outputs_are_the_published_ones() {
    let (device, tokens) = (Device::default(), tokens());
    let network = loaded(Pooling::Start);
    let recorded = TensorFile::open(&folder().join("activations.safetensors")).unwrap();
    let states = network.states(&tokens, &device).unwrap();
    assert_eq!(states.len(), 3);
    for (layer, state) in states.into_iter().enumerate() {
        let expected = recorded.numbers(&format!("hidden.{layer}")).unwrap();
        let [rows, length, width] = state.dims();
        let found = numbers(state);
        for row in 0..rows {
            let kept = tokens.sentence(row, 0).len() * width;
            let from = row * length * width;
            let pairs = found[from..from + kept]
                .iter()
                .zip(&expected[from..from + kept]);
            let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(largest < 2e-5, "layer {layer}, row {row}: {largest}");
        }
    }
    let expected = recorded.numbers("logits").unwrap();
    let found = numbers(network.forward(&tokens, &device).unwrap());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 2e-5, "{found} {expected}");
    }
}

#[test]
fn a_sequence_gives_the_same_alone_and_among_longer_ones() {
    let device = Device::default();
    for pooling in [Pooling::Start, Pooling::Mean] {
        let network = loaded(pooling);
        let together = numbers(network.forward(&tokens(), &device).unwrap());
        for (row, expected) in together.iter().enumerate() {
            let alone = token_ids(&[tokens().sentence(row, 0).to_vec()]);
            let found = numbers(network.forward(&alone, &device).unwrap());
            assert!((found[0] - expected).abs() < 1e-5, "{pooling:?}, row {row}");
        }
    }
}

#[test]
fn what_is_written_reads_back_and_what_does_not_fit_is_listed() {
    let device = Device::default();
    let network = loaded(Pooling::Start);
    let model = Dnabert2Regression {
        network: Dnabert2Config::read(&folder().join("config.json")).unwrap(),
        ..Dnabert2Regression::default()
    };
    let written = tempfile::tempdir().unwrap();
    model.write_folder(&network, written.path()).unwrap();
    let (again, read) = model.read_folder(1, written.path(), 0, &device).unwrap();
    assert_eq!(again.network, model.network);
    assert_eq!(weights::values(&read), weights::values(&network));
    let deeper = Dnabert2Regression {
        network: Dnabert2Config {
            layers: 3,
            vocabulary: 41,
            ..model.network.clone()
        },
        ..model.clone()
    };
    let message = deeper
        .load(1, &folder(), 0, &device)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("bert.encoder.layer.2.mlp.wo.bias"),
        "{message}"
    );
    assert!(
        message.contains("bert.embeddings.word_embeddings.weight [41, 24], found [40, 24]"),
        "{message}"
    );
    let shallow = Dnabert2Regression {
        network: Dnabert2Config {
            layers: 1,
            ..model.network.clone()
        },
        ..model.clone()
    };
    let message = shallow
        .load(1, &folder(), 0, &device)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("not the network's: [\"bert.encoder.layer.1."),
        "{message}"
    );
    let left = Dnabert2Regression {
        layout: TokenLayout::default(),
        ..model
    };
    assert!(left.init(1, 0, &device).is_err());
}

#[test]
fn training_lowers_the_loss_and_the_same_seed_gives_the_same_weights() {
    let tokens = tokens();
    let values = Array2::from_shape_fn((4, 1), |(row, _)| row as f32 - 1.5);
    let column = Target {
        name: "leaf".into(),
        unit: "TPM".into(),
        transform: Transform::Identity,
    };
    let targets = Targets::new(values, vec![column]).unwrap();
    let data = Dataset::new(tokens, targets, Keys::numbered(4)).unwrap();
    let model = Dnabert2Regression {
        network: Dnabert2Config {
            vocabulary: 40,
            width: 24,
            layers: 1,
            hidden: 32,
            dropout: 0.0,
            ..Dnabert2Config::published()
        },
        ..Dnabert2Regression::default()
    };
    let recipe = Recipe {
        length: Length::Steps(30),
        batch_rows: 4,
        learning_rate: 3e-3,
        ..Recipe::default()
    };
    let device = Device::default();
    let before = model.build(&data, 1, &device).unwrap();
    let loss = |network: &Dnabert2Regressor| numbers(network.loss(&data, &device).unwrap())[0];
    let train = || {
        let trainer = Trainer::new(model.clone(), recipe.clone());
        trainer.train(&data, &data, 1).unwrap().network
    };
    let after = train();
    assert!(loss(&after) < 0.5 * loss(&before));
    assert_eq!(weights::values(&after), weights::values(&train()));
}
