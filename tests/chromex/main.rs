//! One integration binary. What belongs where:

#![allow(clippy::print_stderr)]

/// Rules that every learner keeps, with the learners plugged in.
mod conformance;

/// Marks by name: every system that is trained on them.
mod marks;

/// Published figures of GeneGPT-2 on its own files (needs `CHROMEX_DATA`).
mod genegpt2;

/// The examples of histone networks, quick and with interpretation.
mod histone_networks;

/// CornBERT from files to importance, stage by stage, and bad files.
mod cornbert;

/// DNABERT-2 against DExTER on an own table, with weights from a folder.
mod dnabert2_vs_dexter;

/// The examples as a user runs them: flags, files, bad input, kill and resume.
mod command_lines;

/// Mistakes of newcomers, and what they are told.
mod newcomer;

/// Mistakes with files of reads, genes and expression.
mod newcomer_files;

/// Counts and numbers far out of range, in every configuration.
mod settings;

/// Genes, tables and tracks on which `count_reads` could go wrong without a word.
mod count_faults;

/// Reads counted by the example, and what reads its files.
mod count_reads;

/// Tables of expression as other programs write them, through the examples.
mod tables;

/// Output folders whatever happens around a run: streams, logs, two processes, kills, other settings.
mod runs;

/// What runs write and where: links, rights, names that come from data, versions.
mod output_files;

/// Runs of every example that trains, with one thread and several.
#[cfg(unix)]
mod threads;
