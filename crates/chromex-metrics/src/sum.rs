//! Sums that keep their digits over millions of rows.

/// Rows summed in a plain loop before the halves are added pairwise.
const BLOCK: usize = 256;
/// Independent running sums of a block, so that the additions do not wait for each other.
const LANES: usize = 4;

/// Sums the `K` terms of every row pairwise: the rounding error grows with the logarithm of the number of rows, a running
/// sum's with the number itself.
///
/// # Panics
///
/// When the sides differ in length.
pub(crate) fn sums<const K: usize, T: Copy + Into<f64>>(
    first: &[T],
    second: &[T],
    term: impl Fn(f64, f64) -> [f64; K] + Copy,
) -> [f64; K] {
    assert_eq!(first.len(), second.len(), "both sides share their rows");
    if first.len() <= BLOCK {
        return block(first, second, term);
    }
    let middle = (first.len() / 2).next_multiple_of(LANES);
    let left = sums(&first[..middle], &second[..middle], term);
    let right = sums(&first[middle..], &second[middle..], term);
    std::array::from_fn(|k| left[k] + right[k])
}

fn block<const K: usize, T: Copy + Into<f64>>(
    first: &[T],
    second: &[T],
    term: impl Fn(f64, f64) -> [f64; K],
) -> [f64; K] {
    let mut lanes = [[0.0; LANES]; K];
    let (first_rows, first_rest) = first.as_chunks::<LANES>();
    let (second_rows, second_rest) = second.as_chunks::<LANES>();
    for (a, b) in first_rows.iter().zip(second_rows) {
        for lane in 0..LANES {
            let terms = term(a[lane].into(), b[lane].into());
            for k in 0..K {
                lanes[k][lane] += terms[k];
            }
        }
    }
    let mut totals = lanes.map(|lane| (lane[0] + lane[1]) + (lane[2] + lane[3]));
    for (&a, &b) in first_rest.iter().zip(second_rest) {
        let terms = term(a.into(), b.into());
        for k in 0..K {
            totals[k] += terms[k];
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::sums;

    #[test]
    fn whole_numbers_sum_exactly_at_every_length_around_a_block() {
        for length in (0..20).chain(250..265).chain([511, 512, 513, 1021, 4099]) {
            let rows: Vec<f32> = (0..length).map(|row| row as f32).collect();
            let [sum, product] = sums(&rows, &rows, |a, b| [a, a * b]);
            let n = f64::from(length);
            assert_eq!(sum, n * (n - 1.0) / 2.0, "{length} rows");
            assert_eq!(
                product,
                (n - 1.0) * n * (2.0 * n - 1.0) / 6.0,
                "{length} rows"
            );
        }
    }

    #[test]
    fn a_million_tenths_keep_fourteen_digits_where_a_running_sum_does_not() {
        let rows = vec![0.1_f64; 1 << 20];
        let exact = 0.1 * (1_u64 << 20) as f64; // scaling by a power of two does not round
        let [pairwise] = sums(&rows, &rows, |a, _| [a]);
        assert!((pairwise / exact - 1.0).abs() < 1e-14, "{pairwise}");
        let running: f64 = rows.iter().sum();
        assert!((running / exact - 1.0).abs() > 1e-12, "{running}");
    }
}
