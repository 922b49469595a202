//! Reads expression: DeepDiff's tables of counts, and tables of many samples as TSV, CSV, GCT and Parquet.
//!
//! Tables of the programs of the field are read as they come (RSEM, Salmon, kallisto, StringTie, Cufflinks, featureCounts, HTSeq, STAR,
//! DESeq2, edgeR, nf-core, GTEx): only the columns that are asked for are parsed, and what is left aside or left out is said by
//! [`ExpressionMatrix::notes`].
//!
//! What the numbers are is said and never guessed: an [`ExpressionMatrix`] carries its [`ExpressionUnit`] and the
//! transform that they already went through, and every join comes with a [`JoinReport`].

mod advice;
mod counts;
mod join;
mod matrix;
mod programs;
mod reading;

pub use counts::{ExpressionTable, read_expression, write_expression};
pub use join::{GeneIds, JoinReport, TargetColumn};
pub use matrix::{ExpressionMatrix, ExpressionUnit, MatrixLayout};
pub use reading::read_expression_matrix;

pub use crate::tables::TableHeader;
