//! Linear support vectors by an interior-point method.

use ndarray::{Array1, Array2, Zip};

use super::weighted_ridge::{Factored, WeightedRidge};

/// Steps after which to give up; thirty are usual.
pub(crate) const MOST_STEPS: usize = 200;

/// How far towards the border of the allowed region a step goes.
const TOWARDS_BORDER: f64 = 0.995;

/// The part of the least duality gap so far that the next one must stay below for the fit to go on.
const STILL_FALLING: f64 = 0.5;

/// The losses of one target: `cost` Σ max(0, sign × (xw + b) + offset), where row i has every `rows`-th
/// piece from the i-th on (one for classification, two for regression). Pieces of both signs are there.
pub(crate) struct Hinges {
    pub(crate) cost: f64,
    pub(crate) signs: Array1<f64>,
    pub(crate) offsets: Array1<f64>,
}

impl Hinges {
    /// Gives the mean size of the offsets, the unit of everything else.
    fn spread(&self) -> f64 {
        let sum: f64 = self.offsets.iter().map(|offset| offset.abs()).sum();
        if sum > 0.0 {
            sum / self.offsets.len() as f64
        } else {
            1.0
        }
    }
}

/// What was left when the steps were used up: the duality gap, relative to the size of the losses.
pub(crate) struct NotConverged(pub(crate) f64);

/// A point inside the allowed region. Each piece has a slack above its hinge with a multiplier between 0
/// and the cost, and a loss whose multiplier is what is left of the cost.
#[derive(Clone)]
struct Point {
    weights: Array1<f64>,
    intercept: f64,
    multipliers: Array1<f64>,
    rest: Array1<f64>,
    slacks: Array1<f64>,
    losses: Array1<f64>,
}

/// Finds the weights and the intercept that minimise ½ ‖w‖² + the losses, until the duality gap is at most
/// `tolerance` and falls no further. The gap is a part of the size of the losses: the cost times the mean
/// size of an offset, for every piece.
///
/// Mehrotra's predictor and corrector on the primal and dual problem together (Ferris and Munson, Interior-point
/// methods for massive support vector machines, SIAM Journal on Optimization 13, 2002,
/// <https://doi.org/10.1137/S1052623400374379>). Each step solves two weighted ridge regressions that share a
/// decomposition. `ridge` must be of `inputs` and a penalty of 1.
pub(crate) fn minimise(
    inputs: &Array2<f64>,
    ridge: &WeightedRidge<'_>,
    hinges: &Hinges,
    tolerance: f64,
) -> Result<(Array1<f64>, f64), NotConverged> {
    let problem = Problem { inputs, hinges };
    let mut point = problem.start();
    let scale = hinges.cost * hinges.offsets.len() as f64 * hinges.spread();
    let mut least = f64::INFINITY;
    let mut best = point.weights.clone();
    for _ in 0..MOST_STEPS {
        let gap = problem.gap(&point) / scale;
        // Weights are off by the root of the gap: once it is small enough, rounding is what ends the fit.
        if least <= tolerance && gap >= least * STILL_FALLING {
            break;
        }
        if gap < least {
            least = gap;
            best = point.weights.clone();
        }
        let Some(next) = problem.step(ridge, &point) else {
            break;
        };
        point = next;
    }
    if least > tolerance {
        return Err(NotConverged(least));
    }
    let intercept = problem.best_intercept(&best);
    Ok((best, intercept))
}

struct Problem<'a> {
    inputs: &'a Array2<f64>,
    hinges: &'a Hinges,
}

impl Problem<'_> {
    fn start(&self) -> Point {
        let Hinges {
            cost,
            signs,
            offsets,
        } = self.hinges;
        let spread = self.hinges.spread();
        let losses = offsets.mapv(|offset| offset.max(0.0) + spread);
        // Half the cost for the fewer sign, so much less for the other that both weigh the same.
        let positive = signs.iter().filter(|sign| **sign > 0.0).count() as f64;
        let negative = signs.len() as f64 - positive;
        let fewer = positive.min(negative).max(1.0);
        let multipliers = signs.mapv(|sign| {
            let count = if sign > 0.0 { positive } else { negative };
            0.5 * cost * fewer / count
        });
        Point {
            weights: Array1::zeros(self.inputs.ncols()),
            intercept: 0.0,
            rest: multipliers.mapv(|multiplier| cost - multiplier),
            slacks: &losses - offsets,
            losses,
            multipliers,
        }
    }

    /// Adds up what belongs to each row.
    fn by_row(&self, pieces: &Array1<f64>) -> Array1<f64> {
        let rows = self.inputs.nrows();
        let mut sums = Array1::zeros(rows);
        for (piece, value) in pieces.iter().enumerate() {
            sums[piece % rows] += value;
        }
        sums
    }

    /// Gives every piece what belongs to its row, with its sign.
    fn by_piece(&self, rows: &Array1<f64>) -> Array1<f64> {
        let signs = self.hinges.signs.iter().enumerate();
        signs
            .map(|(piece, sign)| sign * rows[piece % rows.len()])
            .collect()
    }

    /// Gives the loss at the point's weights minus the bound that its multipliers prove.
    fn gap(&self, point: &Point) -> f64 {
        let Hinges { cost, offsets, .. } = self.hinges;
        let predictions = self.inputs.dot(&point.weights) + point.intercept;
        let hinges = self.by_piece(&predictions) + offsets;
        let losses: f64 = hinges.iter().map(|hinge| hinge.max(0.0)).sum();
        let signed = &point.multipliers * &self.hinges.signs;
        let dual_weights = self.inputs.t().dot(&self.by_row(&signed));
        let primal = 0.5 * point.weights.dot(&point.weights) + cost * losses;
        let dual = offsets.dot(&point.multipliers) - 0.5 * dual_weights.dot(&dual_weights);
        // Multipliers bound the loss only as far as those of both signs weigh the same.
        let unbalanced = signed.sum().abs() * (1.0 + point.intercept.abs());
        (primal - dual).abs() + unbalanced
    }

    /// Gives the intercept of least loss for given weights, and of several the middle one, as libsvm does.
    fn best_intercept(&self, weights: &Array1<f64>) -> f64 {
        let Hinges { signs, offsets, .. } = self.hinges;
        let hinges = self.by_piece(&self.inputs.dot(weights)) + offsets;
        // A piece of negative sign weighs against the others until the intercept passes its bend.
        let mut bends: Vec<f64> = hinges
            .iter()
            .zip(signs)
            .map(|(h, sign)| -h * sign)
            .collect();
        bends.sort_unstable_by(f64::total_cmp);
        let negative = signs.iter().filter(|sign| **sign < 0.0).count();
        0.5 * (bends[negative - 1] + bends[negative])
    }

    fn step(&self, ridge: &WeightedRidge<'_>, point: &Point) -> Option<Point> {
        let stiffness = Zip::from(&point.slacks)
            .and(&point.multipliers)
            .and(&point.losses)
            .and(&point.rest)
            .map_collect(|slack, multiplier, loss, rest| 1.0 / (slack / multiplier + loss / rest));
        let factored = ridge.factor(self.by_row(&stiffness).view())?;
        let average = point.complementarity() / (2 * point.slacks.len()) as f64;
        let towards_zero = (
            -(&point.multipliers * &point.slacks),
            -(&point.rest * &point.losses),
        );
        let predictor = self.direction(&factored, &stiffness, point, &towards_zero);
        let reached = point.moved(&predictor, point.longest(&predictor));
        let left = reached.complementarity() / (2 * point.slacks.len()) as f64;
        let centre = average * (left / average).powi(3);
        let corrected = (
            towards_zero.0 - &predictor.multipliers * &predictor.slacks + centre,
            towards_zero.1 - &predictor.rest * &predictor.losses + centre,
        );
        let corrector = self.direction(&factored, &stiffness, point, &corrected);
        let length = (TOWARDS_BORDER * point.longest(&corrector)).min(1.0);
        Some(point.moved(&corrector, length))
    }

    /// Solves for the change of every part of the point that changes the products of slacks and of losses
    /// with their multipliers by `changes`.
    fn direction(
        &self,
        factored: &Factored,
        stiffness: &Array1<f64>,
        point: &Point,
        changes: &(Array1<f64>, Array1<f64>),
    ) -> Point {
        let force = &changes.0 / &point.multipliers - &changes.1 / &point.rest;
        let signs = &self.hinges.signs;
        let pulls = self.by_row(&((&force * stiffness + &point.multipliers) * signs));
        let right = -(&point.weights + &self.inputs.t().dot(&pulls));
        let (weights, intercept) = factored.solve(&right, -pulls.sum());
        let predictions = self.by_piece(&(self.inputs.dot(&weights) + intercept));
        let multipliers = stiffness * (force + predictions);
        let slacks = (&changes.0 - &point.slacks * &multipliers) / &point.multipliers;
        let losses = (&changes.1 + &point.losses * &multipliers) / &point.rest;
        Point {
            weights,
            intercept,
            rest: -&multipliers,
            multipliers,
            slacks,
            losses,
        }
    }
}

impl Point {
    fn complementarity(&self) -> f64 {
        self.multipliers.dot(&self.slacks) + self.rest.dot(&self.losses)
    }

    /// Gives how far one may go without leaving the allowed region, at most 1 / `TOWARDS_BORDER`.
    fn longest(&self, direction: &Self) -> f64 {
        let pairs = [
            (&self.multipliers, &direction.multipliers),
            (&self.rest, &direction.rest),
            (&self.slacks, &direction.slacks),
            (&self.losses, &direction.losses),
        ];
        let mut longest = 1.0 / TOWARDS_BORDER;
        for (values, steps) in pairs {
            for (value, step) in values.iter().zip(steps) {
                if *step < 0.0 {
                    longest = f64::min(longest, -value / step);
                }
            }
        }
        longest
    }

    fn moved(&self, direction: &Self, length: f64) -> Self {
        let along = |values: &Array1<f64>, steps: &Array1<f64>| values + &(steps * length);
        Self {
            weights: along(&self.weights, &direction.weights),
            intercept: self.intercept + length * direction.intercept,
            multipliers: along(&self.multipliers, &direction.multipliers),
            rest: along(&self.rest, &direction.rest),
            slacks: along(&self.slacks, &direction.slacks),
            losses: along(&self.losses, &direction.losses),
        }
    }
}
