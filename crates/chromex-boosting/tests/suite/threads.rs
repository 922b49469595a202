//! No number of threads changes a bit of any learner.

use std::collections::BTreeSet;
use std::path::Path;

use chromex_boosting::{
    CrossValidatedElasticNet, DecisionTree, ElasticNet, GbdtBoosting, GradientBoosting, Kernel,
    LogisticRegression, OrdinaryLeastSquares, RandomForest, Ridge, SupportVectorClassification,
    SupportVectorRegression, TreeMethod, Tuned, TunedElasticNet, ValidationLoss,
};
use chromex_core::{Dataset, Fit, Keys, Predict, Target, Targets, Transform};
use ndarray::Array2;

/// Rows and columns that fill several pieces of whatever learners cut: 1,300 rows of 75 columns.
fn data(rows: usize, of_classes: bool) -> Dataset<Array2<f32>> {
    let inputs = Array2::from_shape_fn((rows, 75), |(row, column)| {
        let mixed = (row * 7919 + column * 104_729 + row * column * 31) % 1009;
        mixed as f32 / 311.0 - 1.5
    });
    let values = Array2::from_shape_fn((rows, 1), |(row, _)| {
        let line = |column: usize| inputs[[row, column]];
        let value = line(3) - 0.7 * line(40) * line(5) + 0.01 * (row % 13) as f32;
        match of_classes {
            true => f32::from(value > 0.0),
            false => value,
        }
    });
    let target = Target {
        name: "y".into(),
        unit: "1".into(),
        transform: Transform::Identity,
    };
    let targets = Targets::new(values, vec![target]).unwrap();
    Dataset::new(inputs, targets, Keys::numbered(rows)).unwrap()
}

/// Predictions of a learner, to the bit.
fn bits<L>(learner: &L, rows: usize, of_classes: bool) -> Vec<u32>
where
    L: Fit<Array2<f32>>,
    L::Fitted: Predict<Array2<f32>>,
{
    let data = data(rows + 100, of_classes);
    let train = data.select(&(0..rows).collect::<Vec<_>>());
    let valid = data.select(&(rows..rows + 100).collect::<Vec<_>>());
    let fitted = learner.fit(&train, &valid, 3).unwrap();
    let predicted = fitted.predict(&data.inputs).unwrap();
    predicted.iter().map(|value| value.to_bits()).collect()
}

/// Fits a learner and gives the bits of its predictions.
type Learner = fn() -> Vec<u32>;

/// The predictions of every learner that `Fit` is implemented for.
fn learners() -> Vec<(&'static str, Learner)> {
    vec![
        ("GradientBoosting", || {
            let boosting = |tree_method| GradientBoosting {
                rounds: 4,
                subsample: 0.8,
                colsample_bynode: 0.5,
                tree_method,
                ..GradientBoosting::default()
            };
            let exact = bits(&boosting(TreeMethod::Exact), 1300, false);
            let binned = TreeMethod::Histogram { max_bins: 64 };
            [exact, bits(&boosting(binned), 1300, false)].concat()
        }),
        ("RandomForest", || {
            let forest = RandomForest {
                trees: 20,
                ..RandomForest::default()
            };
            bits(&forest, 1300, false)
        }),
        ("DecisionTree", || {
            bits(&DecisionTree::default(), 1300, false)
        }),
        ("GbdtBoosting", || {
            let boosting = GbdtBoosting {
                rounds: 2,
                max_depth: 3,
                ..GbdtBoosting::default()
            };
            bits(&boosting, 200, false)
        }),
        ("Ridge", || bits(&Ridge::default(), 1300, false)),
        ("TunedRidge", || {
            bits(&Ridge::tuned([0.1, 1.0, 10.0]), 1300, false)
        }),
        ("OrdinaryLeastSquares", || {
            bits(&OrdinaryLeastSquares::default(), 1300, false)
        }),
        ("ElasticNet", || bits(&ElasticNet::lasso(0.01), 1300, false)),
        ("TunedElasticNet", || {
            let tuned = TunedElasticNet {
                alphas: 20,
                ..TunedElasticNet::default()
            };
            bits(&tuned, 1300, false)
        }),
        ("CrossValidatedElasticNet", || {
            bits(&CrossValidatedElasticNet::lasso(), 300, false)
        }),
        ("LogisticRegression", || {
            bits(&LogisticRegression::default(), 1300, true)
        }),
        ("SupportVectorRegression", || {
            let radial = SupportVectorRegression::default();
            // So little memory that rows of the kernel are computed as they are asked for.
            let kept = SupportVectorRegression {
                cache_megabytes: 1,
                ..radial
            };
            let linear = SupportVectorRegression {
                kernel: Kernel::Linear,
                ..radial
            };
            let whole = bits(&radial, 300, false);
            [whole, bits(&kept, 1300, false), bits(&linear, 300, false)].concat()
        }),
        ("SupportVectorClassification", || {
            bits(&SupportVectorClassification::default(), 300, true)
        }),
        ("Tuned", || {
            let tuned = Tuned {
                candidates: vec![ElasticNet::lasso(0.01), ElasticNet::lasso(0.1)],
                loss: ValidationLoss::SquaredError,
            };
            bits(&tuned, 300, false)
        }),
    ]
}

#[test]
fn no_number_of_threads_changes_a_bit_of_any_learner() {
    for (name, run) in learners() {
        let [one, rest @ ..] = [1, 2, 3, 5, 8].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(run)
        });
        for (threads, other) in [2, 3, 5, 8].into_iter().zip(rest) {
            assert!(one == other, "{name}: {threads} threads");
        }
    }
}

/// A learner that is added without a line above fails here.
#[test]
fn every_learner_is_among_them() {
    fn implementations(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                implementations(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for line in text.lines().filter(|line| line.starts_with("impl")) {
                if let Some((_, name)) = line.split_once(" Fit<Array2<f32>> for ") {
                    let name = name.split(|sign: char| !sign.is_alphanumeric()).next();
                    found.extend(name.map(str::to_owned));
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    implementations(&folder, &mut found);
    let known = learners().into_iter().map(|(name, _)| name.to_owned());
    assert_eq!(found, known.collect::<BTreeSet<_>>());
}
