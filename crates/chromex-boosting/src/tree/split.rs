//! XGBoost's arithmetic for splits and leaves.
//!
//! Sums of derivatives are 64-bit, scores and losses 32-bit, as XGBoost keeps them: ties between splits, and hence the
//! trees, depend on it.

/// The smallest change of loss that is worth a split (XGBoost's `kRtEps`).
const LEAST_LOSS_CHANGE: f32 = 1e-6;

/// First and second derivative of the loss of a row; 32-bit, as XGBoost's.
pub(crate) type Gradient = [f32; 2];

/// Sums of the derivatives of some rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) gradient: f64,
    pub(crate) hessian: f64,
}

impl Sums {
    pub(crate) fn less(self, other: Self) -> Self {
        Self {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.gradient += other.gradient;
        self.hessian += other.hessian;
    }

    pub(crate) fn add_row(&mut self, [gradient, hessian]: Gradient) {
        self.gradient += f64::from(gradient);
        self.hessian += f64::from(hessian);
    }
}

/// The settings that score splits and weigh leaves.
#[derive(Clone, Debug)]
pub(crate) struct Penalty {
    pub(crate) reg_lambda: f64,
    pub(crate) reg_alpha: f64,
    /// The least sum of second derivatives of a child.
    pub(crate) min_child_weight: f64,
    /// The largest weight of a leaf; 0 sets no limit.
    pub(crate) max_delta_step: f64,
    /// For each column whether predictions may only rise (1) or fall (-1) with it; empty where none is bound.
    pub(crate) monotone: Vec<i8>,
}

/// Between which numbers the weights of a node's children must lie, that columns with a direction keep it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    lower: f32,
    upper: f32,
}

impl Bounds {
    pub(crate) const NONE: Self = Self {
        lower: f32::MIN,
        upper: f32::MAX,
    };

    /// The bounds of the children of a node with these bounds, divided by a column of this direction.
    pub(crate) fn of_children(self, direction: i8, left: f32, right: f32) -> [Self; 2] {
        let middle = (left + right) / 2.0;
        let below = Self {
            upper: middle,
            ..self
        };
        let above = Self {
            lower: middle,
            ..self
        };
        match direction {
            0 => [self, self],
            1.. => [below, above],
            _ => [above, below],
        }
    }
}

impl Penalty {
    /// Whether weights are held back, by a largest step or by directions, so that the score of rows is no closed formula.
    fn holds_back(&self) -> bool {
        self.max_delta_step > 0.0 || !self.monotone.is_empty()
    }

    /// By how much sums of gradients shrink before a bound of the score is computed from them.
    ///
    /// Where weights are held back, scores still cannot exceed those of unshrunk, unbound ones.
    pub(crate) fn shrinks_by(&self) -> f64 {
        if self.holds_back() {
            0.0
        } else {
            self.reg_alpha
        }
    }

    pub(crate) fn direction(&self, column: u32) -> i8 {
        self.monotone.get(column as usize).copied().unwrap_or(0)
    }

    /// Draws a gradient towards 0 by `reg_alpha`.
    fn shrunk(&self, gradient: f64) -> f64 {
        if gradient > self.reg_alpha {
            gradient - self.reg_alpha
        } else if gradient < -self.reg_alpha {
            gradient + self.reg_alpha
        } else {
            0.0
        }
    }

    /// The best weight of a leaf of these rows.
    pub(crate) fn weight(&self, sums: Sums, bounds: Bounds) -> f32 {
        if sums.hessian < self.min_child_weight || sums.hessian <= 0.0 {
            return 0.0_f32.max(bounds.lower).min(bounds.upper);
        }
        let mut weight = -self.shrunk(sums.gradient) / (sums.hessian + self.reg_lambda);
        if self.max_delta_step > 0.0 && weight.abs() > self.max_delta_step {
            weight = self.max_delta_step.copysign(weight);
        }
        (weight as f32).max(bounds.lower).min(bounds.upper)
    }

    /// Twice the loss that the best leaf of these rows takes away, as XGBoost rounds it.
    pub(crate) fn score(&self, sums: Sums, bounds: Bounds) -> f32 {
        if self.holds_back() {
            return self.score_at(sums, self.weight(sums, bounds));
        }
        if sums.hessian <= 0.0 {
            return 0.0;
        }
        let shrunk = self.shrunk(sums.gradient);
        (shrunk * shrunk) as f32 / (sums.hessian + self.reg_lambda) as f32
    }

    /// Twice the loss that a leaf of this weight takes away.
    fn score_at(&self, sums: Sums, weight: f32) -> f32 {
        if sums.hessian <= 0.0 {
            return 0.0;
        }
        let (gradient, hessian) = (sums.gradient as f32, sums.hessian as f32);
        -(2.0 * gradient * weight + (hessian + self.reg_lambda as f32) * (weight * weight))
    }

    /// Scores both sides of a split; none where it goes against the direction of its column.
    fn score_sides(&self, column: u32, [left, right]: [Sums; 2], bounds: Bounds) -> Option<f32> {
        if !self.holds_back() {
            return Some(self.score(left, bounds) + self.score(right, bounds));
        }
        let (lower, upper) = (self.weight(left, bounds), self.weight(right, bounds));
        let keeps = match self.direction(column) {
            0 => true,
            1.. => lower <= upper,
            _ => lower >= upper,
        };
        keeps.then(|| self.score_at(left, lower) + self.score_at(right, upper))
    }

    /// Scores rows for several outputs at once.
    pub(crate) fn score_many(&self, sums: &[Sums]) -> f64 {
        sums.iter()
            .map(|&sums| {
                let weight = f64::from(self.weight(sums, Bounds::NONE));
                -weight * self.shrunk(sums.gradient)
            })
            .sum()
    }

    /// Whether a node of these rows may have two children.
    pub(crate) fn may_divide(&self, sums: &[Sums]) -> bool {
        sums.len() > 1 || sums[0].hessian >= 2.0 * self.min_child_weight
    }
}

/// Where a node would be divided, and what that is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Split {
    pub(crate) loss_change: f32,
    pub(crate) feature: u32,
    /// Lower values go left.
    pub(crate) threshold: f32,
    pub(crate) missing_left: bool,
    /// Sums of the rows that go left and right, of nodes of one output.
    pub(crate) sides: [Sums; 2],
}

impl Split {
    const NONE: Self = Self {
        loss_change: 0.0,
        feature: 0,
        threshold: 0.0,
        missing_left: false,
        sides: [Sums {
            gradient: 0.0,
            hessian: 0.0,
        }; 2],
    };

    /// Whether the split improves the loss enough to be made.
    pub(crate) fn is_worthwhile(&self) -> bool {
        self.loss_change > LEAST_LOSS_CHANGE
    }

    /// Whether a split of `feature` takes this one's place: a larger change, or the same change of an
    /// earlier feature.
    fn yields_to(&self, loss_change: f32, feature: u32) -> bool {
        if !loss_change.is_finite() {
            false
        } else if self.feature <= feature {
            loss_change > self.loss_change
        } else {
            loss_change >= self.loss_change
        }
    }
}

/// The best split of one node so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contest<'a> {
    pub(crate) penalty: &'a Penalty,
    /// One for each output.
    pub(crate) sums: &'a [Sums],
    bounds: Bounds,
    /// Score of the undivided node.
    score: f32,
    /// The same of a node of several outputs.
    score_many: f64,
    pub(crate) best: Split,
    /// See [`Self::limit`].
    limit: f64,
}

impl<'a> Contest<'a> {
    /// Begins without a split; `score` is the node's own.
    pub(crate) fn new(penalty: &'a Penalty, sums: &'a [Sums], score: f32, bounds: Bounds) -> Self {
        let mut contest = Self {
            penalty,
            sums,
            bounds,
            score,
            score_many: match sums {
                [_] => 0.0,
                _ => penalty.score_many(sums),
            },
            best: Split::NONE,
            limit: 0.0,
        };
        contest.raise_limit();
        contest
    }

    /// Score that both sides together must exceed to win, before rounding.
    #[inline(always)]
    pub(crate) fn limit(&self) -> f64 {
        self.limit
    }

    /// Takes the split that sends `side` left, or right where `missing_left`, and the rest the other way, if it wins.
    /// `threshold` is asked for only then.
    #[inline]
    pub(crate) fn enter(
        &mut self,
        feature: u32,
        side: Sums,
        missing_left: bool,
        threshold: impl FnOnce() -> f32,
    ) {
        let rest = self.sums[0].less(side);
        let sides = if missing_left {
            [rest, side]
        } else {
            [side, rest]
        };
        if sides
            .iter()
            .any(|side| side.hessian < self.penalty.min_child_weight)
        {
            return;
        }
        let Some(score) = self.penalty.score_sides(feature, sides, self.bounds) else {
            return;
        };
        self.take(feature, score - self.score, missing_left, sides, threshold);
    }

    /// As [`Self::enter`], of a node of several outputs.
    pub(crate) fn enter_many(
        &mut self,
        feature: u32,
        side: &[Sums],
        rest: &[Sums],
        missing_left: bool,
        threshold: impl FnOnce() -> f32,
    ) {
        let score = self.penalty.score_many(side) + self.penalty.score_many(rest);
        let change = (score - self.score_many) as f32;
        self.take(feature, change, missing_left, Default::default(), threshold);
    }

    #[inline]
    fn take(
        &mut self,
        feature: u32,
        loss_change: f32,
        missing_left: bool,
        sides: [Sums; 2],
        threshold: impl FnOnce() -> f32,
    ) {
        if self.best.yields_to(loss_change, feature) {
            self.best = Split {
                loss_change,
                feature,
                threshold: threshold(),
                missing_left,
                sides,
            };
            self.raise_limit();
        }
    }

    /// Takes the other's best split if it wins.
    pub(crate) fn merge(&mut self, other: &Self) {
        if self
            .best
            .yields_to(other.best.loss_change, other.best.feature)
        {
            self.best = other.best;
            self.limit = other.limit;
        }
    }

    /// Sets the limit below the best score by more than all roundings together reach.
    fn raise_limit(&mut self) {
        let best = f64::from(self.score) + f64::from(self.best.loss_change);
        self.limit = best - best.abs() * 1e-6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn penalty() -> Penalty {
        Penalty {
            reg_lambda: 1.0,
            reg_alpha: 0.0,
            min_child_weight: 1.0,
            max_delta_step: 0.0,
            monotone: Vec::new(),
        }
    }

    fn sums(gradient: f64, hessian: f64) -> Sums {
        Sums { gradient, hessian }
    }

    #[test]
    fn scores_and_weights_are_those_of_the_closed_form() {
        let penalty = penalty();
        // G = -4, H = 2, lambda = 1: weight 4/3, score 16/3.
        assert_eq!(penalty.weight(sums(-4.0, 2.0), Bounds::NONE), 4.0 / 3.0);
        assert_eq!(penalty.score(sums(-4.0, 2.0), Bounds::NONE), 16.0 / 3.0);
        let lasso = Penalty {
            reg_alpha: 1.0,
            ..penalty.clone()
        };
        assert_eq!(lasso.weight(sums(-4.0, 2.0), Bounds::NONE), 1.0);
        assert_eq!(lasso.score(sums(-4.0, 2.0), Bounds::NONE), 3.0);
        assert_eq!(lasso.score(sums(0.5, 2.0), Bounds::NONE), 0.0);
        let careful = Penalty {
            max_delta_step: 0.5,
            ..penalty
        };
        assert_eq!(careful.weight(sums(-4.0, 2.0), Bounds::NONE), 0.5);
        // -(2 · -4 · 0.5 + 3 · 0.25)
        assert_eq!(careful.score(sums(-4.0, 2.0), Bounds::NONE), 3.25);
    }

    #[test]
    fn what_holds_weights_back_never_scores_above_what_does_not() {
        let free = penalty();
        let held = Penalty {
            max_delta_step: 0.3,
            reg_alpha: 0.7,
            monotone: vec![1],
            ..penalty()
        };
        assert_eq!(held.shrinks_by(), 0.0);
        for gradient in [-5.0, -0.6, 0.1, 3.0] {
            let sums = sums(gradient, 2.5);
            let bounds = Bounds {
                lower: -0.2,
                upper: 0.1,
            };
            assert!(held.score(sums, bounds) <= free.score(sums, Bounds::NONE));
        }
    }

    #[test]
    fn a_split_against_the_direction_of_its_column_is_none() {
        let rising = Penalty {
            monotone: vec![1, -1],
            ..penalty()
        };
        // The left child would predict more.
        let sides = [sums(-4.0, 2.0), sums(4.0, 2.0)];
        assert_eq!(rising.score_sides(0, sides, Bounds::NONE), None);
        assert!(rising.score_sides(1, sides, Bounds::NONE).is_some());
        let [left, right] = Bounds::NONE.of_children(1, -1.0, 3.0);
        assert_eq!((left.upper, right.lower), (1.0, 1.0));
        let [left, right] = Bounds::NONE.of_children(-1, 3.0, -1.0);
        assert_eq!((left.lower, right.upper), (1.0, 1.0));
    }

    #[test]
    fn of_equal_splits_the_earlier_feature_wins_in_any_order() {
        let penalty = penalty();
        let node = [sums(0.0, 4.0)];
        let begin = || Contest::new(&penalty, &node, 0.0, Bounds::NONE);
        let mut late = begin();
        late.enter(7, sums(2.0, 2.0), true, || 0.5);
        let mut early = begin();
        early.enter(3, sums(2.0, 2.0), true, || 1.5);
        let mut forth = late;
        forth.merge(&early);
        let mut back = early;
        back.merge(&late);
        assert_eq!(forth.best, back.best);
        assert_eq!(forth.best.feature, 3);
        assert_eq!(forth.best.sides[0], sums(-2.0, 2.0));
        // 2²/3 + 2²/3 - 0
        assert_eq!(forth.best.loss_change, 4.0 / 3.0 + 4.0 / 3.0);
    }

    #[test]
    fn a_child_below_the_least_weight_is_no_candidate() {
        let node = [sums(0.0, 5.0)];
        let best = |least| {
            let penalty = Penalty {
                min_child_weight: least,
                ..penalty()
            };
            let mut contest = Contest::new(&penalty, &node, 0.0, Bounds::NONE);
            contest.enter(0, sums(3.0, 2.0), false, || 0.5);
            contest.best.is_worthwhile()
        };
        assert!(best(2.0));
        assert!(!best(2.5));
    }
}
