use std::path::{Path, PathBuf};

use chromex::core::{Error, FileName, InputFile, MarkWindows, Rows, Targets};
use chromex::io::counting::{CountedWindows, Track};
use chromex::io::deepdiff::{WindowTable, unwritable, write_counted_windows};
use chromex::io::expression::{
    GeneIds, JoinReport, MatrixLayout, TargetColumn, read_expression_matrix,
};
use chromex::io::genes::{GeneWindows, Orientation, Strand, read_genes};
use chromex::io::storage::{
    StoredWindows, WindowsDescription, WindowsFile, write_npz, write_windows_file,
};
use chromex::io::table_marks::CountSettings;
use chromex::io::{ExpressionTable, write_expression};
use chromex::report::{RunFolder, markdown, plots};
use ndarray::{Axis, s};

use crate::account::Account;
use crate::errors::Anything;
use crate::flags::{By, Flags};
use crate::output::say;
use crate::progress::Progress;

/// One cell type: its name and its marks.
pub(crate) struct Cell {
    pub(crate) name: String,
    pub(crate) tracks: Vec<Track>,
}

/// What the files of a cell end in, first the one by which a later run knows that all are there.
const ENDINGS: [&str; 13] = [
    "parquet",
    "md",
    "profile.svg",
    "heat-map.svg",
    "npz",
    "train.csv.gz",
    "valid.csv.gz",
    "test.csv.gz",
    "expr.csv.gz",
    "train.marks.json",
    "valid.marks.json",
    "test.marks.json",
    "left-out.tsv",
];

impl Cell {
    pub(crate) fn of(flags: &Flags) -> Result<Self, Anything> {
        let mut tracks: Vec<Track> = Vec::new();
        for text in &flags.tracks {
            let (mark, files) = mark_and_files(text)?;
            if tracks.iter().any(|track| track.mark == mark) {
                return Err(format!("--track {text}: {mark} stands twice").into());
            }
            tracks.push(Track {
                mark: mark.to_owned(),
                files,
                controls: Vec::new(),
                format: flags.track_format(),
            });
        }
        for text in &flags.controls {
            let (mark, files) = mark_and_files(text)?;
            let track = tracks.iter_mut().find(|track| track.mark == mark);
            let track = track.ok_or_else(|| format!("--control {text}: no track of {mark}"))?;
            track.controls.extend(files);
        }
        let name = flags.name.clone();
        Ok(Self { name, tracks })
    }

    /// Names a file of the cell, which later readers look for by its name.
    fn file(&self, ending: &'static str) -> Result<FileName, Anything> {
        let name = FileName::exactly(&self.name).map_err(|error| format!("--name: {error}"))?;
        Ok(name.ending(ending))
    }

    /// Counts, joins and writes; does nothing where that was done. What cannot be joined or written is said before anything
    /// is counted.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Anything> {
        let path = flags.out.join(self.file("parquet")?);
        let (windows, mut account) = windows(flags)?;
        let description = self.description(flags, &windows)?;
        if flags.resume
            && WindowsFile::open(&path).is_ok_and(|file| *file.description() == description)
        {
            say(format_args!("{}: nothing to do", path.display()));
            return Ok(());
        }
        let joined = match &flags.expression {
            Some(expression) => Some(self.join(&windows, expression, flags)?),
            None => None,
        };
        let all = || (0..windows.windows().len()).collect();
        let rows: Vec<usize> = joined
            .as_ref()
            .map_or_else(all, |joined| joined.rows.clone());
        if flags.tables {
            check_tables(&windows, &rows, flags)?;
        }
        // Several processes may count a cell each into one folder.
        let folder = RunFolder::share(&flags.out, &FileName::exactly(&self.name)?)?;
        let counter = flags.counter();
        let counted = counter.count_observed(&windows, &self.tracks, &Progress::new())?;
        let mut summary = self.summary(&counted);
        account.add_totals(&counted);
        let genes = rows.iter().map(|&row| windows.windows()[row].clone());
        let mut stored = StoredWindows {
            targets: Targets::none(rows.len()),
            genes: genes.collect(),
            windows: counted.windows,
            description,
        };
        if let Some(joined) = joined {
            for note in &joined.notes {
                summary.push_str(&format!("\nExpression: {}\n", markdown::escaped(note)));
            }
            let report = markdown::escaped(&joined.report.to_string());
            summary.push_str(&format!("\nExpression: {report}\n"));
            account.add_join(&joined.report);
            stored.windows = stored.windows.select(&rows);
            stored.targets = joined.targets;
        }
        if flags.tables {
            check_counts(&stored.windows)?;
        }
        // What an earlier run left of this cell goes first of all, so that no file stands beside others' settings.
        for ending in ENDINGS {
            folder.remove(self.file(ending)?)?;
        }
        self.draw(&stored, &folder, flags, windows.orientation())?;
        if flags.npz {
            write_npz(&folder.place(self.file("npz")?)?, &stored)?;
        }
        if flags.tables {
            self.write_tables(&stored, &folder, flags)?;
        }
        let table = self.file("left-out.tsv")?;
        summary.push_str(&account.summary(&table.to_string()));
        folder.write_text(table, &account.table())?;
        folder.write_text(self.file("md")?, &summary)?;
        // Last of all: a run that finds this file has nothing to do.
        write_windows_file(&folder.place(self.file("parquet")?)?, &stored)?;
        say(summary.trim_end());
        say(format_args!("Written to {}", path.display()));
        Ok(())
    }

    /// Says how the counts come to be: what decides whether they are made again.
    fn description(
        &self,
        flags: &Flags,
        windows: &GeneWindows,
    ) -> Result<WindowsDescription, Anything> {
        let of_tracks = self
            .tracks
            .iter()
            .flat_map(|track| track.files.iter().chain(&track.controls));
        let others = [
            &flags.genes,
            &flags.windows,
            &flags.expression,
            &flags.reference,
        ];
        let mut sources = Vec::new();
        for path in others.into_iter().flatten().chain(of_tracks) {
            sources.push(InputFile::of(path)?);
        }
        let mut counter = flags.counter();
        counter.threads = 0;
        let genes = (flags.selection(), flags.cut_versions, flags.layout());
        let joined = (
            (&flags.samples, &flags.gene_column, flags.header),
            flags.unit().to_string(),
            flags.tables,
            flags.npz,
            format!("{:?}", flags.by),
        );
        Ok(WindowsDescription {
            genome: flags.genome.clone(),
            orientation: windows.orientation(),
            windows: windows.source().to_owned(),
            settings: serde_json::to_string(&(counter, &self.tracks, genes, joined))?,
            sources,
        })
    }

    /// Finds the genes that have expression.
    fn join(
        &self,
        windows: &GeneWindows,
        expression: &Path,
        flags: &Flags,
    ) -> Result<Joined, Anything> {
        let mut samples = flags.samples.clone();
        if samples.is_empty() {
            samples.push(self.name.clone());
        }
        let layout = MatrixLayout {
            gene_column: flags.gene_column.clone(),
            samples: samples.clone(),
            sample_names_file: flags.samples.is_empty(),
            header: flags.header,
            ..MatrixLayout::of(flags.unit())
        };
        let table = read_expression_matrix(expression, &layout)?;
        let columns: Vec<TargetColumn> = samples.iter().map(TargetColumn::of).collect();
        let ids = windows.windows().iter().map(|gene| gene.id.clone());
        let names: Vec<String> = match flags.by {
            By::Id => ids.collect(),
            By::Symbol => {
                let symbols = windows.joining_symbols();
                if symbols.iter().all(Option::is_none) {
                    return Err("--by symbol: none of the genes has a symbol".into());
                }
                let names = symbols.into_iter().zip(windows.windows());
                let names = names.map(|(symbol, gene)| match symbol {
                    Some(symbol) => symbol.to_owned(),
                    // What has no symbol is asked for by its id.
                    None if gene.symbol.is_empty() => gene.id.clone(),
                    // And what gave its symbol to a better place, by neither.
                    None => format!("{} on {}", gene.symbol, gene.chromosome),
                });
                names.collect()
            }
        };
        let how = match flags.cut_versions {
            true => GeneIds::IgnoreLastDot,
            false => GeneIds::IgnoreVersion,
        };
        let (rows, targets, report) = table
            .targets(&names, how, &columns)
            .map_err(|error| Error::stage(expression.display().to_string(), error))?;
        Ok(Joined {
            rows,
            targets,
            report,
            notes: table.notes().to_vec(),
        })
    }

    fn summary(&self, counted: &CountedWindows) -> String {
        let header = [
            "mark",
            "file",
            "read",
            "passed",
            "counted",
            "elsewhere",
            "whole file",
        ];
        let mut rows = vec![header.map(str::to_owned).to_vec()];
        for (track, files) in self.tracks.iter().zip(&counted.totals) {
            for (index, file) in files.iter().enumerate() {
                let role = match index < track.files.len() {
                    true => "",
                    false => " (control)",
                };
                let name = file.path.file_name().unwrap_or_default().to_string_lossy();
                let whole = if file.is_whole { "yes" } else { "near windows" };
                rows.push(vec![
                    format!("{}{role}", track.mark),
                    name.into_owned(),
                    file.read.to_string(),
                    file.passed.to_string(),
                    file.counted.to_string(),
                    file.elsewhere.to_string(),
                    whole.to_owned(),
                ]);
            }
        }
        let title = markdown::escaped(&self.name);
        format!("# {title}\n\n{}", markdown::table(&rows))
    }

    /// Draws every gene in the direction of its transcription, whatever the order in which bins are stored.
    fn draw(
        &self,
        stored: &StoredWindows,
        folder: &RunFolder,
        flags: &Flags,
        orientation: Orientation,
    ) -> Result<(), Anything> {
        let windows = &stored.windows;
        let width = f64::from(windows.bin_width_bp());
        let place = (-(flags.upstream as f64) * width, width);
        let mut signal = windows.signal().clone();
        let is_minus = |row: &usize| stored.genes[*row].strand == Some(Strand::Minus);
        let minus: Vec<usize> = (0..stored.genes.len()).filter(is_minus).collect();
        if orientation == Orientation::Genomic {
            for &row in &minus {
                let turned = signal
                    .index_axis(Axis(0), row)
                    .slice(s![..;-1, ..])
                    .to_owned();
                signal.index_axis_mut(Axis(0), row).assign(&turned);
            }
        }
        let means = signal.mean_axis(Axis(0)).ok_or("no gene was counted")?;
        let marks = windows.marks().iter().enumerate();
        let lines: Vec<(String, Vec<f64>)> = marks
            .map(|(mark, name)| {
                (
                    name.clone(),
                    means.column(mark).iter().map(|&mean| mean.into()).collect(),
                )
            })
            .collect();
        let is_stranded = stored.genes.iter().all(|gene| gene.strand.is_some());
        let order = match (is_stranded, minus.len()) {
            (true, 0) => "all on the plus strand".to_owned(),
            (true, count) => format!("{count} of the minus strand turned"),
            (false, 0) => "in the order of the genome".to_owned(),
            (false, count) => format!("{count} of the minus strand turned, others as they lie"),
        };
        let title = format!("{}, {} genes, {order}", self.name, windows.len());
        let profile = plots::profile(&title, &lines, place)?;
        let heat_map = plots::heat_map(&title, signal.view(), windows.marks(), place)?;
        folder.write_text(self.file("profile.svg")?, &profile)?;
        folder.write_text(self.file("heat-map.svg")?, &heat_map)?;
        Ok(())
    }

    /// Writes DeepDiff's tables: thirds in the order of the genes, as in its protocol.
    fn write_tables(
        &self,
        stored: &StoredWindows,
        folder: &RunFolder,
        flags: &Flags,
    ) -> Result<(), Anything> {
        let genes = stored.genes.len();
        let counter = flags.counter();
        let genome = Some(&stored.description.genome).filter(|genome| !genome.is_empty());
        let counted = CountSettings {
            genome: genome.cloned(),
            orientation: Some(stored.description.orientation),
            mode: Some(counter.mode),
            normalisation: Some(counter.normalisation),
        };
        let endings = ["train.csv.gz", "valid.csv.gz", "test.csv.gz"];
        for (part, ending) in endings.into_iter().enumerate() {
            let rows: Vec<usize> = (part * genes / 3..(part + 1) * genes / 3).collect();
            let table = WindowTable::new(
                rows.iter()
                    .map(|&row| stored.genes[row].id.clone())
                    .collect(),
                rows.iter()
                    .map(|&row| stored.genes[row].symbol.clone())
                    .collect(),
                stored.windows.select(&rows),
            );
            write_counted_windows(&folder.place(self.file(ending)?)?, &table, &counted)?;
        }
        if !stored.targets.columns.is_empty() {
            let ids = stored.genes.iter().map(|gene| gene.id.clone()).collect();
            let counts = stored
                .targets
                .column(0)
                .iter()
                .map(|&count| count.into())
                .collect();
            let table = ExpressionTable::new(ids, counts)?;
            write_expression(&folder.place(self.file("expr.csv.gz")?)?, &table)?;
        }
        Ok(())
    }
}

/// The genes that have expression.
struct Joined {
    /// Their rows among the windows.
    rows: Vec<usize>,
    targets: Targets,
    report: JoinReport,
    /// What was done to the table so that it could be read.
    notes: Vec<String>,
}

fn windows(flags: &Flags) -> Result<(GeneWindows, Account), Anything> {
    let bins = flags.layout().bins();
    if let Some(path) = &flags.windows {
        let windows = GeneWindows::read_bed(path, bins)?.oriented(flags.orientation());
        let account = Account::of_windows(&windows);
        return Ok((windows, account));
    }
    let path = flags
        .genes
        .as_ref()
        .ok_or("--genes or --windows is needed")?;
    let mut genes = read_genes(path, &flags.selection())?;
    if flags.cut_versions {
        genes = genes.without_versions();
    }
    let windows = GeneWindows::around(&genes, &flags.layout())?;
    Ok((windows, Account::of_genes(&genes)))
}

/// Refuses what DeepDiff's tables cannot hold, before anything is counted.
fn check_tables(windows: &GeneWindows, rows: &[usize], flags: &Flags) -> Result<(), Anything> {
    let whole = flags.counts_reads();
    if !whole {
        return Err("--tables holds whole numbers of reads: leave it out, or --scale, --log1p and modes of depth (the Parquet file and --npz hold any number)".into());
    }
    let genes = || rows.iter().map(|&row| &windows.windows()[row]);
    let ids: Vec<String> = genes().map(|gene| gene.id.clone()).collect();
    let symbols: Vec<String> = genes().map(|gene| gene.symbol.clone()).collect();
    match unwritable(&ids, &symbols) {
        None => Ok(()),
        Some((row, expected)) => Err(format!(
            "--tables: gene `{}` with the symbol `{}`: expected {expected}; the Parquet file and --npz hold any name",
            ids[row], symbols[row]
        )
        .into()),
    }
}

/// Refuses numbers that DeepDiff's tables cannot hold, before anything is written.
fn check_counts(windows: &MarkWindows) -> Result<(), Anything> {
    let is_whole = |value: &f32| *value >= 0.0 && value.fract() == 0.0 && *value <= 16_777_216.0;
    match windows.signal().iter().find(|value| !is_whole(value)) {
        None => Ok(()),
        Some(value) => Err(format!(
            "--tables holds whole numbers of reads, and a bin holds {value}: leave it out (the Parquet file and --npz hold any number)"
        )
        .into()),
    }
}

fn mark_and_files(text: &str) -> Result<(&str, Vec<PathBuf>), Anything> {
    let parts = text
        .split_once('=')
        .filter(|(mark, files)| !mark.is_empty() && !files.is_empty());
    let (mark, files) = parts.ok_or_else(|| format!("`{text}`: expected MARK=FILE,.."))?;
    Ok((mark, files.split(',').map(PathBuf::from).collect()))
}
