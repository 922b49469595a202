use chromex_boosting::{BoostedTrees, Error, GradientBoosting};
use linfa::Dataset;
use linfa::dataset::DatasetBase;
use linfa::prelude::MultiTargetRegression;
use linfa::traits::{Fit, Predict, PredictInplace};
use ndarray::{Array1, Array2, Axis};

fn tables() -> (Array2<f64>, Array2<f64>) {
    let inputs = Array2::from_shape_fn((40, 3), |(row, column)| {
        ((row * 7 + column * 5) % 13) as f64
    });
    let targets = Array2::from_shape_fn((40, 2), |(row, target)| inputs[[row, target]] * 2.0 + 1.0);
    (inputs, targets)
}

fn booster() -> GradientBoosting {
    GradientBoosting {
        rounds: 20,
        ..GradientBoosting::default()
    }
}

#[test]
fn datasets_of_linfa_are_fitted_as_tables_are() {
    let (inputs, targets) = tables();
    let narrow = |table: &Array2<f64>| table.mapv(|value| value as f32);
    let expected = booster()
        .fit_table(narrow(&inputs).view(), narrow(&targets).view())
        .unwrap();
    let wide = Dataset::new(inputs.clone(), targets.clone());
    let model: BoostedTrees = booster().fit(&wide).unwrap();
    assert_eq!(model, expected);
    let short = Dataset::new(narrow(&inputs), narrow(&targets));
    assert_eq!(booster().fit(&short).unwrap(), expected);

    let predicted: Array2<f64> = model.predict(&wide);
    let table = expected.predict_table(narrow(&inputs).view()).unwrap();
    assert_eq!(predicted, table.mapv(f64::from));
    let errors = predicted.mean_squared_error(&targets).unwrap();
    assert!(errors.iter().all(|&error| error < 0.1), "{errors}");
}

#[test]
fn one_target_may_be_a_column_and_folds_are_linfas() {
    let (inputs, targets) = tables();
    let target: Array1<f64> = targets.column(0).to_owned();
    let data = Dataset::new(inputs.clone(), target);
    let model = booster().fit(&data).unwrap();
    assert_eq!(model.outputs(), 1);
    for (train, valid) in data.fold(4) {
        let model = booster().fit(&train).unwrap();
        let predicted: Array2<f64> = model.predict(valid.records());
        let errors = predicted.remove_axis(Axis(1)) - valid.targets();
        assert!(errors.iter().all(|error| error.abs() < 6.0));
    }
    let mut filled = PredictInplace::<Array2<f64>, Array2<f64>>::default_target(&model, &inputs);
    assert_eq!(filled.dim(), (40, 1));
    model.predict_inplace(&inputs, &mut filled);
    assert!(filled.iter().all(|value| *value > 0.0));
}

#[test]
fn weights_and_rows_that_do_not_match_are_errors() {
    let (inputs, targets) = tables();
    let weighted = Dataset::new(inputs.clone(), targets.clone()).with_weights(Array1::ones(40));
    let error: Error = booster().fit(&weighted).unwrap_err();
    assert_eq!(
        error.to_string(),
        "linfa: invalid parameter weights: expected none"
    );
    let targets = targets.slice(ndarray::s![..30, ..]).to_owned();
    let error: Error = booster()
        .fit(&DatasetBase::new(inputs, targets))
        .unwrap_err();
    assert!(error.to_string().starts_with("linfa: "), "{error}");
}
