//! Tests of the crate as a caller sees it.

#![allow(clippy::print_stdout, clippy::print_stderr)]

// Genes of files that a simpler reader gets wrong without a word.
mod annotations;
// Files that other projects test their readers with.
mod corpora;
// Marks by name in tables that have no header.
mod marks;
// Reads against what bedtools counts, and by hand.
mod counting;
// Tables that are cut, changed, or not tables at all.
mod hostile;
// Files of every other format, changed at random.
mod hostile_formats;
// Indexes and references of other files, and tracks of nothing.
mod indexes;
// Tables of expression that pyarrow, polars and DuckDB wrote.
mod parquet;
// Promoters against samtools and bedtools.
mod promoters;
// The published sample of DeepDiff, where CHROMEX_DATA names the folder that holds it.
mod real_data;
// Reads, genes, signals and expression of public files, and the installed bedtools.
mod real_reads;
// Published models from a hub of this machine.
mod hub;
// Downloads from a server of this machine that does what servers do at their worst.
mod registry;
// Signals as text and as bigWig.
mod signals;
// What the simulator draws against what was measured on the published sample.
mod simulated;
// Tables of expression as the programs of the field write them.
mod tables;
// Small files that would fill the memory.
mod budgets;
