use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
    /// The transcript that the file lists first.
    First,
    /// The transcript whose exons have the most bases; of equals the first.
    Longest,
    /// The transcript that carries a tag, as `Ensembl_canonical` or `MANE_Select`; of several the first. Genes
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
    /// Its id stands again on another chromosome, as those of the pseudoautosomal regions do.
    Repeated,
    /// It is not in the list that was asked for.
    NotListed,
    /// A transcript whose gene is among no genes of the file, or what exons name and is neither a transcript nor a gene of it.
    NoParent,
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

    /// Cuts the versions off the ids: `ENSG00000130749.5` becomes `ENSG00000130749`. A suffix such as `_PAR_Y`
    /// stays, so that ids stay distinct.
    pub fn without_versions(mut self) -> Self {
        for gene in &mut self.genes {
            gene.id = without_version(&gene.id);
        }
        self
    }
}

/// Cuts a version of digits after the last dot.
pub(crate) fn without_version(id: &str) -> String {
    let Some((stem, rest)) = id.rsplit_once('.') else {
        return id.to_owned();
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let tail = &rest[digits..];
    match digits > 0 && (tail.is_empty() || tail.starts_with('_')) {
        true => format!("{stem}{tail}"),
        false => id.to_owned(),
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
    fn versions_are_cut_and_nothing_else_is() {
        for (id, expected) in [
            ("ENSG00000130749.5", "ENSG00000130749"),
            ("ENSG00000002586.18_PAR_Y", "ENSG00000002586_PAR_Y"),
            ("AT1G01010", "AT1G01010"),
            ("LOC1.x", "LOC1.x"),
            ("a.1b", "a.1b"),
        ] {
            assert_eq!(without_version(id), expected);
        }
    }
}
