use super::Strand;
use super::loci::{LONGEST_INTRON, Span, Transcript};

/// What lines say of the transcripts of one id, in whatever order they come: its own lines, and its exons.
#[derive(Debug, Default)]
pub(super) struct TranscriptLines {
    lines: Vec<(Span, Option<u32>)>,
    exons: Vec<Span>,
    pub(super) tags: Vec<String>,
    order: Option<usize>,
}

impl TranscriptLines {
    pub(super) fn add(&mut self, span: Span, part: Option<u32>, order: usize) {
        self.lines.push((span, part));
        self.order = Some(self.order.map_or(order, |known| known.min(order)));
    }

    pub(super) fn add_exon(&mut self, span: Span, order: usize) {
        self.exons.push(span);
        self.order = Some(self.order.map_or(order, |known| known.min(order)));
    }

    /// Takes exons that were held apart.
    pub(super) fn add_exons(&mut self, other: Self) {
        self.exons.extend(other.exons);
    }

    /// Tells where it first stood in the file.
    pub(super) fn order(&self) -> usize {
        self.order.unwrap_or(usize::MAX)
    }

    /// Gives a transcript for each place at which the id stands. Lines that overlap are one; an exon belongs to the line
    /// that lies nearest on its strand, and exons without a line are one transcript as long as no intron is too long.
    pub(super) fn placed(mut self, id: &str) -> Vec<Transcript> {
        let order = self.order();
        let key = |span: &Span| {
            let strand = span.strand.map_or(2, |strand: Strand| strand as u8);
            (span.chromosome.clone(), strand, span.start, span.end)
        };
        self.lines.sort_by_key(|(span, part)| (key(span), *part));
        self.exons.sort_by_key(key);
        self.exons.dedup();
        let mut placed: Vec<Transcript> = Vec::new();
        let new = |span: Span, part: Option<u32>, tags: &[String]| Transcript {
            id: id.to_owned(),
            span,
            part,
            exon_bases: 0,
            tags: tags.to_vec(),
            order,
        };
        for (span, part) in self.lines {
            match placed.last_mut() {
                Some(last) if is_beside(&last.span, &span) && span.start <= last.span.end => {
                    last.span.end = last.span.end.max(span.end);
                    last.part = last.part.or(part);
                }
                _ => placed.push(new(span, part, &self.tags)),
            }
        }
        let lines: Vec<Span> = placed.iter().map(|one| one.span.clone()).collect();
        let mut alone: Option<usize> = None;
        for exon in self.exons {
            let bases = exon.end - exon.start;
            let near = lines
                .iter()
                .enumerate()
                .filter(|(_, line)| is_beside(line, &exon));
            let near = near
                .map(|(place, line)| (distance(line, &exon), place))
                .min();
            let found = match near {
                Some((apart, place)) if apart <= LONGEST_INTRON => Some(place),
                _ => alone.filter(|&last| {
                    let last = &placed[last].span;
                    is_beside(last, &exon) && distance(last, &exon) <= LONGEST_INTRON
                }),
            };
            let place = match found {
                Some(place) => place,
                None => {
                    placed.push(new(exon.clone(), None, &self.tags));
                    alone = Some(placed.len() - 1);
                    placed.len() - 1
                }
            };
            let one = &mut placed[place];
            one.span.start = one.span.start.min(exon.start);
            one.span.end = one.span.end.max(exon.end);
            one.exon_bases += bases;
        }
        placed
    }
}

/// Tells whether two stretches may be of one transcript: on one chromosome, and not on two strands.
fn is_beside(one: &Span, other: &Span) -> bool {
    one.chromosome == other.chromosome
        && (one.strand == other.strand || one.strand.is_none() || other.strand.is_none())
}

/// Counts the bases between two stretches.
fn distance(one: &Span, other: &Span) -> u64 {
    let gap = one.start.max(other.start);
    gap.saturating_sub(one.end.min(other.end))
}
