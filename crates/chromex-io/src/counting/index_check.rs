//! Whether an index is that of the file beside which it lies. Nothing in an index names its file; what it says of the file's
//! records is looked up there.

use std::io::{BufRead as _, Read as _};

use noodles_bam::bai;
use noodles_bgzf::{self as bgzf, VirtualPosition, io::Seek as _};

use super::bam::{parse, span_bp};

/// The records that are looked up; each costs a block that is unpacked.
const MOST_LOOKED_UP: usize = 256;
/// The bases that the smallest bins and the steps of the linear index span, as a power of two.
const STEP_BITS: i64 = 14;
/// The bin of all bases of a sequence, and the first of the smallest.
const FIRST_SMALLEST_BIN: i64 = 4681;

/// A record as an index knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    reference: i32,
    start: i64,
    end: i64,
    /// The end by the CIGAR alone, which some programs go by also where the read is not mapped.
    cigar_end: i64,
    /// The bin that the record itself names; older programs index by it.
    bin: i64,
}

/// What an index says of the record at a place of the file.
struct Claim {
    at: VirtualPosition,
    reference: usize,
    /// The bin that the record must lie in, or in one within it.
    bin: Option<i64>,
    /// The steps of the linear index of which the record must overlap one.
    steps: Option<(i64, i64)>,
}

/// Compares an index with the file that it should be of, whose records begin at `begin` and which has so many sequences; gives
/// where they differ.
pub(super) fn difference<R: std::io::Read + std::io::Seek>(
    index: &bai::Index,
    reader: &mut bgzf::io::Reader<R>,
    begin: VirtualPosition,
    references: usize,
) -> Option<String> {
    let indexed = index.reference_sequences().len();
    if indexed != references {
        return Some(format!(
            "it is of {indexed} reference sequences and the file has {references}"
        ));
    }
    let claims = claims(index);
    let step = claims.len().div_ceil(MOST_LOOKED_UP).max(1);
    for claim in claims.iter().step_by(step) {
        match record_at(reader, claim.at) {
            Ok(Some(place)) if claim.holds(place) => {}
            Ok(Some(_)) => {
                let at = claim.at.compressed();
                return Some(format!("another record lies where it says, at byte {at}"));
            }
            _ => {
                let at = claim.at.compressed();
                return Some(format!("no record lies where it says, at byte {at}"));
            }
        }
    }
    let chunks = || {
        let bins = index.reference_sequences().iter();
        let bins = bins.flat_map(|sequence| sequence.bins().values());
        bins.flat_map(|bin| bin.chunks().iter())
    };
    // The first record that it knows is the first of the file, unless that lies nowhere.
    let first = chunks().map(|chunk| chunk.start()).min();
    let own = record_at(reader, begin);
    let known = first.map(|first| record_at(reader, first));
    match (own, known) {
        (Ok(Some(own)), None) if own.reference >= 0 => {
            return Some("it knows of no record and the file has some".into());
        }
        (Ok(own), Some(Ok(known))) if own != known => {
            return Some("the first record that it knows is not the first of the file".into());
        }
        _ => {}
    }
    // Behind the last are only those that lie nowhere.
    let last = chunks().map(|chunk| chunk.end()).max()?;
    match record_at(reader, last) {
        Ok(None) => None,
        Ok(Some(place)) if place.reference < 0 => None,
        Ok(Some(_)) => Some("the file has records behind the last that it knows".into()),
        Err(_) => Some(format!(
            "it says that records end at byte {}, where none does",
            last.compressed()
        )),
    }
}

/// Lists what an index says of single records: where the chunks of each bin begin, and each step of the linear index.
fn claims(index: &bai::Index) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (reference, sequence) in index.reference_sequences().iter().enumerate() {
        for (&bin, chunks) in sequence.bins() {
            claims.extend(chunks.chunks().iter().map(|chunk| Claim {
                at: chunk.start(),
                reference,
                bin: Some(bin as i64),
                steps: None,
            }));
        }
        let steps: &Vec<VirtualPosition> = sequence.index();
        let mut first = 0;
        while first < steps.len() {
            let same = steps[first..].iter().take_while(|at| **at == steps[first]);
            let last = first + same.count() - 1;
            if steps[first] != VirtualPosition::MIN {
                claims.push(Claim {
                    at: steps[first],
                    reference,
                    bin: None,
                    // Steps without a record of their own carry that of a neighbour.
                    steps: Some((first as i64, last as i64)),
                });
            }
            first = last + 1;
        }
    }
    claims
}

impl Claim {
    fn holds(&self, place: Place) -> bool {
        if place.reference != self.reference as i32 {
            return false;
        }
        let end = place.end.max(place.start + 1);
        let farthest = end.max(place.cigar_end);
        let overlaps = |(first, last): (i64, i64)| {
            place.start < (last + 1) << STEP_BITS && farthest > first << STEP_BITS
        };
        let lies_in = |bin: i64| {
            let within = |mut own: i64| {
                while own > bin {
                    own = (own - 1) >> 3;
                }
                own == bin
            };
            within(smallest_bin(place.start, end)) || within(place.bin)
        };
        self.steps.is_none_or(overlaps) && self.bin.is_none_or(lies_in)
    }
}

/// Finds the smallest bin that holds a stretch.
fn smallest_bin(start: i64, end: i64) -> i64 {
    let (mut first, mut last) = (start >> STEP_BITS, (end - 1) >> STEP_BITS);
    let mut level = FIRST_SMALLEST_BIN;
    while first != last && level > 0 {
        (first, last, level) = (first >> 3, last >> 3, (level - 1) >> 3);
    }
    level + first
}

/// Reads the record at a place; nothing at the end of the file.
fn record_at<R: std::io::Read + std::io::Seek>(
    reader: &mut bgzf::io::Reader<R>,
    at: VirtualPosition,
) -> std::io::Result<Option<Place>> {
    /// Longer ones are looked at no further.
    const LONGEST: u64 = 1 << 24;
    let wrong = || std::io::Error::from(std::io::ErrorKind::InvalidData);
    reader.seek_to_virtual_position(at)?;
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut size = [0; 4];
    reader.read_exact(&mut size)?;
    let size = u64::from(u32::from_le_bytes(size));
    if size > LONGEST {
        return Err(wrong());
    }
    let mut record = Vec::new();
    reader.by_ref().take(size).read_to_end(&mut record)?;
    let (reference, read) = (record.len() as u64 == size)
        .then(|| parse(&record))
        .flatten()
        .ok_or_else(wrong)?;
    // What was parsed has its fixed fields and its CIGAR.
    let bin = i64::from(u16::from_le_bytes([record[10], record[11]]));
    let operations = usize::from(u16::from_le_bytes([record[12], record[13]]));
    let cigar = 32 + usize::from(record[8]);
    let span = span_bp(record[cigar..cigar + 4 * operations].as_chunks().0);
    Ok(Some(Place {
        reference,
        start: read.start,
        end: read.end,
        cigar_end: read.start.saturating_add_unsigned(span),
        bin,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_those_of_the_specification() {
        assert_eq!(smallest_bin(0, 1), 4681);
        assert_eq!(smallest_bin(16_383, 16_385), 585);
        assert_eq!(smallest_bin(0, 1 << 29), 0);
        assert_eq!(smallest_bin((1 << 29) - 1, 1 << 29), 37_448);
    }
}
