//! Which columns interact: those that some way through some tree asks for both.

use std::collections::HashMap;

use super::walk::Walk;
use crate::{Error, Result};

/// The pairs of columns that interact, and where.
#[derive(Clone, Debug)]
pub(super) struct Pairs {
    /// Places among the columns in use, the lower first, in ascending order.
    pub(super) list: Vec<[u32; 2]>,
    /// Of each tree.
    pub(super) partners: Vec<Partners>,
}

/// For each split of a tree the columns above it that it interacts with.
#[derive(Clone, Debug)]
pub(super) struct Partners {
    list: Vec<Partner>,
    /// Where the partners of each split begin, and the end of the last ones.
    starts: Vec<usize>,
    /// Pairs of the whole model.
    pub(super) pairs: usize,
}

/// A column above a split, other than the split's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partner {
    /// The pair's place among the pairs.
    pub(super) pair: u32,
    /// The deepest edge above that asks for the column: twice its split, and one more on the right.
    pub(super) edge: u32,
}

impl Pairs {
    /// Finds the pairs, within so many bytes.
    pub(super) fn find(walks: &[Walk], limit: usize) -> Result<Self> {
        let most = limit / (2 * size_of::<Partner>());
        let mut found = 0;
        let mut numbers: HashMap<[u32; 2], u32> = HashMap::new();
        let mut partners = Vec::with_capacity(walks.len());
        for walk in walks {
            let mut met: Vec<(usize, Partner)> = Vec::new();
            walk.partners(|split, edge, other| {
                found += 1;
                if found > most {
                    return Err(Error::Memory {
                        what: "pairs of columns",
                        needed: 2 * size_of::<Partner>() as u128 * found as u128,
                        limit,
                    });
                }
                let slot = walk.splits[split].slot;
                let next = numbers.len() as u32;
                let pair = *numbers
                    .entry([slot.min(other), slot.max(other)])
                    .or_insert(next);
                met.push((split, Partner { pair, edge }));
                Ok(())
            })?;
            met.sort_by_key(|(split, _)| *split);
            let mut starts = vec![0; walk.splits.len() + 1];
            for (split, _) in &met {
                starts[split + 1] += 1;
            }
            for split in 0..walk.splits.len() {
                starts[split + 1] += starts[split];
            }
            partners.push(Partners {
                list: met.into_iter().map(|(_, partner)| partner).collect(),
                starts,
                pairs: 0,
            });
        }
        let mut list: Vec<([u32; 2], u32)> = numbers.into_iter().collect();
        list.sort_unstable();
        let mut places = vec![0; list.len()];
        for (place, (_, number)) in list.iter().enumerate() {
            places[*number as usize] = place as u32;
        }
        for partners in &mut partners {
            partners.pairs = list.len();
            for partner in &mut partners.list {
                partner.pair = places[partner.pair as usize];
            }
        }
        Ok(Self {
            list: list.into_iter().map(|(pair, _)| pair).collect(),
            partners,
        })
    }
}

impl Partners {
    /// Lists those of a split.
    #[inline(always)]
    pub(super) fn of(&self, split: usize) -> &[Partner] {
        &self.list[self.starts[split]..self.starts[split + 1]]
    }
}
