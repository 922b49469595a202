//! Training must not grow: a graph that is kept would take megabytes per thousand steps. A binary of its own, because tests beside
//! it would be measured as well.

#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout)]

use std::sync::{Arc, Mutex};

use chromex_baselines::AttentiveChromeConfig;
use chromex_core::observe::{Event, Observer};
use chromex_core::{Dataset, Keys, MarkWindows, Target, Targets, Transform};
use chromex_nn::{Keep, Length, Recipe, Trainer};
use ndarray::{Array2, Array3};

const STEPS: u64 = 2000;

/// Resident kilobytes every hundred steps.
#[derive(Default)]
struct Resident(Mutex<Vec<f64>>);

impl Observer for Resident {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Step { done, .. } = event
            && done.is_multiple_of(100)
        {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status
                .lines()
                .find(|line| line.starts_with("VmRSS"))
                .unwrap();
            let kilobytes = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            self.0.lock().unwrap().push(kilobytes);
        }
    }
}

#[test]
fn two_thousand_steps_of_attentive_chrome_take_no_more_memory_than_two_hundred() {
    let signal = Array3::from_shape_fn((64, 100, 5), |(row, bin, mark)| {
        ((row * 7 + bin * 3 + mark) % 8) as f32
    });
    let marks = ["a", "b", "c", "d", "e"].map(String::from).to_vec();
    let windows = MarkWindows::new(signal, marks, 100).unwrap();
    let column = Target {
        name: "y".into(),
        unit: "class".into(),
        transform: Transform::Identity,
    };
    let values = Array2::from_shape_fn((64, 1), |(row, _)| (row % 2) as f32);
    let targets = Targets::new(values, vec![column]).unwrap();
    let data = Dataset::new(windows, targets, Keys::numbered(64)).unwrap();
    let config = AttentiveChromeConfig::default();
    let recipe = Recipe {
        length: Length::Steps(STEPS),
        keep: Keep::Last,
        batch_rows: 4,
        ..config.recipe()
    };
    let resident = Arc::new(Resident::default());
    Trainer::new(config, recipe)
        .observe("train", resident.clone())
        .train(&data, &data.select(&[]), 0)
        .unwrap();
    let kilobytes = resident.0.lock().unwrap();
    // Least squares over the steps after the first two hundred.
    let after = &kilobytes[2..];
    let count = after.len() as f64;
    let (mean_x, mean_y) = ((count - 1.0) / 2.0, after.iter().sum::<f64>() / count);
    let product: f64 = after
        .iter()
        .enumerate()
        .map(|(x, y)| (x as f64 - mean_x) * (y - mean_y))
        .sum();
    let square: f64 = (0..after.len()).map(|x| (x as f64 - mean_x).powi(2)).sum();
    let per_thousand = 10.0 * product / square;
    println!("{per_thousand:.0} kB per 1,000 steps, {mean_y:.0} kB held");
    assert!(
        per_thousand < 1024.0,
        "{per_thousand} kB per 1,000 steps: {kilobytes:?}"
    );
}
