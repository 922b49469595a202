use std::path::Path;

use super::Strand;
use super::annotation::{is_remark, place};
use super::attributes::{Attributes, Notation};
use super::ids::{is_placeholder, without_source};
use super::notation;
use crate::error::quoted;
use crate::lines::Lines;
use crate::{Result, genes::AnnotationFormat};

/// One line of an annotation, as it stands there: nothing is joined, chosen or left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneRow {
    /// The id; none where the line has none.
    pub id: Option<String>,
    /// The contig as the file writes it.
    pub contig: String,
    /// The first base, 0-based.
    pub start: u64,
    /// One past the last base.
    pub end: u64,
    /// The strand; none where the line does not say.
    pub strand: Option<Strand>,
}

/// Reads the lines of one feature, such as `gene`, of a GFF3 or GTF, packed or not.
///
/// Where [`read_genes`](super::read_genes) makes one gene of all its lines, this gives what `awk '$3 == "gene"'` gives: bodies
/// of genes that are subtracted count even where nothing else is known of them.
///
/// # Errors
///
/// [`Error::Table`](crate::Error::Table) at the first line of the feature whose columns or positions cannot be, and when there
/// is no such line; [`Error::Io`](crate::Error::Io) and [`Error::Damaged`](crate::Error::Damaged) when the file cannot be read.
///
/// # Examples
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("genes.gff3");
/// # std::fs::write(&path, "1\tx\tgene\t11\t20\t.\t-\t.\tID=gene:A\n").unwrap();
/// let rows = chromex_io::genes::read_gene_rows(&path, "gene")?;
/// assert_eq!((rows[0].id.as_deref(), rows[0].start), (Some("A"), 10));
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn read_gene_rows(path: &Path, feature: &str) -> Result<Vec<GeneRow>> {
    let notation = match notation::told(path)? {
        AnnotationFormat::Gff3 => Notation::Gff3,
        _ => Notation::Gtf,
    };
    let mut lines = Lines::open(path)?.keeping(192);
    let mut rows = Vec::new();
    while lines.advance()? {
        // What follows in GFF3 are sequences.
        if lines.line().starts_with(b"##FASTA") || lines.line().starts_with(b">") {
            break;
        }
        if is_remark(lines.line()) {
            continue;
        }
        let third = lines.line().split(|&byte| byte == b'\t').nth(2);
        if third != Some(feature.as_bytes()) {
            continue;
        }
        let text = std::str::from_utf8(lines.line())
            .map_err(|_| lines.error(None, "UTF-8 text", quoted(lines.line())))?;
        let columns: Vec<&str> = text.split('\t').collect();
        if columns.len() < 9 {
            return Err(lines.error(None, "9 columns", columns.len().to_string()));
        }
        let place = place(&lines, &columns)?;
        let attributes = Attributes::new(columns[8], notation);
        let keys: &[&str] = match notation {
            Notation::Gff3 => &["ID", "Name", "gene_id"],
            Notation::Gtf => &["gene_id"],
        };
        let id = keys.iter().find_map(|key| attributes.first(key));
        rows.push(GeneRow {
            id: id
                .map(|id| without_source(&id).to_owned())
                .filter(|id| !is_placeholder(id)),
            contig: place.chromosome.to_owned(),
            start: place.start,
            end: place.end,
            strand: place.strand,
        });
    }
    if rows.is_empty() {
        return Err(lines.error(None, format!("a line of the feature `{feature}`"), "none"));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_of_the_feature_are_taken_and_nothing_is_joined() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gff");
        let text = "##gff-version 3\n1\tx\tgene\t1\t9\t.\t+\t.\tID=a\n1\tx\tmRNA\tzero\t9\t.\t+\t.\tID=b\n\
                    1\tx\tgene\t3\t4\t.\t.\t.\tnote\n1\tx\tgene\t3\t4\t.\t-\t.\tID=a\n##FASTA\n>1\nA\n";
        std::fs::write(&path, text).unwrap();
        let rows = read_gene_rows(&path, "gene").unwrap();
        let ids: Vec<_> = rows.iter().map(|row| row.id.as_deref()).collect();
        assert_eq!(ids, [Some("a"), None, Some("a")]);
        assert_eq!((rows[1].start, rows[1].end, rows[1].strand), (2, 4, None));
        let message = read_gene_rows(&path, "exon").unwrap_err().to_string();
        assert!(message.contains("feature `exon`"), "{message}");
        std::fs::write(&path, "1\tx\tgene\t9\t1\t.\t+\t.\tID=a\n").unwrap();
        let message = read_gene_rows(&path, "gene").unwrap_err().to_string();
        assert!(message.contains("line 1, column 5"), "{message}");
    }
}
