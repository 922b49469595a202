use std::path::{Path, PathBuf};

use chromex_io::Error;
use chromex_io::counting::{ReadCounter, Track};
use chromex_io::genes::{
    AnnotationFormat, GeneSelection, GeneSet, GeneWindows, LeftOut, TranscriptChoice, WindowLayout,
    read_genes,
};
use proptest::prelude::*;

/// Files on which a simpler reader goes wrong without a word.
fn fault(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/faults")
        .join(name)
}

fn genes(name: &str) -> GeneSet {
    read_genes(&fault(name), &GeneSelection::default()).unwrap()
}

/// Counts the reads within the windows of the genes, by id.
fn counts(folder: &str, set: &GeneSet) -> Vec<(String, f32)> {
    let windows = GeneWindows::around(set, &WindowLayout::default()).unwrap();
    let track = Track::new("M", fault(folder).join("reads.tagAlign"));
    let counted = ReadCounter::default().count(&windows, &[track]).unwrap();
    let rows = counted.windows.signal().outer_iter();
    let rows = rows.zip(windows.windows());
    rows.map(|(row, gene)| (gene.id.clone(), row.sum()))
        .collect()
}

fn count_of(folder: &str, set: &GeneSet, id: &str) -> f32 {
    let counts = counts(folder, set);
    counts.iter().find(|(own, _)| own == id).unwrap().1
}

#[test]
fn the_primary_assembly_wins_whatever_the_order() {
    for file in ["genes.gtf", "genes_primary_first.gtf"] {
        let set = genes(&format!("alt_contig/{file}"));
        assert_eq!(count_of("alt_contig", &set, "GENEA"), 25.0, "{file}");
        assert_eq!(set.several.len(), 1);
        assert_eq!(set.several[0].chosen.to_string(), "chr1:500001-502000(+)");
        let others: Vec<String> = set.several[0]
            .others
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(others, ["chr1_KQ000001v1_alt:20001-22000(+)"]);
    }
}

#[test]
fn a_trans_spliced_gene_begins_at_its_first_part() {
    let set = genes("rps12/genes.gff3");
    assert_eq!(count_of("rps12", &set, "rps12"), 30.0);
    assert_eq!(set.several[0].id, "rps12");
}

#[test]
fn a_gene_of_two_strands_begins_where_a_transcript_does() {
    let set = genes("both_strands/genes.gtf");
    assert_eq!(count_of("both_strands", &set, "GENEC"), 12.0);
    assert_eq!(set.several.len(), 1);
    let longer = std::fs::read_to_string(fault("both_strands/genes.gtf")).unwrap();
    let longer = longer.replace("500001\t502000", "500001\t502001");
    let set = read(&longer, &TranscriptChoice::WholeGene).unwrap();
    assert_eq!(count_of("both_strands", &set, "GENEC"), 25.0);
}

#[test]
fn names_that_say_nothing_become_places() {
    let set = genes("dot_names/genes.bed");
    let ids: Vec<&str> = set.genes.iter().map(|gene| &*gene.id).collect();
    let expected = [
        "chr1:100001-102000(+)",
        "chr1:300001-302000(-)",
        "chr2:100001-102000(+)",
    ];
    assert_eq!(ids, expected);
    let windows = GeneWindows::read_bed(&fault("dot_names/windows.bed"), 200).unwrap();
    assert_eq!(windows.windows()[0].id, "chr1:90000-110000");
    assert!(windows.repeated_ids().is_empty());
}

#[test]
fn names_are_not_split_at_underscores() {
    let windows = GeneWindows::read_bed(&fault("underscore_bed/refseq.bed"), 200).unwrap();
    let ids: Vec<&str> = windows.windows().iter().map(|window| &*window.id).collect();
    assert_eq!(ids, ["NM_001128425", "NM_000546", "NR_046018"]);
}

#[test]
fn gff3_and_gtf_of_ensembl_have_the_same_genes() {
    for choice in [
        TranscriptChoice::WholeGene,
        TranscriptChoice::Longest,
        TranscriptChoice::Tagged("Ensembl_canonical".into()),
    ] {
        let selection = GeneSelection {
            choice,
            ..GeneSelection::default()
        };
        let [gtf, gff3] = ["gtf", "gff3"].map(|end| {
            let path = fault(&format!("ensembl_gff3/genes.{end}"));
            read_genes(&path, &selection).unwrap()
        });
        assert_eq!(gtf.genes.len(), 5);
        assert_eq!(gtf.genes, gff3.genes);
        assert_eq!(gff3.unused_features, [("chromosome".to_owned(), 1)]);
    }
}

#[test]
fn the_header_decides_how_a_file_is_written_and_a_caller_overrules() {
    let set = genes("no_attr_first/genes.gff3");
    assert_eq!(set.genes[0].id, "g1");
    assert_eq!(set.unused_features, [("inverted_repeat".to_owned(), 1)]);
    let control = genes("no_attr_first/control.gff3");
    assert_eq!(
        (control.genes[0].id.as_str(), control.genes[0].start),
        ("g1", 60_616)
    );
    let asked = GeneSelection {
        format: Some(AnnotationFormat::Gtf),
        ..GeneSelection::default()
    };
    let error = read_genes(&fault("no_attr_first/genes.gff3"), &asked).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("line 3, column 9: expected `gene_id`"),
        "{error}"
    );
}

#[test]
fn lines_and_not_the_first_line_decide_where_no_header_does() {
    let gene = "1\tx\tgene\t11\t20\t.\t+\t.\t";
    let gtf = |number: u64| format!("{gene}gene_id \"E{number}\";\n");
    let gff3 = |number: u64| format!("{gene}ID=E{number}\n");
    let odd = "1\tx\tregion\t1\t90\t.\t+\t.\tnote\n";
    for (text, expected) in [
        (format!("{odd}{}{}", gff3(1), gff3(2)), 2),
        (format!("{odd}{}{}", gtf(1), gtf(2)), 2),
        (format!("#gtf-version 2.2\n{}", gtf(1)), 1),
        (
            format!("##provider: GENCODE\n##format: gff3\n{odd}{}", gff3(1)),
            1,
        ),
        (format!("##gff-version   3.1.26\n{odd}{}", gff3(1)), 1),
        // Names and scores that are numbers.
        (
            "chr1\t10\t20\t7157\t0\t+\nchr1\t30\t40\t672\t0\t-\n".to_owned(),
            2,
        ),
    ] {
        let set = read(&text, &TranscriptChoice::WholeGene).unwrap();
        assert_eq!(set.genes.len(), expected, "{text}");
    }
    assert!(
        read(
            &format!("##format: gff3\n{}", gtf(1)),
            &TranscriptChoice::WholeGene
        )
        .is_err()
    );
    for (text, expected) in [
        (
            format!("##gff-version 3\n{}", gtf(1)),
            "its header says GFF3",
        ),
        (
            format!("{}{}{}", gff3(1), gff3(2), gtf(3)),
            "line 3, column 9: expected attributes of GFF3",
        ),
        (
            format!("{}{}{}", gtf(1), gtf(2), gff3(3)),
            "line 3, column 9: expected `gene_id`",
        ),
    ] {
        let error = read(&text, &TranscriptChoice::WholeGene).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let message = format!("{error} {}", cause.unwrap_or_default());
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn prefixes_of_sources_are_no_part_of_ids() {
    let set = genes("ncbi_gff3/genes.gff3");
    let ids: Vec<&str> = set.genes.iter().map(|gene| &*gene.id).collect();
    assert_eq!(ids, ["TP53", "BRCA1", "NF1"]);
    // Two genes do not become one for it.
    let text = "##gff-version 3\n1\tx\tgene\t1\t9\t.\t+\t.\tID=gene:A\n1\tx\tgene\t21\t29\t.\t+\t.\tID=gene-A\n";
    let set = read(text, &TranscriptChoice::WholeGene).unwrap();
    let ids: Vec<&str> = set.genes.iter().map(|gene| &*gene.id).collect();
    assert_eq!(ids, ["gene:A", "gene-A"]);
}

#[test]
fn features_are_told_by_what_they_hold() {
    let text = "##gff-version 3\n\
        1\tx\tlocus\t1\t900\t.\t+\t.\tID=l1\n1\tx\tmRNA\t1\t900\t.\t+\t.\tID=t1;Parent=l1\n\
        1\tx\tncRNA_gene\t1001\t1900\t.\t+\t.\tID=g2\n1\tx\todd_kind\t1001\t1900\t.\t+\t.\tID=t2;Parent=g2\n\
        1\tx\texon\t1001\t1900\t.\t+\t.\tParent=t2\n\
        1\tx\tgene\t2001\t2900\t.\t-\t.\tID=g3\n1\tx\tprimary_transcript\t2001\t2900\t.\t-\t.\tID=t3;Parent=g3\n\
        1\tx\tmiRNA\t2101\t2120\t.\t-\t.\tID=m3;Parent=t3\n\
        1\tx\tgene\t3001\t3900\t.\t-\t.\tID=g4\n1\tx\tpseudogene\t3001\t3900\t.\t-\t.\tID=t4;Parent=g4\n\
        1\tx\ttRNA\t4001\t4100\t.\t+\t.\tID=t5\n1\tx\tregion\t1\t90000\t.\t+\t.\tID=r1\n\
        1\tx\tbiological_region\t5\t6\t.\t+\t.\tlogic_name=x\n";
    let set = read(text, &TranscriptChoice::Longest).unwrap();
    let found: Vec<_> = set
        .genes
        .iter()
        .map(|gene| (&*gene.id, gene.transcript.as_deref().unwrap()))
        .collect();
    let expected = [
        ("l1", "t1"),
        ("g2", "t2"),
        ("g3", "t3"),
        ("g4", "t4"),
        ("t5", "t5"),
    ];
    assert_eq!(found, expected);
    let unused = [("biological_region", 1), ("miRNA", 1), ("region", 1)];
    assert_eq!(
        set.unused_features,
        unused.map(|(kind, count)| (kind.to_owned(), count))
    );
}

#[test]
fn places_are_compared_by_assembly_then_x_then_length() {
    let gene = |chromosome: &str, start: u64, end: u64, strand: &str| {
        format!("{chromosome}\tx\tgene\t{start}\t{end}\t.\t{strand}\t.\tgene_id \"G\";\n")
    };
    for (places, expected) in [
        (
            vec![gene("chrY", 1, 900, "+"), gene("chrX", 11, 90, "+")],
            "chrX:11-90(+)",
        ),
        (
            vec![gene("HSCHR6_MHC_APD", 1, 900, "+"), gene("6", 11, 90, "-")],
            "6:11-90(-)",
        ),
        (
            vec![
                gene("KI270728.1", 1, 900, "+"),
                gene("CHR_HG1_PATCH", 1, 900, "+"),
            ],
            "KI270728.1:1-900(+)",
        ),
        (
            vec![gene("NW_1.1", 1, 900, "+"), gene("NC_000001.11", 5, 9, "+")],
            "NC_000001.11:5-9(+)",
        ),
        // Two distant lines are no span of half a chromosome.
        (
            vec![
                gene("chr1", 1, 90, "+"),
                gene("chr1", 5_000_001, 5_000_091, "+"),
            ],
            "chr1:5000001-5000091(+)",
        ),
        (
            vec![gene("chr10", 1, 90, "+"), gene("chr2", 1, 90, "+")],
            "chr2:1-90(+)",
        ),
        (
            vec![gene("chr1", 1, 90, "."), gene("chr1", 501, 502, "-")],
            "chr1:501-502(-)",
        ),
    ] {
        let set = read(&places.concat(), &TranscriptChoice::WholeGene).unwrap();
        assert_eq!(set.several.len(), 1, "{expected}");
        assert_eq!(set.several[0].chosen.to_string(), expected);
        assert_eq!(set.genes.len(), 1);
    }
}

#[test]
fn what_a_bed_does_not_say_is_not_asked_of_it() {
    let path = fault("dot_names/genes.bed");
    let with = |biotypes: &[&str], choice| GeneSelection {
        biotypes: biotypes.iter().map(|&name| name.to_owned()).collect(),
        choice,
        format: None,
    };
    for (selection, flag) in [
        (
            with(&["protein_coding"], TranscriptChoice::WholeGene),
            "--biotype",
        ),
        (
            with(&[], TranscriptChoice::Tagged("basic".into())),
            "--transcript",
        ),
    ] {
        let message = read_genes(&path, &selection).unwrap_err().to_string();
        assert!(
            message.contains(flag) && message.contains("genes.bed"),
            "{message}"
        );
    }
}

#[test]
fn windows_of_no_gene_say_why_each_was_left_out() {
    let selection = GeneSelection {
        biotypes: vec!["protein-coding".into()],
        ..GeneSelection::default()
    };
    let set = read_genes(&fault("par_y_tables/genes.gtf"), &selection).unwrap();
    assert!(
        set.left_out
            .iter()
            .all(|(_, reason)| *reason == LeftOut::OtherBiotype)
    );
    let error = GeneWindows::around(&set, &WindowLayout::default()).unwrap_err();
    assert!(matches!(error, Error::NoGenes { .. }));
    let message = error.to_string();
    assert!(
        message.contains("4 for another biotype: ENSG00000002586.20, "),
        "{message}"
    );
}

fn read(text: &str, choice: &TranscriptChoice) -> chromex_io::Result<GeneSet> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("genes");
    std::fs::write(&path, text).unwrap();
    let selection = GeneSelection {
        choice: choice.clone(),
        ..GeneSelection::default()
    };
    read_genes(&path, &selection)
}

/// A line of a gene, a transcript or an exon, in the ways that files are written.
#[derive(Clone, Debug)]
struct Line {
    kind: usize,
    gene: usize,
    transcript: usize,
    chromosome: usize,
    start: u64,
    bases: u64,
    strand: usize,
    part: Option<u8>,
}

impl Line {
    fn written(&self, notation: &str) -> String {
        let chromosome = ["chr1", "chrX", "chrY", "chr2_random", "chr1_x_alt"][self.chromosome];
        let strand = ["+", "-", "."][self.strand];
        let (start, end) = (self.start, self.start + self.bases);
        let (gene, transcript) = (self.gene, format!("T{}", self.transcript));
        if notation == "bed" {
            return format!("{chromosome}\t{start}\t{end}\tG{gene}\t0\t{strand}");
        }
        let kind = ["gene", "transcript", "exon"][self.kind];
        let part = self.part.map_or(String::new(), |part| match notation {
            "gtf" => format!(" part \"{part}/2\";"),
            _ => format!(";part={part}/2"),
        });
        let tag = if self.transcript == 0 {
            "basic"
        } else {
            "other"
        };
        let attributes = match (notation, self.kind) {
            ("gtf", 0) => format!(
                "gene_id \"G{gene}\"; gene_name \"N{}\";{part}",
                self.start % 3
            ),
            ("gtf", _) => {
                format!("gene_id \"G{gene}\"; transcript_id \"{transcript}\"; tag \"{tag}\";{part}")
            }
            (_, 0) => format!("ID=gene:G{gene};Name=N{}{part}", self.start % 3),
            (_, 1) => format!("ID={transcript};Parent=gene:G{gene};tag={tag}{part}"),
            _ => format!("Parent={transcript}"),
        };
        format!("{chromosome}\tx\t{kind}\t{start}\t{end}\t.\t{strand}\t.\t{attributes}")
    }
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let line = (
        (0_usize..3, 0_usize..3, 0_usize..4, 0_usize..5),
        (
            prop_oneof![1_u64..200, 1_u64..9_000_000],
            1_u64..90,
            0_usize..3,
        ),
        prop::option::weighted(0.1, 1_u8..3),
    );
    let line = line.prop_map(
        |((kind, gene, transcript, chromosome), (start, bases, strand), part)| Line {
            kind,
            gene,
            transcript,
            chromosome,
            start,
            bases,
            strand,
            part,
        },
    );
    prop::collection::vec(line, 1..25)
}

/// What was read, without the order of the file.
fn sorted(mut set: GeneSet) -> GeneSet {
    set.source = PathBuf::new();
    set.genes.sort_by(|one, other| one.id.cmp(&other.id));
    set.several.sort_by(|one, other| one.id.cmp(&other.id));
    set.left_out.sort_by(|one, other| one.0.cmp(&other.0));
    set
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_order_of_lines_is_nothing(
        (lines, shuffled) in lines().prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
        notation in prop::sample::select(vec!["gtf", "gff3", "bed"]),
        choice in prop::sample::select(vec![
            TranscriptChoice::WholeGene,
            TranscriptChoice::Longest,
            TranscriptChoice::Tagged("basic".into()),
        ]),
    ) {
        let choice = match notation {
            "bed" => TranscriptChoice::Longest,
            _ => choice,
        };
        let set = |lines: &[Line]| {
            let lines: Vec<String> = lines.iter().map(|line| line.written(notation)).collect();
            read(&lines.join("\n"), &choice).map(sorted).ok()
        };
        let first = set(&lines);
        prop_assert!(first.is_some());
        // Whatever stands for a gene, its start is one of its lines' and never another's end.
        for gene in &first.as_ref().unwrap().genes {
            let starts = lines.iter().any(|line| {
                let start = if notation == "bed" { line.start } else { line.start - 1 };
                let end = line.start + line.bases;
                match gene.strand {
                    chromex_io::genes::Strand::Plus => start == gene.start && line.strand != 1,
                    chromex_io::genes::Strand::Minus => end == gene.end && line.strand != 0,
                }
            });
            prop_assert!(starts, "{gene:?}");
        }
        prop_assert_eq!(set(&shuffled), first);
    }
}
