use chromex_core::Transform;
use serde::{Deserialize, Serialize};

use super::profile::{Domain, SimulatedMark};
use crate::deepdiff::check_transform;
use crate::{Error, Result};

/// Describes two simulated cells; [`draw`](Self::draw) draws them.
///
/// # Examples
///
/// ```
/// let cells = chromex_io::simulate::SimulatedPair { genes: 30, ..Default::default() };
/// let simulation = cells.draw(7)?;
/// assert_eq!(simulation.dataset.inputs.first().signal().shape(), [30, 200, 5]);
/// assert_eq!(simulation.truth.effects[0].mark, "H3K4me3");
/// # Ok::<(), chromex_io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulatedPair {
    /// What the cells are called.
    pub cells: [String; 2],
    /// The genes, of which a third each is for training, choosing and testing.
    pub genes: usize,
    /// The bins of each gene's window; transcription starts in the middle.
    pub bins: usize,
    /// The base pairs that a bin spans.
    pub bin_width_bp: u32,
    /// The marks and their backgrounds.
    pub marks: Vec<SimulatedMark>,
    /// Where marks lie, and which of them drive expression.
    pub domains: Vec<Domain>,
    /// Share of the genes that are silent in both cells, among those that do not switch.
    pub silent_fraction: f64,
    /// Share of the genes that are silenced in one cell only, each to a depth between none and full.
    pub switched_fraction: f64,
    /// What being silent takes from the activity of a domain that drives expression, or adds to one that
    /// lowers it.
    pub silencing: f64,
    /// Correlation between the cells of everything else that varies from gene to gene.
    pub similarity: f64,
    /// Ln reads of a gene that is not silent and whose activities are 0.
    pub baseline: f64,
    /// Standard deviation of ln expression that no mark tells of.
    pub noise: f64,
    /// Over-dispersion of expression counts.
    pub expression_dispersion: f64,
    /// How deeply the marks of each cell were sequenced.
    pub mark_depth: [f64; 2],
    /// How deeply the expression of each cell was sequenced.
    pub expression_depth: [f64; 2],
    /// The chromosomes that the genes lie on.
    pub chromosomes: usize,
    /// How two counts become the number to predict: a ratio of the two cells.
    pub transform: Transform,
}

impl Default for SimulatedPair {
    fn default() -> Self {
        let mark = |name: &str, background, spread, dispersion, depletion| SimulatedMark {
            name: name.into(),
            background,
            spread,
            dispersion,
            depletion,
        };
        let domain = |mark: &str, bins, reads, spread, strength| Domain {
            mark: mark.into(),
            bins,
            reads,
            spread,
            strength,
        };
        Self {
            cells: ["Cell1".into(), "Cell2".into()],
            genes: 600,
            bins: 200,
            bin_width_bp: 100,
            marks: vec![
                mark("H3K4me1", 1.5, 0.8, 0.6, 0.5),
                mark("H3K4me3", 0.9, 0.5, 0.6, 0.25),
                mark("H3K9me3", 1.15, 0.4, 0.3, 0.3),
                mark("H3K27me3", 0.9, 0.5, 0.25, 0.2),
                mark("H3K36me3", 0.8, 0.5, 0.25, 0.4),
            ],
            domains: vec![
                domain("H3K4me3", 84..116, 24.0, 0.8, 1.3),
                domain("H3K36me3", 104..200, 1.6, 0.7, 0.7),
                domain("H3K27me3", 60..140, 0.12, 0.7, -0.7),
                domain("H3K4me1", 74..126, 3.0, 0.6, 0.0),
                domain("H3K9me3", 0..200, 0.2, 0.6, 0.0),
            ],
            silent_fraction: 0.23,
            switched_fraction: 0.16,
            silencing: 3.0,
            similarity: 0.6,
            baseline: 8.2,
            noise: 1.4,
            expression_dispersion: 0.05,
            mark_depth: [0.9, 1.1],
            expression_depth: [1.0, 1.2],
            chromosomes: 22,
            transform: Transform::NaturalLogRatio { offset: 1.0 },
        }
    }
}

impl SimulatedPair {
    /// Gives the default cells windows of another number of bins over the same 20,000 base pairs; the
    /// domains keep their share of the window. Few bins make for quick tests.
    ///
    /// # Examples
    ///
    /// ```
    /// let cells = chromex_io::simulate::SimulatedPair::with_bins(20);
    /// assert_eq!((cells.bin_width_bp, cells.domains[0].bins.clone()), (1000, 8..12));
    /// ```
    pub fn with_bins(bins: usize) -> Self {
        let mut cells = Self::default();
        for domain in &mut cells.domains {
            let (start, end) = (domain.bins.start * bins, domain.bins.end * bins);
            domain.bins = start / cells.bins..end.div_ceil(cells.bins);
        }
        cells.bin_width_bp = (cells.bins as u32 * cells.bin_width_bp) / (bins as u32).max(1);
        cells.bins = bins;
        cells
    }

    /// Checks every setting once, before anything is drawn.
    pub(super) fn check(&self) -> Result<()> {
        let at_least = |name, value: usize, least: usize| {
            (value >= least)
                .then_some(())
                .ok_or_else(|| setting(name, format!("at least {least}"), value))
        };
        at_least("genes", self.genes, 3)?;
        at_least("bins", self.bins, 1)?;
        at_least("marks", self.marks.len(), 1)?;
        at_least("chromosomes", self.chromosomes, 1)?;
        let numbers = self.genes.saturating_mul(self.bins);
        let numbers = numbers.saturating_mul(self.marks.len());
        if numbers > MOST_NUMBERS || self.chromosomes > MOST_NUMBERS {
            return Err(setting(
                "genes, bins, marks, chromosomes",
                format!("at most {MOST_NUMBERS} numbers of a cell, and as many chromosomes"),
                format!(
                    "{} genes of {} bins of {} marks on {} chromosomes",
                    self.genes,
                    self.bins,
                    self.marks.len(),
                    self.chromosomes
                ),
            ));
        }
        if self.cells[0] == self.cells[1] {
            return Err(setting("cells", "two names", &self.cells[0]));
        }
        for (name, value) in [
            ("silent_fraction", self.silent_fraction),
            ("switched_fraction", self.switched_fraction),
            ("similarity", self.similarity),
        ] {
            between(name, value, 1.0)?;
        }
        for (name, value) in [
            ("silencing", self.silencing),
            ("noise", self.noise),
            ("expression_dispersion", self.expression_dispersion),
            ("mark_depth", self.mark_depth[0]),
            ("mark_depth", self.mark_depth[1]),
            ("expression_depth", self.expression_depth[0]),
            ("expression_depth", self.expression_depth[1]),
        ] {
            between(name, value, f64::MAX)?;
        }
        if !self.baseline.is_finite() {
            return Err(setting("baseline", "a finite number", self.baseline));
        }
        for (place, mark) in self.marks.iter().enumerate() {
            between("marks.background", mark.background, f64::MAX)?;
            between("marks.spread", mark.spread, f64::MAX)?;
            between("marks.dispersion", mark.dispersion, f64::MAX)?;
            between("marks.depletion", mark.depletion, 1.0)?;
            if self.marks[..place]
                .iter()
                .any(|other| other.name == mark.name)
            {
                return Err(setting("marks.name", "names that stand once", &mark.name));
            }
        }
        for domain in &self.domains {
            between("domains.reads", domain.reads, f64::MAX)?;
            between("domains.spread", domain.spread, f64::MAX)?;
            if !domain.strength.is_finite() {
                return Err(setting(
                    "domains.strength",
                    "a finite number",
                    domain.strength,
                ));
            }
            if !self.marks.iter().any(|mark| mark.name == domain.mark) {
                return Err(setting("domains.mark", "one of the marks", &domain.mark));
            }
            if domain.bins.is_empty() || domain.bins.end > self.bins {
                let expected = format!("bins within 0..{}", self.bins);
                return Err(setting(
                    "domains.bins",
                    expected,
                    format!("{:?}", domain.bins),
                ));
            }
        }
        check_transform(self.transform)
    }
}

/// Numbers of a cell: 8 GiB in single precision.
const MOST_NUMBERS: usize = 1 << 31;

fn between(name: &'static str, value: f64, most: f64) -> Result<()> {
    if (0.0..=most).contains(&value) {
        return Ok(());
    }
    let expected = if most == 1.0 {
        "a number from 0 to 1"
    } else {
        "a finite number of at least 0"
    };
    Err(setting(name, expected, value))
}

fn setting(name: &'static str, expected: impl Into<String>, found: impl ToString) -> Error {
    Error::Core(chromex_core::Error::Setting {
        name,
        expected: expected.into(),
        found: found.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_range_is_named() {
        fn t(change: impl Fn(&mut SimulatedPair), expected: &str) {
            let mut cells = SimulatedPair::default();
            change(&mut cells);
            assert_eq!(cells.draw(0).unwrap_err().to_string(), expected);
        }
        t(
            |c| c.genes = 2,
            "setting `genes`: expected at least 3, found 2",
        );
        t(
            |c| c.bins = 0,
            "setting `bins`: expected at least 1, found 0",
        );
        t(
            |c| c.bins = 100,
            "setting `domains.bins`: expected bins within 0..100, found 84..116",
        );
        t(
            |c| c.similarity = 1.5,
            "setting `similarity`: expected a number from 0 to 1, found 1.5",
        );
        t(
            |c| c.noise = f64::NAN,
            "setting `noise`: expected a finite number of at least 0, found NaN",
        );
        t(
            |c| c.cells[1] = "Cell1".into(),
            "setting `cells`: expected two names, found Cell1",
        );
        t(
            |c| c.domains[0].mark = "H3K79me2".into(),
            "setting `domains.mark`: expected one of the marks, found H3K79me2",
        );
        t(
            |c| c.marks[1].name = "H3K4me1".into(),
            "setting `marks.name`: expected names that stand once, found H3K4me1",
        );
    }

    #[test]
    fn settings_that_are_left_out_are_the_defaults_and_unknown_ones_are_refused() {
        let cells: SimulatedPair = serde_json::from_str(r#"{"genes": 90}"#).unwrap();
        assert_eq!(
            cells,
            SimulatedPair {
                genes: 90,
                ..Default::default()
            }
        );
        assert!(serde_json::from_str::<SimulatedPair>(r#"{"gene": 90}"#).is_err());
        let text = serde_json::to_string(&cells).unwrap();
        assert_eq!(serde_json::from_str::<SimulatedPair>(&text).unwrap(), cells);
    }
}
