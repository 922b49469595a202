//! Percentiles of resampled scores.

/// Interpolates linearly between the two nearest of the sorted values, as numpy does by default; NaN for none.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let position = share * last as f64;
    let below = position.floor() as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    let (step, part) = (high - low, position - below as f64);
    // Equal infinities have no step. Counted from the nearer value, the result never leaves the two.
    if low == high {
        low
    } else if part < 0.5 {
        low + step * part
    } else {
        high - step * (1.0 - part)
    }
}

/// Tests against no difference with the smaller tail of the sorted differences; NaN for none.
pub(crate) fn p_value(sorted: &[f64]) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let at_most_zero = sorted.partition_point(|&difference| difference <= 0.0);
    let at_least_zero = sorted.len() - sorted.partition_point(|&difference| difference < 0.0);
    // The rows themselves count as one more resample: no finite number of resamples shows a p-value of zero.
    let tail = (at_most_zero.min(at_least_zero) + 1) as f64 / (sorted.len() + 1) as f64;
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_neighbours() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&sorted, 0.5), 3.0);
        assert_eq!(quantile(&sorted, 0.25), 1.75);
        assert_eq!(quantile(&sorted, 0.0), 1.0);
        assert_eq!(quantile(&sorted, 1.0), 8.0);
        assert_eq!(quantile(&[5.0], 0.975), 5.0);
        assert_eq!(quantile(&[f64::INFINITY; 3], 0.3), f64::INFINITY);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn p_values_double_the_smaller_tail_and_are_never_zero() {
        // One of nine at or below zero, the rows themselves the tenth: 2 x 2/10.
        assert_eq!(
            p_value(&[-1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]),
            0.4
        );
        assert_eq!(p_value(&[-3.0, -2.0, -1.0]), 0.5); // 2 x 1/4
        assert_eq!(p_value(&[1.0; 99]), 0.02);
        assert_eq!(p_value(&[0.0; 99]), 1.0);
        assert!(p_value(&[]).is_nan());
    }

    #[derive(serde::Deserialize)]
    struct Golden {
        shares: Vec<f64>,
        cases: Vec<Case>,
    }

    #[derive(serde::Deserialize)]
    struct Case {
        sorted: Vec<f64>,
        quantiles: Vec<f64>,
    }

    #[test]
    fn quantiles_are_those_of_numpy() {
        let golden = include_str!("../tests/golden/percentiles.json");
        let golden: Golden = serde_json::from_str(golden).unwrap();
        for case in golden.cases {
            assert_eq!(golden.shares.len(), case.quantiles.len());
            for (&share, expected) in golden.shares.iter().zip(case.quantiles) {
                let found = quantile(&case.sorted, share);
                let rows = case.sorted.len();
                assert!(
                    (found - expected).abs() <= 1e-15,
                    "{share} of {rows}: {found}, {expected}"
                );
            }
        }
    }
}
