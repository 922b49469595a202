//! The marks of tables that have no header: a side file names them.
//!
//! A table of DeepDiff or DeepChrome, and an npy, is columns of numbers: which mark a column is of stands nowhere in it. Whatever
//! of these is written gets a file beside it, `E003.train.marks.json` for `E003.train.csv.gz`, with marks, bins, width and how
//! counts came to be, and the SHA-256 of what it describes. Reading looks for it: columns in another order are put right, other
//! marks or bins are refused, and where there is none the table says that its order was assumed ([`MarkOrder`]).

use std::io::Read;
use std::path::{Path, PathBuf};

use chromex_core::{Fingerprint, MarkLayout, MarkWindows, atomic};
use ndarray::Array3;
use serde::{Deserialize, Serialize};

use crate::counting::{CountMode, Normalisation};
use crate::genes::Orientation;
use crate::{Error, Result};

/// The version of the side file that is written and read.
const VERSION: u32 = 1;
/// The most bytes that are read of one: a mark's name takes a few.
const MOST_BYTES: u64 = 1 << 20;
/// How many tables a note names.
const SHOWN: usize = 10;

/// What the side file of a table holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableMarks {
    version: u32,
    /// The marks, in the order of the columns.
    pub marks: Vec<String>,
    /// The bins of each gene's window.
    pub bins: usize,
    /// The base pairs that a bin spans.
    pub bin_width_bp: u32,
    /// How the counts came to be, as far as it is known.
    #[serde(default)]
    pub counted: CountSettings,
    /// The SHA-256 of what the table holds: of an npy, or of the lines of a table, each behind its length, whatever packs them. One
    /// that was written by hand may lack it: what it says is then believed of any table in its place.
    #[serde(default)]
    pub sha256: Option<String>,
}

/// How counts came to be, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CountSettings {
    /// The genome build, as `hg19`.
    pub genome: Option<String>,
    /// Whether bins of genes on the minus strand are turned round.
    pub orientation: Option<Orientation>,
    /// What counts as a read in a bin.
    pub mode: Option<CountMode>,
    /// What counts are divided by.
    pub normalisation: Option<Normalisation>,
}

/// How it is known which column of a table is which mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MarkOrder {
    /// The table's side file says so, in the order that was asked for.
    #[default]
    Stated,
    /// The side file names the marks in this other order: the columns were put right.
    Reordered(Vec<String>),
    /// Nothing says so: the columns are taken in the order that was asked for.
    Assumed,
}

impl TableMarks {
    /// Names the side file of a table: its name without what it is packed with and without `.csv` or `.npy`, and `.marks.json`.
    pub fn path_of(table: &Path) -> PathBuf {
        let name = table.file_name().unwrap_or_default().to_string_lossy();
        let mut stem: &str = &name;
        for endings in [&[".gz", ".zst"][..], &[".csv", ".npy"][..]] {
            let cut = endings.iter().find_map(|ending| stem.strip_suffix(ending));
            stem = cut.unwrap_or(stem);
        }
        table.with_file_name(format!("{stem}.marks.json"))
    }

    /// Reads the side file of a table, where there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be read, [`Error::Unreadable`] when it is no such file or of another version.
    pub fn of(table: &Path) -> Result<Option<Self>> {
        let path = Self::path_of(table);
        let io = |source| Error::Io {
            action: "read",
            path: path.clone(),
            source,
        };
        let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| Error::Unreadable {
            path: path.clone(),
            format: "the marks of a table",
            source,
        };
        let file = match std::fs::metadata(&path) {
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io(source)),
            Ok(known) if !known.is_file() || known.len() > MOST_BYTES => {
                let expected = format!("expected a regular file of at most {MOST_BYTES} bytes");
                return Err(unreadable(expected.into()));
            }
            Ok(_) => chromex_core::input::open(&path).map_err(io)?,
        };
        let mut text = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut text).map_err(io)?;
        let found: Self =
            serde_json::from_slice(&text).map_err(|source| unreadable(source.into()))?;
        if found.version != VERSION {
            let version = format!("expected version {VERSION}, found {}", found.version);
            return Err(unreadable(version.into()));
        }
        Ok(Some(found))
    }

    /// Tells marks, bins and width together.
    pub fn layout(&self) -> MarkLayout {
        MarkLayout {
            marks: self.marks.clone(),
            bins: self.bins,
            bin_width_bp: self.bin_width_bp,
        }
    }

    /// Writes the side file of a table, whole or not at all.
    pub(crate) fn write(
        table: &Path,
        windows: &MarkWindows,
        counted: &CountSettings,
        sha256: String,
    ) -> Result<()> {
        let MarkLayout {
            marks,
            bins,
            bin_width_bp,
        } = windows.layout();
        let noted = Self {
            version: VERSION,
            marks,
            bins,
            bin_width_bp,
            counted: counted.clone(),
            sha256: Some(sha256),
        };
        atomic::write(&Self::path_of(table), |file| {
            serde_json::to_writer_pretty(&mut *file, &noted).map_err(std::io::Error::from)?;
            file.write_all(b"\n")
        })?;
        Ok(())
    }
}

/// What is known of the columns of a table before it is read.
pub(crate) struct Columns {
    side: PathBuf,
    stated: Option<TableMarks>,
    asked: MarkLayout,
    print: Fingerprint,
}

impl Columns {
    /// Looks for the side file and holds it against what is asked for.
    pub(crate) fn of(table: &Path, asked: MarkLayout) -> Result<Self> {
        let columns = Self {
            side: TableMarks::path_of(table),
            stated: TableMarks::of(table)?,
            asked,
            print: Fingerprint::default(),
        };
        if let Some(stated) = &columns.stated {
            let fits = columns.asked.places_in(&stated.layout());
            fits.map_err(|why| columns.refuse(why.to_string()))?;
        }
        Ok(columns)
    }

    /// Takes note of a line of the table.
    pub(crate) fn line(&mut self, line: &[u8]) {
        if self.stated.is_some() {
            self.print.text(&String::from_utf8_lossy(line));
        }
    }

    /// Names the columns of what was read, as it was read, and puts them into the order that was asked for.
    pub(crate) fn finish(self, signal: Array3<f32>) -> Result<(MarkWindows, MarkOrder)> {
        let found = self.print.clone().finish();
        self.finish_with(signal, || Ok(found))
    }

    /// As [`finish`](Self::finish), for what has a checksum of its own.
    pub(crate) fn finish_with(
        self,
        signal: Array3<f32>,
        sha256: impl FnOnce() -> Result<String>,
    ) -> Result<(MarkWindows, MarkOrder)> {
        let width = self.asked.bin_width_bp;
        let Some(stated) = &self.stated else {
            let windows = MarkWindows::new(signal, self.asked.marks.clone(), width)?;
            return Ok((windows, MarkOrder::Assumed));
        };
        if let Some(known) = &stated.sha256
            && !known.eq_ignore_ascii_case(&sha256()?)
        {
            return Err(self.refuse(
                "the table was changed since this was written: write it again, or remove this file to have its columns taken in \
                 the order that is asked for"
                    .into(),
            ));
        }
        let windows = MarkWindows::new(signal, stated.marks.clone(), width)?;
        match self.asked.places_in(&stated.layout())? {
            None => Ok((windows, MarkOrder::Stated)),
            Some(_) => {
                let order = MarkOrder::Reordered(stated.marks.clone());
                Ok((windows.in_layout(&self.asked)?.into_owned(), order))
            }
        }
    }

    fn refuse(&self, why: String) -> Error {
        Error::Marks {
            path: self.side.clone(),
            why,
        }
    }
}

/// Says of tables how it is known which column is which mark, where it is not as asked: what was put right, and what was assumed.
///
/// # Errors
///
/// Those of [`TableMarks::of`], and [`Error::Marks`] when a side file names other marks or bins.
pub fn order_notes(tables: &[PathBuf], layout: &MarkLayout) -> Result<Vec<String>> {
    let name = |path: &PathBuf| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let (mut notes, mut assumed) = (Vec::new(), Vec::new());
    for table in tables {
        match TableMarks::of(table)? {
            None => assumed.push(name(table)),
            Some(stated) => {
                let reordering = layout.reordering(&stated.layout());
                let reordering = reordering.map_err(|why| Error::Marks {
                    path: TableMarks::path_of(table),
                    why: why.to_string(),
                })?;
                notes.extend(reordering.map(|said| format!("{}: {said}.", name(table))));
            }
        }
    }
    if !assumed.is_empty() {
        let more = match assumed.len() > SHOWN {
            true => format!(" and {} more", assumed.len() - SHOWN),
            false => String::new(),
        };
        assumed.truncate(SHOWN);
        notes.push(format!(
            "Nothing names the marks of {}{more}: their columns are taken to be {layout}, in this order.",
            assumed.join(", ")
        ));
    }
    Ok(notes)
}

/// Refuses tables whose side files say that they were counted in different ways.
pub(crate) fn counted_alike(tables: &[PathBuf]) -> Result<()> {
    let mut known: Option<(&PathBuf, CountSettings)> = None;
    for table in tables {
        let Some(stated) = TableMarks::of(table)? else {
            continue;
        };
        match &known {
            None => known = Some((table, stated.counted)),
            Some((first, counted)) if !counted.agrees(&stated.counted) => {
                return Err(Error::Marks {
                    path: TableMarks::path_of(table),
                    why: format!(
                        "expected counts as those of {}, {counted:?}, found {:?}",
                        first.display(),
                        stated.counted
                    ),
                });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

impl CountSettings {
    /// Tells whether nothing that both know differs.
    fn agrees(&self, other: &Self) -> bool {
        fn same<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        same(&self.genome, &other.genome)
            && same(&self.orientation, &other.orientation)
            && same(&self.mode, &other.mode)
            && same(&self.normalisation, &other.normalisation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_file_is_named_after_its_table_whatever_the_packing() {
        for (table, side) in [
            ("a/E003.train.csv.gz", "a/E003.train.marks.json"),
            ("E003.train.csv", "E003.train.marks.json"),
            ("E003.csv.zst", "E003.marks.json"),
            ("E003.npy", "E003.marks.json"),
            ("table", "table.marks.json"),
        ] {
            assert_eq!(TableMarks::path_of(Path::new(table)), Path::new(side));
        }
    }

    #[test]
    fn a_side_file_that_is_none_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("a.csv");
        assert_eq!(TableMarks::of(&table).unwrap(), None);
        let side = TableMarks::path_of(&table);
        let sound = "\"marks\": [\"a\"], \"bins\": 1, \"bin_width_bp\": 100, \"sha256\": \"\"";
        for text in [
            String::new(),
            "[]".into(),
            "{}".into(),
            format!("{{\"version\": 2, {sound}}}"),
            format!("{{\"version\": 1, \"other\": 1, {sound}}}"),
            format!("{{\"version\": 1, {sound}}}").replace(": 1,", ": -1,"),
            " ".repeat(MOST_BYTES as usize + 1),
        ] {
            std::fs::write(&side, text).unwrap();
            let message = TableMarks::of(&table).unwrap_err().to_string();
            assert!(message.contains("a.marks.json"), "{message}");
        }
        std::fs::write(&side, format!("{{\"version\": 1, {sound}}}")).unwrap();
        assert_eq!(TableMarks::of(&table).unwrap().unwrap().marks, ["a"]);
        std::fs::remove_file(&side).unwrap();
        std::fs::create_dir(&side).unwrap();
        assert!(TableMarks::of(&table).is_err());
    }
}
