use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::annotation::{GeneSelection, Place};
use super::attributes::{Attributes, Notation};
use super::bed;
use super::features::Term;
use super::gff3::{Features, part_of};
use super::ids::{is_placeholder, without_source};
use super::loci::{Draft, OwnLine, Span};
use super::transcripts::TranscriptLines;
use super::{GeneSet, LeftOut, Strand};
use crate::Result;
use crate::error::quoted;
use crate::lines::Lines;

/// Genes whose lines are still coming. Nothing is decided before all lines are read: what they say is held by id, so that
/// their order cannot matter.
#[derive(Default)]
pub(super) struct Drafts {
    /// The genes by their raw ids, in the order of the file.
    genes: Vec<(String, Draft)>,
    places: HashMap<String, usize>,
    /// The lines of the transcripts of GTF and BED, by gene and id.
    transcripts: HashMap<(usize, String), TranscriptLines>,
    /// The lines of a GFF3.
    features: Features,
    unused: BTreeMap<String, u64>,
    names: HashMap<String, Arc<str>>,
    lines: usize,
}

impl Drafts {
    pub(super) fn add(
        &mut self,
        lines: &Lines,
        columns: &[&str],
        notation: Notation,
    ) -> Result<()> {
        if columns.len() < 9 {
            // A type that is not used may lack attributes.
            if columns.len() == 8 && is_of_no_use(columns[2]) {
                *self.unused.entry(columns[2].to_owned()).or_default() += 1;
                return Ok(());
            }
            return Err(lines.error(None, "9 columns", columns.len().to_string()));
        }
        self.lines += 1;
        let is_used = match notation {
            Notation::Gtf => self.add_gtf(lines, columns)?,
            Notation::Gff3 => self.add_gff3(lines, columns)?,
        };
        if !is_used {
            *self.unused.entry(columns[2].to_owned()).or_default() += 1;
        }
        Ok(())
    }

    fn add_gff3(&mut self, lines: &Lines, columns: &[&str]) -> Result<bool> {
        let term = Term::of(columns[2]);
        if term == Term::Part {
            return Ok(false);
        }
        let text = columns[8];
        let is_known = !matches!(term, Term::Other | Term::Sequence);
        // A line in the other notation would be a line without names.
        if is_known && Attributes::notation_of(text) == Some(Notation::Gtf) {
            return Err(lines.error(
                Some(9),
                "attributes of GFF3, `KEY=VALUE`, as the rest of the file has them (--annotation-format)",
                quoted(text.as_bytes()),
            ));
        }
        let attributes = Attributes::new(text, Notation::Gff3);
        let span = match super::annotation::place(lines, columns) {
            Ok(place) => self.span(&place),
            // Where nothing is looked for, nothing need be right.
            Err(_) if !is_known => return Ok(false),
            Err(error) => return Err(error),
        };
        Ok(self.features.add(columns[2], span, &attributes, self.lines))
    }

    fn add_gtf(&mut self, lines: &Lines, columns: &[&str]) -> Result<bool> {
        let term = Term::of(columns[2]);
        let attributes = Attributes::new(columns[8], Notation::Gtf);
        let named = |key: &str| attributes.first(key).filter(|id| !is_placeholder(id));
        let transcript = named("transcript_id");
        let is_gene = term == Term::Gene
            || (term == Term::Transcript && transcript.is_none() && columns[2] != "transcript");
        if !is_gene && !matches!(term, Term::Transcript | Term::Exon) {
            return Ok(false);
        }
        let place = super::annotation::place(lines, columns)?;
        let id = named("gene_id").ok_or_else(|| {
            let expected = "`gene_id` with a name (of a GFF3, say --annotation-format gff3)";
            lines.error(Some(9), expected, quoted(columns[8].as_bytes()))
        })?;
        let span = self.span(&place);
        let gene = self.gene(&id);
        let (symbol, biotype) = names_of(&attributes);
        let draft = &mut self.genes[gene].1;
        let part = attributes.first("part").and_then(|part| part_of(&part));
        if is_gene {
            draft.own.push(OwnLine {
                span,
                part,
                symbol,
                biotype,
            });
            return Ok(true);
        }
        push_new(&mut draft.symbols, symbol);
        push_new(&mut draft.biotypes, biotype);
        // Exons that name no transcript are those of the gene.
        let transcript = transcript.unwrap_or(id);
        let order = self.lines;
        let known = self.transcripts.entry((gene, transcript)).or_default();
        match term {
            Term::Exon => known.add_exon(span, order),
            _ => {
                known.add(span, part, order);
                known.tags.extend(attributes.values("tag"));
            }
        }
        Ok(true)
    }

    pub(super) fn add_bed(&mut self, lines: &Lines, columns: &[&str]) -> Result<()> {
        let line = bed::parse_gene(lines, columns)?;
        let place = Place {
            chromosome: columns[0],
            start: line.start,
            end: line.end,
            strand: line.strand,
        };
        self.lines += 1;
        let order = self.lines;
        let span = self.span(&place);
        let own = place_name(&span);
        // A name that says nothing is that of no gene: the place is.
        let gene = match is_placeholder(line.name) {
            true => self.gene(&own),
            false => self.gene(line.name),
        };
        let mut transcript = TranscriptLines::default();
        transcript.add(span, None, order);
        for mut one in transcript.placed(&own) {
            one.exon_bases = line.exon_bases;
            let draft = &mut self.genes[gene].1;
            draft.transcripts.push(one);
        }
        Ok(())
    }

    fn span(&mut self, place: &Place<'_>) -> Span {
        let name = match self.names.get(place.chromosome) {
            Some(known) => known.clone(),
            None => {
                let name: Arc<str> = place.chromosome.into();
                self.names.insert(place.chromosome.to_owned(), name.clone());
                name
            }
        };
        Span {
            chromosome: name,
            start: place.start,
            end: place.end,
            strand: place.strand,
        }
    }

    /// Finds or begins a gene.
    fn gene(&mut self, id: &str) -> usize {
        if let Some(&known) = self.places.get(id) {
            return known;
        }
        self.places.insert(id.to_owned(), self.genes.len());
        self.genes.push((id.to_owned(), Draft::default()));
        self.genes.len() - 1
    }

    pub(super) fn finish(mut self, path: &Path, selection: &GeneSelection) -> GeneSet {
        let mut genes = std::mem::take(&mut self.genes);
        for ((gene, id), lines) in std::mem::take(&mut self.transcripts) {
            let placed = lines.placed(without_source(&id));
            genes[gene].1.transcripts.extend(placed);
        }
        let settled = self.features.settled();
        genes.extend(settled.genes);
        for kind in settled.unused {
            *self.unused.entry(kind).or_default() += 1;
        }
        let mut set = GeneSet {
            source: path.to_owned(),
            choice: selection.choice.clone(),
            left_out: settled.left_out,
            unused_features: self.unused.into_iter().collect(),
            ..GeneSet::default()
        };
        for (id, draft) in with_short_ids(genes) {
            if !selection.biotypes.is_empty() && !selection.biotypes.contains(&draft.biotype()) {
                set.left_out.push((id, LeftOut::OtherBiotype));
                continue;
            }
            let (gene, several) = draft.choose(&id, &selection.choice);
            set.several.extend(several);
            match gene {
                Ok(gene) => set.genes.push(gene),
                Err(reason) => set.left_out.push((id, reason)),
            }
        }
        set
    }
}

/// Cuts what sources write before ids, unless two genes would then have one id.
fn with_short_ids(genes: Vec<(String, Draft)>) -> impl Iterator<Item = (String, Draft)> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for (id, _) in &genes {
        *counts.entry(without_source(id).to_owned()).or_default() += 1;
    }
    genes.into_iter().map(move |(id, draft)| {
        let short = without_source(&id);
        match counts[short] {
            1 => (short.to_owned(), draft),
            _ => (id, draft),
        }
    })
}

/// Names a stretch by its place, as `chr1:101-200(+)`: what has no name of its own is called so.
pub(super) fn place_name(span: &Span) -> String {
    let strand = match span.strand {
        Some(Strand::Plus) => "(+)",
        Some(Strand::Minus) => "(-)",
        None => "",
    };
    let (start, end) = (span.start + 1, span.end);
    format!("{}:{start}-{end}{strand}", span.chromosome)
}

fn is_of_no_use(kind: &str) -> bool {
    matches!(Term::of(kind), Term::Part | Term::Sequence | Term::Other)
}

fn push_new(names: &mut Vec<String>, name: String) {
    if !name.is_empty() && !names.contains(&name) {
        names.push(name);
    }
}

/// Finds the symbol and the biotype that a line says of its gene.
fn names_of(attributes: &Attributes<'_>) -> (String, String) {
    let any = |keys: &[&str]| {
        let named = |key: &&str| attributes.first(key).filter(|name| !is_placeholder(name));
        keys.iter().find_map(named).unwrap_or_default()
    };
    let symbol = any(&["gene_name", "Name", "gene"]);
    (symbol, any(&["gene_type", "gene_biotype", "biotype"]))
}
