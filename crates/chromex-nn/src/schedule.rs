use serde::{Deserialize, Serialize};

/// How the learning rate moves over the steps of an optimiser: a factor of its peak.
///
/// A function of the step alone, so that resumed training needs no state of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Always the peak.
    #[default]
    Constant,
    /// Down as 1 / (1 + decay step), as Torch7's gradient descent has it.
    InverseTime {
        /// How fast: after 1 / decay steps half the peak is left.
        decay: f64,
    },
    /// Up in a line to the peak, then constant.
    WarmUp {
        /// Steps until the peak.
        steps: u64,
    },
    /// Up in a line to the peak, then down in a line to 0 after the last step.
    WarmUpLinear {
        /// Steps until the peak.
        steps: u64,
    },
    /// Up in a line to the peak, then down along half a cosine to 0 after the last step.
    WarmUpCosine {
        /// Steps until the peak.
        steps: u64,
    },
}

impl Schedule {
    /// Gives the factor of a step, 0-based, of `total` steps.
    ///
    /// # Examples
    ///
    /// ```
    /// use chromex_nn::Schedule;
    /// let schedule = Schedule::WarmUpLinear { steps: 2 };
    /// let factors: Vec<f64> = (0..6).map(|step| schedule.factor(step, 6)).collect();
    /// assert_eq!(factors, [0.0, 0.5, 1.0, 0.75, 0.5, 0.25]);
    /// ```
    pub fn factor(self, step: u64, total: u64) -> f64 {
        let warm_up = match self {
            Self::Constant | Self::InverseTime { .. } => 0,
            Self::WarmUp { steps }
            | Self::WarmUpLinear { steps }
            | Self::WarmUpCosine { steps } => steps,
        };
        if step < warm_up {
            return step as f64 / warm_up as f64;
        }
        // The part of the way down that is left, from 1 at the peak.
        let left = || {
            let way = total.saturating_sub(warm_up).max(1);
            total.saturating_sub(step) as f64 / way as f64
        };
        match self {
            Self::Constant | Self::WarmUp { .. } => 1.0,
            Self::InverseTime { decay } => 1.0 / (1.0 + decay * step as f64),
            Self::WarmUpLinear { .. } => left(),
            Self::WarmUpCosine { .. } => (1.0 - (std::f64::consts::PI * left()).cos()) / 2.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_is_half_way_down_in_the_middle() {
        let schedule = Schedule::WarmUpCosine { steps: 10 };
        assert_eq!(schedule.factor(5, 110), 0.5);
        assert_eq!(schedule.factor(10, 110), 1.0);
        assert!((schedule.factor(60, 110) - 0.5).abs() < 1e-12);
        assert!(schedule.factor(110, 110).abs() < 1e-12);
    }
}
