//! What the trainer does from step to step: saves, looks, limits and ends, on a network with running statistics.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, Mutex};

use burn::Tensor;
use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::TensorData;
use chromex_core::observe::{Event, Observer};
use chromex_core::{Dataset, Keys, Predict, Target, Targets, TokenIds, Transform, View};
use chromex_nn::fused::linear;
use chromex_nn::{
    Architecture, Checkpoints, Clip, CsvLog, Device, Error, Group, Keep, Length, Network,
    Optimizer, Precision, Recipe, Result, Selection, Trainer, weights,
};
use ndarray::Array2;

/// Two layers and, where it is asked for, a normalisation over the batch between them.
#[derive(Module, Debug)]
struct Normed {
    first: Linear,
    norm: Option<BatchNorm>,
    second: Linear,
}

#[derive(Clone, serde::Serialize)]
struct NormedConfig {
    normed: bool,
    /// The standard deviations of the layers' initial weights.
    scales: [f64; 2],
}

impl Network<Array2<f32>> for Normed {
    fn forward(&self, inputs: &Array2<f32>, device: &Device) -> Result<Tensor<2>> {
        let mut hidden = linear(&self.first, tensor(inputs, device));
        if let Some(norm) = &self.norm {
            hidden = norm.forward(hidden);
        }
        Ok(linear(&self.second, hidden))
    }

    fn loss(&self, batch: &Dataset<Array2<f32>>, device: &Device) -> Result<Tensor<1>> {
        let truth = tensor(&batch.targets.values, device);
        let error = self.forward(&batch.inputs, device)? - truth;
        Ok(error.square().mean())
    }
}

impl Architecture<Array2<f32>> for NormedConfig {
    type Network = Normed;

    fn build(&self, train: &Dataset<Array2<f32>>, seed: u64, device: &Device) -> Result<Normed> {
        let layer = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        let network = Normed {
            first: layer(train.inputs.ncols(), 4),
            norm: self.normed.then(|| BatchNormConfig::new(4).init(device)),
            second: layer(4, 1),
        };
        let mut generator = chromex_core::random::generator(seed, "initial weights");
        weights::fill(network, |path, shape| {
            let scale = self.scales[usize::from(path.starts_with("second."))];
            let count = shape.iter().product();
            Ok(match path.strip_prefix("norm.") {
                Some("gamma" | "running_var") => vec![1.0; count],
                Some(_) => vec![0.0; count],
                None => weights::normal(&mut generator, scale, count),
            })
        })
    }
}

fn tensor(values: &Array2<f32>, device: &Device) -> Tensor<2> {
    let shape = [values.nrows(), values.ncols()];
    let values = values.iter().copied().collect();
    Tensor::from_data(TensorData::new(values, shape), device)
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

fn plain(recipe: Recipe) -> Trainer<NormedConfig> {
    let config = NormedConfig {
        normed: false,
        scales: [0.5; 2],
    };
    Trainer::new(config, recipe)
}

fn saved(folder: &Path, every_steps: u64) -> Checkpoints {
    Checkpoints {
        folder: folder.to_owned(),
        every_steps,
        data: "grid".into(),
    }
}

/// The second layer, frozen until a step.
fn second(from_step: u64) -> Vec<Group> {
    vec![Group {
        name: "second".into(),
        prefixes: vec!["second.".into()],
        learning_rate: 0.01,
        from_step,
    }]
}

/// Remembers what the trainer reports; stops the training by a panic after a number of steps, as a kill would.
#[derive(Default)]
struct Listener {
    seen: Mutex<Vec<(u64, String, f64)>>,
    die_after: Option<u64>,
}

impl Observer for Listener {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Step { done, values, .. } = *event {
            let told = values
                .iter()
                .map(|(name, value)| (done, (*name).to_owned(), *value));
            self.seen.lock().unwrap().extend(told);
            assert!(self.die_after != Some(done), "killed");
        }
    }
}

impl Listener {
    /// Steps and values of what has a name.
    fn told(&self, name: &str) -> Vec<(u64, f64)> {
        let seen = self.seen.lock().unwrap();
        let named = seen.iter().filter(|(_, known, _)| known == name);
        named.map(|&(step, _, value)| (step, value)).collect()
    }
}

#[test]
fn running_statistics_outlive_a_kill_at_any_step() {
    // Without looks, each of which would take the newest statistics in.
    let run = |folder: &Path, die_after| {
        let listener = Arc::new(Listener {
            die_after,
            ..Listener::default()
        });
        let config = NormedConfig {
            normed: true,
            scales: [0.5; 2],
        };
        let trainer = Trainer::new(config, recipe(7)).observe("train", listener);
        let trainer = trainer.checkpoints(saved(folder, 2));
        std::panic::catch_unwind(AssertUnwindSafe(move || {
            let trained = trainer.train(&data(50), &none(), 3).unwrap();
            let predicted = trained.predict(&data(9).inputs).unwrap();
            (weights::values(&trained.network), predicted)
        }))
    };
    let folder = tempfile::tempdir().unwrap();
    let whole = run(folder.path(), None).unwrap();
    assert!(whole.0.iter().any(|(path, _)| path == "norm.running_mean"));
    // A finished training is read again, and predicts as it did.
    assert_eq!(run(folder.path(), None).unwrap(), whole);
    for die_after in 1..=7 {
        let folder = tempfile::tempdir().unwrap();
        assert!(run(folder.path(), Some(die_after)).is_err());
        let resumed = run(folder.path(), None).unwrap();
        assert_eq!(resumed, whole, "died after {die_after}");
    }
}

#[test]
fn a_loss_that_is_no_number_is_noticed_without_a_report() {
    let silent = |steps| Recipe {
        optimizer: Optimizer::Sgd { momentum: 0.0 },
        learning_rate: 1e6,
        report_every: 1000,
        ..recipe(steps)
    };
    let last = plain(silent(60)).train(&data(8), &none(), 0);
    assert!(matches!(last, Err(Error::Diverged { step: 60, .. })));
    // Before a save, which would keep the weights.
    let folder = tempfile::tempdir().unwrap();
    let trainer = plain(silent(1000)).checkpoints(saved(folder.path(), 40));
    let error = trainer.train(&data(8), &none(), 0);
    assert!(matches!(error, Err(Error::Diverged { step: 40, .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // At a look.
    let looking = Recipe {
        validate_every: Some(30),
        ..silent(1000)
    };
    let error = plain(looking).train(&data(8), &data(9), 0);
    assert!(matches!(error, Err(Error::Diverged { step: 30, .. })));
}

#[test]
fn a_validation_loss_that_is_no_number_is_an_error() {
    let mut valid = data(9);
    valid.targets.values *= 1e30;
    let looking = Recipe {
        validate_every: Some(3),
        ..recipe(10)
    };
    let error = plain(looking).train(&data(8), &valid, 0);
    assert!(matches!(error, Err(Error::Diverged { step: 3, .. })));
}

#[test]
fn best_weights_that_no_score_chose_are_not_replaced_by_the_last() {
    // The correlation with a constant is not defined.
    let mut valid = data(9);
    valid.targets.values.fill(1.0);
    let recipe = |selection| Recipe {
        keep: Keep::BestValidation,
        validate_every: Some(2),
        selection,
        ..recipe(4)
    };
    let folder = tempfile::tempdir().unwrap();
    let pearson = plain(recipe(Selection::Pearson)).checkpoints(saved(folder.path(), 2));
    // A finished training that is read again says the same.
    for _ in 0..2 {
        let message = pearson.train(&data(8), &valid, 0).unwrap_err().to_string();
        assert!(message.contains("defined score by Pearson"), "{message}");
    }
    assert!(
        plain(recipe(Selection::Loss))
            .train(&data(8), &valid, 0)
            .is_ok()
    );
}

#[test]
fn epochs_of_accumulated_batches_end_where_the_rows_do() {
    let listener = Arc::new(Listener::default());
    // Seven batches an epoch: four epochs are 28 batches, ten steps of three.
    let recipe = Recipe {
        length: Length::Epochs(4),
        accumulate: 3,
        ..recipe(1)
    };
    let trainer = plain(recipe).observe("train", listener.clone());
    trainer.train(&data(50), &data(9), 0).unwrap();
    assert_eq!(listener.told("loss").len(), 10);
    let looks = listener.told("validation_loss");
    let looks: Vec<u64> = looks.iter().map(|(step, _)| *step).collect();
    assert_eq!(looks, [3, 5, 7, 10]);
}

#[test]
fn each_group_tells_its_rate_from_the_step_at_which_it_thaws() {
    let listener = Arc::new(Listener::default());
    let recipe = Recipe {
        groups: second(3),
        ..recipe(5)
    };
    let trainer = plain(recipe).observe("train", listener.clone());
    trainer.train(&data(8), &none(), 0).unwrap();
    assert_eq!(listener.told("learning_rate").len(), 5);
    let own = listener.told("learning_rate second");
    assert_eq!(own, [(4, 0.01), (5, 0.01)]);
}

#[test]
fn a_log_keeps_the_steps_of_every_seed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.csv");
    let log = Arc::new(CsvLog::open(&path).unwrap());
    for seed in [0, 1, 1] {
        let trainer = plain(recipe(2)).observe("a, b", log.clone());
        trainer.train(&data(8), &none(), seed).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap();
    let losses: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(",loss,"))
        .collect();
    let begins = [
        "\"a, b, seed 0\",1,",
        "\"a, b, seed 0\",2,",
        "\"a, b, seed 1\",1,",
        "\"a, b, seed 1\",2,",
    ];
    assert_eq!(losses.len(), begins.len(), "{text}");
    for (line, begin) in losses.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
}

#[test]
fn a_frozen_group_counts_in_no_joint_norm() {
    // Plain descent at rate 1 moves by the clipped gradient.
    let recipe = Recipe {
        optimizer: Optimizer::Sgd { momentum: 0.0 },
        learning_rate: 1.0,
        clip: Clip::GlobalNorm(0.5),
        groups: second(u64::MAX),
        ..recipe(1)
    };
    let mut train = data(8);
    train.targets.values *= 100.0;
    let trainer = plain(recipe);
    let device = Device::default();
    let start = trainer.architecture.build(&train, 1, &device).unwrap();
    let end = trainer.train(&train, &none(), 1).unwrap().network;
    let values = |network: &Normed| weights::values(network).into_iter().flat_map(|(_, v)| v);
    let square: f32 = values(&start)
        .zip(values(&end))
        .map(|(a, b)| (a - b).powi(2))
        .sum();
    assert!((square.sqrt() - 0.5).abs() < 1e-4, "{}", square.sqrt());
}

#[test]
fn gradients_of_a_frozen_group_that_overflow_stop_no_step() {
    let scales = |groups| {
        let listener = Arc::new(Listener::default());
        let recipe = Recipe {
            precision: Precision::Half,
            groups,
            ..recipe(2)
        };
        // What the second layer reads is large, so that its gradients alone are.
        let config = NormedConfig {
            normed: false,
            scales: [100.0, 1e-4],
        };
        let mut train = data(8);
        train.targets.values.fill(1.0);
        let trainer = Trainer::new(config, recipe).observe("train", listener.clone());
        trainer.train(&train, &none(), 0).unwrap();
        let told = listener.told("loss_scale").into_iter();
        told.map(|(_, scale)| scale).collect::<Vec<f64>>()
    };
    assert_eq!(scales(Vec::new()), [65536.0, 32768.0]);
    assert_eq!(scales(second(u64::MAX)), [65536.0, 65536.0]);
}

#[test]
fn rows_of_the_same_ids_with_other_targets_are_trained_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut turned = data(10);
    turned.targets.values.mapv_inplace(|value| -value);
    let predicted = |rows: &Dataset<Array2<f32>>, trainer: Trainer<NormedConfig>| {
        let trained = trainer.train(rows, &none(), 0).unwrap();
        trained.predict(&rows.inputs).unwrap()
    };
    let kept = || plain(recipe(3)).checkpoints(saved(folder.path(), 1));
    let first = predicted(&data(10), kept());
    assert_eq!(
        predicted(&turned, kept()),
        predicted(&turned, plain(recipe(3)))
    );
    assert_eq!(predicted(&data(10), kept()), first);
    assert_ne!(predicted(&turned, kept()), first);
}

#[test]
fn trainings_on_other_tokens_have_another_name() {
    let tokens = |id| TokenIds::new(vec![id, 2], vec![0, 2], vec![View::Whole], 9, None).unwrap();
    let checkpoints = saved(Path::new("fits"), 1);
    let on = |train, valid| {
        checkpoints
            .on_tokens(&[&tokens(train), &tokens(valid)])
            .data
    };
    assert_eq!(on(1, 2), on(1, 2));
    assert_ne!(on(1, 2), on(3, 2));
    assert_ne!(on(1, 2), on(2, 1));
}
