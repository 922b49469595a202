//! Promoters, and the folders of published tables.

use std::fs;

use chromex_io::simulate::{SimulatedGenome, SimulatedPair};

use super::{Made, Maker, gzip, seed};
use crate::content::{self, Hostile};
use crate::special;

impl Maker<'_> {
    /// Everything that `cornbert` reads.
    pub(super) fn promoters(&self) -> Made {
        let genome = SimulatedGenome {
            genes: 30,
            ..SimulatedGenome::default()
        };
        let drawn = self.bases.join("drawn-genome");
        fs::create_dir_all(&drawn)?;
        genome.draw(3)?.write(&drawn)?;
        let read = |name: &str| fs::read(drawn.join(name));
        let files = [
            ("genome.fa", read("genome.fa")?),
            ("genes.gff3", read("genes.gff3")?),
            ("expression.tsv", read("expression.tsv")?),
        ];
        const QUICK: &str = "--quick --only mean --out OUT/run";
        let whole = format!(
            "--genome IN/genome.fa --annotation IN/genes.gff3 --expression IN/expression.tsv --length 300 {QUICK}"
        );
        let mut doors = Vec::new();
        for place in 0..files.len() {
            let mut ordered: Vec<(&str, &[u8])> = files
                .iter()
                .map(|(name, bytes)| (*name, &bytes[..]))
                .collect();
            ordered.swap(0, place);
            let mut hostile = content::text(ordered[0].1, '\t');
            if place != 1 {
                hostile.extend(content::any());
                let start: &'static [u8] = if place == 0 {
                    b">chr1\n"
                } else {
                    b"gene\tleaf\n"
                };
                let line: &'static [u8] = if place == 0 {
                    b"ACGTACGTACGT\n"
                } else {
                    b"SIMG000001\t1\n"
                };
                hostile.extend(content::bombs(start, line));
            }
            let name = format!("cornbert {}", ordered[0].0);
            doors.push(self.door(&name, ("cornbert", &whole), &ordered, true, hostile)?);
        }
        let mut table = String::from("gene\tsequence\tleaf\n");
        for row in 0..40 {
            let sequence: String = (0..120)
                .map(|base| char::from(b"ACGT"[(base * (row + 3) + base / 7 + row * row) % 4]))
                .collect();
            table.push_str(&format!("G{row}\t{sequence}\t{row}.5\n"));
        }
        let split: String = std::iter::once("gene\tpart\tcluster\n".to_owned())
            .chain((0..40).map(|row| {
                format!(
                    "G{row}\t{}\t{row}\n",
                    ["train", "train", "valid", "test"][row % 4]
                )
            }))
            .collect();
        let with = |more: &str| format!("--promoters IN/p.tsv {more}{QUICK}");
        let mut hostile = content::text(table.as_bytes(), '\t');
        hostile.extend(content::any());
        hostile.extend(content::bombs(b"gene\tsequence\tleaf\n", b"G\tACGT\t1\n"));
        doors.push(self.door(
            "cornbert --promoters",
            ("cornbert", &with("")),
            &[("p.tsv", table.as_bytes())],
            true,
            hostile,
        )?);
        let mut hostile = content::text(split.as_bytes(), '\t');
        hostile.extend(content::any());
        doors.push(self.door(
            "cornbert --split",
            ("cornbert", &with("--split IN/s.tsv ")),
            &[("s.tsv", split.as_bytes()), ("p.tsv", table.as_bytes())],
            true,
            hostile,
        )?);
        let mut hostile = content::text(b">a\nACGTACGTACGT\n>b\nACGT\n", '\t');
        hostile.extend(content::any());
        doors.push(self.door(
            "cornbert --corpus",
            ("cornbert", &with("--corpus IN/c.fa ")),
            &[("c.fa", b">a\nACGTACGTACGT\n"), ("p.tsv", table.as_bytes())],
            true,
            hostile,
        )?);
        let mut hostile = content::text(b"TATAAA\nCCAAT\n", '\t');
        hostile.extend(content::any());
        let motifs = "--promoters IN/p.tsv --motifs IN/m.txt --quick --out OUT/run --only motifs";
        doors.push(self.door(
            "cornbert --motifs",
            ("cornbert", motifs),
            &[("m.txt", b"TATAAA\n"), ("p.tsv", table.as_bytes())],
            true,
            hostile,
        )?);
        Ok(doors)
    }

    /// The folders of published tables.
    pub(super) fn tables(&self) -> Made {
        let pair = SimulatedPair {
            genes: 12,
            cells: ["Cell1".into(), "Cell2".into()],
            ..SimulatedPair::default()
        };
        let drawn = self.bases.join("drawn-cells");
        fs::create_dir_all(&drawn)?;
        pair.draw(5)?.write(&drawn)?;
        let mut files = Vec::new();
        for entry in fs::read_dir(&drawn)? {
            let entry = entry?;
            files.push((
                entry.file_name().to_string_lossy().into_owned(),
                fs::read(entry.path())?,
            ));
        }
        files.sort();
        let mut doors = Vec::new();
        for first in ["Cell1.train.csv", "Cell1.expr.csv"] {
            let mut ordered: Vec<(&str, &[u8])> = files
                .iter()
                .map(|(name, bytes)| (name.as_str(), &bytes[..]))
                .collect();
            let place = ordered
                .iter()
                .position(|(name, _)| *name == first)
                .ok_or("a simulated table")?;
            ordered.swap(0, place);
            let mut hostile = content::text(ordered[0].1, ',');
            hostile.extend(content::any());
            hostile.extend(content::bombs(b"", b"E1_S1_1,1,1,1,1,1\n"));
            let arguments = "--data IN --quick --only mean --out OUT/run";
            doors.push(self.door(
                &format!("genegpt2 {first}"),
                ("genegpt2", arguments),
                &ordered,
                true,
                hostile,
            )?);
            let few = content::text(ordered[0].1, ',')
                .into_iter()
                .take(16)
                .collect();
            doors.push(self.door(
                &format!("deepdiff {first}"),
                ("deepdiff", "--data IN --quick --only ridge --out OUT/run"),
                &ordered,
                true,
                few,
            )?);
        }
        let genes = |from: usize, count: usize| -> String {
            let lines = (from..from + count).flat_map(|gene| (1..=100).map(move |bin| (gene, bin)));
            lines
                .map(|(gene, bin)| {
                    format!("G{gene},{bin},{},1,0,2,3,{}\n", gene * bin % 7, gene % 2)
                })
                .collect()
        };
        let parts = [genes(0, 12), genes(12, 4), genes(16, 6)];
        let files = [
            ("train.csv", parts[0].as_bytes()),
            ("valid.csv", parts[1].as_bytes()),
            ("test.csv", parts[2].as_bytes()),
        ];
        let mut hostile = content::text(files[0].1, ',');
        hostile.extend(content::any());
        hostile.extend(content::bombs(b"", b"G0,1,0,0,0,0,0,1\n"));
        for (example, arguments) in [
            ("deepchrome", "--data IN --quick --only ridge --out OUT/run"),
            (
                "attentivechrome",
                "--data IN --quick --only ridge --out OUT/run",
            ),
        ] {
            let hostile = match example {
                "deepchrome" => std::mem::take(&mut hostile),
                _ => content::text(files[0].1, ',')
                    .into_iter()
                    .take(16)
                    .collect(),
            };
            doors.push(self.door(
                &format!("{example} train.csv"),
                (example, arguments),
                &files,
                false,
                hostile,
            )?);
        }
        let cells = seed("npz/cells.npz")?;
        let mut hostile = content::bytes(&cells, 40);
        hostile.extend(content::any());
        hostile.extend(special::npz());
        doors.push(self.door(
            "fcn_ensemble x.npz",
            (
                "fcn_ensemble",
                "--data IN/x.npz --quick --only gene-mean --out OUT/run",
            ),
            &[("x.npz", &cells)],
            false,
            hostile,
        )?);
        let mut table = String::from("id\tsequence\tvalue\tpart\n");
        for row in 0..40 {
            let sequence: String = (0..120)
                .map(|base| char::from(b"ACGT"[(base * (row + 3) + base / 7) % 4]))
                .collect();
            table.push_str(&format!(
                "G{row}\t{sequence}\t{row}.5\t{}\n",
                ["train", "train", "valid", "test"][row % 4]
            ));
        }
        let mut hostile = content::text(table.as_bytes(), '\t');
        hostile.extend(content::any());
        hostile.extend(content::bombs(b"id\tsequence\tvalue\n", b"G\tACGT\t1\n"));
        doors.push(self.door(
            "dnabert2_vs_dexter --table",
            (
                "dnabert2_vs_dexter",
                "--table IN/t.tsv --quick --only mean --out OUT/run",
            ),
            &[("t.tsv", table.as_bytes())],
            true,
            hostile,
        )?);
        for (name, example, arguments, file) in [
            (
                "wakawaka tsv.gz",
                "wakawaka",
                "--data IN --quick --only ridge-marks --out OUT/run",
                "seq512_marks_leaf.chr1-4.tsv.gz",
            ),
            (
                "dnabert2_vs_dexter yeast",
                "dnabert2_vs_dexter",
                "--data IN --set yeast --quick --only mean --out OUT/run",
                "yeast_promoters/dream_demo_train.txt.gz",
            ),
            (
                "cornbert maize",
                "cornbert",
                "--data IN --quick --only mean --out OUT/run",
                "florabert_maize/merged_seq_genex.csv.gz",
            ),
        ] {
            let sound = gzip(b"a\tb\tc\nACGT\t1\t2\nACGT\t2\t2\n")?;
            let mut hostile = content::bytes(&sound, 4);
            hostile.extend(content::any());
            hostile.extend(content::bombs(b"", b"ACGTACGT\t1\n"));
            for text in [
                &b"\xff\xfe\t\xc3\n\x00"[..],
                "É\u{301}🧬🧬🧬\t1\n".as_bytes(),
                b"ACGT\tNaN\nACGT\t1e400\n",
                b"\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\n\t\n",
                b"a,b,c\n1,\"2\n",
            ] {
                let packed = gzip(text)?;
                hostile.push(Hostile::bytes(
                    format!("{:?} packed", String::from_utf8_lossy(text)),
                    packed,
                ));
            }
            doors.push(self.door(
                name,
                (example, arguments),
                &[(file, &sound)],
                false,
                hostile,
            )?);
        }
        Ok(doors)
    }
}
