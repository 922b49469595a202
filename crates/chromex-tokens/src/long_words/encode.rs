use super::{Merge, NONE, Pair, key};

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
