//! Searches the parser of divisions of genes.

#![cfg_attr(fuzzing, no_main)]

chromex_fuzz::target!(chromex_fuzz::parsers::splits);
