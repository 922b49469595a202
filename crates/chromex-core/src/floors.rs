use ndarray::{Array1, Array2, Axis};
use rand::seq::SliceRandom;

use crate::{Dataset, Error, Fit, Predict, Result, Rows, random};

/// Predicts each target's mean over the training rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrainMean;

/// Predicts each target's mean of the quantity before its transform, such as the mean TPM: of a logarithm's back-transformed
/// errors the floor that minimises squares.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrainMeanInUnits;

/// Predicts each target's median over the training rows: the right floor of an absolute error.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrainMedian;

/// Fits a learner to targets that were shuffled among the training rows: what it still scores is what
/// the protocol gives away.
#[derive(Clone, Debug)]
pub struct ShuffledTargets<L>(pub L);

/// Predicts the same numbers for every row.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// One number per target.
    pub values: Array1<f32>,
}

impl<X: Rows> Fit<X> for TrainMean {
    type Fitted = Constant;

    fn fit(&self, train: &Dataset<X>, _valid: &Dataset<X>, _seed: u64) -> Result<Constant> {
        per_target(train, |column| {
            column.iter().sum::<f64>() / column.len() as f64
        })
    }
}

impl<X: Rows> Fit<X> for TrainMeanInUnits {
    type Fitted = Constant;

    fn fit(&self, train: &Dataset<X>, valid: &Dataset<X>, seed: u64) -> Result<Constant> {
        let mut quantities = train.clone();
        let columns = &train.targets.columns;
        for (mut values, target) in quantities
            .targets
            .values
            .columns_mut()
            .into_iter()
            .zip(columns)
        {
            let Some(_) = target.transform.invert(0.0) else {
                return Err(Error::Setting {
                    name: "transform",
                    expected: "one that can be undone".into(),
                    found: format!("{:?}", target.transform),
                });
            };
            values.mapv_inplace(|value| {
                let quantity = target.transform.invert(f64::from(value));
                quantity.map_or(f32::NAN, |quantity| quantity as f32)
            });
        }
        let mut mean: Constant = TrainMean.fit(&quantities, valid, seed)?;
        for (value, target) in mean.values.iter_mut().zip(columns) {
            *value = target.transform.apply(f64::from(*value), 0.0) as f32;
        }
        Ok(mean)
    }
}

impl<X: Rows> Fit<X> for TrainMedian {
    type Fitted = Constant;

    fn fit(&self, train: &Dataset<X>, _valid: &Dataset<X>, _seed: u64) -> Result<Constant> {
        per_target(train, |column| {
            column.sort_unstable_by(f64::total_cmp);
            let middle = column.len() / 2;
            if column.len().is_multiple_of(2) {
                (column[middle - 1] + column[middle]) / 2.0
            } else {
                column[middle]
            }
        })
    }
}

impl<X: Rows, L: Fit<X>> Fit<X> for ShuffledTargets<L> {
    type Fitted = L::Fitted;

    fn fit(&self, train: &Dataset<X>, valid: &Dataset<X>, seed: u64) -> Result<L::Fitted> {
        let shuffled = |data: &Dataset<X>, purpose| {
            let mut rows: Vec<usize> = (0..data.len()).collect();
            rows.shuffle(&mut random::generator(seed, purpose));
            let mut data = data.clone();
            data.targets = data.targets.select(&rows);
            data
        };
        let train = shuffled(train, "shuffled training targets");
        let valid = shuffled(valid, "shuffled validation targets");
        self.0.fit(&train, &valid, seed)
    }
}

impl<X: Rows> Predict<X> for Constant {
    fn predict(&self, inputs: &X) -> Result<Array2<f32>> {
        let row = self.values.view().insert_axis(Axis(0));
        Ok(row
            .broadcast((inputs.len(), self.values.len()))
            .expect("one row broadcasts to any number of rows")
            .to_owned())
    }
}

fn per_target<X>(train: &Dataset<X>, number: impl Fn(&mut Vec<f64>) -> f64) -> Result<Constant> {
    if train.is_empty() {
        return Err(Error::Empty {
            what: "the training set of a constant",
        });
    }
    let values = train
        .targets
        .values
        .columns()
        .into_iter()
        .map(|column| number(&mut column.iter().map(|&v| f64::from(v)).collect()) as f32)
        .collect();
    Ok(Constant { values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keys, Target, Targets, Transform};
    use ndarray::array;

    fn dataset() -> Dataset<Vec<u8>> {
        let target = Target {
            name: "y".into(),
            unit: "reads".into(),
            transform: Transform::Identity,
        };
        let targets = Targets::new(array![[1.0], [2.0], [9.0], [4.0]], vec![target]).unwrap();
        Dataset::new(vec![0, 1, 2, 3], targets, Keys::numbered(4)).unwrap()
    }

    #[test]
    fn mean_and_median_are_of_the_training_targets() {
        let data = dataset();
        let mean = TrainMean.fit(&data, &data, 0).unwrap();
        let median = TrainMedian.fit(&data, &data, 0).unwrap();
        assert_eq!(mean.predict(&vec![7_u8, 7]).unwrap(), array![[4.0], [4.0]]);
        assert_eq!(
            Predict::<Vec<u8>>::predict(&median, &vec![7]).unwrap(),
            array![[3.0]]
        );
    }

    #[test]
    fn the_mean_of_quantities_is_above_that_of_their_logarithms() {
        let mut data = dataset();
        data.targets.columns[0].transform = Transform::Log2 { offset: 0.0 };
        // 2, 4, 512 and 16 have the mean 133.5.
        let mean = TrainMeanInUnits.fit(&data, &data, 0).unwrap();
        assert!((mean.values[0] - 133.5_f32.log2()).abs() < 1e-5);
        data.targets.columns[0].transform = Transform::AtLeast { threshold: 1.0 };
        assert!(TrainMeanInUnits.fit(&data, &data, 0).is_err());
    }

    #[test]
    fn shuffling_permutes_targets_and_leaves_inputs() {
        struct Spy;
        impl Fit<Vec<u8>> for Spy {
            type Fitted = Vec<f32>;
            fn fit(
                &self,
                train: &Dataset<Vec<u8>>,
                _: &Dataset<Vec<u8>>,
                _: u64,
            ) -> Result<Vec<f32>> {
                assert_eq!(train.inputs, [0, 1, 2, 3]);
                Ok(train.targets.column(0).to_vec())
            }
        }
        let data = dataset();
        let mut seen = ShuffledTargets(Spy).fit(&data, &data, 1).unwrap();
        assert_ne!(seen, [1.0, 2.0, 9.0, 4.0]);
        seen.sort_unstable_by(f32::total_cmp);
        assert_eq!(seen, [1.0, 2.0, 4.0, 9.0]);
    }
}
