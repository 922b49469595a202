//! What a trained network leans on, bin by bin and mark by mark.
//!
//! Attention is not attribution: it says where a network looks, not what moves its output. [`gradient_times_input`] and
//! [`occlusion`] ask the output itself.

use burn::Tensor;
use burn::tensor::TensorData;
use burn::tensor::activation::log_softmax;
use chromex_core::{Keys, MarkSignal, random};
use chromex_nn::attribution::input_gradient;
use chromex_nn::{Result, Trained, weights};
use ndarray::{Array2, Array3, ArrayView2, Axis, concatenate, s};

use crate::attentive_chrome::inverse;
use crate::{DeepChrome, Objective, SignalNetwork};

/// Differentiates a score with respect to every bin of every mark: its change per unit of signal.
///
/// # Shapes
///
/// `[rows, bins, marks]`, marks in the order of the rows, as of all maps here.
///
/// # Errors
///
/// When the windows are not those that the network was built for.
pub fn gradients<N: SignalNetwork, X: MarkSignal>(
    trained: &Trained<N>,
    inputs: &X,
    score: usize,
) -> Result<Array3<f32>> {
    let mut parts = Vec::new();
    let rows: Vec<usize> = (0..inputs.len()).collect();
    let places = trained
        .network
        .layout()
        .places_in(&inputs.select(&[]).windows().layout())?;
    for batch in rows.chunks(trained.batch_rows.max(64)) {
        let batch = inputs.select(batch);
        let windows = batch.windows();
        let windows = windows.in_layout(trained.network.layout())?;
        parts.push(input_gradient(
            windows.signal().view(),
            &trained.device,
            score,
            |signal| trained.network.scores(signal),
        ));
    }
    let views: Vec<_> = parts.iter().map(Array3::view).collect();
    let layout = trained.network.layout();
    let gradients = concatenate(Axis(0), &views)
        .unwrap_or_else(|_| Array3::zeros((0, layout.bins, layout.marks.len())));
    Ok(in_places(gradients, places))
}

/// Puts maps of the network's marks into the order of the rows.
fn in_places(maps: Array3<f32>, places: Option<Vec<usize>>) -> Array3<f32> {
    match places {
        None => maps,
        Some(places) => maps.select(Axis(2), &inverse(&places)),
    }
}

/// Multiplies each gradient with the signal it belongs to: how much of the score a bin makes, to first order.
///
/// # Shapes
///
/// `[rows, bins, marks]`.
///
/// # Errors
///
/// As [`gradients`].
pub fn gradient_times_input<N: SignalNetwork, X: MarkSignal>(
    trained: &Trained<N>,
    inputs: &X,
    score: usize,
) -> Result<Array3<f32>> {
    let gradients = gradients(trained, inputs, score)?;
    Ok(gradients * inputs.windows().signal())
}

/// Takes windows of some bins of one mark away and tells how far the score falls: the effect of a bin is the mean over the
/// windows that cover it.
///
/// # Shapes
///
/// `[rows, bins, marks]`.
///
/// # Errors
///
/// As [`gradients`].
pub fn occlusion<N: SignalNetwork, X: MarkSignal>(
    trained: &Trained<N>,
    inputs: &X,
    score: usize,
    window_bins: usize,
) -> Result<Array3<f32>> {
    let windows = inputs.windows();
    let places = trained.network.layout().places_in(&windows.layout())?;
    let windows = windows.in_layout(trained.network.layout())?;
    let signal = windows.signal();
    let (rows, bins, marks) = signal.dim();
    let of = |signal: &Array3<f32>| -> Vec<f32> {
        let values: Vec<f32> = signal.iter().copied().collect();
        let tensor = TensorData::new(values, [rows, bins, marks]);
        let tensor = Tensor::<3>::from_data(tensor, &trained.device);
        numbers(trained.network.scores(tensor).narrow(1, score, 1))
    };
    let whole = of(signal);
    let window = window_bins.clamp(1, bins.max(1));
    let mut effects = Array3::<f32>::zeros((rows, bins, marks));
    for mark in 0..marks {
        let mut covered = vec![0.0; bins];
        for from in (0..bins).step_by(window.div_ceil(2)) {
            let to = (from + window).min(bins);
            let mut without = signal.clone();
            without.slice_mut(s![.., from..to, mark]).fill(0.0);
            for (row, (all, rest)) in whole.iter().zip(of(&without)).enumerate() {
                let mut effect = effects.slice_mut(s![row, from..to, mark]);
                effect += (all - rest) / (to - from) as f32;
            }
            covered[from..to].iter_mut().for_each(|count| *count += 1.0);
        }
        for (bin, count) in covered.iter().enumerate() {
            effects
                .slice_mut(s![.., bin, mark])
                .mapv_inplace(|e| e / count);
        }
    }
    Ok(in_places(effects, places))
}

/// Averages maps over the rows of each label of a group: a signed heat map per cell.
///
/// # Errors
///
/// [`chromex_core::Error::UnknownGroup`] when there is no such group; [`chromex_core::Error::RowCount`] when there is not one
/// map per key.
pub fn mean_by_group(
    maps: &Array3<f32>,
    keys: &Keys,
    group: &str,
) -> chromex_core::Result<Vec<(String, Array2<f32>)>> {
    let group = keys.group(group)?;
    if maps.shape()[0] != keys.len() {
        return Err(chromex_core::Error::RowCount {
            what: "maps",
            expected: keys.len(),
            found: maps.shape()[0],
        });
    }
    let mut means = Vec::new();
    for (code, label) in group.labels().iter().enumerate() {
        let rows: Vec<usize> = (0..keys.len())
            .filter(|&row| group.codes()[row] as usize == code)
            .collect();
        if let Some(mean) = maps.select(Axis(0), &rows).mean_axis(Axis(0)) {
            means.push((label.clone(), mean));
        }
    }
    Ok(means)
}

/// How an input is optimised for a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassOptimisation {
    /// Steps of RMSprop.
    pub steps: usize,
    /// Their learning rate.
    pub learning_rate: f64,
    /// The weight of the squares of the input.
    pub penalty: f64,
}

impl Default for ClassOptimisation {
    /// 1,000 steps at 0.1, squares weighing 0.009, as DeepChrome does.
    fn default() -> Self {
        Self {
            steps: 1000,
            learning_rate: 0.1,
            penalty: 0.009,
        }
    }
}

impl ClassOptimisation {
    /// Searches the input that a DeepChrome holds most typical of a class: begun between 0 and 1, cut to 0 to 1 at the end, and
    /// divided by its largest number.
    ///
    /// # Shapes
    ///
    /// `[bins, marks]`, marks in the order of the network's [`layout`](SignalNetwork::layout).
    ///
    /// # Errors
    ///
    /// [`chromex_nn::Error::Setting`] when the network is no classifier or the class is neither 0 nor 1.
    pub fn input(
        &self,
        trained: &Trained<DeepChrome>,
        class: usize,
        seed: u64,
    ) -> Result<Array2<f32>> {
        if trained.network.objective() != Objective::Binary || class > 1 {
            return Err(chromex_nn::Error::Setting {
                name: "class",
                expected: "0 or 1 of a classifier".into(),
                found: class.to_string(),
            });
        }
        let layout = trained.network.layout();
        let (bins, marks) = (layout.bins, layout.marks.len());
        let mut generator = random::generator(seed, "input optimised for a class");
        let drawn = weights::uniform(&mut generator, 0.5, bins * marks);
        let mut input: Vec<f32> = drawn.into_iter().map(|value| value + 0.5).collect();
        let mut squares = vec![0.0_f32; input.len()];
        for _ in 0..self.steps {
            let shaped = Array3::from_shape_vec((1, bins, marks), input.clone())
                .expect("a number per bin and mark");
            // The gradient of the log-probability: the way up.
            let gradient = input_gradient(shaped.view(), &trained.device, class, |signal| {
                log_softmax(trained.network.scores(signal), 1)
            });
            for ((value, square), &up) in input.iter_mut().zip(&mut squares).zip(&gradient) {
                let down = 2.0 * self.penalty as f32 * *value - up;
                *square = 0.99 * *square + 0.01 * down * down;
                *value -= self.learning_rate as f32 * down / (square.sqrt() + 1e-8);
            }
        }
        let mut input =
            Array2::from_shape_vec((bins, marks), input).expect("a number per bin and mark");
        input.mapv_inplace(|value| value.clamp(0.0, 1.0));
        let largest = input.iter().copied().fold(0.0, f32::max);
        if largest > 0.0 {
            input /= largest;
        }
        Ok(input)
    }
}

/// Tells how much of what an interpretation puts first was planted: rows with the same plan are averaged by magnitude, and of
/// the `top` places with the largest average the part that was planted is counted; the mean over plans, weighed by their rows.
/// None where nothing was planted.
pub fn planted_fraction(maps: &Array3<f32>, planted: &Array3<bool>, top: usize) -> Option<f64> {
    let mut plans: Vec<(ArrayView2<'_, bool>, Array2<f64>, usize)> = Vec::new();
    for (map, plan) in maps.outer_iter().zip(planted.outer_iter()) {
        if !plan.iter().any(|&planted| planted) {
            continue;
        }
        let known = plans.iter().position(|(known, _, _)| *known == plan);
        let place = known.unwrap_or_else(|| {
            plans.push((plan, Array2::zeros(map.dim()), 0));
            plans.len() - 1
        });
        let (_, sum, rows) = &mut plans[place];
        sum.zip_mut_with(&map, |sum, value| *sum += f64::from(value.abs()));
        *rows += 1;
    }
    let all: usize = plans.iter().map(|(_, _, rows)| rows).sum();
    let found = plans.iter().map(|(plan, sum, rows)| {
        let mut order: Vec<(f64, bool)> = sum.iter().copied().zip(plan.iter().copied()).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        order.truncate(top.max(1));
        let hits = order.iter().filter(|(_, planted)| *planted).count();
        *rows as f64 * hits as f64 / order.len() as f64
    });
    (all > 0).then(|| found.sum::<f64>() / all as f64)
}

fn numbers(tensor: Tensor<2>) -> Vec<f32> {
    tensor
        .into_data()
        .convert::<f32>()
        .try_to_vec()
        .expect("the data was just converted to this type")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::layout_of;
    use crate::{DeepChromeConfig, FcnConfig, LinearNetworkConfig};
    use chromex_core::MarkWindows;
    use chromex_nn::Device;
    use ndarray::array;

    fn linear() -> (Trained<crate::LinearNetwork>, MarkWindows) {
        let config = LinearNetworkConfig {
            objective: Objective::Regression,
        };
        let network = config
            .init(&layout_of(4, 2), 3, &Device::default())
            .unwrap();
        let network = weights::fill(network, |path, _| {
            Ok(if path.ends_with("weight") {
                vec![8.0, -4.0]
            } else {
                vec![0.5]
            })
        })
        .unwrap();
        let signal = Array3::from_shape_fn((2, 4, 2), |(row, bin, mark)| (row + bin + mark) as f32);
        let windows = MarkWindows::new(signal, vec!["a".into(), "b".into()], 100).unwrap();
        (Trained::new(&network, &Device::default(), 8), windows)
    }

    #[test]
    fn a_linear_network_is_explained_by_its_weights() {
        let (trained, windows) = linear();
        let gradients = gradients(&trained, &windows, 0).unwrap();
        // A mean over four bins: a quarter of the weight each.
        assert!(
            gradients
                .slice(s![.., .., 0])
                .iter()
                .all(|g| (g - 2.0).abs() < 1e-5)
        );
        assert!(
            gradients
                .slice(s![.., .., 1])
                .iter()
                .all(|g| (g + 1.0).abs() < 1e-5)
        );
        let product = gradient_times_input(&trained, &windows, 0).unwrap();
        let occluded = occlusion(&trained, &windows, 0, 1).unwrap();
        // Marks in another order: the same maps, each under its own mark.
        let swapped = windows.signal().select(Axis(2), &[1, 0]);
        let swapped = MarkWindows::new(swapped, vec!["b".into(), "a".into()], 100).unwrap();
        let turn = |maps: &Array3<f32>| maps.select(Axis(2), &[1, 0]);
        let again = gradient_times_input(&trained, &swapped, 0).unwrap();
        assert_eq!(again, turn(&product));
        assert_eq!(
            occlusion(&trained, &swapped, 0, 1).unwrap(),
            turn(&occluded)
        );
        for (a, b) in product.iter().zip(&occluded) {
            assert!((a - b).abs() < 1e-4, "{a} against {b}");
        }
    }

    /// Gradients twice with dropout and once without, of the same weights.
    fn thrice<N: SignalNetwork>(dropped: N, whole: N) -> [Array3<f32>; 3] {
        let signal = Array3::from_shape_fn((4, 100, 5), |(row, bin, mark)| {
            ((row * 7 + bin * 13 + mark * 29) % 11) as f32 / 5.0
        });
        let marks = ["a", "b", "c", "d", "e"].map(String::from).to_vec();
        let windows = MarkWindows::new(signal, marks, 100).unwrap();
        let (device, drawn) = (Device::default(), weights::values(&dropped));
        let mut drawn = drawn.into_iter();
        let whole = weights::fill(whole, |_, _| Ok(drawn.next().unwrap().1)).unwrap();
        let of = |network: &N| {
            let trained = Trained::new(network, &device, 8);
            gradients(&trained, &windows, 0).unwrap()
        };
        [of(&dropped), of(&dropped), of(&whole)]
    }

    #[test]
    fn a_trained_network_drops_nothing_when_it_is_explained() {
        // As training leaves a network: on a device of gradients.
        let device = Device::default().autodiff();
        let deep = |dropout| {
            let config = DeepChromeConfig {
                dropout,
                ..DeepChromeConfig::default()
            };
            config.init(&layout_of(100, 5), 1, &device).unwrap()
        };
        let full = |dropout| {
            let config = FcnConfig {
                dropout,
                ..FcnConfig::default()
            };
            config.init(&layout_of(100, 5), 1, &device).unwrap()
        };
        for [first, second, whole] in [thrice(deep(0.5), deep(0.0)), thrice(full(0.5), full(0.0))] {
            assert!(first.iter().any(|&gradient| gradient != 0.0));
            assert_eq!(first, second);
            assert_eq!(first, whole);
        }
    }

    #[test]
    fn maps_are_averaged_per_cell() {
        let maps = array![[[1.0]], [[3.0]], [[10.0]]];
        let keys = Keys::numbered(3)
            .with_group("cell", &["x", "x", "y"])
            .unwrap();
        let means = mean_by_group(&maps, &keys, "cell").unwrap();
        assert_eq!(
            means,
            [
                ("x".to_owned(), array![[2.0]]),
                ("y".to_owned(), array![[10.0]])
            ]
        );
        assert!(mean_by_group(&maps, &keys, "gene").is_err());
        let short = mean_by_group(&array![[[1.0]], [[3.0]]], &keys, "cell");
        assert_eq!(
            short.unwrap_err().to_string(),
            "maps: expected 3 rows, found 2"
        );
    }

    #[test]
    fn half_of_what_comes_first_was_planted() {
        let maps = array![
            [[5.0], [-4.0], [1.0], [0.0]],
            [[1.0], [2.0], [3.0], [4.0]],
            [[3.0], [-6.0], [1.0], [0.0]]
        ];
        let plan = [[true], [false], [true], [false]];
        let planted = array![plan, [[false], [false], [false], [false]], plan];
        assert_eq!(planted_fraction(&maps, &planted, 2), Some(0.5));
        assert_eq!(planted_fraction(&maps, &planted, 1), Some(0.0));
        let nothing = Array3::from_elem(maps.dim(), false);
        assert_eq!(planted_fraction(&maps, &nothing, 2), None);
    }
}
