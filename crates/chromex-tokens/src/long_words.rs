//! Merges of long words, such as promoters, which are one word each.
//!
//! The library's trainer walks through every word that holds a pair, letter by letter, for every merge. Here each pair knows
//! the places where it stands. Counts, ties and the order of merges are the library's, so that the vocabulary is as well.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// Neighbouring ids.
type Pair = (u32, u32);
type PairMap<V> = HashMap<u64, V, BuildHasherDefault<PairHasher>>;

const NONE: u32 = u32::MAX;

/// What is merged, and into which id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Merge {
    pub(crate) pair: Pair,
    pub(crate) id: u32,
}

/// Learns merges of words of ids until there are `vocabulary` ids or no pair stands `min_frequency` times. `tokens` spells the
/// ids that there are, and is extended.
pub(crate) fn learn(
    words: &[(Vec<u32>, u64)],
    tokens: &mut Vec<String>,
    vocabulary: usize,
    min_frequency: u64,
) -> Vec<Merge> {
    let mut corpus = Corpus::new(words);
    let mut ids: HashMap<String, u32> = tokens.iter().cloned().zip(0..).collect();
    let mut merges = Vec::new();
    while ids.len() < vocabulary {
        let Some(entry) = corpus.pop() else { break };
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
        corpus.merge(&entry, id);
    }
    merges
}

/// Words as chains of ids, and where pairs stand in them.
struct Corpus {
    /// The id at each place; `NONE` where it was merged into the place before.
    ids: Vec<u32>,
    next: Vec<u32>,
    previous: Vec<u32>,
    /// The word of each place.
    word: Vec<u32>,
    /// How often each word stands.
    times: Vec<u64>,
    /// How often pairs stand, as the library counts: a pair's own merging does not lower it.
    counts: PairMap<i64>,
    queue: BinaryHeap<Entry>,
    /// The places of each entry of the queue.
    places: Vec<Vec<u32>>,
    /// The entries of each pair that are still in the queue.
    waiting: PairMap<Vec<u32>>,
}

/// A pair in the queue: the most frequent first, of equals the lowest ids, of those the earliest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    count: u64,
    pair: Pair,
    places: u32,
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

impl Corpus {
    fn new(words: &[(Vec<u32>, u64)]) -> Self {
        let length = words.iter().map(|(word, _)| word.len()).sum();
        let mut corpus = Self {
            ids: Vec::with_capacity(length),
            next: Vec::with_capacity(length),
            previous: Vec::with_capacity(length),
            word: Vec::with_capacity(length),
            times: words.iter().map(|word| word.1).collect(),
            counts: PairMap::default(),
            queue: BinaryHeap::new(),
            places: Vec::new(),
            waiting: PairMap::default(),
        };
        let mut fresh = PairMap::default();
        for (word, (ids, times)) in words.iter().enumerate() {
            let start = corpus.ids.len() as u32;
            let last = ids.len().saturating_sub(1) as u32;
            for (place, &id) in (0..).zip(ids) {
                corpus.ids.push(id);
                corpus.word.push(word as u32);
                let here = start + place;
                corpus
                    .previous
                    .push(if place == 0 { NONE } else { here - 1 });
                corpus
                    .next
                    .push(if place == last { NONE } else { here + 1 });
                if place > 0 {
                    let pair = (ids[place as usize - 1], id);
                    corpus.add(pair, *times as i64, here - 1, &mut fresh);
                }
            }
        }
        corpus.push(fresh);
        corpus
    }

    /// Counts a pair that came to stand at a place.
    fn add(&mut self, pair: Pair, times: i64, place: u32, fresh: &mut PairMap<Vec<u32>>) {
        *self.counts.entry(key(pair)).or_default() += times;
        fresh.entry(key(pair)).or_default().push(place);
    }

    /// Puts pairs into the queue that came to stand at places.
    fn push(&mut self, fresh: PairMap<Vec<u32>>) {
        for (pair, places) in fresh {
            let count = self.counts[&pair];
            if count > 0 {
                let entry = self.places.len() as u32;
                self.places.push(places);
                self.waiting.entry(pair).or_default().push(entry);
                self.queue.push(Entry {
                    count: count as u64,
                    pair: ((pair >> 32) as u32, pair as u32),
                    places: entry,
                });
            }
        }
    }

    fn pop(&mut self) -> Option<Entry> {
        self.queue.pop()
    }

    /// Merges a pair in the words of an entry, each from its first letter on.
    fn merge(&mut self, entry: &Entry, id: u32) {
        let mut places = std::mem::take(&mut self.places[entry.places as usize]);
        let waiting = self.waiting.remove(&key(entry.pair)).unwrap_or_default();
        if waiting.len() > 1 {
            // Another entry's places in the same words are merged as well.
            let words: HashSet<u32> = places
                .iter()
                .map(|&place| self.word[place as usize])
                .collect();
            for &other in waiting.iter().filter(|&&other| other != entry.places) {
                let theirs = self.places[other as usize].iter().copied();
                places.extend(theirs.filter(|&place| words.contains(&self.word[place as usize])));
                let rest = self.waiting.entry(key(entry.pair)).or_default();
                rest.push(other);
            }
        }
        places.sort_unstable();
        let (left, right) = entry.pair;
        let mut fresh = PairMap::default();
        for place in places {
            let here = place as usize;
            let after = self.next[here];
            if self.ids[here] != left || after == NONE || self.ids[after as usize] != right {
                continue;
            }
            let times = self.times[self.word[here] as usize] as i64;
            let before = self.previous[here];
            if before != NONE {
                let other = self.ids[before as usize];
                *self.counts.entry(key((other, left))).or_default() -= times;
                self.add((other, id), times, before, &mut fresh);
            }
            let beyond = self.next[after as usize];
            self.ids[here] = id;
            self.ids[after as usize] = NONE;
            self.next[here] = beyond;
            if beyond != NONE {
                self.previous[beyond as usize] = place;
                let other = self.ids[beyond as usize];
                *self.counts.entry(key((right, other))).or_default() -= times;
                self.add((id, other), times, place, &mut fresh);
            }
        }
        self.push(fresh);
    }
}

/// The merges of a vocabulary, for encoding words letter by letter.
#[derive(Clone, Debug)]
pub(crate) struct Merges {
    /// Each pair that is merged, its rank and its id, at the place that the pair's hash names or one of the next; a quarter of
    /// the places is taken, so that most pairs are decided by one look.
    slots: Vec<(u64, u32, u32)>,
    /// The id that each rank merges into.
    ids: Vec<u32>,
    /// The id of each letter.
    letters: Vec<Option<u32>>,
}

/// Room to encode in.
#[derive(Default)]
pub(crate) struct Room {
    ids: Vec<u32>,
    next: Vec<u32>,
    previous: Vec<u32>,
    /// Rank and place of pairs to merge.
    queue: BinaryHeap<Reverse<u64>>,
}

impl Merges {
    pub(crate) fn new(merges: &[Merge], letters: Vec<Option<u32>>) -> Self {
        let capacity = (4 * merges.len()).next_power_of_two();
        let mut slots = vec![(EMPTY, 0, 0); capacity];
        // Of a pair that is merged twice the library keeps the later rank.
        for (merge, rank) in merges.iter().zip(0..) {
            let pair = key(merge.pair);
            let mut place = slot(pair, capacity);
            while slots[place].0 != EMPTY && slots[place].0 != pair {
                place = (place + 1) & (capacity - 1);
            }
            slots[place] = (pair, rank, merge.id);
        }
        Self {
            slots,
            ids: merges.iter().map(|merge| merge.id).collect(),
            letters,
        }
    }

    /// Encodes a word: always the merge that was learned first, of equals the first place. Tells whether the
    /// vocabulary has all its letters; otherwise nothing is encoded.
    pub(crate) fn encode(&self, word: &[u8], room: &mut Room, to: &mut Vec<u32>) -> bool {
        room.ids.clear();
        for &letter in word {
            match self.letters[letter as usize] {
                Some(id) => room.ids.push(id),
                None => return false,
            }
        }
        let length = word.len() as u32;
        room.next.clear();
        room.next.extend(1..=length);
        room.previous.clear();
        room.previous
            .extend((0..length).map(|place| place.wrapping_sub(1)));
        let pairs = room.ids.windows(2).zip(0_u64..);
        let first = pairs.filter_map(|(pair, place)| {
            let (rank, _) = self.rank((pair[0], pair[1]))?;
            Some(Reverse(u64::from(rank) << 32 | place))
        });
        let mut entries = std::mem::take(&mut room.queue).into_vec();
        entries.clear();
        entries.extend(first);
        room.queue = BinaryHeap::from(entries);
        while let Some(Reverse(top)) = room.queue.pop() {
            let (id, here) = (self.ids[(top >> 32) as usize], top as u32 as usize);
            let after = room.next[here];
            if room.ids[here] == NONE || after == length {
                continue;
            }
            let pair = (room.ids[here], room.ids[after as usize]);
            // The pair may have become another one, which counts where it merges into the same.
            if self.rank(pair).is_none_or(|merge| merge.1 != id) {
                continue;
            }
            let beyond = room.next[after as usize];
            room.ids[here] = id;
            room.ids[after as usize] = NONE;
            room.next[here] = beyond;
            if beyond != length {
                room.previous[beyond as usize] = here as u32;
                self.ask(
                    (id, room.ids[beyond as usize]),
                    here as u32,
                    &mut room.queue,
                );
            }
            let before = room.previous[here];
            if before != NONE {
                self.ask((room.ids[before as usize], id), before, &mut room.queue);
            }
        }
        to.extend(room.ids.iter().filter(|&&id| id != NONE));
        true
    }

    /// The rank of a pair and the id that it merges into.
    #[inline]
    fn rank(&self, pair: Pair) -> Option<(u32, u32)> {
        let pair = key(pair);
        let mut place = slot(pair, self.slots.len());
        loop {
            let (known, rank, id) = self.slots[place];
            if known == pair {
                return Some((rank, id));
            }
            if known == EMPTY {
                return None;
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
    }

    fn ask(&self, pair: Pair, place: u32, queue: &mut BinaryHeap<Reverse<u64>>) {
        if let Some((rank, _)) = self.rank(pair) {
            queue.push(Reverse(u64::from(rank) << 32 | u64::from(place)));
        }
    }
}

/// No pair: ids are far fewer.
const EMPTY: u64 = u64::MAX;

/// The first place of a pair among as many as a power of two.
#[inline]
fn slot(pair: u64, capacity: usize) -> usize {
    (pair.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & (capacity - 1)
}

#[inline]
fn key(pair: Pair) -> u64 {
    u64::from(pair.0) << 32 | u64::from(pair.1)
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
