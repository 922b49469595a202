//! Floats as integers of the same order, which sort without comparing floats.

use crate::ResamplingUnits;

/// Fewer keys than this sort faster by comparison than by counting digits.
const FEW: usize = 1024;
/// Bits of a digit: three digits cover the upper half of a key.
const DIGIT_BITS: u32 = 11;
const DIGITS: usize = 1 << DIGIT_BITS;

/// Lays a value's ordered bits above a payload, such as the row that it comes from.
pub(crate) fn key(value: f32, payload: u32) -> u64 {
    u64::from(ordered_bits(value)) << 32 | u64::from(payload)
}

/// Tells the payload of a key.
pub(crate) fn payload(key: u64) -> u32 {
    (key & u64::from(u32::MAX)) as u32
}

/// Says whether two keys hold the same value.
pub(crate) fn tied(first: &u64, second: &u64) -> bool {
    first >> 32 == second >> 32
}

/// Sorts keys by value in linear time. Payloads of tied keys come in any order.
///
/// Resampling sorts thousands of times over: counting digits takes about half the time of the standard library's sort from
/// 2 000 rows on.
pub(crate) fn sort_keys(keys: &mut Vec<u64>) {
    if keys.len() < FEW {
        keys.sort_unstable();
        return;
    }
    let digit =
        |key: u64, place: usize| (key >> (32 + place as u32 * DIGIT_BITS)) as usize % DIGITS;
    let mut counts = [[0_usize; DIGITS]; 3];
    for &key in keys.iter() {
        for (place, counts) in counts.iter_mut().enumerate() {
            counts[digit(key, place)] += 1;
        }
    }
    let mut sorted = vec![0; keys.len()];
    for (place, counts) in counts.iter_mut().enumerate() {
        // The counts become the positions that the next key of each digit goes to.
        let mut start = 0;
        for count in counts.iter_mut() {
            start += std::mem::replace(count, start);
        }
        for &key in keys.iter() {
            let position = &mut counts[digit(key, place)];
            sorted[*position] = key;
            *position += 1;
        }
        std::mem::swap(keys, &mut sorted);
    }
}

/// Maps a float other than NaN to an integer of the same order; the two zeros share one.
fn ordered_bits(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits(); // -0.0 + 0.0 is 0.0
    if bits >> 31 == 0 {
        bits | 1 << 31
    } else {
        !bits
    }
}

/// Sorts rows by value, each as a key whose payload is the row. `None` if a value is NaN (or there are more than 2^32 rows).
pub(crate) fn sorted(values: &[f32]) -> Option<Vec<u64>> {
    let rows = u32::try_from(values.len()).ok()?;
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut keys: Vec<u64> = (0..rows)
        .zip(values)
        .map(|(row, &value)| key(value, row))
        .collect();
    sort_keys(&mut keys);
    Some(keys)
}

/// Ranks sorted rows and tells each row's doubled rank among `1..=n`, tied rows sharing the average of theirs. Doubled ranks
/// are whole numbers. `None` if a value is NaN (or there are more than 2^32 rows).
pub(crate) fn doubled_ranks(values: &[f32]) -> Option<Vec<f64>> {
    let keys = sorted(values)?;
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0;
    for tied in keys.chunk_by(tied) {
        // The ranks below + 1 ..= below + tied average to below + (tied + 1) / 2.
        let rank = (2 * below + tied.len() + 1) as f64;
        for &key in tied {
            ranks[payload(key) as usize] = rank;
        }
        below += tied.len();
    }
    Some(ranks)
}

/// The unit of each row, rows in the order of their values.
pub(crate) struct SortedUnits {
    pub(crate) units: Vec<u32>,
    /// Where rows of another value begin; the end is the last.
    ends: Vec<u32>,
}

impl SortedUnits {
    /// Takes keys of rows in their order.
    pub(crate) fn new(keys: &[u64], units: &ResamplingUnits) -> Self {
        let mut ends = Vec::new();
        let mut end = 0;
        for tied in keys.chunk_by(tied) {
            end += tied.len() as u32;
            ends.push(end);
        }
        let rows = keys.iter().map(|&key| payload(key) as usize);
        Self {
            units: rows.map(|row| units.unit_of_row(row)).collect(),
            ends,
        }
    }

    /// Lists the places of tied rows, from the lowest value to the highest.
    pub(crate) fn ties(&self) -> impl DoubleEndedIterator<Item = std::ops::Range<usize>> {
        let ends = self.ends.iter().enumerate();
        ends.map(|(tie, &end)| {
            let start = tie.checked_sub(1).map_or(0, |before| self.ends[before]);
            start as usize..end as usize
        })
    }

    /// Ranks the rows of a resample: tells the place, the count and the doubled rank of each row that was drawn.
    pub(crate) fn ranked(&self, draws: &[u32], mut tell: impl FnMut(usize, f64, f64)) {
        let mut below = 0;
        for places in self.ties() {
            let units = &self.units[places.clone()];
            let drawn = |unit: &u32| u64::from(draws[*unit as usize]);
            let tied: u64 = units.iter().map(drawn).sum();
            if tied > 0 {
                let rank = (2 * below + tied + 1) as f64;
                for (place, unit) in places.zip(units) {
                    tell(place, f64::from(draws[*unit as usize]), rank);
                }
                below += tied;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn keys_of_any_floats_sort_as_the_standard_library_sorts_them(
            few in prop::collection::vec(any::<f32>(), 0..20),
            many in prop::collection::vec(any::<f32>(), FEW..2 * FEW),
            repeats in prop::collection::vec(-3_i8..3, FEW..2 * FEW),
        ) {
            for values in [few, many, repeats.into_iter().map(f32::from).collect()] {
                let mut keys: Vec<u64> = (0..).zip(values).map(|(row, value)| key(value, row)).collect();
                let mut expected = keys.clone();
                expected.sort();
                sort_keys(&mut keys);
                keys.chunk_by_mut(tied).for_each(<[u64]>::sort);
                prop_assert_eq!(keys, expected);
            }
        }
    }
}
