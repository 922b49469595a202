use burn::Tensor;
use burn::tensor::{Device, TensorData};

/// Gives each head's slope: what a score loses for every position between a query and a key ("attention with linear
/// biases", Press, Smith and Lewis 2022, doi:10.48550/arXiv.2108.12409).
///
/// Slopes of a power of two heads fall by equal factors down to 2⁻⁸; other numbers have those of the next lower power first,
/// then every other one of twice as many: 12 heads have 2⁻¹ to 2⁻⁸, then 2⁻⁰·⁵, 2⁻¹·⁵, 2⁻²·⁵ and 2⁻³·⁵.
pub fn alibi_slopes(heads: usize) -> Vec<f32> {
    let power = |heads: usize, nth: usize| (-8.0 * (nth + 1) as f64 / heads as f64).exp2() as f32;
    let lower = match heads {
        0 => return Vec::new(),
        _ => 1 << heads.ilog2(),
    };
    let first = (0..lower).map(|nth| power(lower, nth));
    let rest = (0..heads - lower).map(|nth| power(2 * lower, 2 * nth));
    first.chain(rest).collect()
}

/// What scores lose by distance, `[rows, heads, length, length]`.
pub(super) fn biases(rows: usize, heads: usize, length: usize, device: &Device) -> Tensor<4> {
    let mut biases = Vec::with_capacity(heads * length * length);
    for slope in alibi_slopes(heads) {
        for query in 0..length {
            biases.extend((0..length).map(|key| -slope * query.abs_diff(key) as f32));
        }
    }
    let biases = TensorData::new(biases, [1, heads, length, length]);
    Tensor::<4>::from_data(biases, device).expand([rows, heads, length, length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_heads_have_the_published_slopes_in_the_published_order() {
        let powers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 0.5, 1.5, 2.5, 3.5];
        let expected = powers.map(|power: f64| (-power).exp2() as f32);
        assert_eq!(alibi_slopes(12), expected);
        assert_eq!(alibi_slopes(8), expected[..8]);
        assert_eq!(alibi_slopes(1), [2.0_f32.powi(-8)]);
        assert!(alibi_slopes(0).is_empty());
    }
}
