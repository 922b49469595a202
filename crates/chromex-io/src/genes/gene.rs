use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ids::without_version;

/// Which way a gene is transcribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strand {
    /// Transcription runs with the order of the bins.
    Plus,
    /// Transcription runs against the order of the bins.
    Minus,
}

/// Which transcript stands for a gene: its start is the gene's transcription start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TranscriptChoice {
    /// None: the line of the gene itself, which spans all transcripts; without one, their joint span.
    #[default]
    WholeGene,
    /// The transcript that the file lists first, the only choice that heeds the order of lines.
    First,
    /// The transcript whose exons have the most bases; of equals the one that spans more, then the one that lies first on
    /// the chromosome, then the first by id.
    Longest,
    /// The transcript that carries a tag, as `Ensembl_canonical` or `MANE_Select`; of several the longest. Genes
    /// without one are left out and listed.
    Tagged(String),
}

/// A gene and the span that stands for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gene {
    /// The gene's id, with its version where the file has one.
    pub id: String,
    /// The gene's symbol; empty where the file has none.
    pub symbol: String,
    /// The chromosome as the file writes it.
    pub chromosome: String,
    /// The first base, 0-based.
    pub start: u64,
    /// One past the last base.
    pub end: u64,
    /// Which way it is transcribed.
    pub strand: Strand,
    /// What kind of gene it is, as `protein_coding`; empty where the file does not say.
    pub biotype: String,
    /// The transcript that stands for the gene, where one was chosen.
    pub transcript: Option<String>,
}

/// Why a gene of a file is not in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LeftOut {
    /// Its strand is not given, so neither is its start.
    NoStrand,
    /// None of its transcripts can be chosen.
    NoSuchTranscript,
    /// It is of another kind than was asked for.
    OtherBiotype,
    /// It is not in the list that was asked for.
    NotListed,
    /// A transcript whose gene is among no genes of the file, or what exons name and is neither a transcript nor a gene of it.
    NoParent,
}

/// A stretch of a chromosome that lines of a gene name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenePlace {
    /// The chromosome as the file writes it.
    pub chromosome: String,
    /// The first base, 0-based.
    pub start: u64,
    /// One past the last base.
    pub end: u64,
    /// The strand; none where no line gives it.
    pub strand: Option<Strand>,
}

/// A gene whose lines lie at several places, of which one was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeveralLoci {
    /// The gene's id.
    pub id: String,
    /// The place that stands for the gene.
    pub chosen: GenePlace,
    /// The places that do not.
    pub others: Vec<GenePlace>,
}

/// Genes of an annotation, how they were chosen, and which were not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneSet {
    /// The genes, in the order of the file.
    pub genes: Vec<Gene>,
    /// The file they come from.
    pub source: PathBuf,
    /// Which transcript stands for each.
    pub choice: TranscriptChoice,
    /// The ids of the genes that were left out, with the reason.
    pub left_out: Vec<(String, LeftOut)>,
    /// The genes that stand at several places, with those places.
    #[serde(default)]
    pub several: Vec<SeveralLoci>,
    /// The types of features that made no gene, transcript or exon, with the number of their lines.
    #[serde(default)]
    pub unused_features: Vec<(String, u64)>,
    /// Ids that were kept whole when versions were cut, because two genes would have become one.
    #[serde(default)]
    pub kept_versions: Vec<String>,
}

impl LeftOut {
    /// Says the reason in words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoStrand => "no strand",
            Self::NoSuchTranscript => "no such transcript",
            Self::OtherBiotype => "another biotype",
            Self::NotListed => "not in the list",
            Self::NoParent => "its parent is not in the file",
        }
    }
}

impl std::fmt::Display for GenePlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let strand = match self.strand {
            Some(Strand::Plus) => "(+)",
            Some(Strand::Minus) => "(-)",
            None => "",
        };
        let (start, end) = (self.start + 1, self.end);
        write!(formatter, "{}:{start}-{end}{strand}", self.chromosome)
    }
}

impl Strand {
    /// Reads the strand of a column: `+` or `-`.
    pub(crate) fn parse(field: &[u8]) -> Option<Self> {
        match field {
            b"+" => Some(Self::Plus),
            b"-" => Some(Self::Minus),
            _ => None,
        }
    }
}

impl Gene {
    /// Finds the base at which transcription starts, 0-based.
    pub fn transcription_start(&self) -> u64 {
        match self.strand {
            Strand::Plus => self.start,
            Strand::Minus => self.end.saturating_sub(1),
        }
    }
}

impl GeneSet {
    /// Keeps the genes of a list, in its order, and gives the ids that the set does not have. An id that the list
    /// repeats counts once.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut set = chromex_io::genes::GeneSet::default();
    /// assert_eq!(set.keep(&["ENSG1".to_owned()]), ["ENSG1"]);
    /// ```
    pub fn keep(&mut self, ids: &[String]) -> Vec<String> {
        let mut known: HashMap<String, Gene> = self
            .genes
            .drain(..)
            .map(|gene| (gene.id.clone(), gene))
            .collect();
        let mut missing = Vec::new();
        let mut seen = HashSet::new();
        for id in ids.iter().filter(|id| seen.insert(*id)) {
            match known.remove(id) {
                Some(gene) => self.genes.push(gene),
                None => missing.push(id.clone()),
            }
        }
        let mut others: Vec<String> = known.into_keys().collect();
        others.sort();
        let others = others.into_iter().map(|id| (id, LeftOut::NotListed));
        self.left_out.extend(others);
        missing
    }

    /// Cuts the versions off the ids: `ENSG00000130749.5` becomes `ENSG00000130749`, and digits behind the last dot of any
    /// other id are cut as well. `_PAR_Y` stays, and ids that would become that of another gene are kept whole and
    /// listed, so that ids stay distinct.
    pub fn without_versions(mut self) -> Self {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for gene in &self.genes {
            *counts.entry(without_version(&gene.id)).or_default() += 1;
        }
        for gene in &mut self.genes {
            let cut = without_version(&gene.id);
            if cut == gene.id {
                continue;
            }
            match counts[&cut] {
                1 => gene.id = cut,
                _ => self.kept_versions.push(gene.id.clone()),
            }
        }
        self
    }

    /// Lists what was left out, by reason.
    pub fn left_out_by_reason(&self) -> Vec<(LeftOut, Vec<&str>)> {
        let mut by_reason: Vec<(LeftOut, Vec<&str>)> = Vec::new();
        for (id, reason) in &self.left_out {
            match by_reason.iter_mut().find(|(known, _)| known == reason) {
                Some((_, ids)) => ids.push(id),
                None => by_reason.push((*reason, vec![id])),
            }
        }
        by_reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gene(id: &str, strand: Strand) -> Gene {
        Gene {
            id: id.into(),
            symbol: String::new(),
            chromosome: "chr1".into(),
            start: 10,
            end: 20,
            strand,
            biotype: String::new(),
            transcript: None,
        }
    }

    #[test]
    fn transcription_starts_at_the_end_that_the_strand_names() {
        assert_eq!(gene("a", Strand::Plus).transcription_start(), 10);
        assert_eq!(gene("a", Strand::Minus).transcription_start(), 19);
    }

    #[test]
    fn a_list_gives_order_and_what_is_missing() {
        let mut set = GeneSet {
            genes: vec![gene("a", Strand::Plus), gene("b", Strand::Plus)],
            ..GeneSet::default()
        };
        let missing = set.keep(&["c".to_owned(), "b".to_owned()]);
        assert_eq!(
            (missing, set.genes[0].id.as_str()),
            (vec!["c".to_owned()], "b")
        );
        assert_eq!(set.left_out, [("a".to_owned(), LeftOut::NotListed)]);
    }

    #[test]
    fn versions_are_cut_where_ids_stay_distinct() {
        let ids = [
            "ENSG1.5",
            "ENSG1.5_PAR_Y",
            "SPBC1604.12",
            "SPBC1604.14",
            "AT1.1",
            "a",
        ];
        let set = GeneSet {
            genes: ids.iter().map(|id| gene(id, Strand::Plus)).collect(),
            ..GeneSet::default()
        };
        let cut = set.without_versions();
        let ids: Vec<&str> = cut.genes.iter().map(|gene| &*gene.id).collect();
        let expected = [
            "ENSG1",
            "ENSG1_PAR_Y",
            "SPBC1604.12",
            "SPBC1604.14",
            "AT1",
            "a",
        ];
        assert_eq!(ids, expected);
        assert_eq!(cut.kept_versions, ["SPBC1604.12", "SPBC1604.14"]);
    }
}
