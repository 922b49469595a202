//! XGBoost's arithmetic for splits and leaves under squared error.
//!
//! The second derivative of half the squared error is 1, so a sum of second derivatives is a number of
//! rows. Sums are 64-bit, scores and losses 32-bit, as XGBoost keeps them: ties between splits, and
//! hence the trees, depend on it.

/// The smallest change of loss that is worth a split (XGBoost's `kRtEps`).
pub(crate) const LEAST_LOSS_CHANGE: f32 = 1e-6;

/// Sum of the gradients of some rows, and their number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) gradient: f64,
    pub(crate) rows: u32,
}

impl Sums {
    pub(crate) fn less(self, other: Self) -> Self {
        Self {
            gradient: self.gradient - other.gradient,
            rows: self.rows - other.rows,
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.gradient += other.gradient;
        self.rows += other.rows;
    }
}

/// Scores sets of rows under a penalty on leaf weights.
#[derive(Debug)]
pub(crate) struct Penalty {
    lambda: f64,
    /// The fewest rows of a child.
    pub(crate) least_rows: u32,
}

impl Penalty {
    pub(crate) fn new(reg_lambda: f32, min_child_weight: f32) -> Self {
        Self {
            lambda: f64::from(reg_lambda),
            // A child without rows is none, however small the least weight.
            least_rows: (min_child_weight.ceil() as u32).max(1),
        }
    }

    pub(crate) fn lambda(&self) -> f64 {
        self.lambda
    }

    /// G² / (H + lambda), as XGBoost rounds it.
    pub(crate) fn score(&self, sums: Sums) -> f32 {
        (sums.gradient * sums.gradient / (f64::from(sums.rows) + self.lambda)) as f32
    }

    /// The best leaf weight, -G / (H + lambda).
    pub(crate) fn weight(&self, sums: Sums) -> f32 {
        (-sums.gradient / (f64::from(sums.rows) + self.lambda)) as f32
    }
}

/// Screens the divisions of one node.
///
/// When `taken` rows of gradient sum s go to one side and the rest, of sum T - s, to the other, the two
/// score s² a + (T - s)² b together, with a and b the reciprocals of their rows plus lambda. That is a
/// square of s whose coefficients depend on the node alone, so that a candidate costs three
/// multiplications and no division. Nearly all candidates fall here; what falls could not have won, since
/// [`Contest::may_win`] allows for more than all roundings together.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    /// Coefficients of s², -s and 1 at the number of rows taken.
    coefficients: Vec<[f64; 3]>,
}

impl Screen {
    /// Screens nothing, for a search that does not ask.
    pub(crate) fn none() -> Self {
        Self {
            coefficients: Vec::new(),
        }
    }

    pub(crate) fn new(sums: Sums, penalty: &Penalty) -> Self {
        let total = sums.gradient;
        let coefficients = (0..=sums.rows)
            .map(|taken| {
                let rest = sums.rows - taken;
                if taken < penalty.least_rows || rest < penalty.least_rows {
                    return [0.0, 0.0, f64::NEG_INFINITY];
                }
                let a = 1.0 / (f64::from(taken) + penalty.lambda);
                let b = 1.0 / (f64::from(rest) + penalty.lambda);
                [a + b, 2.0 * total * b, total * total * b]
            })
            .collect();
        Self { coefficients }
    }

    /// The coefficients for 1 row taken, 2 rows, and so on.
    #[inline(always)]
    pub(crate) fn of_one_row_on(&self) -> &[[f64; 3]] {
        &self.coefficients[1..]
    }
}

/// Scores a sum of gradients by the coefficients of its number of rows.
#[inline(always)]
pub(crate) fn scores([square, linear, constant]: [f64; 3], sum: f64) -> f64 {
    (square * sum - linear) * sum + constant
}

/// Where a node would be divided, and what that is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Split {
    pub(crate) loss_change: f32,
    pub(crate) feature: u32,
    /// Lower values go left.
    pub(crate) threshold: f32,
    pub(crate) missing_left: bool,
}

impl Split {
    const NONE: Self = Self {
        loss_change: 0.0,
        feature: 0,
        threshold: 0.0,
        missing_left: false,
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
pub(crate) struct Contest {
    sums: Sums,
    /// Score of the undivided node.
    score: f32,
    pub(crate) best: Split,
    /// See [`Self::may_win`].
    limit: f64,
}

impl Contest {
    pub(crate) fn new(sums: Sums, penalty: &Penalty) -> Self {
        let mut contest = Self {
            sums,
            score: penalty.score(sums),
            best: Split::NONE,
            limit: 0.0,
        };
        contest.raise_limit();
        contest
    }

    /// Whether a split that [`Screen`] scores so could win.
    #[inline(always)]
    pub(crate) fn may_win(&self, scores: f64) -> bool {
        scores > self.limit
    }

    /// Score that both sides together must exceed to win, before rounding.
    #[inline(always)]
    pub(crate) fn limit(&self) -> f64 {
        self.limit
    }

    /// Takes the split that sends `side` one way and the rest the other if it wins. `threshold` is asked
    /// for only then.
    #[inline]
    pub(crate) fn enter(
        &mut self,
        penalty: &Penalty,
        feature: u32,
        side: Sums,
        missing_left: bool,
        threshold: impl FnOnce() -> f32,
    ) {
        let scores = penalty.score(side) + penalty.score(self.sums.less(side));
        let loss_change = scores - self.score;
        if self.best.yields_to(loss_change, feature) {
            self.best = Split {
                loss_change,
                feature,
                threshold: threshold(),
                missing_left,
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
        self.limit = (f64::from(self.score) + f64::from(self.best.loss_change)) * (1.0 - 1e-6);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(gradient: f64, rows: u32) -> Sums {
        Sums { gradient, rows }
    }

    /// The score of both sides together, before rounding, when `side` goes to either.
    fn score(screen: &Screen, side: Sums) -> f64 {
        scores(
            screen.of_one_row_on()[side.rows as usize - 1],
            side.gradient,
        )
    }

    #[test]
    fn scores_and_weights_are_those_of_the_closed_form() {
        let penalty = Penalty::new(1.0, 1.0);
        // G = -4, H = 2, lambda = 1: weight 4/3, score 16/3.
        assert_eq!(penalty.weight(sums(-4.0, 2)), 4.0 / 3.0);
        assert_eq!(penalty.score(sums(-4.0, 2)), 16.0 / 3.0);
        // 3²/(2 + 1) + 5²/(4 + 1)
        let screen = Screen::new(sums(8.0, 6), &penalty);
        assert!((score(&screen, sums(3.0, 2)) - 8.0).abs() < 1e-14);
        assert_eq!(score(&screen, sums(8.0, 6)), f64::NEG_INFINITY);
    }

    #[test]
    fn of_equal_splits_the_earlier_feature_wins_in_any_order() {
        let penalty = Penalty::new(1.0, 1.0);
        let node = sums(0.0, 4);
        let mut late = Contest::new(node, &penalty);
        late.enter(&penalty, 7, sums(2.0, 2), true, || 0.5);
        let mut early = Contest::new(node, &penalty);
        early.enter(&penalty, 3, sums(2.0, 2), true, || 1.5);
        let mut forth = late;
        forth.merge(&early);
        let mut back = early;
        back.merge(&late);
        assert_eq!(forth.best, back.best);
        assert_eq!(forth.best.feature, 3);
        // 2²/3 + 2²/3 - 0
        assert_eq!(forth.best.loss_change, 4.0 / 3.0 + 4.0 / 3.0);
    }

    #[test]
    fn a_child_below_the_least_weight_is_screened_out() {
        let node = sums(0.0, 5);
        let contest = |least| {
            let penalty = Penalty::new(0.0, least);
            let screen = Screen::new(node, &penalty);
            Contest::new(node, &penalty).may_win(score(&screen, sums(3.0, 2)))
        };
        assert!(contest(2.0));
        assert!(!contest(2.5));
    }

    #[test]
    fn the_limit_lets_equal_scores_through() {
        let penalty = Penalty::new(1.0, 1.0);
        let mut contest = Contest::new(sums(1.0, 4), &penalty);
        contest.enter(&penalty, 5, sums(2.0, 2), true, || 0.5);
        let same = 4.0 / 3.0 + 1.0 / 3.0;
        assert!(contest.may_win(same));
        assert!(!contest.may_win(same * 0.99999));
    }
}
