//! Reads and writes the tables of DeepDiff (Sekhon, Singh and Qi, 2018): counts of histone-mark reads in
//! the bins around each gene's transcription start, and each gene's expression.
//!
//! A table of windows has one line per bin, `GENE_SYMBOL_BIN,COUNT,..` with a count per mark and bins
//! from 1, and no header; ids that hold underscores of their own are those of known forms (`NM_000546`, `ENSG.._PAR_Y`), and
//! others are refused before they are written. A table of expression has lines `GENE,COUNT`. Bins run in the order of the
//! genome, so the gene body of a gene on the minus strand lies on the left. A [`DeepDiffPair`] joins the
//! tables of two cells.
//!
//! Which column is which mark stands in a side file that is written with every table ([`table_marks`](crate::table_marks)):
//! columns in another order than the layout's are put right, other marks or bins are refused, and a table without one says that
//! the order of the layout was assumed.
//!
//! Tables may be packed with gzip or zstandard, whatever they are named, and are read line by line:
//! nothing is held but the result. A last line without a line end is taken, as in RFC 4180.

mod labels;
mod pair;
mod windows;

pub use labels::unwritable;
pub use pair::DeepDiffPair;
pub(crate) use pair::{PARTS, check_transform, target};
pub use windows::{
    DeepDiffLayout, WindowTable, read_windows, write_counted_windows, write_windows,
};
