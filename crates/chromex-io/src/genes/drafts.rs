use std::collections::HashMap;
use std::path::Path;

use super::annotation::{GeneSelection, Place, bare};
use super::attributes::{Attributes, Notation};
use super::bed;
use super::parts::{Part, Parts};
use super::{Gene, GeneSet, LeftOut, Strand, TranscriptChoice};
use crate::Result;
use crate::error::quoted;
use crate::lines::Lines;

/// Genes whose lines are still coming.
#[derive(Default)]
pub(super) struct Drafts {
    genes: Vec<Draft>,
    /// The place of each gene, by id.
    places: HashMap<String, usize>,
    /// The gene of each transcript, by its id.
    owners: HashMap<String, (usize, usize)>,
    /// What of a GFF3 waits for its parents.
    parts: Parts,
    left_out: Vec<(String, LeftOut)>,
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

impl Drafts {
    pub(super) fn add(
        &mut self,
        lines: &Lines,
        columns: &[&str],
        notation: Notation,
    ) -> Result<()> {
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
        let place = super::annotation::place(lines, columns)?;
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
                    self.genes[gene].set_names(names_of(&attributes));
                } else if let Some(id) = attributes.first("transcript_id") {
                    self.add_part(gene, id, &place, &attributes, kind == "exon");
                }
            }
            Notation::Gff3 => self.add_gff3(&place, &attributes, is_gene, kind == "exon"),
        }
        Ok(())
    }

    fn add_gff3(
        &mut self,
        place: &Place<'_>,
        attributes: &Attributes<'_>,
        is_gene: bool,
        is_exon: bool,
    ) {
        if !is_gene {
            self.parts.add(place, attributes, is_exon);
        } else if let Some(id) = attributes.first("ID")
            && let Some(gene) = self.gene(&id, place, attributes)
        {
            self.genes[gene].set_own_line(place);
        }
    }

    /// Gives the parts of a GFF3 to their genes, now that all are known.
    fn settle(&mut self) {
        let has_genes = !self.genes.is_empty();
        let (transcripts, orphans) = std::mem::take(&mut self.parts).settled();
        for part in transcripts {
            let genes: Vec<&String> = match has_genes {
                true => {
                    let known = |id: &&String| self.places.contains_key(*id);
                    part.parents.iter().filter(known).collect()
                }
                false => part.genes().collect(),
            };
            if genes.is_empty() {
                self.left_out.push((part.id, LeftOut::NoParent));
                continue;
            }
            for gene in genes {
                if let Some(gene) = self.gene_of_part(gene, &part) {
                    self.genes[gene].extend(&part);
                }
            }
        }
        for part in orphans {
            match has_genes {
                // What lies in a gene and in no transcript of it says nothing of transcripts.
                _ if self.places.contains_key(&part.id) => {}
                true => self.left_out.push((part.id, LeftOut::NoParent)),
                false => {
                    let gene = part.genes().next();
                    let gene = gene.and_then(|gene| self.gene_of_part(gene, &part));
                    if let Some(gene) = gene {
                        self.genes[gene].extend(&part);
                    }
                }
            }
        }
    }

    /// Finds or begins the gene of a part.
    fn gene_of_part(&mut self, id: &str, part: &Part) -> Option<usize> {
        self.gene_with(id, &part.place(), || {
            (part.symbol.clone(), part.biotype.clone())
        })
    }

    pub(super) fn add_bed(&mut self, lines: &Lines, columns: &[&str]) -> Result<()> {
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
        self.gene_with(id, place, || names_of(attributes))
    }

    /// Finds or begins a gene with a symbol and a biotype.
    fn gene_with(
        &mut self,
        id: &str,
        place: &Place<'_>,
        names: impl FnOnce() -> (String, String),
    ) -> Option<usize> {
        let id = bare(id);
        if let Some(&known) = self.places.get(id) {
            if self.genes[known].gene.chromosome == place.chromosome {
                return Some(known);
            }
            let name = format!("{id} on {}", place.chromosome);
            if self.left_out.last().is_none_or(|(last, _)| *last != name) {
                self.left_out.push((name, LeftOut::Repeated));
            }
            return None;
        }
        let (symbol, biotype) = names();
        self.places.insert(id.to_owned(), self.genes.len());
        self.genes.push(Draft {
            gene: Gene {
                id: id.to_owned(),
                symbol,
                chromosome: place.chromosome.to_owned(),
                start: place.start,
                end: place.end,
                strand: Strand::Plus,
                biotype,
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

    pub(super) fn finish(mut self, path: &Path, selection: &GeneSelection) -> GeneSet {
        self.settle();
        let mut set = GeneSet {
            source: path.to_owned(),
            choice: selection.choice.clone(),
            left_out: self.left_out,
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

    /// Takes the names of the gene's own line, which may come behind others that lack them.
    fn set_names(&mut self, (symbol, biotype): (String, String)) {
        for (own, name) in [
            (&mut self.gene.symbol, symbol),
            (&mut self.gene.biotype, biotype),
        ] {
            if !name.is_empty() {
                *own = name;
            }
        }
    }

    /// Adds a part of a GFF3; lines of one id are one transcript.
    fn extend(&mut self, part: &Part) {
        if !self.has_own_line {
            self.gene.start = self.gene.start.min(part.start);
            self.gene.end = self.gene.end.max(part.end);
        }
        self.transcripts.push(Transcript {
            id: part.id.clone(),
            start: part.start,
            end: part.end,
            exon_bases: part.exon_bases,
            tags: part.tags.clone(),
        });
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

/// Finds the symbol and the biotype that a line says of its gene.
fn names_of(attributes: &Attributes<'_>) -> (String, String) {
    let any = |keys: &[&str]| {
        let first = keys.iter().find_map(|key| attributes.first(key));
        first.unwrap_or_default()
    };
    let symbol = any(&["gene_name", "Name", "gene"]);
    (symbol, any(&["gene_type", "gene_biotype", "biotype"]))
}
