use std::collections::{HashMap, HashSet};

use chromex_core::{Sequences, reverse_complement};
use serde::{Deserialize, Serialize};

use super::genome::Wanted;
use super::{Genome, Region};
use crate::genes::{ChromosomeNames, GeneRow, Strand};
use crate::{Error, Result};

/// What is cut out for each gene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromoterLayout {
    /// Which bases.
    pub window: PromoterWindow,
    /// When a contig of the annotation is one of the genome.
    pub names: ChromosomeNames,
}

/// Which bases of a gene are its promoter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PromoterWindow {
    /// Bases before the gene, in the direction of transcription.
    Upstream {
        /// How many.
        length: u64,
        /// Whether bases of any gene, on either strand, are taken out; of what is left the piece nearest the gene is kept.
        without_genes: bool,
    },
    /// Bases around the first transcribed one, whatever lies there.
    AroundStart {
        /// Bases before it.
        upstream: u64,
        /// Bases from it on.
        downstream: u64,
    },
}

/// The promoter of a gene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promoter {
    /// The gene's id.
    pub gene: String,
    /// Where it lies.
    pub region: Region,
    /// Its bases in the direction of transcription, in upper case.
    pub sequence: Vec<u8>,
}

/// Why a line of the annotation gave no promoter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LeftOutPromoter {
    /// The line has no id.
    NoId,
    /// An earlier line has the same id.
    Repeated,
    /// The line does not say on which strand the gene is.
    NoStrand,
    /// The genome has no such contig.
    NoContig,
    /// The gene ends past the end of its contig.
    PastContigEnd,
    /// No base is left: the gene begins where its contig does, or within or next to another gene.
    NoBase,
}

/// Promoters of a genome, and which lines of the annotation gave none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promoters {
    /// The promoters, in the order of the annotation.
    pub promoters: Vec<Promoter>,
    /// The lines that were left out: the id or the place, and why.
    pub left_out: Vec<(String, LeftOutPromoter)>,
}

impl Default for PromoterLayout {
    /// FloraBERT's: at most 1,000 bases before the gene, without those of other genes.
    fn default() -> Self {
        Self {
            window: PromoterWindow::Upstream {
                length: 1000,
                without_genes: true,
            },
            names: ChromosomeNames::Exact,
        }
    }
}

impl PromoterLayout {
    /// DExTER's and DNABERT-2's: 2,000 bases on both sides of the first transcribed one, 4,001 in all.
    pub fn dexter() -> Self {
        Self {
            window: PromoterWindow::AroundStart {
                upstream: 2000,
                downstream: 2001,
            },
            ..Self::default()
        }
    }

    /// WakaWaka's: 10,000 bases around the start.
    pub fn wakawaka() -> Self {
        Self {
            window: PromoterWindow::AroundStart {
                upstream: 5000,
                downstream: 5000,
            },
            ..Self::default()
        }
    }
}

impl Promoters {
    /// Takes the sequences as rows.
    ///
    /// # Errors
    ///
    /// Never for what [`extract_promoters`] gave.
    pub fn sequences(&self) -> Result<Sequences> {
        let letters: Vec<&[u8]> = self.promoters.iter().map(|one| &one.sequence[..]).collect();
        Ok(Sequences::new(&letters)?)
    }

    /// Counts what was left out for a reason.
    pub fn left_out_for(&self, reason: LeftOutPromoter) -> usize {
        self.left_out.iter().filter(|one| one.1 == reason).count()
    }
}

/// Cuts the promoter of each gene out of a genome.
///
/// Clipped where the contig ends, turned round for genes of the minus strand, in upper case. Every row, whatever else is
/// missing of it, is a gene body that is subtracted.
///
/// # Errors
///
/// [`Error::Chromosomes`] when the genome has none of the contigs; [`Error::Base`] when a base is not a letter of the IUPAC
/// code; what reading the genome gives.
pub fn extract_promoters(
    rows: &[GeneRow],
    genome: &Genome,
    layout: &PromoterLayout,
) -> Result<Promoters> {
    let bodies = Bodies::new(rows);
    let mut promoters = Promoters::default();
    let mut seen = HashSet::new();
    let mut wanted: Vec<(&GeneRow, &str, Region)> = Vec::new();
    for row in rows {
        let place = || format!("{}:{}-{}", row.contig, row.start + 1, row.end);
        let reason = match (&row.id, row.strand) {
            (None, _) => LeftOutPromoter::NoId,
            (Some(id), _) if !seen.insert(id.as_str()) => LeftOutPromoter::Repeated,
            (Some(_), None) => LeftOutPromoter::NoStrand,
            (Some(id), Some(strand)) => {
                let gene = Region {
                    contig: row.contig.clone(),
                    start: row.start,
                    end: row.end,
                    strand,
                };
                wanted.push((row, id, layout.window.of(&gene, &bodies)));
                continue;
            }
        };
        let name = row.id.clone().unwrap_or_else(place);
        promoters.left_out.push((name, reason));
    }
    let asked: Vec<Wanted<'_>> = wanted
        .iter()
        .map(|(row, _, region)| (row.contig.as_str(), region.start, region.end))
        .collect();
    let pieces = genome.pieces(&asked, layout.names)?;
    for ((row, id, region), piece) in wanted.into_iter().zip(pieces) {
        let reason = match piece {
            None => LeftOutPromoter::NoContig,
            Some(piece) if row.end > piece.contig_length => LeftOutPromoter::PastContigEnd,
            Some(piece) if piece.letters.is_empty() => LeftOutPromoter::NoBase,
            Some(piece) => {
                let region = region.clipped(piece.contig_length);
                let sequence = sequence_of(piece.letters, &region, genome)?;
                promoters.promoters.push(Promoter {
                    gene: id.to_owned(),
                    region,
                    sequence,
                });
                continue;
            }
        };
        promoters.left_out.push((id.to_owned(), reason));
    }
    Ok(promoters)
}

impl PromoterWindow {
    fn of(self, gene: &Region, bodies: &Bodies<'_>) -> Region {
        match self {
            Self::Upstream {
                length,
                without_genes,
            } => {
                let window = gene.upstream(length);
                if without_genes {
                    bodies.nearest_piece(window)
                } else {
                    window
                }
            }
            Self::AroundStart {
                upstream,
                downstream,
            } => {
                let start = match gene.strand {
                    Strand::Plus => gene.start..gene.start + 1,
                    Strand::Minus => gene.end - 1..gene.end,
                };
                let start = Region {
                    start: start.start,
                    end: start.end,
                    ..gene.clone()
                };
                let wide = start.widened(upstream, downstream.saturating_sub(1));
                if downstream > 0 {
                    wide
                } else {
                    start.upstream(upstream)
                }
            }
        }
    }
}

/// The gene bodies of each contig, on either strand, joined where they overlap or touch, in order.
struct Bodies<'a>(HashMap<&'a str, Vec<(u64, u64)>>);

impl<'a> Bodies<'a> {
    fn new(rows: &'a [GeneRow]) -> Self {
        let mut bodies: HashMap<&str, Vec<(u64, u64)>> = HashMap::new();
        for row in rows {
            let own = bodies.entry(&row.contig).or_default();
            own.push((row.start, row.end));
        }
        for own in bodies.values_mut() {
            own.sort_unstable();
            let mut joined: Vec<(u64, u64)> = Vec::with_capacity(own.len());
            for &(start, end) in own.iter() {
                match joined.last_mut() {
                    Some(last) if start <= last.1 => last.1 = last.1.max(end),
                    _ => joined.push((start, end)),
                }
            }
            *own = joined;
        }
        Self(bodies)
    }

    /// Takes gene bodies out of a window and gives the piece that is nearest to its gene; an empty one where none is left.
    fn nearest_piece(&self, window: Region) -> Region {
        let none = Vec::new();
        let bodies = self.0.get(window.contig.as_str()).unwrap_or(&none);
        let (mut start, mut end) = (window.start, window.end);
        match window.strand {
            Strand::Plus => {
                // The last body that begins before the window's end.
                let mut past = bodies.partition_point(|body| body.0 < end);
                if past > 0 && bodies[past - 1].1 >= end {
                    past -= 1;
                    end = bodies[past].0.max(start);
                }
                if past > 0 {
                    start = start.max(bodies[past - 1].1.min(end));
                }
            }
            Strand::Minus => {
                // The first body that ends behind the window's start.
                let mut next = bodies.partition_point(|body| body.1 <= start);
                if bodies.get(next).is_some_and(|body| body.0 <= start) {
                    start = bodies[next].1.min(end);
                    next += 1;
                }
                if let Some(body) = bodies.get(next) {
                    end = end.min(body.0.max(start));
                }
            }
        }
        Region {
            start,
            end,
            ..window
        }
    }
}

/// Turns letters of the file into the sequence of a region.
fn sequence_of(mut letters: Vec<u8>, region: &Region, genome: &Genome) -> Result<Vec<u8>> {
    letters.make_ascii_uppercase();
    let strange = letters
        .iter()
        .position(|&letter| !Sequences::is_letter(letter));
    if let Some(place) = strange {
        return Err(Error::Base {
            path: genome.path().to_owned(),
            contig: region.contig.clone(),
            position: region.start + place as u64 + 1,
            found: (letters[place] as char).escape_debug().to_string(),
        });
    }
    Ok(match region.strand {
        Strand::Plus => letters,
        Strand::Minus => reverse_complement(&letters),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, start: u64, end: u64, strand: Strand) -> GeneRow {
        GeneRow {
            id: Some(id.to_owned()).filter(|id| !id.is_empty()),
            contig: "1".into(),
            start,
            end,
            strand: Some(strand),
        }
    }

    fn genome(text: &str) -> (tempfile::TempDir, Genome) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fa");
        std::fs::write(&path, text).unwrap();
        let genome = Genome::open(&path).unwrap();
        (folder, genome)
    }

    fn upstream(length: u64) -> PromoterLayout {
        PromoterLayout {
            window: PromoterWindow::Upstream {
                length,
                without_genes: true,
            },
            ..PromoterLayout::default()
        }
    }

    fn cut(rows: &[GeneRow], layout: PromoterLayout) -> Promoters {
        let (_folder, genome) = genome(">1\nacgtac\nGTNRAA\nTT\n");
        extract_promoters(rows, &genome, &layout).unwrap()
    }

    fn sequences(promoters: &Promoters) -> Vec<(&str, &str)> {
        promoters
            .promoters
            .iter()
            .map(|one| {
                (
                    one.gene.as_str(),
                    std::str::from_utf8(&one.sequence).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn the_piece_next_to_the_gene_is_kept_and_read_from_its_strand() {
        use Strand::{Minus, Plus};
        // acgtacGTNRAATT: bodies at 2..4 and 9..10.
        let rows = [
            row("plus", 9, 10, Plus),
            row("", 2, 4, Plus),
            row("first", 0, 1, Plus),
            row("minus", 2, 4, Minus),
            row("last", 9, 10, Minus),
        ];
        let promoters = cut(&rows, upstream(8));
        let found = sequences(&promoters);
        assert_eq!(
            found,
            [("plus", "ACGTN"), ("minus", "NACGT"), ("last", "AATT")]
        );
        let left_out = [
            ("1:3-4".to_owned(), LeftOutPromoter::NoId),
            ("first".to_owned(), LeftOutPromoter::NoBase),
        ];
        assert_eq!(promoters.left_out, left_out);
        let region = &promoters.promoters[2].region;
        assert_eq!((region.start, region.end), (10, 14));
    }

    #[test]
    fn windows_around_the_start_mirror_each_other() {
        let layout = PromoterLayout {
            window: PromoterWindow::AroundStart {
                upstream: 2,
                downstream: 1,
            },
            ..PromoterLayout::default()
        };
        let rows = [row("a", 3, 5, Strand::Plus), row("b", 3, 6, Strand::Minus)];
        let promoters = cut(&rows, layout);
        assert_eq!(sequences(&promoters), [("a", "CGT"), ("b", "ACG")]);
    }

    #[test]
    fn every_line_without_a_promoter_is_counted() {
        let mut other = row("other", 1, 2, Strand::Plus);
        other.contig = "2".into();
        let mut strandless = row("none", 1, 2, Strand::Plus);
        strandless.strand = None;
        let rows = [
            row("a", 4, 5, Strand::Plus),
            row("a", 6, 7, Strand::Plus),
            row("past", 10, 15, Strand::Plus),
            other,
            strandless,
        ];
        let promoters = cut(&rows, upstream(2));
        assert_eq!(sequences(&promoters), [("a", "GT")]);
        for reason in [
            LeftOutPromoter::Repeated,
            LeftOutPromoter::PastContigEnd,
            LeftOutPromoter::NoContig,
            LeftOutPromoter::NoStrand,
        ] {
            assert_eq!(promoters.left_out_for(reason), 1, "{reason:?}");
        }
    }

    #[test]
    fn other_genomes_and_letters_are_refused() {
        let (_folder, genome) = genome(">chr1\nACGTAC?T\n");
        let rows = [row("a", 7, 8, Strand::Plus)];
        let message = extract_promoters(&rows, &genome, &upstream(4));
        assert!(message.unwrap_err().to_string().contains("no chromosome"));
        let layout = PromoterLayout {
            names: ChromosomeNames::IgnorePrefix,
            ..upstream(4)
        };
        let message = extract_promoters(&rows, &genome, &layout).unwrap_err();
        assert!(
            message
                .to_string()
                .ends_with("1:7: expected a letter of the IUPAC code, found ?")
        );
    }
}
