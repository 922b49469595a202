use std::path::{Path, PathBuf};

use noodles_bam::bai;
use noodles_bgzf::VirtualPosition;
use noodles_core::Position;
use noodles_core::region::Interval;
use noodles_csi::{self as csi, BinningIndex};

use super::bins::BinIndex;
use crate::{Error, Result};

/// Groups of chunks per thread: enough that none waits long for the last.
const GROUPS_PER_THREAD: usize = 8;

/// A stretch of a packed file that begins and ends at records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chunk {
    pub(super) start: VirtualPosition,
    pub(super) end: VirtualPosition,
}

/// Where the records of a BAM lie.
pub(super) enum Index {
    Bai(bai::Index),
    Csi(csi::Index),
}

impl Index {
    /// Reads the index beside a file; nothing when there is none, or one older than the file.
    pub(super) fn of(path: &Path) -> Result<Option<Self>> {
        let beside = |end: &str| -> Option<PathBuf> {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            let modified = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
            let longer = PathBuf::from(name);
            let found = [longer, path.with_extension(&end[1..])];
            found
                .into_iter()
                .find(|index| modified(index) >= modified(path) && index.exists())
        };
        let unreadable = |path: &Path, source: std::io::Error| Error::Unreadable {
            path: path.to_owned(),
            format: "an index of a BAM",
            source: source.into(),
        };
        if let Some(index) = beside(".bai") {
            let read = bai::fs::read(&index).map_err(|source| unreadable(&index, source))?;
            return Ok(Some(Self::Bai(read)));
        }
        if let Some(index) = beside(".csi") {
            let read = csi::fs::read(&index).map_err(|source| unreadable(&index, source))?;
            return Ok(Some(Self::Csi(read)));
        }
        Ok(None)
    }

    /// Lists where the reads lie that may overlap a window, or lie so near to one.
    pub(super) fn near(
        &self,
        path: &Path,
        bins: &BinIndex,
        chromosomes: &[Option<usize>],
        reach_bp: i64,
    ) -> Result<Vec<Chunk>> {
        let mut chunks = Vec::new();
        for (reference, chromosome) in chromosomes.iter().enumerate() {
            let Some(chromosome) = *chromosome else {
                continue;
            };
            for (start, end) in bins.covered(chromosome, reach_bp) {
                let found = self.query(reference, start, end);
                let found = found.map_err(|source| Error::Unreadable {
                    path: path.to_owned(),
                    format: "a BAM with its index",
                    source: source.into(),
                })?;
                chunks.extend(found);
            }
        }
        Ok(joined(chunks))
    }

    /// Divides a file whose records begin at `begin` where the index knows records to begin.
    pub(super) fn whole(&self, begin: VirtualPosition) -> Vec<Chunk> {
        let mut starts = vec![begin];
        match self {
            Self::Bai(index) => {
                for reference in index.reference_sequences() {
                    starts.extend(reference.index().iter().copied());
                }
            }
            Self::Csi(index) => {
                for reference in index.reference_sequences() {
                    starts.extend(reference.index().values().copied());
                }
            }
        }
        starts.retain(|start| *start >= begin);
        starts.sort_unstable();
        starts.dedup();
        let ends = starts.iter().skip(1).copied().chain([VirtualPosition::MAX]);
        let pairs = starts.iter().copied().zip(ends);
        pairs.map(|(start, end)| Chunk { start, end }).collect()
    }

    fn query(&self, reference: usize, start: i64, end: i64) -> std::io::Result<Vec<Chunk>> {
        // Neither format can name what lies beyond its last position.
        let last = match self {
            Self::Bai(_) => 1 << 29,
            Self::Csi(index) => {
                1_i64 << (u32::from(index.min_shift()) + 3 * u32::from(index.depth())).min(62)
            }
        };
        let position = |place: i64| Position::new(usize::try_from(place.min(last)).unwrap_or(1));
        let (Some(first), Some(end)) = (position(start + 1), position(end)) else {
            return Ok(Vec::new());
        };
        let interval = Interval::from(first..=end.max(first));
        let found = match self {
            Self::Bai(index) => index.query(reference, interval)?,
            Self::Csi(index) => index.query(reference, interval)?,
        };
        let chunk = |found: &csi::binning_index::index::reference_sequence::bin::Chunk| Chunk {
            start: found.start(),
            end: found.end(),
        };
        Ok(found.iter().map(chunk).collect())
    }
}

/// Joins chunks that overlap or touch, so that no record is read twice.
fn joined(mut chunks: Vec<Chunk>) -> Vec<Chunk> {
    chunks.sort_unstable();
    let mut apart: Vec<Chunk> = Vec::new();
    for chunk in chunks {
        match apart.last_mut() {
            Some(last) if chunk.start <= last.end => last.end = last.end.max(chunk.end),
            _ => apart.push(chunk),
        }
    }
    apart
}

/// Divides chunks into groups of about as many bytes.
pub(super) fn grouped(chunks: Vec<Chunk>, threads: usize) -> Vec<Vec<Chunk>> {
    let bytes = |chunk: &Chunk| {
        let known = chunk.end != VirtualPosition::MAX;
        let bytes = chunk
            .end
            .compressed()
            .saturating_sub(chunk.start.compressed());
        if known { bytes + 1 } else { 1 }
    };
    let groups = (threads * GROUPS_PER_THREAD).max(1) as u64;
    let share = chunks.iter().map(bytes).sum::<u64>() / groups + 1;
    let mut grouped: Vec<Vec<Chunk>> = Vec::new();
    let mut room = 0;
    for chunk in chunks {
        if room == 0 {
            grouped.push(Vec::new());
            room = share;
        }
        room = room.saturating_sub(bytes(&chunk));
        if let Some(group) = grouped.last_mut() {
            match group.last_mut() {
                // Reading on is quicker than seeking.
                Some(last) if last.end == chunk.start => last.end = chunk.end,
                _ => group.push(chunk),
            }
        }
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(start: u64, end: u64) -> Chunk {
        Chunk {
            start: VirtualPosition::from(start << 16),
            end: VirtualPosition::from(end << 16),
        }
    }

    #[test]
    fn chunks_that_overlap_are_read_once() {
        let chunks = vec![chunk(5, 9), chunk(1, 3), chunk(3, 4), chunk(6, 7)];
        assert_eq!(joined(chunks), [chunk(1, 4), chunk(5, 9)]);
    }

    #[test]
    fn groups_hold_every_chunk_in_order_and_join_neighbours() {
        let chunks: Vec<Chunk> = (0..100).map(|place| chunk(place, place + 1)).collect();
        let groups = grouped(chunks, 2);
        assert!(groups.len() > 8 && groups.len() <= 16);
        let flat: Vec<Chunk> = groups.into_iter().flatten().collect();
        assert_eq!(joined(flat), [chunk(0, 100)]);
    }
}
