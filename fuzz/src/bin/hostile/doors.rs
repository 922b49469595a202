//! The doors: every flag of an example behind which a file is read, with sound files and the hostile ones that take their place.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chromex_io::simulate::{SimulatedGenome, SimulatedPair};

use crate::content::{self, Hostile};
use crate::special;

/// A flag of an example that reads a file.
pub(crate) struct Door {
    pub(crate) name: String,
    pub(crate) example: &'static str,
    /// Sound files: what `in` and `out` of each case begin as.
    pub(crate) base: PathBuf,
    /// Flags; `IN` and `OUT` stand for the folders of a case.
    pub(crate) arguments: Vec<String>,
    /// The file below the base that hostile ones take the place of.
    pub(crate) file: String,
    /// Whether the sound files are taken.
    pub(crate) is_sound: bool,
    pub(crate) hostile: Vec<Hostile>,
}

type Made = Result<Vec<Door>, Box<dyn Error>>;

/// Makes all doors; sound files are written below `bases`.
pub(crate) fn all(examples: &Path, bases: &Path) -> Made {
    let maker = Maker { bases, examples };
    let mut doors = maker.counting()?;
    doors.extend(maker.promoters()?);
    doors.extend(maker.tables()?);
    doors.extend(maker.pretrained()?);
    doors.extend(maker.folders()?);
    doors.extend(maker.names()?);
    Ok(doors)
}

struct Maker<'a> {
    bases: &'a Path,
    examples: &'a Path,
}

fn seed(path: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let path = seeds.join(path);
    fs::read(&path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// A gene on each chromosome of the seeds.
fn genes_bed() -> String {
    let names = ["chr1", "chr2", "chr21", "chr22", "ref", "1", "x"];
    let lines = names.iter().enumerate();
    lines
        .map(|(place, name)| format!("{name}\t600\t900\tG{place}\t0\t+\n"))
        .collect()
}

fn reads_bed() -> String {
    (0..60)
        .map(|read| format!("chr1\t{}\t{}\tr{read}\t0\t+\n", 500 + read, 536 + read))
        .collect()
}

const GTF: &str = "chr1\tx\tgene\t601\t900\t.\t+\t.\tgene_id \"G0\"; gene_name \"N0\";\n\
    chr1\tx\ttranscript\t601\t900\t.\t+\t.\tgene_id \"G0\"; transcript_id \"T0\";\n\
    chr1\tx\tgene\t2601\t2900\t.\t-\t.\tgene_id \"G1\"; gene_name \"N1\";\n";
const GFF3: &str = "##gff-version 3\n\
    chr1\tx\tgene\t601\t900\t.\t+\t.\tID=G0;Name=N0\n\
    chr1\tx\tmRNA\t601\t900\t.\t+\t.\tID=T0;Parent=G0\n\
    chr1\tx\tgene\t2601\t2900\t.\t-\t.\tID=G1;Name=N1\n";
const CONFIGURATION: &str = r#"{"vocab_size":10,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":1,"intermediate_size":16,"alibi_starting_size":512}"#;

impl Maker<'_> {
    fn door(
        &self,
        name: &str,
        (example, arguments): (&'static str, &str),
        files: &[(&str, &[u8])],
        is_sound: bool,
        hostile: Vec<Hostile>,
    ) -> Result<Door, Box<dyn Error>> {
        let base = self.bases.join(name.replace(['/', ' '], "-"));
        for (path, bytes) in files {
            let path = base.join("in").join(path);
            fs::create_dir_all(path.parent().unwrap_or(&base))?;
            fs::write(path, bytes)?;
        }
        fs::create_dir_all(base.join("in"))?;
        fs::create_dir_all(base.join("out"))?;
        let file = files.first().map_or(String::new(), |(path, _)| format!("in/{path}"));
        Ok(Door {
            name: name.to_owned(),
            example,
            base,
            arguments: arguments.split(' ').map(str::to_owned).collect(),
            file,
            is_sound,
            hostile,
        })
    }

    /// Everything that `count_reads` reads.
    fn counting(&self) -> Made {
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
        for (file, separator) in [("e.tsv", '\t'), ("e.csv", ','), ("e.gct", '\t'), ("e.parquet", ' ')] {
            let sound = match file {
                "e.tsv" => "gene\tcell\tother\nG0\t1.5\t2\nG1\t0\t3\n".into(),
                "e.csv" => "gene,cell,other\nG0,1.5,2\nG1,0,3\n".into(),
                "e.gct" => "#1.2\n2\t2\nName\tDescription\tcell\tother\nG0\tN0\t1.5\t2\nG1\tN1\t0\t3\n".into(),
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
            let files = [(file, &sound[..]), ("genes.bed", genes), ("reads.bed", reads)];
            let name = format!("count_reads --expression {file}");
            doors.push(self.door(&name, ("count_reads", &arguments), &files, separator != ' ', hostile)?);
        }
        let (bam, cram) = (seed("reads/reads.bam")?, seed("reads/reads.cram")?);
        let mut hostile = content::any();
        let index = [b"BAI\x01\x01\0\0\0\xff\xff\xff\x7f".to_vec(), vec![0; 40]].concat();
        hostile.push(Hostile::bytes("an index of 2^31 bins", index));
        hostile.push(Hostile::bytes("an index of nothing", *b"BAI\x01\0\0\0\0"));
        hostile.push(Hostile::bytes("an index of 2^32 - 1 contigs", *b"BAI\x01\xff\xff\xff\xff"));
        let arguments = format!("--genes IN/genes.bed --track M=IN/reads.bam {SMALL}");
        let files = [("reads.bam.bai", &b"BAI\x01"[..]), ("reads.bam", &bam), ("genes.bed", genes)];
        doors.push(self.door("count_reads with .bai", ("count_reads", &arguments), &files, false, hostile)?);
        let fasta = format!(">ref\n{}\n", "ACGT".repeat(3000));
        for (file, first) in [("ref.fa.fai", "ref\t12000\t5\t12000\t12001\n"), ("ref.fa", fasta.as_str())] {
            let other = if file == "ref.fa" { ("ref.fa.fai", "ref\t12000\t5\t12000\t12001\n") } else { ("ref.fa", fasta.as_str()) };
            let mut hostile = content::text(first.as_bytes(), '\t');
            hostile.extend(content::any());
            let arguments = format!("--genes IN/genes.bed --track M=IN/reads.cram --reference IN/ref.fa {SMALL}");
            let files = [(file, first.as_bytes()), (other.0, other.1.as_bytes()), ("reads.cram", &cram[..]), ("genes.bed", genes)];
            let name = format!("count_reads --reference {file}");
            doors.push(self.door(&name, ("count_reads", &arguments), &files, false, hostile)?);
        }
        Ok(doors)
    }

    /// Everything that `cornbert` reads.
    fn promoters(&self) -> Made {
        let genome = SimulatedGenome { genes: 30, ..SimulatedGenome::default() };
        let drawn = self.bases.join("drawn-genome");
        fs::create_dir_all(&drawn)?;
        genome.draw(3)?.write(&drawn)?;
        let read = |name: &str| fs::read(drawn.join(name));
        let files = [("genome.fa", read("genome.fa")?), ("genes.gff3", read("genes.gff3")?), ("expression.tsv", read("expression.tsv")?)];
        const QUICK: &str = "--quick --only mean --out OUT/run";
        let whole = format!("--genome IN/genome.fa --annotation IN/genes.gff3 --expression IN/expression.tsv --length 300 {QUICK}");
        let mut doors = Vec::new();
        for place in 0..files.len() {
            let mut ordered: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
            ordered.swap(0, place);
            let mut hostile = content::text(ordered[0].1, '\t');
            if place != 1 {
                hostile.extend(content::any());
                let start: &'static [u8] = if place == 0 { b">chr1\n" } else { b"gene\tleaf\n" };
                let line: &'static [u8] = if place == 0 { b"ACGTACGTACGT\n" } else { b"SIMG000001\t1\n" };
                hostile.extend(content::bombs(start, line));
            }
            let name = format!("cornbert {}", ordered[0].0);
            doors.push(self.door(&name, ("cornbert", &whole), &ordered, true, hostile)?);
        }
        let mut table = String::from("gene\tsequence\tleaf\n");
        for row in 0..40 {
            let sequence: String = (0..120).map(|base| char::from(b"ACGT"[(base * (row + 3) + base / 7 + row * row) % 4])).collect();
            table.push_str(&format!("G{row}\t{sequence}\t{row}.5\n"));
        }
        let split: String = std::iter::once("gene\tpart\tcluster\n".to_owned())
            .chain((0..40).map(|row| format!("G{row}\t{}\t{row}\n", ["train", "train", "valid", "test"][row % 4])))
            .collect();
        let with = |more: &str| format!("--promoters IN/p.tsv {more}{QUICK}");
        let mut hostile = content::text(table.as_bytes(), '\t');
        hostile.extend(content::any());
        hostile.extend(content::bombs(b"gene\tsequence\tleaf\n", b"G\tACGT\t1\n"));
        doors.push(self.door("cornbert --promoters", ("cornbert", &with("")), &[("p.tsv", table.as_bytes())], true, hostile)?);
        let mut hostile = content::text(split.as_bytes(), '\t');
        hostile.extend(content::any());
        doors.push(self.door("cornbert --split", ("cornbert", &with("--split IN/s.tsv ")), &[("s.tsv", split.as_bytes()), ("p.tsv", table.as_bytes())], true, hostile)?);
        let mut hostile = content::text(b">a\nACGTACGTACGT\n>b\nACGT\n", '\t');
        hostile.extend(content::any());
        doors.push(self.door("cornbert --corpus", ("cornbert", &with("--corpus IN/c.fa ")), &[("c.fa", b">a\nACGTACGTACGT\n"), ("p.tsv", table.as_bytes())], true, hostile)?);
        let mut hostile = content::text(b"TATAAA\nCCAAT\n", '\t');
        hostile.extend(content::any());
        let motifs = "--promoters IN/p.tsv --motifs IN/m.txt --quick --out OUT/run --only motifs";
        doors.push(self.door("cornbert --motifs", ("cornbert", motifs), &[("m.txt", b"TATAAA\n"), ("p.tsv", table.as_bytes())], true, hostile)?);
        Ok(doors)
    }

    /// The folders of published tables.
    fn tables(&self) -> Made {
        let pair = SimulatedPair { genes: 12, cells: ["Cell1".into(), "Cell2".into()], ..SimulatedPair::default() };
        let drawn = self.bases.join("drawn-cells");
        fs::create_dir_all(&drawn)?;
        pair.draw(5)?.write(&drawn)?;
        let mut files = Vec::new();
        for entry in fs::read_dir(&drawn)? {
            let entry = entry?;
            files.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?));
        }
        files.sort();
        let mut doors = Vec::new();
        for first in ["Cell1.train.csv", "Cell1.expr.csv"] {
            let mut ordered: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
            let place = ordered.iter().position(|(name, _)| *name == first).ok_or("a simulated table")?;
            ordered.swap(0, place);
            let mut hostile = content::text(ordered[0].1, ',');
            hostile.extend(content::any());
            hostile.extend(content::bombs(b"", b"E1_S1_1,1,1,1,1,1\n"));
            let arguments = "--data IN --quick --only mean --out OUT/run";
            doors.push(self.door(&format!("genegpt2 {first}"), ("genegpt2", arguments), &ordered, true, hostile)?);
            let few = content::text(ordered[0].1, ',').into_iter().take(16).collect();
            doors.push(self.door(&format!("deepdiff {first}"), ("deepdiff", "--data IN --quick --only ridge --out OUT/run"), &ordered, true, few)?);
        }
        let genes = |from: usize, count: usize| -> String {
            let lines = (from..from + count).flat_map(|gene| (1..=100).map(move |bin| (gene, bin)));
            lines.map(|(gene, bin)| format!("G{gene},{bin},{},1,0,2,3,{}\n", gene * bin % 7, gene % 2)).collect()
        };
        let parts = [genes(0, 12), genes(12, 4), genes(16, 6)];
        let files = [("train.csv", parts[0].as_bytes()), ("valid.csv", parts[1].as_bytes()), ("test.csv", parts[2].as_bytes())];
        let mut hostile = content::text(files[0].1, ',');
        hostile.extend(content::any());
        hostile.extend(content::bombs(b"", b"G0,1,0,0,0,0,0,1\n"));
        for (example, arguments) in [
            ("deepchrome", "--data IN --quick --only logistic --out OUT/run"),
            ("attentivechrome", "--data IN --quick --only logistic --out OUT/run"),
        ] {
            let hostile = match example {
                "deepchrome" => std::mem::take(&mut hostile),
                _ => content::text(files[0].1, ',').into_iter().take(16).collect(),
            };
            doors.push(self.door(&format!("{example} train.csv"), (example, arguments), &files, false, hostile)?);
        }
        let cells = seed("npz/cells.npz")?;
        let mut hostile = content::bytes(&cells, 40);
        hostile.extend(content::any());
        hostile.extend(special::npz());
        doors.push(self.door("fcn_ensemble x.npz", ("fcn_ensemble", "--data IN/x.npz --quick --only gene-mean --out OUT/run"), &[("x.npz", &cells)], false, hostile)?);
        let mut table = String::from("id\tsequence\tvalue\tpart\n");
        for row in 0..40 {
            let sequence: String = (0..120).map(|base| char::from(b"ACGT"[(base * (row + 3) + base / 7) % 4])).collect();
            table.push_str(&format!("G{row}\t{sequence}\t{row}.5\t{}\n", ["train", "train", "valid", "test"][row % 4]));
        }
        let mut hostile = content::text(table.as_bytes(), '\t');
        hostile.extend(content::any());
        hostile.extend(content::bombs(b"id\tsequence\tvalue\n", b"G\tACGT\t1\n"));
        doors.push(self.door("dnabert2_vs_dexter --table", ("dnabert2_vs_dexter", "--table IN/t.tsv --quick --only mean --out OUT/run"), &[("t.tsv", table.as_bytes())], true, hostile)?);
        for (name, example, arguments, file) in [
            ("wakawaka tsv.gz", "wakawaka", "--data IN --quick --only ridge-marks --out OUT/run", "seq512_marks_leaf.chr1-4.tsv.gz"),
            ("dnabert2_vs_dexter yeast", "dnabert2_vs_dexter", "--data IN --set yeast --quick --only mean --out OUT/run", "yeast_promoters/dream_demo_train.txt.gz"),
            ("cornbert maize", "cornbert", "--data IN --quick --only mean --out OUT/run", "florabert_maize/merged_seq_genex.csv.gz"),
        ] {
            let sound = gzip(b"a\tb\tc\nACGT\t1\t2\nACGT\t2\t2\n")?;
            let mut hostile = content::bytes(&sound, 4);
            hostile.extend(content::any());
            hostile.extend(content::bombs(b"", b"ACGTACGT\t1\n"));
            for text in [&b"\xff\xfe\t\xc3\n\x00"[..], "É\u{301}🧬🧬🧬\t1\n".as_bytes(), b"ACGT\tNaN\nACGT\t1e400\n", b"\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\n\t\n", b"a,b,c\n1,\"2\n"] {
                let packed = gzip(text)?;
                hostile.push(Hostile::bytes(format!("{:?} packed", String::from_utf8_lossy(text)), packed));
            }
            doors.push(self.door(name, (example, arguments), &[(file, &sound)], false, hostile)?);
        }
        Ok(doors)
    }

    /// Folders of published weights.
    fn pretrained(&self) -> Made {
        let tokenizer = seed("tokenizer/bases.json")?;
        let plain = seed("weights/plain.safetensors")?;
        let (pickle, archive) = (seed("weights/legacy.bin")?, seed("weights/archive.bin")?);
        let files = [("config.json", CONFIGURATION.as_bytes()), ("tokenizer.json", &tokenizer[..]), ("model.safetensors", &plain[..])];
        let arguments = ("dnabert2_vs_dexter", "--weights IN --offline --list --out OUT/run");
        let mut doors = Vec::new();
        for place in 0..3 {
            let mut ordered = files;
            ordered.swap(0, place);
            let mut hostile = content::any();
            hostile.extend(match place {
                0 => special::configurations(CONFIGURATION),
                1 => special::tokenizers(&tokenizer),
                _ => special::weights(),
            });
            if place == 2 {
                hostile.extend(content::bytes(&plain, 20));
            }
            let name = format!("dnabert2_vs_dexter --weights {}", ordered[0].0);
            doors.push(self.door(&name, arguments, &ordered, false, hostile)?);
        }
        for (name, sound) in [("pickle", &pickle), ("archive", &archive)] {
            let ordered = [("pytorch_model.bin", &sound[..]), files[0], files[1]];
            let mut hostile = special::pickles();
            hostile.extend(content::bytes(sound, 20));
            let name = format!("dnabert2_vs_dexter --weights {name}");
            doors.push(self.door(&name, arguments, &ordered, false, hostile)?);
        }
        Ok(doors)
    }

    /// Damage of every file that an earlier run left, with `--resume`.
    fn folders(&self) -> Made {
        let mut doors = Vec::new();
        for (name, example, arguments) in [
            ("genegpt2 --resume", "genegpt2", "--quick --only ridge,mean --resume --out OUT/run"),
            ("deepchrome --resume", "deepchrome", "--quick --only deepchrome --resume --out OUT/run"),
            ("cornbert --from finetune", "cornbert", "--quick --only mean --from pretrain --resume --out OUT/run"),
        ] {
            let first = self.door(name, (example, arguments), &[], true, Vec::new())?;
            let run = first.base.join("out/run");
            let begun: Vec<String> = arguments
                .replace("--from pretrain ", "")
                .replace("OUT", &first.base.join("out").to_string_lossy())
                .split(' ')
                .map(str::to_owned)
                .collect();
            let output = Command::new(self.examples.join(example)).args(begun).output()?;
            if !output.status.success() {
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(format!("{name}: {told}").into());
            }
            for file in files_below(&run)? {
                let sound = fs::read(&file)?;
                let below = file.strip_prefix(&first.base)?.to_string_lossy().into_owned();
                let mut hostile = content::any();
                hostile.truncate(3);
                hostile.push(Hostile::bytes("nothing in it", []));
                hostile.push(Hostile::bytes("half of it", &sound[..sound.len() / 2]));
                let mut flipped = sound.clone();
                if let Some(byte) = flipped.get_mut(sound.len() / 3) {
                    *byte ^= 4;
                }
                hostile.push(Hostile::bytes("one bit of it changed", flipped));
                hostile.push(Hostile::bytes("nested JSON", "[".repeat(100_000)));
                hostile.push(Hostile::new("a link to a file outside", |path| {
                    std::os::unix::fs::symlink("../../../in/outside", path)
                }));
                fs::write(first.base.join("in/outside"), "not to be changed\n")?;
                doors.push(Door {
                    name: format!("{name}: {below}"),
                    example,
                    base: first.base.clone(),
                    arguments: first.arguments.clone(),
                    file: below,
                    is_sound: true,
                    hostile,
                });
            }
        }
        Ok(doors)
    }

    /// Names of flags that become names of files.
    fn names(&self) -> Made {
        let (genes, reads) = (genes_bed(), reads_bed());
        let long = "n".repeat(5000);
        let mut doors = Vec::new();
        for name in ["../../outside", "/tmp/chromex-hostile-outside", "..", ".", "", "a/b", "<script>alert(1)</script>", "=1+1", "a\nb", "CON", "\u{202e}gpj", long.as_str()] {
            for (flag, mark) in [("--name", "M"), ("--genome", "M"), ("--sample", "M"), ("track", name)] {
                let shown: String = name.chars().take(20).collect();
                let mut door = self.door(
                    &format!("count_reads {flag} {shown:?}"),
                    ("count_reads", "--upstream 5 --downstream 5 --tables --npz --genes IN/genes.bed"),
                    &[("genes.bed", genes.as_bytes()), ("reads.bed", reads.as_bytes()), ("e.tsv", b"gene\tcell\nG0\t1\nG1\t2\nG2\t0\n")],
                    false,
                    vec![Hostile::bytes("sound", genes.as_bytes())],
                )?;
                let mut more = vec!["--track".to_owned(), format!("{mark}=IN/reads.bed"), "--out".into(), "OUT/run".into()];
                if flag != "track" {
                    more.extend([flag.to_owned(), name.to_owned()]);
                }
                if flag == "--sample" {
                    more.extend(["--expression".to_owned(), "IN/e.tsv".into()]);
                }
                door.arguments.extend(more);
                doors.push(door);
            }
        }
        for (example, flags) in [
            ("deepchrome", "--epochs 9223372036854775809"),
            ("deepchrome", "--epochs 18446744073709551616"),
            ("deepchrome", "--seeds 10000000000"),
            ("deepchrome", "--seeds 0"),
            ("deepchrome", "--device gpu"),
            ("deepchrome", "--device cpu:7"),
            ("deepchrome", "--device cuda:x"),
            ("cornbert", "--layers 1000000000"),
            ("cornbert", "--layers 1000 --width 65536"),
            ("cornbert", "--width 18446744073709551584"),
            ("cornbert", "--vocabulary 18446744073709551615"),
            ("cornbert", "--length 0"),
            ("cornbert", "--least-tpm nan"),
            ("cornbert", "--pretrain-steps 18446744073709551615"),
            ("genegpt2", "--genebert 18446744073709551600"),
            ("genegpt2", "--genebert 65536"),
            ("count_reads", "--upstream 18446744073709551615"),
            ("count_reads", "--bin-width 0"),
            ("count_reads", "--bin-width 4294967295"),
            ("count_reads", "--threads 18446744073709551615"),
            ("count_reads", "--fragment 0"),
            ("count_reads", "--seed 18446744073709551615"),
        ] {
            doors.push(self.door(
                &format!("{example} {flags}"),
                (example, &format!("--quick {flags} --out OUT/run")),
                &[("none", b"")],
                false,
                vec![Hostile::bytes("flags", [])],
            )?);
        }
        Ok(doors)
    }
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes)?;
    packed.finish()
}

fn files_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let (mut all, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match path.is_dir() {
                true => folders.push(path),
                false => all.push(path),
            }
        }
    }
    all.sort();
    Ok(all)
}
