//! The sets of promoters that the example knows: simulated ones, and tables of real ones.

use std::path::{Path, PathBuf};

use chromex::core::{Dataset, Keys, Sequences, Target, Targets, Transform, random};
use chromex::io::TabRows;
use chromex::io::promoters::{PromoterTableLayout, read_promoter_table};
use chromex::io::simulate::SimulatedPromoters;
use clap::ValueEnum;
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
        let mut lines = TabRows::open(file)?;
        let mut rows = Vec::new();
        if self != Self::Yeast {
            // The header.
            lines.advance()?;
        }
        while lines.advance()? {
            let number = lines.line() - 1;
            let last_column = lines.columns() - 1;
            let (sequence, length) = match self {
                Self::Yeast => (lines.bases(0)?, 110),
                Self::Plant => (lines.bases(3)?, 170),
                _ => (lines.bases(2)?, 512),
            };
            rows.push(Row {
                id: match self {
                    Self::Yeast => format!("yeast{number}"),
                    Self::Plant => format!("{} {} {number}", lines.text(1)?, lines.text(2)?),
                    _ => lines.text(0)?.to_owned(),
                },
                // Behind the random bases all are the same: shorter ones are filled up before them.
                sequence: last(sequence, length),
                value: lines.number(last_column)? as f32,
                part: match self {
                    Self::Arabidopsis => Some(match lines.text(1)? {
                        "4" => "test".into(),
                        "3" => "valid".into(),
                        _ => "train".into(),
                    }),
                    _ => None,
                },
            });
        }
        Ok(rows)
    }
}

/// The last bases of a sequence, with unknown ones before them where it has fewer.
fn last(sequence: &str, length: usize) -> String {
    let skipped = sequence.chars().count().saturating_sub(length);
    let kept: String = sequence.chars().skip(skipped).collect();
    format!("{kept:N>length$}")
}

/// Reads a table of own promoters, all of one length.
pub(crate) fn read_table(path: &Path) -> Result<Dataset<Sequences>, Anything> {
    let layout = PromoterTableLayout {
        gene: "id".into(),
        part: Some("part".into()),
        part_may_lack: true,
        tissues: vec!["value".into()],
        may_be_negative: true,
        ..PromoterTableLayout::default()
    };
    let table = read_promoter_table(path, &layout)?;
    let mut parts = table.parts.into_iter();
    let texts = table.genes.into_iter().zip(table.sequences);
    let rows: Vec<Row> = texts
        .zip(table.values)
        .map(|((id, sequence), value)| Row {
            id,
            sequence,
            value: value as f32,
            part: parts.next(),
        })
        .collect();
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
