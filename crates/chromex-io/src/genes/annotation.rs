use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::attributes::{Attributes, Notation};
use super::bed;
use super::gene::without_version;
use super::{Gene, GeneSet, LeftOut, Strand, TranscriptChoice};
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
    /// How the file is written; told by its lines when nothing is said.
    pub format: Option<AnnotationFormat>,
}

/// Reads the genes of an annotation, packed or not.
///
/// GTF needs `gene_id` and, for a transcript, `transcript_id`; GFF3 needs `ID` of genes and `Parent` of their
/// transcripts. A prefix of Ensembl's ids (`gene:`, `transcript:`) is cut. A BED has one line per gene, or with a
/// further choice several per name. Files without lines of genes (UCSC's) are read by their transcripts and exons.
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
    let mut lines = Lines::open(path)?;
    let mut drafts = Drafts::default();
    let mut format = selection.format;
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
        let format = *format.get_or_insert_with(|| format_of(&columns));
        match format {
            AnnotationFormat::Gtf => drafts.add(&lines, &columns, Notation::Gtf)?,
            AnnotationFormat::Gff3 => drafts.add(&lines, &columns, Notation::Gff3)?,
            AnnotationFormat::Bed => drafts.add_bed(&lines, &columns)?,
        }
    }
    let set = drafts.finish(path, selection);
    if set.genes.is_empty() && set.left_out.is_empty() {
        return Err(lines.error(None, "at least one gene", "none"));
    }
    Ok(set)
}

/// Tells lines that hold nothing: comments, browser settings, and empty ones.
pub(crate) fn is_remark(line: &[u8]) -> bool {
    line.is_empty() || line[0] == b'#' || line.starts_with(b"track") || line.starts_with(b"browser")
}

pub(super) fn format_of(columns: &[&str]) -> AnnotationFormat {
    let are_positions = |places: [usize; 2]| {
        places.iter().all(|&place| {
            columns
                .get(place)
                .is_some_and(|field| field.parse::<u64>().is_ok())
        })
    };
    if are_positions([1, 2]) && !are_positions([3, 4]) {
        return AnnotationFormat::Bed;
    }
    match columns
        .get(8)
        .and_then(|text| Attributes::notation_of(text))
    {
        Some(Notation::Gff3) => AnnotationFormat::Gff3,
        _ => AnnotationFormat::Gtf,
    }
}

/// Genes whose lines are still coming.
#[derive(Default)]
struct Drafts {
    genes: Vec<Draft>,
    /// The place of each gene, by id.
    places: HashMap<String, usize>,
    /// The gene of each transcript, by its id; GFF3's exons name transcripts only.
    owners: HashMap<String, (usize, usize)>,
    repeated: Vec<(String, LeftOut)>,
}

/// What the lines said so far about a gene.
struct Draft {
    gene: Gene,
    strand: Option<Strand>,
    has_own_line: bool,
    transcripts: Vec<Transcript>,
}

/// What the lines said so far about a transcript.
struct Transcript {
    id: String,
    start: u64,
    end: u64,
    exon_bases: u64,
    tags: Vec<String>,
}

/// The columns that genes, transcripts and exons share.
pub(super) struct Place<'a> {
    pub(super) chromosome: &'a str,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) strand: Option<Strand>,
}

impl Drafts {
    fn add(&mut self, lines: &Lines, columns: &[&str], notation: Notation) -> Result<()> {
        if columns.len() < 9 {
            return Err(lines.error(None, "9 columns", columns.len().to_string()));
        }
        let kind = columns[2];
        let is_gene = kind == "gene" || (notation == Notation::Gff3 && kind.ends_with("_gene"));
        let is_transcript = ["transcript", "mRNA"].contains(&kind)
            || (notation == Notation::Gff3
                && (kind.ends_with("RNA") || kind.ends_with("_transcript")));
        if !is_gene && !is_transcript && kind != "exon" {
            return Ok(());
        }
        let place = place(lines, columns)?;
        let attributes = Attributes::new(columns[8], notation);
        match notation {
            Notation::Gtf => {
                let id = attributes.first("gene_id").filter(|id| !id.is_empty());
                let id = id.ok_or_else(|| {
                    lines.error(Some(9), "`gene_id`", quoted(columns[8].as_bytes()))
                })?;
                let Some(gene) = self.gene(&id, &place, &attributes) else {
                    return Ok(());
                };
                if is_gene {
                    self.genes[gene].set_own_line(&place);
                } else if let Some(id) = attributes.first("transcript_id") {
                    self.add_part(gene, id, &place, &attributes, kind == "exon");
                }
            }
            Notation::Gff3 => self.add_gff3(&place, &attributes, is_gene, kind == "exon"),
        }
        Ok(())
    }

    /// Files that name no parent (prokaryotes, parts of files) leave such lines without a gene: they are passed over.
    fn add_gff3(
        &mut self,
        place: &Place<'_>,
        attributes: &Attributes<'_>,
        is_gene: bool,
        is_exon: bool,
    ) {
        let id = attributes.first("ID").map(|id| bare(&id).to_owned());
        if is_gene {
            let Some(id) = id else { return };
            if let Some(gene) = self.gene(&id, place, attributes) {
                self.genes[gene].set_own_line(place);
            }
            return;
        }
        let parents: Vec<String> = attributes.values("Parent").collect();
        for parent in parents.iter().map(|parent| bare(parent)) {
            if is_exon {
                if let Some(&(gene, transcript)) = self.owners.get(parent) {
                    let transcript = &mut self.genes[gene].transcripts[transcript];
                    transcript.exon_bases += place.end - place.start;
                }
            } else if let (Some(&gene), Some(id)) = (self.places.get(parent), id.clone()) {
                self.add_part(gene, id, place, attributes, false);
            }
        }
    }

    fn add_bed(&mut self, lines: &Lines, columns: &[&str]) -> Result<()> {
        let line = bed::parse_gene(lines, columns)?;
        let place = Place {
            chromosome: columns[0],
            start: line.start,
            end: line.end,
            strand: line.strand,
        };
        if let Some(gene) = self.gene(line.name, &place, &Attributes::new("", Notation::Gtf)) {
            let draft = &mut self.genes[gene];
            let id = format!("{}", draft.transcripts.len() + 1);
            draft.transcripts.push(Transcript {
                id,
                start: line.start,
                end: line.end,
                exon_bases: line.exon_bases,
                tags: Vec::new(),
            });
        }
        Ok(())
    }

    /// Finds or begins a gene; nothing when its id is taken by a gene of another chromosome.
    fn gene(&mut self, id: &str, place: &Place<'_>, attributes: &Attributes<'_>) -> Option<usize> {
        let id = bare(id);
        if let Some(&known) = self.places.get(id) {
            if self.genes[known].gene.chromosome == place.chromosome {
                return Some(known);
            }
            let name = format!("{id} on {}", place.chromosome);
            if self.repeated.last().is_none_or(|(last, _)| *last != name) {
                self.repeated.push((name, LeftOut::Repeated));
            }
            return None;
        }
        let any = |keys: &[&str]| keys.iter().find_map(|key| attributes.first(key));
        self.places.insert(id.to_owned(), self.genes.len());
        self.genes.push(Draft {
            gene: Gene {
                id: id.to_owned(),
                symbol: any(&["gene_name", "Name", "gene"]).unwrap_or_default(),
                chromosome: place.chromosome.to_owned(),
                start: place.start,
                end: place.end,
                strand: Strand::Plus,
                biotype: any(&["gene_type", "gene_biotype", "biotype"]).unwrap_or_default(),
                transcript: None,
            },
            strand: place.strand,
            has_own_line: false,
            transcripts: Vec::new(),
        });
        Some(self.genes.len() - 1)
    }

    fn add_part(
        &mut self,
        gene: usize,
        id: String,
        place: &Place<'_>,
        attributes: &Attributes<'_>,
        is_exon: bool,
    ) {
        let draft = &mut self.genes[gene];
        if !draft.has_own_line {
            draft.gene.start = draft.gene.start.min(place.start);
            draft.gene.end = draft.gene.end.max(place.end);
        }
        let known = self.owners.get(&id).filter(|(owner, _)| *owner == gene);
        let transcript = match known {
            Some(&(_, transcript)) => transcript,
            None => {
                draft.transcripts.push(Transcript {
                    id: bare(&id).to_owned(),
                    start: place.start,
                    end: place.end,
                    exon_bases: 0,
                    tags: Vec::new(),
                });
                let transcript = draft.transcripts.len() - 1;
                self.owners.insert(id, (gene, transcript));
                transcript
            }
        };
        let transcript = &mut draft.transcripts[transcript];
        transcript.start = transcript.start.min(place.start);
        transcript.end = transcript.end.max(place.end);
        if is_exon {
            transcript.exon_bases += place.end - place.start;
        } else {
            transcript.tags.extend(attributes.values("tag"));
        }
    }

    fn finish(self, path: &Path, selection: &GeneSelection) -> GeneSet {
        let mut set = GeneSet {
            source: path.to_owned(),
            choice: selection.choice.clone(),
            left_out: self.repeated,
            genes: Vec::new(),
        };
        for draft in self.genes {
            let id = draft.gene.id.clone();
            let biotype = &draft.gene.biotype;
            if !selection.biotypes.is_empty() && !selection.biotypes.contains(biotype) {
                set.left_out.push((id, LeftOut::OtherBiotype));
                continue;
            }
            match draft.choose(&selection.choice) {
                Ok(gene) => set.genes.push(gene),
                Err(reason) => set.left_out.push((id, reason)),
            }
        }
        set
    }
}

impl Draft {
    fn set_own_line(&mut self, place: &Place<'_>) {
        self.gene.start = place.start;
        self.gene.end = place.end;
        self.strand = place.strand;
        self.has_own_line = true;
    }

    fn choose(self, choice: &TranscriptChoice) -> Result<Gene, LeftOut> {
        let mut gene = self.gene;
        gene.strand = self.strand.ok_or(LeftOut::NoStrand)?;
        let chosen = match choice {
            TranscriptChoice::WholeGene => {
                if !self.has_own_line {
                    let starts = self.transcripts.iter().map(|one| one.start);
                    let ends = self.transcripts.iter().map(|one| one.end);
                    gene.start = starts.min().unwrap_or(gene.start);
                    gene.end = ends.max().unwrap_or(gene.end);
                }
                return Ok(gene);
            }
            TranscriptChoice::First => self.transcripts.into_iter().next(),
            TranscriptChoice::Longest => {
                // Of equals, `max_by_key` would take the last.
                let reversed = self.transcripts.into_iter().rev();
                reversed.max_by_key(|one| (one.exon_bases, one.end - one.start))
            }
            TranscriptChoice::Tagged(tag) => {
                let tagged = |one: &Transcript| one.tags.iter().any(|own| own == tag);
                self.transcripts.into_iter().find(tagged)
            }
        };
        let chosen = chosen.ok_or(LeftOut::NoSuchTranscript)?;
        gene.start = chosen.start;
        gene.end = chosen.end;
        gene.transcript = Some(chosen.id);
        Ok(gene)
    }
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
        strand: Strand::parse(columns[6].as_bytes()),
    })
}

/// Cuts the kind that Ensembl writes before ids of GFF3.
pub(super) fn bare(id: &str) -> &str {
    let id = id.strip_prefix("gene:").unwrap_or(id);
    id.strip_prefix("transcript:").unwrap_or(id)
}

impl GeneSet {
    /// Finds a gene by its id, with or without the version.
    pub fn find(&self, id: &str) -> Option<&Gene> {
        let bare = without_version(id);
        let known = self.genes.iter().find(|gene| gene.id == id);
        known.or_else(|| {
            self.genes
                .iter()
                .find(|gene| without_version(&gene.id) == bare)
        })
    }
}
