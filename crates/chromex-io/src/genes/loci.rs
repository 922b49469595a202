use std::cmp::Reverse;
use std::sync::Arc;

use super::assembly::{AssemblyUnit, is_y, natural};
use super::{Gene, GenePlace, LeftOut, SeveralLoci, Strand, TranscriptChoice};

/// The longest stretch without a line of a transcript that is still an intron; the longest that are known have 1.2 million
/// bases. Exons of one name farther apart are copies.
pub(super) const LONGEST_INTRON: u64 = 2_000_000;

/// A stretch as a line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) chromosome: Arc<str>,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) strand: Option<Strand>,
}

/// A line of a gene itself.
#[derive(Debug)]
pub(super) struct OwnLine {
    pub(super) span: Span,
    /// Which part of a trans-spliced gene the line is.
    pub(super) part: Option<u32>,
    pub(super) symbol: String,
    pub(super) biotype: String,
}

/// A transcript at one place.
#[derive(Clone, Debug)]
pub(super) struct Transcript {
    pub(super) id: String,
    pub(super) span: Span,
    pub(super) part: Option<u32>,
    pub(super) exon_bases: u64,
    pub(super) tags: Vec<String>,
    /// The order of the file.
    pub(super) order: usize,
}

/// Everything that the lines of a file say of one gene, in whatever order they came.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) own: Vec<OwnLine>,
    pub(super) transcripts: Vec<Transcript>,
    /// Symbols and biotypes that lines of parts give, where the gene has no line.
    pub(super) symbols: Vec<String>,
    pub(super) biotypes: Vec<String>,
}

/// One place of a gene: what overlaps on one strand.
struct Locus {
    span: Span,
    own: Option<(u64, u64)>,
    part: Option<u32>,
    transcripts: Vec<Transcript>,
    symbol: String,
    biotype: String,
}

impl Locus {
    fn of_own(line: &OwnLine) -> Self {
        Self {
            span: line.span.clone(),
            own: Some((line.span.start, line.span.end)),
            part: line.part,
            transcripts: Vec::new(),
            symbol: line.symbol.clone(),
            biotype: line.biotype.clone(),
        }
    }

    fn of_transcript(one: Transcript) -> Self {
        Self {
            span: one.span.clone(),
            own: None,
            part: one.part,
            transcripts: vec![one],
            symbol: String::new(),
            biotype: String::new(),
        }
    }

    /// Tells whether another place is part of this one.
    fn takes(&self, other: &Self) -> bool {
        self.span.chromosome == other.span.chromosome
            && (self.span.strand == other.span.strand
                || self.span.strand.is_none()
                || other.span.strand.is_none())
            && self.span.start <= other.span.end
            && other.span.start <= self.span.end
    }

    fn join(&mut self, other: Self) {
        self.span.start = self.span.start.min(other.span.start);
        self.span.end = self.span.end.max(other.span.end);
        self.span.strand = self.span.strand.or(other.span.strand);
        self.own = match (self.own, other.own) {
            (Some((start, end)), Some((first, last))) => Some((start.min(first), end.max(last))),
            (own, other) => own.or(other),
        };
        self.part = match (self.part, other.part) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.transcripts.extend(other.transcripts);
        for (own, other) in [
            (&mut self.symbol, other.symbol),
            (&mut self.biotype, other.biotype),
        ] {
            if own.is_empty() || (!other.is_empty() && other < *own) {
                *own = other;
            }
        }
    }

    fn place(&self) -> GenePlace {
        let (start, end) = self.own.unwrap_or((self.span.start, self.span.end));
        GenePlace {
            chromosome: self.span.chromosome.to_string(),
            start,
            end,
            strand: self.span.strand,
        }
    }
}

/// Divides what overlaps on one strand of one chromosome. Lines without a strand join what they overlap.
fn loci(draft: Draft) -> Vec<Locus> {
    let own = draft.own.iter().map(Locus::of_own);
    let transcripts = draft.transcripts.into_iter().map(Locus::of_transcript);
    let mut pieces: Vec<Locus> = own.chain(transcripts).collect();
    // Those without a strand come last, so that what they touch does not join the two strands.
    pieces.sort_by(|one, other| {
        let key = |locus: &Locus| {
            (
                locus.span.strand.map_or(2, |strand| strand as u8),
                locus.span.start,
                locus.span.end,
            )
        };
        (&one.span.chromosome, key(one)).cmp(&(&other.span.chromosome, key(other)))
    });
    let mut loci: Vec<Locus> = Vec::new();
    for piece in pieces {
        // Of sorted pieces the last of a strand is the only one that can reach so far.
        let found = match piece.span.strand {
            Some(_) => loci.last_mut().filter(|locus| locus.takes(&piece)),
            None => loci.iter_mut().find(|locus| locus.takes(&piece)),
        };
        match found {
            Some(locus) => locus.join(piece),
            None => loci.push(piece),
        }
    }
    loci
}

/// Orders the places of a gene; the first stands for it. The primary assembly comes before unplaced pieces and those before
/// alternate loci, patches and haplotypes; the first part of a trans-spliced gene before the others; X before Y; a place
/// that the gene's own line names before others; the longest; and at last by place.
fn rank(locus: &Locus) -> impl Ord + '_ {
    let place = locus.own.unwrap_or((locus.span.start, locus.span.end));
    (
        (
            AssemblyUnit::of(&locus.span.chromosome),
            locus.part.unwrap_or(u32::MAX),
            is_y(&locus.span.chromosome),
            locus.own.is_none(),
            locus.span.strand.is_none(),
        ),
        Reverse(place.1 - place.0),
        natural(&locus.span.chromosome),
        place,
        locus.span.strand.map(|strand| strand as u8),
    )
}

impl Draft {
    /// Says what kind of gene it is: by its own lines, else by its parts.
    pub(super) fn biotype(&self) -> String {
        named(self.own.iter().map(|line| &line.biotype), &self.biotypes)
    }

    /// Makes one gene of one place, by one rule whatever the order of the lines, and gives the places that it has where it
    /// has several.
    pub(super) fn choose(
        self,
        id: &str,
        choice: &TranscriptChoice,
    ) -> (Result<Gene, LeftOut>, Option<SeveralLoci>) {
        let symbol = named(self.own.iter().map(|line| &line.symbol), &self.symbols);
        let biotype = self.biotype();
        let mut loci = loci(self);
        loci.sort_by(|one, other| rank(one).cmp(&rank(other)));
        let mut places = loci.iter().map(Locus::place);
        let several = places.next().and_then(|chosen| {
            let others: Vec<GenePlace> = places.collect();
            (!others.is_empty()).then(|| SeveralLoci {
                id: id.to_owned(),
                chosen,
                others,
            })
        });
        let Some(locus) = loci.into_iter().next() else {
            return (Err(LeftOut::NoSuchTranscript), several);
        };
        let place = locus.place();
        let Some(strand) = place.strand else {
            return (Err(LeftOut::NoStrand), several);
        };
        let or = |own: &str, other: String| match own.is_empty() {
            true => other,
            false => own.to_owned(),
        };
        let mut gene = Gene {
            id: id.to_owned(),
            symbol: or(&locus.symbol, symbol),
            chromosome: place.chromosome,
            start: place.start,
            end: place.end,
            strand,
            biotype: or(&locus.biotype, biotype),
            transcript: None,
        };
        if *choice == TranscriptChoice::WholeGene {
            return (Ok(gene), several);
        }
        let Some(chosen) = chosen(locus.transcripts, choice) else {
            return (Err(LeftOut::NoSuchTranscript), several);
        };
        gene.start = chosen.span.start;
        gene.end = chosen.span.end;
        gene.transcript = Some(chosen.id);
        (Ok(gene), several)
    }
}

/// Chooses among the transcripts of a place.
fn chosen(transcripts: Vec<Transcript>, choice: &TranscriptChoice) -> Option<Transcript> {
    let longest = |one: &Transcript| {
        let span = &one.span;
        (
            Reverse((one.exon_bases, span.end - span.start)),
            span.start,
            one.id.clone(),
        )
    };
    let mut transcripts = transcripts.into_iter();
    match choice {
        TranscriptChoice::WholeGene => None,
        TranscriptChoice::First => transcripts.min_by_key(|one| one.order),
        TranscriptChoice::Longest => transcripts.min_by_key(longest),
        TranscriptChoice::Tagged(tag) => transcripts
            .by_ref()
            .filter(|one| one.tags.iter().any(|own| own == tag))
            .min_by_key(longest),
    }
}

/// Takes a name from a gene's own lines, else from its parts: the first by letters, so that the order of lines is nothing.
fn named<'a>(own: impl Iterator<Item = &'a String>, parts: &[String]) -> String {
    let own = own.filter(|name| !name.is_empty()).min();
    let parts = parts.iter().filter(|name| !name.is_empty()).min();
    own.or(parts).cloned().unwrap_or_default()
}
