use std::io;
use std::path::Path;

use noodles_sam as sam;

use super::mode::Read;
use super::tally::{Progress, Tally};
use crate::Result;
use crate::lines::Lines;

/// The longest line of a SAM: reads of a million bases have a few megabytes.
const LONGEST_LINE_BYTES: usize = 1 << 26;

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
        false => Some(cigar.alignment_span()? as u64),
    };
    Ok(Some(Read::of_alignment(
        usize::from(start) as i64 - 1,
        span,
        record.flags()?.bits(),
        quality.map_or(missing, u8::from),
        i64::from(record.template_length()?),
    )))
}
