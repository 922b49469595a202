//! Promoters against samtools and bedtools (`golden/promoters`), bedtools' own cases, and files that are none.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use chromex_core::{Rows, reverse_complement};
use chromex_io::genes::{GeneRow, Strand, read_gene_rows};
use chromex_io::promoters::{
    FastaIndex, Genome, PromoterLayout, PromoterWindow, Promoters, Region, extract_promoters,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::real_data::data;

const GOLDEN: &str = include_str!("../golden/promoters/promoters.json");

/// SplitMix64, as `golden/promoters/promoters.py` draws.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 33) % bound
    }
}

fn drawn_genes(length: u64, count: usize) -> String {
    let mut random = SplitMix(11);
    let mut text = String::new();
    for gene in 0..count {
        let start = random.below(length - 5000) + 1;
        let end = start + random.below(4000);
        let strand = ['+', '-'][random.below(2) as usize];
        writeln!(
            text,
            "I\tdrawn\tgene\t{start}\t{end}\t.\t{strand}\t.\tID=gene{gene}"
        )
        .unwrap();
    }
    text
}

fn drawn_genome(length: usize) -> String {
    let mut random = SplitMix(12);
    let mut text = String::from(">chr2L\n");
    for base in 0..length {
        if base > 0 && base.is_multiple_of(70) {
            text.push('\n');
        }
        text.push(b"ACGT"[random.below(4) as usize] as char);
    }
    text + "\n"
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

fn digest(promoters: &Promoters) -> String {
    let mut hash = Sha256::new();
    for one in &promoters.promoters {
        let Region {
            contig, start, end, ..
        } = &one.region;
        let sequence = std::str::from_utf8(&one.sequence).unwrap();
        hash.update(format!(
            "{}\t{contig}:{start}-{end}\t{sequence}\n",
            one.gene
        ));
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn promoters_of_real_genomes_are_those_of_samtools_and_bedtools() {
    let data = data();
    let io = data.join("genomics_io");
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
    let pairs = [
        (
            "gffread",
            io.join("gffread/genome.fa"),
            io.join("gffread/annotation.gff"),
        ),
        (
            "yeast",
            io.join("yeast_chrI/genome.fa"),
            written("yeast.gff", &drawn_genes(230_218, 120)),
        ),
        (
            "fly",
            written("fly.fa", &drawn_genome(5_100_000)),
            io.join("pybedtools/dm3-chr2L-5M.gff.gz"),
        ),
    ];
    for (name, fasta, annotation) in pairs {
        let rows = read_gene_rows(&annotation, "gene").unwrap();
        let packed = folder.path().join(format!("{name}.fa.gz"));
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packer, &fs::read(&fasta).unwrap()).unwrap();
        fs::write(&packed, packer.finish().unwrap()).unwrap();
        for genome in [
            Genome::open(&fasta).unwrap(),
            Genome::open(&packed).unwrap(),
        ] {
            for length in [1000, 300] {
                let expected = &golden["cases"][format!("{name} {length}")];
                let promoters = extract_promoters(&rows, &genome, &upstream(length)).unwrap();
                assert_eq!(rows.len() as u64, expected["genes"].as_u64().unwrap());
                let count = promoters.promoters.len();
                assert_eq!(
                    count as u64,
                    expected["promoters"].as_u64().unwrap(),
                    "{name}"
                );
                assert_eq!(count + promoters.left_out.len(), rows.len());
                assert_eq!(digest(&promoters), expected["sha256"], "{name} {length}");
                assert_eq!(promoters.sequences().unwrap().len(), count);
            }
        }
    }
    let index = FastaIndex::build(&io.join("yeast_chrI/genome.fa")).unwrap();
    assert_eq!(
        index,
        FastaIndex::read(&io.join("yeast_chrI/genome.fa.fai")).unwrap()
    );
}

/// The flags of a bedtools command that the operations here have; nothing when there is another.
fn flags(command: &str) -> Option<(u64, u64, bool)> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let mut sides = (0, 0, false);
    let mut words = words.iter().skip(2);
    while let Some(&word) = words.next() {
        match word {
            "-i" | "-g" => drop(words.next()),
            "-s" => sides.2 = true,
            "-l" => sides.0 = words.next()?.parse().ok()?,
            "-r" => sides.1 = words.next()?.parse().ok()?,
            "-b" => {
                sides.0 = words.next()?.parse().ok()?;
                sides.1 = sides.0;
            }
            ">" => break,
            _ => return None,
        }
    }
    Some(sides)
}

#[test]
#[ignore = "needs CHROMEX_DATA"]
fn bedtools_own_cases_of_the_same_operations_agree() {
    let data = data();
    let folder = data.join("bedtools_cases");
    let text = fs::read_to_string(folder.join("cases_A.jsonl")).unwrap();
    let (mut covered, mut all) = (0, 0);
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let command = case["commands"][0].as_str().unwrap();
        let expected = case["expected_stdout"].as_str().unwrap();
        all += 1;
        let found = match case["tool"].as_str().unwrap() {
            tool @ ("flank" | "slop") => {
                // All of them run on one BED of two genes on a contig of 1,000 bases.
                let Some((left, right, by_strand)) = flags(command)
                    .filter(|_| command.contains("-i a.bed -") || command.contains("-i a.bed  "))
                else {
                    continue;
                };
                flank_or_slop(tool, left, right, by_strand)
            }
            _ => match getfasta(&folder.join("getfasta"), command) {
                Some(found) => found,
                None => continue,
            },
        };
        assert_eq!(found, expected, "{command}");
        covered += 1;
    }
    assert_eq!((covered, all), (34, 51));
}

fn flank_or_slop(tool: &str, left: u64, right: u64, by_strand: bool) -> String {
    let mut text = String::new();
    for (name, score, sign, own) in [("a1", 1, '+', Strand::Plus), ("a2", 2, '-', Strand::Minus)] {
        let gene = Region {
            contig: "chr1".into(),
            start: 100,
            end: 200,
            strand: if by_strand { own } else { Strand::Plus },
        };
        let mut regions = if tool == "slop" {
            vec![gene.widened(left, right)]
        } else {
            vec![gene.upstream(left), gene.downstream(right)]
        };
        regions.sort_by_key(|region| region.start);
        for region in regions {
            let region = region.clipped(1000);
            if region.start < region.end {
                let Region { start, end, .. } = region;
                writeln!(text, "chr1\t{start}\t{end}\t{name}\t{score}\t{sign}").unwrap();
            }
        }
    }
    text
}

/// Runs `getfasta` on the records of a BED; nothing for options that there is no operation for.
fn getfasta(folder: &Path, command: &str) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let after = |flag: &str| {
        let place = words.iter().position(|word| *word == flag)?;
        words.get(place + 1).copied()
    };
    let known = [
        "bedtools",
        "getfasta",
        "-fi",
        "-bed",
        "-s",
        "-name",
        "-name+",
        "-nameOnly",
        ">",
        "obs",
    ];
    let (fasta, bed) = (after("-fi")?, after("-bed")?);
    let others = words
        .iter()
        .filter(|word| !known.contains(word) && ![fasta, bed].contains(word));
    if others.count() > 0 || !bed.ends_with(".bed") || fasta == "rna.fasta" {
        return None;
    }
    let has = |flag: &str| words.contains(&flag);
    let genome = Genome::open(&folder.join(fasta)).unwrap();
    let mut text = String::new();
    for line in fs::read_to_string(folder.join(bed)).unwrap().lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let strand = if fields.get(5) == Some(&"-") {
            Strand::Minus
        } else {
            Strand::Plus
        };
        let (start, end): (u64, u64) = (fields[1].parse().unwrap(), fields[2].parse().unwrap());
        let read = if has("-s") { strand } else { Strand::Plus };
        let region = Region {
            contig: fields[0].into(),
            start,
            end,
            strand: read,
        };
        let sequence = genome.read(&region).unwrap();
        let sign = match (has("-s"), strand) {
            (false, _) => "",
            (true, Strand::Plus) => "(+)",
            (true, Strand::Minus) => "(-)",
        };
        let place = format!("{}:{start}-{end}", fields[0]);
        let title = if has("-nameOnly") {
            format!("{}{sign}", fields[3])
        } else if has("-name") || has("-name+") {
            format!("{}::{place}{sign}", fields[3])
        } else {
            format!("{place}{sign}")
        };
        let sequence = String::from_utf8(sequence).unwrap();
        writeln!(text, ">{title}\n{sequence}").unwrap();
    }
    Some(text)
}

#[test]
fn fasta_and_bed_of_promoters_open_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.fa"), ">1 x\nACGTAC\nGTNRAA\nTT\n").unwrap();
    fs::write(path("a.gff"), "1\tx\tgene\t7\t9\t.\t-\t.\tID=g\n").unwrap();
    let rows = read_gene_rows(&path("a.gff"), "gene").unwrap();
    let genome = Genome::open(&path("a.fa")).unwrap();
    let promoters = extract_promoters(&rows, &genome, &upstream(1000)).unwrap();
    promoters.write_fasta(&path("p.fa")).unwrap();
    promoters.write_bed(&path("p.bed.gz")).unwrap();
    let fasta = fs::read_to_string(path("p.fa")).unwrap();
    assert_eq!(fasta, ">g 1:9-14(-)\nAATTY\n");
    let again = Genome::open(&path("p.fa")).unwrap();
    assert_eq!(
        again.index().unwrap().lengths().collect::<Vec<_>>(),
        [("g", 5)]
    );
    genome.index().unwrap().write(&path("a.fa.fai")).unwrap();
    let by_file = Genome::open(&path("a.fa")).unwrap();
    assert_eq!(
        extract_promoters(&rows, &by_file, &upstream(1000)).unwrap(),
        promoters
    );
    fs::write(path("a.fa"), ">1\nACG\n").unwrap();
    let message = Genome::open(&path("a.fa")).unwrap_err().to_string();
    assert!(message.contains("a.fa.fai"), "{message}");
}

proptest! {
    #[test]
    fn a_changed_genome_or_annotation_never_panics(
        place in 0_usize..60, byte in any::<u8>(), cut in 0_usize..60,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut genome = b">1 x\nACGTAC\nGTNRAA\nTT\n>2\nACGTACGTACGT\n".to_vec();
        let mut index = b"1\t14\t5\t6\t7\n2\t12\t25\t12\t13\n".to_vec();
        let mut annotation = b"1\tx\tgene\t7\t9\t.\t-\t.\tID=g\n2\tx\tgene\t5\t9\t.\t+\t.\tID=h\n".to_vec();
        for (name, bytes) in [("a.fa", &mut genome), ("a.fa.fai", &mut index), ("a.gff", &mut annotation)] {
            let changed = place % bytes.len();
            bytes[changed] = byte;
            bytes.truncate(bytes.len().saturating_sub(cut / 4));
            fs::write(folder.path().join(name), &*bytes).unwrap();
            let rows = read_gene_rows(&folder.path().join("a.gff"), "gene").unwrap_or_else(|_| {
                let strand = Some(Strand::Minus);
                vec![GeneRow { id: Some("g".into()), contig: "1".into(), start: 1, end: 3, strand }]
            });
            if let Ok(genome) = Genome::open(&folder.path().join("a.fa")) {
                let _ = extract_promoters(&rows, &genome, &upstream(1000));
            }
        }
    }

    #[test]
    fn reading_from_the_other_strand_twice_changes_nothing(text in "[ACGTNRYKMSWBDHVacgt]{0,40}") {
        let twice = reverse_complement(&reverse_complement(text.as_bytes()));
        prop_assert_eq!(twice, text.as_bytes());
    }
}
