//! The doors: every flag of an example behind which a file is read, with sound files and the hostile ones that take their place.

mod counting;
mod runs;
mod tables;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use crate::content::Hostile;

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

/// Makes the doors whose names hold a text, all without one; sound files are written below `bases`.
pub(crate) fn all(examples: &Path, bases: &Path, only: Option<&str>) -> Made {
    let maker = Maker {
        bases,
        examples,
        only,
    };
    let mut doors = maker.counting()?;
    doors.extend(maker.promoters()?);
    doors.extend(maker.tables()?);
    doors.extend(maker.pretrained()?);
    doors.extend(maker.folders()?);
    doors.extend(maker.names()?);
    doors.retain(|door| only.is_none_or(|only| door.name.contains(only)));
    Ok(doors)
}

struct Maker<'a> {
    bases: &'a Path,
    examples: &'a Path,
    only: Option<&'a str>,
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
        let file = files
            .first()
            .map_or(String::new(), |(path, _)| format!("in/{path}"));
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
