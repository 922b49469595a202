//! Cuts promoters out of a genome: the bases before each gene, as FloraBERT's data were made, or a fixed window around the
//! start of transcription.
//!
//! It gives what `samtools faidx`, `bedtools flank -s`, `subtract` and `getfasta -s` give one after the other, in one pass
//! and in memory that does not grow with the genome. A [`Promoters`] says what was left out and why.

mod cutting;
mod fasta_index;
mod genome;
mod region;
mod table;
mod writing;

pub use cutting::{
    LeftOutPromoter, Promoter, PromoterLayout, PromoterWindow, Promoters, extract_promoters,
};
pub use fasta_index::FastaIndex;
pub use genome::Genome;
pub use region::Region;
pub(crate) use table::is_base;
pub use table::{PromoterTable, PromoterTableLayout, read_promoter_table};
