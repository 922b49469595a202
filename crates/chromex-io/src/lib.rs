#![doc = include_str!("../README.md")]

mod compressed;
pub mod deepchrome;
pub mod deepdiff;
mod error;
mod expression;
mod lines;
pub mod simulate;

pub use error::{Error, Result};
pub use expression::{ExpressionTable, read_expression, write_expression};
