use std::path::{Path, PathBuf};

use noodles_bam::bai;
use noodles_bgzf::{self as bgzf, VirtualPosition};
use noodles_core::Position;
use noodles_core::region::Interval;
use noodles_csi::BinningIndex;
use noodles_csi::binning_index::index;

use super::bins::BinIndex;
use super::index_check::difference;
use crate::guard::guard;
use crate::{Error, Result};

/// The largest index that is read; that of a BAM of 300 GB has some 10 MB.
const MOST_BYTES: u64 = 256 << 20;
/// Groups of chunks per thread: enough that none waits long for the last.
const GROUPS_PER_THREAD: usize = 8;

/// A stretch of a packed file that begins and ends at records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chunk {
    pub(super) start: VirtualPosition,
    pub(super) end: VirtualPosition,
}

/// Where the records of a BAM lie.
pub(super) struct Index {
    pub(super) path: PathBuf,
    inner: bai::Index,
}

/// What lies beside a BAM.
pub(super) enum Beside {
    /// Nothing that could be its index.
    Nothing,
    /// An index that was written before the BAM, which says nothing of it.
    Older(PathBuf),
    Index(Index),
}

impl Index {
    /// Reads the BAI beside a file. One that is older than the file is passed over, and so is a CSI, which only chromosomes
    /// beyond 512 million bases need.
    pub(super) fn of(path: &Path) -> Result<Beside> {
        let mut longer = path.as_os_str().to_owned();
        longer.push(".bai");
        let modified = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
        let found = [PathBuf::from(longer), path.with_extension("bai")];
        let mut found = found.into_iter().filter(|index| index.exists());
        let Some(first) = found.next() else {
            return Ok(Beside::Nothing);
        };
        let is_newer = |index: &PathBuf| modified(index) >= modified(path);
        let Some(index) = [first.clone()].into_iter().chain(found).find(is_newer) else {
            return Ok(Beside::Older(first));
        };
        let bytes = chromex_core::input::read(&index, MOST_BYTES).map_err(|source| Error::Io {
            action: "read",
            path: index.clone(),
            source,
        })?;
        let inner = guard(&index, "an index of a BAM", || match is_whole(&bytes) {
            Some(true) => bai::io::Reader::new(&bytes[..]).read_index(),
            _ => Err(std::io::Error::other(
                "it has less than it says: make it again (samtools index) or take it away",
            )),
        })?;
        Ok(Beside::Index(Self { path: index, inner }))
    }

    /// Refuses an index that is not that of the file.
    pub(super) fn check<R: std::io::Read + std::io::Seek>(
        &self,
        path: &Path,
        reader: &mut bgzf::io::Reader<R>,
        begin: VirtualPosition,
        references: usize,
    ) -> Result<()> {
        let look = || std::io::Result::Ok(difference(&self.inner, reader, begin, references));
        match guard(&self.path, "an index of a BAM", look)? {
            None => Ok(()),
            Some(found) => Err(self.other(path, found)),
        }
    }

    /// Says that the index is that of another file.
    pub(super) fn other(&self, path: &Path, found: String) -> Error {
        Error::Index {
            path: self.path.clone(),
            alignments: path.to_owned(),
            found,
        }
    }

    /// Tells whether the file has reads on a reference sequence.
    pub(super) fn has_reads(&self, reference: usize) -> bool {
        let sequence = self.inner.reference_sequences().get(reference);
        sequence.is_some_and(|sequence| !sequence.bins().is_empty())
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
                let query = || self.query(reference, start, end);
                let found = guard(path, "a BAM with its index", query)?;
                chunks.extend(found);
            }
        }
        Ok(joined(chunks))
    }

    /// Divides a file whose records begin at `begin` where the index knows records to begin.
    pub(super) fn whole(&self, begin: VirtualPosition) -> Vec<Chunk> {
        let mut starts = vec![begin];
        for reference in self.inner.reference_sequences() {
            starts.extend(reference.index().iter().copied());
        }
        starts.retain(|start| *start >= begin);
        starts.sort_unstable();
        starts.dedup();
        let ends = starts.iter().skip(1).copied().chain([VirtualPosition::MAX]);
        let pairs = starts.iter().copied().zip(ends);
        pairs.map(|(start, end)| Chunk { start, end }).collect()
    }

    fn query(&self, reference: usize, start: i64, end: i64) -> std::io::Result<Vec<Chunk>> {
        // The format can name no more.
        let last = 1 << 29;
        let position = |place: i64| Position::new(usize::try_from(place.min(last)).unwrap_or(1));
        let (Some(first), Some(end)) = (position(start + 1), position(end)) else {
            return Ok(Vec::new());
        };
        let interval = Interval::from(first..=end.max(first));
        let found = self.inner.query(reference, interval)?;
        let chunk = |found: &index::reference_sequence::bin::Chunk| Chunk {
            start: found.start(),
            end: found.end(),
        };
        Ok(found.iter().map(chunk).collect())
    }
}

/// Walks over an index to see that it has what it says: its reader allocates that first.
fn is_whole(mut bytes: &[u8]) -> Option<bool> {
    let mut take = |count: usize| bytes.split_off(..count);
    let number = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize);
    take(4)?;
    let references = number(take(4)?)?;
    for _ in 0..references {
        let bins = number(take(4)?)?;
        for _ in 0..bins {
            take(4)?;
            let chunks = number(take(4)?)?;
            take(chunks.checked_mul(16)?)?;
        }
        let intervals = number(take(4)?)?;
        take(intervals.checked_mul(8)?)?;
    }
    Some(true)
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
