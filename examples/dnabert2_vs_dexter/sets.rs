//! The sets of promoters that the example knows: simulated ones, and tables of real ones.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use chromex::core::{Dataset, Keys, Sequences, Target, Targets, Transform, random};
use chromex::io::simulate::SimulatedPromoters;
use clap::ValueEnum;
use flate2::read::MultiGzDecoder;
use ndarray::Array2;
use rand::RngExt;

use crate::support::Anything;

/// A set of promoters and what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Set {
    /// Drawn promoters with planted stretches; needs no files
    Simulated,
    /// 110 bases around random 80-mers in yeast and their expression (de Boer lab, DREAM challenge)
    Yeast,
    /// Plant core promoters of 170 bases and their strength in tobacco leaves (Jores et al. 2021)
    Plant,
    /// Arabidopsis promoters of 512 bases and log2 expression in leaves, chromosome 4 as test (5leaderP)
    Arabidopsis,
}

/// A row of a table: its name, its sequence, its value, and its part where the table decides it.
struct Row {
    id: String,
    sequence: String,
    value: f32,
    part: Option<String>,
}

impl Set {
    /// Names the file below the folder of data.
    pub(crate) fn file(self, data: &Path) -> Option<PathBuf> {
        Some(data.join(match self {
            Self::Simulated => return None,
            Self::Yeast => "yeast_promoters/dream_demo_train.txt.gz",
            Self::Plant => "plant_core_promoters/CNN_test_leaf.tsv.gz",
            Self::Arabidopsis => "arabidopsis_seq512/seq512_marks_leaf.chr1-4.tsv.gz",
        }))
    }

    /// Names the base that sequences are aligned at: the transcription start where it is known, else the middle.
    pub(crate) fn alignment(self) -> Option<usize> {
        match self {
            // The start lies 165 bases behind the first, five before the last.
            Self::Plant => Some(165),
            _ => None,
        }
    }

    /// Reads or draws the set; its parts are the group `part`.
    pub(crate) fn read(
        self,
        data: Option<&Path>,
        genes: usize,
    ) -> Result<Dataset<Sequences>, Anything> {
        let file = data.and_then(|data| self.file(data));
        let (Some(file), true) = (file, self != Self::Simulated) else {
            let simulated = SimulatedPromoters {
                genes,
                ..SimulatedPromoters::default()
            };
            let mut drawn = simulated.draw(6)?;
            let parts = parts(drawn.len(), &vec![None; drawn.len()]);
            drawn.keys = drawn.keys.with_group("part", &parts)?;
            return Ok(drawn);
        };
        let rows = self.rows(&file)?;
        let (unit, name) = match self {
            Self::Arabidopsis => ("log2 expression", "leaf"),
            Self::Plant => ("log2 enrichment", "tobacco leaf"),
            _ => ("fluorescence bin", "yeast"),
        };
        dataset(&rows, unit, name)
    }

    fn rows(self, file: &Path) -> Result<Vec<Row>, Anything> {
        let reader =
            std::fs::File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let lines = BufReader::new(MultiGzDecoder::new(reader)).lines();
        let header = usize::from(self != Self::Yeast);
        let mut rows = Vec::new();
        for (number, line) in lines.enumerate().skip(header) {
            let line = line?;
            let fields: Vec<&str> = line.split('\t').collect();
            let wrong = || {
                format!(
                    "{}: line {}: not as many fields as known",
                    file.display(),
                    number + 1
                )
            };
            let row = match (self, fields.as_slice()) {
                (Self::Yeast, [sequence, value]) => Row {
                    id: format!("yeast{number}"),
                    // Behind the random bases all are the same: shorter ones are filled up before them.
                    sequence: last(sequence, 110),
                    value: value.parse()?,
                    part: None,
                },
                (Self::Plant, [_, species, gene, sequence, value]) => Row {
                    id: format!("{species} {gene} {number}"),
                    sequence: last(sequence, 170),
                    value: value.parse()?,
                    part: None,
                },
                (Self::Arabidopsis, [gene, chromosome, sequence, .., value]) => Row {
                    id: (*gene).to_owned(),
                    sequence: last(sequence, 512),
                    value: value.parse()?,
                    part: Some(match *chromosome {
                        "4" => "test".into(),
                        "3" => "valid".into(),
                        _ => "train".into(),
                    }),
                },
                _ => return Err(wrong().into()),
            };
            rows.push(row);
        }
        Ok(rows)
    }
}

/// The last bases of a sequence, with unknown ones before them where it has fewer.
fn last(sequence: &str, length: usize) -> String {
    let start = sequence.len().saturating_sub(length);
    format!("{:N>length$}", &sequence[start..])
}

/// Reads a table of own promoters, all of one length.
pub(crate) fn read_table(path: &Path) -> Result<Dataset<Sequences>, Anything> {
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_path(path)?;
    let header = reader.headers()?.clone();
    let column = |name: &str| header.iter().position(|field| field == name);
    let needed = |name: &str| {
        column(name).ok_or_else(|| {
            let known: Vec<&str> = header.iter().collect();
            let known = known.join(", ");
            format!(
                "{}: line 1: expected a column {name}, found {known}",
                path.display()
            )
        })
    };
    let (id, sequence, value) = (needed("id")?, needed("sequence")?, needed("value")?);
    let part = column("part");
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let number: f32 = record[value].parse().unwrap_or(f32::NAN);
        if !number.is_finite() {
            let (path, found) = (path.display(), &record[value]);
            return Err(format!("{path}: line {line}: expected a number, found {found}").into());
        }
        rows.push(Row {
            id: record[id].to_owned(),
            sequence: record[sequence].to_owned(),
            value: number,
            part: part.map(|part| record[part].to_owned()),
        });
    }
    dataset(&rows, "as in the table", "value")
}

fn dataset(rows: &[Row], unit: &str, name: &str) -> Result<Dataset<Sequences>, Anything> {
    let column = Target {
        name: name.into(),
        unit: unit.into(),
        transform: Transform::Identity,
    };
    let given: Vec<_> = rows.iter().map(|row| row.part.as_deref()).collect();
    let values: Vec<f32> = rows.iter().map(|row| row.value).collect();
    let sequences: Vec<&str> = rows.iter().map(|row| row.sequence.as_str()).collect();
    let ids = rows.iter().map(|row| row.id.clone()).collect();
    let keys = Keys::new(ids)?.with_group("part", &parts(rows.len(), &given))?;
    let values = Array2::from_shape_vec((rows.len(), 1), values)?;
    Ok(Dataset::new(
        Sequences::new(&sequences)?,
        Targets::new(values, vec![column])?,
        keys,
    )?)
}

/// The part of every row: the given one, or one drawn, seven tenths to train on and one to choose by.
fn parts<'a>(rows: usize, given: &[Option<&'a str>]) -> Vec<&'a str> {
    let mut generator = random::generator(6, "parts of promoters");
    (0..rows)
        .map(|row| {
            let drawn = match generator.random_range(0..10) {
                0..7 => "train",
                7 => "valid",
                _ => "test",
            };
            given[row].unwrap_or(drawn)
        })
        .collect()
}
