use std::collections::HashMap;

use super::Strand;
use super::annotation::{Place, bare};
use super::attributes::Attributes;

/// Transcripts and exons of a GFF3. A file sorted by place has them before their parents, so that they are held until all
/// is read.
#[derive(Default)]
pub(super) struct Parts {
    transcripts: Vec<Part>,
    transcript_places: HashMap<String, usize>,
    /// The exons of each parent, as one.
    exons: Vec<Part>,
    exon_places: HashMap<String, usize>,
}

/// A transcript, or the exons that name it.
pub(super) struct Part {
    pub(super) id: String,
    /// The genes that it names.
    pub(super) parents: Vec<String>,
    /// The gene by its attribute, where there is no parent; empty where there is none.
    gene: String,
    pub(super) symbol: String,
    pub(super) biotype: String,
    chromosome: String,
    pub(super) start: u64,
    pub(super) end: u64,
    strand: Option<Strand>,
    pub(super) exon_bases: u64,
    pub(super) tags: Vec<String>,
}

impl Parts {
    /// Takes the line of a transcript or exon. An exon without a parent belongs to nothing, and a transcript without an id
    /// is called by its place.
    pub(super) fn add(&mut self, place: &Place<'_>, attributes: &Attributes<'_>, is_exon: bool) {
        let parents: Vec<String> = attributes
            .values("Parent")
            .map(|parent| bare(&parent).to_owned())
            .collect();
        if is_exon {
            for parent in parents {
                let part = join(
                    &mut self.exons,
                    &mut self.exon_places,
                    parent,
                    place,
                    attributes,
                );
                part.exon_bases += place.end - place.start;
            }
            return;
        }
        let id = match attributes.first("ID") {
            Some(id) => bare(&id).to_owned(),
            None => format!("{}:{}-{}", place.chromosome, place.start + 1, place.end),
        };
        let (parts, places) = (&mut self.transcripts, &mut self.transcript_places);
        let part = join(parts, places, id, place, attributes);
        for parent in parents {
            if !part.parents.contains(&parent) {
                part.parents.push(parent);
            }
        }
        part.tags.extend(attributes.values("tag"));
    }

    /// Gives the transcripts with the bases of their exons, in the order of the file, and the exons that no transcript has.
    pub(super) fn settled(mut self) -> (Vec<Part>, Vec<Part>) {
        let mut orphans = Vec::new();
        for exons in self.exons {
            match self.transcript_places.get(&exons.id) {
                Some(&place) => self.transcripts[place].exon_bases = exons.exon_bases,
                None => orphans.push(exons),
            }
        }
        (self.transcripts, orphans)
    }
}

impl Part {
    pub(super) fn place(&self) -> Place<'_> {
        Place {
            chromosome: &self.chromosome,
            start: self.start,
            end: self.end,
            strand: self.strand,
        }
    }

    /// Names its genes in a file that describes none: its parents, else what its attribute says, else itself.
    pub(super) fn genes(&self) -> impl Iterator<Item = &String> {
        let own = if self.gene.is_empty() {
            &self.id
        } else {
            &self.gene
        };
        let own = self.parents.is_empty().then_some(own);
        self.parents.iter().chain(own)
    }
}

/// Finds or begins a part, and extends it by a place.
fn join<'a>(
    parts: &'a mut Vec<Part>,
    places: &mut HashMap<String, usize>,
    id: String,
    place: &Place<'_>,
    attributes: &Attributes<'_>,
) -> &'a mut Part {
    let known = *places.entry(id).or_insert_with_key(|id| {
        let any = |keys: &[&str]| {
            let first = keys.iter().find_map(|key| attributes.first(key));
            first.unwrap_or_default()
        };
        parts.push(Part {
            id: id.clone(),
            parents: Vec::new(),
            gene: bare(&any(&["gene_id"])).to_owned(),
            symbol: any(&["gene_name", "gene"]),
            biotype: any(&["gene_type", "gene_biotype"]),
            chromosome: place.chromosome.to_owned(),
            start: place.start,
            end: place.end,
            strand: place.strand,
            exon_bases: 0,
            tags: Vec::new(),
        });
        parts.len() - 1
    });
    let part = &mut parts[known];
    part.start = part.start.min(place.start);
    part.end = part.end.max(place.end);
    part
}
