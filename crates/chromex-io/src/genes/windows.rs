use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::annotation::{first_of, is_remark};
use super::assembly::{AssemblyUnit, is_y};
use super::bed::parse_span;
use super::ids::{is_placeholder, known_id_and_symbol};
use super::{GeneSet, Strand};
use crate::Result;
use crate::error::quoted;
use crate::lines::Lines;

/// The most bins of all windows together: a result of sixteen gigabytes per mark would be a mistake.
const MOST_BINS: usize = 1 << 32;

/// Bins around each gene's transcription start.
///
/// # Examples
///
/// ```
/// use chromex_io::genes::WindowLayout;
/// assert_eq!(WindowLayout::default().bins(), 200);
/// assert_eq!(WindowLayout::deepchrome().bins(), 100);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WindowLayout {
    /// Bins before the transcription start, in the direction of transcription.
    pub upstream_bins: usize,
    /// Bins from the transcription start on.
    pub downstream_bins: usize,
    /// The base pairs that a bin spans.
    pub bin_width_bp: u32,
    /// In which order the bins of a gene stand.
    pub orientation: Orientation,
    /// Where exactly the two sides meet.
    pub centre: Centre,
}

/// In which order the bins of a gene stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// That of the genome, whatever the strand; as in the published tables of DeepChrome and DeepDiff.
    #[default]
    Genomic,
    /// That of transcription: bins of genes on the minus strand are turned round.
    Transcription,
}

/// Where the upstream and the downstream side of a window meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Centre {
    /// Before the first transcribed base on either strand: the two strands mirror each other.
    #[default]
    BeforeStart,
    /// Behind that base in the order of the genome on either strand: the 1-based start of an annotation taken for a
    /// boundary, as in the gene list of DeepChrome.
    OneBasedStart,
}

/// The window of one gene.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The gene's id.
    pub id: String,
    /// The gene's symbol; empty where none is known.
    pub symbol: String,
    /// The chromosome as the source writes it.
    pub chromosome: String,
    /// The first base, 0-based; below 0 where the window reaches beyond the chromosome.
    pub start: i64,
    /// The strand; none for windows that were given without one.
    pub strand: Option<Strand>,
}

/// Windows of as many bins for every gene, and where they came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneWindows {
    windows: Vec<Window>,
    bins: usize,
    bin_width_bp: u32,
    orientation: Orientation,
    source: String,
}

impl Default for WindowLayout {
    fn default() -> Self {
        Self {
            upstream_bins: 100,
            downstream_bins: 100,
            bin_width_bp: 100,
            orientation: Orientation::default(),
            centre: Centre::default(),
        }
    }
}

impl WindowLayout {
    /// 100 bins of 100 bp, as in DeepChrome and AttentiveChrome.
    pub fn deepchrome() -> Self {
        Self {
            upstream_bins: 50,
            downstream_bins: 50,
            centre: Centre::OneBasedStart,
            ..Self::default()
        }
    }

    /// Counts the bins of a window.
    pub fn bins(&self) -> usize {
        self.upstream_bins.saturating_add(self.downstream_bins)
    }
}

impl GeneWindows {
    /// Lays a window around the transcription start of each gene.
    ///
    /// # Errors
    ///
    /// [`Error::NoGenes`](crate::Error::NoGenes) when no gene is left, with the reasons;
    /// [`Error::Core`](crate::Error::Core) when there is no bin, or a bin of no bases.
    ///
    /// # Examples
    ///
    /// ```
    /// use chromex_io::genes::{Gene, GeneSet, GeneWindows, Strand, WindowLayout};
    /// let gene = Gene {
    ///     id: "ENSG1".into(), symbol: "A".into(), chromosome: "chr1".into(), start: 50_000, end: 60_000,
    ///     strand: Strand::Minus, biotype: String::new(), transcript: None,
    /// };
    /// let set = GeneSet { genes: vec![gene], ..GeneSet::default() };
    /// let windows = GeneWindows::around(&set, &WindowLayout::default())?;
    /// assert_eq!(windows.windows()[0].start, 50_000);
    /// # Ok::<(), chromex_io::Error>(())
    /// ```
    pub fn around(genes: &GeneSet, layout: &WindowLayout) -> Result<Self> {
        if genes.genes.is_empty() {
            let by_reason = genes.left_out_by_reason();
            let reasons = by_reason.iter().map(|(reason, ids)| {
                format!("{} for {}: {}", ids.len(), reason.reason(), first_of(ids))
            });
            let reasons: Vec<String> = reasons.collect();
            return Err(crate::Error::NoGenes {
                path: genes.source.clone(),
                reasons: match reasons.is_empty() {
                    true => "the set is empty".into(),
                    false => format!("left out were {}", reasons.join("; ")),
                },
            });
        }
        let bases = |bins: usize| {
            let bins = i64::try_from(bins).unwrap_or(i64::MAX);
            bins.saturating_mul(i64::from(layout.bin_width_bp))
        };
        let (upstream, downstream) = (bases(layout.upstream_bins), bases(layout.downstream_bins));
        let windows = genes.genes.iter().map(|gene| {
            let start = gene.transcription_start() as i64;
            let centre = match (layout.centre, gene.strand) {
                (Centre::BeforeStart, Strand::Plus) => start,
                _ => start + 1,
            };
            let before = match gene.strand {
                Strand::Plus => upstream,
                Strand::Minus => downstream,
            };
            Window {
                id: gene.id.clone(),
                symbol: gene.symbol.clone(),
                chromosome: gene.chromosome.clone(),
                start: centre.saturating_sub(before),
                strand: Some(gene.strand),
            }
        });
        let choice = &genes.choice;
        let source = format!("{}, {choice:?}, {layout:?}", genes.source.display());
        Self::new(
            windows.collect(),
            layout.bins(),
            layout.bin_width_bp,
            source,
        )
        .map(|windows| windows.oriented(layout.orientation))
    }

    /// Takes windows as they are, in the order of the genome.
    ///
    /// # Errors
    ///
    /// [`Error::Core`](crate::Error::Core) when there is no window, no bin, or a bin of no bases, and when a
    /// window begins beyond what any format can name.
    pub fn new(
        windows: Vec<Window>,
        bins: usize,
        bin_width_bp: u32,
        source: impl Into<String>,
    ) -> Result<Self> {
        let positive =
            |name: &'static str, found: usize, most: usize| match (1..=most).contains(&found) {
                true => Ok(()),
                false => Err(chromex_core::Error::Setting {
                    name,
                    expected: format!("1 to {most}"),
                    found: found.to_string(),
                }),
            };
        if windows.is_empty() {
            return Err(chromex_core::Error::Empty {
                what: "the windows",
            }
            .into());
        }
        positive("bins", bins, MOST_BINS / windows.len())?;
        positive(
            "bin_width_bp",
            bin_width_bp as usize,
            i32::MAX as usize / bins,
        )?;
        let far = 1_u64 << 32;
        if let Some(row) = windows
            .iter()
            .position(|window| window.start.unsigned_abs() > far)
        {
            return Err(chromex_core::Error::Value {
                row,
                what: "start of a window",
                expected: "a position on a chromosome",
                found: windows[row].start.to_string(),
            }
            .into());
        }
        Ok(Self {
            windows,
            bins,
            bin_width_bp,
            orientation: Orientation::Genomic,
            source: source.into(),
        })
    }

    /// Reads windows from a BED, as the gene list of DeepChrome: each line is one window, divided into `bins` equal
    /// bins. A name `GENE_SYMBOL` is taken apart where the gene's id is of a form whose end is known (`ENSG.._TP53`,
    /// `NM_000546_TP53`); any other name is an id as it stands. Lines whose name says nothing (`.`) are named by their place.
    ///
    /// # Errors
    ///
    /// [`Error::Table`](crate::Error::Table) at the first line that is not a BED or whose span is not that of the
    /// lines before, or not divisible by `bins`; [`Error::Io`](crate::Error::Io) and
    /// [`Error::Damaged`](crate::Error::Damaged) when the file cannot be read.
    pub fn read_bed(path: &Path, bins: usize) -> Result<Self> {
        let mut lines = Lines::open(path)?.keeping(192);
        let mut windows = Vec::new();
        let mut span = None;
        while lines.advance()? {
            if is_remark(lines.line()) {
                continue;
            }
            let text = std::str::from_utf8(lines.line())
                .map_err(|_| lines.error(None, "UTF-8 text", quoted(lines.line())))?;
            let columns: Vec<&str> = text.split('\t').collect();
            if columns.len() < 3 {
                return Err(lines.error(None, "at least 3 columns", columns.len().to_string()));
            }
            let (start, end) = parse_span(&lines, columns[1].as_bytes(), columns[2].as_bytes())?;
            let expected = *span.get_or_insert(end - start);
            if end - start != expected || expected == 0 || expected % bins.max(1) as u64 != 0 {
                let expected = format!("a window of {expected} bases in {bins} bins");
                return Err(lines.error(Some(3), expected, (end - start).to_string()));
            }
            let place = format!("{}:{start}-{end}", columns[0]);
            let name = columns
                .get(3)
                .map(|name| name.trim())
                .filter(|name| !is_placeholder(name));
            let (id, symbol) = name.map_or((place.as_str(), ""), |name| {
                known_id_and_symbol(name).unwrap_or((name, ""))
            });
            windows.push(Window {
                id: id.to_owned(),
                symbol: symbol.to_owned(),
                chromosome: columns[0].to_owned(),
                start: start as i64,
                strand: columns
                    .get(5)
                    .and_then(|field| Strand::parse(field.trim().as_bytes())),
            });
        }
        let width = span.unwrap_or(0) / bins.max(1) as u64;
        let source = path.display().to_string();
        Self::new(
            windows,
            bins,
            u32::try_from(width).unwrap_or(u32::MAX),
            source,
        )
    }

    /// Lets the bins stand in another order.
    pub fn oriented(mut self, orientation: Orientation) -> Self {
        self.orientation = orientation;
        self
    }

    /// Lists the windows, one per row.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Lists the ids that several windows have, each once.
    pub fn repeated_ids(&self) -> Vec<&str> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        let mut repeated = Vec::new();
        for window in &self.windows {
            let count = counts.entry(&window.id).or_default();
            *count += 1;
            if *count == 2 {
                repeated.push(window.id.as_str());
            }
        }
        repeated
    }

    /// Gives the symbol by which each window may be joined: of windows that share one, that on the best part of the assembly has
    /// it, by the rule that chooses among the loci of a gene (a chromosome before an alternate locus, X before Y). Windows that are
    /// as good as each other all have it; those without a symbol have none.
    pub fn joining_symbols(&self) -> Vec<Option<&str>> {
        let rank = |window: &Window| {
            (
                AssemblyUnit::of(&window.chromosome),
                is_y(&window.chromosome),
            )
        };
        let mut best: HashMap<&str, (AssemblyUnit, bool)> = HashMap::new();
        for window in &self.windows {
            let own = rank(window);
            let known = best.entry(&window.symbol).or_insert(own);
            *known = own.min(*known);
        }
        let symbol =
            |window: &Window| !window.symbol.is_empty() && best[&*window.symbol] == rank(window);
        let windows = self.windows.iter();
        windows
            .map(|window| symbol(window).then_some(&*window.symbol))
            .collect()
    }

    /// Counts the bins of a window.
    pub fn bins(&self) -> usize {
        self.bins
    }

    /// Tells how many base pairs a bin spans.
    pub fn bin_width_bp(&self) -> u32 {
        self.bin_width_bp
    }

    /// Tells how many base pairs a window spans.
    pub fn width_bp(&self) -> i64 {
        self.bins as i64 * i64::from(self.bin_width_bp)
    }

    /// Tells in which order the bins stand.
    pub fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// Says in a sentence where the windows came from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Tells whether the bins of a row stand against the order of the genome.
    pub(crate) fn is_reversed(&self, row: usize) -> bool {
        self.orientation == Orientation::Transcription
            && self.windows[row].strand == Some(Strand::Minus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genes::Gene;

    fn set(strand: Strand) -> GeneSet {
        let gene = Gene {
            id: "E1".into(),
            symbol: String::new(),
            chromosome: "chr1".into(),
            start: 1000,
            end: 2000,
            strand,
            biotype: String::new(),
            transcript: None,
        };
        GeneSet {
            genes: vec![gene],
            ..GeneSet::default()
        }
    }

    fn layout() -> WindowLayout {
        WindowLayout {
            upstream_bins: 2,
            downstream_bins: 3,
            bin_width_bp: 10,
            ..WindowLayout::default()
        }
    }

    #[test]
    fn the_two_strands_mirror_each_other() {
        let start = |strand| {
            GeneWindows::around(&set(strand), &layout())
                .unwrap()
                .windows()[0]
                .start
        };
        // The first transcribed base is the first of the third bin.
        assert_eq!(start(Strand::Plus), 1000 - 20);
        // The first transcribed base, 1999, is the last of the third bin.
        assert_eq!(start(Strand::Minus), 1999 + 1 - 30);
    }

    #[test]
    fn windows_of_a_bed_are_taken_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bed");
        let text =
            "chrX\t100\t120\tENSG1_Y_RNA\nchr1\t0\t20\nchr1\t0\t20\t.\nchr1\t0\t20\tNM_000546\n";
        std::fs::write(&path, text).unwrap();
        let windows = GeneWindows::read_bed(&path, 4).unwrap();
        assert_eq!((windows.bins(), windows.bin_width_bp()), (4, 5));
        assert_eq!(windows.windows()[0].symbol, "Y_RNA");
        assert_eq!(windows.windows()[1].id, "chr1:0-20");
        assert_eq!(windows.windows()[3].id, "NM_000546");
        assert_eq!(windows.repeated_ids(), ["chr1:0-20"]);
        let message = GeneWindows::read_bed(&path, 3).unwrap_err().to_string();
        assert!(message.contains("line 1, column 3: expected a window of 20 bases in 3 bins"));
    }

    #[test]
    fn the_best_place_of_a_symbol_has_it() {
        let window = |symbol: &str, chromosome: &str| Window {
            id: chromosome.into(),
            symbol: symbol.into(),
            chromosome: chromosome.into(),
            start: 0,
            strand: None,
        };
        let windows = [
            window("CD99", "chrY"),
            window("CD99", "chrX"),
            window("HLA-A", "6"),
            window("HLA-A", "HSCHR6_MHC_COX"),
            window("RNA", "chr1"),
            window("RNA", "chr2"),
            window("", "chr1"),
        ];
        let windows = GeneWindows::new(windows.to_vec(), 1, 1, "by hand").unwrap();
        let expected = [
            None,
            Some("CD99"),
            Some("HLA-A"),
            None,
            Some("RNA"),
            Some("RNA"),
            None,
        ];
        assert_eq!(windows.joining_symbols(), expected);
    }

    #[test]
    fn windows_of_nothing_are_refused() {
        assert!(GeneWindows::around(&GeneSet::default(), &layout()).is_err());
        let none = WindowLayout {
            upstream_bins: 0,
            downstream_bins: 0,
            ..layout()
        };
        assert!(GeneWindows::around(&set(Strand::Plus), &none).is_err());
        let wide = WindowLayout {
            bin_width_bp: u32::MAX,
            ..layout()
        };
        assert!(GeneWindows::around(&set(Strand::Plus), &wide).is_err());
        let endless = WindowLayout {
            upstream_bins: usize::MAX,
            ..layout()
        };
        assert!(GeneWindows::around(&set(Strand::Plus), &endless).is_err());
    }
}
