use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

use chromex_core::observe::{Event, Observer};
use rayon::prelude::*;

use super::packed::letters;
use super::scores::RegionScores;
use super::{Dexter, Domain, Link, LinkKind, Node, RegionLattice};

/// Letters by code.
type Kmer = Vec<u8>;

/// The letters A, C, G and T by code.
const CODES: [u8; 4] = [0, 1, 3, 2];

/// Searches the domains of one target.
pub(super) struct Growth<'a> {
    config: &'a Dexter,
    lattice: &'a RegionLattice,
    scores: RegionScores<'a>,
}

/// A k-mer on a region, and the domain that it was lengthened from.
struct Candidate {
    kmer: Kmer,
    bins: Range<usize>,
    parent: Option<usize>,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    nodes: Vec<Node>,
    links: Vec<Link>,
    places: HashMap<Domain, usize>,
}

impl<'a> Growth<'a> {
    pub(super) fn new(
        config: &'a Dexter,
        lattice: &'a RegionLattice,
        scores: RegionScores<'a>,
    ) -> Self {
        Self {
            config,
            lattice,
            scores,
        }
    }

    /// Searches length by length: whether a k-mer is kept depends on shorter ones alone.
    pub(super) fn explore(&self, task: &str, observer: &dyn Observer) -> (Vec<Node>, Vec<Link>) {
        let mut found = Found::default();
        let mut tables: HashMap<Kmer, Vec<f64>> = HashMap::new();
        let all = 0..self.lattice.bins();
        let roots = CODES.iter().flat_map(|&a| CODES.map(|b| vec![a, b]));
        let root = |kmer| Candidate {
            kmer,
            bins: all.clone(),
            parent: None,
        };
        let mut candidates: Vec<Candidate> = roots.map(root).collect();
        let mut length = 2;
        observer.observe(&Event::Begin {
            task,
            steps: self.config.longest.map_or(0, |longest| longest as u64 - 1),
            done: 0,
        });
        while !candidates.is_empty() {
            self.score(&candidates, &mut tables);
            let mut next = Vec::new();
            let mut seen = HashSet::new();
            for candidate in &candidates {
                for (kmer, bins, parent) in self.grow(candidate, &tables, &mut found) {
                    if seen.insert((kmer.clone(), bins.clone())) {
                        next.push(Candidate { kmer, bins, parent });
                    }
                }
            }
            observer.observe(&Event::Step {
                task,
                done: length - 1,
                values: &[
                    ("candidates", candidates.len() as f64),
                    ("domains", found.nodes.len() as f64),
                ],
            });
            tables.retain(|kmer, _| kmer.len() as u64 >= length);
            candidates = next;
            length += 1;
        }
        observer.observe(&Event::End { task });
        (found.nodes, found.links)
    }

    /// Scores the k-mers that candidates need and that have no scores yet, each on one thread.
    fn score(&self, candidates: &[Candidate], tables: &mut HashMap<Kmer, Vec<f64>>) {
        let needed: BTreeSet<&[u8]> = candidates
            .iter()
            .flat_map(|candidate| {
                let kmer = candidate.kmer.as_slice();
                [kmer].into_iter().chain(shorter(kmer))
            })
            .filter(|&kmer| !tables.contains_key(kmer))
            .collect();
        let scored: Vec<(Kmer, Vec<f64>)> = needed
            .into_par_iter()
            .map(|kmer| (kmer.to_vec(), self.scores.of(kmer)))
            .collect();
        tables.extend(scored);
    }

    /// Decides on a candidate, and gives the longer ones that come of it.
    fn grow(
        &self,
        candidate: &Candidate,
        tables: &HashMap<Kmer, Vec<f64>>,
        found: &mut Found,
    ) -> Vec<(Kmer, Range<usize>, Option<usize>)> {
        let kmer = &candidate.kmer;
        let table = &tables[kmer];
        let score = table[self.lattice.region(&candidate.bins)];
        let references = |bins: &Range<usize>| {
            let region = self.lattice.region(bins);
            shorter(kmer).map(move |kmer| tables[kmer][region])
        };
        let gains = |reference| self.gains(score, reference, self.config.least_gain);
        if !references(&candidate.bins).all(gains) {
            return Vec::new();
        }
        let node = found.keep(kmer, &candidate.bins, score);
        if let Some(parent) = candidate.parent {
            found.link(parent, node, LinkKind::Expansion);
            for (kmer, score) in shorter(kmer).zip(references(&candidate.bins)) {
                let reference = found.place(kmer, &candidate.bins, score);
                if reference != parent {
                    found.link(reference, node, LinkKind::Control);
                }
            }
        }
        if score < self.config.least_score {
            return Vec::new();
        }
        let mut regions: Vec<(Range<usize>, f64)> = self
            .lattice
            .runs()
            .zip(table.iter().copied())
            .filter(|&(_, other)| other >= score)
            .collect();
        regions.sort_by(|(a, first), (b, second)| {
            let by_score = second.total_cmp(first);
            let by_bins = || a.len().cmp(&b.len());
            by_score.then_with(by_bins).then(a.start.cmp(&b.start))
        });
        let mut taken: Vec<(Range<usize>, f64)> = Vec::new();
        for (bins, score) in regions {
            let disjoint = |(other, _): &(Range<usize>, f64)| {
                other.end <= bins.start || bins.end <= other.start
            };
            // Where the shorter k-mer says nothing, whatever the longer one says is a gain.
            let above = |reference| score > 0.0 && self.gains(score, reference, 0.0);
            if taken.iter().all(disjoint) && references(&bins).all(above) && score > 0.0 {
                taken.push((bins, score));
            }
        }
        let mut longer = Vec::new();
        for (bins, score) in taken {
            let child = found.keep(kmer, &bins, score);
            if child != node {
                found.link(node, child, LinkKind::Segmentation);
            }
            if self.config.longest.is_some_and(|most| kmer.len() >= most) {
                continue;
            }
            for code in CODES {
                let after = [kmer.as_slice(), &[code]].concat();
                let before = [&[code], kmer.as_slice()].concat();
                longer.push((after, bins.clone(), Some(child)));
                longer.push((before, bins.clone(), Some(child)));
            }
        }
        longer
    }

    /// Tells whether a score gains enough on another; `from_nothing` is the gain that is asked for on 0.
    fn gains(&self, score: f64, reference: f64, from_nothing: f64) -> bool {
        if reference == 0.0 {
            return score >= from_nothing;
        }
        let gain = score - reference;
        gain >= self.config.least_gain && gain / reference >= self.config.least_relative_gain
    }
}

impl Found {
    /// Gives a domain its place in the graph.
    fn place(&mut self, kmer: &[u8], bins: &Range<usize>, score: f64) -> usize {
        let domain = Domain {
            kmer: letters(kmer),
            bins: bins.clone(),
        };
        *self.places.entry(domain).or_insert_with_key(|domain| {
            self.nodes.push(Node {
                domain: domain.clone(),
                score,
                kept: false,
            });
            self.nodes.len() - 1
        })
    }

    /// Makes a domain a feature.
    fn keep(&mut self, kmer: &[u8], bins: &Range<usize>, score: f64) -> usize {
        let place = self.place(kmer, bins, score);
        self.nodes[place].kept = true;
        place
    }

    fn link(&mut self, from: usize, to: usize, kind: LinkKind) {
        self.links.push(Link { from, to, kind });
    }
}

/// The k-mers of one letter less, where these have scores: single letters have none.
fn shorter(kmer: &[u8]) -> impl Iterator<Item = &[u8]> {
    let some = kmer.len() > 2;
    [&kmer[..kmer.len() - 1], &kmer[1..]]
        .into_iter()
        .filter(move |_| some)
}
