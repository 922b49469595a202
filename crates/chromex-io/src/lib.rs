#![doc = include_str!("../README.md")]

mod budget;
mod cells;
mod compressed;
pub mod counting;
pub mod deepchrome;
pub mod deepdiff;
mod error;
pub mod expression;
pub mod genes;
mod guard;
mod lines;
pub mod promoters;
pub mod registry;
pub mod simulate;
pub mod splits;
pub mod storage;
pub mod table_marks;
mod tables;
pub mod tracks;

pub use cells::{read_cells_deepchrome, read_cells_npz};
pub use error::{Error, Result};
pub use expression::{ExpressionTable, read_expression, write_expression};
pub use tables::{TabRows, TableHeader};
