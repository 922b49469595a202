//! Keeps counted windows: one Parquet file that describes itself, and npy and npz for Python.
//!
//! A file of windows has a line per gene and bin, a column per mark, and one per target; marks, bin width, genome build,
//! source files with their checksums and the settings of the count stand in its metadata. Any program that reads Parquet
//! opens it. It is read group by group of genes, so that a file need not fit in memory.

mod kinds;
mod literal;
mod npy;
pub(crate) mod numbers;
mod numpy;
mod pages;
mod pandas;
mod table;
mod windows_read;
mod windows_write;

pub(crate) use kinds::Kind;
pub(crate) use numpy::Archive;
pub use numpy::{read_npy, read_npz, write_npy, write_npz};
pub(crate) use table::TableReader;
pub use windows_read::WindowsFile;
pub use windows_write::{StoredWindows, WindowsDescription, write_windows_file};
