use super::{Merge, NONE, Pair, key};

/// The merges of a vocabulary, for encoding words letter by letter.
#[derive(Clone, Debug)]
pub(crate) struct Merges {
    /// Each pair that is merged and its rank, at the place that the pair's hash names or one of the next; a quarter of
    /// the places is taken, so that most pairs are decided by one look.
    slots: Vec<(u64, u32)>,
    /// The merge of each rank.
    ranked: Vec<Merge>,
    /// The id of each letter.
    letters: Vec<Option<u32>>,
    /// The rank of each pair of letters, those that follow a letter in a line.
    first: Vec<[u32; 256]>,
}

/// Room to encode in.
#[derive(Default)]
pub(crate) struct Room {
    tokens: Vec<Token>,
    /// Places of pairs to merge, each with where the one before of the same rank lies.
    asked: Vec<(u32, u32)>,
    /// Where the last of each rank lies; none between words.
    last: Vec<u32>,
    /// A bit for each rank that has places.
    waiting: Vec<u64>,
    /// The places of the rank at hand.
    places: Vec<u32>,
}

/// A token at the place of its first letter.
#[derive(Clone, Copy)]
struct Token {
    /// None once it is part of the one before.
    id: u32,
    /// The places of its neighbours.
    next: u32,
    previous: u32,
}

impl Room {
    #[inline]
    fn ask(&mut self, rank: u32, place: u32) {
        let own = self.asked.len() as u32;
        let before = std::mem::replace(&mut self.last[rank as usize], own);
        self.asked.push((place, before));
        self.waiting[rank as usize / 64] |= 1 << (rank % 64);
    }

    /// Takes the places of a rank, in their order.
    fn take(&mut self, rank: usize) -> Vec<u32> {
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        let mut entry = std::mem::replace(&mut self.last[rank], NONE);
        while let Some(&(place, before)) = self.asked.get(entry as usize) {
            places.push(place);
            entry = before;
        }
        self.waiting[rank / 64] &= !(1 << (rank % 64));
        // They came mostly in order, and lie the other way round.
        places.reverse();
        places.sort_unstable();
        places
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
        let mut slots = vec![(EMPTY, 0); capacity];
        // Of a pair that is merged twice the library keeps the later rank.
        for (merge, rank) in merges.iter().zip(0..) {
            let pair = key(merge.pair);
            let mut place = slot(pair, capacity);
            while slots[place].0 != EMPTY && slots[place].0 != pair {
                place = (place + 1) & (capacity - 1);
            }
            slots[place] = (pair, rank);
        }
        let mut merges = Self {
            slots,
            ranked: merges.to_vec(),
            letters,
            first: Vec::new(),
        };
        let rank = |before: Option<u32>, after: Option<u32>| merges.rank((before?, after?));
        let line = |before: &Option<u32>| {
            std::array::from_fn(|after| {
                let after = merges.letters.get(after).copied().flatten();
                rank(*before, after).unwrap_or(NONE)
            })
        };
        merges.first = merges.letters.iter().map(line).collect();
        merges
    }

    /// Encodes a word: always the merge that was learned first, of equals the first place. Tells whether the
    /// vocabulary has all its letters; otherwise nothing is encoded.
    pub(crate) fn encode(&self, word: &[u8], room: &mut Room, to: &mut Vec<u32>) -> bool {
        room.tokens.clear();
        for (place, &letter) in (0..).zip(word) {
            let Some(id) = self.letters[letter as usize] else {
                return false;
            };
            room.tokens.push(Token {
                id,
                next: place + 1,
                previous: place.wrapping_sub(1),
            });
        }
        room.asked.clear();
        room.last.resize(self.ranked.len(), NONE);
        room.waiting.resize(self.ranked.len().div_ceil(64), 0);
        for (place, pair) in (0..).zip(word.windows(2)) {
            let rank = self.first[pair[0] as usize][pair[1] as usize];
            if rank != NONE {
                room.ask(rank, place);
            }
        }
        let mut from = 0;
        while let Some(rank) = room.first(from) {
            from = rank / 64;
            let places = room.take(rank);
            for (done, &place) in (1..).zip(&places) {
                // Only tokens that several merges make can ask for an earlier rank than this.
                let earlier = self.merge(self.ranked[rank], place, room);
                if let Some(earlier) = earlier.filter(|&earlier| (earlier as usize) < rank) {
                    from = earlier as usize / 64;
                    for &place in &places[done..] {
                        room.ask(rank as u32, place);
                    }
                    break;
                }
            }
            room.places = places;
        }
        let ids = room.tokens.iter().map(|token| token.id);
        to.extend(ids.filter(|&id| id != NONE));
        true
    }

    /// The rank of a pair that is merged.
    #[inline]
    fn rank(&self, pair: Pair) -> Option<u32> {
        let pair = key(pair);
        let mut place = slot(pair, self.slots.len());
        loop {
            let (known, rank) = self.slots[place];
            if known == pair {
                return Some(rank);
            }
            if known == EMPTY {
                return None;
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
    }

    /// Merges the pair at a place, if it still merges so, and tells the earliest rank that the new pairs have.
    fn merge(&self, merge: Merge, place: u32, room: &mut Room) -> Option<u32> {
        let (id, tokens) = (merge.id, room.tokens.as_mut_slice());
        let Token {
            id: first,
            next: after,
            previous: before,
        } = tokens[place as usize];
        if first == NONE {
            return None;
        }
        // Past the end there is no token.
        let Token {
            id: second,
            next: beyond,
            ..
        } = *tokens.get(after as usize)?;
        // The pair may have become another one, which counts where it merges into the same.
        let pair = (first, second);
        let merges_so = |rank: u32| self.ranked[rank as usize].id == id;
        if pair != merge.pair && !self.rank(pair).is_some_and(merges_so) {
            return None;
        }
        tokens[after as usize].id = NONE;
        let token = &mut tokens[place as usize];
        (token.id, token.next) = (id, beyond);
        let ahead = tokens.get_mut(beyond as usize).and_then(|token| {
            token.previous = place;
            self.rank((id, token.id))
        });
        let behind = tokens
            .get(before as usize)
            .and_then(|token| self.rank((token.id, id)));
        if let Some(rank) = ahead {
            room.ask(rank, place);
        }
        if let Some(rank) = behind {
            room.ask(rank, before);
        }
        ahead.into_iter().chain(behind).min()
    }
}

/// No pair: ids are far fewer.
const EMPTY: u64 = u64::MAX;

/// The first place of a pair among as many as a power of two.
#[inline]
fn slot(pair: u64, capacity: usize) -> usize {
    (pair.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & (capacity - 1)
}
