use std::path::{Path, PathBuf};

use chromex::core::{Error, InputFile, MarkWindows, Rows, Targets, atomic};
use chromex::io::counting::{CountedWindows, Track};
use chromex::io::deepdiff::{WindowTable, unwritable, write_windows};
use chromex::io::expression::{
    GeneIds, JoinReport, MatrixLayout, TargetColumn, read_expression_matrix,
};
use chromex::io::genes::{GeneWindows, Orientation, Strand, read_genes};
use chromex::io::storage::{
    StoredWindows, WindowsDescription, WindowsFile, write_npz, write_windows_file,
};
use chromex::io::{ExpressionTable, write_expression};
use chromex::report::plots;
use ndarray::{Axis, s};

use crate::account::{Account, escaped};
use crate::errors::Anything;
use crate::flags::{By, Flags};
use crate::progress::Progress;

/// One cell type: its name and its marks.
pub(crate) struct Cell {
    pub(crate) name: String,
    pub(crate) tracks: Vec<Track>,
}

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

    /// Counts, joins and writes; does nothing where that was done. What cannot be joined or written is said before anything
    /// is counted.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Anything> {
        let (windows, mut account) = windows(flags)?;
        let description = self.description(flags, &windows)?;
        let path = flags.out.join(format!("{}.parquet", self.name));
        if flags.resume
            && WindowsFile::open(&path).is_ok_and(|file| *file.description() == description)
        {
            println!("{}: nothing to do", path.display());
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
            let report = escaped(&joined.report.to_string());
            summary.push_str(&format!("\nExpression: {report}\n"));
            account.add_join(&joined.report);
            stored.windows = stored.windows.select(&rows);
            stored.targets = joined.targets;
        }
        if flags.tables {
            check_counts(&stored.windows)?;
        }
        std::fs::create_dir_all(&flags.out)?;
        self.draw(&stored, flags, windows.orientation())?;
        if flags.npz {
            write_npz(&flags.out.join(format!("{}.npz", self.name)), &stored)?;
        }
        if flags.tables {
            self.write_tables(&stored, flags)?;
        }
        let table = format!("{}.left-out.tsv", self.name);
        summary.push_str(&account.summary(&table));
        let table = flags.out.join(table);
        atomic::write(&table, |file| file.write_all(account.table().as_bytes()))?;
        let report = flags.out.join(format!("{}.md", self.name));
        atomic::write(&report, |file| file.write_all(summary.as_bytes()))?;
        // Last of all: a run that finds this file has nothing to do.
        write_windows_file(&path, &stored)?;
        print!("{summary}");
        println!("Written to {}", path.display());
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
            &flags.samples,
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
        let table = read_expression_matrix(expression, &MatrixLayout::of(flags.unit()))?;
        let mut samples = flags.samples.clone();
        if samples.is_empty() {
            samples.push(self.name.clone());
        }
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
        })
    }

    fn summary(&self, counted: &CountedWindows) -> String {
        let mut text = format!("# {}\n\n", self.name);
        text.push_str("| mark | file | read | passed | counted | elsewhere | whole file |\n");
        text.push_str("| --- | --- | --- | --- | --- | --- | --- |\n");
        for (track, files) in self.tracks.iter().zip(&counted.totals) {
            for (index, file) in files.iter().enumerate() {
                let role = match index < track.files.len() {
                    true => "",
                    false => " (control)",
                };
                let name = file.path.file_name().unwrap_or_default().to_string_lossy();
                let whole = if file.is_whole { "yes" } else { "near windows" };
                text.push_str(&format!(
                    "| {}{role} | {name} | {} | {} | {} | {} | {whole} |\n",
                    track.mark, file.read, file.passed, file.counted, file.elsewhere
                ));
            }
        }
        text
    }

    /// Draws every gene in the direction of its transcription, whatever the order in which bins are stored.
    fn draw(
        &self,
        stored: &StoredWindows,
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
        for (kind, picture) in [("profile", profile), ("heat-map", heat_map)] {
            let path = flags.out.join(format!("{}.{kind}.svg", self.name));
            atomic::write(&path, |file| file.write_all(picture.as_bytes()))?;
        }
        Ok(())
    }

    /// Writes DeepDiff's tables: thirds in the order of the genes, as in its protocol.
    fn write_tables(&self, stored: &StoredWindows, flags: &Flags) -> Result<(), Anything> {
        let genes = stored.genes.len();
        for (part, name) in ["train", "valid", "test"].into_iter().enumerate() {
            let rows: Vec<usize> = (part * genes / 3..(part + 1) * genes / 3).collect();
            let table = WindowTable {
                ids: rows
                    .iter()
                    .map(|&row| stored.genes[row].id.clone())
                    .collect(),
                symbols: rows
                    .iter()
                    .map(|&row| stored.genes[row].symbol.clone())
                    .collect(),
                windows: stored.windows.select(&rows),
            };
            write_windows(
                &flags.out.join(format!("{}.{name}.csv.gz", self.name)),
                &table,
            )?;
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
            write_expression(
                &flags.out.join(format!("{}.expr.csv.gz", self.name)),
                &table,
            )?;
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
}

fn windows(flags: &Flags) -> Result<(GeneWindows, Account), Anything> {
    let bins = flags.upstream.saturating_add(flags.downstream);
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
