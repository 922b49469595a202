use std::path::Path;

use super::mode::Read;
use super::tally::{Progress, Tally};
use crate::Result;
use crate::error::quoted;
use crate::genes::{Strand, is_remark, parse_span};
use crate::lines::{LONGEST_LINE_BYTES, Lines};

/// Counts the reads of a BED of six columns or a tagAlign, sorted or not.
pub(super) fn count<'a>(
    path: &Path,
    mut tally: Tally<'a>,
    progress: &Progress<'_>,
) -> Result<Tally<'a>> {
    let mut lines = Lines::open_metered(path, LONGEST_LINE_BYTES, progress.meter.clone())?;
    // Neighbouring lines mostly lie on the same chromosome.
    let mut last = (Vec::new(), None);
    while lines.advance()? {
        if is_remark(lines.line()) {
            continue;
        }
        let (name, read) = parse(&lines)?;
        if name != last.0 || tally.totals.read == 0 {
            last.0.clear();
            last.0.extend_from_slice(name);
            last.1 = tally.bins.chromosome(name);
            tally.names.note(name, last.1.is_some());
        }
        tally.add(last.1, &read);
        progress.report(tally.totals.read);
    }
    tally.totals.is_whole = true;
    Ok(tally)
}

fn parse(lines: &Lines) -> Result<(&[u8], Read)> {
    let mut columns = lines.line().split(|&byte| byte == b'\t');
    let mut next = || columns.next().unwrap_or_default();
    let (name, start, end) = (next(), next(), next());
    let (start, end) = parse_span(lines, start, end)?;
    let strand = columns.nth(2);
    match strand.and_then(Strand::parse) {
        Some(strand) => Ok((name, Read::of_bed(start, end, strand == Strand::Minus))),
        None => Err(lines.error(Some(6), "`+` or `-`", quoted(strand.unwrap_or_default()))),
    }
}
