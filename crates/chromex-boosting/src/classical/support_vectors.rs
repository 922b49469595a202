//! Support-vector regression and classification.

use chromex_core::{Dataset, Fit};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate};
use serde::{Deserialize, Serialize};

use super::interior_point::{self, Hinges};
use super::kernel_rows::KernelRows;
use super::narrowed::Narrowed;
use super::radial_model::RadialModel;
use super::sequential_minimal_optimization::{self, Pieces};
use super::support_vector_model::SupportVectorModel;
use super::weighted_ridge::WeightedRidge;
use crate::centred::{Centred, centre};
use crate::{Error, LinearModel, Result, table};

/// The duality gap at which linear support vectors are found.
const LINEAR_TOLERANCE: f64 = 1e-10;

/// Steps of two multipliers after which to give up: libsvm's, for the smallest tables.
const MOST_STEPS: usize = 10_000_000;

/// Fits a function that rows may miss by `epsilon` for nothing: ε-support-vector regression.
///
/// Minimises ½ ‖w‖² + `c` Σ max(0, |y − f(x)| − `epsilon`) per target, where f is linear in the columns or in
/// the Gaussian kernel; its intercept is not penalised, and where several are best it is the middle one. This is
/// libsvm's problem, and scikit-learn's `SVR` for either kernel (`LinearSVR` penalises the intercept).
///
/// [`Kernel::Linear`] is solved to rounding by an interior-point method, whose steps decompose a matrix of as
/// many rows as there are rows or columns, whichever is fewer; [`Kernel::Radial`] by libsvm's minimal
/// optimisation, to `tolerance`. No draw is made, so the seed changes nothing.
///
/// # Citation
///
/// Chang and Lin, LIBSVM: a library for support vector machines, ACM Transactions on Intelligent Systems and
/// Technology 2, 2011, <https://doi.org/10.1145/1961189.1961199>.
///
/// # Examples
///
/// ```
/// use chromex_boosting::{Kernel, SupportVectorRegression};
/// use ndarray::{Array2, array};
///
/// let marks: Array2<f32> = array![[0.0], [1.0], [2.0], [3.0]];
/// let expression: Array2<f32> = array![[0.0], [1.0], [2.0], [30.0]];
/// let regression = SupportVectorRegression { c: 0.5, ..SupportVectorRegression::linear() };
/// let model = regression.fit_table(marks.view(), expression.view())?;
/// // A line through the first three is not bent by the last.
/// assert!(model.predict_table(marks.view())?[[3, 0]] < 5.0);
/// # Ok::<(), chromex_boosting::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupportVectorRegression {
    /// How much errors cost, beside the size of the function, above 0.
    pub c: f64,
    /// The error that costs nothing, 0 or above.
    pub epsilon: f64,
    /// What the function is linear in.
    pub kernel: Kernel,
    /// Whether each column is first divided by its standard deviation.
    pub standardize: bool,
    /// By how much two slopes may contradict each other at the end, with [`Kernel::Radial`]; above 0.
    pub tolerance: f64,
    /// Memory for kernels of rows with each other, with [`Kernel::Radial`].
    pub cache_megabytes: usize,
}

/// Fits a function that is above 1 for one class and below −1 for the other: C-support-vector classification.
///
/// Minimises ½ ‖w‖² + `c` Σ max(0, 1 ∓ f(x)) per target, as [`SupportVectorRegression`] does its own loss.
/// Targets are 0 or 1; predictions are the values of f, above 0 for class 1. They rank rows, as the area under
/// a curve needs it; they are no probabilities, which [`LogisticRegression`](crate::LogisticRegression) gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupportVectorClassification {
    /// As [`SupportVectorRegression::c`].
    pub c: f64,
    /// As [`SupportVectorRegression::kernel`].
    pub kernel: Kernel,
    /// As [`SupportVectorRegression::standardize`].
    pub standardize: bool,
    /// As [`SupportVectorRegression::tolerance`].
    pub tolerance: f64,
    /// As [`SupportVectorRegression::cache_megabytes`].
    pub cache_megabytes: usize,
}

/// Says what a function is linear in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Kernel {
    /// The columns.
    Linear,
    /// exp(−`gamma` ‖x − x′‖²), for every training row x′.
    Radial {
        /// How fast rows stop to be alike.
        gamma: Gamma,
    },
}

/// Says how fast rows stop to be alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Gamma {
    /// 1 / (columns × variance of all training inputs, standardised where they are), as scikit-learn does.
    Scale,
    /// A number above 0.
    Value(f64),
}

impl Default for SupportVectorRegression {
    /// Gives scikit-learn's settings of `SVR`, on standardised columns and with more memory.
    fn default() -> Self {
        Self {
            c: 1.0,
            epsilon: 0.1,
            kernel: Kernel::Radial {
                gamma: Gamma::Scale,
            },
            standardize: true,
            tolerance: 1e-3,
            cache_megabytes: 1024,
        }
    }
}

impl Default for SupportVectorClassification {
    /// Gives scikit-learn's settings of `SVC`, on standardised columns and with more memory.
    fn default() -> Self {
        let regression = SupportVectorRegression::default();
        Self {
            c: regression.c,
            kernel: regression.kernel,
            standardize: regression.standardize,
            tolerance: regression.tolerance,
            cache_megabytes: regression.cache_megabytes,
        }
    }
}

impl SupportVectorRegression {
    /// Fits a function that is linear in the columns.
    pub fn linear() -> Self {
        Self {
            kernel: Kernel::Linear,
            ..Self::default()
        }
    }

    /// Fits a function to a table of inputs and one of targets.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `targets` `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range; [`Error::Empty`] when there are no rows, columns
    /// or targets; [`Error::Value`] when a number is not finite; [`Error::NotConverged`] when the tolerance
    /// is not reached.
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub fn fit_table(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
    ) -> Result<SupportVectorModel> {
        if !(self.epsilon.is_finite() && self.epsilon >= 0.0) {
            return Err(Error::Setting {
                name: "epsilon",
                expected: "a finite number, 0 or above",
                found: self.epsilon.to_string(),
            });
        }
        let machine = Machine {
            c: self.c,
            kernel: self.kernel,
            tolerance: self.tolerance,
            cache_megabytes: self.cache_megabytes,
        };
        machine.check()?;
        let centred = Centred::checked(inputs, targets, self.standardize)?;
        let (targets, means) = centre(targets);
        let hinges: Vec<Hinges> = targets
            .axis_iter(Axis(1))
            .map(|target| self.hinges(target))
            .collect();
        machine.fit(inputs, &centred, &hinges, &means)
    }

    /// A loss above the tube around the target, and one below.
    fn hinges(&self, target: ArrayView1<'_, f64>) -> Hinges {
        let ones = Array1::<f64>::ones(target.len());
        let above = target.mapv(|truth| -truth - self.epsilon);
        let below = target.mapv(|truth| truth - self.epsilon);
        Hinges {
            cost: self.c,
            signs: concatenate![Axis(0), ones, -&ones],
            offsets: concatenate![Axis(0), above, below],
        }
    }
}

impl SupportVectorClassification {
    /// Fits a function that is linear in the columns.
    pub fn linear() -> Self {
        Self {
            kernel: Kernel::Linear,
            ..Self::default()
        }
    }

    /// Fits a function to a table of inputs and one of classes.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, columns]`, `targets` `[rows, targets]`.
    ///
    /// # Errors
    ///
    /// As [`SupportVectorRegression::fit_table`]; further [`Error::Value`] when a target is neither 0 nor 1,
    /// and [`Error::OneClass`] when a target has one class only.
    ///
    /// # Panics
    ///
    /// When `inputs` and `targets` differ in rows.
    pub fn fit_table(
        &self,
        inputs: ArrayView2<'_, f32>,
        targets: ArrayView2<'_, f32>,
    ) -> Result<SupportVectorModel> {
        let machine = Machine {
            c: self.c,
            kernel: self.kernel,
            tolerance: self.tolerance,
            cache_megabytes: self.cache_megabytes,
        };
        machine.check()?;
        let centred = Centred::checked(inputs, targets, self.standardize)?;
        table::check_classes(targets)?;
        let hinges: Vec<Hinges> = targets
            .axis_iter(Axis(1))
            .map(|target| Hinges {
                cost: self.c,
                signs: target.mapv(|class| if class > 0.5 { -1.0 } else { 1.0 }),
                offsets: Array1::ones(target.len()),
            })
            .collect();
        machine.fit(inputs, &centred, &hinges, &Array1::zeros(targets.ncols()))
    }
}

impl Fit<Array2<f32>> for SupportVectorRegression {
    type Fitted = SupportVectorModel;

    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        _valid: &Dataset<Array2<f32>>,
        _seed: u64,
    ) -> chromex_core::Result<SupportVectorModel> {
        Ok(self.fit_table(train.inputs.view(), train.targets.values.view())?)
    }
}

impl Fit<Array2<f32>> for SupportVectorClassification {
    type Fitted = SupportVectorModel;

    fn fit(
        &self,
        train: &Dataset<Array2<f32>>,
        _valid: &Dataset<Array2<f32>>,
        _seed: u64,
    ) -> chromex_core::Result<SupportVectorModel> {
        Ok(self.fit_table(train.inputs.view(), train.targets.values.view())?)
    }
}

/// What regression and classification have in common.
struct Machine {
    c: f64,
    kernel: Kernel,
    tolerance: f64,
    cache_megabytes: usize,
}

/// Megabytes of kernel rows that may be kept.
const MOST_MEGABYTES: usize = 1 << 20;

impl Machine {
    fn check(&self) -> Result<()> {
        let gamma = match self.kernel {
            Kernel::Radial {
                gamma: Gamma::Value(gamma),
            } => gamma,
            _ => 1.0,
        };
        for (name, value) in [
            ("c", self.c),
            ("tolerance", self.tolerance),
            ("gamma", gamma),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::Setting {
                    name,
                    expected: "a finite number above 0",
                    found: value.to_string(),
                });
            }
        }
        if self.cache_megabytes > MOST_MEGABYTES {
            return Err(Error::Setting {
                name: "cache_megabytes",
                expected: "at most 1048576, a terabyte",
                found: self.cache_megabytes.to_string(),
            });
        }
        Ok(())
    }

    /// Fits one function per target; `levels` are added to what they predict.
    fn fit(
        &self,
        inputs: ArrayView2<'_, f32>,
        centred: &Centred,
        targets: &[Hinges],
        levels: &Array1<f64>,
    ) -> Result<SupportVectorModel> {
        match self.kernel {
            Kernel::Linear => self.fit_linear(centred, targets, levels),
            Kernel::Radial { gamma } => self.fit_radial(inputs, centred, targets, levels, gamma),
        }
    }

    fn fit_linear(
        &self,
        centred: &Centred,
        targets: &[Hinges],
        levels: &Array1<f64>,
    ) -> Result<SupportVectorModel> {
        let narrowed = Narrowed::new(&centred.values);
        let ridge = WeightedRidge::new(narrowed.table(), 1.0);
        let mut weights = Array2::zeros((centred.values.ncols(), targets.len()));
        let mut intercepts = levels.clone();
        for (target, hinges) in targets.iter().enumerate() {
            let (fitted, intercept) =
                interior_point::minimise(narrowed.table(), &ridge, hinges, LINEAR_TOLERANCE)
                    .map_err(|interior_point::NotConverged(gap)| Error::NotConverged {
                        target,
                        steps: interior_point::MOST_STEPS,
                        gap,
                        tolerance: LINEAR_TOLERANCE,
                    })?;
            weights.column_mut(target).assign(&narrowed.widen(fitted));
            intercepts[target] += intercept;
        }
        let model = LinearModel::from_centred(1.0 / self.c, centred, weights, &intercepts);
        Ok(SupportVectorModel::Linear(model))
    }

    fn fit_radial(
        &self,
        inputs: ArrayView2<'_, f32>,
        centred: &Centred,
        targets: &[Hinges],
        levels: &Array1<f64>,
        gamma: Gamma,
    ) -> Result<SupportVectorModel> {
        let table = &centred.values;
        let gamma = match gamma {
            Gamma::Value(gamma) => gamma,
            Gamma::Scale => {
                let variance = spread(centred);
                let columns = table.ncols() as f64;
                if variance > 0.0 {
                    1.0 / (columns * variance)
                } else {
                    1.0
                }
            }
        };
        let mut kernel = KernelRows::new(table.view(), gamma, self.cache_megabytes);
        let steps = MOST_STEPS.max(100 * table.nrows());
        let mut coefficients = Array2::zeros((table.nrows(), targets.len()));
        let mut intercepts = levels.clone();
        for (target, hinges) in targets.iter().enumerate() {
            // The dual prices what the primal rewards.
            let pieces = Pieces {
                cost: hinges.cost,
                signs: hinges.signs.mapv(|sign| -sign).to_vec(),
                offsets: hinges.offsets.mapv(|offset| -offset).to_vec(),
            };
            let solution = sequential_minimal_optimization::minimise(
                &mut kernel,
                &pieces,
                self.tolerance,
                steps,
            )
            .map_err(
                |sequential_minimal_optimization::NotConverged(gap)| Error::NotConverged {
                    target,
                    steps,
                    gap,
                    tolerance: self.tolerance,
                },
            )?;
            coefficients
                .column_mut(target)
                .assign(&Array1::from(solution.coefficients));
            intercepts[target] += solution.intercept;
        }
        let model = RadialModel::new(inputs, centred, gamma, coefficients, intercepts);
        Ok(SupportVectorModel::Radial(model))
    }
}

/// Gives the variance of all inputs together, as the machine sees them.
fn spread(centred: &Centred) -> f64 {
    // Standardised columns have a mean of 0; others still differ in theirs.
    let standardized = centred.scales.iter().any(|scale| *scale != 1.0);
    let squares = centred
        .values
        .iter()
        .map(|value| value * value)
        .sum::<f64>();
    let within = squares / centred.values.len() as f64;
    if standardized {
        within
    } else {
        within + centred.means.var(0.0)
    }
}
