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
    let mut corpus = Corpus::new(words, tokens.len());
    let mut around = Around::default();
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
        around.grow(tokens.len());
        corpus.merge(&entry, id, &mut around);
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

/// What a merge changes, by the id that stands beside it: a vector takes what a hash would have to find for every place.
#[derive(Default)]
struct Around {
    before: Vec<Beside>,
    after: Vec<Beside>,
    /// The ids that stand beside the merge.
    met: Vec<u32>,
}

/// Changes by an id on one side.
#[derive(Clone, Default)]
struct Beside {
    is_met: bool,
    /// How often the id stood beside the merged pair.
    times: i64,
    /// The places of the new pair.
    places: Vec<u32>,
}

impl Around {
    fn grow(&mut self, ids: usize) {
        if self.before.len() < ids {
            self.before.resize(ids, Beside::default());
            self.after.resize(ids, Beside::default());
        }
    }

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

impl Corpus {
    /// Lays out words of the first `letters` ids.
    fn new(words: &[(Vec<u32>, u64)], letters: usize) -> Self {
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
        let mut pairs: Vec<Beside> = vec![Beside::default(); letters * letters];
        let mut met = Vec::new();
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
                    let pair = ids[place as usize - 1] * letters as u32 + id;
                    Around::note(&mut pairs, &mut met, pair, *times as i64, here - 1);
                }
            }
        }
        for pair in met {
            let beside = std::mem::take(&mut pairs[pair as usize]);
            let pair = (pair / letters as u32, pair % letters as u32);
            corpus.counts.insert(key(pair), beside.times);
            corpus.push(pair, beside.places);
        }
        corpus
    }

    /// Puts a pair into the queue that came to stand at places.
    fn push(&mut self, pair: Pair, places: Vec<u32>) {
        let count = self.counts[&key(pair)];
        if count > 0 {
            let entry = self.places.len() as u32;
            self.places.push(places);
            self.waiting.entry(key(pair)).or_default().push(entry);
            self.queue.push(Entry {
                count: count as u64,
                pair,
                places: entry,
            });
        }
    }

    fn pop(&mut self) -> Option<Entry> {
        self.queue.pop()
    }

    /// Merges a pair in the words of an entry, each from its first letter on.
    fn merge(&mut self, entry: &Entry, id: u32, around: &mut Around) {
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
        let Around { before, after, met } = around;
        for place in places {
            let here = place as usize;
            let next = self.next[here];
            if self.ids[here] != left || next == NONE || self.ids[next as usize] != right {
                continue;
            }
            let times = self.times[self.word[here] as usize] as i64;
            let previous = self.previous[here];
            if previous != NONE {
                let other = self.ids[previous as usize];
                Around::note(before, met, other, times, previous);
            }
            let beyond = self.next[next as usize];
            self.ids[here] = id;
            self.ids[next as usize] = NONE;
            self.next[here] = beyond;
            if beyond != NONE {
                self.previous[beyond as usize] = place;
                let other = self.ids[beyond as usize];
                Around::note(after, met, other, times, place);
            }
        }
        self.note(entry.pair, id, around);
    }

    /// Counts what a merge took away and brought, and puts the new pairs into the queue.
    fn note(&mut self, (left, right): Pair, id: u32, around: &mut Around) {
        let Around { before, after, met } = around;
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
            let mut front = std::mem::take(&mut before[other as usize]);
            let back = std::mem::take(&mut after[other as usize]);
            if other == id {
                // Both sides make one pair.
                front.places.extend(back.places);
                self.push((id, id), front.places);
                continue;
            }
            if front.is_met {
                self.push((other, id), front.places);
            }
            if back.is_met {
                self.push((id, other), back.places);
            }
        }
        met.clear();
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
    /// The places of pairs to merge, by rank; all empty between words.
    ranks: Vec<Vec<u32>>,
    /// A bit for each rank that has places.
    waiting: Vec<u64>,
}

impl Room {
    #[inline]
    fn ask(&mut self, rank: u32, place: u32) {
        self.ranks[rank as usize].push(place);
        self.waiting[rank as usize / 64] |= 1 << (rank % 64);
    }

    /// Finds the first rank from a word of bits on that has places.
    fn first(&self, from: usize) -> Option<usize> {
        let word = (from..self.waiting.len()).find(|&word| self.waiting[word] != 0)?;
        Some(word * 64 + self.waiting[word].trailing_zeros() as usize)
    }
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
        room.ranks.resize(self.ids.len(), Vec::new());
        room.waiting.resize(self.ids.len().div_ceil(64), 0);
        for place in 1..room.ids.len() {
            if let Some((rank, _)) = self.rank((room.ids[place - 1], room.ids[place])) {
                room.ask(rank, place as u32 - 1);
            }
        }
        let mut from = 0;
        while let Some(rank) = room.first(from) {
            from = rank / 64;
            room.waiting[from] &= !(1 << (rank % 64));
            let mut places = std::mem::take(&mut room.ranks[rank]);
            places.sort_unstable();
            let mut done = 0;
            while done < places.len() {
                // Only tokens that several merges make can ask for an earlier rank than this.
                let earlier = self.merge(self.ids[rank], places[done], length, room);
                done += 1;
                if let Some(earlier) = earlier.filter(|&earlier| (earlier as usize) < rank) {
                    from = earlier as usize / 64;
                    break;
                }
            }
            if done < places.len() {
                room.waiting[rank / 64] |= 1 << (rank % 64);
                room.ranks[rank].extend_from_slice(&places[done..]);
            } else {
                // Its room is used again.
                places.clear();
                if room.ranks[rank].is_empty() {
                    room.ranks[rank] = places;
                }
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

    /// Merges the pair at a place into an id, if it still does, and tells the earliest rank that the new pairs have.
    fn merge(&self, id: u32, place: u32, length: u32, room: &mut Room) -> Option<u32> {
        let here = place as usize;
        let after = room.next[here];
        if room.ids[here] == NONE || after == length {
            return None;
        }
        let pair = (room.ids[here], room.ids[after as usize]);
        // The pair may have become another one, which counts where it merges into the same.
        if self.rank(pair).is_none_or(|merge| merge.1 != id) {
            return None;
        }
        let beyond = room.next[after as usize];
        room.ids[here] = id;
        room.ids[after as usize] = NONE;
        room.next[here] = beyond;
        let mut earliest = None;
        if beyond != length {
            room.previous[beyond as usize] = place;
            if let Some((rank, _)) = self.rank((id, room.ids[beyond as usize])) {
                room.ask(rank, place);
                earliest = Some(rank);
            }
        }
        let before = room.previous[here];
        if before != NONE
            && let Some((rank, _)) = self.rank((room.ids[before as usize], id))
        {
            room.ask(rank, before);
            earliest = Some(earliest.map_or(rank, |other| other.min(rank)));
        }
        earliest
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
