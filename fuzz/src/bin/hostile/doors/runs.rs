//! Published weights, folders of earlier runs, and flags whose values are hostile themselves.

use std::fs;
use std::process::Command;

use super::{CONFIGURATION, Door, Made, Maker, files_below, genes_bed, reads_bed, seed};
use crate::content::{self, Hostile};
use crate::special;

impl Maker<'_> {
    /// Folders of published weights.
    pub(super) fn pretrained(&self) -> Made {
        let tokenizer = seed("tokenizer/bases.json")?;
        let plain = seed("weights/plain.safetensors")?;
        let (pickle, archive) = (seed("weights/legacy.bin")?, seed("weights/archive.bin")?);
        let files = [
            ("config.json", CONFIGURATION.as_bytes()),
            ("tokenizer.json", &tokenizer[..]),
            ("model.safetensors", &plain[..]),
        ];
        let arguments = (
            "dnabert2_vs_dexter",
            "--weights IN --offline --list --out OUT/run",
        );
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
    pub(super) fn folders(&self) -> Made {
        let mut doors = Vec::new();
        for (name, example, arguments) in [
            (
                "genegpt2 --resume",
                "genegpt2",
                "--quick --only ridge,mean --resume --out OUT/run",
            ),
            (
                "deepchrome --resume",
                "deepchrome",
                "--quick --only deepchrome --resume --out OUT/run",
            ),
            (
                "cornbert --from finetune",
                "cornbert",
                "--quick --only mean --from pretrain --resume --out OUT/run",
            ),
        ] {
            let is_wanted = |only: &str| only.contains(name) || name.contains(only);
            if !self.only.is_none_or(is_wanted) {
                continue;
            }
            let first = self.door(name, (example, arguments), &[], true, Vec::new())?;
            let run = first.base.join("out/run");
            let begun: Vec<String> = arguments
                .replace("--from pretrain ", "")
                .replace("OUT", &first.base.join("out").to_string_lossy())
                .split(' ')
                .map(str::to_owned)
                .collect();
            let output = Command::new(self.examples.join(example))
                .args(begun)
                .output()?;
            if !output.status.success() {
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(format!("{name}: {told}").into());
            }
            for file in files_below(&run)? {
                let sound = fs::read(&file)?;
                let below = file
                    .strip_prefix(&first.base)?
                    .to_string_lossy()
                    .into_owned();
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
    pub(super) fn names(&self) -> Made {
        let (genes, reads) = (genes_bed(), reads_bed());
        let long = "n".repeat(5000);
        let mut doors = Vec::new();
        for name in [
            "../../outside",
            "/tmp/chromex-hostile-outside",
            "..",
            ".",
            "",
            "a/b",
            "<script>alert(1)</script>",
            "=1+1",
            "a\nb",
            "CON",
            "\u{202e}gpj",
            long.as_str(),
        ] {
            for (flag, mark) in [
                ("--name", "M"),
                ("--genome", "M"),
                ("--sample", "M"),
                ("track", name),
            ] {
                let shown: String = name.chars().take(20).collect();
                let mut door = self.door(
                    &format!("count_reads {flag} {shown:?}"),
                    (
                        "count_reads",
                        "--upstream 5 --downstream 5 --tables --npz --genes IN/genes.bed",
                    ),
                    &[
                        ("genes.bed", genes.as_bytes()),
                        ("reads.bed", reads.as_bytes()),
                        ("e.tsv", b"gene\tcell\nG0\t1\nG1\t2\nG2\t0\n"),
                    ],
                    false,
                    vec![Hostile::bytes("sound", genes.as_bytes())],
                )?;
                let mut more = vec![
                    "--track".to_owned(),
                    format!("{mark}=IN/reads.bed"),
                    "--out".into(),
                    "OUT/run".into(),
                ];
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
            ("cornbert", "--layers 1000 --width 4096"),
            ("cornbert", "--width 18446744073709551584"),
            ("cornbert", "--vocabulary 18446744073709551615"),
            ("cornbert", "--length 0"),
            ("cornbert", "--least-tpm nan"),
            ("cornbert", "--pretrain-steps 18446744073709551615"),
            ("genegpt2", "--genebert 18446744073709551600"),
            ("genegpt2", "--genebert 4096 --seeds 0"),
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
