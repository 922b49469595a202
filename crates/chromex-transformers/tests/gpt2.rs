//! GPT-2 against PyTorch and transformers: the numbers of `golden/gpt2.json`, and published tiny checkpoints.

mod support;

use std::path::{Path, PathBuf};

use burn::Tensor;
use burn::tensor::{Int, TensorData};
use chromex_core::{Dataset, Rows};
use chromex_nn::{Device, Length, Trainer, weights};
use chromex_transformers::{Gpt2, Gpt2Config, LanguageModel, TokenWindows};
use serde_json::Value;

use support::{largest_difference, numbers, uniform};

const GOLDEN: &str = include_str!("golden/gpt2.json");

fn golden() -> Value {
    serde_json::from_str(GOLDEN).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    let ids = value.as_array().unwrap().iter();
    ids.map(|id| id.as_u64().unwrap() as u32).collect()
}

fn tensor(rows: &[&[u32]]) -> Tensor<2, Int> {
    let ids: Vec<i32> = rows
        .iter()
        .flat_map(|row| row.iter().map(|&id| id as i32))
        .collect();
    let shape = [rows.len(), rows[0].len()];
    Tensor::from_data(TensorData::new(ids, shape), &Device::default())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn config(layers: usize, width: usize, heads: usize, positions: usize) -> Gpt2Config {
    Gpt2Config {
        layers,
        width,
        heads,
        positions,
        hidden: 4 * width,
        ..Gpt2Config::genegpt2()
    }
}

/// Writes the golden weights under their published names and loads them, which tests the names as well.
fn golden_network(config: &Gpt2Config, folder: &Path) -> Gpt2 {
    let blank = config.init(0, &Device::default()).unwrap();
    let file = folder.join("model.safetensors");
    config.write_folder(&blank, folder).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let filled: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let short = name.strip_prefix("transformer.").unwrap();
            let base = if ["ln_1.weight", "ln_2.weight", "ln_f.weight"]
                .iter()
                .any(|end| short.ends_with(end))
            {
                1.0
            } else {
                0.0
            };
            let count = view.shape().iter().product();
            let values = uniform(short, count)
                .into_iter()
                .flat_map(|value| (base + 0.125 * value).to_le_bytes())
                .collect();
            (name, view.shape().to_vec(), values)
        })
        .collect();
    let views = filled.iter().map(|(name, shape, bytes)| {
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (name.as_str(), view.unwrap())
    });
    std::fs::write(&file, safetensors::serialize(views, None).unwrap()).unwrap();
    Gpt2Config::read_folder(folder, &Device::default())
        .unwrap()
        .1
}

#[test]
fn logits_and_hidden_states_equal_transformers() {
    let golden = golden();
    let tokens = ids(&golden["tokens"]);
    let picked = ids(&golden["ids"]);
    for case in golden["forward"].as_array().unwrap() {
        let of = |name: &str| case[name].as_u64().unwrap() as usize;
        let config = config(of("layers"), of("width"), of("heads"), of("positions"));
        let folder = tempfile::tempdir().unwrap();
        let network = golden_network(&config, folder.path());
        let length = config.positions;
        let rows = tensor(&[&tokens[..length], &tokens[7..7 + length]]);
        let logits = values(network.logits(rows.clone()));
        let of_ids: Vec<f32> = logits
            .chunks(config.vocabulary)
            .flat_map(|scores| picked.iter().map(|&id| scores[id as usize]))
            .collect();
        let sums: Vec<f32> = logits
            .chunks(config.vocabulary)
            .map(|s| s.iter().map(|&v| f64::from(v).exp()).sum::<f64>().ln() as f32)
            .collect();
        let hidden = values(network.hidden(rows));
        let channels: Vec<f32> = hidden
            .chunks(config.width)
            .flat_map(|state| state[..4].to_vec())
            .collect();
        for (ours, theirs) in [
            (&of_ids, "logits_of_ids"),
            (&sums, "log_sum_exp"),
            (&channels, "hidden_first_channels"),
        ] {
            let difference = largest_difference(ours, &numbers(&case[theirs]));
            assert!(difference < 1e-4, "{theirs}: {difference}");
        }
    }
}

#[test]
fn five_training_steps_equal_pytorch() {
    struct Golden(Gpt2Config, PathBuf);
    impl Clone for Golden {
        fn clone(&self) -> Self {
            Self(self.0.clone(), self.1.clone())
        }
    }
    impl serde::Serialize for Golden {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            self.0.serialize(to)
        }
    }
    impl chromex_nn::Architecture<TokenWindows> for Golden {
        type Network = Gpt2;
        fn build(
            &self,
            _: &Dataset<TokenWindows>,
            _: u64,
            device: &Device,
        ) -> chromex_nn::Result<Gpt2> {
            Ok(self
                .0
                .load(&self.1.join("model.safetensors"), device)
                .unwrap())
        }
    }
    #[derive(Default)]
    struct Losses(std::sync::Mutex<Vec<f32>>);
    impl chromex_core::observe::Observer for Losses {
        fn observe(&self, event: &chromex_core::observe::Event<'_>) {
            if let chromex_core::observe::Event::Step { values, .. } = event {
                self.0.lock().unwrap().push(values[0].1 as f32);
            }
        }
    }

    let golden = golden();
    let config = config(2, 16, 2, 24);
    let folder = tempfile::tempdir().unwrap();
    golden_network(&config, folder.path());
    let windows = TokenWindows::all(ids(&golden["tokens"]), config.positions).unwrap();
    let recipe = chromex_nn::Recipe {
        batch_rows: windows.len(),
        length: Length::Steps(5),
        report_every: 1,
        ..LanguageModel::genegpt2(config.clone()).recipe
    };
    let losses = std::sync::Arc::new(Losses::default());
    let trained = Trainer::new(Golden(config, folder.path().to_owned()), recipe)
        .observe("golden", losses.clone())
        .train(
            &Dataset::unlabelled(windows.clone()),
            &Dataset::unlabelled(windows).select(&[]),
            0,
        )
        .unwrap();
    let training = &golden["training"];
    let difference = largest_difference(&losses.0.lock().unwrap(), &numbers(&training["losses"]));
    assert!(difference < 2e-5, "losses: {difference}");
    let file = folder.path().join("after.safetensors");
    let names = training["weights_after"].as_object().unwrap();
    weights::save(&trained.network, &file, str::to_owned).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let ours = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let first_six = |name: &str| -> Vec<f32> {
        let view = ours.tensor(name).unwrap();
        let fours = view.data().chunks_exact(4).take(6);
        fours
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect()
    };
    // Adam divides each gradient by its own size, so weights whose gradient is rounding noise (key biases
    // have a gradient of exactly 0 in theory) move by noise: those are not among what is compared.
    for (theirs, path) in [
        ("wte.weight", "tokens.weight"),
        ("wpe.weight", "positions.weight"),
        ("h.0.ln_1.weight", "blocks.0.attention_norm.gamma"),
        ("h.0.ln_1.bias", "blocks.0.attention_norm.beta"),
        (
            "h.0.attn.c_attn.weight",
            "blocks.0.attention.queries_keys_values.weight",
        ),
        ("h.1.attn.c_proj.weight", "blocks.1.attention.output.weight"),
        ("h.1.attn.c_proj.bias", "blocks.1.attention.output.bias"),
        ("h.1.mlp.c_fc.weight", "blocks.1.feed_forward.expand.weight"),
        ("h.0.mlp.c_proj.bias", "blocks.0.feed_forward.contract.bias"),
        ("ln_f.weight", "norm.gamma"),
    ] {
        let difference = largest_difference(&first_six(path), &numbers(&names[theirs]));
        assert!(difference < 2e-5, "{theirs}: {difference}");
    }
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn published_tiny_checkpoints_give_their_recorded_logits() {
    let data = PathBuf::from(std::env::var_os("CHROMEX_DATA").expect("CHROMEX_DATA is set"));
    let folder = Path::new(&data).join("hf_tiny_checkpoints");
    let read =
        |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };

    let golden = read(&folder.join("loractl_tiny_gpt2/golden.json"));
    let config = Gpt2Config {
        vocabulary: 61,
        positions: 16,
        width: 32,
        layers: 2,
        heads: 2,
        hidden: 64,
        norm_epsilon: 1e-5,
    };
    let file = folder.join("loractl_tiny_gpt2/model.safetensors");
    let network = config.load(&file, &Device::default()).unwrap();
    let rows = tensor(&[&ids(&golden["input_ids"])]);
    let logits = values(network.logits(rows.clone()));
    assert!(largest_difference(&logits, &numbers(&golden["logits"])) < 1e-4);
    let hidden = values(network.hidden(rows));
    assert!(largest_difference(&hidden, &numbers(&golden["hidden_after_lnf"])) < 1e-4);

    let golden = read(&folder.join("neural-api/tiny_gpt2_logits.json"));
    let config = Gpt2Config {
        vocabulary: 11,
        width: 8,
        hidden: 32,
        ..config
    };
    let file = folder.join("neural-api/tiny_gpt2.safetensors");
    let network = config.load(&file, &Device::default()).unwrap();
    let sequences = golden["sequences"].as_array().unwrap();
    for (sequence, logits) in sequences.iter().zip(golden["logits"].as_array().unwrap()) {
        let theirs: Vec<f32> = logits
            .as_array()
            .unwrap()
            .iter()
            .flat_map(numbers)
            .collect();
        let ours = values(network.logits(tensor(&[&ids(sequence)])));
        assert!(largest_difference(&ours, &theirs) < 1e-4);
    }
}

#[test]
fn weight_files_of_the_wrong_kind_are_named_errors() {
    let folder = tempfile::tempdir().unwrap();
    let small = config(2, 16, 2, 24);
    let network = small.init(1, &Device::default()).unwrap();
    small.write_folder(&network, folder.path()).unwrap();
    let file = folder.path().join("model.safetensors");
    let message = |config: &Gpt2Config| {
        config
            .load(&file, &Device::default())
            .unwrap_err()
            .to_string()
    };

    let wide = config(2, 32, 2, 24);
    assert!(message(&wide).contains("transformer.wte.weight [1000, 32], found [1000, 16]"));
    assert!(
        message(&config(3, 16, 2, 24)).contains("missing: [\"transformer.h.2.ln_1.weight [16]\"")
    );
    assert!(message(&config(1, 16, 2, 24)).contains("transformer.h.1.attn.c_attn.bias"));

    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert!(message(&small).contains("tensor `transformer."));
    // A header that claims to be almost as long as the address space.
    std::fs::write(&file, [&[0xff; 7][..], &[0x7f], &whole[8..]].concat()).unwrap();
    assert!(message(&small).contains("byte 0: expected a header"));
    std::fs::write(&file, []).unwrap();
    assert!(message(&small).contains("byte 0: expected safetensors"));
    std::fs::remove_file(&file).unwrap();
    assert!(message(&small).starts_with("open "));
}

#[test]
fn the_same_seed_draws_the_same_weights_and_another_does_not() {
    let draw = |seed| {
        let network = Gpt2Config::genegpt2()
            .init(seed, &Device::default())
            .unwrap();
        values(network.tokens.weight.val())
    };
    assert_eq!(draw(3), draw(3));
    assert_ne!(draw(3), draw(4));
    let spread = draw(3).iter().map(|v| f64::from(v * v)).sum::<f64>() / 32_000.0;
    assert!((spread.sqrt() - 0.02).abs() < 5e-4);
}
