//! DNABERT-2 against the published computation in PyTorch: `golden/dnabert2.py` and the files that it wrote.

use std::path::{Path, PathBuf};

use burn::Tensor;
use chromex_core::{
    Dataset, Encode, Fit, Keys, Predict, Target, Targets, TokenIds, Transform, View,
};
use chromex_nn::tensor_file::TensorFile;
use chromex_nn::weights;
use chromex_nn::{
    Adaptation, Architecture, Device, Length, LowRank, Network, Objective, Recipe, Trainer,
};
use chromex_transformers::{
    Dnabert2Config, Dnabert2Features, Dnabert2Regression, Dnabert2Regressor, Pooling, TokenLayout,
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
        message.contains("bert.encoder.layer.2.mlp.wo.weight [24, 32]\", and 1 more]"),
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

/// Four sequences with a number each, and a small network.
fn small() -> (Dataset<TokenIds>, Dnabert2Regression) {
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
            layers: 2,
            hidden: 32,
            dropout: 0.0,
            ..Dnabert2Config::published()
        },
        ..Dnabert2Regression::default()
    };
    (data, model)
}

fn thirty_steps() -> Recipe {
    Recipe {
        length: Length::Steps(30),
        batch_rows: 4,
        learning_rate: 3e-3,
        ..Recipe::default()
    }
}

#[test]
fn training_lowers_the_loss_and_the_same_seed_gives_the_same_weights() {
    let (data, model) = small();
    let device = Device::default();
    let before = model.build(&data, 1, &device).unwrap();
    let loss = |network: &Dnabert2Regressor| numbers(network.loss(&data, &device).unwrap())[0];
    let train = || {
        let trainer = Trainer::new(model.clone(), thirty_steps());
        trainer.train(&data, &data, 1).unwrap().network
    };
    let after = train();
    assert!(loss(&after) < 0.5 * loss(&before));
    assert_eq!(weights::values(&after), weights::values(&train()));
}

/// The parameters that training with an adaptation changed, each with its change.
fn changed(adaptation: Adaptation) -> Vec<(String, Vec<f32>)> {
    let (data, model) = small();
    let before = model.build(&data, 1, &Device::default()).unwrap();
    let recipe = Recipe {
        adaptation,
        ..thirty_steps()
    };
    let trainer = Trainer::new(model, recipe);
    let after = trainer.train(&data, &data, 1).unwrap().network;
    let pairs = weights::values(&before).into_iter();
    let pairs = pairs.zip(weights::values(&after));
    pairs
        .filter(|(before, after)| before != after)
        .map(|((path, before), (_, after))| {
            let change = before.iter().zip(&after).map(|(a, b)| b - a);
            (path, change.collect())
        })
        .collect()
}

#[test]
fn only_the_last_blocks_and_the_head_are_trained() {
    let (_, model) = small();
    let found = changed(model.last_blocks(1));
    assert_eq!(found.len(), 11 + 4);
    let allowed = |path: &str| path.starts_with("bert.blocks.1.") || path.starts_with("head.");
    assert!(found.iter().all(|(path, _)| allowed(path)), "{found:?}");
    let unknown = Adaptation::Only(vec!["blocks.7.".into()]);
    let recipe = Recipe {
        adaptation: unknown,
        ..thirty_steps()
    };
    let (data, model) = small();
    let error = Trainer::new(model, recipe).train(&data, &data, 1);
    assert!(error.unwrap_err().to_string().contains("blocks.7."));
}

#[test]
fn low_rank_adapters_end_as_changes_of_their_rank() {
    let found = changed(Dnabert2Regression::low_rank(1, 2.0));
    let (heads, matrices): (Vec<_>, Vec<_>) = found
        .iter()
        .partition(|(path, _)| path.starts_with("head."));
    assert_eq!((heads.len(), matrices.len()), (4, 2));
    for (path, change) in matrices {
        assert!(path.ends_with(".queries_keys_values.weight"), "{path}");
        // Every row of a matrix of rank 1 is a multiple of the largest.
        let rows: Vec<&[f32]> = change.chunks(72).collect();
        let norm = |row: &[f32]| row.iter().map(|v| v * v).sum::<f32>();
        let largest = rows.iter().max_by(|a, b| norm(a).total_cmp(&norm(b)));
        let largest = largest.unwrap();
        assert!(norm(largest) > 0.0);
        for row in &rows {
            let product: f32 = row.iter().zip(*largest).map(|(a, b)| a * b).sum();
            let rest = norm(row) - product * product / norm(largest);
            assert!(rest.abs() < 1e-4 * norm(largest), "{path}: {rest}");
        }
    }
    let (data, model) = small();
    let recipe = Recipe {
        adaptation: Dnabert2Regression::low_rank(25, 1.0),
        ..thirty_steps()
    };
    assert!(Trainer::new(model, recipe).train(&data, &data, 1).is_err());
}

#[test]
fn only_what_is_trained_drops() {
    let weights = |dropout, adaptation: &Adaptation| {
        let (data, mut model) = small();
        model.network.dropout = dropout;
        let recipe = Recipe {
            adaptation: adaptation.clone(),
            length: Length::Steps(3),
            ..thirty_steps()
        };
        let trained = Trainer::new(model, recipe).train(&data, &data, 1);
        weights::values(&trained.unwrap().network)
    };
    // The head's dropout lies beside its output layer: it drops where the whole head is trained.
    for (trained, drops) in [("head.output.", false), ("head.", true)] {
        let low_rank = match Dnabert2Regression::low_rank(2, 2.0) {
            Adaptation::LowRank(low) => Adaptation::LowRank(LowRank {
                whole: vec![trained.into()],
                ..low
            }),
            other => other,
        };
        for adaptation in [Adaptation::Only(vec![trained.into()]), low_rank] {
            let same = weights(0.5, &adaptation) == weights(0.0, &adaptation);
            assert_eq!(same, !drops, "{adaptation:?}");
        }
    }
}

#[test]
fn a_classifier_gives_probabilities_and_a_frozen_network_features() {
    let (mut data, model) = small();
    data.targets
        .values
        .mapv_inplace(|value| f32::from(value > 0.0));
    let features = Dnabert2Features::new(model.clone());
    let features = features.fit(&data, &data, 3).unwrap();
    let found = features.encode(&data.inputs).unwrap();
    assert_eq!(found.dim(), (4, 24));
    let network = model.init(1, 3, &Device::default()).unwrap();
    let expected = network.embed(&data.inputs, &Device::default()).unwrap();
    assert_eq!(found.into_raw_vec_and_offset().0, numbers(expected));
    let classifier = Dnabert2Regression {
        objective: Objective::Binary,
        ..model
    };
    let trained = Trainer::new(classifier, thirty_steps());
    let trained = trained.train(&data, &data, 1).unwrap();
    let found = trained.predict(&data.inputs).unwrap();
    let sides: Vec<bool> = found.iter().map(|&p| p > 0.5).collect();
    assert_eq!(sides, [false, false, true, true]);
    assert!(found.iter().all(|p| (0.0..=1.0).contains(p)));
}
