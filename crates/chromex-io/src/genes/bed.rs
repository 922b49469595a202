use crate::Result;
use crate::error::quoted;
use crate::genes::Strand;
use crate::lines::Lines;

/// The last position that any file of the field can name; more is an error, not a genome.
pub(crate) const LAST_POSITION: u64 = i32::MAX as u64;

/// One line of a BED of genes or transcripts.
pub(super) struct BedGene<'a> {
    pub(super) name: &'a str,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) strand: Option<Strand>,
    pub(super) exon_bases: u64,
}

/// Reads a line of at least six columns; the sizes of blocks, where there are twelve, are its exons.
pub(super) fn parse_gene<'a>(lines: &Lines, columns: &[&'a str]) -> Result<BedGene<'a>> {
    if columns.len() < 6 {
        let expected = "at least 6 columns: chromosome, start, end, name, score and strand";
        return Err(lines.error(None, expected, columns.len().to_string()));
    }
    let (start, end) = parse_span(lines, columns[1].as_bytes(), columns[2].as_bytes())?;
    let name = columns[3].trim();
    let blocks = columns.get(10).map(|sizes| {
        let mut sizes = sizes.split(',').filter(|size| !size.is_empty());
        sizes.try_fold(0, |sum: u64, size| sum.checked_add(size.parse().ok()?))
    });
    let exon_bases = match blocks {
        None => end - start,
        Some(Some(bases)) if bases <= end - start => bases,
        Some(_) => {
            let found = quoted(columns[10].as_bytes());
            return Err(lines.error(Some(11), "sizes of blocks within the gene", found));
        }
    };
    Ok(BedGene {
        name,
        start,
        end,
        strand: Strand::parse(columns[5].trim().as_bytes()),
        exon_bases,
    })
}

/// Reads start and end, 0-based and half-open.
pub(crate) fn parse_span(lines: &Lines, start: &[u8], end: &[u8]) -> Result<(u64, u64)> {
    let start = parse_position(start)
        .ok_or_else(|| lines.error(Some(2), "a position from 0", quoted(start)))?;
    let end = parse_position(end)
        .filter(|&end| end >= start)
        .ok_or_else(|| lines.error(Some(3), "a position at or after the start", quoted(end)))?;
    Ok((start, end))
}

/// Reads the digits of a position and nothing else.
pub(crate) fn parse_position(field: &[u8]) -> Option<u64> {
    if field.is_empty() || field.len() > 10 {
        return None;
    }
    let mut position = 0;
    for byte in field {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        position = position * 10 + u64::from(digit);
    }
    (position <= LAST_POSITION).then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_digits_within_what_formats_can_name() {
        assert_eq!(parse_position(b"2147483647"), Some(LAST_POSITION));
        for bad in ["", "2147483648", "-1", "+1", " 1", "1.0", "99999999999"] {
            assert_eq!(parse_position(bad.as_bytes()), None, "{bad}");
        }
    }
}
