//! Reads expression: DeepDiff's tables of counts, and tables of many samples as TSV, CSV, GCT and Parquet.
//!
//! What the numbers are is said and never guessed: an [`ExpressionMatrix`] carries its [`ExpressionUnit`] and the
//! transform that they already went through, and every join comes with a [`JoinReport`].

mod advice;
mod counts;
mod delimited;
mod join;
mod matrix;
mod parquet_table;

pub use counts::{ExpressionTable, read_expression, write_expression};
pub use delimited::read_expression_matrix;
pub use join::{GeneIds, JoinReport, TargetColumn};
pub use matrix::{ExpressionMatrix, ExpressionUnit, MatrixLayout};
