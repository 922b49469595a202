use ndarray::Array2;

use crate::{Dataset, Error, Fit, Predict, Result, Rows, random};

/// Fits a learner several times, with seeds of their own, and averages what the fits predict.
#[derive(Clone, Debug)]
pub struct Ensemble<L> {
    /// What is fitted.
    pub learner: L,
    /// How many times.
    pub members: usize,
    /// How the members' predictions are weighed.
    pub weighting: Weighting,
}

/// Fits a learner once per fold of a group's labels, on the rows of the other folds; the rows of the fold itself stand in for
/// the validation rows. Averages what the fits predict.
///
/// With cells as the group and three folds it is the cell-type ensemble of Team Jamaica.
#[derive(Clone, Debug)]
pub struct GroupEnsemble<L> {
    /// What is fitted.
    pub learner: L,
    /// The group whose labels are dealt into folds, in the order of their first appearance after a shuffle.
    pub group: String,
    /// How many folds.
    pub folds: usize,
    /// How the members' predictions are weighed.
    pub weighting: Weighting,
}

/// Fits a learner per label of a group, on the rows of that label, and a gate that tells labels apart on all rows; predicts
/// the sum of the experts' predictions under the gate's probabilities.
///
/// The gate learns from rows whose only target is the index of the label, in the order of first appearance among the training
/// rows, and predicts a probability per label: `[rows, labels]`.
#[derive(Clone, Debug)]
pub struct GatedExperts<G, L> {
    /// What tells labels apart.
    pub gate: G,
    /// What is fitted per label.
    pub expert: L,
    /// The group whose labels have experts.
    pub group: String,
}

/// How the predictions of an ensemble's members are weighed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weighting {
    /// All alike.
    #[default]
    Equal,
    /// Inversely to the mean squared error on the rows that the member was validated with.
    InverseError,
}

/// Several fits that predict together.
#[derive(Clone, Debug)]
pub struct Members<P> {
    /// The fits.
    pub fits: Vec<P>,
    /// One weight per fit; they add up to 1.
    pub weights: Vec<f64>,
}

/// Experts and the gate that weighs them.
#[derive(Clone, Debug)]
pub struct Gated<G, P> {
    /// Tells labels apart.
    pub gate: G,
    /// One per label.
    pub experts: Vec<P>,
    /// The labels, in the order of the experts.
    pub labels: Vec<String>,
}

impl<L> Ensemble<L> {
    /// Averages several fits, all alike.
    pub fn new(learner: L, members: usize) -> Self {
        Self {
            learner,
            members,
            weighting: Weighting::Equal,
        }
    }
}

impl<L> GroupEnsemble<L> {
    /// Averages fits over folds of a group's labels, all alike.
    pub fn new(learner: L, group: &str, folds: usize) -> Self {
        Self {
            learner,
            group: group.to_owned(),
            folds,
            weighting: Weighting::Equal,
        }
    }
}

impl<X: Rows, L: Fit<X>> Fit<X> for Ensemble<L>
where
    L::Fitted: Predict<X>,
{
    type Fitted = Members<L::Fitted>;

    fn fit(&self, train: &Dataset<X>, valid: &Dataset<X>, seed: u64) -> Result<Self::Fitted> {
        between("members", self.members, 1..=MOST_MEMBERS)?;
        let fits = (0..self.members)
            .map(|member| {
                let seed = random::derive(seed, &format!("ensemble member {member}"));
                self.learner.fit(train, valid, seed)
            })
            .collect::<Result<Vec<_>>>()?;
        let looks: Vec<_> = fits.iter().map(|fit| (fit, valid)).collect();
        let weights = self.weighting.weights(&looks)?;
        Ok(Members { fits, weights })
    }
}

impl<X: Rows, L: Fit<X>> Fit<X> for GroupEnsemble<L>
where
    L::Fitted: Predict<X>,
{
    type Fitted = Members<L::Fitted>;

    fn fit(&self, train: &Dataset<X>, _valid: &Dataset<X>, seed: u64) -> Result<Self::Fitted> {
        use rand::seq::SliceRandom;
        between("folds", self.folds, 2..=MOST_MEMBERS)?;
        let group = train.keys.group(&self.group)?;
        let mut present: Vec<u32> = group.codes().to_vec();
        present.sort_unstable();
        present.dedup();
        if present.len() < self.folds {
            return Err(Error::Setting {
                name: "folds",
                expected: format!("at most the {} labels of `{}`", present.len(), self.group),
                found: self.folds.to_string(),
            });
        }
        present.shuffle(&mut random::generator(seed, "folds of an ensemble"));
        let mut fold_of = vec![0; group.labels().len()];
        for (place, &code) in present.iter().enumerate() {
            fold_of[code as usize] = place % self.folds;
        }
        let mut fits = Vec::with_capacity(self.folds);
        let mut held_out = Vec::with_capacity(self.folds);
        for fold in 0..self.folds {
            let (own, others): (Vec<usize>, Vec<usize>) =
                (0..train.len()).partition(|&row| fold_of[group.codes()[row] as usize] == fold);
            let own = train.select(&own);
            let seed = random::derive(seed, &format!("ensemble fold {fold}"));
            fits.push(self.learner.fit(&train.select(&others), &own, seed)?);
            held_out.push(own);
        }
        let looks: Vec<_> = fits.iter().zip(&held_out).collect();
        let weights = self.weighting.weights(&looks)?;
        Ok(Members { fits, weights })
    }
}

impl<X: Rows, G: Fit<X>, L: Fit<X>> Fit<X> for GatedExperts<G, L> {
    type Fitted = Gated<G::Fitted, L::Fitted>;

    fn fit(&self, train: &Dataset<X>, valid: &Dataset<X>, seed: u64) -> Result<Self::Fitted> {
        let mut labels: Vec<String> = Vec::new();
        let group = train.keys.group(&self.group)?;
        for &code in group.codes() {
            let label = &group.labels()[code as usize];
            if !labels.contains(label) {
                labels.push(label.clone());
            }
        }
        let coded = self.coded(train, &labels)?;
        let known: Vec<usize> = {
            let group = valid.keys.group(&self.group)?;
            let known = |&row: &usize| labels.iter().any(|label| label == group.label(row));
            (0..valid.len()).filter(known).collect()
        };
        let coded_valid = self.coded(&valid.select(&known), &labels)?;
        let gate = self
            .gate
            .fit(&coded, &coded_valid, random::derive(seed, "gate"))?;
        let experts = labels
            .iter()
            .map(|label| {
                let of = |data: &Dataset<X>| -> Result<Dataset<X>> {
                    let group = data.keys.group(&self.group)?;
                    let rows: Vec<usize> = (0..data.len())
                        .filter(|&row| group.label(row) == label)
                        .collect();
                    Ok(data.select(&rows))
                };
                let seed = random::derive(seed, &format!("expert of {label}"));
                self.expert.fit(&of(train)?, &of(valid)?, seed)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Gated {
            gate,
            experts,
            labels,
        })
    }
}

impl<G, L> GatedExperts<G, L> {
    /// Gives the rows their label's index as the only target.
    fn coded<X: Rows>(&self, data: &Dataset<X>, labels: &[String]) -> Result<Dataset<X>> {
        let group = data.keys.group(&self.group)?;
        let codes = Array2::from_shape_fn((data.len(), 1), |(row, _)| {
            let label = group.label(row);
            let code = labels.iter().position(|known| known == label);
            code.expect("rows of other labels were left out") as f32
        });
        let column = crate::Target {
            name: self.group.clone(),
            unit: "index of the label".into(),
            transform: crate::Transform::Identity,
        };
        let targets = crate::Targets::new(codes, vec![column])?;
        Dataset::new(data.inputs.clone(), targets, data.keys.clone())
    }
}

impl<X, P: Predict<X>> Predict<X> for Members<P> {
    fn predict(&self, inputs: &X) -> Result<Array2<f32>> {
        let mut sum: Option<Array2<f64>> = None;
        for (fit, &weight) in self.fits.iter().zip(&self.weights) {
            let part = fit.predict(inputs)?.mapv(|value| f64::from(value) * weight);
            sum = Some(match sum {
                None => part,
                Some(sum) => sum + part,
            });
        }
        let sum = sum.ok_or_else(without_members)?;
        Ok(sum.mapv(|value| value as f32))
    }
}

impl<X, G: Predict<X>, P: Predict<X>> Predict<X> for Gated<G, P> {
    fn predict(&self, inputs: &X) -> Result<Array2<f32>> {
        let probabilities = self.gate.predict(inputs)?;
        if probabilities.ncols() != self.experts.len() {
            return Err(Error::Shape {
                what: "probabilities of the gate",
                expected: format!("{} labels", self.experts.len()),
                found: probabilities.ncols().to_string(),
            });
        }
        let mut sum: Option<Array2<f32>> = None;
        for (expert, probability) in self.experts.iter().zip(probabilities.columns()) {
            let mut part = expert.predict(inputs)?;
            for (mut row, &weight) in part.outer_iter_mut().zip(probability) {
                row *= weight;
            }
            sum = Some(match sum {
                None => part,
                Some(sum) => sum + part,
            });
        }
        sum.ok_or_else(without_members)
    }
}

impl Weighting {
    /// Weighs fits by how they do on the rows beside them.
    fn weights<X, P: Predict<X>>(self, looks: &[(&P, &Dataset<X>)]) -> Result<Vec<f64>> {
        let raw = match self {
            Self::Equal => vec![1.0; looks.len()],
            Self::InverseError => looks
                .iter()
                .map(|(fit, rows)| {
                    if rows.is_empty() {
                        return Err(Error::Empty {
                            what: "the validation rows by which the members of an ensemble are weighed",
                        });
                    }
                    let error = fit.predict(&rows.inputs)? - &rows.targets.values;
                    let square: f64 = error.iter().map(|&e| f64::from(e) * f64::from(e)).sum();
                    Ok(1.0 / (square / error.len() as f64).max(1e-12))
                })
                .collect::<Result<_>>()?,
        };
        let sum: f64 = raw.iter().sum();
        Ok(raw.into_iter().map(|weight| weight / sum).collect())
    }
}

/// Fits that an ensemble may have.
const MOST_MEMBERS: usize = 100_000;

fn without_members() -> Error {
    Error::Setting {
        name: "fits",
        expected: "at least one fitted member to predict with".into(),
        found: "none".into(),
    }
}

fn between(name: &'static str, found: usize, range: std::ops::RangeInclusive<usize>) -> Result<()> {
    if range.contains(&found) {
        return Ok(());
    }
    Err(Error::Setting {
        name,
        expected: format!("{} to {}", range.start(), range.end()),
        found: found.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Constant, Keys, Target, Targets, TrainMean, Transform};
    use ndarray::array;

    type Table = Array2<f32>;

    fn data() -> Dataset<Table> {
        let target = Target {
            name: "y".into(),
            unit: "reads".into(),
            transform: Transform::Identity,
        };
        let targets = Targets::new(array![[1.0], [3.0], [10.0], [14.0]], vec![target]).unwrap();
        let keys = Keys::numbered(4)
            .with_group("cell", &["a", "a", "b", "b"])
            .unwrap();
        let inputs = array![[0.0], [0.0], [1.0], [1.0]];
        Dataset::new(inputs, targets, keys).unwrap()
    }

    /// Learns its seed.
    struct Seeded;

    impl Fit<Table> for Seeded {
        type Fitted = Constant;

        fn fit(&self, _: &Dataset<Table>, _: &Dataset<Table>, seed: u64) -> Result<Constant> {
            let values = ndarray::arr1(&[(seed % 1000) as f32]);
            Ok(Constant { values })
        }
    }

    #[test]
    fn members_have_seeds_of_their_own_and_are_averaged() {
        let fitted = Ensemble::new(Seeded, 4).fit(&data(), &data(), 7).unwrap();
        let seeds: Vec<f32> = fitted.fits.iter().map(|fit| fit.values[0]).collect();
        assert_ne!(seeds[0], seeds[1]);
        let mean = seeds.iter().sum::<f32>() / 4.0;
        assert!((fitted.predict(&array![[0.0]]).unwrap()[[0, 0]] - mean).abs() < 1e-3);
        assert!(Ensemble::new(Seeded, 0).fit(&data(), &data(), 7).is_err());
    }

    #[test]
    fn each_fold_of_cells_is_left_out_once() {
        let learner = GroupEnsemble::new(TrainMean, "cell", 2);
        let fitted = learner.fit(&data(), &data(), 0).unwrap();
        let mut means: Vec<f32> = fitted.fits.iter().map(|fit| fit.values[0]).collect();
        means.sort_unstable_by(f32::total_cmp);
        assert_eq!(means, [2.0, 12.0]);
        assert_eq!(fitted.predict(&array![[5.0]]).unwrap(), array![[7.0]]);
        let message = GroupEnsemble::new(TrainMean, "cell", 3).fit(&data(), &data(), 0);
        assert!(
            message
                .unwrap_err()
                .to_string()
                .contains("at most the 2 labels")
        );
    }

    #[test]
    fn a_better_member_weighs_more() {
        let mut learner = GroupEnsemble::new(TrainMean, "cell", 2);
        learner.weighting = Weighting::InverseError;
        // Either mean is off by 10 from the other cell's rows, which scatter by 1 and 2: errors 101 and 104.
        let fitted = learner.fit(&data(), &data(), 0).unwrap();
        let of = |mean: f32| {
            let place = fitted.fits.iter().position(|fit| fit.values[0] == mean);
            fitted.weights[place.unwrap()]
        };
        assert!((of(12.0) - (1.0 / 101.0) / (1.0 / 101.0 + 1.0 / 104.0)).abs() < 1e-9);
        assert!((of(12.0) + of(2.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_gate_weighs_the_experts_of_the_labels() {
        /// Is sure that the input is the index of the label.
        struct Sure;
        impl Fit<Table> for Sure {
            type Fitted = Self;
            fn fit(&self, train: &Dataset<Table>, _: &Dataset<Table>, _: u64) -> Result<Self> {
                assert_eq!(train.targets.values, train.inputs);
                Ok(Self)
            }
        }
        impl Predict<Table> for Sure {
            fn predict(&self, inputs: &Table) -> Result<Array2<f32>> {
                Ok(Array2::from_shape_fn(
                    (inputs.nrows(), 2),
                    |(row, label)| {
                        let share = inputs[[row, 0]];
                        if label == 1 { share } else { 1.0 - share }
                    },
                ))
            }
        }
        let learner = GatedExperts {
            gate: Sure,
            expert: TrainMean,
            group: "cell".into(),
        };
        let fitted = learner.fit(&data(), &data(), 0).unwrap();
        assert_eq!(fitted.labels, ["a", "b"]);
        let predicted = fitted.predict(&array![[0.0], [1.0], [0.5]]).unwrap();
        assert_eq!(predicted, array![[2.0], [12.0], [7.0]]);
    }
}
