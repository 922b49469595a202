//! The trainer on a linear network, small enough to check by hand.

use std::sync::{Arc, Mutex};

use burn::Tensor;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::TensorData;
use chromex_core::observe::{Event, Observer};
use chromex_core::{Dataset, Keys, Predict, Target, Targets, Transform};
use chromex_nn::fused::linear;
use chromex_nn::{
    Architecture, Checkpoints, Clip, Device, Error, Group, Keep, Length, Network, Optimizer,
    Precision, Recipe, Result, Schedule, Trainer, weights,
};
use ndarray::Array2;

/// y = W2 (W1 x), two layers so that groups have something to divide.
#[derive(Module, Debug)]
struct TwoLayers {
    first: Linear,
    second: Linear,
}

#[derive(Clone, serde::Serialize)]
struct TwoLayersConfig {
    hidden: usize,
}

impl Network<Array2<f32>> for TwoLayers {
    fn forward(&self, inputs: &Array2<f32>, device: &Device) -> Result<Tensor<2>> {
        let data = TensorData::new(
            inputs.iter().copied().collect(),
            [inputs.nrows(), inputs.ncols()],
        );
        let inputs = Tensor::from_data(data, device);
        Ok(linear(&self.second, linear(&self.first, inputs)))
    }

    fn loss(&self, batch: &Dataset<Array2<f32>>, device: &Device) -> Result<Tensor<1>> {
        let targets = &batch.targets.values;
        let data = TensorData::new(
            targets.iter().copied().collect(),
            [targets.nrows(), targets.ncols()],
        );
        let truth = Tensor::<2>::from_data(data, device);
        Ok((self.forward(&batch.inputs, device)? - truth)
            .square()
            .mean())
    }
}

impl Architecture<Array2<f32>> for TwoLayersConfig {
    type Network = TwoLayers;

    fn build(&self, train: &Dataset<Array2<f32>>, seed: u64, device: &Device) -> Result<TwoLayers> {
        let layer = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        let network = TwoLayers {
            first: layer(train.inputs.ncols(), self.hidden),
            second: layer(self.hidden, 1),
        };
        let mut generator = chromex_core::random::generator(seed, "initial weights");
        weights::fill(network, |_, shape| {
            Ok(weights::normal(&mut generator, 0.5, shape.iter().product()))
        })
    }
}

fn data(rows: usize) -> Dataset<Array2<f32>> {
    let inputs = Array2::from_shape_fn((rows, 3), |(row, column)| {
        ((row * 7 + column * 13) % 11) as f32 / 5.0 - 1.0
    });
    let values = inputs.dot(&ndarray::array![[1.0], [-2.0], [0.5]]) + 0.25;
    let target = Target {
        name: "y".into(),
        unit: "1".into(),
        transform: Transform::Identity,
    };
    let targets = Targets::new(values, vec![target]).unwrap();
    Dataset::new(inputs, targets, Keys::numbered(rows)).unwrap()
}

fn none() -> Dataset<Array2<f32>> {
    data(1).select(&[])
}

fn recipe(steps: u64) -> Recipe {
    Recipe {
        learning_rate: 0.02,
        batch_rows: 8,
        length: Length::Steps(steps),
        report_every: 1,
        ..Recipe::default()
    }
}

fn trainer(recipe: Recipe) -> Trainer<TwoLayersConfig> {
    Trainer::new(TwoLayersConfig { hidden: 4 }, recipe)
}

fn numbers(network: &TwoLayers) -> Vec<f32> {
    let mut all = Vec::new();
    for layer in [&network.first, &network.second] {
        all.extend(layer.weight.val().into_data().try_to_vec::<f32>().unwrap());
        let bias = layer.bias.as_ref().unwrap();
        all.extend(bias.val().into_data().try_to_vec::<f32>().unwrap());
    }
    all
}

/// Remembers what the trainer reports; stops the training by a panic after a number of steps, as a kill
/// would.
#[derive(Default)]
struct Listener {
    seen: Mutex<Vec<(u64, String, f64)>>,
    die_after: Option<u64>,
}

impl Observer for Listener {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Step { done, values, .. } = *event {
            let mut seen = self.seen.lock().unwrap();
            seen.extend(
                values
                    .iter()
                    .map(|&(name, value)| (done, name.to_owned(), value)),
            );
            drop(seen);
            if self.die_after == Some(done) {
                panic!("killed");
            }
        }
    }
}

impl Listener {
    fn values(&self, name: &str) -> Vec<f64> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|s| s.1 == name).map(|s| s.2).collect()
    }
}

#[test]
fn a_linear_target_is_learned() {
    let train = data(64);
    let fitted = trainer(recipe(600)).train(&train, &none(), 1).unwrap();
    let error = fitted.predict(&train.inputs).unwrap() - &train.targets.values;
    assert!(error.iter().all(|e| e.abs() < 0.02), "{error:?}");
}

#[test]
fn two_byte_products_learn_the_same_target() {
    let train = data(64);
    let errors = [Precision::Single, Precision::Bfloat16, Precision::Half].map(|precision| {
        let recipe = Recipe {
            precision,
            ..recipe(600)
        };
        let fitted = trainer(recipe).train(&train, &none(), 1).unwrap();
        let error = fitted.predict(&train.inputs).unwrap() - &train.targets.values;
        error
            .iter()
            .fold(0.0_f32, |largest, e| largest.max(e.abs()))
    });
    assert!(errors[1] < 0.05 && errors[2] < 0.02, "{errors:?}");
    // Products that were rounded are not those of single precision.
    assert!(errors[1] != errors[0] && errors[2] != errors[0]);
}

#[test]
fn a_step_whose_gradients_overflow_moves_nothing_and_halves_the_scale() {
    let listener = Arc::new(Listener::default());
    let half = |steps, precision| Recipe {
        precision,
        optimizer: Optimizer::Sgd { momentum: 0.0 },
        learning_rate: 1e-4,
        ..recipe(steps)
    };
    let mut train = data(8);
    // Errors of some 100 times 65,536 are past the 65,504 of half precision.
    train.targets.values *= 100.0;
    let fit = |steps, precision| {
        let fitted = trainer(half(steps, precision))
            .observe("train", listener.clone())
            .train(&train, &none(), 0)
            .unwrap();
        numbers(&fitted.network)
    };
    let start = fit(1, Precision::Half);
    assert_eq!(listener.values("loss_scale"), [65536.0]);
    assert_eq!(start, fit(2, Precision::Half));
    assert_ne!(start, fit(1, Precision::Bfloat16));
    let moved = fit(20, Precision::Half);
    assert_ne!(start, moved);
    let scales = listener.values("loss_scale");
    let settled = *scales.last().unwrap();
    assert!((64.0..8192.0).contains(&settled), "{scales:?}");
    assert!(moved.iter().all(|weight| weight.is_finite()));
    // No factor makes these errors fit.
    train.targets.values *= 1e8;
    let refused = trainer(half(60, Precision::Half)).train(&train, &none(), 0);
    assert!(matches!(refused, Err(Error::Overflow { step: 26 | 27 })));
}

#[test]
fn the_seed_alone_decides_the_weights() {
    let fit = |seed| {
        numbers(
            &trainer(recipe(20))
                .train(&data(40), &none(), seed)
                .unwrap()
                .network,
        )
    };
    assert_eq!(fit(1), fit(1));
    assert_ne!(fit(1), fit(2));
}

#[test]
fn training_that_dies_at_any_step_goes_on_to_the_same_bits() {
    for precision in [Precision::Single, Precision::Half] {
        goes_on_to_the_same_bits(precision);
    }
}

fn goes_on_to_the_same_bits(precision: Precision) {
    let recipe = |steps| Recipe {
        precision,
        ..recipe(steps)
    };
    // In half precision the first steps overflow, so that the scale has a history to go on with.
    let train = || {
        let mut train = data(50);
        train.targets.values *= 100.0;
        train
    };
    let whole = numbers(
        &trainer(recipe(30))
            .train(&train(), &data(9), 3)
            .unwrap()
            .network,
    );
    for die_after in [1, 7, 10, 29] {
        let folder = tempfile::tempdir().unwrap();
        let run = |die_after| {
            let listener = Arc::new(Listener {
                die_after,
                ..Listener::default()
            });
            let checkpoints = Checkpoints {
                folder: folder.path().to_owned(),
                every_steps: 4,
                data: "grid".into(),
            };
            std::panic::catch_unwind(move || {
                trainer(recipe(30))
                    .observe("train", listener)
                    .checkpoints(checkpoints)
                    .train(&train(), &data(9), 3)
                    .map(|fitted| numbers(&fitted.network))
            })
        };
        assert!(run(Some(die_after)).is_err());
        assert_eq!(run(None).unwrap().unwrap(), whole, "died after {die_after}");
        // A third run finds the training finished and takes no step.
        assert_eq!(run(Some(30)).unwrap().unwrap(), whole);
    }
}

#[test]
fn a_checkpoint_that_is_cut_short_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = || {
        let checkpoints = Checkpoints {
            folder: folder.path().to_owned(),
            every_steps: 1,
            data: String::new(),
        };
        trainer(recipe(3))
            .checkpoints(checkpoints)
            .train(&data(10), &none(), 0)
    };
    run().unwrap();
    let file = std::fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 5]).unwrap();
    let message = run().unwrap_err().to_string();
    assert!(message.contains(file.to_str().unwrap()) && message.ends_with("training checkpoint"));
    // A file of another version is told from a damaged one.
    let version = br#""version":"4""#;
    let place = bytes
        .windows(version.len())
        .position(|bytes| bytes == version)
        .unwrap()
        + version.len()
        - 2;
    let other = [&bytes[..place], b"1", &bytes[place + 1..]].concat();
    std::fs::write(&file, other).unwrap();
    let message = run().unwrap_err().to_string();
    assert!(
        message.ends_with("version 4; remove it to train anew"),
        "{message}"
    );
}

#[test]
fn no_bit_of_saved_weights_can_change_and_wrong_types_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let device = Device::default();
    let build = |seed| {
        let config = TwoLayersConfig { hidden: 2 };
        config.build(&data(4), seed, &device).unwrap()
    };
    let network = build(1);
    weights::save(&network, &path, str::to_owned).unwrap();
    let load = || weights::load(build(2), &path, str::to_owned, |_| false);
    assert_eq!(numbers(&load().unwrap()), numbers(&network));
    let whole = std::fs::read(&path).unwrap();
    // Other readers pass over the checksum.
    let others = safetensors::SafeTensors::deserialize(&whole).unwrap();
    assert_eq!(others.names().len(), 4);
    for bit in 0..8 * whole.len() {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, flipped).unwrap();
        assert!(weights::names(&path).is_err(), "bit {bit}");
    }
    for end in 0..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        assert!(load().is_err(), "up to {end}");
    }

    // The same tensors from another program, one of them of a type that is no floating point.
    let mut changed = false;
    let views: Vec<_> = others
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let whole_numbers = name == "first.weight";
            changed |= whole_numbers;
            let kind = match whole_numbers {
                true => safetensors::Dtype::I32,
                false => view.dtype(),
            };
            let view =
                safetensors::tensor::TensorView::new(kind, view.shape().to_vec(), view.data());
            (name, view.unwrap())
        })
        .collect();
    assert!(changed);
    std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    let message = load().unwrap_err().to_string();
    let expected = "missing: []; of another shape: []; of another type than floating point: [\"first.weight I32\"]";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn accumulated_batches_step_like_one_large_batch() {
    let fit = |batch_rows, accumulate| {
        let recipe = Recipe {
            batch_rows,
            accumulate,
            ..recipe(5)
        };
        numbers(
            &trainer(recipe)
                .train(&data(32), &none(), 1)
                .unwrap()
                .network,
        )
    };
    for (one, parts) in fit(32, 1).iter().zip(fit(8, 4)) {
        assert!((one - parts).abs() < 1e-5);
    }
}

#[test]
fn a_frozen_group_keeps_its_weights_until_its_step() {
    let start = numbers(
        &trainer(recipe(1))
            .architecture
            .build(&data(8), 1, &Device::default())
            .unwrap(),
    );
    let fit = |steps| {
        let recipe = Recipe {
            groups: vec![Group {
                name: "head".into(),
                prefixes: vec!["second.".into()],
                learning_rate: 0.01,
                from_step: 3,
            }],
            ..recipe(steps)
        };
        numbers(
            &trainer(recipe)
                .train(&data(16), &none(), 1)
                .unwrap()
                .network,
        )
    };
    // 3 x 4 weights and 4 biases of the first layer, then the second layer.
    assert_eq!(fit(3)[16..], start[16..]);
    assert_ne!(fit(3)[..16], start[..16]);
    assert_ne!(fit(4)[16..], start[16..]);
    // Adam's first step moves every weight by the learning rate: the group's own, with no moments from
    // before it thawed.
    for (now, before) in fit(4)[16..].iter().zip(&start[16..]) {
        assert!(((now - before * (1.0 - 0.01 * 0.01)).abs() - 0.01).abs() < 1e-4);
    }
}

#[test]
fn a_group_that_names_nothing_is_refused() {
    let recipe = Recipe {
        groups: vec![Group {
            name: "head".into(),
            prefixes: vec!["secnod.".into()],
            learning_rate: 0.01,
            from_step: 0,
        }],
        ..recipe(3)
    };
    let error = trainer(recipe).train(&data(16), &none(), 1).unwrap_err();
    assert!(error.to_string().contains("secnod."));
}

#[test]
fn gradients_are_clipped_by_their_joint_norm() {
    // Plain descent moves by rate x gradient, so the length of one step is the clipped norm.
    let step_length = |clip| {
        let recipe = Recipe {
            optimizer: Optimizer::Sgd { momentum: 0.0 },
            learning_rate: 1.0,
            clip,
            ..recipe(1)
        };
        let start = trainer(recipe.clone())
            .architecture
            .build(&data(8), 1, &Device::default());
        let start = numbers(&start.unwrap());
        let end = numbers(&trainer(recipe).train(&data(8), &none(), 1).unwrap().network);
        let square: f32 = start.iter().zip(&end).map(|(a, b)| (a - b).powi(2)).sum();
        square.sqrt()
    };
    assert!(step_length(Clip::None) > 0.6);
    assert!((step_length(Clip::GlobalNorm(0.5)) - 0.5).abs() < 1e-4);
    assert!((step_length(Clip::GlobalNorm(1e3)) - step_length(Clip::None)).abs() < 1e-5);
}

#[test]
fn the_best_epoch_is_kept_and_patience_ends_training() {
    // So high a rate that the loss first falls and then jumps about.
    let recipe = Recipe {
        learning_rate: 0.5,
        length: Length::Epochs(50),
        keep: Keep::BestValidation,
        patience: Some(3),
        ..recipe(1)
    };
    let listener = Arc::new(Listener::default());
    let fitted = trainer(recipe)
        .observe("train", listener.clone())
        .train(&data(24), &data(12), 2)
        .unwrap();
    let losses = listener.values("validation_loss");
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(
        losses.len() < 50,
        "patience did not end {} epochs",
        losses.len()
    );
    assert_eq!(losses[losses.len() - 4], best);
    let truth = data(12);
    let error = fitted.predict(&truth.inputs).unwrap() - &truth.targets.values;
    let kept = f64::from((&error * &error).mean().unwrap());
    assert!((kept - best).abs() < 1e-5);
}

#[test]
fn the_schedule_decides_the_rate_of_each_step() {
    let listener = Arc::new(Listener::default());
    let recipe = Recipe {
        schedule: Schedule::WarmUpLinear { steps: 2 },
        ..recipe(4)
    };
    trainer(recipe)
        .observe("train", listener.clone())
        .train(&data(8), &none(), 0)
        .unwrap();
    assert_eq!(listener.values("learning_rate"), [0.0, 0.01, 0.02, 0.01]);
}

#[test]
fn settings_and_rows_that_cannot_train_are_refused() {
    let refused = |recipe: Recipe| trainer(recipe).train(&data(8), &none(), 0).unwrap_err();
    let zero = Recipe {
        batch_rows: 0,
        ..recipe(1)
    };
    assert!(matches!(
        refused(zero),
        Error::Setting {
            name: "batch_rows",
            ..
        }
    ));
    let infinite = Recipe {
        learning_rate: f64::INFINITY,
        ..recipe(1)
    };
    assert!(matches!(
        refused(infinite),
        Error::Setting {
            name: "learning_rate",
            ..
        }
    ));
    let blind = Recipe {
        keep: Keep::BestValidation,
        ..recipe(1)
    };
    assert!(refused(blind).to_string().contains("validation"));
    assert!(trainer(recipe(1)).train(&none(), &none(), 0).is_err());
    let runaway = Recipe {
        optimizer: Optimizer::Sgd { momentum: 0.0 },
        learning_rate: 1e6,
        ..recipe(60)
    };
    assert!(matches!(refused(runaway), Error::Diverged { .. }));
}
