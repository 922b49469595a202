use std::path::Path;

use super::fields::number;
use super::records::LONGEST_LINE_BYTES;
use crate::error::quoted;
use crate::lines::Lines;
use crate::{Error, Result};

/// What the first lines of a delimited text say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) separator: u8,
    /// The lines before the header, or before the first row where there is none.
    pub(super) skipped: u64,
    /// Those of them that are remarks.
    pub(super) remarks: u64,
    /// How many rows and samples a GCT promises.
    pub(super) extent: Option<Extent>,
}

/// How many rows and samples the second line of a GCT promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) rows: usize,
    pub(crate) samples: usize,
}

impl Probe {
    pub(super) fn of(path: &Path) -> Result<Self> {
        let mut lines = Lines::open_metered(path, LONGEST_LINE_BYTES, Default::default())?;
        let mut probe = Self::default();
        let mut last_remark = Vec::new();
        loop {
            if !lines.advance()? {
                let found = match probe.skipped {
                    0 => "an empty file",
                    _ => "remarks and empty lines only",
                };
                return Err(lines.error(None, "a header", found));
            }
            let line = lines.line();
            if lines.number() == 1 && line.starts_with(b"#1.3") {
                let found = "`#1.3`, whose rows and columns are described further";
                return Err(lines.error(None, "version 1.2 of GCT", found));
            }
            if lines.number() == 1 && line.starts_with(b"#1.2") {
                lines.advance()?;
                probe.extent = Some(Extent::of(&lines)?);
                probe.skipped = 2;
                continue;
            }
            let is_remark = line.starts_with(b"#");
            if !is_remark && !line.trim_ascii().is_empty() {
                break;
            }
            last_remark.clear();
            if is_remark {
                last_remark.extend_from_slice(line);
                probe.remarks += 1;
            }
            probe.skipped += 1;
        }
        let first = lines.line().to_vec();
        if first.contains(&0) {
            let found = "binary data: save the table as text in UTF-8 or as Parquet";
            return Err(lines.error(None, "a table", found));
        }
        let mut second = Vec::new();
        while lines.advance()? {
            if !lines.line().trim_ascii().is_empty() {
                second.extend_from_slice(lines.line());
                break;
            }
        }
        probe.separator = separator(&first, &second);
        // `#gene` begins a header, where what follows are rows.
        let glued = fields(&last_remark, probe.separator);
        let own = fields(&first, probe.separator);
        if glued.len() > 1
            && glued.len() == own.len()
            && own[1..].iter().any(|field| is_number(field))
        {
            probe.skipped -= 1;
            probe.remarks -= 1;
        }
        Ok(probe)
    }
}

impl Extent {
    fn of(lines: &Lines) -> Result<Self, Error> {
        let text = String::from_utf8_lossy(lines.line());
        let numbers: Option<Vec<usize>> = text
            .split_whitespace()
            .map(|field| field.parse().ok())
            .collect();
        match numbers.as_deref() {
            Some(&[rows, samples]) => Ok(Self { rows, samples }),
            _ => {
                let found = quoted(lines.line());
                Err(lines.error(None, "the numbers of rows and samples", found))
            }
        }
    }
}

/// Chooses what parts the fields of the header and of the first row; a header of R may have one name only.
fn separator(header: &[u8], row: &[u8]) -> u8 {
    let candidates = [b'\t', b',', b';', b' '];
    let parts = |line: &[u8], separator: u8| fields(line, separator).len() > 1;
    let both = candidates
        .into_iter()
        .find(|&one| parts(header, one) && parts(row, one));
    let one = candidates.into_iter().find(|&one| parts(row, one));
    let other = candidates.into_iter().find(|&one| parts(header, one));
    both.or(one).or(other).unwrap_or(b'\t')
}

fn is_number(field: &[u8]) -> bool {
    std::str::from_utf8(field).is_ok_and(|field| number(field).is_some())
}

/// Parts a line where the separator stands outside of quotes.
fn fields(line: &[u8], separator: u8) -> Vec<&[u8]> {
    let mut inside = false;
    let parts = line.split(|&byte| {
        inside ^= byte == b'"';
        byte == separator && !inside
    });
    parts.map(|part| part.trim_ascii()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(text: &str) -> Probe {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, text).unwrap();
        Probe::of(&path).unwrap()
    }

    #[test]
    fn separators_are_told_by_the_header_and_the_first_row() {
        for (text, expected) in [
            ("gene\ta,b\nE1\t1\n", b'\t'),
            ("gene,a\n\"E1\t, x\",1\n", b','),
            ("gene;a;b\nE1;1;2,5\n", b';'),
            ("\"gene, of a table\";a\nE1;1\n", b';'),
            ("cell\nE1\t1\n", b'\t'),
            ("\"cell\"\n\"E1\",1\n", b','),
            ("gene a\nE1 1\n", b' '),
            ("gene name\tcell\nE1\t1\n", b'\t'),
            ("gene\n", b'\t'),
        ] {
            assert_eq!(probe(text).separator, expected, "{text}");
        }
    }

    #[test]
    fn remarks_come_before_the_header_unless_the_last_is_it() {
        let of = |text: &str| (probe(text).skipped, probe(text).remarks);
        assert_eq!(
            of("# Program: x v2; \"a\" \"b\"\nGeneid\tChr\tcell\nE1\tchr1\t5\n"),
            (1, 1)
        );
        assert_eq!(of("#gene\tcell\nE1\t5\n"), (0, 0));
        assert_eq!(of("\n# a\n\n#gene\tcell\nE1\t5\n"), (3, 1));
        assert_eq!(of("# a\tb\ngene\tcell\nE1\t5\n"), (1, 1));
        assert_eq!(of("#1.2\n1\t1\nName\tDescription\ta\nE1\tx\t1\n"), (2, 0));
    }
}
