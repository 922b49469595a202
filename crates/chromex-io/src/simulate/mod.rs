//! Draws two cells whose marks and expression behave as real ones, and says what was planted.
//!
//! [`SimulatedPair`] names marks, [`Domain`]s and how strongly each drives expression. A gene is silent or
//! not in each cell; around that, each domain has its own *activity* in each gene and cell, the change of
//! ln reads. Reads are over-dispersed counts around background and domains, expression is a count around
//! exp(baseline + Σ strength x activity + noise). Domains of strength 0 vary as much and mean nothing:
//! a model that names them is wrong, and [`PlantedTruth`] says so.
//!
//! The defaults follow the two cells published with DeepDiff, E123 and E003.
//!
//! [`SimulatedPromoters`] draws promoters in which long stretches of few letters drive expression, [`SimulatedGenome`] a genome with
//! genes whose promoters have motifs at known distances.

mod draw;
mod genome;
mod pair;
mod profile;
mod promoters;
mod reads;
mod truth;

pub use crate::genes::Strand;
pub use draw::Simulation;
pub use genome::{DrawnGenome, PlantedMotif, SimulatedGenome};
pub use pair::SimulatedPair;
pub use profile::{Domain, SimulatedMark};
pub use promoters::{PlantedStretch, SimulatedPromoters};
pub use reads::SimulatedReads;
pub use truth::{PlantedEffect, PlantedTruth};

use rand::{Rng, RngExt};

/// Draws a base, G or C with the chance of their content.
fn base_of(gc_content: f64, random: &mut impl Rng) -> u8 {
    let strong = random.random::<f64>() < gc_content;
    let first = random.random::<bool>();
    match (strong, first) {
        (true, true) => b'G',
        (true, false) => b'C',
        (false, true) => b'A',
        (false, false) => b'T',
    }
}
