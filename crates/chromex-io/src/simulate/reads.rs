use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chromex_core::FileName;
use chromex_core::random::generator;
use rand::RngExt;

use super::Simulation;
use crate::counting::Track;
use crate::genes::Strand;
use crate::{Result, compressed};

/// Bases between the windows of neighbouring genes and before the first, so that no read reaches two.
const APART_BP: u64 = 10_000;
/// The length of a read, as Roadmap cut them.
const READ_BP: u64 = 36;

/// The files of simulated cells as a laboratory has them.
#[derive(Clone, Debug)]
pub struct SimulatedReads {
    /// The genes.
    pub annotation: PathBuf,
    /// Reads of each gene's transcripts, a column per cell.
    pub expression: PathBuf,
    /// The lengths of the chromosomes.
    pub chromosomes: Vec<(String, u32)>,
    /// The cells' names and their tracks, a tagAlign per mark.
    pub cells: [(String, Vec<Track>); 2],
}

impl Simulation {
    /// Writes what the simulation counted as a GTF, tagAligns and a table of expression.
    ///
    /// A count of a bin becomes as many reads whose 5' ends lie in it, in no order: counting 5' ends in windows
    /// around the genes gives the simulation's windows again.
    ///
    /// # Errors
    ///
    /// [`Error::Core`](crate::Error::Core) when a file cannot be written.
    pub fn write_reads(&self, folder: &Path, seed: u64) -> Result<SimulatedReads> {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|source| chromex_core::Error::io("create", folder, source))?;
        let windows = self.dataset.inputs.first();
        let width = u64::from(windows.bin_width_bp()) * windows.bins() as u64;
        let chromosomes = self.dataset.keys.group("chromosome")?;
        let mut ends: HashMap<&str, u64> = HashMap::new();
        let mut starts = Vec::new();
        for row in 0..self.dataset.len() {
            let end = ends.entry(chromosomes.label(row)).or_insert(APART_BP);
            starts.push(*end);
            *end += width + APART_BP;
        }
        let place = |row: usize| (chromosomes.label(row), starts[row]);
        let annotation = folder.join("genes.gtf.gz");
        compressed::write(&annotation, |file| {
            for (row, id) in self.dataset.keys.ids().iter().enumerate() {
                let (chromosome, start) = place(row);
                let centre =
                    start + u64::from(windows.bin_width_bp()) * (windows.bins() / 2) as u64;
                // The transcribed base before or behind the centre is the first; genes are a thousand bases long.
                let (start, end, strand) = match self.truth.strands[row] {
                    Strand::Plus => (centre + 1, centre + 1000, '+'),
                    Strand::Minus => (centre - 999, centre, '-'),
                };
                writeln!(
                    file,
                    "{chromosome}\tchromex\tgene\t{start}\t{end}\t.\t{strand}\t.\tgene_id \"{id}\"; gene_name \"{id}\"; gene_type \"protein_coding\";"
                )?;
            }
            Ok(())
        })?;
        let expression = folder.join("expression.tsv");
        compressed::write(&expression, |file| {
            writeln!(file, "gene_id\t{}\t{}", self.cells[0], self.cells[1])?;
            for (row, id) in self.dataset.keys.ids().iter().enumerate() {
                let [first, second] = [0, 1].map(|cell: usize| self.expression[cell].counts()[row]);
                writeln!(file, "{id}\t{first}\t{second}")?;
            }
            Ok(())
        })?;
        let cell = |cell: usize| -> Result<(String, Vec<Track>)> {
            let marks = windows.marks().iter().enumerate();
            let tracks = marks.map(|(mark, name)| {
                let file = FileName::exactly(&format!("{}-{name}", self.cells[cell]))?;
                let path = folder.join(file.ending("tagAlign.gz"));
                self.write_track(&path, cell, mark, seed, place)?;
                Ok(Track::new(name, path))
            });
            Ok((self.cells[cell].clone(), tracks.collect::<Result<_>>()?))
        };
        let mut sizes: Vec<(String, u32)> = ends
            .iter()
            .map(|(name, end)| ((*name).to_owned(), *end as u32))
            .collect();
        sizes.sort();
        Ok(SimulatedReads {
            annotation,
            expression,
            chromosomes: sizes,
            cells: [cell(0)?, cell(1)?],
        })
    }

    fn write_track<'a>(
        &'a self,
        path: &Path,
        cell: usize,
        mark: usize,
        seed: u64,
        place: impl Fn(usize) -> (&'a str, u64),
    ) -> Result<()> {
        let pair = &self.dataset.inputs;
        let windows = [pair.first(), pair.second()][cell];
        let width = u64::from(windows.bin_width_bp());
        let mut random = generator(seed, &format!("simulated reads {cell} {mark}"));
        compressed::write(path, |file| {
            for (row, gene) in windows.signal().outer_iter().enumerate() {
                let (chromosome, start) = place(row);
                for (bin, counts) in gene.outer_iter().enumerate() {
                    for _ in 0..counts[mark] as u64 {
                        let end = start + bin as u64 * width + random.random_range(0..width);
                        let (from, to, strand) = match random.random::<bool>() {
                            true => (end, end + READ_BP, '+'),
                            false => (end + 1 - READ_BP, end + 1, '-'),
                        };
                        writeln!(file, "{chromosome}\t{from}\t{to}\tN\t1000\t{strand}")?;
                    }
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::counting::{CountMode, ReadCounter};
    use crate::expression::{GeneIds, MatrixLayout, TargetColumn, read_expression_matrix};
    use crate::genes::{GeneSelection, GeneWindows, WindowLayout, read_genes};
    use crate::simulate::SimulatedPair;

    #[test]
    fn counting_the_reads_gives_the_simulation_again() {
        let folder = tempfile::tempdir().unwrap();
        let cells = SimulatedPair {
            genes: 12,
            ..SimulatedPair::default()
        };
        let simulation = cells.draw(3).unwrap();
        let files = simulation.write_reads(folder.path(), 3).unwrap();
        let genes = read_genes(&files.annotation, &GeneSelection::default()).unwrap();
        assert_eq!(genes.genes.len(), 12);
        let windows = GeneWindows::around(&genes, &WindowLayout::default()).unwrap();
        let counter = ReadCounter {
            mode: CountMode::FivePrime { shift_bp: 0 },
            ..ReadCounter::default()
        };
        let pair = &simulation.dataset.inputs;
        for (cell, expected) in [pair.first(), pair.second()].into_iter().enumerate() {
            let counted = counter.count(&windows, &files.cells[cell].1).unwrap();
            assert_eq!(&counted.windows, expected);
        }
        let ids = simulation.dataset.keys.ids();
        let table = read_expression_matrix(&files.expression, &MatrixLayout::default()).unwrap();
        let columns = [TargetColumn::of(&files.cells[0].0)];
        let (data, report) = table.dataset(pair, ids, GeneIds::Exact, &columns).unwrap();
        assert_eq!(report.joined, 12);
        assert_eq!(
            data.targets.column(0)[3],
            simulation.expression[0].counts()[3] as f32
        );
    }
}
