use crate::Result;
use crate::error::quoted;
use crate::genes::parse_span;
use crate::lines::Lines;

/// One line of a bedGraph.
pub(crate) struct BedGraphLine<'a> {
    pub(crate) chromosome: &'a [u8],
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) value: f32,
}

/// Reads a line of four columns, between which tabs or blanks stand.
pub(crate) fn parse_bed_graph(lines: &Lines) -> Result<BedGraphLine<'_>> {
    let blank = |byte: &u8| *byte == b'\t' || *byte == b' ';
    let mut columns = lines
        .line()
        .split(blank)
        .filter(|column| !column.is_empty());
    let mut next = || columns.next().unwrap_or_default();
    let (chromosome, start, end, value) = (next(), next(), next(), next());
    let (start, end) = parse_span(lines, start, end)?;
    let number = std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse::<f32>().ok());
    let number = number.filter(|value| !value.is_infinite());
    let value = number.ok_or_else(|| lines.error(Some(4), "a number", quoted(value)))?;
    if columns.next().is_some() {
        return Err(lines.error(None, "4 columns", "more"));
    }
    Ok(BedGraphLine {
        chromosome,
        start: start as i64,
        end: end as i64,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<(i64, i64, f32)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bedGraph");
        std::fs::write(&path, line).unwrap();
        let mut lines = Lines::open(&path)?;
        lines.advance()?;
        let line = parse_bed_graph(&lines)?;
        Ok((line.start, line.end, line.value))
    }

    #[test]
    fn tabs_and_blanks_part_columns_and_the_rest_is_refused() {
        assert_eq!(parse("chr1\t5\t9\t-0.5\n").unwrap(), (5, 9, -0.5));
        assert_eq!(parse("chr1 5  9 1e3\n").unwrap(), (5, 9, 1000.0));
        for (line, expected) in [
            ("chr1\t5\t9\n", "column 4: expected a number, found ``"),
            ("chr1\t5\t9\tx\n", "column 4: expected a number, found `x`"),
            ("chr1\t5\t9\tinf\n", "column 4: expected a number"),
            (
                "chr1\t9\t5\t1\n",
                "column 3: expected a position at or after the start",
            ),
            ("chr1\t5\t9\t1\t2\n", "expected 4 columns, found more"),
        ] {
            let message = parse(line).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
