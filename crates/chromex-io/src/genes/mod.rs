//! Reads genes from GTF, GFF3, BED and gene lists, and lays windows around their transcription starts.
//!
//! Three things that tools leave to luck are settings here: which transcript stands for a gene
//! ([`TranscriptChoice`]), where exactly a window is cut ([`Centre`], [`Orientation`]), and whether `chr1` and `1`
//! are the same chromosome ([`ChromosomeNames`]). A [`GeneSet`] says what was left out and why.

mod annotation;
mod attributes;
mod bed;
mod chromosomes;
mod drafts;
mod gene;
mod gene_rows;
mod list;
mod parts;
mod windows;

pub(crate) use annotation::is_remark;
pub use annotation::{AnnotationFormat, GeneSelection, read_genes};
pub(crate) use bed::parse_span;
pub use chromosomes::ChromosomeNames;
pub(crate) use gene::without_version;
pub use gene::{Gene, GeneSet, LeftOut, Strand, TranscriptChoice};
pub use gene_rows::{GeneRow, read_gene_rows};
pub use list::read_gene_list;
pub use windows::{Centre, GeneWindows, Orientation, Window, WindowLayout};
