use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use chromex_core::{Encode, Rows, Sequences, atomic};
use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::packed::{BinMasks, PackedDna, codes};
use super::{Exploration, RegionLattice};
use crate::{Error, Result};

/// A k-mer in a region.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// The letters, upper case.
    pub kmer: String,
    /// The bins of the lattice.
    pub bins: Range<usize>,
}

/// Counts k-mers in regions: what [`Dexter`](super::Dexter) learns.
///
/// A column is the number of starts of a domain's k-mer in its region, divided by the region's bases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct DomainCounts {
    lattice: RegionLattice,
    domains: Vec<Domain>,
    explorations: Vec<Exploration>,
}

/// What a file holds, before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    lattice: RegionLattice,
    explorations: Vec<Exploration>,
}

impl Domain {
    /// Names the domain by its k-mer and the first and last base of its region, counted from the base of alignment.
    ///
    /// # Panics
    ///
    /// When the lattice has no such bins.
    pub fn name(&self, lattice: &RegionLattice) -> String {
        let (first, last) = lattice.bounds(&self.bins);
        format!("{}[{first},{last}]", self.kmer)
    }
}

impl DomainCounts {
    pub(super) fn new(lattice: RegionLattice, explorations: Vec<Exploration>) -> Self {
        let kept: BTreeSet<(usize, &str, usize, usize)> = explorations
            .iter()
            .flat_map(|exploration| exploration.nodes.iter().filter(|node| node.kept))
            .map(|node| {
                let Domain { kmer, bins } = &node.domain;
                (kmer.len(), kmer.as_str(), bins.start, bins.end)
            })
            .collect();
        let domains = kept.into_iter().map(|(_, kmer, start, end)| Domain {
            kmer: kmer.into(),
            bins: start..end,
        });
        Self {
            domains: domains.collect(),
            lattice,
            explorations,
        }
    }

    /// Views the bins and regions.
    pub fn lattice(&self) -> &RegionLattice {
        &self.lattice
    }

    /// Lists the domains in the order of the columns: by length, letters, and region.
    pub fn domains(&self) -> &[Domain] {
        &self.domains
    }

    /// Names the columns.
    pub fn names(&self) -> Vec<String> {
        let name = |domain: &Domain| domain.name(&self.lattice);
        self.domains.iter().map(name).collect()
    }

    /// Lists how the domains of each target were found.
    pub fn explorations(&self) -> &[Exploration] {
        &self.explorations
    }

    /// Counts every domain in every sequence.
    ///
    /// # Shapes
    ///
    /// Returns `[sequences, domains]`, each number from 0 to 1.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the sequences have another length than those of the fit.
    pub fn count(&self, dna: &Sequences) -> Result<Array2<f32>> {
        let length = dna.length()?;
        if length != self.lattice.length() && dna.len() > 0 {
            return Err(Error::Shape {
                what: "bases of a sequence",
                expected: self.lattice.length().to_string(),
                found: length.to_string(),
            });
        }
        let packed = PackedDna::new(dna)?;
        let masks = BinMasks::new(&self.lattice);
        // Domains of one k-mer are neighbours.
        let same = |a: &Domain, b: &Domain| a.kmer == b.kmer;
        let mut kmers = Vec::new();
        let mut column = 0;
        for domains in self.domains.chunk_by(same) {
            let kmer = codes(&domains[0].kmer).expect("k-mers are checked where they are read");
            kmers.push((kmer, column, domains));
            column += domains.len();
        }
        let mut counts = Array2::zeros((packed.rows(), self.domains.len()));
        counts
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .enumerate()
            .for_each_init(
                || (packed.line(), vec![0; self.lattice.bins() + 1]),
                |(starts, before), (row, mut counts)| {
                    for (kmer, column, domains) in &kmers {
                        if !packed.starts(row, kmer, starts) {
                            continue;
                        }
                        masks.count(starts, before);
                        for (offset, Domain { bins, .. }) in domains.iter().enumerate() {
                            let bases = self.lattice.bases(bins).len() as f32;
                            let count = before[bins.end] - before[bins.start];
                            counts[column + offset] = count as f32 / bases;
                        }
                    }
                },
            );
        Ok(counts)
    }

    /// Writes the domains as a table: k-mer, first and last base of the region counted from the base of alignment, and
    /// for each target the score, empty where the target did not lead to the domain.
    ///
    /// # Errors
    ///
    /// [`Error::Core`] when the file cannot be written.
    pub fn write_domains(&self, path: &Path) -> Result<()> {
        let write = |file: &mut dyn Write| {
            write!(file, "kmer\tfirst\tlast")?;
            for exploration in &self.explorations {
                write!(file, "\t{}", exploration.target.replace(['\t', '\n'], " "))?;
            }
            writeln!(file)?;
            for domain in &self.domains {
                let (first, last) = self.lattice.bounds(&domain.bins);
                write!(file, "{}\t{first}\t{last}", domain.kmer)?;
                for exploration in &self.explorations {
                    let found = |node: &&super::Node| node.kept && node.domain == *domain;
                    match exploration.nodes.iter().find(found) {
                        Some(node) => write!(file, "\t{}", node.score)?,
                        None => write!(file, "\t")?,
                    }
                }
                writeln!(file)?;
            }
            Ok(())
        };
        Ok(atomic::write(path, write)?)
    }

    /// Writes all of it as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Core`] when the file cannot be written; what stood there before still stands then.
    pub fn save(&self, path: &Path) -> Result<()> {
        Ok(atomic::write(path, |file| {
            Ok(serde_json::to_writer(file, self)?)
        })?)
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Core`] when the file cannot be read or does not hold domains of its own lattice.
    pub fn load(path: &Path) -> Result<Self> {
        let most = chromex_core::input::MOST_MODEL_BYTES;
        Ok(chromex_core::input::read_json(
            path,
            most,
            "domains of DExTER",
        )?)
    }
}

impl From<DomainCounts> for Stored {
    fn from(counts: DomainCounts) -> Self {
        Self {
            lattice: counts.lattice,
            explorations: counts.explorations,
        }
    }
}

impl TryFrom<Stored> for DomainCounts {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let bins = stored.lattice.bins();
        for Exploration { nodes, links, .. } in &stored.explorations {
            let sound = |domain: &Domain| {
                codes(&domain.kmer).is_some() && !domain.bins.is_empty() && domain.bins.end <= bins
            };
            if let Some(node) = nodes.iter().find(|node| !sound(&node.domain)) {
                return Err(Error::Shape {
                    what: "domain",
                    expected: format!("letters ACGT on some of {bins} bins"),
                    found: format!("{} on {:?}", node.domain.kmer, node.domain.bins),
                });
            }
            let last = |link: &&super::Link| link.from.max(link.to) >= nodes.len();
            if let Some(link) = links.iter().find(last) {
                return Err(Error::Shape {
                    what: "link",
                    expected: format!("two of {} domains", nodes.len()),
                    found: format!("{} and {}", link.from, link.to),
                });
            }
        }
        Ok(Self::new(stored.lattice, stored.explorations))
    }
}

impl Encode<Sequences> for DomainCounts {
    type Output = Array2<f32>;

    fn encode(&self, inputs: &Sequences) -> chromex_core::Result<Array2<f32>> {
        Ok(self.count(inputs)?)
    }
}
