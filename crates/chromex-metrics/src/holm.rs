/// Adjusts p-values for the number of tests by Holm's step-down procedure.
pub fn holm(_p_values: &[f64]) -> Vec<f64> {
    unimplemented!()
}
