use chromex_boosting::{CrossValidatedElasticNet, FoldOrder};
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    folds: usize,
    inputs: Vec<Vec<f32>>,
    targets: Vec<f32>,
    alpha: f64,
    coefficients: Vec<f64>,
    intercept: f64,
    importances: Vec<f64>,
}

impl Case {
    fn tables(&self) -> (Array2<f32>, Array2<f32>) {
        let (rows, columns) = (self.inputs.len(), self.inputs[0].len());
        let inputs = Array2::from_shape_fn((rows, columns), |(r, c)| self.inputs[r][c]);
        let targets = Array2::from_shape_fn((rows, 1), |(r, _)| self.targets[r]);
        (inputs, targets)
    }
}

fn cases() -> Vec<Case> {
    let golden: Golden =
        serde_json::from_str(include_str!("../golden/cross_validated.json")).unwrap();
    golden.cases
}

#[test]
fn the_penalty_and_weights_are_those_of_scikit_learn() {
    for case in cases() {
        let (inputs, targets) = case.tables();
        let lasso = CrossValidatedElasticNet {
            folds: case.folds,
            order: FoldOrder::Following,
            tolerance: 1e-12,
            ..CrossValidatedElasticNet::lasso()
        };
        let model = lasso.fit_table(inputs.view(), targets.view(), 0).unwrap();
        assert!((model.alpha() / case.alpha - 1.0).abs() < 1e-9);
        assert!((model.intercepts()[0] - case.intercept).abs() < 1e-6);
        for (found, expected) in model
            .coefficients()
            .column(0)
            .iter()
            .zip(&case.coefficients)
        {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        let importances = model.importances(inputs.view(), targets.view()).unwrap();
        for (found, expected) in importances.column(0).iter().zip(&case.importances) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }
}

#[test]
fn the_same_seed_draws_the_same_folds_whatever_the_threads() {
    let case = &cases()[1];
    let (inputs, targets) = case.tables();
    let fit = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let lasso = CrossValidatedElasticNet::lasso();
        pool.install(|| lasso.fit_table(inputs.view(), targets.view(), 7).unwrap())
    };
    assert_eq!(fit(1), fit(3));
}
