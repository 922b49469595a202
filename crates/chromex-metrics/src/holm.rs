//! Many tests at once.

/// Adjusts p-values for the number of tests by Holm's step-down procedure.
///
/// Calling every test whose adjusted value is at most `a` keeps the chance of a single false call at most `a`, however the
/// tests depend on each other. Values stay in input order and in the order of their p-values, and none exceeds 1. A NaN stays
/// NaN and does not count as a test.
///
/// Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6, 65-70.
///
/// # Examples
///
/// ```
/// let adjusted = chromex_metrics::holm(&[0.25, 0.125, f64::NAN]);
/// assert_eq!(adjusted[..2], [0.25, 0.25]);
/// assert!(adjusted[2].is_nan());
/// ```
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut tests: Vec<usize> = (0..p_values.len())
        .filter(|&test| !p_values[test].is_nan())
        .collect();
    tests.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![f64::NAN; p_values.len()];
    let mut largest = 0.0_f64;
    for (passed, &test) in tests.iter().enumerate() {
        let remaining = (tests.len() - passed) as f64;
        largest = largest.max((remaining * p_values[test]).min(1.0));
        adjusted[test] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::holm;

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15 || found.is_nan() && expected.is_nan());
        }
    }

    #[test]
    fn four_tests_multiply_by_four_three_two_one_and_never_step_down() {
        // Sorted: 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1, which steps up to 0.06.
        assert_close(&holm(&[0.01, 0.04, 0.03, 0.005]), &[0.03, 0.06, 0.06, 0.02]);
    }

    #[test]
    fn adjusted_values_stop_at_one() {
        assert_close(&holm(&[0.6, 0.2, 0.9]), &[1.0, 0.6, 1.0]);
    }

    #[test]
    fn one_test_keeps_its_value_and_none_gives_none() {
        assert_close(&holm(&[0.04]), &[0.04]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn nan_stays_and_does_not_count_as_a_test() {
        assert_close(
            &holm(&[f64::NAN, 0.01, f64::NAN, 0.02]),
            &[f64::NAN, 0.02, f64::NAN, 0.02],
        );
    }

    proptest! {
        #[test]
        fn adjusted_values_lie_between_the_p_value_and_bonferroni_and_keep_the_order(
            p_values in prop::collection::vec(0.0..=1.0_f64, 0..30),
        ) {
            let adjusted = holm(&p_values);
            for (p, a) in p_values.iter().zip(&adjusted) {
                prop_assert!(p <= a && *a <= (p * p_values.len() as f64).min(1.0));
                for (other_p, other_a) in p_values.iter().zip(&adjusted) {
                    prop_assert!(p > other_p || a <= other_a);
                }
            }
        }
    }
}
