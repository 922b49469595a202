//! Counts reads and signal into genes x bins x marks, one pass per file.
//!
//! A [`ReadCounter`] says what counts as a read in a bin ([`CountMode`]), which reads count ([`ReadFilter`]) and what
//! is made of the counts ([`Normalisation`]); a [`Track`] is a mark with its files. BAM, CRAM, SAM, BED and tagAlign hold
//! reads; bedGraph and bigWig hold a signal, of which each bin gets the mean. Text may be packed with gzip, bgzip or
//! zstandard, and none of the files needs to be sorted. A BAM that has an index is read only where windows lie, and by
//! several threads; whatever the threads, the numbers are the same.
//!
//! Memory holds the counts and nothing of the reads.

mod alignments;
mod bam;
mod bins;
mod chunks;
mod counter;
mod cram;
mod format;
mod index_check;
mod mode;
mod normalise;
mod signal;
mod tag_align;
mod tally;
mod track;

pub use counter::{CountedWindows, ReadCounter};
pub use format::TrackFormat;
pub use mode::{CountMode, ReadFilter};
pub use normalise::{EmptyBases, Normalisation};
pub use tally::FileTotals;
pub use track::Track;
