//! RoBERTa against PyTorch and transformers: the numbers of `golden/roberta.json`.

mod support;

use std::path::Path;
use std::sync::Mutex;

use chromex_core::{Dataset, Keys, Target, Targets, TokenIds, Transform, View};
use chromex_nn::weights::{self, Snapshot};
use chromex_nn::{Architecture, Device, Length, Network, Recipe, Trainer};
use chromex_transformers::{
    MaskedLanguage, PaddingSide, RobertaConfig, RobertaRegression, RobertaRegressor, TokenLayout,
};
use ndarray::Array2;
use serde_json::Value;

use support::{largest_difference, numbers, uniform};

const GOLDEN: &str = include_str!("golden/roberta.json");
const LENGTH: usize = 24;
const TARGETS: usize = 3;

fn golden() -> Value {
    serde_json::from_str(GOLDEN).unwrap()
}

fn config(padding_id: u32) -> RobertaConfig {
    RobertaConfig {
        vocabulary: 61,
        positions: LENGTH + padding_id as usize + 1,
        width: 24,
        layers: 2,
        heads: 3,
        hidden: 48,
        padding_id,
        dropout: 0.0,
        ..RobertaConfig::cornbert()
    }
}

fn layout(side: PaddingSide) -> TokenLayout {
    TokenLayout {
        side,
        length: Some(LENGTH),
        ..TokenLayout::default()
    }
}

fn tokens(golden: &Value) -> TokenIds {
    let (mut ids, mut offsets) = (Vec::new(), vec![0]);
    for sentence in golden["sentences"].as_array().unwrap() {
        let sentence = sentence.as_array().unwrap().iter();
        ids.extend(sentence.map(|id| id.as_u64().unwrap() as u32));
        offsets.push(ids.len());
    }
    TokenIds::new(ids, offsets, vec![View::Whole], 61, None).unwrap()
}

/// Replaces every tensor of a file by the golden weights of its published name, which tests the names as well.
fn fill(file: &Path, scale: f32) {
    let bytes = std::fs::read(file).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let filled: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let norm = name.ends_with("LayerNorm.weight") || name.ends_with("layer_norm.weight");
            let base = if norm { 1.0 } else { 0.0 };
            let values = uniform(&name, view.shape().iter().product())
                .into_iter()
                .flat_map(|value| (base + scale * value).to_le_bytes())
                .collect();
            (name, view.shape().to_vec(), values)
        })
        .collect();
    let views = filled.iter().map(|(name, shape, bytes)| {
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (name.as_str(), view.unwrap())
    });
    std::fs::write(file, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn golden_regressor(padding_id: u32, side: PaddingSide) -> RobertaRegressor {
    let device = Device::default();
    let folder = tempfile::tempdir().unwrap();
    let settings = RobertaRegression {
        network: config(padding_id),
        layout: layout(side),
        head_dropout: 0.0,
        ..RobertaRegression::default()
    };
    let blank = settings.init(TARGETS, 0, &device).unwrap();
    settings.write_folder(&blank, folder.path()).unwrap();
    fill(&folder.path().join("model.safetensors"), 0.125);
    let (read, network) = settings
        .read_folder(TARGETS, folder.path(), &device)
        .unwrap();
    assert_eq!(read.network, settings.network);
    network
}

fn values<const D: usize>(tensor: burn::Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// Trainings of one process draw from one generator of random numbers: only alone do they repeat to the bit.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn hidden_states_scores_and_predictions_equal_transformers() {
    let golden = golden();
    let tokens = tokens(&golden);
    let device = Device::default();
    let picked = numbers(&golden["ids"]);
    for case in golden["forward"].as_array().unwrap() {
        let padding_id = case["padding_id"].as_u64().unwrap() as u32;
        let side = if case["side"] == "left" {
            PaddingSide::Left
        } else {
            PaddingSide::Right
        };
        let folder = tempfile::tempdir().unwrap();
        let settings = MaskedLanguage {
            network: config(padding_id),
            layout: layout(side),
            ..MaskedLanguage::default()
        };
        let blank = settings.init(0, &device).unwrap();
        settings.write_folder(&blank, folder.path()).unwrap();
        fill(&folder.path().join("model.safetensors"), 0.125);
        let (_, network) = settings.read_folder(folder.path(), &device).unwrap();
        let scores = values(network.logits(&tokens, &device).unwrap());
        let of_ids: Vec<f32> = scores
            .chunks(61)
            .flat_map(|scores| picked.iter().map(|&id| scores[id as usize]))
            .collect();
        let sums: Vec<f32> = scores
            .chunks(61)
            .map(|s| s.iter().map(|&v| f64::from(v).exp()).sum::<f64>().ln() as f32)
            .collect();
        let hidden = values(network.hidden(&tokens, &device).unwrap());
        let channels: Vec<f32> = hidden
            .chunks(24)
            .flat_map(|state| state[..2].to_vec())
            .collect();
        let regressor = golden_regressor(padding_id, side);
        let predicted = values(regressor.forward(&tokens, &device).unwrap());
        for (ours, theirs) in [
            (&of_ids, "scores_of_ids"),
            (&sums, "log_sum_exp"),
            (&channels, "hidden_first_channels"),
            (&predicted, "predicted"),
        ] {
            let difference = largest_difference(ours, &numbers(&case[theirs]));
            assert!(
                difference < 1e-4,
                "{padding_id} {side:?} {theirs}: {difference}"
            );
        }
        // Without a length of its own a batch takes that of its longest row, and the numbers stay where padding takes no place.
        if padding_id == 2 {
            let loose = RobertaRegression {
                network: config(2),
                layout: TokenLayout {
                    length: None,
                    ..layout(side)
                },
                head_dropout: 0.0,
                begin: Some(Snapshot::of(&regressor, "")),
                ..RobertaRegression::default()
            };
            let short = tokens_of(&tokens, &[1, 2]);
            let loose = loose.init(TARGETS, 5, &device).unwrap();
            let alone = values(loose.forward(&short, &device).unwrap());
            assert!(largest_difference(&alone, &predicted[TARGETS..3 * TARGETS]) < 1e-5);
        }
    }
}

#[test]
fn the_published_shape_equals_transformers() {
    let golden = golden();
    let device = Device::default();
    let settings = MaskedLanguage {
        network: RobertaConfig {
            dropout: 0.0,
            ..RobertaConfig::florabert()
        },
        ..MaskedLanguage::default()
    };
    let parameters = settings.network.parameter_count() as u64;
    assert_eq!(golden["parameters"].as_u64(), Some(parameters));
    let folder = tempfile::tempdir().unwrap();
    let blank = settings.init(0, &device).unwrap();
    settings.write_folder(&blank, folder.path()).unwrap();
    fill(&folder.path().join("model.safetensors"), 0.125 / 4.0);
    for case in golden["wide"].as_array().unwrap() {
        let side = if case["side"] == "left" {
            PaddingSide::Left
        } else {
            PaddingSide::Right
        };
        let settings = MaskedLanguage {
            layout: layout(side),
            ..settings.clone()
        };
        let (_, network) = settings.read_folder(folder.path(), &device).unwrap();
        let tokens = tokens(&golden);
        let scores = values(network.logits(&tokens, &device).unwrap());
        let picked = numbers(&golden["ids"]);
        let of_ids: Vec<f32> = scores
            .chunks(5005)
            .flat_map(|scores| picked.iter().map(|&id| scores[id as usize]))
            .collect();
        let hidden = values(network.hidden(&tokens, &device).unwrap());
        let channels: Vec<f32> = hidden
            .chunks(768)
            .flat_map(|state| state[..2].to_vec())
            .collect();
        for (ours, theirs) in [
            (&of_ids, "scores_of_ids"),
            (&channels, "hidden_first_channels"),
        ] {
            let difference = largest_difference(ours, &numbers(&case[theirs]));
            assert!(difference < 1e-4, "{side:?} {theirs}: {difference}");
        }
    }
}

fn tokens_of(tokens: &TokenIds, rows: &[usize]) -> TokenIds {
    use chromex_core::Rows;
    tokens.select(rows)
}

fn dataset(golden: &Value) -> Dataset<TokenIds> {
    let tokens = tokens(golden);
    let values = Array2::from_shape_vec((4, TARGETS), uniform("targets", 4 * TARGETS)).unwrap();
    let targets = (0..TARGETS).map(|target| Target {
        name: format!("tissue {target}"),
        unit: "TPM".into(),
        transform: Transform::NaturalLog { offset: 1.0 },
    });
    let targets = Targets::new(values, targets.collect()).unwrap();
    let keys = Keys::new((0..4).map(|row| row.to_string()).collect()).unwrap();
    Dataset::new(tokens, targets, keys).unwrap()
}

#[derive(Default)]
struct Losses(Mutex<Vec<f32>>);

impl chromex_core::observe::Observer for Losses {
    fn observe(&self, event: &chromex_core::observe::Event<'_>) {
        if let chromex_core::observe::Event::Step { values, .. } = event {
            self.0.lock().unwrap().push(values[0].1 as f32);
        }
    }
}

#[test]
fn five_training_steps_equal_pytorch() {
    let _alone = alone();
    let golden = golden();
    let data = dataset(&golden);
    let network = golden_regressor(2, PaddingSide::Left);
    let settings = RobertaRegression {
        network: config(2),
        layout: layout(PaddingSide::Left),
        head_dropout: 0.0,
        begin: Some(Snapshot::of(&network, "")),
        ..RobertaRegression::default()
    };
    let recipe = Recipe {
        learning_rate: 1e-2,
        batch_rows: 4,
        length: Length::Steps(5),
        report_every: 1,
        ..Recipe::default()
    };
    let losses = std::sync::Arc::new(Losses::default());
    Trainer::new(settings, recipe)
        .observe("test", losses.clone())
        .train(&data, &data.select(&[]), 1)
        .unwrap();
    let ours = losses.0.lock().unwrap().clone();
    let difference = largest_difference(&ours, &numbers(&golden["losses"]));
    assert!(difference < 1e-4, "{ours:?}: {difference}");
}

#[test]
fn hidden_tokens_are_learned_and_fine_tuning_begins_with_what_was_learned() {
    let _alone = alone();
    let data = dataset(&golden());
    let language = MaskedLanguage {
        network: config(2),
        ..MaskedLanguage::default()
    };
    let recipe = Recipe {
        learning_rate: 3e-3,
        batch_rows: 4,
        length: Length::Steps(60),
        ..Recipe::default()
    };
    let device = Device::default();
    let fresh = language.init(7, &device).unwrap();
    let before = fresh.loss(&data, &device).unwrap().into_scalar::<f32>();
    // Without gradients the same tokens are hidden each time.
    assert_eq!(
        before,
        fresh.loss(&data, &device).unwrap().into_scalar::<f32>()
    );
    let train = || {
        let trainer = Trainer::new(language.clone(), recipe.clone());
        trainer.train(&data, &data.select(&[]), 7).unwrap().network
    };
    let learned = train();
    let after = learned.loss(&data, &device).unwrap().into_scalar::<f32>();
    assert!(after < 0.8 * before, "{before} to {after}");
    assert_eq!(weights::values(&learned), weights::values(&train()));

    let folder = tempfile::tempdir().unwrap();
    language.write_folder(&learned, folder.path()).unwrap();
    let (read, base) = RobertaConfig::read_base(folder.path(), &device).unwrap();
    let regression = RobertaRegression {
        network: read,
        begin: Some(base),
        ..RobertaRegression::default()
    };
    let network = regression.build(&data, 1, &device).unwrap();
    let of = |path: &str, values: Vec<(String, Vec<f32>)>| {
        values.into_iter().find(|(name, _)| name == path).unwrap().1
    };
    for path in [
        "roberta.tokens.weight",
        "roberta.blocks.1.attention.queries_keys_values.weight",
    ] {
        assert_eq!(
            of(path, weights::values(&network)),
            of(path, weights::values(&learned))
        );
    }
    assert!(
        of("head.output.bias", weights::values(&network))
            .iter()
            .all(|&bias| bias == 0.0)
    );
    let centred = RobertaRegression {
        begin_at_means: true,
        ..regression
    };
    let centred = centred.build(&data, 1, &device).unwrap();
    let means = data.targets.values.mean_axis(ndarray::Axis(0)).unwrap();
    assert_eq!(
        of("head.output.bias", weights::values(&centred)),
        means.to_vec()
    );
}

#[test]
fn tokens_past_the_vocabulary_and_sequences_past_the_positions_are_refused() {
    let golden = golden();
    let data = dataset(&golden);
    let device = Device::default();
    let few = RobertaRegression {
        network: RobertaConfig {
            vocabulary: 20,
            ..config(2)
        },
        ..RobertaRegression::default()
    };
    let message = few.build(&data, 0, &device).unwrap_err().to_string();
    assert!(
        message.contains("vocabulary") && message.contains("found 20"),
        "{message}"
    );
    let short = RobertaRegression {
        network: RobertaConfig {
            positions: 20,
            ..config(2)
        },
        ..RobertaRegression::default()
    };
    let network = short.build(&data, 0, &device).unwrap();
    let message = network
        .forward(&data.inputs, &device)
        .unwrap_err()
        .to_string();
    assert!(message.contains("at most 17, found 24"), "{message}");
}

#[test]
fn groups_thaw_at_the_published_steps_with_their_own_rates() {
    let _alone = alone();
    let data = dataset(&golden());
    let settings = RobertaRegression {
        network: RobertaConfig {
            width: 4,
            heads: 1,
            hidden: 4,
            layers: 6,
            ..config(2)
        },
        ..RobertaRegression::default()
    };
    let recipe = settings.progressive_unfreezing(2000, 100);
    let rates = |step| recipe.learning_rates(step, 2000);
    assert_eq!(rates(0), [Some(0.0), None, None, None, None]);
    assert_eq!(rates(100), [Some(2e-3), None, None, None, None]);
    assert_eq!(rates(399)[2], None);
    assert_eq!(rates(400)[1..], [None, Some(0.0), None, None]);
    assert_eq!(rates(500)[2], Some(1e-3));
    assert_eq!(
        rates(800)[1..4],
        [None, Some(1e-3 * (1200.0 / 1500.0)), Some(0.0)]
    );
    assert_eq!(rates(1200)[4], Some(0.0));
    assert_eq!(rates(1300)[4], Some(1e-3));
    assert_eq!(rates(1999)[1], None);

    let device = Device::default();
    let start = weights::values(&settings.init(TARGETS, 3, &device).unwrap());
    // A group's first rate is 0, so that it moves one step after it thaws.
    for (steps, lowest) in [(399, 6), (401, 6), (402, 4), (801, 4), (802, 2), (1202, 0)] {
        let recipe = Recipe {
            batch_rows: 4,
            ..settings.progressive_unfreezing(steps, 100)
        };
        let trainer = Trainer::new(settings.clone(), recipe);
        let trained = trainer.train(&data, &data.select(&[]), 3).unwrap();
        for ((path, before), (_, after)) in start.iter().zip(weights::values(&trained.network)) {
            let block = path
                .strip_prefix("roberta.blocks.")
                .map(|rest| rest[..1].parse::<usize>());
            let moves = match block {
                Some(block) => block.unwrap() >= lowest,
                None => path.starts_with("head."),
            };
            assert_eq!(*before != after, moves, "{path} after {steps} steps");
        }
    }
}
