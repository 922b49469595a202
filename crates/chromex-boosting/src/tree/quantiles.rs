//! Quantiles of weighted values that come one after the other: XGBoost's sketch, number for number.
//!
//! A summary holds some of the values that came, each with bounds of its rank, the weight that lies below it. Values
//! wait in a queue until they are sorted into a summary; summaries of the same level are merged and pruned into one of
//! the next, so that what a sketch holds grows with the logarithm of the stream. Method: Greenwald and Khanna
//! (<https://doi.org/10.1145/375663.375670>) with the weights of Chen and Guestrin
//! (<https://doi.org/10.1145/2939672.2939785>). Ranks are of 32 bits and summed in the order in which XGBoost 3.2 sums
//! them, so that columns are cut at the very values at which it cuts them.

use std::hint::select_unpredictable;

use super::bins::Bins;
use super::waiting::{Waiting, sort};

/// How many times more values than bins a summary keeps.
const PRECISION: usize = 8;

/// By how much bins reach beyond the values at least; the number of 32 bits.
const MARGIN: f64 = 1e-5_f32 as f64;

/// The ranks of the values of a stream, roughly.
pub(super) struct Sketch {
    /// The most values that a summary keeps.
    limit: usize,
    /// What came since the last summary.
    queue: Vec<Waiting>,
    /// What came before: the higher the level, the more values a summary stands for. Most are empty.
    levels: Vec<Summary>,
}

/// Values in ascending order.
type Summary = Vec<Ranked>;

/// A value with what is known of its rank.
#[derive(Clone, Copy, Default)]
struct Ranked {
    value: f32,
    /// The least weight that may lie below the value.
    least: f32,
    /// The most weight that may lie below or at it.
    most: f32,
    /// Weight that is known to lie at it.
    weight: f32,
}

impl Sketch {
    /// Starts a sketch of a known number of values.
    pub(super) fn new(values: usize, max_bins: usize) -> Self {
        let bins = values.clamp(1, max_bins);
        let error = 1.0 / f64::from((bins * PRECISION) as f32);
        let limit = (1..)
            .map(|levels: u32| {
                let limit = (f64::from(levels) / error).ceil() as usize + 1;
                (levels, limit.min(values))
            })
            .find(|&(levels, limit)| limit << levels >= values)
            .map_or(values, |(_, limit)| limit);
        Self::with_limit(limit.max(1))
    }

    /// Starts a sketch of an unknown number of values, for many columns side by side.
    ///
    /// Its summaries are far smaller than XGBoost's (512 values, not 6,145, for 20,000 rows and 256 bins), so bins end up
    /// to half a bin off even quantiles. Values that are not more than the bins still have one each.
    pub(super) fn coarse(max_bins: usize) -> Self {
        Self::with_limit(2 * max_bins)
    }

    fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            queue: Vec::new(),
            levels: Vec::new(),
        }
    }

    /// Adds a value, which is not missing. One without weight is passed over.
    #[inline]
    pub(super) fn push(&mut self, value: f32, weight: f32) {
        if weight == 0.0 {
            return;
        }
        let waiting = Waiting::new(value, weight);
        match self.queue.last_mut() {
            Some(last) if last.key == waiting.key => last.weight += weight,
            _ => {
                if self.queue.len() == 2 * self.limit {
                    self.empty_queue();
                }
                self.queue.push(waiting);
            }
        }
    }

    /// Moves the queue into the levels.
    #[cold]
    fn empty_queue(&mut self) {
        let mut summary = summarise(&mut self.queue);
        self.queue.clear();
        for level in &mut self.levels {
            summary = prune(summary, self.limit);
            if !level.is_empty() {
                summary = merge(&summary, &std::mem::take(level));
            }
            if summary.len() <= self.limit {
                summary.shrink_to_fit();
                *level = summary;
                return;
            }
        }
        self.levels.push(prune(summary, self.limit));
    }

    /// Cuts the values that came into bins; none when nothing came.
    pub(super) fn finish(mut self, max_bins: usize) -> Option<Bins> {
        let mut summary = prune(summarise(&mut self.queue), self.limit);
        for level in self.levels.iter().filter(|level| !level.is_empty()) {
            summary = prune(merge(&summary, level), self.limit);
        }
        let summary = prune(prune(summary, max_bins * PRECISION), max_bins + 1);
        let (smallest, largest) = (summary.first()?.value, summary.last()?.value);
        let mut ends: Vec<f32> = Vec::with_capacity(summary.len().min(max_bins));
        for ranked in summary.iter().take(max_bins).skip(1) {
            if ends.last().is_none_or(|&end| ranked.value > end) {
                ends.push(ranked.value);
            }
        }
        let (smallest, largest) = (f64::from(smallest), f64::from(largest));
        let (below, above) = (
            smallest - smallest.abs() - MARGIN,
            largest + (largest.abs() + MARGIN),
        );
        ends.push((above as f32).min(f32::MAX));
        Some(Bins {
            below: (below as f32).max(f32::MIN),
            ends,
        })
    }
}

impl Ranked {
    /// The least weight that may lie below a larger value.
    fn least_beyond(&self) -> f32 {
        self.least + self.weight
    }

    /// The most weight that may lie below or at a smaller value.
    fn most_before(&self) -> f32 {
        self.most - self.weight
    }
}

/// Ranks the values of a queue.
fn summarise(queue: &mut Vec<Waiting>) -> Summary {
    sort(queue);
    let mut summary = Vec::with_capacity(queue.len());
    let mut before = 0.0;
    for same in queue.chunk_by(|one, next| one.key == next.key) {
        let others = same[1..].iter().map(|waiting| waiting.weight);
        let weight = others.fold(same[0].weight, |sum, weight| sum + weight);
        summary.push(Ranked {
            value: same[0].value(),
            least: before,
            most: before + weight,
            weight,
        });
        before += weight;
    }
    summary
}

/// Keeps at most so many values: the first, the last, and those nearest to ranks that lie evenly between.
fn prune(summary: Summary, most: usize) -> Summary {
    if summary.len() <= most {
        return summary;
    }
    let last = summary.len() - 1;
    let begin = summary[0].most;
    let range = summary[last].least - begin;
    let steps = most - 1;
    let mut kept = Vec::with_capacity(most);
    kept.push(summary[0]);
    let mut kept_last = 0;
    let mut place = 1;
    for step in 1..steps {
        let twice = 2.0 * ((step as f32 * range) / steps as f32 + begin);
        while place < last && twice >= summary[place + 1].most + summary[place + 1].least {
            place += 1;
        }
        if place == last {
            break;
        }
        let middle = summary[place].least_beyond() + summary[place + 1].most_before();
        let nearest = if twice < middle { place } else { place + 1 };
        if nearest != kept_last {
            kept.push(summary[nearest]);
            kept_last = nearest;
        }
    }
    if kept_last != last {
        kept.push(summary[last]);
    }
    kept
}

/// Ranks the values of two summaries among each other.
fn merge(one: &[Ranked], other: &[Ranked]) -> Summary {
    let (Some(one_end), Some(other_end)) = (one.last(), other.last()) else {
        return [one, other].concat();
    };
    let mut merged = vec![Ranked::default(); one.len() + other.len()];
    // The weight known to lie below what comes next, in each.
    let (mut one_least, mut other_least) = (0.0, 0.0);
    let (mut place, mut other_place, mut count) = (0, 0, 0);
    // Which summary comes next is a toss-up, so nothing branches on it.
    for slot in &mut merged {
        let (Some(a), Some(b)) = (one.get(place), other.get(other_place)) else {
            break;
        };
        let (takes_a, takes_b) = (a.value <= b.value, b.value <= a.value);
        let (next, away) = select_unpredictable(takes_a, (a, b), (b, a));
        let below = choose(takes_a, other_least, one_least);
        let is_both = takes_a & takes_b;
        *slot = Ranked {
            value: next.value,
            least: next.least + choose(is_both, away.least, below),
            most: next.most + choose(is_both, away.most, away.most_before()),
            weight: next.weight + choose(is_both, away.weight, 0.0),
        };
        one_least = choose(takes_a, a.least_beyond(), one_least);
        other_least = choose(takes_b, b.least_beyond(), other_least);
        place += usize::from(takes_a);
        other_place += usize::from(takes_b);
        count += 1;
    }
    merged.truncate(count);
    let beyond = |ranked: &Ranked, least: f32, most: f32| Ranked {
        least: ranked.least + least,
        most: ranked.most + most,
        ..*ranked
    };
    let ones = one[place..].iter();
    merged.extend(ones.map(|ranked| beyond(ranked, other_least, other_end.most)));
    let others = other[other_place..].iter();
    merged.extend(others.map(|ranked| beyond(ranked, one_least, one_end.most)));
    restore_order(&mut merged);
    merged
}

/// Undoes what rounding did: bounds of ranks never fall, and have room for the weight between them.
fn restore_order(summary: &mut [Ranked]) {
    let (mut least, mut most) = (0.0, 0.0);
    for ranked in summary {
        least = larger(ranked.least, least);
        ranked.least = least;
        most = larger(larger(ranked.most, ranked.least_beyond()), most);
        ranked.most = most;
    }
}

/// Chooses one of two numbers without a branch: as bits, since the compiler branches between floats.
fn choose(first: bool, one: f32, other: f32) -> f32 {
    f32::from_bits(select_unpredictable(first, one.to_bits(), other.to_bits()))
}

/// The larger of two numbers; without the care for missing ones that `f32::max` takes.
fn larger(one: f32, other: f32) -> f32 {
    if one > other { one } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Golden {
        columns: Vec<Column>,
    }

    #[derive(serde::Deserialize)]
    struct Column {
        kind: String,
        weighted: bool,
        rows: usize,
        seed: u64,
        cuts: Vec<Cuts>,
    }

    #[derive(serde::Deserialize)]
    struct Cuts {
        max_bin: usize,
        below: f32,
        ends: Vec<f32>,
    }

    /// The high half of the numbers of a linear congruential generator.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u32 {
            let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
            self.0 = next.wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 32) as u32
        }
    }

    /// Values and weights by the formulas of the script that made the golden cuts.
    fn column(kind: &str, rows: usize, seed: u64) -> (Vec<f32>, Vec<f32>) {
        let mut numbers = Numbers(seed);
        let row = |_| {
            let mut draw = || numbers.next();
            let (first, second) = (draw(), draw());
            let bell = (first >> 12) + (second >> 12) + (draw() >> 12) + (draw() >> 12);
            let bell = bell as i32 - (1 << 21);
            let chance = draw();
            let value = match kind {
                "bell" => bell as f32 / 262_144.0,
                "steep" => f32::from_bits((0x3f80_0000 + 40 * bell) as u32),
                "counts" => (first & second).count_ones() as f32,
                "ties" if chance % 5 < 3 => 0.0,
                "ties" => (bell >> 14) as f32 / 4.0,
                "missing" if chance % 4 == 0 => f32::NAN,
                "missing" => bell as f32 / 262_144.0,
                _ => panic!("no formula for {kind}"),
            };
            let (empty, weight) = (draw(), draw());
            let weight = (weight >> 8) as f32 / 1_048_576.0;
            (value, if empty.is_multiple_of(8) { 0.0 } else { weight })
        };
        (0..rows).map(row).unzip()
    }

    #[test]
    fn cuts_are_those_of_xgboost() {
        let golden = include_str!("../../tests/golden/quantiles.json");
        let golden: Golden = serde_json::from_str(golden).unwrap();
        assert_eq!(golden.columns.len(), 35);
        for case in golden.columns {
            let (values, weights) = column(&case.kind, case.rows, case.seed);
            let weights = case.weighted.then_some(&weights[..]);
            for Cuts {
                max_bin,
                below,
                ends,
            } in case.cuts
            {
                let found = Bins::new(&values, weights, max_bin).unwrap();
                let name = format!("{} rows of {}, {max_bin} bins", case.rows, case.kind);
                assert_eq!(found, Bins { below, ends }, "{name}");
            }
        }
    }

    #[test]
    fn a_coarse_sketch_holds_little_and_cuts_nearly_alike() {
        let (values, _) = column("bell", 20_000, 7);
        let mut sketch = Sketch::coarse(256);
        let mut most = 0;
        for &value in &values {
            sketch.push(value, 1.0);
            let bytes = |summary: &Summary| summary.capacity() * size_of::<Ranked>();
            let levels: usize = sketch.levels.iter().map(bytes).sum();
            most = most.max(levels + sketch.queue.capacity() * size_of::<Waiting>());
        }
        assert!(most <= 40_960, "{most} bytes");
        let bins = sketch.finish(256).unwrap();
        assert_eq!(bins.ends.len(), 256);
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        for (bin, end) in (1..).zip(&bins.ends[..255]) {
            let rank = sorted.partition_point(|value| value < end) as f64;
            let off = rank * 256.0 / 20_000.0 - f64::from(bin);
            assert!(off.abs() < 1.0, "bin {bin} is off by {off} of a bin");
        }
    }

    #[test]
    fn values_without_weight_and_the_signs_of_zeros_do_not_count() {
        let mut sketch = Sketch::new(5, 4);
        for (value, weight) in [(1.0, 1.0), (-0.0, 1.0), (9.0, 0.0), (0.0, 1.0), (2.0, 1.0)] {
            sketch.push(value, weight);
        }
        assert_eq!(sketch.finish(4).unwrap().ends, [1.0, 2.0, 4.00001]);
        let mut sketch = Sketch::new(1, 4);
        sketch.push(1.0, 0.0);
        assert_eq!(sketch.finish(4), None);
    }
}
