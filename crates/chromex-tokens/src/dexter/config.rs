use chromex_core::observe::{Observer, Silent};
use chromex_core::{Dataset, Fit, Rows, Sequences, Targets};
use ndarray::Axis;
use serde::{Deserialize, Serialize};

use super::growth::Growth;
use super::packed::PackedDna;
use super::scores::RegionScores;
use super::{DomainCounts, Exploration, RegionLattice};
use crate::{Error, Result};

/// Finds k-mers and regions of aligned promoters in which the k-mers' counts go with expression.
///
/// Regions are runs of bins around the base of alignment ([`RegionLattice`]); a k-mer and a region make a
/// [`Domain`](super::Domain), whose score is the absolute rank correlation of expression and the number of the
/// k-mer's starts in the region, over the training rows. Occurrences may overlap, and an unknown base is in none.
///
/// The search begins with the 16 dinucleotides on whole sequences. The regions of a k-mer that score at least as
/// high as the one it was found in are taken best first, where they are disjoint from those taken before and
/// gain on both shorter k-mers within; in each of them the k-mer is lengthened by every letter at either end. A
/// longer k-mer must gain on both shorter ones in the same region, by a difference and by a ratio.
///
/// With several targets each is searched for on its own, and the domains of all are features.
///
/// What is learned gives columns of counts, for a linear model with few of them: with `chromex-boosting`, DExTER is
/// `Dexter::default().then(CrossValidatedElasticNet::lasso())`.
///
/// # Citation
///
/// Menichelli, Guitard, Martins, Lèbre, Lopez-Rubio, Lecellier and Bréhélin, Identification of long regulatory
/// elements in the genome of Plasmodium falciparum and other eukaryotes, PLoS Computational Biology 17, 2021,
/// <https://doi.org/10.1371/journal.pcbi.1008909>.
///
/// # Differences from the paper
///
/// - The published program overlooks a k-mer that starts at the last possible base; here it counts.
/// - It finds k-mers of more than about a dozen letters by hashes in floating point, which collide; here any length is
///   exact.
/// - Its smallest number of bins takes one bin too many into account where bins end exactly at the sequences' end.
///
/// # Examples
///
/// ```
/// use chromex_core::{Dataset, Sequences, Encode, Fit};
/// # use chromex_core::{Keys, Targets, Target, Transform};
/// use chromex_tokens::Dexter;
/// # let dna = Sequences::new(&["TTTTTTTTT", "TTTTAATTT", "TTTTAAATT", "TTTTAAAAT"])?;
/// # let column = Target { name: "leaf".into(), unit: "TPM".into(), transform: Transform::Identity };
/// # let targets = Targets::new(ndarray::array![[0.0], [1.0], [2.0], [3.0]], vec![column])?;
/// # let promoters = Dataset::new(dna, targets, Keys::numbered(4))?;
/// let domains = Dexter::default().fit(&promoters, &promoters, 0)?;
/// let counts = domains.encode(&promoters.inputs)?;
/// assert_eq!(counts.ncols(), domains.domains().len());
/// # Ok::<(), chromex_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dexter {
    /// The base that sequences are aligned at, 0-based; the middle one where none is given, and of two middle ones
    /// the second.
    pub alignment: Option<usize>,
    /// The most bins, at least 3.
    pub most_bins: usize,
    /// By how much a longer k-mer must score above a shorter one.
    pub least_gain: f64,
    /// By what part of the shorter k-mer's score it must.
    pub least_relative_gain: f64,
    /// The score below which a domain is kept, but not searched further.
    pub least_score: f64,
    /// The letters of the longest k-mer, where there is a limit.
    pub longest: Option<usize>,
}

/// The published settings.
impl Default for Dexter {
    fn default() -> Self {
        Self {
            alignment: None,
            most_bins: 13,
            least_gain: 0.01,
            least_relative_gain: 0.10,
            least_score: 0.0,
            longest: None,
        }
    }
}

impl Dexter {
    /// Searches the domains of every target, telling progress to a listener, one step per length of k-mers.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] when a setting is out of range; [`Error::Shape`] when there are no targets, not as many rows
    /// of them as sequences, or more rows than 1,048,575.
    pub fn learn(
        &self,
        dna: &Sequences,
        targets: &Targets,
        observer: &dyn Observer,
    ) -> Result<DomainCounts> {
        self.check()?;
        if targets.columns.is_empty() || targets.len() != dna.len() {
            return Err(Error::Shape {
                what: "targets",
                expected: format!("at least one, for {} sequences", dna.len()),
                found: format!("{} for {}", targets.columns.len(), targets.len()),
            });
        }
        let length = dna.length()?;
        let alignment = self.alignment.unwrap_or(length / 2);
        let lattice = RegionLattice::new(length, alignment, self.most_bins)?;
        let packed = PackedDna::new(dna)?;
        let mut explorations = Vec::new();
        for (column, values) in targets
            .columns
            .iter()
            .zip(targets.values.axis_iter(Axis(1)))
        {
            let scores = RegionScores::new(&packed, &lattice, &values.to_vec())?;
            let task = format!("DExTER on {}", column.name);
            let growth = Growth::new(self, &lattice, scores);
            let (nodes, links) = growth.explore(&task, observer);
            explorations.push(Exploration {
                target: column.name.clone(),
                nodes,
                links,
            });
        }
        Ok(DomainCounts::new(lattice, explorations))
    }

    fn check(&self) -> Result<()> {
        for (name, value) in [
            ("least_gain", self.least_gain),
            ("least_relative_gain", self.least_relative_gain),
            ("least_score", self.least_score),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::Setting {
                    name,
                    expected: "a finite number, 0 or above".into(),
                    found: value.to_string(),
                });
            }
        }
        match self.longest {
            Some(longest @ 0..2) => Err(Error::Setting {
                name: "longest",
                expected: "at least 2".into(),
                found: longest.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

impl Fit<Sequences> for Dexter {
    type Fitted = DomainCounts;

    fn fit(
        &self,
        train: &Dataset<Sequences>,
        _valid: &Dataset<Sequences>,
        _seed: u64,
    ) -> chromex_core::Result<DomainCounts> {
        Ok(self.learn(&train.inputs, &train.targets, &Silent)?)
    }
}
