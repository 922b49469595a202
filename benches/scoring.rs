//! Scores of a whole table with 10,000 resamples: 12 models of 1,500 genes by five metrics, and three models of 50 cells of 16,000
//! genes, whose rows are drawn gene by gene.
//!
//! Prints the seconds of each, once. Anything that is not a flag picks the tables whose names hold it.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use chromex::core::{Metric, Prediction, Predictions, Scoring};
use chromex::metrics::{
    AreaUnderRoc, AveragePrecision, Bootstrap, MeanSquaredError, Pearson, Spearman,
};
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};

/// Draws what `models` predict of `genes` in `cells`: classes and a score that knows something of them.
fn predictions(genes: usize, cells: usize, models: usize) -> Predictions {
    let mut generator = chromex::core::random::generator(1, "a table to score");
    let rows = genes * cells;
    let hidden = Array2::from_shape_simple_fn((rows, 1), || -> f32 {
        StandardNormal.sample(&mut generator)
    });
    let records = (0..models).map(|model| Prediction {
        model: format!("model {model}"),
        fold: "given".into(),
        seed: 0,
        targets: vec!["expressed".into()],
        ids: (0..rows).map(|row| format!("gene {row}")).collect(),
        clusters: (0..rows).map(|row| (row % genes).to_string()).collect(),
        strata: Vec::new(),
        truth: hidden.mapv(|value| f32::from(value > 0.0)),
        predicted: hidden.mapv(|value| {
            let noise: f32 = StandardNormal.sample(&mut generator);
            value + noise
        }),
    });
    Predictions {
        records: records.collect(),
    }
}

fn time(name: &str, metrics: Vec<Box<dyn Metric>>, predictions: Predictions) {
    let floors = vec!["model 0".into(), "model 1".into()];
    let scoring = Scoring {
        metrics,
        bootstrap: Bootstrap::default(),
        floors,
        pooled: None,
    };
    let started = Instant::now();
    black_box(scoring.report(predictions)).expect("the table can be scored");
    println!("{name}: {:.2} s", started.elapsed().as_secs_f64());
}

fn main() {
    let filter = std::env::args().skip(1).find(|text| !text.starts_with('-'));
    let wanted = |name: &str| filter.as_ref().is_none_or(|filter| name.contains(filter));
    let name = "genes=1500,models=12,metrics=5";
    if wanted(name) {
        let metrics: Vec<Box<dyn Metric>> = vec![
            Box::new(Pearson),
            Box::new(Spearman),
            Box::new(MeanSquaredError),
            Box::new(AreaUnderRoc),
            Box::new(AveragePrecision),
        ];
        time(name, metrics, predictions(1_500, 1, 12));
    }
    let name = "genes=16000,cells=50,models=3,metrics=3";
    if wanted(name) {
        let metrics: Vec<Box<dyn Metric>> = vec![
            Box::new(Pearson),
            Box::new(Spearman),
            Box::new(MeanSquaredError),
        ];
        time(name, metrics, predictions(16_000, 50, 3));
    }
}
