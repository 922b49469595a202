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
//! [`SimulatedPromoters`] draws promoters in which long stretches of few letters drive expression.

mod draw;
mod pair;
mod profile;
mod promoters;
mod reads;
mod truth;

pub use crate::genes::Strand;
pub use draw::Simulation;
pub use pair::SimulatedPair;
pub use profile::{Domain, SimulatedMark};
pub use promoters::{PlantedStretch, SimulatedPromoters};
pub use reads::SimulatedReads;
pub use truth::{PlantedEffect, PlantedTruth};
