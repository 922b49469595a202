use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chromex::core::{InputFile, Keys, MarkWindows, Rows, Targets, atomic};
use chromex::io::counting::{CountedWindows, Track};
use chromex::io::deepdiff::{WindowTable, write_windows};
use chromex::io::expression::{GeneIds, MatrixLayout, TargetColumn, read_expression_matrix};
use chromex::io::genes::{GeneWindows, read_genes};
use chromex::io::storage::{
    StoredWindows, WindowsDescription, WindowsFile, write_npz, write_windows_file,
};
use chromex::io::{ExpressionTable, write_expression};
use chromex::report::plots;
use ndarray::Axis;

use crate::errors::Anything;
use crate::flags::Flags;
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
                format: None,
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

    /// Counts, joins and writes; does nothing where that was done.
    pub(crate) fn run(&self, flags: &Flags) -> Result<(), Anything> {
        let windows = windows(flags)?;
        let description = self.description(flags, &windows)?;
        let path = flags.out.join(format!("{}.parquet", self.name));
        if flags.resume
            && WindowsFile::open(&path).is_ok_and(|file| *file.description() == description)
        {
            println!("{}: nothing to do", path.display());
            return Ok(());
        }
        std::fs::create_dir_all(&flags.out)?;
        let counter = flags.counter();
        let counted = counter.count_observed(&windows, &self.tracks, &Progress::new())?;
        let mut summary = self.summary(&counted);
        let mut stored = StoredWindows {
            targets: Targets::none(counted.windows.len()),
            genes: windows.windows().to_vec(),
            windows: counted.windows,
            description,
        };
        if let Some(expression) = &flags.expression {
            stored = self.joined(stored, expression, flags, &mut summary)?;
        }
        let width = f64::from(stored.windows.bin_width_bp());
        let first_bp = -(flags.upstream as f64) * width;
        self.draw(&stored.windows, &flags.out, first_bp)?;
        if flags.npz {
            write_npz(&flags.out.join(format!("{}.npz", self.name)), &stored)?;
        }
        if flags.tables {
            self.write_tables(&stored, flags)?;
        }
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
        );
        Ok(WindowsDescription {
            genome: flags.genome.clone(),
            orientation: windows.orientation(),
            windows: windows.source().to_owned(),
            settings: serde_json::to_string(&(counter, &self.tracks, genes, joined))?,
            sources,
        })
    }

    /// Keeps the genes that have expression.
    fn joined(
        &self,
        stored: StoredWindows,
        expression: &Path,
        flags: &Flags,
        summary: &mut String,
    ) -> Result<StoredWindows, Anything> {
        let table = read_expression_matrix(expression, &MatrixLayout::of(flags.unit()))?;
        let mut samples = flags.samples.clone();
        if samples.is_empty() {
            samples.push(self.name.clone());
        }
        let columns: Vec<TargetColumn> = samples.iter().map(TargetColumn::of).collect();
        let ids: Vec<String> = stored.genes.iter().map(|gene| gene.id.clone()).collect();
        let (data, report) =
            table.dataset(&stored.windows, &ids, GeneIds::IgnoreVersion, &columns)?;
        summary.push_str(&format!("\nExpression: {report}\n"));
        let rows: HashMap<&String, usize> =
            ids.iter().enumerate().map(|(row, id)| (id, row)).collect();
        let genes = data
            .keys
            .ids()
            .iter()
            .map(|id| stored.genes[rows[id]].clone());
        Ok(StoredWindows {
            genes: genes.collect(),
            windows: data.inputs,
            targets: data.targets,
            description: stored.description,
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

    fn draw(&self, windows: &MarkWindows, out: &Path, first_bp: f64) -> Result<(), Anything> {
        let place = (first_bp, f64::from(windows.bin_width_bp()));
        let signal = windows.signal();
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
        let title = format!("{}, {} genes", self.name, windows.len());
        let profile = plots::profile(&title, &lines, place)?;
        let heat_map = plots::heat_map(&title, signal.view(), windows.marks(), place)?;
        for (kind, picture) in [("profile", profile), ("heat-map", heat_map)] {
            let path = out.join(format!("{}.{kind}.svg", self.name));
            atomic::write(&path, |file| file.write_all(picture.as_bytes()))?;
        }
        Ok(())
    }

    /// Writes DeepDiff's tables: thirds in the order of the genes, as in its protocol.
    fn write_tables(&self, stored: &StoredWindows, flags: &Flags) -> Result<(), Anything> {
        let genes = stored.genes.len();
        // Every gene of a table stands once, and the layout parts ids from symbols by `_`.
        Keys::new(stored.genes.iter().map(|gene| gene.id.clone()).collect())?;
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

fn windows(flags: &Flags) -> Result<GeneWindows, Anything> {
    let bins = flags.layout().bins();
    if let Some(path) = &flags.windows {
        return Ok(GeneWindows::read_bed(path, bins)?.oriented(flags.orientation()));
    }
    let path = flags
        .genes
        .as_ref()
        .ok_or("--genes or --windows is needed")?;
    let mut genes = read_genes(path, &flags.selection())?;
    if flags.cut_versions {
        genes = genes.without_versions();
    }
    Ok(GeneWindows::around(&genes, &flags.layout())?)
}

fn mark_and_files(text: &str) -> Result<(&str, Vec<PathBuf>), Anything> {
    let parts = text
        .split_once('=')
        .filter(|(mark, files)| !mark.is_empty() && !files.is_empty());
    let (mark, files) = parts.ok_or_else(|| format!("`{text}`: expected MARK=FILE,.."))?;
    Ok((mark, files.split(',').map(PathBuf::from).collect()))
}
