/// What a feature is by its type, as the Sequence Ontology and the annotations of the field name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term {
    /// A gene: `gene`, `ncRNA_gene`, `pseudogene`, whatever ends so.
    Gene,
    /// A transcript: `mRNA`, `lnc_RNA`, `primary_transcript`, `V_gene_segment`, whatever ends so.
    Transcript,
    /// An exon.
    Exon,
    /// A sequence of the assembly, which holds genes and is none.
    Sequence,
    /// A part of a transcript that says nothing of its span, as `CDS`.
    Part,
    /// Another type, of which its attributes and children decide.
    Other,
}

impl Term {
    /// Tells by the ends of types, so that no list of them grows old.
    pub(super) fn of(kind: &str) -> Self {
        let kind = kind.to_ascii_lowercase();
        let ends = |ends: &[&str]| ends.iter().any(|end| kind.ends_with(end));
        if ends(&["exon"]) {
            Self::Exon
        } else if ends(&[
            "rna",
            "transcript",
            "transcript_variant",
            "gene_segment",
            "receptor_segment",
            "ribozyme",
        ]) || kind.starts_with("mrna_with")
            || kind == "nmd_transcript_variant"
        {
            Self::Transcript
        } else if ends(&["gene"]) {
            Self::Gene
        } else if ends(&[
            "cds",
            "utr",
            "codon",
            "splice_site",
            "polypeptide",
            "protein",
        ]) || [
            "selenocysteine",
            // `retained_intron` is a transcript in some files.
            "intron",
            "inter",
            "inter_cns",
            "intron_cns",
            "utr3",
            "utr5",
        ]
        .contains(&kind.as_str())
        {
            Self::Part
        } else if ends(&[
            "region",
            "chromosome",
            "contig",
            "scaffold",
            "plasmid",
            "assembly",
            "match",
            "match_part",
        ]) {
            Self::Sequence
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_every_source_are_known_by_their_ends() {
        for kind in [
            "gene",
            "ncRNA_gene",
            "pseudogene",
            "processed_pseudogene",
            "protein_coding_gene",
            "tRNA_gene",
            "transposable_element_gene",
            "Gene",
            "lincRNA_gene",
        ] {
            assert_eq!(Term::of(kind), Term::Gene, "{kind}");
        }
        for kind in [
            "transcript",
            "mRNA",
            "lnc_RNA",
            "snoRNA",
            "miRNA",
            "rRNA",
            "unconfirmed_transcript",
            "V_gene_segment",
            "C_gene_segment",
            "primary_transcript",
            "pseudogenic_transcript",
            "antisense_RNA",
            "RNase_MRP_RNA",
            "NMD_transcript_variant",
            "miRNA_primary_transcript",
            "Y_RNA",
            "pseudogenic_tRNA",
            "ribozyme",
            "vertebrate_immunoglobulin_T_cell_receptor_segment",
        ] {
            assert_eq!(Term::of(kind), Term::Transcript, "{kind}");
        }
        for kind in ["exon", "pseudogenic_exon", "noncoding_exon", "Exon"] {
            assert_eq!(Term::of(kind), Term::Exon, "{kind}");
        }
        for kind in [
            "CDS",
            "five_prime_UTR",
            "UTR",
            "start_codon",
            "Selenocysteine",
            "intron",
            "5UTR",
        ] {
            assert_eq!(Term::of(kind), Term::Part, "{kind}");
        }
        for kind in [
            "region",
            "chromosome",
            "biological_region",
            "scaffold",
            "cDNA_match",
        ] {
            assert_eq!(Term::of(kind), Term::Sequence, "{kind}");
        }
        for kind in [
            "retained_intron",
            "inverted_repeat",
            "transcription_start_site",
            "operon",
            "locus",
        ] {
            assert_eq!(Term::of(kind), Term::Other, "{kind}");
        }
    }
}
