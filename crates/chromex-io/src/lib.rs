#![doc = include_str!("../README.md")]

mod cells;
mod compressed;
pub mod deepchrome;
pub mod deepdiff;
mod error;
mod expression;
mod lines;
pub mod simulate;

pub use cells::{read_cells_deepchrome, read_cells_npz};
pub use error::{Error, Result};
pub use expression::{ExpressionTable, read_expression, write_expression};
