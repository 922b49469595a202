//! Values that wait for their ranks, and their order.

/// Bits of a key that one pass of sorting looks at.
const DIGIT: u32 = 11;

/// Below so many values comparing sorts faster than counting.
const FEW: usize = 400;

/// A value that has no rank yet.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Waiting {
    /// The value as an integer that compares as it does; both zeros are the same.
    pub(super) key: u32,
    pub(super) weight: f32,
}

impl Waiting {
    #[inline]
    pub(super) fn new(value: f32, weight: f32) -> Self {
        let bits = (value + 0.0).to_bits();
        let key = bits ^ ((bits as i32 >> 31) as u32 | 1 << 31);
        Self { key, weight }
    }

    pub(super) fn value(self) -> f32 {
        f32::from_bits(self.key ^ ((!self.key as i32 >> 31) as u32 | 1 << 31))
    }
}

/// Sorts by key.
///
/// Rounding makes the sum of three weights or more depend on their order, and XGBoost's sort does not keep equal values
/// in the order in which they came: where that shows, they are sorted as there, which takes longer.
pub(super) fn sort(queue: &mut Vec<Waiting>) {
    if add_exactly(queue) {
        return sort_by_digits(queue);
    }
    let mut sorted = queue.clone();
    sort_by_digits(&mut sorted);
    let mut ties = sorted.chunk_by(|one, next| one.key == next.key);
    if ties.any(|tie| tie.len() > 2 && tie.iter().any(|waiting| waiting.weight != tie[0].weight)) {
        sort_unsteadily(queue);
    } else {
        *queue = sorted;
    }
}

/// Whether the weights add up to the same number in every order, as whole ones do.
fn add_exactly(queue: &[Waiting]) -> bool {
    let mut total = 0_u64;
    let mut whole = queue.iter().map(|waiting| {
        total = total.saturating_add(waiting.weight as u64);
        waiting.weight as u64 as f32 == waiting.weight
    });
    whole.all(|is_whole| is_whole) && total <= 1 << f32::MANTISSA_DIGITS
}

/// Sorts by key, digit after digit from the lowest; equal keys stay in order.
fn sort_by_digits(queue: &mut Vec<Waiting>) {
    if queue.len() < FEW {
        queue.sort_by_key(|waiting| waiting.key);
        return;
    }
    let digit =
        |key: u32, pass: usize| (key >> (DIGIT * pass as u32)) as usize & ((1 << DIGIT) - 1);
    let mut places = [[0_u32; 1 << DIGIT]; u32::BITS.div_ceil(DIGIT) as usize];
    for waiting in queue.iter() {
        for (pass, places) in places.iter_mut().enumerate() {
            places[digit(waiting.key, pass)] += 1;
        }
    }
    let mut sorted = vec![Waiting::default(); queue.len()];
    for (pass, places) in places.iter_mut().enumerate() {
        if places[digit(queue[0].key, pass)] as usize == queue.len() {
            continue;
        }
        let mut next = 0;
        for place in places.iter_mut() {
            next += std::mem::replace(place, next);
        }
        for &waiting in queue.iter() {
            let place = &mut places[digit(waiting.key, pass)];
            sorted[*place as usize] = waiting;
            *place += 1;
        }
        std::mem::swap(queue, &mut sorted);
    }
}

/// Sorts by key and leaves equal keys in the order in which the C++ library of GCC does.
///
/// That is quicksort about the median of three, down to sixteen, and insertion. Where halves stay so uneven that the
/// library gives quicksort up, equal keys stay in order here.
fn sort_unsteadily(queue: &mut [Waiting]) {
    let Some(bits) = queue.len().checked_ilog2() else {
        return;
    };
    part(queue, 2 * bits);
    for end in 1..queue.len() {
        let start = queue[..end].partition_point(|waiting| waiting.key <= queue[end].key);
        queue[start..=end].rotate_right(1);
    }
}

/// Parts values until at most sixteen are together.
fn part(mut rest: &mut [Waiting], depth: u32) {
    for depth in (0..depth).rev() {
        if rest.len() <= 16 {
            return;
        }
        let median = median(rest, [1, rest.len() / 2, rest.len() - 1]);
        rest.swap(0, median);
        let pivot = rest[0].key;
        let (mut low, mut high) = (1, rest.len());
        loop {
            while rest[low].key < pivot {
                low += 1;
            }
            high -= 1;
            while pivot < rest[high].key {
                high -= 1;
            }
            if low >= high {
                break;
            }
            rest.swap(low, high);
            low += 1;
        }
        let (lower, upper) = rest.split_at_mut(low);
        part(upper, depth);
        rest = lower;
    }
    if rest.len() > 16 {
        rest.sort_by_key(|waiting| waiting.key);
    }
}

/// Finds which of three places holds the middle key; of equal ones the one that the library takes.
fn median(values: &[Waiting], [a, b, c]: [usize; 3]) -> usize {
    let is_less = |one: usize, other: usize| values[one].key < values[other].key;
    match (is_less(a, b), is_less(b, c), is_less(a, c)) {
        (true, true, _) | (false, false, false) => b,
        (true, false, true) | (false, true, false) => c,
        (true, false, false) | (false, _, true) => a,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(values: impl Iterator<Item = f32>, weigh: impl Fn(usize) -> f32) -> Vec<Waiting> {
        let places = (0..).map(weigh);
        values
            .zip(places)
            .map(|(value, weight)| Waiting::new(value, weight))
            .collect()
    }

    #[test]
    fn keys_are_of_the_order_of_the_values_and_give_them_back() {
        let values = [f32::MIN, -2.0, -1e-45, 0.0, 1e-45, 1.0, f32::MAX];
        let keys = values.map(|value| Waiting::new(value, 1.0));
        assert!(keys.is_sorted_by(|one, next| one.key < next.key));
        assert_eq!(keys.map(Waiting::value), values);
        assert_eq!(Waiting::new(-0.0, 1.0), Waiting::new(0.0, 1.0));
    }

    #[test]
    fn every_way_of_sorting_gives_the_same_values() {
        for rows in [0, 1, 2, 17, 399, 400, 5_000] {
            for spread in [3, 1_000_003] {
                let values = (0..rows).map(|row| ((row * 7_919) % spread) as f32 - 1.5);
                let unsorted = queue(values, |row| 0.1 + (row % 7) as f32);
                let mut expected = unsorted.clone();
                expected.sort_by_key(|waiting| waiting.key);
                let mut by_digits = unsorted.clone();
                sort_by_digits(&mut by_digits);
                assert_eq!(by_digits, expected);
                let mut unsteadily = unsorted;
                sort_unsteadily(&mut unsteadily);
                let keys = |queue: &[Waiting]| queue.iter().map(|w| w.key).collect::<Vec<_>>();
                assert_eq!(keys(&unsteadily), keys(&expected));
            }
        }
    }

    #[test]
    fn ties_are_left_as_xgboost_leaves_them_only_where_sums_depend_on_it() {
        let ties = |weigh: fn(usize) -> f32| {
            let unsorted = queue((0..100).map(|row| (row % 4) as f32), weigh);
            let (mut sorted, mut steadily) = (unsorted.clone(), unsorted);
            sort(&mut sorted);
            steadily.sort_by_key(|waiting| waiting.key);
            sorted == steadily
        };
        assert!(ties(|row| row as f32));
        assert!(ties(|_| 0.1));
        assert!(!ties(|row| 0.1 + row as f32));
    }
}
