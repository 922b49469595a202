//! Readers and writers for histone-mark counts and gene expression, and a simulator with a planted truth.

mod compressed;
pub mod deepdiff;
mod error;
mod expression;
mod lines;

pub use error::{Error, Result};
pub use expression::{ExpressionTable, read_expression, write_expression};
