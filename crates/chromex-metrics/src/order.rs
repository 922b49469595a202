//! Floats as integers of the same order, which sort without comparing floats.

/// Maps a float other than NaN to an integer of the same order; the two zeros share one.
pub(crate) fn ordered_bits(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits(); // -0.0 + 0.0 is 0.0
    if bits >> 31 == 0 {
        bits | 1 << 31
    } else {
        !bits
    }
}

/// Sorts rows by value and tells each row's doubled rank among `1..=n`, tied rows sharing the average of theirs. Doubled ranks
/// are whole numbers. `None` if a value is NaN (or there are more than 2^32 rows).
pub(crate) fn doubled_ranks(values: &[f32]) -> Option<Vec<f64>> {
    let rows = u32::try_from(values.len()).ok()?;
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut keys: Vec<u64> = (0..rows)
        .zip(values)
        .map(|(row, &value)| u64::from(ordered_bits(value)) << 32 | u64::from(row))
        .collect();
    keys.sort_unstable();
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0;
    for tied in keys.chunk_by(|a, b| a >> 32 == b >> 32) {
        // The ranks below + 1 ..= below + tied average to below + (tied + 1) / 2.
        let rank = (2 * below + tied.len() + 1) as f64;
        for key in tied {
            ranks[(key & u64::from(u32::MAX)) as usize] = rank;
        }
        below += tied.len();
    }
    Some(ranks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_order_as_their_floats() {
        let ascending = [
            f32::NEG_INFINITY,
            f32::MIN,
            -1.0,
            -f32::MIN_POSITIVE,
            -1e-45,
            0.0,
            1e-45,
            f32::MIN_POSITIVE,
            1.0,
            f32::MAX,
            f32::INFINITY,
        ];
        assert!(ascending.map(ordered_bits).is_sorted_by(|a, b| a < b));
        assert_eq!(ordered_bits(-0.0), ordered_bits(0.0));
    }

    #[test]
    fn tied_rows_share_the_average_rank() {
        let ranks = doubled_ranks(&[5.0, -1.0, 5.0, 0.0, -0.0, 5.0]);
        assert_eq!(ranks, Some(vec![10.0, 2.0, 10.0, 5.0, 5.0, 10.0]));
        assert_eq!(doubled_ranks(&[]), Some(vec![]));
        assert_eq!(doubled_ranks(&[1.0, f32::NAN]), None);
    }
}
