//! Everything that `count_reads` reads.

use super::{GFF3, GTF, Made, Maker, genes_bed, reads_bed, seed};
use crate::content::{self, Hostile};
use crate::special;

impl Maker<'_> {
    /// Everything that `count_reads` reads.
    pub(super) fn counting(&self) -> Made {
        let (genes, reads) = (genes_bed(), reads_bed());
        let (genes, reads) = (genes.as_bytes(), reads.as_bytes());
        const SMALL: &str = "--upstream 5 --downstream 5 --name cell --out OUT/run";
        let mut doors = Vec::new();
        for (file, is_text) in [
            ("reads.tagAlign", true),
            ("reads.sam", true),
            ("signal.bedGraph", true),
            ("reads.bam", false),
            ("plain.bam", false),
            ("reads.cram", false),
            ("v31.cram", false),
            ("signal.bw", false),
            ("reads.tagAlign.gz", false),
        ] {
            let sound = seed(&format!("reads/{file}"))?;
            let mut hostile = match is_text {
                true => content::text(&sound, '\t'),
                false => content::bytes(&sound, 16),
            };
            if matches!(file, "reads.tagAlign" | "reads.bam") {
                hostile.extend(content::any());
                hostile.extend(special::reads());
                hostile.extend(content::bombs(b"", b"chr1\t500\t536\tr\t0\t+\n"));
            }
            let arguments = format!("--genes IN/genes.bed --track M=IN/{file} {SMALL}");
            let files = [(file, &sound[..]), ("genes.bed", genes)];
            let name = format!("count_reads --track {file}");
            doors.push(self.door(&name, ("count_reads", &arguments), &files, false, hostile)?);
        }
        for (file, text) in [("a.gtf", GTF), ("a.gff3", GFF3)] {
            let mut hostile = content::text(text.as_bytes(), '\t');
            hostile.extend(content::any());
            hostile.extend(special::genes());
            hostile.extend(content::bombs(b"##gff-version 3\n", b"# a comment\n"));
            let arguments = format!("--genes IN/{file} --track M=IN/reads.bed {SMALL}");
            let files = [(file, text.as_bytes()), ("reads.bed", reads)];
            let name = format!("count_reads --genes {file}");
            doors.push(self.door(&name, ("count_reads", &arguments), &files, true, hostile)?);
        }
        let windows = "chr1\t0\t2000\tG0\t0\t+\nchr1\t2000\t4000\tG1\t0\t-\n".as_bytes();
        let mut hostile = content::text(windows, '\t');
        hostile.extend(content::any());
        doors.push(self.door(
            "count_reads --windows",
            ("count_reads", "--windows IN/w.bed --track M=IN/reads.bed --upstream 5 --downstream 5 --name cell --out OUT/run"),
            &[("w.bed", windows), ("reads.bed", reads)],
            true,
            hostile,
        )?);
        for (file, separator) in [
            ("e.tsv", '\t'),
            ("e.csv", ','),
            ("e.gct", '\t'),
            ("e.parquet", ' '),
        ] {
            let sound = match file {
                "e.tsv" => "gene\tcell\tother\nG0\t1.5\t2\nG1\t0\t3\n".into(),
                "e.csv" => "gene,cell,other\nG0,1.5,2\nG1,0,3\n".into(),
                "e.gct" => {
                    "#1.2\n2\t2\nName\tDescription\tcell\tother\nG0\tN0\t1.5\t2\nG1\tN1\t0\t3\n"
                        .into()
                }
                _ => seed("expression/a.parquet")?,
            };
            let mut hostile = match separator {
                ' ' => content::bytes(&sound, 40),
                _ => content::text(&sound, separator),
            };
            match file {
                "e.parquet" => hostile.extend(special::parquet()),
                "e.tsv" => {
                    hostile.extend(content::any());
                    hostile.extend(content::bombs(b"gene\tcell\n", b"G0\t1\n"));
                }
                _ => {}
            }
            let arguments = format!(
                "--genes IN/genes.bed --track M=IN/reads.bed --expression IN/{file} --unit tpm {SMALL}"
            );
            let files = [
                (file, &sound[..]),
                ("genes.bed", genes),
                ("reads.bed", reads),
            ];
            let name = format!("count_reads --expression {file}");
            doors.push(self.door(
                &name,
                ("count_reads", &arguments),
                &files,
                separator != ' ',
                hostile,
            )?);
        }
        let (bam, cram) = (seed("reads/reads.bam")?, seed("reads/reads.cram")?);
        let mut hostile = content::any();
        let index = [b"BAI\x01\x01\0\0\0\xff\xff\xff\x7f".to_vec(), vec![0; 40]].concat();
        hostile.push(Hostile::bytes("an index of 2^31 bins", index));
        hostile.push(Hostile::bytes("an index of nothing", *b"BAI\x01\0\0\0\0"));
        hostile.push(Hostile::bytes(
            "an index of 2^32 - 1 contigs",
            *b"BAI\x01\xff\xff\xff\xff",
        ));
        let arguments = format!("--genes IN/genes.bed --track M=IN/reads.bam {SMALL}");
        let files = [
            ("reads.bam.bai", &b"BAI\x01"[..]),
            ("reads.bam", &bam),
            ("genes.bed", genes),
        ];
        doors.push(self.door(
            "count_reads with .bai",
            ("count_reads", &arguments),
            &files,
            false,
            hostile,
        )?);
        let fasta = format!(">ref\n{}\n", "ACGT".repeat(3000));
        for (file, first) in [
            ("ref.fa.fai", "ref\t12000\t5\t12000\t12001\n"),
            ("ref.fa", fasta.as_str()),
        ] {
            let other = if file == "ref.fa" {
                ("ref.fa.fai", "ref\t12000\t5\t12000\t12001\n")
            } else {
                ("ref.fa", fasta.as_str())
            };
            let mut hostile = content::text(first.as_bytes(), '\t');
            hostile.extend(content::any());
            let arguments = format!(
                "--genes IN/genes.bed --track M=IN/reads.cram --reference IN/ref.fa {SMALL}"
            );
            let files = [
                (file, first.as_bytes()),
                (other.0, other.1.as_bytes()),
                ("reads.cram", &cram[..]),
                ("genes.bed", genes),
            ];
            let name = format!("count_reads --reference {file}");
            doors.push(self.door(&name, ("count_reads", &arguments), &files, false, hostile)?);
        }
        Ok(doors)
    }
}
