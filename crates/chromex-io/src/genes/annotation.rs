use std::path::Path;

use serde::{Deserialize, Serialize};

use super::attributes::Notation;
use super::drafts::Drafts;
use super::ids::without_known_version;
use super::{Gene, GeneSet, Strand, TranscriptChoice, bed, notation};
use crate::Result;
use crate::error::quoted;
use crate::lines::Lines;

/// How a file of genes is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnnotationFormat {
    /// Lines of GTF, as of GENCODE, Ensembl and UCSC.
    Gtf,
    /// Lines of GFF3.
    Gff3,
    /// A BED with a name and a strand: one line per gene or transcript.
    Bed,
}

/// Which genes are read and which transcript stands for each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeneSelection {
    /// Which transcript stands for a gene.
    pub choice: TranscriptChoice,
    /// The kinds of genes to keep, as `protein_coding`; all when empty.
    pub biotypes: Vec<String>,
    /// How the file is written; told by its header, else by its lines, when nothing is said.
    pub format: Option<AnnotationFormat>,
}

/// Reads the genes of an annotation, packed or not.
///
/// GTF needs `gene_id` and, for a transcript, `transcript_id`; GFF3 needs `ID` of genes and `Parent` of their transcripts and
/// exons. What a feature is is told by the end of its type (`ncRNA_gene`, `lnc_RNA`, `V_gene_segment`), else by its attributes,
/// parents and children; types that were not used are counted. Transcripts and exons whose parent is not in the file are listed
/// as [`LeftOut::NoParent`](super::LeftOut::NoParent). What sources write before ids (`gene:`, `gene-`, `Gene:`, `transcript:`,
/// `rna-`) is cut. A BED has one line per gene, or with a further choice several per name; a line whose name says nothing (`.`)
/// is named by its place. Files without lines of genes (UCSC's) are read by their transcripts and exons; in GFF3 the parent of
/// a transcript is then its gene, and where it has none `gene_id` or itself.
///
/// Lines of one gene that do not overlap, or lie on two strands, are several loci, of which one stands for the gene: the
/// primary assembly before unplaced pieces and those before alternate loci, patches and haplotypes; the first part of a
/// trans-spliced gene; X before Y; what the gene's own line names; the longest; the first by chromosome and start. All are
/// listed in [`GeneSet::several`]. Nothing is decided before the last line is read, so that the order of lines is nothing (but
/// for [`TranscriptChoice::First`]).
///
/// Memory holds the genes, transcripts and parents of exons.
///
/// # Errors
///
/// [`Error::Table`](crate::Error::Table) at the first line whose columns, positions or attributes cannot be, and
/// when there is no gene; [`Error::Io`](crate::Error::Io) and [`Error::Damaged`](crate::Error::Damaged) when the
/// file cannot be read.
///
/// # Examples
///
/// ```
/// use chromex_io::genes::{GeneSelection, read_genes};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("genes.gtf");
/// # std::fs::write(&path, "chr1\tx\tgene\t11\t20\t.\t-\t.\tgene_id \"E1\"; gene_name \"A\";\n").unwrap();
/// let set = read_genes(&path, &GeneSelection::default())?;
/// assert_eq!((set.genes[0].symbol.as_str(), set.genes[0].transcription_start()), ("A", 19));
/// # Ok::<(), chromex_io::Error>(())
/// ```
pub fn read_genes(path: &Path, selection: &GeneSelection) -> Result<GeneSet> {
    let format = match selection.format {
        Some(format) => format,
        None => notation::told(path)?,
    };
    if format == AnnotationFormat::Bed {
        refuse_for_bed(path, selection)?;
    }
    let mut lines = Lines::open(path)?.keeping(192);
    let mut drafts = Drafts::default();
    while lines.advance()? {
        // What follows in GFF3 are sequences.
        if lines.line().starts_with(b"##FASTA") || lines.line().starts_with(b">") {
            break;
        }
        if is_remark(lines.line()) {
            continue;
        }
        let text = std::str::from_utf8(lines.line())
            .map_err(|_| lines.error(None, "UTF-8 text", quoted(lines.line())))?;
        let columns: Vec<&str> = text.split('\t').collect();
        match format {
            AnnotationFormat::Gtf => drafts.add(&lines, &columns, Notation::Gtf)?,
            AnnotationFormat::Gff3 => drafts.add(&lines, &columns, Notation::Gff3)?,
            AnnotationFormat::Bed => drafts.add_bed(&lines, &columns)?,
        }
    }
    let set = drafts.finish(path, selection);
    if set.genes.is_empty() && set.left_out.is_empty() {
        let found = match set.unused_features.is_empty() {
            true => "none".to_owned(),
            false => {
                let kinds = set.unused_features.iter();
                let kinds: Vec<String> = kinds
                    .map(|(kind, count)| format!("{count} of {kind}"))
                    .collect();
                format!("lines of other features alone: {}", first_of(&kinds))
            }
        };
        return Err(lines.error(None, format!("at least one gene of a {format:?}"), found));
    }
    Ok(set)
}

/// Refuses what a BED cannot tell: every gene would be left out.
fn refuse_for_bed(path: &Path, selection: &GeneSelection) -> Result<()> {
    let refused = |name, asked: &str, flag: &str| {
        Err(chromex_core::Error::Setting {
            name,
            expected: format!(
                "none for the BED {}, which does not say it: take a GTF or GFF3, or leave {flag} out",
                path.display()
            ),
            found: asked.to_owned(),
        }
        .into())
    };
    if !selection.biotypes.is_empty() {
        return refused("biotypes", &first_of(&selection.biotypes), "--biotype");
    }
    match &selection.choice {
        TranscriptChoice::Tagged(tag) => refused("tag of a transcript", tag, "--transcript"),
        _ => Ok(()),
    }
}

/// Names up to ten of a list, and counts the rest.
pub(crate) fn first_of<T: AsRef<str>>(names: &[T]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Tells lines that hold nothing: comments, browser settings, and empty ones. A contig may be called `track2`.
pub(crate) fn is_remark(line: &[u8]) -> bool {
    let is_setting = |word: &[u8]| {
        let rest = line.strip_prefix(word);
        rest.is_some_and(|rest| {
            matches!(rest.first(), None | Some(b' ')) || (rest[0] == b'\t' && rest.contains(&b'='))
        })
    };
    line.is_empty() || line[0] == b'#' || is_setting(b"track") || is_setting(b"browser")
}

/// The columns that genes, transcripts and exons share.
pub(super) struct Place<'a> {
    pub(super) chromosome: &'a str,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) strand: Option<Strand>,
}

pub(super) fn place<'a>(lines: &Lines, columns: &[&'a str]) -> Result<Place<'a>> {
    let number = |column: usize, least: u64, expected: &str| {
        let field = columns[column];
        let value: Option<u64> = field.parse().ok();
        value
            .filter(|&value| value >= least && value <= bed::LAST_POSITION)
            .ok_or_else(|| lines.error(Some(column + 1), expected, quoted(field.as_bytes())))
    };
    let start = number(3, 1, "a position from 1")?;
    let end = number(4, start, "a position at or after the start")?;
    Ok(Place {
        chromosome: columns[0],
        start: start - 1,
        end,
        strand: Strand::parse(columns[6].trim().as_bytes()),
    })
}

impl GeneSet {
    /// Finds a gene by its id; where there is none, by its id without the version, if ids of its form have versions.
    pub fn find(&self, id: &str) -> Option<&Gene> {
        let bare = without_known_version(id);
        let known = self.genes.iter().find(|gene| gene.id == id);
        known.or_else(|| {
            self.genes
                .iter()
                .find(|gene| without_known_version(&gene.id) == bare)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genes::LeftOut;

    fn read(text: &str, choice: &TranscriptChoice, biotypes: &[&str]) -> Result<GeneSet> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("genes");
        std::fs::write(&path, text).unwrap();
        let selection = GeneSelection {
            choice: choice.clone(),
            biotypes: biotypes.iter().map(|&kind| kind.to_owned()).collect(),
            format: None,
        };
        read_genes(&path, &selection)
    }

    const GTF: [&str; 7] = [
        "chr1\ts\tgene\t11\t90\t.\t+\t.\tgene_id \"E1\"; gene_name \"A\"; gene_type \"protein_coding\";",
        "chr1\ts\ttranscript\t21\t90\t.\t+\t.\tgene_id \"E1\"; transcript_id \"T1\"; tag \"basic\";",
        "chr1\ts\texon\t21\t30\t.\t+\t.\tgene_id \"E1\"; transcript_id \"T1\";",
        "chr1\ts\ttranscript\t11\t60\t.\t+\t.\tgene_id \"E1\"; transcript_id \"T2\"; tag \"MANE_Select\";",
        "chr1\ts\texon\t11\t30\t.\t+\t.\tgene_id \"E1\"; transcript_id \"T2\";",
        "chr1\ts\texon\t51\t60\t.\t+\t.\tgene_id \"E1\"; transcript_id \"T2\";",
        "chr2\ts\tgene\t5\t9\t.\t-\t.\tgene_id \"E2\"; gene_type \"lncRNA\";",
    ];
    const GFF3: [&str; 8] = [
        "chr1\ts\tgene\t11\t90\t.\t+\t.\tID=gene:E1;Name=A;biotype=protein_coding",
        "chr1\ts\tmRNA\t21\t90\t.\t+\t.\tID=transcript:T1;Parent=gene:E1;tag=basic",
        "chr1\ts\texon\t21\t30\t.\t+\t.\tParent=transcript:T1",
        "chr1\ts\tmRNA\t11\t60\t.\t+\t.\tID=transcript:T2;Parent=gene:E1;tag=Ensembl_canonical,MANE_Select",
        "chr1\ts\texon\t11\t30\t.\t+\t.\tParent=transcript:T2",
        "chr1\ts\tCDS\t11\t30\t.\t+\t.\tParent=transcript:T2",
        "chr1\ts\texon\t51\t60\t.\t+\t.\tParent=transcript:T2",
        "chr2\ts\tncRNA_gene\t5\t9\t.\t-\t.\tID=gene:E2;biotype=lncRNA",
    ];

    fn choices() -> [(TranscriptChoice, Option<&'static str>, (u64, u64)); 5] {
        [
            (TranscriptChoice::WholeGene, None, (10, 90)),
            (TranscriptChoice::First, Some("T1"), (20, 90)),
            (TranscriptChoice::Longest, Some("T2"), (10, 60)),
            (
                TranscriptChoice::Tagged("basic".into()),
                Some("T1"),
                (20, 90),
            ),
            (
                TranscriptChoice::Tagged("MANE_Select".into()),
                Some("T2"),
                (10, 60),
            ),
        ]
    }

    #[test]
    fn each_choice_takes_its_transcript_of_gtf_and_gff3() {
        for text in [GTF.join("\n"), GFF3.join("\n")] {
            for (choice, transcript, span) in choices() {
                let set = read(&text, &choice, &["protein_coding"]).unwrap();
                assert_eq!(set.genes.len(), 1);
                let gene = &set.genes[0];
                assert_eq!((gene.id.as_str(), gene.symbol.as_str()), ("E1", "A"));
                assert_eq!(gene.biotype, "protein_coding");
                assert_eq!(gene.strand, Strand::Plus);
                assert_eq!(gene.transcript.as_deref(), transcript, "{choice:?}");
                assert_eq!((gene.start, gene.end), span, "{choice:?}");
                assert_eq!(set.left_out, [("E2".to_owned(), LeftOut::OtherBiotype)]);
            }
            let set = read(&text, &TranscriptChoice::First, &[]).unwrap();
            assert_eq!(set.left_out, [("E2".to_owned(), LeftOut::NoSuchTranscript)]);
            let set = read(&text, &TranscriptChoice::WholeGene, &[]).unwrap();
            assert_eq!(
                (set.genes[1].strand, set.genes[1].start),
                (Strand::Minus, 4)
            );
        }
    }

    #[test]
    fn blocks_of_a_bed_are_exons_within_their_gene() {
        let line = |sizes: &str| format!("chr1\t10\t90\tA\t0\t+\t10\t90\t0\t2\t{sizes}\t0,70,\n");
        let text = [line("10,10,"), line("80,").replace("\t90\t", "\t89\t")].concat();
        let longest = TranscriptChoice::Longest;
        assert!(read(&text, &longest, &[]).is_err());
        read(&line("10,10,"), &longest, &[]).unwrap();
        // The second sum is 4 where 64 bits run over.
        for sizes in ["80,1", "18446744073709551615,5", "ten"] {
            let message = read(&line(sizes), &longest, &[]).unwrap_err().to_string();
            assert!(message.contains("line 1, column 11"), "{message}");
        }
    }

    #[test]
    fn parents_may_come_behind_what_names_them() {
        for (choice, _, _) in choices() {
            if choice == TranscriptChoice::First {
                continue;
            }
            for text in [GFF3.to_vec(), GTF.to_vec()] {
                let read = |lines: &[&str]| {
                    let mut set = read(&lines.join("\n"), &choice, &["protein_coding"]).unwrap();
                    set.source = Default::default();
                    set
                };
                let mut turned = text.clone();
                turned.reverse();
                assert_eq!(read(&turned), read(&text));
            }
        }
    }

    #[test]
    fn what_names_no_parent_of_the_file_is_listed() {
        let more = [
            "chr1\ts\tmRNA\t11\t60\t.\t+\t.\tID=T8;Parent=E8",
            "chr1\ts\texon\t11\t60\t.\t+\t.\tParent=T8",
            "chr1\ts\texon\t11\t60\t.\t+\t.\tParent=T9",
            "chr1\ts\texon\t61\t70\t.\t+\t.\tParent=T9",
            "chr1\ts\texon\t61\t70\t.\t+\t.\tParent=gene:E1",
        ];
        let text = [&GFF3[..], &more].concat().join("\n");
        let set = read(&text, &TranscriptChoice::WholeGene, &[]).unwrap();
        assert_eq!(set.genes.len(), 2);
        let orphan = |id: &str| (id.to_owned(), LeftOut::NoParent);
        assert_eq!(set.left_out, [orphan("T8"), orphan("T9")]);
    }

    #[test]
    fn gff3_without_lines_of_genes_is_read_by_transcripts_and_exons() {
        let lines: Vec<&str> = GFF3[1..7].to_vec();
        for (choice, transcript, span) in choices() {
            let set = read(&lines.join("\n"), &choice, &[]).unwrap();
            let gene = &set.genes[0];
            assert_eq!((gene.id.as_str(), set.genes.len()), ("E1", 1));
            assert_eq!(gene.transcript.as_deref(), transcript);
            assert_eq!((gene.start, gene.end), span, "{choice:?}");
        }
        let exons = "chr1\ts\texon\t11\t30\t.\t-\t.\tParent=T1;gene_id=E1\n\
                     chr1\ts\texon\t51\t60\t.\t-\t.\tParent=T1;gene_id=E1\n\
                     chr1\ts\texon\t5\t6\t.\t-\t.\tParent=T2\n";
        let set = read(exons, &TranscriptChoice::Longest, &[]).unwrap();
        let found: Vec<(&str, u64, u64)> = set
            .genes
            .iter()
            .map(|gene| (gene.id.as_str(), gene.start, gene.end))
            .collect();
        assert_eq!(found, [("E1", 10, 60), ("T2", 4, 6)]);
        assert!(set.genes.iter().all(|gene| gene.strand == Strand::Minus));
    }
}
