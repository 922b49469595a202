//! DExTER: k-mers in regions of promoters whose counts go with expression (Menichelli et al. 2021).

mod config;
mod domains;
mod exploration;
mod growth;
mod lattice;
mod packed;
mod scores;

pub use config::Dexter;
pub use domains::{Domain, DomainCounts};
pub use exploration::{Exploration, Link, LinkKind, Node};
pub use lattice::RegionLattice;
