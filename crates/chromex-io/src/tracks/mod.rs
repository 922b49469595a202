//! Reads and writes signals along the genome: bedGraph and bigWig.

mod bed_graph;
mod big_wig;
mod big_wig_header;
mod writing;

pub(crate) use bed_graph::parse_bed_graph;
pub use big_wig::BigWigReader;
pub use writing::{SignalInterval, intervals_of, write_bed_graph, write_big_wig};
