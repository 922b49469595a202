use std::path::Path;

use super::annotation::{AnnotationFormat, is_remark};
use super::attributes::{Attributes, Notation};
use super::bed::parse_position;
use crate::lines::Lines;
use crate::{Error, Result};

/// The lines that a format is told by.
const LINES_LOOKED_AT: u64 = 2_000;

/// What the lines of a file speak for.
#[derive(Default)]
struct Votes {
    gtf: u64,
    gff3: u64,
    bed: u64,
    /// Lines of nine columns whose attributes speak for neither.
    features: u64,
    /// What the file calls itself.
    header: Option<AnnotationFormat>,
}

/// Finds out how a file is written: by what it calls itself in its header, then by how most of its lines are written, never
/// by one line.
///
/// # Errors
///
/// Those of reading; [`Error::Unreadable`] when header and lines contradict each other.
pub(super) fn told(path: &Path) -> Result<AnnotationFormat> {
    let unreadable = |found: String| Error::Unreadable {
        path: path.to_owned(),
        format: "genes as GTF, GFF3 or BED",
        source: found.into(),
    };
    let mut lines = Lines::open(path)?;
    let mut votes = Votes::default();
    let mut looked_at = 0;
    while looked_at < LINES_LOOKED_AT && lines.advance()? {
        let line = lines.line();
        if line.starts_with(b"##FASTA") || line.starts_with(b">") {
            break;
        }
        if is_remark(line) {
            votes.header = votes.header.or_else(|| called(line));
            continue;
        }
        looked_at += 1;
        votes.add(&String::from_utf8_lossy(line));
    }
    votes.decided().map_err(unreadable)
}

/// Reads what a line of the header calls the file.
fn called(line: &[u8]) -> Option<AnnotationFormat> {
    let text = std::str::from_utf8(line).ok()?;
    let text = text
        .trim_start_matches('#')
        .trim_start()
        .to_ascii_lowercase();
    if text.starts_with("gtf-version") {
        return Some(AnnotationFormat::Gtf);
    }
    // As GENCODE says it.
    match text.strip_prefix("format:").map(str::trim) {
        Some("gtf") => return Some(AnnotationFormat::Gtf),
        Some("gff3") => return Some(AnnotationFormat::Gff3),
        _ => {}
    }
    let version = text.strip_prefix("gff-version")?.trim_start();
    Some(match version.starts_with('3') {
        true => AnnotationFormat::Gff3,
        false => AnnotationFormat::Gtf,
    })
}

impl Votes {
    fn add(&mut self, line: &str) {
        let columns: Vec<&str> = line.split('\t').collect();
        let are_positions = |places: [usize; 2]| {
            places.iter().all(|&place| {
                let field = columns.get(place).map(|field| field.as_bytes());
                field.and_then(parse_position).is_some()
            })
        };
        let is_feature = columns.len() >= 8
            && are_positions([3, 4])
            && matches!(columns[6].trim(), "+" | "-" | "." | "?");
        if is_feature {
            let text = columns.get(8).copied().unwrap_or_default();
            match Attributes::notation_of(text) {
                Some(Notation::Gtf) => self.gtf += 1,
                Some(Notation::Gff3) => self.gff3 += 1,
                None => self.features += 1,
            }
        } else if are_positions([1, 2]) {
            self.bed += 1;
        }
    }

    fn decided(&self) -> Result<AnnotationFormat, String> {
        let Self { gtf, gff3, bed, .. } = *self;
        let contradicts = |name: &str, own: u64, others: [(u64, &str); 2]| {
            let (count, other) = others.into_iter().max_by_key(|(count, _)| *count)?;
            (own == 0 && self.features == 0 && count > 0).then(|| {
                format!(
                    "its header says {name} and its lines are written as {other}: say which it is (--annotation-format)"
                )
            })
        };
        if let Some(header) = self.header {
            let found = match header {
                AnnotationFormat::Gff3 => contradicts("GFF3", gff3, [(gtf, "GTF"), (bed, "BED")]),
                _ => contradicts("GTF", gtf, [(gff3, "GFF3"), (bed, "BED")]),
            };
            return found.map_or(Ok(header), Err);
        }
        let most = gtf.max(gff3).max(bed);
        Ok(match most {
            // Errors of lines say what a GTF should have.
            0 => AnnotationFormat::Gtf,
            _ if most == bed && gtf + gff3 + self.features < bed => AnnotationFormat::Bed,
            _ if gff3 > gtf => AnnotationFormat::Gff3,
            _ => AnnotationFormat::Gtf,
        })
    }
}
