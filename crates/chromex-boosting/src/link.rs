//! From margins, which trees add up to, to predictions.

use ndarray::ArrayViewMut1;

/// Turns the sums of the trees of a row, its margins, into what is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Link {
    /// The margin itself.
    Identity,
    /// 1 / (1 + exp(-margin)): a probability.
    Logistic,
    /// exp(margin): a rate.
    Exponential,
    /// exp(margin) over the sum of it over all outputs: a probability for each class.
    Softmax,
    /// The class of the largest margin, as one number per row.
    LargestClass,
    /// 1 where the margin is above 0, else 0.
    Step,
    /// The margins of a row from the lowest to the highest: quantiles, which must not cross.
    Ascending,
}

/// How near to 0 and 1 a base score may come, where it is a probability.
const LEAST_PROBABILITY: f32 = 1e-6;

impl Link {
    /// Finds the link of an objective that XGBoost knows by this name; of quantiles, that of versions before 3.4, which did
    /// not sort them.
    pub(crate) fn of_objective(name: &str) -> Option<Self> {
        Some(match name {
            "reg:squarederror"
            | "reg:linear"
            | "reg:squaredlogerror"
            | "reg:absoluteerror"
            | "reg:quantileerror"
            | "reg:pseudohubererror"
            | "binary:logitraw"
            | "rank:pairwise"
            | "rank:ndcg"
            | "rank:map" => Self::Identity,
            "reg:logistic" | "binary:logistic" => Self::Logistic,
            "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" | "survival:aft" => {
                Self::Exponential
            }
            "multi:softprob" => Self::Softmax,
            "multi:softmax" => Self::LargestClass,
            "binary:hinge" => Self::Step,
            _ => return None,
        })
    }

    /// Names the objective that a model of this link is stored under where its own is not one of XGBoost's.
    pub(crate) fn objective(self) -> &'static str {
        match self {
            Self::Identity => "reg:squarederror",
            Self::Logistic => "binary:logistic",
            Self::Exponential => "count:poisson",
            Self::Softmax => "multi:softprob",
            Self::LargestClass => "multi:softmax",
            Self::Step => "binary:hinge",
            Self::Ascending => "reg:quantileerror",
        }
    }

    /// Counts the columns of predictions for so many outputs.
    pub(crate) fn columns(self, outputs: usize) -> usize {
        match self {
            Self::LargestClass => 1,
            _ => outputs,
        }
    }

    /// Finds the margin whose prediction this is.
    ///
    /// Classes and steps have none: their base score is a margin already, as in XGBoost. What no margin leads to gives
    /// NaN or an infinite one.
    pub(crate) fn margin(self, prediction: f32) -> f32 {
        match self {
            Self::Identity | Self::Softmax | Self::LargestClass | Self::Step | Self::Ascending => {
                prediction
            }
            Self::Logistic if !(0.0..=1.0).contains(&prediction) => f32::NAN,
            Self::Logistic => {
                // As XGBoost does from version 3.1 on, where all rows have one class.
                let inside = prediction.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
                -(1.0 / inside - 1.0).ln()
            }
            Self::Exponential => prediction.ln(),
        }
    }

    /// Turns the margins of a row into its predictions, in place; of [`Self::LargestClass`] the first is the class.
    pub(crate) fn apply(self, mut margins: ArrayViewMut1<'_, f32>) {
        match self {
            Self::Identity => {}
            Self::Logistic => margins.mapv_inplace(logistic),
            Self::Exponential => margins.mapv_inplace(f32::exp),
            Self::Step => margins.mapv_inplace(|margin| f32::from(margin > 0.0)),
            Self::Ascending => {
                let mut sorted = margins.to_vec();
                sorted.sort_by(f32::total_cmp);
                margins.assign(&ndarray::aview1(&sorted));
            }
            Self::Softmax => {
                let most = margins.fold(f32::MIN, |most, &margin| most.max(margin));
                margins.mapv_inplace(|margin| (margin - most).exp());
                // XGBoost, too, sums classes in 64 bits.
                let sum: f64 = margins.iter().map(|&part| f64::from(part)).sum();
                margins.mapv_inplace(|part| (f64::from(part) / sum) as f32);
            }
            Self::LargestClass => {
                let mut largest = 0;
                for (class, &margin) in margins.iter().enumerate() {
                    if margin > margins[largest] {
                        largest = class;
                    }
                }
                margins[0] = largest as f32;
            }
        }
    }
}

/// The logistic function, kept from overflowing as XGBoost keeps it.
pub(crate) fn logistic(margin: f32) -> f32 {
    let least = (-margin).min(88.7);
    1.0 / (least.exp() + 1.0 + 1e-16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, array};

    fn applied(link: Link, margins: Array1<f32>) -> Array1<f32> {
        let mut margins = margins;
        link.apply(margins.view_mut());
        margins
    }

    #[test]
    fn predictions_of_margins_lead_back_to_them() {
        for (link, prediction) in [
            (Link::Identity, -3.5),
            (Link::Logistic, 0.2),
            (Link::Exponential, 7.0),
        ] {
            let margin = link.margin(prediction);
            let back = applied(link, array![margin])[0];
            assert!((back - prediction).abs() < 1e-6, "{link:?}: {back}");
        }
        assert_eq!(Link::Logistic.margin(0.5), 0.0);
        assert!(Link::Logistic.margin(1.0) > 13.0);
        assert!(Link::Logistic.margin(1.1).is_nan());
    }

    #[test]
    fn extreme_margins_stay_probabilities() {
        assert_eq!(
            applied(Link::Logistic, array![-1e30, 1e30]),
            array![logistic(-88.7), 1.0]
        );
        let softmax = applied(Link::Softmax, array![1e30, 0.0, -1e30]);
        assert_eq!(softmax, array![1.0, 0.0, 0.0]);
    }

    #[test]
    fn of_equal_margins_the_first_class_is_the_largest() {
        assert_eq!(applied(Link::LargestClass, array![1.0, 4.0, 4.0])[0], 1.0);
        assert_eq!(applied(Link::Step, array![0.0, 0.1]), array![0.0, 1.0]);
        assert_eq!(Link::LargestClass.columns(3), 1);
    }

    #[test]
    fn each_link_is_stored_under_an_objective_that_has_it() {
        for link in [
            Link::Identity,
            Link::Logistic,
            Link::Exponential,
            Link::Softmax,
            Link::LargestClass,
            Link::Step,
        ] {
            assert_eq!(Link::of_objective(link.objective()), Some(link));
        }
        assert_eq!(Link::of_objective("reg:unheard"), None);
        // Which versions differ in.
        let quantiles = Link::Ascending.objective();
        assert_eq!(Link::of_objective(quantiles), Some(Link::Identity));
    }

    #[test]
    fn ascending_margins_do_not_cross() {
        let sorted = applied(Link::Ascending, array![0.5, -1.0, 2.0, 0.25]);
        assert_eq!(sorted, array![-1.0, 0.25, 0.5, 2.0]);
    }
}
