use std::io;
use std::path::Path;

use noodles_sam as sam;
use noodles_sam::alignment::record::cigar::Op;

use super::mode::Read;
use super::tally::{Progress, Tally};
use crate::Result;
use crate::lines::Lines;

/// The longest line of a SAM: reads of a million bases have a few megabytes.
const LONGEST_LINE_BYTES: usize = 1 << 26;
/// The last position that SAM knows.
const LAST_POSITION: u64 = i32::MAX as u64;

/// Counts the reads of a SAM.
pub(super) fn count_sam<'a>(
    path: &Path,
    mut tally: Tally<'a>,
    progress: &Progress<'_>,
) -> Result<Tally<'a>> {
    let mut lines = Lines::open_metered(path, LONGEST_LINE_BYTES, progress.meter.clone())?;
    while lines.advance()? {
        let line = lines.line();
        if line.is_empty() || line[0] == b'@' {
            continue;
        }
        let parsed = sam::Record::try_from(line).and_then(|record| {
            let name = record.reference_sequence_name().map(|name| name.to_vec());
            Ok((name, read_of(&record, u8::MAX)?))
        });
        let (name, read) =
            parsed.map_err(|error| lines.error(None, "a line of SAM", error.to_string()))?;
        match (name, read) {
            (Some(name), Some(read)) => {
                let chromosome = tally.bins.chromosome(&name);
                tally.names.note(&name, chromosome.is_some());
                tally.add(chromosome, &read);
            }
            _ => tally.totals.read += 1,
        }
        progress.report(tally.totals.read);
    }
    tally.totals.is_whole = true;
    Ok(tally)
}

/// Reads what counts of an alignment, whose mapping quality may be missing; nothing when it lies nowhere.
pub(super) fn read_of<R: sam::alignment::Record>(
    record: &R,
    missing: u8,
) -> io::Result<Option<Read>> {
    let Some(start) = record.alignment_start().transpose()? else {
        return Ok(None);
    };
    let quality = record.mapping_quality().transpose()?;
    let cigar = record.cigar();
    let span = match cigar.is_empty() {
        true => None,
        false => Some(span_of(cigar.iter())?),
    };
    let start = within("position", usize::from(start) as u64)?;
    Ok(Some(Read::of_alignment(
        start as i64 - 1,
        span,
        record.flags()?.bits(),
        quality.map_or(missing, u8::from),
        i64::from(record.template_length()?),
    )))
}

/// Adds up the bases of the reference that a CIGAR spans. The library adds without looking, and a line of text may hold
/// any lengths.
fn span_of(operations: impl Iterator<Item = io::Result<Op>>) -> io::Result<u64> {
    let mut span = 0_u64;
    for operation in operations {
        let operation = operation?;
        if operation.kind().consumes_reference() {
            span = span.saturating_add(operation.len() as u64);
        }
    }
    within("span of the CIGAR", span)
}

/// Refuses a number beyond the last position that a file of alignments can name.
fn within(what: &str, number: u64) -> io::Result<u64> {
    match number <= LAST_POSITION {
        true => Ok(number),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("expected a {what} of at most {LAST_POSITION}, found {number}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(position: &str, cigar: &str) -> io::Result<Option<Read>> {
        let line = format!("r\t0\tchr1\t{position}\t9\t{cigar}\t*\t0\t-20\tACGT\t*");
        let record = sam::Record::try_from(line.as_bytes())?;
        read_of(&record, u8::MAX)
    }

    #[test]
    fn a_span_counts_what_lies_on_the_reference() {
        let read = read("101", "5S10M3I20D30N4=2X6H").unwrap().unwrap();
        assert_eq!((read.start, read.end), (100, 166));
    }

    #[test]
    fn spans_and_positions_beyond_any_chromosome_are_refused_and_nothing_overflows() {
        let huge = u64::MAX.to_string();
        for cigar in [
            format!("{huge}D{huge}M1D"),
            format!("{huge}N"),
            "2147483647M1D".to_owned(),
        ] {
            let error = read("1", &cigar).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            let message = error.to_string();
            assert!(
                message.contains("a span of the CIGAR of at most 2147483647"),
                "{message}"
            );
        }
        // As a search for damaged files found it.
        assert!(read("1", &format!("5MDDD{huge}DDD5S")).is_err());
        let longest = read("2147483647", "2147483647M").unwrap().unwrap();
        assert_eq!(longest.end, 2 * i64::from(i32::MAX) - 1);
        for position in ["9223372036854775808", &huge, "2147483648"] {
            assert!(read(position, "4M").is_err(), "{position}");
        }
    }
}
