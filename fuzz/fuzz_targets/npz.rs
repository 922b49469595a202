//! Searches the parser of windows of an npz archive.

#![cfg_attr(fuzzing, no_main)]

chromex_fuzz::target!(chromex_fuzz::parsers::npz);
