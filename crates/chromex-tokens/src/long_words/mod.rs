//! Merges of long words, such as promoters, which are one word each.
//!
//! The library's trainer walks through every word that holds a pair, letter by letter, for every merge. Here each pair knows
//! the places where it stands. Counts, ties and the order of merges are the library's, so that the vocabulary is as well.

mod encode;
mod learn;

pub(crate) use encode::{Merges, Room};
pub(crate) use learn::learn;

/// Neighbouring ids.
type Pair = (u32, u32);

const NONE: u32 = u32::MAX;

/// What is merged, and into which id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Merge {
    pub(crate) pair: Pair,
    pub(crate) id: u32,
}

#[inline]
fn key(pair: Pair) -> u64 {
    u64::from(pair.0) << 32 | u64::from(pair.1)
}
