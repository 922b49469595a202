//! Reads genes from GTF, GFF3, BED and gene lists, and lays windows around their transcription starts.
//!
//! Three things that tools leave to luck are settings here: which transcript stands for a gene
//! ([`TranscriptChoice`]), where exactly a window is cut ([`Centre`], [`Orientation`]), and whether `chr1` and `1`
//! are the same chromosome ([`ChromosomeNames`]). A [`GeneSet`] says what was left out and why, and which genes stand at
//! several places.

mod annotation;
mod assembly;
mod attributes;
mod bed;
mod chromosomes;
mod drafts;
mod features;
mod gene;
mod gene_rows;
mod gff3;
mod ids;
mod list;
mod loci;
mod notation;
mod transcripts;
mod windows;

pub use annotation::{AnnotationFormat, GeneSelection, read_genes};
pub(crate) use annotation::{first_of, is_remark};
pub(crate) use bed::parse_span;
pub use chromosomes::ChromosomeNames;
pub use gene::{Gene, GenePlace, GeneSet, LeftOut, SeveralLoci, Strand, TranscriptChoice};
pub use gene_rows::{GeneRow, read_gene_rows};
pub(crate) use ids::{
    is_known_id, known_id_and_symbol, without_known_version, without_source, without_version,
};
pub use list::read_gene_list;
pub use windows::{Centre, GeneWindows, Orientation, Window, WindowLayout};
