//! Both forms of LAMB against torch_optimizer and timm: the numbers of `golden/lamb.json`.

use burn::Tensor;
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::TensorData;
use chromex_core::{Dataset, Keys, Target, Targets, Transform};
use chromex_nn::{
    Architecture, Clip, Device, Length, Network, Optimizer, Recipe, Result, Trainer, weights,
};
use ndarray::Array2;
use serde_json::Value;

#[derive(Module, Debug)]
struct TwoLayers {
    first: Linear,
    second: Linear,
}

#[derive(Clone, serde::Serialize)]
struct TwoLayersConfig;

fn tensor(values: &Array2<f32>, device: &Device) -> Tensor<2> {
    let shape = [values.nrows(), values.ncols()];
    let data = TensorData::new(values.iter().copied().collect(), shape);
    Tensor::from_data(data, device)
}

impl Network<Array2<f32>> for TwoLayers {
    fn forward(&self, inputs: &Array2<f32>, device: &Device) -> Result<Tensor<2>> {
        let hidden = self.first.forward(tensor(inputs, device)).tanh();
        Ok(self.second.forward(hidden))
    }

    fn loss(&self, batch: &Dataset<Array2<f32>>, device: &Device) -> Result<Tensor<1>> {
        let truth = tensor(&batch.targets.values, device);
        let predicted = self.forward(&batch.inputs, device)?;
        Ok((predicted - truth).square().mean())
    }
}

impl Architecture<Array2<f32>> for TwoLayersConfig {
    type Network = TwoLayers;

    fn build(&self, _: &Dataset<Array2<f32>>, _: u64, device: &Device) -> Result<TwoLayers> {
        let network = TwoLayers {
            first: LinearConfig::new(6, 5).init(device),
            second: LinearConfig::new(5, 2).init(device),
        };
        weights::fill(network, |path, shape| {
            let factor = match path {
                "first.weight" => 4.0,
                "second.bias" => 0.0,
                _ => 1.0,
            };
            let values = uniform(path, shape.iter().product());
            Ok(values.into_iter().map(|value| factor * value).collect())
        })
    }
}

/// The generator of `golden/lamb.py`: SplitMix64 seeded by the FNV-1a hash of a name.
fn uniform(name: &str, count: usize) -> Vec<f32> {
    let mut state = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    (0..count)
        .map(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            ((z >> 40) as f64 / f64::from(1 << 23) - 1.0) as f32
        })
        .collect()
}

fn data() -> Dataset<Array2<f32>> {
    let inputs = Array2::from_shape_vec((16, 6), uniform("inputs", 96)).unwrap();
    let targets = Array2::from_shape_vec((16, 2), uniform("targets", 32)).unwrap() * 3.0;
    let target = |name: &str| Target {
        name: name.into(),
        unit: "1".into(),
        transform: Transform::Identity,
    };
    let targets = Targets::new(targets, vec![target("a"), target("b")]).unwrap();
    Dataset::new(inputs, targets, Keys::numbered(16)).unwrap()
}

#[test]
fn a_hundred_steps_of_both_forms_equal_the_published_code() {
    let golden: Value = serde_json::from_str(include_str!("golden/lamb.json")).unwrap();
    let (beta_1, beta_2, epsilon, weight_decay) = (0.9, 0.999, 1e-6, 0.01);
    let uncorrected = Optimizer::LambUncorrected {
        beta_1,
        beta_2,
        epsilon,
        weight_decay,
        largest_norm: 10.0,
    };
    let corrected = Optimizer::Lamb {
        beta_1,
        beta_2,
        epsilon,
        weight_decay,
    };
    for (name, optimizer, clip) in [
        ("uncorrected", uncorrected, Clip::None),
        ("corrected", corrected, Clip::GlobalNorm(1.0)),
    ] {
        let recipe = Recipe {
            optimizer,
            clip,
            learning_rate: 1e-2,
            batch_rows: 16,
            length: Length::Steps(100),
            ..Recipe::default()
        };
        let trainer = Trainer::new(TwoLayersConfig, recipe);
        let trained = trainer.train(&data(), &data().select(&[]), 0).unwrap();
        for (path, found) in weights::values(&trained.network) {
            let expected = golden[name][&path].as_array().unwrap().iter();
            let expected: Vec<f64> = expected.map(|value| value.as_f64().unwrap()).collect();
            let norm =
                |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
            let pairs = found.iter().zip(&expected);
            let difference = norm(&mut pairs.map(|(a, b)| f64::from(*a) - b));
            let relative = difference / norm(&mut expected.iter().copied());
            assert!(relative < 1e-5, "{name} {path}: {relative}");
        }
    }
}
