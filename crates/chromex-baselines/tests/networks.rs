//! Scores, losses and every parameter's gradient against PyTorch (`golden/networks.py`).

use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Gradients;
use chromex_baselines::{
    AttentiveChromeConfig, DeepChromeConfig, DeepDiffConfig, FcnConfig, LinearNetworkConfig,
    SignalNetwork, WakaWakaConfig,
};
use chromex_core::{
    CellPair, Dataset, Keys, MarkLayout, MarkWindows, Sequences, Target, Targets, Transform,
};
use chromex_nn::{Device, Network, weights};
use ndarray::{Array2, Array3};
use serde_json::Value;

fn golden(case: &str) -> Value {
    let golden: Value = serde_json::from_str(include_str!("golden/networks.json")).unwrap();
    golden["cases"][case].clone()
}

fn device() -> Device {
    Device::default().autodiff()
}

/// Numbers in [-1, 1), 24 bits each: SplitMix64 seeded by the FNV-1a hash of a name.
fn uniform(name: &str, count: usize) -> Vec<f32> {
    let mut state = 0xCBF2_9CE4_8422_2325_u64;
    for byte in name.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3);
    }
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

fn counts(name: &str, rows: usize, bins: usize) -> MarkWindows {
    let values = uniform(name, rows * bins * 5)
        .into_iter()
        .map(|value| ((value + 1.0) * 4.0).floor())
        .collect();
    let signal = Array3::from_shape_vec((rows, bins, 5), values).unwrap();
    let marks = ["a", "b", "c", "d", "e"].map(String::from).to_vec();
    MarkWindows::new(signal, marks, 100).unwrap()
}

fn layout(bins: usize) -> MarkLayout {
    MarkLayout {
        marks: ["a", "b", "c", "d", "e"].map(String::from).to_vec(),
        bins,
        bin_width_bp: 100,
    }
}

fn targets(values: &[f32], columns: usize) -> Targets {
    let values =
        Array2::from_shape_vec((values.len() / columns, columns), values.to_vec()).unwrap();
    let column = |index: usize| Target {
        name: format!("y{index}"),
        unit: "1".into(),
        transform: Transform::Identity,
    };
    Targets::new(values, (0..columns).map(column).collect()).unwrap()
}

fn dataset<X: chromex_core::Rows>(inputs: X, values: &[f32]) -> Dataset<X> {
    let keys = Keys::numbered(values.len());
    Dataset::new(inputs, targets(values, 1), keys).unwrap()
}

fn filled<M: Module>(network: M, scale: f32) -> M {
    weights::fill(network, |path, shape| {
        let count = shape.iter().product();
        if path.ends_with("running_mean") {
            return Ok(vec![0.0; count]);
        }
        let base = if path.ends_with("gamma") || path.ends_with("running_var") {
            1.0
        } else {
            0.0
        };
        Ok(uniform(path, count)
            .into_iter()
            .map(|value| base + scale * value)
            .collect())
    })
    .unwrap()
}

/// Compares gradients while it walks over the parameters.
struct Compare<'a> {
    case: &'a str,
    path: Vec<String>,
    grads: &'a Gradients,
    golden: &'a Value,
    compared: usize,
}

impl ModuleVisitor for Compare<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        if path.contains("running_") {
            return;
        }
        let golden = &self.golden["gradients"][&path];
        assert!(
            golden.is_object(),
            "{}: {path} is not in the golden file",
            self.case
        );
        let gradient = param
            .val()
            .grad(self.grads)
            .expect("every parameter has a gradient");
        let gradient: Vec<f32> = gradient.into_data().try_to_vec().unwrap();
        let norm = golden["norm"].as_f64().unwrap();
        let own = gradient
            .iter()
            .map(|&g| f64::from(g).powi(2))
            .sum::<f64>()
            .sqrt();
        // A bias before a normalisation over the batch moves nothing: its gradient is rounding.
        if path.starts_with("convolutions") && path.ends_with("bias") && norm < 1e-5 {
            assert!(own < 1e-5, "{}: {path}: {own}", self.case);
            self.compared += 1;
            return;
        }
        let limit = 1e-4;
        assert!(
            (own - norm).abs() <= limit * norm,
            "{}: {path}: {own} against {norm}",
            self.case
        );
        for (index, probe) in golden["probes"].as_array().unwrap().iter().enumerate() {
            let direction = uniform(&format!("{path} probe {index}"), gradient.len());
            let ours: f64 = gradient
                .iter()
                .zip(&direction)
                .map(|(&g, &d)| f64::from(g) * f64::from(d))
                .sum();
            let theirs = probe.as_f64().unwrap();
            // A random direction sees a third of a difference's square: an error that passes is below the limit.
            assert!(
                (ours - theirs).abs() <= 0.577 * limit * norm,
                "{}: {path}: {ours} against {theirs}, norm {norm}",
                self.case
            );
        }
        self.compared += 1;
    }
}

fn compare<X: chromex_core::Rows, N: Network<X>>(
    case: &str,
    network: &N,
    data: &Dataset<X>,
    scores: Tensor<2>,
) {
    let golden = golden(case);
    let expected: Vec<f64> = golden["scores"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect();
    let scores: Vec<f32> = scores.into_data().try_to_vec().unwrap();
    assert_eq!(scores.len(), expected.len(), "{case}");
    let size = expected.iter().map(|v| v * v).sum::<f64>().sqrt();
    let apart = scores
        .iter()
        .zip(&expected)
        .map(|(&a, b)| (f64::from(a) - b).powi(2))
        .sum::<f64>();
    assert!(
        apart.sqrt() < 1e-4 * size,
        "{case}: {scores:?} against {expected:?}"
    );
    let loss = network.loss(data, &device()).unwrap();
    let value = f64::from(loss.clone().into_scalar::<f32>());
    let theirs = golden["loss"].as_f64().unwrap();
    assert!(
        (value - theirs).abs() < 1e-4 * theirs.abs(),
        "{case}: {value} against {theirs}"
    );
    let grads = loss.backward();
    let mut compare = Compare {
        case,
        path: Vec::new(),
        grads: &grads,
        golden: &golden,
        compared: 0,
    };
    network.visit(&mut compare);
    assert_eq!(
        compare.compared,
        golden["gradients"].as_object().unwrap().len(),
        "{case}"
    );
}

fn compare_signal<N: SignalNetwork + Network<MarkWindows>>(
    case: &str,
    network: &N,
    bins: usize,
    values: &[f32],
) {
    let data = dataset(counts("signal", values.len(), bins), values);
    let scores = network.scores(network.read(&data.inputs, &device()).unwrap());
    compare(case, network, &data, scores);
}

#[test]
fn attentive_chrome_equals_pytorch() {
    let network = AttentiveChromeConfig::default()
        .init(&layout(30), 0, &device())
        .unwrap();
    compare_signal(
        "attentive_chrome",
        &filled(network, 0.25),
        30,
        &[0.0, 1.0, 1.0],
    );
}

#[test]
fn deep_chrome_and_the_linear_network_equal_pytorch() {
    let config = DeepChromeConfig {
        dropout: 0.0,
        ..DeepChromeConfig::default()
    };
    let network = config.init(&layout(100), 0, &device()).unwrap();
    compare_signal("deep_chrome", &filled(network, 0.06), 100, &[0.0, 1.0, 1.0]);
    let network = LinearNetworkConfig::default()
        .init(&layout(100), 0, &device())
        .unwrap();
    compare_signal(
        "linear_network",
        &filled(network, 0.25),
        100,
        &[0.0, 1.0, 1.0],
    );
}

#[test]
fn fully_convolutional_networks_equal_pytorch() {
    let config = FcnConfig {
        dropout: 0.0,
        ..FcnConfig::default()
    };
    let network = config.init(&layout(100), 0, &device()).unwrap();
    let values: Vec<f32> = (0..6).map(|row| row as f32 / 6.0).collect();
    compare_signal("fcn", &filled(network, 0.06), 100, &values);
    let config = FcnConfig {
        dropout: 0.0,
        ..FcnConfig::cell_classifier(7)
    };
    let network = config.init(&layout(100), 0, &device()).unwrap();
    let values: Vec<f32> = (0..6).map(|row| row as f32).collect();
    compare_signal("cell_classifier", &filled(network, 0.06), 100, &values);
}

#[test]
fn the_seven_deep_diffs_equal_pytorch() {
    let pair = CellPair::new(counts("first", 4, 24), counts("second", 4, 24)).unwrap();
    let mut data = dataset(pair, &[2.5, -0.5, -2.0, 0.25]);
    let expression = targets(&[1.0, 3.0, 2.0, 1.5, 4.0, 2.0, 0.0, 0.25], 2);
    data.targets = data.targets.with_auxiliary(expression).unwrap();
    for (name, config) in DeepDiffConfig::published() {
        let network = filled(config.init(&layout(24), 0, &device()).unwrap(), 0.25);
        let scores = network.forward(&data.inputs, &device()).unwrap();
        compare(&format!("deep_diff {name}"), &network, &data, scores);
    }
}

#[test]
fn waka_waka_equals_pytorch() {
    let letters: Vec<u8> = uniform("dna", 3 * 640)
        .into_iter()
        .map(|value| b"ACTG"[((value + 1.0) * 2.0).floor() as usize])
        .collect();
    let sequences: Vec<&[u8]> = letters.chunks(640).collect();
    let dna = Sequences::new(&sequences).unwrap();
    let marks = counts("signal", 3, 100);
    let plain = |config: WakaWakaConfig| WakaWakaConfig {
        module_dropout: 0.0,
        joint_dropout: 0.0,
        ..config
    };
    let values = [1.0, -1.0, 0.5];
    for (case, config) in [
        ("waka_waka joint", WakaWakaConfig::experiment_8()),
        (
            "waka_waka marks",
            WakaWakaConfig::experiment_8().marks_only(),
        ),
        ("waka_waka dna", WakaWakaConfig::experiment_8().dna_only()),
    ] {
        let network = filled(
            plain(config)
                .init(Some(&layout(100)), 640, 0, &device())
                .unwrap(),
            0.06,
        );
        let data = dataset((marks.clone(), dna.clone()), &values);
        let scores = network.forward(&data.inputs, &device()).unwrap();
        compare(case, &network, &data, scores);
    }
    // Dilated convolutions; the DNA convolution is rectified as in the golden file.
    let mut config = plain(WakaWakaConfig::experiment_1());
    config.dna = WakaWakaConfig::experiment_8().dna;
    let network = filled(
        config.init(Some(&layout(100)), 640, 0, &device()).unwrap(),
        0.06,
    );
    let data = dataset((marks, dna), &values);
    let scores = network.forward(&data.inputs, &device()).unwrap();
    compare("waka_waka 1", &network, &data, scores);
}

#[test]
fn windows_of_another_shape_are_refused() {
    let network = AttentiveChromeConfig::default()
        .init(&layout(30), 0, &device())
        .unwrap();
    let message = network
        .forward(&counts("signal", 2, 31), &device())
        .unwrap_err()
        .to_string();
    assert!(message.contains("expected 30 bins of") && message.contains("found 31 bins of"));
    let data = dataset(counts("signal", 2, 30), &[0.0, 2.0]);
    let built =
        chromex_nn::Architecture::build(&AttentiveChromeConfig::default(), &data, 0, &device());
    assert!(built.unwrap_err().to_string().contains("0 or 1"));
    let pair = CellPair::new(counts("first", 2, 30), counts("second", 2, 30)).unwrap();
    let data = dataset(pair, &[0.0, 2.0]);
    let needed = "the expression of the first and of the second cell, found 0 columns";
    let built = chromex_nn::Architecture::build(&DeepDiffConfig::aux(), &data, 0, &device());
    assert!(built.unwrap_err().to_string().ends_with(needed));
    // Validation rows too: their loss is that of the same tasks.
    let network = DeepDiffConfig::aux()
        .init(&layout(30), 0, &device())
        .unwrap();
    let looked = network.loss(&data, &device());
    assert!(looked.unwrap_err().to_string().ends_with(needed));
}
