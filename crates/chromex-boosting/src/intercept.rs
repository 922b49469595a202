//! What is predicted before the first tree, where nothing is set: estimates from the targets, rounded as XGBoost's.

use ndarray::{ArrayView1, ArrayView2, Axis};

/// What all rows weigh.
fn total(rows: usize, weights: Option<&[f32]>) -> f64 {
    match weights {
        None => rows as f64,
        Some(weights) => weights.iter().map(|&weight| f64::from(weight)).sum(),
    }
}

/// The mean of each target.
pub(crate) fn means(targets: ArrayView2<'_, f32>, weights: Option<&[f32]>) -> Vec<f32> {
    let total = total(targets.nrows(), weights);
    targets
        .axis_iter(Axis(1))
        .map(|target| {
            let rows = target.iter().enumerate();
            let sum: f64 = rows
                .map(|(row, &value)| {
                    let weight = weights.map_or(1.0, |weights| f64::from(weights[row]));
                    weight * f64::from(value)
                })
                .sum();
            (sum / total) as f32
        })
        .collect()
}

/// The median of each target.
pub(crate) fn medians(targets: ArrayView2<'_, f32>, weights: Option<&[f32]>) -> Vec<f32> {
    let total = total(targets.nrows(), weights);
    targets
        .axis_iter(Axis(1))
        .map(|target| {
            let median = median(target.to_vec(), weights.map(<[f32]>::to_vec));
            // As if averaged over machines: the last bit decides on which side of it the row in the middle is.
            let summed = (f64::from(median) * total) as f32;
            (f64::from(summed) * (1.0 / total)) as f32
        })
        .collect()
}

/// The logarithms of the classes' shares, around their mean. Sums are 32-bit, as XGBoost's are.
pub(crate) fn class_margins(
    target: ArrayView1<'_, f32>,
    weights: Option<&[f32]>,
    classes: usize,
) -> Vec<f32> {
    let mut shares = vec![0.0_f32; classes];
    for (row, &class) in target.iter().enumerate() {
        shares[class as usize] += weights.map_or(1.0, |weights| weights[row]);
    }
    let scale = 1.0 / total(target.len(), weights);
    let logarithms: Vec<f32> = shares
        .iter()
        .map(|&share| {
            let share = (f64::from(share) * scale) as f32;
            // A class without rows keeps a margin, as in XGBoost.
            f64::from(share + 1e-6).ln() as f32
        })
        .collect();
    let mean: f32 = logarithms.iter().map(|value| value / classes as f32).sum();
    logarithms.iter().map(|value| value - mean).collect()
}

/// The median of values: half way between the two in the middle, or where half the weight is reached.
pub(crate) fn median(values: Vec<f32>, weights: Option<Vec<f32>>) -> f32 {
    let Some(weights) = weights else {
        let mut values = values;
        let (count, middle) = (values.len(), values.len() / 2);
        let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
        if count % 2 == 1 {
            return upper;
        }
        let lower = below.iter().copied().fold(f32::MIN, f32::max);
        return (f64::from(lower) + 0.5 * f64::from(upper - lower)) as f32;
    };
    let mut pairs: Vec<(f32, f32)> = values.into_iter().zip(weights).collect();
    pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let half = 0.5 * pairs.iter().map(|&(_, weight)| weight).sum::<f32>();
    let mut reached = 0.0;
    let place = pairs.iter().position(|&(_, weight)| {
        reached += weight;
        reached >= half
    });
    pairs[place.unwrap_or(pairs.len() - 1)].0
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn medians_lie_between_the_middle_values_or_where_half_the_weight_is() {
        assert_eq!(median(vec![5.0, 1.0, 2.0], None), 2.0);
        assert_eq!(median(vec![5.0, 1.0, 2.0, 4.0], None), 3.0);
        assert_eq!(median(vec![5.0, 1.0, 2.0], Some(vec![9.0, 1.0, 1.0])), 5.0);
    }

    #[test]
    fn rows_count_by_their_weight() {
        let targets = array![[0.0], [1.0], [2.0]];
        let weights = [1.0, 0.0, 3.0];
        assert_eq!(means(targets.view(), Some(&weights)), [1.5]);
        assert_eq!(medians(targets.view(), Some(&weights)), [2.0]);
        let margins = class_margins(targets.column(0), Some(&weights), 3);
        assert!((margins[2] - margins[0] - 3.0_f32.ln()).abs() < 1e-5);
        assert!(margins[1] < margins[0] - 10.0);
        assert!(margins.iter().sum::<f32>().abs() < 1e-5);
    }
}
