use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use super::{Merge, NONE, Pair, key};

type PairMap<V> = HashMap<u64, V, BuildHasherDefault<PairHasher>>;

/// Learns merges of words of ids until there are `vocabulary` ids or no pair stands `min_frequency` times. `tokens` spells the
/// ids that there are, and is extended.
pub(crate) fn learn(
    words: &[(Vec<u32>, u64)],
    tokens: &mut Vec<String>,
    vocabulary: usize,
    min_frequency: u64,
) -> Vec<Merge> {
    let mut corpus = Corpus::new(words, tokens.len(), min_frequency);
    let mut around = Around::default();
    let mut ids: HashMap<String, u32> = tokens.iter().cloned().zip(0..).collect();
    let mut merges = Vec::new();
    while ids.len() < vocabulary {
        let Some(entry) = corpus.queue.pop() else {
            break;
        };
        let count = corpus.counts[&key(entry.pair)] as u64;
        if entry.count != count {
            corpus.queue.push(Entry { count, ..entry });
            continue;
        }
        if count < 1 || min_frequency > count {
            break;
        }
        let (left, right) = entry.pair;
        let token = format!("{}{}", tokens[left as usize], tokens[right as usize]);
        let id = *ids.entry(token).or_insert_with_key(|token| {
            tokens.push(token.clone());
            tokens.len() as u32 - 1
        });
        let pair = entry.pair;
        merges.push(Merge { pair, id });
        around.grow(tokens.len());
        corpus.merge(&entry, id, &mut around);
    }
    merges
}

/// Words as ids one after the other, and where pairs stand in them.
struct Corpus {
    /// A token stands at the place of its first letter and again at that of its last, so that both neighbours see it; in between is
    /// `NONE`, and so is one place before, between and after words. One array of all keeps what a merge touches together.
    ids: Vec<u32>,
    /// The letters of each id.
    lengths: Vec<u32>,
    /// The first place of each word.
    starts: Vec<u32>,
    /// How often each word stands.
    times: Vec<u64>,
    /// How often pairs stand, as the library counts: a pair's own merging does not lower it.
    counts: PairMap<i64>,
    /// A pair comes to stand when one of its two ids is made, and from then on its count falls. So each is here once, and
    /// those that are too rare from the start, as most are, never.
    queue: BinaryHeap<Entry>,
    min_frequency: u64,
    /// The places of all entries.
    places: Vec<u32>,
}

/// A pair in the queue: the most frequent first, of equals the lowest ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    count: u64,
    pair: Pair,
    /// Where its places begin and end.
    places: (usize, usize),
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let rank = |entry: &Self| (entry.count, Reverse((entry.pair, entry.places)));
        rank(self).cmp(&rank(other))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// What a merge changes, by the id that stands beside it: a vector takes what a hash would have to find for every place.
#[derive(Default)]
struct Around {
    before: Vec<Beside>,
    after: Vec<Beside>,
    /// The ids that stand beside the merge.
    met: Vec<u32>,
    /// The places that are merged.
    places: Vec<u32>,
}

/// Changes by an id on one side.
#[derive(Clone, Default)]
struct Beside {
    is_met: bool,
    /// How often the id stood beside the merged pair.
    times: i64,
    /// The places of the new pair; their room is used again.
    places: Vec<u32>,
}

impl Around {
    fn grow(&mut self, ids: usize) {
        if self.before.len() < ids {
            self.before.resize(ids, Beside::default());
            self.after.resize(ids, Beside::default());
        }
    }

    #[inline]
    fn note(side: &mut [Beside], met: &mut Vec<u32>, id: u32, times: i64, place: u32) {
        let beside = &mut side[id as usize];
        if !beside.is_met {
            beside.is_met = true;
            met.push(id);
        }
        beside.times += times;
        beside.places.push(place);
    }
}

impl Beside {
    fn clear(&mut self) {
        self.is_met = false;
        self.times = 0;
        self.places.clear();
    }
}

impl Corpus {
    /// Lays out words of the first `letters` ids.
    fn new(words: &[(Vec<u32>, u64)], letters: usize, min_frequency: u64) -> Self {
        let length: usize = words.iter().map(|(word, _)| word.len() + 1).sum();
        let mut corpus = Self {
            ids: Vec::with_capacity(length + 1),
            lengths: vec![1; letters],
            starts: Vec::with_capacity(words.len()),
            times: words.iter().map(|word| word.1).collect(),
            counts: PairMap::default(),
            queue: BinaryHeap::new(),
            min_frequency,
            places: Vec::with_capacity(length),
        };
        let mut pairs: Vec<Beside> = vec![Beside::default(); letters * letters];
        let mut met = Vec::new();
        corpus.ids.push(NONE);
        for (ids, times) in words {
            let start = corpus.ids.len() as u32;
            corpus.starts.push(start);
            for (place, pair) in (start..).zip(ids.windows(2)) {
                let pair = pair[0] * letters as u32 + pair[1];
                Around::note(&mut pairs, &mut met, pair, *times as i64, place);
            }
            corpus.ids.extend(ids);
            corpus.ids.push(NONE);
        }
        for pair in met {
            let beside = &pairs[pair as usize];
            let pair = (pair / letters as u32, pair % letters as u32);
            corpus.counts.insert(key(pair), beside.times);
            corpus.push(pair, [&beside.places, &[]]);
        }
        corpus
    }

    /// Puts a pair into the queue that came to stand at places, unless it is too rare to be merged.
    fn push(&mut self, pair: Pair, places: [&[u32]; 2]) {
        let count = self.counts[&key(pair)].max(0) as u64;
        if count < self.min_frequency.max(1) {
            return;
        }
        let start = self.places.len();
        for places in places {
            self.places.extend_from_slice(places);
        }
        self.queue.push(Entry {
            count,
            pair,
            places: (start, self.places.len()),
        });
    }

    /// Merges a pair at its places, in each word from the first letter on.
    fn merge(&mut self, entry: &Entry, id: u32, around: &mut Around) {
        let mut places = std::mem::take(&mut around.places);
        places.extend_from_slice(&self.places[entry.places.0..entry.places.1]);
        places.sort_unstable();
        let (left, right) = entry.pair;
        let (first, second) = (self.lengths[left as usize], self.lengths[right as usize]);
        if self.lengths.len() <= id as usize {
            self.lengths.resize(id as usize + 1, 0);
        }
        self.lengths[id as usize] = first + second;
        let Around {
            before, after, met, ..
        } = around;
        let mut word = 0;
        for &place in &places {
            let here = place as usize;
            let next = here + first as usize;
            if self.ids[here] != left || self.ids[next] != right {
                continue;
            }
            // Places come in their order, and so do words.
            word = self.word_from(place, word);
            let times = self.times[word] as i64;
            let last = next + second as usize - 1;
            let other = self.ids[here - 1];
            if other != NONE {
                let previous = place - self.lengths[other as usize];
                Around::note(before, met, other, times, previous);
            }
            self.ids[next - 1] = NONE;
            self.ids[next] = NONE;
            self.ids[here] = id;
            self.ids[last] = id;
            let other = self.ids[last + 1];
            if other != NONE {
                Around::note(after, met, other, times, place);
            }
        }
        places.clear();
        self.note(entry.pair, id, around);
        around.places = places;
    }

    /// The word of a place at or after the beginning of word `from`.
    #[inline]
    fn word_from(&self, place: u32, from: usize) -> usize {
        match self.starts.get(from + 1) {
            Some(&next) if next <= place => {
                from + self.starts[from + 1..].partition_point(|&start| start <= place)
            }
            _ => from,
        }
    }

    /// Counts what a merge took away and brought, and puts the new pairs into the queue.
    fn note(&mut self, (left, right): Pair, id: u32, around: &mut Around) {
        let Around {
            before, after, met, ..
        } = around;
        // An id that stands on both sides is met twice.
        met.sort_unstable();
        met.dedup();
        let mut count =
            |pair: Pair, times: i64| *self.counts.entry(key(pair)).or_default() += times;
        for &other in met.iter() {
            let (before, after) = (&before[other as usize], &after[other as usize]);
            if before.is_met {
                count((other, left), -before.times);
                count((other, id), before.times);
            }
            if after.is_met {
                count((right, other), -after.times);
                count((id, other), after.times);
            }
        }
        for &other in met.iter() {
            let front = &mut before[other as usize];
            let back = &mut after[other as usize];
            if other == id {
                // Both sides make one pair.
                self.push((id, id), [&front.places, &back.places]);
            } else {
                if front.is_met {
                    self.push((other, id), [&front.places, &[]]);
                }
                if back.is_met {
                    self.push((id, other), [&back.places, &[]]);
                }
            }
            front.clear();
            back.clear();
        }
        met.clear();
    }
}

/// Spreads pairs by one multiplication: they are looked up for every letter.
#[derive(Default)]
struct PairHasher(u64);

impl Hasher for PairHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let spread = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = spread ^ (spread >> 32);
    }
}
